"""Folding: the flat list of slots as prologue, periodic body and epilogue; ``Timetable.expanded`` undoes it exactly.

``slots = prologue + body repeated R times + epilogue``, cut by start time: the body is the window [t0, t0 + P) whose
slots appear again p layers further on every P microseconds.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dsv3c.ir.timetable import Body, Slot, microseconds, nanoseconds, shifted

MAX_PERIOD = 8
"""Longest period that is looked for (layers)."""
Folded = tuple[tuple[Slot, ...], Body | None, tuple[Slot, ...]]


@dataclass(frozen=True)
class Window:
    """Where the repetitions are: they start at ``start`` (ns) and take ``period`` each."""

    layers: int
    period: int
    start: int
    repeat: int


def fold(slots: Sequence[Slot]) -> Folded:
    """Prologue, body and epilogue with the fewest slots; no body where nothing repeats.  Raises ValueError for NaN."""
    ordered = sorted(slots)
    best, fewest = None, len(ordered)
    for layers in range(1, MAX_PERIOD + 1):
        for period in likely_periods(ordered, layers):
            window = longest(ordered, layers, period)
            if window is not None and (left := length(ordered, window)) < fewest:
                best, fewest = window, left
    return cut(ordered, best) if best is not None else (tuple(ordered), None, ())


def likely_periods(slots: Sequence[Slot], layers: int) -> list[int]:
    """The commonest distances in time (ns) between equal work ``layers`` layers apart."""
    starts = {(slot.stream, slot.instance): nanoseconds(slot.start) for slot in slots}
    found = Counter[int]()
    for slot in slots:
        later = shifted(slot, layers, 0)
        if (start := starts.get((slot.stream, later.instance))) is not None:
            found[start - nanoseconds(slot.start)] += 1
    return [period for period, count in found.most_common(2) if count > 1 and period > 0]


def longest(slots: Sequence[Slot], layers: int, period: int) -> Window | None:
    """The window with the most repetitions, the earliest of several; None where there are not two."""
    present = set(slots)
    starts = [nanoseconds(slot.start) for slot in slots]
    # Inside the window every slot but those of the last repetition comes again, and all but the first's came before.
    last = [start for slot, start in zip(slots, starts, strict=True) if shifted(slot, layers, period) not in present]
    first = [start for slot, start in zip(slots, starts, strict=True) if shifted(slot, -layers, -period) not in present]
    best: Window | None = None
    for start in dict.fromkeys(starts):
        repeat = (last[bisect_left(last, start)] - start) // period + 1
        if (place := bisect_left(first, start + period)) < len(first):
            repeat = min(repeat, (first[place] - start) // period)
        if repeat > (best.repeat if best is not None else 1):
            best = Window(layers, period, start, repeat)
    return best


def length(slots: Sequence[Slot], window: Window) -> int:
    """How many slots are left to write down."""
    prologue, body, epilogue = cut(slots, window)
    assert body is not None
    return len(prologue) + len(body.slots) + len(epilogue)


def cut(slots: Sequence[Slot], window: Window) -> Folded:
    """Divide ordered slots at the window's ends."""
    starts = [nanoseconds(slot.start) for slot in slots]
    first = bisect_left(starts, window.start)
    second = bisect_left(starts, window.start + window.period)
    end = bisect_left(starts, window.start + window.repeat * window.period)
    body = Body(tuple(slots[first:second]), window.repeat, window.layers, microseconds(window.period))
    return tuple(slots[:first]), body, tuple(slots[end:])
