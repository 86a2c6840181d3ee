"""``dsv3c bench``: how long an artifact's steps and kernels take on the device that is there, beside their floors."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsv3c.ir.errors import UsageError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from dsv3c.artifact import Artifact
    from dsv3c.ir.cost_model import Env
    from dsv3c.ir.targets import Target
    from dsv3c.measuring.benchmark import Measured, Point
    from dsv3c.measuring.benchmark_record import Device
    from dsv3c.programs import Program

REPEATS = {"cpu": 3, "gpu": 20}
"""Runs of every step, by kind of target."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("artifact", type=Path, metavar="OUT", help="an artifact with a program")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="checkpoint (default: the artifact's, else random)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of random weights and inputs (default: 0)")
    parser.add_argument("--phase", metavar="A,B", help="entries to measure (default: prefill,decode)")
    parser.add_argument(
        "--tokens", type=positive, metavar="N", help="new tokens of a sequence, at most what a phase takes"
    )
    parser.add_argument("--batch", type=positive, metavar="N", help="sequences")
    parser.add_argument(
        "--context",
        type=positive,
        metavar="N",
        help="tokens of a sequence in the cache after the step (defaults of all three: the step that the artifact was "
        "compiled for)",
    )
    parser.add_argument(
        "--repeat", type=positive, metavar="N", help="runs of every step after warming up (default: 3, 20 on a GPU)"
    )
    parser.add_argument(
        "--cuda-graph",
        choices=("auto", "off"),
        default="auto",
        help="time steps of decode and verify as CUDA graphs too, where they can be captured (auto, the default)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers, and what they were taken from")
    parser.add_argument(
        "--table", type=Path, metavar="FILE.toml", help="write kernels' times as a table for `dsv3c compile --measured`"
    )
    parser.add_argument("--per-kernel", action="store_true", help="a row per place in the program, not per kind")


def positive(text: str) -> int:
    """A whole number that is at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of at least 1")
    return int(text)


@dataclass(frozen=True)
class Setting:
    """What is measured, and with what."""

    program: "Program"
    artifact: "Artifact"
    target: "Target"
    arguments: argparse.Namespace

    @property
    def on_gpu(self) -> bool:
        """Whether it is a program of kernels."""
        return self.target.kind != "cpu"

    @property
    def weights(self) -> Path | None:
        """The checkpoint; None for random weights."""
        return self.arguments.weights if self.arguments.weights is not None else self.program.checkpoint


def run(arguments: argparse.Namespace) -> int:
    """Check everything, measure, print, write."""
    setting = read(arguments)
    points = [point_of(setting.program, name, arguments) for name in phases(setting.program, arguments.phase)]
    from dsv3c.files import write_text
    from dsv3c.measuring.benchmark_record import record, record_text, table_text
    from dsv3c.measuring.benchmark_text import render

    device, found = measured_on_gpu(setting, points) if setting.on_gpu else measured_on_cpu(setting, points)
    weights = str(setting.weights) if setting.weights is not None else f"random, seed {arguments.seed}"
    rates = setting.target.memory_bytes_per_s is not None
    floors = f"; floors: target {setting.target.name}" if rates else ""
    print(f"on {device}{floors}\nweights: {weights}")
    for one, _ in found:
        print(f"\n{render(one, per_kernel=arguments.per_kernel)}")
    if arguments.table is not None:
        name = arguments.table.stem
        write_text(arguments.table, table_text(found, target=setting.target, device=device, name=name))
    if arguments.json is not None:
        fields = record(
            [one for one, _ in found],
            artifact=arguments.artifact,
            target=setting.target,
            device=device,
            weights=weights,
        )
        write_text(arguments.json, record_text(fields))
    return 0


def read(arguments: argparse.Namespace) -> Setting:
    """The artifact.  Raises UsageError for what is none, and for one without a program."""
    from dsv3c.artifact import load_artifact
    from dsv3c.frontend.sources import is_text
    from dsv3c.ir.dialects.comm import num_ranks
    from dsv3c.ir.targets import Target
    from dsv3c.programs import read_program

    path: Path = arguments.artifact
    if is_text(str(path)):
        raise UsageError(f"{path} is a module, no artifact", hint="`dsv3c compile FILE.mlir -o OUT` makes one")
    program = read_program(path)
    artifact = load_artifact(path)
    ranks = num_ranks(program.module)
    if ranks > 1:
        raise UsageError(
            f"{path} is a plan for {ranks} ranks, which one device does not run", hint="compile it without --ep"
        )
    if artifact.manifest["target"] is None or not (path / "program.py").is_file():
        raise UsageError(
            f"{path} has no program.py: there is nothing to measure",
            hint="compile for a target with kernels, without --kernels none, or for --target cpu",
        )
    target = Target(**artifact.manifest["target"])
    if arguments.table is not None and target.memory_bytes_per_s is None:
        raise UsageError(
            f"--table: target {target.name} states no rates, so that no estimate can use a table",
            hint="--json writes all numbers",
        )
    return Setting(program, artifact, target, arguments)


def phases(program: "Program", asked: str | None) -> list[str]:
    """The entries to measure.  Raises UsageError with the nearest name for an unknown one."""
    from dsv3c.compilation.variants import phases_of
    from dsv3c.ir.spelling import guess

    known = phases_of(program.module)
    if not known:
        raise UsageError(
            f"{program.path} has no phases, whose steps could be measured", hint="compile it with --phases"
        )
    if asked is None:
        usual = [name for name in ("prefill", "decode") if name in known]
        return usual or [name for name, phase in known.items() if name == phase.name]
    names = [name.removeprefix("@") for name in asked.split(",")]
    for name in names:
        if name not in known:
            raise UsageError(f"there is no phase {name!r}", hint=f"{guess(name, known)}phases: {', '.join(known)}")
    return names


def point_of(program: "Program", name: str, arguments: argparse.Namespace) -> "Point":
    """The step of a phase: the one it was compiled for, but for what is given.

    Raises UsageError for a number of new tokens that no variant of the phase takes.
    """
    from dsv3c.compilation.variants import check_queries, phases_of, variant_for
    from dsv3c.ir.dialects.mla_cache import CacheType
    from dsv3c.measuring.benchmark import Point

    phase = phases_of(program.module)[name]
    sequences = arguments.batch or phase.sequences
    usual = max(1, phase.tokens // max(1, phase.sequences))
    query = min(phase.max_query, arguments.tokens or usual)
    entry = variant_for(program.module, name, [query] * sequences)
    check_queries(program.module, entry, [query] * sequences)
    caches = [kind for kind in program.entries()[entry].function_type.inputs if isinstance(kind, CacheType)]
    return Point(
        entry=entry,
        sequences=sequences,
        new_tokens=query,
        context=max(query, arguments.context or phase.context),
        page_size=caches[0].page_size.data if caches else 1,
    )


def measured_on_cpu(setting: Setting, points: "list[Point]") -> "tuple[Device, list[tuple[Measured, Env]]]":
    """Every step on the reference."""
    from dsv3c.inputs import entry_inputs
    from dsv3c.measuring.benchmark import Bounds, measure, step_bound
    from dsv3c.measuring.benchmark_cpu import ReferenceRunner
    from dsv3c.measuring.benchmark_record import cpu
    from dsv3c.programs import check_memory

    program, arguments, found = setting.program, setting.arguments, list[tuple["Measured", "Env"]]()
    for point in points:
        check_memory(program.module, point.entry)
        weights = program.weights(point.entry, folder=arguments.weights, seed=arguments.seed)
        inputs = entry_inputs(program.module, point.entry, options_of(point, arguments.seed))
        runner = ReferenceRunner(program.module, weights, point.entry, inputs)
        bounds = Bounds(program.module, point.env(), setting.target)
        bound = step_bound(program.module, point, setting.target)
        repeats = arguments.repeat or REPEATS["cpu"]
        found.append((measure(runner, point, bound, bounds, repeats=repeats), bounds.env))
    return cpu(), found


def measured_on_gpu(setting: Setting, points: "list[Point]") -> "tuple[Device, list[tuple[Measured, Env]]]":
    """Every step on the GPU.  Raises GpuMissing before anything runs where there is none that the kernels run on."""
    from dsv3c.measuring.benchmark_gpu import load_program
    from dsv3c.measuring.benchmark_record import cuda
    from dsv3c.measuring.stopwatch import CudaEvents

    loaded = load_program(setting.program.path)
    gpu = loaded.device(setting.program.path)
    recorder = loaded.recorder(gpu) if setting.arguments.cuda_graph == "auto" else None
    found = measured_with(setting, points, loaded, gpu, gpu.device, CudaEvents(), recorder)
    return cuda(gpu.device.index, gpu.num_sms), found


def measured_with(
    setting: Setting,
    points: "list[Point]",
    loaded: Any,
    gpu: Any,
    device: Any,
    stopwatch: Any,
    recorder: Any = None,
) -> "list[tuple[Measured, Env]]":
    """Every step of a loaded program on a device; ``recorder`` captures steps as graphs."""
    from dsv3c.compilation.variants import phases_of
    from dsv3c.inputs import PhaseInputs
    from dsv3c.measuring.benchmark import Bounds, measure, step_bound
    from dsv3c.measuring.benchmark_gpu import WARM_UP, KernelsRunner

    program, arguments, found = setting.program, setting.arguments, list[tuple["Measured", "Env"]]()
    lowered = lowered_module(setting)
    program.weights(None, folder=arguments.weights, seed=arguments.seed)  # a checkpoint that does not fit is told now
    params = loaded.params(setting.weights, arguments.seed)
    for point in points:
        function = program.entries()[point.entry]
        maker = PhaseInputs(function, options_of(point, arguments.seed), phases_of(program.module)[point.entry])
        runner = KernelsRunner(loaded, lowered, point.entry, gpu, device, stopwatch, params, maker, recorder)
        bounds = Bounds(lowered, point.env(), setting.target)
        bound = step_bound(program.module, point, setting.target)
        repeats = arguments.repeat or REPEATS["gpu"]
        found.append((measure(runner, point, bound, bounds, repeats=repeats, warm_up=WARM_UP), bounds.env))
        print(f"measured @{point.entry}", file=sys.stderr)
    return found


def lowered_module(setting: Setting) -> "ModuleOp":
    """The module of kernels that a program was written from.  Raises UsageError for an artifact without it."""
    from dsv3c.compilation.reading import read_text
    from dsv3c.ir.context import make_context
    from dsv3c.ir.text import parse_module

    named = setting.artifact.manifest["levels"].get("lowered")
    if named is None:
        raise UsageError(f"{setting.program.path} holds no module of its kernels", hint="compile it again")
    file = setting.program.path / named
    return parse_module(make_context(), read_text(file), str(file))


def options_of(point: "Point", seed: int) -> Any:
    """What inputs are made for a step."""
    from dsv3c.inputs import InputOptions

    return InputOptions(batch=point.sequences, length=point.context, new_tokens=point.new_tokens, seed=seed)
