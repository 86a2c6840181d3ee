"""A probe on several ranks: every rank continues sequences of its own, with a cache of its own.

A program of one rank is the case of one rank.  Gates run once per micro-batch; what they choose is put together again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp

from dsv3c.backends.reference.executor import Value
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.paging import PagePool, SequenceState, step_tables
from dsv3c.ir.bodies import executed_ops
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.moe import GateOp
from dsv3c.ir.functions import callee_name, functions
from dsv3c.ir.segments import MICROBATCH
from dsv3c.ir.sizes import Size, evaluate
from dsv3c.ir.types import shape
from dsv3c.runtime import make_cache


@dataclass(frozen=True)
class Gate:
    """One time that a ``moe.gate`` runs in a step."""

    microbatch: int
    tokens: Size
    """How many it routes."""


def gates_of(module: ModuleOp, entry: str) -> list[Gate]:
    """The gates of an entry in the order they run."""
    table = functions(module)

    def visit(name: str, microbatch: int) -> Iterator[Gate]:
        for op in executed_ops(table[name]):
            if isinstance(op, GateOp):
                yield Gate(microbatch, shape(op.ids)[0])
            elif isinstance(op, func.CallOp):
                own = op.attributes.get(MICROBATCH)
                yield from visit(callee_name(op), own.value.data if isinstance(own, IntegerAttr) else microbatch)

    return list(visit(entry, 0))


def joined(gates: Sequence[Gate], choices: Sequence[Tensor]) -> list[Tensor]:
    """Choices [tokens, k] of every gate that ran -> of every layer, its micro-batches one after the other."""
    parts = dict[int, list[Tensor]]()
    for gate, ids in zip(gates, choices, strict=True):
        parts.setdefault(gate.microbatch, []).append(ids)
    return [torch.cat(layer) for layer in zip(*(parts[key] for key in sorted(parts)), strict=True)]


def parted(gates: Sequence[Gate], layers: Sequence[Tensor]) -> Iterator[Tensor]:
    """Choices [T, k] of every layer -> of every gate, in the order they run."""
    sizes = {gate.microbatch: gate.tokens for gate in gates}
    reached = Counter[int]()
    for gate in gates:
        ids = layers[reached[gate.microbatch]]
        reached[gate.microbatch] += 1
        sizes_before = [size for microbatch, size in sizes.items() if microbatch < gate.microbatch]
        start, count = (sum(evaluate(size, {"T": len(ids)}) for size in part) for part in (sizes_before, [gate.tokens]))
        yield ids[start : start + count]


@dataclass
class Lane:
    """What one rank feeds of a probe with ``batch`` sequences, and what it got.

    Sequence number ``slot * ranks + rank`` of the probe is here; where the probe has no more of them, one that it has,
    turned by some tokens, takes the place, and its results are dropped.
    """

    rank: int
    ranks: int
    inputs: tuple[Tensor, ...]
    """The probe's, [B, S, ...]."""
    caches: list[Value]
    pool: PagePool
    states: list[SequenceState]
    rows: list[int] = field(default_factory=list[int])
    """Which of the B*S tokens the outputs are of."""
    outputs: list[list[Tensor]] = field(default_factory=list[list[Tensor]])
    tokens: list[int] = field(default_factory=list[int])
    """Which of them the choices are of."""
    choices: list[list[Tensor]] = field(default_factory=list[list[Tensor]])
    fed: list[Tensor] = field(default_factory=list[Tensor])

    @staticmethod
    def start(inputs: tuple[Tensor, ...], kinds: Sequence[CacheType], rank: int, ranks: int) -> "Lane":
        """Nothing fed yet; pages are handed out in no special order."""
        batch, length = inputs[0].shape[:2]
        page_size = kinds[0].page_size.data if kinds else 1
        pages = batch * -(-length // page_size)
        pool = PagePool(pages, page_size)
        pool.free = pool.free[::2] + pool.free[1::2]
        states = [SequenceState([0] * length) for _ in range(batch)]
        lane = Lane(rank, ranks, inputs, [make_cache(kind, pages) for kind in kinds], pool, states)
        lane.fed = [torch.stack([lane.fed_to(slot, value) for slot in range(batch)]) for value in inputs]
        return lane

    def number(self, slot: int) -> int:
        """Which sequence a slot holds; one beyond the probe's is a turned one."""
        return slot * self.ranks + self.rank

    def fed_to(self, slot: int, value: Tensor) -> Tensor:
        """A slot's row [S, ...] of an input [B, S, ...]."""
        number, batch = self.number(slot), len(self.states)
        return value[number] if number < batch else value[number % batch].roll(number // batch, 0)

    def places(self, query: int) -> list[tuple[int, int]]:
        """(slot, position) of the next ``query`` tokens of every sequence."""
        return [(slot, state.cached + i) for slot, state in enumerate(self.states) for i in range(query)]

    def row(self, slot: int, position: int) -> int:
        """Which of the probe's B*S tokens is there, or is turned to there."""
        return self.number(slot) % len(self.states) * self.inputs[0].shape[1] + position

    def arguments(self, query: int) -> list[Value]:
        """Of the next step."""
        places = self.places(query)
        for state in self.states:
            self.pool.reserve(state, state.cached + query)
        slots, positions = [slot for slot, _ in places], [position for _, position in places]
        tables = step_tables(self.states, [query] * len(self.states)).arguments()[1:]
        return [*(value[slots, positions] for value in self.fed), *tables, *self.caches]

    def forced(self, choices: Sequence[Tensor], query: int) -> list[Tensor]:
        """Choices [B*S, k] of every layer, for the tokens of the next step."""
        rows = [self.row(*place) for place in self.places(query)]
        return [ids[rows] for ids in choices]

    def take(self, results: Sequence[Value], choices: Sequence[Tensor], query: int) -> None:
        """Keep the results of a step that are of the probe's own sequences."""
        outputs = [value for value in results if isinstance(value, Tensor)]
        self.caches = [value for value in results if isinstance(value, LatentCache)]
        places, batch = self.places(query), len(self.states)
        for state in self.states:
            state.cached += query
        shown = places if outputs[0].shape[0] == len(places) else places[query - 1 :: query]
        kept = [index for index, (slot, _) in enumerate(shown) if self.number(slot) < batch]
        self.rows += [self.row(*shown[index]) for index in kept]
        self.outputs.append([value[kept] for value in outputs])
        kept = [index for index, (slot, _) in enumerate(places) if self.number(slot) < batch]
        self.tokens += [self.row(*places[index]) for index in kept]
        self.choices.append([ids[kept] for ids in choices])


def gathered(lanes: Sequence[Lane]) -> tuple[list[Tensor], list[int], list[Tensor]]:
    """(outputs, which tokens they are of, choices of every layer): what all ranks got, tokens in order."""
    rows = [row for lane in lanes for row in lane.rows]
    tokens = [token for lane in lanes for token in lane.tokens]
    by_row, by_token = torch.tensor(rows).argsort(), torch.tensor(tokens).argsort()
    outputs = [part for lane in lanes for part in lane.outputs]
    choices = [part for lane in lanes for part in lane.choices]
    return (
        [torch.cat(pieces)[by_row] for pieces in zip(*outputs, strict=True)],
        sorted(rows),
        [torch.cat(pieces)[by_token] for pieces in zip(*choices, strict=True)],
    )
