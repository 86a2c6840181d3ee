"""Launcher of attention in the latent space over a paged cache.

A step of few tokens leaves multiprocessors idle, so the context of each is split and the parts combined.  The
configuration says into how many, never the lengths: steps of one size add in one order.
"""

from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.triton.runtime.gpu import Configs, Descriptor, Gpu, Static, cdiv, choose, early_start
from dsv3c.backends.triton.runtime.replays import replayed

MAX_SPLITS = 128
"""Parts of a context that one program combines."""


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
    context_lens [N]: i32.  partial: [rows, H, r] f32 and lse: [rows, H] f32 hold the splits of all tokens.
    ``scores``, ``probs``: what they are rounded to; operands of products have q_latent's type whatever ``probs`` says.
    A token behind the last sequence gets zeros.
    """
    tokens, heads, rank = q_latent.shape
    if tokens == 0:
        return
    config = choose(configs, tokens)
    block_h, block_n = config["block_h"], config["block_n"]
    head_blocks, page_size = cdiv(heads, block_h), cache.latent.shape[1]
    tiles = block_table.shape[1] * (page_size // block_n)
    splits = config["splits"] if config["splits"] == 1 else max(2, min(config["splits"], tiles))
    scaled = cache.scale is not None
    half, rope = (1, block_h, padded(rank) // 2), (1, block_h, padded(q_rope.shape[2]))
    gpu.launch(
        "absorbed_attention.absorbed_attention_kernel",
        (tokens * head_blocks, splits, 1),
        {
            **{"q_latent_ptr": Descriptor(q_latent, half), "q_rope_ptr": Descriptor(q_rope, rope)},
            "latent_ptr": cache.latent if scaled else Descriptor(cache.latent, (1, block_n, half[2])),
            "rope_ptr": Descriptor(cache.rope, (1, block_n, rope[2])),
            **{"scale_ptr": cache.scale, "positions_ptr": positions, "seq_offsets_ptr": seq_offsets},
            **{"block_table_ptr": block_table, "context_lens_ptr": context_lens},
            **{"o_ptr": o, "partial_ptr": partial, "lse_ptr": lse, "softmax_scale": scale},
            **{"num_tokens": tokens, "num_sequences": context_lens.shape[0], "num_splits": splits},
            "table_row": block_table.stride(0),
            **{"q_latent_token": Static(q_latent.stride(0)), "q_latent_head": Static(q_latent.stride(1))},
            **{"q_rope_token": Static(q_rope.stride(0)), "q_rope_head": Static(q_rope.stride(1))},
        },
        {
            **{"O_TOKEN": o.stride(0), "O_HEAD": o.stride(1)},
            **{"HEADS": heads, "RANK": rank, "ROPE": q_rope.shape[2], "PAGE_SIZE": page_size},
            **{"LATENT_PAGE": cache.latent.stride(0), "LATENT_ROW": cache.latent.stride(1)},
            **{"ROPE_PAGE": cache.rope.stride(0), "ROPE_ROW": cache.rope.stride(1)},
            "SCALE_PAGE": cache.scale.stride(0) if cache.scale is not None else 0,
            "SCALE_ROW": cache.scale.stride(1) if cache.scale is not None else 0,
            "GRANULE": min(cache.granule, padded(rank)) if scaled else 0,
            **{"SCORES": scores, "PROBS": probs, "BLOCK_H": block_h, "BLOCK_N": block_n},
            **{"BLOCK_R": padded(rank), "BLOCK_D": padded(q_rope.shape[2])},
        },
        config,
    )
    if splits > 1:
        combine(gpu, partial, lse, o, splits)


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
