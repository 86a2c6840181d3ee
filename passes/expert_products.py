"""Products with one matrix per expert, in the spellings that models use, and the SwiGLU expert they make up.

Shapes: T tokens, k choices per token, M = T*k rows, D hidden, I expert width, E experts; weights [E, N, K].
"""

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.dialects.builtin import f32, f64, i32, i64
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.nn import SwigluOp
from dsv3c.ir.sizes import Size, divide_exact, mul
from dsv3c.ir.strided import View, whole
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import same_data, view_of
from dsv3c.passes.matching import Mismatch, dims_of, op_name, reshape_of, taken
from dsv3c.passes.recipes import param_of
from dsv3c.passes.rewriting import other_operand, producer

SORTS = ("aten.argsort", "aten.argsort.stable", "aten.sort", "aten.sort.stable")
EXACT = (f32, f64, i32, i64)
"""Types that hold every expert id and every count that fits into memory."""


@dataclass(frozen=True)
class Product:
    """Rows times their expert's matrix."""

    rows: View
    """[M, K]"""
    weight: SSAValue
    """[E, N, K]"""
    selector: SSAValue
    """Ends of the experts' rows [E] where rows are sorted, else the expert of each row [M]."""
    is_sorted: bool
    result: View
    """[M, N]"""


@dataclass(frozen=True)
class Routing:
    """Which token and choice each row is."""

    x: SSAValue
    """[T, D]"""
    ids: SSAValue
    """[M]: expert of each (token, choice)."""
    top_k: int
    tokens: SSAValue | None
    """Token of each row [M]; None where rows are in (token, choice) order."""
    order: SSAValue | None
    """Place in ``ids`` of each row [M]; None where rows are in (token, choice) order."""


@dataclass(frozen=True)
class Stack:
    """The matrices of all experts."""

    value: SSAValue
    """[E, N, K]; [E, K, N] where ``is_transposed``, and then a parameter."""
    is_transposed: bool


@dataclass(frozen=True)
class Experts:
    """The operands of SwiGLU experts, and their rows."""

    routing: Routing
    gate: Stack
    """[E, 2*I, D], or [E, I, D] with ``up``"""
    up: Stack | None
    down: Stack
    intermediate: str


def is_last_product(op: Operation) -> bool:
    """Whether ``op`` multiplies expert matrices with rows that are not the tokens themselves."""
    product = product_of(op)
    if product is None or any(piece.dim is None for axis in product.rows.axes for piece in axis):
        return False
    rows = product.rows.base.owner
    return isinstance(rows, Operation) and rows.name not in {"aten.index.Tensor", "aten.repeat_interleave.self_int"}


def product_of(op: Operation) -> Product | None:
    """``op`` as a product with one matrix per expert; None if it is none."""
    read = PRODUCTS.get(op.name)
    if read is None:
        return None
    assert isinstance(op, AtenOp)
    return read(op)


def grouped_product(op: AtenOp) -> Product | None:
    """Rows sorted by expert: x [M, K], w [E, K, N], ends [E]."""
    rows, weight, ends = op.operands[0], op.operands[1], op.value("offs")
    if ends is None or len(shape(rows)) != 2 or len(shape(weight)) != 3:
        return None
    return Product(view_of(rows), weight, ends, True, whole(op.results[0]))


def gathered_product(op: AtenOp) -> Product | None:
    """A matrix per row: w[ids] [M, N, K] times a column [M, K, 1]."""
    left, right = op.operands
    picked = taken(left.owner)
    if picked is None or shape(right)[2] != 1:
        return None
    weight, ids = picked
    return Product(view_of(right).removed([2]), weight, ids, False, whole(op.results[0]).removed([2]))


PRODUCTS: dict[str, Callable[[AtenOp], Product | None]] = {
    "aten._grouped_mm": grouped_product,
    "aten.bmm": gathered_product,
    "dsv3c_models.grouped_mm": grouped_product,
    "transformers.grouped_mm_fallback": grouped_product,
}


def stored_weight(product: Product, op: Operation) -> Stack:
    """The weight as it is stored: [E, N, K], which a grouped product reads transposed, or a parameter [E, K, N]."""
    if len(op.operands) > 3 or element_type(op.results[0]) != element_type(op.operands[0]):
        raise Mismatch("a product of the experts has a bias or another result type")
    view = view_of(product.weight)
    if not product.is_sorted:
        view = view.permuted((0, 2, 1))
    if view == whole(view.base) and param_of(view.base) is not None:
        return Stack(view.base, is_transposed=True)
    if view != whole(view.base).permuted((0, 2, 1)):
        raise Mismatch("expert weights are not stored as [experts, outputs, inputs]")
    return Stack(view.base, is_transposed=False)


