"""What a training step adds: quantisation along tokens, and the gradients of experts' weights that read it."""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any

import torch

from benchmarks.hopper import peers_gemm, shapes
from benchmarks.hopper.case import Case, Problem, Work
from benchmarks.hopper.cases_gemm import SCALE_BYTES, group_rows
from benchmarks.hopper.cases_rows import as_scaled, moving, quantized_bytes
from benchmarks.hopper.checks import BITWISE, GEMM_F32
from benchmarks.hopper.choices import CHOSEN, Call
from benchmarks.hopper.data import BLOCK, Place, Value, dequantized
from benchmarks.hopper.wgrad_choice import wgrad_calls
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.choices.transpose_quantize import CONFIGS

HOW = {"data": "f8E4M3FN", "amax_floor": 1e-4, "apply": "divide", "round_scale": "none", "saturate": False}
TOKENS = (4096, 16384)


def transposed(tokens: int, columns: int = shapes.HIDDEN) -> Case:
    """x [T, C] as scaled [C, T] with a scale per 128 tokens, and as scaled [T, C] with one per 128 channels."""

    def build(place: Place) -> Problem:
        x = place.activation(tokens, columns)
        writes = {
            "q": place.empty_scaled((columns, tokens), (1, BLOCK), "mn_major"),
            "rows": place.empty_scaled((tokens, columns), (1, BLOCK), "mn_major"),
        }

        def expected() -> dict[str, Any]:
            return {"q": as_scaled(x.t().contiguous()), "rows": as_scaled(x)}

        call = Call("transpose_quantize.transpose_quantize", CONFIGS, HOW)
        return Problem({CHOSEN: call}, {"x": x}, writes, expected, dict.fromkeys(writes, BITWISE))

    moved = 2 * columns + 2 * quantized_bytes(columns)
    return moving("transpose_quantize", tokens, moved, build, {"columns": columns}, importance=4)


def requantized(tokens: int, columns: int = shapes.HIDDEN) -> Case:
    """Rows that are quantised already, scaled 1x128, as columns; scales of both are powers of two."""
    how = {**HOW, "round_scale": "pow2", "saturate": True}

    def build(place: Place) -> Problem:
        x = place.quantized(place.activation(tokens, columns), (1, BLOCK), "mn_major")
        if not place.is_meta:
            x.scale.copy_(up_to_pow2(x.scale))
        q = place.empty_scaled((columns, tokens), (1, BLOCK), "mn_major")

        def expected() -> dict[str, Any]:
            return {"q": along_pow2(dequantized(x, torch.float32).t().contiguous())}

        call = Call("transpose_quantize.transpose_quantize", CONFIGS, how)
        return Problem({CHOSEN: call}, {"x": x}, {"q": q}, expected, {"q": BITWISE})

    return moving(
        "transpose_requantize", tokens, 2 * quantized_bytes(columns), build, {"columns": columns}, importance=4
    )


def up_to_pow2(scale: torch.Tensor) -> torch.Tensor:
    """The next power of two."""
    return torch.exp2(torch.ceil(torch.log2(scale.double()))).float()


def along_pow2(x: torch.Tensor) -> Scaled:
    """``as_scaled`` with scales raised to powers of two."""
    scale = up_to_pow2(as_scaled(x).scale)
    spread = scale.repeat_interleave(BLOCK, dim=1)[:, : x.shape[1]]
    return Scaled((x / spread).clamp(-448, 448).to(torch.float8_e4m3fn), scale, (1, BLOCK))


def grouped_wgrad(n: int, k: int, counts: list[int]) -> Case:
    """``y[e, N, K] += a[N, T_e] b[K, T_e]^T`` in f32 for every expert e; tokens of an expert are multiples of 128."""
    experts, tokens, bounds = len(counts), sum(counts), [0, *accumulate(counts)]

    def build(place: Place) -> Problem:
        left, right = place.activation(n, tokens), place.activation(k, tokens)
        a, b = (place.quantized(values, (1, BLOCK), "mn_major") for values in (left, right))
        before = place.normal(experts, n, k, dtype=torch.float32)
        y = before.clone()

        def expected() -> dict[str, Value]:
            made = before.double()
            for expert, (start, end) in enumerate(pairwise(bounds)):
                made[expert] += columns_of(a, start, end) @ columns_of(b, start, end).t()
            return {"y": made}

        def restore() -> None:
            y.copy_(before)

        return Problem(
            calls=wgrad_calls(n, k, tokens // experts, place, experts),
            reads={"a": a, "b": b, "offsets": place.integers(bounds)},
            writes={"y": y},
            expected=expected,
            policies={"y": GEMM_F32},
            peers=peers_gemm.grouped_wgrad(a, b, before, left, right, bounds),
            peer_output="y",
            in_place=frozenset({"y"}),
            restore=restore,
        )

    read = (n + k) * tokens * (1 + SCALE_BYTES / BLOCK)
    return Case(
        f"wgrad_grouped/{experts}x{tokens // experts}x{n}x{k}",
        "wgrad",
        {"experts": experts, "tokens": tokens, "N": n, "K": k},
        Work(2.0 * n * k * tokens, read + 2 * 4 * experts * n * k),
        build,
        importance=6,
    )


def columns_of(q: Scaled, start: int, end: int) -> torch.Tensor:
    """Tokens of an expert in f64; ``start`` and ``end`` are multiples of a block."""
    return dequantized(Scaled(q.data[:, start:end], q.scale[:, start // BLOCK : end // BLOCK], q.granule))


def blocks_of(experts: int, mean: int) -> list[int]:
    """Tokens of every expert, 0.7 to 1.3 of the mean, filled up to blocks."""
    return [-(-count // BLOCK) * BLOCK for count in group_rows(experts, mean)]


def cases() -> Iterator[Case]:
    """At the sizes of DeepSeek-V3."""
    yield from map(transposed, TOKENS)
    yield from map(requantized, TOKENS)
    for experts, mean in shapes.GROUPED:
        yield from (grouped_wgrad(n, k, blocks_of(experts, mean)) for n, k in shapes.EXPERT_SIDES)


def small_cases() -> Iterator[Case]:
    """Tokens and channels that no block divides; an expert without tokens."""
    yield transposed(144, 96)
    yield requantized(144, 96)
    yield grouped_wgrad(72, 64, [256, 0, 128])
