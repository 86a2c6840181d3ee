"""Meanings of captured operators that PyTorch's own CPU kernels do not cover, or cover for other strides or types."""

import torch
from torch import Tensor


def reshape(x: Tensor, shape: list[int]) -> Tensor:
    """``view`` and its kin: the same elements in the same order; a copy where the strides ask for one."""
    return x.reshape(shape)


def view_dtype(x: Tensor, dtype: torch.dtype) -> Tensor:
    """The same bytes under another element type."""
    return x.contiguous().view(dtype)


def histc(x: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Counts per bin, also of integers (PyTorch's CPU kernel takes floats only): [*] -> [bins] in x's type."""
    return torch.histc(x.to(torch.float64), bins=bins, min=min, max=max).to(x.dtype)


def grouped_mm(
    x: Tensor, weight: Tensor, offs: Tensor | None, bias: Tensor | None = None, out_dtype: torch.dtype | None = None
) -> Tensor:
    """Row m times ``weight[e]`` for the first e with ``m < offs[e]``: [M, K], [E, K, N], [E] -> [M, N]."""
    if offs is None or bias is not None or out_dtype is not None:
        raise NotImplementedError("grouped_mm is computed with offsets, without bias and in the type of its operands")
    y, start = x.new_zeros((x.shape[0], weight.shape[2])), 0
    for expert, end in enumerate(offs.tolist()):
        if end > start:
            y[start:end] = torch.mm(x[start:end], weight[expert])
        start = max(start, end)
    return y
