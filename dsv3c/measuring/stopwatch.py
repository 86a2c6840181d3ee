"""Marks in the order of a device's work, and the time between two of them."""

from time import perf_counter
from typing import Any, Protocol

import torch

CYCLES_PER_S = 2.0e9
"""Clocks run no faster: what a wait of so many cycles takes at least."""
LAUNCH_S = 75e-6
"""More than a launcher takes on the host."""


class Stopwatch(Protocol):
    """What times a device."""

    def lead(self, seconds: float) -> None:
        """Let the device wait so long that the host gets ahead, and launches lie in its queue when it starts."""
        ...

    def mark(self) -> Any:
        """Now, in the device's order."""
        ...

    def seconds(self, first: Any, last: Any) -> float:
        """Between two marks that the device has passed."""
        ...


class HostClock:
    """For a device that has done its work when a launch returns."""

    def lead(self, seconds: float) -> None:
        """Nothing runs beside the host."""

    def mark(self) -> float:
        """Now."""
        return perf_counter()

    def seconds(self, first: float, last: float) -> float:
        """Their difference."""
        return last - first


class CudaEvents:
    """Events in PyTorch's current stream."""

    def lead(self, seconds: float) -> None:
        """The device counts cycles, so that events around a kernel do not see the host launching it."""
        cycles = int(seconds * CYCLES_PER_S)
        torch.cuda._sleep(cycles)  # pyright: ignore[reportPrivateUsage] - there is no public wait

    def mark(self) -> torch.cuda.Event:
        """An event, recorded."""
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, first: torch.cuda.Event, last: torch.cuda.Event) -> float:
        """``elapsed_time``, which is in milliseconds."""
        return first.elapsed_time(last) / 1e3
