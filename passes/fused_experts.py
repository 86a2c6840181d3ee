"""Experts as one unit: the ops from ``moe.permute`` to ``moe.unpermute`` become the body of ``moe.fused``."""

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.ir import Operation

from dsv3c.ir.context import CompileContext
from dsv3c.ir.cost import COST, Cost, Env
from dsv3c.ir.dialects.moe_fused import FusedOp, YieldOp
from dsv3c.ir.dialects.moe_rows import PermuteOp, UnpermuteOp
from dsv3c.ir.dialects.units import body_of, inputs_of


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
    inputs = inputs_of(body)
    unit = FusedOp(inputs, body_of(body, inputs, body[-1].results, YieldOp))
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
