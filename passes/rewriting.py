"""What patterns need on top of xDSL's rewriter: producers by name, locations that survive, outcomes recorded."""

from collections.abc import Sequence

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.locations import fused


def producer(value: SSAValue, *names: str) -> AtenOp | None:
    """The aten op that made ``value``, if it is one of these (``aten.add.Tensor``)."""
    owner = value.owner
    return owner if isinstance(owner, AtenOp) and owner.name in names else None


def only_user(value: SSAValue, *names: str) -> AtenOp | None:
    """The one op that reads ``value``, if it is one of these."""
    use = value.get_user_of_unique_use()
    return use if isinstance(use, AtenOp) and use.name in names else None


def other_operand(op: Operation, operand: SSAValue) -> SSAValue:
    """The second operand of a binary op whose first is ``operand`` or the other way round."""
    first, second = op.operands
    return second if first is operand else first


def aten_class(ctx: CompileContext, name: str) -> type[AtenOp]:
    """The class of an overload (``aten.cat``)."""
    cls = ctx.get_op(name)
    assert issubclass(cls, AtenOp)
    return cls


def number(op: AtenOp, name: str) -> float | None:
    """A numeric argument as a float, a truth as 0 or 1 as PyTorch counts it; None when it is no number."""
    value = op.literal(name)
    return float(value) if isinstance(value, int | float) else None


def short_name(op: Operation) -> str:
    """``aten.slice.Tensor`` -> ``slice``: what the importer calls a value that has no better name."""
    return op.name.split(".")[1]


def replace(
    ctx: CompileContext,
    rewriter: PatternRewriter,
    anchor: Operation,
    matched: Sequence[Operation],
    new: Operation | Sequence[Operation],
    results: Sequence[SSAValue] | None = None,
    *,
    what: str = "",
    **numbers: float | int | str,
) -> None:
    """Put ``new`` where the last matched op stands, in its place, and record that the pattern fired at ``anchor``.

    ``matched`` is in program order and ends with the op whose results are replaced (by ``results``, or by the results
    of the last new op).  New ops get the fused locations of all matched ones and the name hints of what they replace;
    matched ops that nothing reads any more are erased, and no others.
    """
    news = [new] if isinstance(new, Operation) else list(new)
    last = matched[-1]
    location = fused(op.location for op in matched)
    for op in news:
        op.location = location
    ctx.fired(anchor, what, **numbers)
    for old, made in zip(last.results, results if results is not None else news[-1].results, strict=True):
        if made.name_hint is None:
            # a name that only repeats the old op (%mul) would be wrong now
            made.name_hint = old.name_hint
            if old.name_hint == short_name(last) and isinstance(made.owner, Operation):
                made.name_hint = short_name(made.owner)
    rewriter.replace(last, news, results)
    for op in reversed(dict.fromkeys(matched[:-1])):
        if all(result.first_use is None for result in op.results):
            rewriter.erase(op)
