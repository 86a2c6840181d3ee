"""Every pass is one file with one name, documented, and with one FileCheck file of positive and negative cases."""

import ast
import dataclasses
import importlib
import re
from itertools import pairwise
from pathlib import Path

import pytest
from runlines import run_lines

from dsv3c.compilation.known_passes import BACKEND_PASSES, KNOWN, load_pass
from dsv3c.passes.base import Pass

ROOT = Path(__file__).parents[1]
TEXT_TESTS = ROOT / "tests" / "filecheck" / "passes"


def source_of(name: str) -> Path:
    folder = Path(*BACKEND_PASSES[name][0].split(".")[1:-1]) if name in BACKEND_PASSES else Path("passes")
    return ROOT / folder / f"{name.replace('-', '_')}.py"


@pytest.mark.parametrize("name", KNOWN)
def test_file_header_shows_before_and_after(name: str) -> None:
    doc = ast.get_docstring(ast.parse(source_of(name).read_text())) or ""
    assert f"``{name}``" in doc, f"{source_of(name).name}: the header does not name the pass"
    assert re.search(r"\bBefore\b", doc), f"{name}: the header shows no IR before"
    assert re.search(r"\bAfter\b", doc), f"{name}: the header shows no IR after"


@pytest.mark.parametrize("name", KNOWN)
def test_is_a_frozen_dataclass_that_states_its_contract(name: str) -> None:
    cls = load_pass(name)
    assert issubclass(cls, Pass)
    assert cls.__doc__
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen  # pyright: ignore[reportAttributeAccessIssue]
    assert cls.numerics in ("bitwise", "reassociates", "quantises")
    assert isinstance(cls.requires, frozenset)
    assert isinstance(cls.ensures, frozenset)


@pytest.mark.parametrize("name", KNOWN)
def test_options_are_documented(name: str) -> None:
    cls = load_pass(name)
    body = next(
        node.body
        for node in ast.parse(source_of(name).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    )
    documented = {
        ast.unparse(field.target)
        for field, after in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }
    assert {field.name for field in dataclasses.fields(cls)} <= documented


@pytest.mark.parametrize("name", KNOWN)
def test_has_positive_and_negative_text_tests(name: str) -> None:
    path = TEXT_TESTS / f"{name}.mlir"
    assert path.exists(), f"no {path.relative_to(ROOT)}"
    text = path.read_text()
    functions = re.findall(r"func\.func (?:private )?@([\w.]+)", text)
    assert any(function.startswith("negative_") for function in functions), "no function called @negative_<why>"
    assert any(not function.startswith("negative_") for function in functions), "no positive case"
    runs = [line for line in run_lines(text) if re.search(rf"-p\b.*(?<![\w-]){name}(?![\w-])", line)]
    assert runs, f"no RUN line runs {name}"


def test_every_file_is_a_pass_or_shared_by_passes() -> None:
    files = {path.stem for path in (ROOT / "passes").glob("*.py")} - {"__init__"}
    for stem in sorted(files - {name.replace("-", "_") for name in KNOWN}):
        module = importlib.import_module(f"dsv3c.passes.{stem}")
        own = [cls for cls in vars(module).values() if isinstance(cls, type) and cls.__module__ == module.__name__]
        hidden = [cls.__name__ for cls in own if issubclass(cls, Pass) and "name" in vars(cls)]
        assert hidden == [], f"passes/{stem}.py holds passes that the registry does not know"
