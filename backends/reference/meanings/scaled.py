"""Meanings of the ``scaled`` dialect: quantisers, and what a scaled value is while a program runs.

Shape suffixes: x any leading dims, M and N rows, K columns, B blocks of K, E experts, D hidden, I width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from dsv3c.backends.reference.meanings import nn
from dsv3c.backends.reference.meanings.arithmetic import (
    QUANTIZATION,
    WIDE,
    follows_torch,
    product,
    weight_columns,
    wide,
    wide_columns,
)
from dsv3c.backends.reference.meanings.by_expert import ByExpert
from dsv3c.backends.reference.meanings.placing import forget_padding, padding_fill, rows_by_number
from dsv3c.backends.reference.meanings.scaled_products import BlockFactor, block_product

LARGEST: dict[torch.dtype, float] = {
    torch.float8_e4m3fn: 448.0,
    torch.float8_e4m3fnuz: 240.0,
    torch.float8_e5m2: 57344.0,
}
"""Largest finite number of each format."""
OVERFLOW: dict[torch.dtype, float] = {torch.float8_e4m3fn: 464.0}
"""Numbers beyond it round to NaN, whatever PyTorch's version makes of them (some clamp)."""


@dataclass(frozen=True, eq=False)
class Scaled:
    """``value[i, j] = f32(data[i, j]) * scale[i // gm, j // gn]``; a granule of 0 is the whole dim.

    ``scale`` is row-major, one entry per block, in the scales' own type.  Data of another type than 8-bit has not been
    quantised (see ``QUANTIZATION``).
    """

    data: Tensor
    scale: Tensor
    granule: tuple[int, ...]

    @property
    def shape(self) -> torch.Size:
        """Sizes of the data."""
        return self.data.shape

    @property
    def nbytes(self) -> int:
        """Bytes of data and scales."""
        return self.data.nbytes + self.scale.nbytes


class Quantizer(TypedDict):
    """How a value is quantised: the keyword arguments of ``quantize``."""

    granule: tuple[int, ...]
    data: torch.dtype
    scale: torch.dtype
    amax_floor: float | None
    static: float | None
    apply: str
    round_scale: str
    saturate: bool


