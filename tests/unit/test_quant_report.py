"""The quantisation report: ratios, clipping, underflow and outliers against numbers worked out apart."""

import json
from math import inf, log10

import pytest
import torch
from roundtrip import parse
from torch import Tensor
from xdsl.dialects.builtin import Float8E4M3FNType

from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.types import tensor_type
from dsv3c.reports.quant_report import QuantReport, Tally, TensorReport, decibel, quant_report

ROWS, WEIGHT = '!scaled.tensor<tensor<?x8xf8E4M3FN, ["T"]>, 1x4, f32>', "!scaled.tensor<tensor<6x8xf8E4M3FN>, 4x4, f32>"
QUANTIZER = 'quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none">'
X = 'tensor<?x8xbf16, ["T"]>'
PROGRAM = f"""
dsv3c.symbol @T min 1 max 64
func.func private @layer(%x: {X}) -> {X} {{
  %norm = weight.param "norm.weight" : tensor<8xbf16>
  %made = weight.param "made.weight" : {WEIGHT} {{
    %u = weight.stored "made.weight" : tensor<6x8xbf16>
    %q = scaled.quantize %u {QUANTIZER} : tensor<6x8xbf16> -> {WEIGHT}
    weight.yield %q : {WEIGHT}
  }}
  %stored = weight.param "stored.weight" : {WEIGHT} {{
    %d = weight.stored "stored.weight" : tensor<6x8xf8E4M3FN>
    %s = weight.stored "stored.weight_scale_inv" : tensor<2x2xf32>
    %q = scaled.assemble %d, %s : tensor<6x8xf8E4M3FN>, tensor<2x2xf32> -> {WEIGHT}
    weight.yield %q : {WEIGHT}
  }}
  %plain = weight.param "plain.weight" : tensor<6x8xbf16>
  %xq = scaled.quantize %x {QUANTIZER} : {X} -> {ROWS}
  %nq = scaled.rms_norm %x, %norm eps 1.0e-6 weight_in "input" intermediate bf16 {QUANTIZER} : {X}, tensor<8xbf16> -> {ROWS}
  %pq = scaled.quantize %plain {QUANTIZER} : tensor<6x8xbf16> -> {WEIGHT}
  %a = scaled.mm %xq, %made promote 4 : {ROWS}, {WEIGHT} -> tensor<?x6xbf16, ["T"]>
  %b = scaled.mm %nq, %stored promote 4 : {ROWS}, {WEIGHT} -> tensor<?x6xbf16, ["T"]>
  %c = scaled.mm %xq, %pq promote 4 : {ROWS}, {WEIGHT} -> tensor<?x6xbf16, ["T"]>
  %sq = scaled.swiglu %a, %b intermediate "input" rounded_to bf16 {QUANTIZER} : tensor<?x6xbf16, ["T"]>, tensor<?x6xbf16, ["T"]> -> !scaled.tensor<tensor<?x6xf8E4M3FN, ["T"]>, 1x4, f32>
  %y = aten.mul.Scalar(%x, other = 2.0) : {X}
  func.return %y : {X}
}}
func.func @main(%x: {X}) -> {X} {{
  %a = func.call @layer(%x) {{prefix = "layers.0"}} : ({X}) -> {X}
  %b = func.call @layer(%a) {{prefix = "layers.1"}} : ({X}) -> {X}
  func.return %b : {X}
}}
"""  # noqa: E501


def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    found = dict[str, Tensor]()
    for layer in range(2):
        found[f"layers.{layer}.norm.weight"] = torch.ones(8, dtype=torch.bfloat16)
        found[f"layers.{layer}.made.weight"] = torch.randn(6, 8).to(torch.bfloat16) * (layer + 1)
        found[f"layers.{layer}.plain.weight"] = torch.randn(6, 8).to(torch.bfloat16)
        found[f"layers.{layer}.stored.weight"] = torch.randn(6, 8).to(torch.float8_e4m3fn)
        found[f"layers.{layer}.stored.weight_scale_inv"] = torch.tensor([[2.0, 1.0], [1.0, 1.0]])
    return found


