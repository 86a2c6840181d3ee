"""Kernels in Gluon from launch to driver: keys, parameters of their binaries, and the descriptors they are given."""

import ctypes
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from cuda.bindings import driver as bindings
from fake_cuda import FakeCuda

from dsv3c.backends.triton.compilation.aot import compile_variants
from dsv3c.backends.triton.runtime import tensor_maps
from dsv3c.backends.triton.runtime.gpu import Descriptor, Static, Variant, plain, variant_of
from dsv3c.backends.triton.runtime.records import Box, GpuError
from dsv3c.backends.triton.runtime.tensor_maps import KEPT, TensorMap, encoded
from dsv3c.ir.targets import load_target

X = torch.empty(256, 512, dtype=torch.float8_e4m3fn)
CONFIG = {"num_warps": 4, "num_stages": 1, "gluon": 1}


def test_one_launch_two_languages() -> None:
    arguments = {"x_ptr": Descriptor(X, (128, 128)), "K": Static(512)}
    gluon = variant_of("copy.copy_kernel", arguments, {}, CONFIG)
    assert gluon.signature == (("x_desc", "tensordesc<fp8e4nv[128, 128]>"), ("K", "i32"))
    assert gluon.divisible == ("K",)
    assert gluon.language == "gluon"
    triton = variant_of("copy.copy_kernel", arguments, {}, {**CONFIG, "gluon": 0})
    assert triton.signature == (("x_ptr", "*fp8e4nv"), ("K", "i32"))
    assert triton.divisible == ("x_ptr", "K")
    assert triton.key != replace(triton, language="gluon").key
    assert plain(arguments["x_ptr"]) is X


def test_a_swizzle_is_part_of_the_key() -> None:
    scales = torch.empty(4, 256)
    (found,) = variant_of("a.b", {"s_ptr": Descriptor(scales, (1, 128), swizzle=0)}, {}, CONFIG).signature
    assert found == ("s_desc", "tensordesc<fp32[1, 128]:0>")


