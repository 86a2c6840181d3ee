"""What the evaluator says about masks, tables and constants, and what it refuses."""

import pytest
from xdsl.ir import SSAValue

from dsv3c.compilation.evaluator import TorchEvaluator
from dsv3c.ir.context import make_context
from dsv3c.ir.evaluator import Evidence, Refusal, RopeTable
from dsv3c.ir.functions import functions
from dsv3c.ir.text import parse_module

SS = 'tensor<?x?x{}, ["S", "S"]>'
BOOL, F32, I64 = (SS.format(kind) for kind in ("i1", "f32", "i64"))
DIFFERENCE = f"""
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %q = aten.unsqueeze(%a, dim = 1) : tensor<?x1xi64, ["S"]>
  %d = aten.sub.Tensor(%q, %a) : {I64}
"""
HIDDEN = f"""{DIFFERENCE}
  %h = aten.lt.Scalar(%d, other = 0) : {BOOL}
  %z = aten.zeros(dtype = f32) : {F32}
"""


def values(body: str, arguments: str = "", symbol: str = "min 2 max 16384", rest: str = "") -> dict[str, SSAValue]:
    """The named values of @main."""
    text = f"dsv3c.symbol @B min 1 max 8\ndsv3c.symbol @S {symbol}\n{rest}"
    text += f"func.func @main({arguments}) {{\n{body}\n  func.return\n}}"
    module = parse_module(make_context(), text)
    block = functions(module)["main"].body.block
    found = [*block.args, *(result for op in block.ops for result in op.results)]
    return {value.name_hint or "": value for value in found}


def causal(body: str, arguments: str = "", *, marks_hidden: bool = False, symbol: str = "min 2 max 16384") -> str:
    """What is said about %m."""
    found = TorchEvaluator().causal_mask(values(body, arguments, symbol)["m"], marks_hidden=marks_hidden)
    return found.text if isinstance(found, Evidence) else f"refused: {found.reason}"


def test_bool_mask() -> None:
    seen = f"{DIFFERENCE}  %m = aten.ge.Scalar(%d, other = 0) : {BOOL}"
    assert causal(seen) == "equal for S = 2, 7, 33"
    assert causal(seen, marks_hidden=True).startswith("refused: it is not the lower triangle (B = 1, S = 2)")
    hidden = f"{DIFFERENCE}  %m = aten.lt.Scalar(%d, other = 0) : {BOOL}"
    assert causal(hidden, marks_hidden=True) == "equal for S = 2, 7, 33"
    assert causal(hidden).startswith("refused")
    assert causal(f"{DIFFERENCE}  %m = aten.gt.Scalar(%d, other = 0) : {BOOL}").startswith("refused")


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        ("0xfff0000000000000 : f64", "equal for S = 2, 7, 33"),
        ("-3.4028234663852886e+38", "equal for S = 2, 7, 33"),
        ("-1.0e+4", "refused: it adds other numbers than 0 and minus infinity (B = 1, S = 2)"),
    ],
)
def test_additive_mask(fill: str, said: str) -> None:
    assert causal(f"{HIDDEN}  %m = aten.masked_fill.Scalar(%z, %h, value = {fill}) : {F32}") == said


def test_window_is_told_from_causal_beyond_its_length() -> None:
    window = f"""{DIFFERENCE}
  %ge = aten.ge.Scalar(%d, other = 0) : {BOOL}
  %lt = aten.lt.Scalar(%d, other = 500) : {BOOL}
  %m = aten.logical_and(%ge, %lt) : {BOOL}"""
    assert causal(window) == "refused: it is not the lower triangle (B = 1, S = 502)"
    assert causal(window, symbol="min 2 max 400") == "equal for S = 2, 7, 33, 400"
    huge = causal(window.replace("500", "15000"))
    assert huge.startswith("refused: aten.logical_and")
    assert huge.endswith("makes more than 33554432 elements")


def test_what_is_no_mask() -> None:
    assert causal(f"{DIFFERENCE}  %m = aten.neg(%d) : {I64}") == "refused: it holds torch.int64 (B = 1, S = 2)"
    assert causal('  %m = aten.ones(dtype = i1) : tensor<?xi1, ["S"]>').startswith("refused: it has no dims")
    shorter = '  %m = aten.ones(dtype = i1) : tensor<?x?xi1, ["B", "S"]>'
    assert causal(shorter) == "refused: 1 queries, 2 keys (B = 1, S = 2)"


