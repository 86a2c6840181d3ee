"""``dsv3c opt``: passes over text, with mlir-opt's habits; starts without torch."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from dsv3c.compilation.diagnostics import verify_diagnostics
from dsv3c.compilation.driver import Driver
from dsv3c.compilation.pipelines import parse_passes, until
from dsv3c.compilation.plugins import Plugins, load_plugins
from dsv3c.files import write_text
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.errors import Dsv3cError, UsageError
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import parse_module, print_module
from dsv3c.options import (
    add_pass_options,
    check_print_names,
    observers_of,
    stats_table,
    timing_table,
)
from dsv3c.passes.base import Pass
from dsv3c.reports.remarks import emit_remarks

SEPARATOR = "// -----"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("file", nargs="?", default="-", help="module in text form; - or nothing: standard input")
    parser.add_argument("-p", "--passes", default="", metavar="PIPELINE", help="e.g. 'absorb-mla{mode=always},cse'")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here instead of standard output")
    parser.add_argument("--target", default="cpu", help="target whose facts passes may ask for")
    parser.add_argument("--evaluate", action="store_true", help="let passes evaluate size-only values (loads torch)")
    parser.add_argument(
        "--split-input-file", action="store_true", help=f"treat the parts between '{SEPARATOR}' lines apart"
    )
    parser.add_argument(
        "--verify-diagnostics", action="store_true", help="check errors and remarks against expected-* comments"
    )
    parser.add_argument(
        "--print-op-generic", "--mlir-print-op-generic", action="store_true", help="print MLIR's generic form"
    )
    parser.add_argument("--print-debuginfo", "--mlir-print-debuginfo", action="store_true", help="print locations")
    parser.add_argument("--allow-unregistered-dialect", action="store_true", help="accept ops of unknown dialects")
    parser.add_argument("--no-verify", action="store_true", help="only parse and print: do not verify the input")
    add_pass_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Parse, verify, run the passes, print."""
    plugins = load_plugins(arguments.load)
    passes = until(parse_passes(arguments.passes, plugins.passes), arguments.stop_after)
    check_print_names(arguments, passes)
    name, text = read_input(arguments.file)
    chunks = list(split(text)) if arguments.split_input_file else [(1, text)]
    if arguments.verify_diagnostics:
        return verify_chunks(arguments, plugins, passes, name, chunks)
    results = [one(arguments, plugins, passes, name, line, chunk)[1] for line, chunk in chunks]
    output = f"{SEPARATOR}\n".join(results)
    if arguments.output is not None:
        write_text(arguments.output, output)
    else:
        sys.stdout.write(output)
    return 0


def read_input(file: str) -> tuple[str, str]:
    """Name and text of the input."""
    if file == "-":
        return "<stdin>", sys.stdin.read()
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"{file} does not exist", hint="give a .mlir file, or - for standard input")
    return file, path.read_text("utf-8")


def split(text: str) -> Iterator[tuple[int, str]]:
    """First line number and text of every part between separator lines."""
    first, part = 1, list[str]()
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if line.strip() == SEPARATOR:
            yield first, "".join(part)
            first, part = number + 1, []
        else:
            part.append(line)
    yield first, "".join(part)


def context_of(arguments: argparse.Namespace, plugins: Plugins) -> CompileContext:
    """A fresh context for one part."""
    ctx = make_context(target=load_target(arguments.target))
    ctx.allow_unregistered = arguments.allow_unregistered_dialect
    for dialect in plugins.dialects.values():
        ctx.load_dialect(dialect)
    return ctx


def one(
    arguments: argparse.Namespace, plugins: Plugins, passes: list[Pass], name: str, line: int, text: str
) -> tuple[CompileContext, str]:
    """One part: its context with the outcomes, and the resulting text."""
    ctx = context_of(arguments, plugins)
    return ctx, transform(arguments, ctx, passes, name, line, text)


def transform(
    arguments: argparse.Namespace, ctx: CompileContext, passes: list[Pass], name: str, line: int, text: str
) -> str:
    """Parse, run, report and print one part."""
    module = parse_module(ctx, text, name, first_line=line)
    if arguments.evaluate:
        from dsv3c.compilation.evaluator import TorchEvaluator

        ctx.evaluator = TorchEvaluator()
    driver = Driver(ctx, observers_of(arguments, ctx), allow_unapplied=True)
    if passes or not arguments.no_verify:
        driver.run(module, passes)
    if arguments.stats:
        print(stats_table(ctx), file=sys.stderr)
    if arguments.timing:
        print(timing_table(driver), file=sys.stderr)
    if arguments.remarks is not None:
        emit_remarks(ctx.outcomes, arguments.remarks)
    if not arguments.allow_unapplied and not arguments.split_input_file:
        driver.check_applied(frozenset(item.name for item in passes))
    return print_module(module, generic=arguments.print_op_generic, locations=arguments.print_debuginfo)


def verify_chunks(
    arguments: argparse.Namespace, plugins: Plugins, passes: list[Pass], name: str, chunks: list[tuple[int, str]]
) -> int:
    """Compare what each part reports with its expected-* comments; 0 when all agree."""
    failures = list[str]()
    for line, chunk in chunks:
        ctx, error = context_of(arguments, plugins), None
        try:
            transform(arguments, ctx, passes, name, line, chunk)
        except Dsv3cError as raised:
            error = raised
        failures += verify_diagnostics(chunk, line, name, error, ctx.outcomes)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0
