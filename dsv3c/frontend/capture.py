"""A model by name or file -> what the importer needs: exported programs with everything export forgets.

MODEL is a named configuration (``deepseek-v3``, ``tiny``), a Hugging Face ``config.json``, a checkpoint folder, or a
Python file (``model.py`` with ``build_model()`` and ``example_inputs()``, or ``model.py:function``).
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from dsv3c.frontend.captured import DTYPES, MAX_BATCH, Captured, CaptureOptions, Dims, Entry, Symbol
from dsv3c.frontend.exporting import export_entry
from dsv3c.frontend.layers import keep_layers, real_buffers
from dsv3c.frontend.recipes import quantized_in_folder
from dsv3c.ir.errors import UsageError
from dsv3c.models.configs import ConfigError, ModelConfig, load_config
from dsv3c.models.deepseek_v3 import DeepseekV3, build_model, build_predictor
from dsv3c.models.semantics import SemanticsName

EXAMPLE_BATCH, EXAMPLE_LENGTH = 2, 16
"""Sizes export traces with; any values that are not 0 or 1."""


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
        from dsv3c.frontend.user_models import capture_file

        return capture_file(Path(file), function or None, options)
    if Path(model).is_dir() or model.endswith(".json"):
        from dsv3c.frontend.config_sources import read_config

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
    from dsv3c.frontend.hf_models import build_hf, rotary_buffers

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
