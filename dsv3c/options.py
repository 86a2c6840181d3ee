"""Options that verbs share: what to print between passes, statistics, remarks, plug-ins; the reference's arithmetic."""

import argparse
from pathlib import Path

from dsv3c.compilation.driver import Driver, Observer
from dsv3c.compilation.observers import PrintIR, TreeDir
from dsv3c.ir.context import CompileContext
from dsv3c.ir.errors import UsageError
from dsv3c.ir.outcomes import count
from dsv3c.ir.spelling import guess
from dsv3c.passes.base import Pass

FIDELITY = (
    "the defined arithmetic, the very torch calls of the source, or 8-bit products added as a tensor core adds them"
)


def add_fidelity(parser: argparse.ArgumentParser, what: str = FIDELITY) -> None:
    """``--fidelity``: in which of its arithmetics the reference runs."""
    parser.add_argument(
        "--fidelity",
        choices=("reference", "torch", "tensor_core"),
        default="reference",
        help=f"{what} (default: %(default)s)",
    )


def add_pass_options(parser: argparse.ArgumentParser) -> None:
    """Flags with mlir-opt's spellings beside ours."""
    group = parser.add_argument_group("between passes")

    def flag(name: str, help: str, **options: object) -> None:
        group.add_argument(f"--{name}", f"--mlir-{name}", help=help, **options)  # pyright: ignore[reportArgumentType]

    flag("print-ir-before", "print the module before pass P", metavar="P", action="append", default=[])
    flag("print-ir-after", "print the module after pass P", metavar="P", action="append", default=[])
    flag("print-ir-before-all", "print the module before every pass", action="store_true")
    flag("print-ir-after-all", "print the module after every pass", action="store_true")
    flag("print-ir-after-change", "print the module after every pass that changed it", action="store_true")
    flag("print-ir-tree-dir", "write each module to DIR/NN_pass.mlir instead", metavar="DIR", type=Path)
    flag("timing", "print time and memory per pass", action="store_true")
    group.add_argument(
        "--stats", action="store_true", help="print how often every rewrite fired, was blocked, unprofitable"
    )
    group.add_argument(
        "--remarks",
        nargs="?",
        const="-",
        metavar="FILE",
        help="print every outcome with its reason and source line, or write them to FILE as JSON lines",
    )
    group.add_argument(
        "--verify-numerics",
        action="store_true",
        help="execute the module before and after every pass and print the table",
    )
    group.add_argument("--stop-after", metavar="P", help="stop after pass P")
    group.add_argument("--allow-unapplied", action="store_true", help="accept passes that fire nowhere")
    group.add_argument("--load", metavar="FILE.py", action="append", default=[], type=Path, help="load a plug-in")


def observers_of(arguments: argparse.Namespace, ctx: CompileContext) -> list[Observer]:
    """The observers that the flags ask for."""
    observers = list[Observer]()
    printing = (
        arguments.print_ir_before
        or arguments.print_ir_after
        or arguments.print_ir_before_all
        or arguments.print_ir_after_all
        or arguments.print_ir_after_change
    )
    if arguments.print_ir_tree_dir is not None:
        observers.append(TreeDir(arguments.print_ir_tree_dir, only_changes=arguments.print_ir_after_change))
    elif printing:
        observers.append(
            PrintIR(
                names_before=frozenset(arguments.print_ir_before),
                names_after=frozenset(arguments.print_ir_after),
                before_all=arguments.print_ir_before_all,
                after_all=arguments.print_ir_after_all,
                after_change=arguments.print_ir_after_change,
            )
        )
    if arguments.verify_numerics:
        from dsv3c.checking.numerics import VerifyNumerics

        observers.append(VerifyNumerics(ctx))
    return observers


def check_print_names(arguments: argparse.Namespace, passes: list[Pass]) -> None:
    """Every pass named by a printing flag must be in the pipeline."""
    known = {item.name for item in passes}
    for flag, names in (("before", arguments.print_ir_before), ("after", arguments.print_ir_after)):
        for name in names:
            if name not in known:
                raise UsageError(
                    f"--print-ir-{flag}={name}: no such pass in the pipeline",
                    hint=f"{guess(name, known)}its passes: {', '.join(sorted(known)) or 'none'}",
                )


def timing_table(driver: Driver) -> str:
    """Time and peak memory per pass."""
    lines = [f"{'pass':<24} {'seconds':>9} {'verify':>9} {'peak MiB':>9} {'fired':>6}"]
    for run in driver.runs:
        lines.append(
            f"{run.name:<24} {run.seconds:9.3f} {run.verify_seconds:9.3f} "
            f"{run.peak_rss_bytes / 2**20:9.0f} {run.num_fired:6}"
        )
    total = sum(run.seconds + run.verify_seconds for run in driver.runs)
    return "\n".join([*lines, f"{'total':<24} {total:9.3f}"])


def stats_table(ctx: CompileContext) -> str:
    """How often each rewrite fired, was blocked, was unprofitable."""
    lines = [f"{'rewrite':<44} {'fired':>7} {'blocked':>8} {'unprofitable':>13}"]
    for key, counts in count(ctx.outcomes).items():
        lines.append(f"{key:<44} {counts['fired']:7} {counts['blocked']:8} {counts['unprofitable']:13}")
    return "\n".join(lines)
