"""The segment graph: which pieces of a step need which, as plain data.

``cut-segments`` turns layer functions into calls of segment functions (attribute ``segment``).  Here an entry is
followed through its calls, layer functions included, and every call of a segment becomes one instance.  A dependency
is a value that one instance makes and another reads, however many calls and ops without a segment lie between; a cache
version that must be written, or read for the last time, before the next one overwrites it in place; or the token of a
communication group, which fixes nothing but an order (a schedule may choose another one for the group).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute, SSAValue

from dsv3c.ir.dialects.comm_types import TokenType
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import call_prefix, callee_name, functions, join_path
from dsv3c.ir.verify import versions_replaced

SEGMENT = "segment"
"""Attribute of a function: the piece of a layer it is (``attention-0``)."""
LAYER = "layer"
"""Attribute of a call: number of the layer, from 0, among those of its entry."""
MICROBATCH = "microbatch"
"""Attribute of a call: number of the micro-batch, from 0."""

WHOLE_LAYER = "layer"
"""The segment of a layer function that was not cut."""

Kind = Literal["value", "cache", "order"]


@dataclass(frozen=True)
class SegmentInstance:
    """One run of one segment in a step."""

    name: str
    """``layer3.attention-0``, with ``.mb1`` behind it where the step is split into micro-batches."""
    segment: str
    function: str
    """Symbol of the segment function: what it costs is that function's cost."""
    layer: int
    microbatch: int
    prefix: str
    """Path its parameters are relative to."""
    communicates: bool
    """Whether it holds communication: the class of stream it belongs to."""


@dataclass(frozen=True)
class Dependency:
    """``consumer`` starts after ``producer`` has ended.

    ``value``: it reads what the producer makes; ``cache``: it reads a version the producer wrote, or overwrites one
    the producer read; ``order``: both use the token of communication ``group``, and the program has them in this order.
    """

    producer: str
    consumer: str
    kind: Kind
    group: str = ""


@dataclass(frozen=True)
class SegmentGraph:
    """The instances of one entry, in the order of the program, and what holds between them (sorted, each once)."""

    entry: str
    instances: tuple[SegmentInstance, ...]
    dependencies: tuple[Dependency, ...]

    def by_name(self) -> dict[str, SegmentInstance]:
        """Name -> instance."""
        return {instance.name: instance for instance in self.instances}


def segment_name(function: func.FuncOp) -> str | None:
    """The segment a function is; None for any other function."""
    stated = function.attributes.get(SEGMENT)
    return stated.data if isinstance(stated, StringAttr) else None


def number_of(call: func.CallOp, name: str) -> int | None:
    """The integer attribute ``name`` of a call; None where it is absent."""
    stated = call.attributes.get(name)
    return stated.value.data if isinstance(stated, IntegerAttr) else None


def token_group(kind: Attribute) -> str | None:
    """The group whose order a communication token carries; None for any other type."""
    return kind.group.data if isinstance(kind, TokenType) else None


def communicates(function: func.FuncOp) -> bool:
    """Whether a function's own ops communicate: they take or give a group's token."""
    return any(
        token_group(value.type) is not None
        for op in function.body.block.ops
        if not isinstance(op, func.ReturnOp)
        for value in (*op.operands, *op.results)
    )


def segment_graph(module: ModuleOp, entry: str) -> SegmentGraph:
    """The graph of ``entry``.  A layer that was not cut is one instance, ``layer``, of the computing class.

    Raises IRError for a layer that runs one segment twice: its instances would have one name.
    """
    walk = GraphWalk(functions(module))
    function = walk.table[entry]
    walk.run(function, [Source() for _ in function.body.block.args], Place())
    return SegmentGraph(entry, tuple(walk.instances.values()), tuple(sorted(walk.dependencies, key=by_names)))


def by_names(dependency: Dependency) -> tuple[str, str, str, str]:
    """A stable order."""
    return dependency.consumer, dependency.producer, dependency.kind, dependency.group


