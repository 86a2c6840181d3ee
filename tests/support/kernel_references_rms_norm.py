"""What the launchers of RMS norm must compute."""

from collections.abc import Mapping
from typing import Any

from kernel_references import Reference, Value
from kernel_references_quantize import quantizer
from torch import Tensor

from dsv3c.backends.reference.meanings import nn, scaled
from dsv3c.backends.triton.launchers.rows import TYPES


def rms_norm(
    x: Tensor, weight: Tensor, residual: Tensor | None = None, *, configs: object, eps: float, weight_in: str,
    intermediate: str, keep_total: bool,
) -> Mapping[str, Value]:  # fmt: skip
    """The norm of a sum, and the sum."""
    total = x if residual is None else x + residual
    y = nn.rms_norm(total, weight, eps=eps, weight_in=weight_in)
    return {"y": y} | ({"total": total} if keep_total else {})


def rms_norm_quantize(
    x: Tensor, weight: Tensor, residual: Tensor | None = None, *, configs: object, eps: float, weight_in: str,
    intermediate: str, keep: bool, keep_total: bool, **how: Any,
) -> Mapping[str, Value]:  # fmt: skip
    """The norm of a sum, quantised; the norm; the sum."""
    total = x if residual is None else x + residual
    made = scaled.rms_norm(
        total, weight, eps=eps, weight_in=weight_in, intermediate=TYPES[intermediate], keep=keep, **quantizer(how)
    )
    outputs: dict[str, Value] = {"q": made[0], "y": made[1]} if isinstance(made, tuple) else {"q": made}
    return outputs | ({"total": total} if keep_total else {})


REFERENCES = {
    "rms_norm.rms_norm": Reference(rms_norm, "bitwise"),
    "rms_norm.rms_norm_quantize": Reference(rms_norm_quantize, "bitwise"),
}
