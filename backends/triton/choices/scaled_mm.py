"""Kernels of block-scaled products."""

from collections.abc import Sequence
from dataclasses import replace
from math import gcd

from xdsl.dialects.builtin import f32
from xdsl.ir import OpResult, SSAValue

from dsv3c.backends.triton.choices import warp_tiles
from dsv3c.backends.triton.choices.base import KERNELS, Choice, Config, Refused, Rejected, Scratch, Selection
from dsv3c.backends.triton.choices.gemm_configs import Product, Tile, candidates, configs_for
from dsv3c.backends.triton.choices.warp_tiles import BLOCK, WarpProduct
from dsv3c.ir.dialects.moe_rows import product as count_of
from dsv3c.ir.dialects.scaled import MmOp
from dsv3c.ir.scaled_type import WHOLE, ScaledType, scaled_type, show_granule
from dsv3c.ir.sizes import Size
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import RULES as VIEWS

BYTES = {"bf16": 2, "f16": 2, "f32": 4}
"""Element types of a product."""
ALIGNMENT = 16
"""Bytes: where rows start that are copied tile by tile."""
MIN_BLOCK_K = 32
"""Elements of K that a tensor core multiplies at once."""
TILES = (
    Tile(16, 64, 128, num_warps=4, num_stages=6, swap=True),
    Tile(16, 128, 128, num_warps=8, num_stages=4, swap=True),
    Tile(32, 64, 128, num_warps=4, num_stages=6, swap=True),
    Tile(64, 64, 128, num_warps=4, num_stages=4),
    Tile(64, 128, 128, num_warps=4, num_stages=4),
    Tile(128, 128, 128, num_warps=8, num_stages=4),
)
"""Candidates, ascending."""
TOO_LARGE = (
    Rejected("128x128x128 with 4 warps", "255 registers, 264 bytes spilled"),
    Rejected("128x256x128", "255 registers, 220 bytes spilled"),
    Rejected("256x128x128", "255 registers, 228 bytes spilled"),
)
"""For sm_90a, by ptxas of Triton 3.9."""


@KERNELS.rule(MmOp)
def scaled_mm(op: MmOp, at: Selection) -> Choice | Refused:
    """The kernel of ``scaled.mm`` for these granules, by rows."""
    promote = None if op.promote is None else op.promote.value.data
    x, w = scaled_type(op.x), scaled_type(op.w)
    reason = why_refused(x, w, promote, at)
    if reason is None and x.layout_name != "row" and len(x.sizes) != 2:
        reason = f"{x.layout_name} scales of {len(x.sizes)} dims: they are read as those of a matrix"
    if reason is not None:
        return Refused(reason)
    columns = shape(op.w)[0]
    assert isinstance(columns, int)
    rows = count_of(x.sizes[:-1])
    needed = Product(rows, columns, 1, max_block_n=columns_per_scale(w))
    tiles, not_gluon = tiles_for(TILES, x, promote), why_not_gluon(op.x, op.w, op.y, promote)
    if op.bias is not None:
        not_gluon = "a bias: only the plain kernel adds one"
    warp = None if not_gluon else warp_product(op.w, op.y, may_split=True)
    configs, rejected = configs_for(tiles, needed, at, warp)
    return Choice(
        launcher="scaled_mm.scaled_mm",
        operands={"x": op.x, "w": op.w, "bias": op.bias},
        results={"y": op.y},
        configs=configs,
        parameters={"promote": promote, "x_scales": x.layout_name},
        scratch=scratch_for(configs, rows, columns, at),
        rejected=(*gluon_rejected(not_gluon, at), *rejected, *TOO_LARGE),
        candidates=candidates(tiles, needed, at, warp),
    )


def scratch_for(configs: Sequence[Config], rows: Size, columns: int, at: Selection) -> dict[str, Scratch]:
    """Sums of parts of K, of as many rows as the configurations that split it are for; none where none does."""
    needed = 0
    for config in configs:
        if (splits := config.get("split_k", 1)) > 1:
            most = config.get("up_to", 0) or at.bounds(rows)[1]
            assert most is not None, "K is split for few rows only"
            needed = max(needed, splits * most * columns)
    return {"partial": Scratch((needed,), f32)} if needed else {}


