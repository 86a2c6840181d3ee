"""DeepSeek models of transformers (>= 5), on the meta device, prepared for export."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from dsv3c.ir.errors import UsageError
from dsv3c.models.configs import Architecture, ModelConfig

MIN_TRANSFORMERS = 5
CLASSES: dict[Architecture, tuple[str, str]] = {
    "deepseek_v3": ("DeepseekV3Config", "DeepseekV3ForCausalLM"),
    "deepseek_v2": ("DeepseekV2Config", "DeepseekV2ForCausalLM"),
}
NOT_THE_MODEL = ("model_type", "architectures", "auto_map", "quantization_config", "torch_dtype", "dtype", "source")
"""Fields of config.json that would change how transformers loads or stores the model, not what it computes."""


def transformers() -> Any:
    """The package, or one clear line where it is absent or too old."""
    try:
        import transformers as package
    except ImportError as error:
        raise UsageError(
            "a Hugging Face configuration needs transformers, which is not installed",
            hint="pip install 'dsv3c[hf]', or capture our own model of it with --semantics deepseek",
        ) from error
    if int(package.__version__.partition(".")[0]) < MIN_TRANSFORMERS:
        raise UsageError(
            f"transformers {package.__version__} is too old; {MIN_TRANSFORMERS} or newer is needed",
            hint="pip install 'dsv3c[hf]'",
        )
    return package


def build_hf(fields: Mapping[str, object], config: ModelConfig, dtype: torch.dtype, experts: str) -> nn.Module:
    """``DeepseekV3ForCausalLM`` or ``DeepseekV2ForCausalLM`` in eval mode, without weights or cache."""
    package = transformers()
    config_class, model_class = CLASSES[config.architecture]
    kept = {name: value for name, value in fields.items() if name not in NOT_THE_MODEL}
    hf_config = getattr(package, config_class)(**(kept | {"use_cache": False, "attn_implementation": "sdpa"}))
    previous = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device("meta"):
            model = getattr(package, model_class)(hf_config).eval()
    finally:
        torch.set_default_dtype(previous)
    model.set_experts_implementation(experts)
    keep_in_f32(model)
    return cast(nn.Module, model)


def keep_in_f32(model: Any) -> None:
    """Router biases stay f32 whatever the serving type: what ``from_pretrained`` does with the class's own list."""
    kept = tuple(model._keep_in_fp32_modules_strict or ())
    for name, tensor in [*model.named_buffers(), *model.named_parameters()]:
        if any(part in name.split(".") for part in kept):
            tensor.data = tensor.data.float()


def rotary_buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    """The rotary modules' buffers with their values: they are in no checkpoint, and on meta they have none."""
    found = dict[str, torch.Tensor]()
    for name, module in model.named_modules():
        if type(module).__name__.endswith("RotaryEmbedding"):
            with torch.device("cpu"):
                real = type(module)(cast(Any, module).config)
            found |= {f"{name}.{buffer}": value for buffer, value in real.named_buffers(recurse=False)}
    return found
