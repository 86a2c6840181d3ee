"""What rules of kernels on rows share: tiles by rows and columns, and which quantisers and types their kernels have."""

import math
from collections.abc import Sequence

from xdsl.dialects.builtin import BFloat16Type, Float8E5M2Type, Float16Type, Float32Type, f32
from xdsl.ir import SSAValue

from dsv3c.backends.triton.choices.base import Config, Literal, Selection
from dsv3c.ir.dialects.moe_rows import product
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.scaled_type import FORMATS, WHOLE, ScaledType, show_granule
from dsv3c.ir.sizes import Size
from dsv3c.ir.types import element_type, shape

FLOATS = (BFloat16Type(), Float16Type(), Float32Type())
"""Element types that kernels on rows compute with."""
FEW = 128
"""Rows up to which every row is a program of its own (or several): more programs, less work in each."""
TILE = 2048
"""Elements of a tile of many rows: 16 for each thread of 4 warps, whose registers hold them without spilling."""
WIDEST = 1024
"""Columns of a tile where a row may be cut."""
WARPS_OF_WHOLE_ROWS = {128: 1, 256: 1, 512: 2, 1024: 4, 2048: 8, 4096: 8, 8192: 16}
"""Columns of a program that holds a whole row -> warps that hold it without spilling (sm_90a, Triton 3.9)."""
WALKING_WARPS = WARPS_OF_WHOLE_ROWS | {4096: 16, 8192: 32}
"""The same where a program holds the row it computes and the next: 8 columns a thread, 64 registers at most."""
WARPS_OF_MULTIPROCESSOR = 32
"""That walk rows: with 64 registers a thread no more are resident, and their loads in flight fill the memory's time."""


def rows_of(value: SSAValue) -> Size:
    """Rows of a value [*, N]."""
    return product(shape(value)[:-1])


def power_of_2(count: int, least: int = 128) -> int:
    """The smallest power of two that is neither below ``count`` nor below ``least``."""
    return max(least, 1 << (count - 1).bit_length())


def tiles(columns: int, rows: Size, at: Selection) -> tuple[Config, ...]:
    """Tiles of rows that may be cut: one row where there are few, ``TILE`` elements where there are more."""
    wide = min(WIDEST, power_of_2(columns))
    narrow = min(wide, WIDEST // 2)
    few = {"up_to": FEW, "block_m": 1, "block_n": wide, "num_warps": max(1, wide // 256), "num_stages": 1}
    many = {"block_m": TILE // narrow, "block_n": narrow, "num_warps": 4, "num_stages": 1}
    return at.fitting((few, many), rows)


def whole_rows(columns: int, rows: Size, at: Selection) -> tuple[Config, ...]:
    """Programs of whole rows; short rows go together where there are many.  At most 8192 columns.

    On Hopper, for which registers were counted, as many programs as are resident walk the rows.
    """
    width = power_of_2(columns)
    by_width = WALKING_WARPS if at.target.warpgroup_products else WARPS_OF_WHOLE_ROWS
    few = {"up_to": FEW, "block_m": 1, "block_n": width, "num_warps": by_width[width], "num_stages": 1}
    height = max(1, 1024 // width)
    warps = 4 if height > 1 else by_width[width]
    many = {"block_m": height, "block_n": width, "num_warps": warps, "num_stages": 1}
    if at.target.warpgroup_products:
        many["per_multiprocessor"] = max(1, WARPS_OF_MULTIPROCESSOR // warps)
    return at.fitting((few, many), rows) if few["num_warps"] != warps else at.fitting((many,), rows)


def uncomputable(values: Sequence[SSAValue]) -> str | None:
    """Why kernels on rows do not compute with these values; None where they do."""
    for value in values:
        if element_type(value) not in FLOATS:
            return f"its kernel computes with {', '.join(map(str, FLOATS))}, not {element_type(value)}"
        if not isinstance(shape(value)[-1], int):
            return f"its kernel reads rows of a fixed width, not of {shape(value)[-1]}"
    return None


DIVISIBLE = 2.0**-80
"""The smallest scale for which the remainder of a division does not underflow (``kernels/quantizing.py``)."""


def unquantizable(kind: ScaledType, quantizer: QuantizerAttr, at: Selection) -> str | None:
    """Why no kernel makes values of a type with a quantiser; None where one does."""
    eight_bit = {name for name in at.target.dense_flops_per_s if name.startswith("f8")}
    if str(kind.element) not in eight_bit and not (eight_bit and kind.element == Float8E5M2Type()):
        return f"{at.target.name} has no {kind.element}"
    if kind.scale != f32 or kind.layout_name == "packed":
        return f"its kernel makes f32 scales, not {kind.scale} ({kind.layout_name})"
    if kind.layout_name != "row" and len(kind.sizes) != 2:
        return f"{kind.layout_name} scales of {len(kind.sizes)} dims: its kernel makes those of a matrix"
    granules = f"granule {show_granule(kind.granules)}"
    if (smallest := smallest_scale(kind, quantizer)) < DIVISIBLE:
        return f"scales down to {smallest:.3g}: its kernel divides by no scale under 2^-80"
    if quantizer.static_scale is not None:
        if not quantizer.saturates:
            return "a static scale without saturation: hardware saturates where the quantiser makes NaN"
        return None
    if WHOLE in kind.granules and not is_whole(kind):
        return f"{granules}: a scale of a whole dim needs all of it first"
    if any(granule & (granule - 1) for granule in kind.granules):
        return f"{granules}: its kernel cuts blocks whose sizes are powers of two"
    return None


def smallest_scale(kind: ScaledType, quantizer: QuantizerAttr) -> float:
    """The smallest scale that numbers are divided by; powers of two multiply, which is exact for any."""
    if quantizer.round_scale.data == "pow2" or quantizer.apply.data == "reciprocal":
        return math.inf
    if quantizer.static_scale is not None:
        return quantizer.static_scale
    assert quantizer.floor is not None, "a quantiser has a floor or a static scale"
    return quantizer.floor / FORMATS[kind.element]


def is_whole(kind: ScaledType) -> bool:
    """Whether all of a value has one scale."""
    return all(granule == WHOLE for granule in kind.granules)


def by_rows(kind: ScaledType, quantizer: QuantizerAttr, at: Selection) -> str | None:
    """Why no kernel that computes rows makes them with a quantiser; None where one does."""
    if (reason := unquantizable(kind, quantizer, at)) is not None:
        return reason
    if quantizer.static_scale is not None:
        return "its kernel finds a scale per row and block of columns, and this one is static"
    if any(granule != 1 for granule in kind.granules[:-1]) or kind.granules[-1] == WHOLE:
        return f"granule {show_granule(kind.granules)}: its kernel finds a scale per row and block of columns"
    if kind.granules[-1] > 128:
        return f"granule {show_granule(kind.granules)}: blocks of columns have 128 elements at most"
    return None


def quantizer_literals(kind: ScaledType, quantizer: QuantizerAttr) -> dict[str, Literal]:
    """A launcher's keywords of a quantiser that finds its scales."""
    return {
        "granule": kind.granules,
        "data": str(kind.element),
        "amax_floor": quantizer.floor,
        "apply": quantizer.apply.data,
        "round_scale": quantizer.round_scale.data,
        "saturate": quantizer.saturates,
    }
