"""The ``moe`` dialect's ops over rows: one row per (token, choice), grouped by expert.

Shapes: T tokens (any leading size), D hidden, I expert width, E experts, k choices per token, M rows.  Slot t*k + j is
choice j of token t.  A padding row has slot -1, expert -1, data 0 and scale 1; an id of -1 chooses no expert.  An op
that ``skips_padding`` leaves data and scale of padding rows unspecified: nobody has to write them.

Layouts, with rows in ascending slot within an expert:

- ``contiguous``: experts follow each other, each group starting at a multiple of ``alignment``;
  M = T*k + E*(alignment - 1) is enough for any routing, and what is left over at the end is padding
- ``masked``: expert e has rows e*capacity and on, M = E*capacity
- ``dense``: row e*T + t is token t where it chose expert e, M = E*T

Source: grouped layouts of deepseek-ai/DeepGEMM (M-contiguous with -1 for padding rows, M-masked), expand and reduce of
deepseek-ai/TileKernels.
"""

from xdsl.dialects.builtin import IntegerAttr, StringAttr, UnitAttr, i32, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from dsv3c.ir.dialects.common import I64Attr, is_float_type, require, require_float, require_one_of, require_shape, show
from dsv3c.ir.scaled_type import ScaledType, is_scaled, scaled_type
from dsv3c.ir.sizes import Size, add, divide_exact, mul
from dsv3c.ir.types import Tensor, as_tensor, element_type, shape, tensor_type, with_sizes

LAYOUTS = ("contiguous", "masked", "dense")
ORDERS = ("slot", "expert")


def product(sizes: tuple[Size, ...]) -> Size:
    """Tokens of leading sizes."""
    total: Size = 1
    for size in sizes:
        total = mul(total, size)
    return total


def num_rows(ids: SSAValue, *, experts: int, alignment: int, layout: str, capacity: Size | None) -> Size:
    """M of a layout (see the module) for ids [*, k]."""
    *tokens, top_k = shape(ids)
    count = product(tuple(tokens))
    if layout == "contiguous":
        return add(mul(count, top_k), experts * (alignment - 1))
    if layout == "dense":
        return mul(count, experts)
    assert capacity is not None, "masked rows need a capacity"
    return mul(capacity, experts)


def rows_type(x: SSAValue, rows: Size) -> Attribute:
    """Type of x's rows [*, D] as a list of them, [M, D].  Raises ``VerifyException`` if two rows of x share a scale."""
    data = with_sizes(as_tensor(x), (rows, shape(x)[-1]))
    if not is_scaled(x):
        return data
    kind = scaled_type(x)
    *by_row, last = kind.granules
    require(all(granule == 1 for granule in by_row), f"rows that share a scale cannot be moved apart: {kind}")
    return ScaledType.make(data, (1, last), kind.scale, kind.layout_name)


