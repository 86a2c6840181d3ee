"""Meanings of the ``mla`` dialect: dense attention, and attention over a paged latent cache.

Shape suffixes as in the dialect: B batch, S sequence, T tokens of a step, N sequences, C context tokens, P pages per
sequence, H heads; K head size without RoPE, R of the RoPE part, V of values, L latent rank.  No model makes the calls
with a cache, so both fidelities compute them alike.
"""

from dataclasses import dataclass
from typing import Unpack

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.arithmetic import wide
from dsv3c.backends.reference.meanings.nn import attention as dense_attention
from dsv3c.backends.reference.meanings.nn import causal_rows
from dsv3c.backends.reference.meanings.scaled import Quantizer, is_quantized, quantize


@dataclass(frozen=True)
class LatentCache:
    """The paged latent cache of one layer.  Linear: after an append only the returned value may be read.

    With scales the parts are views of one row of bytes: the 8-bit latent, its f32 scales, the key.
    """

    latent: Tensor
    """[pages, page size, L]"""
    rope: Tensor
    """[pages, page size, R]"""
    scale: Tensor | None = None
    """[pages, page size, ceil(L / granule)] f32: one scale per ``granule`` elements of the latent; None without."""
    granule: int = 0

    def rows(self, block_table_P: Tensor, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The cached rows of one sequence's positions 0..length-1: [length, L] and [length, R].

        ``dtype``: what a latent with scales is dequantised to.
        """
        num_pages = -(-length // self.latent.shape[1])
        pages = block_table_P[:num_pages].to(torch.int64)
        latent, rope = self.latent.index_select(0, pages), self.rope.index_select(0, pages)
        if self.scale is not None:
            latent = dequantized(latent, self.scale.index_select(0, pages), self.granule).to(dtype)
        return latent.flatten(0, 1)[:length], rope.flatten(0, 1)[:length]

    @property
    def num_bytes(self) -> int:
        """Bytes of all pages."""
        return sum(part.nbytes for part in (self.latent, self.rope, self.scale) if part is not None)


def dequantized(latent: Tensor, scale: Tensor, granule: int) -> Tensor:
    """``f32(latent[..., i]) * scale[..., i // granule]``."""
    return latent.float() * scale.repeat_interleave(granule, dim=-1)[..., : latent.shape[-1]]


def new_cache(
    num_pages: int, page_size: int, latent: int, rope: int, *, latent_dtype: torch.dtype, rope_dtype: torch.dtype,
    granule: int = 0,
) -> LatentCache:  # fmt: skip
    """An empty cache; rows never written are zero.  ``granule``: elements of the latent per scale; 0: no scales."""
    if not granule:
        return LatentCache(
            torch.zeros(num_pages, page_size, latent, dtype=latent_dtype),
            torch.zeros(num_pages, page_size, rope, dtype=rope_dtype),
        )
    key = latent + 4 * -(-latent // granule)
    rows = torch.zeros(num_pages, page_size, key + rope * rope_dtype.itemsize, dtype=torch.uint8)
    return LatentCache(
        rows[..., :latent].view(latent_dtype),
        rows[..., key:].view(rope_dtype),
        rows[..., latent:key].view(torch.float32),
        granule,
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
    row_T = rows_of(positions, seq_offsets, block_table, cache.latent.shape[1])
    write_rows(cache.latent, row_T, latent)
    write_rows(cache.rope, row_T, k_rope)
    return cache


def append_quantized(
    cache: LatentCache, latent: Tensor, k_rope: Tensor, positions: Tensor, seq_offsets: Tensor, block_table: Tensor,
    **how: Unpack[Quantizer],
) -> LatentCache:  # fmt: skip
    """``append`` to a cache with scales: every tile of the latent is quantised.

    With quantisation switched off the returned cache holds the latent as it is, without scales.
    """
    q = quantize(latent, **how)
    if cache.scale is not None and not is_quantized(q):
        cache = LatentCache(dequantized(cache.latent, cache.scale, cache.granule).to(latent.dtype), cache.rope)
    row_T = rows_of(positions, seq_offsets, block_table, cache.latent.shape[1])
    write_rows(cache.latent, row_T, q.data)
    if cache.scale is not None:
        write_rows(cache.scale, row_T, q.scale)
    write_rows(cache.rope, row_T, k_rope)
    return cache


def rows_of(positions: Tensor, seq_offsets: Tensor, block_table: Tensor, page_size: int) -> Tensor:
    """Row of the pool, all pages one after the other, of each token [T]."""
    lengths = (seq_offsets[1:] - seq_offsets[:-1]).to(torch.int64)
    sequence_T = torch.repeat_interleave(torch.arange(lengths.shape[0]), lengths, output_size=positions.shape[0])
    position_T = positions.to(torch.int64)
    page_T = block_table[sequence_T, position_T // page_size].to(torch.int64)
    return page_T * page_size + position_T % page_size


def write_rows(part: Tensor, row_T: Tensor, values: Tensor) -> None:
    """Write one part of the rows, in place; as bytes where the elements are 8-bit floats."""
    assert part.dtype == values.dtype, "rows of a quantised cache are appended to no other"
    if part.dtype.itemsize == 1:
        part, values = part.view(torch.uint8), values.view(torch.uint8)
    # index_copy_ refuses negative rows, which plain indexing would count from the end
    part.flatten(0, 1).index_copy_(0, row_T, values)


def gather(
    cache: LatentCache, context_lens: Tensor, block_table: Tensor, *, dtype: torch.dtype | None = None
) -> tuple[Tensor, Tensor]:
    """The cached rows of all sequences, one after the other: [C, L] and [C, R] with C = sum(context_lens).

    ``dtype``: what the latent is dequantised to; None where it is stored as it is.
    """
    dtype = dtype or cache.latent.dtype
    lengths = context_lens.tolist()
    parts = [cache.rows(pages, length, dtype) for pages, length in zip(block_table, lengths, strict=True)]
    if not parts:
        return (
            cache.latent.new_empty((0, cache.latent.shape[-1]), dtype=dtype),
            cache.rope.new_empty((0, cache.rope.shape[-1])),
        )
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
    """Causal MLA in the latent space: q_latent [T,H,L], q_rope [T,H,R] over the cached rows -> [T,H,L].

    A latent with scales is dequantised to q_latent's dtype.
    """
    q_HTK = wide(torch.cat((q_latent, q_rope), dim=-1)).transpose(0, 1)
    o = torch.empty_like(q_latent)
    offsets = seq_offsets.tolist()
    for n, length in enumerate(context_lens.tolist()):
        tokens = slice(offsets[n], offsets[n + 1])
        latent_CL, rope_CR = cache.rows(block_table[n], length, q_latent.dtype)
        row_CK = wide(torch.cat((latent_CL, rope_CR), dim=-1))
        o[tokens] = causal_rows(
            q_HTK[:, tokens], row_CK.t().contiguous().unsqueeze(0), wide(latent_CL).unsqueeze(0), positions[tokens],
            scale=scale, scores=scores, probs=probs, dtype=o.dtype,
        )  # fmt: skip
    return o
