"""torch-mlir's Python modules, imported when they are needed, and what its diagnostics mean to the user."""

import re
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from dsv3c.backends.mlir.errors import ExitError
from dsv3c.ir.errors import UsageError

DIAGNOSTIC = re.compile(r'error: (?:"(?P<file>[^"]+)":(?P<line>\d+):\d+|unknown): (?P<text>.*)')
"""The first of torch-mlir's diagnostics, with the line that ``tidy`` gave the op."""
SHOWN = 300
"""Characters of a diagnostic."""


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
    found = DIAGNOSTIC.search(text)
    if found is None:
        return ExitError("torch-mlir: " + " ".join(text.split())[:SHOWN])
    return ExitError(
        f"torch-mlir: {found['text'][:SHOWN]}",
        where=f"{found['file']}:{found['line']}" if found["file"] else "",
        hint="torch-mlir has no lowering for it: write the model without it, or a pass that does",
    )
