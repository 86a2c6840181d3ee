"""Kernels of routing."""

from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.ir.dialects.moe import GateOp
from dsv3c.ir.dialects.moe_choices import AppendChoiceOp
from dsv3c.ir.types import element_type, shape

NUMBERS = ("f32", "bf16", "f16")
"""Element types that kernels of experts read, write and round to."""
TILE = 256
"""Scores of one warp: eight a lane."""
APPENDED = {"block_t": 32, "num_warps": 1, "num_stages": 1}


def unknown_type(*values: SSAValue | None) -> Refused | None:
    """The refusal of the first value whose elements no kernel of experts reads; None where there is none."""
    for value in values:
        if value is not None and str(element_type(value)) not in NUMBERS:
            return Refused(f"its kernel reads {', '.join(NUMBERS)}, not {element_type(value)} (%{value.name_hint})")
    return None


@KERNELS.rule(GateOp)
def gate(op: GateOp, at: Selection) -> Choice | Refused:
    """A few tokens per warp: as many as fill its lanes with scores."""
    if (refused := unknown_type(op.logits, op.bias, op.weights)) is not None:
        return refused
    scores = op.scores_in or f32
    if str(scores) not in NUMBERS:
        return Refused(f"its kernel rounds scores to {', '.join(NUMBERS)}, not {scores}")
    experts, groups = shape(op.logits)[-1], op.groups.value.data
    assert isinstance(experts, int)
    width = power_of_two(groups) * power_of_two(experts // groups)
    return Choice(
        launcher="gate.gate",
        operands={"logits": op.logits, "bias": op.bias},
        results={"weights": op.weights, "ids": op.ids},
        configs=({"block_t": max(1, TILE // width), "num_warps": 1, "num_stages": 1},),
        parameters={
            "top_k": op.top_k.value.data,
            "scoring": op.scoring.data,
            "groups": groups,
            "keep": op.keep.value.data,
            "group_score": op.group_score.data,
            "mask": op.mask.data,
            "renormalize": None if op.renormalize is None else op.renormalize.value.data,
            "scale": op.scale.value.data,
            "scores_in": str(scores),
            "masked_weights": op.masked_weights is not None,
            "dtype": str(element_type(op.weights)),
        },
    )


def power_of_two(size: int) -> int:
    """The smallest that holds ``size``."""
    return 1 << (size - 1).bit_length()


@KERNELS.rule(AppendChoiceOp)
def append_choice(op: AppendChoiceOp, at: Selection) -> Choice | Refused:
    """A copy with the same experts behind every token's."""
    if (refused := unknown_type(op.weights)) is not None:
        return refused
    return Choice(
        launcher="gate.append_choice",
        operands={"weights": op.weights, "ids": op.ids},
        results={"all_weights": op.all_weights, "all_ids": op.all_ids},
        configs=(APPENDED,),
        parameters={"first": op.first.value.data, "count": op.count.value.data},
    )
