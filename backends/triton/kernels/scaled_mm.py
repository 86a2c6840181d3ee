"""``scaled.mm``: rows of block-scaled 8-bit numbers times a block-scaled matrix."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import after_predecessor
from dsv3c.backends.triton.kernels.tiles import scaled_product, store_tile, tile_of

FP_FUSION = True
"""Promoted sums are scaled and added by one instruction, which rounds once."""


@triton.jit
def multiply(
    item: tl.tensor,
    x_ptr: tl.tensor,
    x_scale_ptr: tl.tensor,
    w_ptr: tl.tensor,
    w_scale_ptr: tl.tensor,
    bias_ptr: tl.tensor | None,
    y_ptr: tl.tensor,
    partial_ptr: tl.tensor | None,
    M: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_xs: tl.tensor,
    stride_wn: tl.tensor,
    stride_ws_n: tl.tensor,
    stride_ws_k: tl.tensor,
    stride_ym: tl.tensor,
    splits: tl.tensor,
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
    SPLIT: tl.constexpr,
    STAGES: tl.constexpr,
) -> None:
    """A tile of y, or one of its parts of K: item = tile * splits + part."""
    tile = item // splits if SPLIT else item
    tile_m, tile_n = tile_of(tile, tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N), GROUP_M)
    row, column = (tile_m * BLOCK_M).to(tl.int64), tile_n * BLOCK_N
    height, width = M - tile_m * BLOCK_M, N - column
    first, last = 0, tl.cdiv(K, BLOCK_K)
    if SPLIT:
        # between pairs of blocks, as in the twin that multiplies blocks in pairs
        part, pairs = item % splits, tl.cdiv(last, 2)
        first, last = 2 * (pairs * part // splits), tl.minimum(2 * (pairs * (part + 1) // splits), last)
    total = scaled_product(
        x_ptr + row * stride_xm,
        x_scale_ptr + (row * M_GRANULE if MN_MAJOR else row * (M_GRANULE * stride_xs)),
        w_ptr + column.to(tl.int64) * stride_wn,
        w_scale_ptr,
        height,
        width,
        column,
        K,
        first,
        last,
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
    if SPLIT:
        place = partial_ptr + (item % splits * M + row) * N + column
        store_tile(place, total, N, height, width, BLOCK_M, BLOCK_N)
    else:
        if bias_ptr is not None:
            columns = tl.arange(0, BLOCK_N)
            total += tl.load(bias_ptr + column + columns, mask=columns < width, other=0.0).to(tl.float32)[None, :]
        store_tile(y_ptr + row * stride_ym + column, total, stride_ym, height, width, BLOCK_M, BLOCK_N)


@triton.jit
def scaled_mm_kernel(
    x_ptr: tl.tensor,
    x_scale_ptr: tl.tensor,
    w_ptr: tl.tensor,
    w_scale_ptr: tl.tensor,
    bias_ptr: tl.tensor | None,
    y_ptr: tl.tensor,
    partial_ptr: tl.tensor | None,
    M: tl.tensor,
    N: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_xs: tl.tensor,
    stride_wn: tl.tensor,
    stride_ws_n: tl.tensor,
    stride_ws_k: tl.tensor,
    stride_ym: tl.tensor,
    splits: tl.tensor,
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
    SPLIT: tl.constexpr,
    STAGES: tl.constexpr,
    PERSISTENT: tl.constexpr,
) -> None:
    """Every ``num_programs``-th tile of y; with SPLIT the sum of one of ``splits`` parts of K: [splits, M, N] in f32.

    See ``scaled_product``.  ``stride_xs``: between scales of rows, or of blocks of K (MN_MAJOR).  Without PERSISTENT
    there are as many programs as items.
    """
    if PERSISTENT:
        for item in range(tl.program_id(0), tl.cdiv(M, BLOCK_M) * tl.cdiv(N, BLOCK_N) * splits, num_programs):
            multiply(
                item, x_ptr, x_scale_ptr, w_ptr, w_scale_ptr, bias_ptr, y_ptr, partial_ptr, M, N, K,
                stride_xm, stride_xs, stride_wn, stride_ws_n, stride_ws_k, stride_ym, splits, BLOCK_M, BLOCK_N, BLOCK_K,
                GROUP_M, M_GRANULE, N_GRANULE, K_GRANULE, MN_MAJOR, PROMOTE, SWAP, EVEN_K, SPLIT, STAGES,
            )  # fmt: skip
    else:
        multiply(
            tl.program_id(0), x_ptr, x_scale_ptr, w_ptr, w_scale_ptr, bias_ptr, y_ptr, partial_ptr, M, N, K,
            stride_xm, stride_xs, stride_wn, stride_ws_n, stride_ws_k, stride_ym, splits, BLOCK_M, BLOCK_N, BLOCK_K,
            GROUP_M, M_GRANULE, N_GRANULE, K_GRANULE, MN_MAJOR, PROMOTE, SWAP, EVEN_K, SPLIT, STAGES,
        )  # fmt: skip


@triton.jit
def split_k_sum_kernel(
    partial_ptr: tl.tensor,
    bias_ptr: tl.tensor | None,
    y_ptr: tl.tensor,
    M: tl.tensor,
    N: tl.tensor,
    stride_ym: tl.tensor,
    BLOCK: tl.constexpr,
    SPLITS: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """``y[m, n] = ((p[0, m, n] + p[1, m, n]) + p[2, m, n]) + ... (+ bias[n])``: BLOCK columns of one row."""
    after_predecessor(PDL)
    blocks = tl.cdiv(N, BLOCK)
    row = tl.program_id(0) // blocks
    columns = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
    inside = columns < N
    total = tl.load(partial_ptr + row * N + columns, mask=inside)
    for split in tl.static_range(1, SPLITS):
        total += tl.load(partial_ptr + (split * M + row) * N + columns, mask=inside)
    if bias_ptr is not None:
        total += tl.load(bias_ptr + columns, mask=inside).to(tl.float32)
    tl.store(y_ptr + row.to(tl.int64) * stride_ym + columns, total, mask=inside)
