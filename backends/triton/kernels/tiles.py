"""Device functions that matrix products share: M rows of x, N columns of y (rows of w), K the summed dim.

A tile's pointers are a scalar base and 32-bit offsets inside the tile: half the registers of 64-bit pointers.
"""

import triton
import triton.language as tl

MANY = tl.constexpr(0x7FFFFFFF)
"""More tiles than there are."""


@triton.jit
def tile_of(
    program: tl.tensor, tiles_m: tl.tensor, tiles_n: tl.tensor, GROUP_M: tl.constexpr
) -> tuple[tl.tensor, tl.tensor]:
    """(row, column) of a program's tile.

    The column advances after GROUP_M rows: programs that run together share rows and columns in the L2 cache.
    """
    width = GROUP_M * tiles_n
    first = program // width * GROUP_M
    height = tl.minimum(tiles_m - first, GROUP_M)
    inside = program % width
    return first + inside % height, inside // height


@triton.jit
def load_tile(places: tl.tensor, left: tl.tensor, BLOCK_K: tl.constexpr, EVEN_K: tl.constexpr) -> tl.tensor:
    """A tile [*, BLOCK_K] of which ``left`` columns are there; the others are 0."""
    if EVEN_K:
        return tl.load(places)
    return tl.load(places, mask=(tl.arange(0, BLOCK_K) < left)[None, :], other=0.0)


@triton.jit
def store_tile(
    y_ptr: tl.tensor,
    values: tl.tensor,
    stride_m: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
) -> None:
    """Store the ``height`` x ``width`` corner of values [BLOCK_M, BLOCK_N] at ``y_ptr``, rounded to its type."""
    rows, columns = tl.arange(0, BLOCK_M), tl.arange(0, BLOCK_N)
    places = y_ptr + rows[:, None] * stride_m + columns[None, :]
    inside = (rows < height)[:, None] & (columns < width)[None, :]
    tl.store(places, values, mask=inside)


@triton.jit
def scaled_product(
    x_ptr: tl.tensor,
    x_scale_ptr: tl.tensor,
    w_ptr: tl.tensor,
    w_scale_ptr: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    first_column: tl.tensor,
    K: tl.tensor,
    first: tl.tensor,
    last: tl.tensor,
    stride_xm: tl.tensor,
    stride_xs: tl.tensor,
    stride_wn: tl.tensor,
    stride_ws_n: tl.tensor,
    stride_ws_k: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    M_GRANULE: tl.constexpr,
    N_GRANULE: tl.constexpr,
    K_GRANULE: tl.constexpr,
    MN_MAJOR: tl.constexpr,
    PROMOTE: tl.constexpr,
    SWAP: tl.constexpr,
    EVEN_K: tl.constexpr,
    STAGES: tl.constexpr,
) -> tl.tensor:
    """``sum_b (sum_{k in b} x[m, k] * w[n, k]) * (s_x[m, b] * s_w[n, b])`` of a tile: [BLOCK_M, BLOCK_N] in f32.

    Of all blocks of BLOCK_K elements of K those from ``first`` to ``last``.
    Pointers are at the tile's first row (x, its scales) and first column (w); the w scales at those of all columns.
    Granules: elements that share a scale, 0 for all; rows have 0 or 1.  Of K: a block is promoted with its scales; 0:
    scales are applied at the end, the sum is promoted every BLOCK_K (PROMOTE) or never.  SWAP: w is the left factor of
    the tensor core's product, whose tile has at least 64 rows.
    """
    # what is outside repeats the last row or column, and is not stored
    rows = tl.minimum(tl.arange(0, BLOCK_M), height - 1)
    columns = tl.minimum(tl.arange(0, BLOCK_N), width - 1)
    ks = tl.arange(0, BLOCK_K)
    x_places = rows[:, None] * stride_xm + ks[None, :]
    w_places = columns[:, None] * stride_wn + ks[None, :]
    x_scales = rows * M_GRANULE if MN_MAJOR else rows * (M_GRANULE * stride_xs)
    x_scale_step = stride_xs if MN_MAJOR else 1
    # scales of w by column, where a tile has several
    BY_COLUMN: tl.constexpr = N_GRANULE > 0 and N_GRANULE < BLOCK_N
    if BY_COLUMN:
        w_scales = (first_column + columns) // N_GRANULE * stride_ws_n
    elif N_GRANULE == 0:
        w_scales = first_column * 0
    else:
        w_scales = first_column // N_GRANULE * stride_ws_n
    total = tl.zeros((BLOCK_N, BLOCK_M) if SWAP else (BLOCK_M, BLOCK_N), tl.float32)
    for step in tl.range(first, last, num_stages=STAGES):
        x = load_tile(x_ptr + step * BLOCK_K + x_places, K - step * BLOCK_K, BLOCK_K, EVEN_K)
        w = load_tile(w_ptr + step * BLOCK_K + w_places, K - step * BLOCK_K, BLOCK_K, EVEN_K)
        if K_GRANULE == 0 and not PROMOTE:
            total = tl.dot(w, x.T, total) if SWAP else tl.dot(x, w.T, total)
        elif K_GRANULE == 0:
            total += tl.dot(w, x.T) if SWAP else tl.dot(x, w.T)
        else:
            block = step * BLOCK_K // K_GRANULE
            s_x = tl.load(x_scale_ptr + block * x_scale_step + x_scales)
            s_w = tl.load(w_scale_ptr + block * stride_ws_k + w_scales)
            if BY_COLUMN:
                scale = s_w[:, None] * s_x[None, :] if SWAP else s_x[:, None] * s_w[None, :]
            else:
                scale = (s_x * s_w)[None, :] if SWAP else (s_x * s_w)[:, None]
            total += (tl.dot(w, x.T) if SWAP else tl.dot(x, w.T)) * scale
    if SWAP:
        total = tl.trans(total)
    if K_GRANULE == 0:
        s_x = tl.load(x_scale_ptr + x_scales)
        s_w = tl.load(w_scale_ptr + w_scales)
        if BY_COLUMN:
            total *= s_x[:, None] * s_w[None, :]
        else:
            total *= (s_x * s_w)[:, None]
    return total


