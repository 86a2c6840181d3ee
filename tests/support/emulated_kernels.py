"""Small Gluon kernels for the tests of the emulator: right ones, and ones with one fault each (FAULT)."""

import triton.language as tl
from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon.expanded_attention import rounded_to_bf16
from dsv3c.backends.triton.gluon.shim import (
    fence_async_shared,
    mbarrier,
    thread_barrier,
    tma_load,
    tma_store,
    tma_store_wait,
    warpgroup_mma,
    warpgroup_mma_wait,
)

FULL = gl.constexpr(0x7FFFFFFF)


@gluon.jit
def copy_kernel(x_desc, y_desc, columns, FAULT: gl.constexpr):
    """y = x by boxes, through shared memory and registers."""
    layout: gl.constexpr = gl.BlockedLayout([1, 4], [4, 8], [4, 1], [1, 0])
    box = gl.allocate_shared_memory(x_desc.dtype, x_desc.block_type.shape, x_desc.layout)
    out = gl.allocate_shared_memory(y_desc.dtype, y_desc.block_type.shape, y_desc.layout)
    bar = gl.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    mbarrier.init(bar, count=1)
    row = gl.program_id(0) * x_desc.block_type.shape[0]
    phase = 0
    for column in range(0, columns, x_desc.block_type.shape[1]):
        mbarrier.expect(bar, x_desc.block_type.nbytes)
        tma_load(x_desc, [row, column], bar, box)
        if FAULT == "loaded twice":
            tma_load(x_desc, [row, column], bar, box)
        if FAULT == "wrong phase":
            mbarrier.wait(bar, phase ^ 1)
        elif FAULT != "no wait":
            mbarrier.wait(bar, phase)
        phase ^= 1
        if FAULT != "no wait for the store":
            tma_store_wait(0)
        out.store(box.load(layout))
        thread_barrier()
        if FAULT != "no fence":
            fence_async_shared()
        tma_store(y_desc, [row, column], out)
    if FAULT != "no wait at the end":
        tma_store_wait(0)


@gluon.jit
def producer(a_desc, b_desc, blocks, a_ring, b_ring, full, empty, STAGES: gl.constexpr, FAULT: gl.constexpr):
    """Fill the ring."""
    BYTES: gl.constexpr = a_desc.block_type.nbytes + b_desc.block_type.nbytes
    for i in range(blocks):
        slot = i % STAGES
        turn = i // STAGES & 1
        mbarrier.wait(empty.index(slot), turn if FAULT == "broken phase" else turn ^ 1)
        mbarrier.expect(full.index(slot), BYTES - 128 if FAULT == "too few bytes" else BYTES)
        k = i * a_desc.block_type.shape[1]
        tma_load(a_desc, [0, k], full.index(slot), a_ring.index(slot))
        tma_load(b_desc, [0, k], full.index(slot), b_ring.index(slot))


