"""Meanings of the ``weight`` dialect's computing ops."""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.placing import rows_by_number
from dsv3c.backends.reference.meanings.scaled import Scaled


def constant(values: tuple[complex, ...], *, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A small tensor written in the program; one value stands for all elements."""
    data = torch.tensor(values, dtype=dtype)
    return data.reshape(shape) if data.numel() == torch.Size(shape).numel() else data.expand(shape).contiguous()


def dequantize(quantized: Tensor, scale: Tensor, *, block: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """``round(f32(q[i, j]) * s[i // bn, j // bk])``: q [..., N, K], s [..., ceil(N/bn), ceil(K/bk)] -> [..., N, K]."""
    rows, columns = quantized.shape[-2:]
    grid = scale.to(torch.float32).repeat_interleave(block[0], dim=-2).repeat_interleave(block[1], dim=-1)
    return (quantized.to(torch.float32) * grid[..., :rows, :columns]).to(dtype)


def shard(w: Tensor | Scaled, *, placement: tuple[int, ...], rows: int, rank: int) -> Tensor | Scaled:
    """``value[i] = w[placement[rank * rows + i]]``, scales with their rows: [E, ...] -> [rows, ...]."""
    own = torch.tensor(placement[rank * rows : (rank + 1) * rows])
    if isinstance(w, Scaled):
        return Scaled(rows_by_number(w.data, own), rows_by_number(w.scale, own), w.granule)
    return rows_by_number(w, own)
