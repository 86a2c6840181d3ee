"""LogFMT: bfloat16 rows as a sign and a logarithm of few bits, and back; see ``meanings/logfmt.py``.

A unit is a chunk of channels of a row: it travels as codes, or as it is.  A thread has the 16 channels of a lane, two
in a word: what it packs and unpacks are constant shifts.  Logarithms are those of f32: a number within about 2^-21 /
step of the middle between two codes may get the other one.
"""

import triton
import triton.language as tl

FP_FUSION = True
"""Terms of a polynomial are multiplied and added at once."""
LANE = tl.constexpr(16)
"""Channels that are packed together."""
LANES = tl.constexpr(8)
"""Of a group of 128 channels, which share a range."""
WARP = tl.constexpr(32)
"""Lanes of a unit that are neighbours: more are further registers of the same threads."""
NO_SIGN = tl.constexpr(0x7FFF7FFF)
ONE = tl.constexpr(0x3F800000)
INFINITE = tl.constexpr(0x7F800000)
LOWEST = tl.constexpr(0.5**32)
"""The smallest logarithm is at most 32 below the largest."""
UP = tl.constexpr(2.0**64)
"""Times it, no bfloat16 number is subnormal."""
WHOLE = tl.constexpr(8388608.0)
"""2^23: a number from 0 to 2^22 and it are a sum whose lowest bits are the number, rounded."""


@triton.jit
def words_at(numbers_ptr: tl.tensor) -> tl.tensor:
    """Where bfloat16 numbers are, as words of two."""
    return numbers_ptr.to(tl.pointer_type(tl.int32), bitcast=True)


@triton.jit
def four(words: tl.tensor) -> tuple[tl.tensor, tl.tensor, tl.tensor, tl.tensor]:
    """The columns of [A, B, C, 4]."""
    even, odd = tl.split(tl.reshape(words, [words.shape[0], words.shape[1], words.shape[2], 2, 2]))
    first, third = tl.split(even)
    second, fourth = tl.split(odd)
    return first, second, third, fourth


@triton.jit
def eight(
    a: tl.tensor, b: tl.tensor, c: tl.tensor, d: tl.tensor, e: tl.tensor, f: tl.tensor, g: tl.tensor, h: tl.tensor
) -> tl.tensor:
    """Columns as [A, B, C, 8]."""
    even = tl.join(tl.join(a, e), tl.join(c, g))
    odd = tl.join(tl.join(b, f), tl.join(d, h))
    return tl.reshape(tl.join(even, odd), [a.shape[0], a.shape[1], a.shape[2], 8])


@triton.jit
def usable(smallest: tl.tensor, largest: tl.tensor) -> tl.tensor:
    """Whether groups can be sent as codes, by the f32 bits of their extremes: NaN and infinity are above 1."""
    return (largest < ONE) & (smallest < largest)


@triton.jit
def range_of(smallest: tl.tensor, largest: tl.tensor) -> tuple[tl.tensor, tl.tensor]:
    """``2^(low + 64)`` and ``high - low`` of groups, from the bits of their extremes; if not usable, some numbers."""
    fits = usable(smallest, largest)
    top = tl.where(fits, largest.to(tl.float32, bitcast=True), 1.0) * UP
    bottom = tl.maximum(tl.where(fits, smallest.to(tl.float32, bitcast=True), 0.5) * UP, top * LOWEST)
    return bottom, tl.log2(top / bottom)


@triton.jit
def logarithm(x: tl.tensor) -> tl.tensor:
    """``log2 x`` of positive normal f32 numbers, to 2e-7 and half a unit in the last place; -127 of 0.

    The polynomial is the one whose largest error at 1..2 is least.
    """
    bits = x.to(tl.int32, bitcast=True)
    t = ((bits & 0x7FFFFF) | ONE).to(tl.float32, bitcast=True) - 1.0
    p = t * -0.009309016168117523 + 0.052058421075344086
    p = p * t - 0.1375204175710678
    p = p * t + 0.24186401069164276
    p = p * t - 0.3473007380962372
    p = p * t + 0.47868362069129944
    p = p * t - 0.7211657762527466
    p = p * t + 1.4426898956298828
    return p * t + ((bits >> 23) - 127).to(tl.float32)