@gluon.jit
def consumer(y_ptr, blocks, a_ring, b_ring, full, empty, HALF: gl.constexpr, STAGES: gl.constexpr, FAULT: gl.constexpr):
    """64 rows of y."""
    N: gl.constexpr = b_ring.shape[1]
    mma: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, N, 32])
    acc = gl.zeros((64, N), gl.float32, mma)
    for i in range(blocks):
        slot = i % STAGES
        if FAULT != "missing wait":
            mbarrier.wait(full.index(slot), i // STAGES & 1)
        a = a_ring.index(slot).slice(HALF * 64, 64, dim=0)
        acc = warpgroup_mma(a, b_ring.index(slot).permute((1, 0)), acc, is_async=True)
        if FAULT == "released too early":
            mbarrier.arrive(empty.index(slot), count=1)
        if FAULT == "no wait for the product":
            acc = acc + 0.0
        acc = warpgroup_mma_wait(0, (acc,))
        if FAULT != "released too early":
            mbarrier.arrive(empty.index(slot), count=2 if FAULT == "too many arrivals" else 1)
    rows = HALF * 64 + gl.arange(0, 64, gl.SliceLayout(1, mma))
    columns = gl.arange(0, N, gl.SliceLayout(0, mma))
    gl.store(y_ptr + rows[:, None] * N + columns[None, :], acc)


@gluon.jit
def first_consumer(a_desc, b_desc, y_ptr, blocks, a, b, full, empty, STAGES: gl.constexpr, FAULT: gl.constexpr):
    """Rows 0 to 63."""
    consumer(y_ptr, blocks, a, b, full, empty, 0, STAGES, FAULT)


@gluon.jit
def second_consumer(a_desc, b_desc, y_ptr, blocks, a, b, full, empty, STAGES: gl.constexpr, FAULT: gl.constexpr):
    """Rows 64 to 127."""
    consumer(y_ptr, blocks, a, b, full, empty, 1, STAGES, FAULT)


@gluon.jit
def the_producer(a_desc, b_desc, y_ptr, blocks, a, b, full, empty, STAGES: gl.constexpr, FAULT: gl.constexpr):
    """Copies."""
    producer(a_desc, b_desc, blocks, a, b, full, empty, STAGES, FAULT)


@gluon.jit
def ring_kernel(a_desc, b_desc, y_ptr, K, STAGES: gl.constexpr, FAULT: gl.constexpr):
    """y = a b^T of one tile: a producer, a ring of slots, two consumers."""
    A: gl.constexpr = a_desc.block_type.shape
    a = gl.allocate_shared_memory(a_desc.dtype, [STAGES, A[0], A[1]], a_desc.layout)
    B: gl.constexpr = b_desc.block_type.shape
    b = gl.allocate_shared_memory(b_desc.dtype, [STAGES, B[0], B[1]], b_desc.layout)
    full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    empty = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    for slot in gl.static_range(STAGES):
        mbarrier.init(full.index(slot), count=1)
        mbarrier.init(empty.index(slot), count=2)
    blocks = gl.cdiv(K, a_desc.block_type.shape[1])
    gl.warp_specialize(
        [
            (first_consumer, (a_desc, b_desc, y_ptr, blocks, a, b, full, empty, STAGES, FAULT)),
            (second_consumer, (a_desc, b_desc, y_ptr, blocks, a, b, full, empty, STAGES, FAULT)),
            (the_producer, (a_desc, b_desc, y_ptr, blocks, a, b, full, empty, STAGES, FAULT)),
        ],
        [4, 1],
        [232, 40],
    )


@gluon.jit
def one(numbers_ptr, box, ready, taken, FAULT: gl.constexpr):
    """Stores numbers for the other, twice."""
    layout: gl.constexpr = gl.BlockedLayout([1], [32], [4], [0])
    numbers = gl.load(numbers_ptr + gl.arange(0, 128, layout))
    for turn in range(2):
        if FAULT != "stored too early":
            mbarrier.wait(taken, (turn & 1) ^ 1)
        box.store(numbers + turn)
        mbarrier.arrive(ready, count=1)


@gluon.jit
def other(numbers_ptr, box, ready, taken, FAULT: gl.constexpr):
    """Adds up what it is told."""
    layout: gl.constexpr = gl.BlockedLayout([1], [32], [4], [0])
    total = gl.zeros((128,), gl.float32, layout)
    for turn in range(2):
        if FAULT != "read too early":
            mbarrier.wait(ready, turn & 1)
        total += box.load(layout)
        mbarrier.arrive(taken, count=1)
    gl.store(numbers_ptr + 128 + gl.arange(0, 128, layout), total)


@gluon.jit
def handover_kernel(numbers_ptr, FAULT: gl.constexpr):
    """Two partitions and a buffer between them: y = x + (x + 1)."""
    box = gl.allocate_shared_memory(gl.float32, [128], gl.SwizzledSharedLayout(1, 1, 1, [0]))
    ready = gl.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    taken = gl.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    mbarrier.init(ready, count=1)
    mbarrier.init(taken, count=1)
    gl.warp_specialize(
        [(one, (numbers_ptr, box, ready, taken, FAULT)), (other, (numbers_ptr, box, ready, taken, FAULT))], [4], [128]
    )


@gluon.jit
def rows_kernel(x_ptr, y_ptr, rows, columns, FAULT: gl.constexpr):
    """y[r] = sum of exp2(x[r] - max of x[r]), rounded to bf16; one program a row."""
    layout: gl.constexpr = gl.BlockedLayout([1], [32], [4], [0])
    row = gl.program_id(0)
    c = gl.arange(0, 128, layout)
    inside = c < FULL if FAULT == "no mask" else c < columns
    if FAULT == "no other":
        x = gl.load(x_ptr + row * columns + c, mask=inside)
    else:
        x = gl.load(x_ptr + row * columns + c, mask=inside, other=-float("inf"))
    x = x.to(gl.float32)
    total = gl.sum(gl.exp2(x - gl.max(x, 0)), 0)
    gl.store(y_ptr + row, total.to(gl.bfloat16))
    gl.static_assert(FAULT != "assert", "as asked")
    if FAULT == "unknown":
        gl.associative_scan(x, 0, None)
    if FAULT == "layout":
        x + gl.arange(0, 128, gl.BlockedLayout([4], [32], [1], [0]))
    if FAULT == "arguments":
        consumer(x, columns)
    if FAULT == "constant":
        consumer(y_ptr, columns, x, x, x, x, row, 1, FAULT)
    if FAULT == "expand":
        x[:, None]


@gluon.jit
def taking_kernel(next_ptr, by_ptr, count):
    """by[i] = the program that took number i."""
    i = gl.atomic_add(next_ptr, 1, sem="relaxed")
    while i < count:
        gl.store(by_ptr + i, gl.program_id(0))
        i = gl.atomic_add(next_ptr, 1, sem="relaxed")


@gluon.jit
def arithmetic_kernel(n, x_ptr, i_ptr, f_ptr):
    """Integer division and remainder towards zero; conversions."""
    tl.extra.cuda.gdc_wait()
    gl.store(i_ptr, n // 2)
    gl.store(i_ptr + 1, n % 2)
    gl.store(i_ptr + 2, (n.to(gl.int64) * 1000000007).to(gl.int32))
    gl.store(i_ptr + 3, gl.num_programs(0) + gl.cdiv(9, 4))
    gl.store(i_ptr + 4, gl.minimum(n, 3) - max(n, 2))
    x = gl.load(x_ptr + gl.arange(0, 4, gl.BlockedLayout([1], [32], [4], [0])))
    gl.store(f_ptr + gl.arange(0, 4, gl.BlockedLayout([1], [32], [4], [0])), x.to(gl.float8e4nv).to(gl.float32))


@gluon.jit
def rounding_kernel(x_ptr, y_ptr, COUNT: gl.constexpr):
    """y = x rounded to bf16's precision, both f32."""
    i = gl.arange(0, COUNT, layout=gl.BlockedLayout([4], [32], [4], [0]))
    gl.store(y_ptr + i, rounded_to_bf16(gl.load(x_ptr + i)))
