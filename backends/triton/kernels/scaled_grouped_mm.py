"""``scaled.grouped_mm``: rows of block-scaled numbers, each times the matrix of its expert."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.tiles import group_tile, scaled_product, store_tile

FP_FUSION = True
"""Promoted sums are scaled and added by one instruction, which rounds once."""


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
) -> None:
    """One tile of y, all of one expert; a tile of padding rows is zero.  See ``group_tile`` and ``scaled_product``."""
    row, column, height, owner = group_tile(expert_of_ptr, groups, room, tl.cdiv(N, BLOCK_N), BLOCK_M, BLOCK_N, GROUP_M)
    width = N - column
    expert = tl.max(owner, axis=0).to(tl.int64)
    if expert < 0:
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
        total = tl.where((owner >= 0)[:, None], total, 0.0)
        store_tile(y_ptr + row * stride_ym + column, total, stride_ym, height, width, BLOCK_M, BLOCK_N)
