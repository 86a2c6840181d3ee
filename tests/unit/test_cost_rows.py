"""Costs of rows in expert order, against numbers worked out by hand and routing that is drawn."""

import random
from math import ceil

import pytest
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import make_context
from dsv3c.ir.cost import CostClass, Env, entry_cost
from dsv3c.ir.cost_model import Cost
from dsv3c.ir.dialects.kernel import KernelCallOp, KernelYieldOp
from dsv3c.ir.dialects.moe_rows import GroupedMmOp, PermuteOp, UnpermuteOp
from dsv3c.ir.dialects.units import body_of, inputs_of
from dsv3c.ir.expected_rows import ROUTING, Routing, expected_multiple, routing_of
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module

ENV = Env(sizes={"T": 5})
X, IDS, W = 'tensor<?x8xbf16, ["T"]>', 'tensor<?x2xi64, ["T"]>', "tensor<4x6x8xbf16>"


def rows_of(layout: str, alignment: int = 1) -> str:
    return {"contiguous": f"2*T + {4 * alignment - 4}", "masked": "4*T", "dense": "4*T"}[layout].removesuffix(" + 0")


def program(layout: str, alignment: int = 1) -> ModuleOp:
    rows = f'["{rows_of(layout, alignment)}"]'
    numbers, hidden, wide = f"tensor<?xi32, {rows}>", f"tensor<?x8xbf16, {rows}>", f"tensor<?x6xbf16, {rows}>"
    weights = 'tensor<?x2xf32, ["T"]>'
    module = parse_module(
        make_context(),
        f"""dsv3c.symbol @T min 0
        func.func @f(%x: {X}, %ids: {IDS}, %g: {weights}) -> ({wide}, {X}) {{
          %w = weight.param "w" : {W}
          %rows, %slots, %of = moe.permute %x by %ids experts 4 layout "{layout}" alignment {alignment} : {X}, {IDS} -> {hidden}, {numbers}, {numbers}
          %y = moe.grouped_mm %rows, %w by %of : {hidden}, {W}, {numbers} -> {wide}
          %out = moe.unpermute %rows at %slots weights %g ids %ids combine_in f32 order "slot" : {hidden}, {numbers}, {weights}, {IDS} -> {X}
          func.return %y, %out : {wide}, {X}
        }}""",  # noqa: E501
    )
    verify_module(module)
    return module


def cost(kind: CostClass, layout: str, alignment: int = 1) -> Cost:
    return entry_cost(program(layout, alignment), "f", ENV).of(kind)


EXPECTED = Routing(5, 0.5, 4)


@pytest.mark.parametrize(
    ("layout", "alignment", "computed", "held"),
    [
        ("contiguous", 1, 10.0, 10),
        ("contiguous", 2, EXPECTED.aligned_rows(2), ceil(EXPECTED.aligned_rows(2))),
        ("contiguous", 8, EXPECTED.aligned_rows(8), ceil(EXPECTED.aligned_rows(8))),
        ("masked", 1, 10.0, 10),
        ("dense", 1, 20.0, 20),
    ],
)
def test_rows_moved_multiplied_and_read_again(layout: str, alignment: int, computed: float, held: int) -> None:
    moved = cost(CostClass.MOVEMENT, layout, alignment)
    assert moved == Cost(
        kind=CostClass.MOVEMENT,
        activation_bytes_read=5 * 8 * 2 + 5 * 2 * 8,
        activation_bytes_written=held * (8 * 2 + 4 + 4),
    )
    read = 4 if layout == "dense" else EXPECTED.distinct
    product = cost(CostClass.EXPERTS, layout, alignment)
    assert product.flops == pytest.approx(2 * computed * 8 * 6)
    assert product.weight_bytes_read == pytest.approx(2 * 8 * 6 * read)
    assert product.activation_bytes_read == pytest.approx(2 * 8 * computed + 4 * held)
    assert product.activation_bytes_written == pytest.approx(2 * 6 * computed)
    combined = cost(CostClass.ELEMENTWISE, layout, alignment)
    assert combined.flops == 2 * 10 * 8
    assert combined.activation_bytes_read == 10 * 8 * 2 + 4 * held + 5 * 2 * 4 + 5 * 2 * 8
    assert combined.activation_bytes_written == 5 * 8 * 2


