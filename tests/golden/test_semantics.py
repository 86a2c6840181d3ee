"""One model, three sources: equal arithmetic raises to equal text, other arithmetic to other attributes and types."""

import difflib
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from dsv3c.compilation.evaluator import TorchEvaluator
from dsv3c.compilation.pipelines import RAISE
from dsv3c.frontend.capture import CaptureOptions, capture_config, capture_own
from dsv3c.frontend.captured import Captured
from dsv3c.frontend.importer import import_program
from dsv3c.ir.context import make_context
from dsv3c.ir.text import print_module
from dsv3c.ir.verify import verify_module
from dsv3c.models.configs import load_config, to_hf
from dsv3c.models.semantics import SemanticsName
from dsv3c.passes.registry import load_pass

GOLDEN = Path(__file__).with_name("semantics_diff.txt")
NAME = re.compile(r"[%@][\w.]+")
TOKEN = re.compile(r'tensor<[^"]*?(?:, \[[^]]*\])?>|"[^"]*"|[^\s,()]+')


def raised(captured: Captured) -> list[str]:
    """The lines of the raised text, values and functions numbered by first occurrence: their names are the source's."""
    ctx = make_context()
    ctx.evaluator = TorchEvaluator()
    module = import_program(ctx, captured)
    for name in RAISE:
        load_pass(name)().apply(ctx, module)
        verify_module(module)
    assert not [str(item) for item in ctx.outcomes if item.kind.value == "blocked"]
    lines, seen = list[str](), dict[str, str]()
    for line in print_module(module).splitlines()[1:]:
        if "func.func" in line:
            seen = {name: known for name, known in seen.items() if name[0] == "@"}
        lines.append(numbered(line, seen))
    return lines


def numbered(line: str, seen: dict[str, str]) -> str:
    """``%3`` for the fourth value seen, ``@0`` for the first function."""
    for name in NAME.findall(line):
        seen.setdefault(name, f"{name[0]}{sum(other[0] == name[0] for other in seen)}")
    return NAME.sub(lambda match: seen[match[0]], line)


@cache
def own(semantics: SemanticsName) -> list[str]:
    return raised(capture_own(load_config("tiny"), semantics, CaptureOptions()))


def hf(experts: Literal["grouped_mm", "batched_mm"]) -> list[str]:
    config = load_config("tiny")
    return raised(capture_config(to_hf(config), config, CaptureOptions(experts=experts)))


def differences(left: list[str], right: list[str]) -> str:
    """Which words of which ops differ, and how often; the texts agree line by line in everything else."""
    assert len(left) == len(right)
    counts = Counter[str]()
    for one, other in zip(left, right, strict=True):
        words, others = TOKEN.findall(one), TOKEN.findall(other)
        op = next((word for word in words if re.fullmatch(r"[a-z]\w*\.[\w.]+", word)), "")
        for kind, a, b, c, d in difflib.SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
            if kind != "equal":
                what = f"{words[a - 1]} " if re.fullmatch(r"[a-z_]+", words[a - 1]) else ""
                change = f"{' '.join(words[a:b]) or 'nothing'} -> {' '.join(others[c:d]) or 'nothing'}"
                counts[f"{op}: {what}{change}"] += 1
    return "".join(f"{text} ({count} times)\n" for text, count in sorted(counts.items()))


def test_equal_arithmetic_gives_equal_text() -> None:
    ours = own("hf")
    assert "\n".join(hf("grouped_mm")) == "\n".join(ours)
    assert "\n".join(hf("batched_mm")) == "\n".join(ours)


def test_other_arithmetic_differs_in_the_listed_words(request: pytest.FixtureRequest) -> None:
    text = differences(own("hf"), own("deepseek"))
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
