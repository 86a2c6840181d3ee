"""Where implementations of DeepSeek-V3 differ in arithmetic: each a small function, chosen when a model is built.

``deepseek``: DeepSeek's ``inference/model.py`` (deepseek-ai/DeepSeek-V3). ``hf``: transformers 5, whose V2 model
rotates in f32 and masks groups with zero, unlike its V3 model. Shape suffixes as in ``models/deepseek_v3.py``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from dsv3c.models.configs import Architecture, ModelConfig, RopeConfig, YarnConfig

SemanticsName = Literal["deepseek", "hf"]
Norm = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True, kw_only=True)
class Semantics:
    """One implementation's choices."""

    norm: Norm
    inverse_frequencies: Callable[[RopeConfig, int], Tensor]
    attention_factor: Callable[[RopeConfig], float]
    rope_tables: Callable[[Tensor, float, torch.dtype], tuple[Tensor, Tensor]]
    rotate: Callable[[Tensor, Tensor, Tensor], Tensor]
    softmax_scale: Callable[[ModelConfig], float]
    attend: Callable[[Tensor, Tensor, Tensor, float], Tensor]
    route: Callable[[Tensor, Tensor, Tensor | None, ModelConfig], tuple[Tensor, Tensor]]
    combine: Callable[[Tensor, Tensor, Tensor], Tensor]


# --- RMSNorm


