"""``dsv3c compile``: a model in, a summary and an artifact out."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from dsv3c.backends.triton.choices.extern_base import NONE
from dsv3c.backends.triton.tuning.tuned_choices import SHIPPED
from dsv3c.compilation.compiler import Compiled, compile_model
from dsv3c.compilation.leaving import EXITS, read_sizes, write_exit
from dsv3c.compilation.lowering import KernelOptions, has_kernels, has_programs, program_files
from dsv3c.compilation.observers import progress
from dsv3c.compilation.operating_point import LOGITS, read_workload
from dsv3c.compilation.plan import COMBINE_ORDERS, COMBINE_PAYLOADS, COPIES, KV_CACHES, OVERLAPS, SHARED_EXPERTS, Plan
from dsv3c.compilation.request import DEFAULT_TARGET, KERNELS, LEVELS, Request
from dsv3c.files import check_free, write_text
from dsv3c.ir.dialects.comm import num_ranks
from dsv3c.ir.errors import UsageError
from dsv3c.ir.outcomes import Kind, Outcome
from dsv3c.ir.text import print_module
from dsv3c.options import add_pass_options, check_print_names, observers_of, stats_table, timing_table
from dsv3c.reports.remarks import emit_remarks

SIZES = {
    "max-tokens": "new tokens in one step, at most",
    "max-batch": "sequences in one step, at most",
    "context": "tokens in the cache per sequence that cost choices are made for",
    "max-context": "tokens in the cache per sequence, at most (default: the model's own limit)",
    "page-size": "token rows per cache page",
    "verify-tokens": "new tokens per sequence of the verify phase, at most",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_model_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="folder to write; with --emit: a file")
    parser.add_argument("--force", action="store_true", help="replace OUT if it is an earlier artifact")
    parser.add_argument("--emit", choices=LEVELS, metavar="LEVEL", help=f"print the program at: {', '.join(LEVELS)}")
    parser.add_argument(
        "--allow-unraised", action="store_true", help="plan for kernels although products, softmax or top-k are in aten"
    )
    parser.add_argument("--sizes", metavar="B=1,S=128", help=f"with --emit {' or '.join(EXITS)}: sizes as numbers")
    parser.add_argument(
        "--kernels",
        choices=KERNELS,
        default="auto",
        help="compile what OUT launches ahead of time: where it can be lowered (auto, the default), or else fail (aot)",
    )
    parser.add_argument(
        "--extern",
        type=names,
        default=(),
        metavar="LIST",
        help="libraries to call where they run an op, in this order: cublaslt, deep_gemm, flash_mla (default: none)",
    )
    parser.add_argument(
        "--gluon",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="take kernels' twins in Gluon where the target runs them (default: yes)",
    )
    parser.add_argument(
        "--tuned",
        metavar="FILE.toml",
        default=SHIPPED,
        help="measured configurations of kernels by `dsv3c tune`, before those shipped; none: no table at all",
    )
    parser.add_argument(
        "--batch-invariant",
        action="store_true",
        help="kernels whose results for a token depend on neither its batch nor its phase: one configuration for all",
    )
    parser.add_argument(
        "--pdl",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="programmatic dependent launch: start kernels before the one before them has ended, where the target lets "
        "them (default: yes)",
    )
    parser.add_argument("--print-op-generic", action="store_true", help="with --emit: MLIR's generic form")
    parser.add_argument("--print-debuginfo", action="store_true", help="with --emit: locations too")
    add_pass_options(parser)


def add_model_arguments(parser: argparse.ArgumentParser, *, or_artifact: str = "") -> None:
    """MODEL and what may be chosen about it; ``explain`` takes the same, or an artifact."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help=f"{or_artifact}a named config, model.py[:function], config.json, a checkpoint folder, or a .mlir to go on "
        "from",
    )
    parser.add_argument("--target", default=DEFAULT_TARGET, help="a target's name or file (default: %(default)s)")
    group = parser.add_argument_group("the model")
    group.add_argument("--layers", metavar="A:B", type=layer_range, help="only the layers A up to, not including, B")
    group.add_argument("--dtype", choices=("bf16", "f32"), help="serving type (default: bf16)")
    group.add_argument("--semantics", choices=("hf", "deepseek"), help="whose arithmetic")
    group.add_argument("--experts", choices=("grouped_mm", "batched_mm"), help="how transformers runs its experts")
    group.add_argument("--weights", type=Path, metavar="DIR", help="checkpoint the program will run with")
    group = parser.add_argument_group("the operating point")
    group.add_argument("--phases", metavar="P,P", type=names, help="prefill, decode, verify (default: prefill,decode)")
    for name, text in SIZES.items():
        group.add_argument(f"--{name}", type=int, metavar="N", help=text)
    group.add_argument("--logits", choices=LOGITS, help="of every sequence's last token, or of all (default: last)")
    group.add_argument(
        "--speculative",
        action="store_true",
        default=None,
        help="all phases, with what multi-token prediction drafts from: `dsv3c generate --speculative` runs it",
    )
    group.add_argument("--workload", type=Path, metavar="FILE.toml", help="the operating point as a file; flags win")
    group.add_argument("--measured", metavar="TABLE", help="measured times of kernels: a shipped table or a .toml file")
    add_plan_arguments(parser)
    parser.add_argument("-p", "--passes", metavar="PIPELINE", help="passes in place of the default ones")


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Precision, ranks, overlap."""
    group = parser.add_argument_group("precision")
    group.add_argument("--recipe", metavar="R", help="`dsv3c recipes`, or a .toml file (default: the target's own)")
    group.add_argument("--kv-cache-dtype", choices=KV_CACHES, help="type of the cached latents (default: recipe)")
    group = parser.add_argument_group("ranks")
    group.add_argument("--ep", type=int, metavar="N", help="ranks that share the routed experts (default: 1)")
    group.add_argument("--nnodes", type=int, metavar="N", help="nodes they are on (default: 1)")
    group.add_argument("--redundant-experts", type=int, metavar="N", help="replicas of experts (default: 0)")
    group.add_argument("--copies", choices=COPIES, help="messages per token: per what (default: auto, by phase)")
    group.add_argument("--combine-order", choices=COMBINE_ORDERS, help="how expert outputs are added (default: source)")
    group.add_argument(
        "--combine-payload", choices=COMBINE_PAYLOADS, help="what expert outputs travel as (default: recipe)"
    )
    group.add_argument(
        "--shared-expert", choices=SHARED_EXPERTS, help="beside the routed experts, or one of them (default: segment)"
    )
    group.add_argument("--overlap", choices=OVERLAPS, help="communication under computation (default: auto)")


def names(text: str) -> tuple[str, ...]:
    """``prefill,decode`` -> names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def layer_range(text: str) -> tuple[int, int]:
    """``2:5`` -> numbers; how many there are is known after the capture."""
    first, colon, end = text.partition(":")
    if not colon or not (first or "0").isdigit() or not end.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a range of layers: give A:B, e.g. 0:4")
    return int(first or "0"), int(end)


