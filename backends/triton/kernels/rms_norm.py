"""RMS norm of M rows of N columns, after an addition, before quantisation: every row is read once.

A program walks rows, and reads the next while it computes one.

Squares are summed in f64, and a row's factor ``r = 1 / sqrt(mean + eps)`` is applied in two parts, of 8 and 24 bits: a
product of two bfloat16 numbers times the first part is exact in f32, so that one rounding is left and the result is
that of f64 arithmetic, whatever the order of the sum.
"""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import after_predecessor, rounded
from dsv3c.backends.triton.kernels.quantizing import store_quantized


@triton.jit
def load_rows(
    x_ptr: tl.tensor, x_stride: tl.tensor, m: tl.tensor, n: tl.tensor, rows: tl.tensor, columns: tl.tensor
) -> tl.tensor:
    """Rows m (int64), columns n of x as they are, 0 where nothing is."""
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    return tl.load(x_ptr + m[:, None] * x_stride + n[None, :], mask=inside, other=0.0)


@triton.jit
def store_rows(
    y: tl.tensor,
    y_ptr: tl.tensor,
    y_stride: tl.tensor,
    m: tl.tensor,
    n: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
) -> None:
    """Rows m (int64), columns n of y, rounded to its type."""
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    tl.store(y_ptr + m[:, None] * y_stride + n[None, :], y.to(y_ptr.dtype.element_ty), mask=inside)


@triton.jit
def inverse_root(v: tl.tensor) -> tl.tensor:
    """``1 / sqrt(v)`` of f64 numbers from 0 on, to 2^-50: every thread of a row computes it, so it is to be short.

    The root of v in f32, brought into 1..4 by an even power of two, and two of Newton's steps.
    """
    half = ((v.to(tl.int64, bitcast=True) >> 52) - 1023) >> 1
    power = ((1023 - half) << 52).to(tl.float64, bitcast=True)
    near = v * power * power
    r = tl.rsqrt(near.to(tl.float32)).to(tl.float64)
    r = r * (1.5 - 0.5 * near * r * r)
    r = r * (1.5 - 0.5 * near * r * r)
    return tl.where(v == float("inf"), 0.0, r * power)


@triton.jit
def times(p: tl.tensor, r: tl.tensor) -> tl.tensor:
    """``p * r`` rounded once to f32: p f32 with at most 16 significant bits (more: rounded twice), r f64."""
    high = (r.to(tl.float32).to(tl.int32, bitcast=True) & -65536).to(tl.float32, bitcast=True)
    low = (r - high.to(tl.float64)).to(tl.float32)
    return p * high + p * low


@triton.jit
def normalised(
    x: tl.tensor,
    weight: tl.tensor,
    columns: tl.tensor,
    EPS: tl.constexpr,
    WEIGHT_IN: tl.constexpr,
    INTERMEDIATE: tl.constexpr,
) -> tl.tensor:
    """``x / sqrt(mean(x x) + eps) * weight`` rounded to INTERMEDIATE, in f32: x [*, BLOCK_N], weight [BLOCK_N]."""
    wide = x.to(tl.float64)
    r = inverse_root(tl.sum(wide * wide, axis=1) * (1.0 / columns.to(tl.float64)) + EPS)[:, None]
    if WEIGHT_IN == "input":
        row = rounded(times(x, r), INTERMEDIATE)
        return rounded(rounded(weight, INTERMEDIATE)[None, :] * row, INTERMEDIATE)
    else:
        return rounded(times(x * weight[None, :], r), INTERMEDIATE)


