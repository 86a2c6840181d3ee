"""What launchers ask of a device, and the key under which a compiled kernel is found.

A key names everything that was fixed when a kernel was compiled: the function, the types of its arguments, which of
them are multiples of 16, its constants and its configuration.  Sizes that change from step to step are not in it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import torch
from torch import Tensor

ALIGNMENT = 16
"""Bytes (pointers) or units (integers) whose multiples get kernels of their own: wide loads need them."""
KEPT = 4096
"""Answers about strides that are kept: programs ask the same with every launch."""


@dataclass(frozen=True, slots=True)
class Static:
    """An integer that the program's types fix (the width of a weight, the stride of a row), not the step."""

    value: int


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A tensor that a kernel reads or writes block by block.

    A Gluon kernel gets a descriptor of the tensor copy engine, as parameter ``x_desc``; its plain twin the pointer, as
    ``x_ptr``.  tensor: 2 to 5 dims, the last contiguous, the strides of the others multiples of 16 bytes.
    """

    tensor: Tensor
    block: tuple[int, ...]
    """Elements of each dim that are copied at once."""
    swizzle: int | None = None
    """Bytes of the pattern in which rows lie in shared memory: 0, 32, 64 or 128; None: as products read them."""


Argument = Tensor | int | float | Static | Descriptor | None
"""Of a launch: a pointer, a number of this step, or a number of the program; None: the pointer is absent."""
Constant = int | float | bool | str
"""What a kernel is compiled for."""
Config = Mapping[str, int]
"""Tile sizes, ``num_warps`` and ``num_stages``; ``up_to``: rows it is meant for at most, 0 without a bound."""
Configs = Sequence[Config]
"""Configurations of one call, by ascending ``up_to``; the last has no bound."""
PDL = "PDL"
"""Constant of a kernel that is started before the one before it in its stream has ended, and waits for that itself."""
OPTIONS = ("num_warps", "num_stages")
"""Entries of a configuration that every kernel has."""
TRITON, GLUON = "triton", "gluon"
"""Languages of a kernel: plain Triton, or its twin in Gluon, which a configuration with ``gluon = 1`` asks for."""
POINTER, DESCRIPTOR = "_ptr", "_desc"
"""Ends of the names of parameters: a pointer, and what a Gluon kernel takes in its place."""

POINTERS: dict[torch.dtype, str] = {
    torch.bool: "*i1",
    torch.uint8: "*u8",
    torch.int8: "*i8",
    torch.int16: "*i16",
    torch.int32: "*i32",
    torch.int64: "*i64",
    torch.bfloat16: "*bf16",
    torch.float16: "*fp16",
    torch.float32: "*fp32",
    torch.float64: "*fp64",
    torch.float8_e4m3fn: "*fp8e4nv",
    torch.float8_e4m3fnuz: "*fp8e4b8",
    torch.float8_e5m2: "*fp8e5",
    torch.float8_e5m2fnuz: "*fp8e5b16",
}
"""Triton's names of pointer types."""


class Gpu(Protocol):
    """A device that runs kernels, in the order of a stream; and other streams beside it."""

    num_sms: int
    """Multiprocessors a launch may fill."""
    pdl: bool
    """Programmatic dependent launch: kernels that wait for the one before them themselves are started earlier."""

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """Run ``kernel`` (``file.function``) once per point of ``grid``.

        ``arguments`` are the function's run-time parameters by name, in its order; ``constants`` its compile-time ones.
        """
        ...

    def stream(self, name: str) -> AbstractContextManager[object]:
        """Within it, work goes to another stream than that which the program was called on."""
        ...

    def record(self) -> Any:
        """An event behind all that the current stream was given."""
        ...

    def wait(self, *events: Any) -> None:
        """The current stream goes on when it has passed these events; the host does not wait."""
        ...


class InOrder:
    """For devices that have done their work when a launch returns: streams and events of a ``Gpu`` change nothing."""

    pdl = False

    def stream(self, name: str) -> AbstractContextManager[object]:
        """See ``Gpu``."""
        return nullcontext(name)

    def record(self) -> None:
        """See ``Gpu``."""

    def wait(self, *events: object) -> None:
        """See ``Gpu``."""


@dataclass(frozen=True)
class Variant:
    """A kernel as it is compiled: a function, the types of its arguments, and what is fixed."""

    kernel: str
    """``file.function``"""
    signature: tuple[tuple[str, str], ...]
    """Run-time parameters in order: name and type (``*bf16``, ``i32``, ``fp32``; ``None``: absent)."""
    divisible: tuple[str, ...]
    """Parameters that are multiples of ``ALIGNMENT``."""
    constants: tuple[tuple[str, Constant], ...]
    num_warps: int
    num_stages: int
    language: str = TRITON
    """``triton`` or ``gluon``."""

    @property
    def key(self) -> str:
        """``scaled_mm.scaled_mm_kernel-5f0c...``: the same for equal variants, another for any other."""
        return f"{self.kernel}-{hashlib.sha256(repr(self).encode()).hexdigest()[:16]}"


