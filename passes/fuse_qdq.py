"""``fuse-qdq``: products of 8-bit factors, each activation quantised once, as early as its bits allow.

Before::

    %y = nn.linear dequantize(quantize %n), dequantize(%w)
    %rows, %slots, %expert_of = moe.permute %n by %ids
    %g = moe.grouped_mm dequantize(quantize %rows), dequantize(%e) by %expert_of

After::

    %q = scaled.quantize %n
    %y = scaled.mm %q, %w promote 128
    %rows, %slots, %expert_of = moe.permute %q by %ids
    %g = scaled.grouped_mm %rows, %e, %expert_of promote 128

Four patterns, in this order, each of which reports what it did or why not:

- ``CancelDqQ``: a quantiser of what was dequantised gives the scaled value back, where that is exact
- ``SinkQuantize``: a quantiser passes above ops that move rows (``moe.permute``, ``comm.dispatch``) and above views
  whose grid of blocks stays exact; 8-bit rows are moved then
- ``SharedQuantize``: one value is quantised once
- ``DqIntoGemm``: a product of dequantised factors multiplies the 8-bit data and applies the scales in its main loop

Saves the bytes of 16-bit copies and one pass over the activations per product.  The first three keep every bit; the
fourth adds in blocks of K (``scaled.mm``).  What is dequantised for another op than a product stays and is reported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from xdsl.dialects.builtin import BFloat16Type, Float32Type, ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
)
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects import moe_rows, nn, scaled
from dsv3c.ir.dialects.scaled import DequantizeOp, QuantizeOp, QuantizerAttr
from dsv3c.ir.errors import UsageError
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.scaled_type import WHOLE, scaled_type
from dsv3c.ir.types import element_type
from dsv3c.passes.base import Named, Pass
from dsv3c.passes.quantize_sinking import SinkQuantize, movement_of, same_quantizer
from dsv3c.passes.rewriting import replace

NEVER = -1


@dataclass(frozen=True)
class FuseQdqPass(Pass):
    """Take dequantisation into products, share quantisers and move them up."""

    name = "fuse-qdq"
    requires: ClassVar[frozenset[str]] = frozenset({"raised"})
    numerics = "reassociates"

    promote: int = 0
    """Elements of K after which a tensor core's accumulator is added in f32; 0: the granule along K; -1: never."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """One walk over the module per stage."""
        if self.promote < NEVER:
            raise UsageError(f"fuse-qdq: promote must be a number of elements, 0 or -1, not {self.promote}")
        stages: list[list[RewritePattern]] = [
            [CancelDqQ(ctx), SinkQuantize(ctx)],
            [SharedQuantize(ctx)],
            [DqIntoGemm(ctx, self.promote)],
            [LeftDequantize(ctx)],
        ]
        for patterns in stages:
            named: list[RewritePattern] = [Named(ctx, pattern, type(pattern).__name__) for pattern in patterns]
            applier = GreedyRewritePatternApplier(named, dce_enabled=False)
            # only the first stage makes new places for its own patterns
            PatternRewriteWalker(applier, apply_recursively=patterns is stages[0]).rewrite_module(module)


def quantizer_of(value: SSAValue) -> QuantizerAttr | None:
    """What quantised a scaled value, if it was made here and only moved since."""
    while (movement := movement_of(value)) is not None:
        value = movement.source
    made = value.owner.properties.get("quantizer") if isinstance(value.owner, Operation) else None
    return made if isinstance(made, QuantizerAttr) else None


@dataclass
class CancelDqQ(RewritePattern):
    """``quantise(dequantise(q))`` -> ``q``.

    Exact for scales that are powers of two, found by an equal quantiser: what the second one finds differs by powers
    of two at most, moved between data and scale, and every product keeps its bits.  Exact for a static scale, too.
    """

    ctx: CompileContext

    def __post_init__(self) -> None:
        self.refused = set[Operation]()

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """At a quantiser of a dequantised value."""
        if not isinstance(op, QuantizeOp) or not isinstance(op.x.owner, DequantizeOp) or op in self.refused:
            return
        dequantize = op.x.owner
        if reason := self.refusal(op, dequantize):
            self.refused.add(op)
            self.ctx.blocked(op, reason)
            return
        what = f"the value is {scaled_type(op.q)} already"
        replace(self.ctx, rewriter, op, [dequantize, op], [], [dequantize.q], what=what)

    def refusal(self, op: QuantizeOp, dequantize: DequantizeOp) -> str:
        """Why the two do not cancel; empty when they do."""
        if op.q.type != dequantize.q.type:
            return f"it was dequantised from {dequantize.q.type} and is quantised as {op.q.type}"
        first = quantizer_of(dequantize.q)
        if first is None:
            return "what quantised it first is not known"
        if first != op.quantizer:
            return f"it was quantised by {first} and is quantised again by {op.quantizer}"
        exact = (Float32Type, BFloat16Type) if first.rounds_to_pow2 else (Float32Type,)
        if not isinstance(element_type(dequantize.y), exact):
            return f"it was rounded to {element_type(dequantize.y)} in between"
        if not first.rounds_to_pow2 and first.static_scale is None:
            return "its scales are no powers of two: those of the rounded values may differ in the last bit"
        return ""


