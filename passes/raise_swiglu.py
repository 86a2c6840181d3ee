"""``raise-swiglu``: a gate through SiLU times another value becomes one ``nn.swiglu``.

Before  %silu = aten.silu(%gate)                                %gate32, %up32 = both widened to f32
        %y = aten.mul.Tensor(%silu, %up)                        %silu = aten.silu(%gate32)
                                                                %product = aten.mul.Tensor(%silu, %up32)
                                                                %y = aten.to.dtype(%product, dtype = bf16)
After   %y = nn.swiglu %gate, %up intermediate "input"          %y = nn.swiglu %gate, %up intermediate "f32"

Gate and up are any values: two linears, or the halves of one.  ``intermediate`` says whether SiLU's result is rounded
to the input's type before the product.  Saves what later passes would have to match, and names where a fusion with
quantisation may keep f32.  ``g * sigmoid(g)`` in f32 is SiLU up to its last bit; in narrower types, where the sigmoid
is rounded first, it is left, as is a gate that is broadcast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xdsl.dialects.builtin import f32
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.nn import SwigluOp
from dsv3c.ir.types import element_type, shape
from dsv3c.passes.base import RewritePass
from dsv3c.passes.provenance import CONVERSIONS, unwidened, widening
from dsv3c.passes.rewriting import only_user, other_operand, replace

MUL = "aten.mul.Tensor"


@dataclass(frozen=True)
class Gated:
    """A matched product; the last op of ``matched`` makes its result."""

    gate: SSAValue
    up: SSAValue
    intermediate: Literal["input", "f32"]
    matched: Sequence[AtenOp]


@dataclass
class RaiseSwiglu(RewritePattern):
    """SiLU of one value times another."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on silu, or on the sigmoid that spells it."""
        if not isinstance(op, AtenOp) or (silu := silu_ops(op)) is None:
            return None
        found = match_gated(silu)
        if isinstance(found, str):
            return self.ctx.blocked(op, found)
        replace(self.ctx, rewriter, op, found.matched, SwigluOp(found.gate, found.up, found.intermediate))
        return None


def silu_ops(op: AtenOp) -> list[AtenOp] | None:
    """The ops that compute SiLU of ``op``'s operand, the last one its result; None for another use of a sigmoid."""
    if op.name == "aten.silu":
        return [op]
    if op.name != "aten.sigmoid":
        return None
    product = only_user(op.results[0], MUL)
    if product is None or unwidened(other_operand(product, op.results[0])) is not unwidened(op.operands[0]):
        return None
    return [op, product]


def match_gated(silu: Sequence[AtenOp]) -> Gated | str:
    """The product around SiLU, or why there is none."""
    inner = silu[0].operands[0]
    gate, activated = unwidened(inner), silu[-1].results[0]
    if len(silu) > 1 and element_type(silu[0].results[0]) != f32:
        return f"the sigmoid is rounded to {element_type(silu[0].results[0])} before the product"
    matched = [*([widener] if (widener := widening(inner)) else []), *silu]
    narrow = only_user(activated, *CONVERSIONS)
    if narrow is not None and narrow.results[0].type == gate.type:
        matched.append(narrow)
        activated = narrow.results[0]
    product = only_user(activated, MUL)
    if product is None:
        return "what SiLU gives is not multiplied with one value, or read elsewhere"
    up = other_operand(product, activated)
    if shape(up) != shape(gate):
        return "gate and up differ in shape"
    if activated.type == gate.type:
        if up.type != gate.type:
            return f"the gate holds {element_type(gate)}, up {element_type(up)}"
        return Gated(gate, up, "input", [*matched, product])
    last = only_user(product.results[0], *CONVERSIONS)
    if last is None or last.results[0].type != gate.type:
        return "the product is not rounded to the gate's type"
    if unwidened(up).type != gate.type:
        return f"the gate holds {element_type(gate)}, up {element_type(unwidened(up))}"
    wideners = [widener] if (widener := widening(up)) else []
    return Gated(gate, unwidened(up), "f32", [*wideners, *matched, product, last])


@dataclass(frozen=True)
class RaiseSwigluPass(RewritePass):
    """``nn.swiglu`` for every spelling of it."""

    name = "raise-swiglu"

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """The one pattern."""
        return [RaiseSwiglu(ctx)]
