"""List scheduling on small problems whose best timetable can be seen, and on steps of the size of DeepSeek-V3's."""

from graphlib import CycleError
from itertools import pairwise
from time import process_time

import pytest
from timetables import step_problem

from dsv3c.ir.folding import fold
from dsv3c.ir.legality import violations
from dsv3c.ir.timetable import Buffer, Dependency, Hold, Instance, Problem, Segment, Slot, Stream, Timetable
from dsv3c.passes.list_scheduling import (
    InOrder,
    Simulation,
    Work,
    lower_bound_ns,
    makespan,
    priorities,
    schedule,
    serial,
    simulations,
)
from dsv3c.passes.published_orders import DECODE, PREFILL, places
from dsv3c.passes.segment_problems import without_cross_layer

COMPUTE, COMM = Stream("compute", "compute", 100), Stream("comm", "comm", 20)
# Floors of the 671B model on h800 at 144 ranks, 128 tokens per rank in two micro-batches (us).
DECODE_US = {
    "attention-0": 26.31, "attention-1": 142.902, "mlp": 123.545, "dispatch": 74.444, "experts": 39.417,
    "shared": 13.958, "combine": 141.445,
}  # fmt: skip
PREFILL_US = {
    "attention-0": 500, "attention-1": 900, "mlp": 700, "dispatch": 1100, "experts": 1200, "shared": 200,
    "combine": 1900,
}  # fmt: skip


def segment(name: str, us: float, *, comm: bool = False, **more: object) -> Segment:
    """One instance in layer 0."""
    fields = {"kind": "comm" if comm else "compute", "sms": 20 if comm else 100, **more}
    return Segment(name, 0, 1, us=(us,), **fields)  # pyright: ignore[reportArgumentType]


def problem(
    *segments: Segment, needs: str = "", streams: tuple[Stream, ...] = (COMPUTE, COMM), **more: object
) -> Problem:
    """Segments, with ``needs`` as ``"b<a c<b"``: b waits for a, c for b."""
    rules = tuple(Dependency(*pair.split("<")) for pair in needs.split())
    fields = {"device_sms": 120, **more}
    return Problem(segments, streams, rules, **fields)  # pyright: ignore[reportArgumentType]


def starts(slots: list[Slot] | None) -> dict[str, float]:
    """Start times by segment."""
    assert slots is not None
    return {slot.instance.segment: slot.start for slot in slots}


def run(work: Work, order: str) -> dict[str, float]:
    """One simulation that prefers segments in this order."""
    rank = {name: place for place, name in enumerate(order)}
    return starts(Simulation(work, [(rank[item.segment],) for item in work.instances]).run())


def is_legal(asked: Problem, slots: list[Slot]) -> bool:
    return violations(Timetable("f", "h800", asked, {}, tuple(slots))) == []


def test_work_numbers_instances_and_knows_who_waits_for_whom() -> None:
    work = Work.of(problem(segment("a", 1.5), segment("b", 2, comm=True), segment("c", 3), needs="b<a c<b c<a"))
    assert [item.segment for item in work.instances] == ["a", "b", "c"]
    assert work.duration == (1500, 2000, 3000)
    assert work.producers == ((), (0,), (0, 1))
    assert work.consumers == ((1, 2), (2,), ())
    assert work.order == (0, 1, 2)
    assert work.communicates == (False, True, False)
    assert work.heads() == [0, 1500, 3500]
    assert work.tails() == [6500, 5000, 3000]
    assert work.tails(1, 0) == [4500, 3000, 3000]
    assert work.tails(0, 3) == [6000, 6000, 0]


def test_two_rules_for_one_pair_count_once() -> None:
    rules = (Dependency("b", "a"), Dependency("b", "a", "cache"))
    work = Work.of(Problem((segment("a", 1), segment("b", 1)), (COMPUTE, COMM), rules, device_sms=120))
    assert work.producers == ((), (0,))
    assert starts(schedule(work)) == {"a": 0, "b": 1}


def test_instances_that_wait_for_each_other() -> None:
    with pytest.raises(CycleError):
        schedule(Work.of(problem(segment("a", 1), segment("b", 1), needs="a<b b<a")))


def test_the_longest_way_goes_first() -> None:
    """a has the longer way behind it: running b first would end at 14."""
    work = Work.of(problem(segment("b", 4), segment("a", 2), segment("x", 8, comm=True), needs="x<a"))
    assert starts(schedule(work)) == {"a": 0, "b": 2, "x": 2}
    assert run(work, "bax") == {"b": 0, "a": 4, "x": 6}


