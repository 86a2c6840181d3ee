"""Who touches a value: directly, as a view of it, or under the name it gets where it is written in place."""

from collections.abc import Iterator, Mapping

from xdsl.dialects import func
from xdsl.ir import Block, Operation, SSAValue

from dsv3c.ir.dialects.kernel import LaunchOp
from dsv3c.ir.functions import callee_name, returned
from dsv3c.ir.views import RULES as VIEWS


def renamed(op: Operation, callees: Mapping[str, func.FuncOp]) -> Iterator[tuple[SSAValue, SSAValue]]:
    """(operand, result) wherever a result of ``op`` is in the memory of an operand."""
    if isinstance(op, LaunchOp):
        given = dict(zip(op.read_names, op.inputs, strict=True))
        made = dict(zip(op.write_names, op.outputs, strict=True))
        yield from ((given[operand], made[result]) for result, operand in op.aliases.items())
    elif isinstance(op, func.CallOp):
        callee = callees[callee_name(op)]
        owners = roots(callee.body.block, callees)
        for value, result in zip(returned(callee).operands, op.results, strict=True):
            root = owners.get(value, value)
            if root.owner is callee.body.block:
                yield op.operands[callee.body.block.args.index(root)], result
    elif op.name in VIEWS:
        yield from ((op.operands[0], result) for result in op.results)


def roots(block: Block, callees: Mapping[str, func.FuncOp]) -> dict[SSAValue, SSAValue]:
    """Value -> the value in whose memory it is, for those that are in another's."""
    found = dict[SSAValue, SSAValue]()
    for op in block.ops:
        for operand, result in renamed(op, callees):
            found[result] = found.get(operand, operand)
    return found


def users(block: Block, callees: Mapping[str, func.FuncOp]) -> dict[SSAValue, list[int]]:
    """Value that has memory of its own -> positions in the block of the ops that touch it, ascending."""
    owner, found = roots(block, callees), dict[SSAValue, list[int]]()
    for position, op in enumerate(block.ops):
        for value in (*op.operands, *op.results):
            touched = found.setdefault(owner.get(value, value), [])
            if not touched or touched[-1] != position:
                touched.append(position)
    return found
