"""Kernels of products of numbers that are not quantised."""

from collections.abc import Sequence

from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type
from xdsl.ir import Attribute, SSAValue

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.backends.triton.choices.expert_rows import expert_rows
from dsv3c.backends.triton.choices.gemm_configs import Product, Tile, candidates, configs_for
from dsv3c.ir.dialects.moe_rows import GroupedMmOp
from dsv3c.ir.dialects.moe_rows import product as count_of
from dsv3c.ir.dialects.nn import HeadLinearOp, LinearOp
from dsv3c.ir.types import element_type, shape

HALF_TILES = (
    Tile(16, 64, 128, num_warps=4, num_stages=5, swap=True),
    Tile(16, 128, 64, num_warps=4, num_stages=6, swap=True),
    Tile(32, 64, 128, num_warps=4, num_stages=5, swap=True),
    Tile(64, 64, 64, num_warps=4, num_stages=5),
    Tile(64, 128, 64, num_warps=4, num_stages=4),
    Tile(128, 128, 64, num_warps=8, num_stages=4),
    Tile(128, 256, 64, num_warps=8, num_stages=3),
)
"""Candidates for operands of 2 bytes, ascending."""
F32_TILES = (
    Tile(16, 32, 32, num_warps=4, num_stages=3),
    Tile(32, 32, 32, num_warps=4, num_stages=3),
    Tile(64, 64, 32, num_warps=4, num_stages=3),
)
"""Candidates for f32 operands, which no tensor core multiplies without rounding them."""
TILES: dict[Attribute, tuple[int, Sequence[Tile]]] = {
    BFloat16Type(): (2, HALF_TILES),
    Float16Type(): (2, HALF_TILES),
    Float32Type(): (4, F32_TILES),
}
"""Element type of both operands -> its bytes, and the candidates."""


def tiles_of(left: SSAValue, right: SSAValue) -> tuple[int, Sequence[Tile]] | Refused:
    """Bytes of an operand's element, and the candidates for it."""
    kind = element_type(left)
    if kind != element_type(right):
        return Refused(f"a product of {kind} and {element_type(right)}: the kernel's operands have one type")
    if kind not in TILES:
        return Refused(f"operands hold {kind}; the kernel multiplies {', '.join(map(str, TILES))}")
    return TILES[kind]


@KERNELS.rule(LinearOp)
def linear(op: LinearOp, at: Selection) -> Choice | Refused:
    """The kernel of ``nn.linear``, by rows."""
    found = tiles_of(op.x, op.weight)
    if isinstance(found, Refused):
        return found
    element_bytes, tiles = found
    columns = shape(op.weight)[0]
    assert isinstance(columns, int)
    needed = Product(count_of(shape(op.x)[:-1]), columns, element_bytes)
    configs, rejected = configs_for(tiles, needed, at)
    return Choice(
        launcher="linear.linear",
        operands={"x": op.x, "weight": op.weight, "bias": op.bias},
        results={"y": op.y},
        configs=configs,
        rejected=rejected,
        candidates=candidates(tiles, needed, at),
    )


@KERNELS.rule(HeadLinearOp)
def head_linear(op: HeadLinearOp, at: Selection) -> Choice | Refused:
    """The kernel of ``nn.head_linear``, by tokens."""
    found = tiles_of(op.x, op.weight)
    if isinstance(found, Refused):
        return found
    element_bytes, tiles = found
    heads, columns, _ = shape(op.weight)
    assert isinstance(columns, int) and isinstance(heads, int)
    needed = Product(count_of(shape(op.x)[:-2]), columns, element_bytes, heads)
    configs, rejected = configs_for(tiles, needed, at)
    return Choice(
        launcher="head_linear.head_linear",
        operands={"x": op.x, "weight": op.weight},
        results={"y": op.y},
        configs=configs,
        rejected=rejected,
        candidates=candidates(tiles, needed, at),
    )


@KERNELS.rule(GroupedMmOp)
def grouped_mm(op: GroupedMmOp, at: Selection) -> Choice | Refused:
    """The kernel of ``moe.grouped_mm`` for this layout, by rows of an expert."""
    found = tiles_of(op.x, op.w)
    if isinstance(found, Refused):
        return found
    element_bytes, tiles = found
    laid_out = expert_rows(op)
    if isinstance(laid_out, Refused):
        return laid_out
    columns = shape(op.w)[1]
    assert isinstance(columns, int)
    needed = laid_out.product(columns, element_bytes, at)
    configs, rejected = configs_for(tiles, needed, at)
    return Choice(
        launcher="grouped_mm.grouped_mm",
        operands={"x": op.x, "w": op.w, "expert_of": op.expert_of},
        results={"y": op.y},
        configs=configs,
        parameters=laid_out.parameters(),
        rejected=rejected,
        candidates=candidates(tiles, needed, at),
    )
