"""Verbs that work where torch is absent, and one clear line from those that need it."""

import subprocess
import sys
from pathlib import Path

import pytest
from cli import TEXT

RUN = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in ("torch", "triton", "transformers", "safetensors", "rich"):
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)

sys.meta_path.insert(0, Absent())
from dsv3c.cli import main
sys.exit(main(sys.argv[1:]))
"""


def without_torch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True)


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "toy.mlir").write_text(TEXT)
    return str(tmp_path / "toy.mlir")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["targets"],
        ["targets", "h800"],
        ["recipes"],
        ["recipes", "deepseek-v3"],
        ["passes"],
        ["passes", "absorb-mla"],
        ["compile", "--help"],
        ["run", "--help"],
        ["generate", "--help"],
    ],
    ids=" ".join,
)
def test_works_without_torch(arguments: list[str]) -> None:
    done = without_torch(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_opt_works_without_torch(file: str) -> None:
    done = without_torch("opt", file, "-p", "raise-linear,canonicalize,cse,dce", "--allow-unapplied")
    assert done.returncode == 0, done.stderr
    assert "nn.linear" in done.stdout


@pytest.mark.parametrize("arguments", [["compile", "tiny"], ["run"], ["generate", "--tokens", "1"]], ids=" ".join)
def test_says_what_is_missing(arguments: list[str], file: str) -> None:
    given = arguments if "tiny" in arguments else [arguments[0], file, *arguments[1:]]
    done = without_torch(*given)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: `dsv3c {arguments[0]}` needs torch, which is not installed\n")
    assert "pip install torch" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_asking_the_evaluator_needs_torch(file: str) -> None:
    done = without_torch("opt", file, "--evaluate")
    assert done.returncode == 2
    assert "needs torch" in done.stderr
