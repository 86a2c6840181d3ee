"""A driver that records what it is asked, in the form of ``cuda.bindings.driver``."""

import ctypes
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass
class FakeCuda:
    """One device of compute capability ``capability``; ``fails``: functions that return an error."""

    capability: tuple[int, int] = (9, 0)
    version: int = 13000
    devices: int = 1
    multiprocessors: int = 132
    free_bytes: int = 1 << 30
    fails: frozenset[str] = frozenset()
    parameters: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    """Entry -> ctypes of its parameters, to read back what a launch was given."""
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list[tuple[str, tuple[Any, ...]]])
    launched: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    structures: Any = None
    """Where the driver's structures are (``CUlaunchConfig``): cuda-bindings itself."""

    CUdevice_attribute = SimpleNamespace(
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR="major",
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR="minor",
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT="multiprocessors",
    )
    CUfunction_attribute = SimpleNamespace(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES="shared")

    def names(self) -> list[str]:
        """The functions that were called, in order."""
        return [name for name, _ in self.calls]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("CU") and self.structures is not None:
            return getattr(self.structures, name)
        if not name.startswith("cu"):
            raise AttributeError(name)

        def run(*arguments: Any) -> tuple[Any, ...]:
            self.calls.append((name, arguments))
            if name in self.fails:
                return (1,)
            return (0, *self.answer(name, arguments))

        return run

    def cuGetErrorString(self, status: int) -> tuple[int, bytes]:
        """What went wrong."""
        return 0, b"it does not work"

    def answer(self, name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The results of a function."""
        match name:
            case "cuDeviceGetCount":
                return (self.devices,)
            case "cuMemGetInfo":
                return (self.free_bytes, self.free_bytes)
            case "cuDriverGetVersion":
                return (self.version,)
            case "cuDeviceGet":
                return (f"device {arguments[0]}",)
            case "cuDeviceGetName":
                return (b"Fake Device\0\0",)
            case "cuDeviceGetAttribute":
                major, minor = self.capability
                return ({"major": major, "minor": minor, "multiprocessors": self.multiprocessors}[arguments[0]],)
            case "cuModuleLoadData":
                return (arguments[0],)
            case "cuModuleGetFunction":
                return (arguments[1].decode(),)
            case "cuLaunchKernel":
                self.launched.append(self.launch(*arguments))
                return ()
            case _:
                return ()

    def cuLaunchKernelEx(self, config: Any, entry: str, parameters: int, extra: int) -> tuple[int]:
        """A launch with attributes; ``early``: whether it need not wait for the one before it."""
        self.calls.append(("cuLaunchKernelEx", (config, entry, parameters, extra)))
        grid = (config.gridDimX, config.gridDimY, config.gridDimZ)
        block = (config.blockDimX, config.blockDimY, config.blockDimZ)
        given = self.launch(entry, *grid, *block, config.sharedMemBytes, int(config.hStream), parameters, extra)
        ids = self.structures.CUlaunchAttributeID
        early = [
            attribute.value.programmaticStreamSerializationAllowed
            for attribute in config.attrs[: config.numAttrs]
            if attribute.id == ids.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
        ]
        self.launched.append(given | {"early": early == [1]})
        return (0,)

    def launch(self, entry: str, *rest: Any) -> dict[str, Any]:
        """What a launch was given, its parameters read through their addresses."""
        kinds = self.parameters[entry]
        array = (ctypes.c_void_p * len(kinds)).from_address(rest[8])
        values = [kind.from_address(address).value for kind, address in zip(kinds, array, strict=True)]
        return {"entry": entry, "grid": rest[:3], "block": rest[3:6], "shared": rest[6], "stream": rest[7]} | {
            "values": values
        }