def test_the_priorities_that_are_tried() -> None:
    segments = (
        Segment("a", 0, 2, "compute", (4.0, 3.0), 100),
        Segment("x", 0, 2, "comm", (2.0, 1.0), 20, group="ep"),
    )
    rules = (Dependency("x", "a"), Dependency("a", "x", layers_back=1))
    work = Work.of(Problem(segments, (COMPUTE, COMM), rules, device_sms=120))
    # (layer, micro-batch) of both segments, in order: 00 01 10 11
    compute, comm = {0: 4000, 1: 3000}, {0: 2000, 1: 1000}

    def tail(item: Instance, left: int, right: int) -> int:
        own = left * compute[item.microbatch] + right * comm[item.microbatch]
        first = own if item.segment == "a" else right * comm[item.microbatch]
        return first + (1 - item.layer) * own

    expected = list[list[tuple[int, ...]]]()
    for left, right in ((1, 1), (1, 0), (0, 1), (1, 3), (3, 1)):
        tails = [tail(item, left, right) for item in work.instances]
        expected.append([(-length, index) for index, length in enumerate(tails)])
        expected.append([(work.instances[index].microbatch - length, index) for index, length in enumerate(tails)])
    expected.append([(index,) for index in range(8)])
    expected += [
        [(item.layer, item.microbatch, index) for index, item in enumerate(work.instances)],
        [(item.layer, 1 - item.microbatch, index) for index, item in enumerate(work.instances)],
    ]
    assert list(priorities(work)) == expected


def test_lower_bound_of_the_way_and_of_each_stream() -> None:
    way = problem(segment("a", 1), segment("b", 2, comm=True), segment("c", 4), needs="b<a c<b")
    assert lower_bound_ns(Work.of(way)) == 7000
    # three exchanges of 5 between an a of 1 and a c of 4: the link is the scarcer
    load = problem(
        segment("a", 1), *(segment(f"x{n}", 5, comm=True) for n in range(3)), segment("c", 4),
        needs="x0<a x1<a x2<a c<x0 c<x1 c<x2",
    )  # fmt: skip
    assert lower_bound_ns(Work.of(load)) == 20000
    assert makespan(schedule(Work.of(load)) or []) == 20
    two = problem(segment("a", 3), segment("b", 4), streams=(COMPUTE, Stream("compute-1", "compute", 100), COMM))
    assert lower_bound_ns(Work.of(two)) == 4000
    three = problem(
        segment("a", 3), segment("b", 4), segment("c", 4), streams=(COMPUTE, Stream("compute-1", "compute", 100), COMM)
    )
    assert lower_bound_ns(Work.of(three)) == 5500
    assert lower_bound_ns(Work.of(problem())) == 0


def test_serial_is_one_after_the_other_in_the_order_given() -> None:
    work = Work.of(problem(segment("a", 1), segment("b", 2, comm=True), segment("c", 4)))
    found = serial(work, [Instance(name, 0, 0) for name in "cab"])
    assert [(slot.instance.segment, slot.start, slot.end, slot.stream) for slot in found] == [
        ("c", 0, 4, "compute"), ("a", 4, 5, "compute"), ("b", 5, 7, "comm"),
    ]  # fmt: skip
    twice = problem(segment("a", 1), streams=(COMPUTE, Stream("second", "compute", 100)))
    assert serial(Work.of(twice), [Instance("a", 0, 0)])[0].stream == "compute"


def test_streams_of_a_kind_share_the_work() -> None:
    more = Stream("compute-1", "compute", 50)
    small = problem(segment("a", 3, sms=50), segment("b", 3, sms=50), streams=(COMPUTE, more), device_sms=100)
    assert starts(schedule(Work.of(small))) == {"a": 0, "b": 0}
    # b does not fit the second stream, and would not fit the device beside a
    large = problem(segment("a", 3, sms=50), segment("b", 3, sms=100), streams=(COMPUTE, more), device_sms=200)
    found = schedule(Work.of(large))
    assert found is not None
    assert starts(found) == {"a": 0, "b": 0}
    assert {slot.instance.segment: slot.stream for slot in found} == {"a": "compute-1", "b": "compute"}
    tight = problem(segment("a", 3, sms=50), segment("b", 4, sms=51), streams=(COMPUTE, COMPUTE_1), device_sms=100)
    assert starts(schedule(Work.of(tight))) == {"b": 0, "a": 4}
    exact = problem(segment("a", 3, sms=50), segment("b", 4, sms=50), streams=(COMPUTE, COMPUTE_1), device_sms=100)
    assert starts(schedule(Work.of(exact))) == {"b": 0, "a": 0}


COMPUTE_1 = Stream("compute-1", "compute", 100)


