"""Kernels of the gated activation."""

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.backends.triton.choices.row_configs import by_rows, quantizer_literals, rows_of, tiles, uncomputable
from dsv3c.ir.dialects.nn import SwigluOp
from dsv3c.ir.dialects.scaled_fused import SwigluOp as ScaledSwigluOp
from dsv3c.ir.scaled_type import scaled_type
from dsv3c.ir.types import element_type, shape


@KERNELS.rule(SwigluOp)
def swiglu(op: SwigluOp, at: Selection) -> Choice | Refused:
    """Tiles of rows."""
    reason = unreadable(op)
    if reason is not None:
        return Refused(reason)
    columns = shape(op.gate)[-1]
    assert isinstance(columns, int)
    return Choice(
        launcher="swiglu.swiglu",
        operands={"gate": op.gate, "up": op.up, "expert_of": op.expert_of},
        results={"y": op.y},
        configs=tiles(columns, rows_of(op.gate), at),
        parameters={"intermediate": intermediate(op)},
    )


@KERNELS.rule(ScaledSwigluOp)
def scaled_swiglu(op: ScaledSwigluOp, at: Selection) -> Choice | Refused:
    """Tiles of rows, quantised before they leave the kernel."""
    kind = scaled_type(op.q)
    reason = unreadable(op) or by_rows(kind, op.quantizer, at)
    if reason is None and str(op.rounded_to) not in ("bf16", "f16", "f32"):
        reason = f"its kernel rounds to bf16, f16 or f32, not to {op.rounded_to}"
    if reason is not None:
        return Refused(reason)
    columns = shape(op.gate)[-1]
    assert isinstance(columns, int)
    return Choice(
        launcher="swiglu.swiglu_quantize",
        operands={"gate": op.gate, "up": op.up, "expert_of": op.expert_of},
        results={"q": op.q},
        configs=tiles(columns, rows_of(op.gate), at),
        parameters={
            "intermediate": intermediate(op),
            "rounded_to": str(op.rounded_to),
            **quantizer_literals(kind, op.quantizer),
        },
    )


def unreadable(op: SwigluOp | ScaledSwigluOp) -> str | None:
    """Why the kernels do not read these rows; None where they do."""
    return "its kernel gates a value with another" if op.gate is op.up else uncomputable([op.gate, op.up])


def intermediate(op: SwigluOp | ScaledSwigluOp) -> str:
    """The type silu(gate) is rounded to."""
    return str(element_type(op.gate)) if op.intermediate.data == "input" else "f32"
