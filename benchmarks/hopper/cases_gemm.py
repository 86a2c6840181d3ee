"""FP8 products: dense, of experts (contiguous and masked rows), and of weights' gradients.

Scales are 1x128 of activations and 128x128 of weights (of gradients 1x128 on both sides), sums are promoted every 128.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper import peers_gemm, shapes
from benchmarks.hopper.case import Case, Problem, Work
from benchmarks.hopper.checks import GEMM, GEMM_F32
from benchmarks.hopper.choices import Call, Symbol, calls_for, module_text
from benchmarks.hopper.data import BLOCK, Place, Value, as_integers, dequantized
from benchmarks.hopper.wgrad_choice import wgrad_calls
from dsv3c.backends.reference.meanings.scaled import Scaled

SCALE_BYTES = 4


def fp8(sizes: str, symbols: str, how: str) -> str:
    """Type of a scaled value."""
    return f"!scaled.tensor<tensor<{sizes}xf8E4M3FN{symbols}>, {how}, f32"


def dense(m: int, n: int, k: int) -> Case:
    """``y[M, N] = x[M, K] w[N, K]^T``."""
    scales = SCALE_BYTES * (m * -(-k // BLOCK) + -(-n // BLOCK) * -(-k // BLOCK))

    def build(place: Place) -> Problem:
        x = fp8(f"?x{k}", ', ["T"]', "1x128") + ", mn_major>"
        w, y = fp8(f"{n}x{k}", "", "128x128") + ">", f'tensor<?x{n}xbf16, ["T"]>'
        text = module_text(
            f"%y = scaled.mm %x, %w promote 128 : {x}, {w} -> {y}",
            {"x": x, "w": w},
            {"T": Symbol(m, shapes.MOST_TOKENS)},
        )
        values = place.activation(m, k)
        reads = {"x": place.quantized(values, (1, BLOCK), "mn_major"), "w": place.weight(n, k)}
        out = place.empty(m, n)
        return Problem(
            calls=calls_for(text, "scaled.mm", place),
            reads=reads,
            writes={"y": out},
            expected=lambda: {"y": dequantized(reads["x"]) @ dequantized(reads["w"]).t()},
            policies={"y": GEMM},
            peers=peers_gemm.dense(reads["x"], reads["w"], values),
            peer_output="y",
        )

    narrow = n in shapes.NARROW
    row = "gemm_large" if m >= 1024 else "gemm_narrow" if narrow else "gemm_small"
    return Case(
        f"gemm/{m}x{n}x{k}",
        row,
        {"M": m, "N": n, "K": k},
        Work(2.0 * m * n * k, m * k + n * k + 2 * m * n + scales),
        build,
        importance=10 if m in (64, 4096) else 6,
        is_small=m <= 128,
    )


def group_rows(experts: int, mean: int) -> list[int]:
    """Rows of every expert: 0.7 to 1.3 of the mean, the same in every run."""
    random = Random(experts * mean)
    return [max(1, int(mean * random.uniform(0.7, 1.3))) for _ in range(experts)]


def held_rows(place: Place, rows: int, columns: int, expert_of: Tensor) -> Scaled:
    """Rows of experts [M, K]; those of none hold NaN, which nothing may read."""
    made = place.quantized(place.activation(rows, columns), (1, BLOCK), "mn_major")
    if not place.is_meta:
        as_integers(made.data)[expert_of < 0] = 255
        made.scale[expert_of < 0] = torch.nan
    return made


def product_by_expert(x: Scaled, w: Scaled, expert_of: Tensor, columns: int) -> Tensor:
    """Every row times the matrix of its expert, in f64; zero for rows of none."""
    rows, made = dequantized(x), torch.zeros(x.shape[0], columns, dtype=torch.float64, device=x.data.device)
    for expert in range(w.shape[0]):
        chosen = (expert_of == expert).nonzero().squeeze(-1)
        matrix = dequantized(Scaled(w.data[expert], w.scale[expert], w.granule[1:]))
        made[chosen] = rows[chosen] @ matrix.t()
    return made


def grouped_text(layout: str, alignment: int, experts: int, rows: str, n: int, k: int, tokens: int) -> str:
    """A module in which the rows' layout is known from the op that makes them."""
    q = fp8(f"?x{k}", ', ["T"]', "1x128") + ", mn_major>"
    x, w = fp8(f"?x{k}", f', ["{rows}"]', "1x128") + ", mn_major>", fp8(f"{experts}x{n}x{k}", "", "1x128x128") + ">"
    table, y = f'tensor<?xi32, ["{rows}"]>', f'tensor<?x{n}xbf16, ["{rows}"]>'
    ids = f'tensor<?x{shapes.TOP_K}xi64, ["T"]>'
    body = (
        f'%x, %slots, %of = moe.permute %q by %ids experts {experts} layout "{layout}" alignment {alignment} '
        f"skips_padding : {q}, {ids} -> {x}, {table}, {table}\n"
        f"%y = scaled.grouped_mm %x, %w, %of promote 128 skips_padding : {x}, {w}, {table} -> {y}"
    )
    return module_text(body, {"q": q, "ids": ids, "w": w}, {"T": Symbol(tokens, shapes.MOST_TOKENS)})


