"""What the fusions of quantisers do to results: movement keeps every bit, products stay within 3e-8."""

from functools import cache

import pytest
import torch
from torch import Tensor

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.checking.metrics import difference, same_bits
from dsv3c.compilation.pipelines import RAISE

T, D, N = 9, 512, 160
LIMIT = 3e-8
"""calc_diff of an f32 product against the dequantised one, promoted every 128."""
FORMATS = {
    "deepseek-v3": ("1x128", "128x128", "f32", "none"),
    "deepseek-v3.1": ("1x128", "128x128", "f8E8M0FNU", "pow2"),
    "mxfp8": ("1x32", "1x32", "f8E8M0FNU", "pow2"),
    "per-row": ("1x*", "1x*", "f32", "none"),
}


def numbers(kind: str, rows: int, columns: int, seed: int) -> Tensor:
    made = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    if kind == "positive":
        made = made.abs()
    if kind == "outliers":
        made[:, ::61] *= 100
    return made.bfloat16()


def program(body: str, arguments: dict[str, str], results: list[str]) -> str:
    head = ", ".join(f"%{name}: {kind}" for name, kind in arguments.items())
    text = f"func.func @main({head}) -> ({', '.join(results)}) {{ {body} }}"
    return f'builtin.module attributes {{dsv3c.facts = ["raised"]}} {{ {text} }}'


def run(
    text: str, passes: str, *arguments: Tensor, gone: str = "", present: str = ""
) -> tuple[list[Tensor], list[Tensor]]:
    """Results before and after the passes, which take ``gone`` ops away and bring ``present`` ones."""
    after = dsv3c.opt(text, passes)
    names = {op.name for op in after.op.walk()}
    assert gone not in names and (not present or present in names), str(after)
    return dsv3c.execute(text, "main", *arguments), dsv3c.execute(after, "main", *arguments)


def quantized(shape: str, granule: str, scale: str) -> str:
    return f"!scaled.tensor<tensor<{shape}xf8E4M3FN>, {granule}, {scale}>"


def quantize(result: str, x: str, kind: str, made: str, rounding: str) -> str:
    how = f'quantizer <amax_floor 1.0e-4, apply "divide", round_scale "{rounding}">'
    return f"%{result} = scaled.quantize %{x} {how} : {kind} -> {made}\n"


def dequantize(result: str, q: str, kind: str, made: str) -> str:
    return f"%{result} = scaled.dequantize %{q} : {kind} -> {made}\n"


@pytest.mark.parametrize("kind", ["signed", "positive", "outliers"])
@pytest.mark.parametrize("recipe", FORMATS)
def test_a_fused_product_is_the_product_of_the_dequantised_factors(recipe: str, kind: str) -> None:
    gx, gw, scale, rounding = FORMATS[recipe]
    x, w, y = f"tensor<{T}x{D}xbf16>", f"tensor<{N}x{D}xbf16>", f"tensor<{T}x{N}xf32>"
    qx, qw = quantized(f"{T}x{D}", gx, scale), quantized(f"{N}x{D}", gw, scale)
    body = quantize("q", "x", x, qx, rounding) + quantize("p", "w", w, qw, rounding)
    body += dequantize("qd", "q", qx, f"tensor<{T}x{D}xf32>") + dequantize("pd", "p", qw, f"tensor<{N}x{D}xf32>")
    body += f"%y = nn.linear %qd, %pd bias %b : tensor<{N}xf32>, : tensor<{T}x{D}xf32>, tensor<{N}x{D}xf32> -> {y}\n"
    text = program(body + f"func.return %y : {y}", {"x": x, "w": w, "b": f"tensor<{N}xf32>"}, [y])
    inputs = numbers(kind, T, D, 0), numbers(kind, N, D, 1), torch.randn(N)
    [before], [after] = run(text, "fuse-qdq,dce", *inputs, gone="scaled.dequantize", present="scaled.mm")
    assert difference([(after, before)]).calc_diff < LIMIT
    exact = before - inputs[2] - inputs[0].double() @ inputs[1].double().T
    assert float(exact.norm() / before.norm()) > 1e-4, "nothing was quantised"


