"""Whether a quantiser works row by row: what fusing it into the op that makes its rows needs, among others."""

from dsv3c.ir.dialects.scaled import QuantizeOp
from dsv3c.ir.dialects.scaled_fused import SwigluOp
from dsv3c.ir.scaled_type import scaled_type, show_granule


def refusal(op: QuantizeOp | SwigluOp) -> str:
    """Why an op that works row by row cannot quantise its rows at once; empty when it can."""
    granules = scaled_type(op.q).granules
    if op.quantizer.static_scale is None and any(size != 1 for size in granules[:-1]):
        return f"granule {show_granule(granules)}: a scale is known only after several rows are"
    return ""