@dataclass
class Source:
    """Where a value comes from, in instances."""

    producers: frozenset[str] = frozenset()
    readers: set[str] = field(default_factory=set[str])
    """Of a cache version: who has read it so far."""


@dataclass(frozen=True)
class Place:
    """Where a walk is."""

    prefix: str = ""
    layer: int | None = None
    microbatch: int | None = None


@dataclass
class GraphWalk:
    """Follows an entry through its calls."""

    table: Mapping[str, func.FuncOp]
    instances: dict[str, SegmentInstance] = field(default_factory=dict[str, SegmentInstance])
    dependencies: set[Dependency] = field(default_factory=set[Dependency])
    num_layers: Counter[int | None] = field(default_factory=Counter[int | None])
    """Micro-batch -> layers met so far."""

    def run(self, function: func.FuncOp, given: Sequence[Source], place: Place) -> list[Source]:
        """Walk one body; returns the sources of its results."""
        sources: dict[SSAValue, Source] = dict(zip(function.body.block.args, given, strict=True))
        for op in function.body.block.ops:
            read = [sources[operand] for operand in op.operands]
            if isinstance(op, func.ReturnOp):
                return read
            if isinstance(op, func.CallOp):
                made = self.call(op, read, place)
            else:
                producers = frozenset[str]().union(*(source.producers for source in read))
                made = [Source(producers) for _ in op.results]
            sources.update(zip(op.results, made, strict=True))
        raise AssertionError(f"@{function.sym_name.data} has no return")

    def call(self, op: func.CallOp, read: Sequence[Source], place: Place) -> list[Source]:
        """One instance, or the walk of a layer made of several."""
        callee = self.table[callee_name(op)]
        inside = self.place_of(op, place)
        if segment_name(callee) is None and any(isinstance(inner, func.CallOp) for inner in callee.body.block.ops):
            return self.run(callee, read, inside)
        instance = self.instance(op, callee, inside)
        self.depend(op, read, instance.name)
        return [Source(frozenset({instance.name})) for _ in op.results]

    def place_of(self, op: func.CallOp, place: Place) -> Place:
        """Prefix, layer and micro-batch of a call: its own attributes, else those of the call around it."""
        microbatch = number_of(op, MICROBATCH)
        microbatch = place.microbatch if microbatch is None else microbatch
        layer = number_of(op, LAYER)
        layer = place.layer if layer is None else layer
        if layer is None:
            layer = self.num_layers[microbatch]
            self.num_layers[microbatch] += 1
        return Place(join_path(place.prefix, call_prefix(op)), layer, microbatch)

    def instance(self, op: func.CallOp, callee: func.FuncOp, place: Place) -> SegmentInstance:
        """A new instance.  Raises IRError where a layer runs one segment twice."""
        segment = segment_name(callee)
        assert place.layer is not None
        name = f"layer{place.layer}.{segment or WHOLE_LAYER}"
        name += "" if place.microbatch is None else f".mb{place.microbatch}"
        if name in self.instances:
            raise IRError(f"{name} runs twice in one step", where=at(op))
        self.instances[name] = SegmentInstance(
            name=name,
            segment=segment or WHOLE_LAYER,
            function=callee.sym_name.data,
            layer=place.layer,
            microbatch=place.microbatch or 0,
            prefix=place.prefix,
            communicates=segment is not None and communicates(callee),
        )
        return self.instances[name]

    def depend(self, op: func.CallOp, read: Sequence[Source], name: str) -> None:
        """What instance ``name`` waits for."""
        written = versions_replaced(op)
        for operand, source in zip(op.operands, read, strict=True):
            group = token_group(operand.type)
            is_cache = isinstance(operand.type, CacheType)
            kind: Kind = "cache" if is_cache else "value" if group is None else "order"
            earlier = source.producers | source.readers if is_cache and operand in written else source.producers
            self.dependencies |= {Dependency(other, name, kind, group or "") for other in earlier}
            if is_cache:
                source.readers.add(name)
