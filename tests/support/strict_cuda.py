"""A driver that refuses what CUDA's documentation rules out: binaries are read, launches are held to what they state.

A cubin says itself what it takes (NVIDIA's ELF attributes): ordinal, offset and size of every parameter, threads of a
block, registers.  Rules are those of ``cuda.h`` and of the programming guide's table for compute capability 9.0.
"""

import ctypes
import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from cuda.bindings import driver as bindings
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from fake_cuda import FakeCuda

REGCOUNT, PARAM_CBANK, REQNTID, KPARAM_INFO = 0x2F, 0x0A, 0x10, 0x17
"""Attributes of ``.nv.info``: names as ``readelf`` of the CUDA toolkit gives them."""
WITH_SIZE = 4
"""Format of an attribute whose 16 bits are the bytes that follow."""
SIZE_SHIFT = 18
"""Of a parameter's size in the last word of its attribute."""
MAP_BYTES, MAP_ALIGNMENT = 128, 64
REGISTERS, REGISTER_UNIT, WARP = 65536, 8, 32
MOST_THREADS, MOST_SHARED, FREE_SHARED = 1024, 227 << 10, 48 << 10
RESERVED_SHARED = 1 << 10
"""Bytes of every block that the system keeps on this kind of device: binaries state them, limits do not count them."""
MOST_GRID = ((1 << 31) - 1, 65535, 65535)
MOST_PARAMETER_BYTES = 4096
SIZES = {"UINT8": 1, "UINT16": 2, "FLOAT16": 2, "BFLOAT16": 2, "INT32": 4, "FLOAT32": 4, "INT64": 8, "FLOAT64": 8}
SPANS = {"NONE": None, "32B": 32, "64B": 64, "128B": 128}
INVALID_VALUE = 1


@dataclass(frozen=True)
class Parameter:
    """Of a kernel, in the order of its launch."""

    offset: int
    size: int


@dataclass
class Function:
    """A kernel as its binary states it."""

    name: str
    parameters: list[Parameter]
    bank: tuple[int, int]
    """Where parameters start in the constant bank, and their bytes in all."""
    threads: tuple[int, int, int]
    """Of every block."""
    registers: int
    """Of a thread."""
    shared: int
    """Static bytes."""
    most_shared: int = FREE_SHARED
    """Dynamic bytes that a launch may ask for; ``cuFuncSetAttribute`` raises them."""


def attributes(section: bytes) -> Iterator[tuple[int, bytes]]:
    """(attribute, payload) of a section ``.nv.info``."""
    place = 0
    while place < len(section):
        kind, attribute, size = struct.unpack_from("<BBH", section, place)
        end = place + 4 + (size if kind == WITH_SIZE else 0)
        yield attribute, section[place + 4 : end]
        place = end


def functions_of(binary: bytes) -> dict[str, Function]:
    """The kernels of a cubin by name."""
    elf = ELFFile(io.BytesIO(binary))
    symbols = next(section for section in elf.iter_sections() if isinstance(section, SymbolTableSection))
    registers = {
        symbols.get_symbol(index).name: count
        for attribute, payload in attributes(elf.get_section_by_name(".nv.info").data())
        if attribute == REGCOUNT
        for index, count in [struct.unpack("<II", payload)]
    }
    found = dict[str, Function]()
    for section in elf.iter_sections():
        name = section.name.removeprefix(".nv.info.")
        if name != section.name:
            shared = elf.get_section_by_name(f".nv.shared.{name}")
            static = max(0, shared["sh_size"] - RESERVED_SHARED) if shared is not None else 0
            found[name] = function_of(name, section.data(), registers[name], static)
    return found


def function_of(name: str, section: bytes, registers: int, shared: int) -> Function:
    """A kernel of its own section of attributes."""
    parameters, bank, threads = dict[int, Parameter](), (0, 0), (0, 0, 0)
    for attribute, payload in attributes(section):
        if attribute == KPARAM_INFO:
            _, ordinal, offset, rest = struct.unpack("<IHHI", payload)
            parameters[ordinal] = Parameter(offset, rest >> SIZE_SHIFT)
        elif attribute == PARAM_CBANK:
            _, start, size = struct.unpack("<IHH", payload)
            bank = start, size
        elif attribute == REQNTID:
            threads = struct.unpack("<III", payload)
    assert sorted(parameters) == list(range(len(parameters))), f"{name}: ordinals {sorted(parameters)}"
    return Function(name, [parameters[i] for i in sorted(parameters)], bank, threads, registers, shared)


