"""What a step costs on the host, per launch, with a driver that does nothing: on a CPU, no kernel runs.

    python benchmarks/launch_cost.py [MODEL] [--layers A:B] [--entries decode,prefill] [--rounds 15] [--before REVISION]

The program is the one that a compile emits, on tensors without data, so that models of any size have their own shapes.
Parts take turns, and every figure is the median of the rounds, in CPU microseconds per launch:

    step          the entry, from its tables on: all below, and the program's own lines
    calls         the calls of launchers alone, as a step makes them that is like an earlier one
    new calls     the same where none is: launchers run, and their launches are looked up one by one
    launchers     what launchers compute themselves, with a device that ignores launches
    launches      launches alone, with arguments that were recorded
    key           of these: what of a launch decides which binary runs it, and looking that up
    packing       of these: parameters written to memory, descriptors included
    descriptors   of these: descriptors alone

``--before``: the program that another revision emits beside it, its parts measured in the same rounds.  The revision
must have this file too.
Nothing here is a claim about kernels, nor about what the driver itself costs.
"""

import argparse
import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import isfunction
from pathlib import Path
from statistics import median
from time import process_time
from types import SimpleNamespace
from typing import Any

import torch
from cuda.bindings import driver as bindings

from dsv3c.backends.triton.compilation.compile_worker import TRAILING, parameters
from dsv3c.backends.triton.emission.emitter import emit_kernels_program
from dsv3c.backends.triton.runtime.gpu import Variant
from dsv3c.backends.triton.runtime.records import TENSOR_MAP, Box, KernelRecord, Kernels, kernels_text
from dsv3c.backends.triton.variants import variants_of
from dsv3c.commands.compile import layer_range
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request
from dsv3c.ir.targets import load_target
from dsv3c.measuring.benchmark_gpu import LoadedProgram, load_program
from dsv3c.reports.tables import columns

TARGET, BINARY, META = "h800", b"no binary", torch.device("meta")
STEPS = {"decode": (32, 1), "prefill": (2, 512)}
"""Sequences and new tokens of each, by entry."""
PAGES = 8
"""Of every sequence."""
Launcher = Callable[..., None]
Call = tuple[Launcher, dict[str, Any]]


