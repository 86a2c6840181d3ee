"""Stored tensors: random by name, state dicts, checkpoints in one or several files, and what does not fit."""

import json
from pathlib import Path

import pytest
import torch
from phased_program import phased_text
from roundtrip import parse
from safetensors.torch import save_file

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import check_weights, required_headers, required_tensors
from dsv3c.backends.reference.weights import RandomWeights, SafetensorsWeights, StateDictWeights, WeightsError

PROGRAM = """
func.func private @mlp(%x: tensor<3x4xbf16>) -> tensor<3x6xbf16> {
  %w = weight.param "both" : tensor<6x4xbf16> {
    %a = weight.stored "a.weight" : tensor<2x4xbf16>
    %b = weight.stored_each "b.{}.weight" count 4 : tensor<4x4xbf16>
    %w = aten.cat([%a, %b]) : tensor<6x4xbf16>
    weight.yield %w : tensor<6x4xbf16>
  }
  %y = nn.linear %x, %w : tensor<3x4xbf16>, tensor<6x4xbf16> -> tensor<3x6xbf16>
  func.return %y : tensor<3x6xbf16>
}
func.func @main(%x: tensor<3x4xbf16>) -> tensor<3x6xbf16> {
  %n = weight.param "norm.weight" : tensor<4xbf16>
  %h = nn.rms_norm %x, %n eps 1.0e-06 weight_in "f32" : tensor<3x4xbf16>, tensor<4xbf16>
  %y = func.call @mlp(%h) {prefix = "layers.7.mlp"} : (tensor<3x4xbf16>) -> tensor<3x6xbf16>
  func.return %y : tensor<3x6xbf16>
}
"""

NAMES = ["layers.7.mlp.a.weight", *(f"layers.7.mlp.b.{i}.weight" for i in range(4)), "norm.weight"]


def state() -> dict[str, torch.Tensor]:
    weights = RandomWeights(3, required_headers(parse(PROGRAM)))
    return {name: weights.tensor(name) for name in weights.names()}


def test_required_tensors_follow_calls_and_recipes() -> None:
    required = required_tensors(parse(PROGRAM))
    assert sorted(required) == NAMES
    assert required["layers.7.mlp.b.2.weight"] == ((4,), "bf16")
    assert required["layers.7.mlp.a.weight"] == ((2, 4), "bf16")
    phased = required_tensors(parse(phased_text()))
    assert phased == required_tensors(parse(phased_text()), "prefill") | required_tensors(
        parse(phased_text()), "decode"
    )
    assert phased["layers.1.experts.3.up.weight"] == ((8, 32), "bf16")
    assert "layers.0.kv_b_k" not in phased


def test_recipes_make_the_value_from_stored_tensors() -> None:
    tensors, module = state(), parse(PROGRAM)
    x = torch.randn(3, 4).bfloat16()
    (y,) = Executor(module, StateDictWeights(tensors), "torch").run("main", x)
    stacked = torch.stack([tensors[f"layers.7.mlp.b.{i}.weight"] for i in range(4)])
    weight = torch.cat([tensors["layers.7.mlp.a.weight"], stacked])
    h = torch.nn.functional.rms_norm(x, (4,), tensors["norm.weight"], 1e-6)
    assert isinstance(y, torch.Tensor)
    assert torch.equal(y, torch.nn.functional.linear(h, weight))


def test_random_tensors_depend_on_seed_and_name_alone() -> None:
    headers = required_headers(parse(phased_text()))
    first, second = RandomWeights(5, headers), RandomWeights(5, dict(reversed(headers.items())))
    for name in list(headers)[::-1]:
        assert torch.equal(first.tensor(name), second.tensor(name))
    norm, bias = first.tensor("layers.0.norm.weight"), first.tensor("layers.0.gate.e_score_correction_bias")
    assert norm.min() >= 0.5
    assert norm.max() <= 1.5
    assert norm.std() > 0.1
    assert torch.cat([first.tensor(f"layers.{i}.gate.e_score_correction_bias") for i in (0, 1)]).min() < 0
    assert bias.dtype == torch.float32
    assert not torch.equal(norm, RandomWeights(6, headers).tensor("layers.0.norm.weight"))
    assert not torch.equal(norm, first.tensor("layers.1.norm.weight"))
    assert 0.5 < first.tensor("layers.0.q.weight").float().norm() / 24**0.5 < 1.5
    held = first.tensor("layers.0.q.weight")
    assert first.tensor("layers.0.q.weight") is held
    with pytest.raises(WeightsError, match="no tensor named nothing"):
        first.tensor("nothing")


def test_check_reports_everything_that_does_not_fit_at_once() -> None:
    tensors = state()
    del tensors["norm.weight"]
    del tensors["layers.7.mlp.b.3.weight"]
    tensors["layers.7.mlp.a.weight"] = torch.zeros(3, 4)
    tensors["more"] = torch.zeros(1)
    with pytest.raises(WeightsError) as caught:
        check_weights(parse(PROGRAM), StateDictWeights(tensors))
    text = str(caught.value)
    assert "2 of 6 tensors are missing: layers.7.mlp.b.3.weight, norm.weight" in text
    assert "1 tensors have another shape or type: layers.7.mlp.a.weight: [3, 4] f32, needed [2, 4] bf16" in text


