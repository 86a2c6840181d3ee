"""Calls of launchers that were made before: launched again with other addresses, without asking the launcher.

What a launcher launches depends on nothing but sizes, strides, types and alignment of its tensors and on its other
keywords.  So its launches are recorded once for all calls in which these are the same, on tensors without data whose
memory says which keyword a pointer comes from, and only addresses are written for each of them.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import wraps
from operator import attrgetter
from typing import Any, Concatenate, ParamSpec, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.runtime.gpu import (
    ALIGNMENT,
    PDL,
    Argument,
    Config,
    Constant,
    Descriptor,
    Gpu,
    address,
)
from dsv3c.backends.triton.runtime.launch_keys import as_taken
from dsv3c.backends.triton.runtime.loaded import Loaded
from dsv3c.backends.triton.runtime.records import Box
from dsv3c.backends.triton.runtime.tensor_maps import TensorMap

KEPT = 2048
"""Calls that are kept: a program has some hundred for every size of a step."""
BY_IDENTITY = frozenset({str, float, bool, tuple, type(None)})
"""Types of keywords that are compared by identity: the program's own constants are always the same."""
FACTS = attrgetter("dtype", "device", "shape")
Keywords = Mapping[str, Any]
Key = tuple[Hashable, ...]
P = ParamSpec("P")


def replayed(launcher: Callable[Concatenate[Gpu, P], None]) -> Callable[Concatenate[Gpu, P], None]:
    """A launcher whose launches depend on nothing but what ``key_of`` holds, and that launches and does nothing else.

    It reads no address, no element and no state.  On devices that keep calls it runs once for all that are alike.
    """

    @wraps(launcher)
    def run(gpu: Gpu, *arguments: P.args, **keywords: P.kwargs) -> None:
        kept: Replays | None = getattr(gpu, "replays", None)
        if kept is None or arguments:
            launcher(gpu, *arguments, **keywords)
        else:
            kept.call(launcher, keywords)

    return run


class Device(Gpu, Protocol):
    """What replays need of a device."""

    driver: Any

    def own(
        self, kernel: str, arguments: Mapping[str, Argument], constants: Mapping[str, Constant], config: Config
    ) -> Loaded:
        """A launch's binary with parameters of its own, which are packed but for descriptors."""
        ...

    def submit(self, loaded: Loaded, grid: tuple[int, int, int], *, early: bool) -> None:
        """Launch a kernel with the parameters that were packed."""
        ...


@dataclass(slots=True)
class Step:
    """A launch: a binary with parameters of its own, in which addresses are missing."""

    loaded: Loaded
    grid: tuple[int, int, int]
    early: bool
    addresses: tuple[tuple[int, int, int], ...]
    """Place among the parameters, tensor of the call, bytes from its start."""
    described: tuple[tuple[TensorMap, int, int, Tensor, Box], ...]
    """Descriptor, tensor of the call, bytes from its start, the tensor without data, what a copy moves."""


@dataclass(slots=True)
class Recorded:
    """What a call launches."""

    steps: tuple[Step, ...]
    alive: tuple[object, ...]
    """Keywords that the key tells by their identity."""


