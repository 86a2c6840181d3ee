"""``moe.grouped_mm``: rows, each times the matrix of its expert."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.tiles import group_tile, plain_product, store_tile

FP_FUSION = True
"""Products of f32 operands are added by one instruction, which rounds once."""


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
    SKIPS_PADDING: tl.constexpr,
) -> None:
    """One tile of y, all of one expert; padding rows are zero, with SKIPS_PADDING their tiles are left as they are.

    See ``group_tile`` and ``plain_product``.
    """
    row, column, height, owner = group_tile(expert_of_ptr, groups, room, tl.cdiv(N, BLOCK_N), BLOCK_M, BLOCK_N, GROUP_M)
    width = N - column
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
