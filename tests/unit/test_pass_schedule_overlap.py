"""schedule-overlap on small modules: whose times it takes, how calls move, what a scheduled module promises."""

import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64

from dsv3c.compilation.driver import Driver
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.errors import Dsv3cError, IRError, UsageError
from dsv3c.ir.functions import functions
from dsv3c.ir.outcomes import Kind
from dsv3c.ir.targets import Target, load_target
from dsv3c.ir.text import parse_module, print_module
from dsv3c.ir.timetable_ops import timetable_of, timetables
from dsv3c.ir.verify import verify_module
from dsv3c.passes.reordering import communicates_outside, reorder, segment_calls
from dsv3c.passes.schedule_overlap import ScheduleOverlapPass
from dsv3c.passes.segment_durations import durations_of, step_durations

T, K = "tensor<4x8xf32>", '!comm.token<"ep">'
PHASE = (
    'phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 4 : i64, '
    "context = 100 : i64, capturable}"
)
SEGMENTS = f"""
  comm.mesh @ep nodes 1 gpus 2
  func.func private @attention(%x: {T}) -> {T} attributes {{segment = "attention-1"ATTENTION}} {{
    func.return %x : {T}
  }}
  func.func private @dispatch(%x: {T}, %t: {K}) -> ({T}, {K}) attributes {{segment = "dispatch", us = 5 : i64}} {{
    %y, %u = "test.op"(%x, %t) : ({T}, {K}) -> ({T}, {K})
    func.return %y, %u : {T}, {K}
  }}
  func.func private @experts(%x: {T}) -> {T} attributes {{segment = "experts", us = 8.0}} {{
    func.return %x : {T}
  }}
"""
ENTRY = f"""
  func.func @NAME(%x: {T}, %y: {T}) -> ({T}, {T}) attributes {{{PHASE}}} {{
    %t = comm.start : {K}
    %a0 = func.call @attention(%x) {{layer = 0 : i64, microbatch = 0 : i64, prefix = "l"}} : ({T}) -> {T}
    %d0, %t0 = func.call @dispatch(%a0, %t) {{layer = 0 : i64, microbatch = 0 : i64, prefix = "l"}}
      : ({T}, {K}) -> ({T}, {K})
    %e0 = func.call @experts(%d0) {{layer = 0 : i64, microbatch = 0 : i64, prefix = "l"}} : ({T}) -> {T}
    %w = "test.op"(%y) : ({T}) -> {T}
    %a1 = func.call @attention(%w) {{layer = 0 : i64, microbatch = 1 : i64, prefix = "l"}} : ({T}) -> {T}
    %d1, %t1 = func.call @dispatch(%a1, %t0) {{layer = 0 : i64, microbatch = 1 : i64, prefix = "l"}}
      : ({T}, {K}) -> ({T}, {K})
    %e1 = func.call @experts(%d1) {{layer = 0 : i64, microbatch = 1 : i64, prefix = "l"}} : ({T}) -> {T}
    %r = "test.op"(%e0) : ({T}) -> {T}
    func.return %r, %e1 : {T}, {T}
  }}
"""


def text(*entries: str, attention: str = ", us = 10.0") -> str:
    """A module with these entries, all alike."""
    bodies = "".join(ENTRY.replace("NAME", name) for name in entries)
    return (
        f'builtin.module attributes {{dsv3c.facts = ["phased"]}} {{{SEGMENTS.replace("ATTENTION", attention)}{bodies}}}'
    )


def run(source: str, target: str = "h800", **options: object) -> tuple[ModuleOp, CompileContext]:
    """The module after the pass."""
    ctx = make_context(target=load_target(target))
    module = parse_module(ctx, source)
    Driver(ctx).run(module, [ScheduleOverlapPass(**options)])  # pyright: ignore[reportArgumentType]
    return module, ctx


def names(module: ModuleOp, entry: str = "decode") -> list[str]:
    """What the entry's ops are, in order: callees with their micro-batch, other ops by name."""
    found = list[str]()
    for op in functions(module)[entry].body.block.ops:
        is_call = isinstance(op, func.CallOp)
        found.append(f"{op.callee.root_reference.data}{op.attributes['microbatch']}" if is_call else op.name)
    return [name.removesuffix(" : i64") for name in found]


