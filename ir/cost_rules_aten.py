"""Costs of captured ops, by family: views, movement, matrix products, attention, everything elementwise.

A matrix-like operator without a formula has no cost here: it is listed as such and counts nothing.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from math import prod

from xdsl.ir import SSAValue

from dsv3c.ir.cost_model import COST, Cost, CostClass, Env, is_weight, leading, traffic
from dsv3c.ir.cost_rules import class_of_product, gathered_rows
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.aten_schema import Kind
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import RULES as VIEWS
from dsv3c.ir.views import view_of

PRODUCTS: dict[str, tuple[str, str]] = {
    # op -> (left, right) argument; the last size of left is summed over
    "aten.addmm": ("mat1", "mat2"),
    "aten.baddbmm": ("batch1", "batch2"),
    "aten.bmm": ("self", "mat2"),
    "aten.linear": ("input", "weight"),
    "aten.matmul": ("self", "other"),
    "aten.mm": ("self", "mat2"),
    "aten.mv": ("self", "vec"),
}
GROUPED: dict[str, tuple[str, str]] = {
    "aten._grouped_mm": ("self", "mat2"),
    "dsv3c_models.grouped_mm": ("input", "weight"),
    "transformers.grouped_mm_fallback": ("input", "weight"),
}
GATHERS: dict[str, tuple[str, str]] = {
    # op -> (table, indices): as many bytes are read as come out
    "aten.embedding": ("weight", "indices"),
    "aten.gather": ("self", "index"),
    "aten.index_select": ("self", "index"),
}
MOVES = re.compile(
    r"aten\.(arange|cat|concat|copy|empty|fill|full|index|index_put|lift|new_|ones|pad|constant_pad_nd|repeat"
    r"|roll|scalar_tensor|scatter|slice_scatter|select_scatter|stack|tile|tril|triu|zeros|_unsafe_index"
    r"|_assert|sym_)[a-z_]*(\.|$)"
)
"""Operators that move, fill or check, and do not compute."""
MATRIX_LIKE = re.compile(
    r"conv|(^|_)(mm|mv|dot|inner|outer|tensordot|lstm|gru|rnn|fft|linalg|cdist)|bmm|addmm|attention"
)
"""Names behind which there is a product: without a formula they must not pass for elementwise."""


@COST.rule(AtenOp)
def captured(op: AtenOp, env: Env) -> Cost | None:
    """By family; see the tables of this file."""
    if op.name in VIEWS:
        return Cost(kind=CostClass.MOVEMENT)
    if (special := SPECIAL.get(op.name)) is not None:
        return special(op, env)
    if op.name in PRODUCTS:
        return product(op, env)
    if op.name in GROUPED:
        return grouped(op, env)
    if op.name in GATHERS:
        table, ids = (tensor(op, name) for name in GATHERS[op.name])
        kind = CostClass.EMBEDDING if op.name == "aten.embedding" else CostClass.MOVEMENT
        return gathered_rows(table, ids, op.results[0], env, kind)
    if MOVES.match(op.name):
        return traffic(op, env, CostClass.MOVEMENT)
    if MATRIX_LIKE.search(op.name.split(".")[1]):
        return None
    return elementwise(op, env)


def tensor(op: AtenOp, name: str) -> SSAValue:
    """A required tensor argument."""
    value = op.value(name)
    assert value is not None, f"{op.name}: {name} is absent"
    return value


def elementwise(op: AtenOp, env: Env) -> Cost:
    """One operation per element of the largest operand or result: maps, reductions, softmax, sorting alike."""
    tensors = [*op.operands, *op.results]
    flops = max((env.elements(value) for value in tensors), default=0)
    return traffic(op, env, CostClass.ELEMENTWISE, flops=flops)


def product(op: AtenOp, env: Env) -> Cost:
    """``2 * elements(result) * K``; between two activations it is taken for attention's."""
    left, right = (tensor(op, name) for name in PRODUCTS[op.name])
    flops = 2.0 * env.elements(op.results[0]) * env.number(shape(left)[-1])
    return traffic(op, env, kind_of(op, (left, right)), flops=flops, dtype=str(element_type(left)))


