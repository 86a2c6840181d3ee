"""Functions of vendors' libraries that a program calls: imported when they are needed, looked for before it starts."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from dsv3c.backends.triton.runtime.records import GpuError


@dataclass(frozen=True)
class Extern:
    """A function of a library that is no part of the program."""

    package: str
    """The Python module it is taken from."""
    function: str
    source: str = ""
    """Where the library is published."""


def check_externs(externs: Sequence[Extern]) -> None:
    """Raise GpuError for the first function that this environment does not have."""
    for item in externs:
        try:
            find(item.package, item.function)
        except GpuError as error:
            where = f" ({item.source})" if item.source else ""
            raise GpuError(error.what, f"install it{where}, or compile without it (--extern)") from error


@cache
def find(package: str, function: str) -> Callable[..., Any]:
    """A library's function.  Raises GpuError where its package cannot be imported, or is without it."""
    try:
        module = importlib.import_module(package)
    except (ImportError, OSError) as error:  # OSError: a shared library that it needs cannot be loaded
        raise GpuError(f"the program calls {function} of {package}, which cannot be imported: {error}") from error
    if not hasattr(module, function):
        version = getattr(module, "__version__", "of no stated version")
        raise GpuError(f"the program calls {function} of {package}; the one that is installed ({version}) has none")
    found: Callable[..., Any] = getattr(module, function)
    return found
