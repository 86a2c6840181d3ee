"""A unit as a torch program: every op by its exported meaning, parameters as arguments behind the inputs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import traceback
from xdsl.dialects import func
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.backends.mlir.errors import ExitError
from dsv3c.backends.mlir.meanings import AS_THEY_ARE, EXPORTED
from dsv3c.backends.mlir.units import Key, Unit
from dsv3c.backends.reference.bindings import type_sizes
from dsv3c.backends.reference.call import Argument, Call, RankRef, SizeRef, adapter_of
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.params import no_meaning
from dsv3c.ir.dialects.moe_fused import FusedOp
from dsv3c.ir.dialects.moe_rows import PermuteOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import at
from dsv3c.ir.functions import call_prefix, callee_name, join_path
from dsv3c.ir.locations import files
from dsv3c.ir.polynomials import Atom, Polynomial
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.sizes import polynomial_of

Sizes = dict[str, Any]
"""Values of named sizes: numbers, or symbolic ones while a program is captured."""
PLACE = "dsv3c.place"
"""Key of a node's notes that holds the file and line its op came from."""


class UnitProgram(nn.Module):
    """``forward(*tensors)`` runs a unit: tensors of its inputs, then of its parameters."""

    def __init__(self, unit: Unit, table: dict[str, func.FuncOp]) -> None:
        super().__init__()
        self.unit, self.table = unit, table

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The tensors of its outputs."""
        rest = iter(tensors)
        inputs = [take(value.type, rest) for value in self.unit.inputs]
        parameters = {key: take(key.op.value.type, rest) for key in self.unit.keys}
        run = Run(self.table, parameters)
        made = run.ops(self.unit.ops, run.frame(self.unit.inputs, inputs, ""), self.unit.outputs)
        return tuple(tensor for value in made for tensor in parts(value))


def take(kind: Attribute, tensors: Iterator[Tensor]) -> Any:
    """The next value of a type: one tensor, or data and scales."""
    first = next(tensors)
    return Scaled(first, next(tensors), kind.granules) if isinstance(kind, ScaledType) else first


def parts(value: Any) -> Sequence[Tensor]:
    """The tensors of a value."""
    return (value.data, value.scale) if isinstance(value, Scaled) else (value,)


@dataclass
class Frame:
    """What an op of a function can refer to."""

    values: dict[SSAValue, Any]
    sizes: Sizes
    prefix: str

    def argument(self, argument: Argument) -> Any:
        """An argument of a call."""
        match argument:
            case SSAValue():
                return self.values[argument]
            case SizeRef():
                return value_of(polynomial_of(argument.text), self.sizes)
            case RankRef():
                return 0  # one rank leaves
            case list():
                return [self.argument(element) for element in argument]
            case tuple():
                return tuple(self.argument(element) for element in argument)
            case _:
                return argument


@dataclass
class Run:
    """One run of a program: what an executor does, in calls that can be captured."""

    table: dict[str, func.FuncOp]
    parameters: dict[Key, Any]

    def frame(self, arguments: Sequence[SSAValue], values: Sequence[Any], prefix: str) -> Frame:
        """A function's frame at entry, with the named sizes of its arguments; all other sizes are made of those."""
        sizes = Sizes()
        for argument, value in zip(arguments, values, strict=True):
            for size, number in zip(type_sizes(argument.type), parts(value)[0].shape, strict=False):
                if isinstance(size, str) and size.isidentifier():
                    sizes.setdefault(size, number)
        return Frame(dict(zip(arguments, values, strict=True)), sizes, prefix)

    def ops(self, ops: Sequence[Operation], frame: Frame, outputs: Sequence[SSAValue]) -> list[Any]:
        """Run every op; the values of the outputs."""
        for op in ops:
            place = next(files(op.location), None)
            with traceback.annotate({PLACE: place}):
                results = self.results(op, frame)
            frame.values |= dict(zip(op.results, results, strict=True))
        return [frame.values[value] for value in outputs]

    def results(self, op: Operation, frame: Frame) -> Sequence[Any]:
        """The results of one op."""
        match op:
            case ParamOp():
                return [self.parameters[Key(op, frame.prefix)]]
            case func.CallOp():
                block, end = self.table[callee_name(op)].body.block, self.table[callee_name(op)].body.block.last_op
                assert end is not None
                inner = self.frame(
                    block.args, [frame.values[value] for value in op.operands], join_path(frame.prefix, call_prefix(op))
                )
                return self.ops(list(block.ops)[:-1], inner, end.operands)
            case FusedOp():
                given = [frame.values[value] for value in op.inputs]
                values = dict[SSAValue, Any](zip(op.body.block.args, given, strict=True))
                return self.ops(op.ops, Frame(values, frame.sizes, frame.prefix), op.end.values)
            case _:
                meant, call = exported_call(op)
                made = meant(
                    *(frame.argument(argument) for argument in call.args),
                    **{name: frame.argument(argument) for name, argument in call.kwargs.items()},
                )
                return list(made) if isinstance(made, tuple | list) else [made]


def exported_call(op: Operation) -> tuple[Callable[..., Any], Call]:
    """What is called for an op.  Raises ``ExitError`` for an op whose loops or addresses depend on data."""
    adapter = adapter_of(op)
    if adapter is None:
        raise no_meaning(op)
    if isinstance(op, PermuteOp) and op.layout.data != "dense":
        raise ExitError(
            f'moe.permute with layout "{op.layout.data}" sorts rows by what the gate chose',
            where=at(op),
            hint="bucket-tokens{layout=dense} makes a row for every expert and token",
        )
    call: Call = adapter(op)
    if call.kwargs.get("round_scale") == "pow2" or call.kwargs.get("scale") == torch.float8_e8m0fnu:
        raise ExitError(
            f"{op.name} makes scales that are powers of two; torch-mlir lowers no op that makes them exactly",
            where=at(op),
            hint="--recipe deepseek-v3 has scales in f32, --recipe bf16 has none",
        )
    meant = EXPORTED.get(call.meaning)
    if meant is None and (call.meaning in AS_THEY_ARE or hasattr(call.meaning, "_schema")):
        meant = call.meaning
    if meant is None:
        raise ExitError(
            f"{op.name} has no form whose loops and addresses do not depend on data",
            where=at(op),
            hint="raised, cache-free programs of one rank leave: compile the model itself, without -p",
        )
    return meant, call


def value_of(polynomial: Polynomial, sizes: Sizes) -> Any:
    """The value of a size, symbolic where sizes are."""
    total: Any = 0
    for monomial, coefficient in polynomial:
        term: Any = coefficient
        for atom in monomial:
            term = term * value_of_atom(atom, sizes)
        total = total + term
    return total


def value_of_atom(atom: Atom, sizes: Sizes) -> Any:
    """``value_of`` for one atom."""
    if atom.kind == "name":
        return sizes[atom.text]
    values = [value_of(arg, sizes) for arg in atom.args]
    if atom.kind == "floordiv":
        return values[0] // values[1]
    best, pick = values[0], torch.sym_min if atom.kind == "min" else torch.sym_max
    for value in values[1:]:
        best = pick(best, value)
    return best
