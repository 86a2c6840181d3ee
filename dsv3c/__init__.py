"""The dsv3c application: command line, driver, capture and import, artifacts; the Python API (see ``dsv3c.api``)."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsv3c.api import capture as capture
    from dsv3c.api import compile as compile
    from dsv3c.api import execute as execute
    from dsv3c.api import load as load
    from dsv3c.api import opt as opt
    from dsv3c.api import print_ir as print_ir

if not (Path(__file__).parent / "ir").is_dir():
    # A source tree: ir, passes, backends and models stand beside this folder, not inside it.
    __path__.append(str(Path(__file__).resolve().parents[1]))

API = ("capture", "compile", "execute", "load", "opt", "print_ir")
"""Functions of ``dsv3c.api``, imported when they are first used."""


def __getattr__(name: str) -> object:
    if name not in API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dsv3c import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *API})
