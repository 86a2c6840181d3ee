"""How the Hopper harness's cases are run: a worker that breaks or hangs, budgets, runs that go on where one ended."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hopper_results import DEVICE, VERSIONS, entry, outcome

from benchmarks.hopper.budget import Budget
from benchmarks.hopper.case import Case, Problem
from benchmarks.hopper.cases_gemm import dense
from benchmarks.hopper.catalogue import small_cases
from benchmarks.hopper.data import Place
from benchmarks.hopper.measure import Session, measure
from benchmarks.hopper.report import (
    concluded,
    new_results,
    read_results,
    write_results,
)
from benchmarks.hopper.run import still_wanted
from benchmarks.hopper.supervise import Event, Supervisor, warm_peers
from benchmarks.hopper.table import cases_table
from benchmarks.hopper.timing import Limits
from benchmarks.hopper.worker import Job
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.ir.targets import load_target


class Script:
    """A worker that answers from a script: an entry, ``crash``, ``hang``, ``slow`` (hangs), or ``broken``."""

    def __init__(self, answers: dict[str, str], spawned: list["Script"]) -> None:
        self.answers, self.alive, self.queue = answers, True, list[Event]([{"event": "ready"}])
        self.stopped = False
        spawned.append(self)

    def send(self, name: str) -> None:
        kind = self.answers.get(name, "right")
        if name in ("references", "clocks"):
            self.queue.append({"event": name, "found": {"copy_bytes_per_s": {"per_s": 3e12}}})
        elif kind == "crash":
            self.alive = False
        elif kind not in ("hang", "slow"):
            made = entry(name, "gemm_large", {"chosen": outcome(1e-4)}, {"deep_gemm": outcome(9e-5)})
            self.queue.append({"event": "case", "entry": made, **({"broken": True} if kind == "broken" else {})})

    def events(self) -> list[Event]:
        found, self.queue = self.queue, []
        return found

    def is_alive(self) -> bool:
        return self.alive

    def stop(self) -> None:
        self.stopped = True


def supervised(answers: dict[str, str], seconds: float | None = None) -> tuple[Any, list[Script], list[int]]:
    time, spawned, saved = [0.0], list[Script](), list[int]()

    def pause(amount: float) -> None:
        time[0] += amount

    def now() -> float:
        time[0] += 0.01
        return time[0]

    limits = {name: 100.0 if answers.get(name) == "slow" else 5.0 for name in "abcd"}
    cases = [replace(dense(64, 128, 128), name=f"gemm/{name}", seconds=limit) for name, limit in limits.items()]
    made = new_results(DEVICE, VERSIONS, {})
    lines = list[str]()
    supervisor = Supervisor(
        lambda: Script({f"gemm/{name}": kind for name, kind in answers.items()}, spawned),
        Budget(seconds, now), lambda given: saved.append(len(given["cases"])), now, pause, lines.append,
    )  # fmt: skip
    supervisor.run(cases, made)
    return made, spawned, saved


def test_a_case_that_hangs_or_crashes_costs_only_itself() -> None:
    made, spawned, saved = supervised({"a": "crash", "b": "hang", "c": "broken"})
    entries = {case["name"]: case for case in made["cases"]}
    assert entries["gemm/a"]["error"] == "the worker ended" and entries["gemm/a"]["crashed"]
    assert entries["gemm/b"]["error"] == "no end within 5 s"
    assert "error" not in entries["gemm/c"] and "error" not in entries["gemm/d"]
    assert len(spawned) == 4 and all(worker.stopped for worker in spawned)
    assert saved == [1, 2, 3, 4]
    assert made["references"] and made["clocks"]["before"] and made["clocks"]["after"]
    assert len(concluded(made)["failures"]) == 2


def test_a_spent_budget_ends_cleanly_and_says_what_was_left_out() -> None:
    made, _, _ = supervised({}, seconds=4.5)
    assert len(made["cases"]) == 4
    made, spawned, _ = supervised({"a": "hang"}, seconds=6.0)
    assert [case["name"] for case in made["cases"]] == ["gemm/a"]
    assert [left["name"] for left in made["left_out"]] == ["gemm/b", "gemm/c", "gemm/d"]
    assert made["left_out"][0]["why"] == "the budget of 6 s is spent" and spawned[-1].stopped


def test_a_case_that_outlasts_the_budget_is_recorded() -> None:
    """Where the command is ended from outside, nothing is, and the next run would begin with the same case."""
    made, spawned, saved = supervised({"b": "hang"}, seconds=9.0)
    entries = {case["name"]: case for case in made["cases"]}
    assert entries["gemm/b"]["error"] == "no end within 5 s", "the least"
    made, spawned, saved = supervised({"a": "slow"}, seconds=7.0)
    assert made["cases"][0]["error"] == "no end within 7 s" and made["cases"][0]["crashed"]
    assert saved == [1] and spawned[0].stopped
    assert [left["name"] for left in made["left_out"]] == ["gemm/b", "gemm/c", "gemm/d"]


def test_a_run_that_goes_on_leaves_failed_cases_to_the_end() -> None:
    made, _, _ = supervised({"a": "crash"})
    cases = [replace(dense(64, 128, 128), name=f"gemm/{name}") for name in "abcdef"]
    made["cases"] = made["cases"][:3]
    assert [case.name for case in still_wanted(cases, concluded(made))] == ["gemm/d", "gemm/e", "gemm/f", "gemm/a"]
    assert still_wanted(cases, None) == cases


def test_libraries_are_warmed_up_by_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = list[Any]()

    class Started:
        def __init__(self, command: Sequence[str], **how: Any) -> None:
            self.names, self.killed = command[5:], False
            started.append(self)

        def wait(self, seconds: float | None = None) -> int:
            if seconds is not None and self is started[1]:
                raise subprocess.TimeoutExpired("worker", seconds)
            return 0

        def kill(self) -> None:
            self.killed = True

    monkeypatch.setattr("benchmarks.hopper.supervise.subprocess.Popen", Started)
    job = Job("events", "kernels", {}, {}, seed=1, quick=True, peers=True, tuned="none")
    warm_peers(job, tmp_path, [case for case in small_cases() if case.family in ("gemm", "masked", "gate")], 2, 0.1)
    assert [each.names for each in started] == [["gemm/3x192x256", "masked/2x5x128x256"], ["gemm/130x136x256"]]
    assert [each.killed for each in started] == [False, True]
    assert Job.read(tmp_path / "warm.json") == job


class InProcess:
    """A worker that measures in this process, on the interpreter, with a clock that counts."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases, self.queue = {case.name: case for case in cases}, list[Event]([{"event": "ready"}])
        place = Place(torch.device("cpu"), load_target("h100"), 8)
        self.session = Session(place, InterpreterGpu(), Ticks(), Limits(1e-9, 2, 2), {})

    def send(self, name: str) -> None:
        if name in self.cases:
            self.queue.append({"event": "case", "entry": measure(self.cases[name], self.session)})
        else:
            self.queue.append({"event": name, "found": {}})

    def events(self) -> list[Event]:
        found, self.queue = self.queue, []
        return found

    def is_alive(self) -> bool:
        return True

    def stop(self) -> None:
        pass


