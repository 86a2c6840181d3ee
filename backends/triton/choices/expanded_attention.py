"""The kernel of causal attention over expanded keys and values, by tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from xdsl.dialects.builtin import i32

from dsv3c.backends.triton.choices.attention_configs import (
    BYTES,
    AttentionTile,
    first_that_fits,
    padded,
    shared_limit,
    why_types_refused,
)
from dsv3c.backends.triton.choices.base import (
    KERNELS,
    Candidates,
    Choice,
    Config,
    Refused,
    Rejected,
    Scratch,
    Selection,
)
from dsv3c.ir.dialects.mla import ExpandedAttentionOp
from dsv3c.ir.types import element_type, shape

TALL = 128
"""Tokens of the largest tiles: fewer read keys and values from the L2 cache more often than it can give them."""
BOUNDS = (128, 1024, 0)
"""Tokens that tiles are measured for, at most; 0: any."""


@dataclass(frozen=True)
class GluonTile:
    """A candidate in Gluon: 128 tokens of one head, times ``rows`` of the context."""

    rows: int
    heads_together: int
    """Heads whose blocks programs go through at the same time, so that the L2 cache holds their keys and values."""

    @property
    def name(self) -> str:
        """``128x128, heads by 16 (Gluon)``."""
        return f"{TALL}x{self.rows}, heads by {self.heads_together} (Gluon)"

    def config(self) -> Config:
        """As the launcher takes it."""
        sizes = {"block_q": TALL, "block_n": self.rows, "heads_together": self.heads_together}
        return {**sizes, "persistent": 1, "gluon": 1, "num_warps": 4, "num_stages": GLUON_STAGES}

    def shared_bytes(self) -> int:
        """Shared memory: queries, keys and values in flight or being read, and the output's way to whole rows."""
        nope, rope, values = GLUON_HEADS
        return (TALL * (nope + rope) + GLUON_STAGES * self.rows * (nope + rope + values)) * BYTES["bf16"] + STAGING


GLUON_HEADS = (128, 64, 128)
"""dn, dr and dv of the kernel in Gluon."""
GLUON_STAGES = 2
"""Tiles of keys, and tiles of values, that it holds."""
STAGING = 4608
"""Bytes through which it turns sums into rows, and barriers."""
GLUON_TILES = (GluonTile(128, 16), GluonTile(128, 8), GluonTile(128, 4), GluonTile(64, 16), GluonTile(64, 8))
"""Candidates, the best first: tiles of half the rows are twice as many to take maxima of and to wait for."""
TOGETHER = 4096
"""Tokens up to which 16 heads are gone through together: with more to do, fewer heads fill the device as well, and
their keys and values are read from memory less often."""
TILES = (
    AttentionTile(128, 64, num_warps=8, num_stages=3),
    AttentionTile(64, 64, num_warps=4, num_stages=3),
    AttentionTile(64, 64, num_warps=4, num_stages=2),
    AttentionTile(64, 32, num_warps=4, num_stages=2),
    AttentionTile(16, 16, num_warps=4, num_stages=2),
)
"""Candidates, the best first."""
WITHOUT_TENSOR_CORES = (AttentionTile(16, 16, num_warps=4, num_stages=2),)
"""For f32, which is multiplied exactly."""
SPILLING = (
    Rejected("128x128, 8 warps, 3 stages", "294912 bytes of shared memory; with 2 stages no rows are in flight"),
    Rejected("128x128, 4 warps, 2 stages", "255 registers, 2444 bytes spilled, products serialised"),
    Rejected("128x128, 16 warps, 2 stages", "128 registers, 112 bytes spilled, products serialised"),
    Rejected("256x64, 16 warps, 2 stages", "128 registers, 44 bytes spilled, products serialised"),
    Rejected("64x128, 4 warps, 2 stages", "255 registers, 200 bytes spilled"),
)
"""dn 128, dr 64, dv 128, bf16, for sm_90a by ptxas of Triton 3.9."""