def kind_of(op: AtenOp, factors: tuple[SSAValue, ...]) -> CostClass:
    """A weight among the factors makes it a projection, the router or the head; else it is attention's."""
    return class_of_product(op.results[0]) if any(from_weights(value) for value in factors) else CostClass.ATTENTION


def from_weights(value: SSAValue) -> bool:
    """Whether a value is computed from parameters and constants alone (a weight that is cast, say)."""
    owner = view_of(value).base.owner
    if isinstance(owner, AtenOp):
        return bool(owner.operands) and all(from_weights(operand) for operand in owner.operands)
    return is_weight(value)


def einsum(op: AtenOp, env: Env) -> Cost | None:
    """``2 * product of the sizes of all letters``, for two factors without ``...``; None for others."""
    equation = op.literal("equation")
    assert isinstance(equation, str)
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    factors = tuple(op.operands)
    if len(terms) != 2 or len(factors) != 2 or "." in equation:
        return None
    sizes = {
        letter: env.number(size)
        for term, value in zip(terms, factors, strict=True)
        for letter, size in zip(term, shape(value), strict=True)
    }
    return traffic(op, env, kind_of(op, factors), flops=2.0 * prod(sizes.values()), dtype=str(element_type(factors[0])))


def attention(op: AtenOp, env: Env) -> Cost:
    """``2 * H * (dk + dv)`` per pair: the causal half of queries x keys where the op says so, else all of them."""
    query, key, value = (tensor(op, name) for name in ("query", "key", "value"))
    *batches, queries, size = env.numbers(shape(query))
    keys = env.number(shape(key)[-2])
    pairs = queries * (queries + 1) / 2 if op.literal("is_causal") and queries == keys else queries * keys
    flops = 2.0 * prod(batches) * pairs * (size + env.number(shape(value)[-1]))
    return traffic(op, env, CostClass.ATTENTION, flops=flops, dtype=str(element_type(query)))


def grouped(op: AtenOp, env: Env) -> Cost:
    """``2 * rows * K * N`` for x [rows, K] and weight [E, K, N]; experts of equally likely rows are read."""
    left, right = (tensor(op, name) for name in GROUPED[op.name])
    rows, inner = leading(left, env), env.number(shape(left)[-1])
    num_experts = env.number(shape(right)[0])
    flops = 2.0 * rows * inner * env.number(shape(op.results[0])[-1])
    cost = traffic(op, env, CostClass.EXPERTS, flops=flops, dtype=str(element_type(left)))
    hit = 1.0 - (1.0 - 1.0 / num_experts) ** rows
    return replace(cost, weight_bytes_read=cost.weight_bytes_read * hit)


def index(op: AtenOp, env: Env) -> Cost:
    """``x[indices]``: as many bytes are read as come out."""
    lists = [values for arg, values in op.groups() if arg.kind is Kind.OPTIONAL_TENSORS]
    indices = [value for values in lists for value in values if value is not None]
    cost = gathered_rows(tensor(op, "self"), indices[0], op.results[0], env, CostClass.MOVEMENT)
    more = sum(env.num_bytes(value) for value in indices[1:])
    return replace(cost, activation_bytes_read=cost.activation_bytes_read + more)


SPECIAL: dict[str, Callable[[AtenOp, Env], Cost | None]] = {
    "aten.einsum": einsum,
    "aten.index.Tensor": index,
    "aten.scaled_dot_product_attention": attention,
}

SELECTIONS = re.compile(r"aten\.(_?(log_)?softmax|topk)(\.|$)")


def is_core(op: AtenOp) -> bool:
    """Whether an op is of the kinds that raising is for: matrix products, attention, softmax, top-k."""
    return (
        op.name in PRODUCTS
        or op.name in GROUPED
        or op.name in ("aten.einsum", "aten.scaled_dot_product_attention")
        or SELECTIONS.match(op.name) is not None
        or MATRIX_LIKE.search(op.name.split(".")[1]) is not None
    )