def test_inputs_and_parameters_are_not_size_only() -> None:
    assert causal("", f"%m: {BOOL}") == "refused: it depends on the input %m of @main"
    param = '  %w = weight.param "w" : tensor<4x4xf32>\n  %m = aten.neg(%w) : tensor<4x4xf32>'
    assert causal(param) == "refused: it depends on the parameter w"


def test_sizes_stay_within_their_symbol() -> None:
    seen = f"{DIFFERENCE}  %m = aten.ge.Scalar(%d, other = 0) : {BOOL}"
    assert causal(seen, symbol="min 8 max 16") == "equal for S = 8, 16"
    assert causal(seen, symbol="min 8 max 100 multiple_of 8") == "equal for S = 8, 40"


def test_results_that_calls_hand_back() -> None:
    vector = 'tensor<?xi64, ["S"]>'
    rest = f"func.func private @same(%x: {vector}, %y: {vector}) -> ({vector}, {vector}) {{\n"
    rest += f"  %z = aten.neg(%x) : {vector}\n  func.return %y, %z : {vector}, {vector}\n}}\n"
    body = f"{DIFFERENCE}  %e = aten.neg(%a) : {vector}\n"
    body += f'  %f, %g = func.call @same(%e, %a) {{prefix = "l"}} : ({vector}, {vector}) -> ({vector}, {vector})\n'
    body += "".join(
        f'  %u{n} = aten.unsqueeze(%{n}, dim = 1) : tensor<?x1xi64, ["S"]>\n'
        f"  %v{n} = aten.ge.Tensor(%u{n}, %a) : {BOOL}\n"
        for n in "fg"
    )
    found = values(body, rest=rest)
    evaluator = TorchEvaluator()
    # %f is %a, the second argument; %g is computed
    assert evaluator.causal_mask(found["vf"]) == Evidence("equal for S = 2, 7, 33")
    assert evaluator.causal_mask(found["vg"]) == Refusal("it is computed by @same")


def test_rope_table() -> None:
    table = 'tensor<?x2xf32, ["S"]>'
    body = f"""{DIFFERENCE}
  %p = aten.to.dtype(%q, dtype = f32) : tensor<?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%p, %f) : {table}
  %c = aten.cos(%g) : {table}
  %s = aten.sin(%g) : {table}
  %one = aten.ones_like(%g) : {table}
  %z = aten.polar(%one, %g) : tensor<?x2xcomplex<f32>, ["S"]>
  %r = aten.view_as_real(%z) : tensor<?x2x2xf32, ["S"]>
  %rc = aten.select.int(%r, dim = -1, index = 0) : {table}
  %rs = aten.select.int(%r, dim = -1, index = 1) : {table}
  %far = aten.mul.Scalar(%s, other = 1.0001) : {table}
"""
    found, evaluator = values(body), TorchEvaluator()
    assert evaluator.rope_table(found["c"], found["s"]) == RopeTable((1.0, 0.25), 1.0, "equal for S = 2, 7, 33")
    polar = evaluator.rope_table(found["rc"], found["rs"])
    assert isinstance(polar, RopeTable)
    assert (polar.inv_freq, polar.scaling) == ((1.0, 0.25), 1.0)
    assert isinstance(evaluator.rope_table(found["s"], found["c"]), Refusal)
    assert isinstance(evaluator.rope_table(found["c"], found["far"]), Refusal)


def test_constant() -> None:
    body = f"""{DIFFERENCE}
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %t = aten.mul.Scalar(%f, other = 2) : tensor<2xf32>
  %sum = aten.sum(%a) : tensor<i64>
"""
    found, evaluator = values(body, "%x: tensor<2xf32>"), TorchEvaluator()
    assert evaluator.constant(found["t"]) == [2.0, 0.5]
    assert evaluator.constant(found["sum"]) == Refusal("it depends on sizes")
    assert evaluator.constant(found["x"]) == Refusal("it depends on the input %x of @main")
