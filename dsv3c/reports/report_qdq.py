"""Quantising and dequantising in a compile: what passes inserted and removed, and what is left, with where."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.driver import PassRun
from dsv3c.ir.bodies import executed_ops
from dsv3c.ir.dialects.scaled import DequantizeOp, QuantizeOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import at
from dsv3c.ir.functions import functions
from dsv3c.ir.scaled_type import is_scaled

QUANTISES = "quantises"
"""What a pass says of itself whose results are those of quantised values."""


@dataclass(frozen=True, kw_only=True)
class QdqSite:
    """A quantise or dequantise that stands in a function's body."""

    op: str
    function: str
    where: str
    """The user's ``file:line (module path)``."""
    value: str
    """Name of the value it works on."""
    users: Sequence[str]
    """The ops that read its result, by name, each once."""


@dataclass(frozen=True, kw_only=True)
class QdqReport:
    """Ops ``scaled.quantize`` and ``scaled.dequantize`` in function bodies; recipes of weights run at load."""

    inserted: tuple[int, int] | None
    """(quantise, dequantise) that passes which quantise put in; None where no pass ran.  Copies do not count."""
    removed: tuple[int, int] | None
    """(quantise, dequantise) that passes fused, shared, cancelled or moved into recipes."""
    left: Sequence[QdqSite]


def qdq_report(module: ModuleOp, runs: Sequence[PassRun]) -> QdqReport | None:
    """The report; None where nothing is quantised and no pass changed that."""
    left = sites_left(module)
    changes = [(run.quantize_change, run.dequantize_change) for run in runs]
    scaled = any(is_scaled(op.value) for op in module.walk() if isinstance(op, ParamOp))
    if not left and not scaled and not any(any(change) for change in changes):
        return None
    return QdqReport(
        inserted=positive([change for run, change in zip(runs, changes, strict=True) if run.numerics == QUANTISES])
        if runs
        else None,
        removed=positive([(-quantize, -dequantize) for quantize, dequantize in changes]) if runs else None,
        left=left,
    )


def positive(changes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The sums of what is above zero."""
    return sum(max(0, quantize) for quantize, _ in changes), sum(max(0, dequantize) for _, dequantize in changes)


def sites_left(module: ModuleOp) -> list[QdqSite]:
    """Every quantise and dequantise in a function's body, in the order of the text."""
    return [
        QdqSite(
            op=op.name,
            function=name,
            where=at(op),
            value=op.operands[0].name_hint or "",
            users=list(dict.fromkeys(use.operation.name for use in op.results[0].uses)),
        )
        for name, function in functions(module).items()
        for op in executed_ops(function)
        if isinstance(op, QuantizeOp | DequantizeOp)
    ]


def by_place(sites: Sequence[QdqSite]) -> Counter[tuple[str, str]]:
    """(function, op) -> how many."""
    return Counter((site.function, site.op) for site in sites)
