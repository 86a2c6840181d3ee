"""``scaled.mm`` on Hopper: a warp copies tiles into a ring, one or two warpgroups multiply them.

Programs walk tiles: while consumers store one, the producer copies what the next is made of.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon.products import (
    GRANULE,
    MOST_CONSUMERS,
    ROWS,
    double_product,
    fill,
    make_ring,
    scaled_product,
    store_partial,
    store_tile,
    store_wide,
    tile_of,
)
from dsv3c.backends.triton.gluon.shim import tma_store_wait

FP_FUSION = True
"""Promoted sums are scaled and added by one instruction, which rounds once."""
MAX_REGISTERS = {"scaled_mm_kernel": 168}
"""Of a thread of 12 warps when the kernel starts; consumers then take more, and the producer's warp fewer."""


@gluon.jit
def part_of(
    item: gl.tensor, work: gl.tuple, BLOCK_M: gl.constexpr, BLOCK_N: gl.constexpr, GROUP_M: gl.constexpr
) -> tuple[gl.tensor, ...]:
    """Row and column of an item's tile, and its first pair of blocks of K and the one after its last."""
    M, N, K, splits, _ = work
    tile_m, tile_n = tile_of(item // splits, gl.cdiv(M, BLOCK_M), gl.cdiv(N, BLOCK_N), GROUP_M)
    pairs, split = gl.cdiv(K, 2 * GRANULE), item % splits
    return tile_m * BLOCK_M, tile_n * BLOCK_N, pairs * split // splits, pairs * (split + 1) // splits


@gluon.jit
def num_items(work: gl.tuple, BLOCK_M: gl.constexpr, BLOCK_N: gl.constexpr) -> gl.tensor:
    """Tiles of y, times the parts that K is cut into."""
    return gl.cdiv(work[0], BLOCK_M) * gl.cdiv(work[1], BLOCK_N) * work[3]


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
    SWAP: gl.constexpr,
    SPLIT: gl.constexpr,
    STAGES: gl.constexpr,
) -> None:
    """Fill the ring for every item of this program."""
    slot, phase = gl.to_tensor(0), gl.to_tensor(0)
    for item in range(gl.program_id(0), num_items(work, BLOCK_M, BLOCK_N), work[4]):
        row, column, first, last = part_of(item, work, BLOCK_M, BLOCK_N, GROUP_M)
        slot, phase = fill(operands, ring, slot, phase, row, column, first, last, STAGES)