class Driver:
    """Answers what is asked before the first launch; launches and descriptors change nothing."""

    capability = SimpleNamespace(
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR=9,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR=0,
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT=132,
    )
    CUdevice_attribute = capability

    def __init__(self) -> None:
        self.memory = ctypes.create_string_buffer(128)
        self.described = (0, SimpleNamespace(getPtr=lambda: ctypes.addressof(self.memory)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("cu") and not name.startswith("cuuint"):
            return lambda *_: (0, 13000)
        return getattr(bindings, name)

    def cuDeviceGetAttribute(self, attribute: int, device: int) -> tuple[int, int]:
        """Its own value."""
        return 0, attribute

    def cuTensorMapEncodeTiled(self, *_: object) -> tuple[int, Any]:
        """Always the same bytes."""
        return self.described

    def cuLaunchKernel(self, *_: object) -> tuple[int]:
        """Nothing runs."""
        return (0,)

    def cuLaunchKernelEx(self, *_: object) -> tuple[int]:
        """Nothing runs."""
        return (0,)


def record(variant: Variant) -> KernelRecord:
    """As a compile would write it, of a binary that is none."""
    abi = [one for name, kind in variant.signature for one in parameters(name, kind)] + list(TRAILING)
    boxes = {name: Box((1, 1), 3) for name, kind in abi if kind == TENSOR_MAP}
    digest = hashlib.sha256(BINARY).hexdigest()
    return KernelRecord(
        *(variant.key, variant.kernel, "none.cubin", digest, "kernel", tuple(abi), {}, variant.num_warps, 0),
        boxes=boxes,
    )


@dataclass
class Null:
    """A device that ignores launches, or notes them."""

    num_sms: int
    pdl: bool
    noted: list[Any] = field(default_factory=list[Any])
    notes: bool = False

    def launch(self, *launch: object) -> None:
        """See ``Gpu``."""
        if self.notes:
            self.noted.append(launch)


@dataclass
class Step:
    """One step of an entry of a program in a folder."""

    program: LoadedProgram
    gpu: Any
    entry: str
    run: Callable[[], object] = field(init=False)
    calls: list[Call] = field(default_factory=list[Call])
    launches: int = 0

    def __post_init__(self) -> None:
        modules, entry = self.program.modules, self.program.names["ENTRIES"][self.entry]
        sequences, query = STEPS[self.entry]
        int32, count = torch.int32, sequences * query
        tables = [
            torch.zeros(count, dtype=torch.int64),
            torch.arange(count, dtype=int32) % query,
            torch.arange(sequences + 1, dtype=int32) * query,
            torch.zeros(sequences, PAGES, dtype=int32),
            torch.full((sequences,), query, dtype=int32),
        ]
        space_of = modules["device.space"]
        caches = [space_of.device_cache(spec, sequences * PAGES, META) for spec in entry.caches]
        space = space_of.Space(META, entry.workspace)
        values = dict[str, object]()

        def run() -> object:
            params = modules["device.device_params"].DeviceParams(NoData(), META, "", values)
            space.start()
            return entry.function(self.gpu, space, params, *space.upload(*tables), *caches)

        self.run = run
        with META:  # recipes make tensors without a device
            run()
        with noted(self.program, self.calls):
            run()

    def parts(self) -> dict[str, Callable[[], object]]:
        """What is timed."""
        null, notes = Null(self.gpu.num_sms, self.gpu.pdl), Null(self.gpu.num_sms, self.gpu.pdl, notes=True)

        def calls(gpu: Any) -> None:
            for launcher, keywords in self.calls:
                launcher(gpu, **keywords)

        def new_calls() -> None:
            gpu.replays, kept = None, gpu.replays
            calls(gpu)
            gpu.replays = kept

        calls(notes)
        noted, gpu = notes.noted, self.gpu
        found: dict[str, Callable[[], object]] = {
            "step": self.run,
            "calls": lambda: calls(gpu),
            "new calls": new_calls if hasattr(self.gpu, "replays") else lambda: calls(gpu),
            "launchers": lambda: calls(null),
            "launches": lambda: [gpu.launch(*launch) for launch in noted],
        }
        keys = self.program.modules.get("device.launch_keys")
        if keys is not None:
            found |= self.inside(keys.split, noted)
        self.launches = len(noted)
        return found

    def inside(self, split: Callable[..., Any], noted: list[Any]) -> dict[str, Callable[[], object]]:
        """Parts of a launch."""
        gpu, driver = self.gpu, self.gpu.driver
        told = [split(kernel, *rest) for kernel, _, *rest in noted]
        loaded = [gpu.chosen[key] for key, _, _ in told]
        packed = [
            (one, [*passed, *one.nulls], described) for one, (_, passed, described) in zip(loaded, told, strict=True)
        ]
        described = [
            (cell, tensor, one.record.boxes[name], start)
            for one, _, tensors in packed
            for (name, cell), (start, tensor) in zip(one.maps, tensors, strict=True)
        ]
        return {
            "key": lambda: [gpu.chosen[split(kernel, *rest)[0]] for kernel, _, *rest in noted],
            "packing": lambda: [one.pack(driver, passed, tensors) for one, passed, tensors in packed],
            "descriptors": lambda: [cell.fill(driver, *rest) for cell, *rest in described],
        }


class NoData:
    """Parameters without data."""

    def __call__(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Of any name."""
        return torch.empty(shape, dtype=dtype, device=META)

    def packed(self, name: str) -> None:
        """Recipes run."""


def launchers_of(program: LoadedProgram) -> dict[str, Any]:
    """The files of launchers by their names in a program."""
    files = {
        name.rpartition(".")[2]: module for name, module in program.modules.items() if name.startswith("launchers.")
    }
    return {name: files[name] for name in program.names if name in files}


@contextmanager
def noted(program: LoadedProgram, calls: list[Call]) -> Iterator[None]:
    """Inside, calls of launchers are noted before they are made."""

    def noting(launcher: Launcher) -> Launcher:
        def run(gpu: Any, **keywords: Any) -> None:
            calls.append((launcher, keywords))
            launcher(gpu, **keywords)

        return run

    files = launchers_of(program)
    for name, file in files.items():
        found = {key: noting(item) for key, item in vars(file).items() if isfunction(item)}
        program.names[name] = SimpleNamespace(**found)
    yield
    program.names.update(files)


def emit(model: str, layers: str | None, folder: Path) -> None:
    """Write an artifact as far as a program needs it."""
    kept = layer_range(layers) if layers else None
    lowered = compile_model(Request(model=model, layers=kept, target=TARGET, level="kernels")).lowered
    assert lowered is not None
    target = load_target(TARGET)
    pdl = target.programmatic_launch
    variants = variants_of(lowered, int(target.fact("num_compute_units")), pdl=pdl)
    records = {variant.key: record(variant) for variant in variants}
    files = {**emit_kernels_program(lowered), "kernels.json": kernels_text(Kernels("sm_90a", "13.0", records, pdl))}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "none.cubin").write_bytes(BINARY)


def emit_by(revision: str, model: str, layers: str | None, folder: Path) -> None:
    """The same by the sources of another revision, this file's among them, in a process of its own."""
    own, sources = Path(__file__).resolve(), folder.with_suffix(".sources")
    sources.mkdir()
    archive = subprocess.run(["git", "archive", revision], cwd=own.parents[1], stdout=subprocess.PIPE)
    if archive.returncode:
        sys.exit(f"--before {revision}: the repository has no such revision")
    subprocess.run(["tar", "-x", "-C", str(sources)], input=archive.stdout, check=True)
    script = sources / own.relative_to(own.parents[1])
    if not script.is_file():
        sys.exit(f"--before {revision}: it has no {own.name}, which writes what is measured")
    for name in ("ir", "passes", "backends", "models"):  # as they are installed
        (sources / name).rename(sources / "dsv3c" / name)
    command = [sys.executable, str(script), model, "--emit", str(folder), *(["--layers", layers] if layers else [])]
    if subprocess.run(command, cwd=sources, env=os.environ | {"PYTHONPATH": str(sources)}).returncode:
        sys.exit(f"--before {revision}: its program was not written, see above")


def step_in(folder: Path, entry: str) -> Step:
    """A step of an entry of the program in a folder, its device being none."""
    program = load_program(folder)
    program.names.update(launchers_of(program))  # not those that are timed on the way
    gpu = program.modules["device.cubin"].CubinGpu(folder, driver=Driver(), stream=lambda: 1)
    gpu.device = META
    return Step(program, gpu, entry)


def medians(steps: Mapping[str, Step], rounds: int) -> dict[str, dict[str, float]]:
    """Part -> program -> microseconds per launch; parts of all programs take turns."""
    parts = [(name, step, part, work) for name, step in steps.items() for part, work in step.parts().items()]
    times: list[list[float]] = [[] for _ in parts]
    for turn in range(rounds + 1):
        for number, (_, _, _, work) in enumerate(parts):
            start = process_time()
            work()
            if turn:
                times[number].append(process_time() - start)
    found = dict[str, dict[str, float]]()
    for (name, step, part, _), seconds in zip(parts, times, strict=True):
        found.setdefault(part, {})[name] = median(seconds) / step.launches * 1e6
    return found


def main() -> int:
    """Print a table per entry."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--layers", metavar="A:B", help="of these layers only")
    parser.add_argument("--entries", default=",".join(STEPS), help="of these (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--before", metavar="REVISION", help="compare with the program that a revision emits")
    parser.add_argument("--emit", metavar="FOLDER", type=Path, help="write what is measured, and measure nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    program = arguments.model, arguments.layers
    if arguments.emit:
        emit(*program, arguments.emit)
        return 0
    with tempfile.TemporaryDirectory() as place:
        folders = {"now": Path(place) / "now"}
        emit(*program, folders["now"])
        if arguments.before:
            folders["before"] = Path(place) / "before"
            emit_by(arguments.before, *program, folders["before"])
        for entry in arguments.entries.split(","):
            with torch.no_grad():
                steps = {name: step_in(folder, entry) for name, folder in folders.items()}
                found = medians(steps, arguments.rounds)
            print("\n".join(table(entry, steps, found)))
    return 0


def table(entry: str, steps: Mapping[str, Step], found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Parts down, programs across."""
    sequences, query = STEPS[entry]
    lines = [f"{entry}: {steps['now'].launches} launches, {sequences} sequences of {query} new tokens; us per launch"]
    rows = [("part", *steps, *(["ratio"] if "before" in steps else []))]
    for part, by_name in found.items():
        cells = [f"{by_name[name]:.2f}" if name in by_name else "" for name in steps]
        ratio = [f"{by_name['before'] / by_name['now']:.1f}" if "before" in by_name else ""]
        rows.append((part, *cells, *ratio) if "before" in steps else (part, *cells))
    return [*lines, *(f"  {line}" for line in columns(rows)), ""]


if __name__ == "__main__":
    sys.exit(main())
