"""Bytes and lifetimes: what a value takes at most, and when its memory may be used again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute

from dsv3c.ir.cost_model import element_bytes
from dsv3c.ir.entry_ranges import Ranges
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.sizes import Size, bounds
from dsv3c.ir.types import TensorLike, sizes_of

ALIGNMENT = 256
"""Bytes: what CUDA's allocator aligns to; more than any load needs."""
MN_ALIGNMENT = 4
"""f32 scales of a column start at a multiple of 16 bytes."""


class Unbounded(ValueError):
    """A size without an upper bound: its memory cannot be planned."""


def aligned(num_bytes: int, to: int = ALIGNMENT) -> int:
    """The next multiple."""
    return -(-num_bytes // to) * to


def most(size: Size, ranges: Ranges) -> int:
    """The largest value of a size.  Raises Unbounded."""
    high = bounds(size, ranges)[1]
    if high is None:
        raise Unbounded(f"{size} has no upper bound")
    return high


def tensor_bytes(sizes: Iterable[Size], element: Attribute, ranges: Ranges) -> int:
    """Bytes of a dense tensor at its largest.  Raises Unbounded."""
    total = element_bytes(element)
    for size in sizes:
        total *= most(size, ranges)
    return total


def largest_bytes(kind: Attribute, ranges: Ranges) -> int:
    """Bytes of a value at its largest, aligned: data, and behind it the scales of a scaled one.  Raises Unbounded."""
    if isinstance(kind, ScaledType):
        data = kind.tensor()
        grid = list(kind.grid())
        if kind.layout_name == "mn_major":  # columns of the last two dims, each padded
            grid[-2] = aligned(most(grid[-2], ranges), MN_ALIGNMENT)
        scales = tensor_bytes(grid, kind.scale, ranges)
        return aligned(tensor_bytes(sizes_of(data), data.element_type, ranges)) + aligned(scales)
    tensor = kind.tensor() if isinstance(kind, TensorLike) else kind
    assert isinstance(tensor, TensorType), f"{kind} has no bytes"
    return aligned(tensor_bytes(sizes_of(tensor), tensor.element_type, ranges))


@dataclass
class Block:
    """A part of a workspace, and who touches it."""

    start: int
    end: int
    last: int
    """Position in the program of the last op that touches it."""
    users: list[int] = field(default_factory=list[int])
    """Positions of the ops that touch it."""


@dataclass
class Order:
    """Which ops are known to have ended before another starts: those earlier on its stream, and those it waits for."""

    streams: list[str]
    """Stream of every op, in program order."""
    waits: Mapping[int, Iterable[int]]
    """Op -> earlier ops that it waits for on other streams."""
    known: list[dict[str, int]] = field(init=False)
    """Per op: stream -> last op on it that has ended before the op starts."""
    needed: list[list[int]] = field(init=False)
    """Per op: those of its waits that the others, and what came before on its stream, do not imply; ascending."""

    def __post_init__(self) -> None:
        self.known, self.needed = [], []
        before = dict[str, int]()
        for index, stream in enumerate(self.streams):
            known = dict(self.known[before[stream]]) if stream in before else dict[str, int]()
            if stream in before:
                known[stream] = before[stream]
            needed = list[int]()
            for waited in sorted(self.waits.get(index, ()), reverse=True):
                if known.get(self.streams[waited], -1) >= waited:
                    continue
                needed.insert(0, waited)
                for other, last in (*self.known[waited].items(), (self.streams[waited], waited)):
                    known[other] = max(known.get(other, -1), last)
            self.known.append(known)
            self.needed.append(needed)
            before[stream] = index

    def ended(self, earlier: int, before: int) -> bool:
        """Whether op ``earlier`` has ended when op ``before`` starts."""
        return self.known[before].get(self.streams[earlier], -1) >= earlier


@dataclass
class Workspace:
    """Places blocks in one run of memory, in program order, each at the lowest free offset."""

    order: Order
    blocks: list[Block] = field(default_factory=list[Block])
    peak: int = 0

    def place(self, at: int, parts: Iterable[tuple[int, int, list[int]]]) -> int:
        """An offset where parts ``(start, size, ops that touch it)`` of one allocation at op ``at`` are all free."""
        parts = [(start, size, users) for start, size, users in parts if size]
        in_the_way = [block for block in self.blocks if not self.is_free(block, at)]
        found = self.lowest(parts, in_the_way)
        for start, size, users in parts:
            self.blocks.append(Block(found + start, found + start + size, max(users), users))
            self.peak = max(self.peak, found + start + size)
        return found

    def is_free(self, block: Block, at: int) -> bool:
        """Whether nobody touches a block any more when op ``at`` starts."""
        return block.last < at and all(self.order.ended(user, at) for user in block.users)

    def lowest(self, parts: list[tuple[int, int, list[int]]], in_the_way: list[Block]) -> int:
        """The lowest offset at which no part meets a block."""
        candidates = {0} | {max(0, block.end - start) for block in in_the_way for start, _, _ in parts}
        for offset in sorted(aligned(candidate) for candidate in candidates):
            clear = all(
                offset + start + size <= block.start or block.end <= offset + start
                for start, size, _ in parts
                for block in in_the_way
            )
            if clear:
                return offset
        raise AssertionError("behind the last block everything is free")
