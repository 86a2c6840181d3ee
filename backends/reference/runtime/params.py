"""Parameters of an emitted program: stored tensors and recipes by name, relative to the calling layer's prefix."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.runtime.packed import packed_parameter
from dsv3c.backends.reference.runtime.stored import Checkpoint, random_tensor


class Source(Protocol):
    """Stored tensors by absolute name."""

    def __call__(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The tensor, of exactly this shape and dtype."""
        ...

    def packed(self, name: str) -> "Parameter | None":
        """The value of a parameter whose recipe was run before; None where recipes are to run."""
        ...


class RandomSource:
    """Random tensors from a seed and their names."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """See ``random_tensor``."""
        return random_tensor(self.seed, name, shape, dtype)

    def packed(self, name: str) -> None:
        """Recipes run."""


class CheckpointSource:
    """Tensors of a safetensors checkpoint.  Raises ValueError for one that is missing or does not fit."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint

    def __call__(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Checked against the header."""
        entry = self.checkpoint.entries.get(name)
        if entry is None:
            raise ValueError(f"{self.checkpoint.path} holds no tensor named {name}")
        if (entry.shape, entry.dtype) != (shape, dtype):
            raise ValueError(f"tensor {name} is {entry.shape} {entry.dtype}; the program needs {shape} {dtype}")
        return self.checkpoint.tensor(name)

    def packed(self, name: str) -> "Parameter | None":
        """See ``packed_parameter``."""
        return packed_parameter(self.checkpoint, name)


Parameter = Tensor | Scaled
Recipe = Callable[["Params"], Parameter]


class Params:
    """The parameters below one prefix; values are kept, recipes run once."""

    def __init__(self, source: Source, prefix: str = "", values: dict[str, Parameter] | None = None) -> None:
        self.source, self.prefix = source, prefix
        self.values: dict[str, Parameter] = {} if values is None else values

    def at(self, prefix: str) -> "Params":
        """The parameters of a callee."""
        return Params(self.source, self.name(prefix), self.values)

    def name(self, key: str) -> str:
        """The absolute name of a relative one."""
        return f"{self.prefix}.{key}" if self.prefix and key else self.prefix or key

    def stored(self, key: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A stored tensor, not kept: recipes read it once."""
        return self.source(self.name(key), shape, dtype)

    def stored_each(
        self, key: str, shape: tuple[int, ...], dtype: torch.dtype, indices: Sequence[int] | None = None
    ) -> Tensor:
        """The stored tensors whose names have these indices (0, 1, ...) in place of ``{}``, stacked: shape[0]."""
        stacked = torch.empty(shape, dtype=dtype)
        for row, index in enumerate(range(shape[0]) if indices is None else indices):
            stacked[row] = self.stored(key.replace("{}", str(index)), shape[1:], dtype)
        return stacked

    def __call__(self, key: str, shape: tuple[int, ...], dtype: torch.dtype) -> Parameter:
        """A parameter that is a stored tensor."""
        name = self.name(key)
        if name not in self.values:
            self.values[name] = self.stored(key, shape, dtype)
        return self.values[name]

    def made(self, key: str, recipe: Recipe) -> Parameter:
        """A parameter that a recipe makes."""
        name = f"{self.name(key)} by {recipe.__name__}"
        if name not in self.values:
            packed = self.source.packed(self.name(key))
            self.values[name] = recipe(self) if packed is None else packed
        return self.values[name]
