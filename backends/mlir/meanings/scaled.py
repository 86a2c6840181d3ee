"""Block-scaled values: 8-bit data beside its scales, both tensors of the exported program.

Shape suffixes: x any leading dims, M and N rows, K columns, B blocks of K, E experts.
"""

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor
from torch.nn import functional

from dsv3c.backends.mlir.meanings import dense
from dsv3c.backends.mlir.meanings.views import reshape as reshape_tensor
from dsv3c.backends.reference.meanings.scaled import LARGEST, OVERFLOW, Quantizer, Scaled, num_blocks


def blocked(x: Tensor, granule: Sequence[int]) -> tuple[Tensor, list[int]]:
    """``x`` with every dim of blocks split in two, zeros behind it; and which dims run within a block.

    A dim that is one block stays: its scale has one element there.
    """
    pads, sizes, inner = list[int](), list[int](), list[int]()
    for size, step in zip(x.shape, granule, strict=True):
        splits = step > 1
        pads = [0, num_blocks(size, step) * step - size if splits else 0, *pads]
        sizes += [num_blocks(size, step), step] if splits else [size]
        if splits:
            inner.append(len(sizes) - 1)
    return reshape_tensor(functional.pad(x, pads) if any(pads) else x, sizes), inner


def beside(scale: Tensor, inner: Sequence[int]) -> Tensor:
    """Scales with a dim of one element within every block."""
    for dim in inner:
        scale = scale.unsqueeze(dim)
    return scale


def joined(y: Tensor, like: Tensor, granule: Sequence[int]) -> Tensor:
    """The inverse of ``blocked``: the sizes of ``like``."""
    sizes = [num_blocks(size, step) * (step or size) for size, step in zip(like.shape, granule, strict=True)]
    y = reshape_tensor(y, sizes)
    for dim, (size, padded) in enumerate(zip(like.shape, sizes, strict=True)):
        if padded != size:
            y = y.narrow(dim, 0, size)
    return y


def quantize(x: Tensor, **how: Unpack[Quantizer]) -> Scaled:
    """``s = max(amax, floor) / largest; data = round(x / s)`` per block, in f32: x [*] -> scaled [*]."""
    granule, data, static, floor = how["granule"], how["data"], how["static"], how["amax_floor"]
    x32, inner = blocked(x.to(torch.float32), granule)
    if static is None:
        assert floor is not None, "a quantiser has a floor or a static scale"
        whole = [dim for dim, step in enumerate(granule) if step == 0]
        largest = x32.abs().amax(dim=inner) if inner else x32.abs()
        largest = largest.amax(dim=whole, keepdim=True) if whole else largest
        s = largest.clamp(min=floor) / LARGEST[data]
    else:
        grid = [num_blocks(size, step) for size, step in zip(x.shape, granule, strict=True)]
        s = torch.full(grid, static, dtype=torch.float32)
    factors = beside(s, inner)
    y = x32 / factors if how["apply"] == "divide" else x32 * (1 / factors)
    if how["saturate"]:
        y = y.clamp(-LARGEST[data], LARGEST[data])
    elif data in OVERFLOW:
        y = torch.where(y.abs() > OVERFLOW[data], float("nan"), y)
    return Scaled(joined(y, x, granule).to(data), s.to(how["scale"]), granule)


def dequantize(q: Scaled, *, dtype: torch.dtype) -> Tensor:
    """``round(f32(data) * s)``, rounded once to ``dtype``: scaled [*] -> [*]."""
    data, inner = blocked(q.data.to(torch.float32), q.granule)
    return joined(data * beside(q.scale.to(torch.float32), inner), q.data, q.granule).to(dtype)


def row_blocks(q: Scaled) -> tuple[Tensor, Tensor]:
    """Data in f32 as [*, M, B, g] with zeros behind K, and its scales [*, M, B], one per row and block of K."""
    rows, granule = q.data.shape[-2], (*(1 for _ in q.data.shape[:-1]), q.granule[-1])
    data, inner = blocked(q.data.to(torch.float32), granule)
    data = data if inner else data.unsqueeze(-2)
    scale, step = q.scale.to(torch.float32), q.granule[-2] or rows
    if step > 1:
        leading, (blocks, columns) = scale.shape[:-2], scale.shape[-2:]
        scale = scale.unsqueeze(-2).expand(*leading, blocks, step, columns)
        scale = scale.flatten(-3, -2).narrow(-2, 0, rows)
    return data, scale


