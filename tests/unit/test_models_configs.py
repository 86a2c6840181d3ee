"""Named configurations and the strict reader of Hugging Face's config.json."""

import json
from dataclasses import replace

import pytest

from dsv3c.models.configs import ConfigError, RopeConfig, YarnConfig, from_hf, load_config, named_configs, to_hf

V3 = to_hf(load_config("deepseek-v3"))


def without(name: str) -> dict[str, object]:
    return {field: value for field, value in V3.items() if field != name}


def test_named_configs() -> None:
    assert named_configs() == (
        "deepseek-v2",
        "deepseek-v2-lite",
        "deepseek-v3",
        "deepseek-v3.1",
        "kimi-k2",
        "moonlight",
        "tiny",
        "tiny-v64",
    )


@pytest.mark.parametrize("name", named_configs())
def test_config_survives_hf_form(name: str) -> None:
    config = load_config(name)
    fields = json.loads(json.dumps(to_hf(config)))
    assert from_hf(fields, name=name) == config


def test_published_facts() -> None:
    v3, v2 = load_config("deepseek-v3"), load_config("deepseek-v2")
    assert v3.cache_elements_per_token * 2 == 70_272  # bytes in bf16: arXiv 2505.09343, table 1
    assert (v3.qk_head_dim, v3.scoring_func, v3.router_bias, v3.num_mtp_layers) == (192, "sigmoid", True, 1)
    assert (v2.topk_method, v2.router_bias, v2.n_group, v2.topk_group) == ("group_limited_greedy", False, 8, 3)
    assert v2.rope.yarn is not None
    assert v2.rope.yarn.mscale == 0.707
    assert load_config("deepseek-v2-lite").q_lora_rank is None
    assert load_config("moonlight").rope == RopeConfig(theta=50_000.0, yarn=None)
    k2 = load_config("kimi-k2")
    assert (k2.architecture, k2.n_routed_experts, k2.n_group) == ("deepseek_v3", 384, 1)


def test_v31_differs_from_v3_in_scales_alone() -> None:
    v3, v31 = load_config("deepseek-v3"), load_config("deepseek-v3.1")
    assert v3.quantization is not None
    assert v31 == replace(v3, name="deepseek-v3.1", quantization=replace(v3.quantization, scale_fmt="ue8m0"))


def test_unknown_name_has_suggestions() -> None:
    with pytest.raises(
        ConfigError, match=r"no configuration named 'deepseek-v3.2'. Did you mean .*deepseek-v3.*Known: .*tiny"
    ):
        load_config("deepseek-v3.2")
    with pytest.raises(ConfigError, match=r"no configuration named 'llama'\. Known"):
        load_config("llama")


def test_old_and_new_rope_fields_agree() -> None:
    yarn = {"factor": 40.0, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1}
    yarn |= {"mscale": 1.0, "mscale_all_dim": 1.0}
    old = {**without("rope_parameters"), "rope_theta": 10000, "rope_scaling": {"type": "yarn", **yarn}}
    new = {**V3, "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, **yarn}}
    split = {**V3, "rope_theta": 10000.0, "rope_parameters": {"rope_type": "yarn", **yarn}}
    expected = RopeConfig(
        theta=10000.0,
        yarn=YarnConfig(
            factor=40.0,
            original_max_position_embeddings=4096,
            beta_fast=32.0,
            beta_slow=1.0,
            mscale=1.0,
            mscale_all_dim=1.0,
        ),
    )
    assert [from_hf(fields).rope for fields in (old, new, split)] == [expected] * 3
    plain = {**without("rope_parameters"), "rope_theta": 50000.0, "rope_scaling": None}
    assert from_hf(plain).rope == RopeConfig(theta=50000.0, yarn=None)


REQUIRED = sorted(
    set(V3)
    - {"architectures", "scoring_func", "topk_method", "num_key_value_heads", "hidden_act", "attention_bias"}
    - {"bos_token_id", "eos_token_id", "quantization_config", "rope_parameters", "num_nextn_predict_layers"}
)


@pytest.mark.parametrize("name", REQUIRED)
def test_missing_field_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"my\.json: the field '{name}' is missing"):
        from_hf(without(name), source="my.json")


@pytest.mark.parametrize("name", [n for n in REQUIRED if n != "q_lora_rank"])
def test_mistyped_field_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"the field '{name}' must be .*, not \[1\]"):
        from_hf({**V3, name: [1]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llama"}, "model_type 'llama' is not supported, only deepseek_v3"),
        ({"model_type": "kimi_vl", "text_config": {}}, "pass that object"),
        ({"hidden_act": "gelu"}, "'hidden_act' = \"gelu\" is not supported"),
        ({"attention_bias": True}, "'attention_bias' = true is not supported"),
        ({"moe_layer_freq": 2}, "'moe_layer_freq' = 2"),
        ({"rope_interleave": False}, "'rope_interleave' = false"),
        ({"num_key_value_heads": 8}, "'num_key_value_heads' = 8"),
        ({"index_topk": 2048}, "sparse attention"),
        ({"scoring_func": "softmax"}, "'scoring_func' = \"softmax\""),
        ({"topk_method": "greedy"}, "'topk_method' = \"greedy\""),
        ({"hidden_size": True}, "'hidden_size' must be an integer"),
        ({"n_group": 7}, "'n_group' must divide"),
        ({"topk_group": 9}, "at least 'topk_group'"),
        ({"num_experts_per_tok": 200}, "'num_experts_per_tok' is greater"),
        ({"first_k_dense_replace": 62}, "'first_k_dense_replace' is greater"),
        ({"qk_rope_head_dim": 63}, "must be even"),
        ({"eos_token_id": "</s>"}, "'eos_token_id' must be"),
        ({"num_nextn_predict_layers": None}, "'num_nextn_predict_layers' must be"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1.0}}, "RoPE of type 'llama3'"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}}, "in 'rope_parameters': the field 'factor'"),
        ({"rope_parameters": {"rope_type": "yarn", "attention_factor": 2.0}}, "'attention_factor'"),
        ({"rope_parameters": {"rope_type": "default"}}, "'rope_theta' is missing"),
        ({"rope_parameters": None, "rope_scaling": 3}, "'rope_scaling' must be an object"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quant_method 'gptq'"),
        ({"quantization_config": {"quant_method": "fp8", "weight_block_size": [64, 64]}}, "weight_block_size"),
        ({"quantization_config": {"quant_method": "fp8", "fmt": "e5m2"}}, "'fmt'"),
    ],
)
def test_unsupported_value_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_hf({**V3, **change})
    assert message in str(caught.value)


def test_v2_renormalisation_is_refused() -> None:
    with pytest.raises(ConfigError, match="norm_topk_prob"):
        from_hf({**to_hf(load_config("deepseek-v2")), "norm_topk_prob": True})


def test_several_stop_tokens() -> None:
    assert from_hf({**V3, "eos_token_id": [1, 7]}).eos_token_ids == (1, 7)
    assert from_hf({**V3, "eos_token_id": None}).eos_token_ids == ()