@dataclass
class SharedQuantize(RewritePattern):
    """Equal quantisers of one value are one."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """At a quantiser that comes after another of the same value."""
        if not isinstance(op, QuantizeOp):
            return
        earlier = [
            use.operation
            for use in op.x.uses
            if isinstance(use.operation, QuantizeOp) and use.operation.is_before_in_block(op)
        ]
        equal = next((other for other in earlier if same_quantizer(op, other)), None)
        if equal is not None:
            replace(self.ctx, rewriter, op, [op], [], equal.results, what="quantised once for all its readers")
        elif earlier:
            other = earlier[0]
            self.ctx.blocked(op, f"the value is quantised as {other.results[0].type} too: two quantisations stay")


Product = Callable[[Any, DequantizeOp, DequantizeOp, int | None], Operation]
PRODUCTS: RuleTable[Product] = RuleTable("scaled product")
"""Product of plain factors ``x`` and ``w`` -> the product of scaled ones."""


@PRODUCTS.rule(nn.LinearOp)
def mm(op: nn.LinearOp, x: DequantizeOp, w: DequantizeOp, promote: int | None) -> Operation:
    """With or without bias."""
    return scaled.MmOp(x.q, w.q, op.bias, element=element_type(op.y), promote=promote)


@PRODUCTS.rule(moe_rows.GroupedMmOp)
def grouped_mm(op: moe_rows.GroupedMmOp, x: DequantizeOp, w: DequantizeOp, promote: int | None) -> Operation:
    """One expert per row."""
    return scaled.GroupedMmOp(x.q, w.q, op.expert_of, element=element_type(op.y), promote=promote)


def factors(op: Operation) -> list[SSAValue]:
    """x and w of a product."""
    return list(op.operands[:2])


@dataclass
class DqIntoGemm(RewritePattern):
    """``dequantise(x) . dequantise(w)`` -> a product of 8-bit factors."""

    ctx: CompileContext
    promote: int

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """At a product of which a factor was dequantised."""
        build = PRODUCTS.find(op)
        if build is None or not any(isinstance(value.owner, DequantizeOp) for value in factors(op)):
            return None
        x, w = (value.owner for value in factors(op))
        if not isinstance(x, DequantizeOp) or not isinstance(w, DequantizeOp):
            which = "w" if isinstance(x, DequantizeOp) else "x"
            return self.ctx.blocked(op, f"only one factor is 8-bit: {which} is not")
        for name, factor in (("x", x), ("w", w)):
            if not isinstance(element_type(factor.y), Float32Type):
                return self.ctx.blocked(op, f"{name} is rounded to {element_type(factor.y)} before the product")
        new = build(op, x, w, self.promotion(x))
        try:
            new.verify()
        except VerifyException as error:
            new.erase()
            return self.ctx.blocked(op, str(error).strip())
        kind = scaled_type(x.q)
        replace(self.ctx, rewriter, op, [x, w, op], new, what=f"{kind.element} x {scaled_type(w.q).element}")
        return None

    def promotion(self, x: DequantizeOp) -> int | None:
        """How often the accumulator restarts; None for never."""
        granule = scaled_type(x.q).granules[-1]
        promote = self.promote or granule
        return None if promote in (NEVER, WHOLE) else promote


@dataclass
class LeftDequantize(RewritePattern):
    """Says for which ops values are still dequantised."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """At a dequantised value that some op reads which is no product."""
        if not isinstance(op, DequantizeOp):
            return
        readers = [use.operation for use in op.y.uses if PRODUCTS.find(use.operation) is None]
        names = sorted({reader.name for reader in readers} - {QuantizeOp.name})
        if names:
            self.ctx.blocked(op, f"dequantised for {', '.join(names)}, which takes no scaled value")
