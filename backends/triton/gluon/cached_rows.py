"""Device functions that bring the query and rows of a paged latent cache into shared memory, for attention over them.

Columns are halved: (left, right, rope key) are the buffers of a query, and of two tiles of rows in turn.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon.shim import fence_async_shared, mbarrier, thread_barrier, tma, tma_load

Tensor = gl.tensor
Buffer = gl.shared_memory_descriptor
Buffers = gl.tuple
Descriptor = tma.tensor_descriptor

BLOCK = gl.constexpr(64)
"""Heads of a block, cached rows of a tile, elements of a rope key."""
HALF = gl.constexpr(256)
"""Columns of a half."""
CHUNK = gl.constexpr(128)
"""Columns that are dequantised at a time: they have one scale a row."""
WORDS = gl.constexpr(gl.BlockedLayout([1, 2], [2, 16], [4, 1], [1, 0]))
"""Of a chunk in words of four elements."""
ELEMENTS = gl.constexpr(gl.BlockedLayout([1, 8], [2, 16], [4, 1], [1, 0]))
"""Of its elements, which are in the same threads: what one holds of a row becomes 16 bytes of bf16."""


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
    table_ptr: Tensor, tiles: Tensor, t: Tensor, head: Tensor, query: Buffers, keys: Buffers,
    q_full: Buffer, full: Buffer, empty: Buffer,
) -> None:  # fmt: skip
    """The warp that copies the query and pages, half a tile when its warpgroup has done with the one before.

    A tile's rope keys come with the half that the other warpgroup frees: it is the last to read the probabilities.
    """
    copy_query(q_latent_desc, q_rope_desc, t, head, query, q_full)
    kl, kr, kd = keys
    HALF_BYTES: gl.constexpr = latent_desc.block_type.nbytes
    BOTH_BYTES: gl.constexpr = latent_desc.block_type.nbytes + rope_desc.block_type.nbytes
    next_page = gl.load(table_ptr, mask=tiles > 0, other=0)
    for tile in range(tiles):
        page = next_page
        next_page = gl.load(table_ptr + tile + 1, mask=tile + 1 < tiles, other=0)
        turn = tile // 2 & 1 ^ 1
        if tile % 2 == 0:
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
def clear_behind(
    left: Buffer, right: Buffer, count: Tensor, left_full: Buffer, right_full: Buffer, phase: Tensor
) -> None:
    """Zero the rows of a tile from ``count`` on, when they are there: nobody wrote them, and zero times NaN is NaN."""
    layout: gl.constexpr = gl.BlockedLayout([1, 8], [4, 8], [4, 1], [1, 0])
    kept = gl.arange(0, BLOCK, gl.SliceLayout(1, layout)) < count
    mbarrier.wait(left_full, phase)
    mbarrier.wait(right_full, phase)
    for part in gl.static_range(2 * HALF // BLOCK):
        half = left if part < HALF // BLOCK else right
        columns = half.slice(part % (HALF // BLOCK) * BLOCK, BLOCK, dim=1)
        rows = columns.load(layout)
        columns.store(gl.where(kept[:, None], rows, gl.zeros_like(rows)))
    fence_async_shared()
    thread_barrier()


@gluon.jit
def quantized_chunk(
    words_ptr: Tensor, page: Tensor, part: gl.constexpr, PAGE: gl.constexpr, ROW: gl.constexpr
) -> Tensor:
    """Chunk ``part`` of a page in 8 bits, four elements a word: alone, each would take a register."""
    c, w = gl.arange(0, BLOCK, gl.SliceLayout(1, WORDS)), gl.arange(0, CHUNK // 4, gl.SliceLayout(0, WORDS))
    rows_ptr = words_ptr + page.to(gl.int64) * (PAGE // 4)
    return gl.load(rows_ptr + (c[:, None] * (ROW // 4) + part * (CHUNK // 4) + w[None, :]))


@gluon.jit
def chunk_scales(
    scale_ptr: Tensor, page: Tensor, part: gl.constexpr, PAGE: gl.constexpr, ROW: gl.constexpr,
) -> Tensor:  # fmt: skip
    """Scales of the rows of a chunk."""
    c = gl.arange(0, BLOCK, gl.SliceLayout(1, ELEMENTS))
    return gl.load(scale_ptr + page.to(gl.int64) * PAGE + (c * ROW + part))


@gluon.jit
def store_chunk(words: Tensor, scales: Tensor, columns: Buffer, LATENT: gl.constexpr) -> None:
    """Store a chunk dequantised."""
    even = gl.join(words.to(gl.uint8), (words >> 16).to(gl.uint8))
    odd = gl.join((words >> 8).to(gl.uint8), (words >> 24).to(gl.uint8))
    elements = gl.convert_layout(gl.join(even, odd).reshape([BLOCK, CHUNK]).to(LATENT, bitcast=True), ELEMENTS)
    columns.store((elements.to(gl.float32) * scales[:, None]).to(columns.dtype))


@gluon.jit
def dequantize_pages(
    latent_ptr: Tensor, scale_ptr: Tensor, rope_desc: Descriptor, table_ptr: Tensor, tiles: Tensor, keys: Buffers,
    full: Buffer, empty: Buffer, LATENT_PAGE: gl.constexpr, LATENT_ROW: gl.constexpr, SCALE_PAGE: gl.constexpr,
    SCALE_ROW: gl.constexpr,
) -> None:  # fmt: skip
    """Fill tiles with pages, of which there is one at least.

    Each chunk is asked for when two others were not dequantised yet, a tile's first two during the tile before: a
    thread has registers for three.  A row's scales are one sector, which the first chunk's bring into the cache beside
    shared memory.  A tile's rope keys come with its right half, which is the second that it waits for:
    then nobody reads the probabilities in their place.
    """
    kl, kr, kd = keys
    LATENT: gl.constexpr = latent_ptr.dtype.element_ty
    words_ptr = latent_ptr.to(gl.pointer_type(gl.int32), bitcast=True)
    page = gl.load(table_ptr)
    c0 = quantized_chunk(words_ptr, page, 0, LATENT_PAGE, LATENT_ROW)
    c1 = quantized_chunk(words_ptr, page, 1, LATENT_PAGE, LATENT_ROW)
    s0 = chunk_scales(scale_ptr, page, 0, SCALE_PAGE, SCALE_ROW)
    for tile in range(tiles):
        slot, turn = tile % 2, tile // 2 & 1 ^ 1
        left, right = 2 * slot, 2 * slot + 1
        next_page = gl.load(table_ptr + gl.minimum(tile + 1, tiles - 1))
        mbarrier.wait(empty.index(left), turn)
        c2 = quantized_chunk(words_ptr, page, 2, LATENT_PAGE, LATENT_ROW)
        store_chunk(c0, s0, kl.index(slot).slice(0, CHUNK, dim=1), LATENT)
        c3 = quantized_chunk(words_ptr, page, 3, LATENT_PAGE, LATENT_ROW)
        s1 = chunk_scales(scale_ptr, page, 1, SCALE_PAGE, SCALE_ROW)
        store_chunk(c1, s1, kl.index(slot).slice(CHUNK, CHUNK, dim=1), LATENT)
        fence_async_shared()
        mbarrier.arrive(full.index(left), count=1)
        mbarrier.wait(empty.index(right), turn)
        mbarrier.expect(full.index(right), rope_desc.block_type.nbytes)
        tma_load(rope_desc, [page, 0, 0], full.index(right), block_of(kd.index(slot)))
        c0 = quantized_chunk(words_ptr, next_page, 0, LATENT_PAGE, LATENT_ROW)
        s2 = chunk_scales(scale_ptr, page, 2, SCALE_PAGE, SCALE_ROW)
        store_chunk(c2, s2, kr.index(slot).slice(0, CHUNK, dim=1), LATENT)
        s0 = chunk_scales(scale_ptr, next_page, 0, SCALE_PAGE, SCALE_ROW)
        c1 = quantized_chunk(words_ptr, next_page, 1, LATENT_PAGE, LATENT_ROW)
        s3 = chunk_scales(scale_ptr, page, 3, SCALE_PAGE, SCALE_ROW)
        store_chunk(c3, s3, kr.index(slot).slice(CHUNK, CHUNK, dim=1), LATENT)
        fence_async_shared()
        mbarrier.arrive(full.index(right), count=1)
        page = next_page


@gluon.jit
def dequantize_rows(
    q_latent_desc: Descriptor, q_rope_desc: Descriptor, latent_ptr: Tensor, scale_ptr: Tensor, rope_desc: Descriptor,
    table_ptr: Tensor, tiles: Tensor, t: Tensor, head: Tensor, query: Buffers, keys: Buffers, q_full: Buffer,
    full: Buffer, empty: Buffer, LATENT_PAGE: gl.constexpr, LATENT_ROW: gl.constexpr, SCALE_PAGE: gl.constexpr,
    SCALE_ROW: gl.constexpr,
) -> None:  # fmt: skip
    """The warpgroup that copies the query and rope keys, and dequantises a latent in 8 bits on its way, by chunks."""
    copy_query(q_latent_desc, q_rope_desc, t, head, query, q_full)
    if tiles > 0:
        dequantize_pages(
            latent_ptr, scale_ptr, rope_desc, table_ptr, tiles, keys, full, empty,
            LATENT_PAGE, LATENT_ROW, SCALE_PAGE, SCALE_ROW,
        )  # fmt: skip
