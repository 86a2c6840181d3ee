"""``nn.head_linear``: rows of every head times the transpose of the head's matrix."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.tiles import plain_product, store_tile, tile_of

FP_FUSION = True
"""Products of f32 operands are added by one instruction, which rounds once."""


@triton.jit
def head_linear_kernel(
    x_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    y_ptr: tl.tensor,
    M: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_xh: tl.tensor,
    stride_wh: tl.tensor,
    stride_wn: tl.tensor,
    stride_ym: tl.tensor,
    stride_yh: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    SWAP: tl.constexpr,
    EVEN_K: tl.constexpr,
) -> None:
    """One tile of one head of y, the heads one after the other; see ``plain_product``."""
    tiles_m, tiles_n = tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N)
    program = tl.program_id(0)
    head = (program // (tiles_m * tiles_n)).to(tl.int64)
    tile_m, tile_n = tile_of(program % (tiles_m * tiles_n), tiles_m, tiles_n, GROUP_M)
    row, column = (tile_m * BLOCK_M).to(tl.int64), tile_n * BLOCK_N
    height, width = M - tile_m * BLOCK_M, N - column
    total = plain_product(
        x_ptr + row * stride_xm + head * stride_xh,
        weight_ptr + head * stride_wh + column.to(tl.int64) * stride_wn,
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
    y_tile = y_ptr + row * stride_ym + head * stride_yh + column
    store_tile(y_tile, total, stride_ym, height, width, BLOCK_M, BLOCK_N)
