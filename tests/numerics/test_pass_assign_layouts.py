"""Other types and layouts of scales change no bit, and in a phased model nothing has to be laid out twice."""

from functools import cache

import pytest
import torch
from torch import Tensor

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.checking.metrics import same_bits
from dsv3c.compilation.pipelines import LOWER, RAISE
from dsv3c.ir.dialects.scaled import GroupedMmOp, MmOp
from dsv3c.ir.scaled_type import scaled_type

PHASES = "specialize-phases{phases=prefill,decode page-size=16 context=64 max-context=64 max-batch=2}"
FUSE = "fold-weights,fuse-qdq,fuse-rms-norm-quant,fuse-swiglu-quant,cse,dce"
WANTED = {"h800": ("f32", "mn_major", "row"), "b200": ("f8E8M0FNU", "packed", "packed")}


@cache
def fused(recipe: str, *, phased: bool) -> Module:
    raised = dsv3c.opt(dsv3c.capture("tiny", layers=(1, 3)), ",".join(RAISE))
    passes = [*([PHASES, *LOWER] if phased else ["merge-projections"]), "bucket-tokens"]
    return dsv3c.opt(raised, ",".join([*passes, f'insert-fp8-qdq{{recipe="{recipe}"}}', FUSE]))


def logits(module: Module) -> Tensor:
    weights = RandomWeights(3, required_headers(module.op))
    ids = torch.randint(1000, (2, 5), generator=torch.Generator().manual_seed(2))
    [found] = Executor(module.op, weights).run("main", ids)
    assert isinstance(found, Tensor)
    return found


@pytest.mark.parametrize(
    ("recipe", "target"), [("deepseek-v3", "h800"), ("deepseek-v3.1", "h800"), ("deepseek-v3.1", "b200")]
)
def test_laying_out_scales_keeps_every_bit(recipe: str, target: str) -> None:
    before = fused(recipe, phased=False)
    after = dsv3c.opt(before, "assign-layouts", target=target)
    assert str(after) != str(before)
    assert same_bits(logits(after), logits(before))


@pytest.mark.parametrize(
    ("recipe", "target"), [("deepseek-v3", "h800"), ("deepseek-v3.1", "h800"), ("deepseek-v3.1", "b200")]
)
def test_everything_is_produced_where_it_is_read(recipe: str, target: str) -> None:
    module = dsv3c.opt(fused(recipe, phased=True), "assign-layouts", target=target)
    products = [op for op in module.op.walk() if isinstance(op, MmOp | GroupedMmOp)]
    scale, activations, weights = WANTED[target]
    assert len(products) > 20
    for op in products:
        x, w = scaled_type(op.x), scaled_type(op.w)
        assert (str(x.scale), x.layout_name) == (scale, activations)
        assert (str(w.scale), w.layout_name) == (scale, weights)
    assert not [op for op in module.op.walk() if op.name == "scaled.relayout" and op.parent_op().name == "func.func"]


def test_scales_with_mantissas_stay_for_a_target_of_powers_of_two() -> None:
    before = fused("deepseek-v3", phased=True)
    after = dsv3c.opt(before, "assign-layouts", target="b200")
    assert str(after) == str(before)
    assert after.remarks
