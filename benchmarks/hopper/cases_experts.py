"""Kernels that move rows of experts: into their order, the activation between their products, and back.

Programs leave padding rows as they are: floors count, and checks compare, rows that hold a token.  In ``masked`` rows,
those of decode, nearly all are padding.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper import shapes
from benchmarks.hopper.case import Case
from benchmarks.hopper.cases_rows import QUANTIZER, Built, case, gated, quantized_bytes, rows, scaled_rows
from benchmarks.hopper.checks import BITWISE, ROUNDED
from benchmarks.hopper.data import BLOCK, Place, Value
from benchmarks.hopper.shapes import EXPERT_WIDTH, HIDDEN, TOP_K
from dsv3c.backends.reference.meanings import moe_rows

LOCAL_EXPERTS, RANKS = 9, 32
"""Experts of a rank, with a replica or the shared one, and ranks of a decode unit."""
MASKED = (128, 4096)
"""Tokens that the ranks of a unit send together."""


def chosen_experts(place: Place, tokens: int, experts: int) -> Tensor:
    """Ids [T, k] i64 of different experts, all equally likely."""
    if place.is_meta:
        return place.space.tensor((tokens, TOP_K), torch.int64)
    return place.normal(tokens, experts, dtype=torch.float32).topk(TOP_K, -1)[1]


def permute(tokens: int, columns: int = HIDDEN, experts: int = shapes.EXPERTS) -> Case:
    """Quantised rows into the order of their experts, each from a multiple of 128 rows on."""
    size, room = f"{TOP_K}*T + {experts * (BLOCK - 1)}", tokens * TOP_K + experts * (BLOCK - 1)
    moved = (1 + TOP_K) * quantized_bytes(columns) + 8 * (TOP_K + room / tokens)
    return permuted("permute", tokens, columns, experts, experts, "contiguous", size, room, moved)


def permute_masked(tokens: int, columns: int = HIDDEN, experts: int = LOCAL_EXPERTS, ranks: int = RANKS) -> Case:
    """Rows that ranks sent, into rooms for all of them at every expert; most choices are of other ranks' experts."""
    filled, reached = TOP_K / ranks, 1 - (1 - 1 / ranks) ** TOP_K
    moved = (filled + reached) * quantized_bytes(columns) + 8 * (TOP_K + experts)
    return permuted(
        "permute_masked", tokens, columns, experts, experts * ranks, "masked", f"{experts}*T", experts * tokens, moved
    )


def permuted(
    name: str, tokens: int, columns: int, experts: int, among: int, layout: str, size: str, room: int, moved: float
) -> Case:
    """``room`` rows (``size``) in a layout, of the first ``experts`` of those ``among`` which tokens choose."""
    alignment = BLOCK if layout == "contiguous" else 1

    def built(place: Place) -> Built:
        x = place.quantized(place.activation(tokens, columns), (1, BLOCK), "mn_major")
        ids = chosen_experts(place, tokens, among)
        if among > experts and not place.is_meta:
            ids[ids >= experts] = -1
        writes: dict[str, Value] = {
            "rows": place.empty_scaled((room, columns), (1, BLOCK), "mn_major"),
            "slots": place.empty(room, dtype=torch.int32),
            "expert_of": place.empty(room, dtype=torch.int32),
        }

        def expected() -> dict[str, Any]:
            with torch.device(place.device):
                made = moe_rows.permute(
                    x, ids, experts=experts, layout=layout, alignment=alignment, rows=room, skips_padding=True
                )  # fmt: skip
            return dict(zip(("rows", "slots", "expert_of"), made, strict=True))

        return {"x": x, "ids": ids}, writes, expected

    x, ids, table = scaled_rows(columns), f'tensor<?x{TOP_K}xi64, ["T"]>', f'tensor<?xi32, ["{size}"]>'
    body = (
        f'%rows, %slots, %of = moe.permute %x by %ids experts {experts} layout "{layout}" alignment {alignment} '
        f"skips_padding : {x}, {ids} -> {scaled_rows(columns, size)}, {table}, {table}"
    )
    return case(
        name, tokens, moved, "moe.permute", body, {"x": x, "ids": ids}, built,
        dict.fromkeys(("rows", "slots", "expert_of"), BITWISE), sizes={"experts": experts, "columns": columns},
        counted=layout == "contiguous", held=lambda expected: {"rows": part(expected["slots"]) >= 0},
    )  # fmt: skip


