"""Scheduled and unscheduled programs execute to the same bits on every rank, whatever the timetable.

Segments get random times, so that calls change places in many ways; tokens of communication follow the new order.
"""

from functools import cache
from random import Random

import pytest
import torch
from lockstep_engine import LockstepEngine
from phased_program import phased_text
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import FloatAttr, ModuleOp, f64

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.lockstep import LockstepExecutor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.ir.functions import functions
from dsv3c.ir.segments import segment_name
from dsv3c.ir.timetable_ops import timetable_of, timetables

RANKS = 2
PROMPTS = [[[5, 3], [7, 1]], [[1, 1], [1, 1]]]
"""New tokens of the two sequences of both ranks, step by step."""
SEEDS = range(6)


@cache
def sharded() -> Module:
    text = f'builtin.module attributes {{dsv3c.facts = ["phased", "raised"]}} {{{phased_text("bf16", decode=(1, 1))}}}'
    return dsv3c.opt(text, f"shard-experts{{ep={RANKS}}}", target="h800")


def scheduled(seed: int, options: str = "") -> ModuleOp:
    """The program in micro-batches, its segments taking random times."""
    module = dsv3c.opt(sharded(), "split-microbatches,cut-segments", target="h800")
    draw = Random(seed)
    for function in functions(module.op).values():
        if segment_name(function) is not None:
            function.attributes["us"] = FloatAttr(float(draw.randint(1, 200)), f64)
    return dsv3c.opt(module, f"schedule-overlap{options}", target="h800").op


def logits(module: ModuleOp) -> list[Tensor]:
    """Of a prompt and a decode step, on every rank."""
    executor = LockstepExecutor(module, RandomWeights(4, required_headers(module)), RANKS)
    engine = LockstepEngine(executor, [CacheSpec(4, 16, 4, torch.bfloat16, torch.bfloat16)] * 2, pages=32)
    generator = torch.Generator().manual_seed(1)
    states = [
        [SequenceState(torch.randint(50, (8 + rank,), generator=generator).tolist()) for _ in range(2)]
        for rank in range(RANKS)
    ]
    steps = [engine.step(name, states, news) for name, news in zip(("prefill", "decode"), PROMPTS, strict=True)]
    caches = [part for rank in engine.caches for cache in rank for part in (cache.latent, cache.rope)]
    return [rows for step in steps for rows in step] + caches


@cache
def plain() -> list[Tensor]:
    return logits(sharded().op)


def call_order(module: ModuleOp, entry: str) -> list[str]:
    """Segments of an entry's calls, with layer and micro-batch."""
    table = functions(module)
    calls = [op for op in table[entry].body.block.ops if isinstance(op, func.CallOp)]
    return [f"{op.callee.root_reference.data} {op.attributes['layer']}" for op in calls]


@pytest.mark.parametrize("options", ["", "{cross-layer=false}", "{mega-kernel=true}"])
@pytest.mark.parametrize("seed", SEEDS)
def test_scheduled_programs_keep_their_bits(seed: int, options: str) -> None:
    module = scheduled(seed, options)
    assert list(timetables(module)) == ["prefill", "decode"]
    for now, before in zip(logits(module), plain(), strict=True):
        assert torch.equal(now, before)


def test_the_timetables_order_calls_differently() -> None:
    modules = [scheduled(seed) for seed in SEEDS]
    for entry in ("prefill", "decode"):
        orders = {tuple(call_order(module, entry)) for module in modules}
        assert len(orders) > 3


def test_calls_are_issued_as_the_timetable_starts_them() -> None:
    module = scheduled(0)
    for entry, op in timetables(module).items():
        table = timetable_of(op)
        starts = {slot.instance: slot.start for slot in table.expanded()}
        assert len(starts) == len(call_order(module, entry))
        assert table.exposed_us < sum(end - start for start, end in table.busy("comm")) / 1000
