"""LogFMT: bfloat16 rows as a sign and a logarithm of few bits, and back; see ``meanings/logfmt.py``.

A unit is a chunk of channels of a row: it travels as codes, or as it is.  Logarithms are those of f32: a number within
about 2^-20 / step of the middle between two codes may get the other one.
"""

import triton
import triton.language as tl

FP_FUSION = True
"""Terms of a polynomial are multiplied and added at once."""
GROUP = tl.constexpr(128)
"""Channels that share a range."""
LANE = tl.constexpr(16)
"""Channels that are packed together."""
RANGE = tl.constexpr(32.0)
"""The smallest logarithm is at most this far below the largest."""


@triton.jit
def range_of(smallest: tl.tensor, largest: tl.tensor, BITS: tl.constexpr) -> tuple[tl.tensor, tl.tensor]:
    """``low`` and ``step`` of groups with 0 < largest, smallest < largest; of others, some numbers."""
    usable = (largest > 0) & (smallest < largest)
    high = tl.log2(tl.where(usable, largest, 1.0))
    low = tl.where(usable, tl.maximum(tl.log2(tl.where(usable, smallest, 0.5)), high - RANGE), -1.0)
    return low, (high - low) / ((1 << (BITS - 1)) - 2)


@triton.jit
def logarithm(x: tl.tensor) -> tuple[tl.tensor, tl.tensor]:
    """``log2 x`` of bfloat16 numbers from 0 on, in f32, as a whole number and one from 0 to 1, to 2e-7; -191 for 0.

    The polynomial is the one whose largest error at 1..2 is least; 2^64 x is normal where x is not.
    """
    bits = (x * 18446744073709551616.0).to(tl.int32, bitcast=True)
    t = ((bits & 0x7FFFFF) | 0x3F800000).to(tl.float32, bitcast=True) - 1.0
    p = t * -0.009309016168117523 + 0.052058421075344086
    p = p * t - 0.1375204175710678
    p = p * t + 0.24186401069164276
    p = p * t - 0.3473007380962372
    p = p * t + 0.47868362069129944
    p = p * t - 0.7211657762527466
    p = p * t + 1.4426898956298828
    return ((bits >> 23) - 191).to(tl.float32), p * t


@triton.jit
def partial_word(codes: tl.tensor, WORD: tl.constexpr, WIDTH: tl.constexpr) -> tl.tensor:
    """Bits 32 * WORD and on of 8 codes one after another, the first lowest: [*, 8] -> [*]."""
    k = tl.arange(0, 8)[None, None, :]
    start = k * WIDTH - 32 * WORD
    left = tl.where((start >= 0) & (start < 32), codes << tl.minimum(tl.maximum(start, 0), 31), 0)
    right = tl.where((start < 0) & (start > -WIDTH), codes >> tl.minimum(tl.maximum(-start, 0), 31), 0)
    return tl.sum(left | right, axis=2).to(tl.uint32, bitcast=True)


