"""Tiles of matrix products: which sizes, for how many rows.

The candidates of every kernel compile for sm_90a without spilling (Triton 3.6 to 3.9).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dsv3c.backends.triton.choices import warp_tiles
from dsv3c.backends.triton.choices.base import Candidates, Config, Rejected, Selection, without_bound
from dsv3c.backends.triton.choices.warp_tiles import WarpProduct
from dsv3c.ir.sizes import Size

GROUP_M = 8
"""Rows of tiles that are walked column by column: what they read stays in the L2 cache."""
BOUNDS = (16, 32, 64, 128, 1024, 0)
"""Rows that configurations are made for, at most; 0: any."""
HALF = 64
"""Rows of a tensor core's product: lower tiles are for fewer rows only."""
MIN_STAGES = 2
"""Tiles in flight: one is read while another is multiplied."""


@dataclass(frozen=True)
class Tile:
    """A candidate: ``block_m`` x ``block_n`` of the product, summed over ``block_k`` at a time.

    ``swap``: the weight is the left factor: a tensor core's product has 64 rows, which few tokens do not fill.
    """

    block_m: int
    block_n: int
    block_k: int
    num_warps: int
    num_stages: int
    swap: bool = False

    @property
    def name(self) -> str:
        """``64x128x128``."""
        return f"{self.block_m}x{self.block_n}x{self.block_k}"

    def shared_bytes(self, element_bytes: int, stages: int) -> int:
        """Shared memory of the tiles of x and w that are in flight."""
        return stages * (self.block_m + self.block_n) * self.block_k * element_bytes

    def config(self, up_to: int, stages: int) -> Config:
        """As launchers take it."""
        return {
            "up_to": up_to,
            "block_m": self.block_m,
            "block_n": self.block_n,
            "block_k": self.block_k,
            "group_m": GROUP_M,
            "swap": int(self.swap),
            "num_warps": self.num_warps,
            "num_stages": stages,
        }


@dataclass(frozen=True)
class Product:
    """What a configuration is chosen for: ``groups`` products of ``rows`` x ``columns``, of operands of this width."""

    rows: Size
    columns: int
    element_bytes: int
    groups: int = 1
    divides: int = 0
    """A tile's height must divide it: the alignment of groups; 0: any height."""
    max_block_n: int = 0
    """Columns that share a scale; 0: any number."""
    room: int = 1
    """Rows there is room for, per row that is expected: tiles of the others are skipped."""


def configs_for(
    tiles: Sequence[Tile], product: Product, at: Selection, warp: WarpProduct | None = None
) -> tuple[tuple[Config, ...], tuple[Rejected, ...]]:
    """A configuration for every bound, and the tiles that cannot be used.

    Where the product has a twin in Gluon (``warp``) that may be taken, its tile with the smallest prediction; else the
    largest tile of which there are enough to fill the device.  ``tiles`` ascend in size.
    Raises UsageError where the target does not state its shared memory.
    """
    limit = int(at.target.fact("shared_memory_bytes_per_block"))
    unusable = {tile: reason for tile in tiles if (reason := why_unusable(tile, product, limit))}
    kept = [tile for tile in tiles if tile not in unusable]
    assert kept, f"no tile can be used: {unusable}"
    warp_kept, rejected = warp_tiles.usable(warp, at) if warp is not None and at.gluon else ([], [])
    configs = list[Config]()
    for bound in BOUNDS:
        rows = bound or max(at.hint(product.rows) // product.room, 2 * BOUNDS[-2])
        if warp is not None and warp_kept:
            chosen = warp_tiles.best(warp_kept, rows, bound, warp, at)
        else:
            chosen = plain_config(kept, bound, rows, product, at)
        config = {"up_to": bound * product.room, **chosen}
        if configs and {**configs[-1], "up_to": bound * product.room} == config:
            configs.pop()
        configs.append(config)
    rejected += [Rejected(tile.name, reason) for tile, reason in unusable.items()]
    return at.fitting(configs, product.rows), tuple(rejected)


def plain_config(tiles: Sequence[Tile], bound: int, rows: int, product: Product, at: Selection) -> Config:
    """The configuration of the tile that ``best_of`` takes, with as many stages as there is room for."""
    limit = int(at.target.fact("shared_memory_bytes_per_block"))
    tile = best_of(tiles, bound, rows, product, at.num_sms)
    stages = tile.num_stages
    while tile.shared_bytes(product.element_bytes, stages) > limit:
        stages -= 1
    return without_bound(tile.config(0, stages))


def candidates(tiles: Sequence[Tile], product: Product, at: Selection, warp: WarpProduct | None = None) -> Candidates:
    """What a measurement finds the fastest among: usable tiles that are not much higher than there are rows.

    Every plain one with the stages that it has as a rule, and with one less; then those in Gluon.  Raises UsageError as
    ``configs_for``.
    """
    limit = int(at.target.fact("shared_memory_bytes_per_block"))
    warp_kept = warp_tiles.usable(warp, at)[0] if warp is not None and at.gluon else []
    found = dict[int, list[Config]]()
    for bound in BOUNDS:
        configs = found.setdefault(bound * product.room, [])
        for tile in tiles:
            if why_unusable(tile, product, limit) or tile.block_m > max(bound or tile.block_m, HALF):
                continue
            most = min(tile.num_stages, limit // tile.shared_bytes(product.element_bytes, 1))
            for stages in range(most, max(MIN_STAGES, most - 1) - 1, -1):
                configs.append(without_bound(tile.config(0, stages)))
        if warp is not None and warp_kept:
            configs += warp_tiles.all_configs(warp_kept, bound, warp, at)
    return Candidates(product.rows, found, {"room": product.room} if product.room > 1 else {})


def why_unusable(tile: Tile, product: Product, limit: int) -> str:
    """The reason; empty for a tile that can be used."""
    needed = tile.shared_bytes(product.element_bytes, MIN_STAGES)
    if needed > limit:
        return f"{MIN_STAGES} stages take {needed} bytes of shared memory, a block has {limit}"
    if product.divides and product.divides % tile.block_m:
        return f"groups are aligned to {product.divides} rows: it would hold rows of two"
    if product.max_block_n and tile.block_n > product.max_block_n:
        return f"{product.max_block_n} columns share a scale"
    return ""


def best_of(tiles: Sequence[Tile], bound: int, rows: int, product: Product, num_sms: int) -> Tile:
    """Of the height that the rows have, the largest tile of which every multiprocessor gets one.

    Where there are too few of all, the largest of any lower height that half of the multiprocessors get; at last the
    smallest.  With 64 rows and more, tiles of half the height read little more.
    """
    highest = bound or max(tile.block_m for tile in tiles)
    same = [tile for tile in tiles if min(highest, HALF) <= tile.block_m <= highest]
    lower = [tile for tile in tiles if tile.block_m < min([highest, *(tile.block_m for tile in same)])]

    def count(tile: Tile) -> int:
        return -(-rows // tile.block_m) * -(-product.columns // tile.block_n) * product.groups

    for tile in reversed(same):
        if count(tile) >= num_sms:
            return tile
    for tile in reversed([*lower, *same[:1]]):
        if 2 * count(tile) >= num_sms:
            return tile
    return tiles[0]
