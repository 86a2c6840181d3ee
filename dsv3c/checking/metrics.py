"""How far two tensors are apart."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Difference:
    """Distance of results from expected ones; all sums in f64."""

    bitwise: bool
    """The same bits (every NaN counts as itself, -0 is not 0)."""
    relative_l2: float
    """``sqrt(sum((x - y)^2) / sum(y^2))``, y expected; 0 where both are zero, infinite where only y is."""
    calc_diff: float
    """``1 - 2 * sum(x * y) / sum(x * x + y * y)``: 0 where they agree, 1 where they are orthogonal."""
    max_abs: float
    """Largest ``|x - y|``."""

    def __str__(self) -> str:
        if self.bitwise:
            return "bitwise equal"
        return f"relative L2 {self.relative_l2:.2e}, calc_diff {self.calc_diff:.2e}, max abs {self.max_abs:.2e}"


def same_bits(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors have one dtype, one shape and the same bits."""
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    return torch.equal(x.contiguous().view(torch.uint8), y.contiguous().view(torch.uint8)) if x.dim() else bool(x == y)


def difference(pairs: Iterable[tuple[Tensor, Tensor]]) -> Difference:
    """Distance over all pairs (result, expected) together; shapes must agree, dtypes need not.

    A NaN or infinity on one side alone makes every distance infinite.
    """
    bitwise, squared, expected, product, both, largest = True, 0.0, 0.0, 0.0, 0.0, 0.0
    for x, y in pairs:
        assert x.shape == y.shape, f"results of different shapes: {list(x.shape)} and {list(y.shape)}"
        bitwise = bitwise and same_bits(x, y)
        x64, y64 = x.to(torch.float64), y.to(torch.float64)
        alike = (x64 == y64) | (x64.isnan() & y64.isnan())
        x64, y64 = x64.masked_fill(alike & ~x64.isfinite(), 0), y64.masked_fill(alike & ~y64.isfinite(), 0)
        squared += float((x64 - y64).square().sum())
        expected += float(y64.square().sum())
        product += float((x64 * y64).sum())
        both += float((x64.square() + y64.square()).sum())
        largest = max(largest, float((x64 - y64).abs().max()) if x.numel() else 0.0)
    if not (squared < float("inf") and both < float("inf")):
        return Difference(bitwise, float("inf"), float("inf"), float("inf"))
    relative = (squared / expected) ** 0.5 if expected else (float("inf") if squared else 0.0)
    return Difference(bitwise, relative, 1 - 2 * product / both if both else 0.0, largest)


def routing_flips(ids: Tensor, expected: Tensor) -> int:
    """How many tokens go to another set of experts: [T, k] both."""
    return int((ids.sort(dim=-1)[0] != expected.sort(dim=-1)[0]).any(dim=-1).sum())
