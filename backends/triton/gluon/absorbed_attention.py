"""Causal attention in the latent space over a paged cache, for Hopper: 64 heads of a token per block.

Sums of 64 heads and 512 columns in f32 are half of a multiprocessor's registers, so that two warpgroups hold a half
each, and both need all probabilities.  They take turns (the schedule of FlashMLA, github.com/deepseek-ai/FlashMLA): of
two tiles of 64 cached rows, one warpgroup computes the probabilities of the first, the other those of the second, and
each multiplies both with its half of the columns.  While one computes probabilities, the other multiplies.  Each learns
the other's maxima, and its probabilities, through shared memory: those of a tile take the place of its rope keys, which
nobody reads any more.  A third warpgroup fills the tiles: a warp copies pages, or four warps dequantise them.

A program that takes several parts of a context starts its warpgroups anew for each: no register is left for what would
outlast a part, so that it is kept in shared memory.
"""

import triton.language as tl
from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon.absorbed_tiles import HEADS_O, HEADS_S, MMA_O, even_tile, odd_tile, rescaled, take_over
from dsv3c.backends.triton.gluon.cached_rows import (
    BLOCK,
    CHUNK,
    HALF,
    Buffer,
    Descriptor,
    Tensor,
    copy_rows,
    dequantize_rows,
)
from dsv3c.backends.triton.gluon.shim import mbarrier, warpgroup_mma_wait

FP_FUSION = True
"""As in the plain twin."""
MAX_REGISTERS = {"absorbed_attention_kernel": 168}
"""Of a thread of 12 warps when the kernel starts; the warpgroups then share them anew."""
LENGTH, SEQUENCE, PART, ROW = gl.constexpr(0), gl.constexpr(1), gl.constexpr(2), gl.constexpr(3)
"""What is kept in shared memory from part to part: rows of the context, the sequence, the part, and where its sums go:
a row of partial sums, or ``~t`` for token t of ``o``, which has one part."""


@gluon.jit
def put_away(kept: Buffer, at: gl.constexpr, x: Tensor) -> None:
    """Keep a number in shared memory while there is no register for it."""
    kept.index(at).store(gl.full((1,), x, gl.int32, gl.BlockedLayout([1], [32], [4], [0])))


@gluon.jit
def taken_out(kept: Buffer, at: gl.constexpr) -> Tensor:
    """What was put away."""
    return gl.max(kept.index(at).load(gl.BlockedLayout([1], [32], [4], [0])), 0)


@gluon.jit
def turn_of(kept: Buffer, num_splits: Tensor, FIXED: gl.constexpr) -> Tensor:
    """The phase of barriers that all parts of a program pass once."""
    if FIXED:
        return taken_out(kept, PART) // num_splits & 1
    else:
        return 0


@gluon.jit
def store_sums(
    acc: Tensor, total: Tensor, m: Tensor, SIDE: gl.constexpr, sums: Buffer, sums_ready: Buffer, some: Tensor,
    num_splits: Tensor, num_tokens: Tensor, kept: Buffer, o_ptr: Tensor, partial_ptr: Tensor, lse_ptr: Tensor,
    O_TOKEN: gl.constexpr, O_HEAD: gl.constexpr, HEADS: gl.constexpr, RANK: gl.constexpr, FIXED: gl.constexpr,
) -> None:  # fmt: skip
    """Divide a half's sums by those of the probabilities of both warpgroups, and store them as the plain twin does."""
    HEAD_BLOCKS: gl.constexpr = HEADS // BLOCK
    token, head = gl.program_id(0) // HEAD_BLOCKS, gl.program_id(0) % HEAD_BLOCKS * BLOCK
    sums.index(SIDE).store(total)
    mbarrier.arrive(sums_ready.index(SIDE), count=1)
    mbarrier.wait(sums_ready.index(1 - SIDE), turn_of(kept, num_splits, FIXED))
    total = total + sums.index(1 - SIDE).load(HEADS_S)
    total = gl.where(total == 0.0, 1.0, total)  # no rows: sums of zero, and an lse of -inf
    acc = rescaled(acc, 1.0 / total)
    h = gl.arange(0, BLOCK, HEADS_O)[:, None]
    r = SIDE * HALF + gl.arange(0, HALF, gl.SliceLayout(0, MMA_O))[None, :]
    if FIXED:
        row = taken_out(kept, ROW)
        whole, t = row < 0, ~row
    else:
        whole, t, row = num_splits == 1, token, gl.program_id(1) * num_tokens + token
    if whole:
        to_o = o_ptr + (t.to(gl.int64) * O_TOKEN + head * O_HEAD)
        gl.store(to_o + (h * O_HEAD + r), acc.to(o_ptr.dtype.element_ty))
    else:
        at = row.to(gl.int64) * HEADS + head
        if SIDE == 0:
            gl.store(lse_ptr + at + gl.arange(0, BLOCK, HEADS_S), m + gl.log2(total))
        if some:
            gl.store(partial_ptr + at * RANK + (h * RANK + r), acc)


