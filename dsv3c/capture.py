"""A model by name or file -> what the importer needs: exported programs with everything export forgets.

MODEL is a named configuration (``deepseek-v3``, ``tiny``), a Hugging Face ``config.json``, a checkpoint folder, or a
Python file (``model.py`` with ``build_model()`` and ``example_inputs()``, or ``model.py:function``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from dsv3c.captured import Captured, Dims, Entry, Symbol
from dsv3c.exporting import export_entry
from dsv3c.ir.errors import UsageError
from dsv3c.models.configs import ConfigError, ModelConfig, load_config
from dsv3c.models.deepseek_v3 import DeepseekV3, build_model, build_predictor
from dsv3c.models.semantics import SemanticsName
from dsv3c.recipes import quantized_in_folder

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
MAX_BATCH = 4096
"""Upper end of the range of B: what a program is promised to be right for, not what it is tuned for."""
EXAMPLE_BATCH, EXAMPLE_LENGTH = 2, 16
"""Sizes export traces with; any values that are not 0 or 1."""


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


def capture(model: str, options: CaptureOptions | None = None) -> Captured:
    """Capture ``model``.

    Raises UsageError for a source that does not exist or an option that does not fit it, and CaptureFailure for what
    torch.export cannot take, with the user's line and the edit to make.
    """
    options = options or CaptureOptions()
    if options.dtype not in DTYPES:
        raise UsageError(f"there is no serving type '{options.dtype}'", hint=f"known: {', '.join(DTYPES)}")
    file, _, function = model.rpartition(":") if ".py:" in model else (model, "", "")
    if file.endswith(".py"):
        from dsv3c.user_models import capture_file

        return capture_file(Path(file), function or None, options)
    if Path(model).is_dir() or model.endswith(".json"):
        from dsv3c.config_sources import read_config

        fields, config = read_config(Path(model))
        captured = capture_config(fields, config, options)
        if not Path(model).is_dir():
            return captured
        return replace(captured, quantized=quantized_in_folder(Path(model), config))
    return capture_named(model, options)


def capture_named(name: str, options: CaptureOptions) -> Captured:
    """A configuration from ``models/configs``, built with our own model on the meta device."""
    try:
        config = load_config(name)
    except ConfigError as error:
        if Path(name).suffix or "/" in name:
            raise UsageError(f"there is no file or folder {name}") from error
        raise UsageError(str(error)) from error
    return capture_own(config, options.semantics or "deepseek", options)


def capture_config(fields: dict[str, object], config: ModelConfig, options: CaptureOptions) -> Captured:
    """A Hugging Face configuration, with transformers' model or, for ``deepseek`` semantics, with ours."""
    if options.semantics == "deepseek":
        return capture_own(config, "deepseek", options)
    from dsv3c.hf_models import build_hf, rotary_buffers

    dtype = DTYPES[options.dtype]
    model = build_hf(fields, config, dtype, options.experts)
    buffers = rotary_buffers(model)
    keep_layers(model, options.layers)
    entries = {"main": export_tokens(model, config)}
    if (mtp := mtp_entry(build_model(config, "hf", dtype, "meta"), options)) is not None:
        entries["mtp"] = mtp[0]
        buffers |= mtp[1]
    return Captured(config.name, "hf", entries, symbols_of(config), buffers, config)


def capture_own(config: ModelConfig, semantics: SemanticsName, options: CaptureOptions) -> Captured:
    """Our own model (``models/deepseek_v3.py``)."""
    if options.experts != "grouped_mm":
        raise UsageError(
            f"experts as {options.experts} is a choice of transformers' model, not of ours",
            hint="give a config.json with --semantics hf, or leave the option out",
        )
    model = build_model(config, semantics, DTYPES[options.dtype], "meta")
    mtp = mtp_entry(model, options)
    keep_layers(model, options.layers)
    entries, buffers = {"main": export_tokens(model, config)}, real_buffers(model)
    if mtp is not None:
        entries["mtp"] = mtp[0]
        buffers |= mtp[1]
    return Captured(config.name, semantics, entries, symbols_of(config), buffers, config)


def export_tokens(model: nn.Module, config: ModelConfig) -> Entry:
    """Export a causal language model: token ids [B, S] to logits."""
    ids = torch.zeros(EXAMPLE_BATCH, EXAMPLE_LENGTH, dtype=torch.long, device="meta")
    return export_entry(model, (ids,), {}, {"input_ids": {0: "B", 1: "S"}}, symbols_of(config))


def mtp_entry(main: DeepseekV3, options: CaptureOptions) -> tuple[Entry, dict[str, torch.Tensor]] | None:
    """The first MTP module of ``main``, sharing its embedding and head by name; None where there is none."""
    config = main.config
    if not options.mtp or config.num_mtp_layers == 0 or options.layers is not None:
        return None
    predictor = build_predictor(main)
    hidden = torch.zeros(EXAMPLE_BATCH, EXAMPLE_LENGTH, config.hidden_size, dtype=DTYPES[options.dtype], device="meta")
    ids = torch.zeros(EXAMPLE_BATCH, EXAMPLE_LENGTH, dtype=torch.long, device="meta")
    dims: Dims = {name: {0: "B", 1: "S"} for name in ("hidden", "next_ids")}
    return export_entry(predictor, (hidden, ids), {}, dims, symbols_of(config)), real_buffers(predictor)


def symbols_of(config: ModelConfig) -> tuple[Symbol, ...]:
    """Batch and sequence length."""
    length = config.max_position_embeddings
    return Symbol("B", 1, MAX_BATCH, 1), Symbol("S", 1, length, min(length, 4096))


def real_buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    """Buffers that have values: those that no checkpoint holds."""
    return {name: buffer for name, buffer in model.named_buffers() if not buffer.is_meta}


def keep_layers(model: nn.Module, layers: tuple[int, int] | None) -> None:
    """Drop the layers outside of ``layers`` from the model's list of layers; the others keep their numbers and names.

    Raises UsageError for a range that is empty or too large, and where the layers are not in one numbered list.
    """
    if layers is None:
        return
    first, end = layers
    found = layer_list(model)
    if not 0 <= first < end <= len(found):
        raise UsageError(
            f"--layers {first}:{end} is not a range of this model's {len(found)} layers",
            hint=f"give A:B with 0 <= A < B <= {len(found)}",
        )
    for name, _ in list(found.named_children()):
        if not first <= int(name) < end:
            delattr(found, name)  # not del found[i], which renumbers the others


def layer_list(model: nn.Module) -> nn.ModuleList:
    """The model's one outermost list of layers."""
    lists = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    outer = [(name, module) for name, module in lists if not inside_one_of(name, [other for other, _ in lists])]
    if len(outer) != 1:
        names = ", ".join(name for name, _ in outer) or "none"
        raise UsageError(
            f"--layers needs one nn.ModuleList of layers; this model has: {names}",
            hint="keep the layers in one nn.ModuleList, or leave --layers out",
        )
    return outer[0][1]


def inside_one_of(name: str, others: Sequence[str]) -> bool:
    """Whether a module is inside one of the other modules."""
    return any(name.startswith(f"{other}.") for other in others)