def experts_of(op: Operation) -> Experts:
    """The experts whose last product is ``op``."""
    last = product_of(op)
    assert last is not None
    if not same_rows(last.rows, whole(last.rows.base)):
        raise Mismatch("the last product reads a part of what the experts compute")
    gate, up, intermediate = activation(last.rows.base)
    gate_op, up_op = maker(gate), maker(up)
    first, second = product_of(gate_op), product_of(up_op)
    if first is None or second is None:
        raise Mismatch(f"gate and up come from {gate_op.name} and {up_op.name}, not from products per expert")
    down, gate_weight = stored_weight(last, op), stored_weight(first, gate_op)
    if gate_op is up_op:
        width, up_weight = last.rows.sizes[1], None
        halves = (first.result.cut(1, 0, width), first.result.cut(1, width, width))
        if not same_rows(view_of(gate), halves[0]) or not same_rows(view_of(up), halves[1]):
            raise Mismatch("gate and up are not the first and second half of one product")
    else:
        up_weight = stored_weight(second, up_op)
        if not same_rows(view_of(gate), first.result) or not same_rows(view_of(up), second.result):
            raise Mismatch("gate and up are parts of two products")
        if first.rows != second.rows or not same_selection(first, second):
            raise Mismatch("gate and up are computed for different rows")
    if not same_selection(first, last):
        raise Mismatch("the products of the experts select experts in different ways")
    routing = sorted_rows(first) if first.is_sorted else repeated_rows(first, gate_op)
    return Experts(routing, gate_weight, up_weight, down, intermediate)


def same_selection(left: Product, right: Product) -> bool:
    """Whether two products multiply row i with the same expert's matrix."""
    return left.is_sorted == right.is_sorted and same_data(left.selector, right.selector)


def same_rows(left: View, right: View | None) -> bool:
    """Whether two views of one value hold the same elements in the same order, dims of size 1 aside."""
    if right is None or left.offsets != right.offsets:
        return False
    return [axis for axis in left.axes if axis] == [axis for axis in right.axes if axis]


def maker(value: SSAValue) -> Operation:
    """The op that computes what ``value`` is a view of."""
    owner = view_of(value).base.owner
    if not isinstance(owner, Operation):
        raise Mismatch("gate and up come from an argument, not from products per expert")
    return owner


def activation(value: SSAValue) -> tuple[SSAValue, SSAValue, str]:
    """``silu(gate) * up`` as (gate, up, where it rounds)."""
    if isinstance(value.owner, SwigluOp):
        return value.owner.gate, value.owner.up, value.owner.intermediate.data
    product = producer(value, "aten.mul.Tensor")
    if product is not None:
        silu = next(filter(None, (producer(operand, "aten.silu") for operand in product.operands)), None)
        if silu is not None:
            return silu.operands[0], other_operand(product, silu.results[0]), "input"
    raise Mismatch(f"the last product's rows come from {op_name(value)}, not from silu(gate) * up")


def repeated_rows(product: Product, op: Operation) -> Routing:
    """Rows in (token, choice) order: each token k times, by repeat_interleave or by a broadcast view."""
    repeat = producer(product.rows.base, "aten.repeat_interleave.self_int")
    if repeat is not None and same_rows(product.rows, whole(repeat.results[0])) and repeat.literal("dim") == 0:
        x = repeat.operands[0]
    else:
        x = repeated_tokens(op.operands[1], product.rows)
    top_k = divide_exact(shape(product.selector)[0], shape(x)[0])
    if not isinstance(top_k, int):
        raise Mismatch("there is no fixed number of rows per token")
    return Routing(x, product.selector, top_k, None, None)


def repeated_tokens(value: SSAValue, rows: View) -> SSAValue:
    """The tokens [T, D] that a chain of views repeats."""
    while not is_repeated(value, rows):
        if value is rows.base:
            raise Mismatch(f"the experts' rows come from {op_name(value)}, not from each token, repeated")
        assert isinstance(value.owner, Operation)
        value = value.owner.operands[0]
    return value


def is_repeated(x: SSAValue, rows: View) -> bool:
    """Whether ``rows`` are the rows of ``x`` [T, D], each repeated as often."""
    top_k = divide_exact(rows.sizes[0], shape(x)[0]) if len(shape(x)) == 2 else None
    if top_k is None or reshape_of(x) is not rows.base:
        return False
    repeated = view_of(x).inserted(1).broadcast((shape(x)[0], top_k, shape(x)[1]))
    return repeated.regrouped(rows.sizes) == rows


