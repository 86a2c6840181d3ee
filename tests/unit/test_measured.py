"""Measured tables: what is looked up, what is interpolated, what stays a floor, and that each says so."""

from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import make_context
from dsv3c.ir.cost_model import Env
from dsv3c.ir.errors import UsageError
from dsv3c.ir.estimates import Durations, measured_us
from dsv3c.ir.floors import function_floor
from dsv3c.ir.functions import functions
from dsv3c.ir.measured import Kernel, MeasuredTable, Point, load_table, parse_table, shipped_tables
from dsv3c.ir.measured_keys import KEYS, Key
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module

H800 = load_target("h800")
TABLE = """
name = "mine"
target = "h800"
source = "my desk"
compute_units = 66

[[kernel]]
op = "nn.linear"
dtype = "bf16"
sizes = { n = 16, k = 8 }
points = [[10, 20.0], [20, 40.0, 60.0], [30, 50.0]]
note = "up"

[[kernel]]
op = "nn.swiglu"
dtype = "bf16"
sizes = { n = 8 }
points = [[20, 7.0]]
"""
X = 'tensor<?x8xbf16, ["T"]>'
LAYER = f"""dsv3c.symbol @T min 0
func.func private @mlp(%x: {X}) -> {X} {{
  %w = weight.param "w" : tensor<16x8xbf16>
  %y = nn.linear %x, %w : {X}, tensor<16x8xbf16> -> tensor<?x16xbf16, ["T"]>
  %gate = aten.slice.Tensor(%y, dim = 1, start = 0, end = 8) : {X}
  %up = aten.slice.Tensor(%y, dim = 1, start = 8, end = 16) : {X}
  %h = nn.swiglu %gate, %up intermediate "input" : {X}
  %v = weight.param "v" : tensor<8x8xbf16>
  %z = nn.linear %h, %v : {X}, tensor<8x8xbf16> -> {X}
  func.return %z : {X}
}}
func.func @main(%x: {X}) -> {X} {{
  %a = func.call @mlp(%x) {{prefix = "0"}} : ({X}) -> {X}
  %b = func.call @mlp(%a) {{prefix = "1"}} : ({X}) -> {X}
  func.return %b : {X}
}}
"""


def table(text: str = TABLE) -> MeasuredTable:
    return parse_table(text, "mine.toml")


def module_of(text: str) -> ModuleOp:
    module = parse_module(make_context(), text)
    verify_module(module)
    return module


def at(tokens: int, text: str = LAYER, given: MeasuredTable | None = None) -> Durations:
    return Durations(module_of(text), Env(sizes={"T": tokens}), H800, given)


def test_times_are_interpolated_inside_of_what_is_measured() -> None:
    kernel = table().kernels[0]
    assert [kernel.us(rows) for rows in (10, 15, 20, 28, 30)] == [20, 35, 50, 50, 50]
    assert kernel.us(12) == pytest.approx(26)
    assert kernel.us(9.9) is None
    assert kernel.us(30.1) is None
    assert (kernel.measured, table().kernels[1].measured) == ("M = 10 to 30", "M = 20")
    assert table().kernels[1].us(20) == 7


def test_a_function_is_the_sum_of_its_kernels() -> None:
    """Two measured, one at its floor; a table of half the units makes products on all units twice as fast."""
    durations = at(20, given=table())
    time = durations.time("mlp")
    linear, swiglu, down = time.kernels
    assert (linear.is_measured, swiglu.is_measured, down.is_measured) == (True, True, False)
    assert (linear.seconds, swiglu.seconds) == (50e-6, 7e-6)
    assert down.seconds == pytest.approx((8 * 8 + 2 * 20 * 8) * 2 / 3.35e12)
    assert time.seconds == pytest.approx(57e-6 + down.seconds)
    assert time.kind == durations.kind == "estimate (mine)"
    assert time.measured_share == pytest.approx(57e-6 / time.seconds)
    full = durations.time("mlp", 132)
    assert (full.kernels[0].seconds, full.kernels[1].seconds) == (25e-6, 7e-6)
    assert "* 66/132 compute units" in full.provenance[0]
    assert durations.seconds("main", 132) == pytest.approx(2 * full.seconds)
    assert durations.time("mlp") is time


