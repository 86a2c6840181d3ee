"""Two runs of a program give the same bits: no kernel adds numbers in an order that depends on the device's timing."""

import ast
import re
from pathlib import Path

import pytest

from dsv3c.backends import triton

FOLDERS = ("kernels", "gluon")
SOURCES = sorted(file for folder in FOLDERS for file in (Path(triton.__path__[0]) / folder).glob("*.py"))
ATOMIC = re.compile(r"atomic|reduce_add|async_add|\batom\.|\bred\.")
"""Names and instructions (in text that is handed to the assembler) that change memory in the order of arrival."""


def unordered(source: str) -> list[str]:
    """What a kernel file names or writes as an instruction that other programs may interleave with.

    A whole number that is added to a counter is none: the sum is the same in any order, and what it decides is who
    computes a tile, not how.
    """
    found, tree = list[str](), ast.parse(source)
    counters = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and counts(node)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name):
                pass
            case ast.Call(func=ast.Attribute(attr="inline_asm_elementwise"), args=[ast.Constant(value=str(name)), *_]):
                pass
            case _:
                continue
        found += [name] if ATOMIC.search(name) and id(node) not in counters else []
    return found


def counts(node: ast.Call) -> bool:
    """``atomic_add(pointer, 1)``."""
    match node:
        case ast.Call(func=ast.Attribute(attr="atomic_add"), args=[_, ast.Constant(value=int())]):
            return True
        case _:
            return False


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_no_kernel_adds_in_the_order_of_arrival(file: Path) -> None:
    assert unordered(file.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "tl.atomic_add(y_ptr, x)",
        "from triton.language import atomic_max",
        "tma.async_atomic_add(y_desc, [0, 0], tile)",
        "tl.inline_asm_elementwise('red.global.add.f32 [$1], $2;', '=r,l,f', [p, x], tl.int32, False, 1)",
    ],
)
def test_such_additions_are_found(source: str) -> None:
    assert len(unordered(source)) == 1


def test_taking_a_tile_is_no_such_addition() -> None:
    assert unordered("tile = tl.atomic_add(next_ptr, 1, sem='relaxed')") == []


def test_all_kernels_are_looked_at() -> None:
    names = {file.stem for file in SOURCES if file.parent.name == "kernels"}
    assert names >= {"scaled_mm", "absorbed_attention", "unpermute", "permute", "rms_norm"}
