"""Kernels that move rows once: quantisers, norms, the gated activation, the gate, the cache's new rows.

Their floor is bytes over bandwidth; at 4096 tokens and more they are held against the measured bandwidth of a copy.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper import shapes
from benchmarks.hopper.case import Case, Problem, Work, all_rows
from benchmarks.hopper.cases_attention import TABLES, filled_cache
from benchmarks.hopper.checks import BITWISE, CLOSE, ROUNDED, Policy
from benchmarks.hopper.choices import Symbol, calls_for, module_text
from benchmarks.hopper.data import BLOCK, Place, Value, quantize
from benchmarks.hopper.shapes import EXPERT_WIDTH, HIDDEN, TOP_K
from dsv3c.backends.reference.meanings import mla_fused, moe
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled

QUANTIZER = 'quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none">'
EPS = 1e-6
COUNTED = 4096
"""Tokens from which on the share of the copy bandwidth counts, and up to which two events take a part of the time."""
Held = Callable[[Mapping[str, Value]], Mapping[str, Tensor]]
Built = tuple[dict[str, Any], dict[str, Value], Callable[[], dict[str, Any]]]
"""Operands, results, what the results must be."""


def rows(columns: int, size: str = "T", element: str = "bf16") -> str:
    """Type of rows."""
    return f'tensor<?x{columns}x{element}, ["{size}"]>'


def scaled_rows(columns: int, size: str = "T") -> str:
    """Type of rows with a scale per 128 columns, scales of a column adjacent."""
    return f"!scaled.tensor<{rows(columns, size, 'f8E4M3FN')}, 1x128, f32, mn_major>"


def quantized_bytes(columns: int) -> float:
    """Of a row in e4m3 with its scales."""
    return columns + 4 * -(-columns // BLOCK)


def case(
    name: str, tokens: int, row_bytes: float, op: str, body: str, arguments: Mapping[str, str],
    built: Callable[[Place], Built], policies: Mapping[str, Policy], *, sizes: Mapping[str, int] | None = None,
    counted: bool = True, in_place: frozenset[str] = frozenset(), held: Held = all_rows,
) -> Case:  # fmt: skip
    """A kernel that reads and writes ``row_bytes`` per token."""

    def build(place: Place) -> Problem:
        symbols = {"T": Symbol(tokens, shapes.MOST_TOKENS)}
        if "cache" in arguments:
            pages = -(-tokens // shapes.PAGE)
            symbols |= {"N": Symbol(1, 256), "P": Symbol(pages, 4096), "pages": Symbol(pages, 1 << 20)}
        text = module_text(body, arguments, symbols)
        calls = calls_for(text, op, place)
        reads, writes, expected = built(place)
        return Problem(calls, reads, writes, expected, policies, held=held, in_place=in_place)

    importance = 5 if tokens >= COUNTED else 2
    return moving(name, tokens, row_bytes, build, sizes or {}, importance=importance, counted=counted)


def moving(
    name: str, tokens: int, row_bytes: float, build: Callable[[Place], Problem], sizes: Mapping[str, int], *,
    importance: int, counted: bool = True,
) -> Case:  # fmt: skip
    """A case that memory limits: ``row_bytes`` read and written per token."""
    return Case(
        f"{name}/{tokens}",
        "rows" if counted and tokens >= COUNTED else "",
        {"tokens": tokens, **sizes},
        Work(0.0, tokens * row_bytes),
        build,
        importance=importance,
        is_small=tokens <= COUNTED,
    )


def as_scaled(x: Tensor) -> Scaled:
    """What ``scaled.quantize`` makes of bf16 or f32 rows."""
    return Scaled(*quantize(x, (1, BLOCK)), (1, BLOCK))


def quantize_rows(tokens: int, columns: int = HIDDEN) -> Case:
    """Activations to e4m3, a scale per row and 128 columns."""

    def built(place: Place) -> Built:
        x = place.activation(tokens, columns)
        q = place.empty_scaled((tokens, columns), (1, BLOCK), "mn_major")
        return {"x": x}, {"q": q}, lambda: {"q": as_scaled(x)}

    body = f"%q = scaled.quantize %x {QUANTIZER} : {rows(columns)} -> {scaled_rows(columns)}"
    return case(
        "quantize", tokens, 2 * columns + quantized_bytes(columns), "scaled.quantize", body, {"x": rows(columns)},
        built, {"q": BITWISE}, sizes={"columns": columns},
    )  # fmt: skip


def norm(tokens: int, columns: int = HIDDEN) -> Case:
    """Residual addition, RMS norm and quantisation in one kernel; the sum is kept."""

    def built(place: Place) -> Built:
        x, residual = place.activation(tokens, columns), place.normal(tokens, columns)
        weight = place.normal(columns)
        writes: dict[str, Value] = {
            "q": place.empty_scaled((tokens, columns), (1, BLOCK), "mn_major"),
            "total": place.empty(tokens, columns),
        }

        def expected() -> dict[str, Any]:
            total = (x.float() + residual.float()).bfloat16()
            wide = total.double()
            normed = (wide / (wide.square().mean(-1, keepdim=True) + EPS).sqrt()).bfloat16().double()
            return {"q": as_scaled((normed * weight.double()).bfloat16()), "total": total}

        return {"x": x, "residual": residual, "weight": weight}, writes, expected

    kind, q = rows(columns), scaled_rows(columns)
    body = (
        f"%s = aten.add.Tensor(%x, %residual) : {kind}\n"
        f'%q, %n = scaled.rms_norm %s, %weight eps {EPS:.1e} weight_in "input" intermediate bf16 {QUANTIZER} : '
        f"{kind}, tensor<{columns}xbf16> -> {q}, {kind}\n%u = aten.add.Tensor(%s, %residual) : {kind}"
    )
    given = {"x": kind, "residual": kind, "weight": f"tensor<{columns}xbf16>"}
    return case(
        "norm_quantize", tokens, 6 * columns + quantized_bytes(columns), "scaled.rms_norm", body, given, built,
        {"q": ROUNDED, "total": BITWISE}, sizes={"columns": columns},
    )  # fmt: skip


def swiglu(tokens: int, columns: int = EXPERT_WIDTH) -> Case:
    """The gated activation and its quantisation; gate and up are halves of one product's rows."""

    def built(place: Place) -> Built:
        return gated(place, place.normal(tokens, 2 * columns), columns)

    kind = rows(columns)
    body = (
        f'%q = scaled.swiglu %gate, %up intermediate "input" rounded_to bf16 {QUANTIZER} : '
        f"{kind}, {kind} -> {scaled_rows(columns)}"
    )
    return case(
        "swiglu_quantize", tokens, 4 * columns + quantized_bytes(columns), "scaled.swiglu", body,
        {"gate": kind, "up": kind}, built, {"q": ROUNDED}, sizes={"columns": columns},
    )  # fmt: skip


