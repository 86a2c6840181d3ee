"""Programs of kernels in one process with the compiler: on the interpreter, and every launcher held to its meaning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from kernel_references import Value, bits_of, check, parts, references
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.runtime.command import Entry as HostEntry
from dsv3c.backends.triton.emitter import emit_kernels_program
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.runtime.entries import entries_on
from dsv3c.backends.triton.runtime.gpu import Gpu
from dsv3c.ir.dialects.kernel import KernelCallOp

PACKAGES = {
    "launchers": "dsv3c.backends.triton.launchers",
    "device": "dsv3c.backends.triton.runtime",
    "meanings": "dsv3c.backends.reference.meanings",
    "runtime": "dsv3c.backends.reference.runtime",
}
"""Import names in a program -> those of the packages that it carries copies of."""
Launcher = Callable[..., None]
Wrap = Callable[[str, Launcher], Launcher]
"""(``file.function``, launcher) -> what the program calls instead."""


def load_program(text: str, wrap: Wrap | None = None) -> dict[str, Any]:
    """The names of ``program.py``, its packages being the compiler's own; its launchers wrapped."""
    lines = list[str]()
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        package = rest.split(" ")[0].split(".")[0]
        if word == "from" and package in PACKAGES:
            line = f"from {PACKAGES[package]}{rest[len(package) :]}"
        lines.append(line)
    found: dict[str, Any] = {"__name__": "program", "__file__": "program.py"}
    exec(compile("\n".join(lines), "program.py", "exec"), found)
    for name, value in list(found.items()):
        if wrap and isinstance(value, ModuleType) and value.__name__.startswith(PACKAGES["launchers"]):
            functions = {key: item for key, item in vars(value).items() if callable(item)}
            found[name] = SimpleNamespace(
                **{key: wrap(f"{name}.{key}", launcher) for key, launcher in functions.items()}
            )
    return found


def interpreted(module: ModuleOp, wrap: Wrap | None = None, gpu: Gpu | None = None) -> dict[str, HostEntry]:
    """Name -> entry of a lowered module's program, on Triton's interpreter."""
    program = load_program(emit_kernels_program(module)["program.py"], wrap)
    return entries_on(program["ENTRIES"], gpu or InterpreterGpu(), torch.device("cpu"))


@dataclass
class Forced:
    """Teacher forcing: outputs of every launch are compared with their meaning's, and replaced by them."""

    calls: Mapping[str, KernelCallOp]
    """Launcher -> one call of it: which of its keywords are outputs."""
    checked: dict[str, int] = field(default_factory=dict[str, int])
    """Launcher -> how many of its launches were compared."""

    @staticmethod
    def of(module: ModuleOp) -> "Forced":
        """For all launchers of a lowered module."""
        return Forced({op.launcher.data: op for op in module.walk() if isinstance(op, KernelCallOp)})

    def wrap(self, name: str, launcher: Launcher) -> Launcher:
        """What a program calls instead of a launcher."""

        def run(gpu: Gpu, **keywords: Any) -> None:
            call, reference = self.calls[name], references()[name]
            outputs: dict[str, Value] = {
                key: keywords[call.aliases.get(key, key)] if key not in keywords else keywords[key]
                for key in call.write_names
            }
            inputs = {key: value for key, value in keywords.items() if key not in outputs}
            expected = reference.expected(**inputs, **({"outputs": outputs} if reference.sized else {}))
            for key, value in outputs.items():
                if key not in call.aliases:
                    for part in parts(value):
                        bits_of(part).fill_(0x5A)
            launcher(gpu, **keywords)
            for key, value in outputs.items():
                check(f"{name} {key}", value, expected[key], reference.policy)
                for part, right in zip(parts(value), parts(expected[key]), strict=True):
                    part.copy_(right)
            self.checked[name] = self.checked.get(name, 0) + 1

        return run
