"""The experts' weighted sum in Triton's interpreter against its meaning, bit by bit."""

import pytest
import torch
from kernel_references import run_checked
from torch import Tensor

from dsv3c.backends.reference.meanings.moe_rows import permute
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.rows import TYPES
from dsv3c.backends.triton.launchers.unpermute import unpermute

CONFIG = {"block_m": 16, "block_n": 64, "num_warps": 4, "num_stages": 1}


def check_unpermute(y: Tensor, slots: Tensor, weights: Tensor, ids: Tensor, combine_in: str, order: str) -> Tensor:
    """Run the kernels with junk in the scratch, and compare; returns what they made."""
    out = torch.empty(*ids.shape[:-1], y.shape[-1], dtype=y.dtype)
    junk = torch.randint(-9, y.shape[0] + 9, (ids.numel(),), dtype=torch.int32)
    run_checked(
        unpermute, "unpermute.unpermute", InterpreterGpu(), {"out": out}, y=y, slots=slots, weights=weights, ids=ids,
        row_of=junk, configs=[CONFIG], combine_in=combine_in, order=order,
    )  # fmt: skip
    return out


def routed(
    tokens: int, top_k: int, experts: int, columns: int, kind: torch.dtype, *, missing: float = 0.0,
    layout: str = "contiguous", alignment: int = 4,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Rows of experts, their slots, and the ids they are for."""
    ids = torch.stack([torch.randperm(experts)[:top_k] for _ in range(tokens)]) if tokens else torch.empty(0, top_k)
    ids = torch.where(torch.rand(tokens, top_k) < missing, -1, ids.to(torch.int64))
    rows = tokens * top_k + experts * (alignment - 1) if layout == "contiguous" else tokens * experts
    alignment = alignment if layout == "contiguous" else 1
    _, slots, _ = permute(torch.empty(tokens, 1), ids, experts=experts, layout=layout, alignment=alignment, rows=rows)
    return torch.randn(rows, columns).to(kind), slots, ids


@pytest.mark.parametrize("order", ["slot", "expert"])
@pytest.mark.parametrize("combine_in", ["f32", "bf16"])
@pytest.mark.parametrize(("rows_in", "weights_in"), [("bf16", "f32"), ("f32", "bf16")])
def test_every_rounding(order: str, combine_in: str, rows_in: str, weights_in: str) -> None:
    torch.manual_seed(0)
    y, slots, ids = routed(3, 4, 16, 100, TYPES[rows_in], missing=0.2)
    check_unpermute(y, slots, torch.rand(3, 4).to(TYPES[weights_in]), ids, combine_in, order)


def test_nine_choices_of_many_experts() -> None:
    torch.manual_seed(1)
    y, slots, ids = routed(2, 9, 257, 60, torch.bfloat16, layout="masked")
    check_unpermute(y, slots, torch.rand(2, 9), ids, "f32", "slot")
    check_unpermute(y, slots, torch.rand(2, 9).bfloat16(), ids, "bf16", "expert")


@pytest.mark.parametrize("order", ["slot", "expert"])
def test_sums_that_cancel(order: str) -> None:
    torch.manual_seed(2)
    y, slots, ids = routed(2, 6, 6, 64, torch.float32, layout="dense")
    y *= torch.logspace(-6, 6, y.shape[0]).unsqueeze(-1)
    check_unpermute(y, slots, torch.rand(2, 6) - 0.5, ids, "f32", order)


def test_equal_experts_are_added_in_the_order_of_choices() -> None:
    torch.manual_seed(4)
    slots = torch.randperm(8).int()
    ids = torch.tensor([[3, 1, 1, 1], [2, 2, 2, 2]])
    check_unpermute(torch.randn(8, 64).bfloat16(), slots, torch.rand(2, 4).bfloat16(), ids, "bf16", "expert")


@pytest.mark.parametrize("order", ["slot", "expert"])
def test_choices_without_an_expert_add_nothing(order: str) -> None:
    y, slots = torch.full((2, 3), -0.0), torch.tensor([1, -1], dtype=torch.int32)
    ids, weights = torch.tensor([[-1, 3]]), torch.tensor([[float("nan"), 1.0]])
    out = check_unpermute(y, slots, weights, ids, "f32", order)
    assert out.tolist() == [[0.0, 0.0, 0.0]]
    y, slots, ids = routed(3, 2, 4, 8, torch.bfloat16, missing=1.0)
    assert check_unpermute(y, slots, torch.rand(3, 2), ids, "bf16", order).eq(0).all()


@pytest.mark.parametrize(("order", "zero"), [("slot", "0.0"), ("expert", "-0.0")])
def test_one_choice_keeps_the_sign_of_zero_and_what_is_not_finite(order: str, zero: str) -> None:
    y = torch.tensor([[-0.0, float("inf"), float("nan"), 1.0]])
    slots, ids = torch.tensor([0], dtype=torch.int32), torch.tensor([[5]])
    out = check_unpermute(y, slots, torch.ones(1, 1), ids, "f32", order)
    assert str(out.tolist()) == f"[[{zero}, inf, nan, 1.0]]"


@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_infinite_terms_give_an_infinite_sum() -> None:
    y, ids = torch.tensor([[float("inf")], [1.0]]), torch.tensor([[0, 1]])
    slots = torch.tensor([0, 1], dtype=torch.int32)
    assert check_unpermute(y, slots, torch.ones(1, 2), ids, "f32", "slot").tolist() == [[float("inf")]]


def test_no_tokens_and_no_rows_and_leading_dims() -> None:
    torch.manual_seed(3)
    y, slots, ids = routed(0, 2, 3, 8, torch.bfloat16)
    check_unpermute(y, slots, torch.rand(0, 2), ids, "bf16", "slot")
    none = torch.empty(0, 8), torch.empty(0, dtype=torch.int32)
    check_unpermute(*none, torch.rand(2, 2), torch.zeros(2, 2, dtype=torch.int64), "f32", "slot")
    y, slots, ids = routed(6, 2, 4, 16, torch.bfloat16)
    check_unpermute(y, slots, torch.rand(2, 3, 2), ids.view(2, 3, 2), "bf16", "expert")
