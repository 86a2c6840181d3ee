"""Moving quantisers towards where values come from: above ops that only move rows, so that 8-bit rows are moved.

``ROW_MOVERS`` lists those ops by class.  A quantiser whose scales each belong to one row passes above them with every
bit kept: a row's scales go where the row goes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xdsl.ir import Operation, OpResult, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern
from xdsl.rewriter import InsertPoint

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.comm_rows import DispatchOp
from dsv3c.ir.dialects.moe_rows import PermuteOp
from dsv3c.ir.dialects.scaled import QuantizeOp
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.scaled_type import ScaledType, scaled_type, show_granule
from dsv3c.ir.types import as_tensor, shape, with_element
from dsv3c.passes.matching import Mismatch
from dsv3c.passes.quantized_views import above_view, quantized_above


@dataclass(frozen=True)
class Movement:
    """What an op moves: whole rows of ``source`` into ``moved``."""

    source: SSAValue
    """An operand, [*, D]."""
    moved: OpResult
    """A result, [M, D]."""


ROW_MOVERS: RuleTable[Callable[[Any], Movement]] = RuleTable("row-moving op")
"""Op class -> what it moves.  The op must take scaled rows, and give rows with the same scales."""


@ROW_MOVERS.rule(PermuteOp)
def permute(op: PermuteOp) -> Movement:
    """Rows in expert order; padding rows are zero whatever their scale."""
    return Movement(op.x, op.rows)


@ROW_MOVERS.rule(DispatchOp)
def dispatch(op: DispatchOp) -> Movement:
    """Rows to the ranks of their experts: 8-bit rows and their scales are what is sent."""
    return Movement(op.x, op.rows)


def movement_of(value: SSAValue) -> Movement | None:
    """How the op that makes ``value`` moved it there, if that is all it did."""
    if not isinstance(value.owner, Operation) or (rule := ROW_MOVERS.find(value.owner)) is None:
        return None
    movement = rule(value.owner)
    return movement if movement.moved is value else None


def same_quantizer(op: QuantizeOp, other: Operation) -> bool:
    """Whether two quantisers make the same of one value."""
    return isinstance(other, QuantizeOp) and (op.q.type, op.quantizer) == (other.q.type, other.quantizer)


def row_granule(op: QuantizeOp, rank: int) -> tuple[int, ...]:
    """The granule of the scales of moved rows [M, D] on rows of another rank.

    Raises ``Mismatch`` where a scale depends on several rows, which may be moved apart.
    """
    rows, last = scaled_type(op.q).granules
    if rows != 1:
        granule = show_granule(scaled_type(op.q).granules)
        raise Mismatch(f"granule {granule}: a scale belongs to several rows, which are moved apart")
    return (*(1,) * (rank - 1), last)


@dataclass
class SinkQuantize(RewritePattern):
    """``quantise(moved(x))`` -> ``moved(quantise(x))``, and the same for views of x."""

    ctx: CompileContext

    def __post_init__(self) -> None:
        self.refused = set[Operation]()

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """At a quantiser of moved rows or of a view."""
        if not isinstance(op, QuantizeOp) or op in self.refused:
            return
        try:
            if (movement := movement_of(op.x)) is not None:
                above_mover(self.ctx, rewriter, op, movement)
            elif isinstance(op.x.owner, AtenOp):
                above_view(self.ctx, rewriter, op, op.x.owner)
        except Mismatch as mismatch:
            self.refused.add(op)
            self.ctx.blocked(op, str(mismatch))


def above_mover(ctx: CompileContext, rewriter: PatternRewriter, op: QuantizeOp, movement: Movement) -> None:
    """Quantise before rows are moved.  Raises ``Mismatch`` with the reason if that is not the same."""
    kind, source, mover = scaled_type(op.q), movement.source, movement.moved.op
    readers = [use.operation for use in movement.moved.uses]
    others = [reader for reader in readers if not same_quantizer(op, reader)]
    if others:
        raise Mismatch(f"the rows that {mover.name} moves are also read by {others[0].name}")
    if kind.layout_name != "row":
        raise Mismatch(f"scales laid out as {kind.layout_name} stay behind {mover.name}")
    granule = row_granule(op, len(shape(source)))
    before = ScaledType.make(with_element(as_tensor(source), kind.element), granule, kind.scale)
    above = quantized_above(readers, source, before, op)
    moving = type(mover).create(
        operands=[above.q if operand is source else operand for operand in mover.operands],
        result_types=[kind if result is movement.moved else result.type for result in mover.results],
        properties=dict(mover.properties),
        attributes=dict(mover.attributes),
    )
    moving.location = mover.location
    for old, new in zip(mover.results, moving.results, strict=True):
        new.name_hint = old.name_hint
    ctx.fired(op, f"above {mover.name}, which moves {kind.element} rows and their scales")
    rewriter.insert([above, moving], InsertPoint.before(mover))
    for reader in readers:
        rewriter.replace(reader, [], [moving.results[movement.moved.index]])
    rewriter.replace(mover, [], moving.results)