def test_a_free_stream_takes_what_may_start_where_the_first_may_not() -> None:
    """x talks in the group of the running y, z does not."""
    streams = (COMM, Stream("comm-1", "comm", 20))
    asked = problem(
        segment("y", 5, comm=True, group="ep", sms=0), segment("x", 4, comm=True, group="ep", sms=0),
        segment("z", 3, comm=True, group="tp", sms=0), streams=streams,
    )  # fmt: skip
    assert run(Work.of(asked), "yxz") == {"y": 0, "z": 0, "x": 5}
    silent = problem(segment("y", 5, comm=True), segment("x", 4, comm=True, sms=0), streams=streams)
    assert run(Work.of(silent), "yx") == {"y": 0, "x": 0}


def buffered(live: int, until: str = "c", count: int = 1) -> Work:
    """Exchanges a and b hold a buffer, a until c has run; c takes long."""
    holds = (Hold("low", until),) * count
    return Work.of(
        problem(
            segment("a", 1, comm=True, holds=holds), segment("b", 1, comm=True, holds=(Hold("low"),)),
            segment("c", 10), needs="c<a", buffers=(Buffer("low", live), Buffer("other", 9)),
        )
    )  # fmt: skip


def test_buffers_are_held_until_they_are_given_back() -> None:
    assert run(buffered(1), "abc") == {"a": 0, "c": 1, "b": 11}
    assert run(buffered(2), "abc") == {"a": 0, "c": 1, "b": 1}
    # b gives its own back at once
    assert run(buffered(1), "bac") == {"b": 0, "a": 1, "c": 2}
    assert run(buffered(1, until=""), "abc") == {"a": 0, "b": 1, "c": 1}
    # a segment that is not in the layer gives nothing back: the holder does
    assert run(buffered(1, until="nowhere"), "abc") == {"a": 0, "b": 1, "c": 1}
    assert run(buffered(2, count=2), "abc") == {"a": 0, "c": 1, "b": 11}
    assert run(buffered(3, count=2), "abc") == {"a": 0, "c": 1, "b": 1}
    for work in (buffered(1), buffered(2), buffered(2, count=2)):
        found = schedule(work)
        assert found is not None
        assert is_legal(work.problem, found)


def test_too_few_buffers_are_noticed() -> None:
    assert schedule(buffered(1, count=2)) is None
    stuck = problem(
        segment("a", 1, comm=True, holds=(Hold("low", "c"),)), segment("b", 1, comm=True, holds=(Hold("low"),)),
        segment("c", 1), needs="b<a c<b", buffers=(Buffer("low", 1),),
    )  # fmt: skip
    assert schedule(Work.of(stuck)) is None


def test_a_buffer_whose_reader_ran_before_is_given_back_by_its_holder() -> None:
    asked = problem(
        segment("c", 1), segment("a", 4, comm=True, holds=(Hold("low", "c"),)),
        segment("b", 1, comm=True, holds=(Hold("low"),)), needs="a<c b<a", buffers=(Buffer("low", 1),),
    )  # fmt: skip
    assert starts(schedule(Work.of(asked))) == {"c": 0, "a": 1, "b": 5}


def test_what_takes_no_time_takes_none() -> None:
    asked = problem(segment("a", 0), segment("b", 0, comm=True), segment("c", 2), needs="b<a c<b")
    assert starts(schedule(Work.of(asked))) == {"a": 0, "b": 0, "c": 0}


def test_a_fixed_order_waits() -> None:
    """By priority c runs at once and b waits; in order b comes first, and c waits for it."""
    asked = problem(segment("x", 2, comm=True), segment("b", 1), segment("c", 9), needs="b<x")
    work = Work.of(asked)
    assert run(work, "xbc") == {"x": 0, "c": 0, "b": 9}
    assert starts(InOrder(work, [0.0, 0.0, 0.5]).run()) == {"x": 0, "b": 2, "c": 3}
    assert starts(InOrder(work, [0.0, 0.5, 0.0]).run()) == {"x": 0, "c": 0, "b": 9}
    # equal places: as declared
    assert starts(InOrder(work, [0.0, 0.0, 0.0]).run()) == {"x": 0, "b": 2, "c": 3}
    against = Work.of(problem(segment("a", 1), segment("b", 1), needs="b<a"))
    assert InOrder(against, [1.0, 0.0]).run() is None


def test_a_fixed_order_keeps_to_buffers_and_streams() -> None:
    assert starts(InOrder(buffered(1), [0.0, 1.0, 0.0]).run()) == {"a": 0, "c": 1, "b": 11}
    more = Stream("compute-1", "compute", 50)
    asked = problem(segment("a", 3, sms=51), segment("b", 3, sms=50), streams=(more, COMPUTE), device_sms=200)
    found = InOrder(Work.of(asked), [0.0, 0.0]).run()
    assert found is not None
    assert {slot.instance.segment: (slot.stream, slot.start) for slot in found} == {
        "a": ("compute", 0), "b": ("compute-1", 0),
    }  # fmt: skip


