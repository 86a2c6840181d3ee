"""Model configurations: named ones as data files, and Hugging Face ``config.json`` dictionaries read strictly.

The files in ``configs/`` are themselves in Hugging Face's form, so there is one reader. A field that the model's
arithmetic depends on is never defaulted: an absent, mistyped or unsupported one is a ``ConfigError`` that names it.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

Architecture = Literal["deepseek_v3", "deepseek_v2"]
TopkMethod = Literal["noaux_tc", "group_limited_greedy", "greedy"]
ScoringFunc = Literal["sigmoid", "softmax"]

_CONFIG_FOLDER = Path(__file__).parent / "configs"

_ARCHITECTURES: dict[str, Architecture] = {
    "deepseek_v3": "deepseek_v3",
    "kimi_k2": "deepseek_v3",
    "deepseek_v2": "deepseek_v2",
}
"""Hugging Face ``model_type`` -> which of the two model definitions computes it."""

_CLASSES: dict[Architecture, str] = {"deepseek_v3": "DeepseekV3ForCausalLM", "deepseek_v2": "DeepseekV2ForCausalLM"}
_SCORING: dict[Architecture, ScoringFunc] = {"deepseek_v3": "sigmoid", "deepseek_v2": "softmax"}
_TOPK_METHODS: dict[Architecture, tuple[TopkMethod, ...]] = {
    "deepseek_v3": ("noaux_tc",),
    "deepseek_v2": ("group_limited_greedy", "greedy"),
}


class ConfigError(ValueError):
    """A configuration that does not describe a model this package can build; the message names the field."""


@dataclass(frozen=True, kw_only=True)
class YarnConfig:
    """YaRN context extension (arXiv 2309.00071): low frequencies are divided by ``factor``, high ones kept."""

    factor: float
    original_max_position_embeddings: int
    """Trained context length, in tokens."""
    beta_fast: float
    """Rotations within the trained context above which a frequency is kept."""
    beta_slow: float
    """Rotations within the trained context below which a frequency is divided by ``factor``."""
    mscale: float
    mscale_all_dim: float
    """The softmax scale is multiplied by ``(0.1 * mscale_all_dim * ln(factor) + 1) ** 2``."""


@dataclass(frozen=True, kw_only=True)
class RopeConfig:
    """Rotary position embedding: ``theta ** (-2i / qk_rope_head_dim)`` radians per position, perhaps stretched."""

    theta: float
    yarn: YarnConfig | None


@dataclass(frozen=True, kw_only=True)
class QuantizationConfig:
    """How the checkpoint stores quantised weights: E4M3 with one scale (a multiplier) per block of the weight."""

    weight_block_size: tuple[int, int]
    """Rows x columns that share one scale; partial blocks at the edges have their own."""
    scale_fmt: Literal["f32", "ue8m0"]
    """``ue8m0``: every scale is a power of two, for weights and for activations."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One DeepSeek-V3-class model. Field names are Hugging Face's where it has one."""

    name: str
    architecture: Architecture
    """Which definition in transformers computes this model: it fixes scoring, router and RoPE spelling there."""
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    first_k_dense_replace: int
    """The first so many layers have a dense MLP, the rest experts."""
    intermediate_size: int
    moe_intermediate_size: int
    num_attention_heads: int
    q_lora_rank: int | None
    """``None``: the query is one projection, without a compressed form."""
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    rope: RopeConfig
    n_routed_experts: int
    n_shared_experts: int
    num_experts_per_tok: int
    n_group: int
    topk_group: int
    """Expert groups a token may use, out of ``n_group``."""
    scoring_func: ScoringFunc
    topk_method: TopkMethod
    router_bias: bool
    """Selection adds a per-expert f32 bias that the weights do not see (``e_score_correction_bias``)."""
    norm_topk_prob: bool
    routed_scaling_factor: float
    rms_norm_eps: float
    """Of the norms on the residual stream; the norms on the latents use 1e-6 in every published implementation."""
    max_position_embeddings: int
    num_mtp_layers: int
    tie_word_embeddings: bool
    initializer_range: float
    bos_token_id: int | None
    eos_token_ids: tuple[int, ...]
    """Generation stops after any of these; empty: it never stops by itself."""
    quantization: QuantizationConfig | None

    @property
    def qk_head_dim(self) -> int:
        """Width of one query or key head: the part without and the part with position."""
        return self.qk_nope_head_dim + self.qk_rope_head_dim

    @property
    def cache_elements_per_token(self) -> int:
        """Latent plus rotated key, over all layers: what the cache holds for one token."""
        return self.num_hidden_layers * (self.kv_lora_rank + self.qk_rope_head_dim)


