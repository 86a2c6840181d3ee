"""Element types of the IR and of torch, one to one."""

import torch
from xdsl.dialects.builtin import (
    BFloat16Type,
    ComplexType,
    Float8E4M3FNType,
    Float8E4M3FNUZType,
    Float8E5M2Type,
    Float8E8M0FNUType,
    Float16Type,
    Float32Type,
    Float64Type,
    IntegerType,
    Signedness,
)
from xdsl.ir import Attribute

from dsv3c.ir.errors import IRError

DTYPES: dict[Attribute, torch.dtype] = {
    Float64Type(): torch.float64,
    Float32Type(): torch.float32,
    BFloat16Type(): torch.bfloat16,
    Float16Type(): torch.float16,
    Float8E4M3FNType(): torch.float8_e4m3fn,
    Float8E4M3FNUZType(): torch.float8_e4m3fnuz,
    Float8E5M2Type(): torch.float8_e5m2,
    Float8E8M0FNUType(): torch.float8_e8m0fnu,
    ComplexType(Float32Type()): torch.complex64,
    ComplexType(Float64Type()): torch.complex128,
    IntegerType(64): torch.int64,
    IntegerType(32): torch.int32,
    IntegerType(16): torch.int16,
    IntegerType(8): torch.int8,
    IntegerType(8, Signedness.UNSIGNED): torch.uint8,
    IntegerType(1): torch.bool,
}
ELEMENTS: dict[torch.dtype, Attribute] = {dtype: element for element, dtype in DTYPES.items()}


def dtype_of(element: Attribute) -> torch.dtype:
    """torch's dtype of an element type.  Raises ``IRError`` for one torch does not have."""
    dtype = DTYPES.get(element)
    if dtype is None:
        known = ", ".join(str(known) for known in DTYPES)
        raise IRError(f"element type {element} cannot be executed", hint=f"types torch has: {known}")
    return dtype


def element_of(dtype: torch.dtype) -> Attribute:
    """The element type of torch's dtype.  Raises ``IRError`` for one the IR does not have."""
    element = ELEMENTS.get(dtype)
    if element is None:
        known = ", ".join(str(known).removeprefix("torch.") for known in ELEMENTS)
        raise IRError(f"dtype {dtype} has no element type", hint=f"dtypes the IR has: {known}")
    return element
