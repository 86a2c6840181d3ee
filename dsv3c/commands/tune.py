"""``dsv3c tune``: measure the candidates of a program's kernels on the GPU that is there, and keep the fastest."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsv3c.commands.bench import positive
from dsv3c.commands.compile import add_model_arguments, names
from dsv3c.compilation.request import DEFAULT_TARGET
from dsv3c.ir.errors import Dsv3cError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xdsl.dialects.builtin import ModuleOp

    from dsv3c.backends.triton.compilation.aot import CompiledKernel
    from dsv3c.backends.triton.runtime.gpu import Variant
    from dsv3c.backends.triton.tuning.tuned_tables import Row, Session, TunedTable
    from dsv3c.ir.targets import Target
    from dsv3c.measuring.benchmark_record import Device
    from dsv3c.measuring.tuning_run import Left, Meter, Outcome, Site

ROUNDS = 20
FLUSH_BYTES = 256 << 20
"""More than twice what the L2 cache of a device holds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options: those of ``compile`` that choose the program, and what to measure."""
    add_model_arguments(parser, or_artifact="an artifact, ")
    parser.set_defaults(target=None)
    parser.add_argument("--load", metavar="FILE.py", action="append", default=[], type=Path, help="load a plug-in")
    group = parser.add_argument_group("what to measure")
    group.add_argument("--kernel", metavar="K,K", type=names, default=(), help="of these kernels (default: all)")
    group.add_argument(
        "--phase", metavar="P,P", type=names, default=(), help="of what these entries run (default: all)"
    )
    group.add_argument(
        "--repeat",
        type=positive,
        metavar="N",
        default=ROUNDS,
        help="rounds, each candidate once (default: %(default)s)",
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of random data (default: 0)")
    group.add_argument("--dry-run", action="store_true", help="list what would be measured; needs no GPU")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.toml",
        help="table to write, or to put rows into (default: tuned-DEVICE.toml)",
    )


def run(arguments: argparse.Namespace) -> int:
    """List, or check the machine, compile, measure and write."""
    from dsv3c.measuring.tuning import cases_in
    from dsv3c.measuring.tuning_run import sites_of
    from dsv3c.measuring.tuning_text import plan_text

    target = target_of(arguments)
    if not arguments.dry_run:
        check_machine(target)
    module = program_of(arguments)
    lowered, cases = cases_in(module, target, kernels=arguments.kernel, entries=entries(module, arguments.phase))
    if not cases:
        raise UsageError("no kernel of this program has candidates to choose from", hint="see `dsv3c tune --help`")
    sites = sites_of(lowered, cases, int(target.fact("num_compute_units")))
    wanted = variants(sites, target)
    if arguments.dry_run:
        print(plan_text(cases, len({variant for found in wanted.values() for variant in found})))
        return 0
    return measure(arguments, target, sites, wanted)


def target_of(arguments: argparse.Namespace) -> "Target":
    """What kernels are for: the target that was named, the artifact's, or the default.

    Raises UsageError for one whose kernels nothing launches.
    """
    from dsv3c.artifact import is_artifact, load_artifact
    from dsv3c.compilation.lowering import has_programs
    from dsv3c.ir.targets import Target, load_target

    path, stated = Path(arguments.model), None
    if arguments.target is None and is_artifact(path):
        stated = load_artifact(path).manifest["target"]
    target = Target(**stated) if stated is not None else load_target(arguments.target or DEFAULT_TARGET)
    if not has_programs(target):
        raise UsageError(
            f"nothing launches kernels on {target.name}", hint="`dsv3c targets` says what works for which target"
        )
    return target


def program_of(arguments: argparse.Namespace) -> "ModuleOp":
    """The planned program: an artifact's, or one that is compiled now, of which nothing is written."""
    from dsv3c.artifact import is_artifact
    from dsv3c.commands.compile import request_of
    from dsv3c.compilation.compiler import compile_model
    from dsv3c.compilation.observers import progress
    from dsv3c.programs import read_program

    if is_artifact(Path(arguments.model)):
        return read_program(Path(arguments.model)).module
    changed: dict[str, object] = {"allow_unapplied": False, "allow_unraised": False, "stop_after": None, "output": None}
    changed["target"] = arguments.target or DEFAULT_TARGET
    with progress(f"compiling {arguments.model}") as tell:
        return compile_model(request_of(argparse.Namespace(**vars(arguments) | changed)), progress=tell).module


