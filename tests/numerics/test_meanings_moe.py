"""Routing and experts against their formulas, one token at a time."""

import math

import pytest
import torch
from rounding import rounded
from torch import Tensor

from dsv3c.backends.reference.meanings import moe, nn

BF16, F32 = torch.bfloat16, torch.float32
DTYPES = pytest.mark.parametrize("dtype", [BF16, F32], ids=["bf16", "f32"])


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(11)


def gate_by_hand(
    logits: Tensor, bias: Tensor | None, groups: int, keep: int, k: int, sigmoid: bool, zero: bool
) -> list[int]:
    values = logits.tolist()
    if sigmoid:
        scores = [float(rounded(1 / (1 + math.exp(-x)), F32)) for x in values]
    else:
        total = sum(math.exp(x) for x in values)
        scores = [float(rounded(math.exp(x) / total, F32)) for x in values]
    choice = list(scores)
    if bias is not None:
        choice = [float(torch.tensor(s) + b) for s, b in zip(scores, bias, strict=True)]
    size = len(choice) // groups
    best = [sum(sorted(choice[g * size : (g + 1) * size])[-2:]) for g in range(groups)]
    kept = sorted(range(groups), key=lambda g: -best[g])[:keep]
    masked = [c if e // size in kept else (0.0 if zero else -math.inf) for e, c in enumerate(choice)]
    return sorted(range(len(masked)), key=lambda e: -masked[e])[:k]


@DTYPES
def test_choices_that_every_token_makes(dtype: torch.dtype) -> None:
    weights, ids = torch.randn(2, 3, 4).to(dtype), torch.randint(16, (2, 3, 4))
    more, all_ids = moe.append_choice(weights, ids, first=16, count=2)
    assert (more.dtype, all_ids.dtype) == (dtype, torch.int64)
    assert torch.equal(more[..., :4], weights) and torch.equal(all_ids[..., :4], ids)
    assert torch.equal(more[..., 4:], torch.ones(2, 3, 2, dtype=dtype))
    assert all_ids[..., 4:].reshape(-1, 2).tolist() == [[16, 17]] * 6


@pytest.mark.parametrize("scoring", ["sigmoid", "softmax"])
@pytest.mark.parametrize("mask", ["-inf", "zero"])
@pytest.mark.parametrize("with_bias", [True, False])
def test_gate(scoring: str, mask: str, with_bias: bool) -> None:
    logits, bias = 2 * torch.randn(40, 16), (torch.randn(16) if with_bias else None)
    weights, ids = moe.gate(
        logits, bias, top_k=4, scoring=scoring, groups=4, keep=2, group_score="top2_sum", mask=mask, renormalize=1e-20,
        scale=2.5, scores_in=F32, masked_weights=False, any_order=False, dtype=F32,
    )  # fmt: skip
    assert weights.dtype == F32
    for t in range(40):
        expected = gate_by_hand(logits[t], bias, 4, 2, 4, scoring == "sigmoid", mask == "zero")
        assert ids[t].tolist() == expected
        x = logits[t].double()
        scores = (1 / (1 + (-x).exp()) if scoring == "sigmoid" else x.softmax(0))[expected]
        assert torch.allclose(weights[t].double(), 2.5 * scores / scores.sum(), rtol=1e-6)


def gate(logits: Tensor, **changed: object) -> tuple[Tensor, Tensor]:
    fields: dict[str, object] = {
        "top_k": 2, "scoring": "softmax", "groups": 1, "keep": 1, "group_score": "max", "mask": "-inf",
        "renormalize": None, "scale": 1.0, "scores_in": F32, "masked_weights": False, "any_order": False, "dtype": F32,
    }  # fmt: skip
    return moe.gate(logits, **{**fields, **changed})


def test_gate_ties_masks_and_roundings() -> None:
    assert gate(torch.zeros(1, 6))[1].tolist() == [[0, 1]]
    groups = torch.tensor([[3.0, 0.0, 2.0, 2.0, 0.0, 0.0]])
    assert gate(groups, groups=3, keep=1)[1].tolist() == [[0, 1]]
    assert gate(groups, groups=3, keep=1, group_score="top2_sum", scoring="sigmoid")[1].tolist() == [[2, 3]]
    weights, ids = gate(groups, groups=3, keep=1, mask="zero", top_k=2, masked_weights=True)
    assert ids.tolist() == [[0, 1]]
    assert weights[0, 0] == groups.double().softmax(-1).float()[0, 0]
    alone, ids = gate(
        torch.full((1, 4), -200.0), scoring="sigmoid", groups=2, mask="zero", masked_weights=True, top_k=1
    )
    assert ids.tolist() == [[0]]
    assert alone.dtype == F32
    logits = torch.randn(9, 8).bfloat16()
    weights, ids = gate(logits, scoring="sigmoid", scores_in=BF16, renormalize=0.0, scale=2.5, dtype=BF16, top_k=3)
    scores = torch.sigmoid(logits.double()).to(BF16).gather(-1, ids)
    total = scores.double().sum(-1, keepdim=True).to(BF16)
    quotient = (scores.double() / total.double()).to(BF16)
    assert torch.equal(weights, (quotient.double() * 2.5).to(BF16))
    assert gate(torch.zeros(0, 8))[1].shape == (0, 2)


@DTYPES
@pytest.mark.parametrize("order", ["slot", "expert"])
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("tokens", [0, 1, 9])
def test_experts(tokens: int, apart: bool, order: str, dtype: torch.dtype) -> None:
    experts, hidden, width, k = 6, 10, 4, 3
    x = torch.randn(tokens, hidden).to(dtype)
    ids = (
        torch.stack([torch.randperm(4)[:k] for _ in range(tokens)]) if tokens else torch.zeros(0, k, dtype=torch.int64)
    )
    weights = torch.rand(tokens, k)
    gate_w, up_w = torch.randn(2, experts, width, hidden).to(dtype)
    down_w = torch.randn(experts, hidden, width).to(dtype)
    combine_in = F32 if order == "slot" else dtype
    operands = (gate_w, down_w, up_w) if apart else (torch.cat([gate_w, up_w], dim=1), down_w)
    y = moe.experts(x, weights, ids, *operands, combine_in=combine_in, order=order, intermediate="input")
    for t in range(tokens):
        slots = list(range(k)) if order == "slot" else sorted(range(k), key=lambda j: int(ids[t, j]))
        terms = list[Tensor]()
        for j in slots:
            e = int(ids[t, j])
            g, u = (nn.linear(x[t], w[e]) for w in (gate_w, up_w))
            out = nn.linear(nn.swiglu(g, u, intermediate="input"), down_w[e])
            terms.append(out.to(combine_in) * weights[t, j].to(combine_in))
        if order == "slot":
            total = torch.stack(terms).double().sum(0).to(combine_in)
        else:
            total = terms[0]
            for term in terms[1:]:
                total = total + term
        assert torch.equal(y[t], total.to(dtype))
    assert y.shape == x.shape
    batched = moe.experts(
        x.view(1, tokens, hidden), weights[None], ids[None], *operands, combine_in=combine_in, order=order,
        intermediate="input",
    )  # fmt: skip
    assert torch.equal(batched[0], y)
