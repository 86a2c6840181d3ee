"""From the rows that experts computed to one row per token: weighting, permuting back and adding up, step by step."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import f32, f64
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.ir.dialects.aten import NONE_AT, AtenOp
from dsv3c.ir.dialects.common import is_float_type
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import RULES
from dsv3c.passes.expert_products import SORTS, Routing
from dsv3c.passes.matching import FILLS, SIZE_READERS, Mismatch, dims_of, op_name, reshape_of, taken
from dsv3c.passes.rewriting import only_user, other_operand, producer


@dataclass(frozen=True)
class Rows:
    """Rows on their way: [M, D] or, in (token, choice) order, [T, k, D]."""

    value: SSAValue
    in_slots: bool
    """In (token, choice) order; else sorted by expert."""
    weights: SSAValue | None = None
    """Weight of each (token, choice), once the rows have been multiplied with them."""


@dataclass(frozen=True)
class Sum:
    """One row per token."""

    y: SSAValue
    """[T, D]"""
    weights: SSAValue
    """M elements, in (token, choice) order"""
    combine_in: Attribute
    order: str


def combined(rows: SSAValue, routing: Routing) -> Sum:
    """Follow the experts' rows to their sum per token, in x's type."""
    state: Rows | Sum = Rows(rows, in_slots=routing.order is None)
    while isinstance(state, Rows):
        readers = [use.operation for use in state.value.uses if use.operation.name not in SIZE_READERS]
        if len(readers) != 1:
            raise Mismatch(f"the experts' rows are read {len(readers)} times")
        state = after(readers[0], state, routing)
    if state.combine_in == element_type(routing.x):
        return state
    cast = only_user(state.y, "aten.to.dtype")
    if cast is None or element_type(cast.results[0]) != element_type(routing.x):
        raise Mismatch("the sum is not converted back to the tokens' type")
    return replace(state, y=cast.results[0])


Step = Callable[[AtenOp, Rows, Routing], Rows | Sum]


def after(op: Operation, rows: Rows, routing: Routing) -> Rows | Sum:
    """What an op makes of the rows it reads."""
    step = reshape if op.name in RULES else STEPS.get(op.name)
    if step is None:
        raise Mismatch(f"{op.name} is no step from the experts' rows to their sum")
    assert isinstance(op, AtenOp)
    return step(op, rows, routing)


def reshape(op: AtenOp, rows: Rows, routing: Routing) -> Rows:
    """The same rows under other leading dims."""
    value = op.results[0]
    if reshape_of(value) is not reshape_of(rows.value) or shape(value)[-1:] != shape(routing.x)[-1:]:
        raise Mismatch(f"{op.name} takes the experts' rows apart")
    return replace(rows, value=value)


def convert(op: AtenOp, rows: Rows, routing: Routing) -> Rows:
    """To the type in which they are weighted."""
    if rows.weights is not None or not is_float_type(element_type(op.results[0])):
        raise Mismatch("weighted rows are converted before they are added up")
    return replace(rows, value=op.results[0])


def weigh(op: AtenOp, rows: Rows, routing: Routing) -> Rows:
    """Each row times its weight."""
    factor, value = other_operand(op, rows.value), op.results[0]
    if rows.weights is not None:
        raise Mismatch("the experts' rows are multiplied twice")
    if shape(factor) != (*shape(rows.value)[:-1], 1):
        raise Mismatch("the experts' rows are not multiplied with one weight per row")
    if element_type(value) not in {element_type(rows.value), element_type(factor)}:
        raise Mismatch(f"rows and weights are multiplied in {element_type(value)}")
    if element_type(rows.value) not in {element_type(routing.x), element_type(value)}:
        raise Mismatch(f"the rows are rounded to {element_type(rows.value)} before they are weighted")
    weights = factor
    if not rows.in_slots:
        picked = taken(reshape_of(factor).owner)
        if picked is None or picked[1] is not routing.order or shape(picked[0]) != shape(routing.ids):
            raise Mismatch("the weights are not sorted as the rows are")
        weights = picked[0]
    return replace(rows, value=value, weights=weights)


def unsort(op: AtenOp, rows: Rows, routing: Routing) -> Rows:
    """``rows[argsort(order)]``: back in (token, choice) order."""
    picked = taken(op)
    if picked is None or rows.in_slots or shape(op.results[0]) != shape(rows.value):
        raise Mismatch("rows are picked from the experts' rows")
    if not is_inverse(picked[1], routing):
        raise Mismatch(f"rows are put in the order of {op_name(picked[1])}, not back in (token, choice) order")
    return replace(rows, value=op.results[0], in_slots=True)


def is_inverse(places: SSAValue, routing: Routing) -> bool:
    """Whether ``places[order[i]] = i``."""
    sort = producer(places, *SORTS)
    if sort is not None:
        ascending = sort.literal("descending") is False
        return places is sort.results[-1] and ascending and sort.operands[0] is routing.order
    put = producer(places, "aten.index_put")
    if put is None or not is_plain_put(put):
        return False
    _, order, values = put.operands
    return order is routing.order and op_name(values) == "aten.arange" and shape(values) == shape(places)


def is_plain_put(op: AtenOp) -> bool:
    """``buffer[places] = rows`` with one tensor of places, nothing added up."""
    return len(op.operands) == 3 and NONE_AT not in op.properties and op.literal("accumulate") is False


def put(op: AtenOp, rows: Rows, routing: Routing) -> Rows | Sum:
    """``buffer[order] = rows`` is back in (token, choice) order; ``zeros[tokens] += rows`` adds up."""
    if NONE_AT in op.properties or list(op.operands[2:]) != [rows.value] or rows.in_slots:
        raise Mismatch("the experts' rows are put somewhere else than into one buffer, row by row")
    buffer, places, _ = op.operands
    if op.literal("accumulate") is True:
        return added(op, buffer, places, rows, routing)
    if places is not routing.order or shape(buffer) != shape(rows.value):
        raise Mismatch("the experts' rows are not put back in (token, choice) order")
    return replace(rows, value=op.results[0], in_slots=True)


def index_add(op: AtenOp, rows: Rows, routing: Routing) -> Sum:
    """``zeros.index_add(0, tokens, rows)``: additions one after the other; bf16 sums may be rounded once or often."""
    buffer, tokens, source = op.operands
    if element_type(source) not in {f32, f64}:
        raise Mismatch(f"index_add does not say how often sums in {element_type(source)} are rounded; use index_put")
    if op.literal("dim") != 0 or op.literal("alpha") != 1 or source is not rows.value or rows.in_slots:
        raise Mismatch("index_add does not add whole rows, sorted by expert, to their tokens")
    return added(op, buffer, tokens, rows, routing)


def added(op: AtenOp, buffer: SSAValue, tokens: SSAValue, rows: Rows, routing: Routing) -> Sum:
    """Rows are added to zeros at their tokens, expert after expert."""
    if rows.weights is None:
        raise Mismatch("the experts' rows are added up before they are weighted")
    if FILLS.get(op_name(buffer)) is not False or shape(buffer) != shape(routing.x):
        raise Mismatch(f"the experts' rows are added to {op_name(buffer)}, not to a row of zeros per token")
    divide = producer(tokens, "aten.floor_divide.Scalar")
    if divide is None or not is_token_of(divide, routing):
        raise Mismatch("the experts' rows are added to other tokens than theirs")
    return Sum(op.results[0], rows.weights, element_type(op.results[0]), "expert")


def is_token_of(divide: AtenOp, routing: Routing) -> bool:
    """Whether ``order // k`` is computed, once more or the very same."""
    return divide.operands[0] is routing.order and divide.literal("other") == routing.top_k


def total(op: AtenOp, rows: Rows, routing: Routing) -> Sum:
    """``rows.view(T, k, D).sum(dim=1)``."""
    tokens, hidden = shape(routing.x)
    if rows.weights is None or not rows.in_slots:
        raise Mismatch("the experts' rows are added up before they are weighted and in (token, choice) order")
    if shape(rows.value) != (tokens, routing.top_k, hidden) or dims_of(op, 3) != [1]:
        raise Mismatch("the sum is not over the choices of each token")
    if op.literal("keepdim") is not False or element_type(op.results[0]) != element_type(rows.value):
        raise Mismatch("the sum keeps the dim or is made in another type than the weighted rows")
    return Sum(op.results[0], rows.weights, element_type(rows.value), "slot")


STEPS: dict[str, Step] = {
    "aten.index.Tensor": unsort,
    "aten.index_add": index_add,
    "aten.index_put": put,
    "aten.mul.Tensor": weigh,
    "aten.sum.dim_IntList": total,
    "aten.to.dtype": convert,
}
"""What may happen to the rows; views (``ir/views.py``) are steps as well."""
