"""``scaled.mm``: rows of block-scaled 8-bit numbers times a block-scaled matrix."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.tiles import scaled_product, store_tile, tile_of

FP_FUSION = True
"""Promoted sums are scaled and added by one instruction, which rounds once."""


@triton.jit
def scaled_mm_kernel(
    x_ptr: tl.tensor,
    x_scale_ptr: tl.tensor,
    w_ptr: tl.tensor,
    w_scale_ptr: tl.tensor,
    bias_ptr: tl.tensor | None,
    y_ptr: tl.tensor,
    M: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_xs: tl.tensor,
    stride_wn: tl.tensor,
    stride_ws_n: tl.tensor,
    stride_ws_k: tl.tensor,
    stride_ym: tl.tensor,
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
) -> None:
    """One tile of y; see ``scaled_product``.  ``stride_xs``: between scales of rows, or of blocks of K (MN_MAJOR)."""
    tile_m, tile_n = tile_of(tl.program_id(0), tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N), GROUP_M)
    row, column = (tile_m * BLOCK_M).to(tl.int64), tile_n * BLOCK_N
    height, width = M - tile_m * BLOCK_M, N - column
    total = scaled_product(
        x_ptr + row * stride_xm,
        x_scale_ptr + (row * M_GRANULE if MN_MAJOR else row * (M_GRANULE * stride_xs)),
        w_ptr + column.to(tl.int64) * stride_wn,
        w_scale_ptr,
        height,
        width,
        column,
        K,
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
    )
    if bias_ptr is not None:
        columns = tl.arange(0, BLOCK_N)
        total += tl.load(bias_ptr + column + columns, mask=columns < width, other=0.0).to(tl.float32)[None, :]
    store_tile(y_ptr + row * stride_ym + column, total, stride_ym, height, width, BLOCK_M, BLOCK_N)
