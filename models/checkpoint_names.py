"""Which stored tensors a model parameter is made of, as data, and what a checkpoint folder must hold.

The model stacks a layer's experts; a checkpoint (deepseek-ai/DeepSeek-V3, transformers' ``save_pretrained``) stores
each by itself. FP8 checkpoints add ``<name>_scale_inv``: the *multiplier* of each block of a weight, despite its name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch

from dsv3c.models.configs import ModelConfig
from dsv3c.models.deepseek_v3 import build_model, build_predictor


@dataclass(frozen=True)
class Stored:
    """One tensor of the checkpoint; ``{}`` in the name stands for the index of an enclosing ``StackedEach``."""

    name: str


@dataclass(frozen=True)
class Concat:
    """The parts, of equal shape, one after the other along ``dim``."""

    parts: tuple[Stored, ...]
    dim: int


@dataclass(frozen=True)
class StackedEach:
    """``pattern`` for index 0 .. count-1, stacked along a new first dim."""

    pattern: "Stored | Concat"
    count: int


Source = Stored | Concat | StackedEach
Shape = tuple[int, ...]

_QUANTIZED = re.compile(
    r"\.(self_attn\.\w+_proj(_with_mqa)?|(mlp|experts\.\d+|shared_experts)\.(gate|up|down)_proj)\.weight$"
)
"""What an FP8 checkpoint quantises: every Linear of a layer. Not the router, the norms, embedding, head and eh_proj."""


def parameter_source(name: str, config: ModelConfig) -> Source:
    """What the parameter or buffer ``name`` of the model, or of its MTP module, is made of."""
    if config.tie_word_embeddings and name == "lm_head.weight":
        return Stored("model.embed_tokens.weight")
    prefix, _, stacked = name.rpartition(".experts.")
    if stacked == "gate_up_proj":
        parts = tuple(Stored(f"{prefix}.experts.{{}}.{part}.weight") for part in ("gate_proj", "up_proj"))
        return StackedEach(Concat(parts, dim=0), config.n_routed_experts)
    if stacked == "down_proj":
        return StackedEach(Stored(f"{prefix}.experts.{{}}.down_proj.weight"), config.n_routed_experts)
    return Stored(name)


def stored_shapes(source: Source, shape: Shape) -> Iterator[tuple[str, Shape]]:
    """Name and shape of every stored tensor of a parameter with this shape."""
    match source:
        case Stored(name):
            yield name, shape
        case Concat(parts, dim):
            assert shape[dim] % len(parts) == 0, (source, shape)
            part_shape = (*shape[:dim], shape[dim] // len(parts), *shape[dim + 1 :])
            yield from ((part.name, part_shape) for part in parts)
        case StackedEach(pattern, count):
            assert shape[0] == count, (source, shape)
            for index in range(count):
                yield from ((name.format(index), inner) for name, inner in stored_shapes(pattern, shape[1:]))


def parameter_shapes(config: ModelConfig, *, mtp: bool) -> dict[str, Shape]:
    """Every parameter and persistent buffer of the model, and of its MTP modules if asked for. Allocates nothing."""
    model = build_model(config, "hf", torch.bfloat16, "meta")
    states = [model.state_dict()]
    if mtp:
        states += [build_predictor(model, depth).state_dict() for depth in range(config.num_mtp_layers)]
    return {name: tuple(tensor.shape) for state in states for name, tensor in state.items()}


def expected_tensors(config: ModelConfig, *, mtp: bool) -> dict[str, Shape]:
    """What a checkpoint of this configuration must hold: stored name -> shape, scales of FP8 weights included.

    With ``mtp``, the MTP modules' own tensors too; see ``optional_tensors`` for their copies of embedding and head.
    """
    expected: dict[str, Shape] = {}
    for name, shape in parameter_shapes(config, mtp=mtp).items():
        expected.update(stored_shapes(parameter_source(name, config), shape))
    if config.quantization is not None:
        rows, columns = config.quantization.weight_block_size
        grids = {
            scale_name(name): (ceil(shape[0] / rows), ceil(shape[1] / columns))
            for name, shape in expected.items()
            if is_quantized(name)
        }
        expected |= grids
    return expected


def optional_tensors(config: ModelConfig) -> dict[str, Shape]:
    """What a checkpoint may hold and nobody reads: the MTP modules' copies of the embedding and the head."""
    table = (config.vocab_size, config.hidden_size)
    layers = range(config.num_hidden_layers, config.num_hidden_layers + config.num_mtp_layers)
    copies = ("embed_tokens.weight", "shared_head.head.weight")
    return {f"model.layers.{layer}.{copy}": table for layer in layers for copy in copies}


def is_quantized(stored_name: str) -> bool:
    """Whether an FP8 checkpoint of these models stores this tensor as E4M3 with a scale grid."""
    return _QUANTIZED.search(stored_name) is not None


def scale_name(stored_name: str) -> str:
    """The name of the scale grid of a quantised weight."""
    return f"{stored_name}_scale_inv"