def request_of(arguments: argparse.Namespace) -> Request:
    """What the flags ask for."""
    point = read_workload(arguments.workload) if arguments.workload is not None else {}
    for name in [*(name.replace("-", "_") for name in SIZES), "phases", "logits", "speculative"]:
        if getattr(arguments, name) is not None:
            point[name] = getattr(arguments, name)
    plan = {field.name: value for field in fields(Plan) if (value := getattr(arguments, field.name)) is not None}
    level = getattr(arguments, "emit", None) or "lowered"
    return Request(
        model=arguments.model,
        target=arguments.target,
        dtype=arguments.dtype,
        semantics=arguments.semantics,
        experts=arguments.experts,
        layers=arguments.layers,
        weights=arguments.weights,
        point=point,
        plan=plan,
        measured=arguments.measured,
        pipeline=arguments.passes,
        level=level,
        stop_after=arguments.stop_after,
        allow_unapplied=arguments.allow_unapplied,
        allow_unraised=arguments.allow_unraised,
        kernels=arguments.kernels if writes_artifact(arguments) else "none",
        kernel_options=kernel_options(arguments),
        load=tuple(arguments.load),
    )


def kernel_options(arguments: argparse.Namespace) -> KernelOptions:
    """How kernels are chosen; commands that choose none have no such options."""
    if not hasattr(arguments, "extern"):
        return KernelOptions()
    extern = tuple(name for name in arguments.extern if name != NONE)
    return KernelOptions(
        extern=extern,
        gluon=arguments.gluon,
        tuned=arguments.tuned,
        batch_invariant=arguments.batch_invariant,
        pdl=arguments.pdl,
    )


def writes_artifact(arguments: argparse.Namespace) -> bool:
    """Whether a folder is written."""
    return getattr(arguments, "output", None) is not None and getattr(arguments, "emit", None) is None


