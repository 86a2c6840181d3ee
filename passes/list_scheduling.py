"""List scheduling: every instance gets the earliest slot that its inputs, its stream and its buffers allow.

An event-driven, non-delaying scheduler: whenever something ends, each free stream takes the ready instance of the
highest priority, if the device has multiprocessors, its group is silent and its buffers are free.  ``schedule`` tries
several priorities, and the published orders, in which streams do wait; it keeps the shortest timetable.  Nothing here
knows the IR.

Priorities are lengths of the longest way to the end (the critical path), with communication counted once, more, less
or not at all: what hides best depends on which of the two is the scarcer.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from dsv3c.ir.timetable import COMM, Instance, Problem, Slot, Stream, microseconds
from dsv3c.passes.published_orders import PUBLISHED, places

Priority = tuple[int, ...]
"""Smaller goes first."""


@dataclass(frozen=True)
class Work:
    """A problem by numbers: instance i takes ``duration[i]`` ns and waits for ``producers[i]``."""

    problem: Problem
    instances: tuple[Instance, ...]
    duration: tuple[int, ...]
    producers: tuple[tuple[int, ...], ...]
    consumers: tuple[tuple[int, ...], ...]

    @staticmethod
    def of(problem: Problem) -> "Work":
        """Number the instances."""
        instances = tuple(problem.declared)
        number = {instance: index for index, instance in enumerate(instances)}
        producers = [sorted({number[other] for other, _ in problem.waits[instance]}) for instance in instances]
        consumers = [list[int]() for _ in instances]
        for consumer, waited in enumerate(producers):
            for producer in waited:
                consumers[producer].append(consumer)
        duration = tuple(problem.duration_ns(instance) for instance in instances)
        return Work(problem, instances, duration, tuple(map(tuple, producers)), tuple(map(tuple, consumers)))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Producers before consumers.  Raises CycleError, a ValueError, for instances that wait for each other."""
        return tuple(TopologicalSorter(dict(enumerate(self.producers))).static_order())

    @cached_property
    def communicates(self) -> tuple[bool, ...]:
        """Of each instance: whether it is on the streams of communication."""
        return tuple(self.problem.declared[instance].kind == COMM for instance in self.instances)

    def tails(self, compute: int = 1, comm: int = 1) -> list[int]:
        """Longest way from the start of each instance to the end, with weights for the two kinds."""
        tail = [0] * len(self.instances)
        for index in reversed(self.order):
            weight = comm if self.communicates[index] else compute
            after = max((tail[consumer] for consumer in self.consumers[index]), default=0)
            tail[index] = after + weight * self.duration[index]
        return tail

    def heads(self) -> list[int]:
        """Longest way from the beginning to the start of each instance."""
        head = [0] * len(self.instances)
        for index in self.order:
            head[index] = max((head[other] + self.duration[other] for other in self.producers[index]), default=0)
        return head

    def slots(self, starts: Sequence[int], streams: Sequence[str]) -> list[Slot]:
        """Start times (ns) and streams as slots, in order of time."""
        placed = zip(self.instances, self.duration, starts, streams, strict=True)
        slots = [Slot(microseconds(at), microseconds(at + took), name, item) for item, took, at, name in placed]
        return sorted(slots)


def priorities(work: Work) -> Iterator[list[Priority]]:
    """The priorities that are tried, each a list by instance."""
    numbers = range(len(work.instances))
    for compute, comm in ((1, 1), (1, 0), (0, 1), (1, 3), (3, 1)):
        tail = work.tails(compute, comm)
        yield [(-tail[index], index) for index in numbers]
        # The same, but of equal layers one micro-batch always first: ties decide who runs under whom.
        yield [(work.instances[index].microbatch - tail[index], index) for index in numbers]
    yield [(index,) for index in numbers]
    for first in (0, 1):
        yield [(item.layer, (item.microbatch - first) % 2, index) for index, item in enumerate(work.instances)]


