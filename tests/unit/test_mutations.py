"""The mutant generator changes what it says, and the runner tells killed from survived."""

import ast
import importlib.util
import sys
import types
from pathlib import Path

import pytest
from mutations import mutants

RUNNER = Path(__file__).parents[1] / "mutants" / "run.py"

REWRITE = '''
def rewrite(op, rewriter, limit: int = 3):
    """Some pattern."""
    assert op is not None and limit > 0
    if not isinstance(op, int | float):
        return None
    if op == 7 or (size := op + 1) > limit:
        return "blocked"
    return AddOp(op, size)
'''


def changed(source: str, key: str) -> str:
    matching = [mutant for mutant in mutants(source) if mutant.key == key]
    assert len(matching) == 1, [mutant.key for mutant in mutants(source)]
    return ast.unparse(matching[0].tree)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("guard never: if not isinstance(op, int | float)", "if not isinstance(op, int | float) and False:"),
        ("without op == 7: op == 7 or (size := (op + 1)) > limit", "if op == 7 and False or (size := (op + 1)) > lim"),
        ("!=: op == 7", "if op != 7 or"),
        (">=: (size := (op + 1)) > limit", "(size := (op + 1)) >= limit"),
        ("swap op <-> size: AddOp", "AddOp(size, op)"),
    ],
)
def test_each_change_is_made(key: str, text: str) -> None:
    assert text in changed(REWRITE, f"rewrite: {key}")


def test_assertions_and_types_are_left_alone() -> None:
    keys = " ".join(mutant.key for mutant in mutants(REWRITE))
    assert "None" not in keys
    assert "float | int" not in keys


def test_equal_changes_have_different_keys() -> None:
    source = "def f(a):\n    if a == 1:\n        return 1\n    if a == 1:\n        return 2\n"
    keys = [mutant.key for mutant in mutants(source)]
    assert len(keys) == len(set(keys)) == 4


def test_every_mutant_compiles_and_differs() -> None:
    source = Path(__file__).parents[1].joinpath("support", "mutations.py").read_text()
    unchanged = ast.dump(ast.parse(source))
    for mutant in mutants(source):
        compile(mutant.tree, "mutant", "exec")
        assert ast.dump(mutant.tree) != unchanged


TOY = """
from dsv3c.passes.toy_helper import is_small

def describe(x):
    if x < 0:
        return "blocked"
    if not is_small(x):
        return "large"
    return "small"
"""
TOY_HELPER = "def is_small(x):\n    return x < 10\n"
WEAK_TEST = "// RUN: dsv3c opt -1 20 3 | filecheck %s\n// CHECK: blocked large small\n"
STRONG_TEST = "// RUN: dsv3c opt -1 0 20 10 9 | filecheck %s\n// CHECK: blocked small large large small\n"


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The runner on a toy passes/ folder, with a command line that calls the toy."""
    spec = importlib.util.spec_from_file_location("mutants_run", RUNNER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mutants_run", module)
    spec.loader.exec_module(module)
    for name, text in {"toy": TOY, "toy_helper": TOY_HELPER}.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(module, "PASSES", tmp_path)
    monkeypatch.setattr(module, "FILECHECK", tmp_path)
    passes = types.ModuleType("dsv3c.passes")
    passes.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "dsv3c.passes", passes)
    cli = types.ModuleType("dsv3c.cli")

    def main(args: list[str]) -> None:
        describe = importlib.import_module("dsv3c.passes.toy").describe
        print(*(describe(int(arg)) for arg in args[1:]))

    cli.main = main
    monkeypatch.setitem(sys.modules, "dsv3c.cli", cli)
    return module


def test_survivors_are_found_in_a_pass_and_in_what_it_imports(runner: types.ModuleType, tmp_path: Path) -> None:
    (tmp_path / "toy.mlir").write_text(WEAK_TEST)
    assert runner.check("toy", {}, 2, 60.0) == ["passes/toy.py:5: describe: <=: x < 0"]
    assert runner.check("toy_helper", {}, 2, 60.0) == ["passes/toy_helper.py:2: is_small: <=: x < 10"]
    assert runner.check("toy", {"describe: <=: x < 0": "said to mean the same"}, 2, 60.0) == []


def test_good_tests_leave_no_survivor(runner: types.ModuleType, tmp_path: Path) -> None:
    (tmp_path / "toy.mlir").write_text(STRONG_TEST)
    assert runner.check("toy", {}, 2, 60.0) == []
    assert "does not survive" in runner.check("toy", {"describe: <=: x < 0": "stale"}, 2, 60.0)[0]


def test_failing_and_missing_tests_are_reported(runner: types.ModuleType, tmp_path: Path) -> None:
    assert runner.check("toy", {}, 1, 60.0) == ["toy: no tests found"]
    (tmp_path / "toy.mlir").write_text(WEAK_TEST.replace("large", "huge"))
    assert runner.check("toy", {}, 1, 60.0) == ["toy: its tests fail without any change"]
