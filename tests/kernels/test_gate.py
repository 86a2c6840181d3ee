"""Routing in Triton's interpreter against its meaning, bit by bit."""

from typing import Any

import pytest
import torch
from kernel_references import run_checked
from torch import Tensor

from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.gate import append_choice, gate
from dsv3c.backends.triton.launchers.rows import TYPES

V3 = {
    "top_k": 8, "scoring": "sigmoid", "groups": 8, "keep": 4, "group_score": "top2_sum", "mask": "-inf",
    "renormalize": 1e-20, "scale": 2.5, "scores_in": "f32", "masked_weights": False, "dtype": "f32",
}  # fmt: skip
V2 = V3 | {
    "top_k": 6, "scoring": "softmax", "keep": 3, "group_score": "max", "mask": "zero", "renormalize": None,
    "scale": 16.0, "masked_weights": True,
}  # fmt: skip


def check_gate(logits: Tensor, bias: Tensor | None, how: dict[str, Any], block_t: int = 1) -> tuple[Tensor, Tensor]:
    """Run the kernel and compare; returns weights and ids."""
    weights = torch.empty(*logits.shape[:-1], how["top_k"], dtype=TYPES[how["dtype"]])
    ids = torch.empty(weights.shape, dtype=torch.int64)
    configs = [{"block_t": block_t, "num_warps": 1, "num_stages": 1}]
    given = {} if bias is None else {"bias": bias}
    outputs = {"weights": weights, "ids": ids}
    run_checked(gate, "gate.gate", InterpreterGpu(), outputs, logits=logits, **given, configs=configs, **how)
    return weights, ids


@pytest.mark.parametrize(
    "how",
    [
        V3,
        V3 | {"scores_in": "bf16", "dtype": "bf16", "renormalize": 0.0},
        V3 | {"dtype": "bf16", "mask": "zero"},
        V3 | {"masked_weights": True, "mask": "zero", "top_k": 9},
        V2,
        V2 | {"scores_in": "bf16", "dtype": "bf16", "masked_weights": False},
        V2 | {"groups": 1, "keep": 1, "masked_weights": False, "renormalize": 1e-20, "scale": 1.0},
        V3 | {"groups": 1, "keep": 1, "top_k": 1},
    ],
)
@pytest.mark.parametrize(("biased", "kind"), [(False, torch.bfloat16), (True, torch.float32)])
def test_routes_of_every_semantics(how: dict[str, Any], biased: bool, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 64).to(kind)
    bias = torch.randn(64) * 0.3 if biased else None
    check_gate(logits, bias, how, block_t=4)


def test_choices_are_rounded_as_a_narrow_bias_is() -> None:
    torch.manual_seed(7)
    how = V3 | {"scores_in": "bf16", "dtype": "bf16", "masked_weights": True}
    check_gate(torch.randn(4, 64), (torch.randn(64) * 0.3).bfloat16(), how, block_t=4)


def test_all_experts_of_deepseek_v3() -> None:
    torch.manual_seed(1)
    check_gate(torch.randn(7, 256), torch.randn(256) * 0.1, V3, block_t=4)


@pytest.mark.parametrize(("experts", "groups"), [(160, 8), (60, 4), (18, 6), (5, 1), (3, 3)])
def test_experts_that_are_no_power_of_two(experts: int, groups: int) -> None:
    torch.manual_seed(2)
    how = V3 | {"groups": groups, "keep": min(3, groups), "top_k": 3}
    how |= {"group_score": "max" if experts < 10 else "top2_sum"}
    check_gate(torch.randn(3, experts), torch.randn(experts), how, block_t=2)


def test_ties_take_the_lowest_index() -> None:
    _, ids = check_gate(torch.zeros(2, 64), torch.zeros(64), V3)
    assert ids.tolist() == [list(range(8))] * 2
    logits = torch.zeros(1, 64)
    logits[0, 40] = 1.0
    _, ids = check_gate(logits, None, V3)
    assert ids.tolist() == [[40, 0, 1, 2, 3, 4, 5, 6]]
    torch.manual_seed(3)
    check_gate(torch.randint(-2, 3, (6, 64)).float(), None, V3)


def test_masked_experts_may_be_chosen_where_all_choices_are_negative() -> None:
    how = V3 | {"mask": "zero"}
    torch.manual_seed(4)
    for masked_weights in (False, True):
        check_gate(torch.randn(4, 64), torch.full((64,), -2.0), how | {"masked_weights": masked_weights})


@pytest.mark.filterwarnings("ignore:overflow encountered in exp")
def test_extreme_logits() -> None:
    logits = torch.tensor([[1e30, -1e30, 0.0, -0.0, 88.0, -104.0, float("inf"), float("-inf")]])
    for scoring in ("sigmoid", "softmax"):
        how = V3 | {"groups": 1, "keep": 1, "scoring": scoring, "top_k": 5}
        check_gate(logits if scoring == "sigmoid" else logits[:, :6].contiguous(), None, how | {"renormalize": None})


def test_nan_logits_choose_experts_that_exist() -> None:
    weights, ids = torch.empty(1, 8), torch.full((1, 8), -7)
    configs = [{"block_t": 1, "num_warps": 1, "num_stages": 1}]
    logits = torch.full((1, 64), float("nan"))
    gate(InterpreterGpu(), logits=logits, weights=weights, ids=ids, configs=configs, **V3)
    assert sorted(set(ids[0].tolist())) == sorted(ids[0].tolist())
    assert all(0 <= i < 64 for i in ids[0].tolist())


def test_no_tokens_and_leading_dims_and_strided_logits() -> None:
    check_gate(torch.empty(0, 64), None, V3)
    torch.manual_seed(5)
    check_gate(torch.randn(2, 3, 64), None, V3)
    check_gate(torch.randn(3, 100)[:, 20:84], None, V3)


@pytest.mark.parametrize("tokens", [0, 1, 5])
def test_choices_are_appended(tokens: int) -> None:
    torch.manual_seed(6)
    for kind in (torch.bfloat16, torch.float32):
        outputs = {
            "all_weights": torch.empty(tokens, 10, dtype=kind),
            "all_ids": torch.empty(tokens, 10, dtype=torch.int64),
        }
        run_checked(
            append_choice, "gate.append_choice", InterpreterGpu(), outputs,
            weights=torch.rand(tokens, 8).to(kind), ids=torch.randint(0, 256, (tokens, 8)), first=256, count=2,
            configs=[{"block_t": 4, "num_warps": 1, "num_stages": 1}],
        )  # fmt: skip