@pytest.mark.parametrize(
    ("tensor", "block", "reason"),
    [
        (X[0], (128,), "as many as dims are needed"),
        (X, (1, 128, 128), "as many as dims are needed"),
        (X.t(), (128, 128), "the last must be 1"),
        (torch.empty(4, 257, dtype=torch.uint8)[:, :128], (4, 128), "multiples of 16 bytes"),
        (torch.empty(4, 256, dtype=torch.uint8)[:, 8:], (4, 128), "at an address that is no multiple of 16"),
    ],
)
def test_what_the_copy_engine_cannot_read(tensor: torch.Tensor, block: tuple[int, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        variant_of("a.b", {"x_ptr": Descriptor(tensor, block)}, {}, CONFIG)


class Driver(FakeCuda):
    """Makes descriptors that hold what they were asked for."""

    cuuint64_t = cuuint32_t = staticmethod(int)
    CUtensorMapDataType = SimpleNamespace(CU_TENSOR_MAP_DATA_TYPE_UINT8="bytes")
    CUtensorMapInterleave = SimpleNamespace(CU_TENSOR_MAP_INTERLEAVE_NONE="flat")
    CUtensorMapSwizzle = SimpleNamespace(CU_TENSOR_MAP_SWIZZLE_128B="128B", CU_TENSOR_MAP_SWIZZLE_NONE="none")
    CUtensorMapL2promotion = SimpleNamespace(CU_TENSOR_MAP_L2_PROMOTION_L2_256B="256B")
    CUtensorMapFloatOOBfill = SimpleNamespace(CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE="zero")

    def answer(self, name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        if name != "cuTensorMapEncodeTiled":
            return super().answer(name, arguments)
        memory = ctypes.create_string_buffer(bytes([len(self.calls) % 256]) * 128, 128)
        return (SimpleNamespace(getPtr=lambda: ctypes.addressof(memory), memory=memory),)


def test_dims_go_to_the_driver_from_the_inside() -> None:
    driver = Driver()
    encoded(driver, X, Box((64, 128), 3))
    ((_, given),) = driver.calls
    assert given == (
        *("bytes", 2, X.data_ptr(), [512, 256], [512], [128, 64], [1, 1]),
        *("flat", "128B", "256B", "zero"),
    )


def test_a_descriptor_is_made_once_per_tensor() -> None:
    driver, cell = Driver(), TensorMap()
    assert cell.address % 64 == 0
    cell.fill(driver, X, Box((64, 128), 3))
    first = ctypes.string_at(cell.address, 128)
    cell.fill(driver, X[64:], Box((64, 128), 3))
    assert ctypes.string_at(cell.address, 128) != first
    cell.fill(driver, X, Box((64, 128), 3))
    assert ctypes.string_at(cell.address, 128) == first
    assert driver.names() == ["cuTensorMapEncodeTiled"] * 2
    rows = torch.empty(KEPT + 2, 16, dtype=torch.uint8)
    for row in range(KEPT + 1):
        cell.fill(driver, rows[row:], Box((1, 16), 3))
    assert len(cell.made) == KEPT
    assert (X.data_ptr(), tuple(X.shape), X.stride()) not in cell.made, "the oldest went"


def test_the_driver_says_what_it_cannot_describe() -> None:
    driver = Driver(fails=frozenset({"cuTensorMapEncodeTiled"}))
    with pytest.raises(GpuError, match=r"it does not work \(a tensor of \(256, 512\)"):
        encoded(driver, X, Box((64, 128), 3))


def copied(tensor: torch.Tensor) -> Variant:
    arguments = {"x_ptr": Descriptor(tensor, (64, 64)), "y_ptr": tensor, "N": Static(64)}
    return variant_of("simple.copy_kernel", arguments, {"BLOCK": 64}, CONFIG)


def test_kernels_in_gluon_are_compiled_ahead_of_time() -> None:
    variant = copied(torch.empty(128, 64, dtype=torch.bfloat16, device="meta"))
    (kernel,) = compile_variants([variant], load_target("h800"), cache=None, package="aot_kernels")
    assert kernel.abi[:5] == (
        ("x_desc", "tensormap"), ("x_desc.size0", "i32"), ("x_desc.size1", "i32"), ("x_desc.stride0", "i64"),
        ("x_desc.stride1", "i64"),
    )  # fmt: skip
    assert [kind for _, kind in kernel.abi[5:]] == ["*bf16", "i32", "*i8", "*i8"]
    assert kernel.boxes == {"x_desc": Box((64, 64), 3)}
    assert kernel.num_warps == 8  # the consumer's four, and those of a warpgroup that the producer's belongs to
    assert 24 in kernel.resources.budgets
    assert kernel.resources.bulk_loads == 1
    assert kernel.resources.spill_bytes == 0


class Library:
    """The driver behind ctypes: notes what it is asked, and writes a descriptor."""

    def __init__(self, status: int = 0) -> None:
        self.status, self.asked = status, list[Any]()

    def cuTensorMapEncodeTiled(self, place: ctypes.c_void_p, *given: Any) -> int:
        self.asked.append((place.value, *([*each] if hasattr(each, "_length_") else each.value for each in given)))
        ctypes.memset(place.value, 7, 128)
        return self.status


def test_descriptors_are_made_where_the_driver_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    monkeypatch.setattr(tensor_maps, "driver_library", lambda: library)
    driver, cell = tensor_maps.with_aligned_maps(bindings), TensorMap()
    for rows in range(8):
        cell.fill(driver, X[rows:], Box((64, 128), 3))
    assert ctypes.string_at(cell.address, 128) == bytes([7]) * 128
    assert [place % 128 for place, *_ in library.asked] == [0] * 8
    kinds, swizzles = bindings.CUtensorMapDataType, bindings.CUtensorMapSwizzle
    assert library.asked[0][1:] == (
        *(int(kinds.CU_TENSOR_MAP_DATA_TYPE_UINT8), 2, X.data_ptr(), [512, 256], [512], [128, 64], [1, 1], 0),
        *(int(swizzles.CU_TENSOR_MAP_SWIZZLE_128B), 3, 0),
    )
    assert driver.cuLaunchKernel is bindings.cuLaunchKernel


def test_why_the_driver_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_maps, "driver_library", lambda: Library(status=1))
    driver = tensor_maps.with_aligned_maps(bindings)
    driver.cuGetErrorString = lambda status: (0, status.name.encode())
    with pytest.raises(GpuError, match="cuTensorMapEncodeTiled: CUDA_ERROR_INVALID_VALUE"):
        encoded(driver, X, Box((64, 128), 3))
