"""In torch fidelity the meanings have the bits of the models themselves: Hugging Face's, and DeepSeek's spellings."""

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf

from dsv3c.backends.reference.meanings import mla, moe, nn
from dsv3c.backends.reference.meanings.arithmetic import FIDELITY, fidelity
from dsv3c.models import semantics

BF16, F32 = torch.bfloat16, torch.float32
DTYPES = pytest.mark.parametrize("dtype", [BF16, F32], ids=["bf16", "f32"])
SIZES = pytest.mark.parametrize(("batch", "length"), [(1, 1), (2, 33), (1, 130)])


@pytest.fixture(autouse=True)
def follow_torch() -> Iterator[None]:
    torch.manual_seed(5)
    with fidelity("torch"), torch.no_grad():
        yield
    assert FIDELITY.get() == "reference"


def randomise(module: torch.nn.Module) -> None:
    for parameter in module.parameters():
        values = torch.randn(parameter.shape)
        parameter.copy_(values * parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else values.abs() + 0.5)


@DTYPES
@SIZES
@pytest.mark.parametrize("nope", [64, 128])
def test_hugging_face_attention(nope: int, batch: int, length: int, dtype: torch.dtype) -> None:
    config = hf.DeepseekV3Config(
        hidden_size=384, q_lora_rank=192, kv_lora_rank=256, num_attention_heads=4, num_key_value_heads=4,
        qk_nope_head_dim=nope, qk_rope_head_dim=64, v_head_dim=128, head_dim=64, max_position_embeddings=512,
    )  # fmt: skip
    config._attn_implementation = "sdpa"
    layer, rotary = hf.DeepseekV3Attention(config, 0).to(dtype).eval(), hf.DeepseekV3RotaryEmbedding(config)
    randomise(layer)
    x, positions = torch.randn(batch, length, 384).to(dtype), torch.arange(length)[None]
    mask = torch.ones(length, length, dtype=torch.bool).tril()[None, None]
    expected = layer(x, rotary(x, positions), mask)[0]

    def norm(value: Tensor, weight: Tensor) -> Tensor:
        return nn.rms_norm(value, weight, eps=1e-6, weight_in="input")

    def rope(value: Tensor) -> Tensor:
        return nn.rope(value, cos, sin, pairs="interleaved", out="half", compute="input")

    frequencies = tuple(rotary.inv_freq.tolist())
    cos, sin = nn.rope_table(positions, inv_freq=frequencies, scaling=rotary.attention_scaling, dtype=dtype)
    q = nn.linear(norm(nn.linear(x, layer.q_a_proj.weight), layer.q_a_layernorm.weight), layer.q_b_proj.weight)
    q = q.view(batch, length, 4, nope + 64)
    kv_a = nn.linear(x, layer.kv_a_proj_with_mqa.weight)
    kv = nn.linear(norm(kv_a[..., :256], layer.kv_a_layernorm.weight), layer.kv_b_proj.weight)
    kv = kv.view(batch, length, 4, nope + 128)
    rotated = rope(q[..., nope:]), kv, rope(kv_a[..., 256:])
    o = mla.attention(q[..., :nope], *rotated, scale=layer.scaling, scores=F32, probs=F32)
    assert torch.equal(nn.linear(o.reshape(batch, length, -1), layer.o_proj.weight), expected)


@DTYPES
@SIZES
def test_hugging_face_experts(batch: int, length: int, dtype: torch.dtype) -> None:
    config = hf.DeepseekV3Config(
        hidden_size=384, moe_intermediate_size=192, n_routed_experts=16, n_group=4, topk_group=2, num_experts_per_tok=4,
        n_shared_experts=1,
    )  # fmt: skip
    config._experts_implementation = "grouped_mm"
    layer = hf.DeepseekV3MoE(config).to(dtype).eval()
    randomise(layer)
    layer.gate.e_score_correction_bias = torch.randn(16) * 0.3
    x = torch.randn(batch, length, 384).to(dtype)
    rows = x.view(-1, 384)
    logits = nn.linear(rows.float(), layer.gate.weight.float())
    weights, ids = moe.gate(
        logits, layer.gate.e_score_correction_bias, top_k=4, scoring="sigmoid", groups=4, keep=2,
        group_score="top2_sum", mask="-inf", renormalize=1e-20, scale=config.routed_scaling_factor, scores_in=F32,
        masked_weights=False, any_order=True, dtype=F32,
    )  # fmt: skip
    _, expected_weights, expected_ids = layer.gate(x)
    assert torch.equal(weights, expected_weights)
    assert torch.equal(ids, expected_ids)
    routed = moe.experts(
        rows, weights, ids, layer.experts.gate_up_proj, layer.experts.down_proj, combine_in=F32, order="slot",
        intermediate="input",
    )  # fmt: skip
    shared = layer.shared_experts
    gate, up = nn.linear(x, shared.gate_proj.weight), nn.linear(x, shared.up_proj.weight)
    y = nn.linear(nn.swiglu(gate, up, intermediate="input"), shared.down_proj.weight)
    assert torch.equal(routed.view(x.shape) + y, layer(x))


@DTYPES
def test_deepseek_norm_and_rotation(dtype: torch.dtype) -> None:
    x, weight = torch.randn(2, 33, 384).to(dtype), torch.rand(384).to(dtype)
    assert torch.equal(nn.rms_norm(x, weight, eps=1e-6, weight_in="f32"), F.rms_norm(x, (384,), weight, 1e-6))
    heads = torch.randn(2, 33, 4, 64).to(dtype)
    angle = torch.randn(1, 33, 32)
    expected = semantics.rotate_interleaved(heads.transpose(1, 2), angle.cos(), angle.sin()).transpose(1, 2)
    y = nn.rope(heads, angle.cos(), angle.sin(), pairs="interleaved", out="interleaved", compute="f32")
    assert torch.equal(y, expected)


@DTYPES
@SIZES
def test_deepseek_attention(batch: int, length: int, dtype: torch.dtype) -> None:
    q, k, v = (torch.randn(batch, length, 4, size).to(dtype) for size in (192, 192, 128))
    heads_first = (x.transpose(1, 2) for x in (q, k, v))
    expected = semantics.attend_einsum(*heads_first, 0.07).transpose(1, 2)
    y = nn.attention(q, k, v, scale=0.07, scores=dtype, probs=dtype)
    if dtype == BF16:
        assert torch.equal(y, expected)
    else:
        assert (y - expected).norm() / expected.norm() < 1e-6


def test_the_two_fidelities_differ_by_rounding_only() -> None:
    x, w = torch.randn(33, 384), torch.randn(96, 384)
    torch_bits = nn.linear(x, w)
    with fidelity("reference"):
        reference_bits = nn.linear(x, w)
    assert not torch.equal(torch_bits, reference_bits)
    assert (torch_bits - reference_bits).norm() / reference_bits.norm() < 1e-6
