"""What the launcher of experts' block-scaled products computes, in f32."""

from collections.abc import Mapping

import torch
from kernel_references import Reference
from kernel_references_linear import held_by_expert
from torch import Tensor

from dsv3c.backends.reference.meanings import scaled
from dsv3c.backends.reference.meanings.scaled import Scaled


def scaled_grouped_mm(
    *, x: Scaled, w: Scaled, expert_of: Tensor, configs: object, promote: int | None, x_scales: str, layout: str,
    alignment: int, skips_padding: bool = False,
) -> Mapping[str, Tensor]:  # fmt: skip
    """``scaled.grouped_mm``."""
    made = scaled.grouped_mm(x, w, expert_of, dtype=torch.float32, promote=promote, skips_padding=skips_padding)
    return {"y": made}


REFERENCES = {"scaled_grouped_mm.scaled_grouped_mm": Reference(scaled_grouped_mm, "gemm", held=held_by_expert)}
