"""Cache rows computed and written by one op: the meanings it stands for, one after the other.

Shape suffixes as in ``mla``: T tokens, L latent rank, R of the RoPE part.
"""

from typing import Unpack

from torch import Tensor

from dsv3c.backends.reference.meanings import mla, nn
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Quantizer


def row(
    latent: Tensor, k: Tensor, cos: Tensor, sin: Tensor, weight: Tensor | None, *, pairs: str, out: str, compute: str,
    eps: float, weight_in: str,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The latent [T, L] after its norm, if there is a weight, and the rotated key [T, R]."""
    normed = latent if weight is None else nn.rms_norm(latent, weight, eps=eps, weight_in=weight_in)
    return normed, nn.rope(k, cos, sin, pairs=pairs, out=out, compute=compute)


def rope_append(
    cache: LatentCache, latent: Tensor, k: Tensor, cos: Tensor, sin: Tensor, positions: Tensor, seq_offsets: Tensor,
    block_table: Tensor, weight: Tensor | None = None, *, pairs: str, out: str, compute: str, eps: float = 0.0,
    weight_in: str = "input",
) -> LatentCache:  # fmt: skip
    """``mla.append`` of ``row``; in place."""
    normed, key = row(latent, k, cos, sin, weight, pairs=pairs, out=out, compute=compute, eps=eps, weight_in=weight_in)
    return mla.append(cache, normed, key, positions, seq_offsets, block_table)


def rope_append_quantized(
    cache: LatentCache, latent: Tensor, k: Tensor, cos: Tensor, sin: Tensor, positions: Tensor, seq_offsets: Tensor,
    block_table: Tensor, weight: Tensor | None = None, *, pairs: str, out: str, compute: str, eps: float = 0.0,
    weight_in: str = "input", **how: Unpack[Quantizer],
) -> LatentCache:  # fmt: skip
    """``mla.append_quantized`` of ``row``; in place."""
    normed, key = row(latent, k, cos, sin, weight, pairs=pairs, out=out, compute=compute, eps=eps, weight_in=weight_in)
    return mla.append_quantized(cache, normed, key, positions, seq_offsets, block_table, **how)
