"""``cut-segments``: a layer function becomes calls of private functions, cut where communication begins and ends.

Before::

    func.func private @prefill.layer1(%x, ..., %cache, %token)
      ... projections ... mla.append ... attention ... moe.gate
      comm.dispatch
      moe.permute ... moe.unpermute
      comm.combine
      ... shared expert ... residual

After::

    func.func private @prefill.layer1.attention_0(...) attributes {segment = "attention-0"}
    ...
    func.func private @prefill.layer1(%x, ..., %cache, %token)
      %q, ... = func.call @prefill.layer1.attention_0(%x, ...) {prefix = ""}
      %h, %route, %cache' = func.call @prefill.layer1.attention_1(%q, ..., %cache) {prefix = ""}
      %rows, ... = func.call @prefill.layer1.dispatch(%h, %route, %token) {prefix = ""}
      %y = func.call @prefill.layer1.experts(%rows, ...) {prefix = ""}
      %s = func.call @prefill.layer1.shared(%h) {prefix = ""}
      %z, ... = func.call @prefill.layer1.combine(%y, ...) {prefix = ""}
      %r = func.call @prefill.layer1.residual(%h, %s, %z) {prefix = ""}

What it is for: a schedule moves segments, not ops; alone it saves nothing.  Segments follow from what needs what:

- ``attention-0``: what the attention core or the dispatch needs, and does not need the cache (projections before it)
- ``attention-1``: the first op on the cache, and what needs it and is needed by the dispatch (attention, output
  projection, gate); without communication, by the experts; in a dense layer, up to the first value that is all the
  rest reads
- ``dispatch``, ``combine``: ``comm.dispatch`` (with ``comm.sync_counts``) and ``comm.combine``, alone
- ``experts``: what lies between, and what only this and the combine need; without communication ``moe.experts``, or
  ``moe.permute`` to ``moe.unpermute``
- ``residual``: what needs the combine: apart from it, so that the combine does not wait for the shared expert, nor the
  stream it runs on compute
- ``shared``: what is left of a layer with experts; ``mlp``: what is left of a dense one

Parameters and ops on parameters alone go where they are read, and are copied where two segments read them.  Left
alone: functions without a cache, those cut already, and those with an effect that no result or token shows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import is_side_effect_free

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.comm import CombineOp, DispatchOp, SyncCountsOp
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.moe import ExpertsOp
from dsv3c.ir.dialects.moe_rows import PermuteOp, UnpermuteOp
from dsv3c.ir.functions import PREFIX, call_sites, callee_name, functions, make_function, returned, unused_name
from dsv3c.ir.locations import fused
from dsv3c.ir.segments import SEGMENT, segment_name
from dsv3c.passes.base import Pass
from dsv3c.passes.cse import is_value
from dsv3c.passes.ragged import Blocked

ORDER = ("attention-0", "attention-1", "dispatch", "experts", "shared", "combine", "residual", "mlp")
"""Segments in the order they are called in: none needs a later one."""


@dataclass(frozen=True)
class CutSegmentsPass(Pass):
    """Every layer function of a phased module in segments."""

    name = "cut-segments"
    requires: ClassVar[frozenset[str]] = frozenset({"phased"})

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Cut every called function that works on a cache, or say why not."""
        for function in functions(module).values():
            if segment_name(function) is not None or not call_sites(function) or not has_cache(function):
                continue
            try:
                made = cut(module, function)
            except Blocked as blocked:
                ctx.blocked(blocked.op, blocked.reason)
            else:
                ctx.fired(function, f"@{function.sym_name.data}: {', '.join(made)}", segments=len(made))


def has_cache(function: func.FuncOp) -> bool:
    """Whether a function takes a cache."""
    return any(isinstance(argument.type, CacheType) for argument in function.body.block.args)


Ops = set[Operation]


@dataclass
class Body:
    """The ops of a layer function, and what needs what."""

    function: func.FuncOp
    ops: list[Operation] = field(default_factory=list[Operation])
    """What is dealt out, in program order."""
    fixed: Ops = field(default_factory=Ops)
    """What is the same in every step: parameters, constants, and ops on those alone."""

    def __post_init__(self) -> None:
        for op in self.function.body.block.ops:
            if is_value(op) and self.fixed.issuperset(producers(op)):
                self.fixed.add(op)
            elif not isinstance(op, func.ReturnOp):
                self.ops.append(op)

    def needed_by(self, roots: Iterable[Operation]) -> Ops:
        """What the roots need, directly or not, without themselves."""
        wanted, found = Ops(roots), Ops()
        for op in reversed(self.ops):
            if not (wanted | found).isdisjoint(use.operation for result in op.results for use in result.uses):
                found.add(op)
        return found - wanted

    def needing(self, roots: Iterable[Operation]) -> Ops:
        """What needs a root, directly or not, without themselves."""
        wanted, found = Ops(roots), Ops()
        for op in self.ops:
            if not (wanted | found).isdisjoint(producers(op)):
                found.add(op)
        return found - wanted

    def of_class(self, *kinds: type[Operation]) -> list[Operation]:
        """The ops of some classes, in order."""
        return [op for op in self.ops if isinstance(op, kinds)]


def producers(op: Operation) -> list[Operation | Block]:
    """What makes the operands of an op: an op, or the block for an argument."""
    return [operand.owner for operand in op.operands]


