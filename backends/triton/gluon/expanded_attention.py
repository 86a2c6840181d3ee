"""Causal attention over expanded keys and values on Hopper: one warp copies, two warpgroups compute.

Numbering: as in the plain twin; j the tiles of the context that a block of tokens sees, from its start.

A block of 128 tokens of one head belongs to two warpgroups, 64 tokens each.  The products of tile j + 1 with the query
are issued before those of tile j's probabilities with its values: while the tensor cores work on the latter, the
warpgroup takes the exponentials of the former (the schedule of FlashAttention-3, arXiv:2407.08608, section 3.2).
Scores and sums stay in registers.  Keys and values have a ring each, since keys are needed one tile earlier.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper.tma import tensor_descriptor as Described

from dsv3c.backends.triton.gluon.attention_blocks import (
    END,
    HEAD,
    LEAST,
    LENGTH,
    MOST,
    NOTE,
    START,
    block_of,
    read,
    write,
)
from dsv3c.backends.triton.gluon.shim import (
    fence_async_shared,
    mbarrier,
    thread_barrier,
    tma_load,
    warpgroup_mma,
    warpgroup_mma_wait,
)

Shared = gl.shared_memory_descriptor
LOG2E = gl.constexpr(1.4426950408889634)
STAGES = gl.constexpr(2)
"""Tiles of keys, and tiles of values, that shared memory holds."""
HALF = gl.constexpr(64)
"""Tokens of a warpgroup."""

FP_FUSION = True
"""Sums are rescaled and added by one instruction, which rounds once."""
MAX_REGISTERS = {"expanded_attention_kernel": 168}
"""Of a thread when a block starts with 12 warps (the compiler fills up the copying warp's group)."""


@gluon.jit
def copy_tiles(
    tensors: gl.tuple, strides: gl.tuple, step: gl.tuple, memory: gl.tuple, barriers: gl.tuple,
    num_tiles: gl.tensor, softmax_scale: gl.tensor, BLOCK_Q: gl.constexpr, BLOCK_N: gl.constexpr,
    SCORES: gl.constexpr,
) -> None:  # fmt: skip
    """The copying warp: takes blocks; queries of a block once, then keys of each tile one tile ahead of values.

    A program takes a block when it has copied the last one, whatever other programs do: blocks take unequal time.
    """
    q_nope_desc, q_rope_desc, kv_desc, k_rope_desc, _, next_ptr = tensors
    q_nope_head, q_rope_head, kv_head, _, _ = strides
    q, qd, keys, ropes, values, note = memory
    q_full, q_free, k_full, k_free, v_full, v_free, note_full, _ = barriers
    NOPE: gl.constexpr = q.shape[1]
    ROPE: gl.constexpr = qd.shape[1]
    turn = 0
    fill = 0
    tile = gl.atomic_add(next_ptr, 1, sem="relaxed")
    while tile < num_tiles:
        head, start, end, before, length, least, most = block_of(tile, step, BLOCK_Q)
        count = gl.cdiv(most, BLOCK_N)
        if start < end:
            mbarrier.wait(q_free, (turn & 1) ^ 1)
            mbarrier.expect(q_full, BLOCK_Q * (NOPE + ROPE) * 2)
            tma_load(q_nope_desc, [start, head * q_nope_head], q_full, q)
            tma_load(q_rope_desc, [start, head * q_rope_head], q_full, qd)
            write(note, HEAD, head)
            write(note, START, start)
            write(note, END, end)
            write(note, LENGTH, length)
            write(note, LEAST, least)
            write(note, MOST, most)
            mbarrier.arrive(note_full, count=1)
            turn += 1
        if count > 0:
            for j in range(count + 1):
                if j < count:
                    stage, phase = (fill + j) % STAGES, (fill + j) // STAGES & 1
                    mbarrier.wait(k_free.index(stage), phase ^ 1)
                    there = k_full.index(stage)
                    mbarrier.expect(there, BLOCK_N * (NOPE + ROPE) * 2)
                    tma_load(kv_desc, [before + j * BLOCK_N, head * kv_head], there, keys.index(stage))
                    tma_load(k_rope_desc, [before + j * BLOCK_N, 0], there, ropes.index(stage))
                if j > 0:
                    stage, phase = (fill + j - 1) % STAGES, (fill + j - 1) // STAGES & 1
                    mbarrier.wait(v_free.index(stage), phase ^ 1)
                    there = v_full.index(stage)
                    mbarrier.expect(there, BLOCK_N * values.shape[2] * 2)
                    tma_load(kv_desc, [before + (j - 1) * BLOCK_N, head * kv_head + NOPE], there, values.index(stage))
            fill += count
        tile = gl.atomic_add(next_ptr, 1, sem="relaxed")
    mbarrier.wait(q_free, (turn & 1) ^ 1)
    write(note, HEAD, -1)
    mbarrier.arrive(note_full, count=1)


@gluon.jit
def products(
    q: Shared, qd: Shared, keys: Shared, ropes: Shared, BLOCK_N: gl.constexpr, scores_of: gl.constexpr
) -> gl.tensor:  # fmt: skip
    """Issue the products of a tile's keys with the query."""
    zeros = gl.zeros((HALF, BLOCK_N), gl.float32, scores_of)
    s = warpgroup_mma(q, keys.permute((1, 0)), zeros, use_acc=False, is_async=True)
    return warpgroup_mma(qd, ropes.permute((1, 0)), s, is_async=True)


@gluon.jit
def rounded_to_bf16(x: gl.tensor) -> gl.tensor:
    """f32 numbers rounded to bf16, ties to even, in f32: ``x * 65536 - fl(x * 65535)``, for numbers below 2**111.

    The last bit of ``x * 65535`` has the weight of bf16's, the difference is exact (after T. J. Dekker, 1971).  Casts
    there and back would take the units that exponentials wait for.
    """
    return gl.fma(x, 65536.0, x * -65535.0)  # a sum of two products could be contracted to x


@gluon.jit
def weights(
    s: gl.tensor, m: gl.tensor, total: gl.tensor, seen: gl.tensor, start: gl.tensor, softmax_scale: gl.tensor,
    MASKED: gl.constexpr, SCORES: gl.constexpr, BLOCK_N: gl.constexpr, scores_of: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor, gl.tensor, gl.tensor]:  # fmt: skip
    """``exp(s - m)`` with the new maximum m, the factor of earlier sums, the new sum, and m."""
    if SCORES == "bf16":
        s = rounded_to_bf16(s * softmax_scale)
        factor = LOG2E
    else:
        factor = softmax_scale * LOG2E
    if MASKED:
        # Compared so that what a thread's columns have in common is a constant: no register holds a column.
        c = gl.arange(0, BLOCK_N, layout=gl.SliceLayout(0, scores_of))[None, :]
        s = gl.where((c & -8) < seen[:, None] - (start + (c & 7)), s, -float("inf"))
    higher = gl.maximum(m, gl.max(s, 1))
    p = gl.exp2(s * factor - (higher * factor)[:, None])
    keep = gl.exp2((m - higher) * factor)
    return p, keep, total * keep + gl.sum(p, 1), higher


@gluon.jit
def add_tile(
    acc: gl.tensor, keep: gl.tensor, total: gl.tensor, m: gl.tensor, p: gl.tensor, mine: Shared, mined: Shared,
    memory: gl.tuple, barriers: gl.tuple, fill: gl.tensor, more: gl.tensor, seen: gl.tensor, start: gl.tensor,
    softmax_scale: gl.tensor, MASKED: gl.constexpr, SCORES: gl.constexpr, BLOCK_N: gl.constexpr,
    scores_of: gl.constexpr, probs_of: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor, gl.tensor, gl.tensor, gl.tensor]:  # fmt: skip
    """Weights of tile ``fill``, whose keys are there, while the tensor cores add the values of the tile before it.

    ``keep``: the factor of what was summed before that tile.

    ``more``: another tile follows.  Its keys are waited for before the values' products: an assembler that finds no
    jump between the exponentials and the wait for products puts them behind it.
    """
    _, _, keys, ropes, values, _ = memory
    _, _, k_full, k_free, v_full, v_free, _, _ = barriers
    stage, last = fill % STAGES, (fill - 1) % STAGES
    s = products(mine, mined, keys.index(stage), ropes.index(stage), BLOCK_N, scores_of)
    acc = acc * gl.convert_layout(keep, gl.SliceLayout(1, probs_of.parent))[:, None]
    mbarrier.wait(v_full.index(last), (fill - 1) // STAGES & 1)
    acc = warpgroup_mma(p, values.index(last), acc, is_async=True)
    s, acc = warpgroup_mma_wait(1, (s, acc))
    mbarrier.arrive(k_free.index(stage), count=1)
    w, keep, total, m = weights(s, m, total, seen, start, softmax_scale, MASKED, SCORES, BLOCK_N, scores_of)
    mbarrier.wait(k_full.index((fill + 1) % STAGES), (fill + 1) // STAGES & 1, pred=more)
    acc, w = warpgroup_mma_wait(0, (acc, w))  # w: the next operand may not take the registers of this one
    mbarrier.arrive(v_free.index(last), count=1)
    return acc, keep, total, m, gl.convert_layout(w.to(gl.bfloat16), probs_of)


@gluon.jit
def clear_rows(values: Shared, first: gl.tensor, cleared: Shared, WG: gl.constexpr, BLOCK_N: gl.constexpr) -> None:
    """Make a tile's rows from ``first`` on zero, this warpgroup's half of them: what is there need not be a number."""
    VALUES: gl.constexpr = values.shape[1]
    layout: gl.constexpr = gl.BlockedLayout([1, 8], [2, 16], [4, 1], [1, 0])
    if first < BLOCK_N:
        i = gl.arange(0, 16, layout=gl.SliceLayout(1, layout))
        for part in gl.static_range(BLOCK_N // 32):
            rows = values.slice(WG * (BLOCK_N // 2) + part * 16, 16, dim=0)
            kept = (i < first - (WG * (BLOCK_N // 2) + part * 16))[:, None]
            rows.store(gl.where(kept, rows.load(layout), gl.zeros((16, VALUES), gl.bfloat16, layout)))
        fence_async_shared()
        thread_barrier()
    mbarrier.arrive(cleared, count=1)


@gluon.jit
def pass_by(
    values: Shared, barriers: gl.tuple, fill: gl.tensor, count: gl.tensor, length: gl.tensor, WG: gl.constexpr,
    BLOCK_N: gl.constexpr,
) -> None:  # fmt: skip
    """Let the tiles of a block go by in which the warpgroup has no tokens.

    Their keys are free before they are there: values come after the keys of the next tile, whose slot was free then.
    """
    _, _, _, k_free, v_full, v_free, _, cleared = barriers
    for j in range(fill, fill + count):
        stage, phase = j % STAGES, j // STAGES & 1
        mbarrier.arrive(k_free.index(stage), count=1)
        mbarrier.wait(v_full.index(stage), phase)
        if j == fill + count - 1:
            clear_rows(values.index(stage), length - (count - 1) * BLOCK_N, cleared, WG, BLOCK_N)
        mbarrier.arrive(v_free.index(stage), count=1)


@gluon.jit
def attend(
    WG: gl.constexpr, tensors: gl.tuple, strides: gl.tuple, step: gl.tuple, memory: gl.tuple, barriers: gl.tuple,
    num_tiles: gl.tensor, softmax_scale: gl.tensor, BLOCK_Q: gl.constexpr, BLOCK_N: gl.constexpr,
    SCORES: gl.constexpr,
) -> None:  # fmt: skip
    """A computing warpgroup: its 64 tokens of every block of the program."""
    o_ptr = tensors[4]
    _, _, _, o_token, o_head = strides
    positions_ptr = step[0]
    q, qd, keys, ropes, values, note = memory
    q_full, q_free, k_full, k_free, v_full, v_free, note_full, cleared = barriers
    VALUES: gl.constexpr = values.shape[2]
    scores_of: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, BLOCK_N, 16])
    sums_of: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, VALUES, 16])
    probs_of: gl.constexpr = gl.DotOperandLayout(0, sums_of, 2)
    rows_of: gl.constexpr = gl.DistributedLinearLayout(
        reg_bases=[[0, 1], [0, 2], [0, 4], [8, 0], [0, 32], [0, 64]],
        lane_bases=[[0, 8], [0, 16], [1, 0], [2, 0], [4, 0]],
        warp_bases=[[16, 0], [32, 0]],
        block_bases=[],
        shape=[HALF, VALUES],
    )
    mine, mined = q.slice(WG * HALF, HALF, dim=0), qd.slice(WG * HALF, HALF, dim=0)
    turn = 0
    fill = 0
    mbarrier.wait(note_full, 0)
    while read(note, HEAD) >= 0:
        acc = gl.zeros((HALF, VALUES), gl.float32, sums_of)
        total = gl.zeros((HALF,), gl.float32, gl.SliceLayout(1, scores_of))
        count = gl.cdiv(read(note, MOST), BLOCK_N)
        mbarrier.wait(q_full, turn & 1)
        if count > 0 and read(note, START) + WG * HALF >= read(note, END):
            pass_by(values, barriers, fill, count, read(note, LENGTH), WG, BLOCK_N)
            head, start, end = read(note, HEAD), read(note, END), read(note, END)
            mbarrier.arrive(q_free, count=1)
            fill += count
        elif count > 0:
            t = read(note, START) + WG * HALF + gl.arange(0, HALF, layout=gl.SliceLayout(1, scores_of))
            seen = gl.minimum(gl.load(positions_ptr + gl.minimum(t, read(note, END) - 1)) + 1, read(note, LENGTH))
            m = gl.full((HALF,), -float("inf"), gl.float32, gl.SliceLayout(1, scores_of))
            mbarrier.wait(k_full.index(fill % STAGES), fill // STAGES & 1)
            s = products(mine, mined, keys.index(fill % STAGES), ropes.index(fill % STAGES), BLOCK_N, scores_of)
            s = warpgroup_mma_wait(0, (s,))
            mbarrier.arrive(k_free.index(fill % STAGES), count=1)
            w, keep, total, m = weights(s, m, total, seen, 0, softmax_scale, True, SCORES, BLOCK_N, scores_of)
            p = gl.convert_layout(w.to(gl.bfloat16), probs_of)
            mbarrier.wait(k_full.index((fill + 1) % STAGES), (fill + 1) // STAGES & 1, pred=count > 1)
            whole = gl.maximum(read(note, LEAST) // BLOCK_N, 1)
            for j in range(1, whole):
                acc, keep, total, m, p = add_tile(
                    acc, keep, total, m, p, mine, mined, memory, barriers, fill + j, j + 1 < count, seen, j * BLOCK_N,
                    softmax_scale, False, SCORES, BLOCK_N, scores_of, probs_of,
                )  # fmt: skip
            for j in range(whole, count):
                acc, keep, total, m, p = add_tile(
                    acc, keep, total, m, p, mine, mined, memory, barriers, fill + j, j + 1 < count, seen, j * BLOCK_N,
                    softmax_scale, True, SCORES, BLOCK_N, scores_of, probs_of,
                )  # fmt: skip
            there = read(note, LENGTH) - (count - 1) * BLOCK_N
            head, start, end = read(note, HEAD), read(note, START) + WG * HALF, read(note, END)
            mbarrier.arrive(q_free, count=1)
            fill += count
            acc = acc * gl.convert_layout(keep, gl.SliceLayout(1, sums_of))[:, None]
            last = (fill - 1) % STAGES
            mbarrier.wait(v_full.index(last), (fill - 1) // STAGES & 1)
            clear_rows(values.index(last), there, cleared, WG, BLOCK_N)
            mbarrier.wait(cleared, turn & 1, pred=there < BLOCK_N)
            acc = warpgroup_mma(p, values.index(last), acc, is_async=True)
            acc = warpgroup_mma_wait(0, (acc,))
            mbarrier.arrive(v_free.index(last), count=1)
        else:
            head, start, end = read(note, HEAD), read(note, START) + WG * HALF, read(note, END)
            mbarrier.arrive(q_free, count=1)
            mbarrier.arrive(cleared, count=1)
        turn += 1
        total = gl.convert_layout(total, gl.SliceLayout(1, sums_of))
        acc = acc * (1.0 / gl.where(total == 0.0, 1.0, total))[:, None]
        t = start + gl.arange(0, HALF, layout=gl.SliceLayout(1, rows_of))
        v = gl.arange(0, VALUES, layout=gl.SliceLayout(0, rows_of))
        to_o = (o_ptr + head * o_head + t.to(gl.int64) * o_token)[:, None] + v[None, :]
        gl.store(to_o, gl.convert_layout(acc.to(gl.bfloat16), rows_of), mask=(t < end)[:, None])
        mbarrier.wait(note_full, turn & 1)


@gluon.jit
def attend_first(
    tensors: gl.tuple, strides: gl.tuple, step: gl.tuple, memory: gl.tuple, barriers: gl.tuple,
    num_tiles: gl.tensor, softmax_scale: gl.tensor, BLOCK_Q: gl.constexpr, BLOCK_N: gl.constexpr,
    SCORES: gl.constexpr,
) -> None:  # fmt: skip
    """The first 64 tokens of a block."""
    attend(
        0, tensors, strides, step, memory, barriers, num_tiles, softmax_scale, BLOCK_Q, BLOCK_N, SCORES,
    )  # fmt: skip


@gluon.jit
def attend_second(
    tensors: gl.tuple, strides: gl.tuple, step: gl.tuple, memory: gl.tuple, barriers: gl.tuple,
    num_tiles: gl.tensor, softmax_scale: gl.tensor, BLOCK_Q: gl.constexpr, BLOCK_N: gl.constexpr,
    SCORES: gl.constexpr,
) -> None:  # fmt: skip
    """The other 64 tokens of a block."""
    attend(
        1, tensors, strides, step, memory, barriers, num_tiles, softmax_scale, BLOCK_Q, BLOCK_N, SCORES,
    )  # fmt: skip


@gluon.jit
def expanded_attention_kernel(
    q_nope_desc: Described, q_rope_desc: Described, kv_desc: Described, k_rope_desc: Described,
    positions_ptr: gl.tensor, seq_offsets_ptr: gl.tensor, context_lens_ptr: gl.tensor, o_ptr: gl.tensor,
    next_ptr: gl.tensor | None, softmax_scale: gl.tensor, num_tokens: gl.tensor, num_sequences: gl.tensor,
    num_blocks: gl.tensor, num_tiles: gl.tensor, heads_together: gl.tensor, q_nope_token: gl.tensor,
    q_nope_head: gl.tensor, q_rope_token: gl.tensor, q_rope_head: gl.tensor, kv_row: gl.tensor, kv_head: gl.tensor,
    k_rope_row: gl.tensor, o_token: gl.tensor, o_head: gl.tensor, NOPE: gl.constexpr, ROPE: gl.constexpr,
    VALUES: gl.constexpr, SCORES: gl.constexpr, PROBS: gl.constexpr, BLOCK_Q: gl.constexpr, BLOCK_N: gl.constexpr,
    BLOCK_K: gl.constexpr, BLOCK_D: gl.constexpr, BLOCK_V: gl.constexpr,
) -> None:  # fmt: skip
    """As many tiles as the program comes to, each a block of one sequence's tokens, of one head."""
    gl.static_assert(next_ptr is not None, "programs take tiles from a counter")
    gl.static_assert(BLOCK_Q == 2 * HALF, "two warpgroups take 64 tokens each")
    gl.static_assert(NOPE == VALUES, "keys and values are copied in blocks of one size")
    q = gl.allocate_shared_memory(gl.bfloat16, [BLOCK_Q, NOPE], q_nope_desc.layout)
    qd = gl.allocate_shared_memory(gl.bfloat16, [BLOCK_Q, ROPE], q_rope_desc.layout)
    keys = gl.allocate_shared_memory(gl.bfloat16, [STAGES, BLOCK_N, NOPE], kv_desc.layout)
    ropes = gl.allocate_shared_memory(gl.bfloat16, [STAGES, BLOCK_N, ROPE], k_rope_desc.layout)
    values = gl.allocate_shared_memory(gl.bfloat16, [STAGES, BLOCK_N, VALUES], kv_desc.layout)
    note = gl.allocate_shared_memory(gl.int32, [NOTE, 1], gl.SwizzledSharedLayout(1, 1, 1, [0]))
    q_full = gl.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    q_free = gl.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    k_full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    k_free = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    v_full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    v_free = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    note_full = gl.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    cleared = gl.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    mbarrier.init(q_full, count=1)
    mbarrier.init(q_free, count=2)
    mbarrier.init(note_full, count=1)
    mbarrier.init(cleared, count=2)
    for i in gl.static_range(STAGES):
        mbarrier.init(k_full.index(i), count=1)
        mbarrier.init(v_full.index(i), count=1)
        mbarrier.init(k_free.index(i), count=2)
        mbarrier.init(v_free.index(i), count=2)
    tensors = (q_nope_desc, q_rope_desc, kv_desc, k_rope_desc, o_ptr, next_ptr)
    strides = (q_nope_head, q_rope_head, kv_head, o_token, o_head)
    step = (positions_ptr, seq_offsets_ptr, context_lens_ptr, num_tokens, num_sequences, num_blocks, heads_together)
    memory = (q, qd, keys, ropes, values, note)
    barriers = (q_full, q_free, k_full, k_free, v_full, v_free, note_full, cleared)
    gl.warp_specialize(
        [
            (attend_first, (
                tensors, strides, step, memory, barriers, num_tiles, softmax_scale, BLOCK_Q, BLOCK_N, SCORES,
            )),
            (attend_second, (
                tensors, strides, step, memory, barriers, num_tiles, softmax_scale, BLOCK_Q, BLOCK_N, SCORES,
            )),
            (copy_tiles, (
                tensors, strides, step, memory, barriers, num_tiles, softmax_scale, BLOCK_Q, BLOCK_N, SCORES,
            )),
        ],
        [4, 1],
        [232, 40],
    )  # fmt: skip
