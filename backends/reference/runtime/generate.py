"""Tokens out of a program's steps: a paged cache, chunked prefill, decoding several sequences at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache, new_cache
from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.paging import PagePool, SequenceState, StepTables, step_tables
from dsv3c.backends.reference.runtime.sampling import Sampler, SamplingOptions
from dsv3c.backends.reference.runtime.statistics import StepStatistics

Step = Callable[..., Sequence[object]]
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
    granule: int = 0
    """Elements of the latent that share an f32 scale; 0: it has none."""

    def allocate(self, num_pages: int) -> LatentCache:
        """An empty cache."""
        return new_cache(
            num_pages,
            self.page_size,
            self.latent,
            self.rope,
            latent_dtype=self.latent_dtype,
            rope_dtype=self.rope_dtype,
            granule=self.granule,
        )


@dataclass(frozen=True)
class StepEntry:
    """A step, and how many new tokens of each sequence it takes."""

    name: str
    run: Step
    min_query: int
    max_query: int
    launches: int = 0
    """Kernels that one run starts (on the CPU: calls of meanings); 0 where nobody counted them."""

    def fits(self, query: int) -> bool:
        """Whether a sequence may bring this many new tokens."""
        return self.min_query <= query <= self.max_query


@dataclass(frozen=True)
class Fed:
    """What a step gave."""

    logits: Tensor
    """[N, V] of every sequence's last token, or [T, V] of every token."""
    hidden: Tensor | None
    """[T, D]: hidden states, from the entries that give them."""
    tables: StepTables

    def last(self) -> list[Tensor]:
        """Logits [V] of every sequence's last token."""
        if self.logits.shape[0] == self.tables.num_sequences:
            return list(self.logits)
        return list(self.logits[self.tables.seq_offsets[1:].long() - 1])


class Engine:
    """Continues sequences with the steps of a program.

    ``caches``: one per layer, all of one page size; ``pages``: cache pages per layer, which sequences take as they grow
    and give back when they end.  The caches are written in place by every step.  Raises RequestError without a page.
    """

    def __init__(self, entries: Sequence[StepEntry], caches: Sequence[CacheSpec], *, pages: int) -> None:
        assert entries, "an engine without a step continues nothing"
        if pages < 1:
            raise RequestError(f"there must be cache pages, not {pages}")
        self.entries = sorted(entries, key=lambda entry: entry.max_query - entry.min_query)
        """Narrowest range of query lengths first: the more special entry is preferred."""
        self.pool = PagePool(pages, page_size_of(caches))
        self.caches = [spec.allocate(pages) for spec in caches]
        self.statistics = StepStatistics()

    def entry_for(self, query: int) -> StepEntry:
        """The narrowest entry for a query length.  Raises RequestError naming the ranges when none fits."""
        for entry in self.entries:
            if entry.fits(query):
                return entry
        ranges = ", ".join(f"@{entry.name} {entry.min_query}..{entry.max_query}" for entry in self.entries)
        raise RequestError(f"no phase takes {query} new tokens per sequence", hint=f"there are {ranges}")

    @property
    def longest_query(self) -> int:
        """The most new tokens of one sequence that some entry takes."""
        return max(entry.max_query for entry in self.entries)

    def step(self, states: Sequence[SequenceState], lengths: Sequence[int]) -> list[Tensor]:
        """Feed the next ``lengths[n]`` tokens of every sequence; returns the last token's logits [V] of each.

        Sequences whose lengths need different entries run one entry after the other.  Raises RequestError for a length
        that no entry takes, CacheFull when pages run out.
        """
        groups = dict[str, list[int]]()
        for index, length in enumerate(lengths):
            groups.setdefault(self.entry_for(length).name, []).append(index)
        logits: dict[int, Tensor] = {}
        for name, members in groups.items():
            rows = self.run(name, [states[i] for i in members], [lengths[i] for i in members])
            logits |= zip(members, rows, strict=True)
        return [logits[index] for index in range(len(states))]

    def run(self, name: str, states: Sequence[SequenceState], lengths: Sequence[int]) -> list[Tensor]:
        """One entry, all sequences at once: the last token's logits [V] of each."""
        return self.feed(name, states, lengths).last()

    def feed(self, name: str, states: Sequence[SequenceState], lengths: Sequence[int], *leading: Tensor) -> Fed:
        """One entry, all sequences at once; ``leading`` are arguments it takes before the tokens."""
        (entry,) = (entry for entry in self.entries if entry.name == name)
        for state, length in zip(states, lengths, strict=True):
            self.pool.reserve(state, state.cached + length)
        tables = step_tables(states, lengths)
        logits, *others = entry.run(*leading, *tables.arguments(), *self.caches)
        assert isinstance(logits, Tensor)
        self.caches = [cache for cache in others if isinstance(cache, LatentCache)]
        for state, length in zip(states, lengths, strict=True):
            state.cached += length
        self.statistics.ran(name, entry.launches)
        return Fed(logits, next((value for value in others if isinstance(value, Tensor)), None), tables)


