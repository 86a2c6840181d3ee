"""Costs of the ``scaled`` ops.

A product counts under the element type of its data, which is what targets state rates for.  Bytes are those of data and
scales.  Scaling a block's sum is not counted: it is 1 of ``2 * granule`` operations.
"""

from dsv3c.ir.cost_model import COST, Cost, CostClass, Env, traffic
from dsv3c.ir.cost_rules import NORM_FLOPS, SWIGLU_FLOPS, class_of_product
from dsv3c.ir.cost_rules_rows import grouped_product, row_by_row
from dsv3c.ir.dialects import scaled
from dsv3c.ir.types import element_type, shape

QUANTIZE_FLOPS = 2
"""Per element: the largest absolute value, and the product with the scale's reciprocal."""


@COST.rule(scaled.QuantizeOp)
def quantize(op: scaled.QuantizeOp, env: Env) -> Cost:
    """``2`` per element."""
    return traffic(op, env, CostClass.QUANTIZE, flops=QUANTIZE_FLOPS * env.elements(op.x))


@COST.rule(scaled.DequantizeOp)
def dequantize(op: scaled.DequantizeOp, env: Env) -> Cost:
    """One product per element."""
    return traffic(op, env, CostClass.QUANTIZE, flops=env.elements(op.y))


@COST.rule(scaled.AssembleOp, scaled.ReshapeOp, scaled.SliceOp)
def assemble(op: scaled.AssembleOp | scaled.ReshapeOp | scaled.SliceOp, env: Env) -> Cost:
    """Nothing: two tensors get one name, or a part of them."""
    return Cost(kind=CostClass.MOVEMENT)


@COST.rule(scaled.RelayoutOp)
def relayout(op: scaled.RelayoutOp, env: Env) -> Cost:
    """Reads the scales and writes them elsewhere; the data stays."""
    read, written = env.scale_bytes(op.q), env.scale_bytes(op.r)
    return Cost(
        kind=CostClass.QUANTIZE,
        activation_bytes_read=read,
        activation_bytes_written=written,
        scale_bytes=read + written,
    )


@COST.rule(scaled.MmOp)
def mm(op: scaled.MmOp, env: Env) -> Cost:
    """``2 * rows * K * N``."""
    flops = 2.0 * env.elements(op.y) * env.number(shape(op.x)[-1])
    return traffic(op, env, class_of_product(op.y), flops=flops, dtype=str(element_type(op.w)))


@COST.rule(scaled.GroupedMmOp)
def grouped_mm(op: scaled.GroupedMmOp, env: Env) -> Cost:
    """``2 * G * K * N``, G computed rows; weights of the expected number of distinct experts."""
    return grouped_product(op.x, op.w, op.expert_of, op.y, env, dtype=str(element_type(op.w)))


@COST.rule(scaled.RmsNormOp)
def rms_norm(op: scaled.RmsNormOp, env: Env) -> Cost:
    """``4 + 2`` per element."""
    return traffic(op, env, CostClass.ELEMENTWISE, flops=(NORM_FLOPS + QUANTIZE_FLOPS) * env.elements(op.x))


@COST.rule(scaled.SwigluOp)
def swiglu(op: scaled.SwigluOp, env: Env) -> Cost:
    """``5 + 2`` per element of a row that is not left out."""
    cost = traffic(op, env, CostClass.ELEMENTWISE, flops=(SWIGLU_FLOPS + QUANTIZE_FLOPS) * env.elements(op.gate))
    return row_by_row(cost, op.expert_of, env)
