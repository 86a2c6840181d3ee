"""MLA: decode in the latent space over a paged cache, prefill over expanded keys and values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper import peers_attention, shapes
from benchmarks.hopper.case import Case, Problem, Work
from benchmarks.hopper.checks import ATTENTION
from benchmarks.hopper.choices import Symbol, calls_for, module_text
from benchmarks.hopper.data import BLOCK, Place, as_integers
from benchmarks.hopper.shapes import HEADS, LATENT, NOPE, PAGE, ROPE, SOFTMAX_SCALE, VALUES, Decode
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.triton.runtime.space import device_cache

CHECKED_HEADS = 16
"""Of a long prefill, chosen anew in every run: the scores of all heads in f32 take too long."""
SPARE_PAGES = 7
"""Pages of the pool that belong to no sequence and hold NaN."""
TABLES = {
    "positions": 'tensor<?xi32, ["T"]>',
    "offsets": 'tensor<?xi32, ["N + 1"]>',
    "table": 'tensor<?x?xi32, ["N", "P"]>',
    "lens": 'tensor<?xi32, ["N"]>',
}


def decode_text(step: Decode, page: int, latent: int, rope: int) -> str:
    """A module of one attention over the cache."""
    stored = "bf16" if step.cache == "bf16" else f"f8E4M3FN scale {BLOCK} x f32"
    q, r = f'tensor<?x{step.heads}x{latent}xbf16, ["T"]>', f'tensor<?x{step.heads}x{rope}xbf16, ["T"]>'
    cache = f'!mla.cache<"pages" x {page}, latent {latent} x {stored}, rope {rope} x bf16>'
    kinds = [q, r, cache, *TABLES.values()]
    body = (
        "%o = mla.absorbed_attention %q, %r, %cache at %positions, %offsets, %table, %lens "
        f"scale {SOFTMAX_SCALE:.9f} scores f32 probs bf16 : {', '.join(kinds)} -> {q}"
    )
    pages = -(-step.context // page)
    symbols = {
        "T": Symbol(step.batch * step.queries, 512),
        "N": Symbol(step.batch, 256),
        "P": Symbol(pages, max(pages, 2560)),
        "pages": Symbol(step.batch * pages + SPARE_PAGES, 1 << 20),
    }
    return module_text(body, {"q": q, "r": r, "cache": cache, **TABLES}, symbols)


def filled_cache(place: Place, kind: str, pages: int, page: int, latent: int, rope: int) -> LatentCache:
    """A cache of random rows, quantised for real where it has scales, as programs lay it out."""
    fp8 = kind == "fp8"
    spec = CacheSpec(
        page, latent, rope, torch.float8_e4m3fn if fp8 else torch.bfloat16, torch.bfloat16,
        granule=BLOCK if fp8 else 0,
    )  # fmt: skip
    cache = device_cache(spec, pages, place.device)
    if place.is_meta:
        return cache
    cache.rope.copy_(place.normal(pages, page, rope))
    rows = place.normal(pages * page, latent)
    if cache.scale is None:
        cache.latent.copy_(rows.view(pages, page, latent))
        return cache
    q = place.quantized(rows, (1, BLOCK))
    as_integers(cache.latent).copy_(as_integers(q.data).view(pages, page, latent))
    cache.scale.copy_(q.scale.view(pages, page, -1))
    return cache


def latent_rows(cache: LatentCache, pages: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """A sequence's rows in f32: as the cache has them, scaled ones rounded to bf16 as the op says."""
    latent = cache.latent[pages].float() if cache.scale is None else as_float8(cache.latent, pages)
    if cache.scale is not None:
        latent = (latent * cache.scale[pages].repeat_interleave(cache.granule, -1)[..., : latent.shape[-1]]).bfloat16()
    return latent.float().flatten(0, 1)[:length], cache.rope[pages].float().flatten(0, 1)[:length]


