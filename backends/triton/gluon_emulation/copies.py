"""The tensor copy engine: descriptors of tensors in global memory, and copies that complete later."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon_emulation.barriers import Barrier, barrier_of
from dsv3c.backends.triton.gluon_emulation.elements import ELEMENTS
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError
from dsv3c.backends.triton.gluon_emulation.layouts import Shape
from dsv3c.backends.triton.gluon_emulation.memory import Buffer
from dsv3c.backends.triton.gluon_emulation.program import current

ALIGNMENT = 16
"""Bytes: of addresses, strides, rows of a box and coordinates in the last dim."""
DEFAULT_LAYOUT: Any = gl.NVMMASharedLayout.get_default_for
PLACE = 128
"""Bytes: a box in shared memory starts at a multiple; a swizzled one where the pattern of 8 of its rows does."""
MAX_BOX = 256
"""Elements of a box in one dim; a wider last dim is split by Triton into boxes as wide as the swizzle."""


@dataclass(frozen=True)
class BlockType:
    """``descriptor.block_type``."""

    shape: Shape
    element_ty: Any
    nbytes: int


@dataclass(frozen=True, eq=False)
class TensorDescriptor:
    """A tensor in global memory that is copied box by box."""

    tensor: Tensor
    block: tuple[int, ...]
    layout: Any
    name: str

    def __post_init__(self) -> None:
        size, strides = self.tensor.element_size(), self.tensor.stride()
        if not 1 <= self.tensor.dim() <= 5 or len(self.block) != self.tensor.dim():
            raise EmulationError(f"{self.name}: boxes of {self.block} of a tensor of shape {list(self.tensor.shape)}")
        if strides[-1] != 1 or any(stride * size % ALIGNMENT for stride in strides[:-1]):
            raise EmulationError(f"{self.name}: strides {strides} of {size}-byte elements: the last is 1, others 16 B")
        if self.tensor.data_ptr() % ALIGNMENT:
            raise EmulationError(f"{self.name} does not start at a multiple of 16 bytes")
        if self.block[-1] * size % ALIGNMENT or any(extent > MAX_BOX for extent in self.block[:-1]):
            raise EmulationError(f"{self.name}: a box of {self.block} of {size}-byte elements cannot be copied")

    @property
    def block_type(self) -> BlockType:
        """What a box holds."""
        return BlockType(self.block_shape, self.dtype, self.nbytes_per_cta)

    @property
    def block_shape(self) -> Shape:
        """Elements of a box."""
        return Shape(self.block)

    @property
    def dtype(self) -> Any:
        """Triton's type of an element."""
        return ELEMENTS[self.tensor.dtype]

    @property
    def shape(self) -> Shape:
        """Of the tensor."""
        return Shape(self.tensor.shape)

    @property
    def strides(self) -> Shape:
        """Of the tensor, in elements."""
        return Shape(self.tensor.stride())

    @property
    def nbytes_per_cta(self) -> int:
        """Of a box."""
        count = 1
        for extent in self.block:
            count *= extent
        return count * self.tensor.element_size()

    def overlap(self, start: Sequence[int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Which part of the tensor a box covers, and which part of the box that is; empty slices for none."""
        inside = list[slice]()
        covered = list[slice]()
        for first, extent, size in zip(start, self.block, self.tensor.shape, strict=True):
            low, high = max(first, 0), min(first + extent, size)
            high = max(low, high)
            inside.append(slice(low, high))
            covered.append(slice(low - first, high - first))
        return tuple(inside), tuple(covered)


def descriptor_of(tensor: Tensor, block: tuple[int, ...], swizzle: int | None, name: str) -> TensorDescriptor:
    """A host's descriptor; ``swizzle`` bytes, None: the layout that products read."""
    element = ELEMENTS[tensor.dtype]
    if swizzle is None:
        layout = DEFAULT_LAYOUT(list(block), element)
    else:
        bits = element.primitive_bitwidth
        layout = gl.NVMMASharedLayout(swizzle_byte_width=swizzle, element_bitwidth=bits, rank=len(block))
    return TensorDescriptor(tensor, block, layout, name)


def coordinates(descriptor: Any, coord: Sequence[Any], buffer: Any) -> tuple[int, ...]:
    """Where a box starts.  Raises EmulationError where box, buffer and descriptor do not fit."""
    if not isinstance(descriptor, TensorDescriptor) or not isinstance(buffer, Buffer):
        raise EmulationError("a copy goes between a descriptor's tensor and a buffer in shared memory")
    start = tuple(int(each) for each in coord)
    if len(start) != len(descriptor.block):
        raise EmulationError(f"{descriptor.name}: {len(start)} coordinates for boxes of {list(descriptor.block)}")
    size = descriptor.tensor.element_size()
    if start[-1] * size % ALIGNMENT:
        raise EmulationError(f"{descriptor.name}: coordinates {start}: the last is not at a multiple of 16 bytes")
    if squeezed(buffer.sizes) != squeezed(descriptor.block) or buffer.element != descriptor.tensor.dtype:
        raise EmulationError(
            f"{descriptor.name} has boxes of {list(descriptor.block)} {descriptor.dtype}; "
            f"{buffer.name} is {list(buffer.sizes)} {buffer.dtype}"
        )
    if not buffer.same_swizzle(descriptor.layout):
        raise EmulationError(f"{buffer.name} has layout {buffer.layout}, {descriptor.name} {descriptor.layout}")
    place, step = buffer.offset * size, max(PLACE, 8 * descriptor.layout.swizzle_byte_width)
    if place % step:
        raise EmulationError(
            f"{buffer.name} starts at byte {place} of its allocation: boxes start at multiples of {step}"
        )
    return start


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """Without leading ones."""
    sizes = tuple(shape)
    while sizes and sizes[0] == 1:
        sizes = sizes[1:]
    return sizes


def load(
    tensor_desc: Any, coord: Any, barrier: Any, result: Any, pred: Any = True, multicast: Any = False, **policy: Any
) -> None:
    """Start a copy into shared memory; what lies outside the tensor becomes zero; the barrier gets all its bytes."""
    check_policy(policy)
    if multicast:
        raise EmulationError("multicast is not emulated")
    if not pred:
        return
    start = coordinates(tensor_desc, coord, result)
    target = barrier_of(barrier)
    program = current()
    result.check_write(program.partition, fenced=True)
    result.note_write(target.actor, target.phase + 1, 0)
    result.allocation.incoming[result.words()] += 1
    program.scheduler.start(lambda: arrive_with(tensor_desc, start, target, result))
    program.scheduler.step()


def arrive_with(descriptor: TensorDescriptor, start: tuple[int, ...], barrier: Barrier, buffer: Buffer) -> None:
    """The end of a load."""
    inside, covered = descriptor.overlap(start)
    box = torch.zeros(descriptor.block, dtype=descriptor.tensor.dtype)
    box[covered] = descriptor.tensor[inside]
    buffer.tensor().copy_(box.view(buffer.sizes))
    buffer.allocation.incoming[buffer.words()] -= 1
    barrier.num_bytes -= descriptor.nbytes_per_cta
    barrier.settle()


@dataclass(eq=False)
class Store:
    """A store under way, or one that nobody has waited for."""

    buffer: Buffer
    done: bool = False


def store(tensor_desc: Any, coord: Any, src: Any, **policy: Any) -> None:
    """Start a copy out of shared memory; what lies outside the tensor is not written."""
    check_policy(policy)
    start = coordinates(tensor_desc, coord, src)
    program = current()
    src.check_read(program.partition, fenced=True)
    src.add_reader(1)
    under_way = Store(src)
    program.partition.stores.append(under_way)

    def complete() -> None:
        inside, covered = tensor_desc.overlap(start)
        tensor_desc.tensor[inside] = src.tensor().view(tensor_desc.block)[covered]
        under_way.done = True

    program.scheduler.start(complete)
    program.scheduler.step()


def store_wait(pendings: Any = 0, **options: Any) -> None:
    """Wait until at most ``pendings`` of this partition's stores have not read their buffers."""
    del options  # read_only: whether to wait for the reads alone; here a store reads and writes in one
    program = current()
    stores = program.partition.stores
    over = stores[: max(len(stores) - int(pendings), 0)]
    program.scheduler.step(lambda: all(store.done for store in over), lambda: "stores of the copy engine")
    for each in over:
        each.buffer.add_reader(-1)
        each.buffer.note_read(program.partition)
        stores.remove(each)


def check_policy(policy: dict[str, Any]) -> None:
    """A cache policy changes nothing.  Raises EmulationError for other options."""
    unknown = set(policy) - {"cache_policy", "cache_modifier", "eviction_policy"}
    if unknown:
        raise EmulationError(f"options of a copy that are not emulated: {sorted(unknown)}")
