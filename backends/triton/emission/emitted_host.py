"""Ops that the host runs, in the text of a program of kernels: tables of a part of a step, exchanges of one rank."""

from xdsl.ir import Operation, SSAValue

from dsv3c.backends.reference.call import adapter_of
from dsv3c.backends.reference.emitter import Body
from dsv3c.backends.reference.python_text import literal_text, wrapped
from dsv3c.ir.dialects import comm
from dsv3c.ir.dialects.comm import TokenType
from dsv3c.ir.dialects.nn import StepPartOp
from dsv3c.ir.dialects.units import outer
from dsv3c.ir.scaled_type import ScaledType


def emit_part(body: Body, op: Operation, part: StepPartOp) -> None:
    """Tables made from the host's copies, and uploaded."""
    adapter = adapter_of(part)
    assert adapter is not None
    call = adapter(part)
    tables = [body.values[outer(value) or value] for value in call.args if isinstance(value, SSAValue)]
    items = [f"*space.on_host({', '.join(tables)})"]
    items += [body.argument(argument) for argument in call.args if not isinstance(argument, SSAValue)]
    items += [f"{name}={body.argument(argument, name)}" for name, argument in call.kwargs.items()]
    part_tables = body.names.fresh("tables")
    body.lines += wrapped(f"{part_tables} = {body.program.meaning(call.meaning)}", items, "", body.indent)
    body.assign(op, "space.upload", [f"*{part_tables}"])


def emit_exchange(body: Body, op: comm.SyncCountsOp | comm.DispatchOp | comm.CombineOp) -> None:
    """What one rank exchanges with itself: the host does it."""
    adapter = adapter_of(op)
    assert adapter is not None
    call = adapter(op)
    items = [f"*space.fetched({', '.join(body.values[operand] for operand in op.operands)})"]
    items += [f"{name}={body.argument(argument, name)}" for name, argument in call.kwargs.items()]
    body.assign(op, body.program.meaning(call.meaning), items)
    for result in op.results:
        if isinstance(result.type, TokenType):
            continue
        name, kind = body.values[result], result.type
        layout = kind.layout_name if isinstance(kind, ScaledType) else "row"
        more = [f"layout={literal_text(layout)}"] if layout != "row" else []
        body.lines += wrapped(f"{name} = space.placed", [name, *more], "", body.indent)