@pytest.mark.parametrize("kind", ["signed", "positive", "outliers"])
def test_fused_products_of_experts(kind: str) -> None:
    x, e, ids = f"tensor<{T}x{D}xbf16>", f"tensor<4x{N}x{D}xbf16>", f"tensor<{T}x2xi64>"
    rows, moved = 2 * T + 4 * 15, f"tensor<{2 * T + 60}x{D}xbf16>"
    qr, qe = quantized(f"{rows}x{D}", "1x128", "f32"), quantized(f"4x{N}x{D}", "1x128x128", "f32")
    numbering, y = f"tensor<{rows}xi32>", f"tensor<{rows}x{N}xf32>"
    body = f'%r, %s, %n = moe.permute %x by %ids experts 4 layout "contiguous" alignment 16 : {x}, {ids} '
    body += f"-> {moved}, {numbering}, {numbering}\n"
    body += quantize("q", "r", moved, qr, "none") + quantize("p", "e", e, qe, "none")
    body += dequantize("qd", "q", qr, moved.replace("bf16", "f32")) + dequantize(
        "pd", "p", qe, e.replace("bf16", "f32")
    )
    body += f"%y = moe.grouped_mm %qd, %pd by %n : {moved.replace('bf16', 'f32')}, {e.replace('bf16', 'f32')}, "
    body += f"{numbering} -> {y}\nfunc.return %y : {y}"
    choices = torch.stack([torch.randperm(4)[:2] for _ in range(T)])
    choices[2, 1] = -1
    inputs = numbers(kind, T, D, 2), choices, numbers(kind, 4 * N, D, 3).view(4, N, D)
    text = program(body, {"x": x, "ids": ids, "e": e}, [y])
    [before], [after] = run(text, "fuse-qdq,dce", *inputs, gone="scaled.dequantize", present="scaled.grouped_mm")
    assert difference([(after, before)]).calc_diff < LIMIT
    assert torch.equal((after == 0).all(1), (before == 0).all(1)) and bool((before == 0).all(1).any())


MOVED = {
    "permute": (
        f'%m, %s, %n = moe.permute %x by %ids experts 4 layout "dense" alignment 1 : tensor<{T}x{D}xbf16>, '
        f"tensor<{T}x2xi64> -> tensor<{4 * T}x{D}xbf16>, tensor<{4 * T}xi32>, tensor<{4 * T}xi32>\n",
        f"{4 * T}x{D}",
        "1x128",
    ),
    "reshape": (f"%n = nn.rms_norm %x, %g eps 0.0 weight_in \"f32\" : tensor<{T}x{D}xbf16>, tensor<{D}xbf16>\n"
                f"%m = aten.view(%n) : tensor<{T}x4x128xbf16>\n", f"{T}x4x128", "1x1x128"),
    "blocks": (f"%n = nn.rms_norm %x, %g eps 0.0 weight_in \"f32\" : tensor<{T}x{D}xbf16>, tensor<{D}xbf16>\n"
               f"%m = aten.view(%n) : tensor<{T}x8x64xbf16>\n", f"{T}x8x64", "1x2x64"),
}  # fmt: skip


@pytest.mark.parametrize("rounding", ["none", "pow2"])
@pytest.mark.parametrize("kind", ["signed", "outliers", "zero"])
@pytest.mark.parametrize("way", MOVED)
def test_quantising_before_moving_keeps_every_bit(way: str, kind: str, rounding: str) -> None:
    body, shape, granule = MOVED[way]
    q, y = quantized(shape, granule, "f32"), f"tensor<{shape}xf32>"
    body += quantize("q", "m", f"tensor<{shape}xbf16>", q, rounding) + dequantize("y", "q", q, y)
    arguments = {"x": f"tensor<{T}x{D}xbf16>", "g": f"tensor<{D}xbf16>", "ids": f"tensor<{T}x2xi64>"}
    text = program(body + f"func.return %y : {y}", arguments, [y])
    choices = torch.stack([torch.randperm(4)[:2] for _ in range(T)])
    x = numbers(kind, T, D, 5) * (0 if kind == "zero" else 1)
    fused = dsv3c.opt(text, "fuse-qdq")
    quantizers = [op for op in fused.op.walk() if op.name == "scaled.quantize"]
    assert [op.operands[0].name_hint for op in quantizers] == ["x" if way == "permute" else "n"]
    [before], [after] = run(text, "fuse-qdq", x, torch.randn(D).bfloat16(), choices)
    assert same_bits(after, before)


