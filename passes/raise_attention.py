"""``raise-attention``: causal attention becomes mla.attention where it is MLA, else nn.attention.

Before  %k = aten.cat([%k_nope, %k_rope over heads], dim = 3)      (K's first part and V: rows of nn.linear %latent, %w)
        %q = aten.cat([%q_nope, %q_rope], dim = 3)
        %y = aten.scaled_dot_product_attention(%q, %k, %v, is_causal = true, scale = 0.13) : [B, H, S, dv]
After   %kv = aten.reshape(%up) : [B, S, H, dn + dv]
        %o = mla.attention %q_nope, %q_rope, %kv, %k_rope scale 0.13 scores f32 probs f32 : ... -> [B, S, H, dv]
        %y = aten.permute(%o, dims = [0, 2, 1, 3])

Also: matmul or einsum, scale, mask, softmax, product.  Where scores and probabilities are rounded is read from the
source.  Saves repeating the rotary key for every head, and makes the latent, which is all a cache has to keep, visible.
A mask is proved causal by evaluating it: that needs an evaluator.  It deliberately does not merge separate
up-projections of K and V, reorder their rows, or accept a latent that is not normalised: such attention becomes
nn.attention, with a remark that says which condition of MLA failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, i64
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.mla import AttentionOp as MlaAttentionOp
from dsv3c.ir.dialects.nn import AttentionOp, LinearOp
from dsv3c.ir.evaluator import NO_EVALUATOR, Refusal
from dsv3c.ir.strided import whole
from dsv3c.ir.types import element_type, shape, tensor_type
from dsv3c.ir.views import view_of
from dsv3c.passes.attention_spellings import Spelling, explicit, fused
from dsv3c.passes.base import RewritePass
from dsv3c.passes.mla_conditions import LatentAttention, latent_attention
from dsv3c.passes.rewriting import aten_class, replace
from dsv3c.passes.view_building import ViewBuilder, on_the_way


@dataclass
class RaiseAttention(RewritePattern):
    """One attention, fused or spelled out."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the fused op or the softmax."""
        if not isinstance(op, AtenOp):
            return None
        spelling = fused(op) or explicit(op)
        if spelling is None:
            return None
        if isinstance(spelling, str):
            return self.ctx.blocked(op, spelling)
        if spelling.k.size("t") != spelling.q.size("s"):
            return self.ctx.blocked(op, "there are not as many keys as queries: a cache or another sequence is read")
        types = {element_type(tensor.value) for tensor in (spelling.q, spelling.k, spelling.v, spelling.out)}
        if len(types) != 1:
            return self.ctx.blocked(op, f"q, k, v and the result differ in type: {', '.join(sorted(map(str, types)))}")
        if isinstance(reason := self.evidence(spelling), Refusal):
            return self.ctx.blocked(op, f"the mask is not known to be causal: {reason.reason}")
        builder = ViewBuilder(self.ctx)
        found = latent_attention(spelling)
        if isinstance(found, str):
            self.ctx.blocked(op, f"not multi-head latent attention: {found}")
            attention, what = build_generic(builder, spelling), "nn.attention"
        else:
            attention, what = build_latent(builder, spelling, found), "mla.attention"
        attention.o.name_hint = "attention"
        builder.ops.append(attention)
        out = permuted(builder, attention.o, ["bshe".index(letter) for letter in spelling.out.letters])
        text = f"{what}; {reason}" if reason else what
        return replace(self.ctx, rewriter, op, spelling.matched, builder.ops, [out], what=text)

    def evidence(self, spelling: Spelling) -> str | Refusal:
        """How the mask was found to be causal; empty where the op says it."""
        if spelling.mask is None:
            return ""
        if self.ctx.evaluator is None:
            return NO_EVALUATOR
        found = self.ctx.evaluator.causal_mask(spelling.mask.value, marks_hidden=spelling.mask.marks_hidden)
        return found if isinstance(found, Refusal) else f"causal mask: {found.text}"


def build_generic(builder: ViewBuilder, spelling: Spelling) -> AttentionOp:
    """nn.attention of q, k and v as they are, sequence before heads."""
    q, k, v = (
        on_the_way(view_of(tensor.value).permuted(tensor.order(letters)), tensor.value)
        or permuted(builder, tensor.value, tensor.order(letters))
        for tensor, letters in ((spelling.q, "bshd"), (spelling.k, "bthd"), (spelling.v, "bthe"))
    )
    return AttentionOp(q, k, v, scale=spelling.scale, scores=spelling.scores, probs=spelling.probs)


def permuted(builder: ViewBuilder, value: SSAValue, order: Sequence[int]) -> SSAValue:
    """A value with its dims in another order."""
    if list(order) == sorted(order):
        return value
    dims = ArrayAttr(IntegerAttr(dim, i64) for dim in order)
    result = tensor_type([shape(value)[dim] for dim in order], element_type(value))
    op = aten_class(builder.ctx, "aten.permute").build_from({"self": value}, {"dims": dims}, [result])
    op.results[0].name_hint = value.name_hint
    builder.ops.append(op)
    return op.results[0]


def build_latent(builder: ViewBuilder, spelling: Spelling, found: LatentAttention) -> MlaAttentionOp:
    """mla.attention; an up-projection with other leading dims than [B, S] is done again over those."""
    up, tokens = found.up_projection, shape(found.q_rope)[:2]
    if shape(up.y)[:-1] != tokens:
        rows = view_of(up.x).regrouped((*tokens, shape(up.x)[-1]))
        assert rows is not None, "the rows of K and V are those of the latent"
        latent = builder.build(rows, up.x)
        assert latent is not None
        up = LinearOp(latent, up.weight)
        up.y.name_hint = found.up_projection.y.name_hint
        builder.ops.append(up)
    heads = (*shape(found.q_rope)[:3], found.num_rows)
    kv_view = whole(up.y).regrouped(heads)
    assert kv_view is not None
    kv, q_nope = builder.build(kv_view), builder.build(found.q_nope, spelling.q.value)
    assert kv is not None and q_nope is not None
    roles = {"latent": up.x, "kv": kv, "q_nope": q_nope, "q_rope": found.q_rope, "k_rope": found.k_rope}
    for name, value in roles.items():
        value.name_hint = name
    return MlaAttentionOp(
        q_nope,
        found.q_rope,
        kv,
        found.k_rope,
        scale=spelling.scale,
        scores=spelling.scores,
        probs=spelling.probs,
    )


@dataclass(frozen=True)
class RaiseAttentionPass(RewritePass):
    """Causal attention -> mla.attention or nn.attention; spelled-out f32 products may be added in another order."""

    name = "raise-attention"
    numerics = "reassociates"

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One pattern for all spellings."""
        return [RaiseAttention(ctx)]
