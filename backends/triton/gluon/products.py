"""Device functions that block-scaled products share: a producer that fills a ring of tiles, consumers that multiply.

A product's left factor has 64 rows per consumer, a warpgroup each; its right factor is the tile's other side.  The left
factor is x, the right one w; with SWAP it is the other way round: few tokens fill a tensor core's product then.  Tiles
of both hold BLOCK_K elements of K in a row, and come with the scales of the rows of x; what is outside comes as zeros.

A ring is (tiles of x, their scales, tiles of w, barriers of full slots, barriers of empty slots).
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon.shim import (
    fence_async_shared,
    mbarrier,
    tma_load,
    tma_store,
    tma_store_wait,
    warpgroup_mma,
    warpgroup_mma_wait,
)

ROWS = gl.constexpr(64)
"""Of a warpgroup's product."""
GRANULE = gl.constexpr(128)
"""Rows of w, and elements of K, that share a scale."""
MOST_CONSUMERS = gl.constexpr(2)
"""Two multiply tiles of 128 x 128; of larger ones, each multiplies two parts of 64 x 128."""
SCALE_BYTES = gl.constexpr(4)
MANY = gl.constexpr(0x7FFFFFFF)
"""More tiles than there are."""
ALIGNED = gl.constexpr(4)
"""Scales are copied from a multiple of so many, 16 bytes."""


@gluon.jit
def tile_of(
    tile: gl.tensor, tiles_m: gl.tensor, tiles_n: gl.tensor, GROUP_M: gl.constexpr
) -> tuple[gl.tensor, gl.tensor]:
    """(row, column) of a tile.

    The column advances after GROUP_M rows: programs that run together share rows and columns in the L2 cache.
    """
    width = GROUP_M * tiles_n
    first = tile // width * GROUP_M
    height = gl.minimum(tiles_m - first, GROUP_M)
    inside = tile % width
    return first + inside % height, inside // height


@gluon.jit
def make_ring(
    operands: gl.tuple, STAGES: gl.constexpr, CONSUMERS: gl.constexpr
) -> tuple[gl.shared_memory_descriptor, ...]:
    """An empty ring of STAGES slots for tiles of operands (x, its scales, w)."""
    x_desc, x_scale_desc, w_desc = operands
    x_tiles = gl.allocate_shared_memory(x_desc.dtype, [STAGES] + x_desc.block_type.shape, x_desc.layout)  # noqa: RUF005
    w_tiles = gl.allocate_shared_memory(w_desc.dtype, [STAGES] + w_desc.block_type.shape, w_desc.layout)  # noqa: RUF005
    scale_shape: gl.constexpr = [STAGES] + x_scale_desc.block_type.shape  # noqa: RUF005
    scales = gl.allocate_shared_memory(x_scale_desc.dtype, scale_shape, x_scale_desc.layout)
    full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    empty = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    for slot in gl.static_range(STAGES):
        mbarrier.init(full.index(slot), count=1)
        mbarrier.init(empty.index(slot), count=CONSUMERS)
    return x_tiles, scales, w_tiles, full, empty


@gluon.jit
def next_slot(slot: gl.tensor, phase: gl.tensor, STAGES: gl.constexpr) -> tuple[gl.tensor, gl.tensor]:
    """The slot after this one, and the phase of its barriers."""
    last = slot == STAGES - 1
    return gl.where(last, 0, slot + 1), gl.where(last, phase ^ 1, phase)


@gluon.jit
def fill(
    operands: gl.tuple,
    ring: gl.tuple,
    slot: gl.tensor,
    phase: gl.tensor,
    x_row: gl.tensor,
    w_row: gl.tensor,
    first: gl.tensor,
    last: gl.tensor,
    STAGES: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor]:
    """Copy pairs ``first`` to ``last`` of blocks of K into the ring, each when a slot is free; the slot after them."""
    x_desc, x_scale_desc, w_desc = operands
    x_tiles, scales, w_tiles, full, empty = ring
    X: gl.constexpr = x_desc.block_type.shape
    W: gl.constexpr = w_desc.block_type.shape
    BYTES: gl.constexpr = X[0] * X[1] + W[0] * W[1] + SCALE_BYTES * x_scale_desc.block_type.shape[1]
    for block in range(2 * first, 2 * last):
        mbarrier.wait(empty.index(slot), phase ^ 1)
        ready = full.index(slot)
        mbarrier.expect(ready, BYTES)
        tma_load(w_desc, [w_row, block * W[1]], ready, w_tiles.index(slot))
        tma_load(x_desc, [x_row, block * X[1]], ready, x_tiles.index(slot))
        tma_load(x_scale_desc, [block, x_row], ready, scales.index(slot))
        slot, phase = next_slot(slot, phase, STAGES)
    return slot, phase


