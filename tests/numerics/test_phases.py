"""One prefill, chunked prefill and token-by-token decode give the same bits; so do sequences alone and in a batch.

The tiny model through the whole pipeline, under the reference arithmetic, with expanded and with absorbed attention.
"""

import random
from functools import cache

import pytest
import torch
from torch import Tensor

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.checking.metrics import difference
from dsv3c.compilation.pipelines import LOWER, RAISE
from dsv3c.runtime import Engine

MODES = {"expanded": "never", "absorbed": "always"}
SIZES = "verify-tokens=4 page-size=16 context=256 max-context=256 max-batch=8"
PHASES = f"specialize-phases{{phases=prefill,decode,verify {SIZES}}}"


@cache
def raised() -> Module:
    return dsv3c.opt(dsv3c.capture("tiny", layers=(1, 4)), ",".join(RAISE))


@cache
def program(attention: str) -> tuple[Module, Executor]:
    passes = [PHASES, *LOWER]
    passes[passes.index("absorb-mla")] = f"absorb-mla{{mode={MODES[attention]}}}"
    module = dsv3c.opt(raised(), ",".join(passes))
    used = {op.name for op in module.op.walk()}
    assert used & {f"mla.{name}_attention" for name in MODES} == {f"mla.{attention}_attention"}
    return module, Executor(module.op, RandomWeights(0, required_headers(module.op)))


def tokens(length: int, seed: int = 0) -> list[int]:
    return torch.randint(1000, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


def feed(
    attention: str, rows: list[list[int]], cuts: list[list[int]], entry: str | None = None
) -> list[dict[int, Tensor]]:
    """Feed every sequence in steps of the given lengths: for each, position -> logits of the token there."""
    module, executor = program(attention)
    engine = Engine(module.op, executor, pages=64)
    engine.pool.free = engine.pool.free[::2] + engine.pool.free[1::2]  # pages in no order
    states = [SequenceState(list(row)) for row in rows]
    found: list[dict[int, Tensor]] = [{} for _ in rows]
    for step in range(max(map(len, cuts))):
        active = [n for n, lengths in enumerate(cuts) if step < len(lengths)]
        fed, lengths = [states[n] for n in active], [cuts[n][step] for n in active]
        logits = engine.step(fed, lengths) if entry is None else engine.run(entry, fed, lengths)
        for n, row in zip(active, logits, strict=True):
            found[n][states[n].cached - 1] = row
    return found


def random_cuts(length: int, seed: int) -> list[int]:
    rng, left, cuts = random.Random(seed), length, list[int]()
    while left:
        cuts.append(rng.randint(1, min(left, 40)))
        left -= cuts[-1]
    return cuts


@cache
def one_by_one(attention: str, length: int) -> dict[int, Tensor]:
    return feed(attention, [tokens(length)], [[1] * length])[0]


def assert_same(found: dict[int, Tensor], expected: dict[int, Tensor]) -> None:
    assert found.keys() <= expected.keys() and found
    for position, logits in found.items():
        assert torch.equal(logits, expected[position]), f"position {position}"


@pytest.mark.parametrize("attention", MODES)
@pytest.mark.parametrize("length", [2, 33, 130])
def test_one_prefill_gives_the_bits_of_decode(attention: str, length: int) -> None:
    expected = one_by_one(attention, 130)
    [found] = feed(attention, [tokens(130)[:length]], [[length]])
    assert_same(found, expected)


@pytest.mark.parametrize("attention", MODES)
@pytest.mark.parametrize("seed", range(3))
def test_prefill_in_chunks_gives_the_bits_of_decode(attention: str, seed: int) -> None:
    [found] = feed(attention, [tokens(130)], [random_cuts(130, seed)], entry="prefill")
    assert_same(found, one_by_one(attention, 130))


@pytest.mark.parametrize("attention", MODES)
@pytest.mark.parametrize("query", [1, 2, 4])
def test_steps_of_a_few_tokens_give_the_bits_of_decode(attention: str, query: int) -> None:
    [found] = feed(attention, [tokens(130)[:32]], [[12, *([query] * (20 // query))]])
    assert_same(found, one_by_one(attention, 130))


@pytest.mark.parametrize("attention", MODES)
def test_sequences_of_different_length_do_not_see_each_other(attention: str) -> None:
    rows = [tokens(40, seed=1), tokens(7, seed=2), tokens(130)[:33]]
    cuts = [[37, 1, 1, 1], [4, 1, 1, 1], [30, 1, 1, 1]]
    together = feed(attention, rows, cuts)
    for n, found in enumerate(together):
        [alone] = feed(attention, [rows[n]], [cuts[n]])
        assert_same(found, alone)
    assert_same(together[2], one_by_one(attention, 130))


def test_expanded_attention_gives_the_bits_of_the_program_without_a_cache() -> None:
    module = raised()
    main = Executor(module.op, RandomWeights(0, required_headers(module.op)))
    logits = main.run("main", torch.tensor([tokens(130)]))[0]
    assert isinstance(logits, Tensor)
    assert_same(one_by_one("expanded", 130), dict(enumerate(logits[0])))


def test_absorbed_attention_differs_by_rounding_alone() -> None:
    expanded, absorbed = (one_by_one(attention, 130) for attention in MODES)
    found = difference((absorbed[position], expanded[position]) for position in expanded)
    assert not found.bitwise
    assert found.relative_l2 < 0.1  # routing is free here: a flipped expert moves a row
