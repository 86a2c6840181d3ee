"""What patterns that prove a whole subgraph share: refusals with a reason, reshapes seen through, what lies between."""

from collections.abc import Collection

from xdsl.ir import Block, Operation, SSAValue
from xdsl.utils.hints import isa

from dsv3c.ir.dialects.aten import NONE_AT, AtenOp
from dsv3c.ir.strided import Axis, View, merged, whole
from dsv3c.ir.views import view_of

FILLS = {
    "aten.new_ones": True,
    "aten.new_zeros": False,
    "aten.ones": True,
    "aten.ones_like": True,
    "aten.zeros": False,
    "aten.zeros_like": False,
}
"""Ops that make a tensor of ones or zeros."""
SIZE_READERS = {*FILLS, "aten.empty_like", "aten.new_empty"}
"""Ops that read sizes, and no element, of their operand."""


class Mismatch(Exception):
    """A candidate fails a condition; the message is the reason that its outcome states."""


def flat(view: View) -> Axis:
    """What a view runs over in row-major order, its dims forgotten."""
    return merged(tuple(piece for axis in view.axes for piece in axis))


def reshape_of(value: SSAValue) -> SSAValue:
    """The value that has ``value``'s elements in the same row-major order, below all reshapes; else ``value``."""
    view = view_of(value)
    return view.base if flat(view) == flat(whole(view.base)) else value


def op_name(value: SSAValue) -> str:
    """``aten.mul.Tensor``, or what else a value is, for a message."""
    return value.owner.name if isinstance(value.owner, Operation) else "an argument"


def dims_of(op: AtenOp, rank: int) -> list[int]:
    """The op's ``dim``, one or several, counted from the start; none where it is absent, which means all."""
    try:
        dim = op.literal("dim")
    except ValueError:
        return []
    dims = dim if isinstance(dim, list) else [dim]
    assert isa(dims, list[int])
    return [dim % max(rank, 1) for dim in dims]


def is_last_dim(op: AtenOp, rank: int) -> bool:
    """Whether the op's ``dim`` is the last of ``rank`` dims, alone."""
    return dims_of(op, rank) == [rank - 1]


def taken(op: Operation | Block) -> tuple[SSAValue, SSAValue] | None:
    """``source[indices]``: rows of a tensor by one tensor of row numbers, as (source, indices)."""
    if isinstance(op, AtenOp) and op.name == "aten.index.Tensor" and NONE_AT not in op.properties:
        source, *indices = op.operands
        return (source, indices[0]) if len(indices) == 1 else None
    return None


def between(value: SSAValue, stops: Collection[SSAValue]) -> list[Operation]:
    """The ops that make ``value`` out of ``stops``, in program order (one block)."""
    assert isinstance(value.owner, Operation)
    block = value.owner.parent
    assert block is not None
    found, needed = list[Operation](), {value}
    for op in reversed(list(block.ops)):
        if any(result in needed and result not in stops for result in op.results):
            found.append(op)
            needed.update(op.operands)
    return found[::-1]
