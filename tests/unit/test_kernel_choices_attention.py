"""Which configurations, scratch and parameters attention gets, and what is refused."""

from dataclasses import replace

import pytest
from roundtrip import parse

from dsv3c.backends.triton.choices import absorbed_attention, expanded_attention
from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Rejected, Selection
from dsv3c.backends.triton.launchers import absorbed_attention as launcher
from dsv3c.ir.functions import functions
from dsv3c.ir.targets import Target, load_target

H800, MI300X = load_target("h800"), load_target("mi300x")
RULES = [absorbed_attention.absorbed_attention, expanded_attention.expanded_attention]
"""Importing a file registers its rules."""
TABLES = 'tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, '
LENS = 'tensor<?xi32, ["N"]>'


def answer(text: str, target: Target = H800, most: int | None = 4096, *, gluon: bool = False) -> Choice | Refused:
    block = next(iter(functions(parse(text)).values())).body.block
    op = next(op for op in block.ops if KERNELS.find(op))
    rule = KERNELS.find(op)
    assert rule is not None
    num_sms = int(target.fact("num_compute_units"))
    return rule(op, Selection(target, {"T": (0, most)}, {"T": 128, "P": 64}, num_sms, gluon=gluon))


def function(types: str, op: str, result: str) -> str:
    names = ["%q", "%r", "%x", "%k", "%p", "%s", "%b", "%c"]
    values = [part.strip() for part in types.split(";")]
    given = ", ".join(f"{name}: {kind}" for name, kind in zip(names, values, strict=False))
    return (
        f"dsv3c.symbol @T min 0\ndsv3c.symbol @N min 0\ndsv3c.symbol @P min 1\ndsv3c.symbol @C min 0\n"
        f"func.func @f({given}) -> {result} {{\n%y = {op} : {', '.join(values)} -> {result}\n"
        f"func.return %y : {result}\n}}"
    )


def absorbed(
    heads: int = 128, rank: int = 512, cache: str = "bf16", key: str = "bf16", page: int = 64, kind: str = "bf16",
    scores: str = "bf16",
) -> str:  # fmt: skip
    q = f'tensor<?x{heads}x{rank}x{kind}, ["T"]>'
    return function(
        f'{q}; tensor<?x{heads}x64x{kind}, ["T"]>; !mla.cache<"8" x {page}, latent {rank} x {cache}, rope 64 x {key}>; '
        f'tensor<?xi32, ["T"]>; tensor<?xi32, ["N + 1"]>; tensor<?x?xi32, ["N", "P"]>; {LENS}',
        f"mla.absorbed_attention %q, %r, %x at %k, %p, %s, %b scale 0.125 scores {scores} probs bf16",
        q,
    )


def expanded(
    heads: int = 128, nope: int = 128, values: int = 128, kind: str = "bf16", kv: str = "bf16", scale: float = 0.125,
    scores: str = "f32", probs: str = "bf16",
) -> str:  # fmt: skip
    return function(
        f'tensor<?x{heads}x{nope}x{kind}, ["T"]>; tensor<?x{heads}x64x{kind}, ["T"]>; '
        f'tensor<?x{heads}x{nope + values}x{kv}, ["C"]>; tensor<?x64x{kind}, ["C"]>; '
        f'tensor<?xi32, ["T"]>; tensor<?xi32, ["N + 1"]>; {LENS}',
        f"mla.expanded_attention %q, %r, %x, %k at %p, %s, %b scale {scale} scores {scores} probs {probs}",
        f'tensor<?x{heads}x{values}x{kind}, ["T"]>',
    )


def tiles(choice: Choice | Refused, side: str) -> list[tuple[int, int, int, int, int]]:
    assert isinstance(choice, Choice), choice
    names = ("up_to", side, "block_n", "num_warps", "num_stages")
    return [tuple(config.get(name, 0) for name in names) for config in choice.configs]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "target", "tile"),
    [
        (absorbed(), H800, (0, 64, 64, 8, 3)),
        (absorbed(cache="f8E4M3FN scale 128 x f32"), H800, (0, 64, 64, 8, 5)),
        (absorbed(heads=40), H800, (0, 64, 64, 8, 3)),
        (absorbed(heads=32), H800, (0, 32, 64, 8, 5)),
        (absorbed(heads=4, rank=256), H800, (0, 16, 32, 4, 5)),
        (absorbed(page=32), H800, (0, 64, 32, 8, 5)),
        (absorbed(page=48), H800, (0, 32, 16, 4, 2)),
        (absorbed(heads=4, kind="f32", cache="f32", key="f32"), H800, (0, 16, 16, 4, 3)),
        (absorbed(), MI300X, (0, 32, 16, 4, 2)),
        (absorbed(cache="f8E4M3FNUZ scale 128 x f32"), MI300X, (0, 16, 16, 4, 2)),
    ],
)
def test_the_best_tile_that_fits(text: str, target: Target, tile: tuple[int, ...]) -> None:
    assert {(0, *found[1:]) for found in tiles(answer(text, target), "block_h")} == {tile}