def as_float8(latent: Tensor, pages: Tensor) -> Tensor:
    """Pages of 8-bit numbers, which are picked as bytes, in f32."""
    return latent.view(torch.uint8)[pages].view(latent.dtype).float()


def attended(q: Tensor, k: Tensor, v: Tensor, positions: Tensor, scale: float) -> Tensor:
    """``softmax(scale q k^T) v`` over rows 0..position, in f32: q [H, T, K], k [C, K], v [C, V]."""
    scores = torch.matmul(q, k.t()) * scale
    hidden = torch.arange(k.shape[0], device=k.device) > positions[:, None]
    return torch.matmul(scores.masked_fill(hidden, float("-inf")).softmax(-1), v)


def decoded(reads: Mapping[str, Any], step: Decode) -> Tensor:
    """What decode must give, in f32, one sequence at a time."""
    q = torch.cat((reads["q_latent"], reads["q_rope"]), -1).float()
    made = torch.empty_like(reads["q_latent"], dtype=torch.float32)
    for n in range(step.batch):
        mine = slice(n * step.queries, (n + 1) * step.queries)
        latent, key = latent_rows(reads["cache"], reads["block_table"][n].long(), step.context)
        rows = torch.cat((latent, key), -1)
        o = attended(q[mine].transpose(0, 1), rows, latent, reads["positions"][mine], SOFTMAX_SCALE)
        made[mine] = o.transpose(0, 1)
    return made


