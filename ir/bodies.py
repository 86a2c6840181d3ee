"""The ops a program runs, as against those that recipes of weights run when they are loaded."""

from collections.abc import Iterator

from xdsl.dialects import func
from xdsl.ir import Block, Operation

from dsv3c.ir.dialects.weight import ParamOp


def executed_ops(function: func.FuncOp) -> Iterator[Operation]:
    """Every op of a function's body, those inside of regions included, without recipes of weights."""
    yield from ops_of(function.body.block)


def ops_of(block: Block) -> Iterator[Operation]:
    """The ops of a block, and of the regions they hold."""
    for op in block.ops:
        yield op
        if not isinstance(op, ParamOp):
            for region in op.regions:
                for inner in region.blocks:
                    yield from ops_of(inner)
