"""Random data for a call of a kernel, laid out as the program lays it out.

Numbers are normal; what is scaled is quantised for real; tables are those of a step whose sequences are equally long.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import LARGEST, Scaled, quantize
from dsv3c.backends.triton.variants import Value
from dsv3c.ir.errors import Dsv3cError

CHUNK = 1 << 26
"""Elements that are made at once before they are quantised."""
WHOLE_AMAX = 6.0
"""Taken as the largest of normal numbers where all of a dim has one scale."""


class NoData(Dsv3cError):
    """Nobody knows what to put into a table."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What tables are made from."""

    given: Mapping[str, Value]
    """Keyword -> value without data."""
    parameters: Mapping[str, object]
    """The launcher's other keywords."""
    room: int = 1
    """Rows there is room for, per row that is expected."""

    def tensor(self, name: str) -> Tensor:
        """A table or a tensor by its keyword.  Raises NoData where there is none."""
        value = self.given.get(name)
        if not isinstance(value, Tensor):
            raise NoData(f"there is no {name} that tables could be made for")
        return value


def filled(setting: Setting, device: torch.device) -> dict[str, Value]:
    """Every value of a call with data.  Raises NoData for a table of an unknown name."""
    return {name: made(name, value, setting, device) for name, value in setting.given.items()}


def made(name: str, value: Value, setting: Setting, device: torch.device) -> Value:
    """One value with data."""
    match value:
        case Tensor():
            if value.dtype.is_floating_point:
                return like(value, device).normal_()
            if name not in TABLES:
                raise NoData(f"no data is known for {name}, a table of {value.dtype}")
            return like(value, device).copy_(TABLES[name](setting))
        case Scaled():
            return quantized(value, device)
        case LatentCache():
            return cache(value, device)
        case None:
            return None


def like(value: Tensor, device: torch.device) -> Tensor:
    """Memory with the same sizes, strides and offset."""
    last = sum((size - 1) * stride for size, stride in zip(value.shape, value.stride(), strict=True))
    count = value.storage_offset() + (last + 1 if value.numel() else 0)
    memory = torch.empty(count, dtype=value.dtype, device=device)
    return memory.as_strided(value.shape, value.stride(), value.storage_offset())