@triton.jit
def rms_norm_kernel(
    x_ptr: tl.tensor,
    residual_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    y_ptr: tl.tensor,
    total_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    x_stride: tl.tensor,
    residual_stride: tl.tensor,
    y_stride: tl.tensor,
    total_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    EPS: tl.constexpr,
    WEIGHT_IN: tl.constexpr,
    INTERMEDIATE: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """``y = norm(x + residual)``, and the total itself; the residual and the total may be absent.  Grid: programs."""
    after_predecessor(PDL)
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.arange(0, BLOCK_N)
    weight = tl.load(weight_ptr + n, mask=n < columns, other=0.0).to(tl.float32)
    next_x = load_rows(x_ptr, x_stride, m, n, rows, columns)
    next_residual = next_x
    if residual_ptr is not None:
        next_residual = load_rows(residual_ptr, residual_stride, m, n, rows, columns)
    for _ in range(tl.program_id(0), tl.cdiv(rows, BLOCK_M), tl.num_programs(0)):
        x = next_x.to(tl.float32)
        if residual_ptr is not None:
            x = (x + next_residual.to(tl.float32)).to(x_ptr.dtype.element_ty).to(tl.float32)
        ahead = m + tl.num_programs(0) * BLOCK_M
        next_x = load_rows(x_ptr, x_stride, ahead, n, rows, columns)
        if residual_ptr is not None:
            next_residual = load_rows(residual_ptr, residual_stride, ahead, n, rows, columns)
        if total_ptr is not None:
            store_rows(x, total_ptr, total_stride, m, n, rows, columns)
        y = normalised(x, weight, columns, EPS, WEIGHT_IN, INTERMEDIATE)
        store_rows(y, y_ptr, y_stride, m, n, rows, columns)
        m = ahead


@triton.jit
def rms_norm_quantize_kernel(
    x_ptr: tl.tensor,
    residual_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    data_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    y_ptr: tl.tensor,
    total_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    x_stride: tl.tensor,
    residual_stride: tl.tensor,
    data_stride: tl.tensor,
    scale_row: tl.tensor,
    scale_block: tl.tensor,
    y_stride: tl.tensor,
    total_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    EPS: tl.constexpr,
    WEIGHT_IN: tl.constexpr,
    INTERMEDIATE: tl.constexpr,
    GRANULE: tl.constexpr,
    AMAX_FLOOR: tl.constexpr,
    APPLY: tl.constexpr,
    ROUND_SCALE: tl.constexpr,
    SATURATE: tl.constexpr,
    LARGEST: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """``y = norm(x + residual)`` and y quantised; all but the data and its scales may be absent.  Grid: programs."""
    after_predecessor(PDL)
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.arange(0, BLOCK_N)
    weight = tl.load(weight_ptr + n, mask=n < columns, other=0.0).to(tl.float32)
    next_x = load_rows(x_ptr, x_stride, m, n, rows, columns)
    next_residual = next_x
    if residual_ptr is not None:
        next_residual = load_rows(residual_ptr, residual_stride, m, n, rows, columns)
    for _ in range(tl.program_id(0), tl.cdiv(rows, BLOCK_M), tl.num_programs(0)):
        x = next_x.to(tl.float32)
        if residual_ptr is not None:
            x = (x + next_residual.to(tl.float32)).to(x_ptr.dtype.element_ty).to(tl.float32)
        ahead = m + tl.num_programs(0) * BLOCK_M
        next_x = load_rows(x_ptr, x_stride, ahead, n, rows, columns)
        if residual_ptr is not None:
            next_residual = load_rows(residual_ptr, residual_stride, ahead, n, rows, columns)
        if total_ptr is not None:
            store_rows(x, total_ptr, total_stride, m, n, rows, columns)
        y = normalised(x, weight, columns, EPS, WEIGHT_IN, INTERMEDIATE)
        if y_ptr is not None:
            store_rows(y, y_ptr, y_stride, m, n, rows, columns)
        store_quantized(
            y, data_ptr, scale_ptr, m, n, rows, columns, data_stride, scale_row, scale_block,
            GRANULE, AMAX_FLOOR, APPLY, ROUND_SCALE, SATURATE, LARGEST,
        )  # fmt: skip
        m = ahead
