"""From a segment graph to problems and candidates: what is declared, what is compared, and the words for it."""

from collections.abc import Iterable

import pytest

from dsv3c.ir.exposure import Cause, causes, wording
from dsv3c.ir.segments import Dependency as Edge
from dsv3c.ir.segments import SegmentGraph, SegmentInstance
from dsv3c.ir.timetable import Buffer, Dependency, Hold, Instance, Problem, Segment, Stream, Timetable, united, without
from dsv3c.passes.list_scheduling import Work, lower_bound_ns
from dsv3c.passes.overlap_plan import Plan
from dsv3c.passes.segment_problems import (
    Device,
    first_part,
    fused_rules,
    key_of,
    problem_of,
    with_mega_kernel,
    without_cross_layer,
)

US = {"attention": 10.0, "dispatch": 4.0, "experts": 6.0, "combine": 5.0, "mlp": 7.0}
CHAIN = ("attention", "dispatch", "experts", "combine")


def graph_of(layers: int, microbatches: int = 2, dense: int = 0, extra: Iterable[Edge] = ()) -> SegmentGraph:
    """Attention and experts, with a cache between micro-batches and one token through all exchanges."""
    instances, edges = list[SegmentInstance](), list[Edge](extra)
    last, token = dict[int, str](), ""
    for layer in range(layers):
        for microbatch in range(microbatches):
            for segment in ("attention", "mlp") if layer < dense else CHAIN:
                name = f"layer{layer}.{segment}" + (f".mb{microbatch}" if microbatches > 1 else "")
                comm = segment in ("dispatch", "combine")
                instances.append(
                    SegmentInstance(name, segment, f"{segment}.mb{microbatch}", layer, microbatch, "", comm)
                )
                if microbatch in last:
                    edges.append(Edge(last[microbatch], name, "value"))
                if segment == "attention" and microbatch:
                    edges.append(Edge(f"layer{layer}.attention.mb{microbatch - 1}", name, "cache"))
                if comm:
                    edges += [Edge(token, name, "order", "ep")] if token else []
                    token = name
                last[microbatch] = name
    return SegmentGraph("decode", tuple(instances), tuple(edges))


def seconds(function: str, sms: int | None) -> float:
    """Times by segment; computation on fewer multiprocessors takes longer."""
    segment = function.split(".")[0]
    share = 100 / sms if segment in ("attention", "experts", "mlp") and sms is not None else 1
    return US[segment] * 1e-6 * share


def slow_links(function: str, sms: int | None) -> float:
    """Exchanges take three times as long."""
    return seconds(function, sms) * (3 if function.startswith(("dispatch", "combine")) else 1)


def twice(function: str, sms: int | None) -> float:
    """The whole step in one piece takes a little less than two parts."""
    return 1.9 * seconds(function, sms)


DEVICE = Device(sms=100, comm_sms=20)


def plan_of(graph: SegmentGraph, device: Device = DEVICE, **options: object) -> Plan:
    fields = {"seconds": seconds, "seconds_of_whole": twice, "cross_layer": True, "mega_kernel": False, **options}
    return Plan(graph=graph, device=device, target="h800", point={"T": 8}, **fields)  # pyright: ignore


def test_a_problem_of_a_graph() -> None:
    found = problem_of(graph_of(3, dense=1), DEVICE, seconds, DEVICE.compute_sms)
    assert DEVICE.compute_sms == 80
    assert found == Problem(
        segments=(
            Segment("attention", 0, 3, "compute", (12.5, 12.5), 80),
            Segment("mlp", 0, 1, "compute", (8.75, 8.75), 80),
            Segment("dispatch", 1, 3, "comm", (4.0, 4.0), 20, "ep"),
            Segment("experts", 1, 3, "compute", (7.5, 7.5), 80),
            Segment("combine", 1, 3, "comm", (5.0, 5.0), 20, "ep"),
        ),
        streams=(Stream("compute", "compute", 80), Stream("comm", "comm", 20)),
        dependencies=(
            Dependency("attention", "attention", "cache", microbatches_back=1),
            Dependency("attention", "mlp", layers_back=1),
            Dependency("attention", "combine", layers_back=1),
            Dependency("mlp", "attention"),
            Dependency("dispatch", "attention"),
            Dependency("experts", "dispatch"),
            Dependency("combine", "experts"),
        ),
        device_sms=100,
    )


