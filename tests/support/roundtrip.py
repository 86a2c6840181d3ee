"""Whether a program survives being printed and parsed, in both forms, and whether real MLIR takes it."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.printer import Printer

from dsv3c.ir.context import make_context

MLIR_OPT = Path(sys.executable).with_name("torch-mlir-opt")
SPLIT = "// -----"


def chunks(text: str) -> list[str]:
    """The programs of a file that is run with ``--split-input-file``."""
    return text.split(SPLIT)


def parse(text: str) -> ModuleOp:
    """A verified module in a context of its own, as a fresh process would make it."""
    module = Parser(make_context(), text).parse_module()
    module.verify()
    return module


def printed(module: ModuleOp, *, generic: bool = False, debuginfo: bool = False) -> str:
    """The module's text."""
    stream = StringIO()
    Printer(stream, print_generic_format=generic, print_debuginfo=debuginfo).print_op(module)
    return stream.getvalue() + "\n"


def check_round_trip(text: str) -> None:
    """Parse, print, parse: the same program and then the same text; custom, generic and with locations."""
    module = parse(text)
    for generic in (False, True):
        for debuginfo in (False, True):
            first = printed(module, generic=generic, debuginfo=debuginfo)
            again = parse(first)
            form = f"{'generic' if generic else 'custom'} form{' with locations' if debuginfo else ''}"
            assert again.is_structurally_equivalent(module), f"the {form} parses to another program:\n{first}"
            second = printed(again, generic=generic, debuginfo=debuginfo)
            assert second == first, f"the {form} prints differently the second time:\n{first}\n{second}"
    check_mlir_accepts(printed(module, generic=True, debuginfo=True))


def check_mlir_accepts(generic_text: str) -> None:
    """LLVM's own parser reads the generic form, dialects unknown to it included."""
    assert MLIR_OPT.exists(), "torch-mlir-opt is missing: pip install -e .[test,mlir]"
    command = [str(MLIR_OPT), "--allow-unregistered-dialect"]
    done = subprocess.run(command, input=generic_text, capture_output=True, text=True)
    assert done.returncode == 0, f"MLIR refuses the generic form:\n{done.stderr}\n{generic_text}"
