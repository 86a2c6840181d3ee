"""Every op of our dialects has all its parts: documentation, text tests, a meaning and a cost."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from roundtrip import check_round_trip, chunks, parse
from xdsl.ir import Operation

from dsv3c.ir.context import DIALECTS, load_dialect
from dsv3c.ir.rules import RuleTable

ROOT = Path(__file__).parents[1]
TEXT_TESTS = ROOT / "tests" / "filecheck" / "dialects"
INVALID = "-invalid.mlir"
OPS = sorted({op for name in DIALECTS for op in load_dialect(name).operations}, key=lambda op: op.name)

STRUCTURAL: dict[str, str] = {
    # Ops that compute nothing of their own: op name -> who gives them their effect.
    "comm.mesh": "a declaration: names the ranks",
    "dsv3c.symbol": "a declaration: the operating point gives its value",
    "kernel.call": "the ops of its body are what it means",
    "kernel.extern": "the ops of its body are what it means",
    "kernel.yield": "ends a body: kernel.call and kernel.extern return its operands",
    "moe.fused": "the ops of its body are what runs",
    "moe.yield": "ends a body: moe.fused returns its operands",
    "weight.yield": "ends a recipe: weight.param returns its operand",
    # A timetable says when the calls of an entry run; the calls carry the values and the costs.
    "sched.timetable": "the entry's calls are what runs",
    "sched.stream": "declared by sched.timetable",
    "sched.buffer": "declared by sched.timetable",
    "sched.segment": "declared by sched.timetable",
    "sched.depends": "declared by sched.timetable",
    "sched.slot": "the call of its segment is what runs",
}
AT_LOAD: dict[str, str] = {
    # Ops that cost nothing in a forward pass: op name -> when they are paid.
    "weight.shard": "in recipes only, once at load",
    "weight.stored": "in recipes only, once at load",
    "weight.stored_each": "in recipes only, once at load",
}

FORMULA = re.compile(r"``[^`]+``", re.DOTALL)
SHAPE = re.compile(r"\[[^\]]*\]|[Ss]hape|[Uu]nit")
SOURCE = re.compile(r"[Ss]ource|Made by|arXiv|deepseek-ai/")


def names(ops: list[type[Operation]]) -> list[str]:
    return [op.name for op in ops]


def text_files(*, invalid: bool) -> list[Path]:
    return [path for path in sorted(TEXT_TESTS.glob("*.mlir")) if path.name.endswith(INVALID) == invalid]


@cache
def round_tripped_ops() -> frozenset[str]:
    """Names of the ops in the programs of the round-trip files; text in comments does not count."""
    texts = [chunk for path in text_files(invalid=False) for chunk in chunks(path.read_text())]
    return frozenset(op.name for text in texts for op in parse(text).walk())


@cache
def rejected_text() -> str:
    """The programs of the negative files without their comments."""
    lines = [line for path in text_files(invalid=True) for line in path.read_text().splitlines()]
    return "\n".join(line for line in lines if not line.lstrip().startswith("//"))


def tables(package: str) -> Iterator[RuleTable[object]]:
    """The rule tables that the modules of a package define."""
    root = importlib.import_module(package)
    modules = [root]
    for info in pkgutil.walk_packages(getattr(root, "__path__", []), package + "."):
        modules.append(importlib.import_module(info.name))
    found = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, RuleTable)}
    yield from found.values()


def without_rule(package: str, exempt: Mapping[str, str]) -> list[str]:
    """Ops that no rule table of the package knows; ``STRUCTURAL`` and exempt ones need none."""
    found = list(tables(package))
    assert found, f"{package} defines no rule table"
    ruled = {op.name for op in OPS if any(table.find(op) for table in found)}
    assert ruled.isdisjoint(exempt), "an op with a rule needs no exemption"
    return [op.name for op in OPS if op.name not in ruled | STRUCTURAL.keys() | exempt.keys()]


def test_the_dialects_hold_ops() -> None:
    assert len(OPS) > 20
    assert len({op.name for op in OPS}) == len(OPS)
    assert STRUCTURAL.keys() | AT_LOAD.keys() <= set(names(OPS))


@pytest.mark.parametrize("op", OPS, ids=names(OPS))
def test_documented_with_formula_shapes_and_source(op: type[Operation]) -> None:
    doc = op.__doc__ or ""
    assert FORMULA.search(doc), f"{op.name}: no formula in double backticks"
    assert SHAPE.search(doc), f"{op.name}: no shapes such as [T, D], and no unit"
    assert SOURCE.search(doc), f"{op.name}: where it comes from is not said"


@pytest.mark.parametrize("op", OPS, ids=names(OPS))
def test_is_printed_and_parsed_by_a_round_trip_file(op: type[Operation]) -> None:
    assert op.name in round_tripped_ops(), f"no file of {TEXT_TESTS.relative_to(ROOT)} holds {op.name}"


# Without a verifier of its own an op has only constraints, which xDSL checks and tests.
VERIFYING = [op for op in OPS if "verify_" in vars(op)]


@pytest.mark.parametrize("op", VERIFYING, ids=names(VERIFYING))
def test_is_rejected_by_a_negative_file(op: type[Operation]) -> None:
    pattern = re.compile(re.escape(op.name) + r"(?![\w.])")
    assert pattern.search(rejected_text()), f"no file *{INVALID} holds a wrong {op.name}"


def test_every_op_has_a_reference_meaning() -> None:
    assert without_rule("dsv3c.backends.reference", {}) == []


def test_every_op_has_a_cost() -> None:
    assert without_rule("dsv3c.ir.cost", AT_LOAD) == []


def test_every_dialect_has_its_two_files() -> None:
    present = {path.name for path in TEXT_TESTS.glob("*.mlir")}
    wanted = {f"{name}{ending}" for name in [*DIALECTS, "aten"] for ending in (".mlir", INVALID)}
    assert wanted <= present, f"missing: {sorted(wanted - present)}"


def round_trip_texts() -> list[Path]:
    """Dialect files, and every program kept as an example or a golden file."""
    kept = [path for folder in ("examples", "tests/golden") for path in sorted((ROOT / folder).rglob("*.mlir"))]
    return text_files(invalid=False) + kept


@pytest.mark.parametrize("path", round_trip_texts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_text_round_trips_and_mlir_accepts_it(path: Path) -> None:
    for chunk in chunks(path.read_text()):
        check_round_trip(chunk)
