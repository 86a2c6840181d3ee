"""Hugging Face ``config.json`` files and checkpoint folders, as configurations."""

import json
from pathlib import Path
from typing import cast

from dsv3c.ir.errors import UsageError
from dsv3c.models.configs import ConfigError, ModelConfig, from_hf

CONFIG_FILE = "config.json"


def read_config(path: Path) -> tuple[dict[str, object], ModelConfig]:
    """The fields of a configuration file (or of the one in a checkpoint folder) and what they mean.

    Raises UsageError naming the file for one that is missing, cut, no JSON object or not a model we know.
    """
    file = path / CONFIG_FILE if path.is_dir() else path
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError as error:
        what = f"the folder {path} has no {CONFIG_FILE}" if path.is_dir() else f"there is no file {path}"
        raise UsageError(what, hint="a checkpoint folder holds config.json beside its safetensors files") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"not valid JSON: {error.msg} (column {error.colno})",
            where=f"{file}:{error.lineno}",
            hint="the file may be cut; copy or download it again",
        ) from error
    if not isinstance(fields, dict):
        raise UsageError(f"{file} is not a JSON object", hint="a model's config.json starts with {")
    known = cast(dict[str, object], fields)
    try:
        return known, from_hf(known, name=model_name(file), source=str(file))
    except ConfigError as error:
        raise UsageError(str(error)) from error


def model_name(file: Path) -> str:
    """What to call the model: the folder of a ``config.json``, the stem of any other file."""
    return file.resolve().parent.name if file.name == CONFIG_FILE else file.stem
