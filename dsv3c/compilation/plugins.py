"""Plug-ins: passes and dialects from a user's file or from an installed package's entry points."""

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from inspect import isabstract
from pathlib import Path
from types import ModuleType

from xdsl.ir import Dialect

from dsv3c.compilation.known_passes import KNOWN
from dsv3c.ir.errors import UsageError
from dsv3c.passes.base import Pass

GROUPS = ("dsv3c.passes", "dsv3c.dialects")


@dataclass
class Plugins:
    """What was loaded."""

    passes: dict[str, type[Pass]] = field(default_factory=dict[str, type[Pass]])
    dialects: dict[str, Dialect] = field(default_factory=dict[str, Dialect])

    def add(self, value: object, where: str) -> None:
        """Register a pass class or a dialect; other values are nobody's business."""
        if isinstance(value, type) and issubclass(value, Pass) and not isabstract(value) and "name" in vars(value):
            if value.name in KNOWN or value.name in self.passes:
                raise UsageError(f"{where}: a pass named {value.name} exists already", hint="choose another name")
            self.passes[value.name] = value
        elif isinstance(value, Dialect):
            self.dialects[value.name] = value


def load_plugins(files: Sequence[Path]) -> Plugins:
    """Passes and dialects of installed packages and of ``files``.

    Raises UsageError for a missing file, an error while it runs (with its own line), and a name taken twice.
    """
    plugins = Plugins()
    for group in GROUPS:
        for entry in entry_points(group=group):
            plugins.add(entry.load(), f"entry point {entry.value}")
    for file in files:
        module = run_file(file)
        found = [value for value in vars(module).values() if belongs(value, module)]
        for value in found:
            plugins.add(value, str(file))
        if not found:
            raise UsageError(
                f"{file} defines no pass and no dialect",
                hint="a pass is a frozen dataclass derived from dsv3c.passes.base.Pass",
            )
    return plugins


def belongs(value: object, module: ModuleType) -> bool:
    """Whether a plug-in's value is its own pass or dialect, and not an imported one."""
    if isinstance(value, Dialect):
        return True
    return isinstance(value, type) and issubclass(value, Pass) and value.__module__ == module.__name__


def run_file(file: Path) -> ModuleType:
    """Import a file under a name of its own."""
    if not file.is_file():
        raise UsageError(f"plug-in {file} does not exist")
    name = f"dsv3c_plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"plug-in {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = next((f.lineno for f in reversed(traceback_frames(error)) if f.filename == str(file)), None)
        where = f"{file}:{line}" if line else str(file)
        raise UsageError(f"plug-in failed: {type(error).__name__}: {error}", where=where) from error
    return module


def traceback_frames(error: BaseException) -> list["Frame"]:
    """File and line of every frame, outermost first."""
    frames, trace = list[Frame](), error.__traceback__
    while trace is not None:
        frames.append(Frame(trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return frames


@dataclass(frozen=True)
class Frame:
    """One frame of a traceback."""

    filename: str
    lineno: int
