"""Experts under a memory budget: read from the mapped file when a product asks, dropped least recently used first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.by_expert import ByExpert
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.params import Parameter, Params, Recipe, Source

UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "kB": 10**3, "MB": 10**6, "GB": 10**9}


@dataclass
class ExpertCache:
    """Matrices of single experts, at most ``budget_bytes`` of them at any time."""

    budget_bytes: int
    used_bytes: int = 0
    peak_bytes: int = 0
    hits: int = 0
    misses: int = 0
    values: OrderedDict[Hashable, Parameter] = field(default_factory=OrderedDict[Hashable, Parameter])

    def get(self, key: Hashable, read: Callable[[], Parameter]) -> Parameter:
        """The matrix of that key, read unless it is held.  Raises RequestError for one that the budget cannot hold."""
        value = self.values.get(key)
        if value is not None:
            self.hits += 1
            self.values.move_to_end(key)
            return value
        self.misses += 1
        value = read()
        if value.nbytes > self.budget_bytes:
            raise RequestError(
                f"an expert's matrix has {value.nbytes:,} bytes, the budget for experts {self.budget_bytes:,}",
                hint="give a larger --expert-memory",
            )
        while self.used_bytes + value.nbytes > self.budget_bytes:
            self.used_bytes -= self.values.popitem(last=False)[1].nbytes
        self.values[key] = value
        self.used_bytes += value.nbytes
        self.peak_bytes = max(self.peak_bytes, self.used_bytes)
        return value

    def line(self) -> str:
        """``experts: 812 hits, 96 misses (89.4% hits); at most 1,179,648 of 1,200,000 bytes held``."""
        asked = max(1, self.hits + self.misses)
        return (
            f"experts: {self.hits} hits, {self.misses} misses ({self.hits / asked:.1%} hits); "
            f"at most {self.peak_bytes:,} of {self.budget_bytes:,} bytes held"
        )


def one_of(stack: Parameter) -> Parameter:
    """The only matrix [N, K] of a stack [1, N, K]."""
    if isinstance(stack, Scaled):
        return Scaled(stack.data[0], stack.scale[0], stack.granule[1:])
    return stack[0]


def by_expert(*sizes: int) -> Callable[[Recipe], Recipe]:
    """Say of a recipe that it makes a stack [E, N, K] of these sizes, each expert's matrix of its own tensors alone."""

    def mark(recipe: Recipe) -> Recipe:
        recipe.experts = torch.Size(sizes)  # pyright: ignore[reportFunctionMemberAccess]
        return recipe

    return mark


class ExpertParams(Params):
    """Parameters of which experts are read under a budget."""

    def __init__(
        self, source: Source, cache: ExpertCache, prefix: str = "", values: dict[str, Parameter] | None = None
    ) -> None:
        super().__init__(source, prefix, values)
        self.cache = cache

    def at(self, prefix: str) -> "ExpertParams":
        """The parameters of a callee."""
        return ExpertParams(self.source, self.cache, self.name(prefix), self.values)

    def made(self, key: str, recipe: Recipe) -> Parameter:
        """A stack of experts reads nothing yet; other recipes run."""
        sizes = getattr(recipe, "experts", None)
        if sizes is None or self.source.packed(self.name(key)) is not None:
            return super().made(key, recipe)

        def read(expert: int) -> Parameter:
            name = (self.name(key), recipe.__name__, expert)
            return self.cache.get(name, lambda: one_of(recipe(OneExpert(self.source, self.prefix, expert))))

        return ByExpert(sizes, read)  # pyright: ignore[reportReturnType] - products take it as a weight

    def stored_each(
        self, key: str, shape: tuple[int, ...], dtype: torch.dtype, indices: Sequence[int] | None = None
    ) -> Tensor:
        """Raises RequestError: what asks for all experts is over any budget."""
        raise RequestError(f"{self.name(key)} is needed of all experts at once", hint="leave --expert-memory out")


class OneExpert(Params):
    """The parameters that a recipe finds when it makes the matrix of one expert."""

    def __init__(self, source: Source, prefix: str, expert: int) -> None:
        super().__init__(source, prefix)
        self.expert = expert

    def stored_each(
        self, key: str, shape: tuple[int, ...], dtype: torch.dtype, indices: Sequence[int] | None = None
    ) -> Tensor:
        """A stack [1, ...] of this expert's tensor: a view of the mapped file."""
        index = self.expert if indices is None else indices[self.expert]
        return self.stored(key.replace("{}", str(index)), shape[1:], dtype).unsqueeze(0)


def num_bytes(text: str) -> int:
    """``8GiB``, ``512MiB``, ``1.5GB`` or a plain number of bytes.  Raises RequestError for anything else."""
    digits = text.rstrip("BKMGTikb")
    unit = text[len(digits) :].strip()
    try:
        count = int(float(digits) * UNITS[unit])
    except (KeyError, ValueError, OverflowError) as error:
        raise RequestError(f"{text!r} is no amount of memory", hint="give e.g. 8GiB or 512MiB") from error
    if count < 1:
        raise RequestError(f"a budget of {count} bytes holds nothing", hint="give e.g. 8GiB or 512MiB")
    return count
