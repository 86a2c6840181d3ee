"""Element types: Triton's names for PyTorch's, which type an operation has, and exact conversions."""

from typing import Any

import torch
import triton.language as tl
from torch import Tensor

from dsv3c.backends.triton.gluon_emulation.errors import EmulationError, Unknown

TORCH: dict[str, torch.dtype] = {
    "int1": torch.bool,
    "uint8": torch.uint8,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "int64": torch.int64,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp32": torch.float32,
    "fp64": torch.float64,
    "fp8e4nv": torch.float8_e4m3fn,
    "fp8e5": torch.float8_e5m2,
}
"""By the names that Triton prints."""
ELEMENTS: dict[torch.dtype, Any] = {
    torch.bool: tl.int1,
    torch.uint8: tl.uint8,
    torch.int8: tl.int8,
    torch.int16: tl.int16,
    torch.int32: tl.int32,
    torch.int64: tl.int64,
    torch.float16: tl.float16,
    torch.bfloat16: tl.bfloat16,
    torch.float32: tl.float32,
    torch.float64: tl.float64,
    torch.float8_e4m3fn: tl.float8e4nv,
    torch.float8_e5m2: tl.float8e5,
}
FP8 = (torch.float8_e4m3fn, torch.float8_e5m2)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
Number = bool | int | float


def torch_type(element: Any) -> torch.dtype:
    """PyTorch's type for one of Triton's.  Raises Unknown for one that is not emulated."""
    name = str(element)
    if name not in TORCH:
        raise Unknown(f"the emulator has no numbers of type {name}")
    return TORCH[name]


def type_of_number(number: Number) -> torch.dtype:
    """The type that Triton gives a number in the text."""
    if isinstance(number, bool):
        return torch.bool
    if isinstance(number, int):
        return torch.int32 if -(2**31) <= number < 2**31 else torch.int64
    return torch.float32


def kind(element: torch.dtype) -> int:
    """bool < integer < float."""
    return 0 if element == torch.bool else 1 if element in INTEGERS else 2


def common_type(a: torch.dtype, a_is_number: bool, b: torch.dtype, b_is_number: bool, divides: bool) -> torch.dtype:
    """The type in which Triton computes (``computation_type_impl`` of its semantics).

    Raises EmulationError for 8-bit floats: kernels convert what they load before they compute.
    """
    if a_is_number != b_is_number:
        number, other = (a, b) if a_is_number else (b, a)
        if kind(number) <= kind(other):
            a = b = other
    pair = {a, b}
    if pair & set(FP8):
        raise EmulationError(f"arithmetic on {a} and {b}: convert 8-bit floats first")
    if torch.float64 in pair:
        return torch.float64
    if 2 in {kind(a), kind(b)} and (divides or torch.float32 in pair):
        return torch.float32
    if torch.float16 in pair:
        return torch.float16
    if torch.bfloat16 in pair:
        return torch.bfloat16 if a == b else torch.float32
    return wider_integer(a, b)


def wider_integer(a: torch.dtype, b: torch.dtype) -> torch.dtype:
    """Integer promotion: the wider; of equally wide ones the unsigned."""
    if a == b:
        return a
    if a.itemsize == b.itemsize:
        return b if a == torch.bool else a if b == torch.bool else torch.uint8
    return a if a.itemsize > b.itemsize else b


def convert(data: Tensor, element: torch.dtype) -> Tensor:
    """Rounded to nearest, ties to even; 8-bit floats saturate; integers wrap, floats are cut off towards zero."""
    if data.dtype == element:
        return data
    if data.dtype in FP8:
        data = data.to(torch.float32)
    if element in FP8:  # cvt.rn.satfinite: what is too large becomes the largest
        limits = torch.finfo(element)
        wide = data if data.dtype == torch.float64 else data.to(torch.float32)
        return wide.clamp(limits.min, limits.max).to(element)
    if data.dtype.is_floating_point and element in INTEGERS:
        limits = torch.iinfo(element)
        whole = data.double().trunc().nan_to_num(0.0).clamp(limits.min, limits.max)
        # 2**63 - 1 is no double: the clamp to 2**63 would wrap.
        top = whole >= 2.0**63
        return torch.where(top, 0.0, whole).to(element).masked_fill(top, limits.max)
    return data.to(element)


def poison(shape: tuple[int, ...], element: torch.dtype) -> Tensor:
    """What a masked load leaves in lanes that nothing was said about: anything, so what shows when it is used."""
    if element == torch.bool:
        return torch.ones(shape, dtype=element)
    raw = torch.full((*shape, element.itemsize), 0x7F, dtype=torch.uint8)  # NaN in 8-bit floats, large elsewhere
    if element.is_floating_point:
        raw.fill_(0xFF)
    return raw.view(element).reshape(shape)


def span(tensor: Tensor) -> int:
    """Elements from a tensor's first to its last, gaps between rows included."""
    if tensor.numel() == 0:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def flat(tensor: Tensor) -> Tensor:
    """A tensor's memory as one row, in place."""
    return tensor.as_strided((span(tensor),), (1,), tensor.storage_offset())


def reread(tensor: Tensor, element: torch.dtype) -> Tensor:
    """A tensor's memory as one row of other elements, in place; what is no whole element at its end is left out.

    Raises EmulationError where the memory does not start where such an element can.
    """
    row = flat(tensor).view(torch.uint8)
    try:
        return row[: row.numel() // element.itemsize * element.itemsize].view(element)
    except RuntimeError as error:
        raise EmulationError(f"{tensor.dtype} read as {element}: {error}") from error
