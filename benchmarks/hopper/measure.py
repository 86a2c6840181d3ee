"""One case on a device: every form and every peer is checked first; only what is right is timed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.hopper.case import Case, Peer, Problem
from benchmarks.hopper.checks import Check, check_outputs, compare_rows
from benchmarks.hopper.choices import NotAvailable
from benchmarks.hopper.data import Place, as_integers, num_bytes, parts, poison
from benchmarks.hopper.imports import first_line
from benchmarks.hopper.timing import Clock, Limits, Run, Timing, in_graphs, interleaved
from dsv3c.backends.triton.runtime.gpu import Gpu

MOST_SETS = 32
"""Of operands, that a graph goes through, and runs in it."""
CACHES = 2.0
"""Times the L2 cache that these sets hold, if so many do."""


@dataclass
class Outcome:
    """What became of one form of ours, or of one peer."""

    checks: list[Check] = field(default_factory=list[Check])
    error: str | None = None
    timing: Timing | None = None
    graph: Timing | None = None
    graph_error: str | None = None
    config: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def is_right(self) -> bool:
        """Whether it ran and gave what is expected."""
        return self.error is None and all(check.error is None for check in self.checks)

    def as_json(self) -> dict[str, object]:
        """For the file of results."""
        return {
            "checks": [check.as_json() for check in self.checks],
            "error": self.error,
            "timing": self.timing.as_json() if self.timing is not None else None,
            "graph": self.graph.as_json() if self.graph is not None else None,
            "graph_error": self.graph_error,
            **({"config": dict(self.config)} if self.config else {}),
        }


@dataclass
class Session:
    """What all cases of one run share."""

    place: Place
    gpu: Gpu
    clock: Clock | None
    """None: nothing is timed."""
    limits: Limits
    missing: Mapping[str, str]
    """Case and form -> why it cannot run."""
    same: Mapping[str, str] = field(default_factory=dict[str, str])
    """Case and form -> another form that launches the same kernels: it is not run."""
    l2_bytes: int = 50 << 20
    with_peers: bool = True
    layer: Path | None = None
    """Artifact of a layer."""


def measure(case: Case, session: Session) -> dict[str, Any]:
    """A case's entry in the file of results.  Raises NotAvailable where it cannot be built at all."""
    if case.measured is not None:
        return case.measured(case, session)
    problem = case.build(session.place)
    same = {form: session.same[key] for form in problem.calls if (key := f"{case.name} {form}") in session.same}
    expected = problem.expected()
    ours = {form: outcome_of(case, problem, form, expected, session) for form in problem.calls if form not in same}
    peers = dict[str, Outcome]()
    ready = dict[str, Peer]()
    if session.with_peers:
        for name, maker in problem.peers.items():
            peers[name], peer = peer_outcome(maker, problem, expected, session)
            if peer is not None and peers[name].is_right:
                ready[name] = peer
    del expected
    entry = case.header()
    if session.clock is not None:
        entry["graph"] = time_all(case, problem, ours, peers, ready, session, session.clock)
    entry["ours"] = {form: outcome.as_json() for form, outcome in ours.items()}
    entry["same"] = same
    entry["peers"] = {name: outcome.as_json() for name, outcome in peers.items()}
    return entry


def outcome_of(
    case: Case, problem: Problem, form: str, expected: Mapping[str, Any], session: Session
) -> Outcome:  # fmt: skip
    """Run a form twice on poisoned outputs: what is expected, and the same bits again."""
    made = Outcome(config={"launcher": problem.calls[form].launcher, "configs": list(problem.calls[form].configs)})
    if (why := session.missing.get(f"{case.name} {form}")) is not None:
        made.error = why
        return made
    try:
        fresh(problem)
        problem.launch(session.gpu, form, session.place)
        finish(session)
        made.checks = check_outputs(problem.writes, expected, problem.policies, problem.held(expected))
        first = {name: bits(value) for name, value in problem.writes.items()}
        fresh(problem)
        problem.launch(session.gpu, form, session.place)
        finish(session)
        again = {name: bits(value) for name, value in problem.writes.items()}
        changed = [name for name in first if any(map(differ, first[name], again[name]))]
        if changed:
            made.error = f"another run on the same operands gives other bits of {', '.join(changed)}"
    except NotAvailable as error:
        made.error = str(error)
    except (RuntimeError, ValueError, TypeError, KeyError, AssertionError) as error:
        made.error = f"{type(error).__name__}: {first_line(error)}"
    return made


