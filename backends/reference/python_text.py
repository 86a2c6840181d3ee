"""Pieces of generated Python: names that do not collide, literals, wrapped calls."""

import keyword
import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

LINE_LENGTH = 120
NOT_IN_NAMES = re.compile(r"\W")


@dataclass
class Names:
    """Identifiers of one scope, each given once."""

    taken: set[str] = field(default_factory=set[str])

    def fresh(self, wanted: str) -> str:
        """``wanted`` made an identifier, with a number behind it where it is taken."""
        base = NOT_IN_NAMES.sub("_", wanted) or "v"
        if base[0].isdigit():
            base = f"v{base}"
        name, number = base, 0
        while name in self.taken or keyword.iskeyword(name):
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name)
        return name


def literal_text(value: object) -> str:
    """A literal as Python reads it back."""
    match value:
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case tuple():
            inner = ", ".join(map(literal_text, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case list():
            return "[" + ", ".join(map(literal_text, value)) + "]"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case None | bool() | int() | float() | complex() | torch.dtype():
            return repr(value)
        case _:
            raise AssertionError(f"no literal: {value!r}")


def wrapped(head: str, items: Sequence[str], tail: str, indent: str) -> list[str]:
    """``head(items)tail`` on one line, or with the items filled into lines of their own."""
    line = f"{indent}{head}({', '.join(items)}){tail}"
    if len(line) <= LINE_LENGTH:
        return [line]
    lines, current = [f"{indent}{head}("], ""
    for item in items:
        if current and len(indent) + 4 + len(current) + len(item) + 2 > LINE_LENGTH:
            lines.append(f"{indent}    {current.rstrip()}")
            current = ""
        current += f"{item}, "
    return [*lines, f"{indent}    {current.rstrip()}", f"{indent}){tail}"]


def filled(line: str) -> list[str]:
    """A line with brackets broken at spaces; string literals have none."""
    return textwrap.wrap(line, LINE_LENGTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def targets(names: Iterable[str], *, sequence: bool) -> str:
    """The left side of an assignment: ``a``, ``a, b``, or ``[a]`` for a sequence of one."""
    listed = list(names)
    return f"[{listed[0]}]" if sequence and len(listed) == 1 else ", ".join(listed)
