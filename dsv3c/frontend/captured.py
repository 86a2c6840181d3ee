"""What a capture hands to the importer: exported programs, names of sizes and parameters, values no checkpoint has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch.export import ExportedProgram

from dsv3c.models.configs import ModelConfig
from dsv3c.models.semantics import SemanticsName

Dims = Mapping[str, Mapping[int, str]]
"""Input name -> dim -> symbol name: ``{"input_ids": {0: "B", 1: "S"}}``."""

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
MAX_BATCH = 4096
"""Upper end of the range of B: what a program is promised to be right for, not what it is tuned for."""


@dataclass(frozen=True)
class CaptureOptions:
    """What a capture may vary."""

    dtype: Literal["bf16", "f32"] = "bf16"
    """Serving type of parameters and activations; a user's own model keeps its types."""
    semantics: SemanticsName | None = None
    """Whose arithmetic.  None: ``deepseek`` for named configurations, ``hf`` (transformers itself) for the others."""
    experts: Literal["grouped_mm", "batched_mm"] = "grouped_mm"
    """How transformers' model multiplies by its experts."""
    layers: tuple[int, int] | None = None
    """Keep only the layers from the first number up to, not including, the second."""
    mtp: bool = True
    """Capture the multi-token prediction module too, where the configuration has one."""


@dataclass(frozen=True)
class Symbol:
    """A named size with the range the program was captured for; ``hint`` is the value cost choices are made for."""

    name: str
    min: int
    max: int
    hint: int


@dataclass(frozen=True)
class Entry:
    """One exported function."""

    program: ExportedProgram
    dims: Dims


@dataclass(frozen=True)
class Captured:
    """A model as ``torch.export`` saw it, with what export forgets."""

    name: str
    semantics: str
    """Whose arithmetic: ``hf``, ``deepseek`` or ``user``."""
    entries: Mapping[str, Entry]
    """``main``, and ``mtp`` where the model has a multi-token prediction module."""
    symbols: tuple[Symbol, ...]
    buffers: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    """Non-persistent buffers with their values (inverse frequencies): they are in no checkpoint."""
    config: ModelConfig | None = None
    """Known for named configurations and Hugging Face sources: it says how a checkpoint stores the parameters."""
    quantized: frozenset[str] = frozenset()
    """Names of stored tensors that the source's checkpoint holds in FP8 with a grid of scales."""
    state: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    """Real parameters, where the user's ``build_model()`` gives a model with values."""
