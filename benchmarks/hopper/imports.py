"""Libraries that peers come from: imported when they are asked for, named with the reason where they are not there."""

import importlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from types import ModuleType
from typing import Any

LIBRARIES = ("deep_gemm", "flash_mla", "flash_attn_interface", "transformers")
"""Import names; PyTorch's own peers need no other package."""


@dataclass(frozen=True)
class Found:
    """Whether a library can be imported."""

    name: str
    version: str = ""
    distribution: str = ""
    why_not: str = ""

    def as_json(self) -> dict[str, str]:
        """Without what is not known."""
        return {key: value for key, value in vars(self).items() if value}


def library(name: str) -> Any:
    """A module.  Raises ImportError, or whatever the library raises when it is imported."""
    return importlib.import_module(name)


def look_for(name: str) -> Found:
    """Import a library and say of which version it is, or why it cannot be imported."""
    try:
        module = importlib.import_module(name)
    except Exception as error:  # a library may raise anything: it is told, and the others go on
        return Found(name, why_not=f"{type(error).__name__}: {first_line(error)}")
    distribution = next(iter(packages_distributions().get(name, [])), "")
    return Found(name, version_of(module, distribution), distribution)


def version_of(module: ModuleType, distribution: str) -> str:
    """The distribution's version, or the module's own."""
    try:
        return version(distribution) if distribution else str(getattr(module, "__version__", ""))
    except PackageNotFoundError:
        return str(getattr(module, "__version__", ""))


def first_line(error: BaseException, width: int = 300) -> str:
    """What an error says, in one line."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:width]


def look_for_all() -> dict[str, Found]:
    """All libraries, by name."""
    return {name: look_for(name) for name in LIBRARIES}
