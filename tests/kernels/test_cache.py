"""The paged latent cache in Triton's interpreter against its meaning, bit by bit."""

from typing import Any

import pytest
import torch
from kernel_references import run_checked
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache, new_cache
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.cache import append, gather, rope_append

CONFIGS = [{"block_c": 8, "num_warps": 2, "num_stages": 1}]
F8 = {
    "granule": 128, "data": "f8E4M3FN", "amax_floor": 1e-4, "apply": "divide", "round_scale": "none", "saturate": False,
}  # fmt: skip


def filled(
    pages: int, latent: int, rope: int, kind: torch.dtype = torch.bfloat16, *, granule: int = 0, page_size: int = 4
) -> LatentCache:
    """A cache that has been written to."""
    latent_kind = torch.float8_e4m3fn if granule else kind
    cache = new_cache(
        pages, page_size, latent, rope, latent_dtype=latent_kind, rope_dtype=kind, granule=granule
    )  # fmt: skip
    cache.rope.copy_(torch.randn(cache.rope.shape))
    cache.latent.copy_(torch.randn(cache.latent.shape))
    if cache.scale is not None:
        cache.scale.copy_(torch.rand(cache.scale.shape))
    return cache


def tables(new: list[int], cached: list[int], page_size: int = 4) -> dict[str, Tensor]:
    """Positions, offsets and pages of sequences that get new tokens behind cached ones."""
    positions = [torch.arange(before, before + count) for count, before in zip(new, cached, strict=True)]
    most = max((-(-(a + b) // page_size) for a, b in zip(new, cached, strict=True)), default=0)
    return {
        "positions": torch.cat([*positions, torch.empty(0)]).to(torch.int32),
        "seq_offsets": torch.tensor([0, *new]).cumsum(0).to(torch.int32),
        "block_table": torch.randperm(len(new) * most + 3)[: len(new) * most].view(len(new), most).to(torch.int32),
    }


def check_append(cache: LatentCache, new: list[int], cached: list[int], **how: Any) -> None:
    """Append copies."""
    tokens, kind = sum(new), cache.rope.dtype
    run_checked(
        append, "cache.append", InterpreterGpu(), {"updated": cache}, cache=cache, configs=CONFIGS,
        latent=torch.randn(tokens, cache.latent.shape[-1]).to(kind),
        k_rope=torch.randn(tokens, cache.rope.shape[-1]).to(kind), **tables(new, cached), **how,
    )  # fmt: skip


def check_rope_append(
    cache: LatentCache, new: list[int], cached: list[int], *, normed: bool = True, table: torch.dtype = torch.float32,
    turns: int | None = None, latent_scale: float = 1.0, **how: Any,
) -> None:  # fmt: skip
    """Append rows of one wider product, normalised and rotated."""
    tokens, kind, latent, rope = sum(new), cache.rope.dtype, cache.latent.shape[-1], cache.rope.shape[-1]
    wide = (torch.randn(tokens, latent + rope + 8) * latent_scale).to(kind)
    angle = torch.randn(tokens if turns is None else turns, rope // 2)
    norm = {"weight": torch.randn(latent).to(kind), "eps": 1e-6, "weight_in": how.pop("weight_in", "f32")}
    run_checked(
        rope_append, "cache.rope_append", InterpreterGpu(), {"updated": cache}, cache=cache, configs=CONFIGS,
        latent=wide[:, :latent], k=wide[:, latent : latent + rope], cos=angle.cos().to(table),
        sin=angle.sin().to(table), **tables(new, cached), **(norm if normed else {}),
        **{"pairs": "interleaved", "out": "interleaved", "compute": "f32"} | how,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
def test_rows_of_several_sequences_are_appended(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    check_append(filled(16, 20, 6, kind), [3, 0, 1, 6], [2, 5, 4, 0])
    check_append(filled(16, 256, 64, kind, granule=128), [1, 1], [0, 7], **F8)


@pytest.mark.parametrize("how", [{}, {"round_scale": "pow2", "apply": "reciprocal"}, {"saturate": True}])
def test_quantised_rows(how: dict[str, Any]) -> None:
    torch.manual_seed(1)
    check_rope_append(filled(12, 512, 64, granule=128), [2, 1], [3, 4], **F8 | how)


def test_a_last_tile_that_is_shorter_and_outliers() -> None:
    torch.manual_seed(2)
    check_rope_append(filled(12, 320, 64, granule=128), [2, 1], [3, 4], latent_scale=1e4, normed=False, **F8)
    check_rope_append(filled(12, 320, 64, granule=128), [2, 1], [3, 4], latent_scale=1e-7, normed=False, **F8)


@pytest.mark.parametrize(("pairs", "out"), [("interleaved", "half"), ("half", "interleaved"), ("half", "half")])
@pytest.mark.parametrize("compute", ["f32", "input"])
def test_every_rotation(pairs: str, out: str, compute: str) -> None:
    torch.manual_seed(3)
    how = {"pairs": pairs, "out": out, "compute": compute}
    check_rope_append(filled(12, 32, 20), [2, 3], [0, 1], table=torch.bfloat16, weight_in="input", **how)
    check_rope_append(filled(12, 32, 20), [3], [0], normed=False, **how)


def test_the_latent_of_deepseek_v3() -> None:
    torch.manual_seed(4)
    for weight_in in ("f32", "input"):
        check_rope_append(filled(16, 512, 64), [5, 1, 1], [1, 9, 8], weight_in=weight_in)
    check_rope_append(filled(16, 512, 64), [4], [1], turns=1)


def test_no_tokens_and_one() -> None:
    check_rope_append(filled(4, 32, 8), [0, 0], [1, 2])
    check_rope_append(filled(4, 32, 8), [], [])
    check_rope_append(filled(4, 32, 8), [1], [2])


def test_many_sequences() -> None:
    torch.manual_seed(5)
    new, cached = [1] * 130, torch.randint(0, 4, (130,)).tolist()
    check_append(filled(140, 8, 2), new, cached)
    check_gather(filled(140, 8, 2), cached)


def test_nothing_outside_of_the_pool_is_written() -> None:
    cache = filled(6, 8, 2)
    before = cache.latent.clone(), cache.rope.clone()
    given = {"cache": cache, "updated": cache, "latent": torch.ones(3, 8).bfloat16(), "configs": CONFIGS}
    table = torch.tensor([[-1, 3], [77, 3], [2, 3]]).int()[:, :1]
    append(
        InterpreterGpu(), **given, k_rope=torch.ones(3, 2).bfloat16(), positions=torch.tensor([0, 1, 5]).int(),
        seq_offsets=torch.tensor([0, 1, 2, 3]).int(), block_table=table,
    )  # fmt: skip
    assert torch.equal(cache.latent, before[0])
    assert torch.equal(cache.rope, before[1])


def check_gather(cache: LatentCache, lengths: list[int], dtype: str | None = None) -> None:
    """Gather into rows of their own."""
    rows, kind = sum(lengths), cache.rope.dtype
    table = tables(lengths, [0] * len(lengths))["block_table"]
    latent_kind = cache.latent.dtype if dtype is None else {"bf16": torch.bfloat16, "f32": torch.float32}[dtype]
    outputs = {
        "latent": torch.empty(rows, cache.latent.shape[-1], dtype=latent_kind),
        "k_rope": torch.empty(rows, cache.rope.shape[-1], dtype=kind),
    }
    run_checked(
        gather, "cache.gather", InterpreterGpu(), outputs, cache=cache, configs=CONFIGS, dtype=dtype,
        context_lens=torch.tensor(lengths).int(), block_table=table,
    )  # fmt: skip


@pytest.mark.parametrize("lengths", [[5, 0, 9, 1], [16], [0, 0], [], [0, 4]])
def test_rows_are_gathered(lengths: list[int]) -> None:
    torch.manual_seed(6)
    check_gather(filled(16, 40, 10), lengths)
    check_gather(filled(16, 256, 64, granule=128), lengths, "bf16")


def test_a_shorter_tile_is_dequantised() -> None:
    torch.manual_seed(7)
    check_gather(filled(16, 320, 64, granule=128), [3, 6], "f32")
