"""Costs and parameters of whole programs, against the figures DeepSeek publishes."""

import pytest
from raised_models import raised_model
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import make_context
from dsv3c.ir.cost import (
    CostClass,
    Env,
    cache_bytes_per_token,
    core_flops_per_pair,
    entry_cost,
    module_cost,
    reached,
)
from dsv3c.ir.parameters import model_parameters, parameters
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module
from dsv3c.models.configs import load_config
from dsv3c.passes.absorb_mla import AbsorbMlaPass
from dsv3c.passes.merge_projections import MergeProjectionsPass
from dsv3c.passes.specialize_phases import SpecializePhasesPass

X = 'tensor<?x8xbf16, ["T"]>'
STEP = Env.step(tokens=6, sequences=2, context=10, page_size=4)


def module_of(text: str) -> ModuleOp:
    module = parse_module(make_context(), f"dsv3c.symbol @T min 0\n{text}")
    verify_module(module)
    return module


CALLS = f"""
func.func @main(%x: {X}) -> {X} {{
  %a = func.call @layer(%x) {{prefix = "layers.0"}} : ({X}) -> {X}
  %b = func.call @layer(%a) {{prefix = "layers.1"}} : ({X}) -> {X}
  %w = weight.param "head.weight" : tensor<8x8xbf16>
  %y = nn.linear %b, %w : {X}, tensor<8x8xbf16> -> {X}
  func.return %y : {X}
}}
func.func @mtp(%x: {X}) -> {X} {{
  %a = func.call @layer(%x) {{prefix = "layers.2"}} : ({X}) -> {X}
  %w = weight.param "head.weight" : tensor<8x8xbf16>
  %y = nn.linear %a, %w : {X}, tensor<8x8xbf16> -> {X}
  func.return %y : {X}
}}
func.func private @layer(%x: {X}) -> {X} {{
  %n = weight.param "norm.weight" : tensor<8xbf16>
  %h = nn.rms_norm %x, %n eps 1.0e-06 weight_in "input" : {X}, tensor<8xbf16>
  %w = weight.param "proj.weight" : tensor<8x8xbf16> {{
    %q = weight.stored "proj.weight" : tensor<8x8xf8E4M3FN>
    %s = weight.stored "proj.weight_scale_inv" : tensor<1x1xf32>
    %d = weight.dequantize %q, %s block [8, 8] : tensor<8x8xf8E4M3FN>, tensor<1x1xf32> -> tensor<8x8xbf16>
    weight.yield %d : tensor<8x8xbf16>
  }}
  %y = nn.linear %h, %w : {X}, tensor<8x8xbf16> -> {X}
  func.return %y : {X}
}}
"""


def test_called_functions_count_as_often_as_they_are_called() -> None:
    module = module_of(CALLS)
    assert reached(module, "main") == {"main": 1, "layer": 2}
    totals = module_cost(module, {"main": STEP})["main"]
    assert totals.of(CostClass.PROJECTIONS).flops == 2 * (2 * 6 * 8 * 8)
    assert totals.of(CostClass.HEAD).flops == 2 * 6 * 8 * 8
    assert totals.matrix_flops() == {"bf16": 3 * 768}
    assert totals.total().flops == 3 * 768 + 2 * 4 * 48
    assert set(totals.by_class()) == {CostClass.PROJECTIONS, CostClass.HEAD, CostClass.ELEMENTWISE, CostClass.MOVEMENT}


def test_parameters_count_once_per_name_without_scales() -> None:
    module = module_of(CALLS)
    assert set(parameters(module, "main")) == {
        "head.weight",
        *(f"layers.{index}.{name}.weight" for index in (0, 1) for name in ("norm", "proj")),
    }
    main, mtp = model_parameters(module)
    assert (main.total, main.active, main.active_matrices) == (64 + 2 * 72, 64 + 2 * 72, 64 + 2 * 64)
    assert mtp is not None
    assert mtp.total == 72, "the head is the model's"


PUBLISHED = {
    # config: parameters in billions, active, cache bytes per token, training GFLOP per token at 4096 (arXiv 2505.09343)
    "deepseek-v3": (671.03, 37.55, 70272, 250.4),
    "deepseek-v2": (235.74, 21.38, 69120, 155.3),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures_hold_before_and_after_lowering(name: str) -> None:
    total, active, cache, training = PUBLISHED[name]
    module = raised_model(load_config(name))
    for entry in ("main", "prefill", "decode"):
        if entry == "prefill":
            ctx = make_context(target=load_target("h800"))
            for item in (SpecializePhasesPass(), MergeProjectionsPass(), AbsorbMlaPass(mode="always")):
                item.apply(ctx, module)
        found, _ = model_parameters(module)
        assert round(found.total / 1e9, 2) == total
        assert round(found.active / 1e9, 2) == active
        assert cache_bytes_per_token(module, entry) == cache
        pair = core_flops_per_pair(module, entry)
        assert pair is not None
        assert round((6 * found.active_matrices + 3 * pair * 2048) / 1e9, 1) == training


def test_forward_flops_are_two_per_active_weight_and_the_core() -> None:
    module = raised_model(load_config("deepseek-v3"))
    totals = entry_cost(module, "main", Env.dense(module, 1, 4096))
    found, pair = model_parameters(module)[0], core_flops_per_pair(module, "main")
    assert pair is not None
    matrix = sum(totals.matrix_flops().values())
    assert matrix / 4096 == pytest.approx(2 * found.active_matrices + pair * 4097 / 2, rel=1e-12)
    assert totals.uncosted == {}
