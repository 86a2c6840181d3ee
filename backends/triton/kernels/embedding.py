"""Rows of a table: by ids, and the last row of every sequence."""

import triton
import triton.language as tl


@triton.jit
def embedding_kernel(
    ids_ptr: tl.tensor,
    table_ptr: tl.tensor,
    y_ptr: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    table_stride: tl.tensor,
    y_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
) -> None:
    """``y[m] = table[ids[m]]``.  Grid: tiles of rows, tiles of columns."""
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    row = tl.load(ids_ptr + m, mask=m < rows, other=0).to(tl.int64)
    x = tl.load(table_ptr + row[:, None] * table_stride + n[None, :], mask=inside)
    tl.store(y_ptr + m[:, None] * y_stride + n[None, :], x, mask=inside)


@triton.jit
def last_tokens_kernel(
    h_ptr: tl.tensor,
    seq_offsets_ptr: tl.tensor,
    y_ptr: tl.tensor,
    tokens: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    h_stride: tl.tensor,
    y_stride: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
) -> None:
    """``y[m] = h[seq_offsets[m + 1] - 1]``; -1 is the last row, as in PyTorch.  Grid: tiles of rows, of columns."""
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (m < rows)[:, None] & (n < columns)[None, :]
    end = tl.load(seq_offsets_ptr + 1 + m, mask=m < rows, other=1)
    row = tl.where(end > 0, end, tokens).to(tl.int64) - 1
    x = tl.load(h_ptr + row[:, None] * h_stride + n[None, :], mask=inside)
    tl.store(y_ptr + m[:, None] * y_stride + n[None, :], x, mask=inside)
