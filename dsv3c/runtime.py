"""Generation with a module: its phases run by the executor, driven by the engine that artifacts ship too."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.alike import AlikeExecutor
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.launches import num_launches
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime import generate as engines
from dsv3c.backends.reference.runtime.errors import CacheFull, RequestError
from dsv3c.backends.reference.runtime.generate import CacheSpec, GenerateOptions, OnToken, StepEntry
from dsv3c.backends.reference.runtime.sampling import SamplingOptions
from dsv3c.backends.reference.runtime.speculate import SpeculativeEngine, continued
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.errors import Dsv3cError, UsageError
from dsv3c.ir.functions import functions
from dsv3c.passes.phases import PREDICTOR, Phase, phase_of

__all__ = [
    "Engine",
    "GenerateOptions",
    "SamplingOptions",
    "generate",
    "make_cache",
    "phase_entries",
    "speculative_engine",
    "user_errors",
]

NUM_TABLES = 5
"""Arguments of a phase function before its caches: tokens, positions, seq_offsets, block_table, context_lens."""


@dataclass(frozen=True)
class PhaseEntry:
    """A function that takes a step."""

    name: str
    phase: Phase
    caches: tuple[CacheType, ...]


def phase_entries(module: ModuleOp) -> list[PhaseEntry]:
    """The entries that continue sequences, narrowest first.  Raises UsageError when there are none."""
    found = entries_named(module, prefix="", num_arguments=NUM_TABLES)
    if not found:
        raise UsageError(
            "the module has no phases: it cannot continue a sequence",
            hint="compile it with --phases prefill,decode, or read why it was blocked with `dsv3c explain`",
        )
    return found


def draft_entries(module: ModuleOp) -> list[PhaseEntry]:
    """The multi-token prediction module's phases, narrowest first.  They take hidden states before the tokens."""
    return entries_named(module, prefix=f"{PREDICTOR}_", num_arguments=NUM_TABLES + 1)


def entries_named(module: ModuleOp, *, prefix: str, num_arguments: int) -> list[PhaseEntry]:
    """The phases whose names begin so and that take this many arguments before their caches, narrowest first."""
    found = list[PhaseEntry]()
    for name, function in functions(module).items():
        phase = phase_of(function)
        if phase is None or name != f"{prefix}{phase.name}":
            continue
        caches = tuple(kind for kind in function.function_type.inputs if isinstance(kind, CacheType))
        if len(function.args) == num_arguments + len(caches):
            found.append(PhaseEntry(name, phase, caches))
    return sorted(found, key=lambda entry: entry.phase.max_query - entry.phase.min_query)


def steps_of(module: ModuleOp, executor: Executor | AlikeExecutor, entries: Sequence[PhaseEntry]) -> list[StepEntry]:
    """The phases as an engine runs them."""
    assert len({len(entry.caches) for entry in entries}) < 2, "phases of one module have the same layers"
    return [
        StepEntry(
            entry.name,
            partial(executor.run, entry.name),
            entry.phase.min_query,
            entry.phase.max_query,
            launches=num_launches(module, entry.name),
        )
        for entry in entries
    ]


class Engine(engines.Engine):
    """Continues sequences with a phased module, run by ``executor``; ``pages``: cache pages per layer.

    Raises UsageError for a module without phases.
    """

    def __init__(self, module: ModuleOp, executor: Executor | AlikeExecutor, *, pages: int) -> None:
        found = phase_entries(module)
        super().__init__(steps_of(module, executor, found), [cache_spec(kind) for kind in found[0].caches], pages=pages)


def speculative_engine(module: ModuleOp, executor: Executor | AlikeExecutor, *, pages: int) -> SpeculativeEngine:
    """As ``Engine``, with the module's own multi-token prediction to draft.

    Raises UsageError for a module without phases, one that drafts nothing, and one whose phases give no hidden states.
    """
    found, drafts = phase_entries(module), draft_entries(module)
    hint = "compile a model that has a multi-token prediction module with --speculative"
    if not drafts:
        raise UsageError("the program has nothing that drafts tokens", hint=hint)
    if without := [entry.name for entry in found if not entry.phase.hidden]:
        raise UsageError(f"@{without[0]} gives no hidden states to draft from", hint=hint)
    return SpeculativeEngine(
        steps_of(module, executor, found),
        [cache_spec(kind) for kind in found[0].caches],
        steps_of(module, executor, drafts),
        [cache_spec(kind) for kind in drafts[0].caches],
        pages=pages,
    )


def cache_spec(kind: CacheType) -> CacheSpec:
    """The cache a type describes."""
    latent, rope = dtype_of(kind.latent_type), dtype_of(kind.rope_type)
    return CacheSpec(kind.page_size.data, kind.latent.data, kind.rope.data, latent, rope, kind.granule.data)


def make_cache(kind: CacheType, pages: int) -> LatentCache:
    """An empty cache of one layer."""
    return cache_spec(kind).allocate(pages)


@contextmanager
def user_errors() -> Generator[None]:
    """Tell what the engine refuses as the compiler's errors: UsageError, or Dsv3cError for a cache that is full."""
    try:
        yield
    except CacheFull as error:
        raise Dsv3cError(error.what, hint=error.hint) from error
    except RequestError as error:
        raise UsageError(error.what, hint=error.hint) from error


def generate(
    engine: engines.Engine,
    prompts: Sequence[Sequence[int]],
    options: GenerateOptions | None = None,
    on_token: OnToken | None = None,
) -> list[list[int]]:
    """The tokens made after each prompt: ``generate.py`` and ``speculate.py`` of ``backends/reference/runtime``.

    Raises UsageError for an empty prompt or a step that no phase takes, Dsv3cError when the cache is full.
    """
    with user_errors():
        return continued(engine, prompts, options, on_token)
