"""``moe.grouped_mm``: rows, each times the matrix of its expert."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.tiles import filled_first, filled_tiles, plain_product, store_tile, tile_of

FP_FUSION = True
"""Products of f32 operands are added by one instruction, which rounds once."""


@triton.jit
def multiply(
    row: tl.tensor,
    column: tl.tensor,
    height: tl.tensor,
    x_ptr: tl.tensor,
    w_ptr: tl.tensor,
    expert_of_ptr: tl.tensor,
    y_ptr: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_we: tl.tensor,
    stride_wn: tl.tensor,
    stride_ym: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    SWAP: tl.constexpr,
    EVEN_K: tl.constexpr,
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
        total = plain_product(
            x_ptr + row * stride_xm,
            w_ptr + expert * stride_we + column.to(tl.int64) * stride_wn,
            height,
            width,
            K,
            stride_xm,
            stride_wn,
            BLOCK_M,
            BLOCK_N,
            BLOCK_K,
            SWAP,
            EVEN_K,
        )
        if not SKIPS_PADDING:
            total = tl.where((owner >= 0)[:, None], total, 0.0)
        store_tile(y_ptr + row * stride_ym + column, total, stride_ym, height, width, BLOCK_M, BLOCK_N)


@triton.jit
def grouped_mm_kernel(
    x_ptr: tl.tensor,
    w_ptr: tl.tensor,
    expert_of_ptr: tl.tensor,
    y_ptr: tl.tensor,
    groups: tl.tensor,
    room: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_we: tl.tensor,
    stride_wn: tl.tensor,
    stride_ym: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    SWAP: tl.constexpr,
    EVEN_K: tl.constexpr,
    GROUPS: tl.constexpr,
    SKIPS_PADDING: tl.constexpr,
) -> None:
    """Tiles of y: ``groups`` of ``room`` rows each, no tile has rows of two groups.  See ``plain_product``.

    With GROUPS, a power of two that holds all groups, rows of an expert are the first of its group, and programs walk
    the tiles that hold some; 0: every tile has a program.  Padding rows are zero; with SKIPS_PADDING tiles of them are
    left as they are.
    """
    tiles, tiles_n = tl.cdiv(room, BLOCK_M), tl.cdiv(N, BLOCK_N)
    if GROUPS == 0:
        tile_m, tile_n = tile_of(tl.program_id(0), groups * tiles, tiles_n, GROUP_M)
        start = tile_m % tiles * BLOCK_M
        multiply(
            (tile_m // tiles).to(tl.int64) * room + start, tile_n * BLOCK_N, room - start, x_ptr, w_ptr, expert_of_ptr,
            y_ptr, N, K, stride_xm, stride_we, stride_wn, stride_ym, BLOCK_M, BLOCK_N, BLOCK_K, SWAP, EVEN_K,
            SKIPS_PADDING,
        )  # fmt: skip
    else:
        tl.static_assert(SKIPS_PADDING, "programs that walk the tiles that hold rows write no others")
        count = filled_tiles(expert_of_ptr, groups, room, BLOCK_M, GROUPS)
        end = tl.cumsum(count, axis=0)
        for item in range(tl.program_id(0), tl.max(end, axis=0) * tiles_n, tl.num_programs(0)):
            group, tile_m, tile_n = filled_first(item, count, end, groups, tiles, tiles_n, GROUPS, True)
            start = tile_m * BLOCK_M
            multiply(
                group.to(tl.int64) * room + start, tile_n * BLOCK_N, room - start, x_ptr, w_ptr, expert_of_ptr, y_ptr,
                N, K, stride_xm, stride_we, stride_wn, stride_ym, BLOCK_M, BLOCK_N, BLOCK_K, SWAP, EVEN_K, True,
            )  # fmt: skip
