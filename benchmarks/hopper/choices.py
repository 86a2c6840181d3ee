"""What the compiler's own choice functions answer for an op: launcher, configurations, parameters, scratch.

An op is written as the text of a small module, so that the harness asks as the compiler does.  One answer per form: the
choice for the device (``chosen``), and what is left without Gluon (``plain``) where that is something else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from xdsl.ir import Operation

from benchmarks.hopper.data import Place
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.triton.choices.base import KERNELS, Refused, Selection
from dsv3c.backends.triton.runtime.gpu import Config
from dsv3c.backends.triton.select_kernels import kernel_rules
from dsv3c.backends.triton.tuning.tuned_choices import NONE as NO_TABLE
from dsv3c.backends.triton.tuning.tuned_choices import tuned_for
from dsv3c.backends.triton.variants import launcher_of
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.functions import functions
from dsv3c.ir.sizes import evaluate
from dsv3c.ir.text import parse_module

CHOSEN, PLAIN, INVARIANT = "chosen", "plain", "batch_invariant"
"""Forms of a call: the compiler's choice, the choice without Gluon, the choice that does not depend on a batch."""


class NotAvailable(Exception):
    """Why a case cannot be run: no kernel, no launcher, a refusal."""


@dataclass(frozen=True)
class Call:
    """A launcher with what does not depend on data."""

    launcher: str
    """``file.function``"""
    configs: Sequence[Config]
    parameters: Mapping[str, Any]
    scratch: Mapping[str, tuple[tuple[int, ...], torch.dtype]] = field(
        default_factory=dict[str, tuple[tuple[int, ...], torch.dtype]]
    )
    """Keyword -> sizes and type."""
    rejected: tuple[str, ...] = ()
    """Candidates that were not taken, with reasons."""

    def function(self) -> Any:
        """The launcher.  Raises NotAvailable where this version has none."""
        try:
            return launcher_of(self.launcher)
        except (ImportError, AttributeError) as error:
            raise NotAvailable(f"there is no launcher {self.launcher}: {error}") from error


@dataclass(frozen=True)
class Symbol:
    """A size of a program: its least and largest value, and that of the step at hand."""

    value: int
    most: int
    least: int = 1

    def text(self, name: str) -> str:
        """As a module states it."""
        return f"dsv3c.symbol @{name} min {self.least} max {max(self.most, self.value)} hint {self.value}"


def module_text(body: str, arguments: Mapping[str, str], symbols: Mapping[str, Symbol]) -> str:
    """A module of one function that computes ``body`` and returns nothing."""
    given = ", ".join(f"%{name}: {kind}" for name, kind in arguments.items())
    stated = "\n".join(symbol.text(name) for name, symbol in symbols.items())
    return f"{stated}\nfunc.func @case({given}) {{\n{body}\nfunc.return\n}}\n"


def calls_for(text: str, op_name: str, place: Place, *, queries: tuple[int, int] | None = None) -> dict[str, Call]:
    """Form -> call of the last op of this name.  Raises NotAvailable where its rule refuses it."""
    module = parse_module(make_context(), text, op_name)
    op = [op for op in next(iter(functions(module).values())).body.block.ops if op.name == op_name][-1]
    stated = symbols_of(module)
    ranges = {name: symbol.bounds() for name, symbol in stated.items()}
    hints = {name: symbol.hint.value.data for name, symbol in stated.items() if symbol.hint is not None}
    gluon = place.target.warpgroup_products
    at = Selection(place.target, ranges, hints, place.num_sms, gluon=gluon, queries=queries)
    forms = {
        CHOSEN: (at, place.tuned),
        PLAIN: (replace(at, gluon=False), NO_TABLE),
        INVARIANT: (replace(at, batch_invariant=True), NO_TABLE),
    }
    found = dict[str, Call]()
    for form, (asked, tuned) in forms.items():
        call = answer(op, asked, hints, tuned)
        if not any(same(call, other) for other in found.values()):
            found[form] = call
    return found


def answer(op: Operation, at: Selection, hints: Mapping[str, int], tuned: str) -> Call:
    """What the op's rule says, with what was measured.  Raises NotAvailable for a refusal."""
    kernel_rules()
    rule = KERNELS.find(op)
    if rule is None:
        raise NotAvailable(f"no kernel runs {op.name}")
    choice = rule(op, at)
    if isinstance(choice, Refused):
        raise NotAvailable(f"{op.name}: {choice.reason}")
    choice, _ = tuned_for(tuned, at.target).choose(rule, op, at, choice)
    scratch = {
        name: (
            tuple(size if isinstance(size, int) else evaluate(size, hints) for size in needed.sizes),
            dtype_of(needed.element),
        )
        for name, needed in choice.scratch.items()
    }
    rejected = tuple(f"{item.candidate}: {item.reason}" for item in choice.rejected)
    return Call(choice.launcher, tuple(choice.configs), dict(choice.parameters), scratch, rejected)


def same(one: Call, other: Call) -> bool:
    """Whether two calls launch the same kernels."""
    return (one.launcher, list(one.configs), one.parameters) == (other.launcher, list(other.configs), other.parameters)
