"""Runs of a module, at any level, on the same inputs: what numerics checks compare.

A probe is a batch of B sequences of S tokens.  A cache-free entry takes it at once.  A phased one takes it in steps,
with a paged cache: a prefill of most tokens, then a few steps of one token and of a few, so that every phase runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Attribute, Operation

from dsv3c.backends.reference.alike import executor_for
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.executor import Value
from dsv3c.backends.reference.lockstep import LockstepExecutor
from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.params import entries_of
from dsv3c.backends.reference.weights import Weights
from dsv3c.checking.rank_probes import Lane, gates_of, gathered, joined, parted
from dsv3c.inputs import InputOptions, entry_inputs, vocabulary
from dsv3c.ir.dialects.comm import num_ranks
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.moe import GateOp
from dsv3c.ir.functions import functions
from dsv3c.ir.types import sizes_of
from dsv3c.passes.phases import TABLE_TYPES, Phase, phase_of

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
        """``replay``: every ``moe.gate`` takes the choices given to ``run`` in place of its own.

        A phased program of several ranks runs in lockstep, every rank on sequences of its own.
        """
        self.module, self.steps = module, steps_of(module)
        self.ranks = num_ranks(module) if self.steps else 1
        self.choices: list[list[Tensor]] = [[] for _ in range(self.ranks)]
        self.forced: list[Iterator[Tensor]] = [iter(()) for _ in range(self.ranks)]
        if self.ranks > 1:
            lockstep = LockstepExecutor(module, weights, fidelity=fidelity, quantization=quantization)
            for rank, executor in enumerate(lockstep.ranks):
                executor.observer = partial(self.observe, rank)
                executor.replay = partial(self.next_choice, rank) if replay else None
            self.run_on_ranks = lockstep.run
        else:
            self.executor = executor_for(
                module,
                weights,
                fidelity,
                observer=partial(self.observe, 0),
                replay=partial(self.next_choice, 0) if replay else None,
                quantization=quantization,
            )
            self.run_on_ranks = self.run_on_one

    def run_on_one(self, name: str, args: Sequence[Sequence[Value]]) -> list[list[Value]]:
        """``LockstepExecutor.run`` of a single rank."""
        return [self.executor.run(name, *args[0])]

    def observe(self, rank: int, op: Operation, results: Sequence[Value]) -> None:
        """Keep the expert ids of every gate."""
        if isinstance(op, GateOp):
            ids = results[1]
            assert isinstance(ids, Tensor)
            self.choices[rank].append(ids.flatten(0, -2))

    def next_choice(self, rank: int) -> Tensor:
        """The choice of the gate about to run."""
        return next(self.forced[rank])

    def run(self, probe: Probe, forced: Sequence[Tensor] = ()) -> Trace:
        """One probe; ``forced`` are the choices [B*S, k] of a ``replay`` runner."""
        if probe.entry in self.steps:
            return self.run_steps(probe, self.steps[probe.entry], forced)
        self.choices, self.forced = [[]], [iter(forced)]
        outputs = [value for value in self.executor.run(probe.entry, *probe.inputs) if isinstance(value, Tensor)]
        return Trace(outputs, choices=self.choices[0])

    def run_steps(self, probe: Probe, steps: list[Step], forced: Sequence[Tensor]) -> Trace:
        """Feed a probe in steps."""
        lanes = [Lane.start(probe.inputs, steps[0].caches, rank, self.ranks) for rank in range(self.ranks)]
        for query in schedule(steps, probe.length):
            step = next(step for step in steps if step.phase.min_query <= query <= step.phase.max_query)
            gates = gates_of(self.module, step.name)
            self.choices = [[] for _ in lanes]
            self.forced = [parted(gates, lane.forced(forced, query)) for lane in lanes]
            results = self.run_on_ranks(step.name, [lane.arguments(query) for lane in lanes])
            for lane, own, choices in zip(lanes, results, self.choices, strict=True):
                # the cache-free entry does not give hidden states
                compared = [own[0], *own[2:]] if step.phase.hidden else own
                lane.take(compared, joined(gates, choices), query)
        return Trace(*gathered(lanes))


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