@gluon.jit
def left_half(
    tiles: Tensor, seen: Tensor, numbers: gl.tuple, results: gl.tuple, buffers: gl.tuple, barriers: gl.tuple,
    O_TOKEN: gl.constexpr, O_HEAD: gl.constexpr, HEADS: gl.constexpr, RANK: gl.constexpr, SCORES: gl.constexpr,
    PROBS: gl.constexpr, FIXED: gl.constexpr,
) -> None:  # fmt: skip
    """The warpgroup of columns 0 to 255, which computes the probabilities of the first of two tiles."""
    softmax_scale, num_splits, num_tokens = numbers
    o_ptr, partial_ptr, lse_ptr = results
    query, keys, maxima, sums, kept = buffers
    q_full, full, empty, ready, sums_ready = barriers
    m = gl.full((BLOCK,), -float("inf"), gl.float32, HEADS_S)
    total = gl.zeros((BLOCK,), gl.float32, HEADS_S)
    acc = gl.zeros((BLOCK, HALF), gl.float32, MMA_O)
    pairs = gl.maximum(tiles - 1, 0) // 2  # before the last, whose second tile may be absent
    mbarrier.wait(q_full.index(0), turn_of(kept, num_splits, FIXED))
    for i in range(pairs):
        # no constant slot: the assembler would keep addresses of all products in registers that it does not have
        slot = gl.minimum(seen + i, 0)
        m, total, acc = even_tile(
            i, True, BLOCK, slot, m, total, acc, softmax_scale, query, keys, maxima,
            full, empty, ready, False, SCORES, PROBS,
        )  # fmt: skip
    if tiles > 0:
        second = 2 * pairs + 1 < tiles
        m, total, acc = even_tile(
            pairs, second, gl.where(second, BLOCK, seen), 0, m, total, acc, softmax_scale, query, keys,
            maxima, full, empty, ready, True, SCORES, PROBS,
        )  # fmt: skip
    store_sums(
        acc, total, m, 0, sums, sums_ready, tiles > 0, num_splits, num_tokens, kept,
        o_ptr, partial_ptr, lse_ptr, O_TOKEN, O_HEAD, HEADS, RANK, FIXED,
    )  # fmt: skip


@gluon.jit
def right_half(
    tiles: Tensor, seen: Tensor, numbers: gl.tuple, results: gl.tuple, buffers: gl.tuple, barriers: gl.tuple,
    O_TOKEN: gl.constexpr, O_HEAD: gl.constexpr, HEADS: gl.constexpr, RANK: gl.constexpr, SCORES: gl.constexpr,
    PROBS: gl.constexpr, FIXED: gl.constexpr,
) -> None:  # fmt: skip
    """The warpgroup of columns 256 to 511, which computes the probabilities of the second of two tiles."""
    softmax_scale, num_splits, num_tokens = numbers
    o_ptr, partial_ptr, lse_ptr = results
    query, keys, maxima, sums, kept = buffers
    q_full, full, empty, ready, sums_ready = barriers
    m = gl.full((BLOCK,), -float("inf"), gl.float32, HEADS_S)
    total = gl.zeros((BLOCK,), gl.float32, HEADS_S)
    acc = gl.zeros((BLOCK, HALF), gl.float32, MMA_O)
    pairs = gl.maximum(tiles - 1, 0) // 2
    mbarrier.wait(q_full.index(0), turn_of(kept, num_splits, FIXED))
    for i in range(pairs):
        slot = gl.minimum(seen + i, 0)  # as there
        m, total, acc = odd_tile(
            i, BLOCK, slot, m, total, acc, softmax_scale, query, keys, maxima,
            full, empty, ready, False, SCORES, PROBS,
        )  # fmt: skip
    if 2 * pairs + 1 < tiles:
        m, total, acc = odd_tile(
            pairs, seen, 0, m, total, acc, softmax_scale, query, keys, maxima,
            full, empty, ready, True, SCORES, PROBS,
        )  # fmt: skip
    elif tiles > 0:
        m, total, acc = take_over(pairs & 1, 0, m, total, acc, keys, maxima, ready)
        acc = warpgroup_mma_wait(0, deps=(acc,))
    store_sums(
        acc, total, m, 1, sums, sums_ready, tiles > 0, num_splits, num_tokens, kept,
        o_ptr, partial_ptr, lse_ptr, O_TOKEN, O_HEAD, HEADS, RANK, FIXED,
    )  # fmt: skip


