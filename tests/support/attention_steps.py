"""Steps of ragged sequences for attention kernels: tables, and caches whose unused rows hold NaN."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache, new_cache


@dataclass(frozen=True)
class Step:
    """New tokens and context rows of every sequence, and the tables that say so."""

    new: Sequence[int]
    context: Sequence[int]
    page_size: int = 64

    @property
    def num_tokens(self) -> int:
        return sum(self.new)

    @property
    def positions(self) -> Tensor:
        """The last rows of every context are the new tokens'."""
        ranges = [torch.arange(c - n, c) for n, c in zip(self.new, self.context, strict=True)]
        return torch.cat([torch.arange(0), *ranges]).to(torch.int32)

    @property
    def seq_offsets(self) -> Tensor:
        return torch.tensor([0, *self.new], dtype=torch.int32).cumsum(0).to(torch.int32)

    @property
    def context_lens(self) -> Tensor:
        return torch.tensor(self.context, dtype=torch.int32)

    @property
    def num_pages(self) -> list[int]:
        return [-(-length // self.page_size) for length in self.context]

    def block_table(self, seed: int = 0) -> Tensor:
        """Pages in no order; -1 where a sequence has none."""
        order = torch.randperm(sum(self.num_pages), generator=torch.Generator().manual_seed(seed)).tolist()
        table = torch.full((len(self.context), max([1, *self.num_pages])), -1, dtype=torch.int32)
        for n, pages in enumerate(self.num_pages):
            table[n, :pages] = torch.tensor([order.pop() for _ in range(pages)], dtype=torch.int32)
        return table

    def cache(
        self, rank: int, rope: int, dtype: torch.dtype, granule: int = 0, fp8: torch.dtype = torch.float8_e4m3fn
    ) -> LatentCache:
        """Random rows where a context is, NaN everywhere else."""
        latent = fp8 if granule else dtype
        cache = new_cache(
            sum(self.num_pages) + 1, self.page_size, rank, rope, latent_dtype=latent, rope_dtype=dtype, granule=granule
        )
        parts = [part for part in (cache.latent, cache.rope, cache.scale) if part is not None]
        for part in parts:
            part.copy_(torch.full(part.shape, torch.nan).to(part.dtype))
        for pages, length in zip(self.block_table(), self.context, strict=True):
            for position in range(length):
                page, row = int(pages[position // self.page_size]), position % self.page_size
                cache.latent[page, row] = torch.randn(rank).mul(2).to(latent)
                cache.rope[page, row] = torch.randn(rope).to(dtype)
                if cache.scale is not None:
                    cache.scale[page, row] = torch.rand(cache.scale.shape[-1]) + 0.1
        return cache