def norm_round_before_weight(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """hf: the normalised value is rounded to x's dtype, then multiplied by the weight (a second rounding)."""
    x32 = x.to(torch.float32)
    variance = x32.pow(2).mean(-1, keepdim=True)
    return weight * (x32 * torch.rsqrt(variance + eps)).to(x.dtype)


def norm_round_once(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """deepseek: weight included in f32, one rounding at the end."""
    return F.rms_norm(x, (x.shape[-1],), weight, eps)


# --- Rotary embedding (arXiv 2104.09864) with YaRN (arXiv 2309.00071)


def yarn_mscale(factor: float, mscale: float) -> float:
    """``0.1 * mscale * ln(factor) + 1``, or 1 where the context is not extended."""
    return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1.0


def _yarn_keep(yarn: YarnConfig, theta: float, dim: int) -> Tensor:
    """Share ``[R/2]`` of each frequency that is kept: 1 for the fast ones, 0 for the slow, linear between."""

    def turning_dim(rotations: float) -> float:
        turns = yarn.original_max_position_embeddings / (rotations * 2 * math.pi)
        return dim * math.log(turns) / (2 * math.log(theta))

    low = max(math.floor(turning_dim(yarn.beta_fast)), 0)
    high = min(math.ceil(turning_dim(yarn.beta_slow)), dim - 1)
    span = high - low if high != low else 0.001
    return 1 - torch.clamp((torch.arange(dim // 2, dtype=torch.float32) - low) / span, 0, 1)


def _wavelengths(rope: RopeConfig, dim: int) -> Tensor:
    return rope.theta ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim)


def frequencies_hf(rope: RopeConfig, dim: int) -> Tensor:
    """hf: a slow frequency is ``1 / (factor * wavelength)``. Radians per position, ``[R/2]``, f32."""
    wavelengths = _wavelengths(rope, dim)
    if rope.yarn is None:
        return 1.0 / wavelengths
    keep = _yarn_keep(rope.yarn, rope.theta, dim)
    return 1.0 / (rope.yarn.factor * wavelengths) * (1 - keep) + 1.0 / wavelengths * keep


def frequencies_deepseek(rope: RopeConfig, dim: int) -> Tensor:
    """deepseek: a slow frequency is ``(1 / wavelength) / factor``, rounded differently. ``[R/2]``, f32."""
    freqs = 1.0 / _wavelengths(rope, dim)
    if rope.yarn is None:
        return freqs
    keep = _yarn_keep(rope.yarn, rope.theta, dim)
    return freqs / rope.yarn.factor * (1 - keep) + freqs * keep


def attention_factor_hf(rope: RopeConfig) -> float:
    """hf: cosine and sine are scaled by the ratio of the two magnitudes; 1 in every published configuration."""
    if rope.yarn is None:
        return 1.0
    factor = rope.yarn.factor
    if not (rope.yarn.mscale and rope.yarn.mscale_all_dim):
        return yarn_mscale(factor, 1.0)
    return yarn_mscale(factor, rope.yarn.mscale) / yarn_mscale(factor, rope.yarn.mscale_all_dim)


def attention_factor_deepseek(rope: RopeConfig) -> float:
    """deepseek: cosine and sine are never scaled."""
    return 1.0


def tables_in_model_dtype(freqs: Tensor, attention_factor: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """hf V3: cosine and sine are rounded to the model's dtype before use."""
    return (freqs.cos() * attention_factor).to(dtype), (freqs.sin() * attention_factor).to(dtype)


def tables_in_f32(freqs: Tensor, attention_factor: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """deepseek: cosine and sine stay in f32."""
    return freqs.cos() * attention_factor, freqs.sin() * attention_factor


def tables_by_polar(freqs: Tensor, attention_factor: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """hf V2: f32 through complex numbers; ``torch.polar`` and ``torch.cos`` differ in the last bit of some angles."""
    unit = torch.view_as_real(torch.polar(torch.ones_like(freqs), freqs) * attention_factor)
    return unit[..., 0], unit[..., 1]


def rotate_deinterleaved(x_BHSR: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """hf V3: pairs (2i, 2i+1) are rotated in the model's dtype; first and second members go to separate halves."""
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    even, odd = x_BHSR[..., 0::2], x_BHSR[..., 1::2]
    return torch.cat([even * cos - odd * sin, odd * cos + even * sin], dim=-1)


def rotate_interleaved(x_BHSR: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """deepseek, hf V2: pairs (2i, 2i+1) are rotated in place, in f32, as a complex product would."""
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    even, odd = x_BHSR[..., 0::2].float(), x_BHSR[..., 1::2].float()
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(3).to(x_BHSR.dtype)


# --- Attention


def softmax_scale_hf(config: ModelConfig) -> float:
    """hf: ``P ** -0.5``, times the squared magnitude of ``mscale_all_dim``."""
    yarn = config.rope.yarn
    magnitude = yarn_mscale(yarn.factor, yarn.mscale_all_dim) if yarn is not None and yarn.mscale_all_dim else 1.0
    return config.qk_head_dim**-0.5 * magnitude * magnitude


def softmax_scale_deepseek(config: ModelConfig) -> float:
    """deepseek: the magnitude is that of ``mscale``."""
    yarn = config.rope.yarn
    magnitude = yarn_mscale(yarn.factor, yarn.mscale) if yarn is not None else 1.0
    return config.qk_head_dim**-0.5 * magnitude**2


def attend_sdpa(q_BHSP: Tensor, k_BHSP: Tensor, v_BHSV: Tensor, scale: float) -> Tensor:
    """hf: PyTorch's fused attention; the scores' rounding is the kernel's."""
    return F.scaled_dot_product_attention(q_BHSP, k_BHSP, v_BHSV, is_causal=True, scale=scale)


def attend_einsum(q_BHSP: Tensor, k_BHSP: Tensor, v_BHSV: Tensor, scale: float) -> Tensor:
    """deepseek: scores rounded to the model's dtype, softmax in f32, probabilities rounded to the model's dtype."""
    length = q_BHSP.shape[2]
    scores_BHST = torch.einsum("bhsd,bhtd->bhst", q_BHSP, k_BHSP) * scale
    mask_ST = torch.full((length, length), float("-inf"), dtype=q_BHSP.dtype, device=q_BHSP.device).triu(1)
    scores_BHST = (scores_BHST + mask_ST).softmax(dim=-1, dtype=torch.float32).to(q_BHSP.dtype)
    return torch.einsum("bhst,bhtd->bhsd", scores_BHST, v_BHSV)


# --- Router


def _keep_best_groups(scores_TE: Tensor, config: ModelConfig, *, best: int, fill: float) -> Tensor:
    """Scores outside the ``topk_group`` best groups become ``fill``; a group counts its ``best`` largest scores."""
    scores_TGE = scores_TE.view(-1, config.n_group, config.n_routed_experts // config.n_group)
    scores_TG = scores_TGE.amax(dim=-1) if best == 1 else scores_TGE.topk(best, dim=-1)[0].sum(dim=-1)
    kept_TG = torch.topk(scores_TG, k=config.topk_group, dim=-1, sorted=False)[1]
    keep_TG = torch.zeros_like(scores_TG).scatter(1, kept_TG, 1).bool()
    return scores_TGE.masked_fill(~keep_TG.unsqueeze(-1), fill).flatten(1)


def route_hf_v3(x_TD: Tensor, weight_ED: Tensor, bias_E: Tensor | None, config: ModelConfig) -> tuple[Tensor, Tensor]:
    """hf V3: everything in f32, weights too; ``1e-20`` in the renormalisation."""
    assert bias_E is not None
    scores_TE = F.linear(x_TD.to(torch.float32), weight_ED.to(torch.float32)).sigmoid()
    choice_TE = scores_TE + bias_E
    if config.n_group > 1:
        choice_TE = _keep_best_groups(choice_TE, config, best=2, fill=float("-inf"))
    ids_TK = torch.topk(choice_TE, k=config.num_experts_per_tok, dim=-1, sorted=False)[1]
    weights_TK = scores_TE.gather(1, ids_TK)
    if config.norm_topk_prob:
        weights_TK = weights_TK / (weights_TK.sum(dim=-1, keepdim=True) + 1e-20)
    return weights_TK * config.routed_scaling_factor, ids_TK


def route_hf_v2(x_TD: Tensor, weight_ED: Tensor, bias_E: Tensor | None, config: ModelConfig) -> tuple[Tensor, Tensor]:
    """hf V2: softmax in f32, masked groups score 0, no renormalisation."""
    assert bias_E is None
    scores_TE = F.linear(x_TD.to(torch.float32), weight_ED.to(torch.float32)).softmax(dim=-1, dtype=torch.float32)
    if config.topk_method == "group_limited_greedy":
        scores_TE = _keep_best_groups(scores_TE, config, best=1, fill=0.0)
    weights_TK, ids_TK = torch.topk(scores_TE, k=config.num_experts_per_tok, dim=-1, sorted=False)
    return weights_TK * config.routed_scaling_factor, ids_TK


def route_deepseek(
    x_TD: Tensor, weight_ED: Tensor, bias_E: Tensor | None, config: ModelConfig
) -> tuple[Tensor, Tensor]:
    """deepseek: logits and sigmoid in the model's dtype, softmax and bias in f32; weights back in the model's dtype."""
    logits_TE = F.linear(x_TD, weight_ED)
    softmax = config.scoring_func == "softmax"
    scores_TE = logits_TE.softmax(dim=-1, dtype=torch.float32) if softmax else logits_TE.sigmoid()
    choice_TE = scores_TE if bias_E is None else scores_TE + bias_E
    if config.n_group > 1:
        choice_TE = _keep_best_groups(choice_TE, config, best=1 if bias_E is None else 2, fill=float("-inf"))
    ids_TK = torch.topk(choice_TE, k=config.num_experts_per_tok, dim=-1)[1]
    weights_TK = scores_TE.gather(1, ids_TK)
    if config.norm_topk_prob:
        weights_TK = weights_TK / weights_TK.sum(dim=-1, keepdim=True)
    return (weights_TK * config.routed_scaling_factor).to(x_TD.dtype), ids_TK


# --- Combining the experts' rows: y_MD is sorted by expert, order_M says which of the T*K (token, slot) pairs a row is


def combine_by_slot(y_MD: Tensor, weights_TK: Tensor, order_M: Tensor) -> Tensor:
    """hf: rows times f32 weights, back in (token, slot) order, summed over the slots in f32, rounded once."""
    weighted_MD = y_MD * weights_TK.reshape(-1)[order_M].unsqueeze(-1)
    unsorted_TKD = weighted_MD[torch.argsort(order_M)].view(*weights_TK.shape, y_MD.shape[-1])
    return unsorted_TKD.sum(dim=1).to(y_MD.dtype)


def combine_by_expert(y_MD: Tensor, weights_TK: Tensor, order_M: Tensor) -> Tensor:
    """deepseek: rows times weights in the model's dtype, added to the token expert after expert, each sum rounded."""
    weighted_MD = y_MD * weights_TK.reshape(-1)[order_M].unsqueeze(-1)
    zeros_TD = weighted_MD.new_zeros(weights_TK.shape[0], y_MD.shape[-1])
    # Not index_add: for bf16 on a CPU it sums in f32 and rounds once.
    return zeros_TD.index_put((order_M // weights_TK.shape[1],), weighted_MD, accumulate=True)


_DEEPSEEK = Semantics(
    norm=norm_round_once,
    inverse_frequencies=frequencies_deepseek,
    attention_factor=attention_factor_deepseek,
    rope_tables=tables_in_f32,
    rotate=rotate_interleaved,
    softmax_scale=softmax_scale_deepseek,
    attend=attend_einsum,
    route=route_deepseek,
    combine=combine_by_expert,
)
_HF_V3 = Semantics(
    norm=norm_round_before_weight,
    inverse_frequencies=frequencies_hf,
    attention_factor=attention_factor_hf,
    rope_tables=tables_in_model_dtype,
    rotate=rotate_deinterleaved,
    softmax_scale=softmax_scale_hf,
    attend=attend_sdpa,
    route=route_hf_v3,
    combine=combine_by_slot,
)
_HF_V2 = replace(_HF_V3, rope_tables=tables_by_polar, rotate=rotate_interleaved, route=route_hf_v2)

_SEMANTICS: dict[tuple[str, Architecture], Semantics] = {
    ("deepseek", "deepseek_v3"): _DEEPSEEK,
    ("deepseek", "deepseek_v2"): _DEEPSEEK,
    ("hf", "deepseek_v3"): _HF_V3,
    ("hf", "deepseek_v2"): _HF_V2,
}


def find_semantics(name: SemanticsName, architecture: Architecture) -> Semantics:
    """The choices of one implementation for one architecture; an unknown name is a ``ValueError``."""
    if (name, architecture) not in _SEMANTICS:
        raise ValueError(f"there are no semantics named '{name}'; known: deepseek, hf")
    return _SEMANTICS[name, architecture]
