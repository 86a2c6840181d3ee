"""``fuse-swiglu-quant``: a gated activation writes its result quantised.

Before::

    %y = nn.swiglu %gate, %up intermediate "input"
    %q = scaled.quantize %y quantizer ...

After::

    %q = scaled.swiglu %gate, %up intermediate "input" rounded_to bf16 quantizer ...

Saves writing and reading the activation in 16 bits; gate and up may be parts of one merged product.  The activation is
rounded to its type before it is quantised, as the two ops do: every bit stays.  With ``relaxed-rounding`` neither it
nor silu(gate) is rounded before.

It does not fuse an activation that something else reads, or a quantiser whose scales depend on several rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.dialects.builtin import f32
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.nn import SwigluOp
from dsv3c.ir.dialects.scaled import QuantizeOp
from dsv3c.ir.dialects.scaled_fused import SwigluOp as ScaledSwigluOp
from dsv3c.ir.scaled_type import scaled_type
from dsv3c.ir.types import element_type
from dsv3c.passes.base import RewritePass
from dsv3c.passes.rewriting import replace
from dsv3c.passes.row_quantizers import refusal


@dataclass
class FuseSwigluQuant(RewritePattern):
    """At the quantiser of a gated activation."""

    ctx: CompileContext
    relaxed_rounding: bool

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Guards, then the fused op where the quantiser stands."""
        if not isinstance(op, QuantizeOp) or not isinstance(swiglu := op.x.owner, SwigluOp):
            return None
        other = next((use.operation for use in swiglu.y.uses if use.operation is not op), None)
        if other is not None:
            return self.ctx.blocked(op, f"{other.name} reads the activation as well")
        if reason := refusal(op):
            return self.ctx.blocked(op, reason)
        new = ScaledSwigluOp(
            swiglu.gate,
            swiglu.up,
            intermediate="f32" if self.relaxed_rounding else swiglu.intermediate.data,
            rounded_to=f32 if self.relaxed_rounding else element_type(swiglu.y),
            result_type=scaled_type(op.q),
            quantizer=op.quantizer,
        )
        replace(self.ctx, rewriter, op, [swiglu, op], new)
        return None


@dataclass(frozen=True)
class FuseSwigluQuantPass(RewritePass):
    """Gated activations that give 8-bit rows."""

    name = "fuse-swiglu-quant"
    requires: ClassVar[frozenset[str]] = frozenset({"raised"})

    relaxed_rounding: bool = False
    """Quantise silu(gate) * up from f32, silu(gate) not rounded either: two roundings less than the source has."""

    def __post_init__(self) -> None:
        if self.relaxed_rounding:
            object.__setattr__(self, "numerics", "reassociates")

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One."""
        return [FuseSwigluQuant(ctx, self.relaxed_rounding)]