def test_all_rows_count_where_nothing_says_which_are_padding() -> None:
    module = parse_module(
        make_context(),
        f"""func.func @f(%x: tensor<12x8xbf16>, %of: tensor<12xi32>, %w: {W}, %g: tensor<5x2xf32>, %ids: tensor<5x2xi64>)
            -> (tensor<12x6xbf16>, tensor<5x8xbf16>) {{
          %y = moe.grouped_mm %x, %w by %of : tensor<12x8xbf16>, {W}, tensor<12xi32> -> tensor<12x6xbf16>
          %out = moe.unpermute %x at %of weights %g ids %ids combine_in f32 order "slot" : tensor<12x8xbf16>, tensor<12xi32>, tensor<5x2xf32>, tensor<5x2xi64> -> tensor<5x8xbf16>
          func.return %y, %out : tensor<12x6xbf16>, tensor<5x8xbf16>
        }}""",  # noqa: E501
    )
    totals = entry_cost(module, "f", Env())
    product = totals.of(CostClass.EXPERTS)
    assert (product.flops, product.weight_bytes_read) == (2 * 12 * 8 * 6, 0)
    assert product.activation_bytes_read == 12 * 8 * 2 + 12 * 4 + 4 * 6 * 8 * 2
    assert totals.of(CostClass.ELEMENTWISE).activation_bytes_read == 12 * 8 * 2 + 12 * 4 + 10 * 4 + 10 * 8
    assert totals.matrix_flops() == {"bf16": product.flops}


def as_kernels(module: ModuleOp) -> ModuleOp:
    """Every op over rows as the body of a kernel of its own."""
    for op in list(module.walk()):
        if isinstance(op, PermuteOp | GroupedMmOp | UnpermuteOp):
            inputs, outputs = inputs_of([op]), list(op.results)
            call = KernelCallOp(
                "rows.rows",
                body_of([op], inputs, outputs, KernelYieldOp),
                inputs,
                reads=[f"x{index}" for index in range(len(inputs))],
                writes=[f"y{index}" for index in range(len(outputs))],
                configs=[{"num_warps": 4, "num_stages": 1}],
                parameters={},
            )
            assert op.parent is not None
            op.parent.insert_op_before(call, op)
            for before, after in zip(outputs, call.outputs, strict=True):
                before.replace_all_uses_with(after)
            op.detach()
    verify_module(module)
    return module


@pytest.mark.parametrize(("layout", "alignment"), [("contiguous", 8), ("masked", 1), ("dense", 1)])
def test_ops_cost_the_same_as_bodies_of_kernels(layout: str, alignment: int) -> None:
    module = program(layout, alignment)
    assert entry_cost(as_kernels(module.clone()), "f", ENV).costs == entry_cost(module, "f", ENV).costs


FUSED = """dsv3c.symbol @T min 0
func.func @f(%x: {x}, %ids: {ids}, %g: {g}) -> {x} {{
  %w = weight.param "w" : tensor<4x8x8xbf16>
  %v = aten.view(%w) : tensor<4x8x8xbf16>
  %y = moe.fused %x, %ids, %v, %g : {x}, {ids}, tensor<4x8x8xbf16>, {g} -> {x} {{
  ^bb0(%a: {x}, %i: {ids}, %b: tensor<4x8x8xbf16>, %c: {g}):
    %rows, %slots, %of = moe.permute %a by %i experts 4 layout "dense" alignment 1 : {x}, {ids} -> {rows}, {n}, {n}
    %z = moe.grouped_mm %rows, %b by %of : {rows}, tensor<4x8x8xbf16>, {n} -> {rows}
    {more}
    %o = moe.unpermute %z at %slots weights %c ids %i combine_in f32 order "slot" : {rows}, {n}, {g}, {ids} -> {x}
    moe.yield %o : {x}
  }}
  func.return %y : {x}
}}"""


def fused(more: str) -> ModuleOp:
    rows, numbers, weights = 'tensor<?x8xbf16, ["4*T"]>', 'tensor<?xi32, ["4*T"]>', 'tensor<?x2xf32, ["T"]>'
    module = parse_module(make_context(), FUSED.format(x=X, ids=IDS, g=weights, rows=rows, n=numbers, more=more))
    verify_module(module)
    return module


def test_a_fused_unit_moves_what_crosses_its_border() -> None:
    totals = entry_cost(fused(""), "f", ENV)
    unit = totals.of(CostClass.EXPERTS)
    assert unit == Cost(
        kind=CostClass.EXPERTS,
        flops=2 * 20 * 8 * 8 + 2 * 10 * 8,
        weight_bytes_read=4 * 8 * 8 * 2,
        activation_bytes_read=5 * 8 * 2 + 5 * 2 * 8 + 5 * 2 * 4,
        activation_bytes_written=5 * 8 * 2,
    )
    assert totals.total().numbers() == unit.numbers()
    assert totals.matrix_flops().keys() == {"bf16"}


@pytest.mark.parametrize(
    "more",
    [
        "%q = moe.grouped_mm %rows, %u by %of : {rows}, tensor<4x8x8xf32>, {n} -> {rows}\n"
        "%p = aten.add.Tensor(%q, %z) : {rows}",
        '%q = "test.op"(%z) : ({rows}) -> {rows}',
    ],
    ids=["two types", "no cost"],
)
def test_a_fused_unit_of_two_types_or_with_an_unknown_op_has_no_cost(more: str) -> None:
    rows, numbers = 'tensor<?x8xbf16, ["4*T"]>', 'tensor<?xi32, ["4*T"]>'
    wide = "%u = aten.to.dtype(%b, dtype = f32) : tensor<4x8x8xf32>\n"
    totals = entry_cost(fused(wide + more.format(rows=rows, n=numbers)), "f", ENV)
    assert totals.uncosted == {"moe.fused": 1}


