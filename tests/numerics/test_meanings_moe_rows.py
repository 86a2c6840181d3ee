"""Rows in expert order against a row at a time, and against ``moe.experts``."""

import pytest
import torch
from torch import Tensor

from dsv3c.backends.reference.meanings import moe, moe_rows, nn
from dsv3c.backends.reference.meanings.arithmetic import Fidelity, fidelity
from dsv3c.backends.reference.meanings.scaled import Scaled

BF16, F32 = torch.bfloat16, torch.float32
EXPERTS, HIDDEN, WIDTH = 6, 96, 64
"""PyTorch computes what is left of 32 elements of a tensor by other instructions: whole rows of 64 leave nothing."""
LAYOUTS = [("contiguous", 1), ("contiguous", 8), ("masked", 1), ("dense", 1)]
BY_LAYOUT = pytest.mark.parametrize(("layout", "alignment"), LAYOUTS)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(5)


def num_rows(ids: Tensor, layout: str, alignment: int) -> int:
    tokens = ids.numel() // ids.shape[-1]
    return ids.numel() + EXPERTS * (alignment - 1) if layout == "contiguous" else EXPERTS * tokens


def permuted(x: Tensor | Scaled, ids: Tensor, layout: str, alignment: int) -> tuple[Tensor | Scaled, Tensor, Tensor]:
    rows = num_rows(ids, layout, alignment)
    return moe_rows.permute(x, ids, experts=EXPERTS, layout=layout, alignment=alignment, rows=rows)


