"""``canonicalize``: ops that change nothing, and pieces that are put together again.

Before  %y = aten.to.dtype(%x, dtype = bf16) : the type of %x           After   %x
        %y = aten.to.dtype(widened %x) : the type of %x                         %x
        %y = aten.mul.Scalar(%x, other = 1.0) : the type of %x                  %x
        %y = aten.cat([%x])                                                     %x
        %y = aten.cat([slice of %x to n, slice of %x from n])                   %x, or one view of it
        %y = aten.slice.Tensor(%cat, part of one operand of %cat)               a view of that operand
        chains of views                                                         as in canonicalize-views

Repeats until nothing fires.  Saves ops that earlier rewrites left between what they matched.  ``x + 0`` goes for
integers only: in floating point it turns -0 into 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import IntegerType, TensorType
from xdsl.ir import Operation, OpResult, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.sizes import Size, add, mul, sub
from dsv3c.ir.strided import Piece, View
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import checked_dim, compose, integer, view_of
from dsv3c.passes.base import RewritePass
from dsv3c.passes.canonicalize_views import CanonicalChain, is_link
from dsv3c.passes.provenance import CONVERSIONS, unwidened
from dsv3c.passes.rewriting import number
from dsv3c.passes.rewriting import replace as replace_matched
from dsv3c.passes.view_chains import build_view

NEUTRAL = {"aten.mul.Scalar": 1, "aten.div.Scalar": 1, "aten.sub.Scalar": 0, "aten.add.Scalar": 0}
"""Scalar that leaves a value as it is, by op."""
WHOLE = -1
"""For ``compose``: no dim may differ in size."""


@dataclass
class FoldConversion(RewritePattern):
    """A conversion to the type a value has, or had before it was widened."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the conversion."""
        if op.name not in CONVERSIONS:
            return
        same = [value for value in (op.operands[0], unwidened(op.operands[0])) if value.type == op.results[0].type]
        if same:
            replace_matched(self.ctx, rewriter, op, [op], [], [same[0]], what="no conversion")


@dataclass
class FoldScalar(RewritePattern):
    """Arithmetic with a neutral number."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the arithmetic."""
        if not isinstance(op, AtenOp) or op.name not in NEUTRAL or number(op, "other") != NEUTRAL[op.name]:
            return
        x = op.operands[0]
        is_integer = isinstance(element_type(x), IntegerType)
        if x.type == op.results[0].type and (op.name != "aten.add.Scalar" or is_integer):
            replace_matched(self.ctx, rewriter, op, [op], [], [x], what="neutral scalar")


@dataclass
class FoldCat(RewritePattern):
    """A concatenation of neighbouring parts of one value, in order."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the concatenation."""
        if not isinstance(op, AtenOp) or op.name != "aten.cat":
            return
        dim = checked_dim(op, "dim", integer(op, "dim", 0), len(shape(op.results[0])))
        joined = join([view_of(operand) for operand in op.operands], dim)
        if joined is None or (views := build_view(self.ctx, joined)) is None:
            return
        value = views[-1].results[0] if views else joined.base
        replace_matched(self.ctx, rewriter, op, [op], views, [value], what=f"is {joined}")


def join(parts: Sequence[View], dim: int) -> View | None:
    """The view whose parts along ``dim`` these are; None where they are not neighbours in one value."""
    first = parts[0]
    run = next((part.axes[dim][0] for part in parts if len(part.axes[dim]) == 1), None)
    if run is None or run.dim is None:
        return None
    offset: Size = first.offsets[run.dim]
    total: Size = 0
    for part in parts:
        size = part.sizes[dim]
        piece = (Piece(run.dim, size, run.stride),) if size != 1 else ()
        axes = (*first.axes[:dim], piece, *first.axes[dim + 1 :])
        offsets = (*first.offsets[: run.dim], offset, *first.offsets[run.dim + 1 :])
        if part != View(first.base, axes, offsets):
            return None
        offset, total = add(offset, mul(size, run.stride)), add(total, size)
    whole = (*first.axes[:dim], (Piece(run.dim, total, run.stride),), *first.axes[dim + 1 :])
    return replace(first, axes=whole)


@dataclass
class FoldPartOfCat(RewritePattern):
    """A concatenation, or a view of one, that reads one of its operands only."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the last view of a chain."""
        for result in op.results:
            if all(is_link(use.operation) for use in result.uses) or (view := part_of_cat(result)) is None:
                continue
            views = build_view(self.ctx, view)
            if views is None:
                continue
            value = views[-1].results[0] if views else view.base
            for made in views:
                made.location = op.location
            self.ctx.fired(op, f"is {view}")
            rewriter.insert(views)
            rewriter.replace_all_uses_with(result, value)


def part_of_cat(value: OpResult) -> View | None:
    """``value`` as a view of what one operand of a concatenation is a view of; None if it is no such thing."""
    if not isinstance(value.type, TensorType):
        return None
    view = view_of(value)
    cat = view.base.owner
    if not isinstance(cat, AtenOp) or cat.name != "aten.cat":
        return None
    dim = checked_dim(cat, "dim", integer(cat, "dim", 0), len(shape(view.base)))
    pieces = [piece for axis in view.axes for piece in axis if piece.dim == dim]
    start: Size = view.offsets[dim]
    last = start
    for piece in pieces:
        last = add(last, mul(piece.stride, sub(piece.size, 1)))
    for operand, begin, end in ranges(cat.operands, dim):
        if at_most(begin, start) and at_most(add(last, 1), end):
            offsets = (*view.offsets[:dim], sub(start, begin), *view.offsets[dim + 1 :])
            return compose(View(operand, view.axes, offsets), view_of(operand), WHOLE)
    return None


def ranges(operands: Sequence[SSAValue], dim: int) -> list[tuple[SSAValue, Size, Size]]:
    """Each operand of a concatenation with the positions it takes, end excluded."""
    found = list[tuple[SSAValue, Size, Size]]()
    begin: Size = 0
    for operand in operands:
        end = add(begin, shape(operand)[dim])
        found.append((operand, begin, end))
        begin = end
    return found


def at_most(left: Size, right: Size) -> bool:
    """Whether ``left <= right`` for sure."""
    if isinstance(left, int) and isinstance(right, int):
        return left <= right
    return left == right


@dataclass(frozen=True)
class CanonicalizePass(RewritePass):
    """Remove what changes nothing."""

    name = "canonicalize"
    cleans_up = True
    recursive = True

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """Folds first: a chain that is left is then put in its form."""
        return [FoldConversion(ctx), FoldScalar(ctx), FoldCat(ctx), FoldPartOfCat(ctx), CanonicalChain(ctx)]
