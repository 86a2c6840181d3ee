"""Experts of the tiny model on 8 ranks of 2 nodes, in lockstep in one process: the tokens of one device, link bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.lockstep import LockstepExecutor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.paging import PagePool, SequenceState, step_tables
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.compilation.pipelines import LOWER, RAISE
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.functions import functions
from dsv3c.runtime import make_cache

RANKS, STEPS, PAGES = 8, 3, 8
BF16, FP8 = "bucket-tokens", "bucket-tokens,insert-fp8-qdq,fold-weights,fuse-qdq,dce"
VARIANTS = (
    ("a message per choice", "ep=8 nnodes=2", BF16),
    ("a message per node, partial sums back", "ep=8 nnodes=2 order=node_rank", BF16),
    ("a message per choice, rows of 8 bits", "ep=8 nnodes=2", FP8),
)


@dataclass
class Rank:
    """What a rank has of its own: sequences, pages and caches."""

    states: list[SequenceState]
    caches: list[Any]
    pool: PagePool = field(default_factory=lambda: PagePool(PAGES, 64))

    def arguments(self) -> list[Any]:
        """Of the next step: the tokens that no cache holds yet."""
        for state in self.states:
            self.pool.reserve(state, len(state.tokens))
        return [*step_tables(self.states, [len(s.tokens) - s.cached for s in self.states]).arguments(), *self.caches]

    def take(self, results: Sequence[Any]) -> None:
        """Keep the caches, append the likeliest token to every sequence."""
        logits, *self.caches = results
        for state, row in zip(self.states, logits, strict=True):
            state.cached = len(state.tokens)
            state.tokens.append(int(row.argmax()))


def prompts(rank: int) -> list[list[int]]:
    """Two sequences per rank, of different lengths."""
    return [[(37 * rank + 11 * i + 1) % 1000 for i in range(length)] for length in (4 + rank, 9)]


def generated(module: Module, executor: LockstepExecutor, numbers: Sequence[int]) -> list[list[list[int]]]:
    """The tokens of every rank after a prompt and some steps."""
    kinds = [kind for kind in functions(module.op)["decode"].function_type.inputs if isinstance(kind, CacheType)]
    ranks = [
        Rank([SequenceState(prompt) for prompt in prompts(n)], [make_cache(kind, PAGES) for kind in kinds])
        for n in numbers
    ]
    for entry in ("prefill", *["decode"] * STEPS):
        results = executor.run(entry, [rank.arguments() for rank in ranks])
        for rank, own in zip(ranks, results, strict=True):
            rank.take(own)
    return [[state.tokens for state in rank.states] for rank in ranks]


def alone(phased: Module, weights: RandomWeights, precision: str) -> list[list[list[int]]]:
    """What one device makes of every rank's sequences."""
    module = dsv3c.opt(phased, f"shard-experts,{precision}")
    executor = LockstepExecutor(module.op, weights)
    return [generated(module, executor, [rank])[0] for rank in range(RANKS)]


def main() -> None:
    """One device for each rank's sequences, then all ranks together."""
    # one form of attention for all lengths: with two, a rank would need to agree with the others on which one runs
    lower = [name if name != "absorb-mla" else "absorb-mla{mode=never}" for name in LOWER]
    sizes = "phases=prefill,decode max-batch=8 context=64 max-context=256"
    passes = [*RAISE, f"specialize-phases{{{sizes}}}", *lower]
    phased = dsv3c.opt(dsv3c.capture("tiny", layers=(1, 4)), ",".join(passes))
    weights = RandomWeights(0, required_headers(phased.op))
    expected = {precision: alone(phased, weights, precision) for precision in (BF16, FP8)}
    for name, options, precision in VARIANTS:
        module = dsv3c.opt(phased, f"shard-experts{{{options}}},{precision}")
        executor = LockstepExecutor(module.op, weights)
        found = generated(module, executor, range(RANKS))
        same = sum(mine == other for mine, other in zip(found, expected[precision], strict=True))
        print(f"{name}: {same} of {RANKS} ranks have the tokens of one device")
        print("\n".join(f"  {line}" for line in executor.links.lines() if "sync" not in line))


if __name__ == "__main__":
    main()
