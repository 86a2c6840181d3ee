"""Quantisation along tokens, as gradients of weights read it: rows and columns of activations in one pass."""

from collections.abc import Iterator
from typing import Any

from benchmarks.hopper import shapes
from benchmarks.hopper.case import Case, Problem, Work
from benchmarks.hopper.cases_rows import COUNTED, as_scaled, quantized_bytes
from benchmarks.hopper.checks import BITWISE
from benchmarks.hopper.choices import CHOSEN, Call
from benchmarks.hopper.data import BLOCK, Place
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
    return Case(
        f"transpose_quantize/{tokens}",
        "rows" if tokens >= COUNTED else "",
        {"tokens": tokens, "columns": columns},
        Work(0.0, tokens * moved),
        build,
        importance=4,
        is_small=tokens <= COUNTED,
    )


def cases() -> Iterator[Case]:
    """At the sizes of DeepSeek-V3."""
    yield from map(transposed, TOKENS)


def small_cases() -> Iterator[Case]:
    """Tokens and channels that no block divides."""
    yield transposed(144, 96)
