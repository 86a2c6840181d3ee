"""Floors against numbers worked out by hand: what bounds a function, what share of the device it has, and why."""

import dataclasses

import pytest
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import make_context
from dsv3c.ir.cost_model import Cost, CostClass, Env
from dsv3c.ir.errors import UsageError
from dsv3c.ir.floors import floor_of_work, function_floor, kernels_of, region_floor
from dsv3c.ir.functions import functions
from dsv3c.ir.fused_regions import Region, fused_regions
from dsv3c.ir.targets import Target
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module

TARGET = Target(
    name="toy",
    description="",
    kind="gpu",
    arch="",
    backends=(),
    num_compute_units=10,
    memory_bytes_per_s=1e6,
    scale_up_bytes_per_s=1e5,
    scale_out_bytes_per_s=1e4,
    scale_out_latency_s=0.5,
    dense_flops_per_s={"bf16": 1e9, "f32": 1e8},
    sources={"memory_bytes_per_s": "its manual", "dense_flops_per_s": "a talk"},
)
X = 'tensor<?x8xbf16, ["T"]>'
DECLARED = "dsv3c.symbol @T min 0\n"
ENV = Env(sizes={"T": 6})

LAYER = f"""{DECLARED}
func.func private @mlp(%x: {X}, %r: {X}) -> {X} {{
  %w = weight.param "w" : tensor<16x8xbf16>
  %y = nn.linear %x, %w : {X}, tensor<16x8xbf16> -> tensor<?x16xbf16, ["T"]>
  %gate = aten.slice.Tensor(%y, dim = 1, start = 0, end = 8) : {X}
  %up = aten.slice.Tensor(%y, dim = 1, start = 8, end = 16) : {X}
  %h = nn.swiglu %gate, %up intermediate "input" : {X}
  %v = weight.param "v" : tensor<8x8xbf16>
  %z = nn.linear %h, %v : {X}, tensor<8x8xbf16> -> {X}
  %s = aten.add.Tensor(%z, %r) : {X}
  func.return %s : {X}
}}
func.func @main(%x: {X}) -> {X} {{
  %a = func.call @mlp(%x, %x) {{prefix = "0"}} : ({X}, {X}) -> {X}
  %b = func.call @mlp(%a, %x) {{prefix = "1"}} : ({X}, {X}) -> {X}
  func.return %b : {X}
}}
"""
ROWS = 6 * 8 * 2
"""Bytes of a [T, 8] activation."""


def module_of(text: str) -> ModuleOp:
    module = parse_module(make_context(), text)
    verify_module(module)
    return module


def regions_of(text: str, name: str = "f") -> list[Region]:
    found, unknown = fused_regions(functions(module_of(DECLARED + text))[name], ENV)
    assert not unknown
    return found


def moved(region: Region) -> tuple[str, float, float]:
    return region.name, region.cost.activation_bytes_read, region.cost.activation_bytes_written


def test_products_are_regions_of_their_own() -> None:
    regions, unknown = fused_regions(functions(module_of(LAYER))["mlp"], ENV)
    assert [moved(region) for region in regions] == [
        ("nn.linear", ROWS, 2 * ROWS),
        ("nn.swiglu", 2 * ROWS, ROWS),
        ("nn.linear", ROWS, ROWS),
        ("aten.add.Tensor", 2 * ROWS, ROWS),
    ]
    assert unknown == []
    assert (regions[0].cost.flops, regions[0].cost.dtype) == (2 * 6 * 8 * 16, "bf16")


def test_what_stays_inside_a_region_is_not_moved() -> None:
    """Both sums and the product are one kernel: %a is neither written nor read, %x is read once."""
    (region,) = regions_of(f"""func.func private @f(%x: {X}, %r: {X}) -> {X} {{
      %a = aten.add.Tensor(%x, %r) : {X}
      %b = aten.mul.Tensor(%a, %x) : {X}
      %c = aten.add.Tensor(%b, %a) : {X}
      func.return %c : {X}
    }}""")
    assert moved(region) == ("aten.add.Tensor + aten.mul.Tensor", 2 * ROWS, ROWS)
    assert region.cost.flops == 3 * 6 * 8


def test_what_leaves_a_region_is_written() -> None:
    (region,) = regions_of(f"""func.func private @f(%x: {X}, %r: {X}) -> ({X}, {X}) {{
      %a = aten.add.Tensor(%x, %r) : {X}
      %b = aten.mul.Tensor(%a, %a) : {X}
      func.return %a, %b : {X}, {X}
    }}""")
    assert moved(region) == ("aten.add.Tensor + aten.mul.Tensor", 2 * ROWS, 2 * ROWS)