def test_parts_of_what_is_quantised_keep_every_bit() -> None:
    x, part, q = f"tensor<{T}x{D}xbf16>", f"tensor<{T}x256xbf16>", quantized(f"{T}x256", "1x128", "f32")
    body, y = "", f"tensor<{T}x256xf32>"
    for name, start in (("a", 0), ("b", 256)):
        body += f"%{name} = aten.slice.Tensor(%x, dim = 1, start = {start}, end = {start + 256}) : {part}\n"
        body += quantize(f"{name}q", name, part, q, "none") + dequantize(f"{name}d", f"{name}q", q, y)
    text = program(body + f"func.return %ad, %bd : {y}, {y}", {"x": x}, [y, y])
    before, after = run(text, "fuse-qdq", numbers("signed", T, D, 6), present="scaled.slice")
    assert all(map(same_bits, after, before))


SCALES = {"ordinary": 1.0, "tiny": 1e-7, "huge": 1e30, "zero": 0.0}


@pytest.mark.parametrize("between", ["f32", "bf16"])
@pytest.mark.parametrize("size", SCALES)
def test_quantising_what_was_dequantised_gives_the_same_products(size: str, between: str) -> None:
    """Values on the edge of a power of two are quantised with half the scale the second time."""
    x, q = f"tensor<{T}x{D}xbf16>", quantized(f"{T}x{D}", "1x128", "f32")
    w, p, y = f"tensor<{N}x{D}xbf16>", quantized(f"{N}x{D}", "128x128", "f32"), f"tensor<{T}x{N}xf32>"
    body = quantize("a", "x", x, q, "pow2") + dequantize("d", "a", q, f"tensor<{T}x{D}x{between}>")
    body += quantize("b", "d", f"tensor<{T}x{D}x{between}>", q, "pow2") + quantize("p", "w", w, p, "none")
    body += f"%y = scaled.mm %b, %p promote 128 : {q}, {p} -> {y}\nfunc.return %y : {y}"
    text = program(body, {"x": x, "w": w}, [y])
    values = numbers("signed", T, D, 7) * SCALES[size]
    values[0, 5], values[1] = 225.0 * SCALES[size], values[1] * 2.0**-12
    [before], [after] = run(text, "fuse-qdq", values, numbers("signed", N, D, 8), gone="scaled.dequantize")
    assert same_bits(after, before)


@pytest.mark.parametrize("kind", ["signed", "outliers"])
@pytest.mark.parametrize("keep", [False, True])
def test_a_norm_that_quantises_keeps_every_bit(kind: str, *, keep: bool) -> None:
    x, q, y = f"tensor<{T}x{D}xbf16>", quantized(f"{T}x{D}", "1x128", "f32"), f"tensor<{T}x{D}xf32>"
    body = f'%n = nn.rms_norm %x, %g eps 1.0e-06 weight_in "input" : {x}, tensor<{D}xbf16>\n'
    body += quantize("q", "n", x, q, "none") + dequantize("y", "q", q, y)
    kept = "n" if keep else "x"
    text = program(body + f"func.return %y, %{kept} : {y}, {x}", {"x": x, "g": f"tensor<{D}xbf16>"}, [y, x])
    inputs = numbers(kind, T, D, 9), torch.randn(D).bfloat16()
    before, after = run(text, "fuse-rms-norm-quant", *inputs, gone="nn.rms_norm", present="scaled.rms_norm")
    assert all(map(same_bits, after, before))
    _, relaxed = run(text, "fuse-rms-norm-quant{relaxed-rounding=true}", *inputs)
    assert not same_bits(relaxed[0], before[0])
    assert difference([(relaxed[0], before[0])]).relative_l2 < 0.03


