"""Barriers in shared memory (``mbarrier``), with the hardware's counts and phases.

A phase ends when as many arrivals came as the barrier was initialised for and all expected bytes are there.  A wait
names a parity: it passes when the phase that the barrier is in has the other one, so a wait for parity 1 passes on a
new barrier, and one that is two phases late does not.
"""

from dataclasses import dataclass, field
from typing import Any

from dsv3c.backends.triton.gluon_emulation.errors import EmulationError
from dsv3c.backends.triton.gluon_emulation.memory import Buffer
from dsv3c.backends.triton.gluon_emulation.program import current
from dsv3c.backends.triton.gluon_emulation.scheduler import Clock, join

MAX_BYTES = 2**20 - 1
"""That a barrier can be told to expect."""
MAX_COUNT = 2**20 - 1


@dataclass(eq=False)
class Barrier:
    """One ``mbarrier``."""

    name: str
    actor: int
    """Of the copies that complete on it."""
    count: int
    pending: int
    """Arrivals that this phase still needs."""
    num_bytes: int = 0
    """Expected and not there yet; below zero when they came before they were expected."""
    phase: int = 0
    """Number of phases that ended."""
    arrived: Clock = field(default_factory=dict[int, int])
    """What those know that arrived in this phase."""
    known: Clock = field(default_factory=dict[int, int])
    """What a wait makes known."""

    def arrive(self, count: int) -> None:
        """Raises EmulationError for more arrivals than the phase has left."""
        self.pending -= count
        if self.pending < 0:
            raise EmulationError(f"barrier {self.name} was initialised for {self.count} arrivals; more came in a phase")
        join(self.arrived, current().partition.release())
        self.settle()

    def settle(self) -> None:
        """End the phase when nothing is missing."""
        if self.pending == 0 and self.num_bytes == 0:
            self.phase += 1
            self.pending = self.count
            join(self.known, self.arrived)
            self.known[self.actor] = self.phase
            self.arrived = {}

    def passes(self, parity: int) -> bool:
        """Whether a wait for ``parity`` goes on."""
        return self.phase & 1 != parity

    def state(self) -> str:
        """For messages."""
        arrivals = f"{self.count - self.pending} of {self.count} arrivals"
        return f"{self.name} (in phase {self.phase}: {arrivals}, {self.num_bytes} bytes missing)"


def barrier_of(buffer: Any) -> Barrier:
    """The barrier in a buffer.  Raises EmulationError where none was initialised."""
    if not isinstance(buffer, Buffer):
        raise EmulationError(f"{type(buffer).__name__} where a barrier is needed")
    at = buffer.offset * buffer.element.itemsize
    if buffer.numel != 1 or at not in buffer.allocation.barriers:
        raise EmulationError(f"{buffer.name} of shape {list(buffer.sizes)} is no barrier that mbarrier.init has seen")
    return buffer.allocation.barriers[at]


def init(mbarrier: Any, count: Any) -> None:
    """Make a barrier for ``count`` arrivals a phase."""
    if not isinstance(mbarrier, Buffer) or mbarrier.numel != 1 or mbarrier.element.itemsize != 8:
        raise EmulationError("a barrier is one 64-bit element of shared memory")
    count = int(count)
    if not 1 <= count <= MAX_COUNT:
        raise EmulationError(f"a barrier of {count} arrivals")
    made = Barrier(mbarrier.name, current().scheduler.new_actor(f"a copy for barrier {mbarrier.name}"), count, count)
    mbarrier.allocation.barriers[mbarrier.offset * mbarrier.element.itemsize] = made


def invalidate(mbarrier: Any) -> None:
    """Its memory may be used for something else."""
    barrier_of(mbarrier)
    del mbarrier.allocation.barriers[mbarrier.offset * mbarrier.element.itemsize]


def expect(mbarrier: Any, bytes_per_cta: Any = None, pred: Any = True, *, from_cta: Any = None, **old: Any) -> None:
    """Arrive once, and let the phase wait for so many bytes (``mbarrier.arrive.expect_tx``)."""
    num_bytes = int(old.pop("bytes", bytes_per_cta))
    if old or from_cta is not None:
        raise EmulationError(f"mbarrier.expect: {sorted(old)} or from_cta is not emulated")
    if not pred:
        return
    if not 0 < num_bytes <= MAX_BYTES:
        raise EmulationError(f"a barrier cannot expect {num_bytes} bytes: 1 to {MAX_BYTES}")
    barrier = barrier_of(mbarrier)
    barrier.num_bytes += num_bytes
    barrier.arrive(1)
    current().scheduler.step()


def arrive(mbarrier: Any, *, count: Any = 1, pred: Any = True, from_cta: Any = None) -> None:
    """``count`` arrivals: what this partition did before is known to who waits for the phase."""
    if from_cta is not None:
        raise EmulationError("mbarrier.arrive: clusters are not emulated")
    if pred:
        barrier_of(mbarrier).arrive(int(count))
        current().scheduler.step()


def wait(mbarrier: Any, phase: Any, pred: Any = True, deps: Any = ()) -> None:
    """Wait until the phase of parity ``phase`` has ended."""
    del deps
    if not pred:
        return
    barrier, parity = barrier_of(mbarrier), int(phase)
    if parity not in (0, 1):
        raise EmulationError(f"the parity of a phase is 0 or 1, not {parity}")
    program = current()
    program.scheduler.step(lambda: barrier.passes(parity), lambda: f"parity {parity} of barrier {barrier.state()}")
    join(program.partition.clock, barrier.known)
