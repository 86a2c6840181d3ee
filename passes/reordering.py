"""Puts the calls of an entry in another order; tokens of communication are threaded through in the new one."""

from collections.abc import Iterable, Sequence

from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.segments import token_group


def segment_calls(entry: func.FuncOp) -> list[func.CallOp]:
    """The calls of a flat entry, in the order of the program."""
    return [op for op in entry.body.block.ops if isinstance(op, func.CallOp)]


def reorder(entry: func.FuncOp, calls: Sequence[func.CallOp]) -> None:
    """Make ``calls``, all of the entry's, follow each other as given; other ops go where they are needed first.

    Values and caches must allow the order; tokens need not: each call takes the token of the one before in its group.
    """
    rethread(entry, calls)
    order, placed = list[Operation](), set[Operation]()

    def place(op: Operation) -> None:
        for operand in op.operands:
            owner = operand.owner
            if isinstance(owner, Operation) and owner not in placed:
                assert not isinstance(owner, func.CallOp), f"{owner.name} is needed before its place"
                place(owner)
        placed.add(op)
        order.append(op)

    for call in calls:
        place(call)
    for op in list(entry.body.block.ops):
        if op not in placed:
            place(op)
    block = entry.body.block
    for op in order:
        op.detach()
    block.add_ops(order)


def rethread(entry: func.FuncOp, calls: Sequence[func.CallOp]) -> None:
    """Pass each group's token on in the order of the calls; the entry's first token is the first call's."""
    current = dict[str, SSAValue]()
    for call in segment_calls(entry):
        for _, group, value in tokens(call.operands):
            current.setdefault(group, value)
    for call in calls:
        for index, group, _ in tokens(call.operands):
            call.operands[index] = current[group]
        for _, group, value in tokens(call.results):
            current[group] = value


def tokens(values: Iterable[SSAValue]) -> list[tuple[int, str, SSAValue]]:
    """The communication tokens among values: (place, group, token)."""
    found = list[tuple[int, str, SSAValue]]()
    for index, value in enumerate(values):
        if (group := token_group(value.type)) is not None:
            found.append((index, group, value))
    return found


def communicates_outside(entry: func.FuncOp) -> Operation | None:
    """The first op that takes a token and is no call: its place among the calls cannot be changed."""
    others = (op for op in entry.body.block.ops if not isinstance(op, func.CallOp))
    return next((op for op in others if tokens(op.operands)), None)
