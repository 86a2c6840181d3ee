"""Gradients of weights on Hopper: a warp that copies, two warpgroups that multiply.

The loader copies blocks of both factors and of both columns of scales into a ring of buffers, and runs ahead into the
next tile.  Each warpgroup multiplies the rows of one half of a tile: while one scales and adds a block's products in
f32, the tensor core has the other's.  What a sum is added to is copied while the tile's last blocks are multiplied.
Scales have barriers of their own, and are waited for when products have been issued: else the assembler moves the
products of scales between those of a block, and the tensor core waits.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper.tma import tensor_descriptor as Described

from dsv3c.backends.triton.gluon.shim import mbarrier, tma_load, warpgroup_mma, warpgroup_mma_wait

FP_FUSION = True
"""Promoted sums are scaled and added by one instruction, which rounds once."""
MAX_REGISTERS = {"wgrad_mm_kernel": 168}
"""Of 12 warps; those that multiply take more of them, the loader fewer."""
Shared = gl.shared_memory_descriptor
ROWS = gl.constexpr(64)
"""Of a warpgroup's product."""


@gluon.jit
def work_of(
    tile: gl.tensor, offsets_ptr: gl.tensor | None, N: gl.tensor, K: gl.tensor, T: gl.tensor, BLOCK_N: gl.constexpr,
    BLOCK_K: gl.constexpr, GRANULE: gl.constexpr, GROUP_N: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor, gl.tensor, gl.tensor, gl.tensor]:  # fmt: skip
    """Expert, row and column of a tile, and its first block of tokens and the one behind its last.

    The column advances after GROUP_N rows, as in the plain twin.
    """
    tiles_n, tiles_k = gl.cdiv(N, BLOCK_N), gl.cdiv(K, BLOCK_K)
    expert, inside = tile // (tiles_n * tiles_k), tile % (tiles_n * tiles_k)
    first = inside // (GROUP_N * tiles_k) * GROUP_N
    height = gl.minimum(tiles_n - first, GROUP_N)
    place = inside % (GROUP_N * tiles_k)
    row, column = (first + place % height) * BLOCK_N, place // height * BLOCK_K
    start = 0
    end = T
    if offsets_ptr is not None:
        start = gl.load(offsets_ptr + expert)
        end = gl.load(offsets_ptr + expert + 1)
    return expert, row, column, start // GRANULE, gl.cdiv(end, GRANULE)


