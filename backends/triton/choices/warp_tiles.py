"""Tiles of block-scaled products in Gluon: a warp copies them, one or two warpgroups multiply them.

Which one is taken for so many rows is decided by a prediction, not by a measurement: ``predicted_s``.  Registers,
spills and shared memory are those of sm_90a with Triton 3.6 and 3.9: every candidate compiles without spilling.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dsv3c.backends.triton.choices.base import Config, Rejected, Selection
from dsv3c.ir.targets import Target

BLOCK = 128
"""Elements of K, and columns, that share a scale of w; elements of K that are multiplied between two promotions."""
GROUP_ROWS = 8
"""Rows of tiles that are walked column by column: of y, about as many rows as columns are made at a time."""
NUM_WARPS = 4
"""Of the first consumer; the kernel adds another's, and those of the producer."""
LEAST_SCALES, SCALE_BYTES = 32, 4
LEAST_STAGES, LEAST_OF_LARGE, MOST_STAGES = 4, 3, 8
"""Blocks of K in flight: two pairs, of which one is multiplied; of large tiles one and two; what hides all latency."""
LARGE = 128 * 128
"""Elements of a tile that two warpgroups sum at once; of a larger one they sum twice as many, block by block."""
SPARE_BYTES = 1024
"""Of shared memory, for barriers and alignment."""
SPLITS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Parts that K is cut into where there are fewer tiles than multiprocessors."""
LEAST_PAIRS = 2
"""Pairs of blocks of a part."""
SPLIT_ROWS = 128
"""Rows whose products may be split: sums of parts take scratch."""
TWO_READ = 2
"""What is read again: the sums of parts."""

PAIR_S = 0.35e-6
"""A pair of blocks takes at least: its barriers, the latency of two products, scaling and adding (estimate)."""
TILE_S = 1.0e-6
"""Before a program's first product, and after its last (estimate)."""
LAUNCH_S = 2.5e-6
"""The kernel that adds parts (estimate)."""