def part(value: Value) -> Tensor:
    """A result that is one tensor."""
    assert isinstance(value, Tensor)
    return value


def unpermute(tokens: int, columns: int = HIDDEN, experts: int = shapes.EXPERTS) -> Case:
    """The weighted sum of every token's rows."""
    room = tokens * TOP_K + experts * (BLOCK - 1)

    def built(place: Place) -> Built:
        ids, y = chosen_experts(place, tokens, experts), place.normal(room, columns)
        weights = place.normal(tokens, TOP_K, dtype=torch.float32).softmax(-1).bfloat16()
        slots = place.empty(room, dtype=torch.int32)
        if not place.is_meta:
            with torch.device(place.device):
                slot_of, _, places = moe_rows.row_places(
                    ids, experts=experts, layout="contiguous", alignment=BLOCK, rows=room
                )  # fmt: skip
            slots[places] = slot_of.to(torch.int32)
        out = place.empty(tokens, columns)

        def expected() -> dict[str, Any]:
            with torch.device(place.device):
                made = moe_rows.unpermute(y, slots, weights, ids, combine_in=torch.bfloat16, order="expert")
            return {"out": made}

        return {"y": y, "slots": slots, "weights": weights, "ids": ids}, {"out": out}, expected

    size = f"{TOP_K}*T + {experts * (BLOCK - 1)}"
    ids, table = f'tensor<?x{TOP_K}xi64, ["T"]>', f'tensor<?xi32, ["{size}"]>'
    given = {"y": rows(columns, size), "slots": table, "weights": rows(TOP_K), "ids": ids}
    body = (
        f'%out = moe.unpermute %y at %slots weights %weights ids %ids combine_in bf16 order "expert" : '
        f"{', '.join(given.values())} -> {rows(columns)}"
    )
    return case(
        "unpermute", tokens, 2 * columns * (TOP_K + 1) + 18 * TOP_K, "moe.unpermute", body, given, built,
        {"out": ROUNDED}, sizes={"experts": experts, "columns": columns},
    )  # fmt: skip


def swiglu_masked(
    tokens: int, columns: int = EXPERT_WIDTH, experts: int = LOCAL_EXPERTS, ranks: int = RANKS
) -> Case:  # fmt: skip
    """Activation and quantisation of rows of experts, each with room for every token: few hold one."""
    each = max(1, tokens * TOP_K // (experts * ranks))
    table = [e if row < each else -1 for e in range(experts) for row in range(tokens)]

    def built(place: Place) -> Built:
        both, expert_of = place.normal(experts * tokens, 2 * columns), place.integers(table)
        if not place.is_meta:
            both[expert_of < 0] = torch.nan
        reads, writes, expected = gated(place, both, columns)
        return {**reads, "expert_of": expert_of}, writes, expected

    size = f"{experts}*T"
    kind, numbers = rows(columns, size), f'tensor<?xi32, ["{size}"]>'
    body = (
        f'%q = scaled.swiglu %gate, %up by %of : {numbers}, intermediate "input" rounded_to bf16 {QUANTIZER} : '
        f"{kind}, {kind} -> {scaled_rows(columns, size)}"
    )
    moved = experts * each / tokens * (4 * columns + quantized_bytes(columns)) + 4 * experts
    return case(
        "swiglu_masked", tokens, moved, "scaled.swiglu", body, {"gate": kind, "up": kind, "of": numbers}, built,
        {"q": ROUNDED}, sizes={"experts": experts, "columns": columns}, counted=False,
        held=lambda _: {"q": torch.tensor(table) >= 0},
    )  # fmt: skip


def cases() -> Iterator[Case]:
    """At the sizes of DeepSeek-V3."""
    for tokens in shapes.ROWS:
        yield from (permute(tokens), unpermute(tokens))
    for tokens in MASKED:
        yield from (permute_masked(tokens), swiglu_masked(tokens))


def small_cases() -> Iterator[Case]:
    """A few tokens, columns that no tile divides."""
    yield permute(9, 128, 8)
    yield permute_masked(40, 128, 2, 4)
    yield unpermute(9, 192, 8)
    yield swiglu_masked(40, 384, 2, 4)