def test_calls_move_to_their_places_and_other_ops_to_where_they_are_needed() -> None:
    module, _ = run(text("decode"))
    assert names(module) == [
        "attention0", "comm.start", "dispatch0", "test.op", "attention1", "dispatch1", "experts0", "experts1",
        "test.op", "func.return",
    ]  # fmt: skip
    _, first, _, second, _, _ = segment_calls(functions(module)["decode"])
    assert first.operands[1].owner.name == "comm.start"  # pyright: ignore[reportAttributeAccessIssue]
    assert second.operands[1] is first.results[1]


def test_tokens_follow_the_new_order() -> None:
    ctx = make_context(target=load_target("h800"))
    module = parse_module(ctx, text("decode"))
    entry = functions(module)["decode"]
    a0, d0, e0, a1, d1, e1 = segment_calls(entry)
    first = d0.operands[1]
    reorder(entry, [a1, d1, a0, e1, d0, e0])
    verify_module(module)
    assert d1.operands[1] is first
    assert d0.operands[1] is d1.results[1]
    assert [op for op in segment_calls(entry)] == [a1, d1, a0, e1, d0, e0]
    assert names(module)[0:2] == ["test.op", "attention1"]


def test_an_order_against_values_is_a_mistake_of_ours() -> None:
    module = parse_module(make_context(), text("decode"))
    entry = functions(module)["decode"]
    a0, d0, e0, a1, d1, e1 = segment_calls(entry)
    with pytest.raises(AssertionError, match="needed before its place"):
        reorder(entry, [d0, a0, e0, a1, d1, e1])


def test_what_communicates_outside_of_calls_is_found() -> None:
    module = parse_module(make_context(), text("decode"))
    entry = functions(module)["decode"]
    assert communicates_outside(entry) is None  # comm.start makes a token and takes none
    outside = text("decode").replace('"test.op"(%e0) : (', '"test.op"(%e0, %t1) : (' + "TT, ").replace("TT, ", "", 0)
    outside = outside.replace(f"(TT, {T}) -> {T}", f"({T}, {K}) -> {T}")
    found = communicates_outside(functions(parse_module(make_context(), outside))["decode"])
    assert found is not None and found.name == "test.op"


def test_every_entry_gets_its_timetable_behind_it() -> None:
    module, ctx = run(text("decode", "verify"))
    assert list(timetables(module)) == ["decode", "verify"]
    order = [op.name if not isinstance(op, func.FuncOp) else op.sym_name.data for op in module.ops]
    assert order[-4:] == ["decode", "sched.timetable", "verify", "sched.timetable"]
    assert facts_of(module) == {"phased", "scheduled"}
    assert [item.reason.split(":")[0] for item in ctx.outcomes] == ["@decode", "@verify"]
    table = timetable_of(timetables(module)["verify"])
    assert table.point == {"T": 8, "N": 4, "context": 100}
    assert (table.entry, table.target, table.problem.device_sms) == ("verify", "h800", 132)


def test_modules_without_phases_are_refused() -> None:
    with pytest.raises(Dsv3cError, match="needs a module that is phased"):
        run(text("decode").replace('["phased"]', "[]"))


def test_a_second_run_changes_nothing_and_keeps_the_fact() -> None:
    module, _ = run(text("decode"))
    before = print_module(module)
    again, ctx = run(before)
    assert print_module(again) == before
    assert facts_of(again) == {"phased", "scheduled"}
    assert [item.reason for item in ctx.outcomes] == ["@decode has a timetable already"]


def test_a_module_that_cannot_be_scheduled_does_not_say_it_is() -> None:
    module, ctx = run(text("decode"), target="cpu")
    assert facts_of(module) == {"phased"}
    assert [item.kind for item in ctx.outcomes] == [Kind.BLOCKED]
    assert [item.reason for item in ctx.outcomes] == ["@decode: target cpu does not state num_compute_units"]


