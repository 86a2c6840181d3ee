"""Gradients of weights in Triton's interpreter against their meaning, and what they are compiled to for Hopper."""

import itertools
import re
from typing import Any

import pytest
import torch
from kernel_references import calc_diff, run_checked
from row_values import V3
from scaled_values import KINDS, mn_major, numbers, scaled
from torch import Tensor
from training_launches import run_wgrad_mm

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.meanings.training import wgrad_mm as meaning
from dsv3c.backends.triton.choices.transpose_quantize import CONFIGS as ALONG_TOKENS
from dsv3c.backends.triton.choices.wgrad import Gradient, candidates, configs_for
from dsv3c.backends.triton.compilation.aot import compile_variants
from dsv3c.backends.triton.compilation.compile_worker import disassembled
from dsv3c.backends.triton.compilation.kernel_cache import default_cache
from dsv3c.backends.triton.gluon_interpreter import GluonInterpreterGpu
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.transpose_quantize import transpose_quantize
from dsv3c.backends.triton.launchers.wgrad_mm import wgrad_mm
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import load_target

NAME = "wgrad_mm.wgrad_mm"
PLAIN = {"block_n": 64, "block_k": 64, "group_n": 2, "persistent": 0, "num_warps": 4, "num_stages": 2}
GLUON = {"block_n": 128, "block_k": 128, "group_n": 2, "persistent": 1, "num_warps": 4, "num_stages": 2, "gluon": 1}
WALKING = {**PLAIN, "block_n": 128, "block_k": 128, "persistent": 1}