def differ(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors have different bits."""
    return not torch.equal(one, other)


def bits(value: Any) -> list[torch.Tensor]:
    """A copy of a value's bits."""
    return [as_integers(part).clone() for part in parts(value).values()]


def fresh(problem: Problem) -> None:
    """Poison outputs, restore operands that runs change."""
    for name, value in problem.writes.items():
        if name not in problem.in_place:
            poison(value)
    problem.restore()


def finish(session: Session) -> None:
    """Wait for the device."""
    if session.clock is not None:
        session.clock.finish()


def peer_outcome(
    maker: Callable[[], Peer], problem: Problem, expected: Mapping[str, Any], session: Session
) -> tuple[Outcome, Peer | None]:
    """Prepare a peer, run it once, compare its result.  What it raises is recorded."""
    made = Outcome()
    try:
        peer = maker()
        peer.before()
        found = peer.run()
        finish(session)
        if peer.seen is not None:
            name = problem.peer_output
            metrics = compare_rows(peer.seen(found), expected[name], problem.held(expected).get(name))
            check = Check(name, peer.policy.name, metrics, metrics.why_wrong(peer.policy))
            made.checks = [check]
        return made, peer
    except Exception as error:  # a peer may raise anything: it is told, and nothing stops
        made.error = f"{type(error).__name__}: {first_line(error)}"
        return made, None


def time_all(
    case: Case, problem: Problem, ours: Mapping[str, Outcome], peers: Mapping[str, Outcome],
    ready: Mapping[str, Peer], session: Session, clock: Clock,
) -> dict[str, int] | None:  # fmt: skip
    """Times of all that is right, in turns; in graphs too where launching takes as long as the kernel.

    How many sets of operands a graph goes through, and their bytes; None where there is none.
    """
    runs: dict[str, Run] = {f"ours {form}": runner(problem, form, session) for form in ours if ours[form].is_right}
    runs |= {f"peer {name}": peer.run for name, peer in ready.items()}
    outcomes = {f"ours {form}": outcome for form, outcome in ours.items()}
    outcomes |= {f"peer {name}": outcome for name, outcome in peers.items()}
    found, errors = interleaved(runs, clock, session.limits)
    for name, timing in found.items():
        outcomes[name].timing = timing
    for name, why in errors.items():
        outcomes[name].error = why
    if not case.is_small or not found:
        return None
    problems = sets_of_operands(case, problem, session)
    makers = {name: partial(runs_on, name, problems, ready, session) for name in found}
    graphs, errors = in_graphs(makers, clock, session.limits, max(1, MOST_SETS // len(problems)))
    for name, timing in graphs.items():
        outcomes[name].graph = timing
    for name, why in errors.items():
        outcomes[name].graph_error = why
    return {"sets": len(problems), "bytes": len(problems) * operand_bytes(problem)}


def runner(problem: Problem, form: str, session: Session) -> Run:
    """A run of ours."""
    return lambda: problem.launch(session.gpu, form, session.place)


def operand_bytes(problem: Problem) -> int:
    """Of operands and results."""
    return num_bytes({**problem.reads, **problem.writes})


def sets_of_operands(case: Case, problem: Problem, session: Session) -> list[Problem]:
    """The problem on several sets of operands, so many that the cache does not hold them, if that is not too many."""
    sets = int(min(MOST_SETS, CACHES * session.l2_bytes // max(1, operand_bytes(problem)) + 1))
    return [problem, *(case.build(session.place.other(index)) for index in range(1, sets))]


def runs_on(name: str, problems: Sequence[Problem], ready: Mapping[str, Peer], session: Session) -> list[Run]:
    """Runs of one form or peer on all sets of operands.  Raises what a peer raises when it is made."""
    kind, _, what = name.partition(" ")
    if kind == "ours":
        return [runner(each, what, session) for each in problems]
    return [ready[what].run, *(each.peers[what]().run for each in problems[1:])]
