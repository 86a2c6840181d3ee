"""Why ``torch.export`` refused a model, in the user's terms: their file, their line, the edit to make."""

import ast
import inspect
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from torch import nn

from dsv3c.frontend.fx_graph import is_user_file, short_path, source_line
from dsv3c.frontend.import_types import EDIT_DATA_DEPENDENT
from dsv3c.frontend.import_writes import EDIT_CACHE
from dsv3c.ir.errors import Dsv3cError

DATA_DEPENDENT = re.compile(
    r"data-dependent|unbacked|cannot be called on meta tensors|DynamicOutputShape|"
    r"Cannot call (numel|sizes)\(\) on tensor with symbolic|nonzero|_local_scalar_dense",
    re.IGNORECASE,
)
CONSTRAINTS = re.compile(r"Constraints violated \(([^)]*)\)")
FIX = re.compile(r"^\s*(\w+ = .+)$", re.MULTILINE)
ASSIGNED = re.compile(r"tensor attributes? ((?:self\.[\w.]+(?:, )?)+) (?:was|were) assigned during export")
OWN_FOLDER = str(Path(__file__).parents[1])


class CaptureFailure(Dsv3cError):
    """``torch.export`` cannot take the model as it is written."""


@dataclass(frozen=True)
class Place:
    """A line of the user's source."""

    file: str
    line: int

    @property
    def where(self) -> str:
        """``model.py:12``."""
        return f"{short_path(self.file)}:{self.line}"

    @property
    def text(self) -> str:
        """The line itself."""
        return source_line(self.file, self.line)


def capture_failure(error: Exception, model: nn.Module) -> CaptureFailure:
    """The error that the user gets for an exception out of ``torch.export``."""
    message = str(error)
    place = innermost_user_frame(error)
    if CONSTRAINTS.search(message):
        return constraint_failure(message, model)
    line, where = (f": {place.text}" if place else ""), (place.where if place else "")
    if DATA_DEPENDENT.search(f"{type(error).__name__} {message}"):
        return CaptureFailure(f"control flow or a shape depends on data{line}", where=where, hint=EDIT_DATA_DEPENDENT)
    return CaptureFailure(
        f"torch.export stops here{line}\n  {type(error).__name__}: {first_paragraph(message)}",
        where=where,
        hint="forward is traced with tensors that have shapes but no values: use tensor operations only",
    )


def constraint_failure(message: str, model: nn.Module) -> CaptureFailure:
    """Export found that the model does not work for all sizes in the range: a fixed buffer is the usual reason."""
    if (written := next(buffer_writes(model), None)) is not None:
        name, place = written
        return buffer_failure(name, place)
    names = CONSTRAINTS.search(message)
    fixes = FIX.findall(message.partition("Suggested fixes:")[2])
    return CaptureFailure(
        f"the model does not work for every {names[1] if names else 'size'} in its range; "
        f"torch.export proposes {'; '.join(fixes) or 'no fix'}",
        hint="remove what ties this size (a fixed-size buffer, an assert, a reshape with a number), "
        "or give the range in dynamic_dims()",
    )


def buffer_failure(name: str, place: Place | None) -> CaptureFailure:
    """State that the module keeps between calls."""
    line, where = (f": {place.text}" if place else ""), (place.where if place else "")
    return CaptureFailure(f"forward keeps state in the module, self.{name}{line}", where=where, hint=EDIT_CACHE)


def assigned_attributes(warning: str) -> list[str]:
    """Attributes that torch's warning says were assigned during export, without ``self.``."""
    match = ASSIGNED.search(warning)
    return [name.strip().removeprefix("self.") for name in match[1].split(",")] if match else []


def assignment_failure(name: str, model: nn.Module) -> CaptureFailure:
    """A tensor attribute that forward assigned: export would silently lose it."""
    last = name.rpartition(".")[2]
    place = next((place for found, place in attribute_writes(model) if found == last), None)
    return buffer_failure(last, place)


def innermost_user_frame(error: BaseException) -> Place | None:
    """The last line of the model's own code before the exception; helper functions included."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if is_user_file(frame.filename) and not frame.filename.startswith(OWN_FOLDER)]
    return Place(mine[-1].filename, mine[-1].lineno or 0) if mine else None


def first_paragraph(message: str) -> str:
    """The part of torch's message that says what happened."""
    return " ".join(message.strip().partition("\n\n")[0].split()) or "no message"


def buffer_writes(model: nn.Module) -> Iterator[tuple[str, Place]]:
    """Lines outside of ``__init__`` that assign to a registered buffer, or into one."""
    buffers = {name.rpartition(".")[2] for name, _ in model.named_buffers()}
    return ((name, place) for name, place in attribute_writes(model) if name in buffers)


def attribute_writes(model: nn.Module) -> Iterator[tuple[str, Place]]:
    """Where methods of the model write ``self.name = ..``, ``self.name[..] = ..``, ``self.name.copy_(..)``."""
    for cls in dict.fromkeys(type(module) for module in model.modules()):
        try:
            file = inspect.getsourcefile(cls)
            lines, start = inspect.getsourcelines(cls)
        except (OSError, TypeError):
            continue
        if file is None or not is_user_file(file):
            continue
        tree = ast.parse(dedent("".join(lines)))
        for method in ast.walk(tree):
            if isinstance(method, ast.FunctionDef) and method.name != "__init__":
                for name, line in writes_in(method):
                    yield name, Place(file, start + line - 1)


def writes_in(method: ast.FunctionDef) -> Iterator[tuple[str, int]]:
    """Attributes of ``self`` that one method writes, with the line in its class."""
    for statement in ast.walk(method):
        match statement:
            case ast.Assign(targets=targets):
                written = targets
            case ast.AugAssign(target=target):
                written = [target]
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr.endswith("_") and attr[0] != "_":
                written = [value]
            case _:
                continue
        for target in written:
            if (name := attribute_of_self(target)) is not None:
                yield name, statement.lineno


def attribute_of_self(target: ast.expr) -> str | None:
    """``cache`` for ``self.cache``, ``self.cache[:n]``, ``self.cache[:n].view(-1)``; None for anything else."""
    while True:
        match target:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return name
            case ast.Subscript(value=inner) | ast.Call(func=ast.Attribute(value=inner)):
                target = inner
            case _:
                return None
