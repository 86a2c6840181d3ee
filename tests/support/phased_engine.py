"""Engines over the phases of ``phased_program``, with the ranges a test wants."""

import torch

from dsv3c.backends.reference.alike import AlikeExecutor
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.runtime.generate import CacheSpec, Engine, StepEntry
from dsv3c.backends.reference.runtime.paging import SequenceState

BOTH = {"prefill": (1, 4096), "decode": (1, 1)}


def specs(dtype: torch.dtype) -> list[CacheSpec]:
    """The caches of the two layers."""
    return [CacheSpec(4, 16, 4, dtype, dtype)] * 2


def engine_on(
    executor: Executor | AlikeExecutor, dtype: torch.dtype, ranges: dict[str, tuple[int, int]] | None = None
) -> Engine:
    """Fewest and most new tokens of every entry in use, both by default."""
    entries = [
        StepEntry(name, lambda *args, name=name: executor.run(name, *args), low, high)
        for name, (low, high) in (ranges or BOTH).items()
    ]
    return Engine(entries, specs(dtype), pages=32)


def only(executor: Executor, dtype: torch.dtype, name: str) -> Engine:
    """One entry for every number of new tokens."""
    return engine_on(executor, dtype, {name: (1, 4096)})


def logits_of(engine: Engine, tokens: list[int]) -> torch.Tensor:
    """Logits [V] after all tokens in one step."""
    [row] = engine.step([SequenceState(list(tokens))], [len(tokens)])
    return row
