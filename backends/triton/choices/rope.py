"""Kernels of rotary embedding and its tables."""

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Config, Refused, Selection
from dsv3c.backends.triton.choices.row_configs import FLOATS, power_of_2, uncomputable
from dsv3c.ir.dialects.nn import RopeOp, RopeTableOp
from dsv3c.ir.types import element_type, shape

TILE = 2048
"""Elements of a program: 16 for each thread of 4 warps."""


@KERNELS.rule(RopeOp)
def rope(op: RopeOp, at: Selection) -> Choice | Refused:
    """A program for a few heads."""
    size = shape(op.x)[-1]
    reason = uncomputable([op.x, op.cos])
    if reason is None and isinstance(size, int) and size & (size - 1):
        reason = f"its kernel rotates heads whose size is a power of two, not {size}"
    if reason is None and len(shape(op.x)) < 2:
        reason = "its kernel rotates rows"
    if reason is not None:
        return Refused(reason)
    assert isinstance(size, int)
    config: Config = {"block_m": max(1, TILE // size), "num_warps": 4, "num_stages": 1}
    return Choice(
        launcher="rope.rope",
        operands={"x": op.x, "cos": op.cos, "sin": op.sin},
        results={"y": op.y},
        configs=(config,),
        parameters={"pairs": op.pairs.data, "out": op.out.data, "compute": op.compute.data},
    )


@KERNELS.rule(RopeTableOp)
def rope_table(op: RopeTableOp, at: Selection) -> Choice | Refused:
    """A program for a few positions."""
    inv_freq = tuple(float(value) for value in op.inv_freq.get_values())
    if element_type(op.cos) not in FLOATS:
        return Refused(f"its kernel makes floating-point numbers, not {element_type(op.cos)}")
    if max(map(abs, inv_freq)) > 1:
        return Refused(f"its kernel takes frequencies up to 1 radian per position, not {max(map(abs, inv_freq))}")
    width = power_of_2(len(inv_freq), least=16)
    config: Config = {"block_m": max(1, 256 // width), "block_n": width, "num_warps": 4, "num_stages": 1}
    return Choice(
        launcher="rope_table.rope_table",
        operands={"positions": op.positions},
        results={"cos": op.cos, "sin": op.sin},
        configs=(config,),
        parameters={"inv_freq": inv_freq, "scaling": op.scaling.value.data, "dtype": str(element_type(op.cos))},
    )
