"""What an adapter makes of an op: a call of its meaning, to be evaluated (executor) or printed (emitter)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.rules import RuleTable
from dsv3c.ir.sizes import Size


@dataclass(frozen=True)
class SizeRef:
    """The number a size expression stands for when the program runs."""

    text: str


@dataclass(frozen=True)
class RankRef:
    """The rank that runs the program; 0 where there is one."""


Literal = int | float | complex | bool | str | None | torch.dtype
Argument = SSAValue | SizeRef | RankRef | Literal | Sequence["Argument"]
"""A list stays a list and a tuple a tuple."""


@dataclass(frozen=True)
class Call:
    """``meaning(*args, **kwargs)``; its one result, or the sequence of its results, are the op's."""

    meaning: Callable[..., Any]
    args: Sequence[Argument]
    kwargs: dict[str, Argument] = field(default_factory=dict[str, Argument])


Adapter = Callable[[Any], Call]
REFERENCE: RuleTable[Adapter] = RuleTable("reference meaning")
"""Op class -> how to call its meaning."""


def size_argument(size: Size) -> Argument:
    """A size as an argument: a number, or a reference to a named size."""
    return size if isinstance(size, int) else SizeRef(size)


def adapter_of(op: Operation) -> Adapter | None:
    """The op's adapter; None when it has no meaning here."""
    return REFERENCE.find(op)


def is_plain(argument: Argument) -> bool:
    """Whether an argument is a value or a literal, and not made of sizes or of several values."""
    return isinstance(argument, SSAValue) or is_literal(argument)


def is_literal(argument: Argument) -> bool:
    """Whether an argument is the same in every run."""
    if isinstance(argument, list | tuple):
        return all(map(is_literal, argument))
    return not isinstance(argument, SSAValue | SizeRef | RankRef)