def test_views_are_looked_through() -> None:
    """A view inside costs nothing; one that leaves makes its base be written."""
    text = f"""func.func private @f(%x: {X}) -> ({X}, tensor<?x4xbf16, ["2*T"]>) {{
      %a = aten.add.Tensor(%x, %x) : {X}
      %s = aten.slice.Tensor(%a, dim = 0, start = 0, end = 9223372036854775807) : {X}
      %b = aten.mul.Tensor(%s, %s) : {X}
      %v = aten.reshape(%a) : tensor<?x4xbf16, ["2*T"]>
      func.return %b, %v : {X}, tensor<?x4xbf16, ["2*T"]>
    }}"""
    assert [moved(region)[1:] for region in regions_of(text)] == [(ROWS, 2 * ROWS)]
    inside = text.replace("%b, %v :", "%b, %w :").replace(
        "func.return", '%w = aten.reshape(%x) : tensor<?x4xbf16, ["2*T"]>\nfunc.return'
    )
    assert [moved(region)[1:] for region in regions_of(inside)] == [(ROWS, ROWS)]


def test_a_region_does_not_reach_around_a_product() -> None:
    """%a feeds %b directly and through the product: one kernel of both would wait for itself."""
    regions = regions_of(f"""func.func private @f(%x: {X}) -> {X} {{
      %w = weight.param "w" : tensor<8x8xbf16>
      %a = aten.add.Tensor(%x, %x) : {X}
      %y = nn.linear %a, %w : {X}, tensor<8x8xbf16> -> {X}
      %b = aten.add.Tensor(%y, %a) : {X}
      func.return %b : {X}
    }}""")
    assert [moved(region) for region in regions] == [
        ("aten.add.Tensor", ROWS, ROWS),
        ("nn.linear", ROWS, ROWS),
        ("aten.add.Tensor", 2 * ROWS, ROWS),
    ]


def test_unconnected_ops_are_regions_apart() -> None:
    regions = regions_of(f"""func.func private @f(%x: {X}, %y: {X}) -> ({X}, {X}) {{
      %a = aten.add.Tensor(%x, %x) : {X}
      %b = aten.add.Tensor(%y, %y) : {X}
      %c = aten.mul.Tensor(%b, %b) : {X}
      func.return %a, %c : {X}, {X}
    }}""")
    assert [region.name for region in regions] == ["aten.add.Tensor", "aten.add.Tensor + aten.mul.Tensor"]


def test_regions_joined_late_are_one() -> None:
    (region,) = regions_of(f"""func.func private @f(%x: {X}, %y: {X}) -> {X} {{
      %a = aten.add.Tensor(%x, %x) : {X}
      %b = aten.mul.Tensor(%y, %y) : {X}
      %c = aten.add.Tensor(%a, %b) : {X}
      func.return %c : {X}
    }}""")
    assert moved(region)[1:] == (2 * ROWS, ROWS)


def test_weights_are_no_activations() -> None:
    (region,) = regions_of(f"""func.func private @f(%x: {X}) -> {X} {{
      %w = weight.param "w" : tensor<8xbf16>
      %a = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : {X}, tensor<8xbf16>
      %b = nn.rms_norm %a, %w eps 1.0e-06 weight_in "f32" : {X}, tensor<8xbf16>
      func.return %b : {X}
    }}""")
    assert moved(region)[1:] == (ROWS, ROWS)
    assert region.cost.weight_bytes_read == 2 * 16


def test_a_weight_read_twice_takes_nothing_from_the_activations() -> None:
    (region,) = regions_of(f"""func.func private @f(%x: {X}, %r: {X}) -> {X} {{
      %w = weight.param "w" : tensor<8xbf16>
      %a = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : {X}, tensor<8xbf16>
      %b = nn.rms_norm %r, %w eps 1.0e-06 weight_in "f32" : {X}, tensor<8xbf16>
      %c = aten.add.Tensor(%a, %b) : {X}
      func.return %c : {X}
    }}""")
    assert moved(region)[1:] == (2 * ROWS, ROWS)


def test_one_of_several_views_that_leaves_is_enough() -> None:
    half = 'tensor<?x4xbf16, ["T"]>'
    (region,) = regions_of(f"""func.func private @f(%x: {X}) -> ({half}, {half}) {{
      %a = aten.add.Tensor(%x, %x) : {X}
      %s, %t = aten.split.Tensor(%a, split_size = 4, dim = 1) : {half}, {half}
      %b = aten.mul.Tensor(%s, %s) : {half}
      func.return %b, %t : {half}, {half}
    }}""")
    assert moved(region)[1:] == (ROWS, ROWS + ROWS / 2)


