"""The model's parameters, its export, and the checkpoint tensors they come from."""

from dataclasses import replace
from math import prod

import pytest
import torch
from torch.export import Dim, export

from dsv3c.models.checkpoint_names import (
    Concat,
    StackedEach,
    Stored,
    expected_tensors,
    optional_tensors,
    parameter_shapes,
    parameter_source,
)
from dsv3c.models.configs import load_config
from dsv3c.models.deepseek_v3 import DeepseekV3, build_model, build_predictor
from dsv3c.models.random_weights import init_weights
from dsv3c.models.semantics import SemanticsName

TINY = load_config("tiny")
SHORT = replace(TINY, num_hidden_layers=3)
"""Two dense layers and one of experts."""


def num_parameters(name: str, *, mtp: bool) -> int:
    """Parameters of the MTP module alone, or of the main model alone; router biases are no parameters."""
    config = load_config(name)
    own = f"model.layers.{config.num_hidden_layers}."
    shapes = {n: shape for n, shape in parameter_shapes(config, mtp=True).items() if "e_score" not in n}
    return sum(prod(shape) for n, shape in shapes.items() if n.startswith(own) == mtp)


@pytest.mark.parametrize(
    ("name", "billions"),
    [("deepseek-v3", 671.026), ("deepseek-v2", 235.741), ("deepseek-v2-lite", 15.706), ("kimi-k2", 1026.4)],
)
def test_total_parameters(name: str, billions: float) -> None:
    assert num_parameters(name, mtp=False) / 1e9 == pytest.approx(billions, abs=0.01)


def test_mtp_parameters() -> None:
    # README_WEIGHTS of DeepSeek-V3 says "11.5B unique"; the sum over its tensors is this.
    assert num_parameters("deepseek-v3", mtp=True) / 1e9 == pytest.approx(11.61, abs=0.01)


def exported(module: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.export.ExportedProgram:
    sizes = {0: Dim("B", min=1, max=64), 1: Dim("S", min=1, max=TINY.max_position_embeddings)}
    with torch.no_grad():
        return export(module, (), inputs, dynamic_shapes=dict.fromkeys(inputs, sizes), strict=False)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=["bf16", "f32"])
@pytest.mark.parametrize("semantics", ["hf", "deepseek"])
def test_export_on_meta_leaves_sizes_open(semantics: SemanticsName, dtype: torch.dtype) -> None:
    model = build_model(SHORT, semantics, dtype, "meta")
    program = exported(model, {"input_ids": torch.zeros(2, 16, dtype=torch.long, device="meta")})
    ranges = {str(symbol): (int(r.lower), int(r.upper)) for symbol, r in program.range_constraints.items()}
    assert sorted(ranges.values()) == [(1, 64), (1, 5120)]
    assert not any(type(v).__name__ == "SymInt" and str(v).startswith("u") for v in program.range_constraints)
    inv_freq = program.constants["model.rotary_emb.inv_freq"]
    assert inv_freq.device.type == "cpu"  # the one value that no checkpoint holds is there, although the model is not
    assert inv_freq[0] == 1.0


@pytest.mark.parametrize("semantics", ["hf", "deepseek"])
@torch.no_grad()
def test_exported_program_computes_the_same(semantics: SemanticsName) -> None:
    model = small(semantics)
    program = exported(model, {"input_ids": torch.zeros(2, 16, dtype=torch.long)})
    for batch, length in [(1, 1), (3, 33)]:
        ids = torch.randint(TINY.vocab_size, (batch, length))
        assert torch.equal(program.module()(input_ids=ids), model(ids))


def test_predictor_exports_with_checkpoint_names() -> None:
    model = build_model(TINY, "hf", torch.bfloat16, "meta")
    hidden = torch.zeros(2, 16, TINY.hidden_size, dtype=torch.bfloat16, device="meta")
    program = exported(
        build_predictor(model), {"hidden": hidden, "next_ids": torch.zeros(2, 16, dtype=torch.long, device="meta")}
    )
    names = {n for n in program.state_dict if not n.startswith("model.layers.6.")}
    assert names == {"model.embed_tokens.weight", "lm_head.weight"}
    assert "model.layers.6.shared_head.norm.weight" in program.state_dict
    with pytest.raises(ValueError, match="tiny has 1 MTP modules; there is no module 1"):
        build_predictor(model, depth=1)


