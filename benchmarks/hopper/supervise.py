"""Runs cases in a worker, one after the other, and outlives it: a kernel that hangs or breaks the device costs one
case, and the next has a new worker."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol

from benchmarks.hopper.budget import Budget
from benchmarks.hopper.case import Case
from benchmarks.hopper.report import Results, left_out
from benchmarks.hopper.worker import CLOCKS, REFERENCES, Job

MODULE = "benchmarks.hopper.worker"
ROOT = Path(__file__).parents[2]
PAUSE = 0.05
"""Seconds between two looks at the file of events."""
ASKED_SECONDS = 120.0
"""After which references and clocks are not answered any more."""
START_SECONDS = 180.0
"""After which a worker does not start any more."""
WARM_SECONDS = 240.0
"""After which peers that still compile are left to it."""
COMPILED = ("gemm", "contiguous", "masked", "wgrad", "wgrad_grouped")
"""Families with a peer that compiles its kernels when it is called (DeepGEMM)."""
LEAST_SECONDS = 5.0
"""That a case is waited for, even if less of the budget is left."""
MOST_BROKEN = 8
"""Workers that may break before the run ends."""
Event = dict[str, Any]


class Broken(Exception):
    """A worker ended, or hangs."""


class Worker(Protocol):
    """A process that runs what it is told."""

    def send(self, name: str) -> None:
        """Tell it the next case.  Raises Broken where it has ended."""
        ...

    def events(self) -> list[Event]:
        """What it wrote since the last call."""
        ...

    def is_alive(self) -> bool:
        """Whether it still runs."""
        ...

    def stop(self) -> None:
        """End it, whatever it does."""
        ...


class Process:
    """A worker as a child process, in the repository's root; its output goes to this one's standard error."""

    def __init__(self, arguments: Sequence[str], events: Path) -> None:
        self.file, self.position = events, 0
        events.touch()
        self.position = events.stat().st_size
        self.process = subprocess.Popen(
            [sys.executable, "-m", MODULE, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=sys.stderr, text=True
        )

    def send(self, name: str) -> None:
        """See ``Worker``."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(name + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Broken("the worker has ended") from error

    def events(self) -> list[Event]:
        """See ``Worker``."""
        with self.file.open("rb") as file:
            file.seek(self.position)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]  # a line may be half written
        self.position += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def is_alive(self) -> bool:
        """See ``Worker``."""
        return self.process.poll() is None

    def stop(self) -> None:
        """See ``Worker``."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            with suppress(OSError):  # it has ended with a line unread
                self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(job: Job, folder: Path) -> Process:
    """A worker for a job."""
    file = folder / "job.json"
    job.write(file)
    return Process(["work", str(file)], Path(job.events))


def described(folder: Path) -> Event:
    """What a worker finds on this machine: an event ``device`` or ``no_gpu``."""
    process = Process(["describe", str(folder / "describe.jsonl")], folder / "describe.jsonl")
    try:
        return Waiting(process, monotonic, sleep).event(START_SECONDS, "device", "no_gpu")
    finally:
        process.stop()


def warm_peers(job: Job, folder: Path, cases: Sequence[Case], count: int, seconds: float = WARM_SECONDS) -> None:
    """Have several processes at a time call every peer once, so that no library compiles kernels while it is timed."""
    file = folder / "warm.json"
    job.write(file)
    names = [case.name for case in cases if case.family in COMPILED]
    shares = [share for share in (names[index::count] for index in range(count)) if share]
    command = [sys.executable, "-m", MODULE, "warm", str(file)]
    running = [
        subprocess.Popen([*command, *share], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr) for share in shares
    ]
    end = monotonic() + seconds
    for process in running:
        try:
            process.wait(max(0.0, end - monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class Waiting:
    """Waits for a worker's events."""

    worker: Worker
    now: Callable[[], float]
    pause: Callable[[float], None]
    unread: list[Event] = field(default_factory=list[Event])

    def event(self, seconds: float, *kinds: str) -> Event:
        """The next event of one of these kinds.  Raises Broken where the worker ends or hangs."""
        end = self.now() + seconds
        while True:
            alive = self.worker.is_alive()  # asked before reading: what it wrote last is read
            self.unread += self.worker.events()
            while self.unread:
                found = self.unread.pop(0)
                if found["event"] in kinds:
                    return found
            if not alive:
                raise Broken("the worker ended")
            if self.now() > end:
                raise Broken(f"no end within {seconds:.0f} s")
            self.pause(PAUSE)


