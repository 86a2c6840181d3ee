"""Whether a timetable can run: an independent judge that reads the timetable and nothing else.

It works on the expanded form and knows no pass: what a scheduler promises is checked from the declared segments,
dependencies, streams and buffers alone.  Every violation has a code; ``CODES`` says what each means.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import groupby, pairwise
from math import isfinite

from dsv3c.ir.timetable import Instance, Problem, Segment, Slot, Stream, Timetable, nanoseconds

CODES: dict[str, str] = {
    "unknown-name": "a declaration names a segment or a class of buffers that is not declared",
    "body-tiling": "the repetitions of the body overlap, or it has no period",
    "bad-duration": "a time is negative, infinite or not a number",
    "unknown-stream": "a slot is on a stream that is not declared",
    "unknown-instance": "a slot runs what no segment declares",
    "missing-instance": "a declared instance has no slot",
    "duplicate-instance": "an instance has two slots",
    "duration": "a slot is not as long as its segment says",
    "stream-kind": "a segment is on a stream of another kind",
    "stream-overlap": "two slots of one stream overlap",
    "stream-sms": "a segment holds more multiprocessors than its stream has",
    "device-sms": "the running segments hold more multiprocessors than the device has",
    "data-dependency": "an instance starts before a value it reads is there",
    "cache-dependency": "an instance starts before the version of the cache it takes is there",
    "order-dependency": "an instance starts before one that was asked to come first",
    "dependency-cycle": "dependencies wait for each other",
    "comm-order": "two communication ops of one group run at the same time: they have no order",
    "deadlock": "streams and ranks wait for each other",
    "buffer": "more buffers of a class are held than there are",
}


@dataclass(frozen=True)
class Violation:
    """One reason why a timetable cannot run."""

    code: str
    """One of ``CODES``."""
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


@dataclass(frozen=True)
class RankSlots:
    """The slots of one rank that can be judged further, by instance and in order of their start."""

    problem: Problem
    rank: int | None
    slots: dict[Instance, Slot]

    def where(self) -> str:
        """`` on rank 1``, or nothing where all ranks are alike."""
        return "" if self.rank is None else f" on rank {self.rank}"

    def times(self, instance: Instance) -> tuple[int, int]:
        """Start and end (ns)."""
        slot = self.slots[instance]
        return nanoseconds(slot.start), nanoseconds(slot.end)

    def segment(self, instance: Instance) -> Segment:
        """The instance's declaration."""
        return self.problem.declared[instance]


def violations(table: Timetable) -> list[Violation]:
    """Everything that is wrong, in the order of ``CODES``; empty for a timetable that can run."""
    for check in (bad_times, body_tiling):
        if found := list(check(table)):
            return found  # what follows would only repeat it
    found = list(unknown_names(table.problem))
    streams = {stream.name: stream for stream in table.problem.streams}
    known = list[Slot]()
    for slot in table.expanded():
        if slot.stream not in streams:
            found.append(Violation("unknown-stream", f"{slot.instance} is on stream {slot.stream!r}"))
        elif slot.instance not in table.problem.declared:
            found.append(Violation("unknown-instance", f"{slot.instance} is not declared"))
        else:
            known.append(slot)
    ranks = sorted({stream.rank for stream in streams.values() if stream.rank is not None})
    excused = {slot.instance for slot in table.expanded()} - {slot.instance for slot in known}
    judged = [judge_presence(table.problem, rank, streams, known, excused, found) for rank in ranks or [None]]
    for check in CHECKS:
        for rank_slots in judged:
            found += check(rank_slots)
    found += deadlocks(judged)
    order = list(CODES)
    return sorted(dict.fromkeys(found), key=lambda item: order.index(item.code))


def bad_times(table: Timetable) -> Iterator[Violation]:
    """Durations and times are finite and not negative, and no slot ends before it starts."""
    for segment in table.problem.segments:
        for microbatch, us in enumerate(segment.us):
            if not isfinite(us) or us < 0:
                yield Violation("bad-duration", f"{segment.name}, micro-batch {microbatch}: takes {us} us")
    slots = [*table.prologue, *(table.body.slots if table.body else ()), *table.epilogue]
    for slot in slots:
        if not (isfinite(slot.start) and isfinite(slot.end)) or slot.start < 0 or slot.end < slot.start:
            yield Violation("bad-duration", f"{slot.instance}: from {slot.start} to {slot.end} us")


def unknown_names(problem: Problem) -> Iterator[Violation]:
    """Dependencies and holds are about declared segments and buffers: others would bind nothing, silently."""
    segments = {segment.name for segment in problem.segments}
    classes = {buffer.name for buffer in problem.buffers}
    for rule in problem.dependencies:
        for name in (rule.consumer, rule.producer):
            if name not in segments:
                text = f"{rule.consumer} on {rule.producer}: there is no segment {name!r}"
                yield Violation("unknown-name", text)
    for segment in problem.segments:
        for hold in segment.holds:
            if hold.buffer not in classes:
                yield Violation("unknown-name", f"{segment.name} holds {hold.buffer!r}: no such buffers are declared")
            if hold.until and hold.until not in segments:
                yield Violation("unknown-name", f"{segment.name} holds until {hold.until!r}: there is no such segment")


