"""``plan-memory``: every buffer of a program gets its place in one workspace.

Before::

    %y = kernel.call "scaled_mm.scaled_mm" reads [...] %q, %w writes ["y"] configs [...] parameters <...> : ...
    %h = func.call @decode.layer0(%y) ...

After::

    %y = kernel.call "scaled_mm.scaled_mm" ... offsets <y 16384> : ...
    %h = func.call @decode.layer0(%y) {frame = 32768, ...} ...

``offsets`` are bytes from the start of the function's frame, ``frame`` is where in the caller's a callee's begins, and
the function attribute ``workspace`` what it takes in all (bytes), each at the largest sizes its phase allows.  What a
call returns stays where the callee made it.  Memory is used again once every op that touches it has ended before the
next one starts: earlier on the same stream, or on another that was waited for.

A step that gathers its context is planned for one sequence of the greatest length, or for as many context rows as a
step has tokens, if those are more: several long sequences are fed in several steps.  The attribute ``planned`` of
an entry, and of a function that gathers, says for which sizes memory is planned; a step of larger ones is refused.
Rows that other ranks send in a counted number are planned for twice what a rank sends itself.

It does not move ops to need less, and plans no memory for what is made outside of kernels.  Weights, caches and the
largest workspace together are compared with the target's memory: a program that does not fit is blocked, with the
numbers, and refuses to run.  A size without an upper bound is an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.backends.triton.memory.lifetimes import roots, users
from dsv3c.backends.triton.memory.resident import cache_bytes, weight_bytes
from dsv3c.backends.triton.memory.streams import order_of
from dsv3c.backends.triton.memory.workspace import Unbounded, Workspace, aligned, largest_bytes, tensor_bytes
from dsv3c.ir.bodies import executed_ops
from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects import comm
from dsv3c.ir.dialects.comm import TokenType
from dsv3c.ir.dialects.kernel import ELEMENTS, LaunchOp, LiteralsAttr
from dsv3c.ir.dialects.mla import GatherOp
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.entry_ranges import Ranges, entry_ranges, is_private, largest
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import callee_name, functions, returned, topological
from dsv3c.ir.sizes import mul
from dsv3c.ir.types import shape
from dsv3c.passes.base import Pass

WORKSPACE, PLANNED, FRAME, OFFSETS = "workspace", "planned", "frame", "offsets"
"""Attributes of functions, of those that sizes enter by, of calls, and of communication."""


ADVICE = "more ranks (--ep), smaller steps (--max-tokens, --max-context), or fewer sequences (--max-batch, --context)"
MARGIN = 2
"""Times as many rows as a rank sends at most, memory is planned for as received: all receive alike, if balanced."""


@dataclass(frozen=True)
class PlanMemoryPass(Pass):
    """See the module."""

    name = "plan-memory"
    requires: ClassVar[frozenset[str]] = frozenset({"lowered"})
    ensures: ClassVar[frozenset[str]] = frozenset({"planned"})

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Callees before callers; then what all of it takes."""
        ranges = entry_ranges(module)
        ranges = {name: found | gathered(module, found) | received(module, found) for name, found in ranges.items()}
        planner = Planner(ctx, functions(module))
        for function in topological(module):
            name = function.sym_name.data
            planner.plan(function, ranges[name])
            if not is_private(function) or gathers(function):
                function.attributes[PLANNED] = LiteralsAttr.make(
                    {symbol: high for symbol, (_, high) in ranges[name].items() if high is not None}
                )
        self.compare(ctx, module, planner)

    def compare(self, ctx: CompileContext, module: ModuleOp, planner: "Planner") -> None:
        """Weights, caches and workspace against the memory of the device."""
        entries = [function for function in functions(module).values() if not is_private(function)]
        if not entries:
            return
        largest = max(entries, key=lambda entry: planner.frames[entry.sym_name.data].size)
        numbers = {
            "weight_bytes": weight_bytes(module),
            "cache_bytes": max(cache_bytes(entry) for entry in entries),
            "workspace_bytes": planner.frames[largest.sym_name.data].size,
        }
        total, held = sum(numbers.values()), ctx.target.memory_bytes if ctx.target is not None else None
        if held is not None and total > held:
            assert ctx.target is not None
            held_by = f"the {held / 1e9:.1f} GB of {ctx.target.name}"
            reason = f"@{largest.sym_name.data}: {total / 1e9:.1f} GB do not fit in {held_by}"
            return ctx.blocked(largest, f"{reason}: {ADVICE}", **numbers)
        ctx.fired(largest, f"@{largest.sym_name.data}: {total / 1e9:.1f} GB", **numbers)
        return None


def gathers(function: func.FuncOp) -> bool:
    """Whether the context of a step is gathered in a function."""
    return any(isinstance(op, GatherOp) for op in executed_ops(function))


