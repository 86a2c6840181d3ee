"""Routing: group-limited top-k of experts, one program for a few tokens, a token's experts in one warp.

Scores are computed in f64 and rounded once, as the meaning does: equal logits choose equal experts on every device.
A choice is the largest of 64-bit keys, the score's order above the index: ties go to the lowest index, and no number,
not even NaN, makes an id that is none.
"""

import triton
import triton.language as tl

from dsv3c.backends.triton.kernels.common import after_predecessor, rounded

LAST = tl.constexpr(0x7FFFFFFF)
NONE = tl.constexpr(-(2**63))
"""The key of no expert: below that of -inf."""
LEAST = tl.constexpr(-1.7976931348623157e308)
TINY = tl.constexpr(2.2250738585072014e-308)
INF = tl.constexpr(float("inf"))


@triton.jit
def key_of(x: tl.tensor, index: tl.tensor) -> tl.tensor:
    """i64 keys that order f32 numbers as ``<`` does, and equal numbers by descending index; NaN is the largest."""
    bits = tl.where(x == 0.0, 0.0, x).to(tl.int32, bitcast=True)
    bits = tl.where(x != x, 0x7FC00000, bits)
    ordered = bits ^ ((bits >> 31) & LAST)
    return (ordered.to(tl.int64) << 32) | (index ^ LAST).to(tl.int64)


@triton.jit
def index_of(key: tl.tensor) -> tl.tensor:
    """The index in a key."""
    return (key & LAST).to(tl.int32) ^ LAST


@triton.jit
def number_of(key: tl.tensor) -> tl.tensor:
    """The number in a key; 0 for -0."""
    ordered = (key >> 32).to(tl.int32)
    return (ordered ^ ((ordered >> 31) & LAST)).to(tl.float32, bitcast=True)


@triton.jit
def largest(keys_RGP: tl.tensor) -> tl.tensor:
    """The largest key of every token: [R, G, P] -> [R, 1, 1]."""
    return tl.max(tl.max(keys_RGP, axis=2, keep_dims=True), axis=1, keep_dims=True)


@triton.jit
def total(x_RGP: tl.tensor) -> tl.tensor:
    """The sum of every token: [R, G, P] -> [R, 1, 1]."""
    return tl.sum(tl.sum(x_RGP, axis=2, keep_dims=True), axis=1, keep_dims=True)


@triton.jit
def scores_of(x_RGP: tl.tensor, SCORING: tl.constexpr) -> tl.tensor:
    """Sigmoid or softmax of f32 logits in f64, -inf where there is no expert; rounded to f32."""
    x64 = x_RGP.to(tl.float64)
    if SCORING == "sigmoid":
        return (1.0 / (1.0 + tl.exp(-x64))).to(tl.float32)
    else:
        tl.static_assert(SCORING == "softmax", "scores are sigmoid or softmax")
        top = tl.max(tl.max(x64, axis=2, keep_dims=True), axis=1, keep_dims=True)
        e = tl.exp(x64 - tl.maximum(top, LEAST))
        return (e / tl.maximum(total(e), TINY)).to(tl.float32)


