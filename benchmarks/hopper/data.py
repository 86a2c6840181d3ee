"""Operands: fresh random numbers with outliers, quantised for real, in the layouts that launchers take.

On the meta device values are left out and only sizes, strides and types remain: enough to ask which kernels are needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.runtime.space import Space
from dsv3c.backends.triton.tuning.tuned_choices import SHIPPED
from dsv3c.ir.targets import Target

FP8 = torch.float8_e4m3fn
LARGEST, FLOOR = 448.0, 1e-4
"""Largest number of e4m3, smallest largest number of a block."""
BLOCK = 128
OUTLIERS = 100.0
"""What a few rows and columns are multiplied by: 8 columns of 100 tell block scales from scales of a whole tensor."""
INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
Value = Tensor | Scaled | LatentCache
"""What launchers read and write."""


@dataclass
class Place:
    """Where a case is built: a device, what is compiled for it, and the seed of its numbers."""

    device: torch.device
    target: Target
    num_sms: int
    seed: int = 0
    tuned: str = SHIPPED
    """Tables of measured configurations, as for ``dsv3c compile --tuned``."""
    early_start: bool = True
    """Kernels may be started before those in front of them have ended, where the target lets them."""
    generator: torch.Generator | None = field(init=False)
    space: Space = field(init=False)

    def __post_init__(self) -> None:
        self.space = Space(self.device)
        self.generator = None
        if self.device.type != "meta":
            self.generator = torch.Generator(self.device)
            self.generator.manual_seed(self.seed)

    def other(self, index: int) -> "Place":
        """The same place with other numbers."""
        return Place(self.device, self.target, self.num_sms, self.seed + index, self.tuned, self.early_start)

    @property
    def pdl(self) -> bool:
        """Whether kernels are compiled and launched so."""
        return self.early_start and self.target.programmatic_launch

    @property
    def is_meta(self) -> bool:
        """Whether values are left out."""
        return self.device.type == "meta"

    def normal(self, *sizes: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        """Numbers of a standard normal distribution."""
        return torch.randn(sizes, generator=self.generator, device=self.device).to(dtype)

    def empty(self, *sizes: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        """Memory for a result, full of NaN (integers: the bits of it)."""
        made = self.space.tensor(sizes, dtype)
        poison(made)
        return made

    def empty_scaled(self, sizes: Sequence[int], granule: tuple[int, ...], layout: str = "row") -> Scaled:
        """Memory for a scaled result, poisoned."""
        made = self.space.scaled(sizes, FP8, granule, torch.float32, layout=layout)
        poison(made)
        return made

    def integers(self, values: Sequence[int] | Tensor, dtype: torch.dtype = torch.int32) -> Tensor:
        """A table."""
        return torch.as_tensor(values, dtype=dtype).to(self.device)

    def activation(self, rows: int, columns: int, *, outliers: bool = True) -> Tensor:
        """Rows [M, K] in bf16; every 17th row and 8 columns are large."""
        x = self.normal(rows, columns)
        if outliers and not self.is_meta:
            x[::17] *= OUTLIERS
            x[:, :: max(1, columns // 8)] *= OUTLIERS
        return x

    def quantized(self, x: Tensor, granule: tuple[int, ...], layout: str = "row") -> Scaled:
        """``x`` in e4m3 with f32 scales, in memory laid out as programs lay it out."""
        made = self.space.scaled(x.shape, FP8, granule, torch.float32, layout=layout)
        if not self.is_meta:
            data, scale = quantize(x, granule)
            made.data.copy_(data)
            made.scale.copy_(scale)
        return made

    def weight(self, *sizes: int) -> Scaled:
        """A weight [*, N, K] with a scale per 128 x 128 block."""
        made = self.space.scaled(sizes, FP8, (*(1 for _ in sizes[:-2]), BLOCK, BLOCK), torch.float32)
        if self.is_meta:
            return made
        # one matrix at a time: 256 experts in f32 would not fit
        data, scale = (part.view(-1, *part.shape[-2:]) for part in (made.data, made.scale))
        for index in range(data.shape[0]):
            found, scales = quantize(self.normal(*sizes[-2:]) / sizes[-1] ** 0.5, (BLOCK, BLOCK))
            data[index].copy_(found)
            scale[index].copy_(scales)
        return made


def quantize(x: Tensor, granule: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """``s = max(amax, 1e-4) / 448; round(x / s)`` per block of the last two dims of x [M, K], in f32."""
    (rows, columns), (gm, gn) = x.shape, granule[-2:]
    padded = torch.nn.functional.pad(x.float(), (0, -columns % gn, 0, -rows % gm))
    blocks = padded.view(padded.shape[0] // gm, gm, padded.shape[1] // gn, gn)
    scale = blocks.abs().amax((1, 3)).clamp(min=FLOOR) / LARGEST
    data = (blocks / scale[:, None, :, None]).clamp(-LARGEST, LARGEST).to(FP8)
    return data.view(padded.shape)[:rows, :columns], scale


def dequantized(q: Scaled, dtype: torch.dtype = torch.float64) -> Tensor:
    """The numbers that a scaled value [*, M, K] stands for."""
    scale = q.scale.to(dtype)
    for dim, (granule, size) in enumerate(zip(q.granule, q.data.shape, strict=True)):
        if granule > 1:
            scale = scale.repeat_interleave(granule, dim).narrow(dim, 0, size)
    return q.data.to(dtype) * scale


def parts(value: Value) -> dict[str, Tensor]:
    """The tensors that a value is made of."""
    match value:
        case Scaled():
            return {"data": value.data, "scale": value.scale}
        case LatentCache():
            found = {"latent": value.latent, "rope": value.rope, "scale": value.scale}
            return {name: part for name, part in found.items() if part is not None}
        case Tensor():
            return {"": value}


def as_integers(tensor: Tensor) -> Tensor:
    """The same memory as integers, strides kept."""
    return tensor.view(INTEGERS[tensor.dtype.itemsize])


def poison(value: Value) -> None:
    """Fill with bytes of ones: NaN in every floating-point type, -1 in every integer."""
    for part in parts(value).values():
        if part.device.type != "meta":
            as_integers(part).fill_(255 if part.dtype.itemsize == 1 else -1)


def num_bytes(values: Mapping[str, object]) -> int:
    """Bytes of all tensors among values, every memory once."""
    found = dict[tuple[int, int], int]()
    for value in values.values():
        if isinstance(value, Tensor | Scaled | LatentCache):
            for part in parts(value).values():
                found[part.data_ptr(), part.nbytes] = part.nbytes
    return sum(found.values())
