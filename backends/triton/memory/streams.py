"""What the ops of a function wait for on other streams: where memory is planned, and where events are written."""

from collections.abc import Mapping

from xdsl.dialects import func
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, Operation, SSAValue

from dsv3c.backends.triton.memory.lifetimes import renamed, roots
from dsv3c.backends.triton.memory.workspace import Order
from dsv3c.ir.dialects import comm
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.nn import StepPartOp
from dsv3c.ir.dialects.units import UnitOp
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.timetable_ops import STREAM
from dsv3c.ir.views import RULES as VIEWS

OWN = "compute"
"""The stream that a function is called on."""


def stream_of(op: Operation) -> str:
    """The stream a call was scheduled on; all else runs on the function's own."""
    stated = op.attributes.get(STREAM)
    return stated.data if isinstance(stated, StringAttr) else OWN


def step_part(op: Operation) -> StepPartOp | None:
    """The tables of a part of a step, which the host makes: sizes depend on them, and they are a few integers."""
    inner = op.ops[0] if isinstance(op, UnitOp) and len(op.ops) == 1 else op
    return inner if isinstance(inner, StepPartOp) else None


def is_idle(op: Operation) -> bool:
    """Whether an op's results are there when the host goes on: nothing on a device has to be waited for."""
    return isinstance(op, ParamOp | ConstantOp | comm.StartOp | comm.PlacementOp) or step_part(op) is not None


def order_of(block: Block, callees: Mapping[str, func.FuncOp]) -> Order:
    """The streams of a body's ops, and what each waits for.

    An op waits for those on other streams that made what it reads, also through views and under the name that a value
    written in place gets; before a cache is written, for those that read it; and at the end the function's own stream
    waits for all others.
    """
    ops, owner = list(block.ops), roots(block, callees)
    streams = [stream_of(op) for op in ops]
    made, readers, latest = dict[SSAValue, int](), dict[SSAValue, list[int]](), dict[str, int]()
    waits = dict[int, list[int]]()
    for position, op in enumerate(ops):
        if op.name in VIEWS:  # nothing runs: whoever reads it waits for what it shows
            if (maker := made.get(op.operands[0])) is not None:
                made |= dict.fromkeys(op.results, maker)
            continue
        if is_idle(op):
            continue
        found = {
            made[value] for operand in op.operands for value in (operand, owner.get(operand, operand)) if value in made
        }
        for operand, result in renamed(op, callees):
            if isinstance(result.type, CacheType):
                found.update(readers.get(owner.get(operand, operand), ()))
        if isinstance(op, func.ReturnOp):
            found.update(latest.values())
        waits[position] = [earlier for earlier in sorted(found) if streams[earlier] != streams[position]]
        made |= dict.fromkeys(op.results, position)
        for operand in op.operands:
            readers.setdefault(owner.get(operand, operand), []).append(position)
        latest[streams[position]] = position
    return Order(streams, waits)
