"""Which kernels, configurations and parameters ops on rows get, and what is refused."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
from roundtrip import parse
from xdsl.ir import Operation

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.backends.triton.choices.row_configs import WARPS_OF_WHOLE_ROWS
from dsv3c.backends.triton.launchers.quantize import MOST_PARTIALS
from dsv3c.ir.functions import functions
from dsv3c.ir.targets import Target, load_target

H800 = load_target("h800")
for file in ("elementwise", "embedding", "quantize", "rms_norm", "rope", "swiglu"):
    import_module(f"dsv3c.backends.triton.choices.{file}")  # importing a file registers its rules
QUANTIZER = 'quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none">'


def rows(columns: int, element: str = "bf16") -> str:
    return f'tensor<?x{columns}x{element}, ["T"]>'


def scaled(columns: int, how: str = "1x128, f32, mn_major", element: str = "f8E4M3FN") -> str:
    return f"!scaled.tensor<{rows(columns, element)}, {how}>"


def program(body: str, arguments: Sequence[str], results: Sequence[str]) -> str:
    """A function whose arguments are %0, %1, ..., and whose body defines %y0, %y1, ..."""
    given = ", ".join(f"%{index}: {kind}" for index, kind in enumerate(arguments))
    values, types = ", ".join(f"%y{index}" for index in range(len(results))), ", ".join(results)
    return (
        f"dsv3c.symbol @T min 0\ndsv3c.symbol @N min 0\nfunc.func @f({given}) -> ({types}) {{\n"
        f"{body}\nfunc.return {values} : {types}\n}}"
    )


def ask(
    text: str, target: Target = H800, t: tuple[int, int | None] = (0, 4096), alone: bool = False
) -> tuple[Choice | Refused, list[Operation]]:
    """The rule's answer for the last op of a function that has a rule, and the ops of the function."""
    ops = list(next(iter(functions(parse(text)).values())).body.block.ops)
    op = [op for op in ops if KERNELS.find(op)][-1]
    rule = KERNELS.find(op)
    assert rule is not None
    return rule(op, Selection(target, {"T": t, "N": t}, {"T": 128, "N": 128}, 132, alone)), ops


def chosen(text: str, **how: Any) -> Choice:
    choice, _ = ask(text, **how)
    assert isinstance(choice, Choice), choice
    return choice


def refusal(text: str, **how: Any) -> str:
    answer, _ = ask(text, **how)
    assert isinstance(answer, Refused), answer
    return answer.reason


def quantize(how: str = "1x128, f32, mn_major", quantizer: str = QUANTIZER, element: str = "f8E4M3FN") -> str:
    result = scaled(7168, how, element)
    return program(f"%y0 = scaled.quantize %0 {quantizer} : {rows(7168)} -> {result}", [rows(7168)], [result])


def test_a_quantiser_of_activations() -> None:
    choice = chosen(quantize())
    assert (choice.launcher, list(choice.operands), list(choice.results)) == ("quantize.quantize", ["x"], ["q"])
    assert choice.parameters == {
        "granule": (1, 128), "data": "f8E4M3FN", "amax_floor": 1e-4, "static": None, "apply": "divide",
        "round_scale": "none", "saturate": False,
    }  # fmt: skip
    few, many = choice.configs
    assert (few["up_to"], few["block_m"], few["block_n"]) == (128, 1, 1024)
    assert "up_to" not in many and (many["block_m"], many["block_n"]) == (4, 512)


def test_configurations_that_no_step_reaches_are_left_out() -> None:
    assert [config["block_m"] for config in chosen(quantize(), t=(0, 128)).configs] == [1]
    assert [config["block_m"] for config in chosen(quantize(), t=(129, None)).configs] == [4]


def test_a_given_scale() -> None:
    static = 'quantizer <apply "reciprocal", round_scale "none", saturate, static 2.000000e-02>'
    assert chosen(quantize("*x*, f32", static)).parameters["static"] == 0.02
    assert "hardware saturates" in refusal(quantize("*x*, f32", static.replace(" saturate,", "")))


def test_one_scale_for_all() -> None:
    (scratch,) = chosen(quantize("*x*, f32")).scratch.values()
    assert (scratch.sizes, str(scratch.element)) == ((MOST_PARTIALS,), "f32")
    assert not chosen(quantize()).scratch


