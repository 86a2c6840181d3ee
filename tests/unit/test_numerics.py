"""Distances, retyped programs, and the policy: a pass that keeps its promise passes, one that breaks it is named."""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import torch
from cli import TEXT
from cli import dsv3c as command
from xdsl.dialects.builtin import Float32Type, Float64Type, FloatAttr, ModuleOp, bf16, f64

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.weights import RandomWeights, StateDictWeights
from dsv3c.checking.metrics import difference, routing_flips, same_bits
from dsv3c.checking.numerics import (
    DRAWS,
    F32_LIMIT,
    Errors,
    VerifyNumerics,
    Version,
    measured_errors,
    ratio_of,
    reassociated,
)
from dsv3c.checking.probes import probes_of
from dsv3c.checking.retype import mentions, retyped
from dsv3c.compilation.driver import Driver
from dsv3c.compilation.pipelines import LOWER, RAISE, parse_passes
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.errors import PassError
from dsv3c.ir.text import parse_module, print_module
from dsv3c.ir.verify import verify_module
from dsv3c.passes.base import Numerics, Pass
from dsv3c.programs import MemoryShort

SHAPES = ((2, 9), (1, 33))


def test_distances_are_what_their_formulas_say() -> None:
    x, y = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
    found = difference([(x, y)])
    assert not found.bitwise
    assert found.relative_l2 == pytest.approx(5 / 4)
    assert found.calc_diff == pytest.approx(1.0)
    assert found.max_abs == 4.0
    assert difference([(y, y)]).calc_diff == pytest.approx(0.0)
    together = difference([(x, x), (x, y)])
    assert together.relative_l2 == pytest.approx(math.sqrt(25 / (9 + 16)))


def test_bits_count_and_nothing_hides_behind_a_nan() -> None:
    assert not same_bits(torch.tensor([0.0]), torch.tensor([-0.0]))
    assert not same_bits(torch.tensor([1.0]), torch.tensor([1.0]).double())
    nan = torch.tensor([math.nan, 1.0])
    assert difference([(nan, nan)]).bitwise and difference([(nan, nan)]).relative_l2 == 0
    assert difference([(nan, torch.tensor([0.0, 1.0]))]).relative_l2 == math.inf
    infinite = torch.tensor([math.inf])
    assert difference([(infinite, infinite)]).relative_l2 == 0
    assert difference([(infinite, -infinite)]).relative_l2 == math.inf
    assert difference([(torch.ones(1), torch.zeros(1))]).relative_l2 == math.inf


def test_a_flip_is_another_set_of_experts_and_not_another_order() -> None:
    ids = torch.tensor([[1, 2], [3, 4], [5, 6]])
    assert routing_flips(ids, torch.tensor([[2, 1], [3, 5], [6, 5]])) == 1


@cache
def raised() -> Module:
    return dsv3c.opt(dsv3c.capture("tiny", layers=(1, 3)), ",".join(RAISE))


def test_a_retyped_program_is_valid_and_has_no_value_of_the_old_type() -> None:
    module = retyped(raised().op, bf16, Float64Type())
    verify_module(module)
    assert mentions(raised().op, bf16) and not mentions(module, bf16)
    assert print_module(module) == print_module(raised().op).replace("bf16", "f64")


@dataclass(frozen=True)
class Twist(Pass):
    """Changes one number, whatever it declares."""

    name = "twist"
    op: str = "nn.rms_norm"
    key: str = "eps"
    factor: float = 1.0

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        op = next(op for op in module.walk() if op.name == self.op)
        value = op.properties[self.key]
        assert isinstance(value, FloatAttr)
        op.properties[self.key] = FloatAttr(value.value.data * self.factor, f64)


@dataclass(frozen=True)
class LooseTwist(Twist):
    name = "loose-twist"
    numerics: Numerics = "reassociates"  # pyright: ignore[reportIncompatibleVariableOverride]


def verify(module: Module, *passes: Pass) -> VerifyNumerics:
    ctx = make_context(target=module.ctx.target)
    observer = VerifyNumerics(ctx, say=lambda _: None, shapes=SHAPES)
    Driver(ctx, [observer], allow_unapplied=True).run(module.op.clone(), passes)
    return observer


def test_the_whole_pipeline_keeps_the_policy() -> None:
    sizes = "page-size=16 context=64 max-context=64 max-batch=4"
    lower = ",".join([f"specialize-phases{{phases=prefill,decode,verify {sizes}}}", *LOWER])
    rows = verify(raised(), *parse_passes(lower.replace("absorb-mla", "absorb-mla{mode=always}"))).rows
    assert all(row.ok for row in rows)
    found = {row.name: row for row in rows}
    assert found["specialize-phases"].level == "phased"
    assert "x original" in found["absorb-mla"].measured and "flips" in found["absorb-mla"].measured
    assert found["dce"].policy == "bitwise/reference"


def test_a_pass_that_promises_bits_and_breaks_them_is_named() -> None:
    with pytest.raises(PassError, match=r"pass twist changes results: relative L2"):
        verify(raised(), Twist(factor=1000.0))


def test_a_pass_that_may_reassociate_may_not_do_more() -> None:
    with pytest.raises(PassError, match=r"pass loose-twist changes results: f32 .*x original"):
        verify(raised(), LooseTwist(op="moe.gate", key="scale", factor=1.01))


def test_several_draws_are_judged_by_their_mean() -> None:
    draws = [Errors(0.0, 3.0, 2.0), Errors(0.0, 4.0, 1.0)]
    assert ratio_of(draws[:1]) == pytest.approx(1.5)
    assert ratio_of(draws) == pytest.approx(math.sqrt((9 + 16) / (4 + 1)))
    assert ratio_of([Errors(0.0, 0.0, 0.0)]) == 1
    assert ratio_of([Errors(0.0, 1.0, 0.0)]) == math.inf