def test_low_latency_communication_holds_buffers_and_no_multiprocessors() -> None:
    asked = list[tuple[str, int | None]]()

    def ask(function: str, sms: int | None) -> float:
        asked.append((function, sms))
        return 1e-6

    found = problem_of(graph_of(1), Device(sms=100, comm_sms=0, live_buffers=2), ask, 100)
    assert found.buffers == (Buffer("low-latency", 2),)
    holds = {segment.name: segment.holds for segment in found.segments}
    assert holds == {
        "attention": (),
        "dispatch": (Hold("low-latency", "experts"),),
        "experts": (),
        "combine": (Hold("low-latency"),),
    }
    assert {segment.name: segment.sms for segment in found.segments} == {
        "attention": 100, "dispatch": 0, "experts": 100, "combine": 0,
    }  # fmt: skip
    assert ("dispatch.mb0", None) in asked  # no share to ask for
    assert ("experts.mb1", 100) in asked
    asked.clear()
    problem_of(graph_of(1), Device(sms=100, comm_sms=20), ask, 80)
    assert ("dispatch.mb0", 20) in asked


def test_layers_of_other_times_are_declared_apart() -> None:
    graph = graph_of(4)
    slow = tuple(
        SegmentInstance(i.name, i.segment, "experts.slow", i.layer, i.microbatch, "", False)
        if (i.segment, i.layer, i.microbatch) == ("experts", 2, 1)
        else i
        for i in graph.instances
    )
    us = dict(US, experts=6.0)

    def ask(function: str, sms: int | None) -> float:
        return 9e-6 if function == "experts.slow" else us[function.split(".")[0]] * 1e-6

    found = problem_of(SegmentGraph("decode", slow, graph.dependencies), DEVICE, ask, 80)
    experts = [item for item in found.segments if item.name == "experts"]
    assert [(item.first_layer, item.end_layer, item.us) for item in experts] == [
        (0, 2, (6.0, 6.0)), (2, 3, (6.0, 9.0)), (3, 4, (6.0, 6.0)),
    ]  # fmt: skip


def test_times_are_on_the_grid() -> None:
    found = problem_of(graph_of(1, microbatches=1), DEVICE, lambda *_: 1.23456789e-6, 80)
    assert {item.us for item in found.segments} == {(1.235,)}


def test_a_dependency_of_some_layers_binds_those_only() -> None:
    """Experts of layer 1 (both micro-batches) and of layer 3 (the second one) need the attention of that layer too."""
    extra = [
        Edge(f"layer{layer}.attention.mb{mb}", f"layer{layer}.experts.mb{mb}", "value")
        for layer, mb in ((1, 0), (1, 1), (3, 1))
    ]
    graph = graph_of(4, extra=extra)
    found = problem_of(graph, DEVICE, seconds, 80)
    rules = [rule for rule in found.dependencies if (rule.consumer, rule.producer) == ("experts", "attention")]
    assert rules == [
        Dependency("experts", "attention", layers=(1, 2), microbatch=0),
        Dependency("experts", "attention", layers=(1, 2), microbatch=1),
        Dependency("experts", "attention", layers=(3, 4), microbatch=1),
    ]