class _Fields:
    """A JSON object read strictly: every access checks presence and type and names the field and its file."""

    def __init__(self, fields: Mapping[str, object], source: str):
        self.fields, self.source = fields, source

    def error(self, message: str) -> ConfigError:
        return ConfigError(f"{self.source}: {message}")

    def has(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def get(self, name: str) -> object:
        if name not in self.fields:
            raise self.error(f"the field '{name}' is missing; add it, its value cannot be guessed")
        return self.fields[name]

    def mistyped(self, name: str, wanted: str) -> ConfigError:
        return self.error(f"the field '{name}' must be {wanted}, not {json.dumps(self.fields[name], default=repr)}")

    def integer(self, name: str, minimum: int = 1) -> int:
        value = self.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise self.mistyped(name, f"an integer of at least {minimum}")
        return value

    def number(self, name: str) -> float:
        value = self.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.mistyped(name, "a number")
        return float(value)

    def boolean(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise self.mistyped(name, "true or false")
        return value

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str):
            raise self.mistyped(name, "a string")
        return value

    def section(self, name: str) -> "_Fields":
        value = self.get(name)
        if not isinstance(value, Mapping):
            raise self.mistyped(name, "an object")
        return _Fields(cast(Mapping[str, object], value), f"{self.source}: in '{name}'")

    def only(self, name: str, *supported: object) -> None:
        """The field, where present, has one of the values that the model definition implements."""
        if self.has(name) and self.fields[name] not in supported:
            listed = " or ".join(json.dumps(value) for value in supported)
            found = json.dumps(self.fields[name], default=repr)
            raise self.error(f"'{name}' = {found} is not supported, only {listed}")


@cache
def named_configs() -> tuple[str, ...]:
    """The names that ``load_config`` knows, sorted."""
    return tuple(sorted(file.name.removesuffix(".json") for file in _CONFIG_FOLDER.glob("*.json")))


@cache
def load_config(name: str) -> ModelConfig:
    """The named configuration; an unknown name is a ``ConfigError`` with the nearest ones and the whole list."""
    if name not in named_configs():
        near = difflib.get_close_matches(name.lower(), named_configs(), n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ConfigError(f"there is no configuration named '{name}'.{hint} Known: {', '.join(named_configs())}")
    file = _CONFIG_FOLDER / f"{name}.json"
    return from_hf(json.loads(file.read_text(encoding="utf-8")), name=name, source=file.name)


def from_hf(fields: Mapping[str, object], *, name: str = "model", source: str = "config.json") -> ModelConfig:
    """The configuration in a Hugging Face ``config.json`` of DeepSeek-V2, V3, V3.1, R1, Moonlight or Kimi-K2.

    Both forms of RoPE are read: ``rope_parameters`` (transformers >= 5) and ``rope_theta`` with ``rope_scaling``.
    ``source`` is what messages call the file. Raises ``ConfigError`` for an absent, mistyped or unsupported field.
    """
    read = _Fields(fields, source)
    architecture = _architecture(read)
    _refuse_variants(read)
    topk_method = _topk_method(read, architecture)
    config = ModelConfig(
        name=name,
        architecture=architecture,
        vocab_size=read.integer("vocab_size"),
        hidden_size=read.integer("hidden_size"),
        num_hidden_layers=read.integer("num_hidden_layers"),
        first_k_dense_replace=read.integer("first_k_dense_replace", minimum=0),
        intermediate_size=read.integer("intermediate_size"),
        moe_intermediate_size=read.integer("moe_intermediate_size"),
        num_attention_heads=read.integer("num_attention_heads"),
        q_lora_rank=None if read.get("q_lora_rank") is None else read.integer("q_lora_rank"),
        kv_lora_rank=read.integer("kv_lora_rank"),
        qk_nope_head_dim=read.integer("qk_nope_head_dim"),
        qk_rope_head_dim=read.integer("qk_rope_head_dim", minimum=2),
        v_head_dim=read.integer("v_head_dim"),
        rope=_rope(read),
        n_routed_experts=read.integer("n_routed_experts"),
        n_shared_experts=read.integer("n_shared_experts"),
        num_experts_per_tok=read.integer("num_experts_per_tok"),
        n_group=1 if topk_method == "greedy" else read.integer("n_group"),
        topk_group=1 if topk_method == "greedy" else read.integer("topk_group"),
        scoring_func=_SCORING[architecture],
        topk_method=topk_method,
        router_bias=topk_method == "noaux_tc",
        norm_topk_prob=read.boolean("norm_topk_prob"),
        routed_scaling_factor=read.number("routed_scaling_factor"),
        rms_norm_eps=read.number("rms_norm_eps"),
        max_position_embeddings=read.integer("max_position_embeddings"),
        num_mtp_layers=_num_mtp_layers(read, architecture),
        tie_word_embeddings=read.boolean("tie_word_embeddings"),
        initializer_range=read.number("initializer_range"),
        bos_token_id=read.integer("bos_token_id", minimum=0) if read.has("bos_token_id") else None,
        eos_token_ids=_eos_token_ids(read),
        quantization=_quantization(read),
    )
    _check_consistent(config, read)
    return config


def to_hf(config: ModelConfig) -> dict[str, object]:
    """The configuration as transformers >= 5 spells it; ``from_hf`` reads it back to an equal one."""
    copied = (
        "vocab_size", "hidden_size", "num_hidden_layers", "first_k_dense_replace", "intermediate_size",
        "moe_intermediate_size", "num_attention_heads", "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim",
        "qk_rope_head_dim", "v_head_dim", "n_routed_experts", "n_shared_experts", "num_experts_per_tok", "n_group",
        "topk_group", "scoring_func", "topk_method", "norm_topk_prob", "routed_scaling_factor", "rms_norm_eps",
        "max_position_embeddings", "tie_word_embeddings", "initializer_range", "bos_token_id",
    )  # fmt: skip
    rope: dict[str, object] = {"rope_type": "default", "rope_theta": config.rope.theta}
    if config.rope.yarn is not None:
        rope |= {"rope_type": "yarn", **vars(config.rope.yarn)}
    fields: dict[str, object] = {
        "model_type": config.architecture,
        "architectures": [_CLASSES[config.architecture]],
        **{field: getattr(config, field) for field in copied},
        "num_key_value_heads": config.num_attention_heads,
        "num_nextn_predict_layers": config.num_mtp_layers,
        "eos_token_id": config.eos_token_ids[0] if len(config.eos_token_ids) == 1 else list(config.eos_token_ids),
        "rope_parameters": rope,
        "hidden_act": "silu",
        "attention_bias": False,
    }
    if config.quantization is not None:
        fields["quantization_config"] = {
            "quant_method": "fp8",
            "fmt": "e4m3",
            "activation_scheme": "dynamic",
            "weight_block_size": list(config.quantization.weight_block_size),
            "scale_fmt": config.quantization.scale_fmt,
        }
    return fields


def _architecture(read: _Fields) -> Architecture:
    model_type = read.text("model_type")
    if model_type not in _ARCHITECTURES:
        inner = " (the language model is its 'text_config': pass that object)" if read.has("text_config") else ""
        raise read.error(f"model_type '{model_type}' is not supported, only {', '.join(_ARCHITECTURES)}{inner}")
    return _ARCHITECTURES[model_type]


def _refuse_variants(read: _Fields) -> None:
    """Fields that change the arithmetic to something the model definition does not implement."""
    read.only("hidden_act", "silu")
    read.only("attention_bias", False)
    read.only("mlp_bias", False)
    read.only("moe_layer_freq", 1)
    read.only("rope_interleave", True)
    read.only("num_key_value_heads", read.integer("num_attention_heads"))
    if read.has("index_topk"):
        raise read.error("'index_topk' says sparse attention (DeepSeek-V3.2), which is not supported")


def _topk_method(read: _Fields, architecture: Architecture) -> TopkMethod:
    """Transformers' own V3 configuration does not store the router's kind: there the architecture fixes it."""
    read.only("scoring_func", _SCORING[architecture])
    supported = _TOPK_METHODS[architecture]
    read.only("topk_method", *supported)
    if len(supported) == 1:
        return supported[0]
    text = read.text("topk_method")
    return next(method for method in supported if method == text)


def _rope(read: _Fields) -> RopeConfig:
    if read.has("rope_parameters"):
        rope = read.section("rope_parameters")
        theta = rope if rope.has("rope_theta") else read
    else:
        theta = read
        if read.get("rope_scaling") is None:
            return RopeConfig(theta=read.number("rope_theta"), yarn=None)
        rope = read.section("rope_scaling")
    kind = rope.text("rope_type" if rope.has("rope_type") else "type")
    if kind == "default":
        return RopeConfig(theta=theta.number("rope_theta"), yarn=None)
    if kind != "yarn":
        raise rope.error(f"RoPE of type '{kind}' is not supported, only default and yarn")
    rope.only("truncate", True)
    rope.only("partial_rotary_factor", 1.0)
    if rope.has("attention_factor"):
        raise rope.error("'attention_factor' is not supported: give 'mscale' and 'mscale_all_dim'")
    return RopeConfig(
        theta=theta.number("rope_theta"),
        yarn=YarnConfig(
            factor=rope.number("factor"),
            original_max_position_embeddings=rope.integer("original_max_position_embeddings"),
            beta_fast=rope.number("beta_fast"),
            beta_slow=rope.number("beta_slow"),
            mscale=rope.number("mscale"),
            mscale_all_dim=rope.number("mscale_all_dim"),
        ),
    )


def _num_mtp_layers(read: _Fields, architecture: Architecture) -> int:
    if architecture == "deepseek_v2" and not read.has("num_nextn_predict_layers"):
        return 0  # V2 has no multi-token prediction and its files no such field
    names = ("num_nextn_predict_layers", "num_mtp_layers")
    return read.integer(names[1] if read.has(names[1]) else names[0], minimum=0)


def _eos_token_ids(read: _Fields) -> tuple[int, ...]:
    value = read.fields.get("eos_token_id")
    ids = cast(list[object], value) if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(token, int) and not isinstance(token, bool) for token in ids):
        raise read.mistyped("eos_token_id", "an integer or a list of integers")
    return tuple(cast(list[int], ids))


def _quantization(read: _Fields) -> QuantizationConfig | None:
    if not read.has("quantization_config"):
        return None
    quantization = read.section("quantization_config")
    if (method := quantization.text("quant_method")) != "fp8":
        raise quantization.error(f"quant_method '{method}' is not supported, only fp8 with 128 x 128 blocks")
    quantization.only("fmt", "e4m3")
    quantization.only("activation_scheme", "dynamic")
    quantization.only("scale_fmt", "f32", "float", "ue8m0")
    block = quantization.get("weight_block_size")
    if block != [128, 128]:
        raise quantization.mistyped("weight_block_size", "[128, 128]")
    scale_fmt = "ue8m0" if quantization.fields.get("scale_fmt") == "ue8m0" else "f32"
    return QuantizationConfig(weight_block_size=(128, 128), scale_fmt=scale_fmt)


def _check_consistent(config: ModelConfig, read: _Fields) -> None:
    if config.architecture == "deepseek_v2" and config.norm_topk_prob:
        raise read.error("'norm_topk_prob' = true is not supported for DeepSeek-V2: its implementations disagree on it")
    if config.first_k_dense_replace > config.num_hidden_layers:
        raise read.error("'first_k_dense_replace' is greater than 'num_hidden_layers'")
    if config.n_routed_experts % config.n_group or config.topk_group > config.n_group:
        raise read.error("'n_group' must divide 'n_routed_experts' and be at least 'topk_group'")
    if config.num_experts_per_tok > config.topk_group * (config.n_routed_experts // config.n_group):
        raise read.error("'num_experts_per_tok' is greater than the number of experts in 'topk_group' groups")
    if config.qk_rope_head_dim % 2:
        raise read.error("'qk_rope_head_dim' must be even")
