"""Formulas in f64 and one rounding: how meanings are judged."""

import torch
from torch import Tensor


def rounded(value: float | Tensor, dtype: torch.dtype) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64).to(dtype)


def near(actual: Tensor, expected: Tensor) -> bool:
    """Equal but for sums in f64 that another order put on the other side of a rounding boundary."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    step = (actual.double() - expected.double()).abs() / expected.double().abs().clamp(min=1e-30)
    return (
        bool((step <= torch.finfo(expected.dtype).eps).all())
        and float((step > 0).double().mean() if step.numel() else 0) < 1e-2
    )
