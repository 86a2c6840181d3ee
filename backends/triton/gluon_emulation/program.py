"""A program (of a grid) that is being emulated."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dsv3c.backends.triton.gluon_emulation.errors import EmulationError
from dsv3c.backends.triton.gluon_emulation.memory import SharedMemory
from dsv3c.backends.triton.gluon_emulation.scheduler import ACTIVE, Partition, Scheduler, acting

ONE_AT_A_TIME = threading.RLock()


@dataclass(eq=False)
class Program:
    """One program of a launch; it begins with one partition."""

    point: tuple[int, int, int]
    grid: tuple[int, int, int]
    scheduler: Scheduler
    num_warps: int
    shared: SharedMemory = field(default_factory=SharedMemory)

    def __post_init__(self) -> None:
        self.default = self.scheduler.partition("the default partition", self.num_warps, {}, self)

    @property
    def partition(self) -> Partition:
        """The one that runs."""
        return self.scheduler.current

    def check_end(self) -> None:
        """Raises EmulationError for what is under way when the program ends: its shared memory is no longer its own."""
        copies = [copy.at for copy in self.scheduler.copies if copy.program is self]
        if copies:
            raise EmulationError(f"the program ended before its copies were complete: started at {', '.join(copies)}")
        for partition in self.scheduler.everyone:
            if partition.program is self and partition.products:
                raise EmulationError(f"{partition.name} ended without warpgroup_mma_wait")
            if partition.program is self and partition.stores:
                raise EmulationError(f"{partition.name} ended without tma_store_wait")


def current() -> Program:
    """The program that runs.  Raises EmulationError outside a launch."""
    return acting().program


@contextmanager
def running(programs: list[Program]) -> Generator[None]:
    """Within it, these programs run, the first of them now.  They have one scheduler."""
    with ONE_AT_A_TIME:
        scheduler = programs[0].scheduler
        scheduler.current = programs[0].default
        ACTIVE.append(scheduler)
        try:
            yield
        finally:
            ACTIVE.pop()
