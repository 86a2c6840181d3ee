"""What the launchers of the paged latent cache compute."""

from collections.abc import Mapping
from typing import Any

import torch
from kernel_references import Reference, Value
from torch import Tensor

from dsv3c.backends.reference.meanings import mla, mla_fused
from dsv3c.backends.reference.meanings.mla import LatentCache, new_cache
from dsv3c.backends.triton.launchers.rows import TYPES


def copy_of(cache: LatentCache) -> LatentCache:
    """The same rows in memory of their own."""
    pages, page_size, latent = cache.latent.shape
    made = new_cache(
        pages, page_size, latent, cache.rope.shape[-1], latent_dtype=cache.latent.dtype, rope_dtype=cache.rope.dtype,
        granule=cache.granule,
    )  # fmt: skip
    for part, given in ((made.latent, cache.latent), (made.rope, cache.rope), (made.scale, cache.scale)):
        if part is not None and given is not None:
            kind = torch.uint8 if part.dtype.itemsize == 1 else part.dtype
            part.view(kind).copy_(given.view(kind))
    return made


def quantizer(
    granule: int = 0, data: str | None = None, amax_floor: float | None = None, apply: str = "divide",
    round_scale: str = "none", saturate: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Keywords of the meanings that quantise; none for a cache without scales."""
    if data is None:
        return {}
    how = {"apply": apply, "round_scale": round_scale, "saturate": saturate, "amax_floor": amax_floor, "static": None}
    return {"granule": (1, granule), "data": TYPES[data], "scale": torch.float32, **how}


QUANTIZER = ("granule", "data", "amax_floor", "apply", "round_scale", "saturate")


def append(*, cache: LatentCache, configs: object, **given: Any) -> Mapping[str, Value]:
    """``mla.append``, quantised or not."""
    how = quantizer(**{name: given.pop(name) for name in QUANTIZER if name in given})
    return {"updated": (mla.append_quantized if how else mla.append)(copy_of(cache), **given, **how)}


def rope_append(*, cache: LatentCache, configs: object, **given: Any) -> Mapping[str, Value]:
    """``mla.rope_append``, quantised or not."""
    how = quantizer(**{name: given.pop(name) for name in QUANTIZER if name in given})
    meaning = mla_fused.rope_append_quantized if how else mla_fused.rope_append
    return {"updated": meaning(copy_of(cache), **given, **how)}


def gather(
    *, cache: LatentCache, context_lens: Tensor, block_table: Tensor, configs: object, dtype: str | None
) -> Mapping[str, Value]:
    """``mla.gather``."""
    latent, k_rope = mla.gather(cache, context_lens, block_table, dtype=None if dtype is None else TYPES[dtype])
    return {"latent": latent, "k_rope": k_rope}


REFERENCES = {
    "cache.append": Reference(append, "bitwise"),
    "cache.rope_append": Reference(rope_append, "bitwise"),
    "cache.gather": Reference(gather, "bitwise"),
}
