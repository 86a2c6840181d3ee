"""How many calls of meanings one run of a function makes: what kernel launches are on a device."""

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dsv3c.backends.reference.instructions import is_of_params
from dsv3c.ir.bodies import executed_ops
from dsv3c.ir.dialects.units import EndOp, UnitOp
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.functions import callee_name, functions


def num_launches(module: ModuleOp, name: str) -> int:
    """Ops that compute something in one run of a function, callees included; parameters are made once, and not counted.

    Views count too: the reference calls PyTorch for them.
    """
    table, known = functions(module), dict[str, int]()

    def visit(name: str) -> int:
        if name not in known:
            known[name] = sum(count(op) for op in executed_ops(table[name]))
        return known[name]

    def count(op: Operation) -> int:
        if isinstance(op, func.CallOp):
            return visit(callee_name(op))
        return 0 if isinstance(op, NOT_RUN) or is_of_params(op) else 1

    return visit(name)


NOT_RUN = (func.ReturnOp, ParamOp, ConstantOp, UnitOp, EndOp)
"""Not computed in a step: the ops inside of a unit count by themselves."""
