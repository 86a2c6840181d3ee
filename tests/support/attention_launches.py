"""Launches of attention over parts of a fixed size, at the sizes of DeepSeek-V3, on tensors without data."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from matrix_launches import BF16, CONTEXT, F32, PAGE, SEQUENCES, ints, meta

from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.triton.choices.absorbed_attention import GLUON_TILE, SPLIT_TOKENS, TILES
from dsv3c.backends.triton.choices.attention_configs import AttentionTile
from dsv3c.backends.triton.launchers.absorbed_attention import absorbed_attention
from dsv3c.backends.triton.runtime.gpu import Gpu
from dsv3c.backends.triton.runtime.space import device_cache

HEADS, RANK, ROPE, GRANULE = 128, 512, 64, 128
PARTS = CONTEXT // SPLIT_TOKENS


def run_in_parts(gpu: Gpu, tile: AttentionTile, element: torch.dtype = BF16) -> None:
    """One new token of every sequence; a cache of this type."""
    q, pages = meta(SEQUENCES, HEADS, RANK + ROPE), CONTEXT // PAGE
    spec = CacheSpec(PAGE, RANK, ROPE, element, BF16, granule=0 if element == BF16 else GRANULE)
    absorbed_attention(
        gpu, q_latent=meta(HEADS, SEQUENCES, RANK).transpose(0, 1), q_rope=q[..., RANK:],
        cache=device_cache(spec, SEQUENCES * pages, torch.device("meta")), positions=ints(SEQUENCES),
        seq_offsets=ints(SEQUENCES + 1), block_table=ints(SEQUENCES, pages), context_lens=ints(SEQUENCES),
        o=meta(HEADS, SEQUENCES, RANK).transpose(0, 1), partial=meta(SEQUENCES * PARTS, HEADS, RANK, dtype=F32),
        lse=meta(SEQUENCES * PARTS, HEADS, dtype=F32),
        configs=[{**tile.config("block_h"), "split_tokens": SPLIT_TOKENS}], scale=0.1, scores="f32", probs="bf16",
    )  # fmt: skip


E4M3 = torch.float8_e4m3fn
IN_PARTS: Mapping[str, Callable[[Gpu], None]] = {
    "plain": partial(run_in_parts, tile=TILES[1]),
    "plain, 8 bits": partial(run_in_parts, tile=TILES[0], element=E4M3),
    "Gluon": partial(run_in_parts, tile=GLUON_TILE),
    "Gluon, 8 bits": partial(run_in_parts, tile=GLUON_TILE, element=E4M3),
}
"""The forms that batch-invariant programs launch on Hopper."""
LOW = partial(run_in_parts, tile=TILES[-2])
"""The one for AMD."""
