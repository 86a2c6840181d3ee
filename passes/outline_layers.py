"""``outline-layers``: layers that are equal op by op become one function, called once for each.

Before  func.func @main(%x) {
          %w0 = weight.param "model.layers.0.w"
          %a = nn.linear %x, %w0       loc("model.layers.0")
          %w1 = weight.param "model.layers.1.w"
          %b = nn.linear %a, %w1       loc("model.layers.1")
          func.return %b
        }
After   func.func private @layer0(%x) {
          %w = weight.param "w"
          %a = nn.linear %x, %w
          func.return %a
        }
        func.func @main(%x) {
          %a = func.call @layer0(%x) {prefix = "model.layers.0"}
          %b = func.call @layer0(%a) {prefix = "model.layers.1"}
          func.return %b
        }

A layer is what the module paths of the locations say: the path up to its first number.  The importer outlines while it
imports; this is for text that arrives flat, with locations.  Saves text, and the time of every later pass.  Layers
without an equal stay, and so do those whose ops are scattered over the function.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.dialects.builtin import UNKNOWN_LOC, FusedLoc, LocationAttr, ModuleOp, NameLoc, NoneAttr, StringAttr
from xdsl.ir import Block, Operation, OpResult, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.weight import ParamOp, StoredEachOp, StoredOp
from dsv3c.ir.functions import PREFIX, call_sites, functions, make_function
from dsv3c.ir.locations import as_location, fused_parts, module_paths
from dsv3c.passes.base import Pass
from dsv3c.passes.cse import key

LAYER = re.compile(r"^(?:[^.\d][^.]*\.)*\d+(?=\.|$)")
"""``model.layers.3`` of ``model.layers.3.mlp.experts.7``."""


@dataclass(frozen=True)
class OutlineLayersPass(Pass):
    """One function for equal layers."""

    name = "outline-layers"

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Entries only: what is called is outlined already."""
        for function in list(functions(module).values()):
            if not call_sites(function):
                outline(ctx, module, function)


@dataclass
class Run:
    """The ops of one layer, in order, and what flows in and out."""

    path: str
    ops: list[Operation] = field(default_factory=list[Operation])
    params: dict[SSAValue, ParamOp] = field(default_factory=dict[SSAValue, ParamOp])
    """Parameters below the layer's path that nothing else reads, in the order of their readers."""
    outputs: list[OpResult] = field(default_factory=list[OpResult])
    keys: list[Hashable] = field(default_factory=list[Hashable])
    """What equal layers have in common, op by op."""

    def inputs(self) -> list[SSAValue]:
        """What the ops read of values made elsewhere, as things stand: outlining a layer makes new values."""
        members = set(self.ops)
        read = dict.fromkeys(operand for op in self.ops for operand in op.operands)
        return [value for value in read if value not in self.params and value.owner not in members]


def outline(ctx: CompileContext, module: ModuleOp, function: func.FuncOp) -> None:
    """Outline the layers of one entry."""
    runs = list[Run]()
    for run in runs_of(function.body.block):
        if any(other.path == run.path for other in runs):
            ctx.blocked(run.ops[0], f"the ops of {run.path} are scattered: others stand between them")
            runs = [other for other in runs if other.path != run.path]
            continue
        connect(run)
        runs.append(run)
    groups = dict[Hashable, list[Run]]()
    for run in runs:
        groups.setdefault(tuple(run.keys), []).append(run)
    for group in groups.values():
        if len(group) > 1:
            replace_group(ctx, module, function, group)
        elif len(runs) > 1:
            nearest = next(run for run in reversed(runs) if run is not group[0])
            ctx.blocked(group[0].ops[0], f"{group[0].path} has no equal; {difference(group[0], nearest)}")


def layer_path(op: Operation) -> str:
    """The layer an op is of, by its location; empty when the location does not say."""
    found = [match[0] for path in module_paths(op.location) if (match := LAYER.match(path))]
    return found[0] if found else ""


def runs_of(block: Block) -> list[Run]:
    """Ops of one layer after the other; one that does not say belongs to the layer around it, parameters to readers."""
    runs = list[Run]()
    waiting = list[Operation]()
    current: Run | None = None
    for op in block.ops:
        if isinstance(op, ParamOp):
            continue
        path = layer_path(op)
        if not path:
            waiting.append(op)
            continue
        if current is None or current.path != path:
            current = Run(path)
            runs.append(current)
        else:
            current.ops += waiting
        current.ops.append(op)
        waiting = []
    return runs


