"""Descriptors of the tensor copy engine: what the driver makes of a tensor and a box, as a kernel's parameters.

A binary takes a descriptor as 128 bytes at a multiple of 64, then the tensor's sizes (i32) and strides (i64, elements).
"""

import ctypes
from collections.abc import Hashable, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.triton.runtime.records import Box, GpuError

BYTES, ALIGNMENT = 128, 128
"""Of a descriptor in memory: what headers of CUDA 13 ask for; before, and on the device, 64."""
LIBRARY = "libcuda.so.1"
DATA_TYPES: dict[torch.dtype, str] = {
    torch.uint8: "UINT8",
    torch.int8: "UINT8",
    torch.float8_e4m3fn: "UINT8",
    torch.float8_e5m2: "UINT8",
    torch.int16: "UINT16",
    torch.int32: "INT32",
    torch.int64: "INT64",
    torch.float16: "FLOAT16",
    torch.bfloat16: "BFLOAT16",
    torch.float32: "FLOAT32",
    torch.float64: "FLOAT64",
}
"""The driver's names of element types; numbers of 8 bits are bytes to it."""
SWIZZLES = ("NONE", "32B", "64B", "128B")
KEPT = 1024
"""Descriptors that a kernel's parameter keeps: several weights of every layer take turns, and sizes of steps."""


class Aligned:
    """Memory for a descriptor, at a multiple of ``ALIGNMENT``."""

    def __init__(self) -> None:
        self.memory = ctypes.create_string_buffer(BYTES + ALIGNMENT)
        start = ctypes.addressof(self.memory)
        self.address = start + -start % ALIGNMENT

    def getPtr(self) -> int:
        """Where the descriptor is."""
        return self.address


class TensorMap(Aligned):
    """The cell of one such parameter of a kernel, filled anew for every launch."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[Hashable, tuple[int, Any]] = {}
        """Where the driver's descriptors are, and they themselves."""

    def fill(self, driver: Any, tensor: Tensor, box: Box, start: int | None = None) -> None:
        """Describe a tensor; ``start``: its address, where that is known.

        Raises GpuError with the driver's words for one that it cannot describe.
        """
        start = tensor.data_ptr() if start is None else start
        self.take((start, tensor.shape, tensor.stride()), driver, tensor, box, start)

    def take(self, key: Hashable, driver: Any, tensor: Tensor, box: Box, start: int) -> None:
        """The same under a key of the caller's; of the tensor only type, sizes and strides are asked."""
        found = self.made.get(key)
        if found is None:
            if len(self.made) == KEPT:
                del self.made[next(iter(self.made))]
            made = encoded(driver, tensor, box, start)
            found = self.made[key] = int(made.getPtr()), made
        ctypes.memmove(self.address, found[0], BYTES)


def encoded(driver: Any, tensor: Tensor, box: Box, start: int | None = None) -> Any:
    """The driver's descriptor of a tensor's blocks, as if it began at ``start``; what is outside of it reads as zero.

    Raises GpuError where the driver makes none.
    """
    data_type = getattr(driver.CUtensorMapDataType, f"CU_TENSOR_MAP_DATA_TYPE_{DATA_TYPES[tensor.dtype]}")
    status, *found = driver.cuTensorMapEncodeTiled(
        data_type,
        tensor.dim(),
        tensor.data_ptr() if start is None else start,
        inner_first(driver.cuuint64_t, tensor.shape),
        inner_first(driver.cuuint64_t, [stride * tensor.dtype.itemsize for stride in tensor.stride()[:-1]]),
        inner_first(driver.cuuint32_t, box.sizes),
        [driver.cuuint32_t(1)] * tensor.dim(),
        driver.CUtensorMapInterleave.CU_TENSOR_MAP_INTERLEAVE_NONE,
        getattr(driver.CUtensorMapSwizzle, f"CU_TENSOR_MAP_SWIZZLE_{SWIZZLES[box.swizzle]}"),
        driver.CUtensorMapL2promotion.CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        driver.CUtensorMapFloatOOBfill.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
    )
    if int(status) != 0:
        _, text = driver.cuGetErrorString(status)
        raise GpuError(
            f"cuTensorMapEncodeTiled: {text.decode() if text else status} (a tensor of {tuple(tensor.shape)}, strides "
            f"{tuple(tensor.stride())}, {tensor.dtype}, in boxes of {box.sizes})"
        )
    return found[0]


def inner_first(kind: Any, numbers: Sequence[int]) -> list[Any]:
    """Numbers of dims as the driver takes them: the contiguous dim first."""
    return [kind(int(number)) for number in reversed(numbers)]


def with_aligned_maps(bindings: Any) -> Any:
    """cuda-bindings' interface of the driver, which makes descriptors at multiples of ``ALIGNMENT``.

    Those of cuda-bindings are part of Python's objects, at multiples of 16; the driver's documentation asks for 64, and
    what is compiled for that breaks (NVIDIA/cuda-python#1692).  It can go when cuda-bindings aligns them.
    """

    def encode(
        data_type: Any, rank: int, address: int, sizes: Sequence[Any], strides: Sequence[Any], box: Sequence[Any],
        steps: Sequence[Any], *how: Any,
    ) -> tuple[Any, Aligned]:  # fmt: skip
        """``cuTensorMapEncodeTiled`` as cuda-bindings has it."""
        made = Aligned()
        status = driver_library().cuTensorMapEncodeTiled(
            ctypes.c_void_p(made.address),
            ctypes.c_int(int(data_type)),
            ctypes.c_uint32(rank),
            ctypes.c_void_p(address),
            numbers(ctypes.c_uint64, sizes),
            numbers(ctypes.c_uint64, strides),
            numbers(ctypes.c_uint32, box),
            numbers(ctypes.c_uint32, steps),
            *(ctypes.c_int(int(choice)) for choice in how),
        )
        return bindings.CUresult(status), made

    return SimpleNamespace(**{**vars(bindings), "cuTensorMapEncodeTiled": encode})


@cache
def driver_library() -> Any:
    """The driver, which cuda-bindings has loaded already.  Raises OSError where there is none."""
    return ctypes.CDLL(LIBRARY)


def numbers(kind: Any, values: Sequence[Any]) -> Any:
    """An array of C."""
    return (kind * len(values))(*map(int, values))
