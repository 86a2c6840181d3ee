"""The driver that tests of launches ask: it reads what a binary states, and refuses what CUDA's documentation does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from strict_cuda import Function, Parameter, Refused, StrictCuda, check_launch, functions_of

from dsv3c.backends.triton.compilation.aot import CompiledKernel, compile_variants
from dsv3c.backends.triton.compilation.kernel_files import write_kernels
from dsv3c.backends.triton.runtime.cubin import CubinGpu
from dsv3c.backends.triton.runtime.gpu import Descriptor, Static, variant_of
from dsv3c.backends.triton.runtime.records import Box, GpuError
from dsv3c.backends.triton.runtime.tensor_maps import encoded
from dsv3c.ir.targets import load_target

CONFIG = {"num_warps": 4, "num_stages": 1, "gluon": 1}
X = torch.zeros(128, 64, dtype=torch.bfloat16)
ARGUMENTS = {"x_ptr": Descriptor(X, (64, 64)), "y_ptr": X, "N": Static(64)}
FUNCTION = Function("k", [Parameter(0, 8)], (528, 8), (128, 1, 1), 64, 0)


@pytest.fixture(scope="module")
def kernel() -> CompiledKernel:
    variant = variant_of("simple.copy_kernel", ARGUMENTS, {"BLOCK": 64}, CONFIG)
    return compile_variants([variant], load_target("h800"), cache=None, package="aot_kernels")[0]


def device(folder: Path, kernel: CompiledKernel) -> tuple[CubinGpu, StrictCuda]:
    write_kernels(folder, [kernel], package="aot_kernels")
    driver = StrictCuda()
    gpu = CubinGpu(folder, driver=driver, stream=lambda: 7)
    gpu.device = torch.device("cpu")
    return gpu, driver


def test_a_binary_says_what_it_takes(kernel: CompiledKernel) -> None:
    function = functions_of(kernel.binary)[kernel.entry]
    assert [parameter.size for parameter in function.parameters] == [128, 4, 4, 8, 8, 8, 4, 8, 8]
    start, size = function.bank
    assert (start + function.parameters[0].offset) % 64 == 0, "not at its start: the bank's parameters are at 528"
    assert function.parameters[0].offset and size == function.parameters[-1].offset + 8
    assert function.threads == (32 * kernel.num_warps, 1, 1) and function.shared == 0
    assert 0 < function.registers <= kernel.resources.registers


def test_a_launch_is_read_as_the_binary_reads_it(kernel: CompiledKernel, tmp_path: Path) -> None:
    gpu, driver = device(tmp_path, kernel)
    gpu.launch("simple.copy_kernel", (2, 1, 1), ARGUMENTS, {"BLOCK": 64}, CONFIG)
    (launch,) = driver.launched
    described, *numbers = launch["values"]
    assert described[1:3] == (2, X.data_ptr()) and [int(size) for size in described[3]] == [64, 128]
    found = [int.from_bytes(number, "little") for number in numbers]
    assert found == [128, 64, 64, 1, X.data_ptr(), 64, 0, 0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"num_warps": 4}, r"block of \(128, 1, 1\), compiled for \(256, 1, 1\)"),
        ({"shared_bytes": 49 << 10}, "cuLaunchKernel"),
        ({"shared_bytes": 228 << 10}, "233472 bytes of shared memory per block"),
        ({"entry": "other"}, "named symbol not found"),
    ],
)
def test_what_a_record_says_wrong_is_refused(
    kernel: CompiledKernel, tmp_path: Path, changed: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu, _ = device(tmp_path, replace(kernel, **changed))
    if said == "cuLaunchKernel":  # nobody asked for that much
        monkeypatch.setattr("dsv3c.backends.triton.runtime.cubin.DEFAULT_SHARED_BYTES", 1 << 20)
    with pytest.raises(GpuError, match=said):
        gpu.launch("simple.copy_kernel", (2, 1, 1), ARGUMENTS, {"BLOCK": 64}, CONFIG)


def test_a_descriptor_is_not_taken_from_anywhere(kernel: CompiledKernel, tmp_path: Path) -> None:
    gpu, driver = device(tmp_path, kernel)
    gpu.load_all()
    (loaded,) = gpu.by_key.values()
    assert driver.cuLaunchKernel(
        loaded.function, 1, 1, 1, 256, 1, 1, kernel.shared_bytes, 7, loaded.address, 0
    ) == (1,)  # fmt: skip
    assert driver.said == "parameter 0 of copy_kernel is no descriptor that was made"


@pytest.mark.parametrize(
    ("grid", "block", "shared", "function", "said"),
    [
        ((1, 1, 65536), (128, 1, 1), 0, FUNCTION, "grid of"),
        ((1 << 31, 1, 1), (128, 1, 1), 0, FUNCTION, "grid of"),
        ((1, 1, 1), (2048, 1, 1), 0, replace(FUNCTION, threads=(2048, 1, 1)), "block of"),
        ((1, 1, 1), (128, 1, 1), 50_000, FUNCTION, "50000 bytes of shared memory"),
        ((1, 1, 1), (1024, 1, 1), 0, replace(FUNCTION, threads=(1024, 1, 1), registers=65), "too many resources"),
        ((1, 1, 1), (128, 1, 1), 0, replace(FUNCTION, bank=(528, 5000)), "5000 bytes of parameters"),
    ],
)
def test_limits_of_a_launch(
    grid: tuple[int, ...], block: tuple[int, ...], shared: int, function: Function, said: str
) -> None:
    check_launch(replace(function, bank=(528, 8), registers=64, threads=(128, 1, 1)), (1, 1, 1), (128, 1, 1), 0)
    with pytest.raises(Refused, match=said):
        check_launch(function, grid, block, shared)


def view(rows: int, columns: int, stride: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return torch.empty(0, dtype=dtype, device="meta").as_strided((rows, columns), (stride, 1))


@pytest.mark.parametrize(
    ("made", "box", "said"),
    [
        (lambda: view(4, 64, 68), Box((4, 64), 3), "strides"),
        (lambda: view(4, 64, 1 << 39), Box((4, 64), 3), "strides"),
        (lambda: view(4, 64, 32), Box((4, 32), 2), "overlap"),
        (lambda: view(0, 64, 64), Box((4, 64), 3), "sizes"),
        (lambda: view((1 << 32) + 1, 64, 64), Box((4, 64), 3), "sizes"),
        (lambda: view(512, 64, 64), Box((512, 64), 3), "box"),
        (lambda: view(4, 64, 64), Box((4, 4), 0), "inner side of the box"),
        (lambda: view(4, 128, 128), Box((4, 128), 3), "is wider than"),
        (lambda: torch.zeros(4, 64, dtype=torch.uint8)[:, 8:], Box((4, 16), 0), "address"),
        (lambda: view(4, 64, 64)[None, None, None, None], Box((1, 1, 1, 1, 4, 64), 3), "rank"),
    ],
)
def test_what_no_descriptor_is_made_of(made: Callable[[], torch.Tensor], box: Box, said: str) -> None:
    encoded(StrictCuda(), view(4, 64, 64), Box((4, 64), 3))
    with pytest.raises(GpuError, match=f"cuTensorMapEncodeTiled: .*{said}"):
        encoded(StrictCuda(), made(), box)


def test_numbers_that_a_parameter_does_not_hold(kernel: CompiledKernel, tmp_path: Path) -> None:
    gpu, _ = device(tmp_path, kernel)
    with pytest.raises(ValueError, match="copy_kernel cannot be given"):
        gpu.launch("simple.copy_kernel", (2, 1, 1), ARGUMENTS | {"N": Static(1 << 31)}, {"BLOCK": 64}, CONFIG)