def connect(run: Run) -> None:
    """Find parameters, inputs and outputs of a run, and its key."""
    members = set(run.ops)
    numbers = dict[SSAValue, Hashable]()
    for op in run.ops:
        for operand in op.operands:
            if operand not in numbers:
                owner = operand.owner
                if isinstance(owner, ParamOp) and belongs(owner, run.path, members):
                    run.params[operand] = owner
                    numbers[operand] = ("param", param_key(owner, run.path))
                else:
                    numbers[operand] = ("input", len(numbers))
        for result in op.results:
            is_output = any(use.operation not in members for use in result.uses)
            numbers[result] = ("value", len(numbers), is_output)
            run.outputs += [result] if is_output else []
        operands = tuple((numbers[operand], operand.type) for operand in op.operands)
        results = tuple((numbers[result], result.type) for result in op.results)
        run.keys.append((operands, results, key(op, numbers)))


def belongs(param: ParamOp, path: str, members: set[Operation]) -> bool:
    """Whether a parameter is the layer's own: by its name, its recipe's names, and its readers."""
    return all(name.startswith(f"{path}.") for name in names_of(param)) and all(
        use.operation in members for use in param.value.uses
    )


def names_of(param: ParamOp) -> list[str]:
    """The stored names a parameter mentions, its own included."""
    return [param.key.data, *(op.key.data for op in param.walk() if isinstance(op, StoredOp | StoredEachOp))]


def relative(name: str, path: str) -> str:
    """A name or module path below ``path``, without it."""
    return name.removeprefix(path).removeprefix(".")


def param_key(param: ParamOp, path: str) -> Hashable:
    """What equal parameters of two layers have in common: recipes too, names below the layer's path."""
    copied = param.clone()
    rename(copied, path)
    return key(copied)


def difference(run: Run, other: Run) -> str:
    """Where two layers part, in words."""
    for op, (mine, theirs) in zip(run.ops, zip(run.keys, other.keys, strict=False), strict=False):
        if mine != theirs:
            return f"it parts from {other.path} at {op.name}"
    return f"it has {len(run.ops)} ops, {other.path} has {len(other.ops)}"


def replace_group(ctx: CompileContext, module: ModuleOp, function: func.FuncOp, group: list[Run]) -> None:
    """One function before the entry, and a call in place of each run."""
    taken = functions(module)
    name = next(name for index in range(len(taken) + 1) if (name := f"layer{index}") not in taken)
    made = make_function(name, body_of(group[0]), private=True)
    module.body.block.insert_op_before(made, function)
    for run in group:
        ctx.fired(run.ops[0], f"{run.path} is a call of @{name}", ops=len(run.ops))
        replace_run(run, name)


def body_of(run: Run) -> Block:
    """The ops of a run as the body of a function; parameters, the rest of what they read, stand before them."""
    inputs = run.inputs()
    block = Block(arg_types=[value.type for value in inputs])
    values: dict[SSAValue, SSAValue] = dict(zip(inputs, block.args, strict=True))
    for value, argument in values.items():
        argument.name_hint = value.name_hint
    for op in run.ops:
        for operand in op.operands:
            if operand not in values:
                copied = run.params[operand].clone(value_mapper=values)
                rename(copied, run.path)
                block.add_op(copied)
        block.add_op(op.clone(value_mapper=values))
    for op in block.walk():
        op.location = relative_location(op.location, run.path)
    block.add_op(func.ReturnOp(*[values[value] for value in run.outputs]))
    return block


def rename(param: ParamOp, path: str) -> None:
    """Make the names of a parameter and its recipe relative to the layer."""
    for op in param.walk():
        if isinstance(op, ParamOp | StoredOp | StoredEachOp):
            op.properties["key"] = StringAttr(relative(op.key.data, path))


def relative_location(location: LocationAttr, path: str) -> LocationAttr:
    """A location whose module paths are relative to the layer."""
    if isinstance(location, FusedLoc):
        return FusedLoc(tuple(relative_location(part, path) for part in fused_parts(location)), NoneAttr())
    if not isinstance(location, NameLoc):
        return location
    inner, name = as_location(location.location), relative(location.desc.data, path)
    return NameLoc(StringAttr(name), inner) if name else inner


def replace_run(run: Run, name: str) -> None:
    """Put the call where the run ends, and erase what it replaces."""
    last = run.ops[-1]
    call = func.CallOp(name, run.inputs(), [value.type for value in run.outputs])
    call.attributes[PREFIX] = StringAttr(run.path)
    call.location = NameLoc(StringAttr(run.path), UNKNOWN_LOC)
    block = last.parent_block()
    assert block is not None
    block.insert_op_after(call, last)
    for old, new in zip(run.outputs, call.results, strict=True):
        new.name_hint = old.name_hint
        old.replace_all_uses_with(new)
    for op in [*reversed(run.ops), *run.params.values()]:
        op.detach()
        op.erase()
