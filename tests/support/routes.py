"""Every way a model gets in: a capture with real parameters, and the PyTorch model it must agree with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from stored import stored_state
from torch import Tensor, nn

from dsv3c.frontend.capture import DTYPES, CaptureOptions, capture, capture_own
from dsv3c.frontend.captured import Captured
from dsv3c.frontend.hf_models import transformers
from dsv3c.frontend.user_models import load
from dsv3c.models.configs import ModelConfig, load_config, to_hf
from dsv3c.models.deepseek_v3 import build_model, build_predictor
from dsv3c.models.random_weights import init_weights

SEED = 1
NOTHING = frozenset[str]()
USER_MODELS = Path(__file__).parent.parent / "models"
WIDTHS = {
    "num_hidden_layers": 2,
    "first_k_dense_replace": 1,
    "vocab_size": 100,
    "hidden_size": 96,
    "intermediate_size": 128,
    "moe_intermediate_size": 56,
    "num_attention_heads": 4,
    "kv_lora_rank": 64,
    "qk_nope_head_dim": 32,
    "qk_rope_head_dim": 16,
    "v_head_dim": 24,
    "n_routed_experts": 8,
    "num_experts_per_tok": 3,
    "bos_token_id": 0,
    "eos_token_ids": (1,),
    "num_mtp_layers": 0,
}
"""One dense and one MoE layer, narrow; grouped products need rows of a multiple of 16 bytes."""
KEPT_WIDTHS = ("num_hidden_layers", "first_k_dense_replace", "vocab_size", "num_mtp_layers")
"""What of ``WIDTHS`` a configuration gets that is narrow already."""


@dataclass(frozen=True)
class Made:
    """A captured model beside what it was captured from."""

    captured: Captured
    models: Mapping[str, nn.Module]
    """By entry: ``main``, and ``mtp`` where there is a multi-token prediction module."""
    state: Mapping[str, Tensor]
    """The models' parameters as a checkpoint stores them."""


@dataclass(frozen=True)
class Route:
    """A source of models."""

    name: str
    make: Callable[[], Made]
    reorders: frozenset[str] = NOTHING
    """The cache-free passes that may change the last bits, because they add in another order than the source."""

    def __str__(self) -> str:
        return self.name


def small(name: str, **changes: object) -> ModelConfig:
    """A published configuration, narrow; what makes it different from the others stays."""
    config = load_config(name)
    widths = {key: WIDTHS[key] for key in (KEPT_WIDTHS if name == "tiny-v64" else WIDTHS)}
    if config.q_lora_rank is not None:
        widths["q_lora_rank"] = 128
    return replace(config, **(widths | {"quantization": None} | changes))  # pyright: ignore[reportArgumentType]


def v2(*, groups: bool, q_lora: bool) -> ModelConfig:
    """DeepSeek-V2 with its choices one by one."""
    config = small("deepseek-v2-lite", q_lora_rank=128 if q_lora else None)
    if groups:
        return replace(config, n_group=4, topk_group=2, topk_method="group_limited_greedy")
    return config


def hf_model(config: ModelConfig, dtype: torch.dtype, experts: str) -> nn.Module:
    """The model of transformers with random parameters, its rotary frequencies and router biases in f32."""
    package = transformers()
    name = {"deepseek_v3": "DeepseekV3", "deepseek_v2": "DeepseekV2"}[config.architecture]
    fields = {key: value for key, value in to_hf(config).items() if key not in ("model_type", "architectures")}
    torch.manual_seed(0)
    hf_config = getattr(package, f"{name}Config")(**fields, use_cache=False, attn_implementation="sdpa")
    model = getattr(package, f"{name}ForCausalLM")(hf_config).eval()
    kept = {name: buffer.clone() for name, buffer in model.named_buffers() if "inv_freq" in name}
    model = model.to(dtype)
    kept |= {name: value.float() for name, value in model.named_buffers() if name.endswith("e_score_correction_bias")}
    for key, value in kept.items():
        owner, _, buffer = key.rpartition(".")
        model.get_submodule(owner).register_buffer(buffer, value, persistent="inv_freq" not in buffer)
    init_weights(model, SEED)
    model.set_experts_implementation(experts)
    return model


@cache
def captured_hf(config: ModelConfig, dtype: str, experts: str) -> Captured:
    """transformers' model; importing changes nothing of what was captured."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(to_hf(config)))
        return capture(folder, CaptureOptions(dtype=dtype, experts=experts))  # pyright: ignore


@cache
def captured_own(config: ModelConfig, semantics: str, dtype: str) -> Captured:
    """Our model, the same."""
    return capture_own(config, semantics, CaptureOptions(dtype=dtype))  # pyright: ignore


def hf(config: ModelConfig, dtype: str, experts: str = "grouped_mm", reorders: frozenset[str] = NOTHING) -> Route:
    """transformers' model through a ``config.json``."""

    def make() -> Made:
        captured = captured_hf(config, dtype, experts)
        return with_predictor(captured, hf_model(config, DTYPES[dtype], experts), config, "hf", dtype)

    return Route(f"hf-{described(config)}-{experts}-{dtype}", make, reorders)


def own(config: ModelConfig, semantics: str, dtype: str, reorders: frozenset[str] = NOTHING) -> Route:
    """Our model."""

    def make() -> Made:
        captured = captured_own(config, semantics, dtype)
        model = build_model(config, semantics, DTYPES[dtype])  # pyright: ignore
        init_weights(model, SEED)
        return with_predictor(captured, model, config, semantics, dtype)

    return Route(f"own-{semantics}-{described(config)}-{dtype}", make, reorders)


def user(name: str) -> Route:
    """A model file of ``tests/models``."""

    def make() -> Made:
        file = USER_MODELS / f"{name}.py"
        captured = capture(str(file))
        return Made(captured, {"main": load(file).build_model().eval()}, captured.state)

    return Route(f"user-{name}", make)


def with_predictor(captured: Captured, model: nn.Module, config: ModelConfig, semantics: str, dtype: str) -> Made:
    """The models of a capture: embedding and head have one name in both, and with it one value."""
    models, state = {"main": model}, stored_state(model.state_dict(), config)
    if config.num_mtp_layers:
        models["mtp"] = build_predictor(build_model(config, semantics, DTYPES[dtype]))  # pyright: ignore
        init_weights(models["mtp"], SEED)
        state |= stored_state(models["mtp"].state_dict(), config)
    return Made(captured, models, state)


def described(config: ModelConfig) -> str:
    """The configuration's name with what was changed in it."""
    mtp = "-mtp" if config.num_mtp_layers else ""
    groups = "-groups" if config.architecture == "deepseek_v2" and config.n_group > 1 else ""
    q_lora = "-q_lora" if config.architecture == "deepseek_v2" and config.q_lora_rank else ""
    return f"{config.name}{groups}{q_lora}{mtp}"
