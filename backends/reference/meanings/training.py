"""Meanings of what a training step adds: gradients of weights, and the quantisation along tokens that they read.

No op stands for them yet; kernels are held to them.  Source: arXiv 2412.19437, section 3.3.
Shape suffixes: T tokens, C channels, B blocks of tokens, N and K rows of a gradient's factors, E experts.
"""

from itertools import pairwise
from typing import Unpack

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.arithmetic import wide_columns
from dsv3c.backends.reference.meanings.scaled import Quantizer, Scaled, dequantize, quantize
from dsv3c.backends.reference.meanings.scaled_products import BlockFactor, block_product

PROMOTE = 128
"""Tokens after which a tensor core's sum is added in f32."""


def wgrad_mm(a: Scaled, b: Scaled, y: Tensor | None = None, offsets: Tensor | None = None) -> Tensor:
    """``dw[n, k] = sum_b (sum_{t in b} a[n, t] * b[k, t]) * (s_a[n, b] * s_b[k, b])``: [N, T], [K, T] -> [N, K] f32.

    a, b: scaled 1 x G along tokens.  offsets [E + 1]: expert e has the tokens from ``offsets[e]`` to
    ``offsets[e + 1]``, all multiples of G: -> [E, N, K].  y: what the sums are added to, in f32.
    """
    granule = a.granule[-1]
    bounds = [0, a.shape[1]] if offsets is None else offsets.tolist()
    if any(bound % granule for bound in bounds[:-1]):
        raise ValueError(f"experts start at multiples of {granule} tokens, not at {bounds}")
    dw = torch.stack([
        block_product(tokens_of(a, first, end), tokens_of(b, first, end), wide_columns(b.data[:, first:end]), PROMOTE)
        for first, end in pairwise(bounds)
    ])  # fmt: skip
    dw = dw[0] if offsets is None else dw
    return dw if y is None else y + dw


def tokens_of(q: Scaled, first: int, end: int) -> BlockFactor:
    """Columns ``first`` to ``end`` of a value with scales along them; ``first`` starts a block."""
    granule = q.granule[-1]
    return BlockFactor(q.data[:, first:end], q.scale[:, first // granule : -(-end // granule)], granule)


def transpose_quantize(x: Tensor | Scaled, **how: Unpack[Quantizer]) -> Scaled:
    """``quantize`` of the transpose, with blocks along tokens: [T, C] -> scaled [C, T]; ``how``'s granule is (1, G).

    A scaled x is dequantised to f32 first.  The last block of tokens has what is there.
    """
    values = dequantize(x, dtype=torch.float32) if isinstance(x, Scaled) else x
    return quantize(values.t(), **how)