def test_the_call_of_absorbed_attention() -> None:
    choice = answer(absorbed(scores="f32"))
    assert isinstance(choice, Choice)
    assert choice.launcher == "absorbed_attention.absorbed_attention"
    assert choice.parameters == {"scale": 0.125, "scores": "f32", "probs": "bf16"}
    values = [choice.operands[name] for name in ("q_latent", "q_rope", "cache", "positions")]
    values += [choice.operands[name] for name in ("seq_offsets", "block_table", "context_lens")]
    assert [value.name_hint for value in values if value] == ["q", "r", "x", "k", "p", "s", "b"]
    reasons = {item.candidate: item.reason for item in choice.rejected}
    assert "294912 bytes of shared memory, a block has 232448" in reasons["64x64, 8 warps, 5 stages"]
    assert "3220 bytes spilled" in reasons["128x64, 8 warps, 3 stages"]


@pytest.mark.parametrize("cache", ["bf16", "f8E4M3FN scale 128 x f32"])
def test_absorbed_attention_in_gluon_where_it_is_written_for_the_sizes(cache: str) -> None:
    choice = answer(absorbed(cache=cache), gluon=True)
    assert isinstance(choice, Choice)
    assert all(config["gluon"] == 1 and config["block_h"] == config["block_n"] == 64 for config in choice.configs)
    plain = answer(absorbed(cache=cache))
    assert isinstance(plain, Choice)
    assert splits(choice) == splits(plain) and not any("gluon" in config for config in plain.configs)
    assert choice.candidates and {config.get("gluon", 0) for config in choice.candidates.configs[1]} == {0, 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (absorbed(heads=96), "96 heads: a warpgroup's product has 64 rows, all of one token"),
        (absorbed(rank=256), "a latent of 256, keys of 64, pages of 64 rows: it is written for 512, 64, 64"),
        (absorbed(page=128), "a latent of 512, keys of 64, pages of 128 rows: it is written for 512, 64, 64"),
        (absorbed(kind="f16", cache="f16", key="f16"), "queries of f16: it is written for bf16"),
        (
            absorbed(cache="f8E4M3FN scale 64 x f32"),
            "granules of 64 elements: it dequantises 128 columns with one scale",
        ),
    ],
)
def test_the_plain_form_runs_what_gluon_is_not_written_for(text: str, reason: str) -> None:
    choice = answer(text, gluon=True)
    assert isinstance(choice, Choice)
    assert choice.rejected[0] == Rejected("64x64, 2 stages (Gluon)", reason)
    plain = answer(text)
    assert isinstance(plain, Choice) and list(choice.configs) == list(plain.configs)


def splits(choice: Choice | Refused) -> list[tuple[int, int]]:
    assert isinstance(choice, Choice)
    return [(config.get("up_to", 0), config["splits"]) for config in choice.configs]


def test_contexts_of_few_tokens_are_split() -> None:
    found = splits(answer(absorbed()))
    assert found[-1] == (0, 1) and found[-2][0] <= 132 // 2
    assert found[:3] == [(1, 64), (2, 32), (4, 16)] and [bound for bound, _ in found[:-1]] == sorted(dict(found[:-1]))
    assert all(bound * 2 * n <= 2 * 132 for bound, n in found)
    assert splits(answer(absorbed(), most=1)) == [(0, 64)]
    assert max(n for _, n in splits(answer(absorbed(heads=4, rank=256)))) <= absorbed_attention.MAX_SPLITS
    assert absorbed_attention.MAX_SPLITS == launcher.MAX_SPLITS


def test_splits_fill_the_device_and_no_more() -> None:
    count = absorbed_attention.num_splits
    assert count(programs=256, tiles=64, num_sms=132, most=1) == 1
    assert count(programs=128, tiles=64, num_sms=132, most=2) == 1
    assert count(programs=88, tiles=1024, num_sms=132, most=3) == 3
    assert count(programs=1, tiles=1, num_sms=132, most=128) == 1
    assert count(programs=1, tiles=0, num_sms=132, most=0) == 1


def test_scratch_holds_the_parts_of_all_tokens() -> None:
    for most in (1, 5, 4096, None):
        choice = answer(absorbed(), most=most)
        assert isinstance(choice, Choice)
        rows = max(n * min(bound or 4096, most or 4096) for bound, n in splits(choice) if n > 1)
        assert choice.scratch["partial"].sizes == (rows, 128, 512) and choice.scratch["lse"].sizes == (rows, 128)
        assert rows <= 132


