"""Costs of the ``nn``, ``mla``, ``moe`` and ``weight`` ops.

Letters as in the dialects.  Softmax is not counted: attention is its two products over the visible pairs.
"""

from dataclasses import replace

from xdsl.dialects import func
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import SSAValue

from dsv3c.ir.cost_model import (
    COST,
    Cost,
    CostClass,
    Env,
    dense_pairs,
    is_weight,
    row_bytes,
    step_pairs,
    traffic,
)
from dsv3c.ir.cost_rules_rows import row_by_row
from dsv3c.ir.dialects import mla, moe, nn, weight
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.expected_rows import routing_of
from dsv3c.ir.functions import parent_function
from dsv3c.ir.sizes import SizeError
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import RULES as VIEWS

CASTS = {"aten.to.dtype", "aten._to_copy", "aten.float", "aten.type_as"}
"""Ops that change the element type and nothing else."""

NORM_FLOPS = 4
"""Per element: square, add, times rstd, times weight."""
ROPE_FLOPS = 3
"""Per element: two products and a sum."""
SWIGLU_FLOPS = 5
"""Per element: exp, add, divide, times gate's and up's element."""
GATE_FLOPS = 4
"""Per logit: exp, add, divide, bias."""
TABLE_FLOPS = 5
"""Per pair and position: the angle, cos and sin, and a scaling of each."""


@COST.rule(nn.LinearOp)
def linear(op: nn.LinearOp, env: Env) -> Cost:
    """``2 * rows * K * N``."""
    flops = 2.0 * env.elements(op.y) * env.number(shape(op.x)[-1])
    return traffic(op, env, class_of_product(op.y), flops=flops, dtype=str(element_type(op.weight)))


@COST.rule(nn.HeadLinearOp)
def head_linear(op: nn.HeadLinearOp, env: Env) -> Cost:
    """``2 * T * H * K * N``."""
    flops = 2.0 * env.elements(op.y) * env.number(shape(op.x)[-1])
    return traffic(op, env, CostClass.PROJECTIONS, flops=flops, dtype=str(element_type(op.weight)))


@COST.rule(nn.EmbeddingOp)
def embedding(op: nn.EmbeddingOp, env: Env) -> Cost:
    """One row of the table per id; no arithmetic."""
    return gathered_rows(op.table, op.ids, op.y, env, CostClass.EMBEDDING)


def gathered_rows(table: SSAValue, ids: SSAValue, result: SSAValue, env: Env, kind: CostClass) -> Cost:
    """Reads as many bytes of ``table`` as the result has, at most all of it, and the indices; writes the result."""
    rows, ids_bytes = min(env.num_bytes(result), env.num_bytes(table)), env.num_bytes(ids)
    stored = is_weight(table)
    return Cost(
        kind=kind,
        weight_bytes_read=rows if stored else 0,
        activation_bytes_read=ids_bytes + (0 if stored else rows),
        activation_bytes_written=env.num_bytes(result),
    )


@COST.rule(nn.LastTokensOp)
def last_tokens(op: nn.LastTokensOp, env: Env) -> Cost:
    """One row per sequence; no arithmetic."""
    return gathered_rows(op.h, op.seq_offsets, op.y, env, CostClass.MOVEMENT)


@COST.rule(nn.StepPartOp)
def step_part(op: nn.StepPartOp, env: Env) -> Cost:
    """Tables alone: a few integers per sequence."""
    return traffic(op, env, CostClass.MOVEMENT)


@COST.rule(nn.RmsNormOp)
def rms_norm(op: nn.RmsNormOp, env: Env) -> Cost:
    """``4`` per element."""
    return traffic(op, env, CostClass.ELEMENTWISE, flops=NORM_FLOPS * env.elements(op.x))


@COST.rule(nn.RopeTableOp)
def rope_table(op: nn.RopeTableOp, env: Env) -> Cost:
    """``5`` per pair and position."""
    return traffic(op, env, CostClass.ELEMENTWISE, flops=TABLE_FLOPS * env.elements(op.cos))


@COST.rule(nn.RopeOp)
def rope(op: nn.RopeOp, env: Env) -> Cost:
    """``3`` per element: two products and a sum."""
    return traffic(op, env, CostClass.ELEMENTWISE, flops=ROPE_FLOPS * env.elements(op.x))


@COST.rule(nn.SwigluOp)
def swiglu(op: nn.SwigluOp, env: Env) -> Cost:
    """``5`` per element of a row that is not left out."""
    cost = traffic(op, env, CostClass.ELEMENTWISE, flops=SWIGLU_FLOPS * env.elements(op.gate))
    return row_by_row(cost, op.expert_of, env)


@COST.rule(nn.AttentionOp, mla.AttentionOp)
def dense_attention(op: nn.AttentionOp | mla.AttentionOp, env: Env) -> Cost:
    """``2 * H * (dk + dv)`` per visible pair."""
    batch, sequence = env.numbers(shape(op.o)[:2])
    return attention(op, env, dense_pairs(batch, sequence))


@COST.rule(mla.ExpandedAttentionOp)
def expanded_attention(op: mla.ExpandedAttentionOp, env: Env) -> Cost:
    """``2 * H * (dn + dr + dv)`` per visible pair; the context of a sequence is C / N."""
    tokens, sequences = env.number(shape(op.o)[0]), env.number(shape(op.context_lens)[0])
    context = env.number(shape(op.kv)[0]) // max(1, sequences)
    return attention(op, env, step_pairs(tokens, sequences, context))


