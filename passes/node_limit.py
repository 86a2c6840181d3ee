"""How many nodes a token's experts are on: derived from its gate's groups and the placement, never assumed."""

from collections.abc import Sequence

from xdsl.ir import Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.definitions import definition
from dsv3c.ir.dialects.moe import ExpertsOp, GateOp
from dsv3c.ir.expected_places import expected_places, most_places, places_of_groups
from dsv3c.ir.types import shape

PATTERN = "node-limited-routing"
"""Outcomes are filed under it."""


def gate_of(ids: SSAValue) -> GateOp | None:
    """The gate that chose the ids; None where it is not found."""
    found: Operation | object = definition(ids).owner
    return found if isinstance(found, GateOp) else None


def limits(gate: GateOp | None) -> tuple[int, int]:
    """Groups of experts, and how many of them a token's come from; groups that can be left count for nothing."""
    if gate is None or may_leave_groups(gate):
        return 1, 1
    return gate.groups.value.data, gate.keep.value.data


def report_nodes(ctx: CompileContext, op: ExpertsOp, gate: GateOp | None, placement: Sequence[int], nodes: int) -> None:
    """Record whether the gate's choice of groups limits the nodes of a token, the expected number and the most."""
    top_k = shape(op.ids)[1]
    assert isinstance(top_k, int)
    reason = why_unlimited(gate, placement, nodes)
    groups, keep = limits(gate)
    expected = expected_places(placement, nodes, top_k=top_k, groups=groups, keep=keep)
    numbers = {
        "nodes_per_token": round(expected, 2),
        "nodes_at_most": most_places(placement, nodes, top_k=top_k, groups=groups, keep=keep),
    }
    ctx.current_pattern = PATTERN
    if reason:
        ctx.blocked(op, reason, **numbers)
    else:
        ctx.fired(op, f"a token reaches the nodes of {keep} of {groups} groups", **numbers)
    ctx.current_pattern = ""


def why_unlimited(gate: GateOp | None, placement: Sequence[int], nodes: int) -> str:
    """What keeps the gate's groups from limiting nodes; empty where they do."""
    if gate is None:
        return "the ids do not come from a moe.gate: any of a token's experts may lie on any node"
    groups, keep = gate.groups.value.data, gate.keep.value.data
    if keep == groups:
        return f"the gate keeps {keep} of {groups} groups: it limits nothing"
    if may_leave_groups(gate):
        return "the gate masks with zero, and choices with a bias may be below: masked experts can be chosen"
    reached = places_of_groups(placement, nodes, groups)
    straddling = next((group for group, found in enumerate(reached) if len(found) > 1), None)
    if straddling is not None:
        found = ", ".join(map(str, sorted(reached[straddling])))
        return f"the experts of group {straddling} lie on the nodes {found}"
    return ""


def may_leave_groups(gate: GateOp) -> bool:
    """Whether an expert outside of the kept groups can be chosen: one masked with 0 beside negative choices."""
    return gate.mask.data == "zero" and gate.bias is not None
