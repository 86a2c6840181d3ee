"""``nn.linear``: rows times the transpose of a matrix."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.tiles import plain_product, store_tile, tile_of

FP_FUSION = True
"""Products of f32 operands are added by one instruction, which rounds once."""


@triton.jit
def linear_kernel(
    x_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    bias_ptr: tl.tensor | None,
    y_ptr: tl.tensor,
    M: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_wn: tl.tensor,
    stride_ym: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    SWAP: tl.constexpr,
    EVEN_K: tl.constexpr,
) -> None:
    """One tile of y; see ``plain_product``."""
    tile_m, tile_n = tile_of(tl.program_id(0), tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N), GROUP_M)
    row, column = (tile_m * BLOCK_M).to(tl.int64), tile_n * BLOCK_N
    height, width = M - tile_m * BLOCK_M, N - column
    total = plain_product(
        x_ptr + row * stride_xm,
        weight_ptr + column.to(tl.int64) * stride_wn,
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
    if bias_ptr is not None:
        columns = tl.arange(0, BLOCK_N)
        total += tl.load(bias_ptr + column + columns, mask=columns < width, other=0.0).to(tl.float32)[None, :]
    store_tile(y_ptr + row * stride_ym + column, total, stride_ym, height, width, BLOCK_M, BLOCK_N)
