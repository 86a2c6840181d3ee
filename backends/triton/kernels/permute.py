"""Rows of tokens in expert order: where they go, found by counting without atomics, and the copy.

``count_kernel`` counts the slots of every expert in chunks of slots, ``place_kernel`` adds the counts of earlier chunks
and experts and gives every slot its row, in ascending slot; ``copy_kernel`` fills the rows.  A slot has one place
whatever the order in which programs run.
"""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import after_predecessor
from dsv3c.backends.triton.kernels.held_rows import LOOK, held_blocks, lowest


@triton.jit
def ids_of(
    ids_ptr: tl.tensor, slots: tl.tensor, num_slots: tl.tensor, ids_stride: tl.tensor, TOP_K: tl.constexpr
) -> tl.tensor:
    """The experts of slots t * k + j; -1 for slots that are not there."""
    t = (slots // TOP_K).to(tl.int64)
    return tl.load(ids_ptr + t * ids_stride + slots % TOP_K, mask=slots < num_slots, other=-1).to(tl.int32)


@triton.jit
def count_kernel(
    ids_ptr: tl.tensor, counts_ptr: tl.tensor, slots_ptr: tl.tensor, expert_of_ptr: tl.tensor, num_slots: tl.tensor,
    num_rows: tl.tensor, ids_stride: tl.tensor,
    TOP_K: tl.constexpr, EXPERTS: tl.constexpr, COUNT: tl.constexpr, CHUNK: tl.constexpr, BLOCK_S: tl.constexpr,
    BLOCK_E: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:  # fmt: skip
    """Slots of every expert in chunk c: counts [chunks, E]; and this program's share of the rows becomes padding."""
    after_predecessor(PDL)
    c = tl.program_id(0)
    experts = tl.arange(0, BLOCK_E)
    if COUNT:
        counts = tl.zeros((BLOCK_E,), tl.int32)
        for start in range(0, CHUNK, BLOCK_S):
            slots = c * CHUNK + start + tl.arange(0, BLOCK_S)
            ids = ids_of(ids_ptr, slots, num_slots, ids_stride, TOP_K)
            counts += tl.sum((ids[:, None] == experts[None, :]).to(tl.int32), axis=0)
        tl.store(counts_ptr + c * EXPERTS + experts, counts, mask=experts < EXPERTS)
    share = tl.cdiv(num_rows, tl.num_programs(0))
    for start in range(0, share, CHUNK):
        i = start + tl.arange(0, CHUNK)
        m = c * share + i
        inside = (i < share) & (m < num_rows)
        tl.store(slots_ptr + m, tl.full((CHUNK,), -1, tl.int32), mask=inside)
        tl.store(expert_of_ptr + m, tl.full((CHUNK,), -1, tl.int32), mask=inside)


@triton.jit
def first_rows(
    counts_ptr: tl.tensor, c: tl.tensor, num_chunks: tl.tensor, room: tl.tensor,
    EXPERTS: tl.constexpr, ALIGNMENT: tl.constexpr, MASKED: tl.constexpr, BLOCK_C: tl.constexpr,
    BLOCK_E: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """The row of chunk c's first slot of every expert, [BLOCK_E]: behind earlier experts and earlier chunks."""
    experts = tl.arange(0, BLOCK_E)
    before = tl.zeros((BLOCK_E,), tl.int32)
    counts = tl.zeros((BLOCK_E,), tl.int32)
    for start in range(0, num_chunks, BLOCK_C):
        chunks = start + tl.arange(0, BLOCK_C)
        places = counts_ptr + chunks[:, None] * EXPERTS + experts[None, :]
        inside = (chunks < num_chunks)[:, None] & (experts < EXPERTS)[None, :]
        part = tl.load(places, mask=inside, other=0)
        counts += tl.sum(part, axis=0)
        before += tl.sum(tl.where((chunks < c)[:, None], part, 0), axis=0)
    if MASKED:
        return experts * room + before
    else:
        aligned = (counts + (ALIGNMENT - 1)) // ALIGNMENT * ALIGNMENT
        return tl.cumsum(aligned, axis=0) - aligned + before


@triton.jit
def place_kernel(
    ids_ptr: tl.tensor, counts_ptr: tl.tensor, slots_ptr: tl.tensor, expert_of_ptr: tl.tensor, num_slots: tl.tensor,
    room: tl.tensor, ids_stride: tl.tensor,
    TOP_K: tl.constexpr, EXPERTS: tl.constexpr, LAYOUT: tl.constexpr, ALIGNMENT: tl.constexpr, CHUNK: tl.constexpr,
    BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_E: tl.constexpr, PDL: tl.constexpr = False,
) -> None:  # fmt: skip
    """Rows of chunk c's slots: slots, expert_of [M].

    ``room``: rows of one expert (masked, dense).  What does not fit into it gets no row.
    """
    after_predecessor(PDL)
    c = tl.program_id(0)
    experts = tl.arange(0, BLOCK_E)
    rows = tl.zeros((BLOCK_E,), tl.int32)
    if LAYOUT != "dense":
        chunks = tl.num_programs(0)
        rows = first_rows(counts_ptr, c, chunks, room, EXPERTS, ALIGNMENT, LAYOUT == "masked", BLOCK_C, BLOCK_E)
    for start in range(0, CHUNK, BLOCK_S):
        slots = c * CHUNK + start + tl.arange(0, BLOCK_S)
        ids = ids_of(ids_ptr, slots, num_slots, ids_stride, TOP_K)
        chosen = (ids >= 0) & (ids < EXPERTS)
        if LAYOUT == "dense":
            m = ids * room + slots // TOP_K
        else:
            mine = ids[:, None] == experts[None, :]
            ones = mine.to(tl.int32)
            m = tl.sum(tl.where(mine, rows[None, :] + tl.cumsum(ones, axis=0) - 1, 0), axis=1)
            rows += tl.sum(ones, axis=0)
        if LAYOUT == "masked":
            chosen = chosen & (m < (ids + 1) * room)
        tl.store(slots_ptr + m, slots, mask=chosen)
        tl.store(expert_of_ptr + m, ids, mask=chosen)


@triton.jit
def copy_block(
    x_ptr: tl.tensor, x_scale_ptr: tl.tensor, slots_ptr: tl.tensor, rows_ptr: tl.tensor, rows_scale_ptr: tl.tensor,
    block: tl.tensor, num_rows: tl.tensor, x_stride: tl.tensor, x_scale_row: tl.tensor, x_scale_block: tl.tensor,
    rows_stride: tl.tensor, rows_scale_row: tl.tensor, rows_scale_block: tl.tensor,
    TOP_K: tl.constexpr, COLUMNS: tl.constexpr, BLOCKS: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_B: tl.constexpr, SKIPS_PADDING: tl.constexpr,
) -> None:  # fmt: skip
    """A block of rows, this program's columns; see ``copy_kernel``."""
    m = block * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    slots = tl.load(slots_ptr + m, mask=m < num_rows, other=-1)
    filled = (slots >= 0)[:, None]
    t = (slots // TOP_K).to(tl.int64)[:, None]
    to = m.to(tl.int64)[:, None]
    inside = filled if SKIPS_PADDING else (m < num_rows)[:, None]
    wide = (n < COLUMNS)[None, :]
    data = tl.load(x_ptr + t * x_stride + n[None, :], mask=filled & wide, other=0)
    tl.store(rows_ptr + to * rows_stride + n[None, :], data, mask=inside & wide)
    if BLOCKS > 0:  # noqa: SIM102 -- decided when it is compiled; the pointers are absent otherwise
        if tl.program_id(1) == 0:
            b = tl.arange(0, BLOCK_B)[None, :]
            from_places = x_scale_ptr + t * x_scale_row + b.to(tl.int64) * x_scale_block
            scale = tl.load(from_places, mask=filled & (b < BLOCKS), other=1.0)
            to_places = rows_scale_ptr + to * rows_scale_row + b.to(tl.int64) * rows_scale_block
            tl.store(to_places, scale, mask=inside & (b < BLOCKS))


@triton.jit
def copy_kernel(
    x_ptr: tl.tensor, x_scale_ptr: tl.tensor, slots_ptr: tl.tensor, rows_ptr: tl.tensor, rows_scale_ptr: tl.tensor,
    num_rows: tl.tensor, x_stride: tl.tensor, x_scale_row: tl.tensor, x_scale_block: tl.tensor, rows_stride: tl.tensor,
    rows_scale_row: tl.tensor, rows_scale_block: tl.tensor,
    TOP_K: tl.constexpr, COLUMNS: tl.constexpr, BLOCKS: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_B: tl.constexpr, SKIPS_PADDING: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:  # fmt: skip
    """``rows[m] = x[slots[m] // k]``, 0 where the slot is -1; scales (``BLOCKS`` a row, if any) alike, 1 there.

    With SKIPS_PADDING nothing is there: a program walks blocks of rows and leaves out those without a slot.  Else
    every block has a program.  Grid: programs, tiles of columns.
    """
    after_predecessor(PDL)
    if SKIPS_PADDING:
        blocks, step = tl.cdiv(num_rows, BLOCK_M), tl.num_programs(0)
        for first in range(tl.program_id(0), blocks, step * LOOK):
            held = held_blocks(slots_ptr, first, step, num_rows, BLOCK_M)
            while held != 0:
                copy_block(
                    x_ptr, x_scale_ptr, slots_ptr, rows_ptr, rows_scale_ptr, first + lowest(held) * step, num_rows,
                    x_stride, x_scale_row, x_scale_block, rows_stride, rows_scale_row, rows_scale_block, TOP_K,
                    COLUMNS, BLOCKS, BLOCK_M, BLOCK_N, BLOCK_B, True,
                )  # fmt: skip
                held &= held - 1
    else:
        copy_block(
            x_ptr, x_scale_ptr, slots_ptr, rows_ptr, rows_scale_ptr, tl.program_id(0), num_rows, x_stride,
            x_scale_row, x_scale_block, rows_stride, rows_scale_row, rows_scale_block, TOP_K, COLUMNS, BLOCKS, BLOCK_M,
            BLOCK_N, BLOCK_B, False,
        )  # fmt: skip
