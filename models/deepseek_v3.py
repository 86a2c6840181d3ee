"""DeepSeek-V3 (V3.1, V2, V2-Lite, Moonlight, Kimi-K2) for one device, whole sequences, no cache: what the model *is*.

Parameters are named as in transformers 5, so its state dicts load. ``semantics`` picks whose arithmetic is followed
where implementations differ (see ``models/semantics.py``). No control flow depends on data: ``torch.export`` takes it.

Shape suffixes: B batch, S sequence, T = B*S tokens, D hidden, H heads, N/R/V head widths without position / rotary /
value, P = N+R, C key-value latent, E experts, K of them per token, M = T*K rows, I expert width, W vocabulary.
Source: arXiv 2412.19437 (V3), section 2; arXiv 2405.04434 (V2), section 2.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dsv3c.models.configs import ModelConfig
from dsv3c.models.grouped_mm import grouped_mm
from dsv3c.models.semantics import Norm, Semantics, SemanticsName, find_semantics

LATENT_NORM_EPS = 1e-6
"""Both DeepSeek's and Hugging Face's code leave the latent norms at their class default, whatever the config says."""


class RMSNorm(nn.Module):
    """``y = x / sqrt(mean(x*x) + eps) * weight`` over the last dim; mean in f32."""

    def __init__(self, size: int, eps: float, norm: Norm):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps, self.norm = eps, norm

    def forward(self, x_BSD: Tensor) -> Tensor:
        """``x [..., D]`` -> the same shape and dtype."""
        return self.norm(x_BSD, self.weight, self.eps)


class RotaryEmbedding(nn.Module):
    """Angles of the rotary embedding: ``position * inv_freq``, as cosine and sine ``[1, S, R/2]``."""

    def __init__(self, config: ModelConfig, sem: Semantics):
        super().__init__()
        self.tables = sem.rope_tables
        self.attention_factor = sem.attention_factor(config.rope)
        # On the CPU whatever the model's device: a model on meta keeps the values, which are in no checkpoint.
        with torch.device("cpu"):
            inv_freq = sem.inverse_frequencies(config.rope, config.qk_rope_head_dim)
        self.inv_freq = nn.Buffer(inv_freq, persistent=False)

    def forward(self, x_BSD: Tensor) -> tuple[Tensor, Tensor]:
        """Tables for positions 0..S-1 of ``x``."""
        position_1S = torch.arange(x_BSD.shape[1], device=x_BSD.device).unsqueeze(0)
        inv_freq = self.inv_freq.to(device=x_BSD.device, dtype=torch.float)
        freqs_1SR = position_1S[..., None].float() * inv_freq
        return self.tables(freqs_1SR, self.attention_factor, x_BSD.dtype)


class Attention(nn.Module):
    """Multi-head latent attention (V2 paper, section 2.1): keys and values are expanded from a shared latent."""

    def __init__(self, config: ModelConfig, sem: Semantics):
        super().__init__()
        self.config, self.sem = config, sem
        heads, hidden, latent = config.num_attention_heads, config.hidden_size, config.kv_lora_rank
        if config.q_lora_rank is None:
            self.q_proj = nn.Linear(hidden, heads * config.qk_head_dim, bias=False)
        else:
            self.q_a_proj = nn.Linear(hidden, config.q_lora_rank, bias=False)
            self.q_a_layernorm = RMSNorm(config.q_lora_rank, LATENT_NORM_EPS, sem.norm)
            self.q_b_proj = nn.Linear(config.q_lora_rank, heads * config.qk_head_dim, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(hidden, latent + config.qk_rope_head_dim, bias=False)
        self.kv_a_layernorm = RMSNorm(latent, LATENT_NORM_EPS, sem.norm)
        self.kv_b_proj = nn.Linear(latent, heads * (config.qk_nope_head_dim + config.v_head_dim), bias=False)
        self.o_proj = nn.Linear(heads * config.v_head_dim, hidden, bias=False)
        self.scale = sem.softmax_scale(config)

    def forward(self, x_BSD: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        """Causal attention of every position to itself and those before it; ``[B, S, D]`` to the same."""
        config, (batch, length) = self.config, x_BSD.shape[:2]
        if config.q_lora_rank is None:
            q_BSHP = self.q_proj(x_BSD)
        else:
            q_BSHP = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x_BSD)))
        q_BHSP = q_BSHP.view(batch, length, -1, config.qk_head_dim).transpose(1, 2)
        q_BHSN, q_BHSR = torch.split(q_BHSP, [config.qk_nope_head_dim, config.qk_rope_head_dim], dim=-1)

        kv_BSX = self.kv_a_proj_with_mqa(x_BSD)
        kv_BSC, k_BSR = torch.split(kv_BSX, [config.kv_lora_rank, config.qk_rope_head_dim], dim=-1)
        kv_BSC = self.kv_a_layernorm(kv_BSC)
        q_BHSR, k_B1SR = self.sem.rotate(q_BHSR, *rope), self.sem.rotate(k_BSR.unsqueeze(1), *rope)
        q_BHSP = torch.cat((q_BHSN, q_BHSR), dim=-1)

        kv_BHSX = self.kv_b_proj(kv_BSC).view(batch, length, -1, config.qk_nope_head_dim + config.v_head_dim)
        k_BHSN, v_BHSV = torch.split(kv_BHSX.transpose(1, 2), [config.qk_nope_head_dim, config.v_head_dim], dim=-1)
        k_BHSP = torch.cat((k_BHSN, k_B1SR.expand(-1, k_BHSN.shape[1], -1, -1)), dim=-1)

        out_BHSV = self.sem.attend(q_BHSP, k_BHSP, v_BHSV, self.scale)
        return self.o_proj(out_BHSV.transpose(1, 2).reshape(batch, length, -1))


class MLP(nn.Module):
    """SwiGLU (arXiv 2002.05202): ``W_down (silu(W_gate x) * W_up x)``."""

    def __init__(self, hidden: int, width: int):
        super().__init__()
        self.gate_proj = nn.Linear(hidden, width, bias=False)
        self.up_proj = nn.Linear(hidden, width, bias=False)
        self.down_proj = nn.Linear(width, hidden, bias=False)

    def forward(self, x_BSD: Tensor) -> Tensor:
        """``[..., D]`` to the same shape."""
        return self.down_proj(F.silu(self.gate_proj(x_BSD)) * self.up_proj(x_BSD))


class Router(nn.Module):
    """Scores the experts for each token and picks K of them, from the best ``topk_group`` groups."""

    def __init__(self, config: ModelConfig, sem: Semantics):
        super().__init__()
        self.config, self.route = config, sem.route
        self.weight = nn.Parameter(torch.empty(config.n_routed_experts, config.hidden_size))
        bias = torch.zeros(config.n_routed_experts, dtype=torch.float32) if config.router_bias else None
        self.register_buffer("e_score_correction_bias", bias)

    def forward(self, x_TD: Tensor) -> tuple[Tensor, Tensor]:
        """Weights ``[T, K]`` and expert ids ``[T, K]``."""
        return self.route(x_TD, self.weight, cast(Tensor | None, self.e_score_correction_bias), self.config)


class Experts(nn.Module):
    """Routed experts, each a SwiGLU; rows are sorted by expert and multiplied by ``grouped_mm``."""

    def __init__(self, config: ModelConfig, sem: Semantics):
        super().__init__()
        experts, width, hidden = config.n_routed_experts, config.moe_intermediate_size, config.hidden_size
        self.gate_up_proj = nn.Parameter(torch.empty(experts, 2 * width, hidden))
        self.down_proj = nn.Parameter(torch.empty(experts, hidden, width))
        self.combine = sem.combine

    def forward(self, x_TD: Tensor, weights_TK: Tensor, ids_TK: Tensor) -> Tensor:
        """``sum_k weights[t, k] * expert[ids[t, k]](x[t])``, ``[T, D]``."""
        ids_M = ids_TK.reshape(-1)
        order_M = torch.argsort(ids_M)
        offsets_E = F.one_hot(ids_M, self.gate_up_proj.shape[0]).sum(0).cumsum(0).to(torch.int32)
        x_MD = x_TD[order_M // ids_TK.shape[1]]
        gate_up_MX = grouped_mm(x_MD, self.gate_up_proj.transpose(-2, -1), offsets_E)
        gate_MI, up_MI = gate_up_MX.chunk(2, dim=-1)
        y_MD = grouped_mm(F.silu(gate_MI) * up_MI, self.down_proj.transpose(-2, -1), offsets_E)
        return self.combine(y_MD, weights_TK, order_M)


class MoE(nn.Module):
    """Routed experts plus the experts that every token uses (V3 paper, section 2.1.2)."""

    def __init__(self, config: ModelConfig, sem: Semantics):
        super().__init__()
        self.experts = Experts(config, sem)
        self.gate = Router(config, sem)
        self.shared_experts = MLP(config.hidden_size, config.n_shared_experts * config.moe_intermediate_size)

    def forward(self, x_BSD: Tensor) -> Tensor:
        """``[B, S, D]`` to the same."""
        x_TD = x_BSD.view(-1, x_BSD.shape[-1])
        weights_TK, ids_TK = self.gate(x_TD)
        routed_BSD = self.experts(x_TD, weights_TK, ids_TK).view(x_BSD.shape)
        return routed_BSD + self.shared_experts(x_BSD)


class _Layer(nn.Module):
    """What a decoder layer holds."""

    def __init__(self, config: ModelConfig, sem: Semantics, *, dense: bool):
        super().__init__()
        self.self_attn = Attention(config, sem)
        self.mlp = MLP(config.hidden_size, config.intermediate_size) if dense else MoE(config, sem)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps, sem.norm)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps, sem.norm)


class DecoderLayer(_Layer):
    """Attention, then a dense MLP or experts, each on the normalised residual stream and added to it."""

    def forward(self, x_BSD: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        """``[B, S, D]`` to the same."""
        x_BSD = x_BSD + self.self_attn(self.input_layernorm(x_BSD), rope)
        return x_BSD + self.mlp(self.post_attention_layernorm(x_BSD))


class Backbone(nn.Module):
    """Embedding, the numbered layers and the final norm."""

    def __init__(self, config: ModelConfig, sem: Semantics):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        dense = config.first_k_dense_replace
        self.layers = nn.ModuleList(DecoderLayer(config, sem, dense=i < dense) for i in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps, sem.norm)
        self.rotary_emb = RotaryEmbedding(config, sem)

    def forward(self, input_ids_BS: Tensor) -> Tensor:
        """Token ids ``[B, S]`` to normalised hidden states ``[B, S, D]``."""
        x_BSD = self.embed_tokens(input_ids_BS)
        rope = self.rotary_emb(x_BSD)
        for layer in self.layers:
            x_BSD = layer(x_BSD, rope)
        return self.norm(x_BSD)


class DeepseekV3(nn.Module):
    """The causal language model."""

    def __init__(self, config: ModelConfig, sem: Semantics):
        super().__init__()
        self.config, self.sem = config, sem
        self.model = Backbone(config, sem)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(self, input_ids: Tensor) -> Tensor:
        """Token ids ``[B, S]`` to logits ``[B, S, W]`` of the token after each position."""
        return self.lm_head(self.model(input_ids))


class PredictorLayer(_Layer):
    """A decoder layer on ``W [norm(embedding); norm(hidden)]`` (V3 paper, section 2.2), with its own last norm."""

    def __init__(self, config: ModelConfig, sem: Semantics):
        super().__init__(config, sem, dense=False)
        self.enorm = RMSNorm(config.hidden_size, config.rms_norm_eps, sem.norm)
        self.hnorm = RMSNorm(config.hidden_size, config.rms_norm_eps, sem.norm)
        self.eh_proj = nn.Linear(2 * config.hidden_size, config.hidden_size, bias=False)
        self.shared_head = nn.ModuleDict({"norm": RMSNorm(config.hidden_size, config.rms_norm_eps, sem.norm)})

    def forward(self, hidden_BSD: Tensor, embedded_BSD: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        """Normalised hidden states ``[B, S, D]``, one token further on. The embedding comes first in the join."""
        x_BSD = self.eh_proj(torch.cat((self.enorm(embedded_BSD), self.hnorm(hidden_BSD)), dim=-1))
        x_BSD = x_BSD + self.self_attn(self.input_layernorm(x_BSD), rope)
        x_BSD = x_BSD + self.mlp(self.post_attention_layernorm(x_BSD))
        return self.shared_head["norm"](x_BSD)


class MultiTokenPredictor(nn.Module):
    """Multi-token prediction module ``depth`` (0 is the first): the token after next, from the main model's state.

    Embedding, head and rotary table are the main model's own. Parameters are named as in the checkpoint, where the
    module is layer ``num_hidden_layers + depth``.
    """

    def __init__(self, main: DeepseekV3, depth: int = 0):
        super().__init__()
        self.layer_name = str(main.config.num_hidden_layers + depth)
        layers = nn.ModuleDict({self.layer_name: PredictorLayer(main.config, main.sem)})
        shared = {"embed_tokens": main.model.embed_tokens, "rotary_emb": main.model.rotary_emb}
        self.model = nn.ModuleDict({**shared, "layers": layers})
        self.lm_head = main.lm_head

    def forward(self, hidden: Tensor, next_ids: Tensor) -> Tensor:
        """Hidden states ``[B, S, D]`` at s, after the main model's last norm, and tokens ``[B, S]`` at s+1,
        to logits ``[B, S, W]`` of the token at s+2.
        """
        embedded_BSD = self.model["embed_tokens"](next_ids)
        layer = cast(nn.ModuleDict, self.model["layers"])[self.layer_name]
        return self.lm_head(layer(hidden, embedded_BSD, self.model["rotary_emb"](embedded_BSD)))


@contextmanager
def _building(dtype: torch.dtype, device: torch.device | str) -> Generator[None]:
    """New parameters get this dtype and device without a second copy: 671 B parameters leave no room for one."""
    previous = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(previous)


def build_model(
    config: ModelConfig, semantics: SemanticsName, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> DeepseekV3:
    """The model in eval mode, weights unset (``init_weights`` or ``load_state_dict``); router biases are always f32."""
    with _building(dtype, device):
        return DeepseekV3(config, find_semantics(semantics, config.architecture)).eval()


def build_predictor(main: DeepseekV3, depth: int = 0) -> MultiTokenPredictor:
    """A multi-token prediction module of ``main``, in its dtype and on its device, weights unset."""
    if not 0 <= depth < main.config.num_mtp_layers:
        raise ValueError(f"{main.config.name} has {main.config.num_mtp_layers} MTP modules; there is no module {depth}")
    with _building(main.lm_head.weight.dtype, main.lm_head.weight.device):
        return MultiTokenPredictor(main, depth).eval()
