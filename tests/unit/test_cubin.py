"""Launching compiled kernels: what the driver is asked, and what is told before it is asked anything."""

import ctypes
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_cuda import FakeCuda

from dsv3c.backends.triton.runtime import cubin
from dsv3c.backends.triton.runtime.cubin import CubinGpu, runs
from dsv3c.backends.triton.runtime.entries import Entry
from dsv3c.backends.triton.runtime.gpu import Static, variant_of
from dsv3c.backends.triton.runtime.records import GpuError, KernelRecord, Kernels, kernels_text, read_kernels
from dsv3c.backends.triton.runtime.space import Space

CONFIG = {"num_warps": 4, "num_stages": 2, "block": 64}
X, Y = torch.zeros(64, 32, dtype=torch.bfloat16), torch.zeros(64, 32)
ARGUMENTS = {"x": X, "y": Y, "bias": None, "eps": 0.5, "rows": 64, "stride": Static(32)}
POINTER = ctypes.c_void_p


def record(**changes: Any) -> KernelRecord:
    variant = variant_of("norm.norm_kernel", ARGUMENTS, {"BLOCK": 64}, CONFIG)
    found = KernelRecord(
        key=variant.key,
        kernel="norm.norm_kernel",
        file="kernels/norm.cubin",
        sha256=hashlib.sha256(b"binary").hexdigest(),
        entry="norm_kernel",
        abi=(
            ("x", "*bf16"), ("y", "*fp32"), ("eps", "fp32"), ("rows", "i32"), ("stride", "i32"),
            ("global_scratch", "*i8"), ("profile_scratch", "*i8"),
        ),
        constants={"BLOCK": 64},
        num_warps=8,
        shared_bytes=1024,
    )  # fmt: skip
    return replace(found, **changes)


def folder(path: Path, found: KernelRecord, **changes: str) -> Path:
    kernels = replace(Kernels("sm_90a", "13.0", {found.key: found}), **changes)
    (path / "kernels").mkdir()
    (path / "kernels.json").write_text(kernels_text(kernels))
    (path / found.file).write_bytes(b"binary")
    return path


def gpu(path: Path, driver: FakeCuda) -> CubinGpu:
    kinds = [POINTER, POINTER, ctypes.c_float, ctypes.c_int, ctypes.c_int, POINTER, POINTER]
    driver.parameters["norm_kernel"] = kinds
    made = CubinGpu(path, driver=driver, stream=lambda: 77)
    made.device = torch.device("cpu")  # where the tests' tensors are
    return made


