"""Write the reference pages that the code knows best: ``ops.md``, ``passes.md``, ``cli.md``.

python docs/generate.py            writes them
python docs/generate.py --check    exits with 1 when one of them is not what would be written
"""

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import getdoc
from pathlib import Path

from dsv3c.cli import VERBS, build_parser
from dsv3c.commands.passes import describe, facts, first_sentence
from dsv3c.compilation.known_passes import KNOWN, load_pass
from dsv3c.ir.context import DIALECTS, load_dialect

FOLDER = Path(__file__).parent
PIPE = "\\|"
"""In a cell of a table."""
NOTE = "<!-- Written by docs/generate.py from the {source}: edit those. -->"


def ops_page() -> Iterator[str]:
    """Every op of our dialects with its docstring."""
    yield from ("# Ops", "", NOTE.format(source="docstrings in ir/dialects/"), "")
    yield "What the types, symbols, recipes and caches in these mean: [ir.md](ir.md)."
    for name, (module, _) in DIALECTS.items():
        yield from ("", f"## {name}", "", getdoc(import_module(module)) or "")
        for op in sorted(load_dialect(name).operations, key=lambda op: op.name):
            yield from ("", f"### `{op.name}`", "", getdoc(op) or "")
    yield from ("", "## aten", "")
    yield "Captured ops, one class per overload, made from PyTorch's own schemas (`ir/dialects/schemas/`):"
    yield "`aten.slice.Tensor(%x, dim = 2, start = 0, end = 64) : T` is `torch.ops.aten.slice.Tensor`, with the"
    yield "arguments the model gave and the type of the result."


def passes_page() -> Iterator[str]:
    """A table of all passes, then each with what its file says."""
    yield from ("# Passes", "", NOTE.format(source="docstrings in passes/"), "")
    yield "`dsv3c passes NAME` prints the same. How to write one: [CONTRIBUTING.md](../CONTRIBUTING.md)."
    yield from ("What `numerics` promises: [numerics.md](numerics.md).", "")
    yield from ("| pass | requires | ensures | numerics | what it does |", "|---|---|---|---|---|")
    passes = {name: load_pass(name) for name in KNOWN}
    for name, cls in passes.items():
        cells = (f"[{name}](#{name})", facts(cls.requires), facts(cls.ensures), cls.numerics, first_sentence(cls))
        yield f"| {' | '.join(cells)} |"
    for name, cls in passes.items():
        yield from ("", f"## {name}", "", "```text", describe(cls), "```")


def cli_page() -> Iterator[str]:
    """Every verb with its flags."""
    yield from ("# Command line", "", NOTE.format(source="parsers in dsv3c/commands/"), "")
    yield "Exit status: 0 ok, 1 the compile failed, 2 wrong usage. Errors say what, where and what to do; a traceback"
    yield "comes with `--debug` only. Between passes, flags may be spelled as in mlir-opt (`--mlir-timing`)."
    for verb, text in VERBS.items():
        parser = build_parser(verb)
        yield from ("", f"## dsv3c {verb}", "", f"{text[0].upper()}{text[1:]}.", "", "| | |", "|---|---|")
        for action in parser._actions:
            if isinstance(action, argparse._HelpAction) or action.option_strings == ["--debug"]:
                continue
            cells = (f"`{spelling(action)}`", (action.help or "") % vars(action))
            yield f"| {' | '.join(cell.replace('|', PIPE) for cell in cells)} |"


def spelling(action: argparse.Action) -> str:
    """``--layers A:B``, ``MODEL``."""
    value = action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else "")
    value = value or (action.dest.upper() if action.option_strings else action.dest)
    if not action.option_strings:
        return str(value)
    names = ", ".join(name for name in action.option_strings if not name.startswith("--mlir-"))
    return names if action.nargs == 0 else f"{names} {value}"


PAGES = {"ops.md": ops_page, "passes.md": passes_page, "cli.md": cli_page}


def text_of(name: str) -> str:
    """What the page should hold."""
    return "\n".join(line.rstrip() for part in PAGES[name]() for line in part.split("\n")) + "\n"


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 when a page is old")
    check = parser.parse_args().check
    old = [name for name in PAGES if not (FOLDER / name).is_file() or (FOLDER / name).read_text() != text_of(name)]
    for name in old:
        print(f"{name}: {'old' if check else 'written'}")
        if not check:
            (FOLDER / name).write_text(text_of(name))
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
