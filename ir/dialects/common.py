"""Constraints and checks that several dialects share."""

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    I64,
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    i32,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.sizes import Size
from dsv3c.ir.types import element_type, shape

F64Attr = FloatAttr[Float64Type]
I64Attr = IntegerAttr[I64]
FLOATS = (BFloat16Type, Float16Type, Float32Type, Float64Type)


def require(condition: bool, message: str) -> None:
    """Raise ``VerifyException(message)`` unless the condition holds."""
    if not condition:
        raise VerifyException(message)


def require_one_of(attribute: StringAttr, name: str, allowed: Sequence[str]) -> None:
    """A string property must have one of the allowed values."""
    require(attribute.data in allowed, f"{name} must be one of {', '.join(allowed)}, not {attribute.data!r}")


def require_float(value: SSAValue, name: str) -> None:
    """A value whose elements must be floating point."""
    require(isinstance(element_type(value), FLOATS), f"{name} must hold floating point, not {element_type(value)}")


def require_shape(value: SSAValue, expected: Sequence[Size], name: str) -> None:
    """A value whose shape follows from others."""
    actual = shape(value)
    require(actual == tuple(expected), f"{name} must be {show(expected)}, not {show(actual)}")


def check_experts(expert_of: SSAValue | None, rows: SSAValue) -> None:
    """Raise ``VerifyException`` unless expert_of, if any, has one i32 for each of the rows [M, *]."""
    if expert_of is None:
        return
    require(len(shape(rows)) == 2, f"rows with experts must be [M, I], not {show(shape(rows))}")
    require_shape(expert_of, shape(rows)[:1], "expert_of")
    require(element_type(expert_of) == i32, f"expert_of must hold i32, not {element_type(expert_of)}")


def show(sizes: Sequence[Size]) -> str:
    """``[T, 128]``."""
    return "[" + ", ".join(str(size) for size in sizes) + "]"


def is_float_type(attribute: Attribute) -> bool:
    """Whether an element type is floating point."""
    return isinstance(attribute, FLOATS)