def expected_db(x: Tensor, blocks: tuple[int, int]) -> float:
    """Block by block, from the formula of the quantiser."""
    signal = noise = 0.0
    for row in range(0, x.shape[0], blocks[0]):
        for column in range(0, x.shape[1], blocks[1]):
            block = x[row : row + blocks[0], column : column + blocks[1]].float()
            scale = max(block.abs().max().item(), 1e-4) / 448
            back = (block / torch.tensor(scale, dtype=torch.float32)).to(torch.float8_e4m3fn).double() * scale
            signal += (block.double() ** 2).sum().item()
            noise += ((block.double() - back) ** 2).sum().item()
    return 10 * log10(signal / noise)


def report(x: Tensor, *more: Tensor, multiple: float = 8.0) -> dict[str, TensorReport]:
    module = parse(PROGRAM)
    found = quant_report(
        module, StateDictWeights(weights()), "main", [(one,) for one in (x, *more)], outlier_multiple=multiple
    )
    assert len({item.name for item in found.tensors}) == len(found.tensors)
    return {item.name: item for item in found.tensors}


def test_every_quantised_tensor_of_every_layer_has_a_line() -> None:
    found = report(torch.randn(5, 8).to(torch.bfloat16))
    names = ("made.weight", "stored.weight", "plain.weight")
    assert {name for name, item in found.items() if item.kind == "weight"} == {
        f"layers.{layer}.{name}" for layer in range(2) for name in names
    }
    assert {name for name, item in found.items() if item.kind == "activation"} == {
        f"layers.{layer}: %{name}" for layer in range(2) for name in ("xq", "nq", "sq")
    }


def test_ratios_are_those_of_the_formula() -> None:
    torch.manual_seed(3)
    x = (torch.randn(5, 8) * 3).to(torch.bfloat16)
    found, given = report(x), weights()
    assert found["layers.0: %xq"].sqnr_db == pytest.approx(expected_db(x, (1, 4)), rel=1e-6)
    # the second layer gets twice the first one's input: the same ratio, twice the magnitude
    assert found["layers.1: %xq"].sqnr_db == pytest.approx(expected_db(x, (1, 4)), rel=1e-6)
    assert found["layers.1: %xq"].amax == 2 * found["layers.0: %xq"].amax == 2 * x.abs().max().item()
    for layer in range(2):
        for name in ("made.weight", "plain.weight"):
            item = found[f"layers.{layer}.{name}"]
            tensor = given[f"layers.{layer}.{name}"]
            assert item.sqnr_db == pytest.approx(expected_db(tensor, (4, 4)), rel=1e-6)
            assert (item.amax, item.elements) == (tensor.abs().max().item(), 48)
            assert item.format == "4x4 f8E4M3FN, f32 scales"
            assert item.saturated == 0


def test_several_runs_are_one_tensor() -> None:
    torch.manual_seed(4)
    x, y = torch.randn(5, 8).to(torch.bfloat16), torch.randn(3, 8).to(torch.bfloat16)
    both = report(x, y)["layers.0: %xq"]
    assert both.elements == 64
    assert both.sqnr_db == pytest.approx(expected_db(torch.cat([x, y]), (1, 4)), rel=1e-6)


def test_stored_weights_show_what_they_hold() -> None:
    item = report(torch.ones(1, 8).to(torch.bfloat16))["layers.0.stored.weight"]
    data = weights()["layers.0.stored.weight"].float()
    data[:4, :4] *= 2
    assert item.amax == data.abs().max().item()
    assert (item.sqnr_db, item.saturated, item.underflowed) == (None, None, None)


def test_small_numbers_beside_large_ones_vanish() -> None:
    x = torch.tensor([[448.0, 5e-4, -5e-4, 0.0, 1.0, 1.0, 1.0, 1.0]]).to(torch.bfloat16)
    item = report(x)["layers.0: %xq"]
    assert item.underflowed == 2 / 8
    assert item.saturated == 0


