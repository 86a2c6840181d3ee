"""Raising rotation, attention and tables changes no bit of what a layer computes.

Exceptions, judged by the policy for reassociated sums: products of f32 spelled out (the fused kernel adds in another
order), complex products of f32 (some differ in the last bit), and tables of ``torch.polar``.
"""

import copy

import pytest
import torch
from attention_modules import HIDDEN, Spelling, build, captured, run
from torch import Tensor, nn
from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.evaluator import TorchEvaluator
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.mla import AttentionOp as MlaAttentionOp
from dsv3c.ir.dialects.nn import AttentionOp, RopeOp, RopeTableOp
from dsv3c.ir.outcomes import Kind
from dsv3c.ir.verify import verify_module
from dsv3c.passes.registry import load_pass

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
SIZES = ((1, 2), (2, 2), (1, 33), (2, 33))
BEFORE = ("canonicalize-views", "raise-linear", "raise-rms-norm")
RAISE = ("raise-rope", "raise-attention", "raise-rope-tables")
EXPLICIT = ("matmul", "einsum", "sequence first")
POSITIVE = [
    *(Spelling(rope=rope) for rope in ("members", "half", "deinterleaved", "complex", "stacked")),
    *(Spelling(attend=attend) for attend in ("bool mask", "added mask", *EXPLICIT)),
    Spelling(shape="hf"),
]
OTHERS = {
    Spelling(shape="bias"): "has a bias",
    Spelling(shape="not normalised"): "is not the normalised latent",
    Spelling(shape="values first"): "are not, head after head, those of K and then those of V",
    Spelling(shape="heads of v reordered"): "number their heads differently",
    Spelling(shape="separate k"): "not cut out of one linear",
    Spelling(rope="none"): "not both rotated",
}


def context() -> CompileContext:
    ctx = make_context()
    ctx.evaluator = TorchEvaluator()
    return ctx


def apply(ctx: CompileContext, module: ModuleOp, *names: str) -> None:
    for name in names:
        load_pass(name)().apply(ctx, module)
        verify_module(module)


def count(module: ModuleOp, kind: type) -> int:
    return sum(isinstance(op, kind) for op in module.walk())


def outputs(module: ModuleOp, model: nn.Module, dtype: torch.dtype) -> list[Tensor]:
    return [run(module, model, x) for x in inputs(dtype)]


def inputs(dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, length, HIDDEN, generator=generator).to(dtype) for batch, length in SIZES]


def distance(left: Tensor, right: Tensor) -> float:
    """Relative L2."""
    return float((left.double() - right.double()).norm() / right.double().norm())


def check(new: list[Tensor], old: list[Tensor], model: nn.Module, dtype: torch.dtype, *, exact: bool) -> None:
    for x, a, b in zip(inputs(dtype), new, old, strict=True):
        if exact:
            assert torch.equal(a, b)
        elif dtype == torch.float32:
            assert distance(a, b) <= 1e-5
        else:
            truth = copy.deepcopy(model).double()(x.double()).detach()
            assert distance(a, truth) <= 1.1 * distance(b, truth)


def reassociates(name: str, spelling: Spelling, dtype: str) -> bool:
    if name == "raise-attention":
        return spelling.attend in EXPLICIT and dtype == "f32"
    return spelling.rope == "complex" and (name == "raise-rope-tables" or dtype == "f32")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spelling", POSITIVE, ids=str)
def test_latent_attention(spelling: Spelling, dtype: str) -> None:
    ctx, model = context(), build(spelling, DTYPES[dtype])
    module = captured(ctx, spelling, DTYPES[dtype])
    apply(ctx, module, *BEFORE)
    old = outputs(module, model, DTYPES[dtype])
    for name in RAISE:
        apply(ctx, module, name)
        new = outputs(module, model, DTYPES[dtype])
        check(new, old, model, DTYPES[dtype], exact=not reassociates(name, spelling, dtype))
        old = new
    assert [count(module, kind) for kind in (RopeOp, MlaAttentionOp, AttentionOp, RopeTableOp)] == [2, 1, 0, 1]


@pytest.mark.parametrize("spelling", OTHERS, ids=str)
def test_other_attention_is_generic_and_says_why(spelling: Spelling) -> None:
    ctx, model = context(), build(spelling, torch.bfloat16)
    module = captured(ctx, spelling, torch.bfloat16)
    apply(ctx, module, *BEFORE)
    old = outputs(module, model, torch.bfloat16)
    apply(ctx, module, *RAISE)
    check(outputs(module, model, torch.bfloat16), old, model, torch.bfloat16, exact=True)
    assert (count(module, MlaAttentionOp), count(module, AttentionOp)) == (0, 1)
    (reason,) = (item.reason for item in ctx.outcomes.of_pass("raise-attention") if item.kind is Kind.BLOCKED)
    assert OTHERS[spelling] in reason


def test_a_mask_that_is_not_causal_stays() -> None:
    ctx = context()
    module = captured(ctx, Spelling(attend="not causal"), torch.bfloat16)
    apply(ctx, module, *BEFORE, *RAISE)
    assert count(module, MlaAttentionOp) + count(module, AttentionOp) == 0
    (item,) = ctx.outcomes.of_pass("raise-attention")
    assert "the mask is not known to be causal: it is not the lower triangle" in item.reason


def test_without_an_evaluator_masks_and_tables_stay() -> None:
    ctx = make_context()
    module = captured(ctx, Spelling(attend="bool mask"), torch.bfloat16)
    apply(ctx, module, *BEFORE, *RAISE)
    assert count(module, RopeOp) == 2
    assert count(module, MlaAttentionOp) + count(module, RopeTableOp) == 0
    items = [*ctx.outcomes.of_pass("raise-attention"), *ctx.outcomes.of_pass("raise-rope-tables")]
    assert len(items) == 3
    assert all("torch is not loaded" in item.reason for item in items)
