"""Who runs next: partitions as threads of which exactly one runs, and copies that complete when they are chosen.

At every operation that others can notice, a seeded choice falls on one of the partitions that can go on or one of the
copies under way.  What one partition knows of the others' accesses is a vector clock: one number per partition and per
barrier (for the copies that complete on it).
"""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dsv3c.backends.triton.gluon_emulation.errors import Deadlock, EmulationError, Stopped, place

Clock = dict[int, int]
"""By actor (a partition or a barrier): up to which of its accesses is known."""
SPEEDS = (1, 1, 1, 8)
"""How often an actor is chosen against others; drawn anew for every program, so that some lag behind."""


def join(clock: Clock, other: Clock) -> None:
    """Know also what ``other`` knows."""
    for actor, epoch in other.items():
        if clock.get(actor, 0) < epoch:
            clock[actor] = epoch


@dataclass(eq=False)
class Partition:
    """A group of warps: its thread, what it waits for and what it knows."""

    actor: int
    name: str
    num_warps: int
    clock: Clock
    program: Any
    """Whose it is."""
    baton: threading.Lock = field(default_factory=threading.Lock)
    """Held by nobody when the partition may run."""
    ready: Callable[[], bool] | None = None
    """What must hold before it can go on."""
    waits_for: Callable[[], str] = str
    done: bool = False
    products: list[Any] = field(default_factory=list[Any])
    """Asynchronous products that were not waited for, oldest first."""
    stores: list[Any] = field(default_factory=list[Any])
    """Stores of the copy engine whose reads were not waited for, oldest first."""

    def __post_init__(self) -> None:
        self.baton.acquire()

    def wake(self) -> None:
        """Let its thread run, if it does not."""
        with suppress(RuntimeError):  # after a failure several wake it
            self.baton.release()

    @property
    def epoch(self) -> int:
        """Of the accesses that it makes now."""
        return self.clock[self.actor]

    def release(self) -> Clock:
        """What others will know; later accesses belong to a new epoch."""
        known = dict(self.clock)
        self.clock[self.actor] += 1
        return known


@dataclass(eq=False)
class Copy:
    """A copy under way; ``complete`` is called once, later."""

    complete: Callable[[], None]
    at: str
    program: Any


class Scheduler:
    """The actors of some programs that run at a time."""

    current: Partition
    """The one that runs."""

    def __init__(self, seed: object) -> None:
        self.random = random.Random(str(seed))
        self.actors = ["nobody"]
        """Names; an actor is an index."""
        self.partitions: list[Partition] = []
        self.everyone: list[Partition] = []
        self.copies: list[Copy] = []
        self.speed: dict[int, int] = {}
        self.copy_speed = self.random.choice((0.25, 1.0, 4.0))
        self.failure: BaseException | None = None

    def new_actor(self, name: str) -> int:
        """A number for a clock, of what is called ``name``."""
        self.actors.append(name)
        return len(self.actors) - 1

    def partition(self, name: str, num_warps: int, known: Clock, program: Any) -> Partition:
        """A further partition of a program, which knows what its parent knows."""
        actor = self.new_actor(name)
        made = Partition(actor, name, num_warps, {**known, actor: 1}, program)
        self.partitions.append(made)
        self.everyone.append(made)
        self.speed[actor] = self.random.choice(SPEEDS)
        return made

    def start(self, copy: Callable[[], None]) -> None:
        """Let ``copy`` complete at some later time."""
        self.copies.append(Copy(copy, place(), self.current.program))

    def step(self, ready: Callable[[], bool] | None = None, waits_for: Callable[[], str] = str) -> None:
        """Let others go on; come back when ``ready()`` holds and the choice falls on this partition again.

        Raises Deadlock when nobody can go on.
        """
        me = self.current
        me.ready, me.waits_for = ready, waits_for
        self.hand_over(me)
        if self.failure is not None:
            raise Stopped
        me.ready = None

    def hand_over(self, me: Partition) -> None:
        """Choose until the choice falls on a partition; let that one run."""
        while True:
            chosen = self.choose()
            if isinstance(chosen, Copy):
                self.copies.remove(chosen)
                chosen.complete()
                continue
            if chosen is not me:
                self.current = chosen
                chosen.wake()
                if not me.done:
                    me.baton.acquire()
            return

    def choose(self) -> Partition | Copy:
        """One of those that can go on.  Raises Deadlock when there are none."""
        able: list[Partition | Copy] = [
            partition
            for partition in self.partitions
            if not partition.done and (partition.ready is None or partition.ready())
        ]
        weights = [float(self.speed[actor.actor]) for actor in able if isinstance(actor, Partition)]
        able += self.copies
        if not able:
            raise Deadlock(self.stuck())
        if len(able) == 1:
            return able[0]
        weights += [self.copy_speed] * len(self.copies)
        return self.random.choices(able, weights)[0]

    def stuck(self) -> str:
        """Who waits for what."""
        waiting = [
            f"  {each.name} of program {each.program.point} waits for {each.waits_for()}"
            for each in self.partitions
            if not each.done
        ]
        return "\n".join(["deadlock: every partition waits, and no copy is under way", *waiting])

    def run_together(self, functions: list[tuple[Partition, Callable[[], Any]]], first: Callable[[], Any]) -> Any:
        """Run ``first`` in this partition and the functions in theirs, until all have returned; ``first``'s result.

        Raises what the first of them to fail raised.
        """
        me = self.current
        threads = [threading.Thread(target=self.run, args=pair, daemon=True) for pair in functions]
        for thread in threads:
            thread.start()
        try:
            result = first()
            others = [partition for partition, _ in functions]
            self.step(lambda: all(other.done for other in others), lambda: "the other partitions to return")
        except BaseException as error:
            self.fail(error, me)
        for partition, _ in functions:
            if self.failure is not None:
                partition.wake()
        for thread in threads:
            thread.join()
        if self.failure is not None:
            raise self.failure
        for partition, _ in functions:
            join(me.clock, partition.clock)
            self.partitions.remove(partition)
        return result  # pyright: ignore[reportPossiblyUnboundVariable]  # bound unless something failed

    def run(self, me: Partition, function: Callable[[], Any]) -> None:
        """A thread's life: wait for the baton, run, pass it on."""
        me.baton.acquire()
        if self.failure is None:
            try:
                function()
            except BaseException as error:
                self.fail(error, me)
        me.done = True
        if self.failure is None:
            try:
                self.hand_over(me)
            except BaseException as error:
                self.fail(error, me)
        if self.failure is not None:
            for other in self.partitions:
                other.wake()

    def fail(self, error: BaseException, where: Partition) -> None:
        """Remember what went wrong first."""
        if self.failure is None and not isinstance(error, Stopped):
            if isinstance(error, Exception):
                error.add_note(f"in {where.name} of program {where.program.point}")
            self.failure = error


ACTIVE: list[Scheduler] = []
"""Of the programs that are being emulated; a launch runs some of its programs at a time."""


def actor_name(actor: int) -> str:
    """For messages."""
    return ACTIVE[-1].actors[actor]


def acting() -> Partition:
    """The partition that runs.  Raises EmulationError outside a launch."""
    if not ACTIVE:
        raise EmulationError("no kernel is being emulated")
    return ACTIVE[-1].current
