"""Sums and copies of M rows of N columns."""

import triton
import triton.language as tl


@triton.jit
def add_kernel(
    x_ptr: tl.tensor,
    other_ptr: tl.tensor,
    y_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    x_stride: tl.tensor,
    other_stride: tl.tensor,
    y_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
) -> None:
    """``y = x + other``, added in f32 and rounded once.  Grid: tiles of rows, tiles of columns."""
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    x = tl.load(x_ptr + m[:, None] * x_stride + n[None, :], mask=inside, other=0.0).to(tl.float32)
    other = tl.load(other_ptr + m[:, None] * other_stride + n[None, :], mask=inside, other=0.0).to(tl.float32)
    tl.store(y_ptr + m[:, None] * y_stride + n[None, :], (x + other).to(y_ptr.dtype.element_ty), mask=inside)


@triton.jit
def copy_kernel(
    x_ptr: tl.tensor,
    y_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    x_stride: tl.tensor,
    y_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
) -> None:
    """``y = x`` in y's type: rounded through f32 where it is another.  Grid: tiles of rows, tiles of columns."""
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    x = tl.load(x_ptr + m[:, None] * x_stride + n[None, :], mask=inside)
    if x_ptr.dtype.element_ty != y_ptr.dtype.element_ty:
        x = x.to(tl.float32).to(y_ptr.dtype.element_ty)
    tl.store(y_ptr + m[:, None] * y_stride + n[None, :], x, mask=inside)
