"""Pages of the latent cache: which sequence holds which, and the tables of a step."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dsv3c.backends.reference.runtime.errors import CacheFull


@dataclass
class SequenceState:
    """One sequence: its tokens, how many of them are in the cache, and the pages that hold them."""

    tokens: list[int]
    cached: int = 0
    pages: list[int] = field(default_factory=list[int])

    @property
    def pending(self) -> int:
        """Tokens not in the cache yet."""
        return len(self.tokens) - self.cached


@dataclass
class PagePool:
    """Free pages of a cache with ``num_pages`` pages of ``page_size`` rows; the lowest free page is taken first."""

    num_pages: int
    page_size: int
    free: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.free = list(range(self.num_pages - 1, -1, -1))

    def reserve(self, state: SequenceState, length: int) -> None:
        """Give ``state`` pages for ``length`` tokens.  Raises CacheFull, taking nothing, when there are too few."""
        wanted = -(-length // self.page_size) - len(state.pages)
        if wanted > len(self.free):
            raise CacheFull(
                f"the cache has {len(self.free)} free pages of {self.page_size} tokens, the step needs {wanted} more",
                hint="give more pages (--pages), or fewer or shorter sequences",
            )
        for _ in range(wanted):
            state.pages.append(self.free.pop())

    def release(self, state: SequenceState) -> None:
        """Take a finished sequence's pages back."""
        self.free += reversed(state.pages)
        state.pages.clear()
        state.cached = 0


@dataclass(frozen=True)
class StepTables:
    """The arguments of a phase function, in its order, for N sequences with T new tokens in all."""

    tokens: Tensor
    """[T] i64"""
    positions: Tensor
    """[T] i32: position of each token in its sequence."""
    seq_offsets: Tensor
    """[N + 1] i32: rows of sequence n."""
    block_table: Tensor
    """[N, P] i32: page ids, padded with 0."""
    context_lens: Tensor
    """[N] i32: tokens in the cache after this step."""

    @property
    def num_sequences(self) -> int:
        """N."""
        return self.block_table.shape[0]

    @property
    def offsets(self) -> list[int]:
        """``seq_offsets`` as numbers."""
        return self.seq_offsets.tolist()

    def arguments(self) -> list[Tensor]:
        """In the order phase functions take them."""
        return [self.tokens, self.positions, self.seq_offsets, self.block_table, self.context_lens]


def step_tables(states: Sequence[SequenceState], lengths: Sequence[int]) -> StepTables:
    """Tables for a step that feeds the next ``lengths[n]`` tokens of sequence n; its pages are reserved already."""
    tokens, positions, offsets = list[int](), list[int](), [0]
    for state, length in zip(states, lengths, strict=True):
        tokens += state.tokens[state.cached : state.cached + length]
        positions += range(state.cached, state.cached + length)
        offsets.append(len(tokens))
    width = max((len(state.pages) for state in states), default=1)
    table = torch.zeros(len(states), max(width, 1), dtype=torch.int32)
    for row, state in zip(table, states, strict=True):
        row[: len(state.pages)] = torch.tensor(state.pages, dtype=torch.int32)
    context = [state.cached + length for state, length in zip(states, lengths, strict=True)]
    return StepTables(
        torch.tensor(tokens, dtype=torch.int64),
        torch.tensor(positions, dtype=torch.int32),
        torch.tensor(offsets, dtype=torch.int32),
        table,
        torch.tensor(context, dtype=torch.int32),
    )
