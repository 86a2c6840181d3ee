"""The kernels of DeepSeek-V3: variants that programs of it launch, and those of kernels that none of them needs."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import torch
from matrix_launches import activation, ints, matrix, meta, recorded
from roundtrip import parse
from row_launches import E4M3, LAUNCHES, run_logfmt_encode
from xdsl.dialects.builtin import ModuleOp

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.triton.choices.base import Selection
from dsv3c.backends.triton.choices.gemm_configs import Tile
from dsv3c.backends.triton.choices.row_configs import tiles
from dsv3c.backends.triton.choices.warp_tiles import WarpTile
from dsv3c.backends.triton.choices.wgrad import Gradient
from dsv3c.backends.triton.choices.wgrad import configs_for as wgrad_configs
from dsv3c.backends.triton.launchers.elementwise import copy
from dsv3c.backends.triton.launchers.grouped_mm import grouped_mm
from dsv3c.backends.triton.launchers.sampling import argmax
from dsv3c.backends.triton.launchers.scaled_grouped_mm import scaled_grouped_mm
from dsv3c.backends.triton.launchers.scaled_mm import scaled_mm
from dsv3c.backends.triton.launchers.wgrad_mm import wgrad_mm
from dsv3c.backends.triton.runtime.gpu import Gpu, Variant
from dsv3c.backends.triton.variants import variants_of
from dsv3c.compilation.compiler import evaluator
from dsv3c.compilation.driver import Driver
from dsv3c.compilation.lowering import KernelOptions, lower_to_kernels
from dsv3c.compilation.operating_point import point_of
from dsv3c.compilation.pipelines import default_pipeline, parse_passes
from dsv3c.compilation.plan import Plan
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.targets import Target, load_target
from dsv3c.models.configs import load_config

CONFIG = load_config("deepseek-v3")
PHASES = ("prefill", "decode", "verify")
PLANS: Mapping[str, tuple[str, Plan]] = {
    "experts on 32 ranks": (
        "h800",
        Plan(recipe="deepseek-v3", ep=32, nnodes=4, shared_expert="routed", redundant_experts=31),
    ),
    "bf16": ("h800", Plan(recipe="bf16")),
    "8-bit cache": ("h800", Plan(recipe="deepseek-v3", kv_cache_dtype="fp8")),
    "mi300x": ("mi300x", Plan(recipe="deepseek-v3-fnuz", shared_expert="routed")),
    "mi300x in bf16": ("mi300x", Plan(recipe="bf16")),
}
QUANTIZERS = {
    "128x128, f32": 'amax_floor 1.0e-04, apply "divide", round_scale "none"',
    "128x1, f32": 'amax_floor 1.0e-04, apply "divide", round_scale "none"',
    "*x*, f32, row": 'amax_floor 1.0e-04, apply "divide", round_scale "none"',
    "*x*, f32": 'apply "reciprocal", round_scale "none", saturate, static 2.0e-02',
}
"""Granules -> a quantiser: those of weights, of gradients, of whole values, and with a scale known before."""
PHASE = (
    'phase = {name = "prefill", min_query = 1 : i64, max_query = 16384 : i64, tokens = 4096 : i64, '
    "sequences = 1 : i64, context = 4096 : i64}"
)


DEFAULT, PLAIN = KernelOptions(), KernelOptions(gluon=False)


@cache
def captured() -> Module:
    """A dense layer and an expert layer, between embedding and head."""
    first = CONFIG.first_k_dense_replace
    return dsv3c.capture("deepseek-v3", layers=(first - 1, first + 1))


def kernels_of(lowered: ModuleOp, target: Target) -> list[Variant]:
    """What a lowered program launches."""
    return variants_of(lowered, int(target.fact("num_compute_units")), pdl=target.programmatic_launch)


def planned(name: str, options: KernelOptions = DEFAULT) -> list[Variant]:
    """The kernels of a plan."""
    return kernels_of(program(name, options), load_target(PLANS[name][0]))


@cache
def program(name: str, options: KernelOptions = DEFAULT) -> ModuleOp:
    """A plan's program, lowered to kernels."""
    target, plan = load_target(PLANS[name][0]), PLANS[name][1]
    ctx = make_context(target=target)
    point = point_of({"phases": PHASES}, longest=CONFIG.max_position_embeddings)
    ctx.evaluator, ctx.operating_point = evaluator(), point.symbols()
    module = captured().op.clone()
    Driver(ctx).run(module, parse_passes(default_pipeline(point, plan)))
    return lower_to_kernels(Driver(make_context(target=target)), module, options)


def of_quantizers(target: Target, element: str) -> list[Variant]:
    """The kernels of quantisation by every kind of granule, and back."""
    return kernels_of(quantizers(target, element), target)