def num_blocks(size: int, granule: int) -> int:
    """Scales along a dim."""
    return -(-size // granule) if granule else 1


def block_amax(x: Tensor, granule: Sequence[int]) -> Tensor:
    """Largest absolute value of every block, one dim per dim of ``x``; blocks at the edges have what is there."""
    grid = [num_blocks(size, step) for size, step in zip(x.shape, granule, strict=True)]
    if x.numel() == 0:
        return x.new_zeros(grid)
    steps = [step or size for size, step in zip(x.shape, granule, strict=True)]
    pads = [count * step - size for size, count, step in zip(x.shape, grid, steps, strict=True)]
    padded = F.pad(x.abs(), [amount for pad in reversed(pads) for amount in (0, pad)])
    blocked = padded.reshape([part for pair in zip(grid, steps, strict=True) for part in pair])
    return blocked.amax(dim=list(range(1, 2 * x.dim(), 2)))


def spread(scale: Tensor, granule: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """The scale of every element in f32: a tensor of these sizes (or 1 where one scale serves a whole dim)."""
    scale = scale.to(torch.float32)
    for dim, (step, size) in enumerate(zip(granule, sizes, strict=True)):
        if step > 1:
            scale = scale.repeat_interleave(step, dim=dim).narrow(dim, 0, size)
    return scale


def up_to_pow2(s: Tensor) -> Tensor:
    """``2^ceil(log2 s)`` of positive f32 numbers, exactly, within 2^-126..2^127; what is not finite stays."""
    mantissa, exponent = torch.frexp(s)
    above = (exponent - (mantissa == 0.5).to(torch.int32)).clamp(-126, 127)
    power = ((above + 127) << 23).view(torch.float32)
    return torch.where(torch.isfinite(s), power, s)


def round_to(y: Tensor, dtype: torch.dtype, *, saturate: bool) -> Tensor:
    """f32 to a format, nearest, ties to even; beyond its range the largest number, or else NaN (infinity in e5m2)."""
    if saturate:
        y = y.clamp(-LARGEST[dtype], LARGEST[dtype])
    elif dtype in OVERFLOW:
        y = torch.where(y.abs() > OVERFLOW[dtype], torch.nan, y)
    return y.to(dtype)


def quantize(x: Tensor, **how: Unpack[Quantizer]) -> Scaled:
    """``s = max(amax, floor) / largest; data = round(x / s)`` per block, in f32: x [*] -> scaled [*].

    apply "reciprocal": ``round(x * (1 / s))``; round_scale "pow2": s is raised to a power of two; a static scale is
    taken as it is.
    """
    granule, data = how["granule"], how["data"]
    grid = [num_blocks(size, step) for size, step in zip(x.shape, granule, strict=True)]
    if not QUANTIZATION.get():
        return Scaled(x, torch.ones(grid).to(how["scale"]), granule)
    x32, static, floor = x.to(torch.float32), how["static"], how["amax_floor"]
    if static is not None:
        s = torch.full(grid, static, dtype=torch.float32)
    else:
        s = block_amax(x32, granule).clamp(min=floor) / LARGEST[data]
        s = up_to_pow2(s) if how["round_scale"] == "pow2" else s
    divides = how["apply"] == "divide"
    factors = spread(s if divides else 1 / s, granule, x.shape)
    y = x32 / factors if divides else x32 * factors
    return Scaled(round_to(y, data, saturate=how["saturate"]), s.to(how["scale"]), granule)


def is_quantized(q: Scaled) -> bool:
    """Whether the data is in an 8-bit format."""
    return q.data.dtype in LARGEST


def dequantize(q: Scaled, *, dtype: torch.dtype) -> Tensor:
    """``round(f32(data) * s)``: the product in f32 (f64 data: in f64), rounded once to ``dtype``: scaled [*] -> [*]."""
    work = torch.float64 if q.data.dtype == torch.float64 else torch.float32
    return (q.data.to(work) * spread(q.scale, q.granule, q.shape)).to(dtype)


def assemble(data: Tensor, scale: Tensor, *, granule: tuple[int, ...]) -> Scaled:
    """Data and its scales as one value."""
    return Scaled(data, scale, granule)


def relayout(q: Scaled, *, scale: torch.dtype) -> Scaled:
    """The scales in another type; layouts of memory are all row-major here."""
    return Scaled(q.data, q.scale.to(scale), q.granule)


def factor(q: Scaled) -> BlockFactor:
    """The rows of a value [*, K] with a scale per row and block of K."""
    leading, last = q.granule[:-1], q.granule[-1] or max(1, q.shape[-1])
    scales = spread(q.scale, (*leading, 1), (*q.shape[:-1], q.scale.shape[-1]))
    return BlockFactor(q.data, scales.expand(*q.shape[:-1], scales.shape[-1]), last)


def mm(x: Scaled, w: Scaled, bias: Tensor | None = None, *, dtype: torch.dtype, promote: int | None) -> Tensor:
    """``sum_b (sum_{k in b} x[*, k] * w[n, k]) * (s_x * s_w) (+ bias[n])``: scaled [*, K] and [N, K] -> [*, N].

    See ``block_product``; bias is added in f32, the result rounded once to ``dtype``.  With a factor that is not
    quantised it is the plain product of the values, rounded once.
    """
    if not (is_quantized(x) and is_quantized(w)):
        y = product(values(x), values(w))
        return (y if bias is None else y + wide(bias)).to(dtype)
    rows, columns = factor(x), factor(w)
    y_MN = block_product(rows.flat(), columns, weight_columns(w.data), promote)
    y_xN = y_MN.view(*x.shape[:-1], w.shape[0])
    return (y_xN if bias is None else y_xN + bias.to(torch.float32)).to(dtype)


def values(q: Scaled) -> Tensor:
    """The numbers a scaled value stands for, as accurate as it is: data that is not quantised has scales of 1."""
    return dequantize(q, dtype=torch.float32) if is_quantized(q) else q.data


def grouped_mm(
    x: Scaled,
    w: Scaled | ByExpert,
    expert_of: Tensor,
    *,
    dtype: torch.dtype,
    promote: int | None,
    skips_padding: bool = False,
) -> Tensor:
    """Row m times the matrix of expert ``expert_of[m]``: scaled [M, K], scaled [E, N, K], [M] -> [M, N].

    A row of expert -1 is zero, or unspecified if it is skipped.  Arithmetic as ``mm``.
    """
    y_MN = torch.full((x.shape[0], w.shape[1]), padding_fill(0.0, skips_padding=skips_padding), dtype=dtype)
    if isinstance(w, ByExpert):
        for expert in torch.unique(expert_of[expert_of >= 0]).tolist():
            chosen = (expert_of == expert).nonzero().squeeze(-1)
            rows = Scaled(rows_by_number(x.data, chosen), rows_by_number(x.scale, chosen), x.granule)
            y_MN[chosen] = product_once(rows, w[expert], promote).to(dtype)
        return y_MN
    quantized = is_quantized(x) and is_quantized(w)
    left, right = (x.data, w.data) if quantized else (values(x), values(w))
    rows, matrices, kept = factor(x), factor(w), WIDE.columns(right)
    x_MK = wide(left)
    for expert in torch.unique(expert_of).tolist():
        if expert < 0:
            continue
        chosen = (expert_of == expert).nonzero().squeeze(-1)
        columns_KN = wide_columns(right[expert]) if kept is None else kept[expert]
        if not quantized:
            y_MN[chosen] = torch.matmul(x_MK[chosen], columns_KN).to(dtype)
            continue
        mine = BlockFactor(x_MK[chosen], rows.scales[chosen], rows.granule)
        matrix = BlockFactor(w.data[expert], matrices.scales[expert], matrices.granule)
        y_MN[chosen] = block_product(mine, matrix, columns_KN, promote).to(dtype)
    return y_MN


def product_once(x: Scaled, w: Scaled, promote: int | None) -> Tensor:
    """``mm`` of [M, K] and [N, K] before it is rounded, with no f64 copy of the weight kept."""
    if is_quantized(x) and is_quantized(w):
        return block_product(factor(x), factor(w), wide_columns(w.data), promote)
    return torch.matmul(wide(values(x)), wide_columns(values(w)))


def rms_norm(
    x: Tensor, weight: Tensor, *, eps: float, weight_in: str, intermediate: torch.dtype, keep: bool,
    **how: Unpack[Quantizer],
) -> Scaled | tuple[Scaled, Tensor]:  # fmt: skip
    """``nn.rms_norm`` with ``intermediate`` in place of x's type, then ``quantize``: x [*, D] -> scaled [*, D].

    keep: also the normalised rows, rounded to x's type.
    """
    if intermediate != x.dtype:
        weight = weight.to(torch.promote_types(weight.dtype, intermediate))
    n = nn.rms_norm(x.to(intermediate), weight, eps=eps, weight_in=weight_in)
    q = quantize(n, **how)
    return (q, n.to(x.dtype)) if keep else q


def swiglu(
    gate: Tensor, up: Tensor, expert_of: Tensor | None = None, *, intermediate: str, rounded_to: torch.dtype,
    **how: Unpack[Quantizer],
) -> Scaled:  # fmt: skip
    """``nn.swiglu`` rounded to ``rounded_to``, then ``quantize``: gate, up [*, I] -> scaled [*, I].

    With expert_of [M]: data and scales of rows with expert -1 are unspecified.
    """
    if expert_of is not None:
        q = swiglu(gate, up, intermediate=intermediate, rounded_to=rounded_to, **how)
        return Scaled(forget_padding(q.data, expert_of), forget_padding(q.scale, expert_of), q.granule)
    if rounded_to == gate.dtype:
        y = nn.swiglu(gate, up, intermediate=intermediate)
    elif follows_torch():
        silu = F.silu(gate if intermediate == "input" else gate.to(torch.float32))
        y = (silu.to(torch.float32) * up.to(torch.float32)).to(rounded_to)
    else:
        gate64 = wide(gate)
        silu = gate64 / (1 + torch.exp(-gate64))
        y = (wide(silu.to(gate.dtype) if intermediate == "input" else silu) * wide(up)).to(rounded_to)
    return quantize(y, **how)
