"""Products, norms, rotary embedding and attention.

Shape suffixes: x any leading dims, B batch, S sequence, T tokens, D hidden, H heads, G key heads, P pairs of a rotary
head, K and N of a product; Q queries, C context, V values.
"""

import torch
from torch import Tensor


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, dtype: torch.dtype | None = None) -> Tensor:
    """``y[*, n] = sum_k x[*, k] * weight[n, k] (+ bias[n])`` in f32, rounded once: [*, K], [N, K], [N] -> [*, N]."""
    y = torch.matmul(x.to(torch.float32), weight.to(torch.float32).t())
    return (y if bias is None else y + bias.to(torch.float32)).to(x.dtype if dtype is None else dtype)


def head_linear(x: Tensor, weight: Tensor) -> Tensor:
    """``y[t, h, n] = sum_k x[t, h, k] * weight[h, n, k]`` in f32, rounded once: [T, H, K], [H, N, K] -> [T, H, N]."""
    y_HTN = torch.matmul(x.to(torch.float32).transpose(-3, -2), weight.to(torch.float32).transpose(-2, -1))
    return y_HTN.transpose(-3, -2).to(x.dtype)


def rms_norm(x: Tensor, weight: Tensor, *, eps: float, weight_in: str) -> Tensor:
    """``x * rsqrt(mean(x*x) + eps) * weight`` over the last dim: x [*, D], weight [D] -> [*, D].

    weight_in "input": the normalised row is rounded to x's type, then multiplied in that type; "f32": rounded once.
    """
    x32 = x.to(torch.float32)
    normed = x32 * torch.rsqrt((x32 * x32).mean(-1, keepdim=True) + eps)
    if weight_in == "f32":
        return (normed * weight.to(torch.float32)).to(x.dtype)
    return weight.to(x.dtype) * normed.to(x.dtype)


def rope_table(
    positions: Tensor, *, inv_freq: tuple[float, ...], scaling: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """``cos|sin(f32(position) * inv_freq) * scaling``: positions [*] -> two [*, P]; f32, then rounded to ``dtype``."""
    angle = positions.unsqueeze(-1).to(torch.float32) * torch.tensor(inv_freq, dtype=torch.float32)
    return (angle.cos() * scaling).to(dtype), (angle.sin() * scaling).to(dtype)


def swiglu(gate: Tensor, up: Tensor, expert_of: Tensor | None = None, *, intermediate: str) -> Tensor:
    """``silu(gate) * up`` of all rows [*, I]; intermediate "input": silu(gate) is rounded to the type before that."""
    gate32 = gate.to(torch.float32)
    silu = gate32 * torch.sigmoid(gate32)
    if intermediate == "input":
        return silu.to(gate.dtype) * up
    return (silu * up.to(torch.float32)).to(gate.dtype)


def attention(q: Tensor, k: Tensor, v: Tensor, *, scale: float, scores: torch.dtype, probs: torch.dtype) -> Tensor:
    """Causal attention: q [B, S, H, K], k [B, S, G, K], v [B, S, G, V] -> [B, S, H, V].

    Scores are rounded to ``scores`` after scaling, probabilities to ``probs``, the result to q's type.
    """
    groups = q.shape[2] // k.shape[2]
    k_BGKC, v_BGCV = k.to(torch.float32).permute(0, 2, 3, 1), v.to(torch.float32).transpose(1, 2)
    if groups > 1:
        k_BGKC, v_BGCV = (x.repeat_interleave(groups, dim=1) for x in (k_BGKC, v_BGCV))
    step = torch.arange(q.shape[1])
    s_BHQC = (torch.matmul(q.to(torch.float32).transpose(1, 2), k_BGKC) * scale).to(scores).to(torch.float32)
    s_BHQC = s_BHQC.masked_fill(step > step.unsqueeze(1), float("-inf"))
    p_BHQC = softmax(s_BHQC).to(probs).to(torch.float32)
    return torch.matmul(p_BHQC, v_BGCV).transpose(1, 2).to(q.dtype)


def softmax(x: Tensor) -> Tensor:
    """Over the last dim, in f32."""
    e = torch.exp(x - x.amax(dim=-1, keepdim=True))
    return e / e.sum(dim=-1, keepdim=True)


def mla_attention(
    q_nope: Tensor, q_rope: Tensor, kv: Tensor, k_rope: Tensor, *, scale: float, scores: torch.dtype, probs: torch.dtype
) -> Tensor:
    """Dense causal MLA: [B,S,H,K], [B,S,H,R], kv [B,S,H,K+V] (K's rows, then V's), k_rope [B,S,R] -> [B,S,H,V]."""
    nope = q_nope.shape[-1]
    q = torch.cat((q_nope, q_rope), dim=-1)
    k = torch.cat((kv[..., :nope], k_rope.unsqueeze(2).expand(q_rope.shape)), dim=-1)
    return attention(q, k, kv[..., nope:], scale=scale, scores=scores, probs=probs)
