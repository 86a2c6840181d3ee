"""What this machine has, and what keeps a model from being captured: facts, one line each."""

import importlib
import importlib.util
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.targets import shipped_targets

MIN_PYTHON = (3, 11)
MIN_VERSIONS = {"torch": (2, 11), "transformers": (5,), "triton": (3, 6), "xdsl": (0, 74)}
REQUIRED = ("torch", "xdsl", "safetensors", "rich")
EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "hf": (("transformers", "tokenizers"), "Hugging Face configurations and text instead of token ids"),
    "gpu": (("triton", "cuda"), "compiling kernels (triton) and launching them on an NVIDIA GPU (cuda-bindings)"),
    "mlir": (("torch_mlir",), "leaving through torch-mlir"),
}
"""Extra -> the packages it brings, and what it is for."""
DISTRIBUTIONS = {"cuda": "cuda-bindings", "torch_mlir": "torch-mlir"}


@dataclass(frozen=True)
class Finding:
    """One fact; ``ok`` is False for what is missing or in the way."""

    kind: Literal["environment", "required", "device", "extra", "model"]
    name: str
    text: str
    ok: bool


def doctor(model: str | None = None) -> list[Finding]:
    """Facts about the environment, the device and the extras, and about capturing ``model`` if one is given."""
    findings = [python_finding(), Finding("environment", "platform", platform.platform(), True)]
    findings += [package_finding(name) for name in REQUIRED]
    findings += [device_finding(), *(extra_finding(name) for name in EXTRAS)]
    return findings + list(model_findings(model)) if model is not None else findings


def python_finding() -> Finding:
    """Python's version against the oldest supported one."""
    found = ".".join(map(str, sys.version_info[:3]))
    needed = ".".join(map(str, MIN_PYTHON))
    ok = sys.version_info[:2] >= MIN_PYTHON
    return Finding("required", "python", found if ok else f"{found}; {needed} or newer is needed", ok)


def package_finding(name: str) -> Finding:
    """A package's version against the oldest supported one."""
    found = version_of(name)
    if found is None:
        return Finding("required", name, f"not installed: pip install {DISTRIBUTIONS.get(name, name)}", False)
    if is_too_old(name, found):
        needed = ".".join(map(str, MIN_VERSIONS[name]))
        return Finding("required", name, f"{found}; {needed} or newer is needed", False)
    return Finding("required", name, found, True)


def version_of(name: str) -> str | None:
    """The installed version; None for a package that cannot be imported."""
    if importlib.util.find_spec(name) is None:
        return None
    try:
        return version(DISTRIBUTIONS.get(name, name))
    except PackageNotFoundError:
        return "of unknown version"


def is_too_old(name: str, found: str) -> bool:
    """Whether a version's leading numbers are below the oldest supported ones."""
    needed = MIN_VERSIONS.get(name, ())
    numbers = [part for part in found.split("+")[0].split(".")[: len(needed)] if part.isdigit()]
    return tuple(map(int, numbers)) < needed


def device_finding() -> Finding:
    """The accelerator PyTorch sees; without one the reference runs on the CPU."""
    if importlib.util.find_spec("torch") is None:
        return Finding("device", "gpu", "unknown: torch is not installed", False)
    import torch

    if not torch.cuda.is_available():
        return Finding("device", "gpu", "none: kernels are compiled, not launched; the CPU reference runs", True)
    count = torch.cuda.device_count()
    names = sorted({described(torch.cuda.get_device_properties(index)) for index in range(count)})
    return Finding("device", "gpu", f"{count} x {', '.join(names)}", True)


def described(device: Any) -> str:
    """A device's name, its architecture, and which targets' kernels run on it."""
    arch = f"sm_{device.major}{device.minor}"
    fitting = [name for name, target in shipped_targets().items() if target.arch.rstrip("a") == arch]
    kernels = f"kernels of {', '.join(fitting)} run on it" if fitting else "no target's kernels run on it"
    return f"{device.name} ({arch}: {kernels})"


def extra_finding(name: str) -> Finding:
    """Whether all packages of an extra are there, and new enough."""
    packages, purpose = EXTRAS[name]
    found = {package: version_of(package) for package in packages}
    lacking = [DISTRIBUTIONS.get(package, package) for package, what in found.items() if what is None]
    if lacking and name == "gpu" and platform.system() != "Linux":
        return Finding("extra", name, f"absent: triton exists for Linux only; without it: no {purpose}", True)
    if lacking:
        return Finding(
            "extra", name, f"absent ({', '.join(lacking)}): pip install 'dsv3c[{name}]' for {purpose}", False
        )
    old = [f"{package} {what}" for package, what in found.items() if what and is_too_old(package, what)]
    if old:
        return Finding("extra", name, f"too old ({', '.join(old)}): pip install -U 'dsv3c[{name}]'", False)
    versions = ", ".join(f"{DISTRIBUTIONS.get(package, package)} {what}" for package, what in found.items())
    return Finding("extra", name, f"present ({versions})", True)


def model_findings(model: str) -> Iterator[Finding]:
    """Try to capture and import ``model``; the problem found has its file, line and edit."""
    if importlib.util.find_spec("torch") is None:
        yield Finding("model", "capture", "not tried: torch is not installed", False)
        return
    from dsv3c.frontend.capture import capture
    from dsv3c.frontend.importer import import_program
    from dsv3c.ir.context import make_context
    from dsv3c.ir.functions import functions
    from dsv3c.ir.verify import verify_module

    try:
        captured = capture(model)
    except Dsv3cError as error:
        yield Finding("model", "capture", str(error), False)
        return
    nodes = sum(len(entry.program.graph.nodes) for entry in captured.entries.values())
    yield Finding("model", "capture", f"{', '.join(captured.entries)}: {nodes:,} nodes", True)
    try:
        module = import_program(make_context(), captured)
        verify_module(module)
    except Dsv3cError as error:
        yield Finding("model", "import", str(error), False)
        return
    yield Finding("model", "import", f"functions: {', '.join(functions(module))}", True)
