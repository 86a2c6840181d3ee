"""Routing the shared expert keeps results as the policy for reassociated sums says, of models from several sources."""

from functools import cache

import pytest
from routes import Route, hf, own, small, v2
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.checking.numerics import Version, reassociated
from dsv3c.checking.probes import probes_of
from dsv3c.compilation.pipelines import RAISE, parse_passes
from dsv3c.frontend.importer import import_program
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.moe import ExpertsOp
from dsv3c.ir.dialects.moe_choices import AppendChoiceOp
from dsv3c.ir.dialects.nn import SwigluOp
from dsv3c.ir.targets import load_target
from dsv3c.ir.types import shape
from dsv3c.ir.verify import verify_module
from dsv3c.passes.merge_projections import MergeProjectionsPass
from dsv3c.passes.route_shared_expert import RouteSharedExpertPass

MODELS: dict[str, tuple[Route, int]] = {
    "transformers-bf16": (hf(small("tiny"), "bf16"), 1),
    "transformers-f32": (hf(small("tiny"), "f32"), 1),
    "deepseek-bf16": (own(small("tiny"), "deepseek", "bf16"), 1),
    "two-bf16": (own(v2(groups=True, q_lora=False), "hf", "bf16"), 2),
    "two-f32": (own(small("tiny", n_shared_experts=2), "hf", "f32"), 2),
}


@cache
def raised(name: str) -> tuple[ModuleOp, StateDictWeights]:
    made = MODELS[name][0].make()
    ctx = make_context(target=load_target("cpu"))
    module = import_program(ctx, made.captured)
    for step in parse_passes(",".join(RAISE)):
        step.apply(ctx, module)
    return module, StateDictWeights(made.state)


def routed(module: ModuleOp) -> ModuleOp:
    after = module.clone()
    RouteSharedExpertPass().apply(make_context(target=load_target("cpu")), after)
    verify_module(after)
    return after


@pytest.mark.parametrize("merged", [False, True], ids=["apart", "merged"])
@pytest.mark.parametrize("name", MODELS)
def test_results_are_those_of_the_policy(name: str, merged: bool) -> None:
    module, weights = raised(name)
    count, before = MODELS[name][1], module.clone()
    if merged:
        MergeProjectionsPass(block_rows=1).apply(make_context(target=load_target("cpu")), before)
    after = routed(before)
    (experts,) = (op for op in before.walk() if isinstance(op, ExpertsOp))
    (joined,) = (op for op in after.walk() if isinstance(op, ExpertsOp))
    (choice,) = (op for op in after.walk() if isinstance(op, AppendChoiceOp))
    assert (shape(joined.down)[0], choice.first.value.data) == (shape(experts.down)[0] + count, shape(experts.down)[0])
    swiglus = [sum(isinstance(op, SwigluOp) for op in made.walk()) for made in (before, after)]
    assert swiglus[1] == swiglus[0] - 1
    version = Version(before, probes_of(before), weights)
    measured, ok = reassociated(version, version, version.changed(after))
    assert ok, measured