@dataclass
class Supervisor:
    """Has cases run and takes their results down."""

    spawn: Callable[[], Worker]
    budget: Budget
    saved: Callable[[Results], None]
    """Called with the results after every case."""
    now: Callable[[], float] = monotonic
    pause: Callable[[float], None] = sleep
    told: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
    waiting: Waiting | None = None
    broken: int = 0

    def run(self, cases: Sequence[Case], results: Results) -> None:
        """All that fit into the budget; those that do not are left out by name."""
        try:
            results["clocks"]["before"] = self.asked(CLOCKS)
            results["references"] |= self.asked(REFERENCES)
            for index, case in enumerate(cases):
                if not self.budget.allows(case):
                    results["left_out"] += left_out([case], f"the budget of {self.budget.seconds:.0f} s is spent")
                    continue
                if self.broken >= MOST_BROKEN:
                    results["left_out"] += left_out(cases[index:], f"{self.broken} workers broke before")
                    break
                start = self.now()
                entry = self.entry(case)
                self.budget.took(case, self.now() - start)
                results["cases"].append(entry)
                self.told(f"[{index + 1}/{len(cases)}] {one_line(entry)}")
                self.saved(results)
            results["clocks"]["after"] = self.asked(CLOCKS)
        finally:
            self.end_worker()

    def asked(self, what: str) -> dict[str, Any]:
        """What a worker says of the device; nothing where it breaks."""
        try:
            waiting = self.ready()
            waiting.worker.send(what)
            return waiting.event(ASKED_SECONDS, what)["found"]
        except Broken as error:
            self.told(f"{what}: {error}")
            self.broke()
            return {}

    def entry(self, case: Case) -> dict[str, Any]:
        """A case's entry; where the worker breaks in it, or the budget ends, one that says so."""
        try:
            waiting = self.ready()
            waiting.worker.send(case.name)
            # a command that is ended from outside would leave no entry, and the next run begin with the same case
            event = waiting.event(min(case.seconds, max(LEAST_SECONDS, self.budget.left)), "case")
        except Broken as error:
            self.broke()
            return {"name": case.name, "family": case.family, "row": case.row, "error": str(error), "crashed": True}
        if event.get("broken"):
            self.broke()
        return event["entry"]

    def ready(self) -> Waiting:
        """The worker, started where there is none.  Raises Broken where none starts."""
        if self.waiting is None:
            self.waiting = Waiting(self.spawn(), self.now, self.pause)
            event = self.waiting.event(START_SECONDS, "ready", "no_gpu")
            if event["event"] == "no_gpu":
                raise Broken(event["what"])
        return self.waiting

    def broke(self) -> None:
        """Give the worker up."""
        self.broken += 1
        self.end_worker()

    def end_worker(self) -> None:
        """Stop the worker, if there is one."""
        if self.waiting is not None:
            self.waiting.worker.stop()
            self.waiting = None


def one_line(entry: Results) -> str:
    """``gemm/64x2112x7168: ours chosen 9.1 us, plain 12.0 us; deep_gemm 9.4 us``"""
    if "error" in entry:
        return f"{entry['name']}: {entry['error']}"
    shown = [f"ours {form} {time_or_why(outcome)}" for form, outcome in entry["ours"].items()]
    shown += [f"{name} {time_or_why(outcome)}" for name, outcome in entry["peers"].items()]
    return f"{entry['name']}: {'; '.join(shown)}"


def time_or_why(outcome: Results) -> str:
    """``9.1 us``, or why there is no time."""
    if outcome["timing"] is not None:
        return f"{outcome['timing']['median'] * 1e6:.1f} us"
    wrong = [check["error"] for check in outcome["checks"] if check["error"]]
    return str(outcome["error"] or "; ".join(wrong) or "not timed")