@irdl_op_definition
class PermuteOp(IRDLOperation):
    """``rows[m] = x[t]`` for row m of slot t*k + j with expert ids[t, j]; where rows are: see the module's layouts.

    x: [*, D], a tensor or scaled with granule 1 along rows; ids: [*, k] i64, -1 for no expert; rows: [M, D]; slots,
    expert_of: [M] i32, -1 in padding rows, whose data is 0 (and scale 1), or anything if it ``skips_padding``.
    ``alignment`` in rows, 1 unless contiguous; the capacity of ``masked`` is M / E rows per expert, and an expert with
    more is an error of the run; ``dense`` has one row per token and expert.  Source: deepseek-ai/DeepGEMM (grouped
    layouts), deepseek-ai/TileKernels (expand).
    """

    name = "moe.permute"

    x = operand_def(base(Tensor) | base(ScaledType))
    ids = operand_def(base(Tensor))
    experts = prop_def(I64Attr)
    layout = prop_def(StringAttr)
    alignment = prop_def(I64Attr)
    skips_padding = opt_prop_def(UnitAttr)
    rows = result_def(base(Tensor) | base(ScaledType))
    slots = result_def(base(Tensor))
    expert_of = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$x `by` $ids `experts` $experts `layout` $layout `alignment` $alignment (`skips_padding` $skips_padding^)? "
        "attr-dict "
        "`:` type($x) `,` type($ids) `->` type($rows) `,` type($slots) `,` type($expert_of)"
    )

    def __init__(
        self,
        x: SSAValue,
        ids: SSAValue,
        *,
        experts: int,
        alignment: int = 1,
        layout: str,
        capacity: Size | None = None,
    ) -> None:
        rows = num_rows(ids, experts=experts, alignment=alignment, layout=layout, capacity=capacity)
        numbers = tensor_type((rows,), i32)
        super().__init__(
            operands=[x, ids],
            result_types=[rows_type(x, rows), numbers, numbers],
            properties={
                "experts": IntegerAttr(experts, i64),
                "layout": StringAttr(layout),
                "alignment": IntegerAttr(alignment, i64),
            },
        )

    @property
    def capacity(self) -> Size | None:
        """Rows per expert of the masked layout; None for the others."""
        if self.layout.data != "masked":
            return None
        return divide_exact(shape(self.slots)[0], self.experts.value.data)

    def verify_(self) -> None:
        """One expert list per token; M as the layout says."""
        experts, alignment, layout = self.experts.value.data, self.alignment.value.data, self.layout.data
        require(
            shape(self.ids)[:-1] == shape(self.x)[:-1],
            f"ids {show(shape(self.ids))} are not for x's tokens {show(shape(self.x)[:-1])}",
        )
        require(element_type(self.ids) == i64, f"ids must hold i64, not {element_type(self.ids)}")
        require(experts >= 1, f"there must be an expert, not {experts}")
        require_one_of(self.layout, "layout", LAYOUTS)
        require(alignment >= 1, f"alignment must be at least one row, not {alignment}")
        require(
            alignment == 1 or layout == "contiguous",
            f"only groups of the contiguous layout are aligned: alignment must be 1, not {alignment}",
        )
        require(len(shape(self.slots)) == 1, f"slots must be [M], not {show(shape(self.slots))}")
        capacity = self.capacity
        require(
            layout != "masked" or capacity is not None,
            f"{shape(self.slots)[0]} rows are no whole number for each of {experts} experts",
        )
        rows = num_rows(self.ids, experts=experts, alignment=alignment, layout=layout, capacity=capacity)
        for value, name in ((self.slots, "slots"), (self.expert_of, "expert_of")):
            require_shape(value, (rows,), name)
            require(element_type(value) == i32, f"{name} must hold i32, not {element_type(value)}")
        expected = rows_type(self.x, rows)
        require(self.rows.type == expected, f"rows must be {expected}, not {self.rows.type}")


