"""The imported module, executed with PyTorch's own operators, gives PyTorch's own bits: on every capture route."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from routes import hf_model
from stored import stored_state
from torch import Tensor, nn

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.frontend.capture import DTYPES, CaptureOptions, capture, capture_own
from dsv3c.frontend.captured import Captured
from dsv3c.frontend.importer import import_program
from dsv3c.ir.context import make_context
from dsv3c.ir.text import parse_module, print_module
from dsv3c.ir.verify import verify_module
from dsv3c.models.configs import ModelConfig, load_config, to_hf
from dsv3c.models.deepseek_v3 import build_model, build_predictor
from dsv3c.models.random_weights import init_weights

SIZES = ((1, 2), (2, 33), (3, 7))
SMALL = {"num_hidden_layers": 3, "first_k_dense_replace": 1, "vocab_size": 100}


def executor(captured: Captured, state: dict[str, Tensor]) -> Executor:
    """Through text, so that nothing outside of it is used."""
    ctx = make_context()
    module = import_program(ctx, captured)
    verify_module(module)
    module = parse_module(ctx, print_module(module))
    return Executor(module, StateDictWeights(state), "torch")


def check(captured: Captured, model: nn.Module, state: dict[str, Tensor], vocabulary: int) -> None:
    imported = executor(captured, state)
    for batch, length in SIZES:
        ids = torch.randint(vocabulary, (batch, length), generator=torch.Generator().manual_seed(length))
        with torch.no_grad():
            expected = model(ids)
        expected = expected if isinstance(expected, Tensor) else expected.logits
        assert torch.equal(imported.run("main", ids)[0], expected), (batch, length)


def small(name: str) -> ModelConfig:
    return replace(load_config(name), **SMALL)


def small_v2(*, groups: bool) -> ModelConfig:
    config = replace(load_config("deepseek-v2-lite"), **SMALL, eos_token_ids=(1,), bos_token_id=0)
    widths = {"hidden_size": 128, "intermediate_size": 192, "moe_intermediate_size": 64, "kv_lora_rank": 64}
    config = replace(config, **widths, num_attention_heads=4, n_routed_experts=8, num_experts_per_tok=2)
    if groups:
        return replace(config, q_lora_rank=48, n_group=4, topk_group=2, topk_method="group_limited_greedy")
    return config


@pytest.mark.parametrize("dtype", ["bf16", "f32"])
@pytest.mark.parametrize("semantics", ["deepseek", "hf"])
def test_own_model(semantics: str, dtype: str) -> None:
    config = small("tiny")
    captured = capture_own(config, semantics, CaptureOptions(dtype=dtype, mtp=False))  # pyright: ignore
    model = build_model(config, semantics, DTYPES[dtype])  # pyright: ignore
    init_weights(model, 1)
    check(captured, model, stored_state(model.state_dict(), config), config.vocab_size)


@pytest.mark.parametrize(
    ("config", "dtype", "experts"),
    [
        (small("tiny"), "bf16", "grouped_mm"),
        (small("tiny"), "f32", "grouped_mm"),
        (small("tiny"), "bf16", "batched_mm"),
        (small("tiny"), "f32", "batched_mm"),
        (small_v2(groups=False), "bf16", "grouped_mm"),
        (small_v2(groups=True), "f32", "grouped_mm"),
        (small_v2(groups=True), "bf16", "batched_mm"),
    ],
    ids=lambda value: value.architecture if isinstance(value, ModelConfig) else value,
)
def test_hugging_face(config: ModelConfig, dtype: str, experts: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(to_hf(config)))
    options = CaptureOptions(dtype=dtype, experts=experts, mtp=False)  # pyright: ignore
    captured = capture(str(tmp_path), options)
    model = hf_model(config, DTYPES[dtype], experts)
    check(captured, model, stored_state(model.state_dict(), config), config.vocab_size)


@pytest.mark.parametrize("semantics", ["deepseek", "hf"])
def test_mtp(semantics: str) -> None:
    config = small("tiny")
    captured = capture_own(config, semantics, CaptureOptions())  # pyright: ignore
    main = build_model(config, semantics, torch.bfloat16)  # pyright: ignore
    predictor = build_predictor(main)
    init_weights(main, 1)
    init_weights(predictor, 1)
    hidden = torch.randn(2, 5, config.hidden_size).to(torch.bfloat16)
    ids = torch.randint(config.vocab_size, (2, 5))
    with torch.no_grad():
        expected = predictor(hidden, ids)
    state = stored_state(predictor.state_dict(), config)
    assert torch.equal(executor(captured, state).run("mtp", hidden, ids)[0], expected)


def test_kept_layers_keep_their_names() -> None:
    config = small("tiny")
    captured = capture_own(config, "deepseek", CaptureOptions(layers=(1, 2)))
    model = build_model(config, "deepseek", torch.bfloat16)
    init_weights(model, 1)
    state = stored_state(model.state_dict(), config)
    model.model.layers = model.model.layers[1:2]
    check(captured, model, state, config.vocab_size)