@triton.jit
def code_of(
    size: tl.tensor, inverse: tl.tensor, slope: tl.tensor, threshold: tl.tensor, LG2: tl.constexpr
) -> tl.tensor:
    """The bits of WHOLE plus the code of an absolute value, which is given as f32 bits.

    LG2: as the instruction of NVIDIA's GPUs finds logarithms, to 2^-22, and from 2 on to 2^-22 of them.
    """
    x = size.to(tl.float32, bitcast=True) * UP * inverse
    if LG2:
        x = tl.inline_asm_elementwise("lg2.approx.ftz.f32 $0, $1;", "=f,f", [x], tl.float32, True, 1)
    else:
        x = logarithm(x)
    above = x * slope + threshold
    return tl.maximum(above + WHOLE, WHOLE).to(tl.int32, bitcast=True)  # of 0 too: far below the range


@triton.jit
def add_code(
    word: tl.tensor, code: tl.tensor, INDEX: tl.constexpr, WORD: tl.constexpr, WIDTH: tl.constexpr
) -> tl.tensor:
    """Add what word WORD of a lane has of code INDEX; the exponent of WHOLE is shifted out, or cut off."""
    SHIFT: tl.constexpr = INDEX * WIDTH - 32 * WORD
    if SHIFT >= 32 or SHIFT <= -WIDTH:
        return word
    elif SHIFT >= 8:
        return word + (code << SHIFT)
    elif SHIFT >= 0:
        return word + ((code & 0xFFFF) << SHIFT)
    else:
        return word + ((code & 0xFFFF) >> -SHIFT)


