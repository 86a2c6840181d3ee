"""Sequences on every rank of a sharded program: one paged cache per rank, one step on all ranks at once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dsv3c.backends.reference.lockstep import LockstepExecutor
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.reference.runtime.paging import PagePool, SequenceState, step_tables


class LockstepEngine:
    """``engines.Engine`` for all ranks: they enter the same phase, each with its own sequences and tables."""

    def __init__(self, executor: LockstepExecutor, caches: Sequence[CacheSpec], *, pages: int) -> None:
        self.executor = executor
        ranks = range(executor.mesh.ranks)
        self.pools = [PagePool(pages, caches[0].page_size) for _ in ranks]
        self.caches = [[spec.allocate(pages) for spec in caches] for _ in ranks]

    def step(
        self, name: str, states: Sequence[Sequence[SequenceState]], lengths: Sequence[Sequence[int]]
    ) -> list[Tensor]:
        """Feed the next tokens of every rank's sequences; logits of their last tokens, [N, V] per rank."""
        arguments = list[list[Tensor | LatentCache]]()
        for pool, caches, own, news in zip(self.pools, self.caches, states, lengths, strict=True):
            for state, length in zip(own, news, strict=True):
                pool.reserve(state, state.cached + length)
            arguments.append([*step_tables(own, news).arguments(), *caches])
        results = self.executor.run(name, arguments)
        for rank, (_, *caches) in enumerate(results):
            self.caches[rank] = [cache for cache in caches if isinstance(cache, LatentCache)]
            for state, length in zip(states[rank], lengths[rank], strict=True):
                state.cached += length
        logits = [rows[0] for rows in results]
        assert all(isinstance(rows, Tensor) for rows in logits)
        return [rows for rows in logits if isinstance(rows, Tensor)]


def greedy(rows: Tensor) -> list[int]:
    """The most likely token of every sequence."""
    return torch.argmax(rows, dim=-1).tolist()
