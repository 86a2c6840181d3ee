"""The paged latent cache: rows computed and written at their tokens' positions, and read one sequence after the other.

Nothing outside of the pool is written or read, whatever the tables say: what they place there is left out.
"""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import rounded, sequence_of
from dsv3c.backends.triton.kernels.quantizing import store_quantized
from dsv3c.backends.triton.kernels.rms_norm import normalised


@triton.jit
def page_of(
    positions_ptr: tl.tensor, seq_offsets_ptr: tl.tensor, block_table_ptr: tl.tensor, num_sequences: tl.tensor,
    table_row: tl.tensor, table_pages: tl.tensor, num_pages: tl.tensor, t: tl.tensor, PAGE: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """The page of token t; -1 where the tables name none."""
    n = sequence_of(seq_offsets_ptr, num_sequences, t)
    position = tl.load(positions_ptr + t)
    known = (n < num_sequences) & (position >= 0) & (position // PAGE < table_pages)
    entry = block_table_ptr + n.to(tl.int64) * table_row + position // PAGE
    page = tl.load(entry, mask=known, other=-1)
    return tl.where(page < num_pages, page, -1)


@triton.jit
def half_of(
    a: tl.tensor, b: tl.tensor, c: tl.tensor, d: tl.tensor, KIND: tl.constexpr, COMPUTE: tl.constexpr
) -> tl.tensor:
    """``a * c + b * d`` rounded to KIND once, or every product too where COMPUTE is ``input``; f64 in, f32 out.

    Products of f32 numbers are exact in f64, and their sum is rounded from it as if it were.
    """
    if COMPUTE == "input":
        p = rounded((a * c).to(tl.float32), KIND).to(tl.float64)
        q = rounded((b * d).to(tl.float32), KIND).to(tl.float64)
        return rounded((p + q).to(tl.float32), KIND)
    else:
        return rounded((a * c + b * d).to(tl.float32), KIND)


@triton.jit
def store_key(
    k_ptr: tl.tensor, cos_ptr: tl.tensor, sin_ptr: tl.tensor, out_ptr: tl.tensor, there: tl.tensor,
    HALF: tl.constexpr, BLOCK_R: tl.constexpr, PAIRS: tl.constexpr, OUT: tl.constexpr, COMPUTE: tl.constexpr,
    KIND: tl.constexpr,
) -> None:  # fmt: skip
    """One key of 2 * HALF numbers, rotated where there is a cosine; stored where ``there`` is 1, not 0."""
    i = tl.arange(0, BLOCK_R)
    inside = i < HALF
    first, second = (2 * i, 2 * i + 1) if PAIRS == "interleaved" else (i, i + HALF)
    a = tl.load(k_ptr + first, mask=inside, other=0.0).to(tl.float32)
    b = tl.load(k_ptr + second, mask=inside, other=0.0).to(tl.float32)
    if cos_ptr is not None:
        cos = tl.load(cos_ptr + i, mask=inside, other=0.0).to(tl.float32)
        sin = tl.load(sin_ptr + i, mask=inside, other=0.0).to(tl.float32)
        if COMPUTE == "input":
            cos, sin = rounded(cos, KIND), rounded(sin, KIND)
        a64, b64, cos64, sin64 = a.to(tl.float64), b.to(tl.float64), cos.to(tl.float64), sin.to(tl.float64)
        a = half_of(a64, b64, cos64, -sin64, KIND, COMPUTE)
        b = half_of(b64, a64, cos64, sin64, KIND, COMPUTE)
    first, second = (2 * i, 2 * i + 1) if OUT == "interleaved" else (i, i + HALF)
    tl.store(out_ptr + first, a.to(out_ptr.dtype.element_ty), mask=i < HALF * there)
    tl.store(out_ptr + second, b.to(out_ptr.dtype.element_ty), mask=i < HALF * there)


@triton.jit
def append_kernel(
    latent_ptr: tl.tensor, k_ptr: tl.tensor, cos_ptr: tl.tensor, sin_ptr: tl.tensor, weight_ptr: tl.tensor,
    cache_latent_ptr: tl.tensor, cache_scale_ptr: tl.tensor, cache_rope_ptr: tl.tensor, positions_ptr: tl.tensor,
    seq_offsets_ptr: tl.tensor, block_table_ptr: tl.tensor, num_sequences: tl.tensor, num_pages: tl.tensor,
    table_row: tl.tensor, table_pages: tl.tensor, columns: tl.tensor, latent_stride: tl.tensor, k_stride: tl.tensor,
    cos_stride: tl.tensor, latent_page: tl.tensor, latent_row: tl.tensor, scale_page: tl.tensor,
    scale_row: tl.tensor, rope_page: tl.tensor, rope_row: tl.tensor,
    PAGE: tl.constexpr, BLOCK_L: tl.constexpr, HALF: tl.constexpr, BLOCK_R: tl.constexpr, PAIRS: tl.constexpr,
    OUT: tl.constexpr, COMPUTE: tl.constexpr, LATENT: tl.constexpr, KEY: tl.constexpr, EPS: tl.constexpr,
    WEIGHT_IN: tl.constexpr, GRANULE: tl.constexpr, AMAX_FLOOR: tl.constexpr, APPLY: tl.constexpr,
    ROUND_SCALE: tl.constexpr, SATURATE: tl.constexpr, LARGEST: tl.constexpr,
) -> None:  # fmt: skip
    """Row t of latent [T, L] (after its norm, where there is a weight) and of k [T, 2 * HALF], in the pages' memory.

    ``LATENT``, ``KEY``: their element types; with a pointer to scales the latent is quantised.
    """
    t = tl.program_id(0)
    page = page_of(
        positions_ptr, seq_offsets_ptr, block_table_ptr, num_sequences, table_row, table_pages, num_pages, t, PAGE
    )
    there = tl.where(page >= 0, 1, 0)
    offset = tl.load(positions_ptr + t) % PAGE
    page = page.to(tl.int64)
    n = tl.arange(0, BLOCK_L)
    m = tl.arange(0, 1).to(tl.int64)
    from_places = latent_ptr + t.to(tl.int64) * latent_stride + m[:, None] + n[None, :]
    x = tl.load(from_places, mask=(n < columns)[None, :], other=0.0).to(tl.float32)
    if weight_ptr is not None:
        weight = tl.load(weight_ptr + n, mask=n < columns, other=0.0).to(tl.float32)
        x = normalised(x, weight, columns, EPS, WEIGHT_IN, LATENT)
    latent_out = cache_latent_ptr + page * latent_page + offset * latent_row
    if cache_scale_ptr is not None:
        scale_out = cache_scale_ptr + page * scale_page + offset * scale_row
        store_quantized(
            x, latent_out, scale_out, m, n, there, columns, latent_row, scale_row, 1,
            GRANULE, AMAX_FLOOR, APPLY, ROUND_SCALE, SATURATE, LARGEST,
        )  # fmt: skip
    else:
        places = latent_out + m[:, None] + n[None, :]
        tl.store(places, x.to(cache_latent_ptr.dtype.element_ty), mask=(n < columns * there)[None, :])
    rope_out = cache_rope_ptr + page * rope_page + offset * rope_row
    key = k_ptr + t.to(tl.int64) * k_stride
    if cos_ptr is not None:
        turn = t.to(tl.int64) * cos_stride
        store_key(
            key, cos_ptr + turn, sin_ptr + turn, rope_out, there, HALF, BLOCK_R, PAIRS, OUT, COMPUTE, KEY
        )  # fmt: skip
    else:
        store_key(key, None, None, rope_out, there, HALF, BLOCK_R, PAIRS, OUT, COMPUTE, KEY)


@triton.jit
def context_places(
    context_lens_ptr: tl.tensor, num_sequences: tl.tensor, c: tl.tensor, BLOCK_S: tl.constexpr
) -> tl.tuple:
    """The sequence of every gathered row c, ``num_sequences`` behind the last, and the first row of that sequence."""
    i = tl.arange(0, BLOCK_S)
    sequence, first = c * 0, c * 0
    before = num_sequences * 0
    for start in range(0, num_sequences, BLOCK_S):
        inside = start + i < num_sequences
        lens = tl.load(context_lens_ptr + start + i, mask=inside, other=0)
        ends = before + tl.cumsum(lens, axis=0)
        passed = (ends[None, :] <= c[:, None]) & inside[None, :]
        sequence += tl.sum(passed.to(tl.int32), axis=1)
        first = tl.maximum(first, tl.max(tl.where(passed, ends[None, :], 0), axis=1))
        before += tl.sum(lens, axis=0)
    return sequence, first


@triton.jit
def gather_kernel(
    cache_latent_ptr: tl.tensor, cache_scale_ptr: tl.tensor, cache_rope_ptr: tl.tensor, context_lens_ptr: tl.tensor,
    block_table_ptr: tl.tensor, latent_ptr: tl.tensor, k_rope_ptr: tl.tensor, num_rows: tl.tensor,
    num_sequences: tl.tensor, num_pages: tl.tensor, table_row: tl.tensor, table_pages: tl.tensor,
    latent_stride: tl.tensor, k_rope_stride: tl.tensor, latent_page: tl.tensor, latent_row: tl.tensor,
    scale_page: tl.tensor, scale_row: tl.tensor, rope_page: tl.tensor, rope_row: tl.tensor,
    PAGE: tl.constexpr, COLUMNS: tl.constexpr, ROPE: tl.constexpr, GRANULE: tl.constexpr, BLOCK_C: tl.constexpr,
    BLOCK_L: tl.constexpr, BLOCK_R: tl.constexpr, BLOCK_S: tl.constexpr,
) -> None:  # fmt: skip
    """The cached rows of all sequences: [C, L] and [C, R]; a latent with scales is multiplied by them in f32.

    Rows that the tables place nowhere are 0.
    """
    c = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    sequence, first = context_places(context_lens_ptr, num_sequences, c, BLOCK_S)
    position = c - first
    known = (c < num_rows) & (sequence < num_sequences) & (position // PAGE < table_pages)
    entries = block_table_ptr + sequence.to(tl.int64) * table_row + position // PAGE
    page = tl.load(entries, mask=known, other=-1)
    there = (page >= 0) & (page < num_pages)
    page, offset = page.to(tl.int64), position % PAGE
    rows = c.to(tl.int64)[:, None]
    inside = (c < num_rows)[:, None]
    n = tl.arange(0, BLOCK_L)[None, :]
    wide = n < COLUMNS
    from_places = cache_latent_ptr + (page * latent_page + offset * latent_row)[:, None] + n
    to_places = latent_ptr + rows * latent_stride + n
    if cache_scale_ptr is not None:
        scales = cache_scale_ptr + (page * scale_page + offset * scale_row)[:, None] + n // GRANULE
        latent = tl.load(from_places, mask=there[:, None] & wide, other=0.0).to(tl.float32)
        latent *= tl.load(scales, mask=there[:, None] & wide, other=0.0)
        tl.store(to_places, latent.to(latent_ptr.dtype.element_ty), mask=inside & wide)
    else:
        tl.store(to_places, tl.load(from_places, mask=there[:, None] & wide, other=0), mask=inside & wide)
    r = tl.arange(0, BLOCK_R)[None, :]
    from_places = cache_rope_ptr + (page * rope_page + offset * rope_row)[:, None] + r
    key = tl.load(from_places, mask=there[:, None] & (r < ROPE), other=0)
    tl.store(k_rope_ptr + rows * k_rope_stride + r, key, mask=inside & (r < ROPE))
