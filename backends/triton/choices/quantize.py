"""Kernels of quantisers."""

from xdsl.dialects.builtin import f32

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Config, Refused, Scratch, Selection
from dsv3c.backends.triton.choices.row_configs import (
    FLOATS,
    is_whole,
    quantizer_literals,
    rows_of,
    tiles,
    uncomputable,
    unquantizable,
)
from dsv3c.ir.dialects.scaled import DequantizeOp, QuantizeOp
from dsv3c.ir.scaled_type import ScaledType, scaled_type, show_granule
from dsv3c.ir.types import element_type, shape

COLUMNS: tuple[Config, ...] = ({"block_m": 1, "block_n": 128, "num_warps": 8, "num_stages": 1},)
"""Blocks of 128 rows with a scale per column, or square ones, whose width is theirs.

Of 64 columns a thread would have half as many rows of each, and 60 % more instructions for scales than it has now.
"""
MOST_PARTIALS = 256
"""Programs that look for the largest number of a whole value (``launchers/quantize.py``)."""
MAX_BLOCK = 128 * 128
"""Elements of a block that one program holds without spilling."""


@KERNELS.rule(QuantizeOp)
def quantize(op: QuantizeOp, at: Selection) -> Choice | Refused:
    """A scale per row and block of columns, per block of rows, or one that is given."""
    kind, columns = scaled_type(op.q), shape(op.x)[-1]
    reason = uncomputable([op.x]) or unquantizable(kind, op.quantizer, at) or misshapen(kind)
    if reason is not None:
        return Refused(reason)
    assert isinstance(columns, int)
    dynamic = op.quantizer.static_scale is None
    in_blocks = dynamic and any(granule > 1 for granule in kind.granules[:-1])
    whole = dynamic and is_whole(kind)
    return Choice(
        launcher="quantize.quantize",
        operands={"x": op.x},
        results={"q": op.q},
        configs=COLUMNS if in_blocks else tiles(columns, rows_of(op.x), at),
        parameters={**quantizer_literals(kind, op.quantizer), "static": op.quantizer.static_scale},
        scratch={"partials": Scratch((MOST_PARTIALS,), f32)} if whole else {},
    )


def misshapen(kind: ScaledType) -> str | None:
    """Why no kernel cuts values of this shape into blocks; None where one does."""
    *outer, rows, columns = (1, *kind.granules) if len(kind.granules) == 1 else kind.granules
    granule = f"granule {show_granule(kind.granules)}"
    if any(step > 1 for step in outer):
        return f"{granule}: blocks lie in the last two dims"
    if rows <= 1:
        return None if columns <= 128 else f"{granule}: blocks of columns have 128 elements at most"
    if len(kind.sizes) > 3 or (len(kind.sizes) == 3 and any(isinstance(size, str) for size in kind.sizes)):
        return f"{granule} of {kind.data}: blocks of several rows are those of a matrix, or of a stack of fixed size"
    if columns not in (1, rows) or rows * columns > MAX_BLOCK:
        return f"{granule}: blocks of several rows have one column, or are square with 128 rows at most"
    return None


@KERNELS.rule(DequantizeOp)
def dequantize(op: DequantizeOp, at: Selection) -> Choice | Refused:
    """Tiles of any granule."""
    kind, columns = scaled_type(op.q), shape(op.q)[-1]
    if kind.scale != f32 or kind.layout_name == "packed" or element_type(op.y) not in FLOATS:
        return Refused(f"its kernel reads f32 scales and makes floating-point numbers, not {op.q.type} -> {op.y.type}")
    if not 2 <= len(kind.sizes) <= 3 or not isinstance(columns, int):
        return Refused(f"its kernel reads matrices of fixed width, and stacks of them, not {kind.data}")
    return Choice(
        launcher="quantize.dequantize",
        operands={"q": op.q},
        results={"y": op.y},
        configs=tiles(columns, shape(op.q)[-2], at),
        parameters={"dtype": str(element_type(op.y))},
    )
