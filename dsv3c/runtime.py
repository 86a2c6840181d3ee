"""Generation: steps of a phased module over a paged latent cache, several sequences of different length at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.mla import LatentCache, new_cache
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import functions
from dsv3c.paging import PagePool, SequenceState, step_tables
from dsv3c.passes.phases import Phase, phase_of
from dsv3c.sampling import Sampler, SamplingOptions

NUM_TABLES = 5
"""Arguments of a phase function before its caches: tokens, positions, seq_offsets, block_table, context_lens."""


@dataclass(frozen=True)
class PhaseEntry:
    """A function that takes a step."""

    name: str
    phase: Phase
    caches: tuple[CacheType, ...]

    def fits(self, query: int) -> bool:
        """Whether a sequence may bring this many new tokens."""
        return self.phase.min_query <= query <= self.phase.max_query

    @property
    def width(self) -> int:
        """How special the phase is: a narrower range of query lengths is preferred."""
        return self.phase.max_query - self.phase.min_query


def phase_entries(module: ModuleOp) -> list[PhaseEntry]:
    """The entries that continue sequences, narrowest first.  Raises UsageError when there are none."""
    found = list[PhaseEntry]()
    for name, function in functions(module).items():
        phase = phase_of(function)
        if phase is None or name != phase.name:  # entries of other models (mtp_decode) carry their own name
            continue
        caches = tuple(kind for kind in function.function_type.inputs if isinstance(kind, CacheType))
        if len(function.args) == NUM_TABLES + len(caches):
            found.append(PhaseEntry(name, phase, caches))
    if not found:
        raise UsageError(
            "the module has no phases: it cannot continue a sequence",
            hint="compile it with --phases prefill,decode, or read why it was blocked with `dsv3c explain`",
        )
    return sorted(found, key=lambda entry: entry.width)


@dataclass
class StepStatistics:
    """What generation did."""

    prefill_tokens: int = 0
    decode_tokens: int = 0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    steps: dict[str, int] = field(default_factory=dict[str, int])
    """Entry name -> how often it ran."""


class Engine:
    """Continues sequences with a phased module.

    ``pages`` is the number of cache pages per layer.  The caches are written in place by every step.
    """

    def __init__(self, module: ModuleOp, executor: Executor, *, pages: int) -> None:
        self.executor = executor
        self.entries = phase_entries(module)
        kinds = self.entries[0].caches
        for entry in self.entries:
            assert len(entry.caches) == len(kinds), "phases of one module have the same layers"
        page_size = kinds[0].page_size.data if kinds else 1
        self.pool = PagePool(pages, page_size)
        self.caches = [make_cache(kind, pages) for kind in kinds]
        self.statistics = StepStatistics()

    def entry_for(self, query: int) -> PhaseEntry:
        """The narrowest entry for a query length.  Raises UsageError naming the ranges when none fits."""
        for entry in self.entries:
            if entry.fits(query):
                return entry
        ranges = ", ".join(f"@{e.name} {e.phase.min_query}..{e.phase.max_query}" for e in self.entries)
        raise UsageError(f"no phase takes {query} new tokens per sequence", hint=f"there are {ranges}")

    @property
    def longest_query(self) -> int:
        """The most new tokens of one sequence that some entry takes."""
        return max(entry.phase.max_query for entry in self.entries)

    def step(self, states: Sequence[SequenceState], lengths: Sequence[int]) -> list[Tensor]:
        """Feed the next ``lengths[n]`` tokens of every sequence; returns the last token's logits [V] of each.

        Sequences whose lengths need different entries run one entry after the other.
        """
        groups = dict[str, list[int]]()
        for index, length in enumerate(lengths):
            groups.setdefault(self.entry_for(length).name, []).append(index)
        logits: list[Tensor | None] = [None] * len(states)
        for name, members in groups.items():
            rows = self.run(name, [states[i] for i in members], [lengths[i] for i in members])
            for index, row in zip(members, rows, strict=True):
                logits[index] = row
        return [row for row in logits if row is not None]

    def run(self, entry: str, states: Sequence[SequenceState], lengths: Sequence[int]) -> list[Tensor]:
        """One entry, all sequences at once."""
        for state, length in zip(states, lengths, strict=True):
            self.pool.reserve(state, state.cached + length)
        tables = step_tables(states, lengths)
        logits, *caches = self.executor.run(entry, *tables.arguments(), *self.caches)
        assert isinstance(logits, Tensor)
        self.caches = [cache for cache in caches if isinstance(cache, LatentCache)]
        for state, length in zip(states, lengths, strict=True):
            state.cached += length
        self.statistics.steps[entry] = self.statistics.steps.get(entry, 0) + 1
        if logits.shape[0] != len(states):  # logits of every token: the last row of each sequence
            logits = logits[tables.seq_offsets[1:].long() - 1]
        return list(logits)


def make_cache(kind: CacheType, pages: int) -> LatentCache:
    """An empty cache of one layer."""
    return new_cache(
        pages,
        kind.page_size.data,
        kind.latent.data,
        kind.rope.data,
        latent_dtype=dtype_of(kind.latent_type),
        rope_dtype=dtype_of(kind.rope_type),
    )


@dataclass(frozen=True)
class GenerateOptions:
    """``chunk`` bounds the prompt tokens of one step and sequence; ``eos`` ends a sequence when generated."""

    max_new_tokens: int = 32
    chunk: int = 512
    eos: frozenset[int] = frozenset()
    sampling: SamplingOptions = field(default_factory=SamplingOptions)


OnToken = Callable[[int, int], None]
"""Called with (number of the sequence, token) as tokens are made."""


def generate(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    options: GenerateOptions | None = None,
    on_token: OnToken | None = None,
) -> list[list[int]]:
    """The tokens made after each prompt (token ids, each not empty), at most ``max_new_tokens``, the ending included.

    Prompts are fed in chunks, each alone; then all sequences decode together until each has ended.
    """
    options = options or GenerateOptions()
    if any(not prompt for prompt in prompts):
        raise UsageError("a prompt must have at least one token")
    if options.chunk < 1 or options.max_new_tokens < 0:
        raise UsageError("chunk must be positive and max-new-tokens must not be negative")
    states = [SequenceState(list(prompt)) for prompt in prompts]
    samplers = [Sampler(options.sampling, index) for index in range(len(prompts))]
    logits = [prefill(engine, state, options.chunk) for state in states]
    made: list[list[int]] = [[] for _ in prompts]
    active = list(range(len(prompts))) if options.max_new_tokens else []
    start = perf_counter()
    while active:
        for index in active:
            token = samplers[index].next_token(logits[index])
            made[index].append(token)
            states[index].tokens.append(token)
            if on_token is not None:
                on_token(index, token)
        ended = [i for i in active if made[i][-1] in options.eos or len(made[i]) == options.max_new_tokens]
        for index in ended:
            engine.pool.release(states[index])
        active = [index for index in active if index not in ended]
        if active:
            rows = engine.step([states[i] for i in active], [1] * len(active))
            engine.statistics.decode_tokens += len(active)
            for index, row in zip(active, rows, strict=True):
                logits[index] = row
    engine.statistics.decode_seconds += perf_counter() - start
    return made


def prefill(engine: Engine, state: SequenceState, chunk: int) -> Tensor:
    """Feed a prompt in chunks; returns the logits of its last token."""
    start = perf_counter()
    size = min(chunk, engine.longest_query)
    engine.statistics.prefill_tokens += state.pending
    logits: list[Tensor] = []
    while state.pending:
        logits = engine.step([state], [min(size, state.pending)])
    engine.statistics.prefill_seconds += perf_counter() - start
    return logits[0]
