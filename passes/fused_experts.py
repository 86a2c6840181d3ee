"""Experts as one unit: the ops from ``moe.permute`` to ``moe.unpermute`` become the body of ``moe.fused``."""

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.ir import Block, Operation, Region, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.cost import COST, Cost, Env
from dsv3c.ir.dialects.moe_fused import FusedOp, YieldOp
from dsv3c.ir.dialects.moe_rows import PermuteOp, UnpermuteOp


def fuse(ctx: CompileContext, end: UnpermuteOp, env: Env) -> None:
    """One unit: guards, numbers, build, replace."""
    start = end.slots.owner
    if not isinstance(start, PermuteOp):
        return ctx.blocked(end, "its rows come from no moe.permute of this function: a unit has no start")
    body = ops_between(start, end)
    if any(isinstance(op, func.CallOp) for op in body):
        return ctx.blocked(end, "a call lies between moe.permute and moe.unpermute: a kernel cannot hold it")
    outside = next(
        (use.operation for op in body[:-1] for value in op.results for use in value.uses if use.operation not in body),
        None,
    )
    if outside is not None:
        return ctx.blocked(end, f"{outside.name} reads rows outside of the unit")
    block = end.parent
    assert block is not None
    unit = build(body)
    block.insert_op_before(unit, end)
    ctx.fired(end, f"{len(body)} ops in one moe.fused", **numbers(body, unit, env))
    unit.outputs[0].name_hint = end.out.name_hint
    end.out.replace_all_uses_with(unit.outputs[0])
    for op in reversed(body):
        op.detach()
        op.erase()
    return None


def ops_between(start: Operation, end: Operation) -> list[Operation]:
    """The ops that depend on ``start`` and that ``end`` depends on, both included, in program order."""
    block = end.parent
    assert block is not None
    after, order = {start}, list(block.ops)
    for op in order:
        if any(operand.owner in after for operand in op.operands):
            after.add(op)
    before = {end}
    for op in reversed(order):
        if any(use.operation in before for value in op.results for use in value.uses):
            before.add(op)
    return [op for op in order if op in after and op in before]


def build(body: Sequence[Operation]) -> FusedOp:
    """A unit of copies of the ops."""
    made = {value for op in body for value in op.results}
    inputs = list(dict.fromkeys(value for op in body for value in op.operands if value not in made))
    block = Block(arg_types=[value.type for value in inputs])
    inside = dict[SSAValue, SSAValue](zip(inputs, block.args, strict=True))
    for value, argument in inside.items():
        argument.name_hint = value.name_hint
    for op in body:
        copy = op.clone(inside)
        copy.location = op.location
        block.add_op(copy)
    block.add_op(YieldOp([inside[value] for value in body[-1].results]))
    unit = FusedOp(inputs, Region(block))
    unit.location = body[-1].location
    return unit


def numbers(body: Sequence[Operation], unit: FusedOp, env: Env) -> dict[str, float | int | str]:
    """Activation bytes moved apart and as a unit; none where an op inside has no cost."""
    whole = cost_of(unit, env)
    if whole is None:
        return {}
    moved = 0.0
    for op in body:
        cost = cost_of(op, env)
        assert cost is not None, "a unit with a cost holds ops with one"
        moved += cost.activation_bytes
    return {"activation_bytes": round(moved), "fused_activation_bytes": round(whole.activation_bytes)}


def cost_of(op: Operation, env: Env) -> Cost | None:
    """The cost of a unit, or of an op in a unit that has one."""
    rule = COST.find(op)
    assert rule is not None
    return rule(op, env)
