"""``semantics="deepseek"`` against the definition written the slow way: complex RoPE, one expert after the other."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dsv3c.models.configs import ModelConfig, load_config
from dsv3c.models.deepseek_v3 import build_model
from dsv3c.models.random_weights import init_weights

TINY = replace(load_config("tiny"), num_hidden_layers=3)
CONFIGS = {
    "v3": TINY,
    "v2": replace(
        TINY,
        architecture="deepseek_v2",
        scoring_func="softmax",
        topk_method="group_limited_greedy",
        router_bias=False,
        norm_topk_prob=False,
        q_lora_rank=None,
    ),
}


def rotated(x_BSHR: Tensor, config: ModelConfig) -> Tensor:
    """RoPE by complex multiplication; frequencies by the YaRN formula written out for each pair."""
    yarn, dim = config.rope.yarn, config.qk_rope_head_dim
    assert yarn is not None
    base = config.rope.theta

    def bound(rotations: float) -> float:
        original = yarn.original_max_position_embeddings
        return dim * math.log(original / (2 * math.pi * rotations)) / (2 * math.log(base))

    low, high = max(math.floor(bound(yarn.beta_fast)), 0), min(math.ceil(bound(yarn.beta_slow)), dim - 1)
    smooth = 1 - torch.tensor([min(max((i - low) / (high - low), 0.0), 1.0) for i in range(dim // 2)])
    freqs = 1 / base ** (torch.arange(0, dim, 2) / dim)
    freqs = freqs / yarn.factor * (1 - smooth) + freqs * smooth
    angles_SR = torch.outer(torch.arange(x_BSHR.shape[1]).float(), freqs)
    unit_S1R = torch.complex(angles_SR.cos(), angles_SR.sin()).unsqueeze(1)  # torch.polar differs in some last bits
    pairs = torch.view_as_complex(x_BSHR.float().reshape(*x_BSHR.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * unit_S1R).flatten(3).to(x_BSHR.dtype)


def attention(x_BSD: Tensor, w: dict[str, Tensor], config: ModelConfig) -> Tensor:
    def norm(x: Tensor, name: str) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], w[f"self_attn.{name}.weight"], 1e-6)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, w[f"self_attn.{name}.weight"])

    nope, value, yarn = config.qk_nope_head_dim, config.v_head_dim, config.rope.yarn
    assert yarn is not None
    if config.q_lora_rank is None:
        q = linear(x_BSD, "q_proj")
    else:
        q = linear(norm(linear(x_BSD, "q_a_proj"), "q_a_layernorm"), "q_b_proj")
    q = q.unflatten(-1, (config.num_attention_heads, -1))
    q = torch.cat([q[..., :nope], rotated(q[..., nope:], config)], dim=-1)
    latent = linear(x_BSD, "kv_a_proj_with_mqa")
    k_rope = rotated(latent[..., None, config.kv_lora_rank :], config)
    kv = linear(norm(latent[..., : config.kv_lora_rank], "kv_a_layernorm"), "kv_b_proj")
    kv = kv.unflatten(-1, (config.num_attention_heads, nope + value))
    k = torch.cat([kv[..., :nope], k_rope.expand(-1, -1, config.num_attention_heads, -1)], dim=-1)
    scale = config.qk_head_dim**-0.5 * (0.1 * yarn.mscale * math.log(yarn.factor) + 1) ** 2
    # Heads outermost in memory, as in the model: a CPU's matrix product sums in another order for other strides.
    q, k, v = q.transpose(1, 2).contiguous(), k.transpose(1, 2).contiguous(), kv.transpose(1, 2)[..., nope:]
    scores_BHST = torch.einsum("bhsd,bhtd->bhst", q, k) * scale
    future_ST = torch.ones(q.shape[2], q.shape[2]).triu(1).bool()
    probs = scores_BHST.masked_fill(future_ST, float("-inf")).softmax(-1, dtype=torch.float32).to(x_BSD.dtype)
    return linear(torch.einsum("bhst,bhtd->bshd", probs, v).flatten(2), "o_proj")


def chosen(scores_E: Tensor, bias_E: Tensor | None, config: ModelConfig) -> list[int]:
    """The experts of one token, by sorting in Python."""
    choice = (scores_E.float() if bias_E is None else scores_E + bias_E).tolist()
    size = config.n_routed_experts // config.n_group
    groups = [range(g * size, (g + 1) * size) for g in range(config.n_group)]
    best = 1 if bias_E is None else 2
    kept = sorted(groups, key=lambda g: -sum(sorted((choice[e] for e in g), reverse=True)[:best]))[: config.topk_group]
    return sorted((e for g in kept for e in g), key=lambda e: -choice[e])[: config.num_experts_per_tok]


def experts(x_TD: Tensor, w: dict[str, Tensor], config: ModelConfig) -> Tensor:
    logits_TE = F.linear(x_TD, w["mlp.gate.weight"])
    softmax = config.scoring_func == "softmax"
    scores_TE = logits_TE.softmax(-1, dtype=torch.float32) if softmax else logits_TE.sigmoid()
    ids = [chosen(scores_E, w.get("mlp.gate.e_score_correction_bias"), config) for scores_E in scores_TE]
    y_TD = torch.zeros_like(x_TD)
    for e in range(config.n_routed_experts):
        tokens = [t for t, chosen_ids in enumerate(ids) if e in chosen_ids]
        if not tokens:
            continue
        gate, up = torch.mm(x_TD[tokens], w["mlp.experts.gate_up_proj"][e].T).chunk(2, dim=-1)
        out = torch.mm(F.silu(gate) * up, w["mlp.experts.down_proj"][e].T)
        weights = torch.stack([weight_of(e, scores_TE[t], ids[t], config) for t in tokens]).to(x_TD.dtype)
        y_TD[tokens] += out * weights[:, None]
    return y_TD


def weight_of(expert: int, scores_E: Tensor, ids: list[int], config: ModelConfig) -> Tensor:
    total = scores_E[ids].sum() if config.norm_topk_prob else 1.0
    return scores_E[expert] / total * config.routed_scaling_factor


def swiglu(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    gate, up = F.linear(x, w[f"{name}.gate_proj.weight"]), F.linear(x, w[f"{name}.up_proj.weight"])
    return F.linear(F.silu(gate) * up, w[f"{name}.down_proj.weight"])


def reference(ids_BS: Tensor, state: dict[str, Tensor], config: ModelConfig) -> Tensor:
    x = state["model.embed_tokens.weight"][ids_BS]
    for i in range(config.num_hidden_layers):
        prefix = f"model.layers.{i}."
        w = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        x = x + attention(F.rms_norm(x, x.shape[-1:], w["input_layernorm.weight"], config.rms_norm_eps), w, config)
        h = F.rms_norm(x, x.shape[-1:], w["post_attention_layernorm.weight"], config.rms_norm_eps)
        if i < config.first_k_dense_replace:
            x = x + swiglu(h, w, "mlp")
        else:
            x = x + (experts(h.flatten(0, 1), w, config).view_as(h) + swiglu(h, w, "mlp.shared_experts"))
    x = F.rms_norm(x, x.shape[-1:], state["model.norm.weight"], config.rms_norm_eps)
    return F.linear(x, state["lm_head.weight"])


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=["bf16", "f32"])
@torch.no_grad()
def test_model_is_the_definition(config: ModelConfig, dtype: torch.dtype) -> None:
    model = build_model(config, "deepseek", dtype)
    init_weights(model, seed=3)
    for batch, length in [(1, 1), (2, 2), (2, 33)]:
        ids = torch.randint(config.vocab_size, (batch, length), generator=torch.Generator().manual_seed(length))
        assert torch.equal(model(ids), reference(ids, model.state_dict(), config)), (batch, length)


@torch.no_grad()
def test_random_biases_turn_scores_negative() -> None:
    model = build_model(TINY, "deepseek", torch.bfloat16)
    init_weights(model, seed=3)
    gate = model.model.layers[2].mlp.gate
    x_TD = torch.randn(20, TINY.hidden_size, generator=torch.Generator().manual_seed(0)).bfloat16()
    biased = F.linear(x_TD, gate.weight).sigmoid() + gate.e_score_correction_bias
    assert (biased < 0).any()
    assert (biased > 0.5).any()
