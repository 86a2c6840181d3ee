"""Quantisation along tokens: a matrix is read once and stored transposed, with a scale per channel and block of tokens.

What gradients of weights read.  The same pass can store the scales and numbers of rows as well, which products with
weights read.
"""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.quantizing import quotient, scale_of, store_quantized


@triton.jit
def transpose_quantize_kernel(
    x_ptr: tl.tensor,
    x_scale_ptr: tl.tensor | None,
    data_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    rows_ptr: tl.tensor | None,
    rows_scale_ptr: tl.tensor | None,
    tokens: tl.tensor,
    channels: tl.tensor,
    x_stride: tl.tensor,
    x_scale_row: tl.tensor,
    x_scale_block: tl.tensor,
    pitch: tl.tensor,
    scale_pitch: tl.tensor,
    rows_stride: tl.tensor,
    rows_scale_row: tl.tensor,
    rows_scale_block: tl.tensor,
    BLOCK_C: tl.constexpr,
    GRANULE: tl.constexpr,
    AMAX_FLOOR: tl.constexpr,
    APPLY: tl.constexpr,
    ROUND_SCALE: tl.constexpr,
    SATURATE: tl.constexpr,
    LARGEST: tl.constexpr,
    REGISTER_TOKENS: tl.constexpr,
) -> None:
    """``s[c, b] = max(amax of x[t in b, c], floor) / largest; data[c, t] = round(x[t, c] / s[c, b])``.

    x [tokens, channels], or x times its scale per GRANULE channels of a row.  Rows of data are 16 * ``pitch`` numbers
    apart and are zero from ``tokens`` to the next multiple of 16; blocks of scales are 4 * ``scale_pitch`` apart.
    ``rows``: x quantised by rows too.  A thread has REGISTER_TOKENS tokens of the same channels: it exchanges whole
    words with other threads.  Grid: blocks of tokens x tiles of channels.
    """
    tiles = tl.cdiv(channels, BLOCK_C)
    block, tile = tl.program_id(0) // tiles, tl.program_id(0) % tiles
    i = tl.arange(0, GRANULE)
    OTHERS: tl.constexpr = GRANULE // REGISTER_TOKENS
    t = block * GRANULE + i % OTHERS * REGISTER_TOKENS + i // OTHERS
    c = tile * BLOCK_C + tl.arange(0, BLOCK_C)
    m = t.to(tl.int64)
    there = (t < tokens)[:, None] & (c < channels)[None, :]
    x = tl.load(x_ptr + m[:, None] * x_stride + c[None, :], mask=there, other=0.0).to(tl.float32)
    if x_scale_ptr is not None:
        blocks = tl.reshape(x, [GRANULE, BLOCK_C // GRANULE, GRANULE])
        b = tile * (BLOCK_C // GRANULE) + tl.arange(0, BLOCK_C // GRANULE)
        places = x_scale_ptr + m[:, None] * x_scale_row + b[None, :] * x_scale_block
        s_x = tl.load(places, mask=(t < tokens)[:, None] & (b * GRANULE < channels)[None, :], other=1.0)
        x = tl.reshape(blocks * s_x[:, :, None], [GRANULE, BLOCK_C])
    if rows_ptr is not None:
        store_quantized(
            x, rows_ptr, rows_scale_ptr, m, c, tokens, channels, rows_stride, rows_scale_row, rows_scale_block,
            GRANULE, AMAX_FLOOR, APPLY, ROUND_SCALE, SATURATE, LARGEST,
        )  # fmt: skip
    s = scale_of(tl.max(tl.abs(x), axis=0), AMAX_FLOOR, LARGEST, ROUND_SCALE)
    tl.store(scale_ptr + block * (scale_pitch * 4) + c, s, mask=c < channels)
    y = quotient(x, s[None, :], APPLY, LARGEST, SATURATE).to(data_ptr.dtype.element_ty)
    # tokens in order again: those of a thread's registers are adjacent
    ordered = tl.permute(tl.reshape(y, [REGISTER_TOKENS, OTHERS, BLOCK_C]), [2, 1, 0])
    y = tl.reshape(ordered, [BLOCK_C, GRANULE])
    t = block * GRANULE + i
    inside = (c < channels)[:, None] & (t < tl.cdiv(tokens, 16) * 16)[None, :]
    tl.store(data_ptr + c.to(tl.int64)[:, None] * (pitch * 16) + t[None, :], y, mask=inside)
