"""Quantisation and its inverse: M rows, N columns, a scale per block of ``granule`` elements."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import after_predecessor
from dsv3c.backends.triton.kernels.quantizing import quotient, scale_of, store_quantized


@triton.jit
def quantize_rows_kernel(
    x_ptr: tl.tensor,
    data_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    x_stride: tl.tensor,
    data_stride: tl.tensor,
    scale_row: tl.tensor,
    scale_block: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    GRANULE: tl.constexpr,
    AMAX_FLOOR: tl.constexpr,
    APPLY: tl.constexpr,
    ROUND_SCALE: tl.constexpr,
    SATURATE: tl.constexpr,
    LARGEST: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """A scale per row and GRANULE columns.  Grid: tiles of rows, tiles of columns."""
    after_predecessor(PDL)
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    x = tl.load(x_ptr + m[:, None] * x_stride + n[None, :], mask=inside, other=0.0).to(tl.float32)
    store_quantized(
        x, data_ptr, scale_ptr, m, n, rows, columns, data_stride, scale_row, scale_block,
        GRANULE, AMAX_FLOOR, APPLY, ROUND_SCALE, SATURATE, LARGEST,
    )  # fmt: skip


@triton.jit
def quantize_blocks_kernel(
    x_ptr: tl.tensor,
    data_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    x_batch: tl.tensor,
    x_stride: tl.tensor,
    data_batch: tl.tensor,
    data_stride: tl.tensor,
    scale_batch: tl.tensor,
    scale_row: tl.tensor,
    scale_block: tl.tensor,
    BLOCK_N: tl.constexpr,
    M_GRANULE: tl.constexpr,
    N_GRANULE: tl.constexpr,
    AMAX_FLOOR: tl.constexpr,
    APPLY: tl.constexpr,
    ROUND_SCALE: tl.constexpr,
    SATURATE: tl.constexpr,
    LARGEST: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """A scale per M_GRANULE rows and N_GRANULE (= BLOCK_N, or 1) columns.  Grid: blocks of rows, of columns, batch."""
    after_predecessor(PDL)
    block, tile, batch = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.program_id(2).to(tl.int64)
    m = block * M_GRANULE + tl.arange(0, M_GRANULE)
    n = tile * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    x_places = x_ptr + batch * x_batch + m[:, None] * x_stride + n[None, :]
    x = tl.load(x_places, mask=inside, other=0.0).to(tl.float32)
    amax = tl.max(tl.abs(x), axis=0)
    scale_places = scale_ptr + batch * scale_batch + block * scale_row
    if N_GRANULE == 1:
        s = scale_of(amax, AMAX_FLOOR, LARGEST, ROUND_SCALE)
        tl.store(scale_places + n.to(tl.int64) * scale_block, s, mask=n < columns)
        y = quotient(x, s[None, :], APPLY, LARGEST, False, ROUND_SCALE)
    else:
        one = scale_of(tl.max(amax[None, :], axis=1), AMAX_FLOOR, LARGEST, ROUND_SCALE)
        tl.store(scale_places + (tile + tl.arange(0, 1)).to(tl.int64) * scale_block, one)
        y = quotient(x, one[:, None], APPLY, LARGEST, False, ROUND_SCALE)
    data_places = data_ptr + batch * data_batch + m[:, None] * data_stride + n[None, :]
    tl.store(data_places, y.to(data_ptr.dtype.element_ty), mask=inside)


@triton.jit
def quantize_static_kernel(
    x_ptr: tl.tensor,
    data_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    x_stride: tl.tensor,
    data_stride: tl.tensor,
    static: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    APPLY: tl.constexpr,
    SATURATE: tl.constexpr,
    LARGEST: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """One scale, given.  Grid: tiles of rows, tiles of columns."""
    after_predecessor(PDL)
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    x = tl.load(x_ptr + m[:, None] * x_stride + n[None, :], mask=inside, other=0.0).to(tl.float32)
    s = tl.full([1, 1], 0.0, tl.float32) + static
    y = quotient(x, s, APPLY, LARGEST, SATURATE, "none")
    tl.store(data_ptr + m[:, None] * data_stride + n[None, :], y.to(data_ptr.dtype.element_ty), mask=inside)
    first = (tl.program_id(0) == 0) & (tl.program_id(1) == 0)
    tl.store(scale_ptr, static, mask=first)


@triton.jit
def amax_kernel(
    x_ptr: tl.tensor,
    partials_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    x_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """``partials[p]``: the largest absolute value of every so manieth tile of rows.  Grid: partials."""
    after_predecessor(PDL)
    first, step = tl.program_id(0), tl.num_programs(0)
    n = tl.arange(0, BLOCK_N)
    amax = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for tile in range(first, tl.cdiv(rows, BLOCK_M), step):
        m = (tile * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)
        for start in range(0, columns, BLOCK_N):
            inside = (m < rows)[:, None] & (start + n < columns)[None, :]
            x = tl.load(x_ptr + m[:, None] * x_stride + start + n[None, :], mask=inside, other=0.0)
            amax = tl.maximum(amax, tl.abs(x.to(tl.float32)))
    tl.store(partials_ptr + first, tl.max(tl.max(amax, axis=1), axis=0))


@triton.jit
def quantize_whole_kernel(
    x_ptr: tl.tensor,
    partials_ptr: tl.tensor,
    data_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    partials: tl.tensor,
    x_stride: tl.tensor,
    data_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    MOST_PARTIALS: tl.constexpr,
    AMAX_FLOOR: tl.constexpr,
    APPLY: tl.constexpr,
    ROUND_SCALE: tl.constexpr,
    SATURATE: tl.constexpr,
    LARGEST: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """One scale, of the largest of ``partials``.  Grid: tiles of rows, tiles of columns."""
    after_predecessor(PDL)
    i = tl.arange(0, MOST_PARTIALS)
    amax = tl.max(tl.load(partials_ptr + i, mask=i < partials, other=0.0)[None, :], axis=1)
    s = scale_of(amax, AMAX_FLOOR, LARGEST, ROUND_SCALE)
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    x = tl.load(x_ptr + m[:, None] * x_stride + n[None, :], mask=inside, other=0.0).to(tl.float32)
    y = quotient(x, s[:, None], APPLY, LARGEST, False, ROUND_SCALE)
    tl.store(data_ptr + m[:, None] * data_stride + n[None, :], y.to(data_ptr.dtype.element_ty), mask=inside)
    one = tl.arange(0, 1)
    tl.store(scale_ptr + one, s, mask=one == tl.program_id(0) + tl.program_id(1))


@triton.jit
def dequantize_kernel(
    data_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    y_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    data_batch: tl.tensor,
    data_stride: tl.tensor,
    scale_batch: tl.tensor,
    scale_row: tl.tensor,
    scale_block: tl.tensor,
    y_batch: tl.tensor,
    y_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    M_GRANULE: tl.constexpr,
    N_GRANULE: tl.constexpr,
) -> None:
    """``y = f32(data) * s``; a granule of 0 is the whole dim.  Grid: tiles of rows, tiles of columns, batch."""
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    batch = tl.program_id(2).to(tl.int64)
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    data_places = data_ptr + batch * data_batch + m[:, None] * data_stride + n[None, :]
    data = tl.load(data_places, mask=inside, other=0.0).to(tl.float32)
    i = m // M_GRANULE if M_GRANULE > 0 else m * 0
    j = n // N_GRANULE if N_GRANULE > 0 else n * 0
    scale_places = scale_ptr + batch * scale_batch + i[:, None] * scale_row + j.to(tl.int64)[None, :] * scale_block
    y = data * tl.load(scale_places, mask=inside, other=0.0)
    y_places = y_ptr + batch * y_batch + m[:, None] * y_stride + n[None, :]
    tl.store(y_places, y.to(y_ptr.dtype.element_ty), mask=inside)