@pytest.mark.parametrize("graph", [graph_of(3), graph_of(4, dense=2), graph_of(2, microbatches=1)])
def test_a_problem_waits_for_what_the_graph_waits_for(graph: SegmentGraph) -> None:
    table = graph.by_name()
    found = problem_of(graph, DEVICE, seconds, 80)
    waits = {(consumer, other) for consumer, waited in found.waits.items() for other, _ in waited}
    needed = {
        (key_of(table[item.consumer]), key_of(table[item.producer]))
        for item in graph.dependencies
        if item.kind != "order"
    }
    assert waits == needed
    assert set(found.declared) == {key_of(item) for item in graph.instances}


def test_without_cross_layer_every_micro_batch_waits_for_all() -> None:
    free = problem_of(graph_of(3, dense=1), DEVICE, seconds, 80)
    bound = without_cross_layer(free)
    assert bound.dependencies[: len(free.dependencies)] == free.dependencies
    asked = [rule for rule in bound.dependencies if rule.kind == "order"]
    assert asked == [
        Dependency("attention", "mlp", "order", 1, -1),
        Dependency("attention", "mlp", "order", 1, 1),
        Dependency("attention", "combine", "order", 1, -1),
        Dependency("attention", "combine", "order", 1, 1),
    ]
    alone = problem_of(graph_of(3, microbatches=1), DEVICE, seconds, 80)
    assert without_cross_layer(alone) == alone


def test_the_first_part_of_a_graph() -> None:
    graph = first_part(graph_of(2))
    assert {item.microbatch for item in graph.instances} == {0}
    assert len(graph.instances) == 8
    names = {item.name for item in graph.instances}
    assert all({item.producer, item.consumer} <= names for item in graph.dependencies)
    assert not any(item.kind == "cache" for item in graph.dependencies)
    assert len([item for item in graph.dependencies if item.kind == "value"]) == 7


def test_a_mega_kernel_takes_as_long_as_its_longer_half() -> None:
    asked = problem_of(graph_of(3, dense=1), Device(sms=100, comm_sms=0, live_buffers=2), seconds, 100)
    fused = with_mega_kernel(asked)
    assert fused is not None
    (mega,) = [item for item in fused.segments if item.name == "mega-moe"]
    assert mega == Segment("mega-moe", 1, 3, "compute", (9.0, 9.0), 100, "ep", fuses=("dispatch", "experts", "combine"))
    assert [item.name for item in fused.segments] == ["attention", "mlp", "mega-moe"]
    assert fused.buffers == ()
    assert fused.dependencies == (
        Dependency("attention", "attention", "cache", microbatches_back=1),
        Dependency("attention", "mlp", layers_back=1),
        Dependency("attention", "mega-moe", layers_back=1),
        Dependency("mlp", "attention"),
        Dependency("mega-moe", "attention"),
    )
    assert with_mega_kernel(problem_of(graph_of(2, dense=2), DEVICE, seconds, 80)) is None
    shorter = Problem(tuple(item for item in asked.segments if item.name != "combine"), asked.streams)
    assert with_mega_kernel(shorter) is None


def test_rules_inside_of_a_mega_kernel_go_those_between_stay() -> None:
    rules = [
        Dependency("experts", "dispatch"),
        Dependency("dispatch", "combine", layers_back=1),
        Dependency("combine", "experts", "order", microbatches_back=1),
        Dependency("attention", "attention", "cache", microbatches_back=1),
        Dependency("combine", "dispatch", layers_back=1),
    ]
    assert fused_rules(rules) == (
        Dependency("mega-moe", "mega-moe", layers_back=1),
        Dependency("mega-moe", "mega-moe", "order", microbatches_back=1),
        Dependency("attention", "attention", "cache", microbatches_back=1),
    )


def test_the_shortest_candidate_is_chosen() -> None:
    plan = plan_of(graph_of(6))
    assert plan.best is plan.overlapped
    assert plan.best is not None and plan.best.us < plan.serial.us
    assert plan.serial.us == 6 * 2 * (10 + 4 + 6 + 5)
    assert plan.best.table.problem.device_sms == 100
    assert plan.otherwise.us > plan.best.us


