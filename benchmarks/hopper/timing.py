"""Times on the device: interleaved runs with the cache flushed between them, and graphs over rotated operands.

A run is what two events around it say, recorded while the device still waits: launches lie in its queue when it starts
with the first, so that the host's time is not in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter
from typing import Protocol

import torch

from dsv3c.measuring.stopwatch import CudaEvents, Stopwatch

WARM_UP = 3
"""Runs before those that count: binaries are loaded in the first, libraries choose their kernels, clocks rise."""
FLUSHED = 2.5
"""Times the L2 cache that is written between runs."""
LEAD = 2.0
"""Times the host's own time per run that the device waits."""


@dataclass(frozen=True)
class Timing:
    """Seconds of several runs."""

    median: float
    low: float
    high: float
    runs: int

    @staticmethod
    def of(seconds: Sequence[float]) -> "Timing":
        """Of at least one run."""
        return Timing(median(seconds), min(seconds), max(seconds), len(seconds))

    def as_json(self) -> dict[str, float]:
        """For the file of results."""
        return asdict(self)


@dataclass(frozen=True)
class Limits:
    """How long to measure."""

    seconds: float = 0.8
    """Of the device per case, about."""
    least: int = 7
    most: int = 40
    """Runs of each."""

    def rounds(self, seconds_per_round: float) -> int:
        """Rounds that fit."""
        return max(self.least, min(self.most, int(self.seconds / max(seconds_per_round, 1e-9))))


QUICK = Limits(0.3, 5, 15)


class Clock(Stopwatch, Protocol):
    """A device whose work can be timed."""

    def flush(self) -> None:
        """Overwrite the cache."""
        ...

    def finish(self) -> None:
        """Wait for all work.  Raises RuntimeError for what went wrong in it."""
        ...


class CudaClock(CudaEvents):
    """Events of one device, and what fills its cache."""

    def __init__(self, device: torch.device, l2_bytes: int) -> None:
        self.device = device
        self.memory = torch.empty(int(FLUSHED * l2_bytes), dtype=torch.int8, device=device)
        self.value = 0

    def flush(self) -> None:
        """See ``Clock``."""
        self.value ^= 1
        self.memory.fill_(self.value)

    def finish(self) -> None:
        """See ``Clock``."""
        torch.cuda.synchronize(self.device)


Run = Callable[[], object]


def interleaved(runs: Mapping[str, Run], clock: Clock, limits: Limits) -> tuple[dict[str, Timing], dict[str, str]]:
    """Name -> times of all runs in turns (a, b, a, b, ...), and name -> why one has none."""
    errors, hosts = dict[str, str](), dict[str, float]()
    for name, run in runs.items():
        try:
            hosts[name] = warmed_up(run, clock)
        except Exception as error:  # a peer may raise anything: the others go on
            errors[name] = f"{type(error).__name__}: {error}"
    alive = [name for name in runs if name not in errors]
    if not alive:
        return {}, errors
    found = {name: [timed(runs[name], clock, hosts[name])] for name in alive}
    first = sum(seconds for each in found.values() for seconds in each)
    waiting = sum(LEAD * hosts[name] for name in alive)
    for turn in range(limits.rounds(first + waiting + 1e-4 * len(alive)) - 1):
        # whoever comes first finds the clocks as the last round left them
        for name in alive[turn % len(alive) :] + alive[: turn % len(alive)]:
            found[name].append(timed(runs[name], clock, hosts[name]))
    return {name: Timing.of(seconds) for name, seconds in found.items()}, errors


def warmed_up(run: Run, clock: Clock) -> float:
    """Run a few times; the host's seconds per run."""
    run()
    clock.finish()
    start = perf_counter()
    for _ in range(WARM_UP):
        run()
    spent = (perf_counter() - start) / WARM_UP
    clock.finish()
    return spent


def timed(run: Run, clock: Clock, host: float) -> float:
    """Seconds of one run behind a flushed cache."""
    clock.flush()
    clock.lead(LEAD * host)
    first = clock.mark()
    run()
    last = clock.mark()
    clock.finish()
    return clock.seconds(first, last)


def captured(runs: Sequence[Run], times: int) -> tuple[Run, int]:
    """A CUDA graph of all runs, one after the other, ``times`` over; the runs in it.

    Raises RuntimeError for what cannot be captured.
    """
    for run in runs:  # what is allocated or chosen in a first run must not be in the graph
        run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(times):
            for run in runs:
                run()
    return graph.replay, times * len(runs)


def in_graphs(
    runs: Mapping[str, Callable[[], Sequence[Run]]], clock: Clock, limits: Limits, times: int = 4
) -> tuple[dict[str, Timing], dict[str, str]]:
    """Name -> seconds per run when graphs of rotated operands are replayed in turns, and why one has none."""
    graphs, counts, errors = dict[str, Run](), dict[str, int](), dict[str, str]()
    for name, each in runs.items():
        try:
            graphs[name], counts[name] = captured(each(), times)
        except Exception as error:  # a peer may do what no graph holds: the others go on
            errors[name] = f"{type(error).__name__}: {error}"
    found, more = interleaved(graphs, clock, limits)
    per_run = {
        name: Timing(each.median / counts[name], each.low / counts[name], each.high / counts[name], each.runs)
        for name, each in found.items()
    }
    return per_run, errors | more