def body_tiling(table: Timetable) -> Iterator[Violation]:
    """The body has a period, and no repetition runs what another one runs, or while another one runs."""
    body = table.body
    if body is None:
        return
    if body.repeat < 1 or body.layers < 1 or not isfinite(body.us) or body.us <= 0:
        text = f"{body.repeat} repetitions of {body.layers} layers, {body.us} us each"
        yield Violation("body-tiling", f"the body has no period: {text}")
        return
    residues = Counter((s.instance.segment, s.instance.microbatch, s.instance.layer % body.layers) for s in body.slots)
    for (segment, microbatch, _), count in residues.items():
        if count > 1:
            text = f"{segment}, micro-batch {microbatch}, is {count} times in a body of period {body.layers}"
            yield Violation("body-tiling", text)
    for stream in dict.fromkeys(slot.stream for slot in body.slots):
        own = [slot for slot in body.slots if slot.stream == stream]
        span = max(nanoseconds(slot.end) for slot in own) - min(nanoseconds(slot.start) for slot in own)
        if body.repeat > 1 and span > nanoseconds(body.us):
            text = f"stream {stream!r} is busy over {span / 1000} us of a period of {body.us} us"
            yield Violation("body-tiling", text)


def judge_presence(
    problem: Problem,
    rank: int | None,
    streams: dict[str, Stream],
    slots: Sequence[Slot],
    excused: set[Instance],
    found: list[Violation],
) -> RankSlots:
    """Every instance has one slot on this rank; the first of several is judged further."""
    kept = RankSlots(problem, rank, {})
    for slot in slots:
        if streams[slot.stream].rank not in (None, rank):
            continue
        if slot.instance in kept.slots:
            text = f"{slot.instance} runs at {kept.slots[slot.instance].start} us and at {slot.start} us"
            found.append(Violation("duplicate-instance", text + kept.where()))
        else:
            kept.slots[slot.instance] = slot
    for instance in problem.declared:
        if instance not in kept.slots and instance not in excused:
            found.append(Violation("missing-instance", f"{instance} has no slot{kept.where()}"))
    return kept


def durations(rank: RankSlots) -> Iterator[Violation]:
    """A slot takes as long as declared."""
    for instance, slot in rank.slots.items():
        start, end = rank.times(instance)
        if end - start != rank.problem.duration_ns(instance):
            declared = rank.segment(instance).us[instance.microbatch]
            text = f"{instance} has {(end - start) / 1000} us at {slot.start} us, it takes {declared} us"
            yield Violation("duration", text + rank.where())


def stream_rules(rank: RankSlots) -> Iterator[Violation]:
    """A stream takes its own kind of segments, within its multiprocessors, one after the other."""
    for stream in rank.problem.streams:
        own = [instance for instance, slot in rank.slots.items() if slot.stream == stream.name]
        for instance in own:
            segment = rank.segment(instance)
            if segment.kind != stream.kind:
                text = f"{instance} is {segment.kind}, stream {stream.name!r} takes {stream.kind}"
                yield Violation("stream-kind", text)
            if segment.sms > stream.sms:
                has = f"has {stream.sms}" if stream.sms else "has none"
                text = f"{instance} holds {segment.sms} multiprocessors, stream {stream.name!r} {has}"
                yield Violation("stream-sms", text)
        yield from overlaps(rank, own, "stream-overlap", f"stream {stream.name!r}")


def overlaps(rank: RankSlots, instances: Iterable[Instance], code: str, what: str) -> Iterator[Violation]:
    """Of these, one ends before the next starts."""
    ordered = sorted(instances, key=rank.times)
    for earlier, later in pairwise(ordered):
        if rank.times(later)[0] < rank.times(earlier)[1]:
            times = f"{rank.slots[earlier].end} us, {rank.slots[later].start} us"
            text = f"{what}: {earlier} ends after {later} starts ({times})"
            yield Violation(code, text + rank.where())


def device_sms(rank: RankSlots) -> Iterator[Violation]:
    """What runs at one time fits the device; a stream counts once, with the most that it runs."""
    budget = rank.problem.device_sms
    running = {stream.name: list[int]() for stream in rank.problem.streams}
    changes = list[tuple[int, bool, int, Instance]]()
    for instance in rank.slots:
        start, end = rank.times(instance)
        sms = rank.segment(instance).sms
        if end > start and sms:
            changes += [(start, True, sms, instance), (end, False, sms, instance)]
    for time, starts, sms, instance in sorted(changes):  # at one time, what ends comes first
        stream = running[rank.slots[instance].stream]
        (stream.append if starts else stream.remove)(sms)
        held = sum(max(own, default=0) for own in running.values())
        if starts and held > budget:
            text = f"{held} of {budget} multiprocessors are held at {time / 1000} us, when {instance} starts"
            yield Violation("device-sms", text + rank.where())


