"""Programs of kernels in one process with the compiler: on the interpreter, and every launcher held to its meaning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from kernel_references import Value, bits_of, check, parts, references
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, SSAValue

from dsv3c.backends.reference.emitter import Body
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.command import Entry as HostEntry
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.backends.triton.emission import emitter
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.runtime.entries import entries_on
from dsv3c.backends.triton.runtime.gpu import Argument, Config, Constant, Gpu, Variant, variant_of
from dsv3c.ir.dialects.core import SymbolOp
from dsv3c.ir.dialects.kernel import KernelCallOp
from dsv3c.ir.functions import make_function

PACKAGES = {
    "launchers": "dsv3c.backends.triton.launchers",
    "device": "dsv3c.backends.triton.runtime",
    "meanings": "dsv3c.backends.reference.meanings",
    "runtime": "dsv3c.backends.reference.runtime",
}
"""Import names in a program -> those of the packages that it carries copies of."""
Launcher = Callable[..., None]
Wrap = Callable[[str, Launcher], Launcher]
"""(``file.function``, launcher) -> what the program calls instead; it is given a ``Site`` in place of the device."""


@dataclass(frozen=True)
class Site:
    """Where a launcher is called."""

    gpu: Gpu
    op: KernelCallOp


def text_with_sites(module: ModuleOp) -> tuple[str, list[KernelCallOp]]:
    """``program.py`` with ``SITES[i]`` in place of the device at the i-th call of a launcher, and the calls."""
    ops = list[KernelCallOp]()

    def emit(body: Body, op: KernelCallOp, launchers: set[str], known: set[str]) -> None:
        first = len(body.lines)
        plain(body, op, launchers, known)
        at, column = next(
            (at, line.index("gpu,"))
            for at, line in enumerate(body.lines)
            if at >= first and line.lstrip().startswith(("gpu,", f"{op.launcher.data}(gpu,"))
        )
        line = body.lines[at]
        body.lines[at] = f"{line[:column]}SITES[{len(ops)}]{line[column + 3 :]}"
        ops.append(op)

    plain = emitter.emit_kernel
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emitter, "emit_kernel", emit)
        return emitter.emit_kernels_program(module)["program.py"], ops


def load_program(text: str, **names: Any) -> dict[str, Any]:
    """The names of ``program.py``, its packages being the compiler's own; ``names`` are there beside them."""
    lines = list[str]()
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        package = rest.split(" ")[0].split(".")[0]
        if word == "from" and package in PACKAGES:
            line = f"from {PACKAGES[package]}{rest[len(package) :]}"
        lines.append(line)
    found: dict[str, Any] = {"__name__": "program", "__file__": "program.py", **names}
    exec(compile("\n".join(lines), "program.py", "exec"), found)
    return found


class WatchedGpu(InterpreterGpu):
    """The interpreter, and the variants that a device would be asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.variants = set[Variant]()

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """See ``Gpu``."""
        self.variants.add(variant_of(kernel, arguments, constants, config))
        super().launch(kernel, grid, arguments, constants, config)


def interpreted(module: ModuleOp, wrap: Wrap | None = None, gpu: Gpu | None = None) -> dict[str, HostEntry]:
    """Name -> entry of a lowered module's program, on Triton's interpreter."""
    gpu = gpu or InterpreterGpu()
    if wrap is None:
        program = load_program(emitter.emit_kernels_program(module)["program.py"])
        return entries_on(program["ENTRIES"], gpu, torch.device("cpu"))
    text, ops = text_with_sites(module)
    program = load_program(text, SITES=[Site(gpu, op) for op in ops])
    for name, value in list(program.items()):
        if isinstance(value, ModuleType) and value.__name__.startswith(PACKAGES["launchers"]):
            functions = {key: item for key, item in vars(value).items() if callable(item)}
            wrapped = {key: wrap(f"{name}.{key}", launcher) for key, launcher in functions.items()}
            program[name] = SimpleNamespace(**wrapped)
    return entries_on(program["ENTRIES"], gpu, torch.device("cpu"))


def outputs_of(op: KernelCallOp, keywords: Mapping[str, Any]) -> dict[str, Value]:
    """Keyword of every output -> the memory it is written to."""
    places = {key: key if key in keywords else op.aliases[key] for key in op.write_names}
    return {key: keywords[place] for key, place in places.items()}


class Forced:
    """Teacher forcing: what every launch writes is compared, and then replaced by what its body means."""

    def __init__(self, module: ModuleOp) -> None:
        self.names = {
            op: f"call{index}" for index, op in enumerate(op for op in module.walk() if isinstance(op, KernelCallOp))
        }
        self.meaning = Executor(bodies(module, self.names), RandomWeights(0, {}))
        self.checked = dict[str, int]()
        """Launcher -> how many of its launches were compared."""

    def wrap(self, name: str, launcher: Launcher) -> Launcher:
        """What a program calls instead of a launcher."""

        def run(site: Site, **keywords: Any) -> None:
            op, reference = site.op, references()[name]
            outputs = outputs_of(op, keywords)
            inputs = {key: value for key, value in keywords.items() if key not in outputs}
            expected = reference.expected(**inputs, **({"outputs": outputs} if reference.sized else {}))
            values = [copied(keywords[key]) for key in op.read_names]
            meant = dict(zip(op.write_names, self.meaning.run(self.names[op], *values), strict=True))
            for key in outputs.keys() - op.aliases.keys():
                for part in parts(outputs[key]):
                    bits_of(part).fill_(0x5A)
            launcher(site.gpu, **keywords)
            held = reference.held(keywords, expected)
            for key, value in outputs.items():
                check(f"{name} {key}", value, expected[key], reference.policy, held.get(key))
                for part, right in zip(parts(value), parts(meant[key]), strict=True):
                    part.copy_(right)
            self.checked[name] = self.checked.get(name, 0) + 1

        return run


@dataclass
class Choices:
    """Notes the experts that a program's gates choose."""

    ids: list[Tensor] = field(default_factory=list[Tensor])

    def wrap(self, name: str, launcher: Launcher) -> Launcher:
        """What a program calls instead of a launcher."""

        def run(site: Site, **keywords: Any) -> None:
            launcher(site.gpu, **keywords)
            if name == "gate.gate":
                self.ids.append(keywords["ids"].clone())

        return run


def copied(value: Value) -> Value:
    """A value whose memory is its own, as meanings write caches in place."""
    if not isinstance(value, LatentCache):
        return value
    scale = value.scale.clone() if value.scale is not None else None
    return LatentCache(value.latent.clone(), value.rope.clone(), scale, value.granule)


def bodies(module: ModuleOp, names: Mapping[KernelCallOp, str]) -> ModuleOp:
    """A module with the body of every call as a function."""
    made = [op.clone() for op in module.body.block.ops if isinstance(op, SymbolOp)]
    for call, name in names.items():
        block = Block(arg_types=call.body.block.arg_types)
        inside = dict[SSAValue, SSAValue](zip(call.body.block.args, block.args, strict=True))
        block.add_ops(op.clone(inside) for op in call.ops)
        block.add_op(func.ReturnOp(*(inside[value] for value in call.end.values)))
        made.append(make_function(name, block))
    return ModuleOp(made)
