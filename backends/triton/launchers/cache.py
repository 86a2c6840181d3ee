"""Launchers of the paged latent cache."""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.triton.launchers.rows import TYPES, as_rows, quantizer_constants
from dsv3c.backends.triton.runtime.gpu import Argument, Configs, Constant, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed

NAMES = {dtype: name for name, dtype in TYPES.items()}
INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""What numbers of so many bytes are moved as."""
SEQUENCES = 64
"""Sequences whose lengths are looked at together."""


def padded(size: int) -> int:
    """The power of two that holds ``size``."""
    return 1 << (size - 1).bit_length()


@replayed
def append(
    gpu: Gpu, *, cache: LatentCache, latent: Tensor, k_rope: Tensor, positions: Tensor, seq_offsets: Tensor,
    block_table: Tensor, updated: LatentCache, configs: Configs, granule: int = 0, data: str | None = None,
    amax_floor: float | None = None, apply: str = "divide", round_scale: str = "none", saturate: bool = False,
) -> None:  # fmt: skip
    """Row t of latent [T, L] and k_rope [T, R] at its position in its sequence's pages; see ``rope_append``."""
    rope_append(
        gpu, cache=cache, latent=latent, k=k_rope, cos=None, sin=None, positions=positions, seq_offsets=seq_offsets,
        block_table=block_table, updated=updated, configs=configs, pairs="half", out="half", compute="f32",
        granule=granule, data=data, amax_floor=amax_floor, apply=apply, round_scale=round_scale, saturate=saturate,
    )  # fmt: skip


@replayed
def rope_append(
    gpu: Gpu, *, cache: LatentCache, latent: Tensor, k: Tensor, cos: Tensor | None, sin: Tensor | None,
    positions: Tensor, seq_offsets: Tensor, block_table: Tensor, weight: Tensor | None = None, updated: LatentCache,
    configs: Configs, pairs: str, out: str, compute: str, eps: float = 0.0, weight_in: str = "input", granule: int = 0,
    data: str | None = None, amax_floor: float | None = None, apply: str = "divide", round_scale: str = "none",
    saturate: bool = False,
) -> None:  # fmt: skip
    """Rows ``norm(latent)`` [T, L] and ``rope(k)`` [T, R] in the pages of ``updated``, which is the cache's memory.

    cos, sin [T or 1, R / 2] and weight [L] may be absent; positions [T], seq_offsets [N + 1], block_table [N, P]: i32.
    The quantiser is that of a cache with scales, one per ``granule`` elements.  A token that the tables place in no
    page of the cache is not written.
    """
    assert updated.latent.data_ptr() == cache.latent.data_ptr()
    latent, k, tokens = as_rows(latent), as_rows(k), positions.shape[0]
    if tokens == 0:
        return
    config = choose(configs, tokens)
    columns, half = latent.shape[1], k.shape[1] // 2
    quantizer: dict[str, Constant] = {
        **{"GRANULE": 1, "AMAX_FLOOR": 0.0, "APPLY": apply, "ROUND_SCALE": round_scale, "SATURATE": saturate},
        "LARGEST": 0.0,
    }
    if data is not None:
        quantizer = quantizer_constants(
            data=data, granule=(granule,), amax_floor=amax_floor, apply=apply, round_scale=round_scale,
            saturate=saturate,
        )  # fmt: skip
    # of this step, not the program's: one token has one row of angles whether they are a token's each or not
    turn = 0 if cos is None or cos.shape[0] == 1 else cos.stride(0)
    gpu.launch(
        "cache.append_kernel",
        (tokens, 1, 1),
        {
            **{"latent_ptr": latent, "k_ptr": k, "cos_ptr": cos, "sin_ptr": sin, "weight_ptr": weight},
            **{"cache_latent_ptr": updated.latent, "cache_scale_ptr": updated.scale},
            **{"cache_rope_ptr": updated.rope, "positions_ptr": positions, "seq_offsets_ptr": seq_offsets},
            **{"block_table_ptr": block_table, "num_sequences": block_table.shape[0]},
            **{"num_pages": updated.latent.shape[0], "table_row": block_table.stride(0)},
            **{"table_pages": block_table.shape[1], "columns": Static(columns)},
            **{"latent_stride": Static(latent.stride(0)), "k_stride": Static(k.stride(0)), "cos_stride": turn},
            **cache_strides(updated),
        },
        {
            **{"PAGE": updated.latent.shape[1], "BLOCK_L": max(padded(columns), granule), "HALF": half},
            **{"BLOCK_R": padded(half), "PAIRS": pairs, "OUT": out, "COMPUTE": compute, "LATENT": NAMES[latent.dtype]},
            **{"KEY": NAMES[k.dtype], "EPS": eps, "WEIGHT_IN": weight_in},
            **quantizer,
        },
        config,
    )


def cache_strides(cache: LatentCache) -> dict[str, Argument]:
    """From page to page and row to row of every part, in its elements."""
    parts = {"latent": cache.latent, "scale": cache.scale, "rope": cache.rope}
    return {
        f"{name}_{what}": Static(0 if part is None else part.stride(dim))
        for name, part in parts.items()
        for dim, what in enumerate(("page", "row"))
    }


@replayed
def gather(
    gpu: Gpu, *, cache: LatentCache, context_lens: Tensor, block_table: Tensor, latent: Tensor, k_rope: Tensor,
    configs: Configs, dtype: str | None,
) -> None:  # fmt: skip
    """The cached rows of all sequences, one after the other: latent [C, L], k_rope [C, R], C = sum(context_lens).

    ``dtype``: what a latent with scales is multiplied by them to; None without scales.
    """
    rows, columns, rope = latent.shape[0], latent.shape[1], k_rope.shape[1]
    if rows == 0:
        return
    assert dtype is None or latent.dtype == TYPES[dtype]
    config = choose(configs, rows)
    cached, made = cache.latent, latent
    if cache.scale is None:
        cached, made = moved(cached), moved(made)
    gpu.launch(
        "cache.gather_kernel",
        (cdiv(rows, config["block_c"]), 1, 1),
        {
            **{"cache_latent_ptr": cached, "cache_scale_ptr": cache.scale, "cache_rope_ptr": moved(cache.rope)},
            **{"context_lens_ptr": context_lens, "block_table_ptr": block_table, "latent_ptr": made},
            **{"k_rope_ptr": moved(k_rope), "num_rows": rows, "num_sequences": block_table.shape[0]},
            **{"num_pages": cached.shape[0], "table_row": block_table.stride(0)},
            **{"table_pages": block_table.shape[1], "latent_stride": Static(latent.stride(0))},
            **{"k_rope_stride": Static(k_rope.stride(0))},
            **cache_strides(cache),
        },
        {
            **{"PAGE": cached.shape[1], "COLUMNS": columns, "ROPE": rope, "GRANULE": cache.granule},
            **{"BLOCK_C": config["block_c"], "BLOCK_L": padded(columns), "BLOCK_R": padded(rope)},
            "BLOCK_S": SEQUENCES,
        },
        config,
    )


def moved(part: Tensor) -> Tensor:
    """Numbers as integers of their size: bits are what is moved."""
    return part.view(INTEGERS[part.dtype.itemsize])
