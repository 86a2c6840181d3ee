"""What the launchers of products of numbers that are not quantised compute, in f32."""

from collections.abc import Mapping
from typing import Any

import torch
from kernel_references import Reference, Value
from torch import Tensor

from dsv3c.backends.reference.meanings import moe_rows, nn


def linear(*, x: Tensor, weight: Tensor, bias: Tensor | None = None, configs: object) -> Mapping[str, Tensor]:
    """``nn.linear``."""
    return {"y": nn.linear(x, weight, bias, dtype=torch.float32)}


def head_linear(*, x: Tensor, weight: Tensor, configs: object) -> Mapping[str, Tensor]:
    """``nn.head_linear``."""
    return {"y": nn.head_linear(x.to(torch.float32), weight)}


def grouped_mm(
    *, x: Tensor, w: Tensor, expert_of: Tensor, configs: object, layout: str, alignment: int,
    skips_padding: bool = False,
) -> Mapping[str, Tensor]:  # fmt: skip
    """``moe.grouped_mm``."""
    return {"y": moe_rows.grouped_mm(x, w, expert_of, dtype=torch.float32, skips_padding=skips_padding)}


def held_by_expert(keywords: Mapping[str, Any], expected: Mapping[str, Value]) -> Mapping[str, Tensor]:
    """Rows of a product that belong to an expert."""
    return {"y": keywords["expert_of"] >= 0} if keywords.get("skips_padding", False) else {}


REFERENCES = {
    "linear.linear": Reference(linear, "gemm"),
    "head_linear.head_linear": Reference(head_linear, "gemm"),
    "grouped_mm.grouped_mm": Reference(grouped_mm, "gemm", held=held_by_expert),
}
