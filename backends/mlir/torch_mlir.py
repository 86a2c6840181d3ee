"""torch-mlir's Python modules, imported when they are needed, and what its diagnostics mean to the user."""

import re
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from dsv3c.backends.mlir.errors import ExitError
from dsv3c.ir.errors import UsageError

PLACED = re.compile(r'(?:loc\()?"?(?P<file>[^\s"()]+\.py)"?:(?P<line>\d+):\d+\)?: (?P<text>error: .*)')
"""A diagnostic with the line that ``tidy`` gave the op."""


@dataclass(frozen=True)
class TorchMlir:
    """The modules of torch-mlir that are used."""

    ir: Any
    passes: Any
    func: Any
    torch: Any
    importer: Any


def load_torch_mlir() -> TorchMlir:
    """Import torch-mlir.  Raises UsageError where it is not installed."""
    try:
        return TorchMlir(
            ir=import_module("torch_mlir.ir"),
            passes=import_module("torch_mlir.passmanager"),
            func=import_module("torch_mlir.dialects.func"),
            torch=import_module("torch_mlir.dialects.torch"),
            importer=import_module("torch_mlir.extras.fx_importer"),
        )
    except ModuleNotFoundError as error:
        raise UsageError(
            f"linalg and StableHLO are written by torch-mlir, and {error.name} is not installed",
            hint="pip install 'dsv3c[mlir]'",
        ) from error


def refused(text: str) -> ExitError:
    """What torch-mlir does not take, with the user's line where its diagnostic names one."""
    found = PLACED.search(text)
    if found is not None:
        return ExitError(
            f"torch-mlir: {found['text'].removeprefix('error: ')}",
            where=f"{found['file']}:{found['line']}",
            hint="the op has no lowering there: write the model, or a pass, without it",
        )
    return ExitError("torch-mlir: " + " ".join(text.split())[:500])