@KERNELS.rule(ExpandedAttentionOp)
def expanded_attention(op: ExpandedAttentionOp, at: Selection) -> Choice | Refused:
    """The kernel of ``mla.expanded_attention``; lower tiles where the others leave multiprocessors idle."""
    reason = why_types_refused([op.q_nope, op.q_rope, op.kv, op.k_rope], [op.scores, op.probs])
    if reason is not None:
        return Refused(reason)
    tokens, heads, nope = shape(op.q_nope)
    rope, rows = shape(op.q_rope)[2], shape(op.kv)[2]
    assert isinstance(heads, int) and isinstance(nope, int) and isinstance(rope, int) and isinstance(rows, int)
    kind = str(element_type(op.q_nope))
    needed = partial(shared_bytes, sizes=(nope, rope, rows - nope), element_bytes=BYTES[kind])
    tiles = WITHOUT_TENSOR_CORES if kind == "f32" else TILES
    tile, too_large = first_that_fits(tiles, needed, at)
    if tile is None:
        return Refused(f"heads of {nope} + {rope}, {rows - nope}: {too_large[-1].candidate} {too_large[-1].reason}")
    configs = [tile.config("block_q")]
    in_gluon, reasons = gluon_tiles(op, at)
    low, _ = first_that_fits([lower for lower in tiles if lower.queries < TALL], needed, at)
    bound = TALL * (at.num_sms // heads)
    if tile.queries == TALL and low is not None and bound:
        configs.insert(0, {"up_to": bound, **low.config("block_q")})
    if in_gluon:
        many, few = in_gluon[:2]
        configs = [{"up_to": TOGETHER, **many.config()}, few.config()]
    fitting = [tile.config("block_q") for tile in tiles if needed(tile) <= shared_limit(at)]
    return Choice(
        launcher="expanded_attention.expanded_attention",
        operands={
            **{"q_nope": op.q_nope, "q_rope": op.q_rope, "kv": op.kv, "k_rope": op.k_rope},
            **{"positions": op.positions, "seq_offsets": op.seq_offsets, "context_lens": op.context_lens},
        },
        results={"o": op.o},
        configs=at.fitting(configs, tokens),
        scratch={"taken": Scratch((1,), i32)},
        parameters={"scale": op.scale.value.data, "scores": str(op.scores), "probs": str(op.probs)},
        rejected=(*reasons, *too_large, *SPILLING),
        candidates=candidates_of(op, [*(tile.config() for tile in in_gluon), *fitting]),
    )


def gluon_tiles(op: ExpandedAttentionOp, at: Selection) -> tuple[list[GluonTile], list[Rejected]]:
    """The tiles of the kernel in Gluon that can run, and why others cannot; none where the target has no such form."""
    if not at.gluon:
        return [], []
    if reason := why_not_gluon(op):
        return [], [Rejected(GLUON_TILES[0].name, reason)]
    limit = shared_limit(at)
    large = [tile for tile in GLUON_TILES if tile.shared_bytes() > limit]
    rejected = [
        Rejected(tile.name, f"takes {tile.shared_bytes()} bytes of shared memory, a block has {limit}")
        for tile in large
    ]
    return [tile for tile in GLUON_TILES if tile not in large], rejected


def why_not_gluon(op: ExpandedAttentionOp) -> str | None:
    """Why the kernel in Gluon does not run the op; None where it does."""
    kind, scores, probs = str(element_type(op.q_nope)), str(op.scores), str(op.probs)
    heads = (shape(op.q_nope)[2], shape(op.q_rope)[2], shape(op.o)[2])
    if kind != "bf16":
        return f"operands of {kind}: it is written for bf16"
    if heads != GLUON_HEADS:
        return f"heads of {heads[0]} + {heads[1]}, {heads[2]}: it is written for 128 + 64, 128"
    if not {scores, probs} <= {"bf16", "f32"}:
        return f"scores in {scores}, probabilities in {probs}: it rounds them to bf16, or not"
    if op.scale.value.data <= 0:
        return "a scale that is not positive: it scales scores after it has their largest"
    return None


def candidates_of(op: ExpandedAttentionOp, configs: Sequence[Config]) -> Candidates:
    """What a measurement finds the fastest among: every tile that fits, for any number of tokens."""
    return Candidates(shape(op.q_nope)[0], dict.fromkeys(BOUNDS, configs))


def shared_bytes(tile: AttentionTile, sizes: tuple[int, int, int], element_bytes: int) -> int:
    """Shared memory of the query and of the rows in flight or being read."""
    nope, rope, values = map(padded, sizes)
    return (tile.queries * (nope + rope) + tile.rows * (nope + rope + values) * tile.num_stages) * element_bytes
