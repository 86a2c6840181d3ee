"""The ``scaled`` dialect: block-scaled values made, taken apart and multiplied.

Shapes: ``*`` any leading dims, N and K rows and columns of a weight, M rows, E experts, g the granule along K (elements
of K that share one scale).  The quantiser is an attribute of the op that quantises; the granule belongs to the type.
"""

from xdsl.dialects.builtin import Float8E8M0FNUType, IntegerAttr, UnitAttr, f32, i32, i64
from xdsl.ir import Attribute, Dialect, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from dsv3c.ir.dialects.common import I64Attr, require, require_float, require_shape, show
from dsv3c.ir.dialects.scaled_fused import RmsNormOp, SwigluOp
from dsv3c.ir.dialects.scaled_views import ReshapeOp, SliceOp
from dsv3c.ir.quantizer import QuantizerAttr, check_quantizer
from dsv3c.ir.scaled_type import WHOLE, ScaledType, scaled_type, show_granule
from dsv3c.ir.types import Tensor, element_type, shape, tensor_type, with_element

__all__ = [
    "AssembleOp",
    "DequantizeOp",
    "GroupedMmOp",
    "MmOp",
    "QuantizeOp",
    "QuantizerAttr",
    "RelayoutOp",
    "ReshapeOp",
    "RmsNormOp",
    "Scaled",
    "ScaledType",
    "SliceOp",
    "SwigluOp",
]


@irdl_op_definition
class QuantizeOp(IRDLOperation):
    """``s = max(amax over the block, floor) / largest finite; q = round(x / s)``: one scale per granule, all in f32.

    x: [*], q: scaled [*].  A block at an edge has the elements that are there.  The quantiser says how s is rounded
    and applied (``#scaled.quantizer``); data is rounded to nearest, ties to even.  Source: DeepSeek-V3 (arXiv
    2412.19437, section 3.3.2); act_quant in deepseek-ai/DeepSeek-V3; deepseek-ai/DeepGEMM.
    """

    name = "scaled.quantize"

    x = operand_def(base(Tensor))
    quantizer = prop_def(QuantizerAttr)
    q = result_def(ScaledType)
    traits = traits_def(Pure())
    assembly_format = "$x `quantizer` $quantizer attr-dict `:` type($x) `->` type($q)"

    def __init__(self, x: SSAValue, result_type: ScaledType, quantizer: QuantizerAttr) -> None:
        super().__init__(operands=[x], result_types=[result_type], properties={"quantizer": quantizer})

    def verify_(self) -> None:
        """x is floating point of q's shape, and the quantiser's scales are those of q's type."""
        require_float(self.x, "x")
        require_shape(self.q, shape(self.x), "q")
        check_quantizer(self.quantizer, scaled_type(self.q))


@irdl_op_definition
class DequantizeOp(IRDLOperation):
    """``y[i, j] = round(f32(data[i, j]) * s[i // gm, j // gn])``: the product in f32, rounded once to y's type.

    q: scaled [*], y: [*].  In f32 the product itself; in bf16 what weight_dequant stores.  Source: inference/kernel.py
    weight_dequant in deepseek-ai/DeepSeek-V3.
    """

    name = "scaled.dequantize"

    q = operand_def(ScaledType)
    y = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = "$q attr-dict `:` type($q) `->` type($y)"

    def __init__(self, q: SSAValue, element: Attribute = f32) -> None:
        super().__init__(operands=[q], result_types=[with_element(scaled_type(q).data, element)])

    def verify_(self) -> None:
        """y is floating point of q's shape."""
        require_float(self.y, "y")
        require_shape(self.y, shape(self.q), "y")


