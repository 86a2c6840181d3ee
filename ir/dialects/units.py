"""Ops that stand for the ops of their body: one unit for a lowering, the body's meaning for everything else."""

from abc import ABC
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from xdsl.dialects import func
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue
from xdsl.irdl import IRDLOperation, region_def, traits_def, var_operand_def, var_result_def
from xdsl.traits import IsolatedFromAbove, Pure
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.dialects.common import require


class EndOp(IRDLOperation):
    """Ends the body of a unit: its operands are the unit's outputs."""

    values = var_operand_def()

    def __init__(self, values: Sequence[SSAValue]) -> None:
        super().__init__(operands=[values])


class UnitOp(IRDLOperation, ABC):
    """``outputs = body(inputs)``: means what its body means.

    The body sees its arguments only, one per input and of its type, and ends in ``ENDS_IN`` of the outputs.
    """

    ENDS_IN: ClassVar[type[EndOp]]

    inputs = var_operand_def()
    body = region_def("single_block")
    outputs = var_result_def()
    traits = traits_def(Pure(), IsolatedFromAbove())

    @property
    def end(self) -> EndOp:
        """The op that ends the body.  Raises ``VerifyException`` where another does."""
        last = self.body.block.last_op
        if not isinstance(last, self.ENDS_IN):
            raise VerifyException(f"the body of {self.name} does not end in {self.ENDS_IN.name}")
        return last

    @property
    def ops(self) -> list[Operation]:
        """The ops of the body, without the end."""
        return list(self.body.block.ops)[:-1]

    def verify_(self) -> None:
        """Arguments are the inputs, what is yielded the outputs; nothing inside leaves the unit."""
        block = self.body.block
        for given, inside, name in (
            (self.inputs, block.args, "arguments"),
            (self.outputs, self.end.values, "yielded values"),
        ):
            outside, within = [value.type for value in given], [value.type for value in inside]
            require(outside == within, f"{name} of the body must be {show_types(outside)}, not {show_types(within)}")
        require(bool(self.ops), f"the body of {self.name} holds no op")
        for op in self.ops:
            require(not isinstance(op, func.CallOp), f"the body of {self.name} calls a function: a kernel cannot")


def body_of(
    ops: Sequence[Operation], inputs: Sequence[SSAValue], outputs: Sequence[SSAValue], end: type[EndOp]
) -> Region:
    """A body of copies of ``ops``, which read ``inputs`` and make ``outputs``."""
    block = Block(arg_types=[value.type for value in inputs])
    inside = dict[SSAValue, SSAValue](zip(inputs, block.args, strict=True))
    for value, argument in inside.items():
        argument.name_hint = value.name_hint
    for op in ops:
        copy = op.clone(inside)
        copy.location = op.location
        block.add_op(copy)
    block.add_op(end([inside[value] for value in outputs]))
    return Region(block)


def inputs_of(ops: Sequence[Operation]) -> list[SSAValue]:
    """The values that ops read and do not make, each once."""
    made = {value for op in ops for value in op.results}
    return list(dict.fromkeys(value for op in ops for value in op.operands if value not in made))


def opened(ops: Iterable[Operation]) -> Iterator[Operation]:
    """The ops that run: those of a body in place of its unit."""
    for op in ops:
        if isinstance(op, UnitOp):
            yield from opened(op.ops)
        else:
            yield op


def outer(value: SSAValue) -> SSAValue | None:
    """The input behind an argument of a unit's body; None for any other value."""
    op = value.block.parent_op() if isinstance(value, BlockArgument) else None
    return op.inputs[value.index] if isinstance(op, UnitOp) and isinstance(value, BlockArgument) else None


def inner(value: SSAValue) -> SSAValue | None:
    """The value of a unit's body that is its output; None for any other value."""
    owner = value.owner
    if not isinstance(owner, UnitOp):
        return None
    return owner.end.values[next(index for index, output in enumerate(owner.outputs) if output is value)]


def show_types(types: Sequence[Attribute]) -> str:
    """``tensor<4xf32>, tensor<4xi32>``."""
    return ", ".join(map(str, types)) or "none"