def test_two_products_in_a_row_and_what_is_around_them() -> None:
    """Regions before, between and after: a value that passes by both products is read at the end."""
    regions = regions_of(f"""func.func private @f(%x: {X}) -> {X} {{
      %w = weight.param "w" : tensor<8x8xbf16>
      %a = aten.add.Tensor(%x, %x) : {X}
      %b = aten.mul.Tensor(%a, %x) : {X}
      %y = nn.linear %b, %w : {X}, tensor<8x8xbf16> -> {X}
      %z = nn.linear %y, %w : {X}, tensor<8x8xbf16> -> {X}
      %c = aten.add.Tensor(%z, %a) : {X}
      %d = aten.add.Tensor(%c, %y) : {X}
      func.return %d : {X}
    }}""")
    assert [moved(region) for region in regions] == [
        ("aten.add.Tensor + aten.mul.Tensor", ROWS, 2 * ROWS),
        ("nn.linear", ROWS, ROWS),
        ("nn.linear", ROWS, ROWS),
        ("aten.add.Tensor", 3 * ROWS, ROWS),
    ]


def test_caches_and_exchanges_take_part() -> None:
    """A cache is no activation; a dispatch is a kernel of its own, and reads what the quantiser before it wrote."""
    cache = '!mla.cache<"pages" x 4, latent 8 x bf16, rope 8 x bf16>'
    tables = '%pos: tensor<?xi32, ["T"]>, %off: tensor<2xi32>, %bt: tensor<1x1xi32>'
    token, ids = '!comm.token<"ep">', 'tensor<?x2xi64, ["T"]>'
    rows, meta = (
        X.replace('"T"', '"4*T"'),
        'tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<?x2xi32, ["4*T"]>',
    )
    module = module_of(f"""{DECLARED}
    dsv3c.symbol @pages min 0
    comm.mesh @ep nodes 1 gpus 2
    func.func @f(%x: {X}, %w: tensor<?x2xbf16, ["T"]>, %ids: {ids}, %c: {cache}, {tables}) -> ({rows}, {cache}) {{
      %t = comm.start : {token}
      %p = comm.placement <0:4> : tensor<4xi32>
      %a = aten.add.Tensor(%x, %x) : {X}
      %n = mla.append %a, %a to %c at %pos, %off, %bt : {X}, {X}, {cache}, tensor<?xi32, ["T"]>, tensor<2xi32>, tensor<1x1xi32> -> {cache}
      %rows, %rw, %ri, %src, %t2 = comm.dispatch %a, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : {X}, tensor<?x2xbf16, ["T"]>, {ids}, tensor<4xi32>, {token} -> {rows}, {meta}
      %m = aten.add.Tensor(%rows, %rows) : {rows}
      func.return %m, %n : {rows}, {cache}
    }}""")  # noqa: E501
    regions, unknown = fused_regions(functions(module)["f"], ENV)
    assert unknown == []
    names = [region.name for region in regions]
    assert names == ["aten.add.Tensor + mla.append", "comm.dispatch", "aten.add.Tensor"]
    assert (regions[0].cost.activation_bytes_read, regions[0].cost.activation_bytes_written) == (
        ROWS + 4 * (6 + 2 + 1),
        ROWS,
    )
    assert regions[0].cost.cache_bytes_written == 6 * 32


def test_floor_of_a_function_and_of_what_it_calls() -> None:
    module = module_of(LAYER)
    weights, activations = (16 * 8 + 8 * 8) * 2, 11 * ROWS
    floor = function_floor(module, "mlp", ENV, TARGET)
    assert floor.seconds == pytest.approx((weights + activations) / 1e6)
    assert floor.bound_by == "memory"
    compute = next(part for part in floor.parts if part.resource == "compute")
    assert compute.seconds == pytest.approx(2 * 6 * 8 * 24 / 1e9)
    twice = function_floor(module, "main", ENV, TARGET)
    assert twice.seconds == pytest.approx(2 * floor.seconds)


def work(**numbers: float) -> Cost:
    return Cost(kind=CostClass.PROJECTIONS, **numbers)


def test_compute_is_shared_by_the_operand_types_and_has_a_share_of_the_units() -> None:
    flops = {"bf16": 3e9, "f32": 2e8}
    full = floor_of_work("f", work(weight_bytes_read=2e6), flops, TARGET, None)
    assert (full.seconds, full.bound_by) == (pytest.approx(3 + 2), "compute")
    part = floor_of_work("f", work(weight_bytes_read=2e6), flops, TARGET, 4)
    assert part.seconds == pytest.approx((3 + 2) * 10 / 4)
    assert "3e+09 FLOP / (1e+09 FLOP/s * 4/10)" in part.provenance[0]
    assert floor_of_work("f", work(), flops, TARGET, 10).seconds == full.seconds
    alone = floor_of_work("f", work(weight_bytes_read=2e6), {}, TARGET, 4)
    assert (alone.seconds, alone.bound_by) == (pytest.approx(2.0), "memory")  # memory has no share