def entries(module: "ModuleOp", asked: Sequence[str]) -> list[str]:
    """The entries that were named, with their variants.  Raises UsageError with the nearest name for an unknown one."""
    from dsv3c.ir.spelling import guess
    from dsv3c.measuring.tuning import entries_of

    known, found = entries_of(module), list[str]()
    for name in (given.removeprefix("@") for given in asked):
        own = [entry for entry in known if entry == name or entry.startswith(f"{name}.")]
        if not own:
            raise UsageError(f"there is no entry {name!r}", hint=f"{guess(name, known)}entries: {', '.join(known)}")
        found += own
    return found


def variants(sites: "Sequence[Site]", target: "Target") -> "dict[tuple[int, int], tuple[Variant, ...]]":
    """What must be compiled, by number of the case and of the candidate."""
    num_sms, found = int(target.fact("num_compute_units")), dict[tuple[int, int], "tuple[Variant, ...]"]()
    for number, site in enumerate(sites):
        for place, candidate in enumerate(site.case.candidates):
            found[number, place] = site.variants(candidate, num_sms, pdl=target.programmatic_launch)
    return found


def check_machine(target: "Target") -> None:
    """Raise GpuMissing where there is no GPU that kernels for a target run on."""
    from dsv3c.backends.triton.runtime.cubin import check_device, check_torch, find_device, import_driver
    from dsv3c.backends.triton.runtime.records import GpuError, Kernels
    from dsv3c.measuring.benchmark_gpu import GpuMissing

    try:
        driver = import_driver()
        check_device(driver, find_device(driver, 0), Kernels(target.arch, "0", {}))
        check_torch()
    except GpuError as error:
        raise GpuMissing(error.what, hint=error.hint) from error


def measure(
    arguments: argparse.Namespace,
    target: "Target",
    sites: "Sequence[Site]",
    wanted: "Mapping[tuple[int, int], tuple[Variant, ...]]",
) -> int:
    """Compile all candidates, then measure case by case; rows are in the file as soon as they are known."""
    import tempfile
    from itertools import count

    from dsv3c.backends.triton.compilation.aot import compile_candidates
    from dsv3c.backends.triton.compilation.kernel_cache import default_cache
    from dsv3c.compilation.observers import progress

    everything = list(dict.fromkeys(variant for found in wanted.values() for variant in found))
    ready = count(1)
    with progress("compiling candidates") as tell:
        compiled, failed = compile_candidates(
            everything,
            target,
            cache=default_cache(),
            done=lambda _: tell(f"kernel {next(ready)} of {len(everything)}"),
        )
    with tempfile.TemporaryDirectory() as folder:
        device, meter = open_device(Path(folder), list(compiled.values()), arguments.repeat)
        output = arguments.output or Path(f"tuned-{slug(device.name)}.toml")
        if (other := why_not_used(device, target)) is not None:
            print(f"note: {other}", file=sys.stderr)
        session = session_of(device, target, list(compiled.values()), arguments.repeat)
        left = unusable(sites, wanted, failed)
        return measure_all(sites, left, meter, Book(output, device.name, session), seed=arguments.seed)


def unusable(
    sites: "Sequence[Site]",
    wanted: "Mapping[tuple[int, int], tuple[Variant, ...]]",
    failed: "Mapping[Variant, str]",
) -> "list[list[Left]]":
    """Of every case, the candidates one of whose kernels cannot be compiled or breaks a limit."""
    from dsv3c.measuring.tuning_run import Left

    found = list[list[Left]]()
    for number, site in enumerate(sites):
        reasons = [
            (item.config, next((failed[variant] for variant in wanted[number, place] if variant in failed), None))
            for place, item in enumerate(site.case.candidates)
        ]
        found.append([Left(config, reason) for config, reason in reasons if reason is not None])
    return found


class Book:
    """The file that rows go into, one case after the other.

    Raises UsageError for a file that is no table, or one of another device.
    """

    def __init__(self, file: Path, device: str, session: "Session") -> None:
        from dsv3c.backends.triton.tuning.tuned_choices import read_table
        from dsv3c.backends.triton.tuning.tuned_tables import merged

        self.file, self.device, self.session = file, device, session
        self.table: TunedTable | None = read_table(file) if file.exists() else None
        merged(self.table, device, session, [])

    def add(self, row: "Row") -> None:
        """Replace the row of the same call and bound, in one step."""
        from dsv3c.backends.triton.tuning.tuned_tables import merged, table_text
        from dsv3c.files import write_text

        self.table = merged(self.table, self.device, self.session, [row])
        write_text(self.file, table_text(self.table))


