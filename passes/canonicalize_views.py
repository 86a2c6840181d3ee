"""``canonicalize-views``: one spelling for every way to fill a buffer by parts and to look at a part of a value.

Scatters that tile a dim are a concatenation; a chain of view-like ops that something reads is one fixed chain from the
value that owns the data.

Before  %a = aten.slice_scatter(%buffer, %x, dim = 3, end = 128)
        %b = aten.slice_scatter(%a, %y, dim = 3, start = 128)
After   %b = aten.cat([%x, %y], dim = 3)

Before  %v = aten.view(%x) : [B, S, 4, 192]
        %t = aten.transpose.int(%v, dim0 = 1, dim1 = 2)
        %n, %p = aten.split_with_sizes(%t, split_sizes = [128, 64], dim = -1)
After   %r = aten.reshape(%x) : [B, S, 4, 192]
        %s = aten.slice.Tensor(%r, dim = 3, start = 128, end = 192)
        %p = aten.permute(%s, dims = [0, 2, 1, 3])

The new chain stands right after its base, so that the text does not depend on how the source spelled it.  Saves ops,
copies that only speak about memory, and spellings that later patterns would have to know.  A chain that the form
makes longer stays.  It does not look through arithmetic, and it moves no data: results keep their bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Attribute, Block, Operation, OpResult, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern
from xdsl.rewriter import InsertPoint

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.locations import fused
from dsv3c.ir.sizes import Size, add
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import RULES, checked_dim, integer, position_in, size_argument, view_of
from dsv3c.passes.base import RewritePass
from dsv3c.passes.rewriting import aten_class, producer, replace, short_name
from dsv3c.passes.view_chains import build_view, discard

SCATTER = "aten.slice_scatter"


@dataclass
class ScattersToCat(RewritePattern):
    """Slices written one after the other that together cover a dim: what was below them is never read."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the last scatter of a chain."""
        if not isinstance(op, AtenOp) or op.name != SCATTER or is_scattered_into(op) or is_unread(op):
            return None
        dim = scatter_dim(op)
        chain = [op]
        while (below := producer(chain[-1].operands[0], SCATTER)) and scatter_dim(below) == dim:
            chain.append(below)
        parts = {start_of(scatter, dim): scatter.operands[1] for scatter in reversed(chain)}
        if any(element_type(part) != element_type(op.results[0]) for part in parts.values()):
            return self.ctx.blocked(op, "a part is converted as it is written")
        if any(size_argument(scatter, "step", 1) != 1 for scatter in chain):
            return self.ctx.blocked(op, "the slices written have a step")
        ordered = list[SSAValue]()
        start: Size = 0
        while start in parts:
            part = parts.pop(start)
            ordered.append(part)
            start = add(start, shape(part)[dim])
        if parts or start != shape(op.results[0])[dim]:
            return self.ctx.blocked(op, f"the slices written do not tile dim {dim}: some of the buffer below shows")
        cat = aten_class(self.ctx, "aten.cat")
        new = cat.build_from({"tensors": ordered}, {"dim": IntegerAttr(dim, i64)}, op.result_types)
        replace(self.ctx, rewriter, op, chain[::-1], new, what="concatenation", parts=len(ordered))
        return None


def scatter_dim(scatter: AtenOp) -> int:
    """The dim a slice_scatter writes along, counted from the start."""
    return checked_dim(scatter, "dim", integer(scatter, "dim", 0), len(shape(scatter.results[0])))


def start_of(scatter: AtenOp, dim: int) -> Size:
    """The first position a slice_scatter writes."""
    return position_in(shape(scatter.results[0])[dim], size_argument(scatter, "start", 0))


def is_scattered_into(scatter: AtenOp) -> bool:
    """Whether another slice is written into what this op returns."""
    return any(use.operation.name == SCATTER and use.index == 0 for use in scatter.results[0].uses)


def is_unread(op: Operation) -> bool:
    """Whether nothing but views that nothing reads look at an op's results: filling a buffer leaves such behind."""
    uses = [use for result in op.results for use in result.uses]
    return all(is_link(use.operation) and is_unread(use.operation) for use in uses)


