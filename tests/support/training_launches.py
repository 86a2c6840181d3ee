"""Launches of weight gradients at the sizes of DeepSeek-V3, on tensors without data."""

from typing import Any

import torch
from matrix_launches import F32, activation, ints, meta

from dsv3c.backends.triton.launchers.wgrad_mm import wgrad_mm
from dsv3c.backends.triton.runtime.gpu import Config, Gpu

ROWS, COLUMNS, TOKENS = 7168, 2048, 4096
E4M3 = torch.float8_e4m3fn


def run_wgrad_mm(gpu: Gpu, config: Config, *, accumulate: bool, experts: int = 0) -> None:
    """Of one matrix, or of ``experts``."""
    grouped: dict[str, Any] = {"offsets": ints(experts + 1)} if experts else {}
    y = meta(*([experts] if experts else []), ROWS, COLUMNS, dtype=F32)
    a, b = activation(ROWS, TOKENS, E4M3), activation(COLUMNS, TOKENS, E4M3)
    wgrad_mm(gpu, a=a, b=b, y=y, **grouped, accumulate=accumulate, configs=[config])