@pytest.mark.parametrize(
    ("tokens", "top_k", "experts", "alignment"),
    [(1, 2, 16, 8), (40, 2, 16, 8), (40, 2, 16, 128), (300, 6, 64, 32), (7, 4, 4, 4)],
)
def test_expected_padding_is_the_mean_of_drawn_routing(tokens: int, top_k: int, experts: int, alignment: int) -> None:
    draw, runs, total = random.Random(3), 400, 0
    for _ in range(runs):
        counts = [0] * experts
        for _ in range(tokens):
            for expert in draw.sample(range(experts), top_k):
                counts[expert] += 1
        total += sum(-(-count // alignment) * alignment for count in counts)
    expected = Routing(tokens, top_k / experts, experts).aligned_rows(alignment)
    assert expected == pytest.approx(total / runs, rel=0.02)


def test_expected_padding_at_its_ends() -> None:
    assert Routing(0, 0.5, 4).aligned_rows(8) == 0
    assert Routing(5, 1.0, 4).aligned_rows(8) == 4 * 8
    assert Routing(16, 1.0, 4).aligned_rows(8) == 4 * 16
    assert Routing(3, 0.5, 4).aligned_rows(1) == 6
    assert expected_multiple(1, 0.25, 128) == pytest.approx(32)
    assert expected_multiple(2, 0.5, 2) == pytest.approx(0.75 * 2)
    assert expected_multiple(10**6, 0.25, 128) == pytest.approx(250_000 + 63.5, abs=0.5)
    assert Routing(1, 0.25, 8).distinct == pytest.approx(2)
    assert Routing(2, 0.5, 4).distinct == pytest.approx(3)


def test_ids_may_hold_fewer_choices_than_they_have_room_for() -> None:
    (permute,) = (op for op in program("masked").walk() if isinstance(op, PermuteOp))
    assert routing_of(permute.ids, 4, ENV) == Routing(5, 0.5, 4)
    assert routing_of(permute.ids, 1, ENV).chance == 1.0
    assert ROUTING.find(PermuteOp) is None


def test_choices_that_every_token_makes() -> None:
    weights = 'tensor<?x2xf32, ["T"]>'
    module = parse_module(
        make_context(),
        f"""dsv3c.symbol @T min 0
        func.func @f(%w: {weights}, %ids: {IDS}) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {{
          %a, %b = moe.append_choice %w, %ids first 4 count 1
            : {weights}, {IDS} -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
          func.return %a, %b : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
        }}""",
    )
    verify_module(module)
    found = entry_cost(module, "f", ENV).of(CostClass.ROUTER)
    assert (found.flops, found.activation_bytes_read, found.activation_bytes_written) == (0, 5 * 2 * 12, 5 * 3 * 12)
    made = next(op for op in module.walk() if op.name == "moe.append_choice")
    assert routing_of(made.results[1], 5, ENV) == Routing(5, 0.5, 5, heavy=1.0)


STATIC = """func.func @f(%x: tensor<5x8xbf16>, %ids: tensor<5x2xi64>, %w: tensor<4x6x8xbf16>) -> tensor<20x6xbf16> {{
  %rows, %slots, %of = moe.permute %x by %ids experts 4 layout "masked" alignment 1 {skips} : tensor<5x8xbf16>, tensor<5x2xi64> -> tensor<20x8xbf16>, tensor<20xi32>, tensor<20xi32>
  %y = moe.grouped_mm %rows, %w by %of {skips} : tensor<20x8xbf16>, tensor<4x6x8xbf16>, tensor<20xi32> -> tensor<20x6xbf16>
  %h = nn.swiglu %y, %y {by} intermediate "input" : tensor<20x6xbf16>
  func.return %h : tensor<20x6xbf16>
}}"""  # noqa: E501


def test_rows_that_are_skipped_are_not_moved() -> None:
    zeros, skipped = (
        entry_cost(parse_module(make_context(), STATIC.format(skips=skips, by=by)), "f", Env())
        for skips, by in (("", ""), ("skips_padding", "by %of : tensor<20xi32>,"))
    )
    tokens, numbers = 5 * 8 * 2 + 5 * 2 * 8, 2 * 20 * 4
    for cost, held in ((zeros, 20), (skipped, 10)):
        moved = cost.of(CostClass.MOVEMENT)
        assert (moved.activation_bytes_read, moved.activation_bytes_written) == (tokens, held * 8 * 2 + numbers)
    gated = zeros.of(CostClass.ELEMENTWISE)
    by_row = skipped.of(CostClass.ELEMENTWISE)
    assert (gated.flops, by_row.flops) == (5 * 20 * 6, 5 * 10 * 6)
    assert (gated.activation_bytes_read, by_row.activation_bytes_read) == (20 * 6 * 2, 10 * 6 * 2 + 20 * 4)
    assert (gated.activation_bytes_written, by_row.activation_bytes_written) == (20 * 6 * 2, 10 * 6 * 2)
