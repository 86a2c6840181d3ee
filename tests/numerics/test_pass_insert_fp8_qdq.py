"""Quantised products: the bytes of an FP8 checkpoint are used as stored, and what is quantised here is the formula."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.params import Params, param_ops, required_headers
from dsv3c.backends.reference.weights import RandomWeights, SafetensorsWeights, Weights
from dsv3c.compilation.pipelines import RAISE
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.functions import join_path
from dsv3c.ir.scaled_type import is_scaled
from dsv3c.models.checkpoint_names import scale_name
from dsv3c.models.configs import ModelConfig, QuantizationConfig, load_config, to_hf

RAISED = ",".join(RAISE)
FP8 = torch.float8_e4m3fn


def config(**sizes: int) -> ModelConfig:
    quantized = QuantizationConfig(weight_block_size=(128, 128), scale_fmt="f32")
    small = replace(load_config("tiny"), num_hidden_layers=2, first_k_dense_replace=1, num_mtp_layers=0, vocab_size=64)
    return replace(small, n_routed_experts=8, quantization=quantized, **sizes)


ALIGNED = config(q_lora_rank=256, intermediate_size=512, moe_intermediate_size=128)
"""[q_a; kv_a] and [gate; up] end with whole blocks, but for the last."""
UNALIGNED = config()
"""Experts are 192 wide: 1.5 blocks."""


def write_checkpoint(folder: Path, model: ModelConfig) -> Path:
    """A random FP8 checkpoint of a configuration."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(to_hf(model)))
    headers = required_headers(dsv3c.capture(str(folder), semantics="deepseek").op)
    generator, tensors = torch.Generator().manual_seed(3), dict[str, Tensor]()
    for name, (sizes, dtype) in headers.items():
        if dtype == FP8:
            codes = torch.randint(0, 127, sizes, generator=generator) + 128 * torch.randint(
                0, 2, sizes, generator=generator
            )
            tensors[name] = codes.to(torch.uint8).view(FP8)
        elif name.endswith("_scale_inv"):
            tensors[name] = torch.rand(sizes, generator=generator) * 1e-3 + 1e-4
        else:
            tensors[name] = torch.randn(sizes, generator=generator).to(dtype)
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("fp8")
    models = {"aligned": ALIGNED, "unaligned": UNALIGNED}
    return {name: write_checkpoint(root / name, model) for name, model in models.items()}


def scaled_values(module: Module, weights: Weights) -> Iterator[tuple[ParamOp, str, Scaled]]:
    """The quantised parameters of a program, absolute, with their values."""
    params = Params(weights)
    for op, prefix in param_ops(module.op, "main"):
        if is_scaled(op.value):
            value = params.get(op, prefix)
            assert isinstance(value, Scaled)
            yield op, join_path(prefix, op.key.data.split(":")[0].split("+")[0]), value


def same_bytes(left: Tensor, right: Tensor) -> bool:
    return left.dtype == right.dtype and torch.equal(left.view(torch.uint8), right.view(torch.uint8))


def stored(weights: Weights, names: Sequence[str], dim: int = 0) -> tuple[Tensor, Tensor]:
    """Data and scales of stored tensors, joined."""
    data = torch.cat([weights.tensor(name).view(torch.uint8) for name in names], dim).view(FP8)
    return data, torch.cat([weights.tensor(scale_name(name)) for name in names], dim)


