"""Tokens out of a program's phases: pages, chunked prefill, decode, greedy or seeded sampling, several sequences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache, new_cache

Step = Callable[..., Sequence[Tensor | LatentCache]]
"""``(tokens, positions, seq_offsets, block_table, context_lens, *caches) -> logits [N, V] or [T, V], *caches``."""


@dataclass(frozen=True)
class CacheSpec:
    """The latent cache of one layer."""

    page_size: int
    """Token rows per page."""
    latent: int
    rope: int
    """Elements per row."""
    latent_dtype: torch.dtype
    rope_dtype: torch.dtype

    def allocate(self, num_pages: int) -> LatentCache:
        """An empty cache."""
        return new_cache(
            num_pages,
            self.page_size,
            self.latent,
            self.rope,
            latent_dtype=self.latent_dtype,
            rope_dtype=self.rope_dtype,
        )


class Sequences:
    """Sequences that share paged caches; ``step`` feeds new tokens of some of them."""

    def __init__(self, specs: Sequence[CacheSpec], max_lengths: Sequence[int]) -> None:
        """``max_lengths``: tokens each sequence will have at most; their pages are set aside."""
        (page_size,) = {spec.page_size for spec in specs}
        pages = [max(1, -(-length // page_size)) for length in max_lengths]
        self.block_table = torch.zeros(len(pages), max(pages, default=1), dtype=torch.int32)
        start = 0
        for row, count in zip(self.block_table, pages, strict=True):
            row[:count] = torch.arange(start, start + count)
            start += count
        self.caches = [spec.allocate(max(1, start)) for spec in specs]
        self.lengths = [0] * len(pages)
        self.max_lengths = list(max_lengths)

    def step(self, run: Step, tokens: dict[int, Sequence[int]]) -> Tensor:
        """Append tokens to sequences (by index) with one call; the logits of each one's last token, [N, V]."""
        lengths = {n: self.lengths[n] + len(new) for n, new in tokens.items()}
        for n, length in lengths.items():
            if length > self.max_lengths[n]:
                raise ValueError(f"sequence {n} would have {length} tokens; there are pages for {self.max_lengths[n]}")
        counts = torch.tensor([0, *(len(new) for new in tokens.values())])
        positions = [torch.arange(self.lengths[n], lengths[n], dtype=torch.int32) for n in tokens]
        results = run(
            torch.tensor([token for new in tokens.values() for token in new], dtype=torch.int64),
            torch.cat(positions),
            counts.cumsum(0).to(torch.int32),
            self.block_table[list(tokens)],
            torch.tensor(list(lengths.values()), dtype=torch.int32),
            *self.caches,
        )
        logits, *caches = results
        assert isinstance(logits, Tensor)
        if logits.shape[0] != len(tokens):  # a program with the logits of every token
            logits = logits[counts.cumsum(0)[1:] - 1]
        self.caches = [cache for cache in caches if isinstance(cache, LatentCache)]
        for n, length in lengths.items():
            self.lengths[n] = length
        return logits


@dataclass(frozen=True)
class ByLength:
    """A step made of several, each for a range of new tokens per sequence: every sequence takes the narrowest."""

    ranges: Sequence[tuple[int, int, Step]]
    """Fewest and most new tokens, and the step for them."""

    def __call__(
        self,
        tokens: Tensor,
        positions: Tensor,
        seq_offsets: Tensor,
        block_table: Tensor,
        context_lens: Tensor,
        *caches: LatentCache,
    ) -> Sequence[Tensor | LatentCache]:
        """Logits [N, V] of every sequence's last token, then the caches."""
        ends = seq_offsets[1:].tolist()
        chosen = [self.step_for(end - start) for start, end in zip(seq_offsets[:-1].tolist(), ends, strict=True)]
        rows: list[Tensor | None] = [None] * len(chosen)
        kept: Sequence[Tensor | LatentCache] = caches
        for step in dict.fromkeys(chosen):
            members = [n for n, other in enumerate(chosen) if other is step]
            parts = [slice(int(seq_offsets[n]), ends[n]) for n in members]
            counts = torch.tensor([0, *(part.stop - part.start for part in parts)])
            logits, *kept = step(
                torch.cat([tokens[part] for part in parts]),
                torch.cat([positions[part] for part in parts]),
                counts.cumsum(0).to(torch.int32),
                block_table[members],
                context_lens[members],
                *kept,
            )
            assert isinstance(logits, Tensor)
            if logits.shape[0] != len(members):  # a program with the logits of every token
                logits = logits[counts.cumsum(0)[1:] - 1]
            for n, row in zip(members, logits, strict=True):
                rows[n] = row
        return [torch.stack([row for row in rows if row is not None]), *kept]

    def step_for(self, length: int) -> Step:
        """The step with the narrowest range that holds ``length``.  Raises ValueError where none does."""
        fitting = [(high - low, step) for low, high, step in self.ranges if low <= length <= high]
        if not fitting:
            known = ", ".join(f"{low}..{high}" for low, high, _ in self.ranges)
            raise ValueError(f"no entry takes {length} new tokens per sequence; there are entries for {known}")
        return min(fitting, key=lambda item: item[0])[1]