def test_serial_is_kept_where_the_share_costs_more_than_overlap_saves() -> None:
    plan = plan_of(graph_of(2), Device(sms=100, comm_sms=50))
    assert plan.best is plan.serial
    assert plan.overlapped is not None
    assert plan.reason().startswith(
        f"one after the other takes {plan.serial.us:.1f} us, two streams take {plan.overlapped.us:.1f} us "
        "with 50 of 100 multiprocessors for computation"
    )
    # one piece takes 1.9 of 2 parts
    assert plan.one_piece_us == pytest.approx(2 * 25 * 1.9)
    assert plan.reason().endswith("; in one piece the step takes 95.0 us: micro-batches do not pay here")


def test_micro_batches_that_cost_nothing_are_not_complained_about() -> None:
    device = Device(sms=100, comm_sms=50)
    plan = plan_of(graph_of(2), device, seconds_of_whole=lambda function, sms: 2 * seconds(function, sms))
    assert plan.one_piece_us == plan.best.us == plan.serial.us
    assert "one piece" not in plan.reason()


def test_on_a_tie_the_simpler_one_is_chosen() -> None:
    plan = plan_of(graph_of(1, microbatches=1), Device(sms=100, comm_sms=0))
    assert plan.overlapped is not None
    assert plan.overlapped.us == plan.serial.us == 25
    assert plan.best is plan.serial
    assert plan.one_piece_us is None
    assert "one_piece_us" not in plan.numbers()
    assert "one piece" not in plan.reason()


def test_a_mega_kernel_is_chosen_only_if_asked_for() -> None:
    plan = plan_of(graph_of(4), Device(sms=100, comm_sms=0))
    fused = plan_of(graph_of(4), Device(sms=100, comm_sms=0), mega_kernel=True)
    assert plan.fused is not None and plan.overlapped is not None
    assert plan.fused.us == 4 * 2 * 19
    slow = plan_of(graph_of(4), Device(sms=100, comm_sms=20), mega_kernel=True)
    assert slow.best is min(
        (item for item in (slow.serial, slow.overlapped, slow.fused) if item is not None), key=lambda item: item.us
    )
    assert plan.best is not plan.fused
    assert plan.numbers()["mega_kernel_us"] == 152
    dense = plan_of(graph_of(2, dense=2), mega_kernel=True)
    assert dense.fused is None
    assert "mega_kernel_us" not in dense.numbers()
    assert fused.numbers()["mega_kernel_us"] == 152


def test_numbers_and_words_of_a_plan() -> None:
    plan = plan_of(graph_of(6), seconds=slow_links)
    numbers, table = plan.numbers(), plan.best.table
    assert list(numbers) == [
        "makespan_us", "serial_us", "communication_us", "exposed_us", "lower_bound_us", "overlapped_us",
        "without_cross_layer_us", "exposed_without_cross_layer_us", "one_piece_us", "mega_kernel_us",
    ]  # fmt: skip
    assert numbers["communication_us"] == 6 * 2 * 27
    assert numbers["exposed_us"] == table.exposed_us
    assert numbers["lower_bound_us"] == lower_bound_ns(Work.of(table.problem)) / 1000
    assert numbers["makespan_us"] == numbers["overlapped_us"] == table.makespan_us
    assert numbers["exposed_without_cross_layer_us"] == plan.otherwise.table.exposed_us
    more = plan.otherwise.table.exposed_us - table.exposed_us
    assert more > 0
    reason = plan.reason()
    assert reason.startswith(f"two streams: {table.exposed_us:.1f} of 324.0 us of communication exposed: ")
    assert (
        f"; without cross-layer overlap {plan.otherwise.table.exposed_us:.1f} us are exposed, {more:.1f} us more: "
        "attention waits for combine of the other micro-batch of the layer before (asked for) (" in reason
    )
    named = [str(cause) for cause in causes(table)]
    assert len(named) > 1
    assert f"exposed: {named[0]}, {named[1]}; " in reason


