"""The gated activation of M rows of N columns, before quantisation: gate and up may be columns of one product.

``exp`` is taken of numbers that are not positive: it never overflows.  f32 arithmetic.
"""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import after_predecessor, rounded
from dsv3c.backends.triton.kernels.held_rows import LOOK, held_blocks, lowest
from dsv3c.backends.triton.kernels.quantizing import store_quantized


@triton.jit
def over_sum(x: tl.tensor, d: tl.tensor) -> tl.tensor:
    """``x / d`` in f32 for d within 1..2, to half a unit in the last place and a little: no case takes longer."""
    root = tl.rsqrt(d)
    inverse = root * root
    near = x * inverse
    exact = (x == 0) | (x == float("inf"))  # what corrections would make +0, and NaN, of
    return tl.where(exact, x, tl.fma(tl.fma(-d, near, x), inverse, near))


@triton.jit
def gated(
    gate_ptr: tl.tensor,
    up_ptr: tl.tensor,
    weights_ptr: tl.tensor,
    m: tl.tensor,
    n: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    gate_stride: tl.tensor,
    up_stride: tl.tensor,
    weights_stride: tl.tensor,
    INTERMEDIATE: tl.constexpr,
    ROUNDED_TO: tl.constexpr,
) -> tl.tensor:
    """``silu(gate) * up (* weight of the row)`` of rows m (int64) and columns n, in f32.

    silu(gate) is rounded to INTERMEDIATE, the product to ROUNDED_TO.  0 where nothing is.
    """
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    gate = tl.load(gate_ptr + m[:, None] * gate_stride + n[None, :], mask=inside, other=0.0).to(tl.float32)
    up = tl.load(up_ptr + m[:, None] * up_stride + n[None, :], mask=inside, other=0.0).to(tl.float32)
    e = tl.exp(-tl.abs(gate))
    silu = over_sum(tl.where(gate < 0, gate * e, gate), 1.0 + e)
    y = rounded(silu, INTERMEDIATE) * up
    if weights_ptr is not None:
        y *= tl.load(weights_ptr + m * weights_stride, mask=m < rows, other=0.0).to(tl.float32)[:, None]
    return rounded(y, ROUNDED_TO)


@triton.jit
def swiglu_block(
    gate_ptr: tl.tensor, up_ptr: tl.tensor, weights_ptr: tl.tensor, y_ptr: tl.tensor, block: tl.tensor,
    rows: tl.tensor, columns: tl.tensor, gate_stride: tl.tensor, up_stride: tl.tensor, weights_stride: tl.tensor,
    y_stride: tl.tensor, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, INTERMEDIATE: tl.constexpr,
) -> None:  # fmt: skip
    """A block of rows, this program's columns."""
    m = block.to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    y = gated(
        gate_ptr, up_ptr, weights_ptr, m, n, rows, columns, gate_stride, up_stride, weights_stride,
        INTERMEDIATE, "f32",
    )  # fmt: skip
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    tl.store(y_ptr + m[:, None] * y_stride + n[None, :], y.to(y_ptr.dtype.element_ty), mask=inside)


