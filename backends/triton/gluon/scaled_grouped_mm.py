"""``scaled.grouped_mm`` on Hopper: as ``scaled.mm``, every tile with the matrix of its expert.

Rows of an expert are the first of its tiles, so that a tile's first row says whose it is, or that it is padding: then
the producer copies nothing, and consumers store zeros, or nothing where padding is skipped.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon.products import (
    GRANULE,
    MOST_CONSUMERS,
    ROWS,
    double_product,
    fill,
    filled_first,
    filled_tiles,
    first_row,
    make_ring,
    num_tiles,
    scaled_product,
    store_tile,
    store_wide,
    tile_of,
)
from dsv3c.backends.triton.gluon.shim import tma_store_wait

FP_FUSION = True
"""Promoted sums are scaled and added by one instruction, which rounds once."""
MAX_REGISTERS = {"scaled_grouped_mm_kernel": 168}
"""Of a thread of 12 warps when the kernel starts; consumers then take more, and the producer's warp fewer."""


@gluon.jit
def place_of(
    item: gl.tensor,
    work: gl.tuple,
    count: gl.tensor,
    end: gl.tensor,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    GROUP_M: gl.constexpr,
    GROUPS: gl.constexpr,
    SKIPS_PADDING: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor, gl.tensor, gl.tensor, gl.tensor]:
    """Group of an item's tile, its first row in it and column, its expert, and how many pairs of blocks of K it has.

    Padding has expert 0, and no pairs.  Where a group is an expert's and padding is skipped, nobody must be asked.
    """
    groups, room, N, K, _, expert_of_ptr = work
    tiles, tiles_n = num_tiles(room, BLOCK_M, GROUPS), gl.cdiv(N, BLOCK_N)
    if GROUPS == 0:
        tile_m, tile_n = tile_of(item, tiles, tiles_n, GROUP_M)
        group = gl.to_tensor(0)
    else:
        group, tile_m, tile_n = filled_first(item, count, end, groups, tiles, tiles_n, GROUPS, SKIPS_PADDING)
    row = first_row(tile_m, group, room, BLOCK_M)
    pairs = gl.cdiv(K, 2 * GRANULE)
    expert = group
    if GROUPS == 0 or not SKIPS_PADDING:
        held = gl.maximum(row, 0)
        expert = gl.load(expert_of_ptr + group * room + held, mask=held < room, other=-1)
        pairs = gl.where(expert < 0, 0, pairs)
    return group, row, tile_n * BLOCK_N, gl.maximum(expert, 0), pairs


@gluon.jit
def holds_rows(owners: gl.tensor, rows: gl.tensor, room: gl.tensor) -> gl.tensor:
    """Which rows of a group, whose experts are at ``owners``, belong to one."""
    return gl.load(owners + rows, mask=(rows >= 0) & (rows < room), other=-1) >= 0


@gluon.jit
def num_items(
    work: gl.tuple,
    end: gl.tensor,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    GROUPS: gl.constexpr,
    SKIPS_PADDING: gl.constexpr,
) -> gl.tensor:
    """Tiles of y: all, or those that hold rows."""
    tiles = work[0] * num_tiles(work[1], BLOCK_M, GROUPS)
    if GROUPS > 0 and SKIPS_PADDING:
        tiles = gl.max(end, axis=0)
    return tiles * gl.cdiv(work[2], BLOCK_N)


@gluon.jit
def produce(
    operands: gl.tuple,
    scales: gl.tuple,
    output: gl.tuple,
    ring: gl.tuple,
    work: gl.tuple,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    GROUP_M: gl.constexpr,
    GROUPS: gl.constexpr,
    SWAP: gl.constexpr,
    STAGES: gl.constexpr,
    SKIPS_PADDING: gl.constexpr,
) -> None:
    """Fill the ring for every tile of this program."""
    groups, room, N, _, num_programs, expert_of_ptr = work
    slot, phase = gl.to_tensor(0), gl.to_tensor(0)
    count, end = slot, slot
    if GROUPS > 0:
        count, end = filled_tiles(expert_of_ptr, groups, room, BLOCK_M, GROUPS, 1)
    item = gl.program_id(0)
    while item < num_items(work, end, BLOCK_M, BLOCK_N, GROUPS, SKIPS_PADDING):
        group, row, column, expert, pairs = place_of(
            item, work, count, end, BLOCK_M, BLOCK_N, GROUP_M, GROUPS, SKIPS_PADDING
        )
        slot, phase = fill(operands, ring, slot, phase, group * room + row, expert * N + column, 0, pairs, STAGES)
        item += num_programs


