"""Gradients of weights: block-scaled rows times block-scaled rows, summed over tokens, in f32."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.tiles import tile_of

FP_FUSION = True
"""Promoted sums are scaled and added by one instruction, which rounds once."""


@triton.jit
def wgrad_tile(
    tile: tl.tensor,
    a_ptr: tl.tensor,
    a_scale_ptr: tl.tensor,
    b_ptr: tl.tensor,
    b_scale_ptr: tl.tensor,
    offsets_ptr: tl.tensor | None,
    y_old_ptr: tl.tensor,
    y_ptr: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    T: tl.tensor,
    stride_a: tl.tensor,
    pitch_as: tl.tensor,
    stride_b: tl.tensor,
    pitch_bs: tl.tensor,
    stride_ye: tl.tensor,
    stride_yn: tl.tensor,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GRANULE: tl.constexpr,
    GROUP_N: tl.constexpr,
    STAGES: tl.constexpr,
    ACCUMULATE: tl.constexpr,
) -> None:
    """One tile of ``wgrad_mm_kernel``."""
    tiles_n, tiles_k = tl.cdiv(N, BLOCK_N), tl.cdiv(K, BLOCK_K)
    expert = tile // (tiles_n * tiles_k)
    tile_n, tile_k = tile_of(tile % (tiles_n * tiles_k), tiles_n, tiles_k, GROUP_N)
    row, column = (tile_n * BLOCK_N).to(tl.int64), (tile_k * BLOCK_K).to(tl.int64)
    height, width = N - tile_n * BLOCK_N, K - tile_k * BLOCK_K
    first = 0
    end = T
    if offsets_ptr is not None:
        first = tl.load(offsets_ptr + expert)
        end = tl.load(offsets_ptr + expert + 1)
    # what is outside repeats the last row, and is not stored
    m, n, ts = tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_K), tl.arange(0, GRANULE)
    rows, columns = tl.minimum(m, height - 1), tl.minimum(n, width - 1)
    a_base, b_base = a_ptr + row * stride_a, b_ptr + column * stride_b
    a_scales, b_scales = a_scale_ptr + row, b_scale_ptr + column
    a_places, b_places = rows[:, None] * stride_a + ts[None, :], columns[:, None] * stride_b + ts[None, :]
    total = tl.zeros((BLOCK_N, BLOCK_K), tl.float32)
    for block in tl.range(first // GRANULE, tl.cdiv(end, GRANULE), num_stages=STAGES):
        there = (ts < tl.cdiv(end - block * GRANULE, 16) * 16)[None, :]  # rows are zero up to the next multiple
        a = tl.load(a_base + block * GRANULE + a_places, mask=there, other=0.0)
        b = tl.load(b_base + block * GRANULE + b_places, mask=there, other=0.0)
        s_a = tl.load(a_scales + block * (pitch_as * 4) + rows)
        s_b = tl.load(b_scales + block * (pitch_bs * 4) + columns)
        total += tl.dot(a, b.T) * (s_a[:, None] * s_b[None, :])
    place = expert.to(tl.int64) * stride_ye + row * stride_yn + column
    places = m[:, None] * stride_yn + n[None, :]
    inside = (m < height)[:, None] & (n < width)[None, :]
    if ACCUMULATE:
        total += tl.load(y_old_ptr + place + places, mask=inside, other=0.0)
    tl.store(y_ptr + place + places, total, mask=inside)


@triton.jit
def wgrad_mm_kernel(
    a_ptr: tl.tensor,
    a_scale_ptr: tl.tensor,
    b_ptr: tl.tensor,
    b_scale_ptr: tl.tensor,
    offsets_ptr: tl.tensor | None,
    y_old_ptr: tl.tensor,
    y_ptr: tl.tensor,
    experts: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    T: tl.tensor,
    pitch_a: tl.tensor,
    pitch_as: tl.tensor,
    pitch_b: tl.tensor,
    pitch_bs: tl.tensor,
    stride_ye: tl.tensor,
    stride_yn: tl.tensor,
    num_programs: tl.tensor,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GRANULE: tl.constexpr,
    GROUP_N: tl.constexpr,
    STAGES: tl.constexpr,
    ACCUMULATE: tl.constexpr,
    PERSISTENT: tl.constexpr,
) -> None:
    """Tiles of y: ``y[n, k] (+)= sum_b (sum_{t in b} a[n, t] * b[k, t]) * (s_a[n, b] * s_b[k, b])``.

    Rows of a and b are 16 * ``pitch`` elements apart, blocks of their scales 4 * ``pitch``; rows of scales adjacent.
    ``offsets``: expert e has the tokens from ``offsets[e]`` to ``offsets[e + 1]``, multiples of GRANULE; absent: the
    one expert has all T.  ACCUMULATE: sums are added to ``y_old``, which is y.  PERSISTENT: programs walk tiles.
    """
    if PERSISTENT:
        tiles = experts * tl.cdiv(N, BLOCK_N) * tl.cdiv(K, BLOCK_K)
        for step in range(0, tl.cdiv(tiles - tl.program_id(0), num_programs)):
            tile = tl.program_id(0) + step * num_programs
            wgrad_tile(
                tile, a_ptr, a_scale_ptr, b_ptr, b_scale_ptr, offsets_ptr, y_old_ptr, y_ptr, N, K, T, pitch_a * 16,
                pitch_as, pitch_b * 16, pitch_bs, stride_ye, stride_yn,
                BLOCK_N, BLOCK_K, GRANULE, GROUP_N, STAGES, ACCUMULATE,
            )  # fmt: skip
    else:
        wgrad_tile(
            tl.program_id(0), a_ptr, a_scale_ptr, b_ptr, b_scale_ptr, offsets_ptr, y_old_ptr, y_ptr, N, K, T,
            pitch_a * 16, pitch_as, pitch_b * 16, pitch_bs, stride_ye, stride_yn,
            BLOCK_N, BLOCK_K, GRANULE, GROUP_N, STAGES, ACCUMULATE,
        )  # fmt: skip
