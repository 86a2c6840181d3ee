"""Launches of kernels that memory limits, at the sizes of DeepSeek-V3, on tensors without data."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from matrix_launches import BF16, F32, activation, ints, meta
from row_values import V3
from torch import Tensor

from dsv3c.backends.reference.meanings import logfmt
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.choices import cache as cache_choices
from dsv3c.backends.triton.choices import gate as gate_choices
from dsv3c.backends.triton.choices import permute as permute_choices
from dsv3c.backends.triton.choices import rope as rope_choices
from dsv3c.backends.triton.choices import transpose_quantize as transpose_choices
from dsv3c.backends.triton.choices import unpermute as unpermute_choices
from dsv3c.backends.triton.choices.base import Selection
from dsv3c.backends.triton.choices.logfmt import configs_for as logfmt_configs
from dsv3c.backends.triton.choices.row_configs import tiles, whole_rows
from dsv3c.backends.triton.launchers.cache import rope_append
from dsv3c.backends.triton.launchers.gate import gate
from dsv3c.backends.triton.launchers.logfmt import logfmt_decode, logfmt_encode
from dsv3c.backends.triton.launchers.permute import permute
from dsv3c.backends.triton.launchers.quantize import quantize
from dsv3c.backends.triton.launchers.rms_norm import rms_norm, rms_norm_quantize
from dsv3c.backends.triton.launchers.rope import rope
from dsv3c.backends.triton.launchers.swiglu import swiglu, swiglu_quantize
from dsv3c.backends.triton.launchers.transpose_quantize import transpose_quantize
from dsv3c.backends.triton.launchers.unpermute import unpermute
from dsv3c.backends.triton.runtime.gpu import Gpu
from dsv3c.ir.targets import Target, load_target

TOKENS, HIDDEN, WIDTH, EXPERTS, TOP_K = 4096, 7168, 2048, 256, 8
AT = Selection(load_target("h800"), {}, {}, 132)
E4M3 = torch.float8_e4m3fn
NORM: dict[str, Any] = {"eps": 1e-6, "weight_in": "input", "intermediate": "bf16"}
ALONG_TOKENS: dict[str, Any] = {name: value for name, value in V3.items() if name != "granule"}


def run_quantize(gpu: Gpu) -> None:
    configs = tiles(HIDDEN, TOKENS, AT)
    q = activation(TOKENS, HIDDEN, E4M3)
    quantize(gpu, x=meta(TOKENS, HIDDEN), q=q, configs=configs, static=None, **V3)  # type: ignore[arg-type]


def run_rms_norm(gpu: Gpu) -> None:
    x, configs = meta(TOKENS, HIDDEN), whole_rows(HIDDEN, TOKENS, AT)
    rms_norm(gpu, x=x, weight=meta(HIDDEN), y=x, configs=configs, keep_total=False, **NORM)


def run_rms_norm_quantize(gpu: Gpu) -> None:
    x, how = meta(TOKENS, HIDDEN), {**NORM, **V3}
    rms_norm_quantize(
        gpu, x=x, residual=x, weight=meta(HIDDEN), q=activation(TOKENS, HIDDEN, E4M3), total=x,
        configs=whole_rows(HIDDEN, TOKENS, AT), keep_total=True, keep=False, **how,
    )  # fmt: skip


def run_swiglu(gpu: Gpu, expert_of: Tensor | None = None) -> None:
    both, configs = meta(TOKENS, 2 * WIDTH), tiles(WIDTH, TOKENS, AT)
    given = {"gate": both[:, :WIDTH], "up": both[:, WIDTH:], "expert_of": expert_of}
    swiglu(gpu, **given, y=meta(TOKENS, WIDTH), configs=configs, intermediate="bf16")  # type: ignore[arg-type]


def run_swiglu_skipping(gpu: Gpu) -> None:
    run_swiglu(gpu, ints(TOKENS))


def run_swiglu_quantize(gpu: Gpu, expert_of: Tensor | None = None) -> None:
    both, how = meta(TOKENS, 2 * WIDTH), {**V3, "intermediate": "bf16", "rounded_to": "bf16"}
    swiglu_quantize(
        gpu, gate=both[:, :WIDTH], up=both[:, WIDTH:], expert_of=expert_of, q=activation(TOKENS, WIDTH, E4M3),
        configs=tiles(WIDTH, TOKENS, AT), **how,  # type: ignore[arg-type]
    )  # fmt: skip


def run_swiglu_quantize_skipping(gpu: Gpu) -> None:
    run_swiglu_quantize(gpu, ints(TOKENS))


def run_gate(gpu: Gpu) -> None:
    config = {"block_t": gate_choices.TILE // EXPERTS, "num_warps": 1, "num_stages": 1}
    gate(
        gpu, logits=meta(TOKENS, EXPERTS, dtype=F32), bias=meta(EXPERTS, dtype=F32),
        weights=meta(TOKENS, TOP_K, dtype=F32), ids=meta(TOKENS, TOP_K, dtype=torch.int64), configs=[config],
        top_k=TOP_K, scoring="sigmoid", groups=8, keep=4, group_score="top2", mask="-inf", renormalize=1e-20,
        scale=2.5, scores_in="f32", masked_weights=False, dtype="f32",
    )  # fmt: skip


def run_permute(gpu: Gpu, **skips: bool) -> None:
    experts, rows = 8, 2 * TOKENS
    permute(
        gpu, x=activation(TOKENS, HIDDEN, E4M3), ids=meta(TOKENS, TOP_K, dtype=torch.int64),
        rows=activation(rows, HIDDEN, E4M3), slots=ints(rows), expert_of=ints(rows), counts=ints(TOKENS, experts),
        configs=AT.fitting(permute_choices.configs_for(experts), TOKENS), experts=experts, layout="contiguous",
        alignment=128, **skips,
    )  # fmt: skip


def run_permute_skipping(gpu: Gpu) -> None:
    run_permute(gpu, skips_padding=True)


def run_unpermute(gpu: Gpu) -> None:
    rows = TOKENS * TOP_K
    unpermute(
        gpu, y=meta(rows, HIDDEN), slots=ints(rows), weights=meta(TOKENS, TOP_K, dtype=F32),
        ids=meta(TOKENS, TOP_K, dtype=torch.int64), out=meta(TOKENS, HIDDEN), row_of=ints(rows),
        configs=[unpermute_choices.CONFIG], combine_in="f32", order="slot",
    )  # fmt: skip


def run_rope(gpu: Gpu) -> None:
    config = {"block_m": rope_choices.TILE // 64, "num_warps": 4, "num_stages": 1}
    rope(
        gpu, x=meta(TOKENS, 128, 192)[..., 128:], cos=meta(TOKENS, 32, dtype=F32), sin=meta(TOKENS, 32, dtype=F32),
        y=meta(TOKENS, 128, 64), configs=[config], pairs="interleaved", out="half", compute="f32",
    )  # fmt: skip


def run_rope_append(gpu: Gpu) -> None:
    pages, kv = meta(64, 64, 576), meta(TOKENS, 576)
    cache = LatentCache(pages[..., :512], pages[..., 512:])
    rope_append(
        gpu, cache=cache, latent=kv[:, :512], k=kv[:, 512:], cos=meta(TOKENS, 32, dtype=F32),
        sin=meta(TOKENS, 32, dtype=F32), positions=ints(TOKENS), seq_offsets=ints(33), block_table=ints(32, 128),
        weight=meta(512), updated=cache, configs=[cache_choices.APPENDED], pairs="interleaved", out="half",
        compute="f32", eps=1e-6, weight_in="input",
    )  # fmt: skip


def along_tokens(gpu: Gpu, x: Tensor | Scaled, rows: Scaled | None = None, **changed: object) -> None:
    transpose_quantize(
        gpu, x=x, q=activation(HIDDEN, TOKENS, E4M3), rows=rows,
        configs=transpose_choices.CONFIGS, **{**ALONG_TOKENS, **changed},
    )  # fmt: skip


def run_transpose_quantize(gpu: Gpu) -> None:
    along_tokens(gpu, meta(TOKENS, HIDDEN))


def run_transpose_quantize_rows(gpu: Gpu) -> None:
    along_tokens(gpu, meta(TOKENS, HIDDEN), activation(TOKENS, HIDDEN, E4M3))


def run_transpose_requantize(gpu: Gpu) -> None:
    along_tokens(gpu, activation(TOKENS, HIDDEN, E4M3))


def sent(hidden: int) -> dict[str, Tensor]:
    pairs = meta(TOKENS, hidden // logfmt.GROUP, 2, dtype=BF16)
    return {"payload": ints(TOKENS, hidden // 2), "pairs": pairs}


def run_logfmt_encode(gpu: Gpu, target: Target = AT.target) -> None:
    configs = logfmt_configs(logfmt.chunk_of(HIDDEN), target)
    logfmt_encode(gpu, x=meta(TOKENS, HIDDEN), **sent(HIDDEN), configs=configs, bits=10)


def run_logfmt_decode(gpu: Gpu) -> None:
    configs = logfmt_configs(logfmt.chunk_of(HIDDEN), AT.target)
    logfmt_decode(gpu, y=meta(TOKENS, HIDDEN), **sent(HIDDEN), configs=configs, bits=10)


LAUNCHES: Mapping[str, Callable[[Gpu], None]] = {
    name.removeprefix("run_"): value for name, value in list(globals().items()) if name.startswith("run_")
}
"""By name."""
