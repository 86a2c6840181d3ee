"""The same layer in transformers: its weights on the device, eager and compiled, with a cache of a fixed size."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper.imports import library
from benchmarks.hopper.layer_ours import MODEL
from benchmarks.hopper.shapes import LayerStep
from dsv3c.frontend.hf_models import keep_in_f32
from dsv3c.models.configs import load_config, to_hf

EXPERTS = "grouped_mm"
"""How transformers runs its experts by default: one grouped product each."""


class FixedCache:
    """The latents of all sequences; the newest row is written in place, so that every run is alike."""

    def __init__(self, latent: Tensor, rope: Tensor) -> None:
        self.latent, self.rope = latent, rope

    def update(self, latent: Tensor, rope: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Latents [N, 1, C, L] and keys [N, 1, C, R] with the new rows last."""
        new = latent.shape[2]
        if latent.shape[1:] != (1, new, self.latent.shape[-1]):
            raise ValueError(f"this transformers caches {tuple(latent.shape)}, and latents are what is measured here")
        self.latent[:, :, -new:].copy_(latent)
        self.rope[:, :, -new:].copy_(rope)
        return self.latent, self.rope

    def get_seq_length(self, layer: int = 0) -> int:
        """Rows before the new ones."""
        return self.latent.shape[2] - 1


def build(device: torch.device, seed: int, config: str = MODEL) -> Any:
    """A model of one layer with experts, in BF16, its weights scaled so that every product is of order one."""
    package = library("transformers")
    fields = to_hf(load_config(config)) | {
        "num_hidden_layers": 1, "first_k_dense_replace": 0, "vocab_size": 256, "use_cache": False,
        "attn_implementation": "sdpa", "pad_token_id": None, "bos_token_id": None, "eos_token_id": None,
    }  # fmt: skip
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("meta"):
            model = package.DeepseekV3Model(package.DeepseekV3Config(**fields)).eval()
    finally:
        torch.set_default_dtype(before)
    model.to_empty(device=device)
    model.set_experts_implementation(EXPERTS)
    keep_in_f32(model)
    generator = torch.Generator(device)
    generator.manual_seed(seed)
    for name, tensor in model.named_parameters():
        fill(name, tensor.data, generator)
    for name, tensor in model.named_buffers():
        if "e_score_correction_bias" in name:
            tensor.data.normal_(0, 0.05, generator=generator)
    with torch.device(device):
        model.rotary_emb = type(model.rotary_emb)(model.config)
    return model


def fill(name: str, tensor: Tensor, generator: torch.Generator) -> None:
    """Norms near one; matrices with a deviation of one over the root of their width, one expert at a time."""
    if tensor.dim() == 1:
        tensor.normal_(1.0, 0.1, generator=generator)
    elif tensor.dim() == 2:
        tensor.normal_(0, tensor.shape[-1] ** -0.5, generator=generator)
    else:
        for matrix in tensor:
            matrix.normal_(0, tensor.shape[-1] ** -0.5, generator=generator)


def layer_state(model: Any) -> dict[str, Tensor]:
    """The layer's tensors by their names in it."""
    return {name: tensor.detach() for name, tensor in model.layers[0].state_dict(keep_vars=True).items()}


def runner(model: Any, layer: Any, step: LayerStep, hidden: Tensor, cache: FixedCache | None) -> Callable[[], Tensor]:
    """A run of the layer on hidden states [T, D]; its output [T, D]."""
    given = hidden.view(step.sequences, step.new_tokens, -1)
    positions = torch.arange(step.context - step.new_tokens, step.context, device=hidden.device)
    positions = positions[None].expand(step.sequences, -1)
    angles = model.rotary_emb(given, positions)

    def run() -> Tensor:
        made = layer(
            given, attention_mask=None, position_ids=positions, past_key_values=cache, use_cache=cache is not None,
            position_embeddings=angles,
        )  # fmt: skip
        return (made[0] if isinstance(made, tuple) else made).reshape(hidden.shape)

    return run


def routed(model: Any, run: Callable[[], Tensor], weights: Tensor, ids: Tensor) -> Tensor:
    """A run with the choices of another gate: one that saw other roundings may choose another expert."""
    gate = model.layers[0].mlp.gate
    before = gate.forward
    gate.forward = lambda hidden: (None, weights.to(torch.float32), ids)
    try:
        return run()
    finally:
        gate.forward = before


def cache_for(model: Any, step: LayerStep, device: torch.device) -> FixedCache | None:
    """Memory for a step that reads what was cached before it; None where nothing was."""
    if step.context == step.new_tokens:
        return None
    latent, rope = (
        torch.randn(step.sequences, 1, step.context, width, device=device).bfloat16()
        for width in (model.config.kv_lora_rank, model.config.qk_rope_head_dim)
    )
    return FixedCache(latent, rope)