def measure_all(
    sites: "Sequence[Site]", left: "Sequence[Sequence[Left]]", meter: "Meter", book: Book, *, seed: int
) -> int:
    """Every case in turn; 1 where nothing could be timed, and where a candidate computes something else."""
    import torch

    from dsv3c.measuring.tuning_text import call_lines, outcome_lines

    known, rows, wrong = None, 0, 0
    for site, dropped in zip(sites, left, strict=True):
        if site.case.key[:2] != known:
            known = site.case.key[:2]
            print("\n".join(call_lines(site.case)))
        torch.manual_seed(seed)
        outcome = measured(site, dropped, meter)
        print("\n".join(outcome_lines(outcome)), flush=True)
        wrong += sum(left.wrong for left in outcome.left)
        row = outcome.row(book.session.made)
        if row is not None:
            book.add(row)
            rows += 1
    if not rows:
        print("error: nothing could be timed; no table was written", file=sys.stderr)
        return 1
    print(f"wrote {rows} row{'s' if rows > 1 else ''} to {book.file}: `dsv3c compile --tuned {book.file}` uses it")
    if wrong:
        print(f"error: {wrong} candidates compute something else than their calls mean; see above", file=sys.stderr)
    return 1 if wrong else 0


def measured(site: "Site", dropped: "Sequence[Left]", meter: "Meter") -> "Outcome":
    """One case.  Raises Dsv3cError where the device does not work any more."""
    try:
        return meter.measure(site, dropped)
    except RuntimeError as error:
        raise Dsv3cError(
            f"the device failed while {site.case.kernel} was measured: {error}",
            hint="rows measured before are in the table; go on with --kernel and the others",
        ) from error


def open_device(folder: Path, compiled: "Sequence[CompiledKernel]", rounds: int) -> "tuple[Device, Meter]":
    """The GPU with all candidates on it.  Raises GpuMissing."""
    import torch

    from dsv3c.backends.triton.compilation.kernel_files import write_kernels
    from dsv3c.backends.triton.runtime.cubin import CubinGpu
    from dsv3c.backends.triton.runtime.records import GpuError
    from dsv3c.measuring.benchmark_gpu import GpuMissing
    from dsv3c.measuring.benchmark_record import cuda
    from dsv3c.measuring.stopwatch import CudaEvents
    from dsv3c.measuring.tuning_run import Meter

    if not compiled:
        raise UsageError("no candidate can be compiled", hint="`dsv3c compile` says why a kernel cannot")
    write_kernels(folder, compiled)
    try:
        gpu: Any = CubinGpu(folder)
    except GpuError as error:
        raise GpuMissing(error.what, hint=error.hint) from error
    meter = Meter(
        gpu,
        gpu.device,
        CudaEvents(),
        flush=Flush(gpu.device),
        settle=lambda: torch.cuda.synchronize(gpu.device),
        rounds=rounds,
        free_bytes=lambda: free_bytes(gpu.device),
    )
    return cuda(gpu.device.index, gpu.num_sms), meter


class Flush:
    """Writes more than the L2 cache of a device holds."""

    def __init__(self, device: Any) -> None:
        import torch

        self.memory = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device=device)

    def __call__(self) -> None:
        """Queued like any launch."""
        self.memory.zero_()


def free_bytes(device: Any) -> int:
    """Memory of a device that nobody uses, what PyTorch keeps for later given back first."""
    import torch

    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info(device)[0]


def session_of(device: "Device", target: "Target", compiled: "Sequence[CompiledKernel]", rounds: int) -> "Session":
    """With what is measured, as the device and the compiler tell."""
    from datetime import UTC, datetime

    from dsv3c.backends.triton.tuning.tuned_choices import triton_version
    from dsv3c.backends.triton.tuning.tuned_tables import Session
    from dsv3c.measuring.benchmark_record import CLOCKS

    return Session(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        target=target.name,
        driver=device.facts.get("driver_version", ""),
        clocks=", ".join(f"{name} {device.facts[name]}" for name in CLOCKS if name in device.facts),
        triton=triton_version() or "",
        assembler=compiled[0].toolkit,
        multiprocessors=int(device.facts["multiprocessors"]),
        repeat=rounds,
    )


def why_not_used(device: "Device", target: "Target") -> str | None:
    """Why a compile for the target will not read the table; None where it will."""
    if device.name in target.device_names:
        return None
    known = ", ".join(target.device_names) or "none"
    return f"{device.name} is no device of target {target.name} ({known}): its compiles will ignore the table"


def slug(name: str) -> str:
    """``NVIDIA H100 80GB HBM3`` -> ``nvidia-h100-80gb-hbm3``."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
