"""Costs of the ``moe`` ops over rows.

A grouped product computes the rows of tiles that hold at least one choice.  Padding between groups of the contiguous
layout is inside such tiles: it is read and multiplied like any row.  Masked kernels get the number of rows per expert
and stop there; dense ones compute every row.  What is between the products touches M rows, which is the number expected
where ``Env.expected`` has one (``ir/expected_sizes.py``); an op that skips padding touches the rows with a token alone.
All under balanced routing (``ir/expected_rows.py``).
"""

from dataclasses import replace

from xdsl.ir import Block, Operation, SSAValue

from dsv3c.ir.cost_model import COST, Cost, CostClass, Env, is_weight, leading, traffic
from dsv3c.ir.dialects import moe_choices, moe_rows, units
from dsv3c.ir.expected_rows import ROUTING, Routing, routing_of
from dsv3c.ir.types import element_type, shape


@COST.rule(moe_choices.AppendChoiceOp)
def append_choice(op: moe_choices.AppendChoiceOp, env: Env) -> Cost:
    """Reads the choices, writes them and those appended; no arithmetic."""
    return traffic(op, env, CostClass.ROUTER)


@ROUTING.rule(moe_choices.AppendChoiceOp)
def appended(op: moe_choices.AppendChoiceOp, experts: int, env: Env) -> Routing:
    """Every token takes the experts appended; the others are chosen as before."""
    count = op.count.value.data
    before = routing_of(op.ids, experts - count, env)
    return replace(before, experts=experts, heavy=before.heavy + count, heavy_chance=1.0)


@COST.rule(moe_rows.PermuteOp)
def permute(op: moe_rows.PermuteOp, env: Env) -> Cost:
    """Reads every token once, writes all M rows, or those with a token if it skips padding; no arithmetic."""
    cost = traffic(op, env, CostClass.MOVEMENT)
    if op.skips_padding is None:
        return cost
    unwritten = 1 - filled_share(op.expert_of, env)
    return replace(
        cost,
        activation_bytes_written=cost.activation_bytes_written - unwritten * env.num_bytes(op.rows),
        scale_bytes=cost.scale_bytes - unwritten * env.scale_bytes(op.rows),
    )


def row_by_row(cost: Cost, expert_of: SSAValue | None, env: Env) -> Cost:
    """The cost of an op over rows [M] that leaves out those without an expert; expert_of is among what it reads."""
    if expert_of is None:
        return cost
    numbers = env.num_bytes(expert_of)
    rows = replace(cost, activation_bytes_read=cost.activation_bytes_read - numbers).times(filled_share(expert_of, env))
    return replace(rows, activation_bytes_read=rows.activation_bytes_read + numbers)


def filled_share(expert_of: SSAValue, env: Env) -> float:
    """The share of rows that hold a token; 1 where their layout is not known."""
    made, rows = maker(expert_of), env.number(shape(expert_of)[0])
    if not isinstance(made, moe_rows.PermuteOp) or not rows:
        return 1.0
    return min(1.0, routing_of(made.ids, made.experts.value.data, env).rows / rows)


@COST.rule(moe_rows.GroupedMmOp)
def grouped_mm(op: moe_rows.GroupedMmOp, env: Env) -> Cost:
    """``2 * G * K * N``, G computed rows; weights of the expected number of distinct experts."""
    return grouped_product(op.x, op.w, op.expert_of, op.y, env, dtype=str(element_type(op.w)))


@COST.rule(moe_rows.UnpermuteOp)
def unpermute(op: moe_rows.UnpermuteOp, env: Env) -> Cost:
    """``2`` per element of a chosen row; padding rows are not read."""
    made = maker(op.slots)
    rows: float = env.number(shape(op.slots)[0])
    if isinstance(made, moe_rows.PermuteOp):
        rows = min(rows, routing_of(op.ids, made.experts.value.data, env).rows)
    hidden = env.number(shape(op.y)[-1])
    cost = traffic(op, env, CostClass.ELEMENTWISE, flops=2.0 * rows * hidden)
    unread = (env.number(shape(op.slots)[0]) - rows) * env.num_bytes(op.y) / max(1, leading(op.y, env))
    return replace(cost, activation_bytes_read=cost.activation_bytes_read - unread)


@COST.rule(units.UnitOp)
def unit(op: units.UnitOp, env: Env) -> Cost | None:
    """All work of the body; of its bytes weights and cache rows, and the activations that cross its border.

    An op by itself costs what it costs outside: it may read less than all of what it is given.
    """
    inside = list[Cost]()
    for inner in op.ops:
        rule = COST.find(inner)
        cost = rule(inner, env) if rule is not None else None
        if cost is None:
            return None
        inside.append(cost)
    dtypes = {cost.dtype for cost in inside if cost.dtype}
    if len(dtypes) > 1:
        return None
    if len(inside) == 1:
        return inside[0]
    whole = traffic(op, env, CostClass.EXPERTS, flops=sum(cost.flops for cost in inside), dtype="".join(dtypes))
    return replace(
        whole,
        weight_bytes_read=sum(cost.weight_bytes_read for cost in inside),
        cache_bytes_read=sum(cost.cache_bytes_read for cost in inside),
        cache_bytes_written=sum(cost.cache_bytes_written for cost in inside),
    )


def grouped_product(x: SSAValue, w: SSAValue, expert_of: SSAValue, y: SSAValue, env: Env, *, dtype: str) -> Cost:
    """Cost of ``y = x @ w[expert_of]``, whatever x and w are made of: [M, K], [E, N, K], [M] -> [M, N]."""
    computed, read = computed_rows(w, expert_of, env)
    rows = max(1, env.number(shape(x)[0]))
    experts, columns, inner = env.numbers(shape(w))
    weight_bytes = env.num_bytes(w) / experts * read
    from_weights = weight_bytes if is_weight(w) else 0.0
    return Cost(
        kind=CostClass.EXPERTS,
        dtype=dtype,
        flops=2.0 * computed * inner * columns,
        weight_bytes_read=from_weights,
        activation_bytes_read=env.num_bytes(x) / rows * computed
        + env.num_bytes(expert_of)
        + weight_bytes
        - from_weights,
        activation_bytes_written=env.num_bytes(y) / rows * computed,
        scale_bytes=env.scale_bytes(x) / rows * computed + env.scale_bytes(w) / experts * read,
    )


def computed_rows(w: SSAValue, expert_of: SSAValue, env: Env) -> tuple[float, float]:
    """(rows a grouped product computes, experts whose weights it reads); all where the rows' layout is not known."""
    rows, experts = env.number(shape(expert_of)[0]), env.number(shape(w)[0])
    made = maker(expert_of)
    if not isinstance(made, moe_rows.PermuteOp) or made.layout.data == "dense":
        return rows, experts
    routing = routing_of(made.ids, experts, env)
    return layout_rows(routing, made.layout.data, made.alignment.value.data, rows), routing.distinct


def maker(value: SSAValue) -> Operation | Block:
    """The op that computes a value, inside of units and out of them."""
    value = units.outer(value) or value
    return (units.inner(value) or value).owner


def layout_rows(routing: Routing, layout: str, alignment: int, rows: int) -> float:
    """Rows that a grouped product computes in a layout of M rows."""
    return float(rows) if layout == "dense" else min(float(rows), routing.aligned_rows(alignment))
