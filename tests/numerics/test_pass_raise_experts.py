"""raise-experts changes no bit of what a layer computes.

The one exception is the spelling with a matrix-vector product per row (``batched_mm``): it adds in another order than
one product per expert does, so the policy for reassociated sums applies.
"""

import copy

import pytest
import torch
from moe_modules import HIDDEN, MODULES, build, captured, run
from torch import Tensor
from xdsl.dialects.builtin import bf16

from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.moe import ExpertsOp
from dsv3c.ir.verify import verify_module
from dsv3c.passes.registry import load_pass

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
SIZES = ((1, 2), (2, 2), (1, 33), (2, 33))
PER_ROW = ("hf v3 batched_mm", "plain")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MODULES)
def test_experts_keep_every_bit(name: str, dtype: str) -> None:
    ctx = make_context()
    before, after = captured(ctx, name, DTYPES[dtype]), captured(ctx, name, DTYPES[dtype])
    load_pass("raise-experts")().apply(ctx, after)
    verify_module(after)
    assert sum(isinstance(op, ExpertsOp) for op in after.walk()) == 1
    model = build(name, DTYPES[dtype])
    for batch, length in SIZES:
        x = torch.randn(batch, length, HIDDEN, generator=torch.Generator().manual_seed(1)).to(DTYPES[dtype])
        new, old = run(after, model, x), run(before, model, x)
        if name not in PER_ROW:
            assert torch.equal(new, old)
        elif dtype == "f32":
            assert distance(new, old) <= 1e-5
        else:
            exact = copy.deepcopy(model).double()(x.double()).detach()
            assert distance(new, exact) <= 1.1 * distance(old, exact)


def distance(left: Tensor, right: Tensor) -> float:
    """Relative L2."""
    return float((left.double() - right.double()).norm() / right.double().norm())


def test_separate_gate_and_up_stay_separate() -> None:
    ctx = make_context()
    module = captured(ctx, "plain", torch.bfloat16)
    load_pass("raise-experts")().apply(ctx, module)
    (op,) = (op for op in module.walk() if isinstance(op, ExpertsOp))
    assert op.up is not None
    assert op.combine_in == bf16
