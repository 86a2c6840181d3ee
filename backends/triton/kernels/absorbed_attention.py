"""Causal attention in the latent space over a paged cache: every split of the context, then their combination.

Numbering: t a token, n its sequence, h heads, c cached rows of a tile, r the latent's elements, d the key's.
"""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import after_predecessor, rounded, sequence_of

LOG2E = tl.constexpr(1.4426950408889634)

FP_FUSION = True
"""Sums are rescaled and added by one instruction, which rounds once."""
ALLOWED_SPILLS = {
    "absorbed_attention_kernel": (36, "offsets for the stores, put away before the loop and read back after it"),
}
"""Kernel -> bytes per thread, and why: 36 with Triton 3.8, 20 with 3.9, none with 3.6 and 3.7."""


@triton.jit
def cached_latent(
    latent_ptr: tl.tensor, scale_ptr: tl.tensor | None, page: tl.tensor, row: tl.tensor, c: tl.tensor, r: tl.tensor,
    seen: tl.tensor, RANK: tl.constexpr, LATENT_PAGE: tl.constexpr, LATENT_ROW: tl.constexpr,
    SCALE_PAGE: tl.constexpr, SCALE_ROW: tl.constexpr, GRANULE: tl.constexpr, element: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """Rows ``row + c`` of a page: [c, r], dequantised to ``element`` where the cache has scales; zero if not seen."""
    present = seen[:, None] & (r < RANK)[None, :]
    rows_ptr = latent_ptr + page * LATENT_PAGE + row * LATENT_ROW
    k = tl.load(rows_ptr + c[:, None] * LATENT_ROW + r[None, :], mask=present, other=0.0)
    if GRANULE:
        GRANULES: tl.constexpr = r.shape[0] // GRANULE
        g = tl.arange(0, GRANULES)
        s = tl.load(
            scale_ptr + page * SCALE_PAGE + row * SCALE_ROW + c[:, None] * SCALE_ROW + g[None, :],
            mask=seen[:, None] & (g * GRANULE < RANK)[None, :], other=0.0,
        )  # fmt: skip
        tiles = tl.reshape(k.to(tl.float32), (c.shape[0], GRANULES, GRANULE)) * s[:, :, None]
        k = tl.reshape(tiles, k.shape).to(element)
    return k


@triton.jit
def absorbed_attention_kernel(
    q_latent_ptr: tl.tensor, q_rope_ptr: tl.tensor, latent_ptr: tl.tensor, rope_ptr: tl.tensor,
    scale_ptr: tl.tensor | None, positions_ptr: tl.tensor, seq_offsets_ptr: tl.tensor, block_table_ptr: tl.tensor,
    context_lens_ptr: tl.tensor, o_ptr: tl.tensor, partial_ptr: tl.tensor, lse_ptr: tl.tensor,
    softmax_scale: tl.tensor, first_token: tl.tensor, num_tokens: tl.tensor, num_sequences: tl.tensor,
    num_splits: tl.tensor, split_tokens: tl.tensor, table_row: tl.tensor, q_latent_token: tl.tensor,
    q_latent_head: tl.tensor, q_rope_token: tl.tensor, q_rope_head: tl.tensor, O_TOKEN: tl.constexpr,
    O_HEAD: tl.constexpr, HEADS: tl.constexpr, RANK: tl.constexpr, ROPE: tl.constexpr, PAGE_SIZE: tl.constexpr,
    LATENT_PAGE: tl.constexpr, LATENT_ROW: tl.constexpr, ROPE_PAGE: tl.constexpr, ROPE_ROW: tl.constexpr,
    SCALE_PAGE: tl.constexpr, SCALE_ROW: tl.constexpr, GRANULE: tl.constexpr, SCORES: tl.constexpr,
    PROBS: tl.constexpr, BLOCK_H: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_R: tl.constexpr, BLOCK_D: tl.constexpr,
    FIXED: tl.constexpr,
) -> None:  # fmt: skip
    """One token's block of heads over one split of its context; ``first_token``: the token that pointers begin with.

    ``o`` itself where there is one split; else ``partial [num_splits * T, H, r]`` f32 (normalised) and the base-2
    ``lse [num_splits * T, H]`` f32, which is -inf for a split without rows (its partial is then not written).

    FIXED: a split has ``split_tokens`` rows, so that a token's own context decides how many it has, and whether it is
    one.  Of those behind it nothing is written.
    """
    HEAD_BLOCKS: tl.constexpr = (HEADS + BLOCK_H - 1) // BLOCK_H
    t, split = tl.program_id(0) // HEAD_BLOCKS, tl.program_id(1)
    h = tl.program_id(0) % HEAD_BLOCKS * BLOCK_H + tl.arange(0, BLOCK_H)
    r, d, c = tl.arange(0, BLOCK_R), tl.arange(0, BLOCK_D), tl.arange(0, BLOCK_N)
    of_h, of_r = (h < HEADS)[:, None], (r < RANK)[None, :]
    t_wide = t.to(tl.int64)
    element: tl.constexpr = q_latent_ptr.dtype.element_ty

    n = sequence_of(seq_offsets_ptr, num_sequences, first_token + t)
    length = t * 0
    if n < num_sequences:
        length = tl.minimum(tl.load(positions_ptr + t) + 1, tl.load(context_lens_ptr + n))
    tiles = tl.cdiv(length, BLOCK_N)
    if not FIXED:
        first = tiles * split // num_splits
        last = tiles * (split + 1) // num_splits
    else:
        # a size that is no constant: the compiler would compute ahead with one, and has no registers for it
        first = split * (split_tokens // BLOCK_N)
        last = tl.minimum(first + split_tokens // BLOCK_N, tiles)
        if (split > 0) & (first >= tiles):
            return

    q = tl.load(
        q_latent_ptr + t_wide * q_latent_token + h[:, None] * q_latent_head + r[None, :], mask=of_h & of_r, other=0.0
    )
    qd = tl.load(
        q_rope_ptr + t_wide * q_rope_token + h[:, None] * q_rope_head + d[None, :],
        mask=of_h & (d < ROPE)[None, :], other=0.0,
    )  # fmt: skip
    m = tl.full((BLOCK_H,), -float("inf"), tl.float32)
    total = tl.zeros((BLOCK_H,), tl.float32)
    acc = tl.zeros((BLOCK_H, BLOCK_R), tl.float32)
    # without hoisting what repeats: 128 of a thread's registers hold the sums already
    for i in tl.range(first, last, disable_licm=True):
        start = i * BLOCK_N
        page = tl.load(block_table_ptr + n * table_row + start // PAGE_SIZE).to(tl.int64)
        row = start % PAGE_SIZE
        seen = start + c < length
        k = cached_latent(
            latent_ptr, scale_ptr, page, row, c, r, seen,
            RANK, LATENT_PAGE, LATENT_ROW, SCALE_PAGE, SCALE_ROW, GRANULE, element,
        )  # fmt: skip
        kd = tl.load(
            rope_ptr + page * ROPE_PAGE + row * ROPE_ROW + c[:, None] * ROPE_ROW + d[None, :],
            mask=seen[:, None] & (d < ROPE)[None, :], other=0.0,
        )  # fmt: skip
        s = tl.dot(q, k.T, input_precision="ieee")
        s = tl.dot(qd, kd.T, s, input_precision="ieee")
        s = tl.where(seen[None, :], rounded(s * softmax_scale, SCORES), -float("inf")) * LOG2E
        higher = tl.maximum(m, tl.max(s, 1))
        p = tl.exp2(s - higher[:, None])
        keep = tl.exp2(m - higher)
        total = total * keep + tl.sum(p, 1)
        acc = tl.dot(rounded(p, PROBS).to(element), k, acc * keep[:, None], input_precision="ieee")
        m = higher

    total = tl.where(total == 0.0, 1.0, total)  # no rows: sums of zero, and an lse of -inf
    acc = acc / total[:, None]
    if length <= split_tokens if FIXED else num_splits == 1:
        to_o = o_ptr + t_wide * O_TOKEN + h[:, None] * O_HEAD + r[None, :]
        tl.store(to_o, acc.to(o_ptr.dtype.element_ty), mask=of_h & of_r)
    else:
        row_wide = (split * num_tokens + t).to(tl.int64)
        tl.store(lse_ptr + row_wide * HEADS + h, m + tl.log2(total), mask=h < HEADS)
        to_partial = partial_ptr + row_wide * (HEADS * RANK) + h[:, None] * RANK + r[None, :]
        if FIXED or first < last:
            tl.store(to_partial, acc, mask=of_h & of_r)


@triton.jit
def combine_kernel(
    partial_ptr: tl.tensor, lse_ptr: tl.tensor, o_ptr: tl.tensor, num_tokens: tl.tensor, num_splits: tl.tensor,
    o_token: tl.tensor, o_head: tl.tensor, HEADS: tl.constexpr, RANK: tl.constexpr, BLOCK_R: tl.constexpr,
    MAX_SPLITS: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:  # fmt: skip
    """``o[t, h] = sum_s 2**(lse_s - max) partial_s / sum_s 2**(lse_s - max)``, in the order of the splits."""
    after_predecessor(PDL)
    t, h = tl.program_id(0) // HEADS, tl.program_id(0) % HEADS
    s, r = tl.arange(0, MAX_SPLITS), tl.arange(0, BLOCK_R)
    lse = tl.load(lse_ptr + (s * num_tokens + t) * HEADS + h, mask=s < num_splits, other=-float("inf"))
    highest = tl.max(lse, 0)
    highest = tl.where(highest == -float("inf"), 0.0, highest)
    total = tl.sum(tl.exp2(lse - highest), 0)
    acc = tl.zeros((BLOCK_R,), tl.float32)
    for split in range(num_splits):
        row = split * num_tokens + t
        weight = tl.exp2(tl.load(lse_ptr + row * HEADS + h + r * 0) - highest)
        at = partial_ptr + row.to(tl.int64) * (HEADS * RANK) + h * RANK + r
        acc += weight * tl.load(at, mask=(r < RANK) & (weight > 0.0), other=0.0)
    acc = acc / tl.where(total == 0.0, 1.0, total)
    at = o_ptr + t.to(tl.int64) * o_token + h * o_head + r
    tl.store(at, acc.to(o_ptr.dtype.element_ty), mask=r < RANK)


@triton.jit
def combine_parts_kernel(
    partial_ptr: tl.tensor, lse_ptr: tl.tensor, positions_ptr: tl.tensor, seq_offsets_ptr: tl.tensor,
    context_lens_ptr: tl.tensor, o_ptr: tl.tensor, first_token: tl.tensor, num_tokens: tl.tensor,
    num_sequences: tl.tensor, split_tokens: tl.tensor, o_token: tl.tensor, o_head: tl.tensor, HEADS: tl.constexpr,
    RANK: tl.constexpr, BLOCK_R: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:  # fmt: skip
    """The same sum where parts have ``split_tokens`` rows: of a token's own, in their order, in one pass.

    A context of one part has its result already.
    """
    after_predecessor(PDL)
    t, h = tl.program_id(0) // HEADS, tl.program_id(0) % HEADS
    r = tl.arange(0, BLOCK_R)
    n = sequence_of(seq_offsets_ptr, num_sequences, first_token + t)
    length = t * 0
    if n < num_sequences:
        length = tl.minimum(tl.load(positions_ptr + t) + 1, tl.load(context_lens_ptr + n))
    parts = tl.cdiv(length, split_tokens)
    if parts > 1:
        m = tl.load(lse_ptr + t * HEADS + h)
        acc = tl.load(partial_ptr + t.to(tl.int64) * (HEADS * RANK) + h * RANK + r, mask=r < RANK, other=0.0)
        total = 1.0
        for part in range(1, parts):
            row = part * num_tokens + t
            lse = tl.load(lse_ptr + row * HEADS + h)
            x = tl.load(partial_ptr + row.to(tl.int64) * (HEADS * RANK) + h * RANK + r, mask=r < RANK, other=0.0)
            higher = tl.maximum(m, lse)
            keep, weight = tl.exp2(m - higher), tl.exp2(lse - higher)
            acc = acc * keep + x * weight
            total = total * keep + weight
            m = higher
        at = o_ptr + t.to(tl.int64) * o_token + h * o_head + r
        tl.store(at, (acc / total).to(o_ptr.dtype.element_ty), mask=r < RANK)
