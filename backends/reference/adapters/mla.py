"""``mla`` ops as calls: operands are in the meanings' order."""

from dsv3c.backends.reference.adapters.scaled import quantizer_arguments
from dsv3c.backends.reference.call import REFERENCE, Argument, Call
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings import mla as meaning
from dsv3c.backends.reference.meanings import mla_fused
from dsv3c.ir.dialects import mla
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.types import element_type, shape, tensor_type


def rounding(op: mla.AttentionOp | mla.ExpandedAttentionOp | mla.AbsorbedAttentionOp) -> dict[str, Argument]:
    """The attributes every attention has."""
    return {"scale": op.scale.value.data, "scores": dtype_of(op.scores), "probs": dtype_of(op.probs)}


@REFERENCE.rule(mla.AttentionOp)
def attention(op: mla.AttentionOp) -> Call:
    """Dense, without a cache."""
    return Call(meaning.attention, list(op.operands), rounding(op))


@REFERENCE.rule(mla.AppendOp)
def append(op: mla.AppendOp) -> Call:
    """In place; a latent with scales is quantised, one tile of a row after the other."""
    if op.quantizer is None:
        return Call(meaning.append, list(op.operands))
    return Call(meaning.append_quantized, list(op.operands), tile_quantizer(op, op.quantizer))


def tile_quantizer(op: mla.AppendOp | mla.RopeAppendOp, quantizer: QuantizerAttr) -> dict[str, Argument]:
    """How the latent of a cache with scales is quantised: a scale per tile of a row."""
    kind = mla.cache_type(op.cache)
    row = ScaledType.make(tensor_type(shape(op.latent), kind.latent_type), (1, kind.granule.data), kind.scale_type)
    return quantizer_arguments(row, quantizer)


@REFERENCE.rule(mla.RopeAppendOp)
def rope_append(op: mla.RopeAppendOp) -> Call:
    """With or without a norm, quantised or not."""
    kwargs: dict[str, Argument] = {"pairs": op.pairs.data, "out": op.out.data, "compute": op.compute.data}
    args = [op.cache, op.latent, op.k, op.cos, op.sin, op.positions, op.seq_offsets, op.block_table]
    if op.weight is not None and op.eps is not None and op.weight_in is not None:
        args.append(op.weight)
        kwargs |= {"eps": op.eps.value.data, "weight_in": op.weight_in.data}
    if op.quantizer is None:
        return Call(mla_fused.rope_append, args, kwargs)
    return Call(mla_fused.rope_append_quantized, args, kwargs | tile_quantizer(op, op.quantizer))


@REFERENCE.rule(mla.GatherOp)
def gather(op: mla.GatherOp) -> Call:
    """All context rows."""
    dequantizes = mla.cache_type(op.cache).is_quantized
    kwargs: dict[str, Argument] = {"dtype": dtype_of(element_type(op.latent))} if dequantizes else {}
    return Call(meaning.gather, list(op.operands), kwargs)


@REFERENCE.rule(mla.ExpandedAttentionOp)
def expanded_attention(op: mla.ExpandedAttentionOp) -> Call:
    """Over gathered rows."""
    return Call(meaning.expanded_attention, list(op.operands), rounding(op))


@REFERENCE.rule(mla.AbsorbedAttentionOp)
def absorbed_attention(op: mla.AbsorbedAttentionOp) -> Call:
    """Over the cache."""
    return Call(meaning.absorbed_attention, list(op.operands), rounding(op))
