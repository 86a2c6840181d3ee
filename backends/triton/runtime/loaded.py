"""A kernel in a device's memory, and the memory that a launch's parameters are written to.

Every parameter but a descriptor has 8 bytes of one buffer, which all of them are packed into at once.
"""

import ctypes
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from dsv3c.backends.triton.runtime.records import GLOBAL_SCRATCH, PROFILE_SCRATCH, TENSOR_MAP, GpuError, KernelRecord
from dsv3c.backends.triton.runtime.tensor_maps import TensorMap

WARP = 32
"""Threads."""
CODES = {"i32": "i4x", "i64": "q", "fp32": "f4x"}
"""How ``struct`` writes parameters that are no pointers."""
TRAILING = (GLOBAL_SCRATCH, PROFILE_SCRATCH)


@dataclass
class Loaded:
    """A kernel, and its parameters, which every launch writes anew."""

    record: KernelRecord
    function: Any
    packing: struct.Struct = field(init=False)
    names: tuple[str, ...] = field(init=False)
    """Of what is packed, without the pointers that Triton appends."""
    scratch: tuple[int, ...] = field(init=False)
    """Bytes per block behind the pointers that Triton appends."""
    nulls: tuple[int, ...] = field(init=False)
    """Those pointers, where there is nothing behind any."""
    memory: Any = field(init=False)
    maps: list[tuple[str, TensorMap]] = field(init=False)
    """Parameters that are descriptors."""
    address: int = field(init=False)
    """Of the array of the parameters' addresses, as ``cuLaunchKernel`` takes it."""
    early: Any = None
    """How the kernel is launched where it need not wait for the one before it."""
    early_stream: int | None = None
    """Which ``early`` is for."""

    def __post_init__(self) -> None:
        abi, sizes = self.record.abi, (self.record.global_scratch_bytes, self.record.profile_scratch_bytes)
        trailing = [name for name, _ in abi if name in TRAILING]
        self.scratch = tuple(size for name, size in zip(TRAILING, sizes, strict=True) if name in trailing)
        self.nulls = (0,) * len(self.scratch)
        names = tuple(name for name, kind in abi if kind != TENSOR_MAP and name not in TRAILING)
        self.lay_out(names, tuple(name for name, kind in abi if kind == TENSOR_MAP))

    def lay_out(self, names: tuple[str, ...], described: tuple[str, ...]) -> None:
        """Memory for parameters that are packed in the order of ``names``, and for descriptors."""
        kinds, self.names = dict(self.record.abi), names
        packed = (*names, *(name for name in kinds if name in TRAILING))
        self.packing = struct.Struct("<" + "".join(code_of(kinds[name]) for name in packed))
        self.memory = (ctypes.c_uint64 * len(packed))()
        self.maps = [(name, TensorMap()) for name in described]
        start = ctypes.addressof(self.memory)
        places = {name: start + 8 * place for place, name in enumerate(packed)}
        places |= {name: cell.address for name, cell in self.maps}
        self.pointers = (ctypes.c_void_p * len(kinds))(*(places[name] for name in kinds))
        self.address = ctypes.addressof(self.pointers)

    def taking(self, passed: Sequence[str], described: Sequence[str]) -> "Loaded":
        """The kernel with parameters in the order in which launches pass them, which need not be the binary's own.

        Raises GpuError unless they are all that the binary takes.
        """
        given = tuple(passed), tuple(described)
        if [*map(sorted, given)] != [*map(sorted, self.takes)]:
            raise GpuError(
                f"{self.record.kernel} takes {', '.join(sum(self.takes, ()))}; it is given {', '.join(sum(given, ()))}",
                "compile again",
            )
        if given == self.takes:
            return self
        made = Loaded(self.record, self.function)
        made.lay_out(*given)
        return made

    @property
    def takes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of what is packed and of descriptors."""
        return self.names, tuple(name for name, _ in self.maps)

    def pack(self, driver: Any, passed: Sequence[int | float], described: Sequence[tuple[int, Tensor]]) -> None:
        """Write all parameters; those of scratch memory are the last that are passed.

        Raises ValueError for a number that the binary cannot take, and GpuError for what no descriptor is made of.
        """
        self.pack_numbers(passed)
        for (name, cell), (start, tensor) in zip(self.maps, described, strict=True):
            cell.fill(driver, tensor, self.record.boxes[name], start)

    def pack_numbers(self, passed: Sequence[int | float]) -> None:
        """Write all parameters but descriptors.  Raises ValueError for a number that the binary cannot take."""
        try:
            self.packing.pack_into(self.memory, 0, *passed)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"{self.record.kernel} cannot be given {tuple(passed)}: {error}") from error


def launch_early(driver: Any, loaded: Loaded, grid: tuple[int, int, int], stream: int) -> Any:
    """Launch a kernel that waits itself for the one before it in the stream, which may not have ended yet.

    The driver's answer.
    """
    config = loaded.early
    if config is None:
        attribute, config = driver.CUlaunchAttribute(), driver.CUlaunchConfig()
        attribute.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
        attribute.value.programmaticStreamSerializationAllowed = 1
        config.blockDimX, config.blockDimY, config.blockDimZ = loaded.record.num_warps * WARP, 1, 1
        config.sharedMemBytes, config.attrs, config.numAttrs = loaded.record.shared_bytes, [attribute], 1
        loaded.early = config
    if loaded.early_stream != stream:
        config.hStream, loaded.early_stream = driver.CUstream(stream), stream
    config.gridDimX, config.gridDimY, config.gridDimZ = grid
    return driver.cuLaunchKernelEx(config, loaded.function, loaded.address, 0)


def code_of(kind: str) -> str:
    """How ``struct`` writes a parameter."""
    return "Q" if kind.startswith("*") else CODES[kind]
