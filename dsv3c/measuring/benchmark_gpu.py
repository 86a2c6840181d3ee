"""A step of an artifact's own program on its device: events around every launcher that it calls.

The program is imported as ``python program.py`` would import it, from the artifact's folder and with the packages that
lie there, and nothing in it is changed but the launchers that it calls: they are timed on the way.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import isfunction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dsv3c.backends.triton.memory.streams import step_part
from dsv3c.inputs import PhaseInputs
from dsv3c.ir.dialects.kernel_launch import LaunchOp
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.functions import callee_name, functions
from dsv3c.measuring.benchmark import Run
from dsv3c.measuring.stopwatch import LAUNCH_S, Stopwatch

PACKAGES = ("device", "launchers", "meanings", "runtime")
"""What a program imports from its own folder."""
WARM_UP = 3
"""Runs before those that count: binaries are loaded in the first, and clocks rise."""


@dataclass
class LoadedProgram:
    """``program.py`` of an artifact with the packages beside it."""

    names: dict[str, Any]
    """Its globals."""
    modules: Mapping[str, ModuleType]
    """Its own, by the names they have in it: ``device.entries``."""
    watch: Callable[[str], Callable[[], None]] | None = None
    """Called before every launcher with ``file.function``; what it gives is called after it."""

    def __post_init__(self) -> None:
        for name, value in list(self.names.items()):
            if isinstance(value, ModuleType) and value.__name__.startswith("launchers."):
                self.names[name] = SimpleNamespace(**dict(self.watched(value)))

    def watched(self, module: ModuleType) -> Iterator[tuple[str, Callable[..., None]]]:
        """The launchers of a file, timed."""
        file = module.__name__.removeprefix("launchers.")
        for name, item in vars(module).items():
            if isfunction(item):
                yield name, self.wrapped(f"{file}.{name}", item)

    def wrapped(self, name: str, launcher: Callable[..., None]) -> Callable[..., None]:
        """What the program calls in a launcher's place."""

        def run(*arguments: Any, **keywords: Any) -> None:
            ended = self.watch(name) if self.watch is not None else None
            launcher(*arguments, **keywords)
            if ended is not None:
                ended()

        return run

    def device(self, folder: Path) -> Any:
        """The GPU with the artifact's kernels.  Raises GpuMissing with what is wrong with the machine."""
        try:
            return self.modules["device.cubin"].CubinGpu(folder)
        except self.modules["device.records"].GpuError as error:
            raise GpuMissing(error.what, hint=error.hint) from error

    def entries(self, gpu: Any, device: torch.device, recorder: Any = None) -> Mapping[str, Any]:
        """The program's entries on a device, with what captures their steps as graphs.

        Raises GpuMissing for what must be installed for them.
        """
        try:
            return self.modules["device.entries"].entries_on(self.names["ENTRIES"], gpu, device, recorder)
        except self.modules["device.records"].GpuError as error:
            raise GpuMissing(error.what, hint=error.hint) from error

    def recorder(self, gpu: Any) -> Any:
        """What captures steps on a GPU."""
        return self.modules["device.graphs"].CudaGraphs(gpu)

    def why_no_graph(self, entry: str) -> str:
        """Why steps of an entry are not captured."""
        stated = self.names["ENTRIES"][entry].capture
        return stated if isinstance(stated, str) else "its steps are of any size"

    def params(self, weights: Path | None, seed: int) -> Any:
        """Parameters of a checkpoint, or random ones.  Raises Dsv3cError for a checkpoint that cannot be read."""
        module = self.modules["runtime.params"]
        if weights is None:
            return module.Params(module.RandomSource(seed))
        try:
            return module.Params(module.CheckpointSource(self.modules["runtime.command"].opened(weights)))
        except self.modules["runtime.stored"].StoredError as error:
            raise Dsv3cError(str(error), hint="give its folder with --weights DIR") from error


class GpuMissing(Dsv3cError):
    """Why an artifact's kernels cannot run here."""


