"""The program (of a grid) that is being emulated."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dsv3c.backends.triton.gluon_emulation.errors import EmulationError
from dsv3c.backends.triton.gluon_emulation.memory import SharedMemory
from dsv3c.backends.triton.gluon_emulation.scheduler import ACTIVE, Partition, Scheduler


@dataclass(eq=False)
class Program:
    """One program of a launch."""

    point: tuple[int, int, int]
    grid: tuple[int, int, int]
    scheduler: Scheduler
    shared: SharedMemory = field(default_factory=SharedMemory)

    @property
    def partition(self) -> Partition:
        """The one that runs."""
        return self.scheduler.current


ONE_AT_A_TIME = threading.RLock()
RUNNING: list[Program] = []


def current() -> Program:
    """The program that runs.  Raises EmulationError outside a launch."""
    if not RUNNING:
        raise EmulationError("no kernel is being emulated")
    return RUNNING[-1]


@contextmanager
def running(program: Program) -> Generator[None]:
    """Within it, ``program`` is the current one."""
    with ONE_AT_A_TIME:
        RUNNING.append(program)
        ACTIVE.append(program.scheduler)
        try:
            yield
        finally:
            RUNNING.pop()
            ACTIVE.pop()
