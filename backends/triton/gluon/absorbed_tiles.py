"""Device functions of attention in the latent space: what each of two warpgroups does with a pair of tiles.

The schedule is told in ``absorbed_attention``: one half of the columns each, one tile's probabilities each.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon.cached_rows import BLOCK, Buffer, Buffers, Tensor, clear_behind
from dsv3c.backends.triton.gluon.shim import fence_async_shared, mbarrier, warpgroup_mma, warpgroup_mma_wait

LOG2E = gl.constexpr(1.4426950408889634)
MMA_S = gl.constexpr(gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, 64, 16]))
"""Of scores [heads, rows of a tile]."""
MMA_O = gl.constexpr(gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, 256, 16]))
"""Of sums [heads, columns]."""
HEADS_S = gl.constexpr(gl.SliceLayout(1, MMA_S))
HEADS_O = gl.constexpr(gl.SliceLayout(1, MMA_O))


@gluon.jit
def rounded(x: Tensor, KIND: gl.constexpr) -> Tensor:
    """f32 numbers rounded to ``KIND`` (an MLIR name of an element type), in f32."""
    if KIND == "bf16":
        return x.to(gl.bfloat16).to(gl.float32)
    elif KIND == "f16":
        return x.to(gl.float16).to(gl.float32)
    else:
        return x


@gluon.jit
def scaled_scores(
    s: Tensor, seen: Tensor, softmax_scale: Tensor, MASKED: gl.constexpr, SCORES: gl.constexpr
) -> Tensor:  # fmt: skip
    """Scores of a tile's rows in powers of two; -inf from row ``seen`` on, where (MASKED) a tile may end."""
    s = rounded(s * softmax_scale, SCORES) * LOG2E
    if MASKED and seen < BLOCK:
        c = gl.arange(0, BLOCK, gl.SliceLayout(0, MMA_S))
        s = gl.where((c < seen)[None, :], s, -float("inf"))
    return s