def gated(place: Place, both: Tensor, columns: int) -> Built:
    """Gate and up as halves of one product's rows, and what their activation must be."""
    gate, up = both[:, :columns], both[:, columns:]
    q = place.empty_scaled((both.shape[0], columns), (1, BLOCK), "mn_major")

    def expected() -> dict[str, Any]:
        wide = gate.double()
        silu = (wide / (1 + torch.exp(-wide))).bfloat16().double()
        return {"q": as_scaled((silu * up.double()).bfloat16())}

    return {"gate": gate, "up": up}, {"q": q}, expected


def gate(tokens: int, experts: int = shapes.EXPERTS) -> Case:
    """Sigmoid scores, the best 4 of 8 groups, 8 experts: ids exactly, weights as the meaning rounds them."""

    def built(place: Place) -> Built:
        logits, bias = (
            place.normal(tokens, experts, dtype=torch.float32),
            place.normal(experts, dtype=torch.float32) / 4,
        )
        writes: dict[str, Value] = {
            "weights": place.empty(tokens, TOP_K, dtype=torch.float32),
            "ids": place.empty(tokens, TOP_K, dtype=torch.int64),
        }

        def expected() -> dict[str, Any]:
            with torch.device(place.device):
                weights, ids = moe.gate(
                    logits, bias, top_k=TOP_K, scoring="sigmoid", groups=shapes.EXPERT_GROUPS, keep=shapes.KEPT_GROUPS,
                    group_score="top2_sum", mask="-inf", renormalize=1e-20, scale=2.5, scores_in=torch.float32,
                    masked_weights=False, any_order=False, dtype=torch.float32,
                )  # fmt: skip
            return {"weights": weights, "ids": ids}

        return {"logits": logits, "bias": bias}, writes, expected

    kind, ids = rows(experts, element="f32"), f'tensor<?x{TOP_K}xi64, ["T"]>'
    body = (
        f"%w, %ids = moe.gate %logits bias %bias : tensor<{experts}xf32>, top_k {TOP_K} "
        f'scoring "sigmoid" groups {shapes.EXPERT_GROUPS} keep {shapes.KEPT_GROUPS} group_score "top2_sum" '
        f'mask "-inf" renormalize 1.0e-20 scale 2.5 : {kind} -> {rows(TOP_K, element="f32")}, {ids}'
    )
    given = {"logits": kind, "bias": f"tensor<{experts}xf32>"}
    # two scores that exp rounds apart may change places: a token in a hundred thousand
    policies = {"weights": CLOSE, "ids": Policy("ids", 1e-3, differing=1e-3)}
    return case(
        "gate", tokens, 4 * experts + 12 * TOP_K, "moe.gate", body, given, built, policies, sizes={"experts": experts},
        counted=False,
    )  # fmt: skip