@COST.rule(mla.AbsorbedAttentionOp)
def absorbed_attention(op: mla.AbsorbedAttentionOp, env: Env) -> Cost:
    """``2 * H * (2r + dr)`` per visible pair; every cached row is read once for all heads."""
    tokens, sequences = env.number(shape(op.o)[0]), env.number(shape(op.context_lens)[0])
    if env.context is None:
        raise SizeError(f"{op.name} needs the context length: take its cost at Env.step(...)")
    cost = attention(op, env, step_pairs(tokens, sequences, env.context))
    return replace(cost, cache_bytes_read=sequences * env.context * row_bytes(cache_of(op.cache)))


AttentionOp = nn.AttentionOp | mla.AttentionOp | mla.ExpandedAttentionOp | mla.AbsorbedAttentionOp


def attention(op: AttentionOp, env: Env, pairs: float) -> Cost:
    """The two products over ``pairs``, and the traffic of operands and result."""
    return traffic(op, env, CostClass.ATTENTION, flops=pairs * flops_per_pair(op), dtype=str(element_type(op.o)))


def flops_per_pair(op: AttentionOp) -> int:
    """``2 * H * (dk + dv)``: FLOPs of one query token seeing one key token, all heads."""
    heads, value = static(shape(op.o)[-2]), static(shape(op.o)[-1])
    if isinstance(op, nn.AttentionOp):
        return 2 * heads * (static(shape(op.q)[-1]) + value)
    nope = op.q_latent if isinstance(op, mla.AbsorbedAttentionOp) else op.q_nope
    return 2 * heads * (static(shape(nope)[-1]) + static(shape(op.q_rope)[-1]) + value)


def static(size: int | str) -> int:
    """A size that dialects fix when the model is written."""
    if not isinstance(size, int):
        raise SizeError(f"heads and head sizes must be numbers, not {size}")
    return size


@COST.rule(mla.AppendOp)
def append(op: mla.AppendOp, env: Env) -> Cost:
    """Writes one row per token, in place; no arithmetic."""
    written = env.number(shape(op.latent)[0]) * row_bytes(cache_of(op.cache))
    return replace(traffic(op, env, CostClass.MOVEMENT), cache_bytes_written=written)


@COST.rule(mla.RopeAppendOp)
def rope_append(op: mla.RopeAppendOp, env: Env) -> Cost:
    """``3`` per element of the key, ``4`` per element of a latent with a norm; writes one row per token, in place."""
    flops = ROPE_FLOPS * env.elements(op.k) + (NORM_FLOPS * env.elements(op.latent) if op.weight is not None else 0)
    written = env.number(shape(op.latent)[0]) * row_bytes(cache_of(op.cache))
    return replace(traffic(op, env, CostClass.ELEMENTWISE, flops=flops), cache_bytes_written=written)


@COST.rule(mla.GatherOp)
def gather(op: mla.GatherOp, env: Env) -> Cost:
    """Reads every row of the context; no arithmetic."""
    read = env.number(shape(op.latent)[0]) * row_bytes(cache_of(op.cache))
    return replace(traffic(op, env, CostClass.MOVEMENT), cache_bytes_read=read)


def cache_of(value: SSAValue) -> CacheType:
    """The type of a cache operand."""
    assert isinstance(value.type, CacheType)
    return value.type


@COST.rule(moe.GateOp)
def gate(op: moe.GateOp, env: Env) -> Cost:
    """``4`` per logit; selecting compares and does not compute."""
    return traffic(op, env, CostClass.ROUTER, flops=GATE_FLOPS * env.elements(op.logits))


@COST.rule(moe.ExpertsOp)
def experts(op: moe.ExpertsOp, env: Env) -> Cost:
    """``6 * rows * D * I``, ``T * k`` rows expected; weights of the expected number of distinct experts."""
    num_experts, hidden, width = env.numbers(shape(op.down))
    routing = routing_of(op.ids, num_experts, env)
    flops = 6.0 * routing.rows * hidden * width
    cost = traffic(op, env, CostClass.EXPERTS, flops=flops, dtype=str(element_type(op.down)))
    return replace(cost, weight_bytes_read=cost.weight_bytes_read / num_experts * routing.distinct)


@COST.rule(weight.ParamOp, weight.ConstantOp)
def parameter(op: weight.ParamOp | weight.ConstantOp, env: Env) -> Cost:
    """Nothing: recipes run at load, and the ops that use the value count reading it."""
    return Cost(kind=CostClass.MOVEMENT)


@COST.rule(weight.DequantizeOp)
def dequantize(op: weight.DequantizeOp, env: Env) -> Cost:
    """One product per element, where it stands in a function's body; in a recipe it is paid at load."""
    return traffic(op, env, CostClass.ELEMENTWISE, flops=env.elements(op.value))


def class_of_product(value: SSAValue) -> CostClass:
    """A product with a weight by what becomes of it: the router's logits, the model's logits, or a projection."""
    for use in value.uses:
        user = use.operation
        if isinstance(user, moe.GateOp) and user.logits is value:
            return CostClass.ROUTER
        if isinstance(user, func.ReturnOp) and is_entry(user):
            return CostClass.HEAD
        if isinstance(user, AtenOp) and (user.name in VIEWS or user.name in CASTS):
            found = [class_of_product(result) for result in user.results]
            if found != [CostClass.PROJECTIONS] * len(found):
                return next(kind for kind in found if kind is not CostClass.PROJECTIONS)
    return CostClass.PROJECTIONS


def is_entry(op: func.ReturnOp) -> bool:
    """Whether a return is that of a function which the outside calls."""
    function = parent_function(op)
    return function is not None and function.sym_visibility != StringAttr("private")
