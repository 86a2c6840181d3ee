"""Runs of a module, at any level, on the same inputs: what numerics checks compare.

A probe is a batch of B sequences of S tokens.  A cache-free entry takes it at once.  A phased one takes it in steps,
with a paged cache: a prefill of most tokens, then a few steps of one token and of a few, so that every phase runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Attribute, Operation

from dsv3c.backends.reference.alike import executor_for
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.executor import Value
from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.params import entries_of
from dsv3c.backends.reference.runtime.paging import PagePool, SequenceState, step_tables
from dsv3c.backends.reference.weights import Weights
from dsv3c.inputs import InputOptions, entry_inputs, vocabulary
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.moe import GateOp
from dsv3c.ir.functions import functions
from dsv3c.ir.types import sizes_of
from dsv3c.passes.phases import TABLE_TYPES, Phase, phase_of
from dsv3c.runtime import make_cache

SHAPES = ((1, 2), (2, 33), (1, 130))
"""(sequences, tokens of each) of the probes."""
SHORT_QUERY = 8
"""Phases of at most so many new tokens get steps of their own at the end of a sequence."""


@dataclass(frozen=True)
class Probe:
    """Inputs of one cache-free entry, [B, S, ...] or of a shape of their own."""

    entry: str
    inputs: tuple[Tensor, ...]
    batch: int
    length: int

    def retyped(self, element: Attribute) -> "Probe":
        """bf16 inputs, exactly, in another type."""
        dtype = dtype_of(element)
        return replace(self, inputs=tuple(x.to(dtype) if x.dtype == torch.bfloat16 else x for x in self.inputs))

    def __str__(self) -> str:
        return f"@{self.entry}(B={self.batch}, S={self.length})"


@dataclass
class Trace:
    """What an entry gave for a probe."""

    outputs: list[Tensor]
    """[B, S, ...]; with ``rows``, [rows, ...]."""
    rows: list[int] | None = None
    """Which of the B*S tokens the outputs are of; None: all results as they are."""
    choices: list[Tensor] = field(default_factory=list[Tensor])
    """Expert ids [B*S, k] of every ``moe.gate``, in the order they run."""

    def at(self, rows: list[int] | None) -> "Trace":
        """The results of these tokens only, where this has results of all tokens."""
        if rows is None or self.rows is not None:
            return self
        return Trace([value.flatten(0, 1)[rows] for value in self.outputs], rows, self.choices)


@dataclass(frozen=True)
class Step:
    """A function that takes a step of the sequences of one cache-free entry."""

    name: str
    function: func.FuncOp
    phase: Phase

    @property
    def num_inputs(self) -> int:
        """Arguments before the tables."""
        return len(self.function.args) - len(TABLE_TYPES) - len(self.caches)

    @property
    def caches(self) -> list[CacheType]:
        """The caches it takes."""
        return [kind for kind in self.function.function_type.inputs if isinstance(kind, CacheType)]


def steps_of(module: ModuleOp) -> dict[str, list[Step]]:
    """Cache-free entry's name -> its steps, narrowest range of new tokens first; empty for a cache-free module."""
    found = dict[str, list[Step]]()
    for name, function in functions(module).items():
        phase = phase_of(function)
        if phase is not None:
            base = "main" if name == phase.name else name.removesuffix(f"_{phase.name}")
            found.setdefault(base, []).append(Step(name, function, phase))
    for steps in found.values():
        steps.sort(key=lambda step: step.phase.max_query - step.phase.min_query)
    return found


def probes_of(module: ModuleOp, shapes: Sequence[tuple[int, int]] = SHAPES, seed: int = 0) -> list[Probe]:
    """Random inputs for every entry, in sizes as near to ``shapes`` as its symbols allow."""
    phased = steps_of(module)
    makers = {base: (steps[0].function, steps[0].num_inputs) for base, steps in phased.items()}
    if not phased:
        makers = {name: (functions(module)[name], None) for name in entries_of(module)}
    probes = list[Probe]()
    for number, (base, (function, num_inputs)) in product(range(len(shapes)), makers.items()):
        batch, length = shapes[number]
        if num_inputs is None:
            batch, length = within_range(module, function, batch, length)
            values = entry_inputs(module, base, InputOptions(batch, length, seed=seed + number))
            inputs = tuple(value for value in values if isinstance(value, Tensor))
        else:
            inputs = token_inputs(function, num_inputs, batch, length, seed + number)
        probes.append(Probe(base, inputs, batch, length))
    return probes


def within_range(module: ModuleOp, function: func.FuncOp, *sizes: int) -> list[int]:
    """Sizes of the leading dims of an entry's arguments, moved into the ranges of their symbols."""
    symbols, found = symbols_of(module), list(sizes)
    for kind in function.function_type.inputs:
        for dim, size in enumerate(sizes_of(kind)[: len(sizes)] if isinstance(kind, TensorType) else ()):
            if isinstance(size, str) and size in symbols:
                low, high = symbols[size].bounds()
                found[dim] = max(low, found[dim]) if high is None else min(max(low, found[dim]), high)
            elif isinstance(size, int):
                found[dim] = size
    return found