def test_low_tiles_of_tokens_where_others_leave_multiprocessors_idle() -> None:
    whole, low = (0, 128, 64, 8, 3), (64, 64, 4, 3)
    assert tiles(answer(expanded()), "block_q") == [(128, *low), whole]
    assert tiles(answer(expanded(heads=16)), "block_q") == [(1024, *low), whole]
    assert tiles(answer(expanded(heads=16), most=512), "block_q") == [(0, *low)]
    assert tiles(answer(expanded(heads=256)), "block_q") == [whole]
    assert tiles(answer(expanded(kind="f32", kv="f32")), "block_q") == [(0, 16, 16, 4, 2)]
    assert tiles(answer(expanded(), MI300X), "block_q") == [(0, 64, 32, 4, 2)]
    choice = answer(expanded(nope=32, values=64))
    assert isinstance(choice, Choice)
    assert choice.launcher == "expanded_attention.expanded_attention"
    assert {name: each.sizes for name, each in choice.scratch.items()} == {"taken": (1,)}
    assert choice.parameters == {"scale": 0.125, "scores": "f32", "probs": "bf16"}
    assert [*choice.operands] == ["q_nope", "q_rope", "kv", "k_rope", "positions", "seq_offsets", "context_lens"]


def test_expanded_attention_in_gluon() -> None:
    for heads, scores, probs in ((128, "f32", "bf16"), (16, "bf16", "f32")):
        choice = answer(expanded(heads, scores=scores, probs=probs), most=None, gluon=True)
        assert isinstance(choice, Choice) and choice.candidates is not None
        tile = {"block_q": 128, "block_n": 128, "persistent": 1, "gluon": 1, "num_warps": 4, "num_stages": 2}
        assert choice.configs == ({**tile, "heads_together": 16, "up_to": 4096}, {**tile, "heads_together": 8})
        measured = choice.candidates.configs[0]
        assert measured[1] == choice.configs[1]
        assert sorted(each.get("gluon", 0) for each in measured) == [0] * 5 + [1] * 5
        assert choice.rejected == expanded_attention.SPILLING


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (expanded(kind="f16", kv="f16"), "operands of f16"),
        (expanded(nope=64), "heads of 64 + 64, 128: it is written for 128 + 64, 128"),
        (expanded(values=64), "heads of 128 + 64, 64"),
        (expanded(scores="f16"), "scores in f16, probabilities in bf16"),
        (expanded(probs="f16"), "scores in f32, probabilities in f16"),
        (expanded(scale=-0.125), "a scale that is not positive"),
    ],
)
def test_what_expanded_attention_in_gluon_is_not_written_for(text: str, words: str) -> None:
    choice = answer(text, gluon=True)
    assert isinstance(choice, Choice)
    assert not any(config.get("gluon", 0) for config in choice.configs)
    assert choice.rejected[0].candidate == "128x128, heads by 16 (Gluon)" and words in choice.rejected[0].reason


def test_less_shared_memory_leaves_lower_tiles_in_gluon() -> None:
    choice = answer(expanded(), replace(H800, shared_memory_bytes_per_block=163840), gluon=True)
    assert isinstance(choice, Choice)
    assert [(config["block_n"], config["heads_together"]) for config in choice.configs] == [(64, 16)]
    assert choice.rejected[0] == Rejected(
        "128x128, heads by 16 (Gluon)", "takes 217600 bytes of shared memory, a block has 163840"
    )
    small = answer(expanded(), replace(H800, shared_memory_bytes_per_block=100000), gluon=True)
    assert isinstance(small, Choice) and not any(config.get("gluon", 0) for config in small.configs)


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [
        (absorbed(page=40), H800, "pages of 40 rows: the kernel reads a multiple of 16"),
        (absorbed(kind="f16"), H800, "keys of bf16 and queries of f16"),
        (absorbed(cache="f16"), H800, "a latent of f16 without scales and queries of bf16"),
        (absorbed(kind="f64", cache="f64", key="f64"), H800, "f64: the kernel knows bf16, f16, f32"),
        (absorbed(scores="f64"), H800, "f64: the kernel knows bf16, f16, f32"),
        (absorbed(cache="f8E4M3FNUZ scale 128 x f32"), H800, "f8E4M3FNUZ, which h800 has no matrix products of"),
        (absorbed(cache="f8E4M3FN scale 96 x f32"), H800, "granules of 96 elements"),
        (absorbed(), replace(H800, shared_memory_bytes_per_block=16384), "latent 512: 16x16, 4 warps, 2 stages takes"),
        (expanded(kv="f16"), H800, "operands of bf16 and f16"),
        (expanded(), replace(H800, shared_memory_bytes_per_block=8192), "heads of 128 + 64, 128: 16x16"),
    ],
)
def test_what_no_kernel_reads(text: str, target: Target, words: str) -> None:
    choice = answer(text, target)
    assert isinstance(choice, Refused)
    assert words in choice.reason