def target_with(**facts: object) -> Target:
    return Target(**{**vars(load_target("h800")), **facts})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("options", "facts", "expected"),
    [
        ({}, {}, (132, 0)),
        ({"comm_sms": 0}, {}, (132, 0)),
        ({"comm_sms": 20}, {}, (112, 20)),
        ({"comm_sms": 131}, {}, (1, 131)),
        ({}, {"low_latency_communication_compute_units": 8}, (124, 8)),
        ({"comm_sms": 0}, {"low_latency_communication_compute_units": 8}, (132, 0)),
        ({"comm_sms": 20}, {"low_latency_communication_compute_units": None}, (112, 20)),
    ],
)
def test_the_device_is_divided_as_asked_or_as_stated(
    options: dict[str, int], facts: dict[str, int | None], expected: tuple[int, int]
) -> None:
    ctx = make_context(target=target_with(**facts))
    module = parse_module(ctx, text("decode"))
    Driver(ctx).run(module, [ScheduleOverlapPass(**options)])
    table = timetable_of(timetables(module)["decode"])
    assert tuple(stream.sms for stream in table.problem.streams) == expected


@pytest.mark.parametrize(
    ("options", "facts", "reason"),
    [
        ({"comm_sms": 132}, {}, "communication would hold 132 of 132 multiprocessors: none are left to compute"),
        ({}, {"num_compute_units": None}, "target h800 does not state num_compute_units"),
        (
            {},
            {"low_latency_communication_compute_units": None},
            "target h800 does not state low_latency_communication_compute_units: give comm-sms",
        ),
    ],
)
def test_a_device_that_cannot_be_divided(options: dict[str, int], facts: dict[str, None], reason: str) -> None:
    ctx = make_context(target=target_with(**facts))
    module = parse_module(ctx, text("decode"))
    before = print_module(module)
    Driver(ctx).run(module, [ScheduleOverlapPass(**options)])
    assert [item.reason for item in ctx.outcomes] == [f"@decode: {reason}"]
    assert print_module(module) == before


class Fixed:
    """Durations that everybody takes."""

    kind = "measured"

    def __init__(self, us: float) -> None:
        self.us = us
        self.asked = list[tuple[str, int | None]]()

    def seconds(self, function: str, sms: int | None = None) -> float:
        self.asked.append((function, sms))
        return self.us * 1e-6


def times(module: ModuleOp) -> dict[str, tuple[float, ...]]:
    table = timetable_of(timetables(module)["decode"])
    return {item.name: item.us for item in table.problem.segments}


def test_stated_times_count_first_then_those_of_the_compile() -> None:
    fixed, parts_asked = Fixed(3.0), list[int]()

    def factory(module: ModuleOp, entry: str, target: Target, parts: int) -> Fixed:
        assert entry == "decode" and target.name == "h800"
        parts_asked.append(parts)
        return fixed

    ctx = make_context(target=load_target("h800"))
    ctx.durations = factory
    module = parse_module(ctx, text("decode", attention=""))
    Driver(ctx).run(module, [ScheduleOverlapPass()])
    assert times(module) == {"attention-1": (3.0, 3.0), "dispatch": (5.0, 5.0), "experts": (8.0, 8.0)}
    assert {name for name, _ in fixed.asked} == {"attention"}
    assert sorted(parts_asked) == [1, 2]
    numbers = next(iter(ctx.outcomes)).numbers
    assert numbers["one_piece_us"] == 3 + 2 * (5 + 8)  # stated times are those of a part
    assert numbers["serial_us"] == 2 * (3 + 5 + 8)


def test_what_durations_are_called() -> None:
    ctx = make_context(target=load_target("h800"))
    assert ctx.target is not None
    stated = durations_of(ctx, parse_module(ctx, text("decode")), "decode", ctx.target)
    assert stated.kind == "stated, else floor"
    assert stated.seconds("experts") == 8e-6
    assert stated.seconds("dispatch", 20) == 5e-6
    bare = parse_module(ctx, text("decode", attention="").replace(", us = 5 : i64", "").replace(", us = 8.0", ""))
    assert durations_of(ctx, bare, "decode", ctx.target).kind == "floor"


CACHE = '!mla.cache<"pages" x 64, latent 16 x bf16, rope 8 x bf16>'
LINEAR = """
  func.func private @attention(%x: tensor<?x64xbf16, ["(T + 1)//2"]>) -> tensor<?x64xbf16, ["(T + 1)//2"]>
      attributes {segment = "attention-1"} {
    %w = weight.param "w" : tensor<64x64xbf16>
    %y = nn.linear %x, %w : tensor<?x64xbf16, ["(T + 1)//2"]>, tensor<64x64xbf16> -> tensor<?x64xbf16, ["(T + 1)//2"]>
    func.return %y : tensor<?x64xbf16, ["(T + 1)//2"]>
  }
  func.func @decode(%x: tensor<?x64xbf16, ["(T + 1)//2"]>, %c: CACHE)
      -> tensor<?x64xbf16, ["(T + 1)//2"]> attributes {PHASE} {
    %y = func.call @attention(%x) {prefix = ""}
      : (tensor<?x64xbf16, ["(T + 1)//2"]>) -> tensor<?x64xbf16, ["(T + 1)//2"]>
    func.return %y : tensor<?x64xbf16, ["(T + 1)//2"]>
  }
"""