def token_inputs(function: func.FuncOp, count: int, batch: int, length: int, seed: int) -> tuple[Tensor, ...]:
    """Values [B, S, ...] for the first ``count`` arguments [T, ...] of a phase."""
    generator, values = torch.Generator().manual_seed(seed), list[Tensor]()
    for argument in function.body.block.args[:count]:
        assert isinstance(argument.type, TensorType)
        dims = (batch, length, *(size for size in sizes_of(argument.type)[1:] if isinstance(size, int)))
        dtype = dtype_of(argument.type.element_type)
        if dtype.is_floating_point:
            values.append(torch.randn(dims, generator=generator).to(dtype))
        else:
            values.append(torch.randint(0, vocabulary(function, argument), dims, generator=generator).to(dtype))
    return tuple(values)


class Runner:
    """Runs the entries of one module on probes."""

    def __init__(
        self,
        module: ModuleOp,
        weights: Weights,
        fidelity: Fidelity,
        *,
        replay: bool = False,
        quantization: bool = True,
    ) -> None:
        """``replay``: every ``moe.gate`` takes the choices given to ``run`` in place of its own."""
        self.steps = steps_of(module)
        self.choices = list[Tensor]()
        self.forced: Iterator[Tensor] = iter(())
        self.executor = executor_for(
            module,
            weights,
            fidelity,
            observer=self.observe,
            replay=self.next_choice if replay else None,
            quantization=quantization,
        )

    def observe(self, op: Operation, results: Sequence[Value]) -> None:
        """Keep the expert ids of every gate."""
        if isinstance(op, GateOp):
            ids = results[1]
            assert isinstance(ids, Tensor)
            self.choices.append(ids.flatten(0, -2))

    def next_choice(self) -> Tensor:
        """The choice of the gate about to run."""
        return next(self.forced)

    def run(self, probe: Probe, forced: Sequence[Tensor] = ()) -> Trace:
        """One probe; ``forced`` are the choices [B*S, k] of a ``replay`` runner."""
        self.choices = []
        if probe.entry in self.steps:
            return self.run_steps(probe, self.steps[probe.entry], forced)
        self.forced = iter(forced)
        outputs = [value for value in self.executor.run(probe.entry, *probe.inputs) if isinstance(value, Tensor)]
        return Trace(outputs, choices=self.choices)

    def run_steps(self, probe: Probe, steps: list[Step], forced: Sequence[Tensor]) -> Trace:
        """Feed a probe in steps; pages are handed out in no special order."""
        kinds = steps[0].caches
        page_size = kinds[0].page_size.data if kinds else 1
        pages = probe.batch * -(-probe.length // page_size)
        pool = PagePool(pages, page_size)
        pool.free = pool.free[::2] + pool.free[1::2]
        caches: list[Value] = [make_cache(kind, pages) for kind in kinds]
        states = [SequenceState([0] * probe.length) for _ in range(probe.batch)]
        rows, parts, choices = list[int](), list[list[Tensor]](), list[list[Tensor]]()
        taken = list[int]()
        for query in schedule(steps, probe.length):
            step = next(step for step in steps if step.phase.min_query <= query <= step.phase.max_query)
            places = [n * probe.length + state.cached + i for n, state in enumerate(states) for i in range(query)]
            for state in states:
                pool.reserve(state, state.cached + query)
            tables = step_tables(states, [query] * probe.batch).arguments()[1:]
            inputs = [value.flatten(0, 1)[places] for value in probe.inputs]
            self.choices, self.forced = [], iter([ids[places] for ids in forced])
            results = self.executor.run(step.name, *inputs, *tables, *caches)
            outputs = [value for value in results if isinstance(value, Tensor)]
            caches = [value for value in results if isinstance(value, LatentCache)]
            for state in states:
                state.cached += query
            ends = places[query - 1 :: query]
            rows += places if outputs[0].shape[0] == len(places) else ends
            taken += places
            parts.append(outputs)
            choices.append(self.choices)
        order = torch.tensor(taken).argsort()
        return Trace(
            [torch.cat(pieces) for pieces in zip(*parts, strict=True)],
            rows,
            [torch.cat(pieces)[order] for pieces in zip(*choices, strict=True)],
        )


def schedule(steps: Sequence[Step], length: int) -> list[int]:
    """New tokens of every step: every short phase at its longest once at the end, what is left first."""
    longest = max(step.phase.max_query for step in steps)
    shorts = sorted({step.phase.max_query for step in steps if step.phase.max_query <= SHORT_QUERY}, reverse=True)
    tail = list[int]()
    for query in [*shorts, *(query for query in shorts if query == 1)]:
        if sum(tail) + query < length:
            tail.append(query)
    left = length - sum(tail)
    return [*([longest] * (left // longest)), *([left % longest] if left % longest else []), *tail]


def pairs(after: Trace, before: Trace) -> Iterator[tuple[Tensor, Tensor]]:
    """Results of the same tokens, from either side."""
    assert len(after.outputs) == len(before.outputs), "the two programs return different numbers of results"
    x_rows, y_rows = after.rows, before.rows
    for x, y in zip(after.at(y_rows).outputs, before.at(x_rows).outputs, strict=True):
        if x_rows is None or y_rows is None or x_rows == y_rows:
            yield x, y
        else:
            common = sorted(set(x_rows) & set(y_rows))
            yield x[[x_rows.index(row) for row in common]], y[[y_rows.index(row) for row in common]]