def dependencies(rank: RankSlots) -> Iterator[Violation]:
    """Consumers start when their producers have ended."""
    cyclic = set(cycle({c: {p for p, _ in waits} for c, waits in rank.problem.waits.items()}))
    if cyclic:
        text = " waits for ".join(str(instance) for instance in sorted(cyclic))
        yield Violation("dependency-cycle", f"{text}, which waits for the first")
    for consumer, waits in rank.problem.waits.items():
        for producer, rule in waits:
            if consumer not in rank.slots or producer not in rank.slots or {consumer, producer} <= cyclic:
                continue
            if rank.times(consumer)[0] < rank.times(producer)[1]:
                times = f"{rank.slots[consumer].start} us, {rank.slots[producer].end} us"
                text = f"{consumer} starts before {producer} ends ({times})"
                yield Violation(f"{rule.kind}-dependency", text + rank.where())


def groups(rank: RankSlots) -> dict[str, list[Instance]]:
    """Communication group -> its members by start time."""
    found = dict[str, list[Instance]]()
    for instance in rank.slots:
        if group := rank.segment(instance).group:
            found.setdefault(group, []).append(instance)
    return {group: sorted(members, key=rank.times) for group, members in found.items()}


def comm_order(rank: RankSlots) -> Iterator[Violation]:
    """The communication ops of a group have one order: none starts before the one before has ended."""
    streams = {instance: slot.stream for instance, slot in rank.slots.items()}
    for group, members in groups(rank).items():
        for earlier, later in pairwise(members):
            if streams[earlier] != streams[later]:  # on one stream it is that stream's overlap
                yield from overlaps(rank, [earlier, later], "comm-order", f"group {group!r}")


def buffers(rank: RankSlots) -> Iterator[Violation]:
    """No class of buffers is held more often than it has buffers."""
    for buffer in rank.problem.buffers:
        changes = list[tuple[int, int, Instance]]()
        for instance in rank.slots:
            for hold in rank.segment(instance).holds:
                if hold.buffer == buffer.name:
                    until = rank.problem.release(instance, hold)
                    end = max(rank.times(item)[1] for item in (until, instance) if item in rank.slots)
                    changes += [(rank.times(instance)[0], 1, instance), (end, -1, instance)]
        held = 0
        for time, change, instance in sorted(changes):  # at one time, what is given back comes first
            held += change
            if change > 0 and held > buffer.live:
                text = f"{held} of {buffer.live} {buffer.name!r} are held at {time / 1000} us, when {instance} starts"
                yield Violation("buffer", text + rank.where())


def cycle(waits: dict[Instance, set[Instance]]) -> list[Instance]:
    """A cycle of a wait-for graph; empty when there is none."""
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        found: list[Instance] = error.args[1]
        return found[:-1]
    return []


Node = tuple[int | None, Instance]
"""An instance of one rank, or of all where it is one event of theirs."""


def deadlocks(ranks: Sequence[RankSlots]) -> list[Violation]:
    """In-order streams, in-order groups and dependencies never wait in a circle, over all ranks together.

    A communication op is one event of all ranks: it completes nowhere before everyone has started it.
    """
    waits = dict[Node, set[Node]]()
    for rank in ranks:
        for later, earlier in waits_of(rank):
            waits.setdefault(node(rank, later), set()).add(node(rank, earlier))
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        found: list[Node] = error.args[1]
        text = ", then ".join(f"{i}" + (f" (rank {rank})" if rank is not None else "") for rank, i in found)
        return [Violation("deadlock", f"{text}: each waits for the one before")]
    return []


def node(rank: RankSlots, instance: Instance) -> Node:
    """Communication happens on all ranks together, everything else on its own."""
    return (None if rank.segment(instance).group else rank.rank, instance)


def waits_of(rank: RankSlots) -> Iterator[tuple[Instance, Instance]]:
    """Who waits for whom on one rank: in its streams, in its groups, and for its producers.

    Dependencies that a slot's time contradicts are reported as such and left out here.
    """
    by_stream = dict[str, list[Instance]]()
    for instance in sorted(rank.slots, key=rank.times):
        by_stream.setdefault(rank.slots[instance].stream, []).append(instance)
    for queue in [*by_stream.values(), *groups(rank).values()]:
        # what starts at one time on one stream takes no time, and its order is nobody's concern
        together = [list(same) for _, same in groupby(queue, key=lambda instance: rank.times(instance)[0])]
        for before, after in pairwise(together):
            yield from ((later, earlier) for later in after for earlier in before)
    for consumer, waited in rank.problem.waits.items():
        for producer in [other for other, _ in waited if other in rank.slots and consumer in rank.slots]:
            if rank.times(producer)[1] <= rank.times(consumer)[0]:
                yield consumer, producer


CHECKS: tuple[Callable[[RankSlots], Iterator[Violation]], ...] = (
    durations,
    stream_rules,
    device_sms,
    dependencies,
    comm_order,
    buffers,
)
