"""What attention's choices share: element types, padded sizes, and the tiles that fit a block's shared memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.ir import Attribute, SSAValue

from dsv3c.backends.triton.choices.base import Config, Rejected, Selection
from dsv3c.ir.types import element_type

BYTES = {"bf16": 2, "f16": 2, "f32": 4}
"""Element types that the kernels read queries in, and round scores and probabilities to."""
LEAST = 16
"""The smallest side of a matrix product."""


@dataclass(frozen=True)
class AttentionTile:
    """A candidate: ``queries`` rows (tokens of one head, or heads of one token) times ``rows`` of the context."""

    queries: int
    rows: int
    num_warps: int
    num_stages: int
    gluon: bool = False
    """Of the kernel in Gluon, which has warps of its own beside these."""

    @property
    def name(self) -> str:
        """``64x64, 8 warps, 3 stages``."""
        if self.gluon:
            return f"{self.queries}x{self.rows}, {self.num_stages} stages (Gluon)"
        return f"{self.queries}x{self.rows}, {self.num_warps} warps, {self.num_stages} stages"

    def config(self, queries: str) -> Config:
        """As launchers take it; ``queries``: what they call the tile's height."""
        sizes = {queries: self.queries, "block_n": self.rows}
        language = {"gluon": 1} if self.gluon else {}
        return {**sizes, **language, "num_warps": self.num_warps, "num_stages": self.num_stages}


def padded(size: int) -> int:
    """The power of two that holds ``size``: the side of a matrix product."""
    return max(LEAST, 1 << (size - 1).bit_length())


def why_types_refused(values: Sequence[SSAValue], rounding: Sequence[Attribute]) -> str | None:
    """Why no kernel attends with operands and roundings of these types; None where one does."""
    kinds = {str(element_type(value)) for value in values}
    if len(kinds) > 1:
        return f"operands of {' and '.join(sorted(kinds))}: the kernel multiplies numbers of one type"
    unknown = sorted((kinds | {str(kind) for kind in rounding}) - BYTES.keys())
    return f"{unknown[0]}: the kernel knows {', '.join(BYTES)}" if unknown else None


def shared_limit(at: Selection) -> int:
    """Shared memory of a block (bytes).  Raises UsageError where the target does not state it."""
    return int(at.target.fact("shared_memory_bytes_per_block"))


def first_that_fits(
    tiles: Sequence[AttentionTile], shared_bytes: Callable[[AttentionTile], int], at: Selection
) -> tuple[AttentionTile | None, tuple[Rejected, ...]]:
    """The first candidate whose shared memory a block has (None: there is none), and those before it.

    Raises UsageError where the target does not state its shared memory.
    """
    limit = shared_limit(at)
    rejected = list[Rejected]()
    for tile in tiles:
        if (needed := shared_bytes(tile)) <= limit:
            return tile, tuple(rejected)
        rejected.append(Rejected(tile.name, f"takes {needed} bytes of shared memory, a block has {limit}"))
    return None, tuple(rejected)