def test_modules_are_loaded_into_the_context_of_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch makes the context of a device that is its current one."""
    driver, order = FakeCuda(devices=2), list[object]()
    monkeypatch.setattr(cubin, "import_driver", lambda: driver)
    monkeypatch.setattr(cubin, "check_torch", lambda: None)
    monkeypatch.setattr(torch.cuda, "init", lambda: order.append("init"))
    monkeypatch.setattr(torch.cuda, "set_device", order.append)
    monkeypatch.setattr(torch, "empty", lambda *_, device: order.append(("empty", device)))
    made = CubinGpu(folder(tmp_path, record()), 1, stream=lambda: 77)
    assert made.device == torch.device("cuda", 1)
    assert order == ["init", made.device, ("empty", made.device)]


def test_a_launch_passes_what_the_binary_takes_in_its_order(tmp_path: Path) -> None:
    driver = FakeCuda()
    device = gpu(folder(tmp_path, record()), driver)
    assert device.num_sms == 132
    assert "cuModuleLoadData" not in driver.names()
    device.launch("norm.norm_kernel", (5, 2, 1), ARGUMENTS, {"BLOCK": 64}, CONFIG)
    (launch,) = driver.launched
    assert launch == {
        "entry": "norm_kernel",
        "grid": (5, 2, 1),
        "block": (256, 1, 1),
        "shared": 1024,
        "stream": 77,
        "values": [X.data_ptr(), Y.data_ptr(), 0.5, 64, 32, None, None],
    }
    assert "cuFuncSetAttribute" not in driver.names()


def test_a_binary_is_loaded_once_and_every_launch_passes_its_own_numbers(tmp_path: Path) -> None:
    driver = FakeCuda()
    device = gpu(folder(tmp_path, record()), driver)
    for rows in (64, 7):
        device.launch("norm.norm_kernel", (1, 1, 1), ARGUMENTS | {"rows": rows}, {"BLOCK": 64}, CONFIG)
    assert driver.names().count("cuModuleLoadData") == 1
    assert [launch["values"][3] for launch in driver.launched] == [64, 7]
    assert device.launches == {"norm.norm_kernel": 2}


def test_too_little_memory_is_told_with_what_takes_it(tmp_path: Path) -> None:
    device = gpu(folder(tmp_path, record()), FakeCuda(free_bytes=3_000_000_000))
    device.check_memory(weights=2_000_000_000, caches=1_000_000_000)
    with pytest.raises(GpuError, match=r"takes 3\.5 GB \(weights 2 GB, caches 1\.5 GB\); 3 GB are free"):
        device.check_memory(weights=2_000_000_000, caches=1_500_000_000)


def test_all_binaries_are_loaded_ahead_and_once(tmp_path: Path) -> None:
    driver = FakeCuda()
    device = gpu(folder(tmp_path, record()), driver)
    device.load_all()
    device.launch("norm.norm_kernel", (1, 1, 1), ARGUMENTS, {"BLOCK": 64}, CONFIG)
    assert driver.names().count("cuModuleLoadData") == 1 and len(driver.launched) == 1


def test_a_kernel_that_the_program_calls_and_nobody_compiled_is_told_before_any_is_loaded(tmp_path: Path) -> None:
    driver, found = FakeCuda(), record()
    device, space = gpu(folder(tmp_path, found), driver), Space(torch.device("cpu"))
    entry = Entry(print, kernels=(found.key,))
    entry.on(device, space)
    with pytest.raises(GpuError, match=r"1 of 2 kernels that the program calls are not in .*kernels\.json: norm-f00d"):
        replace(entry, kernels=(found.key, "norm-f00d")).on(device, space)
    assert "cuModuleLoadData" not in driver.names()


def test_much_shared_memory_is_asked_for_and_scratch_is_brought(tmp_path: Path) -> None:
    driver = FakeCuda()
    found = record(shared_bytes=200_000, global_scratch_bytes=128)
    gpu(folder(tmp_path, found), driver).launch("norm.norm_kernel", (3, 1, 1), ARGUMENTS, {"BLOCK": 64}, CONFIG)
    assert ("cuFuncSetAttribute", ("norm_kernel", "shared", 200_000)) in driver.calls
    *_, scratch, profile = driver.launched[0]["values"]
    assert scratch and profile is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": X.float()}, r"norm.norm_kernel was not compiled for \(x \*fp32 \(a multiple of 16\), y \*fp32"),
        ({"stride": Static(40)}, r"stride i32\) with BLOCK = 64, 4 warps, 2 stages"),
        ({"bias": Y}, "bias \\*fp32"),
    ],
)
def test_a_variant_that_was_not_compiled_is_named(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    driver = FakeCuda()
    device = gpu(folder(tmp_path, record()), driver)
    with pytest.raises(GpuError, match=message) as error:
        device.launch("norm.norm_kernel", (1, 1, 1), ARGUMENTS | changed, {"BLOCK": 64}, CONFIG)
    assert "1 variants of it are in kernels.json" in error.value.hint
    assert not driver.launched


def test_tensors_elsewhere_and_empty_grids_are_refused(tmp_path: Path) -> None:
    device = gpu(folder(tmp_path, record()), FakeCuda())
    with pytest.raises(ValueError, match="grid of"):
        device.launch("norm.norm_kernel", (0, 1, 1), ARGUMENTS, {"BLOCK": 64}, CONFIG)
    with pytest.raises(ValueError, match="grid of"):
        device.launch("norm.norm_kernel", (1, 65536, 1), ARGUMENTS, {"BLOCK": 64}, CONFIG)
    device.device = torch.device("cuda", 0)
    with pytest.raises(ValueError, match=r"x of norm.norm_kernel is on cpu, not on cuda:0"):
        device.launch("norm.norm_kernel", (1, 1, 1), ARGUMENTS, {"BLOCK": 64}, CONFIG)


@pytest.mark.parametrize(
    ("driver", "message"),
    [
        (FakeCuda(fails=frozenset({"cuInit"})), "there is no CUDA driver that works: cuInit: it does not work"),
        (FakeCuda(devices=0), "there is no device cuda:0; the driver shows 0"),
        (FakeCuda(capability=(8, 0)), "the kernels are for sm_90a; Fake Device is sm_80"),
        (FakeCuda(capability=(10, 0)), "the kernels are for sm_90a; Fake Device is sm_100"),
        (FakeCuda(version=12080), "the kernels were assembled by CUDA 13.0; the driver is of CUDA 12.8"),
    ],
)
def test_a_machine_that_cannot_run_the_kernels_is_told_before_any_is_loaded(
    tmp_path: Path, driver: FakeCuda, message: str
) -> None:
    with pytest.raises(GpuError, match=message):
        gpu(folder(tmp_path, record()), driver)
    assert "cuModuleLoadData" not in driver.names()


def test_a_machine_without_the_bindings_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings.driver", None)
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(GpuError, match="cuda-bindings cannot be imported") as error:
        CubinGpu(folder(tmp_path, record()))
    assert error.value.hint == "pip install cuda-bindings"


def test_kernels_that_are_absent_damaged_or_changed_are_told(tmp_path: Path) -> None:
    with pytest.raises(GpuError, match=r"kernels.json cannot be read: No such file"):
        read_kernels(tmp_path)
    device = gpu(folder(tmp_path, record()), FakeCuda())
    (tmp_path / "kernels/norm.cubin").write_bytes(b"other")
    with pytest.raises(GpuError, match=r"norm.cubin changed since it was compiled"):
        device.launch("norm.norm_kernel", (1, 1, 1), ARGUMENTS, {"BLOCK": 64}, CONFIG)
    (tmp_path / "kernels/norm.cubin").unlink()
    with pytest.raises(GpuError, match=r"1 of 1 kernels are absent: kernels/norm.cubin"):
        read_kernels(tmp_path)
    for text, message in (("{", "is damaged"), ('{"format": 1}', "has format 1"), ('{"format": 2}', "KeyError")):
        (tmp_path / "kernels.json").write_text(text)
        with pytest.raises(GpuError, match=message):
            read_kernels(tmp_path)


def test_records_read_back_as_they_were_written(tmp_path: Path) -> None:
    found = record(global_scratch_bytes=3)
    assert read_kernels(folder(tmp_path, found)).records == {found.key: found}


def test_which_devices_run_which_binaries() -> None:
    assert runs("sm_90a", "sm_90") and not runs("sm_90a", "sm_100") and not runs("sm_100a", "sm_103")
    assert runs("sm_80", "sm_86") and not runs("sm_86", "sm_80") and not runs("sm_80", "sm_90")


def test_streams_and_events_are_pytorchs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, done = list[str](), list[str]()

    class Stream:
        def __init__(self, device: torch.device) -> None:
            self.name = f"{device}-{len(made)}"
            made.append(self.name)

        def record_event(self) -> str:
            return f"event of {self.name}"

        def wait_event(self, event: str) -> None:
            done.append(f"{self.name} waits for {event}")

    @contextmanager
    def entered(stream: Stream) -> Iterator[None]:
        current.append(stream)
        yield
        current.pop()

    current = [Stream(torch.device("cpu"))]
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", entered)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: current[-1])
    device = gpu(folder(tmp_path, record()), FakeCuda())
    before = device.record()
    for _ in range(2):
        with device.stream("comm"):
            device.wait(before)
            after = device.record()
    device.wait(before, after)
    assert made == ["cpu-0", "cpu-1"], "a stream is made once"
    assert done == [
        *["cpu-1 waits for event of cpu-0"] * 2,
        "cpu-0 waits for event of cpu-0",
        "cpu-0 waits for event of cpu-1",
    ]