@gluon.jit
def consume(
    scales: gl.tuple,
    output: gl.tuple,
    ring: gl.tuple,
    work: gl.tuple,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    GROUP_M: gl.constexpr,
    GROUPS: gl.constexpr,
    SWAP: gl.constexpr,
    STAGES: gl.constexpr,
    SKIPS_PADDING: gl.constexpr,
    WARPGROUP: gl.constexpr,
) -> None:
    """Multiply and store 64 rows of the left factor of every tile of this program."""
    groups, room, N, K, num_programs, expert_of_ptr = work
    w_scale_ptr, stride_ws_e, stride_ws_n, stride_ws_k = scales
    y_desc, y_buffers = output
    HEIGHT: gl.constexpr = ROWS if SWAP else max(ROWS, BLOCK_M // MOST_CONSUMERS)
    DOUBLE: gl.constexpr = HEIGHT > ROWS or BLOCK_N > GRANULE
    OTHER_COLUMN: gl.constexpr = GRANULE if BLOCK_N > GRANULE else 0
    COLUMNS: gl.constexpr = BLOCK_M if SWAP else min(BLOCK_N, GRANULE)
    mma: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, COLUMNS, 32])
    rows = gl.arange(0, BLOCK_M, gl.SliceLayout(0, mma)) if SWAP else gl.arange(0, ROWS, gl.SliceLayout(1, mma))
    slot, phase = gl.to_tensor(0), gl.to_tensor(0)
    count, end = slot, slot
    if GROUPS > 0:
        count, end = filled_tiles(expert_of_ptr, groups, room, BLOCK_M, GROUPS, 4)
    item = gl.program_id(0)
    while item < num_items(work, end, BLOCK_M, BLOCK_N, GROUPS, SKIPS_PADDING):
        group, row, column, expert, pairs = place_of(
            item, work, count, end, BLOCK_M, BLOCK_N, GROUP_M, GROUPS, SKIPS_PADDING
        )
        if SWAP:
            column += WARPGROUP * ROWS
        else:
            row += WARPGROUP * HEIGHT
        stored = pairs > 0 if SKIPS_PADDING else True
        owners = expert_of_ptr + group * room
        scales_of = w_scale_ptr + expert * stride_ws_e
        place, blocks = scales_of + column // GRANULE * stride_ws_n, gl.cdiv(K, GRANULE)
        buffer = y_buffers.index(WARPGROUP)
        if DOUBLE:
            # the last tile's second half can be outside
            other = scales_of + gl.minimum(column + OTHER_COLUMN, N - 1) // GRANULE * stride_ws_n
            other_row = row + HEIGHT - ROWS
            total, second, slot, phase = double_product(
                ring, slot, phase, place, other, stride_ws_k, blocks, 0, pairs, WARPGROUP, HEIGHT > ROWS
            )
            if not SKIPS_PADDING:
                total = gl.where(holds_rows(owners, row + rows, room)[:, None], total, 0.0)
                second = gl.where(holds_rows(owners, other_row + rows, room)[:, None], second, 0.0)
            if stored:
                store_wide(y_desc, buffer, total, group, row, column)
                store_wide(y_desc, buffer, second, group, other_row, column + OTHER_COLUMN)
        else:
            total, slot, phase = scaled_product(
                ring, slot, phase, place, stride_ws_k, blocks, 0, pairs, COLUMNS, WARPGROUP, SWAP, STAGES
            )
            if not SKIPS_PADDING:
                held = holds_rows(owners, row + rows, room)
                total = gl.where(held[None, :] if SWAP else held[:, None], total, 0.0)
            if stored:
                store_tile(y_desc, buffer, total, group, row, column, SWAP)
        item += num_programs
    tma_store_wait(0)