def test_provenance_names_the_table_or_the_reason() -> None:
    time = at(20, given=table()).time("mlp")
    assert time.provenance[0] == "50.00 us, mine: nn.linear with n = 16, k = 8 (up) at M = 20"
    assert time.provenance[1] == "7.00 us, mine: nn.swiglu with n = 8 (bf16) at M = 20"
    assert "floor, memory: mine has no nn.linear of bf16 with n = 8, k = 8; memory: " in time.provenance[2]
    outside = at(31, given=table()).time("mlp")
    assert "mine has nn.linear with n = 16, k = 8 for M = 10 to 30, not for M = 31" in outside.provenance[0]
    assert not outside.kernels[0].is_measured


def test_nothing_is_faster_than_its_floor() -> None:
    quick = table(TABLE.replace("[[10, 20.0], [20, 40.0, 60.0], [30, 50.0]]", "[[20, 1e-9]]"))
    kernel = at(20, given=quick).time("mlp").kernels[0]
    assert kernel.seconds == pytest.approx((16 * 8 + 20 * 24) * 2 / 3.35e12)
    assert kernel.is_measured


def test_without_a_table_it_is_a_floor() -> None:
    durations = at(20)
    time, floor = durations.time("mlp", 108), function_floor(module_of(LAYER), "mlp", Env(sizes={"T": 20}), H800, 108)
    assert (time.seconds, time.kind, durations.kind) == (floor.seconds, "floor", "floor")
    assert (time.bound_by, time.provenance, time.kernels) == ("memory", floor.provenance, ())
    assert time.measured_share == 0


def test_several_ops_in_one_kernel_need_all_their_times() -> None:
    text = LAYER.replace("%v = weight", f'%h2 = nn.swiglu %h, %h intermediate "input" : {X}\n%v = weight').replace(
        "nn.linear %h,", "nn.linear %h2,"
    )
    both = at(20, text, table()).time("mlp").kernels[1]
    assert both.seconds == 14e-6
    mixed = at(20, text.replace('nn.swiglu %h, %h intermediate "input"', "aten.neg(%h)"), table()).time("mlp")
    assert not mixed.kernels[1].is_measured
    assert "aten.neg is not measured by shape" in mixed.kernels[1].provenance


def test_a_table_is_for_one_target() -> None:
    with pytest.raises(UsageError, match="table mine was measured on h800, not on h200"):
        Durations(module_of(LAYER), Env(), load_target("h200"), table())


def test_ops_without_a_cost_are_named() -> None:
    text = LAYER.replace("func.return %z", f'"test.op"(%z) : ({X}) -> ()\nfunc.return %z')
    assert at(20, text, table()).time("main").provenance[-1] == "test.op x 2: no cost is known"


def test_shipped_tables() -> None:
    """The published times of training kernels, and DeepGEMM's; 2 * M * N * K over the time is what was published."""
    assert set(shipped_tables()) == {"h800-profile-data", "h800-deepgemm"}
    for shipped in shipped_tables().values():
        assert shipped.target == "h800"
        assert "deepseek-ai/" in shipped.source
    profile = load_table("h800-profile-data")
    assert profile.compute_units == 112
    wo = profile.find("scaled.mm", Key(0, {"n": 7168, "k": 16384}, "f8E4M3FN"))
    assert wo is not None
    assert wo.points == (Point(4096, 885, 930),)
    tflops = 2 * 4096 * 7168 * 16384 / wo.points[0].lowest_us / 1e6
    assert tflops == pytest.approx(1087, rel=2e-3)
    gemm = load_table("h800-deepgemm").find("scaled.mm", Key(0, {"k": 7168, "n": 2112}, "f8E4M3FN"))
    assert gemm is not None
    assert [point.rows for point in gemm.points] == [64, 128, 4096]
    for rows, published in ((64, 206), (128, 352), (4096, 1127)):
        us = gemm.us(rows)
        assert us is not None
        assert 2 * rows * 2112 * 7168 / us / 1e6 == pytest.approx(published, rel=6e-3)


