"""The ``moe`` dialect: routing and experts.

Shapes: T tokens (any leading size), D hidden, I expert width, E experts, k choices per token.  Source: DeepSeekMoE
(arXiv 2401.06066), DeepSeek-V3 (arXiv 2412.19437, section 2.1.2), Gate and MoE in deepseek-ai/DeepSeek-V3.
"""

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, StringAttr, UnitAttr, f32, f64, i64
from xdsl.ir import Attribute, Dialect, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
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

from dsv3c.ir.dialects.common import F64Attr, I64Attr, is_float_type, require, require_one_of, require_shape, show
from dsv3c.ir.dialects.moe_choices import CHOICE_OPS
from dsv3c.ir.dialects.moe_fused import FUSED_OPS
from dsv3c.ir.dialects.moe_rows import ORDERS, ROW_OPS
from dsv3c.ir.types import Tensor, element_type, shape, tensor_type

SCORINGS = ("sigmoid", "softmax")
GROUP_SCORES = ("top2_sum", "max")
MASKS = ("-inf", "zero")


@irdl_op_definition
class GateOp(IRDLOperation):
    """Group-limited top-k routing.

    ``s = scoring(logits)``; choice = s + bias; the ``keep`` best of ``groups`` groups by ``group_score`` stay, the
    others' choices become ``mask``; ids = top_k(choice); w = s[ids] (/ (sum w + renormalize)) * scale.
    logits: [T, E], bias: [E], weights: [T, k], ids: [T, k] i64.  ``group_score``: sum of a group's two best choices,
    or its best.  ``renormalize`` absent: no division.
    ``scores_in``: logits are converted to it; s, the sum, the sum + renormalize, the quotient and the product with
    scale are each rounded to it (computed in f32 or wider); w is rounded to its own type last.  Absent: f32.  choice
    is in the wider of ``scores_in`` and bias's type.
    ``masked_weights``: w is taken from the masked choices, not from s (they differ where a masked expert is chosen).
    ids come best choice first, ties lowest index first; with ``any_order`` in whichever order (``sorted=False``).
    Source: arXiv 2412.19437 eq. 12-16; Gate in deepseek-ai/DeepSeek-V3 (-inf); Hugging Face of 2025 (zero).
    """

    name = "moe.gate"

    logits = operand_def(base(Tensor))
    bias = opt_operand_def(base(Tensor))
    top_k = prop_def(I64Attr)
    scoring = prop_def(StringAttr)
    groups = prop_def(I64Attr)
    keep = prop_def(I64Attr)
    group_score = prop_def(StringAttr)
    mask = prop_def(StringAttr)
    renormalize = opt_prop_def(F64Attr)
    scale = prop_def(F64Attr)
    scores_in = opt_prop_def()
    masked_weights = opt_prop_def(UnitAttr)
    any_order = opt_prop_def(UnitAttr)
    weights = result_def(base(Tensor))
    ids = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$logits (`bias` $bias^ `:` type($bias) `,`)? `top_k` $top_k `scoring` $scoring `groups` $groups `keep` $keep "
        "`group_score` $group_score `mask` $mask (`renormalize` $renormalize^)? `scale` $scale "
        "(`scores_in` $scores_in^)? (`masked_weights` $masked_weights^)? (`any_order` $any_order^)? attr-dict "
        "`:` type($logits) `->` type($weights) `,` type($ids)"
    )

    def __init__(
        self,
        logits: SSAValue,
        bias: SSAValue | None,
        *,
        top_k: int,
        scoring: str,
        groups: int = 1,
        keep: int = 1,
        group_score: str = "max",
        mask: str = "-inf",
        renormalize: float | None,
        scale: float,
        scores_in: Attribute = f32,
        masked_weights: bool = False,
        any_order: bool = False,
        element: Attribute,
    ) -> None:
        tokens = shape(logits)[:-1]
        properties: dict[str, Attribute] = {
            "top_k": IntegerAttr(top_k, i64),
            "scoring": StringAttr(scoring),
            "groups": IntegerAttr(groups, i64),
            "keep": IntegerAttr(keep, i64),
            "group_score": StringAttr(group_score),
            "mask": StringAttr(mask),
            "scale": FloatAttr(scale, f64),
        }
        if renormalize is not None:
            properties["renormalize"] = FloatAttr(renormalize, f64)
        if scores_in != f32:
            properties["scores_in"] = scores_in
        properties |= {
            name: UnitAttr() for name, given in (("masked_weights", masked_weights), ("any_order", any_order)) if given
        }
        super().__init__(
            operands=[logits, [bias] if bias else []],
            result_types=[tensor_type((*tokens, top_k), element), tensor_type((*tokens, top_k), i64)],
            properties=properties,
        )

    def verify_(self) -> None:
        """Groups divide the experts and hold enough of them; k fits into what is kept."""
        *tokens, experts = shape(self.logits)
        require(isinstance(experts, int), f"the number of experts must be static: {show(shape(self.logits))}")
        assert isinstance(experts, int)
        top_k, groups, keep = self.top_k.value.data, self.groups.value.data, self.keep.value.data
        require(groups >= 1 and experts % groups == 0, f"{groups} groups do not divide {experts} experts")
        require(1 <= keep <= groups, f"keep {keep} is not in 1..{groups}")
        require(1 <= top_k <= experts // groups * keep, f"top_k {top_k} of {experts // groups * keep} kept experts")
        require_one_of(self.scoring, "scoring", SCORINGS)
        require_one_of(self.group_score, "group_score", GROUP_SCORES)
        require_one_of(self.mask, "mask", MASKS)
        if self.scores_in is not None:
            require(is_float_type(self.scores_in), f"scores_in must be a floating point type, not {self.scores_in}")
            require(self.scores_in != f32, "scores_in f32 is written by leaving it out")
        require(
            self.group_score.data == "max" or groups == 1 or experts // groups >= 2,
            "top2_sum needs two experts per group",
        )
        if self.bias is not None:
            require_shape(self.bias, (experts,), "bias")
        require_shape(self.weights, (*tokens, top_k), "weights")
        require_shape(self.ids, (*tokens, top_k), "ids")
        require(element_type(self.ids) == i64, f"ids must hold i64, not {element_type(self.ids)}")


@irdl_op_definition
class ExpertsOp(IRDLOperation):
    """``y_t = sum_j weights[t, j] * down_e (silu(gate_e x_t) * up_e x_t)`` with ``e = ids[t, j]``.

    x, y: [T, D]; weights, ids: [T, k]; gate: [E, 2*I, D] holding gate rows, then up rows, or [E, I, D] with up:
    [E, I, D] apart; down: [E, D, I].  Every projection is rounded to x's type; ``intermediate`` as in ``nn.swiglu``;
    an expert's output (x's type) times its weight is rounded to ``combine_in``.  ``order`` of the sum: ``slot``
    (j = 0, 1, ...) in f32 or wider, rounded to ``combine_in`` once, or ``expert`` (ascending id), rounded to
    ``combine_in`` after every addition.  y is rounded to x's type at the end.  A choice with id -1 contributes nothing.
    Source: arXiv 2401.06066 eq. 3; MoE in deepseek-ai/DeepSeek-V3; grouped_mm and batched_mm experts of Hugging Face.
    """

    name = "moe.experts"

    x = operand_def(base(Tensor))
    weights = operand_def(base(Tensor))
    ids = operand_def(base(Tensor))
    gate = operand_def(base(Tensor))
    up = opt_operand_def(base(Tensor))
    down = operand_def(base(Tensor))
    combine_in = prop_def()
    order = prop_def(StringAttr)
    intermediate = prop_def(StringAttr)
    y = result_def(base(Tensor))
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(Pure())
    assembly_format = (
        "$x `,` $weights `,` $ids `gate` $gate (`up` $up^ `:` type($up))? `down` $down `combine_in` $combine_in "
        "`order` $order `intermediate` $intermediate attr-dict "
        "`:` type($x) `,` type($weights) `,` type($ids) `,` type($gate) `,` type($down) `->` type($y)"
    )

    def __init__(
        self,
        x: SSAValue,
        weights: SSAValue,
        ids: SSAValue,
        gate: SSAValue,
        up: SSAValue | None,
        down: SSAValue,
        *,
        combine_in: Attribute,
        order: str,
        intermediate: str,
    ) -> None:
        super().__init__(
            operands=[x, weights, ids, gate, [up] if up else [], down],
            result_types=[x.type],
            properties={
                "combine_in": combine_in,
                "order": StringAttr(order),
                "intermediate": StringAttr(intermediate),
            },
        )

    def verify_(self) -> None:
        """Expert weights agree in E, I and D; one weight per choice."""
        down = shape(self.down)
        require(len(down) == 3, f"down must be [E, D, I], not {show(down)}")
        experts, hidden, width = down
        assert isinstance(width, int)
        rows = width if self.up is not None else 2 * width
        require_shape(self.gate, (experts, rows, hidden), "gate")
        if self.up is not None:
            require_shape(self.up, (experts, width, hidden), "up")
        require(shape(self.x)[-1] == hidden, f"x {show(shape(self.x))} does not end in D = {hidden}")
        require(
            shape(self.weights)[:-1] == shape(self.x)[:-1],
            f"weights {show(shape(self.weights))} are not for x's tokens",
        )
        require_shape(self.ids, shape(self.weights), "ids")
        require_one_of(self.order, "order", ORDERS)
        require_one_of(self.intermediate, "intermediate", ("input", "f32"))
        require(is_float_type(self.combine_in), f"combine_in must be a floating point type, not {self.combine_in}")
        require(self.y.type == self.x.type, f"y must have x's type {self.x.type}, not {self.y.type}")


Moe = Dialect("moe", [ExpertsOp, GateOp, *CHOICE_OPS, *ROW_OPS, *FUSED_OPS])