def load_program(folder: Path) -> LoadedProgram:
    """Import an artifact's program, whatever of the same names is imported already; it stays out of ``sys.modules``."""
    others = {name: sys.modules.pop(name) for name in list(sys.modules) if is_own(name)}
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        spec = importlib.util.spec_from_file_location("program", folder / "program.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return LoadedProgram(vars(module), {name: item for name, item in sys.modules.items() if is_own(name)})
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = written
        for name in [name for name in sys.modules if is_own(name)]:
            del sys.modules[name]
        sys.modules.update(others)


def is_own(name: str) -> bool:
    """Whether a module is one of those that a program brings along."""
    return name.partition(".")[0] in PACKAGES


def launched(module: ModuleOp, entry: str) -> list[LaunchOp]:
    """The calls of kernels that one run of an entry makes, in their order."""
    table, found = functions(module), list[LaunchOp]()

    def visit(name: str) -> None:
        for op in table[name].body.block.ops:
            if isinstance(op, func.CallOp):
                visit(callee_name(op))
            elif isinstance(op, LaunchOp) and step_part(op) is None:
                found.append(op)

    visit(entry)
    return found


@dataclass
class KernelsRunner:
    """An entry of a program of kernels."""

    program: LoadedProgram
    module: ModuleOp
    """Lowered: the calls that the program makes."""
    entry: str
    gpu: Any
    device: torch.device
    stopwatch: Stopwatch
    params: Any
    maker: PhaseInputs
    recorder: Any = None
    """What captures steps; None: they are not to be."""
    kernel: str = "launcher"
    graph: Callable[[], None] | str = field(init=False)
    ops: list[LaunchOp] = field(init=False)
    run: Callable[..., Sequence[object]] = field(init=False)
    arguments: list[object] = field(init=False)

    def __post_init__(self) -> None:
        self.ops = launched(self.module, self.entry)
        entry = self.program.entries(self.gpu, self.device, self.recorder)[self.entry]
        self.run = partial(entry.plain, self.params)
        self.graph = "not asked for" if self.recorder is None else self.program.why_no_graph(self.entry)
        if entry.captured is not None:
            self.graph = partial(self.ran, entry.bind(self.params))
        self.arguments = arguments_on_device(self.maker, entry.caches)

    def step(self) -> None:
        """See ``Runner``.  Raises Dsv3cError for what the program refuses, and for parameters that do not fit."""
        self.ran(self.run)

    def ran(self, run: Callable[..., Sequence[object]]) -> None:
        """Run the entry, with or without a graph."""
        try:
            with torch.no_grad():
                run(*self.arguments)
        except self.program.modules["device.records"].GpuError as error:
            raise Dsv3cError(error.what, hint=error.hint) from error

    def kernels(self) -> Run:
        """See ``Runner``: the time of a launcher is that between events before and after it."""
        marks = list[tuple[str, Any, list[Any]]]()

        def watch(name: str) -> Callable[[], None]:
            if not marks:
                self.stopwatch.lead(LAUNCH_S * len(self.ops))
            last = list[Any]()
            marks.append((name, self.stopwatch.mark(), last))
            return lambda: last.append(self.stopwatch.mark())

        self.program.watch = watch
        try:
            self.step()
        finally:
            self.program.watch = None
        if [name for name, _, _ in marks] != [self.name(op) for op in self.ops]:
            raise Dsv3cError(
                f"@{self.entry} of program.py does not call what the lowered module says", hint="compile again"
            )
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return [
            (op, self.stopwatch.seconds(first, *last)) for op, (_, first, last) in zip(self.ops, marks, strict=True)
        ]

    def name(self, op: Operation) -> str:
        """See ``Runner``."""
        assert isinstance(op, LaunchOp)
        return op.launcher.data


def arguments_on_device(maker: PhaseInputs, caches: Sequence[Any]) -> list[object]:
    """Tables on the host; caches on the device, with random rows where something is cached before the step."""
    specs, found = iter(caches), list[object]()
    for argument in maker.function.body.block.args:
        if not isinstance(argument.type, CacheType):
            found.append(maker.make(argument))
            continue
        cache = next(specs).allocate(maker.sizes["pages"])
        for part in (cache.latent, cache.rope):
            assert isinstance(part, Tensor)
            part.copy_(torch.randn(part.shape, device=part.device))
        if cache.scale is not None:
            cache.scale.fill_(1.0)
        found.append(cache)
    return found
