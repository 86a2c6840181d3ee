"""Device functions that quantise: M rows, N columns of a tile, a scale for every GRANULE columns of a row.

NaN takes no part in a block's largest absolute value, and stays NaN in the data.
"""

import triton
import triton.language as tl


@triton.jit
def up_to_pow2(s: tl.tensor) -> tl.tensor:
    """``2^ceil(log2 s)`` of positive f32 numbers within 2^-126..2^127, by their bits; what is not finite stays."""
    bits = s.to(tl.int32, bitcast=True)
    exponent = (bits >> 23) + tl.where((bits & 0x7FFFFF) != 0, 1, 0)
    power = (tl.minimum(tl.maximum(exponent, 1), 254) << 23).to(tl.float32, bitcast=True)
    return tl.where(bits < 0x7F800000, power, s)


@triton.jit
def scale_of(amax: tl.tensor, AMAX_FLOOR: tl.constexpr, LARGEST: tl.constexpr, ROUND_SCALE: tl.constexpr) -> tl.tensor:
    """``s = max(amax, floor) / largest``, raised to a power of two where ROUND_SCALE is ``pow2``."""
    s = tl.div_rn(tl.maximum(amax, AMAX_FLOOR), tl.full(amax.shape, LARGEST, tl.float32))
    return up_to_pow2(s) if ROUND_SCALE == "pow2" else s


@triton.jit
def divided(x: tl.tensor, s: tl.tensor) -> tl.tensor:
    """``x / s`` in f32, rounded once, for positive s: a division per scale and five operations per number.

    The reciprocal and its error give a quotient that is one of the two nearest numbers; its remainder is exact, and
    decides between them (P. Markstein, Computation of elementary functions on the IBM RISC System/6000 processor,
    IBM J. Res. Dev. 34, 1990).  Numbers so small that the remainder underflows are off by less than 2^-100.
    """
    finite = s < float("inf")
    divisor = tl.where(finite, s, 1.0)
    inverse = tl.where(finite, tl.div_rn(tl.full(s.shape, 1.0, tl.float32), s), 0.0)
    correction = inverse * tl.fma(-divisor, inverse, tl.full(s.shape, 1.0, tl.float32))
    negative, inverse = tl.broadcast_to(-divisor, x.shape), tl.broadcast_to(inverse, x.shape)
    near = tl.fma(x, inverse, x * correction)
    y = tl.fma(tl.fma(near, negative, x), inverse, near)
    sign = x.to(tl.int32, bitcast=True) & -0x80000000  # sums of zeros lose it
    return (y.to(tl.int32, bitcast=True) | sign).to(tl.float32, bitcast=True)


@triton.jit
def quotient(
    x: tl.tensor, s: tl.tensor, APPLY: tl.constexpr, LARGEST: tl.constexpr, SATURATE: tl.constexpr
) -> tl.tensor:
    """``x / s`` in f32, or ``x * (1 / s)`` where APPLY is ``reciprocal``; s has a size of 1 where x has not."""
    y = x * tl.div_rn(tl.full(s.shape, 1.0, tl.float32), s) if APPLY == "reciprocal" else divided(x, s)
    if SATURATE:  # comparisons with NaN are false: it stays
        y = tl.where(y > LARGEST, LARGEST, tl.where(y < -LARGEST, -LARGEST, y))
    return y


@triton.jit
def store_quantized(
    x: tl.tensor,
    data_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    m: tl.tensor,
    n: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    data_stride: tl.tensor,
    scale_row: tl.tensor,
    scale_block: tl.tensor,
    GRANULE: tl.constexpr,
    AMAX_FLOOR: tl.constexpr,
    APPLY: tl.constexpr,
    ROUND_SCALE: tl.constexpr,
    SATURATE: tl.constexpr,
    LARGEST: tl.constexpr,
) -> None:
    """Store a tile as data and a scale per row and GRANULE columns: x [BLOCK_M, BLOCK_N] f32, 0 where nothing is.

    m [BLOCK_M] (int64) and n [BLOCK_N] are the tile's rows and columns; n starts at a multiple of GRANULE.
    """
    BLOCK_M: tl.constexpr = x.shape[0]
    BLOCK_N: tl.constexpr = x.shape[1]
    BLOCKS: tl.constexpr = BLOCK_N // GRANULE
    blocks = tl.reshape(x, [BLOCK_M, BLOCKS, GRANULE])
    s = scale_of(tl.max(tl.abs(blocks), axis=2), AMAX_FLOOR, LARGEST, ROUND_SCALE)
    y = tl.reshape(quotient(blocks, s[:, :, None], APPLY, LARGEST, SATURATE), [BLOCK_M, BLOCK_N])
    inside = (m < rows)[:, None]
    places = data_ptr + m[:, None] * data_stride + n[None, :]
    tl.store(places, y.to(data_ptr.dtype.element_ty), mask=inside & (n < columns)[None, :])
    b = tl.min(n, axis=0) // GRANULE + tl.arange(0, BLOCKS)
    scale_places = scale_ptr + m[:, None] * scale_row + b.to(tl.int64)[None, :] * scale_block
    tl.store(scale_places, s, mask=inside & (b * GRANULE < columns)[None, :])
