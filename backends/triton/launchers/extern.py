"""Calls of vendors' libraries: values brought into the form that a library's function takes.

The functions run on PyTorch's current stream, as the kernels of a program do, and choose their tiles themselves; what
they allocate comes from PyTorch.  ``gpu`` launches nothing here.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.runtime.externs import find
from dsv3c.backends.triton.runtime.gpu import Gpu, cdiv

SCALE_ROWS = 4
"""Rows of f32 scales that share 16 bytes: DeepGEMM's columns of scales are padded to as many."""


def cublaslt_scaled_mm(
    gpu: Gpu,
    *,
    x: Scaled,
    w: Scaled,
    bias: Tensor | None = None,
    y: Tensor,
    scales: Tensor | None = None,
    recipe: tuple[str, str],
    fast_accum: bool,
) -> None:
    """``y[*, n] = sum_k x[*, k] * w[n, k] (+ bias[n])`` of values with scales, by ``torch``'s ``scaled_mm``.

    x: scaled [*, K], w: scaled [N, K], bias: [N], y: [*, N].  ``recipe``: PyTorch's names of how x and w are scaled;
    ``scales``: memory for x's where they change along K, [K / 128, M]; ``fast_accum``: sums are never promoted.
    """
    rows, out = as_rows(x.data), as_rows(y)
    if rows.shape[0] == 0:
        return
    # the function behind torch.nn.functional.scaled_mm, which has no argument for the memory of its result
    kinds = find("torch.nn.functional", "ScalingType")
    of_x, of_w = (int(getattr(kinds, name).value) for name in recipe)
    if recipe[0] == "TensorWise":
        x_scale, w_scale = x.scale.reshape(1), w.scale.reshape(1)
    else:
        x_scale, w_scale = flat_scales(x), w.scale.t()
    if scales is not None:
        x_scale = mn_major(x_scale, scales, rows.shape[0])
    scaled_mm = cast(Any, torch.ops.aten._scaled_mm_v2).out
    scaled_mm(
        rows, w.data.t(), [x_scale], [of_x], [0], [w_scale], [of_w], [0], bias, y.dtype, [], fast_accum, out=out
    )  # fmt: skip


def cublaslt_linear(gpu: Gpu, *, x: Tensor, weight: Tensor, bias: Tensor | None = None, y: Tensor) -> None:
    """``y[*, n] = sum_k x[*, k] * weight[n, k] (+ bias[n])``: x [*, K], weight [N, K], y [*, N].

    PyTorch calls cuBLAS where its settings say so, and where nothing is added: see ``preferred_blas_library``.
    """
    rows, out = as_rows(x), as_rows(y)
    if rows.shape[0] == 0:
        return
    with sums_in_f32():
        if bias is None:
            torch.mm(rows, weight.t(), out=out)
        else:
            torch.addmm(bias, rows, weight.t(), out=out)


def deep_gemm_fp8_gemm_nt(gpu: Gpu, *, x: Scaled, w: Scaled, y: Tensor, scales: Tensor) -> None:
    """``scaled_mm`` by DeepGEMM: x scaled [*, K] 1x128, w scaled [N, K] 128x128, y [*, N] bf16 or f32.

    ``scales``: memory for those of x, [K / 128, M + 3].
    """
    rows = as_rows(x.data)
    if rows.shape[0] == 0:
        return
    x_scale = mn_major(flat_scales(x), scales, padded(rows.shape[0]))
    find("deep_gemm", "fp8_gemm_nt")((rows, x_scale), (w.data, w.scale), as_rows(y))


def deep_gemm_m_grouped_fp8_gemm_nt_contiguous(
    gpu: Gpu, *, x: Scaled, w: Scaled, expert_of: Tensor, y: Tensor, scales: Tensor, skips_padding: bool = False
) -> None:
    """``scaled_grouped_mm`` of contiguous rows by DeepGEMM: x scaled [M, K], w scaled [E, N, K], expert_of [M].

    y: [M, N].  Experts start at multiples of 128 rows; rows of expert -1, which the library leaves as they are, are
    zeroed before, unless they may hold anything (``skips_padding``).
    """
    if x.shape[0] == 0:
        return
    x_scale = mn_major(x.scale, scales, padded(x.shape[0]))
    if not skips_padding:
        y.zero_()
    multiply = find("deep_gemm", "m_grouped_fp8_gemm_nt_contiguous")
    multiply((x.data, x_scale), (w.data, w.scale), y, expert_of)


