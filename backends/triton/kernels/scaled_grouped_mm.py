"""``scaled.grouped_mm``: rows of block-scaled numbers, each times the matrix of its expert."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.tiles import (
    filled_first,
    filled_tiles,
    scaled_product,
    store_tile,
    tile_of,
)

FP_FUSION = True
"""Promoted sums are scaled and added by one instruction, which rounds once."""
ALIGNED = tl.constexpr(4)
"""Scales are copied from a multiple of so many, 16 bytes."""


@triton.jit
def multiply(
    row: tl.tensor,
    column: tl.tensor,
    height: tl.tensor,
    x_ptr: tl.tensor,
    x_scale_ptr: tl.tensor,
    w_ptr: tl.tensor,
    w_scale_ptr: tl.tensor,
    expert_of_ptr: tl.tensor,
    y_ptr: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_xs: tl.tensor,
    stride_we: tl.tensor,
    stride_wn: tl.tensor,
    stride_ws_e: tl.tensor,
    stride_ws_n: tl.tensor,
    stride_ws_k: tl.tensor,
    stride_ym: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    M_GRANULE: tl.constexpr,
    N_GRANULE: tl.constexpr,
    K_GRANULE: tl.constexpr,
    MN_MAJOR: tl.constexpr,
    PROMOTE: tl.constexpr,
    SWAP: tl.constexpr,
    EVEN_K: tl.constexpr,
    STAGES: tl.constexpr,
    SKIPS_PADDING: tl.constexpr,
) -> None:
    """A tile of y, all of one expert.  ``height``: rows to the end of its group."""
    width = N - column
    rows = tl.arange(0, BLOCK_M)
    owner = tl.load(expert_of_ptr + row + rows, mask=rows < height, other=-1)
    expert = tl.max(owner, axis=0).to(tl.int64)
    if expert < 0:
        if not SKIPS_PADDING:
            zeros = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
            store_tile(y_ptr + row * stride_ym + column, zeros, stride_ym, height, width, BLOCK_M, BLOCK_N)
    else:
        total = scaled_product(
            x_ptr + row * stride_xm,
            x_scale_ptr + (row * M_GRANULE if MN_MAJOR else row * (M_GRANULE * stride_xs)),
            w_ptr + expert * stride_we + column.to(tl.int64) * stride_wn,
            w_scale_ptr + expert * stride_ws_e,
            height,
            width,
            column,
            K,
            0,
            tl.cdiv(K, BLOCK_K),
            stride_xm,
            stride_xs,
            stride_wn,
            stride_ws_n,
            stride_ws_k,
            BLOCK_M,
            BLOCK_N,
            BLOCK_K,
            M_GRANULE,
            N_GRANULE,
            K_GRANULE,
            MN_MAJOR,
            PROMOTE,
            SWAP,
            EVEN_K,
            STAGES,
        )
        if not SKIPS_PADDING:
            total = tl.where((owner >= 0)[:, None], total, 0.0)
        store_tile(y_ptr + row * stride_ym + column, total, stride_ym, height, width, BLOCK_M, BLOCK_N)


@triton.jit
def scaled_grouped_mm_kernel(
    x_ptr: tl.tensor,
    x_scale_ptr: tl.tensor,
    w_ptr: tl.tensor,
    w_scale_ptr: tl.tensor,
    expert_of_ptr: tl.tensor,
    y_ptr: tl.tensor,
    groups: tl.tensor,
    room: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_xs: tl.tensor,
    stride_we: tl.tensor,
    stride_wn: tl.tensor,
    stride_ws_e: tl.tensor,
    stride_ws_n: tl.tensor,
    stride_ws_k: tl.tensor,
    stride_ym: tl.tensor,
    num_programs: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    M_GRANULE: tl.constexpr,
    N_GRANULE: tl.constexpr,
    K_GRANULE: tl.constexpr,
    MN_MAJOR: tl.constexpr,
    PROMOTE: tl.constexpr,
    SWAP: tl.constexpr,
    EVEN_K: tl.constexpr,
    STAGES: tl.constexpr,
    PERSISTENT: tl.constexpr,
    GROUPS: tl.constexpr,
    SKIPS_PADDING: tl.constexpr,
) -> None:
    """Every ``num_programs``-th tile of y: ``groups`` of ``room`` rows each, no tile has rows of two groups.

    See ``scaled_product``.  Without PERSISTENT there are as many programs as tiles.  With GROUPS, a power of two that
    holds all groups, rows of an expert are the first of its group, and tiles that hold some come first; 0: the column
    advances after GROUP_M rows.  Padding rows are zero; with SKIPS_PADDING tiles of them are left as they are.
    """
    tiles, tiles_n = tl.cdiv(room, BLOCK_M), tl.cdiv(N, BLOCK_N)
    if PERSISTENT and GROUPS > 0:  # as many as in the twin, whose tiles start at rows whose scales are aligned
        tiles = tl.cdiv(room + tl.where(room % ALIGNED > 0, ALIGNED - 1, 0), BLOCK_M)
    if not PERSISTENT:
        tile_m, tile_n = tile_of(tl.program_id(0), groups * tiles, tiles_n, GROUP_M)
        start = tile_m % tiles * BLOCK_M
        multiply(
            (tile_m // tiles).to(tl.int64) * room + start, tile_n * BLOCK_N, room - start,
            x_ptr, x_scale_ptr, w_ptr, w_scale_ptr, expert_of_ptr, y_ptr, N, K, stride_xm, stride_xs,
            stride_we, stride_wn, stride_ws_e, stride_ws_n, stride_ws_k, stride_ym, BLOCK_M, BLOCK_N, BLOCK_K,
            M_GRANULE, N_GRANULE, K_GRANULE, MN_MAJOR, PROMOTE, SWAP, EVEN_K, STAGES, SKIPS_PADDING,
        )  # fmt: skip
    elif GROUPS == 0:
        for item in range(tl.program_id(0), groups * tiles * tiles_n, num_programs):
            tile_m, tile_n = tile_of(item, groups * tiles, tiles_n, GROUP_M)
            start = tile_m % tiles * BLOCK_M
            multiply(
                (tile_m // tiles).to(tl.int64) * room + start, tile_n * BLOCK_N, room - start,
                x_ptr, x_scale_ptr, w_ptr, w_scale_ptr, expert_of_ptr, y_ptr, N, K, stride_xm, stride_xs,
                stride_we, stride_wn, stride_ws_e, stride_ws_n, stride_ws_k, stride_ym, BLOCK_M, BLOCK_N, BLOCK_K,
                M_GRANULE, N_GRANULE, K_GRANULE, MN_MAJOR, PROMOTE, SWAP, EVEN_K, STAGES, SKIPS_PADDING,
            )  # fmt: skip
    else:
        count = filled_tiles(expert_of_ptr, groups, room, BLOCK_M, GROUPS)
        end = tl.cumsum(count, axis=0)
        items = (tl.max(end, axis=0) if SKIPS_PADDING else groups * tiles) * tiles_n
        for item in range(tl.program_id(0), items, num_programs):
            group, tile_m, tile_n = filled_first(item, count, end, groups, tiles, tiles_n, GROUPS, SKIPS_PADDING)
            start = tile_m * BLOCK_M
            multiply(
                group.to(tl.int64) * room + start, tile_n * BLOCK_N, room - start,
                x_ptr, x_scale_ptr, w_ptr, w_scale_ptr, expert_of_ptr, y_ptr, N, K, stride_xm, stride_xs,
                stride_we, stride_wn, stride_ws_e, stride_ws_n, stride_ws_k, stride_ym, BLOCK_M, BLOCK_N, BLOCK_K,
                M_GRANULE, N_GRANULE, K_GRANULE, MN_MAJOR, PROMOTE, SWAP, EVEN_K, STAGES, SKIPS_PADDING,
            )  # fmt: skip
