"""The kernel of causal attention over expanded keys and values, by tokens."""

from collections.abc import Sequence
from functools import partial

from dsv3c.backends.triton.choices.attention_configs import (
    BYTES,
    AttentionTile,
    first_that_fits,
    padded,
    shared_limit,
    why_types_refused,
)
from dsv3c.backends.triton.choices.base import KERNELS, Candidates, Choice, Refused, Rejected, Selection
from dsv3c.ir.dialects.mla import ExpandedAttentionOp
from dsv3c.ir.types import element_type, shape

TALL = 128
"""Tokens of the largest tiles: fewer read keys and values from the L2 cache more often than it can give them."""
BOUNDS = (128, 1024, 0)
"""Tokens that tiles are measured for, at most; 0: any."""
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
    low, _ = first_that_fits([lower for lower in tiles if lower.queries < TALL], needed, at)
    bound = TALL * (at.num_sms // heads)
    if tile.queries == TALL and low is not None and bound:
        configs.insert(0, {"up_to": bound, **low.config("block_q")})
    return Choice(
        launcher="expanded_attention.expanded_attention",
        operands={
            **{"q_nope": op.q_nope, "q_rope": op.q_rope, "kv": op.kv, "k_rope": op.k_rope},
            **{"positions": op.positions, "seq_offsets": op.seq_offsets, "context_lens": op.context_lens},
        },
        results={"o": op.o},
        configs=at.fitting(configs, tokens),
        parameters={"scale": op.scale.value.data, "scores": str(op.scores), "probs": str(op.probs)},
        rejected=(*too_large, *SPILLING),
        candidates=candidates_of(op, [tile for tile in tiles if needed(tile) <= shared_limit(at)]),
    )


def candidates_of(op: ExpandedAttentionOp, tiles: Sequence[AttentionTile]) -> Candidates:
    """What a measurement finds the fastest among: every tile that fits, for any number of tokens."""
    configs = [tile.config("block_q") for tile in tiles]
    return Candidates(shape(op.q_nope)[0], dict.fromkeys(BOUNDS, configs))


def shared_bytes(tile: AttentionTile, sizes: tuple[int, int, int], element_bytes: int) -> int:
    """Shared memory of the query and of the rows in flight or being read."""
    nope, rope, values = map(padded, sizes)
    return (tile.queries * (nope + rope) + tile.rows * (nope + rope + values) * tile.num_stages) * element_bytes
