"""Inputs and empty outputs for tests of kernels on rows."""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled, num_blocks
from dsv3c.backends.triton.launchers.rows import TYPES

V3: dict[str, object] = {
    "granule": (1, 128), "data": "f8E4M3FN", "amax_floor": 1e-4, "apply": "divide", "round_scale": "none",
    "saturate": False,
}  # fmt: skip
"""How DeepSeek-V3 quantises activations."""


def empty_scaled(sizes: tuple[int, ...], granule: tuple[int, ...], data: str, layout: str = "row") -> Scaled:
    """Memory for a scaled value; ``mn_major``: columns of scales, padded to 4."""
    grid = [num_blocks(size, step) for size, step in zip(sizes, granule, strict=True)]
    if layout == "row":
        return Scaled(torch.empty(sizes, dtype=TYPES[data]), torch.empty(grid), granule)
    rows, blocks = grid
    pitch = (rows + 3) // 4 * 4
    scale = torch.empty(max(1, blocks * pitch)).as_strided((rows, blocks), (1, pitch))
    return Scaled(torch.empty(sizes, dtype=TYPES[data]), scale, granule)


def rows(m: int, n: int, kind: torch.dtype = torch.bfloat16, seed: int = 0) -> Tensor:
    """Rows of very different size, with outliers and zeros."""
    torch.manual_seed(m * 1000 + n + seed)
    x = torch.randn(m, n) * torch.logspace(-6, 4, max(m, 1))[:m, None]
    x[:, ::37] *= 300
    x[:, 5:9] = 0
    return x.to(kind)