@irdl_op_definition
class AssembleOp(IRDLOperation):
    """``q = (data, scale)``: stored 8-bit data and its stored grid of scales become one value; no arithmetic.

    data: [*], scale: [ceil(size / granule) per dim], row-major whatever q's layout.  Source: ``weight`` and
    ``weight_scale_inv`` of the checkpoint (deepseek-ai/DeepSeek-V3 README_WEIGHTS); the scale is the multiplier.
    """

    name = "scaled.assemble"

    data = operand_def(base(Tensor))
    scale = operand_def(base(Tensor))
    q = result_def(ScaledType)
    traits = traits_def(Pure())
    assembly_format = "$data `,` $scale attr-dict `:` type($data) `,` type($scale) `->` type($q)"

    def __init__(self, data: SSAValue, scale: SSAValue, result_type: ScaledType) -> None:
        super().__init__(operands=[data, scale], result_types=[result_type])

    def verify_(self) -> None:
        """Both parts are exactly those of q's type."""
        kind = scaled_type(self.q)
        require(self.data.type == kind.data, f"data is {self.data.type}; q holds {kind.data}")
        require(
            shape(self.scale) == kind.grid(),
            f"scale grid {show(shape(self.scale))} of {show(kind.sizes)} must be {show(kind.grid())}: "
            f"granule {show_granule(kind.granules)}",
        )
        require(
            element_type(self.scale) == kind.scale,
            f"the scales are {element_type(self.scale)}; q's type says {kind.scale}",
        )


@irdl_op_definition
class RelayoutOp(IRDLOperation):
    """``r = q`` with its scales in another layout of memory, or f8E8M0FNU scales written as f32: exact.

    q, r: scaled [*] of one shape, granule and data.  Source: transform_sf_into_required_layout in
    deepseek-ai/DeepGEMM.
    """

    name = "scaled.relayout"

    q = operand_def(ScaledType)
    r = result_def(ScaledType)
    traits = traits_def(Pure())
    assembly_format = "$q attr-dict `:` type($q) `->` type($r)"

    def __init__(self, q: SSAValue, result_type: ScaledType) -> None:
        super().__init__(operands=[q], result_types=[result_type])

    def verify_(self) -> None:
        """Nothing changes but the layout, and the scales' type to a wider one."""
        before, after = scaled_type(self.q), scaled_type(self.r)
        require(
            (before.data, before.granules) == (after.data, after.granules),
            f"relayout changes the scales' place only: {before} is not {after}",
        )
        require(
            before.scale in (after.scale, Float8E8M0FNUType()),
            f"{before.scale} scales do not fit into {after.scale}: quantise with powers of two instead",
        )


@irdl_op_definition
class MmOp(IRDLOperation):
    """``y[*, n] = sum_b (sum_{k in b} x[*, k] * w[n, k]) * (s_x[*, b] * s_w[n, b]) (+ bias[n])``, b blocks of K.

    x: scaled [*, K], w: scaled [N, K], bias: [N], y: [*, N].  A block's sum is exact, then rounded to f32; the product
    of the scales, its product with the sum and the running sum over ascending b are each rounded to f32; bias is
    added in f32; y is rounded once.  ``promote``: the tensor core's accumulator is added to the f32 sum and restarts
    every so many elements of K (fidelity "tensor_core" models that); absent: never.  Source: fp8_gemm in
    deepseek-ai/DeepSeek-V3; deepseek-ai/DeepGEMM; arXiv 2412.19437, section 3.3.2.
    """

    name = "scaled.mm"

    x = operand_def(ScaledType)
    w = operand_def(ScaledType)
    bias = opt_operand_def(base(Tensor))
    promote = opt_prop_def(I64Attr)
    y = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$x `,` $w (`bias` $bias^ `:` type($bias) `,`)? (`promote` $promote^)? attr-dict "
        "`:` type($x) `,` type($w) `->` type($y)"
    )

    def __init__(
        self, x: SSAValue, w: SSAValue, bias: SSAValue | None = None, *, element: Attribute, promote: int | None
    ) -> None:
        super().__init__(
            operands=[x, w, [bias] if bias else []],
            result_types=[tensor_type((*shape(x)[:-1], shape(w)[0]), element)],
            properties=promotion(promote),
        )

    def verify_(self) -> None:
        """w is [N, K] with K the last size of x, and both have one granule along K."""
        require(len(shape(self.w)) == 2, f"w must be [N, K], not {show(shape(self.w))}")
        require_same_k(self.x, self.w, self.promote)
        require_shape(self.y, (*shape(self.x)[:-1], shape(self.w)[0]), "y")
        require_float(self.y, "y")
        if self.bias is not None:
            require_shape(self.bias, shape(self.w)[:1], "bias")
            require_float(self.bias, "bias")


