"""Device functions that quantise: M rows, N columns of a tile, a scale for every GRANULE columns of a row.

NaN takes no part in a block's largest absolute value, and stays NaN in the data.
"""

import triton
import triton.language as tl


@triton.jit
def up_to_pow2(s: tl.tensor) -> tl.tensor:
    """``2^ceil(log2 s)`` of positive f32 numbers from 2^-126 to 2^127, by their bits; infinity stays."""
    bits = s.to(tl.int32, bitcast=True)
    return ((bits + 0x7FFFFF) & -0x800000).to(tl.float32, bitcast=True)


@triton.jit
def scale_of(amax: tl.tensor, AMAX_FLOOR: tl.constexpr, LARGEST: tl.constexpr, ROUND_SCALE: tl.constexpr) -> tl.tensor:
    """``s = max(amax, floor) / largest``, raised to a power of two where ROUND_SCALE is ``pow2``.

    The division is a product with the reciprocal in two parts, which is off by less than 2^-38 before it is rounded: a
    quotient by p * 2^k is no closer than 2^-26 / p to the middle of two f32 numbers, and p is 7 or 15.
    """
    amax = tl.maximum(amax, AMAX_FLOOR)
    if AMAX_FLOOR >= 1e-20:
        UPPER: tl.constexpr = (1073741824 // LARGEST) / 1073741824  # the highest bits, rounded down
        s = tl.fma(amax, tl.full(amax.shape, UPPER, tl.float32), amax * (1 / LARGEST - UPPER))
    else:  # the lower part of the product would underflow
        s = tl.div_rn(amax, tl.full(amax.shape, LARGEST, tl.float32))
    return up_to_pow2(s) if ROUND_SCALE == "pow2" else s


@triton.jit
def divided(x: tl.tensor, s: tl.tensor) -> tl.tensor:
    """``x / s`` for positive s, as good as rounded once in f32 for what is rounded to at most 4 significant bits.

    Three operations per number: a quotient that is off by less than two units in the last place, its remainder, and a
    correction, which rounds as the quotient would but where that is within 2^-44 of the middle of two f32 numbers.
    What that does to the last bit changes a number of 4 bits only where one of the two has 5; then the last 20 bits of
    s are as good as 0, and of these few s all are tried in ``tests/unit/test_quotients.py``.  Remainders that underflow
    are not exact: s is 2^-80 or more.  -0 and what is divided by infinity keep their sign.
    """
    above = (1 / 2097152 - 1) / s  # a GPU's quotient is off by two units; this one is above -1 / s
    error = tl.maximum(tl.fma(s, above, tl.full(s.shape, 1.0, tl.float32)), 0.0)  # of infinity: NaN, and then 0
    negative = tl.fma(above, error * (1 + 1 / 262144), above)  # at most 2^-38 below -1 / s, before it is rounded
    divisor = tl.broadcast_to(tl.minimum(s, 3e38), x.shape)
    y = x * -negative
    return tl.fma(tl.fma(y, divisor, -x), tl.broadcast_to(negative, x.shape), y)


@triton.jit
def quotient(
    x: tl.tensor,
    s: tl.tensor,
    APPLY: tl.constexpr,
    LARGEST: tl.constexpr,
    SATURATE: tl.constexpr,
    ROUND_SCALE: tl.constexpr,
) -> tl.tensor:
    """``x / s`` (see ``divided``), or ``x * (1 / s)`` where APPLY is ``reciprocal``; s has a size of 1 where x has not.

    ROUND_SCALE: ``pow2`` where s is a power of two up to 2^126, or infinity.
    """
    if ROUND_SCALE == "pow2":  # no product or quotient rounds but where it underflows, and then both to the same
        bits = 0x7F000000 - s.to(tl.int32, bitcast=True)
        y = x * tl.maximum(bits, 0).to(tl.float32, bitcast=True)
    elif APPLY == "reciprocal":
        y = x * tl.div_rn(tl.full(s.shape, 1.0, tl.float32), s)
    else:
        y = divided(x, s)
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

    m [BLOCK_M] (int64) and n [BLOCK_N] are the tile's rows and columns; n starts at a multiple of GRANULE.  Nothing is
    left to SATURATE: what is divided by such a scale is LARGEST at most, but for a rounding.
    """
    BLOCK_M: tl.constexpr = x.shape[0]
    BLOCK_N: tl.constexpr = x.shape[1]
    BLOCKS: tl.constexpr = BLOCK_N // GRANULE
    blocks = tl.reshape(x, [BLOCK_M, BLOCKS, GRANULE])
    s = scale_of(tl.max(tl.abs(blocks), axis=2), AMAX_FLOOR, LARGEST, ROUND_SCALE)
    y = quotient(blocks, s[:, :, None], APPLY, LARGEST, False, ROUND_SCALE)
    y = tl.reshape(y, [BLOCK_M, BLOCK_N])
    inside = (m < rows)[:, None]
    places = data_ptr + m[:, None] * data_stride + n[None, :]
    tl.store(places, y.to(data_ptr.dtype.element_ty), mask=inside & (n < columns)[None, :])
    b = tl.min(n, axis=0) // GRANULE + tl.arange(0, BLOCKS)
    scale_places = scale_ptr + m[:, None] * scale_row + b.to(tl.int64)[None, :] * scale_block
    tl.store(scale_places, s, mask=inside & (b * GRANULE < columns)[None, :])