def test_published_orders_are_tried_where_they_know_every_segment() -> None:
    known = Work.of(step_problem(DECODE_US, layers=4, dense=1, comm_sms=0))
    assert sum(isinstance(item, InOrder) for item in simulations(known)) == 2
    assert len(list(simulations(known))) == 15
    unknown = Work.of(problem(segment("attention-0", 1), segment("relay", 1)))
    assert not any(isinstance(item, InOrder) for item in simulations(unknown))
    assert places([Instance("combine", 3, 1)], DECODE) == [3.7]
    assert places([Instance("combine", 3, 1), Instance("combine", 3, 2)], DECODE) is None


def body_order(us: dict[str, float], comm_sms: int, layers: int = 12, dense: int = 0) -> dict[str, list[str]]:
    """Segments (micro-batch) of one period by stream, from the shared expert or attention of micro-batch 0 on."""
    asked = step_problem(us, layers=layers, dense=dense, comm_sms=comm_sms, buffers=0 if comm_sms else 2)
    found = schedule(Work.of(asked))
    assert found is not None
    assert is_legal(asked, found)
    _, body, _ = fold(found)
    assert body is not None and body.layers == 1
    return {
        stream: [f"{slot.instance.segment}({slot.instance.microbatch})" for slot in body.slots if slot.stream == stream]
        for stream in ("compute", "comm")
    }


def turned(items: list[str], first: str) -> list[str]:
    """A cycle from one of its members on."""
    place = items.index(first)
    return [*items[place:], *items[:place]]


@pytest.mark.parametrize("dense", [0, 3])
def test_the_published_order_of_decode_emerges(dense: int) -> None:
    us = DECODE_US if dense else {name: took for name, took in DECODE_US.items() if name != "mlp"}
    found = body_order(us, comm_sms=0, dense=dense)
    assert turned(found["compute"], "shared(0)") == [
        "shared(0)", "attention-0(1)", "experts(0)", "attention-1(1)",
        "shared(1)", "attention-0(0)", "experts(1)", "attention-1(0)",
    ]  # fmt: skip
    assert turned(found["comm"], "dispatch(0)") == ["dispatch(0)", "combine(0)", "dispatch(1)", "combine(1)"]


def test_the_published_order_of_prefill_can_run() -> None:
    asked = step_problem(PREFILL_US, layers=12, dense=3, comm_sms=24, buffers=0)
    work = Work.of(asked)
    known = places(work.instances, PREFILL)
    assert known is not None
    found = InOrder(work, known).run()
    assert found is not None
    assert is_legal(asked, found)
    _, body, _ = fold(found)
    assert body is not None
    compute = [
        f"{slot.instance.segment}({slot.instance.microbatch})" for slot in body.slots if slot.stream == "compute"
    ]
    assert turned(compute, "attention-0(0)") == [
        "attention-0(0)", "attention-1(0)", "shared(1)", "attention-0(1)", "attention-1(1)",
        "experts(0)", "experts(1)", "shared(0)",
    ]  # fmt: skip
    best = schedule(work)
    assert best is not None
    assert makespan(best) <= makespan(found)


def test_steps_come_close_to_their_lower_bounds() -> None:
    for us, comm_sms, most in ((DECODE_US, 0, 1.16), (PREFILL_US, 24, 1.09)):
        work = Work.of(step_problem(us, layers=61, dense=3, comm_sms=comm_sms, buffers=2 if not comm_sms else 0))
        found = schedule(work)
        assert found is not None
        assert makespan(found) * 1000 <= most * lower_bound_ns(work)


def test_forbidding_cross_layer_overlap_keeps_layers_apart_and_costs() -> None:
    asked = step_problem(PREFILL_US, layers=12, dense=0, comm_sms=24, buffers=0)
    apart = without_cross_layer(asked)
    free, bound = schedule(Work.of(asked)), schedule(Work.of(apart))
    assert free is not None and bound is not None
    assert is_legal(apart, bound)
    assert not is_legal(apart, free)
    assert makespan(bound) > makespan(free)
    spans = [
        (min(slot.start for slot in bound if slot.instance.layer == layer),
         max(slot.end for slot in bound if slot.instance.layer == layer))
        for layer in range(12)
    ]  # fmt: skip
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_both_phases_at_two_operating_points_take_less_than_five_seconds() -> None:
    begun = process_time()
    for us, comm_sms in ((DECODE_US, 0), (PREFILL_US, 24)):
        for factor in (1.0, 1.7):
            scaled = {name: round(took * factor, 3) for name, took in us.items()}
            asked = step_problem(scaled, layers=61, dense=3, comm_sms=comm_sms, buffers=2 if not comm_sms else 0)
            found = schedule(Work.of(asked))
            assert found is not None
            fold(found)
    assert process_time() - begun < 5