def experts(weights: Weights, layer: str, kinds: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Data and scales of all experts of a layer, their projections joined."""
    each = [stored(weights, [f"{layer}.mlp.experts.{e}.{kind}.weight" for kind in kinds]) for e in range(8)]
    return torch.stack([data.view(torch.uint8) for data, _ in each]).view(FP8), torch.stack([s for _, s in each])


def test_a_checkpoint_is_used_bit_for_bit(checkpoints: dict[str, Path]) -> None:
    folder = checkpoints["aligned"]
    captured = dsv3c.capture(str(folder), semantics="deepseek", weights=folder)
    module = dsv3c.opt(captured, f"{RAISED},bucket-tokens,insert-fp8-qdq")
    weights, seen = SafetensorsWeights(folder), set[str]()
    for op, name, value in scaled_values(module, weights):
        layer = name.split(".mlp.experts")[0]
        if name.endswith(".gate_up_proj"):
            data, scale = experts(weights, layer, ["gate_proj", "up_proj"])
        elif name.endswith(".experts.down_proj"):
            data, scale = experts(weights, layer, ["down_proj"])
        else:
            data, scale = stored(weights, [name])
        assert same_bytes(value.data, data), op.key
        assert torch.equal(value.scale, scale), op.key
        seen.add(name)
    quantised = {name.removesuffix("_scale_inv") for name in weights.names() if name.endswith("_scale_inv")}
    assert {name for name in seen if "experts." not in name or "shared" in name} == {
        name for name in quantised if ".experts." not in name
    }
    assert {name for name in seen if ".mlp.experts." in name} == {
        f"model.layers.1.mlp.experts.{name}" for name in ("gate_up_proj", "down_proj")
    }
    assert "quantised again" not in module.remarks


def test_also_after_projections_are_merged(checkpoints: dict[str, Path]) -> None:
    folder = checkpoints["aligned"]
    captured = dsv3c.capture(str(folder), semantics="deepseek", weights=folder)
    module = dsv3c.opt(captured, f"{RAISED},merge-projections,bucket-tokens,insert-fp8-qdq")
    weights = SafetensorsWeights(folder)
    values = {name: (op, value) for op, name, value in scaled_values(module, weights)}
    for layer, mlp in (("model.layers.0", "mlp"), ("model.layers.1", "mlp.shared_experts")):
        pairs = {
            f"{layer}.self_attn.q_a_proj.weight": f"{layer}.self_attn.kv_a_proj_with_mqa.weight",
            f"{layer}.{mlp}.gate_proj.weight": f"{layer}.{mlp}.up_proj.weight",
        }
        for first, second in pairs.items():
            op, value = values[first]
            assert "+" in op.key.data
            data, scale = stored(weights, [first, second])
            assert same_bytes(value.data, data)
            assert torch.equal(value.scale, scale)
    assert "quantised again" not in module.remarks


def test_what_blocks_do_not_survive_is_quantised_again(checkpoints: dict[str, Path]) -> None:
    folder = checkpoints["unaligned"]
    captured = dsv3c.capture(str(folder), semantics="deepseek", weights=folder)
    module = dsv3c.opt(captured, f"{RAISED},bucket-tokens,insert-fp8-qdq,fold-weights")
    assert module.remarks.count("quantised again: a part of 192 ends inside a block of 128 along dim 1") == 1
    assert module.remarks.count("weight as stored") > 5
    weights = SafetensorsWeights(folder)
    (value,) = [value for op, _, value in scaled_values(module, weights) if "gate_up" in op.key.data]
    data, scale = experts(weights, "model.layers.1", ["gate_proj"])
    rows = blocks(scale[:, 0], 128, 384) * data[:, 0].float()
    again = blocks(value.scale[:, 0], 128, 384) * value.data[:, 0].float()
    assert not torch.equal(again, rows)
    torch.testing.assert_close(again, rows, rtol=0.1, atol=float(value.scale.max()))


def blocks(scale: Tensor, size: int, total: int) -> Tensor:
    """One scale per element of the last dim."""
    return scale.repeat_interleave(size, -1)[..., :total]


@pytest.mark.parametrize("recipe", ["deepseek-v3", "deepseek-v3.1", "mxfp8", "per-tensor"])
def test_with_quantisation_off_no_bit_changes(recipe: str) -> None:
    raised = dsv3c.opt(dsv3c.capture("tiny", layers=(1, 3)), f"{RAISED},bucket-tokens")
    quantised = dsv3c.opt(raised, f'insert-fp8-qdq{{recipe="{recipe}"}}')
    folded = dsv3c.opt(quantised, "fold-weights")
    weights = RandomWeights(0, required_headers(raised.op))
    ids = torch.randint(1000, (1, 33), generator=torch.Generator().manual_seed(1))
    expected = Executor(raised.op, weights).run("main", ids)[0]
    assert isinstance(expected, Tensor)
    results = list[Tensor]()
    for module in (quantised, folded):
        (off,) = Executor(module.op, weights, quantization=False).run("main", ids)
        (on,) = Executor(module.op, weights).run("main", ids)
        assert isinstance(off, Tensor) and isinstance(on, Tensor)
        assert torch.equal(off, expected)
        results.append(on)
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], expected)


PROGRAM = """
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @main(%x: tensor<5x256xbf16>) -> tensor<5x160xbf16> {
    %w = weight.param "w.weight" : tensor<160x256xbf16>
    %b = weight.param "w.bias" : tensor<160xbf16>
    %y = nn.linear %x, %w bias %b : tensor<160xbf16>, : tensor<5x256xbf16>, tensor<160x256xbf16> -> tensor<5x160xbf16>
    func.return %y : tensor<5x160xbf16>
  }
}
"""


def test_products_are_those_of_the_paper() -> None:
    module = dsv3c.opt(PROGRAM, "insert-fp8-qdq,fold-weights")
    weights = RandomWeights(0, required_headers(module.op))
    x = (torch.randn(5, 256, generator=torch.Generator().manual_seed(2)) * 3).bfloat16()
    (y,) = Executor(module.op, weights).run("main", x)
    w, b = weights.tensor("w.weight").float(), weights.tensor("w.bias").double()
    scale_x = x.float().view(5, 2, 128).abs().amax(-1).clamp(min=1e-4) / 448
    wide_x = scale_x.repeat_interleave(128, 1)
    data_x = (x.float() / wide_x).to(FP8).float()
    padded = torch.zeros(256, 256)
    padded[:160] = w
    scale_w = padded.view(2, 128, 2, 128).abs().amax((1, 3)).clamp(min=1e-4) / 448
    wide_w = scale_w.repeat_interleave(128, 0).repeat_interleave(128, 1)[:160]
    data_w = (w * (1 / wide_w)).to(FP8).float()
    expected = (data_x * wide_x).double() @ (data_w * wide_w).double().T + b
    assert isinstance(y, Tensor)
    assert torch.equal(y, expected.to(torch.bfloat16))