def decode(step: Decode, *, latent: int = LATENT, rope: int = ROPE, page: int = PAGE) -> Case:
    """Attention of the newest ``queries`` tokens of every sequence."""
    tokens, pages = step.batch * step.queries, -(-step.context // page)
    row_bytes = 2 * (latent + rope) if step.cache == "bf16" else latent + 4 * -(-latent // BLOCK) + 2 * rope
    rows = sum(step.context - step.queries + 1 + query for query in range(step.queries))

    def build(place: Place) -> Problem:
        text = decode_text(step, page, latent, rope)
        queries = (step.queries, step.queries)
        cache = filled_cache(place, step.cache, step.batch * pages + SPARE_PAGES, page, latent, rope)
        order = torch.randperm(step.batch * pages, generator=torch.Generator().manual_seed(place.seed))
        newest = torch.arange(step.context - step.queries, step.context)
        reads: dict[str, Any] = {
            "q_latent": place.normal(tokens, step.heads, latent),
            "q_rope": place.normal(tokens, step.heads, rope),
            "cache": cache,
            "positions": place.integers(newest.repeat(step.batch)),
            "seq_offsets": place.integers(torch.arange(step.batch + 1) * step.queries),
            "block_table": place.integers(order.view(step.batch, pages)),
            "context_lens": place.integers([step.context] * step.batch),
        }
        if not place.is_meta:  # pages of no sequence must not be read
            as_integers(cache.rope)[step.batch * pages :] = -1
        return Problem(
            calls=calls_for(text, "mla.absorbed_attention", place, queries=queries),
            reads=reads,
            writes={"o": place.empty(tokens, step.heads, latent)},
            expected=lambda: {"o": decoded(reads, step)},
            policies={"o": ATTENTION},
            peers=peers_attention.decode(reads, step.queries, SOFTMAX_SCALE),
            peer_output="o",
        )

    name = f"decode/{step.batch}x{step.context}x{step.queries}x{step.heads}-{step.cache}"
    work = Work(
        2.0 * step.batch * rows * step.heads * (2 * latent + rope),
        step.batch * step.context * row_bytes + 2 * tokens * step.heads * (2 * latent + rope),
        "bf16",
    )
    bound = "compute" if step.is_compute_bound else "memory"
    return Case(
        name,
        "" if step.cache == "fp8" else f"decode_{bound}",
        {**vars(step)},
        work,
        build,
        importance=9 if step.cache == "bf16" else 4,
    )


def prefilled(reads: Mapping[str, Any], heads: Sequence[int]) -> Tensor:
    """What these heads of a prefill must give, in f32; NaN for the others, which are only looked at for NaN."""
    q, kv, nope = reads["q_rope"], reads["kv"], reads["q_nope"].shape[-1]
    made = torch.full((*q.shape[:2], kv.shape[-1] - nope), float("nan"), device=q.device)
    for head in heads:
        one = torch.cat((reads["q_nope"][:, head], q[:, head]), -1).float()
        keys, values = torch.cat((kv[:, head, :nope], reads["k_rope"]), -1).float(), kv[:, head, nope:].float()
        made[:, head] = attended(one[None], keys, values, reads["positions"], SOFTMAX_SCALE)[0]
    return made


def prefill(tokens: int, *, heads: int = HEADS, nope: int = NOPE, rope: int = ROPE, values: int = VALUES) -> Case:
    """Causal attention of one sequence over its own keys and values."""

    def build(place: Place) -> Problem:
        q, r = f'tensor<?x{heads}x{nope}xbf16, ["T"]>', f'tensor<?x{heads}x{rope}xbf16, ["T"]>'
        kv, k, o = (
            f'tensor<?x{heads}x{nope + values}xbf16, ["C"]>', f'tensor<?x{rope}xbf16, ["C"]>',
            f'tensor<?x{heads}x{values}xbf16, ["T"]>',
        )  # fmt: skip
        tables = {name: kind for name, kind in TABLES.items() if name != "table"}
        given = {"q": q, "r": r, "kv": kv, "k": k, **tables}
        body = (
            f"%o = mla.expanded_attention %q, %r, %kv, %k at %positions, %offsets, %lens scale {SOFTMAX_SCALE:.9f} "
            f"scores f32 probs bf16 : {', '.join(given.values())} -> {o}"
        )
        symbols = {"T": Symbol(tokens, shapes.MOST_TOKENS), "N": Symbol(1, 128), "C": Symbol(tokens, 1 << 20)}
        both = place.normal(tokens, heads, nope + rope)
        reads: dict[str, Any] = {
            "q_nope": both[..., :nope],
            "q_rope": place.normal(tokens, heads, rope),
            "kv": place.normal(tokens, heads, nope + values),
            "k_rope": place.normal(tokens, rope),
            "positions": place.integers(torch.arange(tokens)),
            "seq_offsets": place.integers([0, tokens]),
            "context_lens": place.integers([tokens]),
        }
        chosen = torch.randperm(heads, generator=torch.Generator().manual_seed(place.seed))[:CHECKED_HEADS]
        checked = chosen if tokens > 4096 else torch.arange(heads)
        text = module_text(body, given, symbols)
        return Problem(
            calls=calls_for(text, "mla.expanded_attention", place, queries=(1, tokens)),
            reads=reads,
            writes={"o": place.empty(tokens, heads, values)},
            expected=lambda: {"o": prefilled(reads, checked.tolist())},
            policies={"o": ATTENTION},
            peers=peers_attention.prefill(reads, SOFTMAX_SCALE),
            peer_output="o",
        )

    pairs = tokens * (tokens + 1) / 2
    moved = 2 * tokens * (heads * (nope + rope + nope + values + values) + rope)
    return Case(
        f"prefill/{tokens}x{heads}",
        "prefill",
        {"tokens": tokens, "heads": heads},
        Work(2.0 * heads * pairs * (nope + rope + values), moved, "bf16"),
        build,
        importance=9 if tokens in (4096, 8192) else 5,
    )


def cases() -> Iterator[Case]:
    """At the sizes of DeepSeek-V3."""
    yield from map(decode, shapes.DECODE)
    yield from map(prefill, shapes.PREFILL)


def small_cases() -> Iterator[Case]:
    """Contexts that end inside a page, both kinds of cache, in Gluon with 64 heads, two queries with 16; a prefill that
    no tile divides."""
    yield decode(Decode(1, 70, heads=64))
    yield decode(Decode(1, 37, heads=64, cache="fp8"))
    yield decode(Decode(2, 37, heads=16, queries=2), latent=256)
    yield prefill(45, heads=2)