def page_size_of(caches: Sequence[CacheSpec]) -> int:
    """Token rows per page, the same in every layer; 1 without a layer."""
    sizes = {spec.page_size for spec in caches}
    assert len(sizes) < 2, "one block table serves all layers"
    return sizes.pop() if sizes else 1


def num_pages(lengths: Sequence[int], page_size: int) -> int:
    """Pages that hold sequences of these lengths (tokens) at once."""
    return sum(-(-length // page_size) for length in lengths)


@dataclass(frozen=True)
class GenerateOptions:
    """``chunk`` bounds the prompt tokens of one step and sequence; ``eos`` ends a sequence when generated.

    Raises RequestError for values out of range.
    """

    max_new_tokens: int = 32
    chunk: int = 512
    eos: frozenset[int] = frozenset()
    sampling: SamplingOptions = field(default_factory=SamplingOptions)

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise RequestError(f"chunk must be positive, not {self.chunk}")
        if self.max_new_tokens < 0:
            raise RequestError(f"max-new-tokens must not be negative, not {self.max_new_tokens}")

    def ended(self, made: Sequence[int]) -> bool:
        """Whether a sequence with these new tokens is complete."""
        return len(made) == self.max_new_tokens or (len(made) > 0 and made[-1] in self.eos)


OnToken = Callable[[int, int], None]
"""Called with (number of the sequence, token) as tokens are made."""


def generate(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    options: GenerateOptions | None = None,
    on_token: OnToken | None = None,
) -> list[list[int]]:
    """The tokens made after each prompt (token ids, each not empty), at most ``max_new_tokens``, the ending included.

    Prompts are fed in chunks, each alone; then all sequences decode together until each has ended.  Raises RequestError
    for an empty prompt and as ``Engine.step`` does.
    """
    options = options or GenerateOptions()
    check_prompts(prompts)
    made: list[list[int]] = [[] for _ in prompts]
    if options.max_new_tokens == 0:
        return made
    states = [SequenceState(list(prompt)) for prompt in prompts]
    samplers = [Sampler(options.sampling, index) for index in range(len(prompts))]
    logits = [prefill(engine, state, options.chunk) for state in states]
    with engine.statistics.decoding():
        decode(engine, states, samplers, logits, made, options, on_token)
    return made


def decode(
    engine: Engine,
    states: list[SequenceState],
    samplers: list[Sampler],
    logits: list[Tensor],
    made: list[list[int]],
    options: GenerateOptions,
    on_token: OnToken | None,
) -> None:
    """All sequences together, a token of each per step, until each has ended; ``logits`` [V] are of the last tokens."""
    active = list(range(len(states)))
    while active:
        for index in active:
            token = samplers[index].next_token(logits[index])
            made[index].append(token)
            states[index].tokens.append(token)
            if on_token is not None:
                on_token(index, token)
        for index in active:
            if options.ended(made[index]):
                engine.pool.release(states[index])
        active = [index for index in active if not options.ended(made[index])]
        if active:
            rows = engine.step([states[i] for i in active], [1] * len(active))
            engine.statistics.decode_steps += 1
            engine.statistics.decode_turns += len(active)
            engine.statistics.decode_tokens += len(active)
            for index, row in zip(active, rows, strict=True):
                logits[index] = row


def check_prompts(prompts: Sequence[Sequence[int]]) -> None:
    """Raise RequestError for a prompt without a token."""
    if not all(prompts):
        raise RequestError("a prompt must have at least one token")


def prefill(engine: Engine, state: SequenceState, chunk: int) -> Tensor:
    """Feed a prompt in chunks; returns the logits [V] of its last token."""
    size = min(chunk, engine.longest_query)
    engine.statistics.prefill_tokens += state.pending
    logits: list[Tensor] = []
    with engine.statistics.prefilling():
        while state.pending:
            logits = engine.step([state], [min(size, state.pending)])
    return logits[0]


def generate_dense(
    main: Callable[[Tensor], Tensor], prompts: Sequence[Sequence[int]], options: GenerateOptions | None = None
) -> list[list[int]]:
    """``generate`` with a cache-free program, tokens [1, S] -> logits [1, S, V]: every step computes all positions."""
    options = options or GenerateOptions()
    check_prompts(prompts)
    made: list[list[int]] = [[] for _ in prompts]
    for index, prompt in enumerate(prompts):
        sampler = Sampler(options.sampling, index)
        while not options.ended(made[index]):
            logits = main(torch.tensor([[*prompt, *made[index]]], dtype=torch.int64))
            made[index].append(sampler.next_token(logits[0, -1]))
    return made
