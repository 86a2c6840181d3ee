"""Meanings of the ``weight`` dialect's computing ops."""

import torch
from torch import Tensor


def constant(values: tuple[complex, ...], *, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A small tensor written in the program; one value stands for all elements."""
    data = torch.tensor(values, dtype=dtype)
    return data.reshape(shape) if data.numel() == torch.Size(shape).numel() else data.expand(shape).contiguous()


def dequantize(quantized: Tensor, scale: Tensor, *, block: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """``round(f32(q[i, j]) * s[i // bn, j // bk])``: q [..., N, K], s [..., ceil(N/bn), ceil(K/bk)] -> [..., N, K]."""
    rows, columns = quantized.shape[-2:]
    grid = scale.to(torch.float32).repeat_interleave(block[0], dim=-2).repeat_interleave(block[1], dim=-1)
    return (quantized.to(torch.float32) * grid[..., :rows, :columns]).to(dtype)
