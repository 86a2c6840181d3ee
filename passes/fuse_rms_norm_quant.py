"""``fuse-rms-norm-quant``: a norm writes its result quantised.

Before::

    %y = nn.rms_norm %x, %weight eps 1.0e-06 weight_in "f32"
    %q = scaled.quantize %y quantizer ...
    %logits = nn.linear %y, %router

After::

    %q, %y = scaled.rms_norm %x, %weight eps 1.0e-06 weight_in "f32" intermediate bf16 quantizer ...
    %logits = nn.linear %y, %router

Saves reading the normalised rows once more, and writing them at all where nothing else reads them (``%y`` is there for
other readers only).  The normalised row is rounded to its type before it is quantised, as the two ops do: every bit
stays.  With ``relaxed-rounding`` it is quantised from f32, as kernels that keep the row in registers prefer.

It does not fuse a quantiser whose scales depend on several rows: they are known after all rows are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.dialects.builtin import f32
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern
from xdsl.rewriter import InsertPoint

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.nn import RmsNormOp
from dsv3c.ir.dialects.scaled import QuantizeOp
from dsv3c.ir.dialects.scaled_fused import RmsNormOp as ScaledRmsNormOp
from dsv3c.ir.locations import fused
from dsv3c.ir.scaled_type import scaled_type
from dsv3c.ir.types import element_type
from dsv3c.passes.base import RewritePass
from dsv3c.passes.row_quantizers import refusal


@dataclass
class FuseRmsNormQuant(RewritePattern):
    """At the quantiser of a norm's result."""

    ctx: CompileContext
    relaxed_rounding: bool

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Guards, then the fused op where the norm stands."""
        if not isinstance(op, QuantizeOp):
            return None
        norm = op.x.owner
        if isinstance(norm, ScaledRmsNormOp):
            return self.ctx.blocked(op, f"the norm is quantised as {norm.q.type} already")
        if not isinstance(norm, RmsNormOp):
            return None
        if reason := refusal(op):
            return self.ctx.blocked(op, reason)
        keep = any(use.operation is not op for use in norm.y.uses)
        new = ScaledRmsNormOp(
            norm.x,
            norm.weight,
            eps=norm.eps.value.data,
            weight_in=norm.weight_in.data,
            result_type=scaled_type(op.q),
            quantizer=op.quantizer,
            intermediate=f32 if self.relaxed_rounding else element_type(norm.x),
            keep=keep,
        )
        new.location, new.q.name_hint = fused([norm.location, op.location]), op.q.name_hint
        self.ctx.fired(op, "the norm's result is also read as it is" if keep else "")
        rewriter.insert(new, InsertPoint.before(norm))
        rewriter.replace(op, [], [new.q])
        rewriter.replace(norm, [], [new.y])
        return None


@dataclass(frozen=True)
class FuseRmsNormQuantPass(RewritePass):
    """Norms that give 8-bit rows."""

    name = "fuse-rms-norm-quant"
    requires: ClassVar[frozenset[str]] = frozenset({"raised"})

    relaxed_rounding: bool = False
    """Quantise the normalised row from f32 instead of from its own type: one rounding less than the source has."""

    def __post_init__(self) -> None:
        if self.relaxed_rounding:
            object.__setattr__(self, "numerics", "reassociates")

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One."""
        return [FuseRmsNormQuant(ctx, self.relaxed_rounding)]
