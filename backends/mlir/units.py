"""What becomes a function of the program that leaves: every function an entry calls, and its own ops in between.

Layers that are one function here stay one function there; the entry becomes a list of calls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Block, Operation, SSAValue

from dsv3c.backends.mlir.errors import ExitError
from dsv3c.backends.reference.bindings import named_sizes, type_sizes
from dsv3c.backends.reference.dtypes import dtype_of, element_of
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.errors import at
from dsv3c.ir.functions import call_prefix, callee_name, join_path
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.sizes import Size
from dsv3c.ir.types import sizes_of


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of the program that leaves."""

    name: str
    part: str
    """``input``, ``weight``, ``result``, or of a scaled value ``data`` or ``scale``."""
    sizes: tuple[Size, ...]
    dtype: torch.dtype

    def described(self) -> dict[str, object]:
        """As a manifest lists it."""
        element = str(element_of(self.dtype))
        return {"name": self.name, "part": self.part, "shape": list(self.sizes), "element": element}


@dataclass(frozen=True)
class Key:
    """One parameter: its op and the prefix of the call that reads it."""

    op: ParamOp
    prefix: str

    @property
    def name(self) -> str:
        """Absolute name."""
        return join_path(self.prefix, self.op.key.data)

    def below(self, prefix: str) -> "Key":
        """The same parameter, read by a function that is called with this prefix."""
        return Key(self.op, join_path(prefix, self.prefix))


@dataclass(frozen=True, eq=False)
class Unit:
    """Ops that become one function: those of a function, or a run of an entry's own."""

    name: str
    inputs: tuple[SSAValue, ...]
    ops: tuple[Operation, ...]
    outputs: tuple[SSAValue, ...]
    keys: tuple[Key, ...]
    """Its parameters, in the order of their first use; arguments behind the inputs."""


@dataclass(frozen=True)
class Step:
    """A call of a unit: its inputs and outputs are values of the entry."""

    unit: Unit
    args: tuple[SSAValue, ...]
    results: tuple[SSAValue, ...]
    prefix: str = ""


@dataclass
class Layout:
    """An entry as steps; ``units`` holds every unit once."""

    entry: func.FuncOp
    table: dict[str, func.FuncOp]
    units: dict[str, Unit] = field(default_factory=dict[str, Unit])

    def steps(self) -> list[Step]:
        """The entry's calls, and its ops between them as further units."""
        block, waiting, steps = self.entry.body.block, list[Operation](), list[Step]()
        for op in block.ops:
            if isinstance(op, ParamOp | ConstantOp):
                continue
            if isinstance(op, func.CallOp | func.ReturnOp) and waiting:
                steps.append(self.piece(block, waiting))
                waiting = []
            if isinstance(op, func.CallOp):
                unit = self.function(callee_name(op))
                steps.append(Step(unit, tuple(op.operands), tuple(op.results), call_prefix(op)))
            elif not isinstance(op, func.ReturnOp):
                waiting.append(op)
        return steps

    def function(self, name: str) -> Unit:
        """A function that is called, with everything it calls inside."""
        if name not in self.units:
            block = self.table[name].body.block
            end = block.last_op
            assert end is not None
            ops, keys = tuple(block.ops)[:-1], dict.fromkeys(self.keys(block.ops, ""))
            self.units[name] = Unit(name, block.args, ops, tuple(end.operands), tuple(keys))
        return self.units[name]

    def piece(self, block: Block, ops: Sequence[Operation]) -> Step:
        """A run of an entry's own ops: its inputs are what it reads, its outputs what is read later."""
        made = {result for op in ops for result in op.results}
        read = dict.fromkeys(operand for op in ops for operand in op.operands if operand not in made)
        leaves = [value for value in read if isinstance(value.owner, ParamOp | ConstantOp)]
        inputs = [value for value in read if value not in leaves]
        inputs += missing_sizes(block, inputs, ops)
        outputs = [value for value in made_in_order(ops) if any(use.operation not in ops for use in value.uses)]
        every = (*(value.owner for value in leaves if isinstance(value.owner, Operation)), *ops)
        name = f"{self.entry.sym_name.data}.{len(self.units)}"
        unit = Unit(name, tuple(inputs), every, tuple(outputs), tuple(dict.fromkeys(self.keys(every, ""))))
        self.units[name] = unit
        return Step(unit, unit.inputs, unit.outputs)

    def keys(self, ops: Sequence[Operation] | Iterator[Operation] | object, prefix: str) -> Iterator[Key]:
        """The parameters that ops read, themselves or through calls."""
        for op in ops:  # pyright: ignore
            if isinstance(op, ParamOp):
                yield Key(op, prefix)
            elif isinstance(op, func.CallOp):
                block = self.table[callee_name(op)].body.block
                yield from self.keys(block.ops, join_path(prefix, call_prefix(op)))


def made_in_order(ops: Sequence[Operation]) -> Iterator[SSAValue]:
    """Results, first op first."""
    for op in ops:
        yield from op.results


def missing_sizes(block: Block, inputs: Sequence[SSAValue], ops: Sequence[Operation]) -> list[SSAValue]:
    """Arguments of the entry that ops need besides their operands, because their types name sizes."""
    needed = frozenset[str]().union(*(named_sizes(value.type) for value in made_in_order(ops)))
    known = frozenset[str]().union(*(plain_sizes(value.type) for value in inputs))
    found = list[SSAValue]()
    for argument in block.args:
        if plain_sizes(argument.type) & (needed - known) and argument not in inputs:
            found.append(argument)
            known |= plain_sizes(argument.type)
    return found


def plain_sizes(kind: Attribute) -> frozenset[str]:
    """The names that are whole dims of a type."""
    return frozenset(size for size in type_sizes(kind) if isinstance(size, str) and size.isidentifier())


def tensors_of(name: str, kind: Attribute, part: str, where: str = "") -> Iterator[TensorSpec]:
    """The tensors that a value of a type is.  Raises ``ExitError`` for a cache or a token."""
    match kind:
        case ScaledType():
            yield TensorSpec(name, "data", sizes_of(kind.tensor()), dtype_of(kind.element))
            yield TensorSpec(name, "scale", sizes_of(kind.scale_tensor()), dtype_of(kind.scale))
        case TensorType():
            yield TensorSpec(name, part, sizes_of(kind), dtype_of(kind.element_type))
        case _:
            raise ExitError(
                f"{name} is of type {kind}", where=where, hint="cache-free programs of one rank leave: --emit linalg"
            )


def unit_tensors(unit: Unit) -> list[TensorSpec]:
    """The arguments of a unit's function."""
    found = list[TensorSpec]()
    for index, value in enumerate(unit.inputs):
        found += tensors_of(value.name_hint or f"input.{index}", value.type, "input", where_of(value))
    for key in unit.keys:
        found += tensors_of(key.name, key.op.value.type, "weight", at(key.op))
    return found


def where_of(value: SSAValue) -> str:
    """The line of the op that makes a value."""
    return at(value.owner) if isinstance(value.owner, Operation) else ""
