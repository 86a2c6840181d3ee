"""Programs as text: both forms, with or without locations; parse errors with position and caret."""

import re
from io import StringIO

from xdsl.dialects.builtin import UNKNOWN_LOC, ModuleOp
from xdsl.ir import Operation, TypeAttribute
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError, VerifyException

from dsv3c.ir.context import CompileContext
from dsv3c.ir.errors import IRError
from dsv3c.ir.locations import file_location
from dsv3c.ir.spelling import guess


def print_module(module: ModuleOp, *, generic: bool = False, locations: bool = False) -> str:
    """The module's text, ending in a newline; ``generic`` is the form every MLIR tool reads."""
    stream = StringIO()
    Printer(stream=stream, print_generic_format=generic, print_debuginfo=locations).print_op(module)
    return stream.getvalue() + "\n"


TYPE = re.compile(r'(?:tensor|![A-Za-z_][\w.]*)<[^<>"]*(?:"[^"<>]*"[^<>"]*)*>')
"""A type whose brackets do not nest: all of ours that a program repeats."""


class RememberingParser(Parser):
    """Reads a type's text once: a module of 61 layers writes the same 30 types 5,000 times."""

    def __init__(self, ctx: CompileContext, text: str, name: str) -> None:
        super().__init__(ctx, text, name)
        self.known_types = dict[str, TypeAttribute]()

    def parse_optional_type(self) -> TypeAttribute | None:
        """Look the text up before parsing it."""
        span = self._current_token.span
        match = TYPE.match(span.input.content, span.start)
        if match is None:
            return super().parse_optional_type()
        if match[0] in self.known_types:
            self._resume_from(match.end())
            return self.known_types[match[0]]
        parsed = super().parse_optional_type()
        rest = span.input.content[match.end() : self._current_token.span.start]
        if parsed is not None and not rest.strip():  # the type ends where the pattern says
            self.known_types[match[0]] = parsed
        return parsed


class LocatingParser(RememberingParser):
    """Gives ops that carry no location the place in the text they were read from."""

    file: str = ""

    def parse_operation(self) -> Operation:
        """Parse one op and locate it."""
        span = self._current_token.span
        op = super().parse_operation()
        if op.location == UNKNOWN_LOC:
            line = span.input.content.count("\n", 0, span.start) + 1
            op.location = file_location(self.file, line)
        return op


def parse_module(ctx: CompileContext, text: str, name: str = "<text>", *, first_line: int = 1) -> ModuleOp:
    """Parse and do not verify.  Raises IRError with file, line, column and a caret.

    Text without any ``loc(...)`` gets the lines of ``name`` as locations, as in MLIR; text that has locations keeps
    exactly those.  ``first_line``: the line of ``name`` the text starts at (a chunk of a split file).
    """
    padded = "\n" * (first_line - 1) + text
    try:
        if any("loc(" in line.partition("//")[0] for line in text.splitlines()):
            return RememberingParser(ctx, padded, name).parse_module()
        parser = LocatingParser(ctx, padded, name)
        parser.file = name
        return parser.parse_module()
    except ParseError as error:
        raise IRError(str(error).strip(), hint=hint_for(ctx, str(error))) from error
    except VerifyException as error:
        raise IRError(f"{name}: {error}", hint="a type or attribute in the text is not valid") from error


UNREGISTERED = re.compile(r"Operation ([\w.-]+) is not registered")


def hint_for(ctx: CompileContext, message: str) -> str:
    """What to do about a parse error: for a name nobody knows, the nearest dialect or op."""
    match = UNREGISTERED.search(message)
    if match is None:
        return "the text is not valid IR; nothing was written"
    dialect = match[1].partition(".")[0]
    dialects = sorted(ctx.registered_dialect_names)
    if dialect not in dialects:
        near = guess(dialect, dialects)
        return f"there is no dialect {dialect!r}: {near}dialects: {', '.join(dialects)} (--load adds a plug-in's)"
    known = [op.name for op in ctx.get_dialect(dialect).operations]
    near = guess(match[1], [*known, *(name for name in ctx.schemas if dialect == "aten")])
    return near.strip() or f"the dialect {dialect} has no such op"