class Refused(Exception):
    """A rule that a call breaks."""


def hold(rule: bool, *said: object) -> None:
    """Raise Refused where a rule does not hold."""
    if not rule:
        raise Refused(" ".join(map(str, said)))


@dataclass
class StrictCuda(FakeCuda):
    """A device of compute capability 9.0 that runs nothing; what it refuses is told as the driver's own error."""

    structures: Any = bindings
    said: str = ""
    """Why the last call was refused."""
    maps: dict[bytes, tuple[Any, ...]] = field(default_factory=dict[bytes, tuple[Any, ...]])
    """Bytes of a descriptor -> what it was made of."""

    CUdevice_attribute = FakeCuda.CUdevice_attribute
    CUfunction_attribute = FakeCuda.CUfunction_attribute
    cuuint64_t, cuuint32_t = bindings.cuuint64_t, bindings.cuuint32_t

    def cuGetErrorString(self, status: int) -> tuple[int, bytes]:
        """The rule that was broken."""
        return 0, self.said.encode()

    def refused(self, error: Refused) -> tuple[int, ...]:
        """The answer to a wrong call."""
        self.said = str(error)
        return (INVALID_VALUE,)

    def cuModuleLoadData(self, image: bytes) -> tuple[int, dict[str, Function]]:
        """A cubin's kernels."""
        return 0, functions_of(image)

    def cuModuleGetFunction(self, module: dict[str, Function], name: bytes) -> tuple[Any, ...]:
        """One of them."""
        found = module.get(name.decode())
        return (0, found) if found is not None else self.refused(Refused(f"named symbol not found: {name!r}"))

    def cuFuncSetAttribute(self, function: Function, attribute: Any, value: int) -> tuple[int, ...]:
        """More shared memory."""
        try:
            hold(attribute == "shared", attribute)
            hold(value + function.shared <= MOST_SHARED, value, "bytes of shared memory per block")
        except Refused as error:
            return self.refused(error)
        function.most_shared = value
        return (0,)

    def cuLaunchKernel(self, function: Function, *rest: Any) -> tuple[int, ...]:
        """A launch in its turn."""
        return self.launched_with(function, rest[:3], rest[3:6], rest[6], rest[8], early=False)

    def cuLaunchKernelEx(self, config: Any, function: Function, parameters: int, extra: int) -> tuple[int, ...]:
        """A launch with attributes."""
        ids = bindings.CUlaunchAttributeID
        found = config.attrs[: config.numAttrs]
        early = [item.id == ids.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION for item in found]
        allowed = [item.value.programmaticStreamSerializationAllowed for item in found]
        grid = (config.gridDimX, config.gridDimY, config.gridDimZ)
        block = (config.blockDimX, config.blockDimY, config.blockDimZ)
        return self.launched_with(
            function, grid, block, config.sharedMemBytes, parameters, early=early == [True] and allowed == [1]
        )

    def launched_with(
        self, function: Function, grid: Sequence[int], block: Sequence[int], shared: int, place: int, *, early: bool
    ) -> tuple[int, ...]:
        """Check a launch and note it."""
        try:
            check_launch(function, grid, block, shared)
            values = [*self.values(function, place)]
        except Refused as error:
            return self.refused(error)
        self.launched.append({"entry": function.name, "grid": tuple(grid), "values": values, "early": early})
        return (0,)

    def values(self, function: Function, place: int) -> Iterator[bytes | tuple[Any, ...]]:
        """A launch's parameters as the binary reads them; descriptors as what they were made of."""
        count = len(function.parameters)
        addresses = (ctypes.c_void_p * count).from_address(place)
        for ordinal, parameter in enumerate(function.parameters):
            hold(bool(addresses[ordinal]), f"parameter {ordinal} has no address")
            found = ctypes.string_at(addresses[ordinal], parameter.size)
            if parameter.size != MAP_BYTES:
                yield found
                continue
            hold(found in self.maps, f"parameter {ordinal} of {function.name} is no descriptor that was made")
            start = function.bank[0] + parameter.offset
            hold(start % MAP_ALIGNMENT == 0, f"descriptor {ordinal} at {start} of the constant bank")
            yield self.maps[found]

    def cuTensorMapEncodeTiled(self, *given: Any) -> tuple[Any, ...]:
        """A descriptor: bytes that stand for what it was made of."""
        try:
            check_tensor_map(*given)
        except Refused as error:
            return self.refused(error)
        number = len(self.maps) + 1
        memory = ctypes.create_string_buffer(struct.pack("<QQ", 0x7453, number) * (MAP_BYTES // 16), MAP_BYTES)
        self.maps[memory.raw] = given
        return 0, SimpleNamespace(getPtr=lambda: ctypes.addressof(memory), memory=memory)


def check_launch(function: Function, grid: Sequence[int], block: Sequence[int], shared: int) -> None:
    """Raise Refused for what a launch may not be."""
    hold(all(1 <= size <= most for size, most in zip(grid, MOST_GRID, strict=True)), "grid of", grid)
    threads = block[0] * block[1] * block[2]
    hold(1 <= threads <= MOST_THREADS, "block of", block)
    hold(tuple(block) == function.threads, f"block of {block}, compiled for {function.threads}")
    hold(shared <= function.most_shared, f"{shared} bytes of shared memory, {function.most_shared} are allowed")
    each = -(-function.registers // REGISTER_UNIT) * REGISTER_UNIT
    hold(threads * each <= REGISTERS, f"too many resources requested for launch: {threads} x {each} registers")
    start, size = function.bank
    hold(size <= MOST_PARAMETER_BYTES, f"{size} bytes of parameters from {start} on")


def check_tensor_map(
    data_type: Any, rank: int, address: Any, sizes: Sequence[Any], strides: Sequence[Any], box: Sequence[Any],
    steps: Sequence[Any], interleave: Any, swizzle: Any, promotion: Any, fill: Any,
) -> None:  # fmt: skip
    """The rules of ``cuTensorMapEncodeTiled`` without interleaving, dims from the inside."""
    kind, wide = data_type.name.removeprefix("CU_TENSOR_MAP_DATA_TYPE_"), (bindings.cuuint64_t, bindings.cuuint32_t)
    hold(all(isinstance(item, wide[0]) for item in [*sizes, *strides]), "sizes and strides are cuuint64_t")
    hold(all(isinstance(item, wide[1]) for item in [*box, *steps]), "boxes and steps are cuuint32_t")
    sizes, strides, box, steps = ([int(item) for item in each] for each in (sizes, strides, box, steps))
    hold(interleave == bindings.CUtensorMapInterleave.CU_TENSOR_MAP_INTERLEAVE_NONE, "interleave", interleave)
    hold(fill == bindings.CUtensorMapFloatOOBfill.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE, "fill", fill)
    hold(isinstance(promotion, bindings.CUtensorMapL2promotion), "promotion", promotion)
    hold(1 <= rank <= 5 and len(sizes) == len(box) == len(steps) == rank == len(strides) + 1, "rank", rank)
    hold(int(address) % 16 == 0, "address", address)
    hold(all(1 <= size <= 1 << 32 for size in sizes), "sizes", sizes)
    hold(all(stride % 16 == 0 and stride < 1 << 40 for stride in strides), "strides", strides)
    hold(strides == [] or strides[0] >= sizes[0] * SIZES[kind], "rows of", sizes[0], "overlap at a stride of", strides)
    hold(all(1 <= size <= 256 for size in box), "box", box)
    hold(box[0] * SIZES[kind] % 16 == 0, "inner side of the box", box, kind)
    hold(all(1 <= step <= 8 for step in steps), "steps", steps)
    span = SPANS[swizzle.name.removeprefix("CU_TENSOR_MAP_SWIZZLE_")]
    hold(span is None or box[0] * SIZES[kind] <= span, "inner side of the box", box, kind, "is wider than", swizzle)