@triton.jit
def kept_groups(
    keys_RGP: tl.tensor, groups: tl.tensor, GROUPS: tl.constexpr, KEEP: tl.constexpr, TOP2: tl.constexpr,
    CHOICE: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """Whether a group is one of the ``KEEP`` best by its best key, or the sum of its two best: [R, G, 1]."""
    best = tl.max(keys_RGP, axis=2, keep_dims=True)
    score = number_of(best)
    if TOP2:
        second = tl.max(tl.where(keys_RGP == best, NONE, keys_RGP), axis=2, keep_dims=True)
        score = rounded(score + number_of(second), CHOICE)
    left = tl.where(groups < GROUPS, key_of(score, groups), NONE)
    kept = groups < 0
    for _ in tl.static_range(KEEP):
        next = left == tl.max(left, axis=1, keep_dims=True)
        kept = kept | next
        left = tl.where(next, NONE, left)
    return kept


@triton.jit
def gate_kernel(
    logits_ptr: tl.tensor, bias_ptr: tl.tensor, weights_ptr: tl.tensor, ids_ptr: tl.tensor, num_tokens: tl.tensor,
    logits_stride: tl.tensor, weights_stride: tl.tensor, ids_stride: tl.tensor, renormalize: tl.tensor,
    scale: tl.tensor,
    EXPERTS: tl.constexpr, TOP_K: tl.constexpr, GROUPS: tl.constexpr, KEEP: tl.constexpr, SCORING: tl.constexpr,
    TOP2: tl.constexpr, MASK: tl.constexpr, RENORMALIZE: tl.constexpr, SCORES: tl.constexpr, CHOICE: tl.constexpr,
    MASKED_WEIGHTS: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_G: tl.constexpr, BLOCK_P: tl.constexpr,
    BLOCK_K: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:  # fmt: skip
    """logits [T, E], bias [E] -> weights, ids [T, k]: BLOCK_T tokens as a tile of G groups of P experts.

    ``SCORES``, ``CHOICE``: what scores, and scores plus bias, are rounded to; ``MASK``: "-inf" or "zero".
    """
    after_predecessor(PDL)
    t = tl.program_id(0) * BLOCK_T + tl.arange(0, BLOCK_T)
    groups = tl.arange(0, BLOCK_G)[None, :, None]
    members = tl.arange(0, BLOCK_P)[None, None, :]
    experts = groups * (EXPERTS // GROUPS) + members
    real = (groups < GROUPS) & (members < EXPERTS // GROUPS)
    row = logits_ptr + t.to(tl.int64)[:, None, None] * logits_stride
    x = tl.load(row + experts, mask=real & (t < num_tokens)[:, None, None], other=0.0).to(tl.float32)
    scores = rounded(scores_of(tl.where(real, rounded(x, SCORES), -INF), SCORING), SCORES)
    choice = scores
    if bias_ptr is not None:
        bias = tl.load(bias_ptr + experts, mask=real, other=0.0).to(tl.float32)
        choice = rounded(scores + bias, CHOICE)
    keys = tl.where(real, key_of(choice, experts), NONE)
    if GROUPS > 1:
        kept = kept_groups(keys, groups, GROUPS, KEEP, TOP2, CHOICE)
        fill = -INF if MASK == "-inf" else 0.0
        choice = tl.where(kept, choice, fill)
        keys = tl.where(real, key_of(choice, experts), NONE)

    slots = tl.arange(0, BLOCK_K)[None, :]
    ids = tl.zeros((BLOCK_T, BLOCK_K), tl.int32)
    weights = tl.zeros((BLOCK_T, BLOCK_K), tl.float32)
    for j in tl.static_range(TOP_K):
        best = largest(keys)
        chosen = keys == best
        taken = total(tl.where(chosen, choice if MASKED_WEIGHTS else scores, 0.0))
        ids = tl.where(slots == j, tl.reshape(index_of(best), (BLOCK_T, 1)), ids)
        weights = tl.where(slots == j, tl.reshape(taken, (BLOCK_T, 1)), weights)
        keys = tl.where(chosen, NONE, keys)

    KIND: tl.constexpr = CHOICE if MASKED_WEIGHTS else SCORES
    if RENORMALIZE:
        sums = rounded(tl.sum(weights.to(tl.float64), axis=1, keep_dims=True).to(tl.float32), KIND)
        weights = rounded(tl.div_rn(weights, rounded(sums + renormalize, KIND)), KIND)
    weights = rounded(weights * scale, KIND)
    inside = (t < num_tokens)[:, None] & (slots < TOP_K)
    rows = t.to(tl.int64)[:, None]
    tl.store(weights_ptr + rows * weights_stride + slots, weights.to(weights_ptr.dtype.element_ty), mask=inside)
    tl.store(ids_ptr + rows * ids_stride + slots, ids.to(tl.int64), mask=inside)


@triton.jit
def append_choice_kernel(
    weights_ptr: tl.tensor, ids_ptr: tl.tensor, all_weights_ptr: tl.tensor, all_ids_ptr: tl.tensor,
    num_tokens: tl.tensor, weights_stride: tl.tensor, ids_stride: tl.tensor, all_weights_stride: tl.tensor,
    all_ids_stride: tl.tensor,
    TOP_K: tl.constexpr, FIRST: tl.constexpr, COUNT: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_K: tl.constexpr,
    PDL: tl.constexpr = False,
) -> None:  # fmt: skip
    """Experts ``FIRST`` and on with weight 1 behind every token's choices: [T, k] twice -> [T, k + count] twice."""
    after_predecessor(PDL)
    t = (tl.program_id(0) * BLOCK_T + tl.arange(0, BLOCK_T))[:, None]
    j = tl.arange(0, BLOCK_K)[None, :]
    rows = t.to(tl.int64)
    given = (t < num_tokens) & (j < TOP_K)
    wanted = (t < num_tokens) & (j < TOP_K + COUNT)
    weights = tl.load(weights_ptr + rows * weights_stride + j, mask=given, other=1.0)
    ids = tl.load(ids_ptr + rows * ids_stride + j, mask=given, other=0)
    ids = tl.where(j < TOP_K, ids, (FIRST + j - TOP_K).to(tl.int64))
    tl.store(all_weights_ptr + rows * all_weights_stride + j, weights, mask=wanted)
    tl.store(all_ids_ptr + rows * all_ids_stride + j, ids, mask=wanted)
