"""``make gpu-check``: every kernel's tests and one artifact on the NVIDIA GPU that is there.

Kernels are compiled for the device, launched through the runtime of artifacts, and held to the same references as in
the interpreter.  Without a GPU that they run on it prints one line and nothing fails: nothing was checked.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS / "support"))

from device_gpu import target_of  # noqa: E402

TRAINED = TESTS.parent / "examples" / "trained"
WORKERS = 16
"""Processes that compile and test at a time, at most."""
EMULATED = "test_gluon_protocol.py"
"""Tests of faults that only the emulator of Gluon finds."""
SECONDS = 120
"""Of a test, which compiles kernels; after that one of them hangs."""
PROMPT = ["--tokens", "3,1,4,1,5", "--max-new-tokens", "8"]


def why_not() -> str | None:
    """Why nothing can be checked here; None where it can."""
    if not torch.backends.cuda.is_built():
        return f"PyTorch {torch.__version__} is built without CUDA"
    if not torch.cuda.is_available():
        return "there is no CUDA GPU"
    capability = torch.cuda.get_device_capability()
    if target_of(capability) is None:
        name = torch.cuda.get_device_name()
        return f"{name} has compute capability {capability[0]}.{capability[1]}, which no target's kernels are for"
    return None


def check_kernels() -> bool:
    """The tests of all kernels, on the device."""
    found = [str(TESTS / "support"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTEST_PLUGINS": "device_gpu",
        "PYTHONPATH": os.pathsep.join(path for path in found if path),
    }
    count = min(WORKERS, os.cpu_count() or 1)
    # a line per test, so that something is known of a run that is ended from outside
    command = [sys.executable, "-m", "pytest", "-v", "-n", str(count), *ends_what_hangs(), str(TESTS / "kernels")]
    ignored = [f"--ignore={path}" for path in without_device()]
    return subprocess.run([*command, *ignored], cwd=TESTS.parent, env=environment).returncode == 0


def ends_what_hangs() -> list[str]:
    """Options of pytest-timeout, where it is installed: only the process of a kernel that never ends can be ended."""
    return [f"--timeout={SECONDS}", "--timeout-method=thread"] if find_spec("pytest_timeout") else []


def without_device() -> list[Path]:
    """Files of tests that launch nothing that a device runs: most ask what kernels are compiled to."""
    files = sorted((TESTS / "kernels").glob("test_*.py"))
    return [path for path in files if path.name == EMULATED or "InterpreterGpu" not in path.read_text("utf-8")]


def check_artifact(folder: Path) -> bool:
    """The trained example as a program of kernels says on the device what it says on the CPU."""
    target = target_of(torch.cuda.get_device_capability())
    assert target is not None
    said = [generated(compiled(folder / name, name)) for name in (target.name, "cpu")]
    print(f"gpu-check: the artifact says {said[0]} on {target.name}, {said[1]} on the CPU")
    return said[0] == said[1]


def check_same_bits(folder: Path) -> bool:
    """A batch-invariant program says the same without graphs, with them, and with drafts that are verified."""
    target = target_of(torch.cuda.get_device_capability())
    assert target is not None
    program = compiled(folder / "invariant", target.name, "--batch-invariant", "--speculative")
    ways = {
        "without graphs": ["--cuda-graph", "off"],
        "with graphs": ["--cuda-graph", "on"],
        "with drafts": ["--cuda-graph", "on", "--speculative"],
    }
    said = {name: generated(program, *options) for name, options in ways.items()}
    print("gpu-check: " + ", ".join(f"{text} {name}" for name, text in said.items()))
    return len({*said.values()}) == 1


def compiled(folder: Path, target: str, *options: str) -> Path:
    """The trained example as an artifact."""
    command = [sys.executable, "-m", "dsv3c.cli", "compile", str(TRAINED), "--target", target, "-o", str(folder)]
    run([*command, "--recipe", "deepseek-v3", "--weights", str(TRAINED), *options])
    return folder


def generated(folder: Path, *options: str) -> str:
    """What an artifact's program prints."""
    command = [sys.executable, str(folder / "program.py"), *PROMPT, "--weights", str(TRAINED)]
    return run([*command, *options]).strip()


def run(command: Sequence[str]) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"gpu-check: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """0 where everything passed, and where there is nothing to check on."""
    if reason := why_not():
        print(f"gpu-check: nothing was run: {reason}")
        return 0
    print(f"gpu-check: {torch.cuda.get_device_name()}")
    with tempfile.TemporaryDirectory() as folder:
        passed = [check_kernels(), check_artifact(Path(folder)), check_same_bits(Path(folder))]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
