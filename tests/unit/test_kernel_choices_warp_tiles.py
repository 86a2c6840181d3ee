"""Which configurations block-scaled products get where their kernels in Gluon may be taken."""

from dataclasses import replace
from typing import Any

import pytest
from product_programs import H800, W, answer, grouped, scaled_mm, selection
from xdsl.dialects.builtin import f32

from dsv3c.backends.triton.choices.base import Choice, MeasuredConfig, Refused
from dsv3c.backends.triton.choices.warp_tiles import TILES, WarpProduct, WarpTile, best, predicted_s, usable

NARROW = W.replace("7168x2048", "2112x7168")


def choice(answered: Choice | Refused) -> Choice:
    assert isinstance(answered, Choice), answered
    return answered


def forms(answered: Choice | Refused) -> list[tuple[int, int, int, int, int]]:
    """(bound, height, width, swapped, parts) of every configuration, all of them in Gluon."""
    configs = choice(answered).configs
    assert all(config["gluon"] and config["persistent"] for config in configs)
    names = ("block_m", "block_n", "swap", "split_k")
    return [(config.get("up_to", 0), *(config[name] for name in names)) for config in configs]


def narrow(rows: str = "T") -> str:
    return scaled_mm(w=NARROW).replace("?x2048x", "?x7168x").replace("?x7168xbf16", "?x2112xbf16")


def test_rows_choose_the_tile() -> None:
    found = forms(answer(scaled_mm(), selection(gluon=True)))
    assert found[0] == (16, 16, 64, 1, 1)
    assert found[-1] == (0, 128, 256, 0, 1)
    assert [form[1] for form in found] == sorted(form[1] for form in found)
    assert [form[3] for form in found] == sorted((form[3] for form in found), reverse=True)
    assert choice(answer(scaled_mm(), selection(gluon=True))).scratch == {}


def test_large_tiles_are_for_many() -> None:
    """Two sums of a warpgroup halve what is copied of one operand; columns that no wide tile divides take high ones."""
    even = forms(answer(scaled_mm(), selection(hint=4096, t=(4096, 4096), gluon=True)))
    odd = forms(answer(narrow(), selection(hint=4096, t=(4096, 4096), gluon=True)))
    assert (even[-1][1:3], odd[-1][1:3]) == ((128, 256), (256, 128))


def test_few_tiles_are_split_along_k() -> None:
    """33 tiles of 64 columns for 132 multiprocessors."""
    found = choice(answer(narrow(), selection(t=(1, 128), gluon=True)))
    split = [config for config in found.configs if config["split_k"] > 1]
    assert split and all(config["swap"] for config in split)
    (partial,) = found.scratch.values()
    assert partial.element == f32
    assert partial.sizes == (max(config["split_k"] * (config.get("up_to") or 128) * 2112 for config in split),)


def test_many_rows_are_not_split() -> None:
    found = choice(answer(narrow(), selection(t=(512, None), hint=512, gluon=True)))
    assert {config["split_k"] for config in found.configs} == {1}
    assert found.scratch == {}


def test_fewer_multiprocessors_are_filled_with_fewer_parts() -> None:
    at = selection(t=(1, 64), gluon=True)
    parts = [
        max(config["split_k"] for config in choice(answer(narrow(), replace(at, num_sms=count))).configs)
        for count in (132, 24)
    ]
    assert parts[0] > parts[1] == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x": "1x128, f32"}, "row scales of x"),
        ({"w": W.replace("128x128", "64x128")}, "granules 1x128 of x and 64x128 of w"),
        ({"promote": "promote 64"}, "promote 64"),
        ({"x": "*x*, f32", "w": W.replace("128x128", "*x*")}, "granules *x* of x"),
        ({"w": W.replace("7168x2048", "7164x2048")}, "7164 columns, K = 2048"),
    ],
)
def test_what_only_the_plain_kernel_reads(changes: dict[str, Any], words: str) -> None:
    text = scaled_mm(**changes)
    text = text.replace("?x7168xbf16", "?x7164xbf16") if "7164x" in changes.get("w", "") else text
    found = choice(answer(text, selection(gluon=True)))
    assert not any(config.get("gluon", 0) for config in found.configs)
    (reason,) = [item.reason for item in found.rejected if item.candidate == "the kernel in Gluon"]
    assert words in reason


