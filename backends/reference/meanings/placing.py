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


def movable(x: Tensor) -> Tensor:
    """The same memory in a type whose rows every op moves: 8-bit floats as bytes."""
    return x.view(torch.uint8) if x.dtype.itemsize == 1 else x


def rows_by_number(x: Tensor, chosen: Tensor) -> Tensor:
    """Rows x[chosen], of any type."""
    return movable(x)[chosen].view(x.dtype)


def placed_rows(x: Tensor, chosen: Tensor, places: Tensor, rows: int, *, fill: float) -> Tensor:
    """Row x[chosen[i]] at places[i] among rows of ``fill``: [*, D] -> [rows, D]."""
    y_MD = torch.full((rows, x.shape[-1]), fill, dtype=torch.float32, device=x.device).to(x.dtype)
    movable(y_MD)[places] = movable(x.reshape(-1, x.shape[-1]))[chosen]
    return y_MD


def forget_padding(y: Tensor, expert_of: Tensor) -> Tensor:
    """y [M, *] itself, its rows with expert -1 overwritten.

    What they were computed for is that others keep their bits: PyTorch computes the end of a tensor, which would be
    elsewhere, by other instructions.
    """
    nothing = torch.full((), UNSPECIFIED, dtype=torch.float32).to(y.dtype)
    movable(y)[expert_of < 0] = movable(nothing)
    return y
