"""What a value was before it was converted, and whether it is a weight."""

from xdsl.dialects.builtin import AnyFloat, BFloat16Type, Float16Type, Float32Type, Float64Type
from xdsl.ir import Attribute, SSAValue

from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.functions import is_argument, origins
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import view_of
from dsv3c.passes.rewriting import producer

CONVERSIONS = (
    "aten._to_copy",
    "aten.to.device",
    "aten.to.dtype",
    "aten.to.dtype_layout",
    "aten.to.other",
    "aten.type_as",
)
"""Ops that change the element type, if anything: the types of operand and result say from what to what."""

WIDER: dict[type[Attribute], tuple[type[AnyFloat], ...]] = {
    BFloat16Type: (Float32Type, Float64Type),
    Float16Type: (Float32Type, Float64Type),
    Float32Type: (Float64Type,),
}
"""Types that hold every number of the first one."""


def conversion(value: SSAValue) -> AtenOp | None:
    """The op that converted ``value`` from another type, if one did."""
    return producer(value, *CONVERSIONS)


def widening(value: SSAValue) -> AtenOp | None:
    """The op that converted ``value`` to a wider type, without a change of its numbers."""
    op = conversion(value)
    wider = () if op is None else WIDER.get(type(element_type(op.operands[0])), ())
    return op if isinstance(element_type(value), wider) else None


def unwidened(value: SSAValue) -> SSAValue:
    """The value before it was widened; arithmetic in the wider type on either gives the same."""
    op = widening(value)
    return value if op is None else op.operands[0]


def is_weight(value: SSAValue) -> bool:
    """Whether a value is a parameter or a view or conversion of one.

    An argument is one if its size is known and every call passes a parameter; an entry's if its size is known.
    """
    base = view_of(value).base
    if op := conversion(base):
        return is_weight(op.operands[0])
    if is_argument(base):
        static = all(isinstance(size, int) for size in shape(base))
        return static and all(origin is base or is_weight(origin) for origin in origins(base))
    return isinstance(base.owner, ParamOp)
