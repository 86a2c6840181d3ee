"""The tests of kernels on a CUDA device: the interpreter's place is taken by binaries compiled for the device.

As a pytest plug-in (``-p device_gpu``) it replaces ``InterpreterGpu`` and ``GluonInterpreterGpu`` before test files
import them.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from inspect import getsource
from pathlib import Path

import kernel_references
import pytest
import torch
from torch import Tensor

from dsv3c.backends.triton import gluon_interpreter, interpreter
from dsv3c.backends.triton.compilation.aot import compile_variants
from dsv3c.backends.triton.compilation.kernel_cache import default_cache
from dsv3c.backends.triton.compilation.kernel_files import write_kernels
from dsv3c.backends.triton.runtime.cubin import CubinGpu
from dsv3c.backends.triton.runtime.gpu import (
    Argument,
    Config,
    Constant,
    Descriptor,
    Gpu,
    InOrder,
    Variant,
    is_gluon,
    variant_of,
)
from dsv3c.ir.targets import Target, shipped_targets

OF_AMD = "fnuz"
"""In names of types of 8 bits that no NVIDIA GPU has."""
GEMM_F32 = 1e-6
"""Largest ``calc_diff`` of products into f32 on a device: its tensor cores keep about 14 bits of sums of 8-bit numbers,
the interpreter all."""


def target_of(capability: tuple[int, int]) -> Target | None:
    """A shipped target whose kernels run on devices of a compute capability."""
    arch = f"sm_{capability[0]}{capability[1]}a"
    return next((target for target in shipped_targets().values() if target.arch == arch), None)


@cache
def compiled_for_the_device(variant: Variant) -> Gpu:
    """The device with one kernel on it, compiled now or before; tests' tiles may spill."""
    target = target_of(torch.cuda.get_device_capability())
    assert target is not None, "no target's kernels run on this device"
    folder = Path(tempfile.mkdtemp())
    write_kernels(folder, compile_variants([variant], target, cache=default_cache(), jobs=1, limits=False))
    return CubinGpu(folder)


class DeviceGpu(InOrder):
    """A ``Gpu`` for tensors of the host: memory goes to the device and comes back with every launch."""

    def __init__(
        self,
        num_sms: int = interpreter.NUM_SMS,
        *,
        device: str = "cuda",
        compiled: Callable[[Variant], Gpu] = compiled_for_the_device,
    ) -> None:
        self.num_sms, self.device, self.compiled = num_sms, torch.device(device), compiled

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """See ``Gpu``.  Tensors that share memory on the host share it on the device."""
        memory = dict[int, tuple[Tensor, Tensor]]()
        moved = {name: self.moved(argument, memory) for name, argument in arguments.items()}
        self.compiled(variant_of(kernel, moved, constants, config)).launch(kernel, grid, moved, constants, config)
        for host, device in memory.values():
            host.copy_(device)

    def moved(self, argument: Argument, memory: dict[int, tuple[Tensor, Tensor]]) -> Argument:
        """An argument of the host as one of the device."""
        match argument:
            case Tensor():
                return self.view(argument, memory)
            case Descriptor():
                return replace(argument, tensor=self.view(argument.tensor, memory))
            case _:
                return argument

    def view(self, tensor: Tensor, memory: dict[int, tuple[Tensor, Tensor]]) -> Tensor:
        """The same view of a copy of the memory behind it."""
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in memory:
            host = torch.empty(0, dtype=torch.uint8).set_(storage)  # pyright: ignore[reportArgumentType]
            memory[storage.data_ptr()] = host, host.to(self.device, copy=True)
        there = memory[storage.data_ptr()][1].untyped_storage()
        view = torch.empty(0, dtype=tensor.dtype, device=self.device)
        return view.set_(there, tensor.storage_offset(), tensor.shape, tensor.stride())


class GluonDeviceGpu(DeviceGpu):
    """The same in the place of ``GluonInterpreterGpu``: a device has an order of its own, whatever the seed."""

    def __init__(self, num_sms: int = interpreter.NUM_SMS, seed: int = 0) -> None:
        super().__init__(num_sms)
        self.seed, self.emulated = seed, 0

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """See ``Gpu``."""
        super().launch(kernel, grid, arguments, constants, config)
        self.emulated += is_gluon(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of types that the device does not have."""
    away = [item for item in items if isinstance(item, pytest.Function) and is_of_amd(item)]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]


def is_of_amd(item: pytest.Function) -> bool:
    """Whether a test's parameters or its body name such a type."""
    parameters = repr(item.callspec.params) if hasattr(item, "callspec") else ""
    source = getsource(item.function)
    return OF_AMD in (parameters + source[source.index("def ") :]).lower()


def pytest_configure() -> None:
    """Take the interpreters' places."""
    kernel_references.GEMM_F32 = GEMM_F32
    interpreter.InterpreterGpu = DeviceGpu  # pyright: ignore[reportAttributeAccessIssue]
    gluon_interpreter.GluonInterpreterGpu = GluonDeviceGpu  # pyright: ignore[reportAttributeAccessIssue]