def factor(kind: str, rows: int, tokens: int, seed: int) -> Scaled:
    """Rows padded with zeros to multiples of 16 numbers, then one such multiple of NaN; scales column-major."""
    q = scaled(numbers(kind, rows, tokens, seed=seed), (1, 128))
    room = -(-tokens // 16) * 16
    memory = torch.full((rows, room + 16), 0x7F, dtype=torch.uint8)
    memory[:, :room] = 0
    memory[:, :tokens] = q.data.view(torch.uint8)
    return Scaled(memory.view(q.data.dtype)[:, :tokens], mn_major(q.scale), q.granule)


def check_wgrad(
    n: int, k: int, tokens: int, *, kind: str = "normal", offsets: list[int] | None = None, accumulate: bool = False,
    config: dict[str, int] = PLAIN, gpu: object = None,
) -> Tensor:  # fmt: skip
    a, b = factor(kind, n, tokens, 0), factor(kind, k, tokens, 1)
    y = numbers("normal", n, k, seed=2) if offsets is None else numbers("normal", len(offsets) - 1, n, k, seed=2)
    given: dict[str, Any] = {"a": a, "b": b, "accumulate": accumulate, "configs": [config]}
    if offsets is not None:
        given["offsets"] = torch.tensor(offsets, dtype=torch.int32)
    if accumulate:
        given["y"] = y
    run_checked(wgrad_mm, NAME, gpu or InterpreterGpu(), {"y": y}, **given)
    return y


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("accumulate", [False, True])
def test_data_of_every_kind(kind: str, accumulate: bool) -> None:
    check_wgrad(192, 64, 384, kind=kind, accumulate=accumulate)


@pytest.mark.parametrize("tokens", [1, 16, 100, 128, 300])
def test_the_last_block_of_tokens_may_be_short(tokens: int) -> None:
    check_wgrad(64, 72, tokens, accumulate=True)


@pytest.mark.parametrize("sizes", [(192, 320), (70, 60), (64, 448)])
def test_programs_that_walk_tiles(sizes: tuple[int, int]) -> None:
    check_wgrad(*sizes, 256, config=WALKING, gpu=InterpreterGpu(num_sms=3))


@pytest.mark.parametrize("config", [PLAIN, WALKING])
@pytest.mark.parametrize("accumulate", [False, True])
def test_an_expert_has_its_tokens_or_none(accumulate: bool, config: dict[str, int]) -> None:
    offsets = [0, 0, 256, 256, 384, 384]
    y = check_wgrad(64, 72, 384, offsets=offsets, accumulate=accumulate, config=config)
    before = numbers("normal", 5, 64, 72, seed=2)
    for expert in (0, 2, 4):
        assert torch.equal(y[expert], before[expert] if accumulate else torch.zeros(64, 72))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("block_k", [64, 128])
def test_gluon(kind: str, accumulate: bool, block_k: int) -> None:
    """Partial tiles in both dims, a short last block, programs of several tiles, in several orders of events."""
    config = {**GLUON, "block_k": block_k}
    gpu = GluonInterpreterGpu(num_sms=2)
    for seed in range(3):
        gpu = GluonInterpreterGpu(num_sms=2, seed=seed)
        check_wgrad(192, 324, 300, kind=kind, accumulate=accumulate, config=config, gpu=gpu)
    assert gpu.emulated == 1


@pytest.mark.parametrize("stages", [2, 4])
@pytest.mark.parametrize("accumulate", [False, True])
def test_gluon_by_expert(stages: int, accumulate: bool) -> None:
    """Programs meet experts without tokens between others, and rows of a tile that are the next expert's."""
    offsets = [0, 0, 256, 256, 896, 896]
    gpu = GluonInterpreterGpu(num_sms=3)
    config = {**GLUON, "num_stages": stages}
    y = check_wgrad(192, 64, 1000, offsets=offsets, accumulate=accumulate, config=config, gpu=gpu)
    before = numbers("normal", 5, 192, 64, seed=2)
    for expert in (0, 2, 4):
        assert torch.equal(y[expert], before[expert] if accumulate else torch.zeros(192, 64))


@pytest.mark.parametrize("round_scale", ["none", "pow2"])
@pytest.mark.parametrize("config", [PLAIN, GLUON])
def test_of_activations_as_a_step_has_them(config: dict[str, int], round_scale: str) -> None:
    """Gradients in bfloat16, and activations that were quantised by rows: both are quantised along tokens first."""
    tokens, n, k = 300, 192, 128
    dy = numbers("normal", tokens, n).to(torch.bfloat16)
    x = scaled(numbers("normal", tokens, k, seed=1), (1, 128), "mn_major")
    how: dict[str, Any] = {**V3, "round_scale": round_scale, "saturate": True}
    del how["granule"]
    gpu, factors = GluonInterpreterGpu(), list[Scaled]()
    for value, channels in ((dy, n), (x, k)):
        memory = torch.full((channels, -(-tokens // 16) * 16), 0x7F, dtype=torch.uint8).view(torch.float8_e4m3fn)
        q = Scaled(memory[:, :tokens], mn_major(torch.zeros(channels, 3)), (1, 128))
        transpose_quantize(gpu, x=value, q=q, configs=ALONG_TOKENS, **how)
        factors.append(q)
    y = torch.empty(n, k)
    run_checked(
        wgrad_mm, NAME, gpu, {"y": y}, a=factors[0], b=factors[1], accumulate=False, configs=[config],
    )  # fmt: skip
    exact = dy.double().t() @ (x.data.double() * x.scale.double().repeat_interleave(128, dim=1))
    assert calc_diff(y, exact) < 1e-3


def test_tokens_behind_the_last_expert_are_not_read() -> None:
    y = check_wgrad(64, 64, 384, offsets=[0, 128, 256])
    assert not torch.equal(y[1], check_wgrad(64, 64, 384, offsets=[0, 128, 384])[1])


@pytest.mark.parametrize("accumulate", [False, True])
def test_no_tokens(accumulate: bool) -> None:
    check_wgrad(64, 64, 0, accumulate=accumulate)


def test_the_meaning_is_the_product_of_what_is_dequantised() -> None:
    a, b = factor("outliers", 70, 300, 0), factor("outliers", 40, 300, 1)
    wide = [q.data.double() * q.scale.double().repeat_interleave(128, dim=1)[:, :300] for q in (a, b)]
    torch.testing.assert_close(meaning(a, b).double(), wide[0] @ wide[1].t(), rtol=1e-5, atol=1e-3)
    with pytest.raises(ValueError, match="start at multiples of 128"):
        meaning(a, b, offsets=torch.tensor([0, 100, 300]))


def test_rows_that_are_not_16_bytes_apart_are_refused() -> None:
    a, b = scaled(numbers("normal", 64, 300), (1, 128), "mn_major"), factor("normal", 64, 300, 1)
    for pair in ((a, b), (b, a)):
        with pytest.raises(ValueError, match="needs a multiple of 16"):
            wgrad_mm(InterpreterGpu(), a=pair[0], b=pair[1], y=torch.empty(64, 64), accumulate=False, configs=[PLAIN])
    row = scaled(numbers("normal", 64, 384), (1, 128))
    with pytest.raises(ValueError, match="needs a multiple of 4"):
        wgrad_mm(InterpreterGpu(), a=row, b=row, y=torch.empty(64, 64), accumulate=False, configs=[PLAIN])


H800 = load_target("h800")


def test_candidates_compile_for_hopper_without_spilling() -> None:
    """Limits that are broken are errors of ``compile_variants``."""
    gpu = RecordingGpu(132)
    adding, _ = candidates(Gradient(7168, 2112, 4096, 8), H800)
    writing, _ = candidates(Gradient(7168, 2112, 4096, accumulate=False), H800)
    run_wgrad_mm(gpu, adding[0], experts=8, accumulate=True)
    run_wgrad_mm(gpu, writing[1], accumulate=False)
    run_wgrad_mm(gpu, adding[2], experts=8, accumulate=True)
    first, second, plain = compile_variants(gpu.variants, H800, cache=default_cache())
    # Blocks of both factors and both their scales; of each half of the tile that sums are added to, 32 columns a copy.
    for kernel, bulk_loads in ((first, 4 + 2 * 4), (second, 4)):
        assert kernel.variant.language == "gluon"
        assert "setmaxnreg.inc.sync.aligned.u32 232" in " ".join(kernel.assembly.split())
        assert kernel.num_warps == 12
        assert kernel.resources.bulk_loads == bulk_loads
        assert list(kernel.resources.machine.values()) == [8]
    assert list(first.resources.machine) == ["QGMMA.64x128x32.F32.E4M3.E4M3"]
    # Products of a block are issued one after another: nothing else that takes long comes between them.
    code = re.findall(r"\b(QGMMA|FMUL|FFMA|LDS)\b", disassembled(first.binary))
    runs = [len(list(run)) for name, run in itertools.groupby(code) if name == "QGMMA"]
    assert runs == [4, 4]
    assert list(plain.resources.machine.values()) == [4]
    assert [kernel.resources.losses for kernel in (first, second, plain)] == [()] * 3


def test_tiles_are_chosen_by_the_busiest_multiprocessor() -> None:
    (taken,), rejected = configs_for(Gradient(7168, 16384, 4096), H800)
    assert (taken["block_n"], taken["block_k"], taken["gluon"], taken["num_stages"]) == (128, 128, 1, 4)
    assert {"128x64 (Gluon)", "128x128", "64x64"} <= {other.candidate for other in rejected}
    (taken,), _ = configs_for(Gradient(128, 64 * 132, 4096), H800)
    assert (taken["block_n"], taken["block_k"]) == (128, 64)
    (taken,), rejected = configs_for(Gradient(7168, 16384, 4096, accumulate=False), H800, gluon=False)
    assert (taken["block_n"], taken.get("gluon", 0)) == (128, 0)
    assert any("switched off" in other.reason for other in rejected)
    (taken,), _ = configs_for(Gradient(7168, 16384, 4096, accumulate=False), H800)
    assert taken["num_stages"] == 6
    (taken,), rejected = configs_for(Gradient(64, 66, 4096), H800)
    assert taken.get("gluon", 0) == 0
    assert any("multiples of 16 bytes" in other.reason for other in rejected)


def test_a_target_without_warpgroups_gets_the_plain_kernel() -> None:
    with pytest.raises(UsageError, match="shared_memory"):
        configs_for(Gradient(64, 64, 128), load_target("cpu"))
    amd = load_target("mi300x")
    (taken,), _ = configs_for(Gradient(64, 64, 128), amd)
    assert "gluon" not in taken
