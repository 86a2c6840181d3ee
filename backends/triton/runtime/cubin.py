"""Kernels on a CUDA device: binaries loaded and launched through cuda-bindings, in PyTorch's current stream.

Nothing of Triton is needed: ``kernels.json`` says how each binary is called.  Whatever is wrong with the machine is
told before the first launch.
"""

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.triton.runtime.gpu import (
    PDL,
    Argument,
    Config,
    Constant,
    Descriptor,
    Variant,
    variant_of,
)
from dsv3c.backends.triton.runtime.launch_keys import Key, names_taken, split
from dsv3c.backends.triton.runtime.loaded import WARP, Loaded, launch_early
from dsv3c.backends.triton.runtime.records import FILE, GpuError, KernelRecord, Kernels, read_kernels
from dsv3c.backends.triton.runtime.replays import Replays
from dsv3c.backends.triton.runtime.tensor_maps import with_aligned_maps

DEFAULT_SHARED_BYTES = 48 << 10
"""Shared memory that a block gets without asking."""
MOST_BLOCKS = 65535
"""Of the second and the third dim of a grid."""
KEPT = 4096
"""Keys of launches whose binaries are known; of a program's launches there are fewer."""


class CubinGpu:
    """A ``Gpu`` of compiled kernels.

    ``folder``: of the artifact; ``device``: its number, as in ``cuda:0``.  It becomes PyTorch's current one; launches
    are made by threads in which it is that.  Raises GpuError when the kernels cannot run on this machine: no
    cuda-bindings, no driver or one that is too old, no such device or another kind of device.
    ``driver`` and ``stream`` (the handle of the current stream) are for tests.
    """

    def __init__(
        self, folder: Path, device: int = 0, *, driver: Any = None, stream: Callable[[], int] | None = None
    ) -> None:
        self.folder = folder
        self.kernels = read_kernels(folder)
        self.driver = driver if driver is not None else import_driver()
        self.handle = find_device(self.driver, device)
        self.device = torch.device("cuda", device)
        check_device(self.driver, self.handle, self.kernels)
        attribute = self.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
        self.num_sms = int(call(self.driver, "cuDeviceGetAttribute", attribute, self.handle))
        self.pdl = self.kernels.pdl
        self.handle_of_stream = stream if stream is not None else self.current_stream
        self.streams: dict[str, torch.cuda.Stream] = {}
        self.chosen: dict[Key, Loaded] = {}
        self.by_key: dict[str, Loaded] = {}
        self.replays = Replays(self)
        self.launches: dict[str, int] = {}
        """Kernel -> how often it was launched."""
        if driver is None:
            check_torch()
            torch.cuda.init()
            torch.cuda.set_device(self.device)  # modules are loaded into its context, and launched in it
            torch.empty(1, device=self.device)  # makes that context

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """See ``Gpu``.  Raises GpuError for a variant that was not compiled, ValueError for a grid without a block."""
        x, y, z = grid
        if x < 1 or not (0 < y <= MOST_BLOCKS and 0 < z <= MOST_BLOCKS):
            raise ValueError(f"{kernel} cannot be launched on a grid of {grid}")
        key, passed, described = split(kernel, arguments, constants, config)
        loaded = self.chosen.get(key)
        if loaded is None:
            loaded = self.choose(key, kernel, arguments, constants, config)
        scratch = self.scratch(loaded, x * y * z)  # kept until the launch: memory is handed out again in stream order
        passed += map(Tensor.data_ptr, scratch) if scratch else loaded.nulls
        loaded.pack(self.driver, passed, described)
        self.submit(loaded, grid, early=bool(constants.get(PDL, False)))

    def submit(self, loaded: Loaded, grid: tuple[int, int, int], *, early: bool) -> None:
        """Launch a kernel with the parameters that were packed; ``early``: it waits for its predecessor itself."""
        record, stream = loaded.record, self.handle_of_stream()
        if early:
            check(self.driver, "cuLaunchKernelEx", *launch_early(self.driver, loaded, grid, stream))
        else:
            threads = record.num_warps * WARP
            answer = self.driver.cuLaunchKernel(
                loaded.function, *grid, threads, 1, 1, record.shared_bytes, stream, loaded.address, 0
            )
            check(self.driver, "cuLaunchKernel", *answer)
        self.launches[record.kernel] = self.launches.get(record.kernel, 0) + 1

    def choose(
        self,
        key: Key,
        kernel: str,
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> Loaded:
        """The binary for all launches of a key.

        Raises GpuError as ``load`` does, and ValueError for a tensor elsewhere than on the device.
        """
        for name, argument in arguments.items():
            tensor = argument.tensor if isinstance(argument, Descriptor) else argument
            if isinstance(tensor, Tensor) and tensor.device != self.device:
                raise ValueError(f"{name} of {kernel} is on {tensor.device}, not on {self.device}")
        loaded = self.load(variant_of(kernel, arguments, constants, config)).taking(*names_taken(arguments, config))
        if len(self.chosen) == KEPT:
            self.chosen.clear()
        self.chosen[key] = loaded
        return loaded

    def own(
        self, kernel: str, arguments: Mapping[str, Argument], constants: Mapping[str, Constant], config: Config
    ) -> Loaded:
        """A launch's binary with parameters of its own, which are packed but for descriptors.

        Tensors may have no data: what they are laid out like decides.  Raises GpuError as ``load`` does.
        """
        found = self.load(variant_of(kernel, arguments, constants, config))
        made = Loaded(found.record, found.function).taking(*names_taken(arguments, config))
        made.pack_numbers([*split(kernel, arguments, constants, config)[1], *made.nulls])
        return made

    def check_kernels(self, called: Sequence[str]) -> None:
        """Raise GpuError for a key of what a program calls that was not compiled."""
        absent = [key for key in called if key not in self.kernels.records]
        if absent:
            raise GpuError(
                f"{len(absent)} of {len(called)} kernels that the program calls are not in {self.folder / FILE}: "
                f"{', '.join(absent[:3])}",
                "compile again, or copy the whole folder",
            )

    def load_all(self) -> None:
        """Load every binary now, rather than with its first launch.  Raises GpuError as ``load`` does."""
        for record in self.kernels.records.values():
            self.load_record(record)

    def load(self, variant: Variant) -> Loaded:
        """A variant's binary.  Raises GpuError when there is none, and for one that changed since it was made."""
        return self.load_record(self.kernels.find(variant.key, variant.kernel, described(variant)))

    def load_record(self, record: KernelRecord) -> Loaded:
        """A binary, loaded once."""
        if record.key in self.by_key:
            return self.by_key[record.key]
        binary = (self.folder / record.file).read_bytes()
        if hashlib.sha256(binary).hexdigest() != record.sha256:
            raise GpuError(f"{self.folder / record.file} changed since it was compiled", "compile again")
        module = call(self.driver, "cuModuleLoadData", binary)
        function = call(self.driver, "cuModuleGetFunction", module, record.entry.encode())
        if record.shared_bytes > DEFAULT_SHARED_BYTES:
            largest = self.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            call(self.driver, "cuFuncSetAttribute", function, largest, record.shared_bytes)
        self.by_key[record.key] = Loaded(record, function)
        return self.by_key[record.key]

    def scratch(self, loaded: Loaded, blocks: int) -> list[Tensor]:
        """Memory behind the pointers that Triton appends; nothing where a kernel needs none."""
        if not any(loaded.scratch):
            return []
        sizes = (size * blocks for size in loaded.scratch)
        return [torch.empty(size, dtype=torch.uint8, device=self.device) for size in sizes]

    def check_memory(self, **parts: int) -> None:
        """Raise GpuError where what a program keeps (name -> bytes) does not fit into what is free on the device."""
        free, needed = int(call(self.driver, "cuMemGetInfo")), sum(parts.values())
        if needed > free:
            told = ", ".join(f"{name} {size / 1e9:.3g} GB" for name, size in parts.items())
            raise GpuError(
                f"the program takes {needed / 1e9:.3g} GB ({told}); {free / 1e9:.3g} GB are free on the device",
                "end what else runs there, give fewer or shorter prompts (--pages), or compile for smaller steps "
                "(--max-tokens, --max-batch) or more ranks (--ep)",
            )

    def stream(self, name: str) -> AbstractContextManager[object]:
        """See ``Gpu``; PyTorch's own work goes there too."""
        if name not in self.streams:
            self.streams[name] = torch.cuda.Stream(self.device)
        return torch.cuda.stream(self.streams[name])

    def record(self) -> Any:
        """See ``Gpu``."""
        return torch.cuda.current_stream(self.device).record_event()

    def wait(self, *events: Any) -> None:
        """See ``Gpu``."""
        for event in events:
            torch.cuda.current_stream(self.device).wait_event(event)

    def current_stream(self) -> int:
        """Handle of PyTorch's current stream."""
        return torch._C._cuda_getCurrentRawStream(self.device.index)  # pyright: ignore[reportPrivateUsage]


def described(variant: Variant) -> str:
    """What a variant was to be compiled for, for messages."""
    types = ", ".join(
        f"{name} {kind}{' (a multiple of 16)' if name in variant.divisible else ''}" for name, kind in variant.signature
    )
    constants = ", ".join(f"{name} = {value}" for name, value in variant.constants)
    compiled = f"{variant.num_warps} warps, {variant.num_stages} stages, in {variant.language}"
    return f"({types}) with {constants or 'no constants'}, {compiled}"


def import_driver() -> Any:
    """The driver's interface.  Raises GpuError where cuda-bindings is not installed."""
    try:
        return with_aligned_maps(importlib.import_module("cuda.bindings.driver"))
    except ImportError as error:
        raise GpuError(f"cuda-bindings cannot be imported: {error}", "pip install cuda-bindings") from error


def check_torch() -> None:
    """Raise GpuError where PyTorch has no CUDA: tensors must be on the device."""
    if not torch.backends.cuda.is_built():
        raise GpuError(f"PyTorch {torch.__version__} was built without CUDA", "install a build of PyTorch for CUDA")


def find_device(driver: Any, number: int) -> Any:
    """The handle of a device.  Raises GpuError without a driver and without that device."""
    try:
        call(driver, "cuInit", 0)
        count = int(call(driver, "cuDeviceGetCount"))
    except RuntimeError as error:  # GpuError, or what cuda-bindings raises where there is no libcuda
        raise GpuError(f"there is no CUDA driver that works: {error}", "run on a machine with an NVIDIA GPU") from error
    if number >= count:
        raise GpuError(f"there is no device cuda:{number}; the driver shows {count}", "see CUDA_VISIBLE_DEVICES")
    return call(driver, "cuDeviceGet", number)


def check_device(driver: Any, handle: Any, kernels: Kernels) -> None:
    """Raise GpuError for a device of another architecture than the kernels', and for a driver that is too old."""
    attributes = driver.CUdevice_attribute
    major, minor = (
        int(call(driver, "cuDeviceGetAttribute", attribute, handle))
        for attribute in (
            attributes.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
            attributes.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
        )
    )
    found = f"sm_{major}{minor}"
    if not runs(kernels.arch, found):
        name = call(driver, "cuDeviceGetName", 256, handle).split(b"\0")[0].decode()
        raise GpuError(f"the kernels are for {kernels.arch}; {name} is {found}", "compile for a target of this kind")
    version, needed = int(call(driver, "cuDriverGetVersion")), int(kernels.toolkit.split(".")[0])
    if version // 1000 < needed:
        raise GpuError(
            f"the kernels were assembled by CUDA {kernels.toolkit}; the driver is of CUDA "
            f"{version // 1000}.{version % 1000 // 10}",
            f"install a driver of CUDA {needed} or newer",
        )


def runs(arch: str, device: str) -> bool:
    """Whether binaries for ``arch`` run on a device: ``sm_90a`` on sm_90 only, ``sm_80`` on sm_80 to sm_89."""
    number, given = arch.removeprefix("sm_"), device.removeprefix("sm_")
    if not number.isdigit():
        return number.rstrip("af") == given
    return number[:-1] == given[:-1] and int(given) >= int(number)


def call(driver: Any, name: str, *arguments: Any) -> Any:
    """A function of the driver: its one result, or None.  Raises GpuError with the driver's own words if it fails."""
    return check(driver, name, *getattr(driver, name)(*arguments))


def check(driver: Any, name: str, status: Any, *results: Any) -> Any:
    """The one result of an answer of the driver, or None.  Raises GpuError if it says that ``name`` failed."""
    if int(status) != 0:
        _, text = driver.cuGetErrorString(status)
        raise GpuError(f"{name}: {text.decode() if text else status}")
    return results[0] if results else None
