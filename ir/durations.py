"""How long functions take: what a schedule asks, and whoever knows answers (floors, a table of measured times)."""

from collections.abc import Callable
from typing import Protocol

from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.targets import Target


class Durations(Protocol):
    """Times of the functions of one module, at the operating point of one entry."""

    @property
    def kind(self) -> str:
        """What the numbers are called: ``floor``, ``measured``."""
        ...

    def seconds(self, function: str, sms: int | None = None) -> float:
        """Seconds of one run on so many compute units; None: on all of the device.  Raises a Dsv3cError if unknown."""
        ...


DurationsFactory = Callable[[ModuleOp, str, Target, int], Durations]
"""(module, entry, target, parts) -> the times of what the entry runs.

``parts``: take every function at the sizes of a step so many times as large.  The functions of a step's first
micro-batch of two then take what the whole step would take in one piece.
"""
