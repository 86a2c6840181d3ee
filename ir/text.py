"""Programs as text: both forms, with or without locations; parse errors with position and caret."""

from io import StringIO

from xdsl.dialects.builtin import UNKNOWN_LOC, ModuleOp
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError, VerifyException

from dsv3c.ir.context import CompileContext
from dsv3c.ir.errors import IRError
from dsv3c.ir.locations import file_location


def print_module(module: ModuleOp, *, generic: bool = False, locations: bool = False) -> str:
    """The module's text, ending in a newline; ``generic`` is the form every MLIR tool reads."""
    stream = StringIO()
    Printer(stream=stream, print_generic_format=generic, print_debuginfo=locations).print_op(module)
    return stream.getvalue() + "\n"


class LocatingParser(Parser):
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
            return Parser(ctx, padded, name).parse_module()
        parser = LocatingParser(ctx, padded, name)
        parser.file = name
        return parser.parse_module()
    except ParseError as error:
        raise IRError(str(error).strip(), hint="the text is not valid IR; nothing was written") from error
    except VerifyException as error:
        raise IRError(f"{name}: {error}", hint="a type or attribute in the text is not valid") from error
