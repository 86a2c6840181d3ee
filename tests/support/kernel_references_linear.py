"""What the launchers of products of numbers that are not quantised compute, in f32."""

from collections.abc import Mapping

import torch
from kernel_references import Reference
from torch import Tensor

from dsv3c.backends.reference.meanings import moe_rows, nn


def linear(*, x: Tensor, weight: Tensor, bias: Tensor | None = None, configs: object) -> Mapping[str, Tensor]:
    """``nn.linear``."""
    return {"y": nn.linear(x, weight, bias, dtype=torch.float32)}


def head_linear(*, x: Tensor, weight: Tensor, configs: object) -> Mapping[str, Tensor]:
    """``nn.head_linear``."""
    return {"y": nn.head_linear(x.to(torch.float32), weight)}


def grouped_mm(
    *, x: Tensor, w: Tensor, expert_of: Tensor, configs: object, layout: str, alignment: int
) -> Mapping[str, Tensor]:
    """``moe.grouped_mm``."""
    return {"y": moe_rows.grouped_mm(x, w, expert_of, dtype=torch.float32)}


REFERENCES = {
    "linear.linear": Reference(linear, "gemm"),
    "head_linear.head_linear": Reference(head_linear, "gemm"),
    "grouped_mm.grouped_mm": Reference(grouped_mm, "gemm"),
}