@pytest.mark.parametrize("kind", ["signed", "outliers"])
@pytest.mark.parametrize("rounded", ["input", "f32"])
def test_a_gated_activation_that_quantises_keeps_every_bit(kind: str, rounded: str) -> None:
    x, q, y = f"tensor<{T}x{D}xbf16>", quantized(f"{T}x{D}", "1x128", "f32"), f"tensor<{T}x{D}xf32>"
    body = f'%m = nn.swiglu %g, %u intermediate "{rounded}" : {x}\n'
    body += quantize("q", "m", x, q, "none") + dequantize("y", "q", q, y)
    text = program(body + f"func.return %y : {y}", {"g": x, "u": x}, [y])
    inputs = numbers(kind, T, D, 10), numbers(kind, T, D, 11)
    [before], [after] = run(text, "fuse-swiglu-quant", *inputs, gone="nn.swiglu", present="scaled.swiglu")
    assert same_bits(after, before)
    [_], [relaxed] = run(text, "fuse-swiglu-quant{relaxed-rounding=true}", *inputs)
    assert not same_bits(relaxed, before) and difference([(relaxed, before)]).relative_l2 < 0.03


STEPS = ("merge-projections", "bucket-tokens", 'insert-fp8-qdq{recipe="RECIPE"}', "fold-weights", "fuse-qdq")
FUSE = ("fuse-rms-norm-quant", "fuse-swiglu-quant", "dce")


@cache
def raised() -> Module:
    return dsv3c.opt(dsv3c.capture("tiny", layers=(1, 3)), ",".join(RAISE))


@cache
def tiny(recipe: str, count: int) -> Module:
    steps = [step.replace("RECIPE", recipe) for step in (*STEPS, *FUSE)]
    return dsv3c.opt(raised(), ",".join(steps[:count]))


@pytest.mark.parametrize("recipe", ["deepseek-v3", "deepseek-v3.1", "mxfp8"])
def test_one_quantiser_per_activation_and_nothing_dequantised(recipe: str) -> None:
    module = tiny(recipe, len(STEPS) + len(FUSE))
    used = [op.name for op in module.op.walk()]
    assert "scaled.dequantize" not in used and "nn.swiglu" not in used
    for op in module.op.walk():
        for value in op.results:
            quantizers = [use.operation for use in value.uses if use.operation.name == "scaled.quantize"]
            assert len(quantizers) < 2, f"{value.name_hint} is quantised {len(quantizers)} times"
    # the rows of experts are quantised with the input of the shared expert, by the norm before both
    [layer] = [op for op in module.op.walk() if op.name == "func.func" and "moe.permute" in str(op)]
    norms = [op for op in layer.walk() if op.name == "scaled.rms_norm"]
    assert [len(op.results) for op in norms] == [1, 1, 1, 2], "the router reads the last one unquantised"
    readers = {use.operation.name for use in norms[-1].results[0].uses}
    assert "scaled.mm" in readers and readers & {"moe.permute", "scaled.reshape"}


@pytest.mark.parametrize("recipe", ["deepseek-v3", "deepseek-v3.1", "mxfp8"])
def test_fusing_keeps_the_logits_of_a_model(recipe: str) -> None:
    """The fused norms and activations keep every bit; the products are judged with quantisation off."""
    ids = torch.randint(1000, (2, 7), generator=torch.Generator().manual_seed(0))

    def logits(count: int, *, quantization: bool = True) -> Tensor:
        module = tiny(recipe, count).op
        weights = RandomWeights(1, required_headers(module))
        [found] = Executor(module, weights, quantization=quantization).run("main", ids)
        assert isinstance(found, Tensor)
        return found

    fused, last = len(STEPS), len(STEPS) + len(FUSE)
    assert same_bits(logits(last), logits(fused))
    assert not same_bits(logits(fused), logits(2))
    assert difference([(logits(fused, quantization=False), logits(2))]).relative_l2 < 1e-2