SCALED = """
dsv3c.symbol @B min 1
dsv3c.symbol @S min 1
func.func @main(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
  %t = weight.param "embed.weight" : tensor<10x8xbf16>
  %e = nn.embedding %ids, %t : tensor<?x?xi64, ["B", "S"]>, tensor<10x8xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
  %x = aten.to.dtype(%e, dtype = f32) : tensor<?x?x8xf32, ["B", "S"]>
  %a = aten.mul.Scalar(%x, other = 0.3) : tensor<?x?x8xf32, ["B", "S"]>
  %b = aten.mul.Scalar(%a, other = 0.7) : tensor<?x?x8xf32, ["B", "S"]>
  %y = aten.to.dtype(%b, dtype = bf16) : tensor<?x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x?x8xbf16, ["B", "S"]>
}
"""


def test_a_ratio_above_the_limit_is_drawn_again_where_weights_are_random() -> None:
    ctx = make_context()
    once = parse_module(ctx, SCALED)
    often = parse_module(ctx, SCALED.replace("dtype = f32", "dtype = bf16").replace("x8xf32", "x8xbf16"))
    probes, weights = probes_of(once, ((2, 9),)), RandomWeights(0, required_headers(once))
    first, second = Version(once, probes, weights), Version(often, probes, weights)
    assert len(measured_errors(first, first, first)) == 1
    draws = measured_errors(first, first, second)
    assert len(draws) == DRAWS
    assert len({item.rounded for item in draws}) == DRAWS
    assert all(item.narrow <= F32_LIMIT for item in draws)
    measured, ok = reassociated(first, first, second)
    assert not ok
    assert f"mean of {DRAWS} draws" in measured
    given = StateDictWeights({name: weights.tensor(name) for name in weights.names()})
    first, second = Version(once, probes, given), Version(often, probes, given)
    assert len(measured_errors(first, first, second)) == 1


def test_a_pass_that_changes_nothing_is_not_run() -> None:
    assert [row.measured for row in verify(raised(), Twist()).rows] == ["unchanged"]


def test_a_model_that_does_not_fit_is_refused_before_anything_runs() -> None:
    ctx = make_context()
    huge = TEXT.replace("10x8xf32", "99999999999x8xf32")
    module = parse_module(ctx, huge.replace("?x?x10xf32", "?x?x99999999999xf32"))
    with pytest.raises(MemoryShort, match="GiB available"):
        VerifyNumerics(ctx, say=lambda _: None).start(module)


def test_compare_tells_equal_from_close_from_different(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.mlir" for name in ("first", "second", "third"))
    first.write_text(TEXT)
    second.write_text(
        TEXT.replace(
            '%l = aten.linear(%z, %h) : tensor<?x?x10xf32, ["B", "S"]>',
            '%l = nn.linear %z, %h : tensor<?x?x8xf32, ["B", "S"]>, tensor<10x8xf32> -> tensor<?x?x10xf32, ["B", "S"]>',
        )
    )
    third.write_text(TEXT.replace('"layers.1"', '"layers.0"'))
    same = command("compare", first, second, "--policy", "bitwise", "--fidelity", "torch")
    assert same.status == 0 and same.out.count("bitwise equal") == 3
    # under the reference arithmetic an aten op still adds as PyTorch does
    close = command("compare", first, second)
    assert close.status == 0 and "f32 relative L2" in close.out and "reassociates: ok" in close.out
    assert command("compare", first, second, "--policy", "bitwise").status == 1
    other = command("compare", first, third)
    assert other.status == 1 and "reassociates: broken" in other.out
    assert command("compare", first, third, "--policy", "none").status == 0


def test_compare_judges_quantised_programs_without_quantisation(tmp_path: Path) -> None:
    given = Path(__file__).parents[2] / "docs/mlp.mlir"
    promoted, never = (tmp_path / f"{name}.mlir" for name in ("promoted", "never"))
    for file, promote in ((promoted, 128), (never, -1)):
        passes = f"insert-fp8-qdq,fold-weights,fuse-qdq{{promote={promote}}}"
        assert command("opt", given, "-p", passes, "-o", file).status == 0
    done = command("compare", given, promoted)
    assert done.status == 0 and "(with quantisation off)\nreassociates: ok" in done.out
    assert command("compare", promoted, never, "--policy", "bitwise").status == 0
    # what promotion is for shows where products are added as a tensor core adds
    done = command("compare", promoted, never, "--policy", "bitwise", "--fidelity", "tensor_core")
    assert done.status == 1 and "bitwise: broken" in done.out


def test_weights_of_all_versions_are_drawn_once() -> None:
    ctx = make_context()
    module = parse_module(ctx, SCALED)
    first = Version(module, probes_of(module, ((2, 9),)), RandomWeights(0, required_headers(module)))
    second = first.changed(module.clone())
    assert second.weights_in(bf16).tensor("embed.weight") is first.weights_in(bf16).tensor("embed.weight")
    wide = second.weights_in(Float32Type()).tensor("embed.weight")
    assert wide is first.weights_in(Float32Type()).tensor("embed.weight")
    assert torch.equal(wide, first.weights_in(bf16).tensor("embed.weight").float())
    assert first.weights_in(Float64Type()).header("embed.weight") == ((10, 8), torch.float64)
    assert list(first.weights_in(bf16).names()) == ["embed.weight"]
    assert first.weights_in(bf16).header("embed.weight") == ((10, 8), torch.bfloat16)


def test_a_program_without_8_bit_values_is_run_once_for_both() -> None:
    version = Version(raised().op, probes_of(raised().op, ((1, 3),)), RandomWeights(0, required_headers(raised().op)))
    assert version.traces("reference") is version.free()