@triton.jit
def lanes_of(row: tl.tensor, CHUNK: tl.constexpr) -> tuple[tl.tensor, tl.tensor]:
    """Lanes of units as [halves, 1, lanes], and units as [1, units, 1]."""
    COUNT: tl.constexpr = CHUNK // LANE
    NEAR: tl.constexpr = COUNT if COUNT < WARP else WARP
    lane = (tl.arange(0, COUNT // NEAR) * NEAR)[:, None, None] + tl.arange(0, NEAR)[None, None, :]
    return lane, row[None, :, None]


@triton.jit
def groups_of(CHUNK: tl.constexpr) -> tl.tensor:
    """Numbers of groups, as ``of_groups`` has them: [halves, 1, groups]."""
    GROUPS: tl.constexpr = CHUNK // (LANE * LANES)
    NEAR: tl.constexpr = GROUPS if GROUPS < WARP // LANES else WARP // LANES
    return (tl.arange(0, GROUPS // NEAR) * NEAR)[:, None, None] + tl.arange(0, NEAR)[None, None, :]


@triton.jit
def of_groups(x: tl.tensor, SMALLEST: tl.constexpr) -> tl.tensor:
    """The smallest or the largest of every group: [halves, units, lanes] -> [halves, units, groups]."""
    lanes = tl.reshape(x, [x.shape[0], x.shape[1], x.shape[2] // LANES, LANES])
    return tl.min(lanes, axis=3) if SMALLEST else tl.max(lanes, axis=3)


@triton.jit
def spread(x: tl.tensor) -> tl.tensor:
    """What lanes need of their groups: [halves, units, groups] -> [halves, units, lanes]."""
    lanes = tl.broadcast_to(x[:, :, :, None], [x.shape[0], x.shape[1], x.shape[2], LANES])
    return tl.reshape(lanes, [x.shape[0], x.shape[1], x.shape[2] * LANES])


@triton.jit
def logfmt_encode_kernel(
    x_ptr: tl.tensor,
    payload_ptr: tl.tensor,
    plain_ptr: tl.tensor,
    pairs_ptr: tl.tensor,
    rows: tl.tensor,
    x_stride: tl.tensor,
    BLOCK_U: tl.constexpr,
    CHUNK: tl.constexpr,
    CHUNKS: tl.constexpr,
    BITS: tl.constexpr,
    LG2: tl.constexpr,
) -> None:
    """``code = max(0, floor((log2|x| - low) / step + 1.5 - z / 4 + z^3 / 24))``, ``z = step * ln(2) / 2``.

    The sum of the last three is ``2 - log2((1 + 2^step) / 2) / step`` but for 1e-8.  x and pairs are words of two
    bfloat16 numbers, as ``payload`` is under the name ``plain``; x has rows of CHUNKS chunks.  Grid: blocks of rows x
    chunks.
    """
    WIDTH: tl.constexpr = BITS - 1
    STEPS: tl.constexpr = (1 << WIDTH) - 2
    row = tl.program_id(0) // CHUNKS * BLOCK_U + tl.arange(0, BLOCK_U)
    chunk = tl.program_id(0) % CHUNKS
    lane, row = lanes_of(row, CHUNK)
    there, k = row < rows, tl.arange(0, 4)[None, None, None, :]
    place = words_at(x_ptr) + row.to(tl.int64) * (x_stride // 2) + chunk * (CHUNK // 2) + lane * (LANE // 2)
    near = tl.load(place[:, :, :, None] + k, mask=there[:, :, :, None], other=0)
    far = tl.load(place[:, :, :, None] + 4 + k, mask=there[:, :, :, None], other=0)
    words = four(near) + four(far)
    sizes = words[0] & NO_SIGN
    smallest = tl.minimum(sizes & -0x10000, sizes << 16)
    largest = tl.maximum(sizes & -0x10000, sizes << 16)
    for j in tl.static_range(1, 8):
        sizes = words[j] & NO_SIGN
        smallest = tl.minimum(tl.minimum(smallest, sizes & -0x10000), sizes << 16)
        largest = tl.maximum(tl.maximum(largest, sizes & -0x10000), sizes << 16)
    smallest, largest = of_groups(smallest, True), of_groups(largest, False)
    fits = tl.min(tl.min(usable(smallest, largest).to(tl.int32), axis=2), axis=0)
    coded = there & (fits > 0)[None, :, None]
    unit = row.to(tl.int64) * CHUNKS + chunk
    pair = (tl.where(largest > INFINITE, largest, smallest) >> 16) | largest  # a group with NaN says so twice
    tl.store(words_at(pairs_ptr) + unit * (CHUNK // 128) + groups_of(CHUNK), pair, mask=there)
    bottom, extent = range_of(smallest, largest)
    z = extent * (0.34657359027997264 / STEPS)
    inverse, slope = spread(1.0 / bottom), spread(STEPS / extent)
    threshold = spread(1.0 - z * 0.25 + z * z * z * 0.041666666666666664)
    w0 = tl.zeros_like(words[0])
    w1, w2, w3, w4 = w0, w0, w0, w0
    signs = w0.to(tl.uint32)
    for j in tl.static_range(8):
        sizes = words[j] & NO_SIGN
        first = code_of(sizes << 16, inverse, slope, threshold, LG2)
        second = code_of(sizes & -0x10000, inverse, slope, threshold, LG2)
        w0 = add_code(add_code(w0, first, 2 * j, 0, WIDTH), second, 2 * j + 1, 0, WIDTH)
        w1 = add_code(add_code(w1, first, 2 * j, 1, WIDTH), second, 2 * j + 1, 1, WIDTH)
        w2 = add_code(add_code(w2, first, 2 * j, 2, WIDTH), second, 2 * j + 1, 2, WIDTH)
        w3 = add_code(add_code(w3, first, 2 * j, 3, WIDTH), second, 2 * j + 1, 3, WIDTH)
        w4 = add_code(add_code(w4, first, 2 * j, 4, WIDTH), second, 2 * j + 1, 4, WIDTH)
        negative = words[j] & (sizes + NO_SIGN) & -0x7FFF8000  # of what is not zero
        signs = (signs >> 2) + negative.to(tl.uint32, bitcast=True)
    # in signs even channels are bits 1, 3, ..., odd ones bits 17, 19, ...
    signs = ((signs & 0xAAAA0000) | ((signs & 0xAAAA) << 15)).to(tl.int32, bitcast=True)
    to = payload_ptr + unit * (CHUNK // 2) + (lane // LANES * (4 * BITS) + lane % LANES)
    tl.store(to, w0, mask=coded)
    tl.store(to + LANES, w1, mask=coded)
    tl.store(to + 2 * LANES, w2, mask=coded)
    tl.store(to + 3 * LANES, w3 + signs if BITS == 8 else w3, mask=coded)
    if BITS == 10:
        tl.store(to + 4 * LANES, w4 + signs, mask=coded)
    as_it_is = (words_at(plain_ptr) + unit * (CHUNK // 2) + lane * (LANE // 2))[:, :, :, None] + k
    plain = (there & (fits == 0)[None, :, None])[:, :, :, None]
    tl.store(as_it_is, near, mask=plain)
    tl.store(as_it_is + 4, far, mask=plain)


@triton.jit
def decoded(
    words: tl.tuple, spread_signs: tl.tensor, low: tl.tensor, step: tl.tensor, INDEX: tl.constexpr, WIDTH: tl.constexpr
) -> tl.tensor:
    """Channel INDEX of lanes, in f32; ``spread_signs``: even channels' from bit 1 on, odd ones' from bit 17 on."""
    WORD: tl.constexpr = INDEX * WIDTH // 32
    SHIFT: tl.constexpr = INDEX * WIDTH % 32
    code = words[WORD] >> SHIFT
    if SHIFT + WIDTH > 32:
        code |= words[WORD + 1] << (32 - SHIFT)
    code = (code & ((1 << WIDTH) - 1)) | 0x4B000000
    above = code.to(tl.float32, bitcast=True) - (WHOLE + 1.0)
    size = tl.where(code == 0x4B000000, 0.0, tl.exp2(above * step + low)).to(tl.uint32, bitcast=True)
    AT: tl.constexpr = INDEX + 1 if INDEX % 2 == 0 else INDEX + 16
    return (size | ((spread_signs << (31 - AT)) & 0x80000000)).to(tl.float32, bitcast=True)


@triton.jit
def logfmt_decode_kernel(
    payload_ptr: tl.tensor,
    plain_ptr: tl.tensor,
    pairs_ptr: tl.tensor,
    y_ptr: tl.tensor,
    rows: tl.tensor,
    y_stride: tl.tensor,
    BLOCK_U: tl.constexpr,
    CHUNK: tl.constexpr,
    CHUNKS: tl.constexpr,
    BITS: tl.constexpr,
) -> None:
    """``+-2^((code - 1) * step + low)``, 0 for code 0; other units are as they travelled.

    ``plain``: the numbers that words of ``payload`` are where they are not codes.  Grid: blocks of rows x chunks.
    """
    WIDTH: tl.constexpr = BITS - 1
    STEPS: tl.constexpr = (1 << WIDTH) - 2
    row = tl.program_id(0) // CHUNKS * BLOCK_U + tl.arange(0, BLOCK_U)
    chunk = tl.program_id(0) % CHUNKS
    lane, row = lanes_of(row, CHUNK)
    there, k = row < rows, tl.arange(0, 8)[None, None, None, :]
    unit = row.to(tl.int64) * CHUNKS + chunk
    pair = tl.load(words_at(pairs_ptr) + unit * (CHUNK // 128) + groups_of(CHUNK), mask=there, other=0)
    smallest, largest = pair << 16, pair & -0x10000
    fits = tl.min(tl.min(usable(smallest, largest).to(tl.int32), axis=2), axis=0)
    coded = there & (fits > 0)[None, :, None]
    bottom, extent = range_of(smallest, largest)
    low, step = spread(tl.log2(bottom * (1 / UP))), spread(extent / STEPS)
    payload = payload_ptr + unit * (CHUNK // 2) + (lane // LANES * (4 * BITS) + lane % LANES)
    w0 = tl.load(payload, mask=coded, other=0).to(tl.uint32, bitcast=True)
    w1 = tl.load(payload + LANES, mask=coded, other=0).to(tl.uint32, bitcast=True)
    w2 = tl.load(payload + 2 * LANES, mask=coded, other=0).to(tl.uint32, bitcast=True)
    w3 = tl.load(payload + 3 * LANES, mask=coded, other=0).to(tl.uint32, bitcast=True)
    w4 = w3
    if BITS == 10:
        w4 = tl.load(payload + 4 * LANES, mask=coded, other=0).to(tl.uint32, bitcast=True)
    words = (w0, w1, w2, w3, w4)
    signs = (w4 & 0xAAAA0000) | ((w4 >> 15) & 0xAAAA)
    plain = (there & (fits == 0)[None, :, None])[:, :, :, None]
    places = row.to(tl.int64) * y_stride + chunk * CHUNK + lane * LANE
    as_it_is = unit * CHUNK + lane * LANE
    for half in tl.static_range(2):
        at = 8 * half
        y = eight(
            decoded(words, signs, low, step, 8 * half, WIDTH),
            decoded(words, signs, low, step, 8 * half + 1, WIDTH),
            decoded(words, signs, low, step, 8 * half + 2, WIDTH),
            decoded(words, signs, low, step, 8 * half + 3, WIDTH),
            decoded(words, signs, low, step, 8 * half + 4, WIDTH),
            decoded(words, signs, low, step, 8 * half + 5, WIDTH),
            decoded(words, signs, low, step, 8 * half + 6, WIDTH),
            decoded(words, signs, low, step, 8 * half + 7, WIDTH),
        )
        to = y_ptr + (places + at)[:, :, :, None] + k
        tl.store(to, y.to(y_ptr.dtype.element_ty), mask=coded[:, :, :, None])
        given = tl.load(plain_ptr + (as_it_is + at)[:, :, :, None] + k, mask=plain, other=0.0)
        tl.store(to, given.to(tl.float32).to(y_ptr.dtype.element_ty), mask=plain)