def rope_append(tokens: int, latent: int = shapes.LATENT, rope: int = shapes.ROPE, page: int = shapes.PAGE) -> Case:
    """The latent's norm, the key's rotation, and both into the pages of the cache."""
    half, pages = rope // 2, -(-tokens // page)

    def built(place: Place) -> Built:
        cache = filled_cache(place, "bf16", pages, page, latent, rope)
        angles = place.normal(tokens, half, dtype=torch.float32)
        reads: dict[str, Any] = {
            "cache": cache,
            "latent": place.normal(tokens, latent),
            "k": place.normal(tokens, rope),
            "cos": angles.cos(),
            "sin": angles.sin(),
            "positions": place.integers(torch.arange(tokens)),
            "seq_offsets": place.integers([0, tokens]),
            "block_table": place.integers(torch.randperm(pages)[None]),
            "weight": place.normal(latent),
        }

        def expected() -> dict[str, Any]:
            copy = LatentCache(cache.latent.clone(), cache.rope.clone())
            given = {name: value for name, value in reads.items() if name != "cache"}
            with torch.device(place.device):
                mla_fused.rope_append(
                    copy, **given, pairs="interleaved", out="interleaved", compute="f32", eps=EPS, weight_in="input"
                )  # fmt: skip
            return {"updated": copy}

        return reads, {"updated": cache}, expected

    x, k, c = rows(latent), rows(rope), rows(half, element="f32")
    cache = f'!mla.cache<"pages" x {page}, latent {latent} x bf16, rope {rope} x bf16>'
    tables = {name: kind for name, kind in TABLES.items() if name != "lens"}
    given = {"x": x, "k": k, "cos": c, "sin": c, "cache": cache, **tables}
    body = (
        '%u = mla.rope_append %x, %k, %cos, %sin to %cache at %positions, %offsets, %table pairs "interleaved" '
        f'out "interleaved" compute "f32" eps {EPS:.1e} weight_in "input" norm %w : tensor<{latent}xbf16> : '
        f"{', '.join(given.values())} -> {cache}"
    )
    return case(
        "rope_append", tokens, 4 * (latent + rope) + 8 * half, "mla.rope_append", body,
        {**given, "w": f"tensor<{latent}xbf16>"}, built, {"updated": ROUNDED}, counted=False,
        in_place=frozenset({"updated"}),
    )  # fmt: skip


KINDS = (quantize_rows, norm, swiglu, gate, rope_append)


def cases() -> Iterator[Case]:
    """At the sizes of DeepSeek-V3."""
    for tokens in shapes.ROWS:
        yield from (kind(tokens) for kind in KINDS)


def small_cases() -> Iterator[Case]:
    """A few tokens, columns that no tile divides."""
    yield quantize_rows(5, 384)
    yield norm(3, 384)
    yield swiglu(5, 384)
    yield gate(7, 64)
    yield rope_append(5, 64, 16, 4)