def run(arguments: argparse.Namespace) -> int:
    """Compile; then print the program, or write the artifact and print the summary."""
    from dsv3c.artifact import MANIFEST

    request = request_of(arguments)
    read_sizes(arguments.sizes, arguments.emit)  # what is wrong with them is told before a long capture
    if arguments.output is not None:
        if arguments.emit is None:
            check_free(arguments.output, force=arguments.force, marker=MANIFEST)
        elif arguments.output.exists() and not arguments.force:
            raise UsageError(f"{arguments.output} exists", hint="choose another file, or --force to replace it")
    with progress(f"compiling {request.model}") as tell:
        compiled = compile_model(
            request,
            observers=lambda ctx: observers_of(arguments, ctx),
            keep_stages=writes_artifact(arguments),
            progress=tell,
            check=lambda passes: check_print_names(arguments, passes),
        )
    report_on(arguments, compiled)
    if arguments.emit is not None:
        emit(arguments, compiled)
    else:
        conclude(arguments, compiled)
    return 0


def report_on(arguments: argparse.Namespace, compiled: Compiled) -> None:
    """What the flags shared with ``opt`` ask for, on standard error."""
    if arguments.stats:
        print(stats_table(compiled.ctx), file=sys.stderr)
    if arguments.timing:
        for name, seconds in compiled.seconds.items():
            print(f"{name:<24} {seconds:9.3f}", file=sys.stderr)
        print(timing_table(compiled.driver), file=sys.stderr)
    if arguments.remarks is not None:
        emit_remarks(compiled.ctx.outcomes, arguments.remarks)
    for warning in compiled.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def emit(arguments: argparse.Namespace, compiled: Compiled) -> None:
    """The program as text, to standard output or to the file."""
    if arguments.emit in EXITS:
        sizes = read_sizes(arguments.sizes, arguments.emit)
        locations = arguments.print_debuginfo
        text = write_exit(compiled.module, arguments.emit, sizes, arguments.output, locations=locations)
    elif arguments.emit == "program":
        text = program_files(compiled.module, compiled.lowered)["program.py"]
    else:
        module = compiled.lowered if compiled.lowered is not None else compiled.module
        text = print_module(module, generic=arguments.print_op_generic, locations=arguments.print_debuginfo)
    if arguments.output is not None:
        write_text(arguments.output, text)
    else:
        sys.stdout.write(text)


def conclude(arguments: argparse.Namespace, compiled: Compiled) -> None:
    """The artifact, if a folder is given, and the summary."""
    from dsv3c.artifact import write_artifact
    from dsv3c.reports.summary import summary_text

    if arguments.output is None:
        print(summary_text(compiled))
        print("nothing was written: -o OUT writes the artifact, --emit LEVEL prints the program")
        return
    # before anything is printed: `| head` ends the printing, and must not lose the artifact
    artifact = write_artifact(compiled, arguments.output, force=arguments.force)
    print(summary_text(compiled))
    print(f"wrote {artifact.path}: {len(artifact.manifest['files'])} files")
    target, ranks = compiled.ctx.target, num_ranks(compiled.module)
    if ranks > 1:
        print(f"a program of {ranks} ranks: `dsv3c run` and `dsv3c generate` run them in one process, in lockstep")
    if target is not None and target.kind != "cpu":
        print(about_kernels(compiled))
        for line in about_memory(compiled.ctx.outcomes):
            print(line)


def about_kernels(compiled: Compiled) -> str:
    """What was compiled for a GPU, or why nothing was."""
    target = compiled.ctx.target
    assert target is not None
    cpu = "--target cpu writes a program that the reference runs on any machine"
    if not compiled.kernels:
        why = "no kernels were compiled" if has_kernels(target) else f"there are no kernels for {target.name}"
        return f"{why}: this is the plan; {cpu}"
    seconds = sum(kernel.seconds for kernel in compiled.kernels if not kernel.cached)
    cached = sum(kernel.cached for kernel in compiled.kernels)
    text = (
        f"{len(compiled.kernels)} kernels for {target.arch}: {cached} from the cache, the others took {seconds:.0f} s"
    )
    if num_ranks(compiled.module) > 1:
        return f"{text}; no program.py: nothing launches them on several ranks yet"
    if not has_programs(target):
        return f"{text}; no program.py: nothing launches them yet"
    return f"{text}; program.py launches them"


def about_memory(outcomes: Iterable[Outcome]) -> list[str]:
    """What a planned program keeps in the device's memory, and whether it fits."""
    found = [item for item in outcomes if item.pass_name == "plan-memory" and "cache_bytes" in item.numbers]
    lines = list[str]()
    for item in found:
        sizes = {name: float(item.numbers[f"{name}_bytes"]) / 1e9 for name in ("weight", "cache", "workspace")}
        text = f"memory: weights {sizes['weight']:.3g} GB, caches {sizes['cache']:.3g} GB, "
        text += f"workspace {sizes['workspace']:.3g} GB"
        lines.append(f"{text}; {item.reason}" if item.kind is Kind.BLOCKED else text)
    return lines
