"""Rows of experts back to their tokens: the weighted sum of every token's choices."""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import after_predecessor, rounded


@triton.jit
def invert_kernel(
    slots_ptr: tl.tensor,
    row_of_ptr: tl.tensor,
    num_rows: tl.tensor,
    num_slots: tl.tensor,
    BLOCK_M: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:
    """``row_of[slots[m]] = m``; what no row has stays as it was."""
    after_predecessor(PDL)
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    slots = tl.load(slots_ptr + m, mask=m < num_rows, other=-1)
    tl.store(row_of_ptr + slots, m, mask=(slots >= 0) & (slots < num_slots))


@triton.jit
def choice_at(ids: tl.tensor, p: tl.constexpr, TOP_K: tl.constexpr, BLOCK_K: tl.constexpr) -> tl.tensor:
    """The choice that is p-th by ascending id, equal ones in their own order: ids [BLOCK_K]."""
    j = tl.arange(0, BLOCK_K)
    i = tl.arange(0, BLOCK_K)
    others = tl.sum(tl.where(i[:, None] == j[None, :], ids[None, :], 0), axis=1)  # ids along the other dim
    earlier = (others[:, None] < ids[None, :]) | ((others[:, None] == ids[None, :]) & (i[:, None] < j[None, :]))
    rank = tl.sum((earlier & (i < TOP_K)[:, None]).to(tl.int32), axis=0)
    return tl.sum(tl.where((rank == p) & (j < TOP_K), j, 0), axis=0)


@triton.jit
def weighted(
    y_ptr: tl.tensor, slots_ptr: tl.tensor, row_of_ptr: tl.tensor, weights_ptr: tl.tensor, ids_ptr: tl.tensor,
    slot: tl.tensor, n: tl.tensor, num_rows: tl.tensor, y_stride: tl.tensor, COLUMNS: tl.constexpr,
    COMBINE: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """One choice's row times its weight, rounded to ``COMBINE``; 0 for a choice of no expert.

    ``row_of`` says where the row is, and ``slots`` whether it is there: nothing sets what no row has.
    """
    m = tl.load(row_of_ptr + slot)
    m = tl.where((m >= 0) & (m < num_rows), m, -1)
    width = tl.where(tl.load(slots_ptr + m, mask=m >= 0, other=-1) == slot, COLUMNS, 0)
    places = y_ptr + m.to(tl.int64) * y_stride + n
    row = rounded(tl.load(places, mask=n < width, other=0.0).to(tl.float32), COMBINE)
    weight = rounded(tl.load(weights_ptr).to(tl.float32), COMBINE)
    return tl.where(tl.load(ids_ptr) >= 0, rounded(row * weight, COMBINE), 0.0)


@triton.jit
def combine_kernel(
    y_ptr: tl.tensor, slots_ptr: tl.tensor, row_of_ptr: tl.tensor, weights_ptr: tl.tensor, ids_ptr: tl.tensor,
    out_ptr: tl.tensor, num_rows: tl.tensor, y_stride: tl.tensor, weights_stride: tl.tensor, ids_stride: tl.tensor,
    out_stride: tl.tensor,
    TOP_K: tl.constexpr, COLUMNS: tl.constexpr, COMBINE: tl.constexpr, BY_EXPERT: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, PDL: tl.constexpr = False,
) -> None:  # fmt: skip
    """``out[t] = sum_j weights[t, j] * y[row_of[t * k + j]]``, BLOCK_N columns of one token.

    BY_EXPERT: in ascending id, rounded after every addition.  Else in the order of choices, with the error of every
    f32 addition added to the sum at the end: as good as a sum in f64, rounded once.
    """
    after_predecessor(PDL)
    t = tl.program_id(0)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    weights_ptr += t.to(tl.int64) * weights_stride
    ids_ptr += t.to(tl.int64) * ids_stride
    j = tl.arange(0, BLOCK_K)
    ids = tl.load(ids_ptr + j, mask=j < TOP_K, other=0).to(tl.int32)
    total = tl.zeros((BLOCK_N,), tl.float32)
    error = tl.zeros((BLOCK_N,), tl.float32)
    for p in tl.static_range(TOP_K):
        c = choice_at(ids, p, TOP_K, BLOCK_K) if BY_EXPERT else p
        x = weighted(
            y_ptr, slots_ptr, row_of_ptr, weights_ptr + c, ids_ptr + c, t * TOP_K + c, n, num_rows, y_stride, COLUMNS,
            COMBINE,
        )  # fmt: skip
        if p == 0:
            total = x
        elif BY_EXPERT:
            total = rounded(total + x, COMBINE)
        else:
            sum = total + x
            part = sum - total
            error += (total - (sum - part)) + (x - part)
            total = sum
    if not BY_EXPERT:
        total = rounded(tl.where(error == error, total + error, total), COMBINE)  # infinities have no error
    places = out_ptr + t.to(tl.int64) * out_stride + n
    tl.store(places, total.to(out_ptr.dtype.element_ty), mask=n < COLUMNS)
