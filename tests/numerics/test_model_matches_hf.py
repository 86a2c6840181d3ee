"""Our model with ``semantics="hf"`` gives the very bits of transformers' models, whatever the configuration."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import DeepseekV2Config, DeepseekV2ForCausalLM, DeepseekV3Config, DeepseekV3ForCausalLM
from transformers.modeling_layers import MtpModel

from dsv3c.models.checkpoint_names import expected_tensors
from dsv3c.models.configs import ModelConfig, RopeConfig, from_hf, load_config, to_hf
from dsv3c.models.deepseek_v3 import build_model, build_predictor
from dsv3c.models.random_weights import init_weights

TINY = replace(load_config("tiny"), num_hidden_layers=3)
V2 = replace(
    TINY,
    architecture="deepseek_v2",
    scoring_func="softmax",
    topk_method="group_limited_greedy",
    router_bias=False,
    norm_topk_prob=False,
    routed_scaling_factor=16.0,
    n_shared_experts=2,
)
CONFIGS = {
    "v3": TINY,
    "v3-narrow-heads": replace(load_config("tiny-v64"), num_hidden_layers=3),
    "v3-yarn-scaled-tables": replace(
        TINY, rope=replace(TINY.rope, yarn=replace(TINY.rope.yarn, mscale=0.9, mscale_all_dim=0.7))
    ),
    "moonlight": replace(
        TINY,
        n_group=1,
        topk_group=1,
        q_lora_rank=None,
        rms_norm_eps=1e-5,
        rope=RopeConfig(theta=5e4, yarn=None),
        tie_word_embeddings=True,
    ),
    "v2": V2,
    "v2-lite": replace(V2, topk_method="greedy", n_group=1, topk_group=1, q_lora_rank=None),
}
BLOCK = ("self_attn.", "mlp.", "input_layernorm.", "post_attention_layernorm.")
SHAPES = [(1, 1), (1, 2), (1, 33), (1, 130), (2, 2), (2, 33), (2, 130)]


def hf_model(config: ModelConfig, dtype: torch.dtype) -> torch.nn.Module:
    v2 = config.architecture == "deepseek_v2"
    fields = to_hf(config)
    hf_config = DeepseekV2Config(**fields) if v2 else DeepseekV3Config(**fields)
    model = (DeepseekV2ForCausalLM if v2 else DeepseekV3ForCausalLM)(hf_config).eval().to(dtype)
    for name, buffer in model.named_buffers():  # what from_pretrained keeps in f32, .to() does not
        if name.endswith(("e_score_correction_bias", "inv_freq")):
            buffer.data = buffer.data.float()
    model.model.rotary_emb = type(model.model.rotary_emb)(hf_config)
    model.set_experts_implementation("grouped_mm")
    return model


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=["bf16", "f32"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@torch.no_grad()
def test_logits_bitwise_equal(config: ModelConfig, dtype: torch.dtype) -> None:
    ours, theirs = build_model(config, "hf", dtype), hf_model(config, dtype)
    init_weights(ours, seed=1)
    theirs.load_state_dict(ours.state_dict())
    assert {n for n, _ in ours.named_parameters()} == {n for n, _ in theirs.named_parameters()}
    for batch, length in SHAPES:
        ids = torch.randint(config.vocab_size, (batch, length), generator=torch.Generator().manual_seed(length))
        logits = ours(ids)
        assert torch.equal(logits, theirs(ids, use_cache=False).logits), (batch, length)
        assert logits.std() > 0.5  # the weights make a difference everywhere


@torch.no_grad()
def test_predictor_bitwise_equal() -> None:
    ours, theirs = build_model(TINY, "hf", torch.bfloat16), hf_model(TINY, torch.bfloat16)
    predictor = build_predictor(ours)
    init_weights(predictor, seed=2)
    theirs.model.embed_tokens.load_state_dict(ours.model.embed_tokens.state_dict())
    theirs.lm_head.load_state_dict(ours.lm_head.state_dict())
    mtp = MtpModel(theirs, 1).eval().to(torch.bfloat16)
    mtp.rotary_emb = type(mtp.rotary_emb)(theirs.config)
    prefix = f"model.layers.{TINY.num_hidden_layers}."
    own = {name.removeprefix(prefix): t for name, t in predictor.state_dict().items() if name.startswith(prefix)}
    renamed = {
        name.replace("shared_head.norm", "post_norm") if not name.startswith(BLOCK) else f"mtp_block.{name}": tensor
        for name, tensor in own.items()
    }
    mtp.layers[0].load_state_dict(renamed)
    for name, buffer in mtp.layers[0].named_buffers():
        buffer.data = renamed[name].float()
    mtp.set_experts_implementation("grouped_mm")
    hidden = torch.randn(2, 33, TINY.hidden_size, generator=torch.Generator().manual_seed(0)).bfloat16()
    ids = torch.randint(TINY.vocab_size, (2, 33), generator=torch.Generator().manual_seed(0))
    embedded, positions = theirs.model.embed_tokens(ids), torch.arange(33).unsqueeze(0)
    after = mtp.layers[0](
        embedded,
        hidden,
        position_embeddings=mtp.rotary_emb(embedded, positions),
        attention_mask=None,
        position_ids=positions,
        past_key_values=None,
    )
    assert torch.equal(predictor(hidden, ids), theirs.lm_head(after))


def test_transformers_own_config_is_read() -> None:
    for config in CONFIGS.values():
        hf_class = DeepseekV2Config if config.architecture == "deepseek_v2" else DeepseekV3Config
        fields = hf_class(**to_hf(config)).to_dict()
        assert from_hf(fields, name=config.name) == config


@pytest.mark.parametrize("name", ["v3", "moonlight", "v2-lite"])
def test_saved_checkpoint_holds_the_expected_tensors(name: str, tmp_path: Path) -> None:
    hf_model(CONFIGS[name], torch.bfloat16).save_pretrained(tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        stored = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 (not a dict)
    assert stored == expected_tensors(CONFIGS[name], mtp=False)