def variant_of(
    kernel: str, arguments: Mapping[str, Argument], constants: Mapping[str, Constant], config: Config
) -> Variant:
    """The variant that a launch needs.

    Raises ValueError for a tensor of a type that no kernel reads, and for one that cannot be copied block by block.
    """
    gluon = is_gluon(config)
    if gluon:
        arguments = as_gluon_takes(arguments)
    return Variant(
        kernel,
        tuple((name, type_of(argument, gluon=gluon)) for name, argument in arguments.items()),
        tuple(name for name, argument in arguments.items() if is_divisible(argument, gluon=gluon)),
        tuple(sorted(constants.items())),
        config["num_warps"],
        config["num_stages"],
        GLUON if gluon else TRITON,
    )


def is_gluon(config: Config) -> bool:
    """Whether a configuration asks for a kernel's twin in Gluon."""
    return bool(config.get(GLUON, 0))


def as_gluon_takes(arguments: Mapping[str, Argument]) -> dict[str, Argument]:
    """Arguments by the names that a Gluon kernel has for them: ``x_desc`` where its plain twin has ``x_ptr``."""
    return {
        name.removesuffix(POINTER) + DESCRIPTOR if isinstance(argument, Descriptor) else name: argument
        for name, argument in arguments.items()
    }


def type_of(argument: Argument, *, gluon: bool = False) -> str:
    """Triton's name of an argument's type.  Raises ValueError for a tensor of a type that no kernel reads."""
    match argument:
        case Descriptor():
            return descriptor_type(argument) if gluon else type_of(argument.tensor)
        case Tensor():
            if argument.dtype not in POINTERS:
                raise ValueError(f"no kernel reads tensors of {argument.dtype}")
            return POINTERS[argument.dtype]
        case float():
            return "fp32"
        case None:
            return "None"
        case _:
            return "i32"


def descriptor_type(argument: Descriptor) -> str:
    """``tensordesc<fp8e4nv[128, 128]>``; ``tensordesc<fp32[1, 128]:0>`` with the bytes of a swizzle.

    Raises ValueError for a tensor that the copy engine cannot read.
    """
    tensor, block = argument.tensor, argument.block
    element = type_of(tensor).removeprefix("*")
    if not 2 <= tensor.dim() <= 5 or len(block) != tensor.dim():
        raise ValueError(f"blocks of {block} of a tensor of {tensor.dim()} dims: as many as dims are needed, 2 to 5")
    if not strides_can_be_described(tensor.dtype, tensor.stride()):
        raise ValueError(f"strides {tensor.stride()} of {element}: the last must be 1, others multiples of 16 bytes")
    if address(tensor) % ALIGNMENT:
        raise ValueError(f"a tensor at an address that is no multiple of {ALIGNMENT} cannot be copied block by block")
    swizzle = "" if argument.swizzle is None else f":{argument.swizzle}"
    return f"tensordesc<{element}[{', '.join(map(str, block))}]{swizzle}>"


def is_divisible(argument: Argument, *, gluon: bool = False) -> bool:
    """Whether a kernel is compiled for an argument that is a multiple of 16."""
    match argument:
        case Descriptor():
            return not gluon and is_divisible(argument.tensor)
        case Tensor():
            return address(argument) % ALIGNMENT == 0 and rows_are_aligned(argument.dtype, argument.stride())
        case Static():
            return argument.value % ALIGNMENT == 0
        case _:
            return False


@lru_cache(maxsize=KEPT)
def strides_can_be_described(dtype: torch.dtype, strides: tuple[int, ...]) -> bool:
    """Whether the copy engine can go through memory so: the last dim contiguous, others multiples of 16 bytes."""
    return strides[-1:] == (1,) and not any(stride * dtype.itemsize % ALIGNMENT for stride in strides[:-1])


@lru_cache(maxsize=KEPT)
def rows_are_aligned(dtype: torch.dtype, strides: tuple[int, ...]) -> bool:
    """Whether a tensor stays aligned when its first rows are cut off, as those of another micro-batch are.

    A step decides how many rows these are, and how long those of a table of integers (the pages of a sequence): what
    a kernel is compiled for may not depend on it.
    """
    if dtype in (torch.int32, torch.int64):
        return False
    if len(strides) < 2:  # a vector of numbers per channel
        return dtype.is_floating_point
    return all(stride * dtype.itemsize % ALIGNMENT == 0 for stride in strides[:-1])


def address(tensor: Tensor) -> int:
    """Where a tensor's data starts; a tensor without data counts from an aligned address."""
    if tensor.is_meta:
        return int(tensor.storage_offset()) * tensor.dtype.itemsize
    return tensor.data_ptr()


def plain(argument: Argument) -> Tensor | int | float | None:
    """An argument as a plain kernel takes it."""
    match argument:
        case Static():
            return argument.value
        case Descriptor():
            return argument.tensor
        case _:
            return argument


def early_start(gpu: Gpu) -> dict[str, Constant]:
    """The constant of kernels that begin with ``after_predecessor``; none where they are started in their turn."""
    return {PDL: True} if gpu.pdl else {}


def choose(configs: Configs, rows: int) -> Config:
    """The first configuration that is meant for so many rows.  Raises ValueError when none is."""
    for config in configs:
        bound = config.get("up_to", 0)
        if bound == 0 or rows <= bound:
            return config
    raise ValueError(f"no configuration for {rows} rows; the widest is for {configs[-1]['up_to']}")


def cdiv(a: int, b: int) -> int:
    """``ceil(a / b)`` of integers."""
    return -(-a // b)