@dataclass(frozen=True)
class WarpTile:
    """A candidate: ``block_m`` x ``block_n`` of y; ``swap``: rows of w are the left factor, of 64 rows a warpgroup."""

    block_m: int
    block_n: int
    swap: bool = False

    @property
    def name(self) -> str:
        """``128x128 in Gluon``."""
        return f"{self.block_m}x{self.block_n} in Gluon"

    @property
    def is_large(self) -> bool:
        """Whether a warpgroup has two products of every block."""
        return self.block_m * self.block_n > LARGE

    @property
    def least_stages(self) -> int:
        """Blocks in flight that it must have room for."""
        return LEAST_OF_LARGE if self.is_large else LEAST_STAGES

    def stage_bytes(self) -> int:
        """Shared memory of a block of K: tiles of x and w, and the scales of x."""
        return (self.block_m + self.block_n) * BLOCK + max(self.block_m, LEAST_SCALES) * SCALE_BYTES

    def other_bytes(self, y_bytes: int) -> int:
        """Shared memory beside: what is stored of y, a quarter of large tiles, of ``y_bytes`` an element."""
        return self.block_m * self.block_n * y_bytes // (4 if self.is_large else 1) + SPARE_BYTES

    def stages(self, y_bytes: int, limit: int) -> int:
        """Blocks in flight that a block's shared memory has room for."""
        return min(MOST_STAGES, (limit - self.other_bytes(y_bytes)) // self.stage_bytes())

    def config(self, stages: int, splits: int = 1) -> Config:
        """As launchers take it."""
        return {
            "block_m": self.block_m,
            "block_n": self.block_n,
            "block_k": BLOCK,
            "group_m": GROUP_ROWS * max(1, self.block_n // max(BLOCK, self.block_m)),
            "swap": int(self.swap),
            "split_k": splits,
            "persistent": 1,
            "gluon": 1,
            "num_warps": NUM_WARPS,
            "num_stages": stages,
        }


TILES = (
    WarpTile(16, 64, swap=True),
    WarpTile(16, 128, swap=True),
    WarpTile(32, 64, swap=True),
    WarpTile(32, 128, swap=True),
    WarpTile(64, 64, swap=True),
    WarpTile(64, 128, swap=True),
    WarpTile(64, 128),
    WarpTile(128, 128),
    WarpTile(128, 256),
    WarpTile(256, 128),
)
"""Candidates: for few tokens those whose weights fill a tensor core's rows; for many those that copy less."""
TOO_LARGE = (
    Rejected("256x128 in Gluon, a block's two products in registers of their own", "640 bytes spilled"),
    Rejected("128x256 in Gluon, products of 64x256", "928 bytes spilled"),
    Rejected(
        "128x128 in Gluon, a product in flight from one pair of blocks to the next",
        "ptxas makes products wait for one another (C7514)",
    ),
)
"""For sm_90a, 232 registers for a thread that multiplies, by ptxas of Triton 3.9."""


@dataclass(frozen=True)
class WarpProduct:
    """What a tile is chosen for beside its rows: ``groups`` products of ``columns`` columns and K = ``inner``."""

    columns: int
    inner: int
    y_bytes: int
    """Of an element of y."""
    groups: int = 1
    divides: int = 0
    """A tile's height must divide it: the alignment of groups; 0: any height."""
    may_split: bool = False

    @property
    def pairs(self) -> int:
        """Of blocks of K."""
        return -(-self.inner // (2 * BLOCK))

    def items(self, tile: WarpTile, rows: int) -> int:
        """Tiles of y, with so many rows in every group."""
        return self.groups * -(-rows // tile.block_m) * -(-self.columns // tile.block_n)


def why_unusable(tile: WarpTile, product: WarpProduct, limit: int) -> str:
    """The reason; empty for a tile that can be used."""
    if tile.stages(product.y_bytes, limit) < tile.least_stages:
        needed = tile.least_stages * tile.stage_bytes() + tile.other_bytes(product.y_bytes)
        return f"{tile.least_stages} stages take {needed} bytes of shared memory, a block has {limit}"
    if product.divides and product.divides % tile.block_m:
        return f"groups are aligned to {product.divides} rows: it would hold rows of two"
    return ""


def predicted_s(tile: WarpTile, splits: int, rows: int, product: WarpProduct, target: Target, num_sms: int) -> float:
    """Seconds that a product of ``rows`` rows in every group should take: a prediction that candidates are ranked by.

    ``max(bytes / memory, waves * (TILE + pairs * max(FLOPs / peak, bytes / cache, PAIR)))``, a wave being a tile of
    every multiprocessor; where K is split also a launch, and writing and reading the parts' sums.

    Raises UsageError where the target does not state its rates.
    """
    units, memory = target.fact("num_compute_units"), target.fact("memory_bytes_per_s")
    flops = 2 * tile.block_m * tile.block_n * 2 * BLOCK * units / target.flops_per_s("f8E4M3FN")
    copied = (tile.block_m + tile.block_n) * 2 * BLOCK * units / target.fact("cache_bytes_per_s")
    waves = -(-product.items(tile, rows) * splits // num_sms)
    stored = TILE_S * (2 if tile.is_large else 1)
    work = waves * (stored + -(-product.pairs // splits) * max(flops, copied, PAIR_S))
    moved = product.groups * (
        product.columns * product.inner + rows * product.inner + rows * product.columns * product.y_bytes
    )
    taken = max(moved / memory, work)
    if splits > 1:
        taken += LAUNCH_S + TWO_READ * splits * product.groups * rows * product.columns * SCALE_BYTES / memory
    return taken


def splits_for(tile: WarpTile, product: WarpProduct, bound: int) -> list[int]:
    """Parts that K may be cut into for at most ``bound`` rows (0: any number)."""
    if not product.may_split or not 0 < bound <= SPLIT_ROWS or tile.is_large:
        return [1]
    return [splits for splits in SPLITS if splits == 1 or product.pairs // splits >= LEAST_PAIRS]


def usable(product: WarpProduct, at: Selection) -> tuple[list[WarpTile], list[Rejected]]:
    """Candidates that can be used, and why others cannot.

    Raises UsageError where the target does not state its shared memory.
    """
    limit = int(at.target.fact("shared_memory_bytes_per_block"))
    reasons = {tile: why_unusable(tile, product, limit) for tile in TILES}
    kept = [tile for tile, reason in reasons.items() if not reason]
    return kept, [Rejected(tile.name, reason) for tile, reason in reasons.items() if reason]


def best(tiles: Sequence[WarpTile], rows: int, bound: int, product: WarpProduct, at: Selection) -> Config:
    """The candidate with the smallest prediction for so many rows."""
    limit = int(at.target.fact("shared_memory_bytes_per_block"))

    def cost(option: tuple[WarpTile, int]) -> tuple[float, int]:
        """The prediction; of equal ones that which copies less from the L2 cache."""
        tile, splits = option
        copied = product.items(tile, rows) * (tile.block_m + tile.block_n)
        return predicted_s(tile, splits, rows, product, at.target, at.num_sms), copied

    tile, splits = min(((tile, splits) for tile in tiles for splits in splits_for(tile, product, bound)), key=cost)
    return tile.config(tile.stages(product.y_bytes, limit), splits)


def all_configs(tiles: Sequence[WarpTile], bound: int, product: WarpProduct, at: Selection) -> list[Config]:
    """What a measurement finds the fastest among: tiles that are not twice as high as there are rows, K in parts."""
    limit = int(at.target.fact("shared_memory_bytes_per_block"))
    low = min(tile.block_m for tile in tiles)
    return [
        tile.config(tile.stages(product.y_bytes, limit), splits)
        for tile in tiles
        if not bound or tile.block_m < 2 * max(bound, low)
        for splits in splits_for(tile, product, bound)
        if splits == 1 or product.items(tile, bound) * splits <= 2 * at.num_sms
    ]