def quantizers(target: Target, element: str) -> ModuleOp:
    """A program of these, lowered to kernels."""
    body, returned, types = list[str](), list[str](), list[str]()
    value = 'tensor<?x7168xbf16, ["T"]>'
    for index, (granules, how) in enumerate(QUANTIZERS.items()):
        kind = f'!scaled.tensor<tensor<?x7168x{element}, ["T"]>, {granules}>'
        body.append(f"%q{index} = scaled.quantize %x quantizer <{how}> : {value} -> {kind}")
        body.append(f"%y{index} = scaled.dequantize %q{index} : {kind} -> {value}")
        returned.append(f"%y{index}")
        types.append(value)
    text = (
        'builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {\ndsv3c.symbol @T min 0 max 16384 hint 4096\n'
        f"func.func @prefill(%x: {value}) -> ({', '.join(types)}) attributes {{{PHASE}}} {{\n" + "\n".join(body) + "\n"
        f"func.return {', '.join(returned)} : {', '.join(types)}\n}}\n}}"
    )
    module = parse(text)
    lowered = module.clone()
    ctx: CompileContext = make_context(target=target)
    Driver(ctx).run(lowered, parse_passes("select-kernels"))
    return lowered


def run_argmax(gpu: Gpu) -> None:
    """Greedy sampling."""
    configs = [{"block_n": 1024, "num_warps": 4, "num_stages": 1}]
    argmax(gpu, logits=meta(128, 129280), ids=meta(128, dtype=torch.int64), configs=configs)


def run_split_k(gpu: Gpu) -> None:
    """The product of few tokens, its sums over parts of K in a scratch."""
    x, w = activation(64, 7168, E4M3), matrix(2112, 7168, element=E4M3)
    config = {**Tile(16, 64, 128, num_warps=4, num_stages=4, swap=True).config(0, 4), "split_k": 4}
    partial = meta(4, 64, 2112, dtype=torch.float32)
    scaled_mm(
        gpu, x=x, w=w, y=meta(64, 2112), configs=[config], promote=128, x_scales="mn_major", partial=partial
    )  # fmt: skip


def run_copy(gpu: Gpu) -> None:
    """A part of a value, in rows of its own."""
    configs = tiles(1536, 4096, Selection(load_target("h800"), {}, {}, 132))
    copy(gpu, x=meta(4096, 2112)[:, :1536], y=meta(4096, 1536), configs=configs)


def run_wgrad_mm(gpu: Gpu, *, gluon: bool) -> None:
    """The gradient of o_proj's weight, added to what there is."""
    rows, columns, tokens = CONFIG.hidden_size, CONFIG.num_attention_heads * CONFIG.v_head_dim, 4096
    target = load_target("h800" if gluon else "mi300x")
    configs, _ = wgrad_configs(Gradient(rows, columns, tokens), target, gluon=gluon)
    a, b = activation(rows, tokens, E4M3), activation(columns, tokens, E4M3)
    y = meta(rows, columns, dtype=torch.float32)
    wgrad_mm(gpu, a=a, b=b, y=y, accumulate=True, configs=configs)


def run_zeroed(gpu: Gpu) -> None:
    """Masked rows whose padding is written as zeros: what an op asks for where somebody reads it."""
    experts, rows, inner = 8, 8 * 256, CONFIG.hidden_size
    half = [Tile(64, 128, 64, num_warps=4, num_stages=4).config(0, 4)]
    masked: dict[str, Any] = {"expert_of": ints(rows), "layout": "masked", "alignment": 1}
    grouped_mm(gpu, x=meta(rows, inner), w=meta(experts, 4096, inner), y=meta(rows, 4096), configs=half, **masked)
    scaled_grouped_mm(
        gpu, x=activation(rows, inner, E4M3), w=matrix(experts, 4096, inner, element=E4M3), y=meta(rows, 4096),
        configs=[WarpTile(64, 128, swap=True).config(6)], promote=128, x_scales="mn_major", **masked,
    )  # fmt: skip
    LAUNCHES["permute"](gpu)
    LAUNCHES["swiglu_quantize"](gpu)


DIRECT: Mapping[str, Callable[[Gpu], None]] = {
    "copy": run_copy,
    "zeroed padding": run_zeroed,
    "split_k": run_split_k,
    "sampling": run_argmax,
    "wgrad_mm": partial(run_wgrad_mm, gluon=False),
    "wgrad_mm in Gluon": partial(run_wgrad_mm, gluon=True),
    "logfmt_encode, portable": partial(run_logfmt_encode, target=load_target("mi300x")),
    **{name: launch for name, launch in LAUNCHES.items() if name.startswith(("transpose_", "logfmt_"))},
}
"""Kernels that no op of the IR stands for: calls of their launchers."""


def direct() -> list[Variant]:
    """What these launch."""
    return [variant for launch in DIRECT.values() for variant in recorded(launch)]
