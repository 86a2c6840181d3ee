"""Under which shape an op's measured time is looked up: rows, named sizes, operand type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xdsl.ir import Attribute, SSAValue

from dsv3c.ir.cost_model import Env, leading
from dsv3c.ir.cost_rules_comm import mesh_of
from dsv3c.ir.cost_rules_rows import computed_rows
from dsv3c.ir.definitions import definition
from dsv3c.ir.dialects import comm, mla, moe_rows, nn, scaled, scaled_fused
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.types import element_type, shape


@dataclass(frozen=True)
class Key:
    """Where a table is read: the rows M, and what must be equal."""

    rows: float
    sizes: Mapping[str, int]
    dtype: str


KEYS: RuleTable[Callable[[Any, Env], Key | None]] = RuleTable("measured shape")
"""Op class -> (op, sizes) -> its key; None where the op shows too little of itself."""


def key(rows: float, element: Attribute, **sizes: int) -> Key:
    """A key with its sizes by name."""
    return Key(rows, sizes, str(element))


@KEYS.rule(nn.LinearOp)
def linear(op: nn.LinearOp, env: Env) -> Key:
    """Rows of x; n and k of the weight [n, k]; the weight's type."""
    columns, inner = env.numbers(shape(op.weight))
    return key(leading(op.x, env), element_type(op.weight), n=columns, k=inner)


@KEYS.rule(scaled.MmOp)
def scaled_mm(op: scaled.MmOp, env: Env) -> Key:
    """Rows of x; n and k of the weight [n, k]; the data's type."""
    columns, inner = env.numbers(shape(op.w))
    return key(leading(op.x, env), element_type(op.w), n=columns, k=inner)


@KEYS.rule(moe_rows.GroupedMmOp, scaled.GroupedMmOp)
def grouped_mm(op: moe_rows.GroupedMmOp | scaled.GroupedMmOp, env: Env) -> Key:
    """Rows computed; experts, n and k of the weights [experts, n, k]."""
    experts, columns, inner = env.numbers(shape(op.w))
    rows, _ = computed_rows(op.w, op.expert_of, env)
    return key(rows, element_type(op.w), experts=experts, n=columns, k=inner)


@KEYS.rule(nn.RmsNormOp, scaled_fused.RmsNormOp)
def rms_norm(op: nn.RmsNormOp | scaled_fused.RmsNormOp, env: Env) -> Key:
    """Rows of x; n channels."""
    return by_row(op.x, op.x, env)


@KEYS.rule(scaled.QuantizeOp)
def quantize(op: scaled.QuantizeOp, env: Env) -> Key:
    """Rows of x; n channels; the type of what comes out."""
    return by_row(op.x, op.q, env)


@KEYS.rule(nn.SwigluOp)
def swiglu(op: nn.SwigluOp, env: Env) -> Key:
    """Rows; n channels of the gate."""
    return by_row(op.gate, op.gate, env)


@KEYS.rule(scaled_fused.SwigluOp)
def scaled_swiglu(op: scaled_fused.SwigluOp, env: Env) -> Key:
    """Rows; n channels of the gate; the type of what comes out."""
    return by_row(op.gate, op.q, env)


@KEYS.rule(moe_rows.PermuteOp)
def permute(op: moe_rows.PermuteOp, env: Env) -> Key:
    """Rows that come out; n channels."""
    return by_row(op.rows, op.rows, env)


@KEYS.rule(moe_rows.UnpermuteOp)
def unpermute(op: moe_rows.UnpermuteOp, env: Env) -> Key:
    """Rows that go in; n channels."""
    return by_row(op.y, op.y, env)


def by_row(rows: SSAValue, typed: SSAValue, env: Env) -> Key:
    """Rows and channels of one value, with the type of another."""
    return key(leading(rows, env), element_type(typed), n=env.number(shape(rows)[-1]))


@KEYS.rule(mla.ExpandedAttentionOp)
def expanded_attention(op: mla.ExpandedAttentionOp, env: Env) -> Key:
    """New tokens; heads, dk, dv and the context of a sequence."""
    tokens, heads, value = env.numbers(shape(op.o))
    nope, rope = env.number(shape(op.q_nope)[-1]), env.number(shape(op.q_rope)[-1])
    context = env.number(shape(op.kv)[0]) // max(1, env.number(shape(op.context_lens)[0]))
    return key(tokens, element_type(op.o), heads=heads, dk=nope + rope, dv=value, context=context)


@KEYS.rule(comm.DispatchOp)
def dispatch(op: comm.DispatchOp, env: Env) -> Key:
    """Tokens of a rank; n channels, ranks, choices per token; the payload's type."""
    tokens, top_k = env.numbers(shape(op.ids))
    channels = env.number(shape(op.x)[-1])
    return key(tokens, element_type(op.x), n=channels, ranks=op.ranks, top_k=top_k)


@KEYS.rule(comm.CombineOp)
def combine(op: comm.CombineOp, env: Env) -> Key | None:
    """Tokens of a rank; n channels, ranks, choices per token; the payload's name."""
    made = definition(op.sources).owner
    if not isinstance(made, comm.DispatchOp):
        return None
    (tokens, channels), top_k = env.numbers(shape(op.out)), env.number(shape(op.ids)[1])
    return Key(tokens, {"n": channels, "ranks": mesh_of(made).ranks, "top_k": top_k}, op.payload.data)
