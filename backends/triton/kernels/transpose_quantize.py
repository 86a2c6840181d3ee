"""Quantisation along tokens: a matrix is read once and stored transposed, with a scale per channel and block of tokens.

What gradients of weights read.  The same pass can store the scales and numbers of rows as well, which products with
weights read.
"""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.quantizing import quotient, scale_of

STORED = tl.constexpr(16)
"""Numbers of a row that a thread stores at a time, 16 bytes."""


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
    words with other threads.  What is stored has a dim more than what is loaded, so that the compiler deals it out to
    threads in another way.  Grid: blocks of tokens x tiles of channels.
    """
    tiles = tl.cdiv(channels, BLOCK_C)
    block, tile = tl.program_id(0) // tiles, tl.program_id(0) % tiles
    i = tl.arange(0, GRANULE)
    OTHERS: tl.constexpr = GRANULE // REGISTER_TOKENS
    t = block * GRANULE + i % OTHERS * REGISTER_TOKENS + i // OTHERS
    c = tile * BLOCK_C + tl.arange(0, BLOCK_C)
    m = t.to(tl.int64)
    there = (t < tokens)[:, None] & (c < channels)[None, :]
    # 8 channels to a thread, of 8 bits too: half of the scales, and of what threads must tell each other, of 16
    places = x_ptr + m[:, None] * x_stride + tl.max_contiguous(c, 8)[None, :]
    x = tl.load(places, mask=there, other=0.0).to(tl.float32)
    if x_scale_ptr is not None:
        if BLOCK_C > GRANULE:
            b = tile * (BLOCK_C // GRANULE) + tl.arange(0, BLOCK_C // GRANULE)
            places = x_scale_ptr + m[:, None] * x_scale_row + b[None, :] * x_scale_block
            s_x = tl.load(places, mask=(t < tokens)[:, None] & (b * GRANULE < channels)[None, :], other=1.0)
            x = tl.reshape(x, [GRANULE, BLOCK_C // GRANULE, GRANULE]) * s_x[:, :, None]
            x = tl.reshape(x, [GRANULE, BLOCK_C])
        else:
            places = x_scale_ptr + m * x_scale_row + tile * BLOCK_C // GRANULE * x_scale_block
            x *= tl.load(places, mask=t < tokens, other=1.0)[:, None]
    s = scale_of(tl.max(tl.abs(x), axis=0), AMAX_FLOOR, LARGEST, ROUND_SCALE)
    tl.store(scale_ptr + block * (scale_pitch * 4) + c, s, mask=c < channels)
    y = quotient(x, s[None, :], APPLY, LARGEST, False, ROUND_SCALE).to(data_ptr.dtype.element_ty)
    # tokens in order again: those of a thread's registers are adjacent
    ordered = tl.permute(tl.reshape(y, [REGISTER_TOKENS, OTHERS, BLOCK_C]), [2, 1, 0])
    y = tl.reshape(ordered, [BLOCK_C, GRANULE // STORED, STORED])
    token = block * GRANULE + (tl.arange(0, GRANULE // STORED) * STORED)[:, None] + tl.arange(0, STORED)[None, :]
    inside = (c < channels)[:, None, None] & (token < tl.cdiv(tokens, STORED) * STORED)[None, :, :]
    places = data_ptr + (c.to(tl.int64) * (pitch * 16))[:, None, None] + token[None, :, :]
    tl.store(places, y, mask=inside)
    if rows_ptr is not None:
        BLOCKS: tl.constexpr = BLOCK_C // GRANULE
        blocks = tl.reshape(x, [GRANULE, BLOCKS, GRANULE])
        s = scale_of(tl.max(tl.abs(blocks), axis=2), AMAX_FLOOR, LARGEST, ROUND_SCALE)
        y = quotient(blocks, s[:, :, None], APPLY, LARGEST, False, ROUND_SCALE).to(rows_ptr.dtype.element_ty)
        b = tile * BLOCKS + tl.arange(0, BLOCKS)
        column = (b * GRANULE)[:, None] + i[None, :]
        places = rows_ptr + (m * rows_stride)[:, None, None] + column[None, :, :]
        tl.store(places, y, mask=(t < tokens)[:, None, None] & (column < channels)[None, :, :])
        places = rows_scale_ptr + m[:, None] * rows_scale_row + b.to(tl.int64)[None, :] * rows_scale_block
        tl.store(places, s, mask=(t < tokens)[:, None] & (b * GRANULE < channels)[None, :])
