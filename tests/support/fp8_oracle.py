"""FP8 quantisers and products written down a second time, in numpy, from what DeepSeek publishes.

Nothing of the compiler is used here, not even PyTorch's casts: an 8-bit format is the list of its numbers, and rounding
is looking for the nearest of them.  Sources: inference/kernel.py in deepseek-ai/DeepSeek-V3 (act_quant, fp8_gemm);
deep_gemm/utils/math.py in deepseek-ai/DeepGEMM (per_token_cast_to_fp8, per_block_cast_to_fp8, ceil_to_ue8m0).
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Format:
    """One sign bit, then exponent and mantissa."""

    dtype: torch.dtype
    mantissa_bits: int
    bias: int
    last_code: int
    """Code of the largest finite number."""
    nan_code: int
    overflow_code: int
    """What a number beyond the largest becomes."""
    negative_zero: bool


E4M3 = Format(torch.float8_e4m3fn, 3, 7, 0x7E, 0x7F, 0x7F, True)
E5M2 = Format(torch.float8_e5m2, 2, 15, 0x7B, 0x7E, 0x7C, True)
E4M3FNUZ = Format(torch.float8_e4m3fnuz, 3, 8, 0x7F, 0x80, 0x80, False)


@cache
def magnitudes(form: Format) -> F64:
    """The numbers of codes 0 .. last + 1, ascending; the last one is where the format would go on."""
    codes = np.arange(form.last_code + 2)
    exponent, mantissa = codes >> form.mantissa_bits, codes & ((1 << form.mantissa_bits) - 1)
    one = float(1 << form.mantissa_bits)
    normal = 2.0 ** (exponent - form.bias) * (1 + mantissa / one)
    return np.where(exponent == 0, 2.0 ** (1 - form.bias) * mantissa / one, normal)


def largest(form: Format) -> float:
    """The largest finite number."""
    return float(magnitudes(form)[form.last_code])


def rounded(x: F32, form: Format = E4M3, *, saturate: bool = False) -> Tensor:
    """Nearest number of the format; of two equally near ones that with the even code."""
    numbers = magnitudes(form)
    halfway = (numbers[:-1] + numbers[1:]) / 2
    wide = np.abs(x.astype(np.float64))
    if saturate:
        wide = np.minimum(wide, numbers[form.last_code])
    below, above = np.searchsorted(halfway, wide, side="left"), np.searchsorted(halfway, wide, side="right")
    code = np.where(below % 2 == 0, below, above)
    negative = np.signbit(x)
    signed = np.where(negative & (form.negative_zero | (code > 0)), code | 0x80, code)
    overflow = np.where(negative & (form.overflow_code < 0x80), form.overflow_code | 0x80, form.overflow_code)
    signed = np.where(code > form.last_code, overflow, signed)
    signed = np.where(np.isnan(x), form.nan_code, signed)
    return torch.from_numpy(signed.astype(np.uint8)).view(form.dtype)


def as_f32(x: Tensor) -> F32:
    """Any floating-point tensor as numpy's f32."""
    return x.detach().to(torch.float32).numpy()


def power_of_two_above(scale: F32) -> F32:
    """``2 ** ceil(log2 scale)`` as written in DeepSeek's kernel, with logarithms that are accurate enough."""
    return np.exp2(np.ceil(np.log2(scale.astype(np.float64)))).astype(np.float32)


def ceil_to_ue8m0(scale: F32) -> F32:
    """The same by exponent bits, as DeepGEMM writes it."""
    bits = scale.view(np.int32)
    exponent = (bits >> 23) & 0xFF
    raised = exponent + ((bits & 0x7FFFFF) != 0)
    return (np.clip(raised, 1, 254) << 23).astype(np.int32).view(np.float32)


class Quantized(NamedTuple):
    """8-bit data, and the multipliers that give the numbers back: one per block."""

    data: Tensor
    scale: Tensor


def scale_of(amax: F32, *, pow2: bool, deepgemm: bool, floor: float, form: Format) -> F32:
    """``max(amax, floor) / largest``, perhaps raised to a power of two."""
    scale = np.maximum(amax, np.float32(floor)) / np.float32(largest(form))
    assert scale.dtype == np.float32
    if not pow2:
        return scale
    return ceil_to_ue8m0(scale) if deepgemm else power_of_two_above(scale)


def quantize_block(x: F32, scale: np.float32, *, deepgemm: bool, form: Format, saturate: bool) -> Tensor:
    """``x / scale`` (DeepSeek) or ``x * (1 / scale)`` (DeepGEMM), rounded."""
    quotient = x * (np.float32(1.0) / scale) if deepgemm else x / scale
    assert quotient.dtype == np.float32
    return rounded(quotient, form, saturate=saturate)