@triton.jit
def swiglu_kernel(
    gate_ptr: tl.tensor,
    up_ptr: tl.tensor,
    weights_ptr: tl.tensor,
    expert_of_ptr: tl.tensor,
    y_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    gate_stride: tl.tensor,
    up_stride: tl.tensor,
    weights_stride: tl.tensor,
    y_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    INTERMEDIATE: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """``y = silu(gate) * up (* weight)``.  Grid: blocks of rows, or programs that walk them; tiles of columns.

    With experts of rows a program leaves out blocks of rows that belong to none.
    """
    after_predecessor(PDL)
    if expert_of_ptr is None:
        swiglu_block(
            gate_ptr, up_ptr, weights_ptr, y_ptr, tl.program_id(0), rows, columns, gate_stride, up_stride,
            weights_stride, y_stride, BLOCK_M, BLOCK_N, INTERMEDIATE,
        )  # fmt: skip
    else:
        blocks, step = tl.cdiv(rows, BLOCK_M), tl.num_programs(0)
        for first in range(tl.program_id(0), blocks, step * LOOK):
            held = held_blocks(expert_of_ptr, first, step, rows, BLOCK_M)
            while held != 0:
                swiglu_block(
                    gate_ptr, up_ptr, weights_ptr, y_ptr, first + lowest(held) * step, rows, columns, gate_stride,
                    up_stride, weights_stride, y_stride, BLOCK_M, BLOCK_N, INTERMEDIATE,
                )  # fmt: skip
                held &= held - 1


@triton.jit
def swiglu_quantize_block(
    gate_ptr: tl.tensor, up_ptr: tl.tensor, weights_ptr: tl.tensor, data_ptr: tl.tensor, scale_ptr: tl.tensor,
    block: tl.tensor, rows: tl.tensor, columns: tl.tensor, gate_stride: tl.tensor, up_stride: tl.tensor,
    weights_stride: tl.tensor, data_stride: tl.tensor, scale_row: tl.tensor, scale_block: tl.tensor,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, INTERMEDIATE: tl.constexpr, ROUNDED_TO: tl.constexpr,
    GRANULE: tl.constexpr, AMAX_FLOOR: tl.constexpr, APPLY: tl.constexpr, ROUND_SCALE: tl.constexpr,
    SATURATE: tl.constexpr, LARGEST: tl.constexpr,
) -> None:  # fmt: skip
    """A block of rows, this program's columns."""
    m = block.to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    y = gated(
        gate_ptr, up_ptr, weights_ptr, m, n, rows, columns, gate_stride, up_stride, weights_stride,
        INTERMEDIATE, ROUNDED_TO,
    )  # fmt: skip
    store_quantized(
        y, data_ptr, scale_ptr, m, n, rows, columns, data_stride, scale_row, scale_block,
        GRANULE, AMAX_FLOOR, APPLY, ROUND_SCALE, SATURATE, LARGEST,
    )  # fmt: skip


@triton.jit
def swiglu_quantize_kernel(
    gate_ptr: tl.tensor,
    up_ptr: tl.tensor,
    weights_ptr: tl.tensor,
    expert_of_ptr: tl.tensor,
    data_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    gate_stride: tl.tensor,
    up_stride: tl.tensor,
    weights_stride: tl.tensor,
    data_stride: tl.tensor,
    scale_row: tl.tensor,
    scale_block: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    INTERMEDIATE: tl.constexpr,
    ROUNDED_TO: tl.constexpr,
    GRANULE: tl.constexpr,
    AMAX_FLOOR: tl.constexpr,
    APPLY: tl.constexpr,
    ROUND_SCALE: tl.constexpr,
    SATURATE: tl.constexpr,
    LARGEST: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """``q = quantise(round(silu(gate) * up (* weight)))``.  Grid, and experts of rows: as ``swiglu_kernel``."""
    after_predecessor(PDL)
    if expert_of_ptr is None:
        swiglu_quantize_block(
            gate_ptr, up_ptr, weights_ptr, data_ptr, scale_ptr, tl.program_id(0), rows, columns, gate_stride,
            up_stride, weights_stride, data_stride, scale_row, scale_block, BLOCK_M, BLOCK_N, INTERMEDIATE, ROUNDED_TO,
            GRANULE, AMAX_FLOOR, APPLY, ROUND_SCALE, SATURATE, LARGEST,
        )  # fmt: skip
    else:
        blocks, step = tl.cdiv(rows, BLOCK_M), tl.num_programs(0)
        for first in range(tl.program_id(0), blocks, step * LOOK):
            held = held_blocks(expert_of_ptr, first, step, rows, BLOCK_M)
            while held != 0:
                swiglu_quantize_block(
                    gate_ptr, up_ptr, weights_ptr, data_ptr, scale_ptr, first + lowest(held) * step, rows, columns,
                    gate_stride, up_stride, weights_stride, data_stride, scale_row, scale_block, BLOCK_M, BLOCK_N,
                    INTERMEDIATE, ROUNDED_TO, GRANULE, AMAX_FLOOR, APPLY, ROUND_SCALE, SATURATE, LARGEST,
                )  # fmt: skip
                held &= held - 1
