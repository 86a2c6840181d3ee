"""The timetable of an entry as data: what runs, on which stream, from when to when.

A *segment* is the part of a layer between two communication points (``attention-0``, ``dispatch``); an *instance* is
a segment of one layer for one micro-batch.  A timetable keeps its slots as a prologue, a body that repeats with a
period of so many layers, and an epilogue; ``expanded`` is the flat list everything is checked on.

Times are microseconds on a grid of one nanosecond, so that repeating a body and folding it again is exact.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Literal

DependencyKind = Literal["data", "cache", "order"]
KINDS: tuple[DependencyKind, ...] = ("data", "cache", "order")
COMPUTE, COMM = "compute", "comm"
"""Kinds of streams, by what their segments do."""


def nanoseconds(us: float) -> int:
    """A time on the grid, as a whole number; raises ValueError for one that is not finite."""
    if not isfinite(us):
        raise ValueError(f"{us} is no time")
    return round(us * 1000)


def microseconds(ns: int) -> float:
    """The time of a whole number of nanoseconds."""
    return ns / 1000


@dataclass(frozen=True, order=True, slots=True)
class Instance:
    """One segment of one layer for one micro-batch."""

    segment: str
    layer: int
    microbatch: int

    def __str__(self) -> str:
        return f"{self.segment} of layer {self.layer}, micro-batch {self.microbatch}"


@dataclass(frozen=True)
class Hold:
    """A buffer an instance takes when it starts and gives back at the end of ``until``.

    ``until`` is a segment of the same layer and micro-batch; empty, or not in that layer: the instance's own end.
    """

    buffer: str
    until: str = ""


@dataclass(frozen=True)
class Buffer:
    """A class of buffers of which ``live`` exist (low-latency communication has two)."""

    name: str
    live: int


@dataclass(frozen=True)
class Segment:
    """A part of the layers ``first_layer <= layer < end_layer``, and how long it takes there.

    A segment that takes different times in different kinds of layers is declared once for each kind.
    """

    name: str
    first_layer: int
    end_layer: int
    kind: str
    """Kind of stream it runs on: ``compute`` or ``comm``."""
    us: tuple[float, ...]
    """Duration for each micro-batch (us); its length is the number of micro-batches."""
    sms: int = 0
    """Multiprocessors it holds while it runs; 0: none (copy engines or the network card do the work)."""
    group: str = ""
    """Communication group; its members run in one order on every rank.  Empty: it does not communicate."""
    holds: tuple[Hold, ...] = ()
    fuses: tuple[str, ...] = ()
    """The segments that this one runs as a single kernel; empty: it stands for itself."""

    def instances(self) -> Iterator[Instance]:
        """Every layer and micro-batch, in program order."""
        for layer in range(self.first_layer, self.end_layer):
            for microbatch in range(len(self.us)):
                yield Instance(self.name, layer, microbatch)


@dataclass(frozen=True)
class Dependency:
    """``consumer`` waits for ``producer`` of ``layers_back`` layers and ``microbatches_back`` micro-batches before.

    It binds every instance of the consumer whose producer exists, or those of ``layers`` (first, end) and
    ``microbatch`` only.
    """

    consumer: str
    producer: str
    kind: DependencyKind = "data"
    """``data``: a value; ``cache``: the version of the latent cache; ``order``: asked for, not needed."""
    layers_back: int = 0
    microbatches_back: int = 0
    layers: tuple[int, int] | None = None
    microbatch: int | None = None

    def binds(self, consumer: Instance) -> bool:
        """Whether it is about this instance of the consumer."""
        return (
            consumer.segment == self.consumer
            and (self.layers is None or self.layers[0] <= consumer.layer < self.layers[1])
            and self.microbatch in (None, consumer.microbatch)
        )

    def producer_of(self, consumer: Instance) -> Instance:
        """What this instance of the consumer waits for."""
        return Instance(self.producer, consumer.layer - self.layers_back, consumer.microbatch - self.microbatches_back)


@dataclass(frozen=True)
class Stream:
    """An in-order queue of work on the device."""

    name: str
    kind: str
    """``compute`` or ``comm``: which segments it takes."""
    sms: int = 0
    """Multiprocessors its work may hold."""
    rank: int | None = None
    """The rank it belongs to; None: every rank has one, with the same slots."""


@dataclass(frozen=True, order=True)
class Slot:
    """An instance on a stream from ``start`` to ``end`` (us)."""

    start: float
    end: float
    stream: str
    instance: Instance


@dataclass(frozen=True)
class Body:
    """Slots that repeat: repetition r runs ``r * layers`` layers further on, ``r * us`` later."""

    slots: tuple[Slot, ...]
    """The first repetition."""
    repeat: int
    layers: int
    """Period in layers."""
    us: float
    """Period in time."""

    def repetition(self, number: int) -> list[Slot]:
        """The slots of one repetition, the first being number 0."""
        shift = number * nanoseconds(self.us)
        return [shifted(slot, number * self.layers, shift) for slot in self.slots]


def shifted(slot: Slot, layers: int, ns: int) -> Slot:
    """The same work so many layers further on, so much later."""
    instance = Instance(slot.instance.segment, slot.instance.layer + layers, slot.instance.microbatch)
    start, end = nanoseconds(slot.start) + ns, nanoseconds(slot.end) + ns
    return Slot(microseconds(start), microseconds(end), slot.stream, instance)


@dataclass(frozen=True)
class Problem:
    """What is to be scheduled, and on what."""

    segments: tuple[Segment, ...]
    streams: tuple[Stream, ...]
    dependencies: tuple[Dependency, ...] = ()
    buffers: tuple[Buffer, ...] = ()
    device_sms: int = 0
    """Multiprocessors of the device; 0 where nothing holds any."""

    @cached_property
    def declared(self) -> dict[Instance, Segment]:
        """Every instance, in the order of the declarations, with its segment."""
        return {instance: segment for segment in self.segments for instance in segment.instances()}

    @cached_property
    def waits(self) -> dict[Instance, list[tuple[Instance, Dependency]]]:
        """Consumer -> the instances it waits for, each with the dependency that says so."""
        rules = dict[str, list[Dependency]]()
        for dependency in self.dependencies:
            rules.setdefault(dependency.consumer, []).append(dependency)
        found = dict[Instance, list[tuple[Instance, Dependency]]]()
        for consumer in self.declared:
            bound = [rule for rule in rules.get(consumer.segment, ()) if rule.binds(consumer)]
            found[consumer] = [(rule.producer_of(consumer), rule) for rule in bound]
            found[consumer] = [pair for pair in found[consumer] if pair[0] in self.declared]
        return found

    def stream(self, name: str) -> Stream | None:
        """The stream of a name."""
        return next((stream for stream in self.streams if stream.name == name), None)

    def duration_ns(self, instance: Instance) -> int:
        """How long a declared instance takes (ns)."""
        return nanoseconds(self.declared[instance].us[instance.microbatch])

    def release(self, instance: Instance, hold: Hold) -> Instance:
        """The instance whose end gives a buffer back; the holder itself where its layer has no such segment."""
        until = Instance(hold.until, instance.layer, instance.microbatch)
        return until if until in self.declared else instance


@dataclass(frozen=True)
class Timetable:
    """When everything that an entry runs, runs."""

    entry: str
    """The function, without ``@``."""
    target: str
    problem: Problem
    point: Mapping[str, int] = field(default_factory=dict[str, int])
    """The operating point: values of the symbols the durations hold for."""
    prologue: tuple[Slot, ...] = ()
    body: Body | None = None
    epilogue: tuple[Slot, ...] = ()

    @cached_property
    def _expanded(self) -> tuple[Slot, ...]:
        slots = [*self.prologue, *self.epilogue]
        if self.body is not None:
            for number in range(self.body.repeat):
                slots += self.body.repetition(number)
        return tuple(sorted(slots))

    def expanded(self) -> tuple[Slot, ...]:
        """Every slot by start time.  Raises ValueError for a time that is not finite."""
        return self._expanded

    @property
    def makespan_us(self) -> float:
        """From 0 to the end of the last slot."""
        return max((slot.end for slot in self.expanded()), default=0.0)

    def busy(self, kind: str) -> list[tuple[int, int]]:
        """When any stream of a kind works: disjoint intervals in order (ns)."""
        slots = [slot for slot in self.expanded() if self.problem.declared[slot.instance].kind == kind]
        return united((nanoseconds(slot.start), nanoseconds(slot.end)) for slot in slots)

    def exposed(self) -> list[tuple[float, float]]:
        """When only communication runs (us): what overlap has not hidden."""
        left = without(self.busy(COMM), self.busy(COMPUTE))
        return [(microseconds(start), microseconds(end)) for start, end in left]

    @property
    def exposed_us(self) -> float:
        """How long only communication runs."""
        left = without(self.busy(COMM), self.busy(COMPUTE))
        return microseconds(sum(end - start for start, end in left))


Interval = tuple[int, int]


def united(intervals: Iterable[Interval]) -> list[Interval]:
    """The union, as disjoint intervals in order."""
    joined = list[Interval]()
    for start, end in sorted(intervals):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def without(intervals: Sequence[Interval], removed: Sequence[Interval]) -> list[Interval]:
    """What is left of disjoint ordered intervals outside others of the same form."""
    left, index = list[Interval](), 0
    for start, end in intervals:
        while index < len(removed) and removed[index][1] <= start:
            index += 1
        place = index
        while place < len(removed) and removed[place][0] < end:
            if start < removed[place][0]:
                left.append((start, removed[place][0]))
            start = max(start, removed[place][1])
            place += 1
        if start < end:
            left.append((start, end))
    return left