class Replays:
    """Calls of one device.  A call is recorded when it is made again; until then its launcher runs."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.recorded: dict[Key, Recorded | None] = {}
        """None: of a launcher that does something else than launching."""
        self.seen: set[Key] = set()

    def call(self, launcher: Callable[..., None], keywords: Keywords) -> None:
        """What the launcher would launch."""
        key, starts = key_of(launcher, keywords, self.device)
        found = self.recorded.get(key) if key is not None else None
        if found is None:
            launcher(self.device, **keywords)
            if key is not None:
                self.note(key, launcher, keywords)
            return
        device = self.device
        for step in found.steps:
            memory = step.loaded.memory
            for place, tensor, distance in step.addresses:
                memory[place] = starts[tensor] + distance
            for cell, tensor, distance, meta, box in step.described:
                start = starts[tensor] + distance
                cell.take(start, device.driver, meta, box, start)
            device.submit(step.loaded, step.grid, early=step.early)

    def note(self, key: Key, launcher: Callable[..., None], keywords: Keywords) -> None:
        """Record a call that was made before."""
        if key in self.recorded:
            return
        if key not in self.seen:
            if len(self.seen) == KEPT:
                self.seen.clear()
            self.seen.add(key)
            return
        if len(self.recorded) == KEPT:
            self.recorded.clear()
        self.recorded[key] = record(self.device, launcher, keywords)
        self.seen.discard(key)


def key_of(launcher: Callable[..., None], keywords: Keywords, device: Device) -> tuple[Key | None, list[int]]:
    """All that a call's launches depend on, and where its tensors start; no key where a keyword may change inside.

    Of a tensor: type, device, sizes, strides, and its address as far as alignment goes; integers themselves; what else
    is immutable (text, numbers, tuples; nobody changes configurations) by its identity.  The kinds of keywords say what
    of a key belongs to which.
    """
    values = keywords.values()
    kinds = tuple(map(type, values))
    tensors, others = list[Tensor](), list[Hashable]()
    for kind, value in zip(kinds, values, strict=True):
        if kind is Tensor:
            tensors.append(value)
        elif kind is int:
            others.append(value)
        elif kind in BY_IDENTITY:
            others.append(id(value))
        elif kind is Scaled:
            tensors += (value.data, value.scale)
            others.append(value.granule)
        elif kind is LatentCache:
            tensors += parts_of(value)
            others += (value.granule, value.scale is None)
        elif isinstance(value, Tensor):
            tensors.append(value)
        else:
            return None, []
    starts = [address(tensor) if tensor.is_meta else tensor.data_ptr() for tensor in tensors]
    key = (
        *(launcher, device.num_sms, device.pdl, tuple(keywords), kinds, tuple(others)),
        *map(FACTS, tensors),
        *map(Tensor.stride, tensors),
        *[start % ALIGNMENT for start in starts],
    )
    return key, starts


def parts_of(cache: LatentCache) -> tuple[Tensor, ...]:
    """The tensors of a cache, in the order in which calls count them."""
    return (cache.latent, cache.rope) if cache.scale is None else (cache.latent, cache.rope, cache.scale)


def record(device: Device, launcher: Callable[..., None], keywords: Keywords) -> Recorded | None:
    """What a call launches; None of a launcher that does something else on the way, or needs memory of its own."""
    metas = list[Tensor]()

    def meta(value: Tensor) -> Tensor:
        metas.append(without_data(value))
        return metas[-1]

    given, alive = dict[str, Any](), list[object]()
    for name, value in keywords.items():
        match value:
            case Tensor():
                given[name] = meta(value)
            case Scaled():
                given[name] = Scaled(meta(value.data), meta(value.scale), value.granule)
            case LatentCache():
                latent, rope, *scale = map(meta, parts_of(value))
                given[name] = LatentCache(latent, rope, scale[0] if scale else None, value.granule)
            case _:
                given[name] = value
                alive.append(value)
    notes, watch = Notes(device), OnlyViews()
    with watch:
        launcher(notes, **given)
    sources = {storage(tensor): (number, address(tensor)) for number, tensor in enumerate(metas)}
    if watch.others or any(storage(part) not in sources for launch in notes.made for part in tensors_of(launch)):
        return None
    steps = [step_of(device, sources, *launch) for launch in notes.made]
    return None if any(any(step.loaded.scratch) for step in steps) else Recorded(tuple(steps), tuple(alive))


Launch = tuple[str, tuple[int, int, int], Mapping[str, Argument], Mapping[str, Constant], Config]


class Notes:
    """A device that notes launches."""

    def __init__(self, device: Device) -> None:
        self.num_sms, self.pdl = device.num_sms, device.pdl
        self.made = list[Launch]()

    def launch(self, *launch: Any) -> None:
        """See ``Gpu``."""
        self.made.append(launch)


class OnlyViews(TorchDispatchMode):
    """Notes whether anything is computed."""

    others = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.others |= not func.is_view and isinstance(made, Tensor | list | tuple)
        return made


def without_data(value: Tensor) -> Tensor:
    """A tensor with sizes, strides and alignment of another, alone in its memory."""
    start, size = address(value) % ALIGNMENT, value.dtype.itemsize
    assert start % size == 0, "a tensor's elements are aligned"
    last = sum((count - 1) * stride for count, stride in zip(value.shape, value.stride(), strict=True))
    memory = torch.empty(start // size + last + 1 if value.numel() else 0, dtype=value.dtype, device="meta")
    return memory.as_strided(value.shape, value.stride(), start // size)


def storage(tensor: Tensor) -> int:
    """Tells memories apart while they live."""
    return tensor.untyped_storage()._cdata  # pyright: ignore[reportPrivateUsage]


def tensors_of(launch: Launch) -> list[Tensor]:
    """The tensors among a launch's arguments."""
    given = (argument.tensor if isinstance(argument, Descriptor) else argument for argument in launch[2].values())
    return [argument for argument in given if isinstance(argument, Tensor)]


def step_of(
    device: Device,
    sources: Mapping[int, tuple[int, int]],
    kernel: str,
    grid: tuple[int, int, int],
    arguments: Mapping[str, Argument],
    constants: Mapping[str, Constant],
    config: Config,
) -> Step:
    """A launch with places for addresses; ``sources``: memory -> number of the call's tensor, and where it starts."""
    loaded = device.own(kernel, arguments, constants, config)
    places = {name: place for place, name in enumerate(loaded.names)}
    maps, addresses, described = dict(loaded.maps), list[tuple[int, int, int]](), list[Any]()
    for name, argument in as_taken(arguments, config).items():
        tensor = argument.tensor if isinstance(argument, Descriptor) else argument
        if not isinstance(tensor, Tensor):
            continue
        number, start = sources[storage(tensor)]
        if name in maps:
            described.append((maps[name], number, address(tensor) - start, tensor, loaded.record.boxes[name]))
        else:
            addresses.append((places[name], number, address(tensor) - start))
    return Step(loaded, grid, bool(constants.get(PDL, False)), tuple(addresses), tuple(described))
