"""What the launcher of quantisation along tokens must compute."""

from typing import Any

import torch
from kernel_references import Reference, Value
from kernel_references_quantize import quantizer

from dsv3c.backends.reference.meanings import scaled, training
from dsv3c.backends.reference.meanings.scaled import Scaled


def transpose_quantize(x: Any, outputs: Any, configs: Any, **how: Any) -> dict[str, Value]:
    """The meaning; and, where there is room for them, the rows quantised as ``scaled.quantize`` does."""
    keywords = quantizer({**how, "granule": outputs["q"].granule})
    expected: dict[str, Value] = {"q": training.transpose_quantize(x, **keywords)}
    if "rows" in outputs:
        values = scaled.dequantize(x, dtype=torch.float32) if isinstance(x, Scaled) else x
        expected["rows"] = scaled.quantize(values, **keywords)
    return expected


REFERENCES = {"transpose_quantize.transpose_quantize": Reference(transpose_quantize, "bitwise", sized=True)}
"""Bit by bit."""
