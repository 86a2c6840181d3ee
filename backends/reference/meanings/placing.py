"""Rows at given places among others: zeros, or what no reader may use.

Where an op leaves rows unspecified its meaning puts NaN there, so that a result that depends on one shows it.
"""

import torch
from torch import Tensor

UNSPECIFIED = float("nan")
"""In every row that an op leaves unspecified."""


def padding_fill(value: float, *, skips_padding: bool) -> float:
    """What is in padding rows: ``value``, or anything."""
    return UNSPECIFIED if skips_padding else value


def rows_by_number(x: Tensor, chosen: Tensor) -> Tensor:
    """Rows x[chosen]; 8-bit formats as bytes, because not every op knows them."""
    return x.view(torch.uint8)[chosen].view(x.dtype) if x.dtype.itemsize == 1 else x[chosen]


def placed_rows(x: Tensor, chosen: Tensor, places: Tensor, rows: int, *, fill: float) -> Tensor:
    """Row x[chosen[i]] at places[i] among rows of ``fill``: [*, D] -> [rows, D]."""
    y_MD = torch.full((rows, x.shape[-1]), fill, dtype=torch.float32, device=x.device).to(x.dtype)
    stored = x.reshape(-1, x.shape[-1])
    if x.dtype.itemsize == 1:
        y_MD.view(torch.uint8)[places] = stored.view(torch.uint8)[chosen]
    else:
        y_MD[places] = stored[chosen]
    return y_MD


def forget_padding(y: Tensor, expert_of: Tensor) -> Tensor:
    """y [M, *] itself, its rows with expert -1 overwritten.

    What they were computed for is that others keep their bits: PyTorch computes the end of a tensor, which would be
    elsewhere, by other instructions.
    """
    nothing = torch.full((), UNSPECIFIED, dtype=torch.float32).to(y.dtype)
    if y.dtype.itemsize == 1:
        y.view(torch.uint8)[expert_of < 0] = nothing.view(torch.uint8)
    else:
        y[expert_of < 0] = nothing
    return y
