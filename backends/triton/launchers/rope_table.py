"""Cosines and sines of rotary positions.  P pairs of a rotary head (half its size)."""

from functools import lru_cache

import torch
from torch import Tensor

from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose


@lru_cache(maxsize=64)
def frequencies(inv_freq: tuple[float, ...], device: torch.device) -> Tensor:
    """Frequencies in f32 on a device: copied there once, before any launch is recorded."""
    return torch.tensor(inv_freq, dtype=torch.float32, device=device)


def rope_table(
    gpu: Gpu, *, positions: Tensor, cos: Tensor, sin: Tensor, configs: Configs, inv_freq: tuple[float, ...],
    scaling: float, dtype: str,
) -> None:  # fmt: skip
    """``cos|sin(f32(position) * inv_freq) * scaling``: positions [*] below 2^20 -> two [*, P] of type ``dtype``.

    positions are contiguous; angles in f32, functions in f64, rounded to f32 before the scaling.
    """
    if positions.numel() == 0:
        return
    rows, pairs = positions.numel(), len(inv_freq)
    config = choose(configs, rows)
    gpu.launch(
        "rope_table.rope_table_kernel",
        (cdiv(rows, config["block_m"]), 1, 1),
        {
            "positions_ptr": positions.view(-1),
            "inv_freq_ptr": frequencies(inv_freq, positions.device),
            "cos_ptr": cos,
            "sin_ptr": sin,
            "rows": rows,
            "pairs": Static(pairs),
        },
        {"BLOCK_M": config["block_m"], "BLOCK_N": config["block_n"], "SCALING": scaling},
        config,
    )