def test_a_user_s_table(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TABLE)
    assert load_table(str(file)) == table()
    with pytest.raises(UsageError, match=r"other\.toml does not exist"):
        load_table(str(tmp_path / "other.toml"))
    with pytest.raises(UsageError, match="unknown table of measured times 'h800-deepgem'") as caught:
        load_table("h800-deepgem")
    assert "did you mean h800-deepgemm?" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "message", "place"),
    [
        ("name =", "name", "not valid TOML", ""),
        ('name = "mine"', "", "key 'name' is missing", ""),
        ('name = "mine"', "name = 3", "name = 3 must be of type str", ""),
        ("compute_units = 66", "compute_units = true", "compute_units = True must be of type int", ""),
        ("[[kernel]]", "[[kernels]]", "unknown key 'kernels'", ""),
        ('op = "nn.linear"', 'opp = "nn.linear"', "unknown key 'opp'", ", kernel 0"),
        ('op = "nn.linear"', "", "key 'op' is missing", ", kernel 0"),
        ("{ n = 16, k = 8 }", "{ n = 16.5 }", "sizes are whole numbers", ", kernel 0"),
        ("[[20, 7.0]]", "[]", "points need ascending", ", kernel 1"),
        ("[[20, 7.0]]", "[[20, 7.0], [20, 8.0]]", "points need ascending", ", kernel 1"),
        ("[[20, 7.0]]", "[[20, 7.0], [10, 8.0]]", "points need ascending", ", kernel 1"),
        ("[[20, 7.0]]", "[[20]]", r"\[20\] is no point", ", kernel 1"),
        ("[[20, 7.0]]", "[[20, 1, 2, 3]]", "is no point", ", kernel 1"),
        ("[[20, 7.0]]", "[[20, 0]]", "is no point", ", kernel 1"),
        ("[[20, 7.0]]", '[[20, "7"]]', "is no point", ", kernel 1"),
        ("[[20, 7.0]]", "[20, 7.0]", "20 is no point", ", kernel 1"),
    ],
)
def test_wrong_tables_name_the_file_and_the_kernel(old: str, new: str, message: str, place: str) -> None:
    assert old in TABLE
    with pytest.raises(UsageError, match=message) as caught:
        parse_table(TABLE.replace(old, new), "mine.toml")
    assert caught.value.where == f"mine.toml{place}"


def test_one_kernel_is_listed_once() -> None:
    again = TABLE[TABLE.index("[[kernel]]") : TABLE.index("note")]
    with pytest.raises(UsageError, match=r"a second nn.linear of these sizes"):
        parse_table(TABLE + again, "mine.toml")
    with pytest.raises(UsageError, match="a kernel is a table"):
        parse_table(TABLE[: TABLE.index("[[kernel]]")] + "kernel = [3]", "mine.toml")


def test_points_of_several_runs_are_ordered() -> None:
    assert table(TABLE.replace("40.0, 60.0", "60.0, 40.0")).kernels[0].points[1] == Point(20, 60, 60)


KEYED = {
    "linear": (
        '%w = weight.param "w" : tensor<12x8xbf16>\n'
        f'%y = nn.linear %x, %w : {X}, tensor<12x8xbf16> -> tensor<?x12xbf16, ["T"]>',
        Key(6, {"n": 12, "k": 8}, "bf16"),
    ),
    "norm": (
        '%w = weight.param "w" : tensor<8xbf16>\n'
        f'%y = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : {X}, tensor<8xbf16>',
        Key(6, {"n": 8}, "bf16"),
    ),
    "swiglu": (f'%y = nn.swiglu %x, %x intermediate "input" : {X}', Key(6, {"n": 8}, "bf16")),
    "quantize": (
        '%y = scaled.quantize %x quantizer <amax_floor 1.0e-04, apply "divide", round_scale "none"> '
        f': {X} -> !scaled.tensor<tensor<?x8xf8E4M3FN, ["T"]>, 1x8, f32>',
        Key(6, {"n": 8}, "f8E4M3FN"),
    ),
}


@pytest.mark.parametrize("name", KEYED)
def test_keys(name: str) -> None:
    body, expected = KEYED[name]
    module = module_of(f"dsv3c.symbol @T min 0\nfunc.func @f(%x: {X}) {{\n{body}\nfunc.return\n}}")
    *_, op, _ = functions(module)["f"].body.block.ops
    rule = KEYS.find(op)
    assert rule is not None
    assert rule(op, Env(sizes={"T": 6})) == expected
    found = Kernel(op=op.name, dtype=expected.dtype, sizes=expected.sizes, points=(Point(6, 1, 1),))
    given = MeasuredTable(name="t", target="h800", source="", compute_units=1, kernels=(found,))
    assert measured_us(op, Env(sizes={"T": 6}), given)[0] == 1
    for other in ({"op": "other"}, {"dtype": "f64"}, {"sizes": {}}):
        fields = {"op": found.op, "dtype": found.dtype, "sizes": found.sizes, "points": found.points} | other
        changed = MeasuredTable(name="t", target="h800", source="", compute_units=1, kernels=(Kernel(**fields),))
        assert measured_us(op, Env(sizes={"T": 6}), changed)[0] is None
