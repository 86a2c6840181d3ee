"""The harness's full layer on the CPU: ours from transformers' weights, one recorded call, beside transformers' own."""

from importlib import import_module

import pytest
import torch
from kernel_programs import load_program

import dsv3c
from benchmarks.hopper import layer_hf, layer_ours
from benchmarks.hopper.cases_layer import checked, fill_cache, work
from benchmarks.hopper.shapes import LayerStep
from dsv3c.backends.triton.emission.emitter import emit_kernels_program
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.measuring.benchmark_gpu import LoadedProgram

CPU = torch.device("cpu")
STEP = LayerStep("decode", 2, 1, 37)
PACKAGES = {
    "device.space": "dsv3c.backends.triton.runtime.space",
    "device.entries": "dsv3c.backends.triton.runtime.entries",
    "device.device_params": "dsv3c.backends.triton.runtime.device_params",
    "runtime.experts": "dsv3c.backends.reference.runtime.experts",
    "runtime.params": "dsv3c.backends.reference.runtime.params",
}


@pytest.fixture(scope="module")
def program() -> LoadedProgram:
    """A layer with experts of the tiny model, in one process with the compiler."""
    planned = dsv3c.compile(
        "tiny", target="h100", layers=(2, 3), semantics="hf", recipe="deepseek-v3", kernels="none", phases=["decode"]
    )
    lowered = dsv3c.opt(planned.op, "select-kernels{gluon=false},plan-memory", target="h100")
    names = load_program(emit_kernels_program(lowered.op)["program.py"])
    return LoadedProgram(names, {name: import_module(package) for name, package in PACKAGES.items()})


@torch.no_grad()
def test_a_recorded_layer_computes_what_transformers_does(program: LoadedProgram) -> None:
    """And is called again with the same operands: with the rows of the cache gone it is another step's."""
    torch.manual_seed(5)
    model = layer_hf.build(CPU, 0, "tiny")
    params = layer_ours.params_of(program, layer_ours.Source(layer_hf.layer_state(model), CPU))
    ours = layer_ours.record(program, InterpreterGpu(), params, STEP, CPU)
    hidden = torch.randn(ours.hidden.shape, generator=torch.Generator().manual_seed(1)).bfloat16()
    ours.hidden.copy_(hidden)
    past = layer_hf.cache_for(model, STEP, CPU)
    assert past is not None
    fill_cache(ours.cache, past, STEP)
    eager = layer_hf.runner(model, model.layers[0], STEP, hidden, past)
    right = checked(ours, model, eager, hidden)
    assert right.error is None and right.metrics.calc_diff > 1e-6
    assert ours.routes["ids"].shape == (2, 4)
    ours.cache.latent.zero_()
    wrong = checked(ours, model, eager, hidden)
    assert wrong.error is not None and "calc_diff" in wrong.error


def test_a_cache_of_another_form_is_told() -> None:
    cache = layer_hf.FixedCache(torch.zeros(2, 1, 8, 256), torch.zeros(2, 1, 8, 64))
    with pytest.raises(ValueError, match="latents are what is measured here"):
        cache.update(torch.zeros(2, 4, 1, 192), torch.zeros(2, 4, 1, 128), 0)


def test_tensors_of_a_checkpoint_come_from_stacked_experts() -> None:
    stacked = torch.arange(24.0).view(2, 4, 3)
    source = layer_ours.Source({"mlp.experts.gate_up_proj": stacked, "mlp.experts.down_proj": stacked}, CPU)
    up = source("model.layers.3.mlp.experts.1.up_proj.weight", (2, 3), torch.float32)
    assert torch.equal(up, stacked[1, 2:])
    assert source("model.embed_tokens.weight", (5, 2), torch.bfloat16).shape == (5, 2)
    with pytest.raises(KeyError, match="no_such"):
        source("model.layers.3.no_such.weight", (2, 3), torch.float32)


def test_work_of_a_layer() -> None:
    decode, prefill = work(LayerStep("decode", 128, 1, 1024)), work(LayerStep("prefill", 1, 4096, 4096))
    assert 10e9 < decode.num_bytes < prefill.num_bytes < 12e9  # nearly all experts' weights are read once
    assert prefill.flops / 4096 == pytest.approx(2 * (187e6 + 9 * 44e6) + 2 * 2048 * 128 * 320, rel=0.02)
