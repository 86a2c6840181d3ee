"""The check on a GPU: what it says where there is none, and how memory of the host gets to a device and back."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import device_gpu
import kernel_references
import pytest
import torch
from device_gpu import DeviceGpu, GluonDeviceGpu, target_of

from dsv3c.backends.triton import gluon_interpreter, interpreter
from dsv3c.backends.triton.runtime.gpu import Argument, Config, Constant, Descriptor, Variant, plain
from tests import gpu_check
from tests.gpu_check import without_device

TESTS = Path(__file__).parents[1]
CONFIG = {"num_warps": 4, "num_stages": 1}


class Doubling:
    """Stands for a device: doubles ``x`` into ``y``."""

    num_sms = 1

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        x, y = plain(arguments["x"]), plain(arguments["y"])
        assert isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor)
        y.copy_(2 * x)
        self.seen = x


@pytest.fixture
def device() -> tuple[DeviceGpu, Doubling, list[Variant]]:
    doubling, asked = Doubling(), list[Variant]()

    def compiled(variant: Variant) -> Doubling:
        asked.append(variant)
        return doubling

    return DeviceGpu(device="cpu", compiled=compiled), doubling, asked


def test_views_come_back_with_their_neighbours(device: tuple[DeviceGpu, Doubling, list[Variant]]) -> None:
    gpu, doubling, asked = device
    memory = torch.arange(24.0).view(4, 6)
    x, y = memory[:, 1:3], memory.T[3:5].T
    gpu.launch("a.a_kernel", (1, 1, 1), {"x": x, "y": y, "n": 4}, {"B": 1}, CONFIG)
    expected = torch.arange(24.0).view(4, 6)
    expected[:, 3:5] = 2 * expected[:, 1:3]
    assert memory.equal(expected)
    assert doubling.seen.data_ptr() != x.data_ptr() and doubling.seen.stride() == x.stride()
    assert asked[0].signature == (("x", "*fp32"), ("y", "*fp32"), ("n", "i32"))
    assert asked[0].divisible == ()  # 4 and 12 bytes behind an aligned address


def test_8_bit_and_empty_tensors_are_moved(device: tuple[DeviceGpu, Doubling, list[Variant]]) -> None:
    gpu, _, _ = device
    y = torch.zeros(3, dtype=torch.bfloat16)
    gpu.launch("a.a_kernel", (1, 1, 1), {"x": torch.ones(3), "y": y, "none": torch.empty(0)}, {}, CONFIG)
    assert y.tolist() == [2, 2, 2]


def test_descriptors_are_of_the_same_memory(device: tuple[DeviceGpu, Doubling, list[Variant]]) -> None:
    gpu, doubling, asked = device
    memory = torch.arange(32.0).view(2, 16)
    x, y = Descriptor(memory[:, :4], (2, 4)), memory[:, 8:12]
    gpu.launch("a.a_kernel", (1, 1, 1), {"x": x, "y": y}, {}, CONFIG)
    assert memory[:, 8:12].equal(2 * memory[:, :4])
    assert doubling.seen.data_ptr() != memory.data_ptr()
    assert asked[0].signature == (("x", "*fp32"), ("y", "*fp32"))


def test_types_that_no_nvidia_gpu_has_are_left_out() -> None:
    """By parameter, and by what a test does."""
    files = [str(TESTS / "kernels" / name) for name in ("test_quantize.py", "test_scaled_mm.py")]
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "device_gpu", *files]
    path = os.pathsep.join([str(TESTS / "support"), *sys.path])
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=TESTS.parent, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_formats" in done.stdout and "f8E5M2" in done.stdout and "FNUZ" not in done.stdout
    assert "test_strided_rows" in done.stdout and "test_the_other_8_bit_format" not in done.stdout


def test_both_interpreters_give_way_to_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "InterpreterGpu", None)
    monkeypatch.setattr(gluon_interpreter, "GluonInterpreterGpu", None)
    monkeypatch.setattr(kernel_references, "GEMM_F32", 0.0)
    device_gpu.pytest_configure()
    assert (interpreter.InterpreterGpu, gluon_interpreter.GluonInterpreterGpu) == (DeviceGpu, GluonDeviceGpu)
    assert kernel_references.GEMM_F32 == device_gpu.GEMM_F32


def test_launches_of_gluon_kernels_are_counted() -> None:
    doubling = Doubling()
    gpu = GluonDeviceGpu(3, seed=1)
    gpu.device, gpu.compiled = torch.device("cpu"), lambda _: doubling
    for config in (CONFIG, {**CONFIG, "gluon": 1}):
        gpu.launch("a.a_kernel", (1, 1, 1), {"x": torch.ones(3), "y": torch.ones(3)}, {}, config)
    assert gpu.num_sms == 3 and gpu.emulated == 1


def test_what_is_compiled_only_and_what_is_emulated_stays_away() -> None:
    found = {path.name for path in without_device()}
    assert {"test_gates.py", "test_ptx.py", "test_gluon_protocol.py"} <= found
    assert not found & {"test_scaled_mm.py", "test_absorbed_attention.py", "test_gate.py"}


@pytest.mark.parametrize("installed", [False, True])
def test_kernels_that_hang_end_where_something_ends_them(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "find_spec", lambda name: name if installed else None)
    commands = list[list[str]]()

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(gpu_check.subprocess, "run", run)
    assert not gpu_check.check_kernels()
    (command,) = commands
    assert ("--timeout-method=thread" in command) == installed
    assert f"--ignore={TESTS / 'kernels' / 'test_gates.py'}" in command


def test_devices_are_known_by_their_capability() -> None:
    hopper, unknown = target_of((9, 0)), target_of((7, 5))
    assert hopper is not None and hopper.arch == "sm_90a"
    assert unknown is None


def test_one_line_where_there_is_no_gpu() -> None:
    command = [sys.executable, str(TESTS / "gpu_check.py")]
    done = subprocess.run(command, capture_output=True, text=True, env={"CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gpu-check: nothing was run: ")
    assert len(done.stdout.splitlines()) == 1
