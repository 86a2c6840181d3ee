"""Variants of an entry: ``@prefill.short`` beside ``@prefill``, each for its own range of new tokens per sequence."""

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp

from dsv3c.artifact import entries
from dsv3c.ir.errors import UsageError
from dsv3c.passes.phases import Phase, phase_of


def phases_of(module: ModuleOp) -> dict[str, Phase]:
    """The phase of every entry that has one."""
    return {f.sym_name.data: phase for f in entries(module) if (phase := phase_of(f)) is not None}


def takes(phase: Phase, queries: Sequence[int]) -> bool:
    """Whether one step of the phase may bring these numbers of new tokens, one per sequence."""
    return all(phase.min_query <= query <= phase.max_query for query in queries)


def variant_for(module: ModuleOp, entry: str, lengths: Sequence[int]) -> str:
    """The variant of ``entry`` for sequences of these lengths (tokens), where they are too short for ``entry`` itself.

    ``entry`` where it takes them (of longer ones, the last tokens), has no phase, or no variant takes them.
    """
    phases = phases_of(module)
    if entry not in phases or all(length >= phases[entry].min_query for length in lengths):
        return entry
    variants = (name for name, phase in phases.items() if name.startswith(f"{entry}.") and takes(phase, lengths))
    return next(variants, entry)


def check_queries(module: ModuleOp, entry: str, queries: Sequence[int]) -> None:
    """Raise UsageError unless ``entry``, where it has a phase, takes these numbers of new tokens per sequence."""
    phases = phases_of(module)
    if entry not in phases or takes(phases[entry], queries):
        return
    phase = phases[entry]
    wrong = next(query for query in queries if not takes(phase, [query]))
    fitting = [f"@{name}" for name, other in phases.items() if takes(other, [wrong])]
    ranges = ", ".join(f"@{name} {other.min_query}..{other.max_query}" for name, other in phases.items())
    raise UsageError(
        f"@{entry} takes {phase.min_query}..{phase.max_query} new tokens per sequence, not {wrong}",
        hint=f"entries that take {wrong}: {', '.join(fitting)}" if fitting else f"no entry does; there are {ranges}",
    )