class Ticks:
    """A clock that goes on by a millisecond whenever it is looked at."""

    now = 0.0

    def flush(self) -> None:
        pass

    def lead(self, seconds: float) -> None:
        pass

    def mark(self) -> float:
        self.now += 1e-3
        return self.now

    def seconds(self, first: float, last: float) -> float:
        return last - first

    def finish(self) -> None:
        pass


def test_a_whole_run_on_the_interpreter(tmp_path: Path) -> None:
    some = [case for case in small_cases() if case.family in ("gemm", "quantize")]
    cases = [replace(case, build=plain_only(case), is_small=False) for case in some]
    made, file = new_results(DEVICE, VERSIONS, {}), tmp_path / "x.json"
    told = list[str]()
    Supervisor(
        lambda: InProcess(cases), Budget(None), lambda now: write_results(file, concluded(now)), told=told.append
    ).run(cases, made)
    found = read_results(file)
    assert [case["name"] for case in found["cases"]] == [case.name for case in cases] and not found["failures"]
    first = found["cases"][0]
    assert first["ours"]["chosen"]["timing"] == {"median": pytest.approx(1e-3), "low": 0.001, "high": 0.001, "runs": 2}
    assert first["ours"]["chosen"]["checks"][0]["policy"] == "gemm"
    assert "deep_gemm" in first["peers"] and first["peers"]["deep_gemm"]["timing"] is None
    assert first["peers"]["cublas_bf16"]["timing"]["runs"] == 2
    assert told[0].startswith(f"[1/{len(cases)}] gemm/3x192x256: ours chosen 1000.0 us")
    assert "quantize" not in cases_table(found, "gemm")


def plain_only(case: Case) -> Callable[[Place], Problem]:
    """The case without forms in Gluon, which another test emulates."""

    def build(place: Place) -> Problem:
        problem = case.build(place)
        problem.calls = {"chosen": problem.calls.get("plain", problem.calls["chosen"])}
        return problem

    return build
