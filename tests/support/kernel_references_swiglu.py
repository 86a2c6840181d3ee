"""What the launchers of the gated activation must compute."""

from collections.abc import Mapping
from typing import Any

import torch
from kernel_references import Reference, Value
from kernel_references_quantize import quantizer
from torch import Tensor

from dsv3c.backends.reference.meanings import nn, scaled
from dsv3c.backends.triton.launchers.rows import TYPES


def weighted(gate: Tensor, up: Tensor, weights: Tensor, intermediate: str) -> Tensor:
    """``silu(gate) * up * weight`` in f64, silu(gate) rounded to ``intermediate``."""
    wide = gate.double()
    silu = wide / (1 + torch.exp(-wide))
    if intermediate != "f32":
        silu = silu.to(TYPES[intermediate]).double()
    return silu * up.double() * weights.double()[..., None]


def attribute(gate: Tensor, intermediate: str) -> str:
    """The meaning's word for what a launcher is told by a type."""
    return "input" if TYPES[intermediate] == gate.dtype else "f32"


def swiglu(
    gate: Tensor, up: Tensor, weights: Tensor | None = None, expert_of: Tensor | None = None, *, configs: object,
    intermediate: str,
) -> Mapping[str, Value]:  # fmt: skip
    """nn.swiglu."""
    if weights is not None:
        return {"y": weighted(gate, up, weights, intermediate).to(gate.dtype)}
    return {"y": nn.swiglu(gate, up, expert_of, intermediate=attribute(gate, intermediate))}


def swiglu_quantize(
    gate: Tensor, up: Tensor, weights: Tensor | None = None, expert_of: Tensor | None = None, *, configs: object,
    intermediate: str, rounded_to: str, **how: Any,
) -> Mapping[str, Value]:  # fmt: skip
    """scaled.swiglu."""
    kind, quantized = TYPES[rounded_to], quantizer(how)
    if weights is not None:
        return {"q": scaled.quantize(weighted(gate, up, weights, intermediate).to(kind), **quantized)}
    word = attribute(gate, intermediate)
    return {"q": scaled.swiglu(gate, up, expert_of, intermediate=word, rounded_to=kind, **quantized)}


def held(keywords: Mapping[str, Any], expected: Mapping[str, Value]) -> Mapping[str, Tensor]:
    """Rows that belong to an expert, where they are given."""
    expert_of = keywords.get("expert_of")
    return {} if expert_of is None else dict.fromkeys(expected, expert_of >= 0)


REFERENCES = {
    "swiglu.swiglu": Reference(swiglu, "rounded", held=held),
    "swiglu.swiglu_quantize": Reference(swiglu_quantize, "rounded", held=held),
}
