"""The ``moe`` dialect's region op: experts as one unit, so that one kernel for all of them is a choice of lowering."""

from collections.abc import Iterable, Iterator, Sequence

from xdsl.dialects import func
from xdsl.ir import BlockArgument, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import IsolatedFromAbove, IsTerminator, Pure
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.dialects.common import require


@irdl_op_definition
class FusedOp(IRDLOperation):
    """``outputs = body(inputs)``: the ops of a block, from ``moe.permute`` to ``moe.unpermute``, as one unit.

    Means what its body means: it is run op by op where nothing lowers it as a whole.  What flows between the ops does
    not touch memory.  The body sees its arguments only, one per input and of the same shape, and ends in ``moe.yield``
    of the outputs.  Source: fused expert kernels ("mega MoE") of deepseek-ai/DeepGEMM.
    """

    name = "moe.fused"

    inputs = var_operand_def()
    body = region_def("single_block")
    outputs = var_result_def()
    traits = traits_def(Pure(), IsolatedFromAbove())
    assembly_format = "$inputs attr-dict `:` type($inputs) `->` type($outputs) $body"

    def __init__(self, inputs: Sequence[SSAValue], body: Region) -> None:
        end = body.block.last_op
        assert isinstance(end, YieldOp)
        super().__init__(operands=[inputs], result_types=[[value.type for value in end.values]], regions=[body])

    @property
    def end(self) -> "YieldOp":
        """The op that ends the body.  Raises ``VerifyException`` where another does."""
        last = self.body.block.last_op
        if not isinstance(last, YieldOp):
            raise VerifyException("the body of moe.fused does not end in moe.yield")
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
            outer, inner = [value.type for value in given], [value.type for value in inside]
            require(outer == inner, f"{name} of the body must be {show_types(outer)}, not {show_types(inner)}")
        require(bool(self.ops), "the body of moe.fused holds no op")
        for op in self.ops:
            require(not isinstance(op, func.CallOp), "the body of moe.fused calls a function: a kernel cannot")


@irdl_op_definition
class YieldOp(IRDLOperation):
    """``moe.yield %y : T`` ends the body of ``moe.fused``: outputs = values.

    Shape: the outputs'.  Source: MLIR's region yields.
    """

    name = "moe.yield"

    values = var_operand_def()
    traits = traits_def(IsTerminator())
    assembly_format = "$values attr-dict `:` type($values)"

    def __init__(self, values: Sequence[SSAValue]) -> None:
        super().__init__(operands=[values])

    def verify_(self) -> None:
        """A yield stands at the end of a body only."""
        require(isinstance(self.parent_op(), FusedOp), "moe.yield outside of moe.fused")


def opened(ops: Iterable[Operation]) -> Iterator[Operation]:
    """The ops that run: those of a body in place of ``moe.fused``."""
    for op in ops:
        yield from op.ops if isinstance(op, FusedOp) else (op,)


def outer(value: SSAValue) -> SSAValue | None:
    """The input behind an argument of a body; None for any other value."""
    op = value.block.parent_op() if isinstance(value, BlockArgument) else None
    return op.inputs[value.index] if isinstance(op, FusedOp) and isinstance(value, BlockArgument) else None


def show_types(types: Sequence[object]) -> str:
    """``tensor<4xf32>, tensor<4xi32>``."""
    return ", ".join(map(str, types)) or "none"


FUSED_OPS: list[type[Operation]] = [FusedOp, YieldOp]