@gluon.jit
def consume_one(
    operands: gl.tuple,
    scales: gl.tuple,
    output: gl.tuple,
    ring: gl.tuple,
    work: gl.tuple,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    GROUP_M: gl.constexpr,
    GROUPS: gl.constexpr,
    SWAP: gl.constexpr,
    STAGES: gl.constexpr,
    SKIPS_PADDING: gl.constexpr,
) -> None:
    """The first warpgroup that multiplies."""
    consume(scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, GROUPS, SWAP, STAGES, SKIPS_PADDING, 0)


@gluon.jit
def consume_two(
    operands: gl.tuple,
    scales: gl.tuple,
    output: gl.tuple,
    ring: gl.tuple,
    work: gl.tuple,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    GROUP_M: gl.constexpr,
    GROUPS: gl.constexpr,
    SWAP: gl.constexpr,
    STAGES: gl.constexpr,
    SKIPS_PADDING: gl.constexpr,
) -> None:
    """The other."""
    consume(scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, GROUPS, SWAP, STAGES, SKIPS_PADDING, 1)


@gluon.jit
def scaled_grouped_mm_kernel(
    x_desc: gl.tensor,
    x_scale_desc: gl.tensor,
    w_desc: gl.tensor,
    w_scale_ptr: gl.tensor,
    expert_of_ptr: gl.tensor,
    y_desc: gl.tensor,
    groups: gl.tensor,
    room: gl.tensor,
    N: gl.tensor,
    K: gl.tensor,
    stride_xm: gl.tensor,
    stride_xs: gl.tensor,
    stride_we: gl.tensor,
    stride_wn: gl.tensor,
    stride_ws_e: gl.tensor,
    stride_ws_n: gl.tensor,
    stride_ws_k: gl.tensor,
    stride_ym: gl.tensor,
    num_programs: gl.tensor,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    BLOCK_K: gl.constexpr,
    GROUP_M: gl.constexpr,
    M_GRANULE: gl.constexpr,
    N_GRANULE: gl.constexpr,
    K_GRANULE: gl.constexpr,
    MN_MAJOR: gl.constexpr,
    PROMOTE: gl.constexpr,
    SWAP: gl.constexpr,
    EVEN_K: gl.constexpr,
    STAGES: gl.constexpr,
    PERSISTENT: gl.constexpr,
    GROUPS: gl.constexpr,
    SKIPS_PADDING: gl.constexpr,
) -> None:
    """Every ``num_programs``-th tile of y; see the plain twin.  Granules 1 x 128 and 128 x 128.

    The matrices of w lie one behind the other: what a tile reads behind one of them is not stored.
    """
    gl.static_assert(M_GRANULE == 1 and N_GRANULE == GRANULE and K_GRANULE == GRANULE and BLOCK_K == GRANULE)
    gl.static_assert(MN_MAJOR and PROMOTE)
    CONSUMERS: gl.constexpr = min(MOST_CONSUMERS, (BLOCK_N if SWAP else BLOCK_M) // ROWS)
    y_shape: gl.constexpr = [CONSUMERS] + y_desc.block_type.shape  # noqa: RUF005
    output = (y_desc, gl.allocate_shared_memory(y_desc.dtype, y_shape, y_desc.layout))
    operands = (x_desc, x_scale_desc, w_desc)
    scales = (w_scale_ptr, stride_ws_e, stride_ws_n, stride_ws_k)
    ring = make_ring(operands, STAGES, CONSUMERS)
    work = (groups, room, N, K, num_programs, expert_of_ptr)
    # constants stay constants only where the arguments are written out
    if CONSUMERS == 1:
        gl.warp_specialize(
            [
                (consume_one, (
                    operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, GROUPS, SWAP, STAGES,
                    SKIPS_PADDING,
                )),
                (produce, (
                    operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, GROUPS, SWAP, STAGES,
                    SKIPS_PADDING,
                )),
            ],
            [1],
            [40],
        )  # fmt: skip
    else:
        gl.warp_specialize(
            [
                (consume_one, (
                    operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, GROUPS, SWAP, STAGES,
                    SKIPS_PADDING,
                )),
                (consume_two, (
                    operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, GROUPS, SWAP, STAGES,
                    SKIPS_PADDING,
                )),
                (produce, (
                    operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, GROUPS, SWAP, STAGES,
                    SKIPS_PADDING,
                )),
            ],
            [4, 1],
            [232, 40],
        )  # fmt: skip