def block_product(x: Scaled, w: Scaled) -> Tensor:
    """``sum_b (sum_{k in b} x[m, k] * w[n, k]) * (s_x[m, b] * s_w[n, b])``, f32: [*, M, K], [*, N, K] -> [*, M, N]."""
    x_MBg, s_MB = row_blocks(x)
    w_NBg, s_NB = row_blocks(w)
    partial_BMN = torch.matmul(x_MBg.transpose(-3, -2), w_NBg.movedim(-3, -1))
    scales_BMN = s_MB.transpose(-2, -1).unsqueeze(-1) * s_NB.transpose(-2, -1).unsqueeze(-2)
    return (partial_BMN * scales_BMN).sum(dim=-3)


def mm(x: Scaled, w: Scaled, bias: Tensor | None = None, *, dtype: torch.dtype, promote: int | None) -> Tensor:
    """Scaled [*, K] and [N, K] -> [*, N]; bias is added in f32, the result rounded once to ``dtype``."""
    flat = Scaled(flattened(x.data), flattened(x.scale), (1, x.granule[-1]))
    y = reshape_tensor(block_product(flat, w), [*x.data.shape[:-1], w.data.shape[0]])
    return (y if bias is None else y + bias.to(torch.float32)).to(dtype)


def flattened(x: Tensor) -> Tensor:
    """All leading dims in one."""
    return x.flatten(0, -2)


def grouped_mm(
    x: Scaled,
    w: Scaled,
    expert_of: Tensor,
    *,
    dtype: torch.dtype,
    promote: int | None,
    skips_padding: bool = False,
) -> Tensor:
    """Rows of a dense ``permute`` times their expert's matrix, padding too: scaled [M, K], [E, N, K] -> [M, N]."""
    experts = w.data.shape[0]
    data = x.data.unflatten(0, (experts, x.data.shape[0] // experts))
    # one scale for all rows is every expert's
    scale = x.scale.unflatten(0, (experts, x.scale.shape[0] // experts)) if x.granule[0] else x.scale.unsqueeze(0)
    return block_product(Scaled(data, scale, (1, 1, x.granule[-1])), w).flatten(0, 1).to(dtype)


def rms_norm(
    x: Tensor, weight: Tensor, *, eps: float, weight_in: str, intermediate: torch.dtype, keep: bool,
    **how: Unpack[Quantizer],
) -> Scaled | tuple[Scaled, Tensor]:  # fmt: skip
    """``nn.rms_norm`` with ``intermediate`` in place of x's type, then ``quantize``; keep: the rows, too."""
    if intermediate != x.dtype:
        weight = weight.to(torch.promote_types(weight.dtype, intermediate))
    n = dense.rms_norm(x.to(intermediate), weight, eps=eps, weight_in=weight_in)
    q = quantize(n, **how)
    return (q, n.to(x.dtype)) if keep else q


def swiglu(
    gate: Tensor, up: Tensor, expert_of: Tensor | None = None, *, intermediate: str, rounded_to: torch.dtype,
    **how: Unpack[Quantizer],
) -> Scaled:  # fmt: skip
    """``nn.swiglu`` of all rows, rounded to ``rounded_to``, then ``quantize``: gate, up [*, I] -> scaled [*, I]."""
    gate32 = gate.to(torch.float32)
    silu = gate32 * torch.sigmoid(gate32)
    silu = silu.to(gate.dtype).to(torch.float32) if intermediate == "input" else silu
    return quantize((silu * up.to(torch.float32)).to(rounded_to), **how)


def reshape(q: Scaled, *, sizes: Sequence[int], grid: Sequence[int], granule: tuple[int, ...]) -> Scaled:
    """Data dealt out to ``sizes``, scales to ``grid``."""
    return Scaled(reshape_tensor(q.data, sizes), reshape_tensor(q.scale, grid), granule)
