"""Programs as text: both forms, with or without locations; parse errors with position and caret."""

from io import StringIO

from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError

from dsv3c.ir.context import CompileContext
from dsv3c.ir.errors import IRError


def print_module(module: ModuleOp, *, generic: bool = False, locations: bool = False) -> str:
    """The module's text, ending in a newline; ``generic`` is the form every MLIR tool reads."""
    stream = StringIO()
    Printer(stream=stream, print_generic_format=generic, print_debuginfo=locations).print_op(module)
    return stream.getvalue() + "\n"


def parse_module(ctx: CompileContext, text: str, name: str = "<text>") -> ModuleOp:
    """Parse and do not verify.  Raises IRError with file, line, column and a caret."""
    try:
        return Parser(ctx, text, name).parse_module()
    except ParseError as error:
        raise IRError(parse_message(error), hint="the text is not valid IR; nothing was written") from error


def parse_message(error: ParseError) -> str:
    """``file:line:column``, the reason, the source line and a caret under the place."""
    return str(error).strip()
