"""Memory of a program on a device: a workspace with planned places, tables of a step on both sides, constants."""

from collections.abc import Generator, Hashable, Sequence
from contextlib import contextmanager
from math import prod

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled, num_blocks
from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.triton.runtime.records import GpuError

ALIGNMENT = 256
"""Bytes; every place in the workspace is a multiple of it."""
Value = Tensor | Scaled | int
"""An integer is a token of communication."""
KEPT = 8192
"""Values in the workspace that are kept from step to step: no memory of the device, but some of the host's."""
SCALE_ROWS = 4
"""Rows of f32 scales that share 16 bytes: columns of ``mn_major`` scales are padded to as many."""


def aligned(num_bytes: int) -> int:
    """The multiple of ``ALIGNMENT`` that holds so many bytes."""
    return -(-num_bytes // ALIGNMENT) * ALIGNMENT


class Frame:
    """Places for one function, counted in bytes from ``base`` in the workspace."""

    def __init__(self, space: "Space", base: int) -> None:
        self.space, self.base = space, base

    def frame(self, place: int) -> "Frame":
        """Of a function that is called, from a place of this one."""
        return Frame(self.space, self.base + place)

    def tensor(self, sizes: Sequence[int], dtype: torch.dtype, place: int | None = None) -> Tensor:
        """An uninitialised tensor at a place; memory of its own where none is planned."""
        sizes = tuple(sizes)
        if place is None:
            return self.space.memory(prod(sizes) * dtype.itemsize, None).view(dtype).view(sizes)
        key = self.base + place, sizes, dtype
        found = self.space.kept.get(key)
        if found is None:
            memory = self.space.memory(prod(sizes) * dtype.itemsize, key[0])
            found = self.space.keep(key, memory.view(dtype).view(sizes))
        assert isinstance(found, Tensor)
        return found

    def scaled(
        self,
        sizes: Sequence[int],
        dtype: torch.dtype,
        granule: tuple[int, ...],
        scale: torch.dtype,
        place: int | None = None,
        *,
        layout: str = "row",
    ) -> Scaled:
        """An uninitialised scaled value: its data, and behind it its scales.

        ``mn_major``: the last two dims of the grid of scales are transposed in memory, columns padded to 16 bytes.
        """
        if place is None:
            return self.made(sizes, dtype, granule, scale, place, layout)
        key = self.base + place, tuple(sizes), dtype, granule, scale, layout
        found = self.space.kept.get(key)
        if found is None:
            found = self.space.keep(key, self.made(sizes, dtype, granule, scale, place, layout))
        assert isinstance(found, Scaled)
        return found

    def made(
        self,
        sizes: Sequence[int],
        dtype: torch.dtype,
        granule: tuple[int, ...],
        scale: torch.dtype,
        place: int | None,
        layout: str,
    ) -> Scaled:
        """See ``scaled``."""
        data = self.tensor(sizes, dtype, place)
        grid = [num_blocks(size, step) for size, step in zip(sizes, granule, strict=True)]
        at = None if place is None else place + aligned(data.nbytes)
        if layout == "row":
            return Scaled(data, self.tensor(grid, scale, at), granule)
        assert layout == "mn_major", f"no kernel reads {layout} scales"
        *outer, rows, columns = grid
        padded = -(-rows // SCALE_ROWS) * SCALE_ROWS
        scales = self.tensor((*outer, columns, padded), scale, at)[..., :rows].transpose(-1, -2)
        return Scaled(data, scales, granule)

    def upload(self, *tables: Tensor) -> tuple[Tensor, ...]:
        """See ``Space.upload``."""
        return self.space.upload(*tables)

    def on_host(self, *tables: Tensor) -> tuple[Tensor, ...]:
        """See ``Space.on_host``."""
        return self.space.on_host(*tables)

    def fetched(self, *values: Value) -> tuple[Value, ...]:
        """Values of the device on the host, when the current stream has made them."""
        self.space.check_free("values are copied to the host")
        return tuple(
            Scaled(value.data.cpu(), value.scale.cpu(), value.granule)
            if isinstance(value, Scaled)
            else (value.cpu() if isinstance(value, Tensor) else value)
            for value in values
        )

    def placed(self, value: Value, *, layout: str = "row") -> Value:
        """A value that the host made on the device, in memory of its own; ``layout`` of its scales."""
        self.space.check_free("values are copied from the host")
        if isinstance(value, Tensor):
            return value.to(self.space.device)
        if not isinstance(value, Scaled):
            return value
        made = self.scaled(value.data.shape, value.data.dtype, value.granule, value.scale.dtype, layout=layout)
        made.data.copy_(value.data)
        made.scale.copy_(value.scale)
        return made

    def check_planned(self, **sizes: tuple[int, int]) -> None:
        """Raise GpuError for a size, given as (of this step, planned for), that memory is not planned for."""
        for name, (size, most) in sizes.items():
            if size > most:
                raise GpuError(
                    f"the step has {name} = {size}, memory is planned for {most} at most",
                    "feed fewer tokens or sequences per step (--chunk), or compile for more (--max-tokens, "
                    "--max-batch, --max-context)",
                )

    def total(self, table: Tensor) -> int:
        """The sum of a table of integers, from the host's copy: the device is not waited for."""
        return int(self.on_host(table)[0].sum())

    def constant(self, value: Tensor) -> Tensor:
        """See ``Space.constant``."""
        return self.space.constant(value)


class Space(Frame):
    """The memory that all steps of a program share.  ``num_bytes``: of the workspace; 0: nothing is planned."""

    def __init__(self, device: torch.device, num_bytes: int = 0) -> None:
        super().__init__(self, 0)
        self.device, self.num_bytes = device, num_bytes
        self.workspace = torch.empty(num_bytes, dtype=torch.uint8, device=device)
        self.kept: dict[Hashable, Tensor | Scaled] = {}
        """Values in the workspace, by place, sizes and types: steps of one size ask for the same."""
        self.constants: dict[int, tuple[Tensor, Tensor]] = {}
        self.tables: dict[int, tuple[Tensor, Tensor]] = {}
        """Of this step: id of a table on the device -> the table (so that no other takes its id), the host's copy."""
        self.is_captured = False

    def memory(self, num_bytes: int, offset: int | None) -> Tensor:
        """Bytes of the workspace from an offset.  Raises GpuError when they reach beyond its end."""
        if offset is None:
            return torch.empty(num_bytes, dtype=torch.uint8, device=self.device)
        if offset + num_bytes > self.num_bytes:
            raise GpuError(
                f"the step needs {offset + num_bytes} bytes of workspace, planned are {self.num_bytes}",
                "feed fewer tokens per step (--chunk), or compile for more (--max-tokens, --max-batch)",
            )
        return self.workspace[offset : offset + num_bytes]

    def keep(self, key: Hashable, value: Tensor | Scaled) -> Tensor | Scaled:
        """For steps to come."""
        if len(self.kept) == KEPT:
            self.kept.clear()
        self.kept[key] = value
        return value

    def start(self) -> None:
        """A new step: the tables of the last are forgotten."""
        self.tables.clear()

    @contextmanager
    def captured(self) -> Generator[None]:
        """Inside, work is captured for later: what the host does on the way would not be done again."""
        self.is_captured = True
        try:
            yield
        finally:
            self.is_captured = False

    def check_free(self, what: str) -> None:
        """Raise GpuError for what the host does while work is captured."""
        if self.is_captured:
            raise GpuError(f"the step cannot be captured: {what} on the way", "--cuda-graph off runs it without graphs")

    def upload(self, *tables: Tensor) -> tuple[Tensor, ...]:
        """Copies of a step's tables on the device; sizes that depend on them are read from the host's."""
        self.check_free("tables are copied to the device")
        made = tuple(table.to(self.device, copy=True) for table in tables)
        self.tables |= {id(copy): (copy, table) for copy, table in zip(made, tables, strict=True)}
        return made

    def on_host(self, *tables: Tensor) -> tuple[Tensor, ...]:
        """The host's copies of tables that were uploaded in this step."""
        self.check_free("a size depends on a table")
        return tuple(self.tables[id(table)][1] for table in tables)

    def constant(self, value: Tensor) -> Tensor:
        """A constant of the program on the device; copied once."""
        if id(value) not in self.constants:
            self.check_free("a constant is copied to the device")
            self.constants[id(value)] = (value, value.to(self.device))
        return self.constants[id(value)][1]


def device_cache(spec: CacheSpec, num_pages: int, device: torch.device) -> LatentCache:
    """An empty cache of one layer in one buffer: a row's latent, its scales, its key, one after the other."""
    key = spec.latent * spec.latent_dtype.itemsize
    scales = key + (4 * num_blocks(spec.latent, spec.granule) if spec.granule else 0)
    width = scales + spec.rope * spec.rope_dtype.itemsize
    rows = torch.zeros(num_pages, spec.page_size, width, dtype=torch.uint8, device=device)
    return LatentCache(
        rows[..., :key].view(spec.latent_dtype),
        rows[..., scales:].view(spec.rope_dtype),
        rows[..., key:scales].view(torch.float32) if spec.granule else None,
        spec.granule,
    )
