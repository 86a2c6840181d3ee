"""A sharded step in micro-batches, segments and one flat list of them gives every rank the bits of the whole step."""

from functools import cache

import pytest
import torch
from lockstep_engine import LockstepEngine, greedy
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.lockstep import LockstepExecutor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.compilation.pipelines import LOWER, RAISE
from dsv3c.ir.segments import segment_graph
from dsv3c.ir.verify import verify_module
from dsv3c.passes.flatten_layers import flatten_layers

RANKS, STEPS = 4, 2
SIZES = "page-size=16 context=128 max-context=256 max-batch=8"
PROMPTS = [[5, 3], [7, 1], [1, 2], [38, 11]]
"""Tokens of the sequences of every rank: odd and even steps, sequences that straddle the cut."""


@cache
def phased() -> Module:
    passes = ",".join([*RAISE, f"specialize-phases{{phases=prefill,decode {SIZES}}}", *LOWER])
    return dsv3c.opt(dsv3c.capture("tiny", layers=(1, 4)), passes)


def program(options: str, passes: str, *, flat: bool = False) -> ModuleOp:
    sharded = f"shard-experts{{ep={RANKS} {options}}},bucket-tokens"
    module = dsv3c.opt(phased(), f"{sharded},{passes}" if passes else sharded).op
    if flat:
        flatten_layers(module)
        verify_module(module)
    return module


def logits(module: ModuleOp) -> list[Tensor]:
    """Of every step and rank: a prompt, then greedy tokens."""
    executor = LockstepExecutor(module, RandomWeights(0, required_headers(module)), RANKS)
    engine = LockstepEngine(executor, [CacheSpec(16, 256, 64, torch.bfloat16, torch.bfloat16)] * 3, pages=16)
    generator = torch.Generator().manual_seed(1)
    states = [
        [SequenceState(torch.randint(1000, (length,), generator=generator).tolist()) for length in own]
        for own in PROMPTS
    ]
    found = [engine.step("prefill", states, PROMPTS)]
    for _ in range(STEPS):
        for own, rows in zip(states, found[-1], strict=True):
            for state, token in zip(own, greedy(rows), strict=True):
                state.tokens.append(token)
        found.append(engine.step("decode", states, [[1] * len(own) for own in states]))
    return [rows for step in found for rows in step]


@cache
def whole(options: str) -> list[Tensor]:
    return logits(program(options, ""))


@pytest.mark.parametrize("flat", [False, True], ids=["nested", "flat"])
@pytest.mark.parametrize("passes", ["cut-segments", "split-microbatches,cut-segments"])
@pytest.mark.parametrize("options", ["copies=expert", "copies=rank order=rank"])
def test_ranks_keep_their_bits(options: str, passes: str, flat: bool) -> None:
    for now, before in zip(logits(program(options, passes, flat=flat)), whole(options), strict=True):
        assert torch.equal(now, before)


def test_only_dispatch_and_combine_communicate() -> None:
    graph = segment_graph(program("copies=expert", "split-microbatches,cut-segments"), "prefill")
    assert {item.segment for item in graph.instances if item.communicates} == {"dispatch", "combine"}
    layers = [item for item in graph.instances if item.layer == 2]
    assert [item.segment for item in layers if item.microbatch == 0] == [
        "attention-0", "attention-1", "dispatch", "experts", "shared", "combine", "residual",
    ]  # fmt: skip
    needs = {(item.producer, item.consumer) for item in graph.dependencies if item.kind == "value"}
    assert ("layer2.dispatch.mb0", "layer2.shared.mb0") not in needs
    assert ("layer2.shared.mb0", "layer2.combine.mb0") not in needs
    assert ("layer2.shared.mb0", "layer2.residual.mb0") in needs
