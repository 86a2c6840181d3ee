"""Launches of kernels that no op stands for yet: gradients of weights, quantisation along tokens, LogFMT."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from matrix_launches import F32, activation, ints, meta
from row_launches import (
    run_logfmt_decode,
    run_logfmt_encode,
    run_transpose_quantize,
    run_transpose_quantize_rows,
    run_transpose_requantize,
)

from dsv3c.backends.triton.choices.wgrad import Gradient, candidates
from dsv3c.backends.triton.launchers.wgrad_mm import wgrad_mm
from dsv3c.backends.triton.runtime.gpu import Config, Gpu
from dsv3c.ir.targets import load_target

ROWS, COLUMNS, TOKENS, EXPERTS = 7168, 2048, 4096, 8
E4M3 = torch.float8_e4m3fn
H800 = load_target("h800")


def run_wgrad_mm(gpu: Gpu, config: Config, *, accumulate: bool, experts: int = 0) -> None:
    """Of one matrix, or of ``experts``."""
    grouped: dict[str, Any] = {"offsets": ints(experts + 1)} if experts else {}
    y = meta(*([experts] if experts else []), ROWS, COLUMNS, dtype=F32)
    a, b = activation(ROWS, TOKENS, E4M3), activation(COLUMNS, TOKENS, E4M3)
    wgrad_mm(gpu, a=a, b=b, y=y, **grouped, accumulate=accumulate, configs=[config])


def run_every_wgrad_mm(gpu: Gpu) -> None:
    """Every candidate, the smallest plain one first."""
    for accumulate in (True, False):
        found, _ = candidates(Gradient(ROWS, COLUMNS, TOKENS, accumulate=accumulate), H800)
        for config in reversed(found):
            run_wgrad_mm(gpu, config, accumulate=accumulate, experts=EXPERTS if accumulate else 0)


LAUNCHES: Mapping[str, Callable[[Gpu], None]] = {
    "wgrad_mm": run_every_wgrad_mm,
    "transpose_quantize": run_transpose_quantize,
    "transpose_quantize_rows": run_transpose_quantize_rows,
    "transpose_requantize": run_transpose_requantize,
    "logfmt_encode": run_logfmt_encode,
    "logfmt_decode": run_logfmt_decode,
}
