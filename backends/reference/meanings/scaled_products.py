"""Products of block-scaled matrices: the exact one, and one that adds as a tensor core does.

Shape suffixes: M and N rows, K columns, B blocks of K, G products that are added at once.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.arithmetic import FIDELITY, wide

ADDED_AT_ONCE = 32
"""Products that a tensor core aligns and adds in one step."""
FRACTION_BITS = 13
"""Fraction bits of an aligned product, and of the accumulator."""
NO_EXPONENT = -500
"""Exponent of zero: below that of any number here."""
PRODUCTS_AT_ONCE = 1 << 22
"""Products of this many (row, row, k) triples are held at a time."""


@dataclass(frozen=True, eq=False)
class BlockFactor:
    """One side of a product: ``data [*, K]``, and its f32 scales ``[*, B]`` per row and block of ``granule`` of K."""

    data: Tensor
    scales: Tensor
    granule: int

    def flat(self) -> "BlockFactor":
        """With all leading dims in one."""
        columns, blocks = self.data.shape[-1], self.scales.shape[-1]
        rows = self.data.numel() // max(1, columns)
        return BlockFactor(self.data.reshape(rows, columns), self.scales.reshape(rows, blocks), self.granule)


def block_product(x: BlockFactor, w: BlockFactor, columns_KN: Tensor, promote: int | None) -> Tensor:
    """``sum_b (sum_{k in b} x[m, k] * w[n, k]) * (s_x[m, b] * s_w[n, b])`` in f32: [M, K], [N, K] -> [M, N].

    ``columns_KN``: the data of ``w`` in f64, transposed.  ``promote``: see ``tensor_core_product``; the exact product
    does not depend on it.
    """
    if FIDELITY.get() == "tensor_core":
        step = max(1, PRODUCTS_AT_ONCE // max(1, ADDED_AT_ONCE * columns_KN.shape[1]))
        parts = [
            tensor_core_product(wide(rows), scales, columns_KN, w.scales, x.granule, promote)
            for rows, scales in zip(x.data.split(step), x.scales.split(step), strict=True)
        ]
        return torch.cat(parts)
    return exact_product(wide(x.data), x.scales, columns_KN, w.scales, x.granule)


def exact_product(x_MK: Tensor, s_MB: Tensor, w_KN: Tensor, s_NB: Tensor, granule: int) -> Tensor:
    """Sums of a block are exact (f64) and rounded to f32; scaled and added to the others in f32, first block first."""
    total_MN = torch.zeros((x_MK.shape[0], w_KN.shape[1]), dtype=torch.float32)
    for block in range(s_MB.shape[1]):
        k = slice(block * granule, (block + 1) * granule)
        partial_MN = torch.matmul(x_MK[:, k], w_KN[k]).to(torch.float32)
        total_MN += partial_MN * scales_of(s_MB, s_NB, block)
    return total_MN


def scales_of(s_MB: Tensor, s_NB: Tensor, block: int) -> Tensor:
    """Products of one block's scales, rounded to f32: [M, N]."""
    return s_MB[:, block, None] * s_NB[None, :, block]


def tensor_core_product(
    x_MK: Tensor, s_MB: Tensor, w_KN: Tensor, s_NB: Tensor, granule: int, promote: int | None
) -> Tensor:
    """As ``exact_product``, but added in a tensor core's accumulator, which is promoted to f32 every so often.

    32 products are aligned to the largest exponent among them, truncated to 13 fraction bits and added; their sum is
    added to an accumulator that keeps 13 fraction bits.  After ``promote`` elements of K (never, if None) it goes to
    the f32 sum and restarts.  Scales are applied there if no block has ended in between, as a kernel does; else to the
    products, as hardware that scales blocks does.  Source: Insights into DeepSeek-V3 (arXiv 2505.09343, section 3.1.1);
    arXiv 2412.19437, section 3.5.2 (FP8 products on Hopper).
    """
    columns = x_MK.shape[1]
    every = columns if promote is None else promote
    outside = every <= granule
    x_exponent_MK, w_exponent_KN = exponent_of(x_MK), exponent_of(w_KN)
    total_MN = torch.zeros((x_MK.shape[0], w_KN.shape[1]), dtype=torch.float32)
    for start in range(0, columns, every):
        held_MN = torch.zeros_like(total_MN, dtype=torch.float64)
        for k in steps(start, min(start + every, columns), granule):
            products_MGN = x_MK[:, k, None] * w_KN[None, k]
            exponent_MN = (x_exponent_MK[:, k, None] + w_exponent_KN[None, k]).amax(dim=1)
            if not outside:
                scales_MN = wide(scales_of(s_MB, s_NB, k.start // granule))
                products_MGN, exponent_MN = products_MGN * scales_MN.unsqueeze(1), exponent_MN + exponent_of(scales_MN)
            bit_MN = power_of_two(exponent_MN - FRACTION_BITS)
            sum_MN = torch.trunc(products_MGN / bit_MN.unsqueeze(1)).sum(dim=1) * bit_MN
            held_MN = shortened(held_MN + sum_MN)
        held32_MN = held_MN.to(torch.float32)
        total_MN += held32_MN * scales_of(s_MB, s_NB, start // granule) if outside else held32_MN
    return total_MN


def steps(start: int, end: int, granule: int) -> list[slice]:
    """K from start to end in runs of at most 32 that do not cross a block."""
    cuts = {*range(start, end, ADDED_AT_ONCE), *(cut for cut in range(0, end, granule) if cut > start), end}
    return [slice(low, high) for low, high in pairwise(sorted(cuts))]


def exponent_of(x: Tensor) -> Tensor:
    """``floor(log2 |x|)``; that of zero is below all others."""
    return torch.where(x == 0, NO_EXPONENT, torch.frexp(x).exponent - 1)


def power_of_two(exponent: Tensor) -> Tensor:
    """``2 ** exponent`` in f64, exactly."""
    return torch.ldexp(torch.ones_like(exponent, dtype=torch.float64), exponent)


def shortened(x: Tensor) -> Tensor:
    """``x`` truncated to 13 fraction bits."""
    bit = power_of_two(exponent_of(x) - FRACTION_BITS)
    return torch.trunc(x / bit) * bit