@gluon.jit
def loader(
    a_desc: Described, a_scale_desc: Described, b_desc: Described, b_scale_desc: Described,
    offsets_ptr: gl.tensor | None, y_old_desc: Described, y_ptr: gl.tensor, a_ring: Shared, b_ring: Shared,
    a_scales: Shared, b_scales: Shared, y_old: Shared, full: Shared, scaled: Shared, empty: Shared, old_full: Shared,
    old_empty: Shared, experts: gl.tensor, N: gl.tensor, K: gl.tensor, T: gl.tensor, stride_ye: gl.tensor,
    stride_yn: gl.tensor, num_programs: gl.tensor, BLOCK_N: gl.constexpr, BLOCK_K: gl.constexpr,
    GRANULE: gl.constexpr, GROUP_N: gl.constexpr, STAGES: gl.constexpr, ACCUMULATE: gl.constexpr,
) -> None:  # fmt: skip
    """Fill the ring with the blocks of every tile of this program; then copy the tile that its sum is added to."""
    count = 0
    done = 0
    for tile in range(gl.program_id(0), experts * gl.cdiv(N, BLOCK_N) * gl.cdiv(K, BLOCK_K), num_programs):
        expert, row, column, first, last = work_of(tile, offsets_ptr, N, K, T, BLOCK_N, BLOCK_K, GRANULE, GROUP_N)
        for block in range(first, last):
            slot = count % STAGES
            mbarrier.wait(empty.index(slot), (count // STAGES & 1) ^ 1)
            ready = full.index(slot)
            mbarrier.expect(ready, (BLOCK_N + BLOCK_K) * GRANULE)
            tma_load(a_desc, [row, block * GRANULE], ready, a_ring.index(slot))
            tma_load(b_desc, [column, block * GRANULE], ready, b_ring.index(slot))
            known = scaled.index(slot)
            mbarrier.expect(known, (BLOCK_N + BLOCK_K) * 4)
            tma_load(a_scale_desc, [block, row], known, a_scales.index(slot))
            tma_load(b_scale_desc, [block, column], known, b_scales.index(slot))
            count += 1
        if ACCUMULATE and first < last:
            for half in gl.static_range(2):
                mbarrier.wait(old_empty.index(half), (done & 1) ^ 1)
                mbarrier.expect(old_full.index(half), ROWS * BLOCK_K * 4)
                above = expert * N + row + half * ROWS
                tma_load(y_old_desc, [above, column], old_full.index(half), y_old.index(half))
            done += 1


@gluon.jit
def multiplier(
    a_desc: Described, a_scale_desc: Described, b_desc: Described, b_scale_desc: Described,
    offsets_ptr: gl.tensor | None, y_old_desc: Described, y_ptr: gl.tensor, a_ring: Shared, b_ring: Shared,
    a_scales: Shared, b_scales: Shared, y_old: Shared, full: Shared, scaled: Shared, empty: Shared, old_full: Shared,
    old_empty: Shared, experts: gl.tensor, N: gl.tensor, K: gl.tensor, T: gl.tensor, stride_ye: gl.tensor,
    stride_yn: gl.tensor, num_programs: gl.tensor, BLOCK_N: gl.constexpr, BLOCK_K: gl.constexpr,
    GRANULE: gl.constexpr, GROUP_N: gl.constexpr, STAGES: gl.constexpr, ACCUMULATE: gl.constexpr, HALF: gl.constexpr,
) -> None:  # fmt: skip
    """Multiply and store one half of the rows of every tile of this program."""
    mma: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, BLOCK_K, 32])
    nothing = gl.zeros((ROWS, BLOCK_K), gl.float32, mma)
    count = 0
    done = 0
    for tile in range(gl.program_id(0), experts * gl.cdiv(N, BLOCK_N) * gl.cdiv(K, BLOCK_K), num_programs):
        expert, row, column, first, last = work_of(tile, offsets_ptr, N, K, T, BLOCK_N, BLOCK_K, GRANULE, GROUP_N)
        total = gl.zeros((ROWS, BLOCK_K), gl.float32, mma)
        for _ in range(first, last):
            slot = count % STAGES
            mbarrier.wait(full.index(slot), count // STAGES & 1)
            a, b = a_ring.index(slot).slice(HALF * ROWS, ROWS, dim=0), b_ring.index(slot).permute((1, 0))
            product = warpgroup_mma(a, b, nothing, use_acc=False, is_async=True)
            mbarrier.wait(scaled.index(slot), count // STAGES & 1)
            s_a = a_scales.index(slot).slice(HALF * ROWS, ROWS, dim=1).permute((1, 0)).load(mma)
            s_b = b_scales.index(slot).load(mma)
            product = warpgroup_mma_wait(0, (product,))
            mbarrier.arrive(empty.index(slot), count=1)
            total += product * (s_a * s_b)
            count += 1
        if (not ACCUMULATE) or first < last:
            if ACCUMULATE:
                mbarrier.wait(old_full.index(HALF), done & 1)
                total += y_old.index(HALF).load(mma)
                mbarrier.arrive(old_empty.index(HALF), count=1)
                done += 1
            n = row + HALF * ROWS + gl.arange(0, ROWS, gl.SliceLayout(1, mma))
            k = column + gl.arange(0, BLOCK_K, gl.SliceLayout(0, mma))
            places = y_ptr + expert.to(gl.int64) * stride_ye + n.to(gl.int64)[:, None] * stride_yn + k[None, :]
            gl.store(places, total, mask=(n < N)[:, None] & (k < K)[None, :])


@gluon.jit
def upper(
    a_desc: Described, a_scale_desc: Described, b_desc: Described, b_scale_desc: Described,
    offsets_ptr: gl.tensor | None, y_old_desc: Described, y_ptr: gl.tensor, a_ring: Shared, b_ring: Shared,
    a_scales: Shared, b_scales: Shared, y_old: Shared, full: Shared, scaled: Shared, empty: Shared, old_full: Shared,
    old_empty: Shared, experts: gl.tensor, N: gl.tensor, K: gl.tensor, T: gl.tensor, stride_ye: gl.tensor,
    stride_yn: gl.tensor, num_programs: gl.tensor, BLOCK_N: gl.constexpr, BLOCK_K: gl.constexpr,
    GRANULE: gl.constexpr, GROUP_N: gl.constexpr, STAGES: gl.constexpr, ACCUMULATE: gl.constexpr,
) -> None:  # fmt: skip
    """The warpgroup of the upper rows."""
    multiplier(
        a_desc, a_scale_desc, b_desc, b_scale_desc, offsets_ptr, y_old_desc, y_ptr, a_ring, b_ring, a_scales, b_scales,
        y_old, full, scaled, empty, old_full, old_empty, experts, N, K, T, stride_ye, stride_yn, num_programs,
        BLOCK_N, BLOCK_K, GRANULE, GROUP_N, STAGES, ACCUMULATE, 0,
    )  # fmt: skip


@gluon.jit
def lower(
    a_desc: Described, a_scale_desc: Described, b_desc: Described, b_scale_desc: Described,
    offsets_ptr: gl.tensor | None, y_old_desc: Described, y_ptr: gl.tensor, a_ring: Shared, b_ring: Shared,
    a_scales: Shared, b_scales: Shared, y_old: Shared, full: Shared, scaled: Shared, empty: Shared, old_full: Shared,
    old_empty: Shared, experts: gl.tensor, N: gl.tensor, K: gl.tensor, T: gl.tensor, stride_ye: gl.tensor,
    stride_yn: gl.tensor, num_programs: gl.tensor, BLOCK_N: gl.constexpr, BLOCK_K: gl.constexpr,
    GRANULE: gl.constexpr, GROUP_N: gl.constexpr, STAGES: gl.constexpr, ACCUMULATE: gl.constexpr,
) -> None:  # fmt: skip
    """The warpgroup of the lower rows."""
    multiplier(
        a_desc, a_scale_desc, b_desc, b_scale_desc, offsets_ptr, y_old_desc, y_ptr, a_ring, b_ring, a_scales, b_scales,
        y_old, full, scaled, empty, old_full, old_empty, experts, N, K, T, stride_ye, stride_yn, num_programs,
        BLOCK_N, BLOCK_K, GRANULE, GROUP_N, STAGES, ACCUMULATE, 1,
    )  # fmt: skip


@gluon.jit
def wgrad_mm_kernel(
    a_desc: Described, a_scale_desc: Described, b_desc: Described, b_scale_desc: Described,
    offsets_ptr: gl.tensor | None, y_old_desc: Described, y_ptr: gl.tensor, experts: gl.tensor, N: gl.tensor,
    K: gl.tensor, T: gl.tensor, pitch_a: gl.tensor, pitch_as: gl.tensor, pitch_b: gl.tensor, pitch_bs: gl.tensor,
    stride_ye: gl.tensor, stride_yn: gl.tensor, num_programs: gl.tensor, BLOCK_N: gl.constexpr, BLOCK_K: gl.constexpr,
    GRANULE: gl.constexpr, GROUP_N: gl.constexpr, STAGES: gl.constexpr, ACCUMULATE: gl.constexpr,
    PERSISTENT: gl.constexpr,
) -> None:  # fmt: skip
    """Tiles of y in turn; see the plain twin."""
    gl.static_assert(BLOCK_N == 2 * ROWS, "two warpgroups have 64 rows each")
    a_ring = gl.allocate_shared_memory(a_desc.dtype, [STAGES, BLOCK_N, GRANULE], a_desc.layout)
    b_ring = gl.allocate_shared_memory(b_desc.dtype, [STAGES, BLOCK_K, GRANULE], b_desc.layout)
    a_scales = gl.allocate_shared_memory(gl.float32, [STAGES, 1, BLOCK_N], a_scale_desc.layout)
    b_scales = gl.allocate_shared_memory(gl.float32, [STAGES, 1, BLOCK_K], b_scale_desc.layout)
    full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    scaled = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    empty = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    old_full = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    old_empty = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    for slot in gl.static_range(STAGES):
        mbarrier.init(full.index(slot), count=1)
        mbarrier.init(scaled.index(slot), count=1)
        mbarrier.init(empty.index(slot), count=2)
    for half in gl.static_range(2):
        mbarrier.init(old_full.index(half), count=1)
        mbarrier.init(old_empty.index(half), count=1)
    y_old = old_full
    if ACCUMULATE:
        y_old = gl.allocate_shared_memory(gl.float32, [2, ROWS, BLOCK_K], y_old_desc.layout)
    gl.warp_specialize(
        [
            (upper, (
                a_desc, a_scale_desc, b_desc, b_scale_desc, offsets_ptr, y_old_desc, y_ptr, a_ring, b_ring, a_scales,
                b_scales, y_old, full, scaled, empty, old_full, old_empty, experts, N, K, T, stride_ye, stride_yn,
                num_programs, BLOCK_N, BLOCK_K, GRANULE, GROUP_N, STAGES, ACCUMULATE,
            )),
            (lower, (
                a_desc, a_scale_desc, b_desc, b_scale_desc, offsets_ptr, y_old_desc, y_ptr, a_ring, b_ring, a_scales,
                b_scales, y_old, full, scaled, empty, old_full, old_empty, experts, N, K, T, stride_ye, stride_yn,
                num_programs, BLOCK_N, BLOCK_K, GRANULE, GROUP_N, STAGES, ACCUMULATE,
            )),
            (loader, (
                a_desc, a_scale_desc, b_desc, b_scale_desc, offsets_ptr, y_old_desc, y_ptr, a_ring, b_ring, a_scales,
                b_scales, y_old, full, scaled, empty, old_full, old_empty, experts, N, K, T, stride_ye, stride_yn,
                num_programs, BLOCK_N, BLOCK_K, GRANULE, GROUP_N, STAGES, ACCUMULATE,
            )),
        ],
        [4, 1],
        [232, 40],
    )  # fmt: skip
