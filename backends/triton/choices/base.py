"""Rules that choose a kernel for an op: what a rule is asked, and what it may answer.

A rule answers for the ops it takes: the launcher to call, which values are which of its keywords, configurations by
rows, and literals from attributes.  It is a pure function of the ops, the ranges of the symbols and the target.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.ir.rules import RuleTable
from dsv3c.ir.sizes import Size, bounds, evaluate
from dsv3c.ir.targets import Target

Literal = int | float | bool | str | None | tuple["Literal", ...]
"""A keyword of a launcher that attributes fix; element types by their MLIR names (``bf16``)."""
Config = Mapping[str, int]
"""Tile sizes, ``num_warps``, ``num_stages``, and ``up_to``: the most rows it is meant for (0, or left out: any)."""
INVARIANT_ROWS = 1024
"""Rows that the one configuration of a batch-invariant program is chosen for: between those of decode and of prefill,
which it must both run."""


NAMES = re.compile(r', \["[^\]]*\]')
"""The sizes of a tensor that are no numbers, by name: a type shows a ``?`` for each before."""
PAGES = re.compile(r'<"[^"]*" x')
"""The number of a cache's pages."""


@dataclass(frozen=True)
class Rejected:
    """A candidate that was not taken."""

    candidate: str
    reason: str


@dataclass(frozen=True)
class Refused:
    """No kernel runs the op."""

    reason: str


@dataclass(frozen=True)
class Scratch:
    """Memory that a launch needs while it runs."""

    sizes: tuple[Size, ...]
    element: Attribute


@dataclass(frozen=True)
class Candidates:
    """What could run a call: among these a measurement finds the fastest."""

    rows: Size
    """What bounds count."""
    configs: Mapping[int, Sequence[Config]]
    """Bound (the most rows; 0: any), ascending -> configurations for it, without ``up_to``."""
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    """What decides beside the rows and the types of the call, by name: a table says it was measured with the same."""


@dataclass(frozen=True)
class MeasuredConfig:
    """The candidate that was the fastest for one bound."""

    config: Config
    us: float
    """Median."""
    where: str
    """``FILE, row 3``."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A kernel for some ops."""

    launcher: str
    """``file.function`` in ``launchers/``."""
    operands: Mapping[str, SSAValue | None]
    """Keyword -> value that it reads; an absent operand (None) is left out of the call."""
    results: Mapping[str, SSAValue]
    """Keyword -> value that it writes: every value of the ops that other ops read, and no other."""
    configs: Sequence[Config]
    """By ascending ``up_to``; the last has no bound."""
    parameters: Mapping[str, Literal] = field(default_factory=dict[str, Literal])
    scratch: Mapping[str, Scratch] = field(default_factory=dict[str, Scratch])
    in_place: Mapping[str, str] = field(default_factory=dict[str, str])
    """Keyword of a result -> keyword of the operand whose memory it is (caches)."""
    ops: Sequence[Operation] = ()
    """The ops it stands for, in program order; empty: the op that was asked about, alone."""
    rejected: Sequence[Rejected] = ()
    candidates: Candidates | None = None
    """What ``dsv3c tune`` measures; None: there is nothing to choose."""


@dataclass(frozen=True)
class Selection:
    """What rules may ask about the program and the device."""

    target: Target
    ranges: Mapping[str, tuple[int, int | None]]
    """Smallest and largest value of every symbol."""
    hints: Mapping[str, int]
    """The value of every symbol that choices are made for."""
    num_sms: int
    """Multiprocessors the kernel may fill."""
    alone: bool = False
    """The op's neighbours may not be taken along."""
    gluon: bool = False
    """Kernels' twins in Gluon may be taken: the target has products of warpgroups, and they were not switched off."""
    queries: tuple[int, int] | None = None
    """Fewest and most new tokens per sequence, in all phases that reach the op; None where a phase does not say."""
    measured: Mapping[int, MeasuredConfig] = field(default_factory=dict[int, MeasuredConfig])
    """Bound -> what was measured for the call that a rule is asked about: ``fitting`` takes it."""
    batch_invariant: bool = False
    """A token's numbers may not depend on what else is in a step, nor on its phase: one configuration for all rows."""

    def bounds(self, size: Size) -> tuple[int, int | None]:
        """The smallest and largest value of a size; None for no upper bound."""
        return bounds(size, self.ranges)

    def hint(self, size: Size) -> int:
        """The value of a size that choices are made for; one for all where they may not depend on the batch."""
        if isinstance(size, int):
            return size
        return INVARIANT_ROWS if self.batch_invariant else evaluate(size, self.hints)

    def fitting(self, configs: Sequence[Config], rows: Size) -> tuple[Config, ...]:
        """The configurations that some number of rows in the range reaches, by ascending ``up_to``.

        A configuration that was measured takes the place of the rule's up to its bound.  Where results may not depend
        on the batch it is the one for any number of rows: the last of a list that depends on no range and no hint.
        """
        if self.batch_invariant:
            return (without_bound(configs[-1]),)
        low, high = self.bounds(rows)
        kept = list[Config]()
        for config in with_measured(configs, self.measured):
            bound = config.get("up_to", 0)
            if bound and bound < low:
                continue
            kept.append(config)
            if not bound or (high is not None and high <= bound):
                break
        return (*kept[:-1], without_bound(kept[-1]))


def without_bound(config: Config) -> Config:
    """A configuration for any number of rows."""
    return {name: value for name, value in config.items() if name != "up_to"}


def with_measured(configs: Sequence[Config], measured: Mapping[int, MeasuredConfig]) -> Sequence[Config]:
    """Configurations by ascending ``up_to`` with those measured in their places; equal neighbours become one."""
    if not measured:
        return configs
    made = list[Config]()
    for bound in sorted({*measured, *(config.get("up_to", 0) for config in configs)}, key=lambda up_to: up_to or inf):
        if bound in measured:
            taken: Config = measured[bound].config
        else:
            taken = next(config for config in configs if not config.get("up_to", 0) or config["up_to"] >= bound > 0)
        config = {"up_to": bound, **without_bound(taken)}
        if made and {**made[-1], "up_to": bound} == config:
            made.pop()
        made.append(config)
    return made


def type_text(value: SSAValue) -> str:
    """A type with ``?`` for every size that is no number: what calls of steps of any size have in common."""
    return PAGES.sub("<? x", NAMES.sub("", str(value.type)))


Rule = Callable[[Any, Selection], Choice | Refused]
KERNELS: RuleTable[Rule] = RuleTable("kernel")
"""Op class -> the rule that chooses its kernel."""