@dataclass
class Sampler:
    """Picks the next token: the likeliest at temperature 0, else at random, each sequence from its own seed."""

    temperature: float = 0.0
    seed: int = 0
    generators: dict[int, torch.Generator] = field(default_factory=dict[int, torch.Generator])

    def pick(self, sequence: int, logits_V: Tensor) -> int:
        """Ties go to the lowest token id."""
        scores = logits_V.to(torch.float64)
        if self.temperature <= 0:
            return int((scores == scores.max()).to(torch.int8).argmax())
        if sequence not in self.generators:
            self.generators[sequence] = torch.Generator().manual_seed(self.seed + sequence)
        weights = torch.softmax(scores / self.temperature, dim=-1)
        return int(torch.multinomial(weights, 1, generator=self.generators[sequence]))


def generate(
    prefill: Step,
    decode: Step,
    specs: Sequence[CacheSpec],
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    *,
    chunk: int | None = None,
    sampler: Sampler | None = None,
    stop: frozenset[int] = frozenset(),
) -> list[list[int]]:
    """New tokens of every prompt: prompts are prefilled in chunks of ``chunk`` tokens, then decoded together.

    A sequence ends after ``max_new_tokens``, or with the first token in ``stop`` (which is kept).
    """
    if not all(prompts):
        raise ValueError("an empty prompt has no last token to continue")
    sampler = sampler or Sampler()
    new: list[list[int]] = [[] for _ in prompts]
    if max_new_tokens < 1 or not prompts:
        return new
    sequences = Sequences(specs, [len(prompt) + max_new_tokens - 1 for prompt in prompts])
    longest = max(map(len, prompts))
    chunk = chunk or longest
    for start in range(0, longest, chunk):
        parts = {n: prompt[start : start + chunk] for n, prompt in enumerate(prompts) if start < len(prompt)}
        logits = sequences.step(prefill, parts)
        for n, logits_V in zip(parts, logits, strict=True):
            if start + chunk >= len(prompts[n]):
                new[n].append(sampler.pick(n, logits_V))
    while active := [n for n, tokens in enumerate(new) if len(tokens) < max_new_tokens and tokens[-1] not in stop]:
        logits = sequences.step(decode, {n: new[n][-1:] for n in active})
        for n, logits_V in zip(active, logits, strict=True):
            new[n].append(sampler.pick(n, logits_V))
    return new


def generate_dense(
    main: Callable[[Tensor], Tensor],
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    *,
    sampler: Sampler | None = None,
    stop: frozenset[int] = frozenset(),
) -> list[list[int]]:
    """``generate`` with a cache-free program, tokens [1, S] -> logits [1, S, V]: every step computes all positions."""
    sampler = sampler or Sampler()
    new: list[list[int]] = [[] for _ in prompts]
    for n, prompt in enumerate(prompts):
        if not prompt:
            raise ValueError("an empty prompt has no last token to continue")
        while len(new[n]) < max_new_tokens and not (new[n] and new[n][-1] in stop):
            logits = main(torch.tensor([[*prompt, *new[n]]], dtype=torch.int64))
            new[n].append(sampler.pick(n, logits[0, -1]))
    return new