def contiguous(experts: int, mean: int, n: int, k: int) -> Case:
    """Rows of experts one after the other, each from a multiple of 128 on: prefill."""
    sizes = group_rows(experts, mean)
    places = [-(-size // BLOCK) * BLOCK for size in sizes]
    rows, filled = sum(places), sum(sizes)

    def build(place: Place) -> Problem:
        text = grouped_text(
            "contiguous", BLOCK, experts, f"{shapes.TOP_K}*T + {experts * (BLOCK - 1)}", n, k,
            max(1, experts * mean // shapes.TOP_K),
        )  # fmt: skip
        owners = [[e] * size + [-1] * (room - size) for e, (size, room) in enumerate(zip(sizes, places, strict=True))]
        expert_of = place.integers([owner for group in owners for owner in group])
        reads: dict[str, Any] = {
            "x": held_rows(place, rows, k, expert_of),
            "w": place.weight(experts, n, k),
            "expert_of": expert_of,
        }
        return Problem(
            calls=calls_for(text, "scaled.grouped_mm", place),
            reads=reads,
            writes={"y": place.empty(rows, n)},
            expected=lambda: {"y": product_by_expert(reads["x"], reads["w"], expert_of, n)},
            policies={"y": GEMM},
            held=lambda _: {"y": expert_of >= 0},
            peers=peers_gemm.contiguous(reads["x"], reads["w"], expert_of),
            peer_output="y",
        )

    return Case(
        f"contiguous/{experts}x{mean}x{n}x{k}",
        "gemm_large",
        {"experts": experts, "rows": filled, "N": n, "K": k},
        Work(2.0 * filled * n * k, filled * k + experts * n * k + 2 * filled * n),
        build,
        importance=8,
    )


def masked(experts: int, mean: int, n: int, k: int) -> Case:
    """Every expert has room for twice the rows that it gets on average: decode, captured in a graph."""
    room, sizes = 2 * mean, group_rows(experts, mean)
    filled = sum(sizes)

    def build(place: Place) -> Problem:
        # every token may choose every expert once: the room is as many rows as there are tokens
        text = grouped_text("masked", 1, experts, f"{experts}*T", n, k, room)
        owners = [[e] * size + [-1] * (room - size) for e, size in enumerate(sizes)]
        expert_of = place.integers([owner for group in owners for owner in group])
        x = held_rows(place, experts * room, k, expert_of)
        reads: dict[str, Any] = {"x": x, "w": place.weight(experts, n, k), "expert_of": expert_of}
        return Problem(
            calls=calls_for(text, "scaled.grouped_mm", place),
            reads=reads,
            writes={"y": place.empty(experts * room, n)},
            expected=lambda: {"y": product_by_expert(x, reads["w"], expert_of, n)},
            policies={"y": GEMM},
            held=lambda _: {"y": expert_of >= 0},
            peers=peers_gemm.masked(x, reads["w"], expert_of, mean),
            peer_output="y",
        )

    return Case(
        f"masked/{experts}x{mean}x{n}x{k}",
        "gemm_small",
        {"experts": experts, "rows": filled, "room": room, "N": n, "K": k},
        Work(2.0 * filled * n * k, filled * k + experts * n * k + 2 * filled * n),
        build,
        importance=8,
        is_small=True,
    )


def wgrad(n: int, k: int, tokens: int) -> Case:
    """``y[N, K] += a[N, T] b[K, T]^T`` in f32, both sides quantised along tokens."""

    def build(place: Place) -> Problem:
        calls: dict[str, Call] = wgrad_calls(n, k, tokens, place)
        left, right = place.activation(n, tokens), place.activation(k, tokens)
        reads: dict[str, Scaled] = {
            "a": place.quantized(left, (1, BLOCK), "mn_major"),
            "b": place.quantized(right, (1, BLOCK), "mn_major"),
        }
        before = place.normal(n, k, dtype=torch.float32)
        y = before.clone()

        def expected() -> dict[str, Value]:
            return {"y": dequantized(reads["a"]) @ dequantized(reads["b"]).t() + before.double()}

        def restore() -> None:
            y.copy_(before)

        return Problem(
            calls=calls,
            reads=reads,
            writes={"y": y},
            expected=expected,
            policies={"y": GEMM_F32},
            peers=peers_gemm.wgrad(reads["a"], reads["b"], before, left, right),
            peer_output="y",
            in_place=frozenset({"y"}),
            restore=restore,
        )

    return Case(
        f"wgrad/{n}x{k}x{tokens}",
        "wgrad",
        {"N": n, "K": k, "tokens": tokens},
        Work(2.0 * n * k * tokens, (n + k) * tokens + 2 * 4 * n * k),
        build,
        importance=7 if tokens == 4096 else 3,
    )


def cases() -> Iterator[Case]:
    """At the sizes of DeepSeek-V3."""
    for m in shapes.DENSE_ROWS:
        yield from (dense(m, n, k) for n, k in shapes.DENSE)
    for experts, mean in shapes.GROUPED:
        yield from (contiguous(experts, mean, n, k) for n, k in shapes.EXPERT_SIDES)
    for experts, mean in shapes.MASKED:
        yield from (masked(experts, mean, n, k) for n, k in shapes.EXPERT_SIDES)
    for tokens in shapes.WGRAD_TOKENS:
        yield from (wgrad(n, k, tokens) for n, k in shapes.WGRAD)


def small_cases() -> Iterator[Case]:
    """At sizes that the interpreter runs in a moment: partial tiles, more than one block of K, an expert without room
    to spare."""
    yield dense(3, 192, 256)
    yield dense(130, 136, 256)
    yield contiguous(2, 40, 128, 256)
    yield masked(2, 5, 128, 256)
    yield wgrad(64, 64, 256)
