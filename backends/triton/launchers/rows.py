"""What launchers of kernels on rows share: a value [*, N] as [M, N], and the element types' names."""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.runtime.gpu import Config, Constant, Gpu, Static

LARGEST = {"f8E4M3FN": 448.0, "f8E4M3FNUZ": 240.0, "f8E5M2": 57344.0}
"""Largest finite number of each 8-bit format."""
TYPES = {
    "f8E4M3FN": torch.float8_e4m3fn,
    "f8E4M3FNUZ": torch.float8_e4m3fnuz,
    "f8E5M2": torch.float8_e5m2,
    "bf16": torch.bfloat16,
    "f16": torch.float16,
    "f32": torch.float32,
}
"""Element types by their MLIR names."""
RESIDENT_WARPS = 32
"""Of a multiprocessor, that walk rows of experts: with 64 registers a thread no more are resident."""


def as_rows(x: Tensor) -> Tensor:
    """``[*, N]`` as ``[M, N]``, without a copy.  Raises ValueError where strides do not allow that."""
    rows = x.unsqueeze(0) if x.dim() == 1 else flattened(x, 1)
    if rows.shape[1] > 1 and rows.stride(1) != 1:
        raise ValueError(f"rows of {tuple(x.shape)} with strides {x.stride()} are not contiguous")
    return rows


def flattened(x: Tensor, kept: int) -> Tensor:
    """All dims but the last ``kept`` as one.  Raises ValueError where strides do not allow that without a copy.

    The distance of two rows is the one that the strides say also where a step has one row: it is part of a kernel's
    key, and PyTorch's views make up another.
    """
    sizes, strides = x.shape[:-kept], x.stride()[:-kept]
    if len(sizes) == 1:
        return x
    distances = [stride for size, stride in zip(sizes, strides, strict=True) if size > 1]
    distance, rows = distances[-1] if distances else strides[-1], 1
    for size, stride in zip(reversed(sizes), reversed(strides), strict=True):
        if size > 1 and x.numel() and stride != rows * distance:
            raise ValueError(f"{tuple(x.shape)} with strides {x.stride()} is not rows at equal distances")
        rows *= size
    return x.as_strided((rows, *x.shape[-kept:]), (distance, *x.stride()[-kept:]))


def row_stride(x: Tensor | None) -> Static:
    """From a row of x [*, N] to the next; 0 of an absent value.  Raises ValueError as ``as_rows`` does."""
    return Static(0 if x is None else as_rows(x).stride(0))


def scale_strides(q: Scaled) -> tuple[int, int]:
    """From a row's scale to the next row's, and from a block's to the next block's."""
    return (0, q.scale.stride(0)) if q.scale.dim() == 1 else flat_strides(q.scale)


def flat_strides(scale: Tensor) -> tuple[int, int]:
    """Strides of the rows (all dims but the last) and of the last dim.  Raises ValueError as ``flattened`` does."""
    rows = flattened(scale, 1)
    return rows.stride(0), rows.stride(1)


def walking(gpu: Gpu, config: Config, across: int, blocks: int) -> int:
    """Programs that walk so many blocks of rows, in each of ``across`` tiles of columns: those that are resident."""
    return min(blocks, max(1, gpu.num_sms * max(1, RESIDENT_WARPS // config["num_warps"]) // across))


def quantizer_constants(
    *, data: str, granule: tuple[int, ...], amax_floor: float | None, apply: str, round_scale: str, saturate: bool
) -> dict[str, Constant]:
    """What kernels that end in ``store_quantized`` are compiled for."""
    if amax_floor is None:
        raise ValueError("scales per block need a smallest largest value")
    return {
        "GRANULE": granule[-1],
        "AMAX_FLOOR": amax_floor,
        "APPLY": apply,
        "ROUND_SCALE": round_scale,
        "SATURATE": saturate,
        "LARGEST": LARGEST[data],
    }