def lower_bound_ns(work: Work) -> int:
    """No timetable of this problem is shorter: the critical path, and of each kind of stream its load.

    ``max(longest way, min head + load / streams + min tail)``, the head and tail being what must come before the first
    and after the last instance of the kind.
    """
    heads, tails = work.heads(), work.tails()
    bound = max((head + tail for head, tail in zip(heads, tails, strict=True)), default=0)
    for kind in {segment.kind for segment in work.problem.segments}:
        own = [i for i, instance in enumerate(work.instances) if work.problem.declared[instance].kind == kind]
        streams = sum(stream.kind == kind for stream in work.problem.streams)
        load = sum(work.duration[index] for index in own)
        before = min(heads[index] for index in own)
        after = min(tails[index] - work.duration[index] for index in own)
        bound = max(bound, before - (-load // streams) + after)
    return bound


def serial(work: Work, order: Sequence[Instance]) -> list[Slot]:
    """One instance after the other in this order, each on the first stream of its kind."""
    number = {instance: index for index, instance in enumerate(work.instances)}
    starts, now = [0] * len(work.instances), 0
    for instance in order:
        starts[number[instance]] = now
        now += work.duration[number[instance]]
    first = {stream.kind: stream.name for stream in reversed(work.problem.streams)}
    return work.slots(starts, [first[work.problem.declared[instance].kind] for instance in work.instances])


def schedule(work: Work) -> list[Slot] | None:
    """The shortest timetable that priorities or published orders lead to; None where all get stuck for want of buffers.

    Raises CycleError, a ValueError, for instances that wait for each other.
    """
    found = [slots for simulation in simulations(work) if (slots := simulation.run()) is not None]
    return min(found, key=makespan, default=None)


def simulations(work: Work) -> Iterator["Simulation"]:
    """Everything that is tried."""
    for order in priorities(work):
        yield Simulation(work, order)
    for phases in PUBLISHED:
        ranks = places(work.instances, phases)
        if ranks is not None:
            yield InOrder(work, ranks)


def makespan(slots: Sequence[Slot]) -> float:
    """The end of the last slot (us)."""
    return max((slot.end for slot in slots), default=0.0)


class Simulation:
    """One run of the scheduler with fixed priorities."""

    def __init__(self, work: Work, order: Sequence[Priority]) -> None:
        self.work = work
        self.order = order
        segments = [work.problem.declared[instance] for instance in work.instances]
        self.kind = [segment.kind for segment in segments]
        self.sms = [segment.sms for segment in segments]
        self.group = [segment.group for segment in segments]
        self.missing = [len(waited) for waited in work.producers]
        self.ready = {stream.kind: list[tuple[Priority, int]]() for stream in work.problem.streams}
        """By kind of stream: what could start, in order of priority."""
        self.narrow_first = sorted(work.problem.streams, key=lambda stream: stream.sms)
        """The streams; what fits a narrow one leaves the wide ones free."""
        self.running = list[tuple[int, int]]()
        """(end, instance), a heap."""
        self.busy = dict[str, int]()
        """Stream -> what runs on it."""
        self.talking = set[str]()
        """Groups of which a member runs."""
        self.free_sms = work.problem.device_sms
        self.live = {buffer.name: buffer.live for buffer in work.problem.buffers}
        """Class of buffers -> how many are free."""
        self.takes, self.awaits = holds_of(work)
        self.open_holds = dict[int, int]()
        """Hold -> how many of the two ends that give its buffer back are still to come."""
        self.starts = [0] * len(segments)
        self.streams = [""] * len(segments)

    def run(self) -> list[Slot] | None:
        """Slots for everything; None where nothing can start any more."""
        for index, waited in enumerate(self.work.producers):
            if not waited:
                self.offer(index)
        now, left = 0, len(self.work.instances)
        while left:
            while (stream_and_index := self.next_start()) is not None:
                self.start(*stream_and_index, now)
            if not self.running:
                return None
            now = self.running[0][0]
            while self.running and self.running[0][0] == now:
                self.end(heappop(self.running)[1])
                left -= 1
        return self.work.slots(self.starts, self.streams)

    def offer(self, index: int) -> None:
        """Everything it waits for has ended."""
        insort(self.ready[self.kind[index]], (self.order[index], index))

    def next_start(self) -> tuple[str, int] | None:
        """A free stream and the first ready instance that may start on it."""
        for stream in self.narrow_first:
            for place, (_, index) in enumerate(self.ready[stream.kind]):
                if self.may_start(index, stream):
                    del self.ready[stream.kind][place]
                    return stream.name, index
        return None

    def may_start(self, index: int, stream: Stream) -> bool:
        """Whether the stream, multiprocessors, group and buffers are free."""
        taken = Counter(buffer for _, buffer in self.takes[index])
        return (
            stream.name not in self.busy
            and self.sms[index] <= min(stream.sms, self.free_sms)
            and self.group[index] not in self.talking
            and all(self.live[buffer] >= count for buffer, count in taken.items())
        )

    def start(self, stream: str, index: int, now: int) -> None:
        """Put an instance on a stream."""
        self.busy[stream] = index
        self.starts[index], self.streams[index] = now, stream
        self.free_sms -= self.sms[index]
        if self.group[index]:
            self.talking.add(self.group[index])
        for _, buffer in self.takes[index]:
            self.live[buffer] -= 1
        heappush(self.running, (now + self.work.duration[index], index))

    def end(self, index: int) -> None:
        """Free what it held, and offer what waited for it."""
        del self.busy[self.streams[index]]
        self.free_sms += self.sms[index]
        self.talking.discard(self.group[index])
        for hold, buffer in self.awaits[index]:
            self.open_holds[hold] = self.open_holds.get(hold, 2) - 1
            self.live[buffer] += self.open_holds[hold] == 0
        for consumer in self.work.consumers[index]:
            self.missing[consumer] -= 1
            if self.missing[consumer] == 0:
                self.offer(consumer)


class InOrder(Simulation):
    """One run with a fixed order: a stream waits for what is next, whatever else is ready."""

    def __init__(self, work: Work, places: Sequence[float]) -> None:
        super().__init__(work, [(index,) for index in range(len(places))])
        order = sorted(range(len(places)), key=lambda index: (places[index], index))
        self.queues = {
            stream.kind: [index for index in reversed(order) if self.kind[index] == stream.kind]
            for stream in work.problem.streams
        }
        """By kind of stream: what is left, the next one last."""

    def next_start(self) -> tuple[str, int] | None:
        """A free stream and the next instance of its kind, if that may start."""
        for stream in self.narrow_first:
            queue = self.queues[stream.kind]
            if queue and not self.missing[queue[-1]] and self.may_start(queue[-1], stream):
                return stream.name, queue.pop()
        return None


def holds_of(work: Work) -> tuple[list[list[tuple[int, str]]], list[list[tuple[int, str]]]]:
    """By instance: the holds (number, buffer) it takes when it starts, and those that wait for its end.

    A hold waits for two ends, its instance's own and that of the segment that gives the buffer back.
    """
    number = {instance: index for index, instance in enumerate(work.instances)}
    takes = [list[tuple[int, str]]() for _ in number]
    awaits = [list[tuple[int, str]]() for _ in number]
    count = 0
    for index, instance in enumerate(work.instances):
        for hold in work.problem.declared[instance].holds:
            numbered = (count, hold.buffer)
            count += 1
            takes[index].append(numbered)
            awaits[index].append(numbered)
            awaits[number[work.problem.release(instance, hold)]].append(numbered)
    return takes, awaits