def deep_gemm_m_grouped_fp8_gemm_nt_masked(
    gpu: Gpu, *, x: Scaled, w: Scaled, expert_of: Tensor, y: Tensor, scales: Tensor, counts: Tensor, expected: int,
    skips_padding: bool = False,
) -> None:  # fmt: skip
    """``scaled_grouped_mm`` of masked rows by DeepGEMM: x scaled [E * room, K], w scaled [E, N, K], y [E * room, N].

    An expert's rows come first in its room.  ``counts`` [E] gets their number; ``expected``: what the library is told
    of it beforehand.  Rows behind them are zeroed before, unless they may hold anything (``skips_padding``).
    """
    experts, columns, inner = w.shape
    room = x.shape[0] // experts
    if room == 0:
        return
    height = padded(room)
    blocks = x.scale.shape[1]
    kept = scales.view(-1)[: experts * blocks * height].view(experts, blocks, height)[..., :room].transpose(1, 2)
    kept.copy_(x.scale.unflatten(0, (experts, room)))
    torch.sum(expert_of.view(experts, room) >= 0, 1, dtype=counts.dtype, out=counts)
    if not skips_padding:
        y.zero_()
    multiply = find("deep_gemm", "m_grouped_fp8_gemm_nt_masked")
    data, out = x.data.view(experts, room, inner), y.view(experts, room, columns)
    multiply((data, kept), (w.data, w.scale), out, counts, min(room, expected))


def flash_mla_with_kvcache(
    gpu: Gpu, *, q_latent: Tensor, q_rope: Tensor, cache: LatentCache, positions: Tensor, seq_offsets: Tensor,
    block_table: Tensor, context_lens: Tensor, o: Tensor, query: Tensor, scale: float, queries: int,
) -> None:  # fmt: skip
    """``absorbed_attention`` by FlashMLA: q_latent [N * queries, H, 512], q_rope [N * queries, H, 64], o as q_latent.

    ``query``: memory for both in one, [N * queries, H, 576].  Tokens are the last of their sequences, in order, as
    ``context_lens`` has them: ``positions`` and ``seq_offsets`` say the same, and the library takes neither.  Raises
    ValueError for sequences of other lengths, and for a cache whose rows are not in one piece.
    """
    tokens, heads, rank = q_latent.shape
    sequences = context_lens.shape[0]
    if tokens == 0:
        return
    if tokens != sequences * queries:
        raise ValueError(f"{tokens} tokens of {sequences} sequences: each must bring {queries}")
    query[..., :rank].copy_(q_latent)
    query[..., rank:].copy_(q_rope)
    metadata, splits = find("flash_mla", "get_mla_metadata")(context_lens, queries * heads, 1)
    attend = find("flash_mla", "flash_mla_with_kvcache")
    made, _ = attend(
        query.view(sequences, queries, heads, query.shape[-1]), rows_of(cache), block_table, context_lens, rank,
        metadata, splits, softmax_scale=scale, causal=True,
    )  # fmt: skip
    o.copy_(made.reshape(o.shape))


def rows_of(cache: LatentCache) -> Tensor:
    """A cache's rows as one tensor [pages, page size, 1, latent + rope].  Raises ValueError where they are none."""
    latent, rope = cache.latent, cache.rope
    behind = latent.data_ptr() + latent.shape[2] * latent.itemsize == rope.data_ptr()
    if cache.scale is not None or not behind or latent.stride() != rope.stride():
        raise ValueError("the key of a row does not lie behind its latent")
    width = latent.shape[2] + rope.shape[2]
    return latent.as_strided((*latent.shape[:2], 1, width), (*latent.stride()[:2], width, 1))


def flat_scales(q: Scaled) -> Tensor:
    """Scales of a value [*, K] as those of rows [M, K / granule]."""
    return q.scale if q.scale.dim() == 2 else as_rows(q.scale)


def padded(rows: int) -> int:
    """The height of a column of scales."""
    return cdiv(rows, SCALE_ROWS) * SCALE_ROWS


def mn_major(scale: Tensor, memory: Tensor, height: int) -> Tensor:
    """Scales [M, B] in columns of ``height``: as they are, or copied to ``memory``."""
    rows, blocks = scale.shape
    if scale.stride() == (1, height):
        return scale
    kept = memory.view(-1)[: blocks * height].view(blocks, height)[:, :rows].t()
    return kept.copy_(scale)


@contextmanager
def sums_in_f32() -> Generator[None, None, None]:
    """No partial sum of a product of 16-bit numbers is rounded to their type, whatever the program around has set."""
    settings = torch.backends.cuda.matmul
    names = ("allow_bf16_reduced_precision_reduction", "allow_fp16_reduced_precision_reduction")
    before = [getattr(settings, name) for name in names]
    for name in names:
        setattr(settings, name, False)
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(settings, name, value)
