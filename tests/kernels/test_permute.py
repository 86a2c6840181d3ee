"""Rows in expert order in Triton's interpreter against their meaning, bit by bit."""

import pytest
import torch
from kernel_references import bits_of, run_checked
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.permute import permute

CONFIG = {
    "chunk": 32, "block_s": 16, "block_c": 2, "block_m": 8, "row_bytes": 128, "num_warps": 4, "num_stages": 1,
}  # fmt: skip
LAYOUTS = ["contiguous", "masked", "dense"]


def chosen(tokens: int, top_k: int, experts: int, *, missing: float = 0.0) -> Tensor:
    """Experts of every token, none twice; some -1."""
    ids = torch.stack([torch.randperm(experts)[:top_k] for _ in range(tokens)]) if tokens else torch.empty(0, top_k)
    return torch.where(torch.rand(tokens, top_k) < missing, -1, ids.to(torch.int64))


def mn_major(rows: int, blocks: int) -> Tensor:
    """Scales with columns padded to 16 bytes."""
    return torch.rand(blocks, -(-rows // 4) * 4)[:, :rows].t()


def quantised(tokens: int, columns: int, layout: str = "mn_major") -> Scaled:
    """Rows of 8-bit numbers with a scale for every 128."""
    blocks = -(-columns // 128)
    scale = mn_major(tokens, blocks) if layout == "mn_major" else torch.rand(tokens, blocks)
    return Scaled(torch.randn(tokens, columns).to(torch.float8_e4m3fn), scale, (1, 128))


def check_permute(
    x: Tensor | Scaled, ids: Tensor, experts: int, layout: str, alignment: int = 1, capacity: int | None = None,
    **skips: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Run the kernels and compare; the rows' bits, and their slots."""
    tokens, top_k = ids.numel() // ids.shape[-1], ids.shape[-1]
    rows = experts * (tokens if capacity is None else capacity)
    if layout == "contiguous":
        rows = tokens * top_k + experts * (alignment - 1)
    made: Tensor | Scaled
    if isinstance(x, Scaled):
        blocks = x.scale.shape[-1]
        made = Scaled(torch.empty(rows, x.shape[-1], dtype=x.data.dtype), mn_major(rows, blocks), (1, 128))
    else:
        made = torch.empty(rows, x.shape[-1], dtype=x.dtype)
    numbers = {name: torch.empty(rows, dtype=torch.int32) for name in ("slots", "expert_of")}
    run_checked(
        permute, "permute.permute", InterpreterGpu(num_sms=1), {"rows": made, **numbers}, x=x, ids=ids, experts=experts,
        layout=layout, alignment=alignment, configs=[CONFIG],
        counts=torch.full((-(-tokens * top_k // CONFIG["chunk"]) + 1, experts), 77, dtype=torch.int32), **skips,
    )  # fmt: skip
    return bits_of(made.data if isinstance(made, Scaled) else made), numbers["slots"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_scaled_rows(layout: str, missing: float) -> None:
    torch.manual_seed(0)
    alignment = 8 if layout == "contiguous" else 1
    check_permute(quantised(19, 320), chosen(19, 4, 12, missing=missing), 12, layout, alignment)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_plain_rows(layout: str) -> None:
    torch.manual_seed(1)
    for kind in (torch.bfloat16, torch.float32):
        check_permute(torch.randn(9, 100).to(kind), chosen(9, 3, 5), 5, layout)


def test_all_experts_of_deepseek_v3() -> None:
    torch.manual_seed(2)
    check_permute(quantised(21, 256), chosen(21, 8, 256), 256, "contiguous", 4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_tokens_to_one_expert(layout: str) -> None:
    torch.manual_seed(3)
    alignment = 16 if layout == "contiguous" else 1
    check_permute(torch.randn(70, 8), torch.full((70, 1), 2), 4, layout, alignment)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_tokens_and_no_choices(layout: str) -> None:
    alignment = 4 if layout == "contiguous" else 1
    check_permute(quantised(0, 128), chosen(0, 2, 3), 3, layout, alignment)
    check_permute(torch.randn(3, 8), torch.full((3, 2), -1), 3, layout, alignment)
    check_permute(torch.randn(0, 8), chosen(0, 2, 3), 3, layout)


def test_one_token() -> None:
    torch.manual_seed(6)
    check_permute(quantised(1, 320), chosen(1, 2, 3), 3, "contiguous", 4)
    check_permute(quantised(1, 128), chosen(1, 2, 3), 3, "masked")


def test_a_capacity_of_its_own() -> None:
    torch.manual_seed(4)
    ids = chosen(20, 2, 8)
    fullest = int(torch.bincount(ids.flatten()).max())
    check_permute(torch.randn(20, 8), ids, 8, "masked", capacity=fullest)


def test_rows_behind_the_capacity_are_left_out() -> None:
    x, ids = torch.arange(1.0, 6.0).view(5, 1), torch.tensor([[0], [0], [0], [1], [0]])
    rows = torch.empty(4, 1)
    slots, expert_of = (torch.empty(4, dtype=torch.int32) for _ in range(2))
    permute(
        InterpreterGpu(), x=x, ids=ids, rows=rows, slots=slots, expert_of=expert_of, experts=2, layout="masked",
        alignment=1, configs=[CONFIG], counts=torch.empty(1, 2, dtype=torch.int32),
    )  # fmt: skip
    assert (rows.flatten().tolist(), slots.tolist(), expert_of.tolist()) == ([1, 2, 4, 0], [0, 1, 3, -1], [0, 0, 1, -1])


def test_strided_tokens_and_leading_dims() -> None:
    torch.manual_seed(5)
    check_permute(torch.randn(6, 40)[:, 8:24], chosen(6, 2, 4), 4, "contiguous", 2)
    check_permute(torch.randn(2, 3, 16), chosen(6, 2, 4).view(2, 3, 2), 4, "contiguous", 2)
    check_permute(torch.randn(6, 16), chosen(6, 4, 4)[:, 1:3], 4, "contiguous")
    check_permute(quantised(6, 300, "row"), chosen(6, 2, 4), 4, "contiguous", 2)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("tokens", "missing"), [(0, 0.0), (3, 0.9), (75, 0.8), (9, 0.0), (6, 1.0)])
def test_padding_stays_as_it_is(layout: str, tokens: int, missing: float) -> None:
    """Some experts without rows, all rows filled, none; more blocks of rows than programs look at together."""
    torch.manual_seed(tokens)
    x, ids = quantised(tokens, 320), chosen(tokens, 4, 12, missing=missing)
    for alignment in (1, 16) if layout == "contiguous" else (1,):
        rows, slots = check_permute(x, ids, 12, layout, alignment, skips_padding=True)
        assert bool((rows[slots < 0] == 0x5A).all())
    if tokens < 10:
        check_permute(torch.randn(tokens, 100), ids, 12, layout, skips_padding=True)


def test_padding_of_a_capacity_that_blocks_do_not_divide() -> None:
    torch.manual_seed(7)
    rows, slots = check_permute(torch.randn(30, 40), chosen(30, 2, 5), 5, "masked", capacity=35, skips_padding=True)
    assert 0 < int((slots >= 0).sum()) < len(slots) and bool((rows[slots < 0] == 0x5A).all())