def cut(module: ModuleOp, function: func.FuncOp) -> list[str]:
    """Cut one function; the names of its segments.  Raises Blocked before anything is changed."""
    body, table = Body(function), functions(module)
    for op in body.ops:
        if isinstance(op, func.CallOp):
            is_cut = segment_name(table[callee_name(op)]) is not None
            raise Blocked(
                op, "the layer is cut already" if is_cut else "the layer calls a function: nothing is cut there"
            )
        if not is_side_effect_free(op):
            raise Blocked(op, f"{op.name} has an effect that no result shows: it cannot be moved")
    segment_of = assign(body)
    segments = {name: [op for op in body.ops if segment_of[op] == name] for name in ORDER}
    segments = {name: ops for name, ops in segments.items() if ops}
    values: dict[SSAValue, SSAValue] = {}
    for name, ops in segments.items():
        outline(module, body, name, ops, values)
    last = returned(function)
    last.operands = [values.get(operand, operand) for operand in last.operands]
    for op in reversed([op for op in function.body.block.ops if op in body.fixed or op in segment_of]):
        if all(result.first_use is None for result in op.results):
            op.detach()
            op.erase()
    return list(segments)


def assign(body: Body) -> dict[Operation, str]:
    """The segment of every op; raises Blocked for a layer that is not attention and then experts."""
    core = [op for op in body.ops if any(isinstance(operand.type, CacheType) for operand in op.operands)]
    if not core:
        raise Blocked(body.function, "no op reads its cache: there is no attention to cut at")
    enter, leave, communicates = ends_of_experts(body)
    if not enter:
        return assign_dense(body, core)
    attention = body.needed_by(enter) | body.needed_by(core) | set(core)
    if not attention.isdisjoint(enter):
        raise Blocked(core[-1], f"the attention needs {enter[0].name}: they are in the wrong order to be cut")
    after = body.needing(leave)
    inside = (body.needed_by(leave) | set(enter) | set(leave)) - attention
    found = dict.fromkeys(body.ops, "shared") | dict.fromkeys(inside, "experts") | dict.fromkeys(after, "residual")
    found |= dict.fromkeys(attention, "attention-0")
    found |= dict.fromkeys(attention & (body.needing(core) | set(core)), "attention-1")
    if communicates:
        found |= dict.fromkeys(enter, "dispatch") | dict.fromkeys(leave, "combine")
    return found


def ends_of_experts(body: Body) -> tuple[list[Operation], list[Operation], bool]:
    """Where a layer's experts begin and end, and whether by communication; raises Blocked where one is missing."""
    dispatches, combines = body.of_class(DispatchOp), body.of_class(CombineOp)
    if dispatches or combines:
        if len(dispatches) != 1 or len(combines) != 1 or combines[0] not in body.needing(dispatches):
            what = f"{len(dispatches)} comm.dispatch and {len(combines)} comm.combine"
            raise Blocked((dispatches or combines)[0], f"{what} that are not one before the other")
        enter, leave = body.of_class(SyncCountsOp) + dispatches, combines
    else:
        enter, leave = body.of_class(PermuteOp, ExpertsOp), body.of_class(UnpermuteOp, ExpertsOp)
    if enter and not leave:
        raise Blocked(enter[0], "rows are permuted to experts and not back")
    if between := body.needed_by(enter) & body.needing(enter):
        first = next(op for op in body.ops if op in between)
        raise Blocked(first, f"{first.name} stands between two ops that begin the experts: they are no one segment")
    return enter, leave, bool(dispatches)


def assign_dense(body: Body, core: list[Operation]) -> dict[Operation, str]:
    """The segments of a layer without experts."""
    after = body.needing(core) | set(core)
    found = {op: "attention-1" if op in after else "attention-0" for op in body.ops}
    for op in body.ops:
        head = body.needed_by({op, *core}) | {op, *core}
        rest = [other for other in body.ops if other not in head]
        inside = {*rest, *body.fixed}
        read = {operand for other in rest for operand in other.operands if operand.owner not in inside}
        if len(read) == 1:
            return found | dict.fromkeys(rest, "mlp")
    return found


def outline(module: ModuleOp, body: Body, name: str, ops: list[Operation], values: dict[SSAValue, SSAValue]) -> None:
    """Make the segment's function, and call it at the end of the layer; ``values`` are results of earlier calls."""
    layer, members = body.function, set(ops)
    read = dict.fromkeys(operand for op in ops for operand in op.operands)
    inputs = [value for value in read if value.owner not in members and value.owner not in body.fixed]
    outputs = [value for op in ops for value in op.results if any(use.operation not in members for use in value.uses)]
    block = Block(arg_types=[value.type for value in inputs])
    inner: dict[SSAValue, SSAValue] = dict(zip(inputs, block.args, strict=True))
    for op in ops:
        for operand in op.operands:
            copy_fixed(operand, block, inner)
        block.add_op(op.clone(value_mapper=inner))
    for value, own in inner.items():
        own.name_hint = value.name_hint
    block.add_op(func.ReturnOp(*[inner[value] for value in outputs]))
    symbol = unused_name(module, f"{layer.sym_name.data}.{name.replace('-', '_')}")
    made = make_function(symbol, block, private=True, attributes=[(SEGMENT, StringAttr(name))])
    made.location = layer.location
    module.body.block.insert_op_before(made, layer)
    call = func.CallOp(symbol, [values.get(value, value) for value in inputs], [value.type for value in outputs])
    call.attributes[PREFIX] = StringAttr("")
    call.location = fused(op.location for op in ops)
    layer.body.block.insert_op_before(call, returned(layer))
    for value, result in zip(outputs, call.results, strict=True):
        result.name_hint = value.name_hint
        values[value] = result


def copy_fixed(value: SSAValue, block: Block, inner: dict[SSAValue, SSAValue]) -> None:
    """Put the parameter, or the ops on parameters, that make ``value`` into a segment where it is not there yet."""
    if value not in inner:
        owner = value.owner
        assert isinstance(owner, Operation)
        for operand in owner.operands:
            copy_fixed(operand, block, inner)
        block.add_op(owner.clone(value_mapper=inner))
