"""Kernels of the ``aten`` ops that lowered programs have left: sums, concatenations and casts."""

from collections.abc import Callable

from xdsl.dialects.builtin import FixedBitwidthType
from xdsl.ir import SSAValue

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.backends.triton.choices.row_configs import rows_of, tiles, uncomputable
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.types import element_type, shape

MOST_PARTS = 4
"""Values that one call concatenates."""


@KERNELS.rule(AtenOp)
def captured(op: AtenOp, at: Selection) -> Choice | Refused:
    """By name: most of PyTorch's operators are raised to ops of other dialects, or are views."""
    rule = RULES.get(op.name)
    return Refused(f"no kernel runs {op.name}") if rule is None else rule(op, at)


def is_plain_add(op: AtenOp) -> bool:
    """Whether an op is the sum of two values of the result's type."""
    if op.name != "aten.add.Tensor" or op.literal("alpha") != 1:
        return False
    return all(value.type == op.results[0].type for value in op.operands) and uncomputable(op.operands) is None


def add(op: AtenOp, at: Selection) -> Choice | Refused:
    """Sums of values of one type."""
    if not is_plain_add(op):
        types = " and ".join(str(value.type) for value in op.operands)
        return Refused(f"its kernel adds two floating-point values of one type, not {types}, with alpha 1")
    x, other = op.operands
    return Choice(
        launcher="elementwise.add",
        operands={"x": x, "other": None if other is x else other},
        results={"y": op.results[0]},
        configs=tiles(columns_of(x), rows_of(x), at),
    )


def cat(op: AtenOp, at: Selection) -> Choice | Refused:
    """Columns side by side, or rows after each other, one copy each."""
    parts, y = list(op.operands), op.results[0]
    rank, given = len(shape(y)), op.literal("dim")
    assert isinstance(given, int)
    dim = given + rank if given < 0 else given
    element = element_type(y)
    if len(parts) > MOST_PARTS or len(set(parts)) != len(parts):
        return Refused(f"its kernel takes up to {MOST_PARTS} different values, not {len(parts)}")
    if any(element_type(part) != element for part in parts):
        return Refused(f"its kernel takes values of one type, not {', '.join(str(part.type) for part in parts)}")
    if rank < 2 or dim not in (0, rank - 1) or not isinstance(shape(y)[-1], int):
        return Refused(f"its kernel joins rows of fixed width by the first or the last dim, not {y.type} by {dim}")
    widest = max(columns_of(part) for part in parts)
    return Choice(
        launcher="elementwise.cat",
        operands={f"x{index}": part for index, part in enumerate(parts)},
        results={"y": y},
        configs=tiles(widest, rows_of(y), at),
        parameters={"dim": 0 if dim == 0 else -1},
    )


def cast(op: AtenOp, at: Selection) -> Choice | Refused:
    """A copy, or a cast between floating-point types."""
    x, y = op.operands[0], op.results[0]
    same = element_type(x) == element_type(y) and isinstance(element_type(y), FixedBitwidthType)
    if not same and (reason := uncomputable([x, y])) is not None:
        return Refused(reason)
    if shape(x) != shape(y) or not shape(y) or not isinstance(shape(y)[-1], int):
        return Refused(f"its kernel copies rows of fixed width, not {x.type} to {y.type}")
    return Choice(
        launcher="elementwise.cast",
        operands={"x": x},
        results={"y": y},
        configs=tiles(columns_of(y), rows_of(y), at),
        parameters={"dtype": str(element_type(y))},
    )


def columns_of(value: SSAValue) -> int:
    """The last size, which is fixed."""
    columns = shape(value)[-1]
    assert isinstance(columns, int)
    return columns


RULES: dict[str, Callable[[AtenOp, Selection], Choice | Refused]] = {
    "aten.add.Tensor": add,
    "aten.cat": cat,
    "aten._to_copy": cast,
    "aten.clone": cast,
}
"""Operator -> its kernel."""
