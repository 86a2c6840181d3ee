"""Schedules of weight gradients: a pure function of sizes, tokens, target and the multiprocessors it may fill.

No op asks for them yet: whoever launches ``wgrad_mm`` does.
"""

from dataclasses import dataclass

from dsv3c.backends.triton.choices.base import Config, Rejected
from dsv3c.backends.triton.choices.gemm_configs import GROUP_M, MIN_STAGES
from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import Target

GRANULE = 128
"""Tokens that share a scale, and are multiplied at a time."""
SUM_BYTES = SCALE_BYTES = 4
BARRIER_BYTES = 1024
"""Of shared memory: barriers, and what an exchange of registers takes."""


@dataclass(frozen=True)
class Gradient:
    """A product of [rows, tokens] and [columns, tokens] per expert, whose tokens are an even share."""

    rows: int
    columns: int
    tokens: int
    experts: int = 1
    accumulate: bool = True
    """Sums are added to what is there."""


@dataclass(frozen=True)
class Tile:
    """A candidate: ``block_n`` x ``block_k`` sums; ``gluon``: two warpgroups multiply, a warp copies."""

    block_n: int
    block_k: int
    num_warps: int
    most_stages: int
    gluon: bool
    slower: float
    """Time per product, relative to the best tile's: smaller tiles read more of shared memory per product."""

    @property
    def name(self) -> str:
        """``128x128 (Gluon)``."""
        return f"{self.block_n}x{self.block_k}" + (" (Gluon)" if self.gluon else "")

    def shared_bytes(self, stages: int, *, accumulate: bool) -> int:
        """Shared memory of the blocks in flight, and of the tile that sums are added to."""
        block = (self.block_n + self.block_k) * (GRANULE + (SCALE_BYTES if self.gluon else 0))
        old = self.block_n * self.block_k * SUM_BYTES if self.gluon and accumulate else 0
        return stages * block + old + BARRIER_BYTES

    def config(self, stages: int) -> Config:
        """As the launcher takes it."""
        found = {
            "block_n": self.block_n,
            "block_k": self.block_k,
            "group_n": GROUP_M,
            "persistent": int(self.gluon),
            "num_warps": self.num_warps,
            "num_stages": stages,
        }
        return found | {"gluon": 1} if self.gluon else found


TILES = (
    Tile(128, 128, 4, most_stages=6, gluon=True, slower=1.0),
    Tile(128, 64, 4, most_stages=8, gluon=True, slower=1.25),
    Tile(128, 128, 8, most_stages=4, gluon=False, slower=1.5),
    Tile(64, 128, 4, most_stages=4, gluon=False, slower=1.75),
    Tile(64, 64, 4, most_stages=4, gluon=False, slower=2.5),
)
"""Candidates, the best first where there is much to do; the factors are estimates until they are measured."""
TOO_LARGE = (
    Rejected("128x256 (Gluon)", "1,668 bytes spilled"),
    Rejected("256x128 with 8 warps", "255 registers, 1,072 bytes spilled"),
    Rejected("128x256 with 8 warps", "255 registers, 1,120 bytes spilled"),
    Rejected("128x128 with 4 warps", "255 registers, 1,096 bytes spilled"),
    Rejected("128x128 with 8 warps, persistent", "255 registers, 60 bytes spilled"),
)
"""For sm_90a, by ptxas of Triton 3.9."""


def candidates(
    gradient: Gradient, target: Target, *, gluon: bool | None = None
) -> tuple[tuple[Config, ...], tuple[Rejected, ...]]:
    """Every configuration that runs, and the tiles that do not, with the reason.

    ``gluon``: whether kernels in Gluon may be taken; None: where the target has products of warpgroups.
    Raises UsageError where the target does not state its shared memory.
    """
    limit = int(target.fact("shared_memory_bytes_per_block"))
    allowed = target.warpgroup_products if gluon is None else gluon
    found, rejected = list[Config](), list[Rejected]()
    for tile in TILES:
        fitting = [
            stages
            for stages in range(MIN_STAGES, tile.most_stages + 1)
            if tile.shared_bytes(stages, accumulate=gradient.accumulate) <= limit
        ]
        if tile.gluon and not allowed:
            rejected.append(Rejected(tile.name, "products of warpgroups are not there, or switched off"))
        elif tile.gluon and gradient.columns % 4:
            rejected.append(Rejected(tile.name, f"rows of {gradient.columns} sums are not multiples of 16 bytes"))
        elif not fitting:
            rejected.append(Rejected(tile.name, f"{MIN_STAGES} blocks in flight need more than {limit} bytes"))
        else:
            found.append(tile.config(fitting[-1]))
    return tuple(found), (*rejected, *TOO_LARGE)


def configs_for(
    gradient: Gradient, target: Target, *, num_sms: int = 0, gluon: bool | None = None
) -> tuple[tuple[Config, ...], tuple[Rejected, ...]]:
    """The candidate that is done first on ``num_sms`` multiprocessors (0: all), and the others with the reason.

    A multiprocessor does as many tiles as it takes to do all; what counts is the sums of the busiest.
    """
    found, rejected = candidates(gradient, target, gluon=gluon)
    if not found:
        raise UsageError(f"no kernel of weight gradients runs on {target.name}")
    sms = num_sms or int(target.fact("num_compute_units"))
    times = [busiest(config, gradient, sms) for config in found]
    best = times.index(min(times))
    slower = [
        Rejected(tile_of(config).name, f"{time / times[best]:.2f} times the sums of the taken one, weighted")
        for config, time in zip(found, times, strict=True)
        if config is not found[best]
    ]
    return (found[best],), (*slower, *rejected)


def busiest(config: Config, gradient: Gradient, num_sms: int) -> float:
    """Sums of the multiprocessor that has most tiles, weighted by how fast the tile is."""
    tiles = -(-gradient.rows // config["block_n"]) * -(-gradient.columns // config["block_k"]) * gradient.experts
    return -(-tiles // num_sms) * config["block_n"] * config["block_k"] * tile_of(config).slower


def tile_of(config: Config) -> Tile:
    """The tile that a configuration was made of."""
    return next(
        tile
        for tile in TILES
        if (tile.block_n, tile.block_k, int(tile.gluon))
        == (config["block_n"], config["block_k"], config.get("gluon", 0))
    )
