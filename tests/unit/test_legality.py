"""The judge of timetables: every timetable of tests/legality is what its first line says, and nothing else."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from dsv3c.ir.context import make_context
from dsv3c.ir.legality import CODES, violations
from dsv3c.ir.text import parse_module
from dsv3c.ir.timetable import Dependency, Instance, Slot, Timetable
from dsv3c.ir.timetable_ops import timetable_of, timetables
from dsv3c.ir.verify import verify_module

ROOT = Path(__file__).parents[2]
CORPUS = sorted((ROOT / "tests" / "legality").glob("*.mlir"))


def read(path: Path) -> tuple[str, Timetable]:
    """What the first line expects (a code, or nothing for ``legal``), and the timetable."""
    text = path.read_text()
    module = parse_module(make_context(), text, path.name)
    verify_module(module)
    (op,) = timetables(module).values()
    first = text.splitlines()[0].removeprefix("// ")
    assert first == "legal" or first.startswith("illegal: ")
    return first.removeprefix("illegal: ").removeprefix("legal"), timetable_of(op)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_corpus(path: Path) -> None:
    expected, table = read(path)
    found = violations(table)
    assert {violation.code for violation in found} == ({expected} if expected else set()), [str(v) for v in found]


def test_the_corpus_has_every_code_and_legal_timetables() -> None:
    expected = [read(path)[0] for path in CORPUS]
    assert set(expected) == {"", *CODES}
    assert expected.count("") >= 4


def test_the_judge_knows_no_pass() -> None:
    tree = ast.parse((ROOT / "ir" / "legality.py").read_text())
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    own = [name for name in modules if name.startswith("dsv3c")]
    assert own == ["dsv3c.ir.timetable"]


def legal() -> Timetable:
    return read(ROOT / "tests" / "legality" / "legal-flat.mlir")[1]


def with_slot(table: Timetable, instance: Instance, start: float) -> Timetable:
    """The same with one slot elsewhere."""
    moved = [
        Slot(start, start + slot.end - slot.start, slot.stream, slot.instance) if slot.instance == instance else slot
        for slot in table.expanded()
    ]
    return replace(table, prologue=tuple(moved))


def test_a_violation_says_what_and_when() -> None:
    table = with_slot(legal(), Instance("combine", 3, 1), 143.5)
    assert [str(violation) for violation in violations(table)] == [
        "data-dependency: combine of layer 3, micro-batch 1 starts before experts of layer 3, micro-batch 1 ends "
        "(143.5 us, 144.0 us)",
    ]


def test_several_violations_are_all_found() -> None:
    table = with_slot(legal(), Instance("attention", 0, 0), 500.0)
    table = replace(
        table, prologue=tuple(slot for slot in table.prologue if slot.instance != Instance("combine", 3, 1))
    )
    codes = [violation.code for violation in violations(table)]
    assert codes.count("missing-instance") == 1
    assert codes.count("data-dependency") == 1  # dispatch of layer 0
    assert codes.count("cache-dependency") == 1  # attention of the other micro-batch
    assert codes == sorted(codes, key=list(CODES).index)


def test_a_moment_is_shared_by_what_ends_and_what_starts() -> None:
    """Back to back on one stream, with all multiprocessors and both buffers handed over at once, is legal."""
    table = legal()
    starts = {slot.start for slot in table.expanded()}
    assert any(slot.end in starts for slot in table.expanded())
    assert violations(table) == []


def test_every_dependency_is_checked_wherever_it_binds() -> None:
    """For each dependency and each pair it binds: moving the consumer to just before the producer's end is caught."""
    table = legal()
    slots = {slot.instance: slot for slot in table.expanded()}
    for consumer, waits in table.problem.waits.items():
        for producer, rule in waits:
            moved = with_slot(table, consumer, slots[producer].end - 0.001)
            assert f"{rule.kind}-dependency" in {violation.code for violation in violations(moved)}


def test_a_dependency_binds_where_it_says() -> None:
    rule = Dependency("a", "b", layers_back=1, microbatches_back=-1, layers=(2, 4), microbatch=0)
    bound = [(layer, mb) for layer in range(6) for mb in range(2) if rule.binds(Instance("a", layer, mb))]
    assert bound == [(2, 0), (3, 0)]
    assert rule.producer_of(Instance("a", 2, 0)) == Instance("b", 1, 1)
    assert not rule.binds(Instance("b", 2, 0))
