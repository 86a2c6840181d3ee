"""Shared memory: allocations full of poison, views of them, and who wrote and read each word last.

Every access is checked against the accesses before it: a read must be ordered after the last write, a write after the
last write and after all reads since.  Ordered means known to the partition's clock (scheduler.py): through barriers
that were waited for, not through the order in which this run happened to go.  So a missing wait, or a buffer that is
given back while a product still reads it, is found in every order, not only in an unlucky one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import index as as_index
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon_emulation.elements import ELEMENTS, torch_type
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError, Race
from dsv3c.backends.triton.gluon_emulation.layouts import Shape, check_block, frozen
from dsv3c.backends.triton.gluon_emulation.scheduler import Partition, acting, actor_name
from dsv3c.backends.triton.gluon_emulation.values import Value

WORD = 4
"""Bytes whose accesses are recorded together."""
Words = slice | Tensor
POISON = 0xFF
"""NaN in every floating-point type, and -1 in integers."""
MAX_SHARED_BYTES = 232_448
"""Of one program on Hopper."""


@dataclass(eq=False)
class Allocation:
    """Bytes of shared memory, and for every word: who wrote it last, who read it, what is under way."""

    name: str
    data: Tensor
    writer: Tensor
    """Actor of the last write; 0: never written."""
    written: Tensor
    """Epoch of the last write."""
    reads: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    """By partition: epoch of its last read."""
    incoming: Tensor = field(default_factory=lambda: torch.empty(0))
    """Loads under way."""
    readers: Tensor = field(default_factory=lambda: torch.empty(0))
    """Products and stores that may still read."""
    unfenced: Tensor = field(default_factory=lambda: torch.empty(0))
    """Partition that wrote it and has not called fence_async_shared since."""
    views: dict[Any, Words] = field(default_factory=dict[Any, Words])
    barriers: dict[int, Any] = field(default_factory=dict[int, Any])
    """By byte offset."""


class SharedMemory:
    """All of a program's."""

    def __init__(self) -> None:
        self.allocations = WeakSet[Allocation]()
        """Those that the program can still reach: the compiler gives the others' room to later ones."""

    def allocate(self, name: str, element: torch.dtype, shape: Sequence[int], layout: Any) -> "Buffer":
        """A buffer full of poison.  Raises EmulationError when the program has too much."""
        num_bytes = element.itemsize
        for size in shape:
            num_bytes *= size
        total = num_bytes + sum(each.data.numel() for each in self.allocations)
        if total > MAX_SHARED_BYTES:
            raise EmulationError(f"{name}: {total} bytes of shared memory, of {MAX_SHARED_BYTES}")
        words = -(-num_bytes // WORD)
        numbers = [torch.zeros(words, dtype=torch.int32) for _ in range(5)]
        allocation = Allocation(
            name,
            torch.full((words * WORD,), POISON, dtype=torch.uint8),
            writer=numbers[0],
            written=numbers[1],
            incoming=numbers[2],
            readers=numbers[3],
            unfenced=numbers[4],
        )
        self.allocations.add(allocation)
        strides = [1] * len(shape)
        for dim in range(len(shape) - 2, -1, -1):
            strides[dim] = strides[dim + 1] * shape[dim + 1]
        return Buffer(allocation, element, tuple(shape), tuple(strides), 0, layout, allocation.name)

    def fence(self, partition: Partition) -> None:
        """fence_async_shared: what this partition wrote can be read by the copy engine and the tensor cores."""
        for allocation in self.allocations:
            allocation.unfenced.masked_fill_(allocation.unfenced == partition.actor, 0)


@dataclass(frozen=True, eq=False)
class Buffer:
    """A view of an allocation; strides and offset count elements."""

    allocation: Allocation
    element: torch.dtype
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    layout: Any
    name: str

    # As kernels see it ------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """Sizes of the dims."""
        return Shape(self.sizes)

    @property
    def rank(self) -> int:
        """Number of dims."""
        return len(self.sizes)

    @property
    def numel(self) -> int:
        """Number of elements."""
        return self.tensor().numel()

    @property
    def dtype(self) -> Any:
        """Triton's type of an element."""
        return ELEMENTS[self.element]

    @property
    def type(self) -> Any:
        """Triton's type of it."""
        return gl.shared_memory_descriptor_type(self.dtype, list(self.sizes), self.layout, list(self.sizes))

    @property
    def nbytes_per_cta(self) -> int:
        """Bytes of all elements."""
        return self.numel * self.element.itemsize

    def index(self, index: Any) -> "Buffer":
        """One entry of the first dim.  Raises EmulationError for one that is not there."""
        at = as_index(index)
        if not 0 <= at < self.sizes[0]:
            raise EmulationError(f"{self.name} has no entry {at}: shape {list(self.sizes)}")
        moved = self.offset + at * self.strides[0]
        return self.view(self.sizes[1:], self.strides[1:], moved, name=f"{self.name}[{at}]")

    def slice(self, start: Any, length: Any, dim: Any = 0) -> "Buffer":
        """``length`` entries of a dim.  Raises EmulationError for any that are not there."""
        if isinstance(start, Value):
            raise EmulationError("the start of a slice is a constant: use index for what is only known at run time")
        if not 0 <= start <= start + length <= self.sizes[dim]:
            raise EmulationError(f"{self.name} has no entries {start}..{start + length} in dim {dim}: {self.sizes}")
        sizes = list(self.sizes)
        sizes[dim] = length
        moved = self.offset + start * self.strides[dim]
        return self.view(tuple(sizes), self.strides, moved, name=f"{self.name}[{start}:{start + length}]")

    def permute(self, order: Sequence[int]) -> "Buffer":
        """The dims in another order."""
        return self.view(
            tuple(self.sizes[dim] for dim in order), tuple(self.strides[dim] for dim in order), self.offset, self.name
        )

    def reshape(self, shape: Sequence[Any]) -> "Buffer":
        """Another shape of as many elements.  Raises EmulationError where that is no view."""
        sizes = [int(size) for size in shape]
        try:
            made = self.tensor().view(sizes)
        except RuntimeError as error:
            raise EmulationError(f"{self.name} of shape {list(self.sizes)} cannot be seen as {sizes}") from error
        return self.view(tuple(made.shape), made.stride(), self.offset, self.name)

    def reinterpret(self, dtype: Any = None, shape: Sequence[Any] | None = None, layout: Any = None) -> "Buffer":
        """The same bytes as other elements.  Raises EmulationError for a view of parts, and for too few bytes."""
        element = self.element if dtype is None else torch_type(dtype)
        sizes = tuple(self.sizes if shape is None else (int(size) for size in shape))
        tensor = self.tensor()
        if not tensor.is_contiguous():
            raise EmulationError(f"{self.name} is not in one piece: it cannot be read as {element}")
        made = torch.empty(sizes, dtype=element, device="meta")
        if made.numel() * element.itemsize > tensor.numel() * self.element.itemsize:
            raise EmulationError(f"{self.name} of shape {list(self.sizes)} is too small for {element} of {list(sizes)}")
        offset, rest = divmod(self.offset * self.element.itemsize, element.itemsize)
        if rest:
            raise EmulationError(f"{self.name} does not start where {element} can")
        layout = self.layout if layout is None else layout
        return Buffer(self.allocation, element, sizes, made.stride(), offset, layout, self.name)

    _reinterpret = reinterpret

    def view(self, sizes: tuple[int, ...], strides: tuple[int, ...], offset: int, name: str) -> "Buffer":
        """Another part of the same elements."""
        return Buffer(self.allocation, self.element, sizes, strides, offset, self.layout, name)

    def load(self, layout: Any = None) -> Value:
        """Into registers."""
        check_block(self.sizes, layout)
        self.check_read(acting())
        self.note_read(acting())
        return Value(self.tensor().clone(), layout)

    def store(self, value: Value) -> None:
        """From registers.  Raises EmulationError for another type or shape."""
        if tuple(value.shape) != self.sizes or value.data.dtype != self.element:
            raise EmulationError(
                f"{value.dtype} of shape {list(value.shape)} stored to {self.name}, {self.dtype} of {list(self.sizes)}"
            )
        partition = acting()
        self.check_write(partition)
        self.note_write(partition.actor, partition.epoch, partition.actor)
        self.tensor().copy_(value.data)

    # Accesses and their order -----------------------------------------------------------------------------------------

    def tensor(self) -> Tensor:
        """The elements, in place."""
        return self.allocation.data.view(self.element).as_strided(self.sizes, self.strides, self.offset)

    def words(self) -> Words:
        """Where its accesses are recorded."""
        key = (self.element.itemsize, self.sizes, self.strides, self.offset)
        found = self.allocation.views.get(key)
        if found is None:
            found = self.allocation.views[key] = self.find_words()
        return found

    def find_words(self) -> Words:
        """Indices of its words; as a slice where they follow each other."""
        size = self.element.itemsize
        count = self.allocation.data.numel() // size
        elements = torch.arange(count).as_strided(self.sizes, self.strides, self.offset).flatten()
        first = elements * size // WORD
        touched = torch.zeros(len(self.allocation.written), dtype=torch.bool)
        touched[first] = touched[(elements * size + size - 1) // WORD] = True
        found = touched.nonzero().flatten()
        start, stop = int(found[0]), int(found[-1]) + 1
        return slice(start, stop) if stop - start == len(found) else found

    def check_read(self, partition: Partition, *, fenced: bool = False) -> None:
        """Raises Race unless the last writes are known to the partition; ``fenced``: and to the copy engine."""
        words, allocation = self.words(), self.allocation
        if bool(allocation.incoming[words].any()):
            raise Race(f"{self.name} is read while it is being loaded")
        self.check_known(words, partition, "read")
        if fenced:
            self.check_fenced(words, "read")

    def check_write(self, partition: Partition, *, fenced: bool = False) -> None:
        """Raises Race unless all accesses before are known to the partition and over; ``fenced``: see check_read."""
        words, allocation = self.words(), self.allocation
        if bool(allocation.incoming[words].any()):
            raise Race(f"{self.name} is written while it is being loaded")
        if bool(allocation.readers[words].any()):
            raise Race(f"{self.name} is written while a product or a store that nobody waited for may still read it")
        self.check_known(words, partition, "written")
        if fenced:
            self.check_fenced(words, "write")
        for actor, epochs in allocation.reads.items():
            if actor != partition.actor and int(epochs[words].max()) > partition.clock.get(actor, 0):
                raise Race(f"{self.name} is written, but nothing says that {actor_name(actor)} has read it")

    def check_fenced(self, words: Words, verb: str) -> None:
        """Raises Race when it was stored from registers, and the partition that did so has not fenced it since."""
        if bool(self.allocation.unfenced[words].any()):
            raise Race(
                f"{self.name} was stored from registers: fence_async_shared is missing before the copy engine or the "
                f"tensor cores {verb} it"
            )

    def check_known(self, words: Words, partition: Partition, verb: str) -> None:
        """Raises Race when a last write is not known to the partition."""
        writers, epochs = self.allocation.writer[words], self.allocation.written[words]
        known = torch.zeros(int(writers.max()) + 1, dtype=torch.int32)
        for actor, epoch in partition.clock.items():
            if actor < len(known):
                known[actor] = epoch
        late = known[writers] < epochs
        if bool(late.any()):
            writer = actor_name(int(writers[late][0]))
            raise Race(f"{self.name} is {verb}, but nothing says that what {writer} wrote to it before is complete")

    def note_read(self, partition: Partition) -> None:
        """The partition has read it."""
        epochs = self.allocation.reads.get(partition.actor)
        if epochs is None:
            epochs = self.allocation.reads[partition.actor] = torch.zeros_like(self.allocation.written)
        epochs[self.words()] = partition.epoch

    def note_write(self, actor: int, epoch: int, unfenced: int) -> None:
        """It was written; ``unfenced``: by which partition, from registers."""
        words, allocation = self.words(), self.allocation
        allocation.writer[words] = actor
        allocation.written[words] = epoch
        allocation.unfenced[words] = unfenced

    def add_reader(self, count: int) -> None:
        """A product or store begins (1) or ends (-1) to read it."""
        self.allocation.readers[self.words()] += count

    def same_swizzle(self, layout: Any) -> bool:
        """Whether rows lie as ``layout`` says."""
        names = ("swizzle_byte_width", "element_bitwidth", "fp4_padded")
        return all(frozen(getattr(self.layout, name, None)) == frozen(getattr(layout, name, None)) for name in names)