@irdl_op_definition
class GroupedMmOp(IRDLOperation):
    """``y[m, n]`` as ``scaled.mm`` of row m with the matrix ``w[expert_of[m]]``; a row of expert -1 is 0, or skipped.

    x: scaled [M, K], w: scaled [E, N, K], expert_of: [M] i32 in -1..E-1, y: [M, N].  If it ``skips_padding``, rows with
    expert -1 are unspecified.  Source: m_grouped_fp8_gemm in deepseek-ai/DeepGEMM (-1 marks padding rows).
    """

    name = "scaled.grouped_mm"

    x = operand_def(ScaledType)
    w = operand_def(ScaledType)
    expert_of = operand_def(base(Tensor))
    promote = opt_prop_def(I64Attr)
    skips_padding = opt_prop_def(UnitAttr)
    y = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$x `,` $w `,` $expert_of (`promote` $promote^)? (`skips_padding` $skips_padding^)? attr-dict "
        "`:` type($x) `,` type($w) `,` type($expert_of) `->` type($y)"
    )

    def __init__(
        self, x: SSAValue, w: SSAValue, expert_of: SSAValue, *, element: Attribute, promote: int | None
    ) -> None:
        super().__init__(
            operands=[x, w, expert_of],
            result_types=[tensor_type((shape(x)[0], shape(w)[1]), element)],
            properties=promotion(promote),
        )

    def verify_(self) -> None:
        """w is [E, N, K] with K the last size of x, one granule along K, one expert per row."""
        require(len(shape(self.x)) == 2, f"x must be [M, K], not {show(shape(self.x))}")
        require(len(shape(self.w)) == 3, f"w must be [E, N, K], not {show(shape(self.w))}")
        require_same_k(self.x, self.w, self.promote)
        require_shape(self.expert_of, shape(self.x)[:1], "expert_of")
        require(element_type(self.expert_of) == i32, f"expert_of must hold i32, not {element_type(self.expert_of)}")
        require_shape(self.y, (shape(self.x)[0], shape(self.w)[1]), "y")
        require_float(self.y, "y")


def promotion(promote: int | None) -> dict[str, Attribute]:
    """The property that says how often a tensor core's accumulator restarts."""
    return {} if promote is None else {"promote": IntegerAttr(promote, i64)}


def require_same_k(x: SSAValue, w: SSAValue, promote: I64Attr | None) -> None:
    """Both factors end in K with one granule and one kind of scale, and promotion happens between blocks or in one."""
    left, right = scaled_type(x), scaled_type(w)
    require(left.sizes[-1] == right.sizes[-1], f"x {show(left.sizes)} and w {show(right.sizes)} differ in K")
    granule = left.granules[-1]
    require(
        granule == right.granules[-1],
        f"granules disagree along K: x has {show_granule(left.granules)}, w {show_granule(right.granules)}",
    )
    require(left.scale == right.scale, f"x has {left.scale} scales, w {right.scale}: relayout one of them")
    if promote is None:
        return
    every = promote.value.data
    require(every > 0, f"promote must be positive, not {every}")
    require(
        granule == WHOLE or every % granule == 0 or granule % every == 0,
        f"promote {every} is neither a multiple of the granule {granule} along K nor a part of it",
    )


Scaled = Dialect(
    "scaled",
    [AssembleOp, DequantizeOp, GroupedMmOp, MmOp, QuantizeOp, RelayoutOp, ReshapeOp, RmsNormOp, SliceOp, SwigluOp],
    [QuantizerAttr, ScaledType],
)
