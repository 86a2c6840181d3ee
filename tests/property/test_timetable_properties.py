"""Laws of timetables: folding and expanding are inverse, scheduling is legal and never worse than serial."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st
from timetables import random_problem, step_problem
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import make_context
from dsv3c.ir.folding import fold
from dsv3c.ir.legality import violations
from dsv3c.ir.text import parse_module, print_module
from dsv3c.ir.timetable import Body, Instance, Problem, Slot, Timetable, microseconds, nanoseconds
from dsv3c.ir.timetable_ops import timetable_of, timetable_op, timetables
from dsv3c.passes.list_scheduling import Work, lower_bound_ns, makespan, schedule, serial

RANDOM_GRAPHS = 5000
SECONDS = 60
profile = settings(max_examples=150, deadline=None)

slots = st.builds(
    lambda segment, layer, mb, stream, start, took: Slot(
        microseconds(start), microseconds(start + took), stream, Instance(segment, layer, mb)
    ),
    st.sampled_from("abc"),
    st.integers(0, 9),
    st.integers(0, 1),
    st.sampled_from(["compute", "comm"]),
    st.integers(0, 10**6),
    st.integers(0, 10**4),
)


def table_of(problem: Problem, flat: Sequence[Slot]) -> Timetable:
    """A timetable of slots, folded."""
    prologue, body, epilogue = fold(flat)
    return Timetable("f", "h800", problem, {"T": 128}, prologue, body, epilogue)


@profile
@given(st.lists(slots, max_size=30, unique_by=lambda slot: slot.instance))
def test_folding_any_slots_loses_nothing(flat: list[Slot]) -> None:
    assert table_of(Problem((), ()), flat).expanded() == tuple(sorted(flat))


@profile
@given(
    st.lists(slots, min_size=1, max_size=6, unique_by=lambda slot: (slot.instance.segment, slot.instance.microbatch)),
    st.lists(slots, max_size=3, unique_by=lambda slot: slot.instance),
    st.integers(2, 12),
    st.integers(1, 3),
    st.integers(1, 3 * 10**6),
)
def test_folding_what_repeats_loses_nothing(
    first: list[Slot], others: list[Slot], repeat: int, layers: int, period: int
) -> None:
    """Repetitions may overlap each other and slots that do not repeat: what is stored still expands to all of them."""
    body = Body(tuple(first), repeat, layers, microseconds(period))
    flat = {slot.instance: slot for slot in others}
    flat |= {slot.instance: slot for number in range(repeat) for slot in body.repetition(number)}
    assert table_of(Problem((), ()), list(flat.values())).expanded() == tuple(sorted(flat.values()))


def test_a_step_folds_to_one_layer() -> None:
    us = {"attention-0": 80, "attention-1": 190.5, "dispatch": 100, "experts": 100, "shared": 20, "combine": 190.125}
    problem = step_problem(us, layers=61, comm_sms=0)
    found = schedule(Work.of(problem))
    assert found is not None
    table = table_of(problem, found)
    assert table.body is not None
    assert table.body.layers == 1
    assert table.body.repeat >= 55
    assert len(table.body.slots) == 12
    assert table.expanded() == tuple(found)


def random_tables(count: int) -> list[Timetable]:
    """Scheduled random problems."""
    tables = list[Timetable]()
    for seed in range(count):
        problem = random_problem(seed)
        found = schedule(Work.of(problem))
        if found is not None:
            tables.append(table_of(problem, found))
    return tables


def test_5000_random_graphs_are_scheduled_legally_and_never_worse_than_serial() -> None:
    begun, stuck, shorter, tight = process_time(), 0, 0, 0
    for seed in range(RANDOM_GRAPHS):
        problem = random_problem(seed)
        work = Work.of(problem)
        one_by_one = serial(work, [work.instances[index] for index in work.order])
        can_run = violations(replace(table_of(problem, one_by_one), problem=problem)) == []
        found = schedule(work)
        if found is None:
            stuck += 1
            continue
        table = table_of(problem, found)
        assert violations(table) == [], f"seed {seed}"
        assert table.expanded() == tuple(found), f"seed {seed}"
        if can_run:
            assert makespan(found) <= makespan(one_by_one), f"seed {seed}"
        assert lower_bound_ns(work) <= nanoseconds(makespan(found)), f"seed {seed}"
        shorter += makespan(found) < makespan(one_by_one)
        tight += lower_bound_ns(work) == nanoseconds(makespan(found))
    assert stuck < RANDOM_GRAPHS // 10
    assert shorter > RANDOM_GRAPHS // 3
    assert tight > RANDOM_GRAPHS // 2
    assert process_time() - begun < SECONDS


def test_moving_a_slot_before_its_producer_is_always_caught() -> None:
    draw, caught = Random(7), 0
    for table in random_tables(1000):
        flat = {slot.instance: slot for slot in table.expanded()}
        for consumer, waits in table.problem.waits.items():
            for producer, rule in waits:
                if flat[producer].end == 0:
                    continue
                start = nanoseconds(flat[producer].end) - draw.choice([1, 1, 100, nanoseconds(flat[producer].end)])
                start = max(0, start)
                took = nanoseconds(flat[consumer].end) - nanoseconds(flat[consumer].start)
                moved = replace(flat[consumer], start=microseconds(start), end=microseconds(start + took))
                edited = tuple((flat | {consumer: moved}).values())
                codes = {item.code for item in violations(replace(table, prologue=edited, body=None, epilogue=()))}
                assert f"{rule.kind}-dependency" in codes, f"{consumer} before {producer}"
                caught += 1
    assert caught > 1000


def test_random_edits_are_never_worse_than_reported() -> None:
    """Dropping, doubling, stretching and exchanging slots of legal timetables: each is caught."""
    draw, kinds = Random(11), set[str]()
    for table in random_tables(300):
        flat = list(table.expanded())
        place = draw.randrange(len(flat))
        slot = flat[place]
        edits = {
            "missing-instance": [*flat[:place], *flat[place + 1 :]],
            "duplicate-instance": [*flat, replace(slot, start=slot.start + 1000, end=slot.end + 1000)],
            "duration": [*flat[:place], replace(slot, end=slot.end + 0.001), *flat[place + 1 :]],
            "unknown-stream": [*flat[:place], replace(slot, stream="nowhere"), *flat[place + 1 :]],
        }
        for code, edited in edits.items():
            codes = {item.code for item in violations(replace(table, prologue=tuple(edited), body=None, epilogue=()))}
            assert code in codes
            kinds.add(code)
    assert len(kinds) == 4


def test_text_keeps_every_timetable() -> None:
    for table in random_tables(100):
        module = ModuleOp([timetable_op(table)])
        for generic in (False, True):
            again = parse_module(make_context(), print_module(module, generic=generic))
            assert timetable_of(timetables(again)["f"]) == table
