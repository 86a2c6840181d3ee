"""Sizes that are only room for rows, and how many rows are expected there under balanced routing.

A bounded receive has room for every choice of every rank, the masked layout of experts a capacity for each: kernels get
the number of rows that are there and stop behind it, so that costs are taken at what is expected.  A counted receive
has a size of its own, that no operating point states.
"""

from dataclasses import replace
from math import ceil

from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.cost_model import Env
from dsv3c.ir.cost_rules_comm import received_rows
from dsv3c.ir.cost_rules_rows import layout_rows
from dsv3c.ir.dialects import comm, moe_rows
from dsv3c.ir.expected_rows import routing_of
from dsv3c.ir.sizes import Size, SizeError
from dsv3c.ir.types import shape


def with_expected_rows(module: ModuleOp, env: Env) -> Env:
    """The sizes with what is expected of every receive and every layout of experts' rows in a module.

    Functions at whose symbols ``env`` has no values are passed over: they do not run at these sizes.  Sizes that hold
    expected rows already stay as they are.
    """
    if env.expected:
        return env
    for op in module.walk():
        if isinstance(op, comm.DispatchOp | moe_rows.PermuteOp):
            try:
                size, rows = expected_rows(op, env)
            except SizeError:
                continue
            if isinstance(size, str):
                is_counted = isinstance(op, comm.DispatchOp) and op.counts is not None
                sizes = {**env.sizes, size: rows} if is_counted else env.sizes
                env = replace(env, sizes=sizes, expected={**env.expected, size: rows})
    return env


def expected_rows(op: comm.DispatchOp | moe_rows.PermuteOp, env: Env) -> tuple[Size, int]:
    """The size of an op's rows, and how many of them are expected to hold something."""
    if isinstance(op, comm.DispatchOp):
        return shape(op.rows)[0], ceil(received_rows(op, env))
    size, experts = shape(op.slots)[0], op.experts.value.data
    room = env.number(size)
    rows = layout_rows(routing_of(op.ids, experts, env), op.layout.data, op.alignment.value.data, room)
    return size, ceil(rows)
