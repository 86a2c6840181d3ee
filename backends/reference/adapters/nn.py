"""``nn`` ops as calls."""

from dsv3c.backends.reference.call import REFERENCE, Argument, Call, size_argument
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings import nn as meaning
from dsv3c.ir.dialects import nn
from dsv3c.ir.sizes import parse_size, symbols_of
from dsv3c.ir.types import element_type, shape


@REFERENCE.rule(nn.LinearOp)
def linear(op: nn.LinearOp) -> Call:
    """The result's dtype is given where it is not x's."""
    kwargs: dict[str, Argument] = {}
    if element_type(op.y) != element_type(op.x):
        kwargs["dtype"] = dtype_of(element_type(op.y))
    return Call(meaning.linear, list(op.operands), kwargs)


@REFERENCE.rule(nn.HeadLinearOp)
def head_linear(op: nn.HeadLinearOp) -> Call:
    """One product per head."""
    return Call(meaning.head_linear, [op.x, op.weight])


@REFERENCE.rule(nn.EmbeddingOp)
def embedding(op: nn.EmbeddingOp) -> Call:
    """Rows of a table."""
    return Call(meaning.embedding, [op.ids, op.table])


@REFERENCE.rule(nn.RmsNormOp)
def rms_norm(op: nn.RmsNormOp) -> Call:
    """Both roundings."""
    return Call(meaning.rms_norm, [op.x, op.weight], {"eps": op.eps.value.data, "weight_in": op.weight_in.data})


@REFERENCE.rule(nn.RopeTableOp)
def rope_table(op: nn.RopeTableOp) -> Call:
    """Frequencies travel as numbers."""
    return Call(
        meaning.rope_table,
        [op.positions],
        {
            "inv_freq": tuple(float(value) for value in op.inv_freq.get_values()),
            "scaling": op.scaling.value.data,
            "dtype": dtype_of(element_type(op.cos)),
        },
    )


@REFERENCE.rule(nn.RopeOp)
def rope(op: nn.RopeOp) -> Call:
    """All pairings."""
    return Call(
        meaning.rope,
        [op.x, op.cos, op.sin],
        {"pairs": op.pairs.data, "out": op.out.data, "compute": op.compute.data},
    )


@REFERENCE.rule(nn.SwigluOp)
def swiglu(op: nn.SwigluOp) -> Call:
    """Both roundings."""
    return Call(meaning.swiglu, list(op.operands), {"intermediate": op.intermediate.data})


@REFERENCE.rule(nn.AttentionOp)
def attention(op: nn.AttentionOp) -> Call:
    """Dense causal attention."""
    return Call(
        meaning.attention,
        [op.q, op.k, op.v],
        {"scale": op.scale.value.data, "scores": dtype_of(op.scores), "probs": dtype_of(op.probs)},
    )


@REFERENCE.rule(nn.LastTokensOp)
def last_tokens(op: nn.LastTokensOp) -> Call:
    """One row per sequence."""
    return Call(meaning.last_tokens, [op.h, op.seq_offsets])


@REFERENCE.rule(nn.StepPartOp)
def step_part(op: nn.StepPartOp) -> Call:
    """The number of sequences is passed where the step promises it, and found where it is a symbol of its own."""
    kept, known = shape(op.lens)[0], symbols_of(shape(op.context_lens)[0])
    found = isinstance(kept, str) and kept.isidentifier() and kept not in known
    return Call(
        meaning.step_part,
        [op.seq_offsets, op.block_table, op.context_lens],
        {
            "first": size_argument(parse_size(op.first.data)),
            "count": size_argument(parse_size(op.count.data)),
            "keep": op.keep.data,
            "sequences": None if found else size_argument(kept),
        },
    )