def test_nothing_is_said_of_gluon_where_it_was_switched_off() -> None:
    assert not any("Gluon" in item.candidate for item in choice(answer(scaled_mm(), selection())).rejected)
    assert any("C7514" in item.reason for item in choice(answer(scaled_mm(), selection(gluon=True))).rejected)


def test_experts_rows() -> None:
    def mn_major(text: str) -> str:
        return text.replace("1x128, f32>", "1x128, f32, mn_major>")

    contiguous = forms(answer(mn_major(grouped("contiguous", 128, "8*T + 4064")), selection(hint=4096, gluon=True)))
    assert contiguous[-1][1:] == (128, 256, 0, 1)
    low = choice(answer(mn_major(grouped("contiguous", 32, "8*T + 992")), selection(hint=4096, gluon=True)))
    assert all(config["block_m"] <= 32 for config in low.configs)
    assert any("aligned to 32 rows" in item.reason for item in low.rejected if "Gluon" in item.candidate)
    # room for all tokens at every expert, of which a quarter comes
    masked = forms(answer(mn_major(grouped("masked", 1, "32*T")), selection(t=(1, 128), gluon=True)))
    assert [form[:2] for form in masked] == [(64, 16), (0, 32)]
    dense = choice(answer(mn_major(grouped("dense", 1, "32*T")), selection(t=(1, 128), gluon=True)))
    assert any(item.reason.startswith("dense rows") for item in dense.rejected)


def test_a_tile_must_fit_into_shared_memory() -> None:
    wide = WarpProduct(7168, 2048, y_bytes=4)
    at = selection(gluon=True)
    assert best([WarpTile(128, 128)], 4096, 0, wide, at)["num_stages"] == 4
    kept, rejected = usable(wide, selection(replace(H800, shared_memory_bytes_per_block=160 << 10), gluon=True))
    assert WarpTile(128, 128) not in kept and kept
    assert {item.candidate for item in rejected} == {f"{size} in Gluon" for size in ("128x128", "128x256", "256x128")}
    assert all("a block has 163840" in item.reason for item in rejected)
    none = answer(scaled_mm(), selection(replace(H800, shared_memory_bytes_per_block=32768), gluon=True))
    assert not any(config.get("gluon", 0) for config in choice(none).configs)


def test_the_prediction_is_no_less_than_the_floor() -> None:
    for rows in (16, 4096):
        for tile in TILES:
            product = WarpProduct(7168, 16384, y_bytes=2)
            least = H800.floor_s(
                flops=2 * rows * 7168 * 16384, dtype="f8E4M3FN", memory_bytes=7168 * 16384 + rows * (16384 + 2 * 7168)
            )
            assert least is not None and predicted_s(tile, 1, rows, product, H800, 132) >= least
    half, whole = (predicted_s(TILES[-1], 1, 4096, WarpProduct(7168, 7168, 2), H800, count) for count in (66, 132))
    assert 1.8 < half / whole < 2.2


def test_candidates_are_of_both_languages_and_a_measured_one_is_taken() -> None:
    at = selection(t=(1, 128), gluon=True)
    first = choice(answer(narrow(), at))
    assert first.candidates is not None
    offered = first.candidates.configs[64]
    assert {config.get("gluon", 0) for config in offered} == {0, 1}
    assert len({tuple(sorted(config.items())) for config in offered}) == len(offered)
    split = next(config for config in offered if config.get("split_k", 1) == 2)
    measured = choice(answer(narrow(), replace(at, measured={64: MeasuredConfig(split, 1.0, "t.toml, row 1")})))
    (taken,) = [config for config in measured.configs if config.get("up_to") == 64]
    assert taken == {"up_to": 64, **split}
    assert measured.scratch["partial"].sizes[0] >= 2 * 64 * 2112  # type: ignore[operator]
