"""A step in two micro-batches, cut into segments or not, gives the bits of the whole step: logits and caches."""

from functools import cache

import pytest
import torch
from phased_engine import specs
from phased_program import phased_text

import dsv3c
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.generate import Engine, StepEntry
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.ir.errors import Dsv3cError

CAPTURABLE = "context = 1 : i64, capturable}"
RANGES = {"counted": (1, 4096), "halved": (1, 1), "captured": (1, 4)}
PIPELINES = (
    "split-microbatches",
    "split-microbatches,cut-segments",
    "cut-segments",
    "cut-segments,split-microbatches",
)
STEPS: dict[str, list[list[int]]] = {  # new tokens of every sequence, step by step
    "one": [[1]],
    "two": [[2], [1]],
    "odd, straddling": [[33], [1], [5]],
    "a chunked prompt": [[64], [66], [130]],
    "sequences that straddle": [[5, 1, 27], [1, 1, 1], [3, 2, 2]],
    "only the first is long": [[40, 1, 1, 1], [1, 30, 1, 1]],
    "nobody straddles": [[8, 8], [1, 1]],
}


@cache
def executor(element: str, decode: str, passes: str) -> Executor:
    text = phased_text("f32" if element == "f32" else "bf16", decode=RANGES[decode])
    if decode == "captured":
        head, at, tail = text.rpartition("context = 1 : i64}")
        text = head + at.replace("context = 1 : i64}", CAPTURABLE) + tail
    module = dsv3c.opt(f'builtin.module attributes {{dsv3c.facts = ["phased", "raised"]}} {{{text}}}', passes)
    return Executor(module.op, RandomWeights(4, required_headers(module.op)))


def run(engine: Engine, entry: str, steps: list[list[int]]) -> list[torch.Tensor]:
    """Logits of every step, and the caches at the end."""
    generator = torch.Generator().manual_seed(len(steps))
    total = [sum(lengths) for lengths in zip(*steps, strict=True)]
    states = [SequenceState(torch.randint(50, (length,), generator=generator).tolist()) for length in total]
    engine.pool.free = engine.pool.free[::2] + engine.pool.free[1::2]  # pages in no order
    found = [row for lengths in steps for row in engine.run(entry, states, lengths)]
    return found + [part for cache in engine.caches for part in (cache.latent, cache.rope)]


def engine(executor: Executor, dtype: torch.dtype, entry: str) -> Engine:
    return Engine([StepEntry(entry, lambda *args: executor.run(entry, *args), 1, 4096)], specs(dtype), pages=256)


def check(element: str, decode: str, entry: str, passes: str, steps: list[list[int]]) -> None:
    dtype = torch.float32 if element == "f32" else torch.bfloat16
    whole, split = (run(engine(executor(element, decode, names), dtype, entry), entry, steps) for names in ("", passes))
    assert len(whole) == len(split)
    for now, before in zip(split, whole, strict=True):
        assert torch.equal(now, before)


@pytest.mark.parametrize("passes", PIPELINES)
@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("entry", ["prefill", "decode"])
@pytest.mark.parametrize("element", ["bf16", "f32"])
def test_micro_batches_keep_the_bits(element: str, entry: str, name: str, passes: str) -> None:
    check(element, "counted", entry, passes, STEPS[name])


@pytest.mark.parametrize("sequences", [0, 1, 2, 7, 16])
@pytest.mark.parametrize("decode", ["halved", "captured"])
def test_decode_steps_keep_the_bits(decode: str, sequences: int) -> None:
    check("bf16", decode, "decode", PIPELINES[1], [[1] * sequences] * 3)


def test_a_captured_step_of_several_tokens_keeps_the_bits() -> None:
    check("bf16", "captured", "decode", PIPELINES[1], [[2, 1, 4, 3], [1, 1, 1, 1], [4, 4, 1, 2]])


def test_steps_of_one_token_per_sequence_promise_it() -> None:
    with pytest.raises(Dsv3cError, match="the part has tokens of 1 sequences, not of 2 as the step promises"):
        check("bf16", "halved", "decode", PIPELINES[0], [[5, 1, 1]])
