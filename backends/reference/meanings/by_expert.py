"""A stack of experts whose matrices are read one by one, when a product asks for them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, eq=False)
class ByExpert:
    """Stands for a weight [E, N, K], a tensor or scaled, of which no more than single experts are in memory."""

    shape: torch.Size
    read: Callable[[int], Any]
    """The matrix [N, K] of an expert."""

    @property
    def nbytes(self) -> int:
        """It holds none itself."""
        return 0

    def __getitem__(self, expert: int) -> Any:
        """The matrix [N, K] of an expert, as the type that the stack stands for."""
        return self.read(expert)