def quantized(value: Scaled, device: torch.device) -> Scaled:
    """Normal numbers, quantised as a quantiser does, some rows at a time."""
    made = Scaled(like(value.data, device), like(value.scale, device), value.granule)
    if not made.data.numel():
        return made
    if 0 in value.granule or made.data.dtype not in LARGEST:
        whole_dims(made)
        return made
    step = value.granule[0]
    rows = max(1, CHUNK // max(1, made.data[0].numel()) // step) * step
    for first in range(0, made.data.shape[0], rows):
        last = min(first + rows, made.data.shape[0])
        part = quantize(
            torch.randn(made.data[first:last].shape, device=device),
            granule=value.granule,
            data=made.data.dtype,
            scale=made.scale.dtype,
            amax_floor=1e-4,
            static=None,
            apply="divide",
            round_scale="none",
            saturate=True,
        )
        as_bytes(made.data[first:last]).copy_(as_bytes(part.data))
        made.scale[first // step : -(-last // step)].copy_(part.scale)
    return made


def whole_dims(value: Scaled) -> None:
    """Normal numbers where a scale belongs to a whole dim: one scale for all."""
    largest = LARGEST.get(value.data.dtype)
    scale = WHOLE_AMAX / largest if largest is not None else 1.0
    value.scale.fill_(scale)
    for part in value.data.split(max(1, CHUNK // max(1, value.data[0].numel()))):
        numbers = torch.randn(part.shape, device=part.device) / scale
        part.copy_((numbers if largest is None else numbers.clamp(-largest, largest)).to(part.dtype))


def as_bytes(value: Tensor) -> Tensor:
    """The same memory as integers, which everything can copy."""
    return value.view(torch.uint8) if value.dtype.itemsize == 1 else value


def cache(value: LatentCache, device: torch.device) -> LatentCache:
    """A cache of random rows; its parts lie in one buffer, a row's one after the other."""
    width = value.latent.stride(1) * value.latent.itemsize
    rows = torch.zeros(*value.latent.shape[:2], width, dtype=torch.uint8, device=device)

    def part(view: Tensor) -> Tensor:
        start = view.storage_offset() * view.itemsize
        return rows[..., start : start + view.shape[2] * view.itemsize].view(view.dtype)

    latent, rope = part(value.latent), part(value.rope)
    rope.copy_(torch.randn(rope.shape, device=device))
    if value.scale is None:
        latent.copy_(torch.randn(latent.shape, device=device))
        return LatentCache(latent, rope, None, value.granule)
    scale = part(value.scale)
    stored = quantized(Scaled(value.latent, value.scale, (1, 1, value.granule)), device)
    as_bytes(latent).copy_(as_bytes(stored.data))
    scale.copy_(stored.scale)
    return LatentCache(latent, rope, scale, value.granule)


def share(total: int, parts: int) -> Tensor:
    """So many, spread evenly: [parts]."""
    counts = torch.full((parts,), total // max(1, parts))
    counts[: total % max(1, parts)] += 1
    return counts


def seq_offsets(setting: Setting) -> Tensor:
    """Where sequences begin among the tokens: [N + 1]."""
    counts = share(setting.tensor("positions").shape[0], setting.tensor("context_lens").shape[0])
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def context_lens(setting: Setting) -> Tensor:
    """Rows of every sequence's context: all pages, or its share of the gathered rows: [N]."""
    sequences = setting.tensor("context_lens").shape[0]
    if "block_table" in setting.given:
        held = setting.given["cache"]
        assert isinstance(held, LatentCache)
        rows = setting.tensor("block_table").shape[1] * held.latent.shape[1]
        return torch.full((sequences,), rows)
    return share(setting.tensor("kv").shape[0], sequences)


def positions(setting: Setting) -> Tensor:
    """Tokens are the last of their sequences: [T]."""
    counts, lengths = seq_offsets(setting).diff(), context_lens(setting)
    firsts = lengths - counts
    places = [torch.arange(int(count)) + int(first) for count, first in zip(counts, firsts, strict=True)]
    return torch.cat(places).clamp(min=0)


def block_table(setting: Setting) -> Tensor:
    """Every sequence's pages, anywhere in the cache: [N, P]."""
    held, table = setting.given["cache"], setting.tensor("block_table")
    assert isinstance(held, LatentCache)
    pages = held.latent.shape[0]
    if pages < table.numel():
        return torch.randint(pages, table.shape)
    return torch.randperm(pages)[: table.numel()].view(table.shape)


def expert_of(setting: Setting) -> Tensor:
    """The expert of every row where tokens choose at random, in the layout of the call; -1 in rows of none: [M]."""
    rows, alignment = setting.tensor("expert_of").shape[0], setting.parameters["alignment"]
    weights = setting.given["w"]
    assert isinstance(weights, Tensor | Scaled) and isinstance(alignment, int)
    experts, made = weights.shape[0], torch.full((rows,), -1)
    if setting.parameters["layout"] != "contiguous":
        room = rows // experts
        choices = rows // setting.room
        counts = torch.bincount(torch.randint(experts, (choices,)), minlength=experts).clamp(max=room)
        if setting.parameters["layout"] == "dense":
            counts = torch.full((experts,), room)
        taken = torch.arange(room) < counts[:, None]
        return torch.where(taken, torch.arange(experts)[:, None], -1).flatten()
    choices = max(0, rows - experts * (alignment - 1))
    counts = torch.bincount(torch.randint(experts, (choices,)), minlength=experts)
    padded = -(-counts // alignment) * alignment
    for expert, (first, count) in enumerate(zip(padded.cumsum(0) - padded, counts, strict=True)):
        made[int(first) : int(first) + int(count)] = expert
    return made


TABLES: dict[str, Callable[[Setting], Tensor]] = {
    "seq_offsets": seq_offsets,
    "context_lens": context_lens,
    "positions": positions,
    "block_table": block_table,
    "expert_of": expert_of,
}
"""Keyword of a launcher -> what its table holds."""
