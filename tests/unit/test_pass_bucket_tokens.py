"""What ``bucket-tokens`` compares: the same costs as the ops it makes, expected padding, and ranges of a choice."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.cost import CostClass, function_cost
from dsv3c.ir.cost_model import Cost, Env
from dsv3c.ir.dialects.moe_rows import PermuteOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.expected_rows import Routing
from dsv3c.ir.functions import functions
from dsv3c.ir.outcomes import Kind
from dsv3c.ir.targets import Target, load_target
from dsv3c.ir.text import parse_module
from dsv3c.ir.types import shape
from dsv3c.ir.verify import verify_module
from dsv3c.passes.bucket_tokens import BucketTokensPass
from dsv3c.passes.bucketing_cost import ExpertSizes, Layout, Step, Work, alignment_for, choose, span, work

GATE = (
    '%w, %ids = moe.gate %logits top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : '
    'tensor<?x4xf32, ["T"]> -> tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>'
)
X = 'tensor<?x8xbf16, ["T"]>'


def program(up: bool = False, attributes: str = "", symbol: str = "min 0 max 4096 hint 32") -> ModuleOp:
    gate = "tensor<4x6x8xbf16>" if up else "tensor<4x12x8xbf16>"
    apart = f" up %up : {gate}" if up else ""
    module = parse_module(
        make_context(),
        f"""dsv3c.symbol @T {symbol}
        func.func @f(%x: {X}, %logits: tensor<?x4xf32, ["T"]>) -> {X} {attributes} {{
          %gate = weight.param "gate" : {gate}
          %up = weight.param "up" : {gate}
          %down = weight.param "down" : tensor<4x8x6xbf16>
          {GATE}
          %y = moe.experts %x, %w, %ids gate %gate{apart} down %down combine_in f32 order "slot" intermediate "input" :
            {X}, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, {gate}, tensor<4x8x6xbf16> -> {X}
          func.return %y : {X}
        }}""",
    )
    verify_module(module)
    return module


def apply(module: ModuleOp, target: str | Target = "h800", **options: object) -> CompileContext:
    ctx = make_context(target=load_target(target) if isinstance(target, str) else target)
    BucketTokensPass(**options).apply(ctx, module)  # pyright: ignore[reportArgumentType]
    verify_module(module)
    return ctx


def permutes(module: ModuleOp) -> list[PermuteOp]:
    return [op for op in module.walk() if isinstance(op, PermuteOp)]


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("tokens", [1, 5, 300])
@pytest.mark.parametrize(("layout", "alignment"), [("contiguous", 1), ("contiguous", 8), ("masked", 0), ("dense", 0)])
def test_a_layouts_cost_is_that_of_the_ops_it_becomes(layout: str, alignment: int, tokens: int, up: bool) -> None:
    module = program(up)
    ctx = apply(module, layout=layout, alignment=alignment)
    totals = function_cost(functions(module)["f"], Env(sizes={"T": tokens}))
    total = Cost(kind=CostClass.MOVEMENT)
    for kind in (CostClass.MOVEMENT, CostClass.EXPERTS, CostClass.ELEMENTWISE):
        total += replace(totals.of(kind), kind=CostClass.MOVEMENT)
    sizes = ExpertSizes(hidden=8, width=6, choices=2, products=1 + up, element_bytes=2, weight_bytes=4, dtype="bf16")
    made = Layout(layout, alignment or 1)
    step = Step(tokens, tokens, Routing(tokens, 0.5, 4))
    done = work(sizes, made, step)
    assert done.flops == pytest.approx(total.flops)
    assert done.memory_bytes == pytest.approx(total.activation_bytes + total.weight_bytes_read)
    (outcome,) = ctx.outcomes
    numbers = work(sizes, made, Step(32, 32, Routing(32, 0.5, 4)))
    assert outcome.numbers[f"{layout}_flops"] == round(numbers.flops)
    assert outcome.numbers[f"{layout}_bytes"] == round(numbers.memory_bytes)
    assert shape(permutes(module)[0].slots)[0] == {
        ("contiguous", 1): "2*T", ("contiguous", 8): "2*T + 28", ("masked", 0): "4*T", ("dense", 0): "4*T",
    }[layout, alignment]  # fmt: skip


SIZES = ExpertSizes(hidden=7168, width=2048, choices=8, products=1, element_bytes=2, weight_bytes=4, dtype="bf16")


def v3(tokens: int) -> Step:
    return Step(tokens, tokens, Routing(tokens, 8 / 256, 256))


ALIGNED, MASKED, DENSE = Layout("contiguous", 128), Layout("masked"), Layout("dense")


def test_rows_of_a_deepseek_v3_layer() -> None:
    assert ALIGNED.held_rows(SIZES, v3(4096)) == 4096 * 8 + 256 * 127
    assert ALIGNED.filled_rows(SIZES, v3(4096)) == ALIGNED.computed_rows(SIZES, v3(4096)) == pytest.approx(48382, abs=1)
    assert (MASKED.held_rows(SIZES, v3(128)), MASKED.filled_rows(SIZES, v3(128))) == (32768, 32768)
    assert MASKED.computed_rows(SIZES, v3(128)) == 1024
    assert DENSE.held_rows(SIZES, v3(4)) == DENSE.computed_rows(SIZES, v3(4)) == DENSE.filled_rows(SIZES, v3(4)) == 1024
    bounded = Step(512, 64, Routing(64, 1 / 64, 4))
    assert (MASKED.held_rows(SIZES, bounded), DENSE.held_rows(SIZES, bounded)) == (256, 2048)
    assert bounded.at(1024) == Step(1024, 128, Routing(128, 1 / 64, 4))
    assert [str(layout) for layout in (ALIGNED, MASKED)] == ["contiguous (alignment 128)", "masked"]


def both(step: Step) -> Sequence[Layout]:
    return [ALIGNED, MASKED]


def test_the_choice_changes_where_it_says() -> None:
    h800 = load_target("h800")
    few, many = (choose(h800, SIZES, v3(tokens), both, (0, 4096)) for tokens in (128, 2048))
    assert (few.layout, many.layout) == (MASKED, ALIGNED)
    assert few.reason == "masked rows are cheapest for 1..318 tokens, by floor time on h800"
    assert many.reason == "contiguous (alignment 128) rows are cheapest for 319..4096 tokens, by floor time on h800"
    costs = {n: [work(SIZES, made, v3(n)).cost(h800, "bf16")[0] for made in (ALIGNED, MASKED)] for n in (318, 319)}
    assert costs[318][1] < costs[318][0]
    assert costs[319][0] < costs[319][1]
    assert list(few.numbers) == [
        "layout", "tokens", "rows", "padding_rows", "padding_share", "contiguous_flops", "contiguous_bytes",
        "masked_flops", "masked_bytes",
    ]  # fmt: skip
    assert (few.numbers["rows"], few.numbers["padding_rows"], few.numbers["padding_share"]) == (32768, 31744, 0.9688)
    assert (many.numbers["rows"], many.numbers["tokens"]) == (2048 * 8 + 256 * 127, 2048)
    wasted = ALIGNED.filled_rows(SIZES, v3(2048)) - 2048 * 8
    assert many.numbers["padding_rows"] == round(wasted, 1)
    assert many.numbers["padding_share"] == round(wasted / (wasted + 2048 * 8), 4)
    one = choose(h800, SIZES, v3(128), lambda step: [DENSE], (0, 4096))
    assert (one.layout, one.reason) == (DENSE, "dense rows")
    open_ended = choose(h800, SIZES, v3(2048), both, (0, None))
    assert "for 319 tokens and more," in open_ended.reason


def test_without_rates_flops_decide_and_bytes_break_ties() -> None:
    cpu = load_target("cpu")
    assert choose(cpu, SIZES, v3(128), both, (0, 4096)).reason.endswith("by FLOPs")
    assert Work(2.0, 9.0).cost(cpu, "bf16") == (2.0, 9.0)
    assert Work(989e12, 1.0).cost(load_target("h800"), "bf16") == (1.0, 1.0)
    assert Work(1.0, 3.35e12).cost(load_target("h800"), "bf16") == (1.0, 3.35e12)
    nothing = choose(cpu, SIZES, Step(1, 1, Routing(0, 0.5, 4)), lambda step: [Layout("contiguous")], (0, 1))
    assert (nothing.numbers["padding_rows"], nothing.numbers["padding_share"]) == (0, 0)


def test_span_looks_both_ways_within_its_bounds() -> None:
    def best(tokens: int) -> Layout:
        return MASKED if 7 <= tokens <= 100 else ALIGNED

    assert span(best, 32, (0, 4096)) == (7, 100)
    assert span(best, 32, (20, 50)) == (20, 50)
    assert span(best, 5, (0, 4096)) == (1, 6)
    assert span(best, 101, (0, 4096)) == (101, 4096)
    assert span(best, 101, (0, None)) == (101, None)
    assert span(best, 50, (0, None)) == (7, 100)
    assert span(best, 101, (0, 1 << 20)) == (101, 1 << 20)
    assert span(best, 60, (80, 90)) == (60, 90)
    assert span(best, 95, (80, 90)) == (80, 95)
    assert span(lambda tokens: MASKED, 1, (1, 1)) == (1, 1)


def test_the_smallest_alignment_that_holds_an_experts_rows() -> None:
    for tokens, expected in ((1, 32), (1024, 32), (1025, 64), (2048, 64), (4096, 128), (100000, 128)):
        assert alignment_for((32, 64, 128), v3(tokens)) == expected
    assert alignment_for((128,), v3(1)) == 128


def test_the_target_is_asked_for_the_alignment() -> None:
    for target, alignment in (("h800", 128), ("b200", 32), ("cpu", 1)):
        module = program()
        apply(module, target, layout="contiguous")
        assert permutes(module)[0].alignment.value.data == alignment
    silent = replace(load_target("mi300x"), group_alignment=None)
    for layout in ("auto", "contiguous"):
        with pytest.raises(UsageError) as error:
            apply(program(), silent, layout=layout)
        assert "target mi300x does not state group_alignment" in str(error.value)
        assert "bucket-tokens{alignment=N}" in str(error.value)
    for options in ({"alignment": 16}, {"layout": "masked"}, {"layout": "dense"}):
        module = program()
        apply(module, silent, **options)
        assert len(permutes(module)) == 1


def phase(name: str, tokens: int) -> str:
    return (
        f'attributes {{phase = {{name = "{name}", min_query = 1 : i64, max_query = 1 : i64, tokens = {tokens} : i64, '
        "sequences = 8 : i64, context = 1000 : i64}}"
    )


def tokens_of(module: ModuleOp, **point: int) -> object:
    ctx = make_context(target=load_target("h800"))
    ctx.operating_point = point
    BucketTokensPass().apply(ctx, module)
    (outcome,) = ctx.outcomes
    assert outcome.kind is Kind.FIRED
    return outcome.numbers["tokens"]


def test_the_step_is_the_phases_else_the_operating_points_else_the_hint() -> None:
    assert tokens_of(program()) == 32
    assert tokens_of(program(symbol="min 3")) == 3
    assert tokens_of(program(symbol="min 0")) == 1
    assert tokens_of(program(), T=70) == 70
    assert tokens_of(program(attributes=phase("prefill", 500)), T=70) == 500


def test_a_function_of_several_phases_is_made_for_the_one_with_most_tokens() -> None:
    text = str(program()).replace("func.func @f", "func.func private @f")
    entries = "".join(
        f'func.func @{name}(%x: {X}, %logits: tensor<?x4xf32, ["T"]>) -> {X} {phase(name, tokens)} {{\n'
        f'%y = func.call @f(%x, %logits) {{prefix = ""}} : ({X}, tensor<?x4xf32, ["T"]>) -> {X}\n'
        f"func.return %y : {X}\n}}\n"
        for name, tokens in (("one", 40), ("two", 90), ("three", 60))
    )
    module = parse_module(make_context(), text.rstrip().removesuffix("}") + entries + "}")
    assert tokens_of(module) == 90


def test_an_expert_that_every_token_takes_gets_a_row_of_each() -> None:
    ids, weights = 'tensor<?x2xi64, ["T"]>', 'tensor<?x2xf32, ["T"]>'
    module = parse_module(
        make_context(),
        f"""dsv3c.symbol @T min 1 max 64 hint 32
        func.func @f(%x: {X}, %logits: tensor<?x4xf32, ["T"]>, %gate: tensor<5x12x8xbf16>, %down: tensor<5x8x6xbf16>)
            -> {X} {{
          %w, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0
            : tensor<?x4xf32, ["T"]> -> {weights}, {ids}
          %all, %more = moe.append_choice %w, %ids first 4 count 1
            : {weights}, {ids} -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
          %y = moe.experts %x, %all, %more gate %gate down %down combine_in f32 order "slot" intermediate "input" :
            {X}, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<5x12x8xbf16>, tensor<5x8x6xbf16> -> {X}
          func.return %y : {X}
        }}""",
    )
    ctx = apply(module, layout="masked")
    (permute,) = permutes(module)
    assert permute.capacity == "T"
    (outcome,) = ctx.outcomes
    assert (outcome.numbers["rows"], outcome.numbers["padding_rows"]) == (160, 160 - 32 * 3)


@pytest.mark.parametrize("counted", [False, True])
def test_an_expert_gets_no_more_rows_than_tokens_were_sent(counted: bool) -> None:
    rows, count = ("R", " counts %n : tensor<4xi32>") if counted else ("8*T", "")
    received, ids = f'tensor<?x8xbf16, ["{rows}"]>', f'tensor<?x1xi64, ["{rows}"]>'
    weights = f'tensor<?x1xf32, ["{rows}"]>'
    sync = '%n, %u = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank 2 : '
    sync += 'tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<4xi32>\n'
    module = parse_module(
        make_context(),
        f"""dsv3c.symbol @T min 1 max 64 hint 32
        dsv3c.symbol @R min 0 max 512 hint 64
        comm.mesh @ep nodes 1 gpus 4
        func.func @f(%x: {X}, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate: tensor<2x12x8xbf16>,
            %down: tensor<2x8x6xbf16>) -> {received} {{
          %t = comm.start : !comm.token<"ep">
          %p = comm.placement <0:8> : tensor<8xi32>
          {sync if counted else ""}
          %rows, %rw, %ri, %s, %done = comm.dispatch %x, %w, %ids placement %p after {"%u" if counted else "%t"}{count}
            copies "expert" experts_per_rank 2 : {X}, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>,
            !comm.token<"ep"> -> {received}, {weights}, {ids}, tensor<?x2xi32, ["{rows}"]>
          %y = moe.experts %rows, %rw, %ri gate %gate down %down combine_in f32 order "slot" intermediate "input" :
            {received}, {weights}, {ids}, tensor<2x12x8xbf16>, tensor<2x8x6xbf16> -> {received}
          func.return %y : {received}
        }}""",
    )
    ctx = apply(module, layout="masked")
    (permute,) = permutes(module)
    assert permute.capacity == ("R" if counted else "4*T")
    (outcome,) = ctx.outcomes
    if not counted:
        assert (outcome.numbers["tokens"], outcome.numbers["rows"]) == (256, 256)
        assert outcome.numbers["padding_rows"] == 256 - 4 * 32 * 2 / 8 * 2


def test_a_targets_file_may_state_the_alignment(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\ndescription = "my board"\nkind = "gpu"\narch = "x"\nbackends = ["plan"]\n'
        "group_alignment = [16, 48]\n[dense_flops_per_s]\n"
        '[sources]\ngroup_alignment = "its manual"\ndense_flops_per_s = "none stated"\n'
    )
    assert load_target(str(file)).group_alignment == (16, 48)
