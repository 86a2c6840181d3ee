"""``moe`` ops as calls."""

import torch

from dsv3c.backends.reference.call import REFERENCE, Argument, Call, size_argument
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings import moe as meaning
from dsv3c.backends.reference.meanings import moe_rows as rows_meaning
from dsv3c.ir.dialects import moe, moe_choices, moe_rows, scaled
from dsv3c.ir.types import element_type, shape


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


@REFERENCE.rule(moe_choices.AppendChoiceOp)
def append_choice(op: moe_choices.AppendChoiceOp) -> Call:
    """The same experts for every token."""
    kwargs: dict[str, Argument] = {"first": op.first.value.data, "count": op.count.value.data}
    return Call(meaning.append_choice, list(op.operands), kwargs)


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


def padding_arguments(op: moe_rows.PermuteOp | moe_rows.GroupedMmOp | scaled.GroupedMmOp) -> dict[str, Argument]:
    """That padding rows are unspecified, where they are."""
    return {"skips_padding": True} if op.skips_padding is not None else {}


@REFERENCE.rule(moe_rows.PermuteOp)
def permute(op: moe_rows.PermuteOp) -> Call:
    """The number of rows is a size of the result."""
    kwargs: dict[str, Argument] = {
        "experts": op.experts.value.data,
        "layout": op.layout.data,
        "alignment": op.alignment.value.data,
        "rows": size_argument(shape(op.slots)[0]),
        **padding_arguments(op),
    }
    return Call(rows_meaning.permute, [op.x, op.ids], kwargs)


@REFERENCE.rule(moe_rows.GroupedMmOp)
def grouped_mm(op: moe_rows.GroupedMmOp) -> Call:
    """The result's dtype is given where it is not x's."""
    kwargs = padding_arguments(op)
    if element_type(op.y) != element_type(op.x):
        kwargs["dtype"] = dtype_of(element_type(op.y))
    return Call(rows_meaning.grouped_mm, list(op.operands), kwargs)


@REFERENCE.rule(moe_rows.UnpermuteOp)
def unpermute(op: moe_rows.UnpermuteOp) -> Call:
    """Rounding and order of the sum."""
    return Call(
        rows_meaning.unpermute,
        list(op.operands),
        {"combine_in": dtype_of(op.combine_in), "order": op.order.data},
    )
