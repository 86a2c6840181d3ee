"""Sums and copies in Triton's interpreter against PyTorch, bit by bit."""

import pytest
import torch
from kernel_references import run_checked
from row_values import rows

from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.elementwise import add, cast, cat
from dsv3c.backends.triton.launchers.rows import TYPES

CONFIGS = [{"block_m": 4, "block_n": 128, "num_warps": 4, "num_stages": 1}]


@pytest.mark.parametrize("sizes", [(0, 192), (1, 7), (9, 384)])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
def test_add(sizes: tuple[int, int], kind: torch.dtype) -> None:
    x, other = rows(*sizes, kind), rows(sizes[0], sizes[1] + 5, kind, seed=1)[:, 5:]
    outputs = {"y": torch.empty(sizes, dtype=kind)}
    run_checked(add, "elementwise.add", InterpreterGpu(), outputs, x=x, other=other, configs=CONFIGS)


def test_add_of_three_dims() -> None:
    x = rows(6, 100).view(2, 3, 100)
    run_checked(
        add, "elementwise.add", InterpreterGpu(), {"y": torch.empty_like(x)}, x=x, other=x.flip(0), configs=CONFIGS
    )


@pytest.mark.parametrize("m", [0, 5])
def test_cat_of_columns(m: int) -> None:
    parts = {"x0": rows(m, 384), "x1": rows(m, 500)[:, :384], "x2": rows(m, 3), "x3": rows(m, 130)}
    for count in (2, 3, 4):
        kept = dict(list(parts.items())[:count])
        outputs = {"y": torch.empty(m, sum(part.shape[1] for part in kept.values()), dtype=torch.bfloat16)}
        run_checked(cat, "elementwise.cat", InterpreterGpu(), outputs, **kept, configs=CONFIGS, dim=-1)


@pytest.mark.parametrize(("first", "second"), [(3, 4), (0, 5), (2, 0)])
def test_cat_of_rows(first: int, second: int) -> None:
    outputs = {"y": torch.empty(first + second, 200)}
    run_checked(
        cat, "elementwise.cat", InterpreterGpu(), outputs, x0=rows(first, 200, torch.float32),
        x1=rows(second, 200, torch.float32), configs=CONFIGS, dim=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name"), [(torch.bfloat16, "bf16"), (torch.int32, "i32"), (torch.float8_e4m3fn, "f8E4M3FN")]
)
def test_copies(kind: torch.dtype, name: str) -> None:
    x = torch.arange(-60, 60).view(6, 20).to(kind)[:, 3:]
    outputs = {"y": torch.empty(6, 17, dtype=kind)}
    run_checked(cast, "elementwise.cast", InterpreterGpu(), outputs, x=x, configs=CONFIGS, dtype=name)


@pytest.mark.parametrize(("given", "name"), [("f32", "bf16"), ("bf16", "f32"), ("f32", "f16")])
def test_casts_round(given: str, name: str) -> None:
    x, outputs = rows(5, 100, TYPES[given]) / 100, {"y": torch.empty(5, 100, dtype=TYPES[name])}
    run_checked(cast, "elementwise.cast", InterpreterGpu(), outputs, x=x, configs=CONFIGS, dtype=name)


def test_twice_a_value() -> None:
    x = rows(3, 130)
    run_checked(add, "elementwise.add", InterpreterGpu(), {"y": torch.empty_like(x)}, x=x, configs=CONFIGS)
