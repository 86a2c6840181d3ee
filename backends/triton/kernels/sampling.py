"""Greedy sampling: the largest logit of a row."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.gate import NONE, index_of, key_of


@triton.jit
def argmax_kernel(
    logits_ptr: tl.tensor,
    ids_ptr: tl.tensor,
    columns: tl.tensor,
    logits_stride: tl.tensor,
    BLOCK_N: tl.constexpr,
) -> None:
    """``ids[m] = argmax(logits[m])``: ties go to the lowest index, NaN is the largest.  Grid: rows."""
    m = tl.program_id(0).to(tl.int64)
    n = tl.arange(0, BLOCK_N)
    best = tl.full([BLOCK_N], NONE, tl.int64)
    for start in range(0, columns, BLOCK_N):
        inside = start + n < columns
        x = tl.load(logits_ptr + m * logits_stride + start + n, mask=inside, other=0.0).to(tl.float32)
        best = tl.maximum(best, tl.where(inside, key_of(x, start + n), NONE))
    tl.store(ids_ptr + m, index_of(tl.max(best, axis=0)).to(tl.int64))
