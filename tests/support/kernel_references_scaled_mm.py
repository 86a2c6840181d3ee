"""What the launcher of block-scaled products computes, in f32."""

from collections.abc import Mapping

import torch
from kernel_references import Reference
from torch import Tensor

from dsv3c.backends.reference.meanings import scaled
from dsv3c.backends.reference.meanings.scaled import Scaled


def scaled_mm(
    *,
    x: Scaled,
    w: Scaled,
    bias: Tensor | None = None,
    partial: Tensor | None = None,
    configs: object,
    promote: int | None,
    x_scales: str,
) -> Mapping[str, Tensor]:
    """``scaled.mm``; ``partial`` is scratch."""
    return {"y": scaled.mm(x, w, bias, dtype=torch.float32, promote=promote)}


REFERENCES = {"scaled_mm.scaled_mm": Reference(scaled_mm, "gemm")}
