"""Device functions that bring the query and rows of a paged latent cache into shared memory, for attention over them.

Columns are halved: (left, right, rope key) are the buffers of a query, and of two tiles of rows in turn.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon.shim import mbarrier, tma, tma_load

Tensor = gl.tensor
Buffer = gl.shared_memory_descriptor
Buffers = gl.tuple
Descriptor = tma.tensor_descriptor

BLOCK = gl.constexpr(64)
"""Heads of a block, cached rows of a tile, elements of a rope key."""
HALF = gl.constexpr(256)
"""Columns of a half."""


@gluon.jit
def block_of(x: Buffer) -> Buffer:
    """A buffer [rows, columns] as copies of blocks of three dims take it."""
    return x.reshape([1, x.shape[0], x.shape[1]])


@gluon.jit
def copy_query(
    q_latent_desc: Descriptor, q_rope_desc: Descriptor, t: Tensor, head: Tensor, query: Buffers, q_full: Buffer
) -> None:
    """Copy a token's block of heads."""
    left, right, rope = query
    ready = q_full.index(0)
    mbarrier.expect(ready, 2 * q_latent_desc.block_type.nbytes + q_rope_desc.block_type.nbytes)
    tma_load(q_latent_desc, [t, head, 0], ready, block_of(left.index(0)))
    tma_load(q_latent_desc, [t, head, HALF], ready, block_of(right.index(0)))
    tma_load(q_rope_desc, [t, head, 0], ready, block_of(rope.index(0)))


@gluon.jit
def copy_rows(
    q_latent_desc: Descriptor, q_rope_desc: Descriptor, latent_desc: Descriptor, rope_desc: Descriptor,
    table_ptr: Tensor, first: Tensor, last: Tensor, t: Tensor, head: Tensor, query: Buffers, keys: Buffers,
    q_full: Buffer, full: Buffer, empty: Buffer,
) -> None:  # fmt: skip
    """The warp that copies the query and pages, half a tile when its warpgroup has done with the one before.

    A tile's rope keys come with the half that the other warpgroup frees: it is the last to read the probabilities.
    """
    copy_query(q_latent_desc, q_rope_desc, t, head, query, q_full)
    kl, kr, kd = keys
    HALF_BYTES: gl.constexpr = latent_desc.block_type.nbytes
    BOTH_BYTES: gl.constexpr = latent_desc.block_type.nbytes + rope_desc.block_type.nbytes
    next_page = gl.load(table_ptr + first, mask=first < last, other=0)
    for tile in range(first, last):
        page = next_page
        next_page = gl.load(table_ptr + tile + 1, mask=tile + 1 < last, other=0)
        turn = (tile - first) // 2 & 1 ^ 1
        if (tile - first) % 2 == 0:
            mbarrier.wait(empty.index(0), turn)
            mbarrier.expect(full.index(0), HALF_BYTES)
            tma_load(latent_desc, [page, 0, 0], full.index(0), block_of(kl.index(0)))
            mbarrier.wait(empty.index(1), turn)
            mbarrier.expect(full.index(1), BOTH_BYTES)
            tma_load(latent_desc, [page, 0, HALF], full.index(1), block_of(kr.index(0)))
            tma_load(rope_desc, [page, 0, 0], full.index(1), block_of(kd.index(0)))
        else:
            mbarrier.wait(empty.index(3), turn)
            mbarrier.expect(full.index(3), HALF_BYTES)
            tma_load(latent_desc, [page, 0, HALF], full.index(3), block_of(kr.index(1)))
            mbarrier.wait(empty.index(2), turn)
            mbarrier.expect(full.index(2), BOTH_BYTES)
            tma_load(latent_desc, [page, 0, 0], full.index(2), block_of(kl.index(1)))
            tma_load(rope_desc, [page, 0, 0], full.index(2), block_of(kd.index(1)))


@gluon.jit
def clear_behind(rows: Buffer, count: Tensor) -> None:
    """Zero the rows of a half tile from ``count`` on: nobody wrote them, and zero times NaN is NaN."""
    layout: gl.constexpr = gl.BlockedLayout([1, 8], [4, 8], [4, 1], [1, 0])
    kept = gl.arange(0, BLOCK, gl.SliceLayout(1, layout)) < count
    for part in gl.static_range(HALF // BLOCK):
        columns = rows.slice(part * BLOCK, BLOCK, dim=1)
        read = columns.load(layout)
        columns.store(gl.where(kept[:, None], read, gl.zeros_like(read)))
