"""Meanings of the ``nn`` dialect.

Shape suffixes: x any leading dims, B batch, S sequence, T tokens, N sequences, D hidden, H heads, G key heads,
P pairs of a rotary head (half its size), V vocabulary.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from dsv3c.backends.reference.meanings.arithmetic import follows_torch, product, softmax, weight_columns, wide
from dsv3c.backends.reference.meanings.placing import forget_padding


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, dtype: torch.dtype | None = None) -> Tensor:
    """``y[*, n] = sum_k x[*, k] * weight[n, k] (+ bias[n])``, rounded once to ``dtype`` (default: x's).

    x [*, K], weight [N, K], bias [N] -> [*, N].
    """
    dtype = x.dtype if dtype is None else dtype
    if follows_torch():
        return F.linear(x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype))
    y = product(x, weight)
    return (y if bias is None else y + wide(bias)).to(dtype)


def head_linear(x: Tensor, weight: Tensor) -> Tensor:
    """``y[t, h, n] = sum_k x[t, h, k] * weight[h, n, k]``, rounded once: x [T, H, K], weight [H, N, K] -> [T, H, N]."""
    if follows_torch():
        return torch.einsum("...hk,hnk->...hn", x, weight)
    y_HTN = torch.matmul(wide(x).transpose(-3, -2), weight_columns(weight))
    return y_HTN.transpose(-3, -2).to(x.dtype)


def embedding(ids: Tensor, table: Tensor) -> Tensor:
    """``table[ids]``: ids [*], table [V, D] -> [*, D]."""
    return F.embedding(ids, table)


def rms_norm(x: Tensor, weight: Tensor, *, eps: float, weight_in: str) -> Tensor:
    """``x * rsqrt(mean(x*x) + eps) * weight`` over the last dim: x [*, D], weight [D] -> [*, D].

    weight_in "input": the normalised row is rounded to x's type, then multiplied in that type; "f32": rounded once.
    """
    if follows_torch():
        if weight_in == "f32":
            return F.rms_norm(x, (x.shape[-1],), weight, eps)
        x32 = x.to(torch.float32)
        return weight * (x32 * torch.rsqrt(x32.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype)
    x64 = wide(x)
    normed = x64 * torch.rsqrt((x64 * x64).mean(-1, keepdim=True) + eps)
    if weight_in == "f32":
        return (normed * weight).to(x.dtype)
    return weight.to(x.dtype) * normed.to(x.dtype)


@lru_cache(maxsize=64)
def frequencies(inv_freq: tuple[float, ...]) -> Tensor:
    """A RoPE table's frequencies as an f32 tensor."""
    return torch.tensor(inv_freq, dtype=torch.float32)


def rope_table(
    positions: Tensor, *, inv_freq: tuple[float, ...], scaling: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """``cos|sin(f32(position) * inv_freq) * scaling``: positions [*] -> two [*, P]; f32, then rounded to ``dtype``."""
    angle = positions[..., None].to(torch.float32) * frequencies(inv_freq)
    if follows_torch():
        return (angle.cos() * scaling).to(dtype), (angle.sin() * scaling).to(dtype)
    angle64 = wide(angle)
    cos, sin = angle64.cos().to(torch.float32), angle64.sin().to(torch.float32)
    return (cos * scaling).to(dtype), (sin * scaling).to(dtype)


def rope(x: Tensor, cos: Tensor, sin: Tensor, *, pairs: str, out: str, compute: str) -> Tensor:
    """Rotate pair (a, b) to ``(a*cos - b*sin, b*cos + a*sin)``: x [*, H, 2P] or [*, 2P]; cos, sin [*, P].

    pairs: pair i is elements (2i, 2i+1) ("interleaved") or (i, i+P) ("half"); out: where it is put.  compute "input":
    every product and sum is rounded to x's type, as tensors of that type are multiplied; "f32": rounded once.
    """
    if x.dim() > cos.dim():
        cos, sin = cos.unsqueeze(-2), sin.unsqueeze(-2)
    half = x.shape[-1] // 2
    a, b = (x[..., 0::2], x[..., 1::2]) if pairs == "interleaved" else (x[..., :half], x[..., half:])
    if compute == "f32":
        work = torch.float32 if follows_torch() else torch.float64
        a, b = a.to(work), b.to(work)
    elif cos.dtype != x.dtype:
        cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    rotated = (a * cos - b * sin, b * cos + a * sin)
    y = torch.stack(rotated, dim=-1).flatten(-2) if out == "interleaved" else torch.cat(rotated, dim=-1)
    return y.to(x.dtype)


def swiglu(gate: Tensor, up: Tensor, expert_of: Tensor | None = None, *, intermediate: str) -> Tensor:
    """``silu(gate) * up``, both [*, I]; intermediate "input": silu(gate) is rounded to the type before the product.

    With expert_of [M]: rows with expert -1 are unspecified.
    """
    if expert_of is not None:
        return forget_padding(swiglu(gate, up, intermediate=intermediate), expert_of)
    if follows_torch():
        if intermediate == "input":
            return F.silu(gate) * up
        return (F.silu(gate.to(torch.float32)) * up.to(torch.float32)).to(gate.dtype)
    gate64 = wide(gate)
    silu = gate64 / (1 + torch.exp(-gate64))
    return silu.to(gate.dtype) * up if intermediate == "input" else (silu * wide(up)).to(gate.dtype)


ROWS_AT_ONCE = 1 << 22
"""Scores of this many (head, query, key) triples are held at a time."""


def causal_rows(
    q_HQK: Tensor, k_HKC: Tensor, v_HCV: Tensor, last_Q: Tensor, *, scale: float, scores: torch.dtype,
    probs: torch.dtype, dtype: torch.dtype,
) -> Tensor:  # fmt: skip
    """Attention of query rows over context columns 0..last[q], all f64: [H, Q, K], [H, K, C], [H, C, V] -> [Q, H, V].

    Scores are rounded to ``scores`` after scaling, probabilities to ``probs``, the result to ``dtype``.
    """
    column_C = torch.arange(k_HKC.shape[-1])
    step = max(1, ROWS_AT_ONCE // max(1, q_HQK.shape[0] * k_HKC.shape[-1]))
    outputs = list[Tensor]()
    for start in range(0, q_HQK.shape[1], step):
        s_HQC = (torch.matmul(q_HQK[:, start : start + step], k_HKC) * scale).to(scores)
        s_HQC = s_HQC.masked_fill(column_C > last_Q[start : start + step, None], float("-inf"))
        p_HQC = softmax(s_HQC).to(torch.float32).to(probs)
        outputs.append(torch.matmul(wide(p_HQC), v_HCV).transpose(0, 1).to(dtype))
    return torch.cat(outputs) if outputs else q_HQK.new_empty((0, q_HQK.shape[0], v_HCV.shape[-1]), dtype=dtype)


def attention(
    q_BSHK: Tensor, k_BSGK: Tensor, v_BSGV: Tensor, *, scale: float, scores: torch.dtype, probs: torch.dtype
) -> Tensor:
    """Causal attention ``softmax(scale * q k^T) v`` over whole sequences -> [B, S, H, V]; head h reads key h*G//H."""
    repeats = q_BSHK.shape[2] // k_BSGK.shape[2]
    k_BSHK, v_BSHV = (x if repeats == 1 else x.repeat_interleave(repeats, dim=2) for x in (k_BSGK, v_BSGV))
    if follows_torch():
        return torch_attention(q_BSHK, k_BSHK, v_BSHV, scale=scale, scores=scores, probs=probs)
    last_S = torch.arange(q_BSHK.shape[1])
    rows = [
        causal_rows(
            wide(q.transpose(0, 1)), wide(k.permute(1, 2, 0)).contiguous(), wide(v.transpose(0, 1)).contiguous(),
            last_S, scale=scale, scores=scores, probs=probs, dtype=q_BSHK.dtype,
        )
        for q, k, v in zip(q_BSHK, k_BSHK, v_BSHV, strict=True)
    ]  # fmt: skip
    return torch.stack(rows) if rows else q_BSHK.new_empty((*q_BSHK.shape[:3], v_BSGV.shape[-1]))


def torch_attention(
    q_BSHK: Tensor, k_BSHK: Tensor, v_BSHV: Tensor, *, scale: float, scores: torch.dtype, probs: torch.dtype
) -> Tensor:
    """PyTorch's calls: fused attention where scores and probabilities stay in f32, else the matrix products.

    Explicit products round them to the model's type (the same bits for f32 models only up to summation order).
    """
    q, k, v = (x.transpose(1, 2) for x in (q_BSHK, k_BSHK, v_BSHV))
    if scores == torch.float32:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale).transpose(1, 2)
    length = q.shape[2]
    mask = torch.full((length, length), float("-inf"), dtype=scores).triu(1)
    s = (torch.einsum("bhsd,bhtd->bhst", q, k) * scale).to(scores) + mask
    p = s.softmax(dim=-1, dtype=torch.float32).to(probs)
    return torch.einsum("bhst,bhtd->bhsd", p.to(v.dtype), v).transpose(1, 2)


def last_tokens(h: Tensor, seq_offsets: Tensor) -> Tensor:
    """``h[seq_offsets[n + 1] - 1]``: the last row of every sequence, [T, D] and [N + 1] -> [N, D]."""
    return h[seq_offsets[1:].to(torch.int64) - 1]


def step_part(
    seq_offsets: Tensor, block_table: Tensor, context_lens: Tensor, *, first: int, count: int, keep: str,
    sequences: int | None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Tables of tokens first..first+count-1 of a step: [N + 1], [N, P], [N] -> [M + 1], [M, P], [M], all i32.

    keep "all": M = N, a sequence without a token in the part has no context in it; "present": only those with one.
    Raises ValueError where ``sequences`` were promised (not None) and there are others.
    """
    offsets = (seq_offsets - first).clamp(0, count)
    lengths = offsets.diff()
    later = (seq_offsets[1:] - first - count).clamp(min=0)
    lens = torch.where(lengths > 0, context_lens - later, torch.zeros_like(context_lens))
    if keep == "present":
        kept = lengths > 0
        offsets = torch.cat((offsets[:1], lengths[kept].cumsum(0, dtype=offsets.dtype)))
        block_table, lens = block_table[kept], lens[kept]
    if sequences is not None and lens.shape[0] != sequences:
        raise ValueError(f"the part has tokens of {lens.shape[0]} sequences, not of {sequences} as the step promises")
    return offsets, block_table, lens