@dataclass
class CanonicalChain(RewritePattern):
    """Every view that an op other than a view reads, in the form of ``dsv3c.passes.view_chains``."""

    ctx: CompileContext
    seen: set[SSAValue] = field(default_factory=set[SSAValue])
    """Views looked at: each is one site, however many ops read it."""
    made: dict[tuple[SSAValue, str, Attribute, tuple[tuple[str, Attribute], ...]], SSAValue] = field(
        default_factory=dict[tuple[SSAValue, str, Attribute, tuple[tuple[str, Attribute], ...]], SSAValue]
    )
    """(operand, op, type, properties) -> the value made from it, so that views share the first ops of their chains."""
    last: dict[Operation | Block, Operation] = field(default_factory=dict[Operation | Block, Operation])
    """Op, or block for its arguments -> the last op made for a view of it: they stand in the order of their readers."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the reader."""
        if is_link(op):
            return
        for operand in dict.fromkeys(op.operands):
            if isinstance(operand, OpResult) and operand.op.name in RULES and operand not in self.seen:
                self.seen.add(operand)
                self.rewrite_view(operand, rewriter)

    def rewrite_view(self, value: OpResult, rewriter: PatternRewriter) -> None:
        """Give the readers of one view its canonical chain."""
        view = view_of(value)
        if view.base is value:
            return self.ctx.blocked(value.op, "the elements it takes are not evenly spaced in what it reads")
        chain = links(value, view.base)
        ops = build_view(self.ctx, view)
        if ops is None:
            return self.ctx.blocked(value.op, f"no chain of cuts, splits and permutations gives {view}")
        if [spelling(op) for op in ops] == [spelling(op) for op in chain]:
            return discard(ops)
        if len(ops) > len(chain):
            discard(ops)
            return self.ctx.unprofitable(
                value.op, "the canonical chain is longer", ops_now=len(chain), ops_canonical=len(ops)
            )
        self.ctx.fired(value.op, f"is {view}", ops_before=len(chain), ops_after=len(ops))
        new = self.place(view.base, chain, ops, rewriter)
        # a name that only repeats the old op would be wrong now
        if ops and new.name_hint == short_name(ops[-1]) and value.name_hint != short_name(value.op):
            new.name_hint = value.name_hint
        rewriter.replace_uses_with_if(value, new, lambda use: not is_link(use.operation))
        for link in reversed(chain):
            if all(result.first_use is None for result in link.results):
                rewriter.erase(link)
        return None

    def place(
        self, base: SSAValue, chain: Sequence[Operation], ops: Sequence[Operation], rewriter: PatternRewriter
    ) -> SSAValue:
        """Insert the ops after the base and those made for it before; the result of the last one."""
        location, value = fused(op.location for op in chain), base
        for op in ops:
            key = (value, *spelling(op))
            if key not in self.made or not is_attached(self.made[key].owner):
                op.operands = [value]
                op.location = location
                op.results[0].name_hint = short_name(op)
                rewriter.insert(op, self.after(base))
                self.last[base.owner] = op
                self.made[key] = op.results[0]
            value = self.made[key]
        discard(ops)
        return value

    def after(self, base: SSAValue) -> InsertPoint:
        """Where the next op of a chain of ``base`` goes."""
        owner = base.owner
        if owner in self.last and is_attached(self.last[owner]):
            return InsertPoint.after(self.last[owner])
        return InsertPoint.at_start(owner) if isinstance(owner, Block) else InsertPoint.after(owner)


def is_attached(owner: Operation | Block) -> bool:
    """Whether an op is still where it was put: a pass that repeats may have erased it."""
    return owner.parent is not None


def is_link(op: Operation) -> bool:
    """Whether an op only looks at a part of its operand, as far as views can express it."""
    return op.name in RULES and view_of(op.results[0]).base is not op.results[0]


def links(value: OpResult, base: SSAValue) -> list[Operation]:
    """The view-like ops between ``base`` and ``value``, in program order."""
    chain = list[Operation]()
    current: SSAValue = value
    while current is not base:
        assert isinstance(current, OpResult)
        chain.insert(0, current.op)
        current = current.op.operands[0]
    return chain


def spelling(op: Operation) -> tuple[str, Attribute, tuple[tuple[str, Attribute], ...]]:
    """What an op of a chain does: name, result type, properties."""
    properties: Mapping[str, Attribute] = op.properties
    return op.name, op.result_types[0], tuple(sorted(properties.items(), key=lambda item: item[0]))


@dataclass(frozen=True)
class CanonicalizeViewsPass(RewritePass):
    """One spelling for concatenations by parts and for chains of views."""

    name = "canonicalize-views"
    cleans_up = True

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """Scatters first: what reads them reads the concatenation."""
        return [ScattersToCat(ctx), CanonicalChain(ctx)]