@torch.no_grad()
def test_predictor_uses_hidden_states_and_next_tokens() -> None:
    model = small("hf")
    predictor = build_predictor(model)
    init_weights(predictor, seed=1)
    hidden, ids = torch.randn(1, 5, TINY.hidden_size).bfloat16(), torch.tensor([[1, 2, 3, 4, 5]])
    logits = predictor(hidden, ids)
    assert logits.shape == (1, 5, TINY.vocab_size)
    changed = hidden.clone()
    changed[:, 3] += 1
    assert predictor(changed, ids).ne(logits).any(-1).tolist() == [[False, False, False, True, True]]
    assert predictor(hidden, torch.tensor([[1, 2, 9, 4, 5]])).ne(logits).any(-1).tolist() == [
        [False, False, True, True, True]
    ]


def small(semantics: SemanticsName) -> DeepseekV3:
    model = build_model(SHORT, semantics, torch.bfloat16)
    init_weights(model, seed=0)
    return model


def test_weights_depend_on_seed_and_name_alone() -> None:
    first, second, other = (
        small("hf").state_dict(),
        small("deepseek").state_dict(),
        build_model(SHORT, "hf", torch.bfloat16),
    )
    init_weights(other, seed=1)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], tensor) for name, tensor in other.state_dict().items())


def test_default_dtype_is_restored() -> None:
    with pytest.raises(ValueError, match="no semantics named 'vllm'"):
        build_model(TINY, "vllm", torch.bfloat16)
    assert torch.get_default_dtype() == torch.float32


def test_router_bias_stays_f32() -> None:
    dtypes = {
        name: tensor.dtype for name, tensor in build_model(TINY, "hf", torch.bfloat16, "meta").state_dict().items()
    }
    biases = {name for name, dtype in dtypes.items() if dtype == torch.float32}
    assert biases == {f"model.layers.{i}.mlp.gate.e_score_correction_bias" for i in range(2, 6)}


def test_sources_of_stacked_experts() -> None:
    mlp = "model.layers.7.mlp"
    assert parameter_source(f"{mlp}.experts.down_proj", TINY) == StackedEach(
        Stored(f"{mlp}.experts.{{}}.down_proj.weight"), 16
    )
    halves = tuple(Stored(f"{mlp}.experts.{{}}.{half}.weight") for half in ("gate_proj", "up_proj"))
    assert parameter_source(f"{mlp}.experts.gate_up_proj", TINY) == StackedEach(Concat(halves, dim=0), 16)
    for name in (f"{mlp}.gate.weight", f"{mlp}.shared_experts.down_proj.weight", "lm_head.weight"):
        assert parameter_source(name, TINY) == Stored(name)


def test_tied_head_is_stored_once() -> None:
    tied = replace(TINY, tie_word_embeddings=True)
    assert parameter_source("lm_head.weight", tied) == Stored("model.embed_tokens.weight")
    assert "lm_head.weight" not in expected_tensors(tied, mtp=False)


def test_expected_tensors_of_deepseek_v3() -> None:
    config = load_config("deepseek-v3")
    tensors = expected_tensors(config, mtp=True)
    layer = "model.layers.60"
    assert tensors[f"{layer}.mlp.experts.255.up_proj.weight"] == (2048, 7168)
    assert tensors[f"{layer}.mlp.experts.255.up_proj.weight_scale_inv"] == (16, 56)
    assert tensors[f"{layer}.mlp.experts.0.down_proj.weight"] == (7168, 2048)
    assert tensors[f"{layer}.self_attn.kv_a_proj_with_mqa.weight_scale_inv"] == (5, 56)  # 576 rows: a partial block
    assert tensors["model.layers.61.eh_proj.weight"] == (7168, 14336)
    for name in (
        f"{layer}.mlp.gate.weight",
        "model.layers.61.eh_proj.weight",
        "lm_head.weight",
        "model.embed_tokens.weight",
    ):
        assert f"{name}_scale_inv" not in tensors
    assert not any(name.startswith("model.layers.61.") for name in expected_tensors(config, mtp=False))
    assert sorted(optional_tensors(config)) == [
        "model.layers.61.embed_tokens.weight",
        "model.layers.61.shared_head.head.weight",
    ]
    # 61 layers of 5 projections, 3 dense and 58 MoE MLPs (257 experts of 3), and one more MoE layer.
    num_quantized = 61 * 5 + 3 * 3 + 58 * 257 * 3 + (5 + 257 * 3)
    assert sum(name.endswith("_scale_inv") for name in tensors) == num_quantized


def test_stored_elements_are_all_parameters() -> None:
    for name in ("tiny", "deepseek-v2-lite"):
        config = load_config(name)
        stored = expected_tensors(config, mtp=True)
        assert sum(map(prod, stored.values())) == sum(map(prod, parameter_shapes(config, mtp=True).values()))
        assert not any("{" in stored_name for stored_name in stored)