def test_blocks_of_several_rows() -> None:
    assert chosen(quantize("128x128, f32")).configs[0]["num_warps"] == 8
    assert chosen(quantize("128x1, f32")).configs[0]["block_n"] == 128
    assert "square" in refusal(quantize("128x64, f32"))
    assert "square" in refusal(quantize("256x256, f32"))
    assert "128 elements at most" in refusal(quantize("1x256, f32"))


def test_quantisers_that_no_kernel_has() -> None:
    pow2 = QUANTIZER.replace('"none"', '"pow2"')
    assert "f32 scales, not f8E8M0FNU" in refusal(quantize("1x128, f8E8M0FNU", pow2))
    assert "f8E8M0FNU (packed)" in refusal(quantize("1x128, f8E8M0FNU, packed", pow2))
    assert "needs all of it" in refusal(quantize("1x*, f32"))
    assert "powers of two" in refusal(quantize("1x96, f32"))
    tiny = QUANTIZER.replace("1.000000e-04", "1.000000e-22")
    assert "divides by no scale under 2^-80" in refusal(quantize(quantizer=tiny))
    assert chosen(quantize(quantizer=tiny.replace('"none"', '"pow2"'))).parameters["amax_floor"] == 1e-22
    assert chosen(quantize(quantizer=tiny.replace('"divide"', '"reciprocal"'))).parameters["amax_floor"] == 1e-22
    static = 'quantizer <apply "divide", round_scale "none", saturate, static 1.0e-25>'
    assert "divides by no scale under 2^-80" in refusal(quantize("*x*, f32", static))
    assert "h800 has no f8E4M3FNUZ" in refusal(quantize(element="f8E4M3FNUZ"))
    assert "mi300x has no f8E4M3FN" in refusal(quantize(), target=load_target("mi300x"))
    assert chosen(quantize(element="f8E4M3FNUZ"), target=load_target("mi300x")).parameters["data"] == "f8E4M3FNUZ"
    assert chosen(quantize(element="f8E5M2")).parameters["data"] == "f8E5M2"
    assert "no f8E5M2" in refusal(quantize(element="f8E5M2"), target=replace(H800, dense_flops_per_s={"bf16": 1e12}))
    wide = quantize().replace('tensor<?x7168xbf16, ["T"]>', "tensor<2x3x7168xbf16>")
    wide = wide.replace('tensor<?x7168xf8E4M3FN, ["T"]>, 1x128', "tensor<2x3x7168xf8E4M3FN>, 1x1x128")
    assert "mn_major scales of 3 dims" in refusal(wide)


def test_dequantize() -> None:
    text = program(f"%y0 = scaled.dequantize %0 : {scaled(512)} -> {rows(512)}", [scaled(512)], [rows(512)])
    assert chosen(text).parameters == {"dtype": "bf16"}
    packed = text.replace("1x128, f32, mn_major", "1x128, f8E8M0FNU")
    assert "f32 scales" in refusal(packed)


def norm(columns: int = 384, keep: bool = False, before: str = "", x: str = "%0", more: Sequence[str] = ()) -> str:
    """scaled.rms_norm, after ``before``; returns its results and ``more``."""
    results = [scaled(columns), *([rows(columns)] if keep else [])]
    names = ", ".join(f"%y{index}" for index in range(len(results)))
    body = (
        f'{before}\n{names} = scaled.rms_norm {x}, %w eps 1.0e-06 weight_in "f32" intermediate bf16 {QUANTIZER} '
        f": {rows(columns)}, tensor<{columns}xbf16> -> {', '.join(results)}"
    )
    text = program(body, [rows(columns), rows(columns)], [*results, *([rows(columns)] if more else [])])
    return text.replace("@f(", f"@f(%w: tensor<{columns}xbf16>, ").replace(f"%y{len(results)}", "".join(more) or "%_")


SUM = f"%s = aten.add.Tensor(%0, %1) : {rows(384)}"