@gluon.jit
def sequence_of(seq_offsets_ptr: Tensor, num_sequences: Tensor, t: Tensor) -> Tensor:
    """As in the plain twin: how many sequences end at or before token t."""
    i = gl.arange(0, 128, gl.BlockedLayout([1], [32], [4], [0]))
    n = t * 0
    for start in range(0, num_sequences, 128):
        end = gl.load(seq_offsets_ptr + 1 + start + i, mask=start + i < num_sequences, other=0x7FFFFFFF)
        n += gl.sum((end <= t).to(gl.int32), 0)
    return n


@gluon.jit
def new_barriers(GRANULE: gl.constexpr) -> gl.tuple:
    """Those of the query, of halves of tiles, full and empty, of probabilities and of sums."""
    # of halves of tiles: left and right of the first, left and right of the second
    full = gl.allocate_shared_memory(gl.int64, [4, 1], mbarrier.MBarrierLayout())
    empty = gl.allocate_shared_memory(gl.int64, [4, 1], mbarrier.MBarrierLayout())
    ready = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    sums_ready = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    q_full = gl.allocate_shared_memory(gl.int64, [1, 1], mbarrier.MBarrierLayout())
    for i in gl.static_range(4):
        # of a latent in 8 bits, with a right half come rope keys from elsewhere
        mbarrier.init(full.index(i), count=2 if GRANULE > 0 and i % 2 == 1 else 1)
        mbarrier.init(empty.index(i), count=1)
    for i in gl.static_range(2):
        mbarrier.init(ready.index(i), count=1)
        mbarrier.init(sums_ready.index(i), count=1)
    mbarrier.init(q_full.index(0), count=1)
    return (q_full, full, empty, ready, sums_ready)