@gluon.jit
def start_block(
    ring: gl.tuple, slot: gl.tensor, phase: gl.tensor, nothing: gl.tensor, WARPGROUP: gl.constexpr, SWAP: gl.constexpr
) -> tuple[gl.tensor, gl.tensor]:
    """Start the product of a slot when its tiles are there; it, and the scales of x in its layout."""
    x_tiles, scales, w_tiles, full, _ = ring
    COLUMNS: gl.constexpr = nothing.shape[1]
    mbarrier.wait(full.index(slot), phase)
    x, s, w = x_tiles.index(slot), scales.index(slot), w_tiles.index(slot)
    if SWAP:
        s_x = s.slice(0, COLUMNS, dim=1).load(nothing.type.layout)
        left = w.slice(WARPGROUP * ROWS, ROWS, dim=0)
        product = warpgroup_mma(left, x.permute((1, 0)), nothing, use_acc=False, is_async=True)
    else:
        s_x = s.slice(WARPGROUP * ROWS, ROWS, dim=1).permute((1, 0)).load(nothing.type.layout)
        left = x.slice(WARPGROUP * ROWS, ROWS, dim=0)
        product = warpgroup_mma(left, w.permute((1, 0)), nothing, use_acc=False, is_async=True)
    return product, s_x


@gluon.jit
def scaled_product(
    ring: gl.tuple,
    slot: gl.tensor,
    phase: gl.tensor,
    w_scale_ptr: gl.tensor,
    stride_ws_k: gl.tensor,
    blocks: gl.tensor,
    first: gl.tensor,
    last: gl.tensor,
    COLUMNS: gl.constexpr,
    WARPGROUP: gl.constexpr,
    SWAP: gl.constexpr,
    STAGES: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor, gl.tensor]:
    """``sum_b (sum_{k in b} x[m, k] * w[n, k]) * (s_x[m, b] * s_w[b])`` over pairs ``first`` to ``last`` of ``blocks``.

    In f32: [64 rows of x, BLOCK_N], with SWAP [64 rows of w, BLOCK_M]; and the slot after them.  While the first block
    of a pair is scaled and added, tensor cores multiply the second.  A block that is not there came as zeros.
    """
    mma: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, COLUMNS, 32])
    empty = ring[4]
    total = gl.zeros((ROWS, COLUMNS), gl.float32, mma)
    nothing = gl.zeros((ROWS, COLUMNS), gl.float32, mma)
    end = blocks - 1
    # scales of w are loaded a pair ahead: their latency is not that of a tile
    s_even = gl.load(w_scale_ptr + 2 * first * stride_ws_k)
    s_odd = gl.load(w_scale_ptr + gl.minimum(2 * first + 1, end) * stride_ws_k)
    for pair in range(first, last):
        even_next = gl.load(w_scale_ptr + gl.minimum(2 * pair + 2, end) * stride_ws_k)
        odd_next = gl.load(w_scale_ptr + gl.minimum(2 * pair + 3, end) * stride_ws_k)
        even, s_x = start_block(ring, slot, phase, nothing, WARPGROUP, SWAP)
        held = slot
        slot, phase = next_slot(slot, phase, STAGES)
        odd, s_y = start_block(ring, slot, phase, nothing, WARPGROUP, SWAP)
        even = warpgroup_mma_wait(1, (even,))
        mbarrier.arrive(empty.index(held), count=1)
        total += even * (s_x * s_even)
        odd = warpgroup_mma_wait(0, (odd,))
        mbarrier.arrive(empty.index(slot), count=1)
        total += odd * (s_y * s_odd)
        s_even, s_odd = even_next, odd_next
        slot, phase = next_slot(slot, phase, STAGES)
    return total, slot, phase