def test_a_norm_and_its_quantiser() -> None:
    choice = chosen(norm(keep=True))
    assert (choice.launcher, list(choice.results)) == ("rms_norm.rms_norm_quantize", ["q", "y"])
    assert choice.parameters["keep"] is True and choice.parameters["keep_total"] is False
    assert [config["block_m"] for config in choice.configs] == [1, 2]
    assert chosen(norm()).parameters["keep"] is False


def test_a_norm_takes_the_sum_before_it() -> None:
    text = norm(before=SUM, x="%s")
    choice, ops = ask(text)
    assert isinstance(choice, Choice)
    assert list(choice.ops) == ops[:2] and list(choice.operands) == ["x", "weight", "residual"]
    assert list(choice.results) == ["q"] and choice.parameters["keep_total"] is False
    alone = chosen(text, alone=True)
    assert len(alone.ops) == 1 and list(alone.operands) == ["x", "weight"]


def test_a_sum_that_others_read_is_written_too() -> None:
    choice = chosen(norm(before=SUM, x="%s", more=["%s"]))
    assert list(choice.results) == ["q", "total"] and choice.parameters["keep_total"] is True


@pytest.mark.parametrize(
    "before",
    [
        SUM.replace("%1)", "%1, alpha = 2)"),
        SUM.replace("(%0, %1)", "(%0, %0)"),
        f"%s = aten.mul.Tensor(%0, %1) : {rows(384)}",
    ],
)
def test_what_is_no_plain_sum_of_two_values_stays(before: str) -> None:
    assert len(chosen(norm(before=before, x="%s")).ops) == 1


def test_every_width_of_a_row_has_warps() -> None:
    for columns in (64, 100, 192, 512, 1000, 1536, 4000, 7168):
        widths = [config["block_n"] for config in chosen(norm(columns)).configs]
        assert all(columns <= width < max(129, 2 * columns) and width in WARPS_OF_WHOLE_ROWS for width in widths)
    assert "8192 columns at most, not 9000" in refusal(norm(9000))


def test_norms_that_no_kernel_has() -> None:
    assert "rounds the row to bf16 or leaves it in f32, not to f16" in refusal(
        norm().replace("intermediate bf16", "intermediate f16")
    )
    for granule in ("128x128", "1x*", "*x*"):
        assert "scale" in refusal(norm().replace("1x128, f32, mn_major", f"{granule}, f32"))
    static = norm().replace(QUANTIZER, 'quantizer <apply "divide", round_scale "none", saturate, static 2.0e-02>')
    assert "this one is static" in refusal(static.replace("1x128, f32, mn_major", "*x*, f32"))
    assert "not f64" in refusal(norm().replace("384xbf16", "384xf64"))


@pytest.mark.parametrize("op", ["nn.swiglu", "scaled.swiglu"])
def test_rows_of_no_expert_are_left_out(op: str) -> None:
    how = f"rounded_to bf16 {QUANTIZER} " if op == "scaled.swiglu" else ""
    result = scaled(192, "1x128, f32") if how else rows(192)
    types = f"{rows(192)}, {rows(192)} -> {result}" if how else rows(192)
    numbers = 'tensor<?xi32, ["T"]>'
    text = f'%y0 = {op} %0, %1 by %2 : {numbers}, intermediate "input" {how}: {types}'
    choice, ops = ask(program(text, [rows(192), rows(192), numbers], [result]))
    assert isinstance(choice, Choice)
    assert choice.operands["expert_of"] is ops[0].operands[2]


def swiglu(intermediate: str = "input", rounded_to: str = "bf16") -> str:
    return program(
        f'%y0 = scaled.swiglu %0, %1 intermediate "{intermediate}" rounded_to {rounded_to} {QUANTIZER} '
        f": {rows(192)}, {rows(192)} -> {scaled(192)}",
        [rows(192), rows(192)],
        [scaled(192)],
    )


def test_gated_rows() -> None:
    choice = chosen(swiglu())
    assert choice.launcher == "swiglu.swiglu_quantize"
    assert [name for name, value in choice.operands.items() if value is not None] == ["gate", "up"]
    assert (choice.parameters["intermediate"], choice.parameters["rounded_to"]) == ("bf16", "bf16")
    assert chosen(swiglu("f32", "f32")).parameters["intermediate"] == "f32"
    plain = program(f'%y0 = nn.swiglu %0, %1 intermediate "input" : {rows(192)}', [rows(192)] * 2, [rows(192)])
    assert (chosen(plain).launcher, chosen(plain).parameters) == ("swiglu.swiglu", {"intermediate": "bf16"})
    assert "gates a value with another" in refusal(plain.replace("%0, %1 inter", "%0, %0 inter"))
    assert "not to f64" in refusal(swiglu("f32", "f64"))