@irdl_op_definition
class GroupedMmOp(IRDLOperation):
    """``y[m, n] = sum_k x[m, k] * w[e, n, k]`` with ``e = expert_of[m]``; a row with expert -1 is 0, or skipped.

    x: [M, K]; w: [E, N, K]; expert_of: [M] i32; y: [M, N], summed in f32 or wider and rounded once to its type.  If it
    ``skips_padding``, rows with expert -1 are unspecified.
    Source: arXiv 2401.06066 eq. 3; m_grouped_gemm_nt of deepseek-ai/DeepGEMM.
    """

    name = "moe.grouped_mm"

    x = operand_def(base(Tensor))
    w = operand_def(base(Tensor))
    expert_of = operand_def(base(Tensor))
    skips_padding = opt_prop_def(UnitAttr)
    y = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$x `,` $w `by` $expert_of (`skips_padding` $skips_padding^)? attr-dict "
        "`:` type($x) `,` type($w) `,` type($expert_of) `->` type($y)"
    )

    def __init__(self, x: SSAValue, w: SSAValue, expert_of: SSAValue, *, element: Attribute) -> None:
        super().__init__(
            operands=[x, w, expert_of],
            result_types=[tensor_type((shape(x)[0], shape(w)[1]), element)],
        )

    def verify_(self) -> None:
        """K agrees, one expert per row."""
        for value, name in ((self.x, "x"), (self.w, "w"), (self.y, "y")):
            require_float(value, name)
        require(len(shape(self.x)) == 2, f"x must be [M, K], not {show(shape(self.x))}")
        require(len(shape(self.w)) == 3, f"w must be [E, N, K], not {show(shape(self.w))}")
        rows, inner = shape(self.x)
        require(
            shape(self.w)[2] == inner,
            f"w {show(shape(self.w))} does not end in K = {inner}, the last size of x {show(shape(self.x))}",
        )
        require_shape(self.expert_of, (rows,), "expert_of")
        require(element_type(self.expert_of) == i32, f"expert_of must hold i32, not {element_type(self.expert_of)}")
        require_shape(self.y, (rows, shape(self.w)[1]), "y")


@irdl_op_definition
class UnpermuteOp(IRDLOperation):
    """``out[t] = sum_j weights[t, j] * y[m]`` with ``slots[m] = t*k + j``; an id of -1 contributes nothing.

    y: [M, D]; slots: [M] i32, each slot once, -1 for padding rows; weights, ids: [*, k]; out: [*, D] of y's type.
    Products are rounded to ``combine_in``; ``order`` of the sum as in ``moe.experts``: ``slot`` (j = 0, 1, ...) in f32
    or wider, rounded to ``combine_in`` once, or ``expert`` (ascending id), rounded to ``combine_in`` after every
    addition.  Source: arXiv 2401.06066 eq. 3; MoE in deepseek-ai/DeepSeek-V3; deepseek-ai/TileKernels (reduce).
    """

    name = "moe.unpermute"

    y = operand_def(base(Tensor))
    slots = operand_def(base(Tensor))
    weights = operand_def(base(Tensor))
    ids = operand_def(base(Tensor))
    combine_in = prop_def()
    order = prop_def(StringAttr)
    out = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$y `at` $slots `weights` $weights `ids` $ids `combine_in` $combine_in `order` $order attr-dict "
        "`:` type($y) `,` type($slots) `,` type($weights) `,` type($ids) `->` type($out)"
    )

    def __init__(
        self, y: SSAValue, slots: SSAValue, weights: SSAValue, ids: SSAValue, *, combine_in: Attribute, order: str
    ) -> None:
        super().__init__(
            operands=[y, slots, weights, ids],
            result_types=[tensor_type((*shape(ids)[:-1], shape(y)[-1]), element_type(y))],
            properties={"combine_in": combine_in, "order": StringAttr(order)},
        )

    def verify_(self) -> None:
        """One slot per row, one weight per choice."""
        require_float(self.y, "y")
        require(len(shape(self.y)) == 2, f"y must be [M, D], not {show(shape(self.y))}")
        require_shape(self.slots, shape(self.y)[:1], "slots")
        require(element_type(self.slots) == i32, f"slots must hold i32, not {element_type(self.slots)}")
        require_shape(self.weights, shape(self.ids), "weights")
        require(element_type(self.ids) == i64, f"ids must hold i64, not {element_type(self.ids)}")
        require_one_of(self.order, "order", ORDERS)
        require(is_float_type(self.combine_in), f"combine_in must be a floating point type, not {self.combine_in}")
        require_shape(self.out, (*shape(self.ids)[:-1], shape(self.y)[-1]), "out")
        require(
            element_type(self.out) == element_type(self.y),
            f"out must hold y's elements {element_type(self.y)}, not {element_type(self.out)}",
        )


ROW_OPS: list[type[Operation]] = [GroupedMmOp, PermuteOp, UnpermuteOp]
