"""Runs passes over a module: requires, apply, verify, ensures; times, counts, dumps."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.bodies import executed_ops
from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.core import facts_of, set_facts
from dsv3c.ir.errors import PassError
from dsv3c.ir.functions import functions
from dsv3c.ir.outcomes import Kind, Outcome
from dsv3c.ir.verify import verify_module
from dsv3c.passes.base import Pass


@dataclass(frozen=True)
class PassRun:
    """One pass over one module."""

    index: int
    name: str
    spec: str
    """Name and options as text."""
    seconds: float
    """Wall time of the pass itself."""
    verify_seconds: float
    cleans_up: bool
    """Whether nothing to do is a good result."""
    peak_rss_bytes: int
    """Largest resident size of the process so far (bytes)."""
    outcomes: tuple[Outcome, ...]
    numerics: str = "bitwise"
    """How results may differ, as the pass states it."""
    quantize_change: int = 0
    """By how many the ``scaled.quantize`` ops in function bodies grew."""
    dequantize_change: int = 0
    """The same of ``scaled.dequantize``."""

    @property
    def num_fired(self) -> int:
        """Sites rewritten."""
        return sum(item.kind is Kind.FIRED for item in self.outcomes)


class Observer(Protocol):
    """Sees the module between passes: dumps, numerics checks, progress."""

    def start(self, module: ModuleOp) -> None:
        """Called once with the module before the first pass."""
        ...

    def before(self, item: Pass) -> None:
        """Called when a pass is about to run."""
        ...

    def after(self, run: PassRun, item: Pass, module: ModuleOp) -> None:
        """Called after a pass whose result has been verified."""
        ...


@dataclass
class Driver:
    """Applies passes in order; always verifies."""

    ctx: CompileContext
    observers: Sequence[Observer] = ()
    allow_unapplied: bool = False
    """Accept passes asked for by name that fire nowhere."""
    skip_unmet: bool = False
    """Leave out, with a remark, passes that need a fact which an earlier pass was blocked from establishing."""
    withheld: dict[str, str] = field(default_factory=dict[str, str])
    """Fact -> the pass that could not establish it."""
    runs: list[PassRun] = field(default_factory=list[PassRun])

    def run(self, module: ModuleOp, passes: Sequence[Pass], *, named: frozenset[str] = frozenset()) -> ModuleOp:
        """Run ``passes`` over ``module`` in place.

        ``named`` are the passes the user asked for by name: one that fires nowhere raises PassError unless
        ``allow_unapplied``.  Raises IRError when a pass leaves an invalid module, naming the pass.
        """
        verify_module(module)
        for observer in self.observers:
            observer.start(module)
        for item in passes:
            self.run_one(module, item)
        if not self.allow_unapplied:
            self.check_applied(named)
        return module

    def run_one(self, module: ModuleOp, item: Pass) -> None:
        """One pass: requires, apply, ensures, verify, observers."""
        facts = facts_of(module)
        if missing := sorted(item.requires - facts):
            if self.skip_unmet and missing[0] in self.withheld:
                self.skip(module, item, missing[0])
                return
            level = ", ".join(sorted(facts)) or "captured"
            raise PassError(
                f"pass {item.name} needs a module that is {missing[0]}; this one is {level}",
                hint="run the passes that establish it first: `dsv3c passes` lists requires and ensures",
            )
        for observer in self.observers:
            observer.before(item)
        first, before = len(self.ctx.outcomes.items), quantisations(module)
        self.ctx.withheld.clear()
        start = perf_counter()
        item.apply(self.ctx, module)
        set_facts(module, facts_of(module) | (item.ensures - self.ctx.withheld))
        self.withheld.update(dict.fromkeys(self.ctx.withheld, item.name))
        applied = perf_counter()
        verify_module(module)
        done, after = perf_counter(), quantisations(module)
        run = PassRun(
            index=len(self.runs),
            name=item.name,
            spec=str(item.spec()),
            seconds=applied - start,
            verify_seconds=done - applied,
            cleans_up=item.cleans_up,
            peak_rss_bytes=peak_rss_bytes(),
            outcomes=tuple(self.ctx.outcomes.items[first:]),
            numerics=item.numerics,
            quantize_change=after[0] - before[0],
            dequantize_change=after[1] - before[1],
        )
        self.runs.append(run)
        for observer in self.observers:
            observer.after(run, item, module)

    def skip(self, module: ModuleOp, item: Pass, fact: str) -> None:
        """Record that a pass did not run, and whose fault that is."""
        self.ctx.current_pass, self.ctx.current_pattern = item.name, ""
        self.ctx.blocked(module, f"not run: it needs a {fact} module, and {self.withheld[fact]} was blocked")
        self.ctx.current_pass = ""

    def check_applied(self, named: frozenset[str]) -> None:
        """Raise PassError for the passes of ``named`` that fired nowhere, with the reasons they gave."""
        fired = {run.name for run in self.runs if run.num_fired or run.cleans_up}
        for run in self.runs:
            if run.name in named - fired:
                reasons = list(dict.fromkeys(str(item) for item in run.outcomes))[:5]
                raise PassError(
                    f"pass {run.name} fired nowhere",
                    hint="\n  ".join([*reasons, "--allow-unapplied accepts this"]),
                )


def quantisations(module: ModuleOp) -> tuple[int, int]:
    """How many ``scaled.quantize`` and ``scaled.dequantize`` ops stand in function bodies; recipes run at load."""
    names = Counter(op.name for function in functions(module).values() for op in executed_ops(function))
    return names["scaled.quantize"], names["scaled.dequantize"]


def peak_rss_bytes() -> int:
    """Largest resident size of this process so far (bytes)."""
    if sys.platform == "win32":
        return 0  # no such counter in the standard library there; the tables then show 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
