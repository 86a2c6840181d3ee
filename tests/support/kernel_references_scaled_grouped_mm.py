"""What the launcher of experts' block-scaled products computes, in f32."""

from collections.abc import Mapping

import torch
from kernel_references import Reference
from torch import Tensor

from dsv3c.backends.reference.meanings import scaled
from dsv3c.backends.reference.meanings.scaled import Scaled


def scaled_grouped_mm(
    *, x: Scaled, w: Scaled, expert_of: Tensor, configs: object, promote: int | None, x_scales: str, layout: str,
    alignment: int,
) -> Mapping[str, Tensor]:  # fmt: skip
    """``scaled.grouped_mm``."""
    return {"y": scaled.grouped_mm(x, w, expert_of, dtype=torch.float32, promote=promote)}


REFERENCES = {"scaled_grouped_mm.scaled_grouped_mm": Reference(scaled_grouped_mm, "gemm")}
