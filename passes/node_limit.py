"""How many nodes a token's experts are on: derived from its gate's groups and the placement, never assumed."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.definitions import choices_of
from dsv3c.ir.dialects.moe import ExpertsOp, GateOp
from dsv3c.ir.expected_places import expected_places, most_places, places_of_groups
from dsv3c.ir.types import shape

PATTERN = "node-limited-routing"
"""Outcomes are filed under it."""


@dataclass(frozen=True)
class Choices:
    """What is known of the choices that ids hold."""

    gate: GateOp | None
    """That chose; None where it is not found."""
    top_k: int
    """Choices per token that are chosen."""
    certain: int
    """Choices appended to them: every token takes the same experts, behind those that are chosen."""

    @staticmethod
    def of(ids: SSAValue) -> "Choices":
        """Of ids [T, k]."""
        chosen, certain = choices_of(ids)
        top_k = shape(ids)[1]
        assert isinstance(top_k, int)
        return Choices(chosen.owner if isinstance(chosen.owner, GateOp) else None, top_k - certain, certain)

    @property
    def limits(self) -> tuple[int, int]:
        """Groups of experts, and how many of them a token's come from; groups that can be left count for nothing."""
        if self.gate is None or may_leave_groups(self.gate):
            return 1, 1
        return self.gate.groups.value.data, self.gate.keep.value.data

    def expected(self, placement: Sequence[int], places: int) -> float:
        """Expected distinct places of one token's experts."""
        groups, keep = self.limits
        return expected_places(placement, places, top_k=self.top_k, groups=groups, keep=keep, certain=self.certain)

    def most(self, placement: Sequence[int], places: int) -> int:
        """Distinct places of one token's experts at most."""
        groups, keep = self.limits
        return most_places(placement, places, top_k=self.top_k, groups=groups, keep=keep, certain=self.certain)


def report_nodes(ctx: CompileContext, op: ExpertsOp, choices: Choices, placement: Sequence[int], nodes: int) -> None:
    """Record whether the gate's choice of groups limits the nodes of a token, the expected number and the most."""
    reason = why_unlimited(choices, placement, nodes)
    groups, keep = choices.limits
    numbers = {
        "nodes_per_token": round(choices.expected(placement, nodes), 2),
        "nodes_at_most": choices.most(placement, nodes),
    }
    ctx.current_pattern = PATTERN
    if reason:
        ctx.blocked(op, reason, **numbers)
    else:
        beside = f", and those of {choices.certain} it always takes" if choices.certain else ""
        ctx.fired(op, f"a token reaches the nodes of {keep} of {groups} groups{beside}", **numbers)
    ctx.current_pattern = ""


def why_unlimited(choices: Choices, placement: Sequence[int], nodes: int) -> str:
    """What keeps the gate's groups from limiting nodes; empty where they do."""
    gate = choices.gate
    if gate is None:
        return "the ids do not come from a moe.gate: any of a token's experts may lie on any node"
    groups, keep = gate.groups.value.data, gate.keep.value.data
    if keep == groups:
        return f"the gate keeps {keep} of {groups} groups: it limits nothing"
    if may_leave_groups(gate):
        return "the gate masks with zero, and choices with a bias may be below: masked experts can be chosen"
    reached = places_of_groups(placement, nodes, groups, choices.certain)
    straddling = next((group for group, found in enumerate(reached) if len(found) > 1), None)
    if straddling is not None:
        found = ", ".join(map(str, sorted(reached[straddling])))
        return f"the experts of group {straddling} lie on the nodes {found}"
    return ""


def may_leave_groups(gate: GateOp) -> bool:
    """Whether an expert outside of the kept groups can be chosen: one masked with 0 beside negative choices."""
    return gate.mask.data == "zero" and gate.bias is not None
