"""The rewrite of ``absorb-mla``: what must hold of an expanded attention, and what takes its place."""

from dataclasses import dataclass

from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type, Float64Type, IntegerAttr, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.mla import AbsorbedAttentionOp, ExpandedAttentionOp, GatherOp
from dsv3c.ir.dialects.nn import HeadLinearOp, LinearOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.locations import fused
from dsv3c.ir.types import as_tensor, element_type, shape, tensor_type
from dsv3c.ir.views import view_of
from dsv3c.passes.absorption_cost import AttentionSizes
from dsv3c.passes.matching import Mismatch
from dsv3c.passes.recipes import append, derived_param, param_of
from dsv3c.passes.rewriting import aten_class

ELEMENTS: dict[type[Attribute], tuple[int, str]] = {
    BFloat16Type: (2, "bf16"),
    Float16Type: (2, "f16"),
    Float32Type: (4, "f32"),
    Float64Type: (8, "f64"),
}
"""Bytes and name of the element types attention is computed in."""


@dataclass(frozen=True)
class Absorption:
    """An expanded attention over a cache, and the up-projection that expands it."""

    attention: ExpandedAttentionOp
    linear: LinearOp
    gather: GatherOp
    param: ParamOp
    sizes: AttentionSizes


def match(op: ExpandedAttentionOp) -> Absorption:
    """Prove that K and V are one up-projection of the cache's rows; raises Mismatch with the condition that fails."""
    view = view_of(op.kv)
    linear = view.base.owner
    if not isinstance(linear, LinearOp):
        raise Mismatch("K and V are not computed by a linear from the context")
    if linear.bias is not None:
        raise Mismatch("the up-projection has a bias: it does not commute with the attention weights")
    if view_of(linear.y).regrouped(shape(op.kv)) != view:
        raise Mismatch("kv is not the up-projection's rows dealt out to heads in order")
    gather = linear.x.owner
    if not isinstance(gather, GatherOp) or linear.x is not gather.latent:
        raise Mismatch("the up-projection does not read the cache's latents")
    if op.k_rope is not gather.k_rope:
        raise Mismatch("the rotated keys are not those of the same cache rows")
    if op.context_lens is not gather.context_lens:
        raise Mismatch("the attention counts its context by another table than the gather")
    param = param_of(linear.weight)
    if param is None:
        raise Mismatch("the up-projection's weight is no parameter: it cannot be cut per head ahead of time")
    return Absorption(op, linear, gather, param, sizes_of_attention(op, gather))


def sizes_of_attention(op: ExpandedAttentionOp, gather: GatherOp) -> AttentionSizes:
    """The sizes: static, since the view of kv is one of a weight's rows."""
    heads, nope = shape(op.q_nope)[1:]
    rope, value, latent = shape(op.q_rope)[-1], shape(op.o)[-1], shape(gather.latent)[-1]
    assert isinstance(heads, int) and isinstance(nope, int) and isinstance(rope, int)
    assert isinstance(value, int) and isinstance(latent, int)
    element_bytes, dtype = ELEMENTS[type(element_type(op.q_nope))]
    return AttentionSizes(heads, nope, rope, value, latent, element_bytes, dtype)


def replace_by_absorbed(ctx: CompileContext, found: Absorption) -> None:
    """Two per-head products around an attention over the cache; gather and up-projection become dead."""
    op, sizes, gather = found.attention, found.sizes, found.gather
    key, kind = found.param.key.data, element_type(found.linear.weight)
    k_type = tensor_type((sizes.heads, sizes.latent, sizes.nope), kind)
    v_type = tensor_type((sizes.heads, sizes.value, sizes.latent), kind)
    w_uk = derived_param(
        ctx, f"{key}:absorbed_k", [found.param], lambda c, b, v: key_rows(c, b, v[0], sizes, k_type), k_type
    )
    w_uv = derived_param(
        ctx, f"{key}:absorbed_v", [found.param], lambda c, b, v: value_rows(c, b, v[0], sizes, v_type), v_type
    )
    into = HeadLinearOp(op.q_nope, w_uk.value)
    attend = AbsorbedAttentionOp(
        into.y,
        op.q_rope,
        gather.cache,
        op.positions,
        op.seq_offsets,
        gather.block_table,
        op.context_lens,
        scale=op.scale,
        scores=op.scores,
        probs=op.probs,
    )
    out = HeadLinearOp(attend.o, w_uv.value)
    news: list[Operation] = [w_uk, into, attend, w_uv, out]
    location = fused([op.location, found.linear.location])
    for new in news:
        new.location = location
    hints = {w_uk.value: "w_uk", w_uv.value: "w_uv", into.y: "q_latent", attend.o: "o_latent"}
    for value, hint in hints.items():
        value.name_hint = hint
    out.y.name_hint = op.o.name_hint
    block = op.parent
    assert block is not None
    block.insert_ops_before(news, op)
    op.o.replace_all_uses_with(out.y)
    op.detach()
    op.erase()


def key_rows(ctx: CompileContext, block: Block, weight: SSAValue, sizes: AttentionSizes, kind: Attribute) -> SSAValue:
    """W_UK as [H, r, dn]: rows 0..dn of every head, transposed."""
    rows = head_rows(ctx, block, weight, sizes, 0, sizes.nope)
    dims = {"dim0": IntegerAttr(1, i64), "dim1": IntegerAttr(2, i64)}
    return append(block, aten_class(ctx, "aten.transpose.int").build_from({"self": rows}, dims, [kind]))


def value_rows(ctx: CompileContext, block: Block, weight: SSAValue, sizes: AttentionSizes, kind: Attribute) -> SSAValue:
    """W_UV as [H, dv, r]: rows dn..dn + dv of every head."""
    rows = head_rows(ctx, block, weight, sizes, sizes.nope, sizes.nope + sizes.value)
    assert as_tensor(rows) == kind
    return rows


def head_rows(
    ctx: CompileContext, block: Block, weight: SSAValue, sizes: AttentionSizes, start: int, end: int
) -> SSAValue:
    """Rows ``start..end`` of every head of a [H * (dn + dv), r] weight, as [H, end - start, r]."""
    kind = element_type(weight)
    total = sizes.nope + sizes.value
    by_head = aten_class(ctx, "aten.view").build_from(
        {"self": weight}, {}, [tensor_type((sizes.heads, total, sizes.latent), kind)]
    )
    properties: dict[str, Attribute] = {"dim": IntegerAttr(1, i64)}
    if start:
        properties["start"] = IntegerAttr(start, i64)
    if end != total:
        properties["end"] = IntegerAttr(end, i64)
    cut = aten_class(ctx, "aten.slice.Tensor").build_from(
        {"self": append(block, by_head)}, properties, [tensor_type((sizes.heads, end - start, sizes.latent), kind)]
    )
    return append(block, cut)