def test_a_forbidding_plan_says_what_it_would_save() -> None:
    plan = plan_of(graph_of(6), cross_layer=False)
    free = plan_of(graph_of(6))
    assert plan.overlapped is not None and free.overlapped is not None
    assert plan.overlapped.table.expanded() == free.otherwise.table.expanded()
    assert plan.otherwise.us == free.overlapped.us
    less = plan.overlapped.table.exposed_us - plan.otherwise.table.exposed_us
    assert (
        f"cross-layer overlap is forbidden: it would leave {plan.otherwise.table.exposed_us:.1f} us exposed, "
        f"{less:.1f} us less" in plan.reason()
    )
    assert plan.numbers()["with_cross_layer_us"] == plan.otherwise.us


def test_where_layers_change_nothing_no_dependency_is_named() -> None:
    plan = plan_of(graph_of(1))
    assert plan.best is plan.overlapped
    exposed = plan.best.table.exposed_us
    assert plan.what_layers_change() == f"without cross-layer overlap {exposed:.1f} us are exposed, 0.0 us more"


def test_causes_add_up_to_what_is_exposed() -> None:
    for plan in (plan_of(graph_of(6)), plan_of(graph_of(6), cross_layer=False), plan_of(graph_of(4, dense=1))):
        for found in (plan.serial, plan.overlapped, plan.otherwise):
            assert found is not None
            listed = causes(found.table)
            assert sum(cause.us for cause in listed) == pytest.approx(found.table.exposed_us)
            assert [cause.us for cause in listed] == sorted((cause.us for cause in listed), reverse=True)
            assert sum(cause.count for cause in listed) == len(found.table.exposed())


def test_causes_of_a_serial_timetable() -> None:
    table = plan_of(graph_of(2, microbatches=1)).serial.table
    assert [str(cause) for cause in causes(table)] == [
        "experts waits for dispatch (2 times, 8.0 us)",
        "attention waits for combine of the layer before (once, 5.0 us)",
        "no computation is left to run under it (once, 5.0 us)",
    ]


def test_wording() -> None:
    assert (
        wording(Dependency("b", "a", "cache", microbatches_back=1)) == "b waits for a of the other micro-batch (cache)"
    )
    assert wording(Dependency("b", "a", layers_back=2)) == "b waits for a of 2 layers before"
    assert not Cause(None, 1, 2.0).is_asked
    assert Cause(Dependency("b", "a", "order"), 1, 2.0).is_asked
    assert not Cause(Dependency("b", "a"), 1, 2.0).is_asked


def test_intervals() -> None:
    assert united([(5, 7), (0, 2), (1, 3), (3, 4), (6, 6), (9, 9)]) == [(0, 4), (5, 7)]
    assert without([(0, 10), (20, 30)], [(2, 4), (8, 22), (25, 26), (40, 50)]) == [(0, 2), (4, 8), (22, 25), (26, 30)]
    assert without([(0, 10)], [(0, 10)]) == []
    assert without([(5, 10)], [(0, 5), (10, 12)]) == [(5, 10)]


def test_exposed_time_is_where_only_communication_runs() -> None:
    from dsv3c.ir.timetable import Slot

    segments = (Segment("a", 0, 2, "compute", (10.0,), 0), Segment("x", 0, 2, "comm", (8.0,), 0))
    problem = Problem(segments, (Stream("compute", "compute"), Stream("comm", "comm")))
    slots = (
        Slot(0, 10, "compute", Instance("a", 0, 0)),
        Slot(6, 14, "comm", Instance("x", 0, 0)),
        Slot(14, 24, "compute", Instance("a", 1, 0)),
        Slot(20, 28, "comm", Instance("x", 1, 0)),
    )
    table = Timetable("f", "h800", problem, {}, slots)
    assert table.exposed() == [(10, 14), (24, 28)]
    assert table.exposed_us == 8
    assert table.makespan_us == 28
