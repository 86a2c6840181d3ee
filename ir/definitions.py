"""Where a value is computed, however many functions it was handed through."""

from xdsl.dialects import func
from xdsl.ir import OpResult, SSAValue

from dsv3c.ir.dialects.moe_choices import AppendChoiceOp
from dsv3c.ir.dialects.units import outer
from dsv3c.ir.functions import callee_name, calls, functions, is_argument, parent_module, returned
from dsv3c.ir.views import view_of


def definition(value: SSAValue) -> SSAValue:
    """The value's data where an op makes it: views are looked through, arguments followed to the first call.

    The calls of one function are taken for alike.  The argument of an entry is its own definition.
    """
    while True:
        value = view_of(value).base
        if (given := outer(value)) is not None:
            value = given
        elif is_argument(value):
            function = value.block.parent_op()
            assert isinstance(function, func.FuncOp)
            site = first_call(function)
            if site is None:
                return value
            value = site.operands[value.index]
        elif isinstance(value, OpResult) and isinstance(value.op, func.CallOp):
            inner = returned(functions(parent_module(value.op))[callee_name(value.op)]).operands[value.index]
            base = view_of(inner).base
            value = value.op.operands[base.index] if is_argument(base) else base
        else:
            return value


def choices_of(ids: SSAValue) -> tuple[SSAValue, int]:
    """The ids where they were chosen, and how many choices that every token makes were appended since."""
    value, certain = definition(ids), 0
    while isinstance(value.owner, AppendChoiceOp):
        certain += value.owner.count.value.data
        value = definition(value.owner.ids)
    return value, certain


def first_call(function: func.FuncOp) -> func.CallOp | None:
    """The first call of a function in its module's text; None of an entry."""
    name = function.sym_name.data
    return next((call for call in calls(parent_module(function)) if callee_name(call) == name), None)
