"""Data that comes with dsv3c as TOML files, and a user's own files of the same form: targets, recipes, tables."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeVar

from dsv3c.ir.errors import UsageError
from dsv3c.ir.spelling import guess

Loaded = TypeVar("Loaded")


@cache
def shipped_texts(folder: str) -> dict[str, str]:
    """Text of the files in a folder of this package, by name without the ending, sorted."""
    found = resources.files("dsv3c.ir") / folder
    names = sorted(file.name.removesuffix(".toml") for file in found.iterdir() if file.name.endswith(".toml"))
    return {name: (found / f"{name}.toml").read_text("utf-8") for name in names}


def load(
    name: str, shipped: Mapping[str, Loaded], parse: Callable[[str, str], Loaded], *, what: str, file: str, hint: str
) -> Loaded:
    """What is shipped under a name, or ``parse(text, path)`` of a user's ``.toml`` file.

    ``what`` and ``file`` are what errors call it and its file, ``hint`` says how to see what there is.  Raises
    UsageError for a name that is neither.
    """
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if path.suffix != ".toml":
        known = ", ".join(shipped)
        raise UsageError(
            f"unknown {what} {name!r}", hint=f"{guess(name, shipped)}known: {known}, or a .toml file of your own"
        )
    if not path.is_file():
        raise UsageError(f"{file} {name} does not exist", hint=hint)
    return parse(path.read_text("utf-8"), name)