def sorted_rows(product: Product) -> Routing:
    """Rows sorted by expert: ``x[argsort(ids) // k]``."""
    picked = taken(product.rows.base.owner)
    if picked is None or product.rows != whole(product.rows.base):
        raise Mismatch(f"the experts' rows come from {op_name(product.rows.base)}, not from tokens sorted by expert")
    x, tokens = picked
    divide = producer(tokens, "aten.floor_divide.Scalar")
    top_k = divide.literal("other") if divide is not None else None
    if not isinstance(top_k, int):
        raise Mismatch("the tokens of the rows are not the sorted places divided by the choices per token")
    assert divide is not None
    order = divide.operands[0]
    sort = producer(order, *SORTS)
    if sort is None or order is not sort.results[-1] or sort.literal("descending") is not False:
        raise Mismatch("the rows are not sorted by ascending expert")
    routing = checked(Routing(x, sort.operands[0], top_k, tokens, order))
    check_ends(product.selector, routing, shape(product.weight)[0])
    return routing


def checked(routing: Routing) -> Routing:
    """Every token has exactly ``top_k`` ids."""
    if shape(routing.ids) != (mul(shape(routing.x)[0], routing.top_k),):
        raise Mismatch(f"there are not {routing.top_k} expert ids for each token")
    return routing


def check_ends(ends: SSAValue, routing: Routing, num_experts: Size) -> None:
    """The ends of the experts' rows are the running sum of how often each id occurs."""
    running = producer(uncast(ends), "aten.cumsum")
    if running is None:
        raise Mismatch(f"the ends of the experts' rows come from {op_name(uncast(ends))}, not from a running sum")
    counts = uncast(running.operands[0])
    ids = counted(counts, num_experts)
    if ids is None:
        raise Mismatch(f"the rows of each of the {num_experts} experts are not counted: {op_name(counts)}")
    if not is_permuted_ids(uncast(ids), routing):
        raise Mismatch("other ids are counted than those the rows are sorted by")


def counted(counts: SSAValue, num_experts: Size) -> SSAValue | None:
    """The ids of which ``counts`` says how often each occurs."""
    count = COUNTS.get(op_name(counts))
    if count is None:
        return None
    assert isinstance(counts.owner, AtenOp)
    return count(counts.owner, num_experts)


def uncast(value: SSAValue) -> SSAValue:
    """Below casts that keep ids and counts exact."""
    while (cast := producer(value, "aten.to.dtype")) is not None and element_type(value) in EXACT:
        value = cast.operands[0]
    return value


def is_permuted_ids(value: SSAValue, routing: Routing) -> bool:
    """Whether ``value`` holds the ids, in whatever order."""
    sort = producer(value, "aten.sort", "aten.sort.stable")
    if sort is not None and value is sort.results[0]:
        value = sort.operands[0]
    elif (picked := taken(value.owner)) is not None and picked[1] is routing.order:
        value = picked[0]
    return reshape_of(value) is reshape_of(routing.ids)


def histogram(op: AtenOp, num_experts: Size) -> SSAValue | None:
    """histc with one bin per expert."""
    assert isinstance(num_experts, int)
    bins = (op.literal("bins"), op.literal("min"), op.literal("max"))
    return op.operands[0] if bins == (num_experts, 0, num_experts - 1) else None


def bin_count(op: AtenOp, num_experts: Size) -> SSAValue | None:
    """bincount without weights."""
    return op.operands[0] if len(op.operands) == 1 and shape(op.results[0]) == (num_experts,) else None


def one_hot_sum(op: AtenOp, num_experts: Size) -> SSAValue | None:
    """one_hot, summed over all ids."""
    one_hot = producer(op.operands[0], "aten.one_hot")
    if one_hot is None or shape(one_hot.results[0])[-1] != num_experts:
        return None
    rank = len(shape(one_hot.results[0]))
    if set(dims_of(op, rank)) != set(range(rank - 1)):
        return None
    return one_hot.operands[0]


COUNTS: dict[str, Callable[[AtenOp, Size], SSAValue | None]] = {
    "aten.bincount": bin_count,
    "aten.histc": histogram,
    "aten.sum.dim_IntList": one_hot_sum,
}
"""Ways to count how often each id occurs -> the ids counted, None if something else is counted."""
