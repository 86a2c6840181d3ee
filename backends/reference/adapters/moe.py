"""``moe`` ops as calls."""

import torch

from dsv3c.backends.reference.call import REFERENCE, Argument, Call
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings import moe as meaning
from dsv3c.ir.dialects import moe
from dsv3c.ir.types import element_type


@REFERENCE.rule(moe.GateOp)
def gate(op: moe.GateOp) -> Call:
    """Routing with every choice of semantics written out."""
    kwargs: dict[str, Argument] = {
        "top_k": op.top_k.value.data,
        "scoring": op.scoring.data,
        "groups": op.groups.value.data,
        "keep": op.keep.value.data,
        "group_score": op.group_score.data,
        "mask": op.mask.data,
        "renormalize": None if op.renormalize is None else op.renormalize.value.data,
        "scale": op.scale.value.data,
        "scores_in": torch.float32 if op.scores_in is None else dtype_of(op.scores_in),
        "masked_weights": op.masked_weights is not None,
        "any_order": op.any_order is not None,
        "dtype": dtype_of(element_type(op.weights)),
    }
    return Call(meaning.gate, list(op.operands), kwargs)


@REFERENCE.rule(moe.ExpertsOp)
def experts(op: moe.ExpertsOp) -> Call:
    """Gate and up rows in one weight or in two."""
    kwargs: dict[str, Argument] = {
        "combine_in": dtype_of(op.combine_in),
        "order": op.order.data,
        "intermediate": op.intermediate.data,
    }
    operands = [op.x, op.weights, op.ids, op.gate, op.down, *([op.up] if op.up is not None else [])]
    return Call(meaning.experts, operands, kwargs)
