"""From the segment graph of an entry to a problem that can be scheduled, and its variants.

Values and caches stay dependencies.  Tokens of communication do not: they say in which order the program happens to
have the ops of a group, and any one order that all ranks share will do.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from dsv3c.ir.segments import SegmentGraph, SegmentInstance
from dsv3c.ir.timetable import (
    COMM,
    COMPUTE,
    Buffer,
    Dependency,
    DependencyKind,
    Hold,
    Instance,
    Problem,
    Segment,
    Stream,
)

LOW_LATENCY = "low-latency"
DISPATCH, EXPERTS, COMBINE = "dispatch", "experts", "combine"
FUSED = (DISPATCH, EXPERTS, COMBINE)
MEGA_KERNEL = "mega-moe"
"""Dispatch, experts and combine as one kernel (deepseek-ai/DeepGEMM#304)."""


@dataclass(frozen=True)
class Device:
    """How the multiprocessors are divided, and how many low-latency buffers there are."""

    sms: int
    """Of the device."""
    comm_sms: int
    """Of them for communication; 0: it holds none."""
    live_buffers: int = 0
    """Low-latency results that may be held at one time; 0: communication is not of that kind."""

    @property
    def comm_share(self) -> int | None:
        """What to ask times of communication for; None: for no share."""
        return self.comm_sms if self.comm_sms else None

    @property
    def compute_sms(self) -> int:
        """What is left for computation."""
        return self.sms - self.comm_sms


Seconds = Callable[[str, int | None], float]
"""(function, multiprocessors) -> seconds."""


def key_of(instance: SegmentInstance) -> Instance:
    """The instance as timetables name it."""
    return Instance(instance.segment, instance.layer, instance.microbatch)


def problem_of(graph: SegmentGraph, device: Device, seconds: Seconds, compute_sms: int) -> Problem:
    """Streams, segments with their times on ``compute_sms``, and dependencies of an entry."""
    took = {key_of(item): duration_us(item, device, seconds, compute_sms) for item in graph.instances}
    groups = groups_of(graph)
    segments = list[Segment]()
    for item in first_of_each_segment(graph):
        layers = sorted({key.layer for key in took if key.segment == item.segment})
        for first, end, us in equal_layers(item.segment, layers, took):
            segments.append(
                Segment(
                    name=item.segment,
                    first_layer=first,
                    end_layer=end,
                    kind=COMM if item.communicates else COMPUTE,
                    us=us,
                    sms=device.comm_sms if item.communicates else compute_sms,
                    group=groups.get(item.segment, ""),
                    holds=holds_of(item, device),
                )
            )
    return Problem(
        segments=tuple(segments),
        streams=(Stream(COMPUTE, COMPUTE, compute_sms), Stream(COMM, COMM, device.comm_sms)),
        dependencies=dependencies_of(graph),
        buffers=(Buffer(LOW_LATENCY, device.live_buffers),) if device.live_buffers else (),
        device_sms=device.sms,
    )


def duration_us(item: SegmentInstance, device: Device, seconds: Seconds, compute_sms: int) -> float:
    """The time of an instance on its share, on the grid of timetables."""
    sms = device.comm_share if item.communicates else compute_sms
    return round(seconds(item.function, sms) * 1e9) / 1000


def first_of_each_segment(graph: SegmentGraph) -> list[SegmentInstance]:
    """One instance per segment, in program order."""
    found = dict[str, SegmentInstance]()
    for item in graph.instances:
        found.setdefault(item.segment, item)
    return list(found.values())


def equal_layers(
    segment: str, layers: Sequence[int], took: dict[Instance, float]
) -> list[tuple[int, int, tuple[float, ...]]]:
    """Runs of neighbouring layers in which a segment takes the same times: (first, end, times by micro-batch)."""
    runs = list[tuple[int, int, tuple[float, ...]]]()
    for layer in layers:
        microbatches = sorted(key.microbatch for key in took if (key.segment, key.layer) == (segment, layer))
        assert microbatches == list(range(len(microbatches))), f"{segment} of layer {layer}: {microbatches}"
        us = tuple(took[Instance(segment, layer, microbatch)] for microbatch in microbatches)
        if runs and runs[-1][1:] == (layer, us):
            runs[-1] = (runs[-1][0], layer + 1, us)
        else:
            runs.append((layer, layer + 1, us))
    return runs


def groups_of(graph: SegmentGraph) -> dict[str, str]:
    """Segment -> the group whose token it uses."""
    table = graph.by_name()
    found = dict[str, str]()
    for dependency in graph.dependencies:
        if dependency.kind == "order":
            found[table[dependency.producer].segment] = dependency.group
            found[table[dependency.consumer].segment] = dependency.group
    return found


def holds_of(item: SegmentInstance, device: Device) -> tuple[Hold, ...]:
    """Low-latency results lie in a buffer until they are read: dispatched rows by the experts, sums at once."""
    if not device.live_buffers or not item.communicates:
        return ()
    return (Hold(LOW_LATENCY, EXPERTS if item.segment == DISPATCH else ""),)


Distance = tuple[str, str, DependencyKind, int, int]
"""Consumer, producer, kind, layers back, micro-batches back."""


def dependencies_of(graph: SegmentGraph) -> tuple[Dependency, ...]:
    """The graph's values and caches as rules, each bound to the layers where it holds."""
    table = graph.by_name()
    keys = {key_of(item) for item in graph.instances}
    kinds: dict[str, DependencyKind] = {"value": "data", "cache": "cache"}
    bound = dict[Distance, set[Instance]]()
    for item in graph.dependencies:
        if item.kind in kinds:
            consumer, producer = key_of(table[item.consumer]), key_of(table[item.producer])
            back = (consumer.layer - producer.layer, consumer.microbatch - producer.microbatch)
            bound.setdefault((consumer.segment, producer.segment, kinds[item.kind], *back), set()).add(consumer)
    rules = list[Dependency]()
    for distance, consumers in bound.items():
        rule = Dependency(*distance)
        possible = sorted(key for key in keys if key.segment == rule.consumer and rule.producer_of(key) in keys)
        rules += restricted(rule, possible, consumers)
    order = {item.segment: place for place, item in enumerate(first_of_each_segment(graph))}
    return tuple(sorted(rules, key=lambda rule: (order[rule.consumer], order[rule.producer], str(rule))))


def restricted(rule: Dependency, possible: Sequence[Instance], wanted: set[Instance]) -> list[Dependency]:
    """A rule as it is where it binds all that it could, else one per micro-batch and run of layers."""
    if len(wanted) == len(possible):
        return [rule]
    rules = list[Dependency]()
    for microbatch in sorted({key.microbatch for key in wanted}):
        own = [key for key in possible if key.microbatch == microbatch]
        for is_wanted, run in groupby(own, key=lambda key: key in wanted):
            layers = [key.layer for key in run]
            if is_wanted:
                rules.append(replace(rule, layers=(layers[0], layers[-1] + 1), microbatch=microbatch))
    return rules


def without_cross_layer(problem: Problem) -> Problem:
    """The same where no layer starts before all micro-batches have left the one before."""
    microbatches = max(len(segment.us) for segment in problem.segments)
    added = [
        Dependency(rule.consumer, rule.producer, "order", rule.layers_back, back)
        for rule in problem.dependencies
        if rule.layers_back
        for back in range(1 - microbatches, microbatches)
        if back
    ]
    return replace(problem, dependencies=(*problem.dependencies, *dict.fromkeys(added)))


def first_part(graph: SegmentGraph) -> SegmentGraph:
    """The graph of the first micro-batch alone."""
    instances = tuple(item for item in graph.instances if item.microbatch == 0)
    names = {item.name for item in instances}
    kept = tuple(item for item in graph.dependencies if item.producer in names and item.consumer in names)
    return replace(graph, instances=instances, dependencies=kept)


def with_mega_kernel(problem: Problem) -> Problem | None:
    """Dispatch, experts and combine of a layer as one kernel on the compute stream; None where a layer has not all.

    Inside it communication runs under computation tile by tile: ``max(dispatch + combine, experts)``, a floor.
    """
    parts = {name: [item for item in problem.segments if item.name == name] for name in FUSED}
    ranges = {name: [range(item.first_layer, item.end_layer) for item in found] for name, found in parts.items()}
    if not parts[EXPERTS] or any(found != ranges[EXPERTS] for found in ranges.values()):
        return None
    fused = list[Segment]()
    for dispatch, experts, combine in zip(*parts.values(), strict=True):
        times = zip(dispatch.us, experts.us, combine.us, strict=True)
        us = tuple(max(round((sent + back) * 1000) / 1000, own) for sent, own, back in times)
        fused.append(replace(experts, name=MEGA_KERNEL, us=us, group=dispatch.group, fuses=FUSED))
    kept = [item for item in problem.segments if item.name not in parts]
    return replace(problem, segments=(*kept, *fused), dependencies=fused_rules(problem.dependencies), buffers=())


def fused_rules(rules: Iterable[Dependency]) -> tuple[Dependency, ...]:
    """Rules between segments of which three became one."""
    names: dict[str, str] = dict.fromkeys(FUSED, MEGA_KERNEL)
    renamed = [
        replace(
            rule, consumer=names.get(rule.consumer, rule.consumer), producer=names.get(rule.producer, rule.producer)
        )
        for rule in rules
    ]
    return tuple(
        dict.fromkeys(
            rule for rule in renamed if rule.consumer != rule.producer or rule.layers_back or rule.microbatches_back
        )
    )
