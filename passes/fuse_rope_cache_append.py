"""``fuse-rope-cache-append``: rotate the key, normalise the latent and write both into the cache in one go.

Before::

    %latent = nn.rms_norm %c, %weight eps 1.0e-06 weight_in "f32"
    %k_rope = nn.rope %k, %cos, %sin pairs "interleaved" out "interleaved" compute "f32"
    %new = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table

After::

    %new = mla.rope_append %c, %k, %cos, %sin to %cache at %positions, %seq_offsets, %block_table
           pairs "interleaved" out "interleaved" compute "f32" eps 1.0e-06 weight_in "f32" norm %weight

Saves writing and reading the row of a token twice more, and two launches per layer.  The norm is taken in where only
the cache reads its result.  Every rounding stays where it was.

It does not take in a rotation whose result something else reads, or one that is the same for all tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.mla import AppendOp, RopeAppendOp
from dsv3c.ir.dialects.nn import RmsNormOp, RopeOp
from dsv3c.ir.types import shape
from dsv3c.passes.base import RewritePass
from dsv3c.passes.matching import op_name
from dsv3c.passes.rewriting import replace


def other_reader(value: SSAValue, reader: Operation) -> Operation | None:
    """An op that reads the value beside ``reader``."""
    return next((use.operation for use in value.uses if use.operation is not reader), None)


@dataclass
class FuseRopeCacheAppend(RewritePattern):
    """At the append."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """The rotation must be there, the norm may."""
        if not isinstance(op, AppendOp):
            return None
        rope, norm = op.k_rope.owner, op.latent.owner
        if not isinstance(rope, RopeOp):
            return self.ctx.blocked(op, f"the key is the result of {op_name(op.k_rope)} and not of nn.rope")
        if (other := other_reader(rope.y, op)) is not None:
            return self.ctx.blocked(op, f"{other.name} reads the rotated key as well")
        if len(shape(rope.cos)) != len(shape(rope.x)):
            return self.ctx.blocked(op, "all tokens are rotated by the same angles: the tables have no tokens")
        what = "rotation and append"
        if not isinstance(norm, RmsNormOp):
            norm = None
        elif (other := other_reader(norm.y, op)) is not None:
            norm, what = None, f"{what}; the norm stays, {other.name} reads its result"
        else:
            what = f"norm, {what}"
        new = RopeAppendOp(
            op.cache,
            op.latent if norm is None else norm.x,
            rope,
            op.positions,
            op.seq_offsets,
            op.block_table,
            norm=norm,
            quantizer=op.quantizer,
        )
        matched = [rope, op] if norm is None else [norm, rope, op]
        replace(self.ctx, rewriter, op, matched, new, what=what)
        return None


@dataclass(frozen=True)
class FuseRopeCacheAppendPass(RewritePass):
    """One op per layer that writes the cache."""

    name = "fuse-rope-cache-append"
    requires: ClassVar[frozenset[str]] = frozenset({"phased"})

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One."""
        return [FuseRopeCacheAppend(ctx)]