def test_check_returns_tensors_nobody_uses() -> None:
    tensors = state() | {"model.layers.61.enorm.weight": torch.zeros(4)}
    assert check_weights(parse(PROGRAM), StateDictWeights(tensors)) == ["model.layers.61.enorm.weight"]


def test_a_tensor_of_another_type_is_refused_when_it_is_read() -> None:
    tensors = state() | {"norm.weight": torch.ones(4)}
    with pytest.raises(WeightsError, match=r"tensor norm\.weight is \[4\] f32; the program needs \[4\] bf16"):
        Executor(parse(PROGRAM), StateDictWeights(tensors)).run("main", torch.ones(3, 4).bfloat16())


def sharded(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    names = sorted(tensors)
    files = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in files.items():
        save_file({name: tensors[name] for name in part}, folder / file)
    index = {"weight_map": {name: file for file, part in files.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def test_checkpoints_in_one_file_and_in_several(tmp_path: Path) -> None:
    tensors = state() | {
        "fp8": torch.randn(5, 7).to(torch.float8_e4m3fn),
        "fp8_scale_inv": torch.rand(1, 1),
        "none": torch.zeros(0, 3),
        "scalar": torch.tensor(7, dtype=torch.int64),
    }
    single = tmp_path / "one.safetensors"
    save_file(tensors, single)
    for path in (single, sharded(tmp_path, tensors)):
        if path.is_dir():
            single.unlink()
        weights = SafetensorsWeights(path)
        assert sorted(weights.names()) == sorted(tensors)
        for name, tensor in tensors.items():
            assert weights.header(name) == (tuple(tensor.shape), tensor.dtype)
            read = weights.tensor(name)
            assert read.dtype == tensor.dtype
            assert torch.equal(read.flatten().view(torch.uint8), tensor.flatten().view(torch.uint8))
        assert check_weights(parse(PROGRAM), weights) == ["fp8", "fp8_scale_inv", "none", "scalar"]


def test_writing_to_a_read_tensor_leaves_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"w": torch.ones(4)}, file)
    SafetensorsWeights(file).tensor("w").zero_()
    assert SafetensorsWeights(file).tensor("w").tolist() == [1.0] * 4


def test_broken_checkpoints_are_explained(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such checkpoint"):
        SafetensorsWeights(tmp_path / "absent")
    with pytest.raises(WeightsError, match=r"no \.safetensors file"):
        SafetensorsWeights(tmp_path)
    file = tmp_path / "w.safetensors"
    save_file({"w": torch.ones(64)}, file)
    whole = file.read_bytes()
    for length in (4, 40, len(whole) - 8):
        file.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="the file is cut"):
            SafetensorsWeights(file)
    file.write_bytes(whole.replace(b'"F32"', b'"Q99"'))
    with pytest.raises(WeightsError, match="header is malformed"):
        SafetensorsWeights(file)
    file.write_bytes(whole.replace(b"[64]", b"[65]"))
    with pytest.raises(WeightsError, match="not those of its shape"):
        SafetensorsWeights(file)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text("{")
    with pytest.raises(WeightsError, match="the index is malformed"):
        SafetensorsWeights(tmp_path)
    index.write_text(json.dumps({"weight_map": {"w": "w.safetensors", "v": "gone.safetensors"}}))
    with pytest.raises(WeightsError, match=r"1 of 2 files of the index are absent: gone\.safetensors"):
        SafetensorsWeights(tmp_path)


def test_the_same_tensor_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_file({"w": torch.ones(2)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(WeightsError, match=r"tensor w is in a\.safetensors and in b\.safetensors"):
        SafetensorsWeights(tmp_path)


FP8 = """
func.func @main() -> tensor<33x50xbf16> {
  %w = weight.param "w.weight" : tensor<33x50xbf16> {
    %q = weight.stored "w.weight" : tensor<33x50xf8E4M3FN>
    %s = weight.stored "w.weight_scale_inv" : tensor<2x2xf32>
    %d = weight.dequantize %q, %s block [32, 32] : tensor<33x50xf8E4M3FN>, tensor<2x2xf32> -> tensor<33x50xbf16>
    weight.yield %d : tensor<33x50xbf16>
  }
  func.return %w : tensor<33x50xbf16>
}
"""


def test_block_scaled_weights_are_dequantised_as_a_loop_would() -> None:
    quantized = (torch.randn(33, 50) * 100).to(torch.float8_e4m3fn)
    scale = torch.rand(2, 2) + 0.01
    weights = StateDictWeights({"w.weight": quantized, "w.weight_scale_inv": scale})
    (value,) = Executor(parse(FP8), weights).run("main")
    assert isinstance(value, torch.Tensor)
    expected = torch.empty(33, 50, dtype=torch.bfloat16)
    for row in range(33):
        for column in range(50):
            product = quantized[row, column].float() * scale[row // 32, column // 32]
            expected[row, column] = product.to(torch.bfloat16)
    assert torch.equal(value, expected)
