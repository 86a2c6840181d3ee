"""What the launcher of weight gradients must compute."""

from collections.abc import Mapping

from kernel_references import Reference
from torch import Tensor

from dsv3c.backends.reference.meanings import training
from dsv3c.backends.reference.meanings.scaled import Scaled


def wgrad_mm(
    *, a: Scaled, b: Scaled, y: Tensor | None = None, offsets: Tensor | None = None, accumulate: bool, configs: object
) -> Mapping[str, Tensor]:
    """The meaning; y is read where sums are added to it."""
    return {"y": training.wgrad_mm(a, b, y if accumulate else None, offsets)}


REFERENCES = {"wgrad_mm.wgrad_mm": Reference(wgrad_mm, "gemm")}
