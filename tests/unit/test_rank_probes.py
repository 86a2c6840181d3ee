"""Probes on several ranks: every rank has sequences of its own, and what comes back is what one rank computes."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.meanings import comm as meaning
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.checking.numerics import VerifyNumerics
from dsv3c.checking.probes import Runner, Trace, probes_of
from dsv3c.checking.rank_probes import Gate, Lane, gates_of, joined, parted
from dsv3c.compilation.driver import Driver
from dsv3c.compilation.pipelines import LOWER, RAISE, parse_passes
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.comm import num_ranks
from dsv3c.ir.errors import PassError

SHAPES = ((1, 9), (3, 5))
SIZES = "phases=prefill,decode page-size=16 context=64 max-context=64 max-batch=4"


@cache
def phased() -> Module:
    """A dense and a MoE layer in steps."""
    passes = [*RAISE, f"specialize-phases{{{SIZES}}}", *LOWER]
    return dsv3c.opt(dsv3c.capture("tiny", layers=(1, 3)), ",".join(passes))


@cache
def on_ranks(split: bool = False) -> Module:
    text = "shard-experts{ep=4 nnodes=2},bucket-tokens" + (",split-microbatches,cut-segments" if split else "")
    return dsv3c.opt(phased(), text)


def traces(module: Module, forced: Sequence[Sequence[Tensor]] | None = None) -> list[Trace]:
    probes = probes_of(phased().op, SHAPES)
    runner = Runner(module.op, RandomWeights(0, required_headers(phased().op)), "reference", replay=forced is not None)
    choices = forced if forced is not None else [()] * len(probes)
    return [runner.run(probe, own) for probe, own in zip(probes, choices, strict=True)]


def same(left: Sequence[Trace], right: Sequence[Trace]) -> bool:
    """Bit for bit, choices too."""
    return all(
        x.rows == y.rows and all(map(torch.equal, [*x.outputs, *x.choices], [*y.outputs, *y.choices]))
        for x, y in zip(left, right, strict=True)
    )


def test_ranks_give_what_one_rank_gives() -> None:
    expected = traces(phased())
    assert [len(trace.choices) for trace in expected] == [1, 1]
    assert [trace.rows for trace in expected] == [sorted(trace.rows or ()) for trace in expected]
    assert (num_ranks(phased().op), num_ranks(on_ranks().op)) == (1, 4)
    assert same(traces(on_ranks()), expected)
    assert same(traces(on_ranks(split=True)), expected)


def test_choices_are_told_to_every_rank_and_micro_batch() -> None:
    free = traces(phased())
    forced = [[(ids + 1) % 16 for ids in trace.choices] for trace in free]
    expected = traces(phased(), forced)
    assert not same(expected, free)
    assert [torch.equal(*pair) for pair in zip(expected[1].choices, forced[1], strict=True)] == [True]
    for split in (False, True):
        assert same(traces(on_ranks(split), forced), expected)


def test_every_rank_has_sequences_of_its_own() -> None:
    ids = torch.arange(10).view(2, 5)
    made = [Lane.start((ids,), [], rank, 4) for rank in range(4)]
    fed = [lane.fed[0].tolist() for lane in made]
    assert [rows[0] for rows in fed[:2]] == ids.tolist()
    assert len({tuple(row) for rows in fed for row in rows}) == 8, "no sequence twice"
    assert all(sorted(row) in ids.tolist() for rows in fed for row in rows), "those of the probe, turned"
    assert [[lane.number(slot) for slot in (0, 1)] for lane in made] == [[0, 4], [1, 5], [2, 6], [3, 7]]
    assert [lane.row(0, 3) for lane in made] == [3, 8, 3, 8]


def test_a_row_that_comes_back_to_another_rank_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = meaning.combine

    def turned(*args: Any, **options: Any) -> list[Tensor]:
        first, *others = honest(*args, **options)
        return [*others, first]

    monkeypatch.setattr(meaning, "combine", turned)
    ctx = make_context(target=phased().ctx.target)
    driver = Driver(ctx, [VerifyNumerics(ctx, say=lambda _: None, shapes=((1, 9),))], allow_unapplied=True)
    with pytest.raises(PassError, match="pass shard-experts changes results"):
        driver.run(phased().op.clone(), parse_passes("shard-experts{ep=2}"))


def test_gates_run_once_per_micro_batch() -> None:
    assert gates_of(phased().op, "prefill") == [Gate(0, "T")]
    assert gates_of(on_ranks(split=True).op, "prefill") == [Gate(0, "(T + 1)//2"), Gate(1, "T//2")]


def test_choices_are_parted_as_they_are_joined() -> None:
    gates = [Gate(1, "T//2"), Gate(0, "(T + 1)//2"), Gate(0, "(T + 1)//2"), Gate(1, "T//2")]
    for count in (0, 1, 2, 7):
        layers = [torch.arange(2 * count).view(count, 2), -torch.arange(2 * count).view(count, 2)]
        parts = list(parted(gates, layers))
        half = (count + 1) // 2
        assert [len(part) for part in parts] == [count // 2, half, half, count // 2]
        assert torch.equal(parts[0], layers[0][half:]) and torch.equal(parts[2], layers[1][:half])
        assert all(map(torch.equal, joined(gates, parts), layers))
    assert joined([], []) == []