@gluon.jit
def hand_over(
    s: Tensor, m: Tensor, total: Tensor, p: Buffer, maxima: Buffer, ready: Buffer, PROBS: gl.constexpr,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Store a tile's probabilities ``2**(s - max)`` and maxima, and tell the other warpgroup; the maxima and sums."""
    higher = gl.maximum(m, gl.max(s, 1))
    w = gl.exp2(s - higher[:, None])
    total = total * gl.exp2(m - higher) + gl.sum(w, 1)
    p.store(rounded(w, PROBS).to(p.dtype))
    maxima.store(higher)
    fence_async_shared()
    mbarrier.arrive(ready, count=1)
    return higher, total


@gluon.jit
def rescaled(acc: Tensor, keep: Tensor) -> Tensor:
    """Sums [heads, columns] times what is left of each head's."""
    return acc * gl.convert_layout(keep, HEADS_O)[:, None]


@gluon.jit
def even_tile(
    i: Tensor, both: Tensor, seen: Tensor, slot: Tensor, m: Tensor, total: Tensor, acc: Tensor, softmax_scale: Tensor,
    query: Buffers, keys: Buffers, maxima: Buffer, full: Buffer, empty: Buffer, ready: Buffer, MASKED: gl.constexpr,
    SCORES: gl.constexpr, PROBS: gl.constexpr,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The first tile of pair i by the warpgroup of the left columns, and then the other's, if there is one, with it."""
    ql, qr, qd = query
    kl, kr, kd = keys
    phase = i & 1
    s = gl.zeros((BLOCK, BLOCK), gl.float32, MMA_S)
    if MASKED and seen < BLOCK:
        clear_behind(kl.index(slot), kr.index(slot), seen, full.index(0), full.index(1), phase)
    mbarrier.wait(full.index(0), phase)
    s = warpgroup_mma(ql.index(slot), kl.index(slot).permute((1, 0)), s, use_acc=False, is_async=True)
    mbarrier.wait(full.index(1), phase)
    s = warpgroup_mma(qr.index(slot), kr.index(slot).permute((1, 0)), s, is_async=True)
    s = warpgroup_mma(qd.index(slot), kd.index(slot).permute((1, 0)), s, is_async=True)
    s = warpgroup_mma_wait(0, deps=(s,))
    s = scaled_scores(s, seen, softmax_scale, MASKED, SCORES)
    higher, total = hand_over(s, m, total, kd.index(slot), maxima.index(0), ready.index(0), PROBS)
    acc = rescaled(acc, gl.exp2(m - higher))
    acc = warpgroup_mma(kd.index(slot), kl.index(slot), acc, is_async=True)
    acc = warpgroup_mma_wait(0, deps=(acc,))
    mbarrier.arrive(empty.index(0), count=1)
    if both:
        mbarrier.wait(ready.index(1), phase)
        m = higher
        higher = maxima.index(1).load(HEADS_S)
        keep = gl.exp2(m - higher)
        total = total * keep
        acc = rescaled(acc, keep)
        acc = warpgroup_mma(kd.index(slot + 1), kl.index(slot + 1), acc, is_async=True)
        acc = warpgroup_mma_wait(0, deps=(acc,))
        mbarrier.arrive(empty.index(2), count=1)
    return higher, total, acc


@gluon.jit
def odd_tile(
    i: Tensor, seen: Tensor, slot: Tensor, m: Tensor, total: Tensor, acc: Tensor, softmax_scale: Tensor,
    query: Buffers, keys: Buffers, maxima: Buffer, full: Buffer, empty: Buffer, ready: Buffer, MASKED: gl.constexpr,
    SCORES: gl.constexpr, PROBS: gl.constexpr,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The second tile of pair i by the warpgroup of the right columns, and the other's, during its probabilities."""
    ql, qr, qd = query
    kl, kr, kd = keys
    phase = i & 1
    s = gl.zeros((BLOCK, BLOCK), gl.float32, MMA_S)
    if MASKED and seen < BLOCK:
        clear_behind(kl.index(slot + 1), kr.index(slot + 1), seen, full.index(2), full.index(3), phase)
    mbarrier.wait(full.index(3), phase)
    s = warpgroup_mma(qr.index(slot), kr.index(slot + 1).permute((1, 0)), s, use_acc=False, is_async=True)
    mbarrier.wait(full.index(2), phase)
    s = warpgroup_mma(ql.index(slot), kl.index(slot + 1).permute((1, 0)), s, is_async=True)
    s = warpgroup_mma(qd.index(slot), kd.index(slot + 1).permute((1, 0)), s, is_async=True)
    s = warpgroup_mma_wait(0, deps=(s,))
    m, total, acc = take_over(phase, slot, m, total, acc, keys, maxima, ready)
    s = scaled_scores(s, seen, softmax_scale, MASKED, SCORES)
    higher, total = hand_over(s, m, total, kd.index(slot + 1), maxima.index(1), ready.index(1), PROBS)
    acc = warpgroup_mma_wait(0, deps=(acc,))
    mbarrier.arrive(empty.index(1), count=1)
    acc = rescaled(acc, gl.exp2(m - higher))
    acc = warpgroup_mma(kd.index(slot + 1), kr.index(slot + 1), acc, is_async=True)
    acc = warpgroup_mma_wait(0, deps=(acc,))
    mbarrier.arrive(empty.index(3), count=1)
    return higher, total, acc


@gluon.jit
def take_over(
    phase: Tensor, slot: Tensor, m: Tensor, total: Tensor, acc: Tensor, keys: Buffers, maxima: Buffer,
    ready: Buffer,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Begin to add the right columns of the other warpgroup's tile."""
    mbarrier.wait(ready.index(0), phase)
    higher = maxima.index(0).load(HEADS_S)
    keep = gl.exp2(m - higher)
    acc = warpgroup_mma(keys[2].index(slot), keys[1].index(slot), rescaled(acc, keep), is_async=True)
    return higher, total * keep, acc
