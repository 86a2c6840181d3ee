"""Ops of the ``scaled`` dialect that compute a row and quantise it before it is written.

Shapes: ``*`` any leading dims, D hidden, I width of a gated layer.
"""

from xdsl.dialects.builtin import FloatAttr, StringAttr, f64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_result_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from dsv3c.ir.dialects.common import (
    F64Attr,
    check_experts,
    is_float_type,
    require,
    require_float,
    require_one_of,
    require_shape,
)
from dsv3c.ir.quantizer import QuantizerAttr, check_quantizer
from dsv3c.ir.scaled_type import ScaledType, scaled_type, show_granule
from dsv3c.ir.types import Tensor, shape

ROUNDINGS = ("input", "f32")


@irdl_op_definition
class RmsNormOp(IRDLOperation):
    """``n = x * rsqrt(mean_D(x*x) + eps) * weight; q = quantise(n); y = n``: ``nn.rms_norm`` and ``scaled.quantize``.

    x, y: [*, D], weight: [D], q: scaled [*, D].  n is rounded to ``intermediate`` wherever ``nn.rms_norm`` rounds to
    x's type, then quantised; y, if there is one, is n rounded to x's type.  With x's type as ``intermediate`` nothing
    but the traffic differs from the two ops.  Source: rmsnorm and act_quant in deepseek-ai/DeepSeek-V3.
    """

    name = "scaled.rms_norm"

    x = operand_def(base(Tensor))
    weight = operand_def(base(Tensor))
    eps = prop_def(F64Attr)
    weight_in = prop_def(StringAttr)
    intermediate = prop_def()
    quantizer = prop_def(QuantizerAttr)
    q = result_def(ScaledType)
    y = opt_result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$x `,` $weight `eps` $eps `weight_in` $weight_in `intermediate` $intermediate `quantizer` $quantizer "
        "attr-dict `:` type($x) `,` type($weight) `->` type($q) (`,` type($y)^)?"
    )

    def __init__(
        self,
        x: SSAValue,
        weight: SSAValue,
        *,
        eps: float,
        weight_in: str,
        result_type: ScaledType,
        quantizer: QuantizerAttr,
        intermediate: Attribute,
        keep: bool,
    ) -> None:
        super().__init__(
            operands=[x, weight],
            result_types=[result_type, [x.type] if keep else []],
            properties={
                "eps": FloatAttr(eps, f64),
                "weight_in": StringAttr(weight_in),
                "intermediate": intermediate,
                "quantizer": quantizer,
            },
        )

    def verify_(self) -> None:
        """As ``nn.rms_norm`` and ``scaled.quantize``."""
        require_shape(self.weight, shape(self.x)[-1:], "weight")
        require_float(self.x, "x")
        require_one_of(self.weight_in, "weight_in", ROUNDINGS)
        require(self.eps.value.data >= 0, "eps must not be negative")
        require(is_float_type(self.intermediate), f"intermediate must be floating point, not {self.intermediate}")
        require_shape(self.q, shape(self.x), "q")
        check_quantizer(self.quantizer, scaled_type(self.q))
        if self.y is not None:
            require(self.y.type == self.x.type, f"y must have x's type {self.x.type}, not {self.y.type}")


@irdl_op_definition
class SwigluOp(IRDLOperation):
    """``y = silu(gate) * up; q = quantise(y)``: ``nn.swiglu`` and ``scaled.quantize``.

    gate, up: [*, I], q: scaled [*, I].  ``intermediate "input"``: silu(gate) is rounded to gate's type before the
    product; ``"f32"``: not.  y is rounded to ``rounded_to``, then quantised.  With expert_of [M] i32 (of
    ``moe.permute``), gate is [M, I], and data and scales of rows with expert -1 are unspecified.  Source: Expert and
    act_quant in deepseek-ai/DeepSeek-V3.
    """

    name = "scaled.swiglu"

    gate = operand_def(base(Tensor))
    up = operand_def(base(Tensor))
    expert_of = opt_operand_def(base(Tensor))
    intermediate = prop_def(StringAttr)
    rounded_to = prop_def()
    quantizer = prop_def(QuantizerAttr)
    q = result_def(ScaledType)
    traits = traits_def(Pure())
    assembly_format = (
        "$gate `,` $up (`by` $expert_of^ `:` type($expert_of) `,`)? `intermediate` $intermediate "
        "`rounded_to` $rounded_to `quantizer` $quantizer attr-dict `:` type($gate) `,` type($up) `->` type($q)"
    )

    def __init__(
        self,
        gate: SSAValue,
        up: SSAValue,
        *,
        intermediate: str,
        rounded_to: Attribute,
        result_type: ScaledType,
        quantizer: QuantizerAttr,
        expert_of: SSAValue | None = None,
    ) -> None:
        super().__init__(
            operands=[gate, up, [expert_of] if expert_of else []],
            result_types=[result_type],
            properties={
                "intermediate": StringAttr(intermediate),
                "rounded_to": rounded_to,
                "quantizer": quantizer,
            },
        )

    def verify_(self) -> None:
        """As ``nn.swiglu`` and ``scaled.quantize``."""
        require_float(self.gate, "gate")
        require(self.gate.type == self.up.type, f"gate {self.gate.type} and up {self.up.type} must have one type")
        require_one_of(self.intermediate, "intermediate", ROUNDINGS)
        require(is_float_type(self.rounded_to), f"rounded_to must be floating point, not {self.rounded_to}")
        check_experts(self.expert_of, self.gate)
        granules = scaled_type(self.q).granules
        require(
            self.expert_of is None or granules[0] == 1,
            f"rows with experts need scales of their own, not granule {show_granule(granules)}",
        )
        require_shape(self.q, shape(self.gate), "q")
        check_quantizer(self.quantizer, scaled_type(self.q))
