"""LogFMT-10, as results of experts may travel: bfloat16 rows packed as logarithms, and unpacked."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper import shapes
from benchmarks.hopper.case import Case, Problem
from benchmarks.hopper.cases_rows import moving
from benchmarks.hopper.checks import BITWISE, ROUNDED, Policy
from benchmarks.hopper.choices import CHOSEN, Call
from benchmarks.hopper.data import OUTLIERS, Place, Value
from dsv3c.backends.reference.meanings import logfmt
from dsv3c.backends.triton.choices.logfmt import configs_for

BITS = 10
TOKENS = (4096, 16384)
CODES = Policy("codes", 1e-3, differing=5e-3)
"""A logarithm in f32 takes one code in some thousands for its neighbour, and a word has parts of five."""
LARGEST = 8 * OUTLIERS**2
"""No number is larger: those of rows that are sent as codes are below 1."""


def below_one(place: Place, tokens: int, columns: int) -> Tensor:
    """Activations, small enough to be sent as codes but for every 50th row, which is sent as it is."""
    x = place.activation(tokens, columns)
    if not place.is_meta:
        x /= LARGEST
        x[::50] *= LARGEST
    return x


def packed(x: Tensor) -> tuple[Tensor, Tensor]:
    """Words, -1 where there is nothing, and the pairs of groups."""
    with torch.device(x.device):
        words, pairs = logfmt.payload_of(x, BITS)
        chunk = logfmt.chunk_of(x.shape[1])
        slots = words.unflatten(1, (-1, chunk // 2))
        coded = logfmt.enabled(pairs[..., 0], pairs[..., 1], x.shape[1]).unsqueeze(-1)
        unused = torch.arange(chunk // 2) >= chunk * BITS // 32
        return torch.where(coded & unused, -1, slots).flatten(1), pairs


def memory(place: Place, tokens: int, columns: int) -> dict[str, Value]:
    """Of what is sent."""
    return {
        "payload": place.empty(tokens, columns // 2, dtype=torch.int32),
        "pairs": place.empty(tokens, columns // logfmt.GROUP, 2),
    }


def case(name: str, tokens: int, columns: int, problem: Any) -> Case:
    """``problem``: of a place and a call's launcher, configurations and parameters."""

    def build(place: Place) -> Problem:
        configs = configs_for(logfmt.chunk_of(columns), place.target)
        return problem(place, {CHOSEN: Call(f"logfmt.{name}", configs, {"bits": BITS})})

    moved = columns * (2 + BITS / 8) + 4 * columns // logfmt.GROUP
    return moving(name, tokens, moved, build, {"columns": columns}, importance=3)


def encode(tokens: int, columns: int = shapes.HIDDEN) -> Case:
    """Rows to words of codes; words that a slot does not use stay as they are."""

    def problem(place: Place, calls: dict[str, Call]) -> Problem:
        x, writes = below_one(place, tokens, columns), memory(place, tokens, columns)

        def expected() -> dict[str, Any]:
            return dict(zip(("payload", "pairs"), packed(x), strict=True))

        return Problem(calls, {"x": x}, writes, expected, {"payload": CODES, "pairs": BITWISE})

    return case("logfmt_encode", tokens, columns, problem)


def decode(tokens: int, columns: int = shapes.HIDDEN) -> Case:
    """Words of codes to rows in bfloat16."""

    def problem(place: Place, calls: dict[str, Call]) -> Problem:
        x, reads = below_one(place, tokens, columns), memory(place, tokens, columns)
        if not place.is_meta:
            reads = dict(zip(("payload", "pairs"), packed(x), strict=True))
        payload, pairs = reads["payload"], reads["pairs"]
        assert isinstance(payload, Tensor) and isinstance(pairs, Tensor)

        def expected() -> dict[str, Any]:
            with torch.device(place.device):
                return {"y": logfmt.from_payload(payload, pairs, BITS).bfloat16()}

        return Problem(calls, reads, {"y": place.empty(tokens, columns)}, expected, {"y": ROUNDED})

    return case("logfmt_decode", tokens, columns, problem)


def cases() -> Iterator[Case]:
    """At the sizes of DeepSeek-V3."""
    for tokens in TOKENS:
        yield encode(tokens)
        yield decode(tokens)


def small_cases() -> Iterator[Case]:
    """Chunks of several groups and of one, coded and as they are."""
    yield encode(5, 1024)
    yield encode(3, 384)
    yield decode(5, 1024)