@gluon.jit
def double_product(
    ring: gl.tuple,
    slot: gl.tensor,
    phase: gl.tensor,
    w_scale_ptr: gl.tensor,
    w_scale_other: gl.tensor,
    stride_ws_k: gl.tensor,
    blocks: gl.tensor,
    first: gl.tensor,
    last: gl.tensor,
    WARPGROUP: gl.constexpr,
    TALL: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor, gl.tensor, gl.tensor]:
    """As ``scaled_product`` for two parts of a tile: 128 rows of x (TALL), or 256 of w, whose scales are at two places.

    Two sums [64, 128], and the slot after them.  A product is scaled and added before the next starts in its registers:
    while this warpgroup adds, the other multiplies.
    """
    x_tiles, scales, w_tiles, full, empty = ring
    STAGES: gl.constexpr = x_tiles.shape[0]
    mma: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, GRANULE, 32])
    ROW: gl.constexpr = WARPGROUP * (2 * ROWS if TALL else ROWS)
    OTHER_ROW: gl.constexpr = ROW + (ROWS if TALL else 0)
    OTHER_COLUMN: gl.constexpr = 0 if TALL else GRANULE
    total = gl.zeros((ROWS, GRANULE), gl.float32, mma)
    other = gl.zeros((ROWS, GRANULE), gl.float32, mma)
    nothing = gl.zeros((ROWS, GRANULE), gl.float32, mma)
    s_w = gl.load(w_scale_ptr + 2 * first * stride_ws_k)
    s_v = gl.load(w_scale_other + 2 * first * stride_ws_k)
    for block in range(2 * first, 2 * last):
        following = gl.minimum(block + 1, blocks - 1) * stride_ws_k
        w_next, v_next = gl.load(w_scale_ptr + following), gl.load(w_scale_other + following)
        mbarrier.wait(full.index(slot), phase)
        x, s, w = x_tiles.index(slot), scales.index(slot), w_tiles.index(slot)
        s_x = s.slice(ROW, ROWS, dim=1).permute((1, 0)).load(mma)
        right = w.slice(0, GRANULE, dim=0).permute((1, 0))
        product = warpgroup_mma(x.slice(ROW, ROWS, dim=0), right, nothing, use_acc=False, is_async=True)
        product = warpgroup_mma_wait(0, (product,))
        total += product * (s_x * s_w)
        # Both keep the assembler from starting the second product in other registers, of which there are too few: what
        # a wait is given is computed before it, and a wait for a barrier ends a block of instructions.
        total = warpgroup_mma_wait(0, (total,))
        mbarrier.wait(full.index(slot), phase)
        s_x = s.slice(OTHER_ROW, ROWS, dim=1).permute((1, 0)).load(mma)
        right = w.slice(OTHER_COLUMN, GRANULE, dim=0).permute((1, 0))
        product = warpgroup_mma(x.slice(OTHER_ROW, ROWS, dim=0), right, nothing, use_acc=False, is_async=True)
        product = warpgroup_mma_wait(0, (product,))
        mbarrier.arrive(empty.index(slot), count=1)
        other += product * (s_x * s_v)
        other = warpgroup_mma_wait(0, (other,))
        s_w, s_v = w_next, v_next
        slot, phase = next_slot(slot, phase, STAGES)
    return total, other, slot, phase


@gluon.jit
def store_tile(
    y_desc: gl.tensor,
    y_buffer: gl.shared_memory_descriptor,
    total: gl.tensor,
    group: gl.tensor,
    row: gl.tensor,
    column: gl.tensor,
    SWAP: gl.constexpr,
) -> None:
    """Copy a consumer's part of a tile to y at (row, column) of a group, rounded to its type; not what is outside."""
    GROUPED: gl.constexpr = len(y_desc.block_type.shape) == 3
    LEFT: gl.constexpr = total.shape[1] if SWAP else ROWS
    RIGHT: gl.constexpr = ROWS if SWAP else total.shape[1]
    tma_store_wait(0)  # the buffer holds the last tile
    buffer = y_buffer.reshape([LEFT, RIGHT]) if GROUPED else y_buffer
    if SWAP:
        buffer.permute((1, 0)).store(total.to(y_desc.dtype))
    else:
        buffer.store(total.to(y_desc.dtype))
    fence_async_shared()
    if GROUPED:
        tma_store(y_desc, [group, row, column], y_buffer)
    else:
        tma_store(y_desc, [row, column], y_buffer)


@gluon.jit
def store_wide(
    y_desc: gl.tensor,
    y_buffer: gl.shared_memory_descriptor,
    total: gl.tensor,
    group: gl.tensor,
    row: gl.tensor,
    column: gl.tensor,
) -> None:
    """As ``store_tile``, through a buffer of half of the columns."""
    COLUMNS: gl.constexpr = total.shape[1] // 2
    left, right = gl.split(total.reshape([ROWS, 2, COLUMNS]).permute((0, 2, 1)))
    store_tile(y_desc, y_buffer, left, group, row, column, False)
    store_tile(y_desc, y_buffer, right, group, row, column + COLUMNS, False)


