"""Which configurations and parameters matrix products get, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest
from product_programs import H800, W, answer, call, grouped, scaled_mm, selection

from dsv3c.backends.triton.choices.base import Choice, Refused
from dsv3c.backends.triton.tuning.tuned_choices import shape_of


def tiles(choice: Choice | Refused) -> list[tuple[int, int, int]]:
    assert isinstance(choice, Choice), choice
    return [(config.get("up_to", 0), config["block_m"], config["block_n"]) for config in choice.configs]


def refusal(choice: Choice | Refused) -> str:
    assert isinstance(choice, Refused)
    return choice.reason


def test_rows_choose_the_tile() -> None:
    choice = answer(scaled_mm(), selection())
    assert tiles(choice) == [(16, 16, 64), (32, 32, 64), (128, 64, 64), (0, 128, 128)]
    assert isinstance(choice, Choice)
    assert choice.parameters == {"promote": 128, "x_scales": "mn_major"}
    assert any("spilled" in item.reason for item in choice.rejected)


def test_configurations_that_no_step_reaches_are_left_out() -> None:
    assert tiles(answer(scaled_mm(), selection(t=(1, 16), hint=16))) == [(0, 16, 64)]
    assert tiles(answer(scaled_mm(), selection(t=(2048, 4096), hint=2048))) == [(0, 128, 128)]


def test_a_tile_must_fit_into_shared_memory() -> None:
    small = answer(scaled_mm(), selection(replace(H800, shared_memory_bytes_per_block=65536)))
    assert isinstance(small, Choice)
    assert {config["num_stages"] for config in small.configs if config["block_m"] == 128} == {2}
    least = answer(scaled_mm(), selection(replace(H800, shared_memory_bytes_per_block=49152)))
    assert isinstance(least, Choice)
    assert all(config["block_m"] < 128 for config in least.configs)
    assert any("bytes of shared memory, a block has 49152" in item.reason for item in least.rejected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"element": "f8E5M2"}, "x holds f8E5M2"),
        ({"x": "1x128, f8E8M0FNU, packed", "w": W.replace("f32", "f8E8M0FNU")}, "f8E8M0FNU scales (packed)"),
        ({"w": W.replace("128x128", "48x128")}, "granules 1x128 of x and 48x128 of w"),
        ({"x": "4x128, f32"}, "a row of x has scales of its own"),
        ({"x": "1x16, f32", "w": W.replace("128x128", "128x16")}, "fewer than 32 elements of K"),
        ({"promote": "promote 16"}, "promote 16"),
    ],
)
def test_what_no_kernel_reads(changes: dict[str, Any], words: str) -> None:
    assert words in refusal(answer(scaled_mm(**changes), selection()))


@pytest.mark.parametrize(
    ("changes", "block_k"),
    [
        ({"x": "1x32, f32", "w": W.replace("128x128", "1x32"), "promote": ""}, 32),
        ({"x": "*x*, f32", "w": W.replace("128x128", "*x*"), "promote": ""}, 128),
        ({"x": "1x*, f32", "w": W.replace("128x128", "1x*"), "promote": "promote 64"}, 64),
        ({"x": "1x256, f32", "w": W.replace("128x128", "64x256"), "promote": "promote 256"}, 128),
    ],
)
def test_k_is_cut_where_scales_change_and_sums_are_promoted(changes: dict[str, Any], block_k: int) -> None:
    choice = answer(scaled_mm(**changes), selection())
    assert isinstance(choice, Choice)
    assert {config["block_k"] for config in choice.configs} == {block_k}
    if "64x" in changes["w"]:
        assert max(config["block_n"] for config in choice.configs) == 64


def test_tiles_of_experts_follow_their_rows_on_average() -> None:
    contiguous = answer(grouped("contiguous", 128, "8*T + 4064"), selection(hint=4096))
    assert tiles(contiguous) == [(16, 16, 128), (32, 32, 64), (64, 64, 128), (0, 128, 128)]
    assert isinstance(contiguous, Choice)
    assert contiguous.parameters == {
        "promote": 128, "x_scales": "row", "layout": "contiguous", "alignment": 128,
    }  # fmt: skip


def test_masked_rows_are_mostly_empty() -> None:
    """Every expert has room for all of T tokens, of which 8 in 32 choose it."""
    assert tiles(answer(grouped("masked", 1, "32*T"), selection(t=(1, 128), hint=128))) == [
        (64, 16, 128), (0, 32, 64),
    ]  # fmt: skip
    dense = answer(grouped("dense", 1, "32*T"), selection(t=(1, 128), hint=128))
    assert tiles(dense)[-1] == (0, 128, 128)


def test_most_choices_that_ranks_send_are_other_ranks_experts() -> None:
    """4 ranks have 8 of 32 experts each: of 4 * 128 tokens an expert gets 128, and has room for all."""
    x, kind = (f'!scaled.tensor<tensor<?x2048xf8E4M3FN, ["{size}"]>, 1x128, f32>' for size in ("T", "32*T"))
    w, y = "!scaled.tensor<tensor<8x4096x2048xf8E4M3FN>, 1x128x128, f32>", 'tensor<?x4096xbf16, ["32*T"]>'
    given = [x, 'tensor<?x8xbf16, ["T"]>', 'tensor<?x8xi64, ["T"]>', "tensor<32xi32>", '!comm.token<"ep">']
    sent = [kind, 'tensor<?x1xbf16, ["32*T"]>', 'tensor<?x1xi64, ["32*T"]>', 'tensor<?x2xi32, ["32*T"]>']
    numbers = 'tensor<?xi32, ["32*T"]>'
    choice = answer(
        "dsv3c.symbol @T min 0\ncomm.mesh @ep nodes 1 gpus 4\n"
        f"func.func @f(%x: {given[0]}, %g: {given[1]}, %ids: {given[2]}, %w: {w}) -> {y} {{\n"
        f"%t = comm.start : {given[4]}\n%p = comm.placement <0:32> : {given[3]}\n"
        '%rx, %rw, %ri, %src, %u = comm.dispatch %x, %g, %ids placement %p after %t copies "expert" '
        f"experts_per_rank 8 : {', '.join(given)} -> {', '.join(sent)}\n"
        '%rows, %slots, %of = moe.permute %rx by %ri experts 8 layout "masked" alignment 1 skips_padding : '
        f"{kind}, {sent[2]} -> {kind}, {numbers}, {numbers}\n"
        f"%y = scaled.grouped_mm %rows, %w, %of promote 128 skips_padding : {kind}, {w}, {numbers} -> {y}\n"
        f"func.return %y : {y}\n}}",
        selection(hint=128),
    )
    assert isinstance(choice, Choice) and choice.candidates is not None
    assert choice.candidates.sizes == {"room": 4}


def test_no_tile_mixes_experts() -> None:
    low = answer(grouped("contiguous", 32, "8*T + 992"), selection(hint=4096))
    assert [tile[1] for tile in tiles(low)] == [16, 32]
    assert isinstance(low, Choice)
    assert any("aligned to 32 rows" in item.reason for item in low.rejected)
    assert "tile of 16 rows would hold those of two" in refusal(
        answer(grouped("contiguous", 8, "8*T + 224"), selection())
    )


def test_rows_of_unknown_layout_are_refused() -> None:
    assert "where moe.permute makes expert_of" in refusal(
        answer(grouped("masked", 1, "32*T", made_by="caller"), selection())
    )
    assert "experts have scales of their own" in refusal(
        answer(grouped("masked", 1, "32*T", granule="2x128x128"), selection())
    )


WIDE = [(16, 16, 128), (32, 32, 64), (64, 64, 128), (0, 128, 256)]


def linear(element: str = "bf16", out: str = "bf16", columns: int = 129280) -> str:
    types = (f'tensor<?x7168x{element}, ["T"]>', f"tensor<{columns}x7168x{element}>")
    return call("nn.linear %0, %1", types, f'tensor<?x{columns}x{out}, ["T"]>')


def test_wide_matrices_get_wide_tiles() -> None:
    assert tiles(answer(linear(), selection())) == WIDE


def test_few_columns_get_lower_tiles_so_that_more_multiprocessors_work() -> None:
    router = tiles(answer(linear(columns=256), selection(t=(128, 128), hint=128)))
    assert router == [(0, 16, 64)]


def test_f32_operands_are_not_rounded_to_fit_a_tensor_core() -> None:
    choice = answer(linear("f32", "f32", 256), selection(hint=4096))
    assert isinstance(choice, Choice)
    assert all(config["block_n"] <= 64 and not config["swap"] for config in choice.configs)


def test_operands_that_no_tile_is_for_are_refused() -> None:
    assert "operands hold f64" in refusal(answer(linear("f64", "f64"), selection()))


def test_every_head_counts() -> None:
    types = ('tensor<?x128x128xbf16, ["T"]>', "tensor<128x512x128xbf16>")
    choice = answer(call("nn.head_linear %0, %1", types, 'tensor<?x128x512xbf16, ["T"]>'), selection())
    assert tiles(choice) == WIDE


@pytest.mark.parametrize("layout", ["contiguous", "masked", "dense"])
def test_products_that_skip_padding(layout: str) -> None:
    rows, alignment = ("8*T + 4064", 128) if layout == "contiguous" else ("32*T", 1)
    plain, skipping = (
        answer(grouped(layout, alignment, rows, skips=how), selection()) for how in ("", "skips_padding")
    )
    assert isinstance(plain, Choice) and isinstance(skipping, Choice)
    assert dict(skipping.parameters) == {**plain.parameters, "skips_padding": True}
    assert skipping.configs == plain.configs
    assert shape_of(skipping) != shape_of(plain), "tables do not mix their times"


@pytest.mark.parametrize("skips", ["", "skips_padding"])
def test_experts_that_are_not_quantised(skips: str) -> None:
    text = (
        'dsv3c.symbol @T min 0\nfunc.func @f(%x: tensor<?x64xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, '
        '%w: tensor<4x96x64xbf16>) -> tensor<?x96xbf16, ["4*T"]> {\n'
        '%rows, %slots, %of = moe.permute %x by %ids experts 4 layout "dense" alignment 1 : tensor<?x64xbf16, ["T"]>, '
        'tensor<?x2xi64, ["T"]> -> tensor<?x64xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>\n'
        f'%y = moe.grouped_mm %rows, %w by %of {skips} : tensor<?x64xbf16, ["4*T"]>, tensor<4x96x64xbf16>, '
        'tensor<?xi32, ["4*T"]> -> tensor<?x96xbf16, ["4*T"]>\nfunc.return %y : tensor<?x96xbf16, ["4*T"]>\n}'
    )
    choice = answer(text, selection(t=(0, 16), hint=16))
    assert isinstance(choice, Choice)
    how = {"skips_padding": True} if skips else {}
    assert (choice.launcher, choice.parameters) == ("grouped_mm.grouped_mm", {"layout": "dense", "alignment": 1, **how})
