"""The ``moe`` dialect's region op: experts as one unit, so that one kernel for all of them is a choice of lowering."""

from collections.abc import Sequence
from typing import ClassVar

from xdsl.ir import Operation, Region, SSAValue
from xdsl.irdl import irdl_op_definition, traits_def
from xdsl.traits import IsTerminator

from dsv3c.ir.dialects.common import require
from dsv3c.ir.dialects.units import EndOp, UnitOp


@irdl_op_definition
class YieldOp(EndOp):
    """``moe.yield %y : T`` ends the body of ``moe.fused``: outputs = values.

    Shape: the outputs'.  Source: MLIR's region yields.
    """

    name = "moe.yield"

    traits = traits_def(IsTerminator())
    assembly_format = "$values attr-dict `:` type($values)"

    def verify_(self) -> None:
        """A yield stands at the end of a body only."""
        require(isinstance(self.parent_op(), FusedOp), "moe.yield outside of moe.fused")


@irdl_op_definition
class FusedOp(UnitOp):
    """``outputs = body(inputs)``: the ops of a block, from ``moe.permute`` to ``moe.unpermute``, as one unit.

    Means what its body means: it is run op by op where nothing lowers it as a whole.  What flows between the ops does
    not touch memory.  The body sees its arguments only, one per input and of the same shape, and ends in ``moe.yield``
    of the outputs.  Source: fused expert kernels ("mega MoE") of deepseek-ai/DeepGEMM.
    """

    name = "moe.fused"
    ENDS_IN: ClassVar[type[EndOp]] = YieldOp

    assembly_format = "$inputs attr-dict `:` type($inputs) `->` type($outputs) $body"

    def __init__(self, inputs: Sequence[SSAValue], body: Region) -> None:
        end = body.block.last_op
        assert isinstance(end, YieldOp)
        super().__init__(operands=[inputs], result_types=[[value.type for value in end.values]], regions=[body])

    def verify_(self) -> None:
        """As every unit."""
        super().verify_()


FUSED_OPS: list[type[Operation]] = [FusedOp, YieldOp]
