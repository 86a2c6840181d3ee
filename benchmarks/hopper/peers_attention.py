"""Libraries' attention on the same operands: FlashMLA, FlashAttention, PyTorch's scaled_dot_product_attention."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper.case import Peer, PeerMaker
from benchmarks.hopper.imports import library
from dsv3c.backends.reference.meanings.mla import LatentCache


def decode(reads: Mapping[str, Any], queries: int, scale: float) -> dict[str, PeerMaker]:
    """Peers of attention over the paged cache."""
    if reads["cache"].scale is None:
        return {"flash_mla": lambda: flash_mla_dense(reads, queries, scale)}
    return {"flash_mla_sparse": lambda: flash_mla_sparse(reads, queries, scale)} if queries == 1 else {}


def joined(reads: Mapping[str, Any], queries: int) -> Tensor:
    """The query as the library takes it: [N, queries, H, latent + rope]."""
    q = torch.cat((reads["q_latent"], reads["q_rope"]), -1)
    return q.view(-1, queries, *q.shape[1:])


def flash_mla_dense(reads: Mapping[str, Any], queries: int, scale: float) -> Peer:
    """``flash_mla_with_kvcache`` over a BF16 cache.

    Its schedule is made once, as a program makes it once per step for all layers.
    """
    package = library("flash_mla")
    q, cache, heads = joined(reads, queries), rows_of(reads["cache"]), reads["q_latent"].shape[1]
    lengths, table = reads["context_lens"], reads["block_table"]
    metadata, splits = package.get_mla_metadata(lengths, queries * heads, 1)
    attend, latent = package.flash_mla_with_kvcache, reads["q_latent"].shape[-1]
    # a build that dropped these kernels from its current half keeps them in another
    more = {"use_legacy": True} if "use_legacy" in signature(attend).parameters else {}

    def run() -> Tensor:
        made, _ = attend(
            q, cache, table, lengths, latent, metadata, splits, softmax_scale=scale, causal=True, **more
        )  # fmt: skip
        return made

    return Peer(run, lambda made: made.reshape(reads["q_latent"].shape))


def flash_mla_sparse(reads: Mapping[str, Any], queries: int, scale: float) -> Peer:
    """``flash_mla_with_kvcache`` over the cache with scales, whose rows of 656 bytes only its sparse form reads: the
    indices are those of all rows."""
    package = library("flash_mla")
    cache: LatentCache = reads["cache"]
    q, latent = joined(reads, queries), reads["q_latent"].shape[-1]
    page, lengths = cache.latent.shape[1], reads["context_lens"]
    width = row_bytes(cache)
    stored = cache.latent.view(torch.uint8)
    rows = stored.as_strided((*stored.shape[:2], 1, width), (*stored.stride()[:2], width, 1))
    length = int(lengths[0])
    places = torch.arange(length, device=q.device)
    indices = reads["block_table"][:, places // page] * page + (places % page).to(torch.int32)
    attend = package.flash_mla_with_kvcache
    metadata, splits = package.get_mla_metadata(lengths, queries * q.shape[2], 1, q.shape[2], True, length)
    more = {"use_legacy": True} if "use_legacy" in signature(attend).parameters else {}

    def run() -> Tensor:
        made, _ = attend(
            q, rows.view(torch.float8_e4m3fn), None, None, latent, metadata, splits, softmax_scale=scale,
            is_fp8_kvcache=True, indices=indices[:, None].contiguous(), **more,
        )  # fmt: skip
        return made

    return Peer(run, lambda made: made.reshape(reads["q_latent"].shape))


def row_bytes(cache: LatentCache) -> int:
    """Of a token in the cache."""
    return cache.latent.stride(1) * cache.latent.itemsize


def rows_of(cache: LatentCache) -> Tensor:
    """A cache's rows as one tensor [pages, page, 1, latent + rope]: a row's key lies behind its latent."""
    latent, width = cache.latent, cache.latent.shape[2] + cache.rope.shape[2]
    assert cache.rope.data_ptr() == latent.data_ptr() + latent.shape[2] * latent.itemsize
    return latent.as_strided((*latent.shape[:2], 1, width), (*latent.stride()[:2], width, 1))


def prefill(reads: Mapping[str, Any], scale: float) -> dict[str, PeerMaker]:
    """Peers of causal attention of one sequence; keys and values are expanded before, as they are for ours."""
    return {
        "flash_attention_3": lambda: flash_attention(reads, scale),
        "sdpa_cudnn": lambda: sdpa(reads, scale, "CUDNN_ATTENTION", padded=False),
        "sdpa_flash": lambda: sdpa(reads, scale, "FLASH_ATTENTION", padded=True),
        "sdpa_efficient": lambda: sdpa(reads, scale, "EFFICIENT_ATTENTION", padded=False),
    }


def expanded(reads: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key [T, H, 192] and value [T, H, 128], dense: what libraries read in the place of our parts."""
    nope = reads["q_nope"].shape[-1]
    q = torch.cat((reads["q_nope"], reads["q_rope"]), -1)
    heads = q.shape[1]
    k = torch.cat((reads["kv"][..., :nope], reads["k_rope"][:, None].expand(-1, heads, -1)), -1)
    return q, k, reads["kv"][..., nope:].contiguous()


def flash_attention(reads: Mapping[str, Any], scale: float) -> Peer:
    """FlashAttention 3, which has kernels for heads of 192 and 128."""
    attend = library("flash_attn_interface").flash_attn_func
    q, k, v = (part[None] for part in expanded(reads))

    def seen(made: Any) -> Tensor:
        return (made[0] if isinstance(made, tuple) else made)[0]

    return Peer(lambda: attend(q, k, v, softmax_scale=scale, causal=True), seen)


def sdpa(reads: Mapping[str, Any], scale: float, backend: str, *, padded: bool) -> Peer:
    """``scaled_dot_product_attention`` with one backend; ``padded``: values are as wide as keys."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    parts = [part.transpose(0, 1)[None].contiguous() for part in expanded(reads)]
    width = parts[2].shape[-1]
    if padded:
        parts[2] = torch.nn.functional.pad(parts[2], (0, parts[0].shape[-1] - width))
    q, k, v = parts
    kind = getattr(SDPBackend, backend)
    attend: Callable[..., Tensor] = torch.nn.functional.scaled_dot_product_attention

    def run() -> Tensor:
        with sdpa_kernel(kind):
            return attend(q, k, v, is_causal=True, scale=scale)

    return Peer(run, lambda made: made[0].transpose(0, 1)[..., :width])