@gluon.jit
def consume(
    scales: gl.tuple,
    output: gl.tuple,
    ring: gl.tuple,
    work: gl.tuple,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    GROUP_M: gl.constexpr,
    SWAP: gl.constexpr,
    SPLIT: gl.constexpr,
    STAGES: gl.constexpr,
    WARPGROUP: gl.constexpr,
) -> None:
    """Multiply and store 64 rows of the left factor of every item of this program."""
    M, N, K, splits, num_programs = work
    w_scale_ptr, stride_ws_n, stride_ws_k = scales
    y_desc, y_buffers, partial_ptr = output
    HEIGHT: gl.constexpr = ROWS if SWAP else max(ROWS, BLOCK_M // MOST_CONSUMERS)
    DOUBLE: gl.constexpr = HEIGHT > ROWS or BLOCK_N > GRANULE
    OTHER_COLUMN: gl.constexpr = GRANULE if BLOCK_N > GRANULE else 0
    slot, phase = gl.to_tensor(0), gl.to_tensor(0)
    for item in range(gl.program_id(0), num_items(work, BLOCK_M, BLOCK_N), num_programs):
        row, column, first, last = part_of(item, work, BLOCK_M, BLOCK_N, GROUP_M)
        if SWAP:
            column += WARPGROUP * ROWS
        else:
            row += WARPGROUP * HEIGHT
        place = w_scale_ptr + column // GRANULE * stride_ws_n
        blocks, buffer = gl.cdiv(K, GRANULE), y_buffers.index(WARPGROUP)
        if DOUBLE:
            # the last tile's second half can be outside
            other = w_scale_ptr + gl.minimum(column + OTHER_COLUMN, N - 1) // GRANULE * stride_ws_n
            total, second, slot, phase = double_product(
                ring, slot, phase, place, other, stride_ws_k, blocks, first, last, WARPGROUP, HEIGHT > ROWS
            )
            store_wide(y_desc, buffer, total, 0, row, column)
            store_wide(y_desc, buffer, second, 0, row + HEIGHT - ROWS, column + OTHER_COLUMN)
        else:
            COLUMNS: gl.constexpr = BLOCK_M if SWAP else BLOCK_N
            total, slot, phase = scaled_product(
                ring, slot, phase, place, stride_ws_k, blocks, first, last, COLUMNS, WARPGROUP, SWAP, STAGES
            )
            if SPLIT:
                store_partial(partial_ptr + item % splits * M * N, total, row, column, M, N, SWAP)
            else:
                store_tile(y_desc, buffer, total, 0, row, column, SWAP)
    if not SPLIT:
        tma_store_wait(0)


@gluon.jit
def consume_first(
    operands: gl.tuple,
    scales: gl.tuple,
    output: gl.tuple,
    ring: gl.tuple,
    work: gl.tuple,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    GROUP_M: gl.constexpr,
    SWAP: gl.constexpr,
    SPLIT: gl.constexpr,
    STAGES: gl.constexpr,
) -> None:
    """The first warpgroup that multiplies."""
    consume(scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, SWAP, SPLIT, STAGES, 0)


@gluon.jit
def consume_other(
    operands: gl.tuple,
    scales: gl.tuple,
    output: gl.tuple,
    ring: gl.tuple,
    work: gl.tuple,
    BLOCK_M: gl.constexpr,
    BLOCK_N: gl.constexpr,
    GROUP_M: gl.constexpr,
    SWAP: gl.constexpr,
    SPLIT: gl.constexpr,
    STAGES: gl.constexpr,
) -> None:
    """The other."""
    consume(scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, SWAP, SPLIT, STAGES, 1)


@gluon.jit
def scaled_mm_kernel(
    x_desc: gl.tensor,
    x_scale_desc: gl.tensor,
    w_desc: gl.tensor,
    w_scale_ptr: gl.tensor,
    bias_ptr: gl.tensor | None,
    y_desc: gl.tensor,
    partial_ptr: gl.tensor | None,
    M: gl.tensor,
    N: gl.tensor,
    K: gl.tensor,
    stride_xm: gl.tensor,
    stride_xs: gl.tensor,
    stride_wn: gl.tensor,
    stride_ws_n: gl.tensor,
    stride_ws_k: gl.tensor,
    stride_ym: gl.tensor,
    splits: gl.tensor,
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
    SPLIT: gl.constexpr,
    STAGES: gl.constexpr,
    PERSISTENT: gl.constexpr,
) -> None:
    """Every ``num_programs``-th tile of y, or with SPLIT sum of a part of K; see the plain twin.

    Granules 1 x 128 and 128 x 128, no bias.
    """
    gl.static_assert(M_GRANULE == 1 and N_GRANULE == GRANULE and K_GRANULE == GRANULE and BLOCK_K == GRANULE)
    gl.static_assert(MN_MAJOR and PROMOTE and bias_ptr is None)
    CONSUMERS: gl.constexpr = min(MOST_CONSUMERS, (BLOCK_N if SWAP else BLOCK_M) // ROWS)
    gl.static_assert(BLOCK_M * BLOCK_N <= 128 * 128 or not (SWAP or SPLIT))
    y_buffers = gl.allocate_shared_memory(y_desc.dtype, [CONSUMERS] + y_desc.block_type.shape, y_desc.layout)  # noqa: RUF005
    operands = (x_desc, x_scale_desc, w_desc)
    scales = (w_scale_ptr, stride_ws_n, stride_ws_k)
    output = (y_desc, y_buffers, partial_ptr)
    ring = make_ring(operands, STAGES, CONSUMERS)
    work = (M, N, K, splits, num_programs)
    # constants stay constants only where the arguments are written out
    if CONSUMERS == 1:
        gl.warp_specialize(
            [
                (consume_first, (operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, SWAP, SPLIT, STAGES)),
                (produce, (operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, SWAP, SPLIT, STAGES)),
            ],
            [1],
            [40],
        )
    else:
        gl.warp_specialize(
            [
                (consume_first, (operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, SWAP, SPLIT, STAGES)),
                (
                    consume_other,
                    (operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, SWAP, SPLIT, STAGES),
                ),
                (produce, (operands, scales, output, ring, work, BLOCK_M, BLOCK_N, GROUP_M, SWAP, SPLIT, STAGES)),
            ],
            [4, 1],
            [232, 40],
        )