def by_hand(ids: Tensor, layout: str, alignment: int) -> list[tuple[int, int]]:
    """(slot, expert) of every row."""
    tokens, k = ids.shape
    rows, last = [(-1, -1)] * num_rows(ids, layout, alignment), 0
    for e in range(EXPERTS):
        slots = [t * k + j for t in range(tokens) for j in range(k) if int(ids[t, j]) == e]
        first = -(-last // alignment) * alignment if layout == "contiguous" else e * tokens
        for i, slot in enumerate(slots):
            rows[first + (slot // k if layout == "dense" else i)] = (slot, e)
        last = first + len(slots)
    return rows


def routing(tokens: int, k: int, among: int = EXPERTS) -> Tensor:
    chosen = [torch.randperm(among)[:k] for _ in range(tokens)]
    return torch.stack(chosen) if chosen else torch.zeros(0, k, dtype=torch.int64)


@BY_LAYOUT
@pytest.mark.parametrize("tokens", [0, 1, 2, 9])
def test_permute(tokens: int, layout: str, alignment: int) -> None:
    x, ids = torch.randn(tokens, 4), routing(tokens, 3)
    if tokens > 1:
        ids[0, 1], ids[1] = -1, -1
    rows, slots, expert_of = permuted(x, ids, layout, alignment)
    assert slots.dtype == expert_of.dtype == torch.int32
    assert list(zip(slots.tolist(), expert_of.tolist(), strict=True)) == by_hand(ids, layout, alignment)
    assert isinstance(rows, Tensor)
    for row, slot in zip(rows, slots.tolist(), strict=True):
        assert torch.equal(row, x[slot // 3] if slot >= 0 else torch.zeros(4))
    batched = permuted(x.view(1, tokens, 4), ids[None], layout, alignment)
    assert all(torch.equal(one, other) for one, other in zip((rows, slots, expert_of), batched, strict=True))


@BY_LAYOUT
@pytest.mark.parametrize("data", [torch.float8_e4m3fn, torch.float8_e5m2, BF16])
@pytest.mark.parametrize("scale", [F32, torch.float8_e8m0fnu])
def test_permute_moves_data_with_its_scales(scale: torch.dtype, data: torch.dtype, layout: str, alignment: int) -> None:
    x = Scaled((10 * torch.randn(1, 9, 8)).to(data), torch.rand(1, 9, 2).add(0.1).to(scale), (1, 1, 4))
    ids = routing(9, 3)
    ids[4] = -1
    rows, slots, expert_of = permuted(x, ids[None], layout, alignment)
    assert isinstance(rows, Scaled)
    assert (rows.granule, rows.data.dtype, rows.scale.dtype) == ((1, 4), data, scale)
    assert list(zip(slots.tolist(), expert_of.tolist(), strict=True)) == by_hand(ids, layout, alignment)
    for part, source, fill in ((rows.data, x.data[0], 0.0), (rows.scale, x.scale[0], 1.0)):
        for row, slot in zip(part.float(), slots.tolist(), strict=True):
            expected = source[slot // 3].float() if slot >= 0 else torch.full_like(row, fill)
            assert torch.equal(row, expected)


def test_permute_refuses_what_has_no_room() -> None:
    x, ids = torch.randn(3, 4), torch.tensor([[1, 0], [1, 2], [1, 3]])
    with pytest.raises(ValueError, match="expert 1 has 3 rows, and the capacity is 2"):
        moe_rows.permute(x, ids, experts=4, layout="masked", alignment=1, rows=8)
    assert moe_rows.permute(x, ids, experts=4, layout="masked", alignment=1, rows=12)[0].shape == (12, 4)
    with pytest.raises(ValueError, match="one expert twice"):
        moe_rows.permute(x[:1], torch.tensor([[1, 1]]), experts=4, layout="dense", alignment=1, rows=4)


@pytest.mark.parametrize("follows", ["reference", "torch"])
@pytest.mark.parametrize("dtype", [BF16, F32], ids=["bf16", "f32"])
def test_grouped_mm(dtype: torch.dtype, follows: Fidelity) -> None:
    x, w = torch.randn(5, HIDDEN).to(dtype), torch.randn(3, 8, HIDDEN).to(dtype)
    expert_of = torch.tensor([2, 0, -1, 2, 0], dtype=torch.int32)
    with fidelity(follows):
        y = moe_rows.grouped_mm(x, w, expert_of)
        groups = {e: nn.linear(x[rows], w[e]) for e, rows in ((0, [1, 4]), (2, [0, 3]))}
        wider = moe_rows.grouped_mm(x, w, expert_of, dtype=F32)
        assert torch.equal(wider[1], nn.linear(x[[1, 4]], w[0], dtype=F32)[0])
    assert torch.equal(y[[1, 4]], groups[0])
    assert torch.equal(y[[0, 3]], groups[2])
    assert not y[2].any()
    assert (y.dtype, wider.dtype) == (dtype, F32)


def through_rows(
    x: Tensor, weights: Tensor, ids: Tensor, operands: list[Tensor], layout: str, alignment: int, *,
    combine_in: torch.dtype, order: str,
) -> Tensor:  # fmt: skip
    gate, down, *up = operands
    rows, slots, expert_of = permuted(x, ids, layout, alignment)
    assert isinstance(rows, Tensor)
    hidden = moe_rows.grouped_mm(rows, gate, expert_of)
    halves = (hidden, moe_rows.grouped_mm(rows, up[0], expert_of)) if up else hidden.chunk(2, dim=-1)
    y = moe_rows.grouped_mm(nn.swiglu(*halves, intermediate="input"), down, expert_of)
    return moe_rows.unpermute(y, slots, weights, ids, combine_in=combine_in, order=order)


ROUTINGS = {
    "some experts empty": lambda tokens: routing(tokens, 2, 4),
    "all tokens to one expert": lambda tokens: torch.full((tokens, 1), 4),
    "every expert": lambda tokens: routing(tokens, EXPERTS),
    "some chose none": lambda tokens: torch.where(torch.rand(tokens, 3) < 0.4, -1, routing(tokens, 3)),
}


@BY_LAYOUT
@pytest.mark.parametrize("follows", ["reference", "torch"])
@pytest.mark.parametrize("dtype", [BF16, F32], ids=["bf16", "f32"])
@pytest.mark.parametrize("order", ["slot", "expert"])
@pytest.mark.parametrize("route", ROUTINGS)
def test_the_same_bits_as_experts(
    route: str, order: str, dtype: torch.dtype, follows: Fidelity, layout: str, alignment: int
) -> None:
    gate_up, down = torch.randn(EXPERTS, 2 * WIDTH, HIDDEN) / 10, torch.randn(EXPERTS, HIDDEN, WIDTH) / 6
    operands = [gate_up.to(dtype), down.to(dtype)]
    if order == "expert":
        gate, up = operands[0].chunk(2, dim=1)
        operands = [gate.contiguous(), operands[1], up.contiguous()]
    combine_in = F32 if order == "slot" else dtype
    for tokens in (0, 1, 2, 33, 130):
        x, ids = torch.randn(1, tokens, HIDDEN).to(dtype), ROUTINGS[route](tokens)[None]
        weights = torch.rand(ids.shape)
        with fidelity(follows):
            expected = moe.experts(x, weights, ids, *operands, combine_in=combine_in, order=order, intermediate="input")
            y = through_rows(x, weights, ids, operands, layout, alignment, combine_in=combine_in, order=order)
        assert y.dtype == dtype
        assert torch.equal(y, expected), (tokens, y, expected)


@pytest.mark.parametrize("follows", ["reference", "torch"])
@pytest.mark.parametrize("order", ["slot", "expert"])
def test_an_id_of_minus_one_contributes_nothing_whatever_its_weight(order: str, follows: Fidelity) -> None:
    x, down = torch.randn(4, HIDDEN), torch.randn(EXPERTS, HIDDEN, WIDTH)
    gate_up = torch.randn(EXPERTS, 2 * WIDTH, HIDDEN)
    ids = torch.tensor([[3, -1], [-1, 3], [-1, -1], [0, 5]])
    weights = torch.tensor([[0.5, float("inf")], [float("nan"), 0.5], [1.0, 2.0], [0.25, 0.5]])
    attributes = {"combine_in": F32, "order": order, "intermediate": "input"}
    with fidelity(follows):
        y = moe.experts(x, weights, ids, gate_up, down, **attributes)
        alone = moe.experts(x[:2], torch.full((2, 1), 0.5), torch.full((2, 1), 3), gate_up, down, **attributes)
        through = through_rows(x, weights, ids, [gate_up, down], "masked", 1, combine_in=F32, order=order)
    assert torch.equal(y[:2], alone)
    assert not y[2].any()
    assert torch.equal(y, through)