@gluon.jit
def absorbed_attention_kernel(
    q_latent_desc: Descriptor, q_rope_desc: Descriptor, rope_desc: Descriptor, scale_ptr: Tensor | None,
    positions_ptr: Tensor, seq_offsets_ptr: Tensor, block_table_ptr: Tensor, context_lens_ptr: Tensor, o_ptr: Tensor,
    partial_ptr: Tensor, lse_ptr: Tensor, softmax_scale: Tensor, first_token: Tensor, num_tokens: Tensor,
    num_sequences: Tensor, num_splits: Tensor, split_tokens: Tensor, table_row: Tensor, q_latent_token: Tensor,
    q_latent_head: Tensor, q_rope_token: Tensor, q_rope_head: Tensor, O_TOKEN: gl.constexpr, O_HEAD: gl.constexpr,
    HEADS: gl.constexpr, RANK: gl.constexpr, ROPE: gl.constexpr, PAGE_SIZE: gl.constexpr, LATENT_PAGE: gl.constexpr,
    LATENT_ROW: gl.constexpr, ROPE_PAGE: gl.constexpr, ROPE_ROW: gl.constexpr, SCALE_PAGE: gl.constexpr,
    SCALE_ROW: gl.constexpr, GRANULE: gl.constexpr, SCORES: gl.constexpr, PROBS: gl.constexpr, BLOCK_H: gl.constexpr,
    BLOCK_N: gl.constexpr, BLOCK_R: gl.constexpr, BLOCK_D: gl.constexpr, FIXED: gl.constexpr,
    latent_desc: Descriptor | None = None, latent_ptr: Tensor | None = None,
) -> None:  # fmt: skip
    """See the plain twin; for a latent of 512 columns, rope keys of 64, pages of 64 rows, and heads by 64.

    ``latent_desc`` without scales; with them ``latent_ptr``, and one scale for 128 columns.  FIXED: a program takes
    every ``num_splits``-th part; parts are a multiple of four tiles, so that each finds tiles' barriers in one phase.
    """
    gl.static_assert(RANK == 2 * HALF and ROPE == BLOCK and PAGE_SIZE == BLOCK, "columns 512 + 64, pages of 64 rows")
    gl.static_assert(GRANULE == 0 or GRANULE == CHUNK, "no scales, or one for 128 columns")
    gl.static_assert(BLOCK_H == BLOCK and BLOCK_N == BLOCK and HEADS % BLOCK == 0, "blocks of 64 heads and rows")
    HEAD_BLOCKS: gl.constexpr = HEADS // BLOCK
    token, split = gl.program_id(0) // HEAD_BLOCKS, gl.program_id(1)
    head = gl.program_id(0) % HEAD_BLOCKS * BLOCK
    n = sequence_of(seq_offsets_ptr, num_sequences, first_token + token)
    length = token * 0
    if n < num_sequences:
        length = gl.minimum(gl.load(positions_ptr + token) + 1, gl.load(context_lens_ptr + n))
    tiles = gl.cdiv(length, BLOCK)

    wide: gl.constexpr = gl.NVMMASharedLayout.get_default_for([BLOCK, HALF], q_latent_desc.dtype)
    narrow: gl.constexpr = gl.NVMMASharedLayout.get_default_for([BLOCK, BLOCK], q_latent_desc.dtype)
    ql = gl.allocate_shared_memory(q_latent_desc.dtype, [1, BLOCK, HALF], wide)
    qr = gl.allocate_shared_memory(q_latent_desc.dtype, [1, BLOCK, HALF], wide)
    qd = gl.allocate_shared_memory(q_latent_desc.dtype, [1, BLOCK, BLOCK], narrow)
    kl = gl.allocate_shared_memory(q_latent_desc.dtype, [2, BLOCK, HALF], wide)
    kr = gl.allocate_shared_memory(q_latent_desc.dtype, [2, BLOCK, HALF], wide)
    kd = gl.allocate_shared_memory(q_latent_desc.dtype, [2, BLOCK, BLOCK], narrow)
    maxima = gl.allocate_shared_memory(gl.float32, [2, BLOCK], gl.SwizzledSharedLayout(1, 1, 1, [0]))
    sums = gl.allocate_shared_memory(gl.float32, [2, BLOCK], gl.SwizzledSharedLayout(1, 1, 1, [0]))
    kept = gl.allocate_shared_memory(gl.int32, [4, 1], gl.SwizzledSharedLayout(1, 1, 1, [0]))
    barriers = new_barriers(GRANULE)
    q_full, full, empty = barriers[0], barriers[1], barriers[2]
    numbers, results = (softmax_scale, num_splits, num_tokens), (o_ptr, partial_ptr, lse_ptr)
    buffers = ((ql, qr, qd), (kl, kr, kd), maxima, sums, kept)

    more = True
    if FIXED:
        put_away(kept, LENGTH, length)
        put_away(kept, SEQUENCE, n)
        put_away(kept, PART, split)
        more = (split == 0) | (split * split_tokens < length)
    # without hoisting what repeats: a thread has no registers for it
    while tl.condition(more, disable_licm=True):
        if FIXED:
            length, n, part = taken_out(kept, LENGTH), taken_out(kept, SEQUENCE), taken_out(kept, PART)
            first = part * (split_tokens // BLOCK)
            last = gl.minimum(first + split_tokens // BLOCK, gl.cdiv(length, BLOCK))
            put_away(kept, ROW, gl.where(length <= split_tokens, ~token, part * num_tokens + token))
        else:
            first, last = tiles * split // num_splits, tiles * (split + 1) // num_splits
        seen = length - (last - 1) * BLOCK  # rows of the last tile
        page_ptr = block_table_ptr + n * table_row + first

        if GRANULE == 0:
            gl.warp_specialize(
                [
                    (
                        left_half,
                        (last - first, seen, numbers, results, buffers, barriers,
                         O_TOKEN, O_HEAD, HEADS, RANK, SCORES, PROBS, FIXED),
                    ),
                    (
                        right_half,
                        (last - first, seen, numbers, results, buffers, barriers,
                         O_TOKEN, O_HEAD, HEADS, RANK, SCORES, PROBS, FIXED),
                    ),
                    (
                        copy_rows,
                        (
                            q_latent_desc, q_rope_desc, latent_desc, rope_desc, page_ptr,
                            last - first, token, head, (ql, qr, qd), (kl, kr, kd), q_full, full, empty,
                        ),
                    ),
                ],
                [4, 1],
                [240, 24],
            )  # fmt: skip
        else:
            gl.warp_specialize(
                [
                    (
                        left_half,
                        (last - first, seen, numbers, results, buffers, barriers,
                         O_TOKEN, O_HEAD, HEADS, RANK, SCORES, PROBS, FIXED),
                    ),
                    (
                        right_half,
                        (last - first, seen, numbers, results, buffers, barriers,
                         O_TOKEN, O_HEAD, HEADS, RANK, SCORES, PROBS, FIXED),
                    ),
                    (
                        dequantize_rows,
                        (
                            q_latent_desc, q_rope_desc, latent_ptr, scale_ptr, rope_desc, page_ptr,
                            last - first, token, head, (ql, qr, qd), (kl, kr, kd), q_full, full, empty,
                            LATENT_PAGE, LATENT_ROW, SCALE_PAGE, SCALE_ROW,
                        ),
                    ),
                ],
                [4, 4],
                [200, 104],
            )  # fmt: skip
        if FIXED:
            part = taken_out(kept, PART) + num_splits
            put_away(kept, PART, part)
            more = part * split_tokens < taken_out(kept, LENGTH)
        else:
            more = False