@gluon.jit
def store_partial(
    partial_ptr: gl.tensor,
    total: gl.tensor,
    row: gl.tensor,
    column: gl.tensor,
    M: gl.tensor,
    N: gl.tensor,
    SWAP: gl.constexpr,
) -> None:
    """Store a consumer's part of a tile of f32 sums [M, N] at (row, column)."""
    left = gl.arange(0, ROWS, gl.SliceLayout(1, total.type.layout))
    right = gl.arange(0, total.shape[1], gl.SliceLayout(0, total.type.layout))
    if SWAP:
        rows, columns = (row + right)[None, :], (column + left)[:, None]
    else:
        rows, columns = (row + left)[:, None], (column + right)[None, :]
    # few rows are split: their sums are addressed in 32 bits
    gl.store(partial_ptr + (rows * N + columns), total, mask=(rows < M) & (columns < N))


@gluon.jit
def num_tiles(room: gl.tensor, BLOCK_M: gl.constexpr, GROUPS: gl.constexpr) -> gl.tensor:
    """Tiles of a group.  Groups that may start at any row have room for those before it: see ``first_row``."""
    if GROUPS == 0:
        return gl.cdiv(room, BLOCK_M)
    return gl.cdiv(room + gl.where(room % ALIGNED > 0, ALIGNED - 1, 0), BLOCK_M)


@gluon.jit
def first_row(tile: gl.tensor, group: gl.tensor, room: gl.tensor, BLOCK_M: gl.constexpr) -> gl.tensor:
    """Of a tile, in its group: scales are copied from a multiple of 16 bytes, so that it can be before the group's."""
    return tile * BLOCK_M - group * room % ALIGNED


@gluon.jit
def filled_tiles(
    expert_of_ptr: gl.tensor,
    groups: gl.tensor,
    room: gl.tensor,
    BLOCK_M: gl.constexpr,
    GROUPS: gl.constexpr,
    WARPS: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor]:
    """Tiles of every group that hold rows, and of it and those before: [GROUPS], as in the plain twin.

    They are looked for where a group may have more.  Every one of the WARPS that ask has all of them.
    """
    layout: gl.constexpr = gl.BlockedLayout([1, 8], [32, 1], [1, WARPS], [1, 0])
    group = gl.arange(0, GROUPS, gl.SliceLayout(1, layout))
    tile = gl.arange(0, 8, gl.SliceLayout(0, layout))
    count = gl.zeros((GROUPS,), gl.int32, gl.SliceLayout(1, layout))
    tiles = num_tiles(room, BLOCK_M, GROUPS)
    more = gl.to_tensor(True)  # a loop that ends earlier costs Triton 3.6 registers that consumers need
    for first in range(0, tiles, 8):
        rows = gl.maximum(first_row((first + tile)[None, :], group[:, None], room, BLOCK_M), 0)
        inside = (group < groups)[:, None] & (rows < room) & more
        owner = gl.load(expert_of_ptr + group[:, None] * room + rows, mask=inside, other=-1)
        found = gl.sum((owner >= 0).to(gl.int32), axis=1)
        count += found
        more = gl.max(found, axis=0) == 8
    end = gl.zeros((GROUPS,), gl.int32, gl.SliceLayout(1, layout))
    for before in range(0, groups):
        end += gl.where(group >= before, gl.sum(gl.where(group == before, count, 0), axis=0), 0)
    return count, end


@gluon.jit
def filled_first(
    item: gl.tensor,
    count: gl.tensor,
    end: gl.tensor,
    groups: gl.tensor,
    tiles: gl.tensor,
    tiles_n: gl.tensor,
    GROUPS: gl.constexpr,
    SKIPS_PADDING: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor, gl.tensor]:
    """(group, row, column) of an item's tile: those that hold rows first; as in the plain twin."""
    group = gl.arange(0, GROUPS, count.type.layout)
    first = item * 0
    if SKIPS_PADDING:
        before = end <= item // tiles_n
        chosen = gl.sum(before.to(gl.int32), axis=0)
        start = gl.max(gl.where(before, end, 0), axis=0)
        own = gl.min(gl.where(before, MANY, end), axis=0) - start
        inside = item - start * tiles_n
    else:
        filled = gl.max(end, axis=0) * tiles_n
        behind = item >= filled
        inside = item - gl.where(behind, filled, 0)
        size = gl.where(behind, gl.where(group < groups, tiles - count, 0), count)
        last = gl.where(behind, (gl.minimum(group, groups - 1) + 1) * tiles - end, end) * tiles_n
        chosen = gl.sum((last <= inside).to(gl.int32), axis=0)
        own = gl.sum(gl.where(group == chosen, size, 0), axis=0)
        inside -= gl.sum(gl.where(last <= inside, size, 0), axis=0) * tiles_n
        first = gl.where(behind, tiles - own, 0)
    return chosen, first + inside % own, inside // own
