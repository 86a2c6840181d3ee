"""Where stored tensors come from: random by name, a state dict, or a safetensors checkpoint."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.runtime.packed import packed_parameter
from dsv3c.backends.reference.runtime.stored import Checkpoint, StoredError, random_tensor
from dsv3c.ir.errors import Dsv3cError

Header = tuple[tuple[int, ...], torch.dtype]
"""Shape and dtype of a stored tensor."""


class WeightsError(Dsv3cError):
    """Stored tensors that are absent, unreadable or not what the module needs."""


class Weights(Protocol):
    """Stored tensors by absolute name (``model.layers.3.mlp.gate.weight``)."""

    def names(self) -> Iterable[str]:
        """The names of all tensors, whether needed or not."""
        ...

    def header(self, name: str) -> Header | None:
        """Shape and dtype without reading the tensor; None when there is no such tensor."""
        ...

    def tensor(self, name: str) -> Tensor:
        """The tensor, on the CPU.  Raises ``WeightsError`` when there is none of that name."""
        ...


def missing(name: str, source: str) -> WeightsError:
    """The error of asking for a tensor that is not there."""
    return WeightsError(f"{source} holds no tensor named {name}")


@dataclass
class StateDictWeights:
    """Tensors in memory, such as ``model.state_dict()``."""

    tensors: Mapping[str, Tensor]

    def names(self) -> Iterable[str]:
        """The dict's keys."""
        return self.tensors.keys()

    def header(self, name: str) -> Header | None:
        """Shape and dtype of an entry."""
        tensor = self.tensors.get(name)
        return None if tensor is None else (tuple(tensor.shape), tensor.dtype)

    def tensor(self, name: str) -> Tensor:
        """The entry itself, not a copy."""
        if name not in self.tensors:
            raise missing(name, "the state dict")
        return self.tensors[name]


@dataclass
class RandomWeights:
    """Random tensors for the names a module needs, as ``random_tensor`` makes them."""

    seed: int
    headers: Mapping[str, Header]
    """As ``required_headers`` gives them."""
    alive: WeakValueDictionary[str, Tensor] = field(default_factory=WeakValueDictionary[str, Tensor], repr=False)

    def names(self) -> Iterable[str]:
        """Exactly the names that are needed."""
        return self.headers.keys()

    def header(self, name: str) -> Header | None:
        """What was asked for."""
        return self.headers.get(name)

    def tensor(self, name: str) -> Tensor:
        """The values of a name; one tensor object while somebody holds it."""
        if name not in self.headers:
            raise missing(name, "the list of random weights")
        tensor = self.alive.get(name)
        if tensor is None:
            tensor = self.alive[name] = random_tensor(self.seed, name, *self.headers[name])
        return tensor


class SafetensorsWeights:
    """A checkpoint: one safetensors file, or a folder with one or more of them; tensors are read when touched.

    Raises ``WeightsError`` for a path without a checkpoint, an unreadable file, or an index that names absent files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.alive: WeakValueDictionary[str, Tensor] = WeakValueDictionary()
        self.checkpoint = open_checkpoint(path)
        self.of_rank = {0: self.checkpoint}

    def packed(self, name: str, rank: int) -> Tensor | Scaled | None:
        """A parameter that was packed with its recipe run, of one rank; None where the checkpoint is not packed."""
        if not self.checkpoint.packed:
            return None
        if rank not in self.of_rank:
            self.of_rank[rank] = open_checkpoint(self.path, rank)
        try:
            return packed_parameter(self.of_rank[rank], name)
        except StoredError as error:
            raise WeightsError(error.what, where=str(error.where), hint=error.hint) from error

    def names(self) -> Iterable[str]:
        """The names in the headers of all files."""
        return self.checkpoint.entries.keys()

    def header(self, name: str) -> Header | None:
        """Shape and dtype from the file's header."""
        entry = self.checkpoint.entries.get(name)
        return None if entry is None else (entry.shape, entry.dtype)

    def tensor(self, name: str) -> Tensor:
        """One tensor, mapped into memory; the same object while somebody holds it."""
        if name not in self.checkpoint.entries:
            raise missing(name, str(self.path))
        tensor = self.alive.get(name)
        if tensor is None:
            tensor = self.alive[name] = self.checkpoint.tensor(name)
        return tensor


def open_checkpoint(path: Path, rank: int = 0) -> Checkpoint:
    """A checkpoint; of packed parameters, those of one rank.  Raises ``WeightsError`` as ``Checkpoint`` does."""
    try:
        return Checkpoint(path, rank)
    except StoredError as error:
        raise WeightsError(error.what, where=str(error.where), hint=error.hint) from error
