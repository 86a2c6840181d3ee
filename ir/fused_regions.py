"""What one kernel can hold of a function: its activations inside are not moved.

A matrix product, an attention core or an exchange is a region of its own.  Of all other ops, those connected by values
that no such op lies between form one region: a path through a product leads to a later stage, so that every region can
run as one kernel.  Views belong to nobody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.cost import live_ops
from dsv3c.ir.cost_model import COST, Cost, CostClass, Env, is_weight
from dsv3c.ir.types import TensorLike
from dsv3c.ir.views import view_of

ALONE = {CostClass.ATTENTION, CostClass.DISPATCH, CostClass.COMBINE}
"""Work that is a kernel of its own, as every matrix product is."""


@dataclass(frozen=True)
class Region:
    """Ops that one kernel can hold, in the order of the program, and what it costs."""

    ops: tuple[Operation, ...]
    cost: Cost
    """Bytes of activations are those that cross the region's border."""

    @property
    def name(self) -> str:
        """Its ops by name, each once."""
        return " + ".join(dict.fromkeys(op.name for op in self.ops))


def fused_regions(function: func.FuncOp, env: Env) -> tuple[list[Region], list[str]]:
    """The regions of a body, and the names of its ops without a cost.  Raises as the cost rules do."""
    costs, unknown = dict[Operation, Cost](), list[str]()
    for op in reversed(live_ops(function)):
        if isinstance(op, func.CallOp | func.ReturnOp):
            continue
        rule = COST.find(op)
        cost = rule(op, env) if rule is not None else None
        if cost is None:
            unknown.append(op.name)
        elif any(cost.numbers().values()):
            costs[op] = cost
    return [merged(group, costs, env) for group in groups(costs)], unknown


def is_alone(cost: Cost) -> bool:
    """Whether an op is a kernel of its own."""
    return bool(cost.dtype) or cost.kind in ALONE


def groups(costs: dict[Operation, Cost]) -> list[list[Operation]]:
    """The ops of every region, by its first op."""
    stages, leader = dict[Operation, int](), dict[Operation, Operation]()
    for op, cost in costs.items():
        before = [(found, is_alone(costs[found])) for found in producers(op, costs)]
        stages[op] = max((stages[found] + alone for found, alone in before), default=0)
        leader[op] = op
        if is_alone(cost):
            continue
        for found, _ in before:  # what follows an op that is alone is a stage later: it is not joined to it
            if stages[found] == stages[op]:
                leader[root(leader, op)] = root(leader, found)
    found_groups = dict[Operation, list[Operation]]()
    for op in costs:
        found_groups.setdefault(root(leader, op), []).append(op)
    return list(found_groups.values())


def producers(op: Operation, costs: dict[Operation, Cost]) -> list[Operation]:
    """The ops with a cost whose results an op reads, through views and ops that cost nothing."""
    found, seen, pending = list[Operation](), set[Operation](), [operand.owner for operand in op.operands]
    while pending:
        owner = pending.pop()
        if not isinstance(owner, Operation) or owner in seen:
            continue
        seen.add(owner)
        if owner in costs:
            found.append(owner)
        else:
            pending += [operand.owner for operand in owner.operands]
    return found


def root(leader: dict[Operation, Operation], op: Operation) -> Operation:
    """The op that stands for an op's group."""
    while leader[op] is not op:
        op = leader[op]
    return op


def merged(ops: Sequence[Operation], costs: dict[Operation, Cost], env: Env) -> Region:
    """One region: the ops' costs together, without the activations that stay inside."""
    total = Cost(kind=costs[ops[0]].kind, dtype=costs[ops[0]].dtype)
    inside, seen = set(ops), set[SSAValue]()
    for op in ops:
        cost = costs[op]
        read = cost.activation_bytes_read
        for value in activations(op.operands):
            base = view_of(value).base
            if base.owner in inside or value in seen:
                read -= env.num_bytes(value)
            seen.add(value)
        kept = sum(env.num_bytes(value) for value in activations(op.results) if not leaves(value, inside))
        total += replace(
            cost,
            kind=total.kind,
            dtype=total.dtype,
            activation_bytes_read=max(0.0, read),
            activation_bytes_written=max(0.0, cost.activation_bytes_written - kept),
        )
    return Region(tuple(ops), total)


def activations(values: Iterable[SSAValue]) -> list[SSAValue]:
    """The tensors among values that are not weights, each once."""
    return [value for value in tensors(values) if not is_weight(value)]


def tensors(values: Iterable[SSAValue]) -> list[SSAValue]:
    """The tensors among values, each once; not caches, nor tokens."""
    return [value for value in dict.fromkeys(values) if isinstance(value.type, TensorType | TensorLike)]


def leaves(value: SSAValue, inside: set[Operation]) -> bool:
    """Whether anything outside of a region reads a value, directly or through views."""
    for use in value.uses:
        user = use.operation
        if user in inside:
            continue
        views = [result for result in tensors(user.results) if view_of(result).base is view_of(value).base]
        if not views or any(leaves(view, inside) for view in views):
            return True
    return False
