"""What the launchers of quantisation must compute."""

from typing import Any

import torch
from kernel_references import Reference, Value

from dsv3c.backends.reference.meanings import scaled
from dsv3c.backends.triton.launchers.rows import TYPES


def quantizer(how: dict[str, Any]) -> dict[str, Any]:
    """A launcher's keywords as those of the meaning."""
    kept = ("granule", "amax_floor", "apply", "round_scale", "saturate")
    return {name: how[name] for name in kept} | {
        "static": how.get("static"),
        "data": TYPES[how["data"]],
        "scale": torch.float32,
    }


def quantize(x: Any, configs: Any, partials: Any = None, **how: Any) -> dict[str, Value]:
    """scaled.quantize."""
    return {"q": scaled.quantize(x, **quantizer(how))}


def dequantize(q: Any, configs: Any, dtype: str) -> dict[str, Value]:
    """scaled.dequantize."""
    return {"y": scaled.dequantize(q, dtype=TYPES[dtype])}


REFERENCES = {
    "quantize.quantize": Reference(quantize, "bitwise"),
    "quantize.dequantize": Reference(dequantize, "bitwise"),
}