@triton.jit
def filled_tiles(
    expert_of_ptr: tl.tensor, groups: tl.tensor, room: tl.tensor, BLOCK_M: tl.constexpr, GROUPS: tl.constexpr
) -> tl.tensor:
    """Tiles of every group that hold a row of an expert, which are its first: [GROUPS], a power of two.

    They are looked for where a group may have more.
    """
    group, tile = tl.arange(0, GROUPS), tl.arange(0, 8)
    count = tl.zeros((GROUPS,), tl.int32)
    first = 0
    while first < tl.cdiv(room, BLOCK_M):
        rows = ((first + tile) * BLOCK_M)[None, :]
        inside = (group < groups)[:, None] & (rows < room)
        owner = tl.load(expert_of_ptr + group[:, None] * room + rows, mask=inside, other=-1)
        found = tl.sum((owner >= 0).to(tl.int32), axis=1)
        count += found
        first = tl.where(tl.max(found, axis=0) == 8, first + 8, room)
    return count


@triton.jit
def filled_first(
    item: tl.tensor,
    count: tl.tensor,
    end: tl.tensor,
    groups: tl.tensor,
    tiles: tl.tensor,
    tiles_n: tl.tensor,
    GROUPS: tl.constexpr,
    SKIPS_PADDING: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor, tl.tensor]:
    """(group, row, column) of an item's tile: those that hold rows first, so that every program gets as many of them.

    count: tiles of every group that do, end: of it and those before.  ``tiles`` x ``tiles_n`` in every group; inside a
    group the row changes first: its matrix is read once.  With SKIPS_PADDING there are no others.
    """
    group = tl.arange(0, GROUPS)
    first = item * 0
    if SKIPS_PADDING:
        before = end <= item // tiles_n
        chosen = tl.sum(before.to(tl.int32), axis=0)
        start = tl.max(tl.where(before, end, 0), axis=0)
        own = tl.min(tl.where(before, MANY, end), axis=0) - start
        inside = item - start * tiles_n
    else:
        filled = tl.max(end, axis=0) * tiles_n
        behind = item >= filled
        inside = item - tl.where(behind, filled, 0)
        size = tl.where(behind, tl.where(group < groups, tiles - count, 0), count)
        last = tl.where(behind, (tl.minimum(group, groups - 1) + 1) * tiles - end, end) * tiles_n
        chosen = tl.sum((last <= inside).to(tl.int32), axis=0)
        own = tl.sum(tl.where(group == chosen, size, 0), axis=0)
        inside -= tl.sum(tl.where(last <= inside, size, 0), axis=0) * tiles_n
        first = tl.where(behind, tiles - own, 0)
    return chosen, first + inside % own, inside // own


@triton.jit
def plain_product(
    x_ptr: tl.tensor,
    w_ptr: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    K: tl.tensor,
    stride_xm: tl.tensor,
    stride_wn: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    SWAP: tl.constexpr,
    EVEN_K: tl.constexpr,
) -> tl.tensor:
    """``sum_k x[m, k] * w[n, k]`` of a tile, in f32: [BLOCK_M, BLOCK_N].  f32 operands are multiplied as they are.

    Pointers are at the tile's first row and column; SWAP as in ``scaled_product``.
    """
    rows = tl.minimum(tl.arange(0, BLOCK_M), height - 1)
    columns = tl.minimum(tl.arange(0, BLOCK_N), width - 1)
    ks = tl.arange(0, BLOCK_K)
    x_places = rows[:, None] * stride_xm + ks[None, :]
    w_places = columns[:, None] * stride_wn + ks[None, :]
    total = tl.zeros((BLOCK_N, BLOCK_M) if SWAP else (BLOCK_M, BLOCK_N), tl.float32)
    for step in range(0, tl.cdiv(K, BLOCK_K)):
        x = load_tile(x_ptr + step * BLOCK_K + x_places, K - step * BLOCK_K, BLOCK_K, EVEN_K)
        w = load_tile(w_ptr + step * BLOCK_K + w_places, K - step * BLOCK_K, BLOCK_K, EVEN_K)
        total = tl.dot(w, x.T, total, input_precision="ieee") if SWAP else tl.dot(x, w.T, total, input_precision="ieee")
    return tl.trans(total) if SWAP else total
