"""The command line of ``python -m benchmarks.hopper``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsv3c.ir.errors import Dsv3cError

VERBS = ("run", "table", "plot", "wheels", "compile", "cases")


def parser() -> argparse.ArgumentParser:
    """All verbs; without one, ``run``."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.hopper", description="DeepSeek-V3's kernels on Hopper")
    verbs = made.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="check and time everything (the default)")
    run.add_argument("--only", metavar="A,B", help="families of cases (gemm, mla, rows, layer, ...), or parts of names")
    run.add_argument("--quick", action="store_true", help="fewer runs of each")
    run.add_argument("--budget", type=float, metavar="SECONDS", help="run the important cases first, and end in time")
    run.add_argument("--resume", type=Path, metavar="FILE", help="go on from earlier results of the same device")
    run.add_argument("--kernels", type=Path, metavar="DIR", help="kernels that `compile` made (default: compile now)")
    run.add_argument("--tuned", default="shipped", metavar="FILE.toml", help="measured configurations, as for compile")
    run.add_argument("--no-pdl", action="store_true", help="start no kernel before the one in front of it has ended")
    run.add_argument("--no-peers", action="store_true", help="time ours alone")
    run.add_argument("--seed", type=int, metavar="N", help="of all operands (default: another in every run)")
    run.add_argument("-o", "--output", type=Path, metavar="FILE", help="(default: benchmarks/results/DEVICE-DATE.json)")
    run.add_argument("--smoke", action="store_true", help="check everything at small sizes on the CPU instead")
    table = verbs.add_parser("table", help="the table of targets, filled from a file of results")
    table.add_argument("file", type=Path)
    table.add_argument("--cases", action="store_true", help="every case too")
    plot = verbs.add_parser("plot", help="plots of a file of results, as SVG")
    plot.add_argument("file", type=Path)
    plot.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    wheels = verbs.add_parser("wheels", help="download what a machine without a package index needs")
    wheels.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    wheels.add_argument("--python", default="3.12", metavar="VERSION", help="of that machine (default: 3.12)")
    compiled = verbs.add_parser("compile", help="compile all kernels ahead of time; needs no GPU")
    compiled.add_argument("--target", default="h100", help="h100, h200 or h800 (default: h100)")
    compiled.add_argument("--only", metavar="A,B", help="as for run")
    compiled.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    verbs.add_parser("cases", help="list all cases with their floors")
    return made


def main(given: Sequence[str] | None = None) -> int:
    """The exit status; errors of the user in one line or two."""
    words = list(sys.argv[1:] if given is None else given)
    if not words or (words[0] not in VERBS and words[0] not in ("-h", "--help")):
        words.insert(0, "run")
    arguments = parser().parse_args(words)
    try:
        return run_verb(arguments)
    except Dsv3cError as error:
        print(f"error: {error.what}{f' ({error.hint})' if error.hint else ''}", file=sys.stderr)
        return error.exit_code


def run_verb(arguments: argparse.Namespace) -> int:
    """Dispatch; modules are imported where they are needed, so that tables need no PyTorch."""
    match arguments.verb:
        case "table":
            from benchmarks.hopper.report import read_results
            from benchmarks.hopper.table import cases_table, table

            results = read_results(arguments.file)
            print(table(results))
            if arguments.cases:
                print(f"\n{cases_table(results)}")
            return 0
        case "plot":
            from benchmarks.hopper.plots import write_plots
            from benchmarks.hopper.report import read_results

            for file in write_plots(read_results(arguments.file), arguments.output):
                print(file)
            return 0
        case "wheels":
            from benchmarks.hopper.wheels import download

            return download(arguments.output, arguments.python)
        case "compile":
            from benchmarks.hopper.run import compile_only

            return compile_only(arguments)
        case "cases":
            from benchmarks.hopper.listing import listing

            print(listing())
            return 0
        case _:
            return run_or_smoke(arguments)


def run_or_smoke(arguments: argparse.Namespace) -> int:
    """``run``."""
    if arguments.smoke:
        from benchmarks.hopper.smoke import smoke

        return smoke(seed=arguments.seed or 0)
    from benchmarks.hopper.run import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
