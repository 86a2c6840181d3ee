"""Rotary embedding and its tables in Triton's interpreter against their meanings, bit by bit."""

import pytest
import torch
from kernel_references import run_checked
from row_values import rows
from torch import Tensor

from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.rope import rope
from dsv3c.backends.triton.launchers.rope_table import rope_table
from dsv3c.backends.triton.launchers.rows import TYPES

CONFIGS = [{"block_m": 8, "block_n": 32, "num_warps": 4, "num_stages": 1}]
INV_FREQ = tuple(float(value) for value in 1 / 10000 ** (torch.arange(32, dtype=torch.float32) / 32))


def tables(tokens: int, kind: torch.dtype = torch.float32, pairs: int = 32) -> tuple[Tensor, Tensor]:
    angle = torch.rand(tokens, pairs, generator=torch.Generator().manual_seed(tokens)) * 7
    return angle.cos().to(kind), angle.sin().to(kind)


def check_rope(x: Tensor, cos: Tensor, sin: Tensor, pairs: str, out: str, compute: str) -> None:
    run_checked(
        rope, "rope.rope", InterpreterGpu(), {"y": torch.empty(x.shape, dtype=x.dtype)}, x=x, cos=cos, sin=sin,
        configs=CONFIGS, pairs=pairs, out=out, compute=compute,
    )  # fmt: skip


@pytest.mark.parametrize("pairs", ["interleaved", "half"])
@pytest.mark.parametrize("out", ["interleaved", "half"])
@pytest.mark.parametrize("compute", ["f32", "input"])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_slices_of_wider_heads(pairs: str, out: str, compute: str, kind: torch.dtype) -> None:
    check_rope(rows(7, 3 * 192).view(7, 3, 192)[..., 128:], *tables(7, kind), pairs, out, compute)


@pytest.mark.parametrize("compute", ["f32", "input"])
@pytest.mark.parametrize("tokens", [0, 1, 9])
def test_rows_without_heads(tokens: int, compute: str) -> None:
    check_rope(rows(tokens, 64), *tables(tokens), "interleaved", "half", compute)


def test_f32_heads() -> None:
    check_rope(rows(5, 64, torch.float32).view(5, 1, 64), *tables(5), "half", "half", "f32")


@pytest.mark.parametrize("batch", [1, 2])
def test_batches_share_a_table(batch: int) -> None:
    cos, sin = (table.view(batch, 3, 16) for table in tables(3 * batch, pairs=16))
    check_rope(rows(12, 64).view(2, 3, 2, 32 * 2)[..., :32], cos, sin, "interleaved", "interleaved", "f32")


def test_heads_that_are_not_contiguous_are_refused() -> None:
    with pytest.raises(ValueError, match="not contiguous"):
        check_rope(rows(64, 6).t().view(6, 1, 64), *tables(6), "half", "half", "f32")
    with pytest.raises(ValueError, match="equal distances"):
        check_rope(
            rows(30, 64).view(6, 5, 1, 64)[:, :3], *(t.view(6, 3, 32) for t in tables(18)), "half", "half", "f32"
        )


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("scaling", [1.0, 1.2079441541679836])
@pytest.mark.parametrize("kind", [torch.int32, torch.int64])
def test_tables(dtype: str, scaling: float, kind: torch.dtype) -> None:
    positions = torch.cat((torch.arange(200), torch.arange(4090, 4100), torch.tensor([163839, 999_999]))).to(kind)
    outputs = {name: torch.empty(len(positions), 32, dtype=TYPES[dtype]) for name in ("cos", "sin")}
    run_checked(
        rope_table, "rope_table.rope_table", InterpreterGpu(), outputs, positions=positions, configs=CONFIGS,
        inv_freq=INV_FREQ, scaling=scaling, dtype=dtype,
    )  # fmt: skip


def test_tables_of_no_position_and_of_few_pairs() -> None:
    for positions in (torch.empty(0, dtype=torch.int32), torch.arange(6, dtype=torch.int32)):
        outputs = {name: torch.empty(len(positions), 5) for name in ("cos", "sin")}
        run_checked(
            rope_table, "rope_table.rope_table", InterpreterGpu(), outputs, positions=positions, configs=CONFIGS,
            inv_freq=INV_FREQ[:5], scaling=1.0, dtype="f32",
        )  # fmt: skip