@pytest.mark.parametrize("sms", [0, -1, 11])
def test_a_share_of_units_is_one_that_the_target_has(sms: int) -> None:
    with pytest.raises(UsageError, match=f"{sms} compute units for matrix products: toy has 10"):
        floor_of_work("f", work(), {"bf16": 1.0}, TARGET, sms)
    assert floor_of_work("f", work(weight_bytes_read=1.0), {}, TARGET, sms).seconds == 1e-6


def test_every_kind_of_bytes_counts_once() -> None:
    cost = work(
        weight_bytes_read=1.0,
        activation_bytes_read=10.0,
        activation_bytes_written=100.0,
        cache_bytes_read=1000.0,
        cache_bytes_written=10000.0,
        scale_bytes=5.0,
    )
    assert floor_of_work("f", cost, {}, TARGET, None).seconds == pytest.approx(11111e-6)


def test_links_add_the_latency_of_messages_that_wait() -> None:
    out = floor_of_work("f", work(scale_out_bytes=2e4, scale_out_messages=3, scale_up_bytes=1e5), {}, TARGET, None)
    assert (out.seconds, out.bound_by) == (pytest.approx(2 + 3 * 0.5), "scale_out")
    assert out.parts[0].formula == "1e+05 B / 1e+05 B/s"
    assert out.parts[1].formula == "2e+04 B / 1e+04 B/s + 3 * 0.5 s"
    up = floor_of_work("f", work(scale_up_bytes=4e5, scale_up_messages=2), {}, TARGET, None)
    assert (up.seconds, up.bound_by) == (pytest.approx(4.0), "scale_up")
    assert up.parts[0].formula.endswith("(toy states no latency)")


def test_provenance_names_fact_and_source_of_what_binds_first() -> None:
    floor = floor_of_work("f", work(weight_bytes_read=3e6), {"bf16": 1e9, "f8E5M2": 1.0}, TARGET, None, ("g: unknown",))
    assert floor.provenance == (
        "memory: 3000000.00 us = 3e+06 B / 1e+06 B/s; memory_bytes_per_s: its manual",
        "compute: 1000000.00 us = 1e+09 FLOP / (1e+09 FLOP/s); dense_flops_per_s[bf16]: a talk",
        "g: unknown",
        "products of f8E5M2: toy states no rate for them",
    )


def test_nothing_takes_no_time() -> None:
    floor = floor_of_work("f", work(), {"bf16": 0.0, "f8E5M2": 0.0}, TARGET, None)
    assert (floor.seconds, floor.bound_by, floor.parts, floor.left_out) == (0.0, "nothing", (), ())


def test_missing_rates_are_errors() -> None:
    target = dataclasses.replace(TARGET, memory_bytes_per_s=None, scale_up_bytes_per_s=None, num_compute_units=None)
    with pytest.raises(UsageError, match="toy does not state memory_bytes_per_s"):
        floor_of_work("f", work(cache_bytes_read=1.0), {}, target, None)
    with pytest.raises(UsageError, match="toy does not state scale_up_bytes_per_s"):
        floor_of_work("f", work(scale_up_bytes=1.0), {}, target, None)
    with pytest.raises(UsageError, match="toy does not state num_compute_units"):
        floor_of_work("f", work(), {"bf16": 1.0}, target, 4)
    assert floor_of_work("f", work(), {"bf16": 1e9}, target, None).seconds == 1.0


def test_ops_without_a_cost_are_named() -> None:
    module = module_of(f"""{DECLARED}
    func.func private @f(%x: {X}) {{
      "test.op"(%x) : ({X}) -> ()
      func.return
    }}
    func.func @main(%x: {X}) {{
      func.call @f(%x) : ({X}) -> ()
      func.call @f(%x) : ({X}) -> ()
      func.return
    }}""")
    assert function_floor(module, "main", ENV, TARGET).left_out == ("test.op x 2: no cost is known",)


def test_a_region_by_itself() -> None:
    module = module_of(LAYER)
    (first, count), (swiglu, _), *_ = kernels_of(module, "mlp", ENV).regions
    assert region_floor(swiglu, TARGET, 0).left_out == ()
    floor = region_floor(first, TARGET, 5)
    assert (floor.name, count) == ("nn.linear", 1)
    assert floor.seconds == pytest.approx((16 * 8 * 2 + 3 * ROWS) / 1e6)
    assert {part.resource: part.seconds for part in floor.parts}["compute"] == pytest.approx(2 * 6 * 8 * 16 * 2 / 1e9)