def test_floors_are_taken_at_the_step_of_the_phase() -> None:
    symbols = "dsv3c.symbol @T min 0\ndsv3c.symbol @pages min 0\n"
    module = parse_module(make_context(), symbols + LINEAR.replace("PHASE", PHASE).replace("CACHE", CACHE))
    target = load_target("h800")
    one, whole = step_durations(module, "decode", target), step_durations(module, "decode", target, parts=2)
    # 4 and 8 rows of 64 bf16 in and out, and 64 x 64 weights, at 3.35e12 B/s
    assert one.seconds("attention", 132) == pytest.approx((2 * 4 * 64 * 2 + 64 * 64 * 2) / 3.35e12)
    assert whole.seconds("attention", 132) == pytest.approx((2 * 8 * 64 * 2 + 64 * 64 * 2) / 3.35e12)
    assert one.env.context == 100  # pyright: ignore[reportAttributeAccessIssue]
    assert one.env.sizes["P"] == 2  # pyright: ignore[reportAttributeAccessIssue]


ON_COMM = 'microbatch = 1 : i64, prefix = "l", stream = "comm"'
EDITS: list[tuple[str, str, str]] = [
    # what is replaced, by what, and what is refused then
    ("sched.timetable @decode", "sched.timetable @other", "there is no entry @other"),
    (
        'microbatch 1 stream "comm" start 20 end 25',
        'microbatch 1 stream "comm" start 18 end 23',
        "the timetable of @decode cannot run: data-dependency: dispatch of layer 0, micro-batch 1 starts before "
        r"attention-1 of layer 0, micro-batch 1 ends \(18.0 us, 20.0 us\)$",
    ),
    (
        'microbatch 1 stream "compute" start 10 end 20',
        'microbatch 1 stream "compute" start 8 end 17',
        r"duration: .* \(and 1 more\)",
    ),
    (ON_COMM, ON_COMM.removesuffix(', stream = "comm"'), "dispatch of layer 0, micro-batch 1 is not on stream 'comm'"),
    ("@experts(%d1) {layer = 0", "@experts(%d1) {layer = 1", "has no call for experts of layer 0, micro-batch 1"),
]


@pytest.mark.parametrize(("old", "new", "message"), EDITS)
def test_a_scheduled_module_keeps_its_promises(old: str, new: str, message: str) -> None:
    before = print_module(run(text("decode"))[0])
    assert old in before
    with pytest.raises(IRError, match=message):
        verify_module(parse_module(make_context(), before.replace(old, new)))


def test_calls_in_another_order_are_refused() -> None:
    module, _ = run(text("decode"))
    entry = functions(module)["decode"]
    a0, d0, a1, d1, e0, e1 = segment_calls(entry)
    reorder(entry, [a0, d0, a1, d1, e1, e0])
    message = "stream 'compute' issues experts of layer 0, micro-batch 0 after experts of layer 0, micro-batch 1"
    with pytest.raises(IRError, match=message):
        verify_module(module)
    reorder(entry, [a0, a1, d0, d1, e0, e1])  # another order between streams is none of the timetable's
    verify_module(module)


def test_calls_without_a_slot_are_refused() -> None:
    module, _ = run(text("decode"))
    call = segment_calls(functions(module)["decode"])[0]
    copy = call.clone()
    copy.attributes["layer"] = IntegerAttr(7, i64)
    functions(module)["decode"].body.block.insert_op_after(copy, call)
    with pytest.raises(IRError, match="attention-1 of layer 7, micro-batch 0 has no slot in the timetable of @decode"):
        verify_module(module)


def test_wrong_options_are_refused() -> None:
    from dsv3c.compilation.pipelines import parse_passes

    with pytest.raises(UsageError):
        parse_passes("schedule-overlap{streams=3}")