@triton.jit
def packed_word(
    a0: tl.tensor, a1: tl.tensor, a2: tl.tensor, b0: tl.tensor, b1: tl.tensor, b2: tl.tensor, WORD: tl.constexpr,
    WIDTH: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """Word of 16 codes, from the partial words of the first 8 (a) and of the others (b)."""
    AT: tl.constexpr = 8 * WIDTH // 32
    SHIFT: tl.constexpr = 8 * WIDTH % 32
    word = a0 * 0
    if WORD == 0:
        word |= a0
    if WORD == 1:
        word |= a1
    if WORD == 2:
        word |= a2
    if WORD == AT:
        word |= b0 << SHIFT
    if WORD == AT + 1:
        word |= (b0 >> (32 - SHIFT)) | (b1 << SHIFT)
    if WORD == AT + 2:
        word |= (b1 >> (32 - SHIFT)) | (b2 << SHIFT)
    return word


@triton.jit
def logfmt_encode_kernel(
    x_ptr: tl.tensor,
    payload_ptr: tl.tensor,
    plain_ptr: tl.tensor,
    pairs_ptr: tl.tensor,
    units: tl.tensor,
    chunks: tl.tensor,
    x_stride: tl.tensor,
    BLOCK_U: tl.constexpr,
    CHUNK: tl.constexpr,
    BITS: tl.constexpr,
) -> None:
    """``code = max(0, floor((log2|x| - low) / step + 1.5 - z / 4 + z^3 / 24))``, ``z = step * ln(2) / 2``.

    The sum of the last three is ``2 - log2((1 + 2^step) / 2) / step`` but for 1e-8.  x: rows of ``chunks`` chunks.
    ``payload``: words of a unit, CHUNK / 2 apart; ``plain``: the same memory as bfloat16.  Grid: blocks of units.
    """
    GROUPS: tl.constexpr = CHUNK // GROUP
    LANES: tl.constexpr = CHUNK // LANE
    WIDTH: tl.constexpr = BITS - 1
    unit = tl.program_id(0).to(tl.int64) * BLOCK_U + tl.arange(0, BLOCK_U)
    there, channel = unit < units, tl.arange(0, CHUNK)
    places = unit // chunks * x_stride + unit % chunks * CHUNK
    given = tl.load(x_ptr + places[:, None] + channel[None, :], mask=there[:, None], other=0.0)
    x = tl.reshape(given.to(tl.float32), [BLOCK_U, GROUPS, GROUP])
    size = tl.abs(x)
    smallest, largest = tl.min(size, axis=2), tl.max(size, axis=2)
    numbers = tl.max((x != x).to(tl.int32), axis=2) == 0
    fits = numbers & (largest < 1) & (largest > 0) & (smallest < largest)
    coded = there & (tl.min(fits.to(tl.int32), axis=1) > 0)
    pair = tl.join(smallest, largest).to(tl.bfloat16)
    missing = (numbers == 0)[:, :, None]  # a group with NaN says so
    pair = tl.where(missing, float("nan"), pair.to(tl.float32)).to(tl.bfloat16)
    ends = tl.arange(0, 2)[None, None, :] + (tl.arange(0, GROUPS) * 2)[None, :, None]
    tl.store(pairs_ptr + (unit * (GROUPS * 2))[:, None, None] + ends, pair, mask=there[:, None, None])
    low, step = range_of(smallest, largest, BITS)
    z = step * 0.34657359027997264
    threshold = 1.5 - z * 0.25 + z * z * z * 0.041666666666666664
    exponent, part = logarithm(size)
    above = (exponent - low[:, :, None]) + part
    codes = above * (1 / step)[:, :, None] + threshold[:, :, None]
    codes = tl.minimum(tl.maximum(codes, 0.0).to(tl.int32), (1 << WIDTH) - 1)  # of 0 too: far below the range
    halves = tl.reshape(codes, [BLOCK_U, LANES * 2, 8])
    negative = tl.reshape((x < 0).to(tl.int32), [BLOCK_U, LANES * 2, 8])
    a0, b0 = tl.split(tl.reshape(partial_word(halves, 0, WIDTH), [BLOCK_U, LANES, 2]))
    a1, b1 = tl.split(tl.reshape(partial_word(halves, 1, WIDTH), [BLOCK_U, LANES, 2]))
    a2, b2 = tl.split(tl.reshape(partial_word(halves, 2, WIDTH), [BLOCK_U, LANES, 2]))
    signs_a, signs_b = tl.split(tl.reshape(partial_word(negative, 0, 1), [BLOCK_U, LANES, 2]))
    lane = tl.arange(0, LANES)
    first = (unit * (CHUNK // 2))[:, None] + (lane // 8 * (4 * BITS) + lane % 8)[None, :]
    for word in tl.static_range(BITS // 2):
        value = packed_word(a0, a1, a2, b0, b1, b2, word, WIDTH)
        if word == BITS // 2 - 1:
            value |= (signs_a | (signs_b << 8)) << 16
        tl.store(payload_ptr + first + word * 8, value.to(tl.int32, bitcast=True), mask=coded[:, None])
    as_it_is = (unit * CHUNK)[:, None] + channel[None, :]
    tl.store(plain_ptr + as_it_is, given, mask=(there & (coded == 0))[:, None])


@triton.jit
def logfmt_decode_kernel(
    payload_ptr: tl.tensor,
    plain_ptr: tl.tensor,
    pairs_ptr: tl.tensor,
    y_ptr: tl.tensor,
    units: tl.tensor,
    chunks: tl.tensor,
    y_stride: tl.tensor,
    BLOCK_U: tl.constexpr,
    CHUNK: tl.constexpr,
    BITS: tl.constexpr,
) -> None:
    """``+-2^((code - 1) * step + low)``, 0 for code 0; other units are as they travelled.  Grid: blocks of units."""
    GROUPS: tl.constexpr = CHUNK // GROUP
    LANES: tl.constexpr = CHUNK // LANE
    WIDTH: tl.constexpr = BITS - 1
    unit = tl.program_id(0).to(tl.int64) * BLOCK_U + tl.arange(0, BLOCK_U)
    there, channel = unit < units, tl.arange(0, CHUNK)
    group = (unit * GROUPS)[:, None] + tl.arange(0, GROUPS)[None, :]
    pair = tl.load(pairs_ptr + group, mask=there[:, None], other=0)  # two bfloat16 numbers, the smallest first
    smallest, largest = (pair << 16).to(tl.float32, bitcast=True), (pair & -65536).to(tl.float32, bitcast=True)
    fits = (largest < 1) & (largest > 0) & (smallest < largest)
    coded = there & (tl.min(fits.to(tl.int32), axis=1) > 0)
    low, step = range_of(smallest, largest, BITS)
    lane, i = tl.arange(0, LANES), tl.arange(0, LANE)[None, None, :]
    first = (unit * (CHUNK // 2))[:, None] + (lane // 8 * (4 * BITS) + lane % 8)[None, :]
    start = i * WIDTH
    codes = tl.zeros((BLOCK_U, LANES, LANE), tl.uint32)
    negative = codes
    for word in tl.static_range(BITS // 2):
        value = tl.load(payload_ptr + first + word * 8, mask=coded[:, None], other=0).to(tl.uint32, bitcast=True)
        value = value[:, :, None]
        below, above = start - 32 * word, 32 * word - start
        codes |= tl.where((below >= 0) & (below < 32), value >> tl.minimum(tl.maximum(below, 0), 31), 0)
        codes |= tl.where((above > 0) & (above < WIDTH), value << tl.minimum(tl.maximum(above, 0), 31), 0)
        if word == BITS // 2 - 1:
            negative = (value >> (16 + i)) & 1
    codes = tl.reshape(codes & ((1 << WIDTH) - 1), [BLOCK_U, GROUPS, GROUP]).to(tl.int32)
    negative = tl.reshape(negative, [BLOCK_U, GROUPS, GROUP])
    size = tl.exp2((codes - 1).to(tl.float32) * step[:, :, None] + low[:, :, None])
    size = tl.where(codes == 0, 0.0, size)
    y = size * tl.where(negative != 0, -1.0, 1.0)  # -size is 0 - size in Triton 3.6
    y = tl.reshape(y, [BLOCK_U, CHUNK])
    as_it_is = (unit * CHUNK)[:, None] + channel[None, :]
    plain = tl.load(plain_ptr + as_it_is, mask=(there & (coded == 0))[:, None], other=0.0)
    y = tl.where(coded[:, None], y, plain.to(tl.float32))
    places = unit // chunks * y_stride + unit % chunks * CHUNK
    tl.store(y_ptr + places[:, None] + channel[None, :], y.to(y_ptr.dtype.element_ty), mask=there[:, None])