def test_outlier_channels() -> None:
    x = torch.ones(4, 8).to(torch.bfloat16)
    x[2, 5] = -9.0
    x[1, 6] = 8.0
    item = report(x)["layers.0: %xq"]
    assert (item.outlier_channels, item.channels) == ((5,), 8)
    assert report(x, multiple=7.9)["layers.0: %xq"].outlier_channels == (5, 6)


def kind() -> ScaledType:
    return ScaledType.make(tensor_type((2, 4), Float8E4M3FNType()), (1, 4))


def how(*, static: float | None, saturate: bool) -> dict[str, object]:
    return {
        "granule": (1, 4), "data": torch.float8_e4m3fn, "scale": torch.float32, "amax_floor": 1e-4, "static": static,
        "apply": "divide", "round_scale": "none", "saturate": saturate,
    }  # fmt: skip


def test_a_static_scale_clips() -> None:
    tally = Tally("t", "activation", "", kind())
    tally.add(torch.tensor([[448.0, 449.0, -900.0, 1.0], [896.0, 0.0, 2.0, 448.5]]), how(static=1.0, saturate=True))  # pyright: ignore
    item = tally.report(8.0)
    assert item.saturated == 4 / 8
    assert item.sqnr_db is not None
    signal = 448.0**2 + 449**2 + 900**2 + 1 + 896**2 + 4 + 448.5**2
    assert item.sqnr_db == pytest.approx(10 * log10(signal / (1 + 452**2 + 448**2 + 0.25)))


def test_ratios_at_the_ends() -> None:
    assert decibel(1.0, 0.0) == inf
    assert decibel(0.0, 1.0) == -inf
    assert decibel(100.0, 1.0) == 20
    exact = Tally("t", "activation", "", kind())
    exact.add(torch.tensor([[448.0, 0.0, 1.0, 2.0]] * 2), how(static=None, saturate=False))  # pyright: ignore
    assert exact.report(8.0).sqnr_db == inf
    unseen = Tally("t", "activation", "", kind()).report(8.0)
    assert (unseen.elements, unseen.amax, unseen.saturated, unseen.channels) == (0, 0.0, 0.0, 0)
    empty = Tally("t", "activation", "", kind())
    empty.add(torch.zeros(0, 4), how(static=None, saturate=False))  # pyright: ignore
    assert empty.report(8.0).elements == 0


def test_text_and_json() -> None:
    torch.manual_seed(5)
    module = parse(PROGRAM)
    made = quant_report(module, StateDictWeights(weights()), "main", [(torch.randn(5, 8).to(torch.bfloat16),)])
    lines = made.text().splitlines()
    assert lines[0].split() == [
        "tensor", "kind", "format", "SQNR", "dB", "amax", "saturated", "underflowed", "outlier", "channels",
    ]  # fmt: skip
    ratios = [
        float(line.split("scales")[1].split()[0]) for line in lines[1:] if "scales" in line and "stored" not in line
    ]
    assert ratios == sorted(ratios)
    assert "stored" in lines[-2]
    assert lines[-1].startswith("outlier channels: largest magnitude above 8 times")
    assert "9 more tensors" in made.text(most=3)
    data = json.loads(made.json())
    assert len(data["tensors"]) == 12
    assert data["outlier_multiple"] == 8
    exact = TensorReport(**(data["tensors"][0] | {"sqnr_db": inf}))
    assert json.loads(QuantReport(tensors=(exact,), outlier_multiple=8).json())["tensors"][0]["sqnr_db"] == "inf"


def test_without_runs_there_are_only_weights() -> None:
    found = quant_report(parse(PROGRAM), StateDictWeights(weights()), "main")
    assert {item.kind for item in found.tensors} == {"weight"}


def test_a_program_without_quantisation_has_an_empty_report() -> None:
    module = parse("func.func @main(%x: tensor<2xbf16>) -> tensor<2xbf16> {\nfunc.return %x : tensor<2xbf16>\n}")
    assert quant_report(module, StateDictWeights({}), "main", [(torch.ones(2).to(torch.bfloat16),)]).tensors == ()
