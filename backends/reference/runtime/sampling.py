"""From logits to the next token: greedy, or seeded sampling that does not depend on what else is in the batch."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from dsv3c.backends.reference.runtime.errors import RequestError


@dataclass(frozen=True)
class SamplingOptions:
    """``temperature`` 0 is greedy; ``top_k`` 0 and ``top_p`` 1 switch those limits off.

    Raises RequestError for values out of range.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise RequestError(f"temperature must not be negative, not {self.temperature}")
        if self.top_k < 0:
            raise RequestError(f"top-k must not be negative, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise RequestError(f"top-p must be in (0, 1], not {self.top_p}")


@dataclass
class Sampler:
    """Draws tokens for one sequence; its own generator makes its draws independent of the batch."""

    options: SamplingOptions
    index: int
    """Number of the sequence: sequences with one seed draw differently."""
    generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.options.seed * 1_000_003 + self.index)

    def next_token(self, logits_V: Tensor) -> int:
        """The next token of logits [V]; ties of greedy decoding go to the lowest id."""
        if self.options.temperature == 0:
            return int(torch.argmax(logits_V))
        probs_V = torch.softmax(logits_V.double() / self.options.temperature, dim=-1)
        ordered_V, ids_V = torch.sort(probs_V, descending=True, stable=True)
        keep = self.num_kept(ordered_V)
        choice = torch.multinomial(ordered_V[:keep], 1, generator=self.generator)
        return int(ids_V[choice])

    def num_kept(self, ordered_V: Tensor) -> int:
        """How many of the most probable tokens may be drawn: the smallest set that reaches top_p, at most top_k."""
        keep = ordered_V.numel()
        if self.options.top_p < 1:
            before_V = torch.cumsum(ordered_V, 0) - ordered_V
            keep = max(1, int((before_V < self.options.top_p).sum()))
        return min(keep, self.options.top_k) if self.options.top_k else keep
