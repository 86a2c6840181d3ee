"""raise-gate changes no bit of what a layer computes."""

import pytest
import torch
from moe_modules import HIDDEN, MODULES, build, captured, run

from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.moe import GateOp
from dsv3c.ir.verify import verify_module
from dsv3c.passes.registry import load_pass

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
SIZES = ((1, 2), (2, 2), (1, 33), (2, 33))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MODULES)
def test_gate_keeps_every_bit(name: str, dtype: str) -> None:
    ctx = make_context()
    before, after = captured(ctx, name, DTYPES[dtype]), captured(ctx, name, DTYPES[dtype])
    load_pass("raise-gate")().apply(ctx, after)
    verify_module(after)
    assert sum(isinstance(op, GateOp) for op in after.walk()) == 1
    model = build(name, DTYPES[dtype])
    for batch, length in SIZES:
        x = torch.randn(batch, length, HIDDEN, generator=torch.Generator().manual_seed(1)).to(DTYPES[dtype])
        assert torch.equal(run(after, model, x), run(before, model, x))
