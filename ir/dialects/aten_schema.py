"""PyTorch operator schemas read from their text, without torch.

The text is what ``str(torch._C.FunctionSchema)`` prints, e.g.
``aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor``.
Reading text and not the C++ object lets ``ir/`` keep its rule (no torch) and makes the table a reviewable file.
"""

import re
from dataclasses import dataclass
from enum import Enum

ARG = re.compile(
    r"(?P<type>[\w.]+)(?P<alias>\([a-z!*|>\- ]+\))?(?P<rest>[\[\]?\d]*)(\s+(?P<name>\w+))?(=(?P<default>.*))?$"
)
HEAD = re.compile(r"(?P<name>[\w:]+)(\.(?P<overload>\w+))?\((?P<args>.*)\) -> (?P<returns>.*)$")


class Kind(Enum):
    """How an argument (or result) appears in the IR."""

    TENSOR = "Tensor"
    OPTIONAL_TENSOR = "Tensor?"
    TENSORS = "Tensor[]"
    OPTIONAL_TENSORS = "Tensor?[]"
    ATTRIBUTE = "attribute"

    @property
    def is_operand(self) -> bool:
        """Whether values of this kind are SSA operands."""
        return self is not Kind.ATTRIBUTE


@dataclass(frozen=True)
class Arg:
    """One argument or result of an operator."""

    name: str
    kind: Kind
    type: str
    """The schema's own spelling without alias marks: ``SymInt[]``, ``ScalarType?``, ``Tensor``."""
    default: str | None
    """The default as text, or None for a required argument (an optional one has ``"None"``)."""
    is_written: bool
    """The op mutates this argument (``Tensor(a!)``)."""
    is_aliased: bool
    """A result may share memory with this argument (``Tensor(a)``)."""


@dataclass(frozen=True)
class Schema:
    """One overload."""

    op_name: str
    """IR spelling: ``aten.mean.dim``; the default overload has no suffix (``aten.linear``)."""
    args: tuple[Arg, ...]
    returns: tuple[Arg, ...]

    @property
    def mutates(self) -> bool:
        """Whether the operator writes into an argument."""
        return any(arg.is_written for arg in self.args)


def parse_schema(text: str) -> Schema:
    """Read one schema.  Raises ValueError for text that is not one."""
    head = HEAD.match(text.strip())
    if head is None:
        raise ValueError(f"not an operator schema: {text}")
    name = head["name"].replace("::", ".") + (f".{head['overload']}" if head["overload"] else "")
    returns = head["returns"]
    if returns.startswith("(") and returns.endswith(")"):
        returns = returns[1:-1]
    return Schema(name, _arguments(head["args"]), _arguments(returns))


def _arguments(text: str) -> tuple[Arg, ...]:
    return tuple(_argument(part, index) for index, part in enumerate(_split(text)) if part != "*")


def _argument(text: str, index: int) -> Arg:
    match = ARG.match(text)
    if match is None:
        raise ValueError(f"not a schema argument: {text!r}")
    rest = re.sub(r"\d", "", match["rest"])
    kind = Kind(f"Tensor{rest}") if match["type"] == "Tensor" and rest in ("", "?", "[]", "?[]") else Kind.ATTRIBUTE
    return Arg(
        match["name"] or f"result{index}",
        kind,
        match["type"] + rest,
        match["default"],
        "!" in (match["alias"] or ""),
        match["alias"] is not None,
    )


def _split(text: str) -> list[str]:
    """Split at top-level commas: defaults such as ``[0, 1]`` contain commas too."""
    parts, depth, start = list[str](), 0, 0
    for index, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    return [*parts, tail] if (tail := text[start:].strip()) else parts
