"""Launcher of attention in the latent space over a paged cache.

A step of few tokens leaves multiprocessors idle, so the context of each is split and the parts combined.  The
configuration says into how many, never the lengths: steps of one size add in one order.  Or it says how many rows a
part has (``split_tokens``): then a token's parts are those of its context alone, in every step.  How many programs
share them out, and for how many tokens there is room at a time, changes who computes a part, not what.
"""

from dataclasses import dataclass

from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.triton.runtime.gpu import (
    Config,
    Configs,
    Descriptor,
    Gpu,
    Static,
    cdiv,
    choose,
    early_start,
    is_gluon,
)
from dsv3c.backends.triton.runtime.replays import replayed

MAX_SPLITS = 128
"""Parts of a context that one program combines."""
PROGRAMS_PER_SM = 4
"""Programs that share out parts of a fixed size, at most: so many that lengths which differ are levelled out, and so
few that those of short contexts, which find nothing to do, take little time."""


def padded(size: int, least: int = 16) -> int:
    """The power of two that holds ``size``; ``least``: the smallest side of a matrix product."""
    return max(least, 1 << (size - 1).bit_length())


@replayed
def absorbed_attention(
    gpu: Gpu, *, q_latent: Tensor, q_rope: Tensor, cache: LatentCache, positions: Tensor, seq_offsets: Tensor,
    block_table: Tensor, context_lens: Tensor, o: Tensor, partial: Tensor, lse: Tensor, configs: Configs, scale: float,
    scores: str, probs: str,
) -> None:  # fmt: skip
    """``o_h = softmax(scale * (q_latent_h . c + q_rope_h . k_rope)) c`` over each token's cached rows.

    q_latent: [T, H, r], q_rope: [T, H, dr], o: [T, H, r]; positions [T], seq_offsets [N + 1], block_table [N, P],
    context_lens [N]: i32.  partial: [rows, H, r] f32 and lse: [rows, H] f32 hold the splits of all tokens; with parts
    of a fixed size those of as many tokens as there is room for, then those of the next.
    ``scores``, ``probs``: what they are rounded to; operands of products have q_latent's type whatever ``probs`` says.
    A token behind the last sequence gets zeros.
    """
    tokens = q_latent.shape[0]
    if tokens == 0:
        return
    config = choose(configs, tokens)
    split_tokens, width = config.get("split_tokens", 0), block_table.shape[1] * cache.latent.shape[1]
    parts = max(1, cdiv(width, split_tokens)) if split_tokens else 1
    together = max(1, partial.shape[0] // parts) if parts > 1 else tokens
    assert parts == 1 or partial.shape[0] >= parts, "there is no room for the parts of one token"
    for first in range(0, tokens, together):
        some = slice(first, first + together)
        sums = Sums(o[some], partial, lse, positions[some], seq_offsets, context_lens, first, split_tokens)
        splits = split_count(gpu, config, sums, width, parts)
        attend(gpu, q_latent[some], q_rope[some], cache, block_table, sums, config, splits, scale, scores, probs)
        if split_tokens and partial.shape[0] > 1:  # else no context that the entry takes has two parts
            combine_parts(gpu, sums)
        elif splits > 1:
            combine(gpu, partial, lse, o, splits)


@dataclass(frozen=True)
class Sums:
    """Some of a step's tokens: where their results go, and what says how long their contexts are."""

    o: Tensor
    partial: Tensor
    lse: Tensor
    positions: Tensor
    seq_offsets: Tensor
    context_lens: Tensor
    first_token: int
    """Of the step."""
    split_tokens: int
    """Rows of a part; 0: contexts are split into equal parts."""

    @property
    def lengths(self) -> dict[str, Tensor]:
        """As kernels take them."""
        tables = {"positions_ptr": self.positions, "seq_offsets_ptr": self.seq_offsets}
        return {**tables, "context_lens_ptr": self.context_lens}

    @property
    def counts(self) -> dict[str, int]:
        """As kernels take them."""
        counts = {"first_token": self.first_token, "num_tokens": self.o.shape[0]}
        return {**counts, "num_sequences": self.context_lens.shape[0]}


def split_count(gpu: Gpu, config: Config, sums: Sums, width: int, parts: int) -> int:
    """Programs for the context of a token; ``width``: rows that tables have room for, ``parts``: of a fixed size."""
    if not sums.split_tokens:
        return config["splits"] if config["splits"] == 1 else max(2, min(config["splits"], width // config["block_n"]))
    if not is_gluon(config):
        return parts
    tokens, heads, _ = sums.o.shape
    return min(parts, max(1, PROGRAMS_PER_SM * gpu.num_sms // (tokens * cdiv(heads, config["block_h"]))))


def attend(
    gpu: Gpu, q_latent: Tensor, q_rope: Tensor, cache: LatentCache, block_table: Tensor, sums: Sums, config: Config,
    splits: int, scale: float, scores: str, probs: str,
) -> None:  # fmt: skip
    """Attention of some tokens, ``splits`` programs for the context of each."""
    (tokens, heads, rank), o = q_latent.shape, sums.o
    block_h, block_n = config["block_h"], config["block_n"]
    scaled = cache.scale is not None
    half, rope = (1, block_h, padded(rank) // 2), (1, block_h, padded(q_rope.shape[2]))
    gpu.launch(
        "absorbed_attention.absorbed_attention_kernel",
        (tokens * cdiv(heads, block_h), splits, 1),
        {
            **{"q_latent_ptr": Descriptor(q_latent, half), "q_rope_ptr": Descriptor(q_rope, rope)},
            "latent_ptr": cache.latent if scaled else Descriptor(cache.latent, (1, block_n, half[2])),
            "rope_ptr": Descriptor(cache.rope, (1, block_n, rope[2])),
            **{"scale_ptr": cache.scale, "positions_ptr": sums.positions, "seq_offsets_ptr": sums.seq_offsets},
            **{"block_table_ptr": block_table, "context_lens_ptr": sums.context_lens},
            **{"o_ptr": o, "partial_ptr": sums.partial, "lse_ptr": sums.lse, "softmax_scale": scale},
            **sums.counts,
            **{"num_splits": splits, "split_tokens": sums.split_tokens, "table_row": block_table.stride(0)},
            **{"q_latent_token": Static(q_latent.stride(0)), "q_latent_head": Static(q_latent.stride(1))},
            **{"q_rope_token": Static(q_rope.stride(0)), "q_rope_head": Static(q_rope.stride(1))},
        },
        {
            **{"O_TOKEN": o.stride(0), "O_HEAD": o.stride(1)},
            **{"HEADS": heads, "RANK": rank, "ROPE": q_rope.shape[2], "PAGE_SIZE": cache.latent.shape[1]},
            **{"LATENT_PAGE": cache.latent.stride(0), "LATENT_ROW": cache.latent.stride(1)},
            **{"ROPE_PAGE": cache.rope.stride(0), "ROPE_ROW": cache.rope.stride(1)},
            "SCALE_PAGE": cache.scale.stride(0) if cache.scale is not None else 0,
            "SCALE_ROW": cache.scale.stride(1) if cache.scale is not None else 0,
            "GRANULE": min(cache.granule, padded(rank)) if scaled else 0,
            **{"SCORES": scores, "PROBS": probs, "BLOCK_H": block_h, "BLOCK_N": block_n},
            **{"BLOCK_R": padded(rank), "BLOCK_D": padded(q_rope.shape[2]), "FIXED": sums.split_tokens > 0},
        },
        config,
    )


def combine(gpu: Gpu, partial: Tensor, lse: Tensor, o: Tensor, splits: int) -> None:
    """Add the parts of every token and head, weighted by their shares of the softmax."""
    tokens, heads, rank = o.shape
    gpu.launch(
        "absorbed_attention.combine_kernel",
        (tokens * heads, 1, 1),
        {
            **{"partial_ptr": partial, "lse_ptr": lse, "o_ptr": o, "num_tokens": tokens, "num_splits": splits},
            **{"o_token": Static(o.stride(0)), "o_head": Static(o.stride(1))},
        },
        {"HEADS": heads, "RANK": rank, "BLOCK_R": padded(rank), "MAX_SPLITS": MAX_SPLITS, **early_start(gpu)},
        {"num_warps": 4 if rank >= 512 else 1, "num_stages": 1},
    )


def combine_parts(gpu: Gpu, sums: Sums) -> None:
    """The same where parts have a fixed size: of contexts that have more than one."""
    (tokens, heads, rank), o = sums.o.shape, sums.o
    gpu.launch(
        "absorbed_attention.combine_parts_kernel",
        (tokens * heads, 1, 1),
        {
            **{"partial_ptr": sums.partial, "lse_ptr": sums.lse, **sums.lengths, "o_ptr": o, **sums.counts},
            "split_tokens": sums.split_tokens,
            **{"o_token": Static(o.stride(0)), "o_head": Static(o.stride(1))},
        },
        {"HEADS": heads, "RANK": rank, "BLOCK_R": padded(rank), **early_start(gpu)},
        {"num_warps": 4 if rank >= 512 else 1, "num_stages": 1},
    )