def warp_product(
    w: SSAValue, y: SSAValue, *, groups: int = 1, divides: int = 0, may_split: bool = False
) -> WarpProduct:
    """What a tile in Gluon is chosen for."""
    *_, columns, inner = shape(w)
    assert isinstance(columns, int) and isinstance(inner, int)
    return WarpProduct(columns, inner, BYTES[str(element_type(y))], groups, divides, may_split)


def why_not_gluon(x: SSAValue, w: SSAValue, y: SSAValue, promote: int | None) -> str:
    """Why the kernel in Gluon does not multiply these values; empty where it does."""
    left, right = scaled_type(x), scaled_type(w)
    granules = f"granules {show_granule(left.granules)} of x and {show_granule(right.granules)} of w"
    columns, inner = shape(w)[-2:]
    assert isinstance(columns, int) and isinstance(inner, int)
    if left.granules[-2:] != (1, BLOCK) or right.granules[-2:] != (BLOCK, BLOCK) or block_k(left, promote) != BLOCK:
        return f"{granules}, promote {promote}: it multiplies by scales of 1x{BLOCK} and {BLOCK}x{BLOCK}"
    if left.layout_name != "mn_major":
        return f"{left.layout_name} scales of x: it copies those of a block of K, one row's behind the other's"
    if inner % ALIGNMENT or columns * BYTES.get(str(element_type(y)), 1) % ALIGNMENT:
        return f"{columns} columns, K = {inner}: rows of w or y do not start at multiples of {ALIGNMENT} bytes"
    if not isinstance(x, OpResult) or x.op.name not in VIEWS:
        return ""
    return f"x is a view ({x.op.name}): its scales may not start at a multiple of {ALIGNMENT} bytes"


def gluon_rejected(reason: str, at: Selection) -> tuple[Rejected, ...]:
    """Why no kernel in Gluon was taken, where it could have been; and which tiles of it are none."""
    if not at.gluon:
        return ()
    return (Rejected("the kernel in Gluon", reason),) if reason else warp_tiles.TOO_LARGE


def why_refused(x: ScaledType, w: ScaledType, promote: int | None, at: Selection) -> str | None:
    """Why no kernel multiplies values of these types; None where one does."""
    for name, kind in (("x", x), ("w", w)):
        if str(kind.element) not in at.target.dense_flops_per_s:
            return f"{name} holds {kind.element}, which {at.target.name} has no matrix products of"
        if kind.scale != f32 or kind.layout_name == "packed":
            return (
                f"{name} has {kind.scale} scales ({kind.layout_name}), and f32 scales are what the kernel multiplies by"
            )
    granules = f"granules {show_granule(x.granules)} of x and {show_granule(w.granules)} of w"
    if len({*x.granules[:-1]} - {1}) and {*x.granules[:-1]} != {WHOLE}:
        return f"{granules}: a row of x has scales of its own, or all rows share theirs"
    if columns_per_scale(w) % 64:
        return f"{granules}: a scale must be that of one row of w, of a multiple of 64, or of all"
    if block_k(x, promote) < MIN_BLOCK_K:
        return f"{granules}, promote {promote}: fewer than {MIN_BLOCK_K} elements of K between two scales or promotions"
    return None


def columns_per_scale(w: ScaledType) -> int:
    """Rows of w that a tile must not mix with others, 0 where it may."""
    rows = w.granules[-2]
    return 0 if rows == 1 else rows


def block_k(x: ScaledType, promote: int | None) -> int:
    """Elements of K that are multiplied between two scales, and two promotions."""
    return gcd(128, x.granules[-1], promote or 0)


def tiles_for(tiles: Sequence[Tile], x: ScaledType, promote: int | None) -> list[Tile]:
    """The candidates with K cut where scales change and sums are promoted."""
    inner = block_k(x, promote)
    return [replace(tile, block_k=min(inner, tile.block_k)) for tile in tiles]
