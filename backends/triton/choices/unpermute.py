"""Kernels of the experts' weighted sum."""

from xdsl.dialects.builtin import i32

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Scratch, Selection
from dsv3c.backends.triton.choices.gate import NUMBERS, unknown_type
from dsv3c.ir.dialects.moe_rows import UnpermuteOp, product
from dsv3c.ir.types import shape

CONFIG = {"block_m": 1024, "block_n": 1024, "num_warps": 4, "num_stages": 1}
"""16 bytes of every row and thread at a time."""


@KERNELS.rule(UnpermuteOp)
def unpermute(op: UnpermuteOp, at: Selection) -> Choice | Refused:
    """Where every slot's row is, then the sum, one token per program."""
    if (refused := unknown_type(op.y, op.weights)) is not None:
        return refused
    if str(op.combine_in) not in NUMBERS:
        return Refused(f"its kernel rounds to {', '.join(NUMBERS)}, not {op.combine_in}")
    return Choice(
        launcher="unpermute.unpermute",
        operands={"y": op.y, "slots": op.slots, "weights": op.weights, "ids": op.ids},
        results={"out": op.out},
        configs=(CONFIG,),
        parameters={"combine_in": str(op.combine_in), "order": op.order.data},
        scratch={"row_of": Scratch((product(shape(op.ids)),), i32)},
    )
