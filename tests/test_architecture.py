"""The rules of CONTRIBUTING.md that can be counted: imports, sizes, documentation, text."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT: dict[str, set[str]] = {
    # folder: what its files may import beside the standard library and themselves
    "ir": {"xdsl"},
    "passes": {"dsv3c.ir", "xdsl", "networkx"},
    "backends": {"dsv3c.ir", "dsv3c.passes.base", "xdsl", "torch", "jinja2", "safetensors"},
    "backends/triton": {"triton", "cuda"},
    "backends/mlir": {"torch_mlir"},
    "models": {"torch"},
    "dsv3c": {
        "dsv3c.ir", "dsv3c.passes", "dsv3c.backends", "dsv3c.models",
        "xdsl", "torch", "rich", "safetensors", "transformers", "tokenizers", "networkx", "jinja2", "triton",
    },
}  # fmt: skip
OWN_NAME = {"ir": "dsv3c.ir", "passes": "dsv3c.passes", "backends": "dsv3c.backends", "models": "dsv3c.models"}
# The distribution that brings an import name, where the two differ.
DISTRIBUTION = {"cuda": "cuda-bindings", "torch_mlir": "torch-mlir"}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_KERNEL_LINES = 120
KERNELS = ("backends/triton/kernels/", "backends/triton/gluon/")

FORBIDDEN = [
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "finish it or say in the documentation what is missing"),
    (re.compile(r"(?<![\w.])/(work|root|home|opt/\w+|tmp/\w+)/"), "a path of one machine"),
    (re.compile(r"\b[Ii]ssues? #?\d"), "an upstream issue is cited as owner/repository#number"),
    (re.compile(r"index-url|find-links"), "package hosts are the user's choice"),
]


def tracked(*suffixes: str) -> list[str]:
    """The repository's text files, whether committed yet or not; without a repository, all of them."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
        names = [name for name in names if not name.startswith((".", "build/")) and ".egg-info" not in name]
    else:
        names = done.stdout.splitlines()
    return sorted({name for name in names if name.endswith(suffixes) and (ROOT / name).is_file()})


PYTHON = tracked(".py")
PACKAGED = [name for name in PYTHON if name.split("/")[0] in {*OWN_NAME, "dsv3c"}]
CODE = tracked(".py", ".mlir", ".toml", ".json", ".j2", ".sh", "Makefile", ".ci/run")
TEXT = tracked(".py", ".mlir", ".toml", ".json", ".j2", ".sh", ".md", "Makefile", ".ci/run")
THIS_FILE = "tests/test_architecture.py"


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            # `from dsv3c import ir` imports dsv3c.ir; `from dsv3c.ir import x` stays inside dsv3c.ir.
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def allowed_for(name: str) -> set[str]:
    folder = name.split("/")[0]
    allowed = {OWN_NAME.get(folder, "dsv3c")} | MAY_IMPORT[folder]
    for prefix, more in MAY_IMPORT.items():
        if "/" in prefix and name.startswith(prefix + "/"):
            allowed |= more
    return allowed


@pytest.mark.parametrize("name", PACKAGED)
def test_imports_point_downwards(name: str) -> None:
    allowed = allowed_for(name)
    wrong = [
        f"{name}:{line}: imports {imported}"
        for line, imported in imported_names(ast.parse((ROOT / name).read_text()))
        if imported.split(".")[0] not in sys.stdlib_module_names
        and not any(imported == prefix or imported.startswith(prefix + ".") for prefix in allowed)
    ]
    assert wrong == []


def test_every_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    declared = {re.split(r"[^\w-]", requirement)[0] for requirement in wanted}
    undeclared = set()
    for name in PACKAGED:
        for _, imported in imported_names(ast.parse((ROOT / name).read_text())):
            top = imported.split(".")[0]
            if top not in sys.stdlib_module_names and top != "dsv3c" and DISTRIBUTION.get(top, top) not in declared:
                undeclared.add(f"{name}: {top}")
    assert undeclared == set()


OPT_WITHOUT_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "triton", "transformers"):
            raise ImportError(f"{name} was imported")

sys.meta_path.insert(0, NoTorch())
from dsv3c.cli import main
sys.exit(main(["opt", sys.argv[1], "-p", "canonicalize,cse,dce"]))
"""


def test_opt_starts_without_torch(tmp_path: Path) -> None:
    file = tmp_path / "x.mlir"
    file.write_text("func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {\n  func.return %x : tensor<2xf32>\n}\n")
    command = [sys.executable, "-c", OPT_WITHOUT_TORCH, str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "func.return" in done.stdout


@pytest.mark.parametrize("name", PYTHON)
def test_files_and_functions_are_short(name: str) -> None:
    text = (ROOT / name).read_text()
    lines = len(text.splitlines())
    assert lines <= MAX_FILE_LINES, f"{name} has {lines} lines: does it hold two things?"
    cap = MAX_KERNEL_LINES if name.startswith(KERNELS) else MAX_FUNCTION_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= cap, f"{name}:{node.lineno}: {node.name} has {length} lines, at most {cap}"


def test_the_model_stays_readable() -> None:
    assert len((ROOT / "models/deepseek_v3.py").read_text().splitlines()) <= 300


@pytest.mark.parametrize("name", PACKAGED)
def test_everything_is_annotated(name: str) -> None:
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
            bare = [a.arg for a in args if a and not a.annotation and a.arg not in ("self", "cls", "_cls")]
            assert not bare, f"{name}:{node.lineno}: {node.name}: {bare} have no type"
            assert node.returns or node.name == "__init__", f"{name}:{node.lineno}: {node.name} has no return type"


@pytest.mark.parametrize("name", CODE)
def test_code_is_ascii(name: str) -> None:
    for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
        assert line.isascii(), f"{name}:{number}: {line.strip()!r}"


@pytest.mark.parametrize("name", [name for name in TEXT if name != THIS_FILE])
def test_text_says_nothing_about_one_machine_or_unfinished_work(name: str) -> None:
    for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
        for pattern, why in FORBIDDEN:
            assert not pattern.search(line), f"{name}:{number}: {why}: {line.strip()}"


def test_the_forbidden_patterns_find_what_they_name() -> None:
    bad = ["# TODO: later", "see /work/x", "/home/me/x.py", "closes issue 12", "--extra-index-url=x"]
    good = ["pytorch/pytorch#1234", "docs/work/x", "%t.tmp/x", "an issue of style"]
    assert all(any(pattern.search(line) for pattern, _ in FORBIDDEN) for line in bad)
    assert not any(pattern.search(line) for line in good for pattern, _ in FORBIDDEN)


def test_no_test_is_skipped() -> None:
    """Everything the tests need is in the extras: a skip would hide a missing install."""
    wrong = [
        f"{name}:{node.lineno}"
        for name in PYTHON
        if name.startswith("tests/")
        for node in ast.walk(ast.parse((ROOT / name).read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "skipif", "importorskip", "xfail")
    ]
    assert wrong == []