def quantize_weight(
    w: Tensor,
    block: tuple[int, int] = (128, 128),
    *,
    pow2: bool = False,
    deepgemm: bool = True,
    floor: float = 1e-4,
    form: Format = E4M3,
    saturate: bool = False,
) -> Quantized:
    """One scale per block of rows and columns of ``w [N, K]``; blocks at the edges as if filled up with zeros.

    ``deepgemm``: multiply by the reciprocal, as per_block_cast_to_fp8 does; else divide.
    """
    values = as_f32(w)
    rows, columns = block
    grid = (-(-values.shape[0] // rows), -(-values.shape[1] // columns))
    data, scales = torch.empty(w.shape, dtype=form.dtype), np.empty(grid, np.float32)
    for i in range(grid[0]):
        for j in range(grid[1]):
            part = np.s_[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
            amax = np.max(np.abs(values[part])).astype(np.float32).reshape(1)
            scales[i, j] = scale_of(amax, pow2=pow2, deepgemm=deepgemm, floor=floor, form=form)[0]
            data[part] = quantize_block(values[part], scales[i, j], deepgemm=deepgemm, form=form, saturate=saturate)
    return Quantized(data, torch.from_numpy(scales))


def quantize_activation(
    x: Tensor,
    granule: int = 128,
    *,
    pow2: bool = False,
    deepgemm: bool = False,
    floor: float = 1e-4,
    form: Format = E4M3,
    saturate: bool = False,
) -> Quantized:
    """One scale per row and ``granule`` elements of K of ``x [..., K]``: act_quant, or per_token_cast_to_fp8."""
    rows = x.reshape(-1, x.shape[-1])
    found = quantize_weight(rows, (1, granule), pow2=pow2, deepgemm=deepgemm, floor=floor, form=form, saturate=saturate)
    return Quantized(found.data.view(x.shape), found.scale.view(*x.shape[:-1], found.scale.shape[-1]))


def dequantize(q: Quantized, block: tuple[int, int]) -> Tensor:
    """``f32(data) * scale`` per block of ``[N, K]``, in f32."""
    values = as_f32(q.data)
    for i in range(q.scale.shape[0]):
        for j in range(q.scale.shape[1]):
            part = np.s_[i * block[0] : (i + 1) * block[0], j * block[1] : (j + 1) * block[1]]
            values[part] = values[part] * np.float32(q.scale[i, j].item())
    return torch.from_numpy(values)


def gemm(x: Quantized, w: Quantized, granule: int = 128, w_rows: int = 128) -> Tensor:
    """fp8_gemm: ``acc += dot(x, w) * s_x * s_w`` per block of K, f32: x [M, K], w [N, K] -> [M, N] f32."""
    left, right = as_f32(x.data).astype(np.float64), as_f32(w.data).astype(np.float64)
    total = np.zeros((left.shape[0], right.shape[0]), np.float32)
    row_scale = as_f32(x.scale)
    column_scale = np.repeat(as_f32(w.scale), w_rows, axis=0)[: right.shape[0]]
    for block in range(row_scale.shape[1]):
        k = np.s_[:, block * granule : (block + 1) * granule]
        partial = (left[k] @ right[k].T).astype(np.float32)
        scale = np.outer(row_scale[:, block], column_scale[:, block])
        assert scale.dtype == np.float32
        total = total + partial * scale
    return torch.from_numpy(total)


@dataclass(frozen=True)
class Recipe:
    """How ``linear`` quantises its two sides; None stands for a whole dim."""

    granule: int | None = 128
    x_rows: int | None = 1
    w_rows: int | None = 128
    pow2: bool = False
    x_deepgemm: bool = False
    w_deepgemm: bool = True
    saturate: bool = False


RECIPES = {
    "deepseek-v3": Recipe(),
    "deepseek-v3.1": Recipe(pow2=True),
    "per-tensor": Recipe(granule=None, x_rows=None, w_rows=None, x_deepgemm=True, saturate=True),
    "mxfp8": Recipe(granule=32, w_rows=1, pow2=True, w_deepgemm=False, saturate=True),
}


def linear(x: Tensor, w: Tensor, recipe: str | Recipe = "deepseek-v3") -> Tensor:
    """``x @ w.T`` with both sides quantised here and now: x [..., K], w [N, K] -> [..., N] in x's type."""
    how = RECIPES[recipe] if isinstance(recipe, str) else recipe
    rows = x.reshape(-1, x.shape[-1])
    granule, x_rows, w_rows = how.granule or x.shape[-1], how.x_rows or max(1, len(rows)), how.w_rows or w.shape[0]
    xq = quantize_weight(rows, (x_rows, granule), pow2=how.pow2, deepgemm=how.x_deepgemm, saturate=how.saturate)
    wq = quantize_weight(w, (w_rows, granule), pow2=how.pow2, deepgemm=how.w_deepgemm, saturate=how.saturate)
    spread = Quantized(xq.data, xq.scale.repeat_interleave(x_rows, dim=0)[: len(rows)])
    return gemm(spread, wq, granule, w_rows).to(x.dtype).view(*x.shape[:-1], w.shape[0])
