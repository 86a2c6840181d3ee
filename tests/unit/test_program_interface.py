"""What docs/abi.md promises another engine: which rows a step reads and writes, in a program for the CPU."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dsv3c.artifact import write_artifact
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request
from dsv3c.measuring.benchmark_gpu import load_program

DUMP = Path(__file__).parents[2] / "examples" / "dumps" / "final.mlir"
PAGE = 64
PROMPT = list(range(3, 3 + PAGE))
"""A page of tokens."""
Row = tuple[Sequence[int], int, Sequence[int]]
"""Of a sequence: its new tokens, how many are cached before them, its pages."""


class Program:
    """Entries of a program with caches of four pages whose rows hold numbers that nobody wrote in a step."""

    def __init__(self, names: dict[str, Any], params: Any) -> None:
        self.entries, self.params = names["ENTRIES"], params
        self.caches = [spec.allocate(4) for spec in self.entries["decode"].caches]
        for cache in self.caches:
            cache.latent.fill_(7.0)
            cache.rope.fill_(-7.0)

    def run(self, entry: str, *rows: Row, width: int = 2, padding: int = 3) -> Tensor:
        """The logits of a step."""
        int32 = torch.int32
        tables = [
            torch.tensor([token for tokens, _, _ in rows for token in tokens]),
            torch.tensor([before + at for tokens, before, _ in rows for at in range(len(tokens))], dtype=int32),
            torch.tensor([0, *accumulate(len(tokens) for tokens, _, _ in rows)], dtype=int32),
            torch.tensor([[*pages, *[padding] * (width - len(pages))] for _, _, pages in rows], dtype=int32),
            torch.tensor([before + len(tokens) for tokens, before, _ in rows], dtype=int32),
        ]
        before = [cache.latent.data_ptr() for cache in self.caches]
        with torch.no_grad():
            logits, *caches = self.entries[entry].bind(self.params)(*tables, *self.caches)
        assert [cache.latent.data_ptr() for cache in caches] == before, "written in place"
        return logits

    def written(self) -> set[tuple[int, int]]:
        """(page, row) of every row of the first layer that some step wrote."""
        changed = (self.caches[0].latent != 7.0).any(-1) | (self.caches[0].rope != -7.0).any(-1)
        return {(page, row) for page, row in changed.nonzero().tolist()}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Any]:
    folder = tmp_path_factory.mktemp("abi") / "out"
    write_artifact(compile_model(Request(model=str(DUMP), target="cpu")), folder)
    program = load_program(folder)
    return program.names, program.params(None, 0)


@pytest.fixture
def program(loaded: tuple[dict[str, Any], Any]) -> Program:
    return Program(*loaded)


def test_a_step_writes_the_rows_of_its_new_tokens_and_no_others(program: Program) -> None:
    program.run("prefill.short", (PROMPT[:5], 0, [2]), (PROMPT[:3], 0, [0]))
    assert program.written() == {(2, row) for row in range(5)} | {(0, row) for row in range(3)}
    program.run("decode", ([9], 5, [2]), ([8], 3, [0]))
    assert program.written() == {(2, row) for row in range(6)} | {(0, row) for row in range(4)}


def test_padding_and_rows_behind_the_context_are_not_read(program: Program, loaded: tuple[dict[str, Any], Any]) -> None:
    program.run("prefill.short", (PROMPT[:5], 0, [1]))
    found = program.run("decode", ([9], 5, [1]), width=1)
    other = Program(*loaded)
    for cache in other.caches:
        cache.latent.fill_(100.0)
    other.run("prefill.short", (PROMPT[:5], 0, [3]), padding=0)
    assert torch.equal(other.run("decode", ([9], 5, [3]), width=4, padding=2), found)


def test_sequences_share_pages_that_they_only_read(program: Program) -> None:
    apart = program.run("prefill", (PROMPT, 0, [0])), program.run("decode", ([9], PAGE, [0, 1]))
    shared = program.run("decode", ([9], PAGE, [0, 2]), ([11], PAGE, [0, 3]))
    assert torch.equal(shared[0], apart[1][0])
    assert not torch.equal(shared[0], shared[1])


def test_going_back_is_a_smaller_context(program: Program) -> None:
    program.run("prefill.short", (PROMPT[:5], 0, [1]))
    plain = program.run("decode", ([9], 5, [1]))
    program.run("decode", ([20], 5, [1]))
    program.run("decode", ([21], 6, [1]))
    assert torch.equal(program.run("decode", ([9], 5, [1])), plain)
