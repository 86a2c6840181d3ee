"""Causal attention over expanded keys and values of ragged sequences, tile by tile of the context.

Numbering: q the tokens of a block (one sequence's), c the context rows of a tile, k, d, v elements of the key without
RoPE, of its RoPE part, and of the value.
"""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import rounded

LOG2E = tl.constexpr(1.4426950408889634)

FP_FUSION = True
"""Sums are rescaled and added by one instruction, which rounds once."""


@triton.jit
def sequence_of_block(
    seq_offsets_ptr: tl.tensor, context_lens_ptr: tl.tensor, num_sequences: tl.tensor, block: tl.tensor,
    BLOCK_Q: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor]:  # fmt: skip
    """A block's sequence n, and the context rows before that sequence's.

    Sequence n has blocks ``seq_offsets[n] // BLOCK_Q + n`` and on: at least as many as its tokens fill.
    """
    i = tl.arange(0, 128)
    n = block * 0
    rows = block * 0
    for start in range(0, num_sequences, 128):
        inside = start + i < num_sequences
        end = tl.load(seq_offsets_ptr + 1 + start + i, mask=inside, other=0)
        before = inside & (end // BLOCK_Q + start + i + 1 <= block)
        n += tl.sum(before.to(tl.int32))
        rows += tl.sum(tl.load(context_lens_ptr + start + i, mask=before, other=0))
    return n, rows


@triton.jit
def attend(
    acc: tl.tensor, total: tl.tensor, m: tl.tensor, q: tl.tensor, qd: tl.tensor, kv_ptr: tl.tensor,
    k_rope_ptr: tl.tensor, seen: tl.tensor, start: tl.tensor, length: tl.tensor, softmax_scale: tl.tensor,
    kv_row: tl.tensor, k_rope_row: tl.tensor, MASKED: tl.constexpr, NOPE: tl.constexpr, ROPE: tl.constexpr,
    VALUES: tl.constexpr, SCORES: tl.constexpr, PROBS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_V: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor, tl.tensor]:  # fmt: skip
    """Add context rows ``start`` to ``start + BLOCK_N - 1`` to the sums; MASKED: not every token sees all of them."""
    c = start + tl.arange(0, BLOCK_N)
    k, d, v = tl.arange(0, q.shape[1]), tl.arange(0, qd.shape[1]), tl.arange(0, BLOCK_V)
    k_ok, d_ok, v_ok = (k < NOPE)[None, :], (d < ROPE)[None, :], (v < VALUES)[None, :]
    if MASKED:
        there = (c < length)[:, None]
        k_ok, d_ok, v_ok = k_ok & there, d_ok & there, v_ok & there
    row_ptr = kv_ptr + c.to(tl.int64)[:, None] * kv_row
    keys = tl.load(row_ptr + k[None, :], mask=k_ok, other=0.0)
    ropes = tl.load(k_rope_ptr + c.to(tl.int64)[:, None] * k_rope_row + d[None, :], mask=d_ok, other=0.0)
    s = tl.dot(q, keys.T, input_precision="ieee")
    s = tl.dot(qd, ropes.T, s, input_precision="ieee")
    s = rounded(s * softmax_scale, SCORES) * LOG2E
    if MASKED:
        s = tl.where(c[None, :] < seen[:, None], s, -float("inf"))
    higher = tl.maximum(m, tl.max(s, 1))
    p = tl.exp2(s - higher[:, None])
    keep = tl.exp2(m - higher)
    values = tl.load(row_ptr + NOPE + v[None, :], mask=v_ok, other=0.0)
    acc = tl.dot(rounded(p, PROBS).to(values.dtype), values, acc * keep[:, None], input_precision="ieee")
    return acc, total * keep + tl.sum(p, 1), higher


@triton.jit
def attend_tile(
    tile: tl.tensor, q_nope_ptr: tl.tensor, q_rope_ptr: tl.tensor, kv_ptr: tl.tensor, k_rope_ptr: tl.tensor,
    positions_ptr: tl.tensor, seq_offsets_ptr: tl.tensor, context_lens_ptr: tl.tensor, o_ptr: tl.tensor,
    softmax_scale: tl.tensor, num_tokens: tl.tensor, num_sequences: tl.tensor, num_blocks: tl.tensor,
    heads_together: tl.tensor, q_nope_token: tl.tensor, q_nope_head: tl.tensor, q_rope_token: tl.tensor,
    q_rope_head: tl.tensor, kv_row: tl.tensor, kv_head: tl.tensor, k_rope_row: tl.tensor, o_token: tl.tensor,
    o_head: tl.tensor, NOPE: tl.constexpr, ROPE: tl.constexpr, VALUES: tl.constexpr, SCORES: tl.constexpr,
    PROBS: tl.constexpr, BLOCK_Q: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_V: tl.constexpr,
) -> None:  # fmt: skip
    """One head of a block of one sequence's tokens; tokens behind the last sequence get zeros.

    Tiles go through the blocks of ``heads_together`` heads at a time, those with the longest contexts first.
    """
    heads_and_block = tile // heads_together
    head = heads_and_block // num_blocks * heads_together + tile % heads_together
    block = num_blocks - 1 - heads_and_block % num_blocks
    n, before = sequence_of_block(seq_offsets_ptr, context_lens_ptr, num_sequences, block, BLOCK_Q)
    first = tl.load(seq_offsets_ptr + n)
    start = first + (block - first // BLOCK_Q - n) * BLOCK_Q
    end, length = num_tokens, block * 0
    if n < num_sequences:
        end = tl.load(seq_offsets_ptr + n + 1)
        length = tl.load(context_lens_ptr + n)
    if start < end:
        t = start + tl.arange(0, BLOCK_Q)
        t_ok = t < end
        t = tl.minimum(t, end - 1)
        seen = tl.minimum(tl.load(positions_ptr + t) + 1, length)
        t = t.to(tl.int64)[:, None]
        k, d, v = tl.arange(0, BLOCK_K), tl.arange(0, BLOCK_D), tl.arange(0, BLOCK_V)
        q_ptr = q_nope_ptr + head * q_nope_head + t * q_nope_token
        q = tl.load(q_ptr + k[None, :], mask=(k < NOPE)[None, :], other=0.0)
        qd_ptr = q_rope_ptr + head * q_rope_head + t * q_rope_token
        qd = tl.load(qd_ptr + d[None, :], mask=(d < ROPE)[None, :], other=0.0)
        kv_ptr += before.to(tl.int64) * kv_row + head * kv_head
        k_rope_ptr += before.to(tl.int64) * k_rope_row
        m = tl.full((BLOCK_Q,), -float("inf"), tl.float32)
        total = tl.zeros((BLOCK_Q,), tl.float32)
        acc = tl.zeros((BLOCK_Q, BLOCK_V), tl.float32)
        whole = tl.min(seen, 0) // BLOCK_N
        for i in range(0, whole):
            acc, total, m = attend(
                acc, total, m, q, qd, kv_ptr, k_rope_ptr, seen, i * BLOCK_N, length, softmax_scale, kv_row, k_rope_row,
                False, NOPE, ROPE, VALUES, SCORES, PROBS, BLOCK_N, BLOCK_V,
            )  # fmt: skip
        for i in range(whole, tl.cdiv(tl.max(seen, 0), BLOCK_N)):
            acc, total, m = attend(
                acc, total, m, q, qd, kv_ptr, k_rope_ptr, seen, i * BLOCK_N, length, softmax_scale, kv_row, k_rope_row,
                True, NOPE, ROPE, VALUES, SCORES, PROBS, BLOCK_N, BLOCK_V,
            )  # fmt: skip
        acc = acc / tl.where(total == 0.0, 1.0, total)[:, None]
        to_o = o_ptr + head * o_head + t * o_token + v[None, :]
        tl.store(to_o, acc.to(o_ptr.dtype.element_ty), mask=t_ok[:, None] & (v < VALUES)[None, :])


@triton.jit
def expanded_attention_kernel(
    q_nope_ptr: tl.tensor, q_rope_ptr: tl.tensor, kv_ptr: tl.tensor, k_rope_ptr: tl.tensor, positions_ptr: tl.tensor,
    seq_offsets_ptr: tl.tensor, context_lens_ptr: tl.tensor, o_ptr: tl.tensor, next_ptr: tl.tensor | None,
    softmax_scale: tl.tensor, num_tokens: tl.tensor, num_sequences: tl.tensor, num_blocks: tl.tensor,
    num_tiles: tl.tensor, heads_together: tl.tensor, q_nope_token: tl.tensor, q_nope_head: tl.tensor,
    q_rope_token: tl.tensor, q_rope_head: tl.tensor, kv_row: tl.tensor, kv_head: tl.tensor, k_rope_row: tl.tensor,
    o_token: tl.tensor, o_head: tl.tensor, NOPE: tl.constexpr, ROPE: tl.constexpr, VALUES: tl.constexpr,
    SCORES: tl.constexpr, PROBS: tl.constexpr, BLOCK_Q: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
) -> None:  # fmt: skip
    """One tile, or as many as the program comes to: ``next_ptr`` counts those that were taken.  See ``attend_tile``."""
    if next_ptr is None:
        attend_tile(
            tl.program_id(0), q_nope_ptr, q_rope_ptr, kv_ptr, k_rope_ptr, positions_ptr, seq_offsets_ptr,
            context_lens_ptr, o_ptr, softmax_scale, num_tokens, num_sequences, num_blocks, heads_together, q_nope_token,
            q_nope_head, q_rope_token, q_rope_head, kv_row, kv_head, k_rope_row, o_token, o_head, NOPE, ROPE, VALUES,
            SCORES, PROBS, BLOCK_Q, BLOCK_N, BLOCK_K, BLOCK_D, BLOCK_V,
        )  # fmt: skip
    else:
        tile = tl.atomic_add(next_ptr, 1, sem="relaxed")
        while tile < num_tiles:
            attend_tile(
                tile, q_nope_ptr, q_rope_ptr, kv_ptr, k_rope_ptr, positions_ptr, seq_offsets_ptr, context_lens_ptr,
                o_ptr, softmax_scale, num_tokens, num_sequences, num_blocks, heads_together, q_nope_token, q_nope_head,
                q_rope_token, q_rope_head, kv_row, kv_head, k_rope_row, o_token, o_head, NOPE, ROPE, VALUES, SCORES,
                PROBS, BLOCK_Q, BLOCK_N, BLOCK_K, BLOCK_D, BLOCK_V,
            )  # fmt: skip
            tile = tl.atomic_add(next_ptr, 1, sem="relaxed")
