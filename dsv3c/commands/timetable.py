"""``dsv3c timetable OUT|FILE.mlir``: what runs when, on which stream, and what of the communication stays exposed."""

import argparse
import json
import sys
from pathlib import Path

from dsv3c.artifact import MODULE, is_artifact, load_artifact
from dsv3c.compilation.reading import read_text
from dsv3c.files import write_text
from dsv3c.frontend.sources import is_text
from dsv3c.ir.context import make_context
from dsv3c.ir.errors import UsageError
from dsv3c.ir.legality import CODES, violations
from dsv3c.ir.spelling import guess
from dsv3c.ir.text import parse_module
from dsv3c.ir.timetable import Timetable
from dsv3c.ir.timetable_ops import timetable_of, timetables
from dsv3c.reports.timetable_svg import render_svg
from dsv3c.reports.timetable_text import headline, render_text
from dsv3c.reports.timetable_trace import trace_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("program", type=Path, metavar="OUT|FILE.mlir", help="an artifact, or a module in text form")
    parser.add_argument("--entry", metavar="NAME", help="of one entry (default: of all)")
    parser.add_argument("--trace", type=Path, metavar="FILE.json", help="write it for Perfetto or chrome://tracing")
    parser.add_argument("--svg", type=Path, metavar="FILE.svg", help="write it as a picture")
    parser.add_argument("--check", action="store_true", help="only say whether each can run; exit status 1 if not")


def run(arguments: argparse.Namespace) -> int:
    """Read, then print, write or judge; the program is not verified: a wrong timetable is what --check is for."""
    found = chosen(read_timetables(arguments.program), arguments)
    if arguments.check:
        return judge(found)
    one = next(iter(found.values()))
    if arguments.trace is not None:
        write_text(arguments.trace, json.dumps(trace_json(one)) + "\n")
    if arguments.svg is not None:
        write_text(arguments.svg, render_svg(one))
    if arguments.trace is None and arguments.svg is None:
        sys.stdout.write("\n".join(render_text(table) for table in found.values()))
    return 0


def read_timetables(path: Path) -> dict[str, Timetable]:
    """The timetables of a program, by entry.  Raises UsageError for a program without any."""
    if is_text(str(path)):
        text, where = read_text(path), str(path)
    elif is_artifact(path):
        load_artifact(path)
        text, where = (path / MODULE).read_text("utf-8"), str(path / MODULE)
    else:
        raise UsageError(
            f"{path} is not a program" if path.exists() else f"there is no program {path}",
            hint="give a folder written by `dsv3c compile MODEL -o OUT`, or a .mlir file",
        )
    module = parse_module(make_context(), text, where)
    found = {name: timetable_of(op) for name, op in timetables(module).items()}
    if not found:
        raise UsageError(
            f"{path} has no timetable",
            hint="communication is scheduled where there is some: compile with --ep N, or run schedule-overlap",
        )
    return found


def chosen(found: dict[str, Timetable], arguments: argparse.Namespace) -> dict[str, Timetable]:
    """The one that is named, or all.  Raises UsageError for an unknown name, and for a file that several go into."""
    name = arguments.entry.removeprefix("@") if arguments.entry is not None else None
    if name is not None and name not in found:
        raise UsageError(f"@{name} has no timetable", hint=f"{guess(name, found)}timetables: {', '.join(found)}")
    if name is not None:
        return {name: found[name]}
    if len(found) > 1 and (arguments.trace is not None or arguments.svg is not None):
        raise UsageError("a file holds one timetable", hint=f"name one with --entry: {', '.join(found)}")
    return found


def judge(found: dict[str, Timetable]) -> int:
    """Print what is wrong with each, or that nothing is."""
    wrong = 0
    for table in found.values():
        faults = violations(table)
        wrong += len(faults)
        print(f"{headline(table)[0]}: {'can run' if not faults else f'{len(faults)} reasons why it cannot run'}")
        for fault in faults:
            print(f"  {fault}")
        for code in sorted({fault.code for fault in faults}):
            print(f"  ({code}: {CODES[code]})")
    return 1 if wrong else 0
