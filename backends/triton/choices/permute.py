"""Kernels of rows in expert order."""

from xdsl.dialects.builtin import FixedBitwidthType, f32, i32

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Config, Refused, Scratch, Selection
from dsv3c.backends.triton.choices.expert_rows import padding_parameters
from dsv3c.ir.dialects.moe import GateOp
from dsv3c.ir.dialects.moe_choices import AppendChoiceOp
from dsv3c.ir.dialects.moe_rows import PermuteOp, product
from dsv3c.ir.scaled_type import is_scaled, scaled_type
from dsv3c.ir.sizes import Size, SizeError, add, ceildiv, mul, sub
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import view_of

CHUNKS = ((128, 1024), (1024, 0))
"""Slots counted by one program, and up to how many tokens: every program adds up the counts of all chunks."""
TILE = 8192
"""Numbers of a tile of slots (or chunks) and experts: 32 registers of each of 256 threads."""


@KERNELS.rule(PermuteOp)
def permute(op: PermuteOp, at: Selection) -> Choice | Refused:
    """Counting in chunks, then places, then the copy; no atomics, so every run gives the same rows."""
    if (refused := unmovable(op)) is not None:
        return refused
    *tokens, top_k = shape(op.ids)
    count = product(tuple(tokens))
    if (refused := overfull(op, count, at)) is not None:
        return refused
    experts = op.experts.value.data
    return Choice(
        launcher="permute.permute",
        operands={"x": op.x, "ids": op.ids},
        results={"rows": op.rows, "slots": op.slots, "expert_of": op.expert_of},
        configs=at.fitting(configs_for(experts), count),
        parameters={
            **{"experts": experts, "layout": op.layout.data, "alignment": op.alignment.value.data},
            **padding_parameters(op),
        },
        scratch={"counts": Scratch((add(ceildiv(mul(count, top_k), CHUNKS[0][0]), 1), experts), i32)},
    )


def configs_for(experts: int) -> tuple[Config, ...]:
    """By tokens; tiles get lower where there are more experts."""
    height = max(1, TILE >> (experts - 1).bit_length())
    return tuple(
        {
            **{"chunk": chunk, "block_s": min(32, height), "block_c": min(16, height), "block_m": 8},
            **{"row_bytes": 1024, "num_warps": 8 if height < 64 else 4, "num_stages": 1},
            **({"up_to": tokens} if tokens else {}),
        }
        for chunk, tokens in CHUNKS
    )


def unmovable(op: PermuteOp) -> Refused | None:
    """Why rows of this type are not moved; None where they are."""
    element = element_type(op.x)
    if not isinstance(element, FixedBitwidthType) or element.bitwidth % 8:
        return Refused(f"its kernel moves whole bytes, not {element}")
    if is_scaled(op.x) and scaled_type(op.x).scale != f32:
        return Refused(f"its kernel moves f32 scales, not {scaled_type(op.x).scale}")
    return None


def overfull(op: PermuteOp, tokens: Size, at: Selection) -> Refused | None:
    """A kernel cannot stop a run: where ids come from a gate, every expert needs room for every token.

    Ids that other ranks sent, or that are given, get as much room as whoever made the rows masked has found.
    """
    made = view_of(op.ids).base.owner
    if op.capacity is None or not isinstance(made, GateOp | AppendChoiceOp):
        return None
    try:
        if at.bounds(sub(op.capacity, tokens))[0] >= 0:
            return None
    except SizeError:  # there may be any number of tokens
        pass
    return Refused(
        f"{tokens} tokens may choose one expert, which has room for {op.capacity} rows: a run on a device would not "
        "notice that some are left out"
    )