def test_sums_and_concatenations() -> None:
    assert list(chosen(program(SUM.replace("%s", "%y0"), [rows(384)] * 2, [rows(384)])).operands) == ["x", "other"]
    twice = program(f"%y0 = aten.add.Tensor(%0, %0) : {rows(384)}", [rows(384)], [rows(384)])
    assert chosen(twice).operands["other"] is None
    assert "of one type" in refusal(
        program(
            f"%y0 = aten.add.Tensor(%0, %1) : {rows(384, 'f32')}", [rows(384), rows(384, "f32")], [rows(384, "f32")]
        )
    )
    columns = program(f"%y0 = aten.cat([%0, %1], dim = -1) : {rows(768)}", [rows(384)] * 2, [rows(768)])
    assert chosen(columns).parameters == {"dim": -1} and list(chosen(columns).operands) == ["x0", "x1"]
    stacked = 'tensor<?x384xbf16, ["2*T"]>'
    below = program(f"%y0 = aten.cat([%0, %1]) : {stacked}", [rows(384)] * 2, [stacked])
    assert chosen(below).parameters == {"dim": 0}
    assert "different values" in refusal(columns.replace("[%0, %1]", "[%0, %0]"))


def test_casts_and_operators_without_a_kernel() -> None:
    cast = program(f"%y0 = aten._to_copy(%0, dtype = f32) : {rows(8, 'f32')}", [rows(8)], [rows(8, "f32")])
    assert chosen(cast).parameters == {"dtype": "f32"}
    assert "not i32" in refusal(cast.replace("8xf32", "8xi32").replace("dtype = f32", "dtype = i32"))
    product = program(f"%y0 = aten.mul.Tensor(%0, %1) : {rows(8)}", [rows(8)] * 2, [rows(8)])
    assert refusal(product) == "no kernel runs aten.mul.Tensor"


def rope(size: int) -> str:
    heads, table = f'tensor<?x4x{size}xbf16, ["T"]>', f'tensor<?x{size // 2}xf32, ["T"]>'
    body = f'%y0 = nn.rope %0, %1, %2 pairs "half" out "interleaved" compute "f32" : {heads}, {table}, {table}'
    return program(body, [heads, table, table], [heads])


def test_rotary_heads() -> None:
    assert chosen(rope(64)).configs[0]["block_m"] == 32
    assert chosen(rope(64)).parameters == {"pairs": "half", "out": "interleaved", "compute": "f32"}
    assert "power of two, not 96" in refusal(rope(96))


def test_rotary_tables() -> None:
    table, positions = rows(3, "f32"), 'tensor<?xi32, ["T"]>'
    text = program(
        f"%y0, %y1 = nn.rope_table %0 inv_freq [1.0, 0.5, 0.25] scaling 1.0 : {positions} -> {table}, {table}",
        [positions],
        [table, table],
    )
    assert chosen(text).parameters == {"inv_freq": (1.0, 0.5, 0.25), "scaling": 1.0, "dtype": "f32"}
    assert "up to 1 radian" in refusal(text.replace("[1.0,", "[1.5,"))


def test_rows_of_tables() -> None:
    ids, offsets, last = 'tensor<?xi64, ["T"]>', 'tensor<?xi32, ["N + 1"]>', 'tensor<?x384xbf16, ["N"]>'
    table = "tensor<1000x384xbf16>"
    embedding = program(f"%y0 = nn.embedding %0, %1 : {ids}, {table} -> {rows(384)}", [ids, table], [rows(384)])
    assert list(chosen(embedding).operands) == ["ids", "table"]
    assert "by i32 or i64" in refusal(embedding.replace("xi64", "xi16"))
    text = program(f"%y0 = nn.last_tokens %0, %1 : {rows(384)}, {offsets} -> {last}", [rows(384), offsets], [last])
    assert list(chosen(text).operands) == ["h", "seq_offsets"]