def gathered(module: ModuleOp, ranges: Ranges) -> Ranges:
    """The context rows that steps are planned for, by the symbols of what gathers them."""
    found: Ranges = {}
    for function in functions(module).values():
        for op in executed_ops(function):
            if not isinstance(op, GatherOp):
                continue
            rows, kind = shape(op.results[0])[0], op.cache.type
            assert isinstance(kind, CacheType)
            longest = largest(mul(shape(op.block_table)[1], kind.page_size.data), ranges)
            if isinstance(rows, str) and rows in ranges and longest is not None:
                low, high = ranges[rows]
                limit = max(longest, most_tokens(module, ranges))
                found[rows] = min(low, limit), limit if high is None else min(high, limit)
    return found


def received(module: ModuleOp, ranges: Ranges) -> Ranges:
    """The rows that a counted dispatch is planned for, by the symbols that it brings."""
    found: Ranges = {}
    for op in module.walk():
        if isinstance(op, comm.DispatchOp) and op.counts is not None:
            rows, sent = shape(op.rows)[0], largest(reduce(mul, shape(op.ids)), ranges)
            if isinstance(rows, str) and rows in ranges and sent is not None:
                low, high = ranges[rows]
                limit = MARGIN * sent
                found[rows] = min(low, limit), limit if high is None else min(high, limit)
    return found


def most_tokens(module: ModuleOp, ranges: Ranges) -> int:
    """Tokens of a step, at most; 0 where no entry says."""
    tables = [
        argument
        for function in functions(module).values()
        if not is_private(function)
        for argument in function.body.block.args
        if argument.name_hint == "positions"
    ]
    return max((largest(shape(table)[0], ranges) or 0 for table in tables), default=0)


@dataclass
class Result:
    """Where a function leaves what it returns: in its frame, or in the memory of an argument (size 0)."""

    offset: int
    size: int


@dataclass
class FramePlan:
    """What a function takes."""

    size: int
    results: list[Result]


@dataclass
class Planner:
    """Plans one function after another."""

    ctx: CompileContext
    callees: Mapping[str, func.FuncOp]
    frames: dict[str, FramePlan] = field(default_factory=dict[str, FramePlan])

    def plan(self, function: func.FuncOp, ranges: Ranges) -> None:
        """Places for all that the body makes.  Raises IRError for a size without an upper bound."""
        block = function.body.block
        ops, touched, owner = list(block.ops), users(block, self.callees), roots(block, self.callees)
        space, at_value = Workspace(order_of(block, self.callees)), dict[SSAValue, Result]()
        for position, op in enumerate(ops):
            try:
                for value, place in self.place(op, position, space, touched, ranges):
                    at_value[value] = place
            except Unbounded as error:
                raise IRError(f"plan-memory: {op.name}: {error}", where=at(op)) from error
        results = [at_value.get(owner.get(value, value), Result(0, 0)) for value in returned(function).operands]
        name = function.sym_name.data
        self.frames[name] = FramePlan(aligned(space.peak), results)
        function.attributes[WORKSPACE] = IntegerAttr(aligned(space.peak), i64)
        self.ctx.fired(function, f"@{name}", workspace_bytes=aligned(space.peak))

    def place(
        self, op: Operation, position: int, space: Workspace, touched: Mapping[SSAValue, list[int]], ranges: Ranges
    ) -> Iterator[tuple[SSAValue, Result]]:
        """Places for what one op makes."""
        if isinstance(op, func.CallOp):
            frame = self.frames[callee_name(op)]
            kept = [
                (place.offset, place.size, touched[value])
                for value, place in zip(op.results, frame.results, strict=True)
                if place.size and value in touched
            ]
            start = space.place(position, [(0, frame.size, [position]), *kept])
            op.attributes[FRAME] = IntegerAttr(start, i64)
            for value, place in zip(op.results, frame.results, strict=True):
                yield value, Result(start + place.offset, place.size)
            return
        offsets = dict[str, int]()
        for name, value, size in wanted(op, ranges):
            uses = [position] if value is None else touched.get(value, [position])
            offsets[name] = space.place(position, [(0, size, uses)])
            if value is not None:
                yield value, Result(offsets[name], size)
        if isinstance(op, LaunchOp):
            op.place(offsets)
        elif offsets:
            op.attributes[OFFSETS] = LiteralsAttr.make(offsets)


def wanted(op: Operation, ranges: Ranges) -> Iterator[tuple[str, SSAValue | None, int]]:
    """(name, value or None for scratch, bytes) of all that an op needs memory for."""
    if isinstance(op, LaunchOp):
        made = dict(zip(op.write_names, op.outputs, strict=True))
        scratch = op.scratch_shapes
        for name in op.placed:
            if name in made:
                yield name, made[name], largest_bytes(made[name].type, ranges)
            else:
                element, sizes = scratch[name]
                yield name, None, aligned(tensor_bytes(sizes, ELEMENTS[element], ranges))
    elif isinstance(op, tuple(comm.Comm.operations)):
        for index, value in enumerate(op.results):
            if has_bytes(value.type):
                yield f"result{index}", value, largest_bytes(value.type, ranges)


def has_bytes(kind: Attribute) -> bool:
    """Whether a value of a type is in memory of the workspace."""
    return not isinstance(kind, CacheType | TokenType)
