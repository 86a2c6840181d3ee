"""Meanings of the ``mla`` dialect: dense attention, and attention over a paged latent cache.

Shape suffixes as in the dialect: B batch, S sequence, T tokens of a step, N sequences, C context tokens, P pages per
sequence, H heads; K head size without RoPE, R of the RoPE part, V of values, L latent rank.  No model makes the calls
with a cache, so both fidelities compute them alike.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.arithmetic import wide
from dsv3c.backends.reference.meanings.nn import attention as dense_attention
from dsv3c.backends.reference.meanings.nn import causal_rows


@dataclass(frozen=True)
class LatentCache:
    """The paged latent cache of one layer.  Linear: after an append only the returned value may be read."""

    latent: Tensor
    """[pages, page size, L]"""
    rope: Tensor
    """[pages, page size, R]"""

    def rows(self, block_table_P: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """The cached rows of one sequence's positions 0..length-1: [length, L] and [length, R]."""
        num_pages = -(-length // self.latent.shape[1])
        pages = block_table_P[:num_pages].to(torch.int64)
        latent, rope = self.latent.index_select(0, pages), self.rope.index_select(0, pages)
        return latent.flatten(0, 1)[:length], rope.flatten(0, 1)[:length]


def new_cache(
    num_pages: int, page_size: int, latent: int, rope: int, *, latent_dtype: torch.dtype, rope_dtype: torch.dtype
) -> LatentCache:
    """An empty cache; rows never written are zero."""
    return LatentCache(
        torch.zeros(num_pages, page_size, latent, dtype=latent_dtype),
        torch.zeros(num_pages, page_size, rope, dtype=rope_dtype),
    )


def attention(
    q_nope: Tensor, q_rope: Tensor, kv: Tensor, k_rope: Tensor, *, scale: float, scores: torch.dtype, probs: torch.dtype
) -> Tensor:
    """Dense causal MLA: [B,S,H,K], [B,S,H,R], kv [B,S,H,K+V] (K's rows, then V's), k_rope [B,S,R] -> [B,S,H,V]."""
    nope = q_nope.shape[-1]
    q = torch.cat((q_nope, q_rope), dim=-1)
    k = torch.cat((kv[..., :nope], k_rope.unsqueeze(2).expand(*q_rope.shape)), dim=-1)
    return dense_attention(q, k, kv[..., nope:], scale=scale, scores=scores, probs=probs)


def append(
    cache: LatentCache, latent: Tensor, k_rope: Tensor, positions: Tensor, seq_offsets: Tensor, block_table: Tensor
) -> LatentCache:
    """Write row t of latent [T, L] and k_rope [T, R] at its position in its sequence's pages; in place."""
    page_size = cache.latent.shape[1]
    lengths = (seq_offsets[1:] - seq_offsets[:-1]).to(torch.int64)
    sequence_T = torch.repeat_interleave(torch.arange(lengths.shape[0]), lengths, output_size=positions.shape[0])
    position_T = positions.to(torch.int64)
    page_T = block_table[sequence_T, position_T // page_size].to(torch.int64)
    row_T = page_T * page_size + position_T % page_size
    # index_copy_ refuses negative rows, which plain indexing would count from the end
    cache.latent.flatten(0, 1).index_copy_(0, row_T, latent)
    cache.rope.flatten(0, 1).index_copy_(0, row_T, k_rope)
    return cache


def gather(cache: LatentCache, context_lens: Tensor, block_table: Tensor) -> tuple[Tensor, Tensor]:
    """The cached rows of all sequences, one after the other: [C, L] and [C, R] with C = sum(context_lens)."""
    parts = [cache.rows(pages, length) for pages, length in zip(block_table, context_lens.tolist(), strict=True)]
    if not parts:
        return cache.latent.new_empty((0, cache.latent.shape[-1])), cache.rope.new_empty((0, cache.rope.shape[-1]))
    return torch.cat([latent for latent, _ in parts]), torch.cat([rope for _, rope in parts])


def expanded_attention(
    q_nope: Tensor, q_rope: Tensor, kv: Tensor, k_rope: Tensor, positions: Tensor, seq_offsets: Tensor,
    context_lens: Tensor, *, scale: float, scores: torch.dtype, probs: torch.dtype,
) -> Tensor:  # fmt: skip
    """Causal MLA of q [T,H,K], [T,H,R] over gathered kv [C,H,K+V], k_rope [C,R] -> [T,H,V].

    Token t of sequence n sees that sequence's rows 0..positions[t].
    """
    nope, heads, values = q_nope.shape[-1], q_nope.shape[1], kv.shape[-1] - q_nope.shape[-1]
    q_HTK = wide(torch.cat((q_nope, q_rope), dim=-1)).transpose(0, 1)
    o = q_nope.new_empty((q_nope.shape[0], heads, values))
    offsets, start = seq_offsets.tolist(), 0
    for n, length in enumerate(context_lens.tolist()):
        tokens, rows = slice(offsets[n], offsets[n + 1]), slice(start, start + length)
        start += length
        k_rope_HCR = k_rope[rows].unsqueeze(1).expand(-1, heads, -1)
        k_HKC = wide(torch.cat((kv[rows, :, :nope], k_rope_HCR), dim=-1)).permute(1, 2, 0).contiguous()
        o[tokens] = causal_rows(
            q_HTK[:, tokens], k_HKC, wide(kv[rows, :, nope:]).transpose(0, 1).contiguous(), positions[tokens],
            scale=scale, scores=scores, probs=probs, dtype=o.dtype,
        )  # fmt: skip
    return o


def absorbed_attention(
    q_latent: Tensor, q_rope: Tensor, cache: LatentCache, positions: Tensor, seq_offsets: Tensor, block_table: Tensor,
    context_lens: Tensor, *, scale: float, scores: torch.dtype, probs: torch.dtype,
) -> Tensor:  # fmt: skip
    """Causal MLA in the latent space: q_latent [T,H,L], q_rope [T,H,R] over the cached rows -> [T,H,L]."""
    q_HTK = wide(torch.cat((q_latent, q_rope), dim=-1)).transpose(0, 1)
    o = torch.empty_like(q_latent)
    offsets = seq_offsets.tolist()
    for n, length in enumerate(context_lens.tolist()):
        tokens = slice(offsets[n], offsets[n + 1])
        latent_CL, rope_CR = cache.rows(block_table[n], length)
        row_CK = wide(torch.cat((latent_CL, rope_CR), dim=-1))
        o[tokens] = causal_rows(
            q_HTK[:, tokens], row_CK.t().contiguous().unsqueeze(0), wide(latent_CL).unsqueeze(0), positions[tokens],
            scale=scale, scores=scores, probs=probs, dtype=o.dtype,
        )  # fmt: skip
    return o
