"""RMS norm in Triton's interpreter against its meaning: bit by bit, also where rows are quantised."""

from typing import Any

import pytest
import torch
from kernel_references import check, references, run_checked
from row_values import V3, empty_scaled, rows
from torch import Tensor

from dsv3c.backends.reference.meanings import nn
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.rms_norm import rms_norm, rms_norm_quantize


def configs_for(columns: int) -> list[dict[str, int]]:
    """One row per program for few rows, four for more."""
    width = max(128, 1 << (columns - 1).bit_length())
    return [
        {"up_to": 4, "block_m": 1, "block_n": width, "num_warps": 4, "num_stages": 1},
        {"block_m": 4, "block_n": width, "num_warps": 4, "num_stages": 1},
    ]


def check_norm(x: Tensor, weight: Tensor, residual: Tensor | None = None, *, keep_total: bool, weight_in: str) -> None:
    y = torch.empty(x.shape, dtype=x.dtype)
    outputs = {"y": y} | ({"total": torch.empty_like(y)} if keep_total else {})
    kind = "bf16" if x.dtype == torch.bfloat16 else "f32"
    run_checked(
        rms_norm, "rms_norm.rms_norm", InterpreterGpu(), outputs, x=x, weight=weight, residual=residual,
        configs=configs_for(x.shape[-1]), eps=1e-6, weight_in=weight_in, intermediate=kind, keep_total=keep_total,
    )  # fmt: skip


def check_quantized(
    x: Tensor, weight: Tensor, residual: Tensor | None = None, *, layout: str = "row", keep: bool = False,
    keep_total: bool = False, weight_in: str = "f32", intermediate: str = "bf16", **how: Any,
) -> None:  # fmt: skip
    how = V3 | how
    outputs: dict[str, Tensor | Scaled] = {"q": empty_scaled(tuple(x.shape), how["granule"], how["data"], layout)}
    outputs |= {
        name: torch.empty(x.shape, dtype=x.dtype) for name, kept in (("y", keep), ("total", keep_total)) if kept
    }
    run_checked(
        rms_norm_quantize, "rms_norm.rms_norm_quantize", InterpreterGpu(), outputs, x=x, weight=weight,
        residual=residual, configs=configs_for(x.shape[-1]), eps=1e-6, weight_in=weight_in, intermediate=intermediate,
        keep=keep, keep_total=keep_total, **how,
    )  # fmt: skip


def weights(columns: int, kind: torch.dtype = torch.bfloat16) -> Tensor:
    return (1 + 0.3 * torch.randn(columns, generator=torch.Generator().manual_seed(columns))).to(kind)


@pytest.mark.parametrize("columns", [7168, 1536, 512, 384, 192, 100])
@pytest.mark.parametrize("weight_in", ["f32", "input"])
def test_bfloat16_rows(columns: int, weight_in: str) -> None:
    check_norm(rows(9, columns), weights(columns), keep_total=False, weight_in=weight_in)


@pytest.mark.parametrize("weight_in", ["f32", "input"])
@pytest.mark.parametrize("m", [0, 1, 6])
@pytest.mark.parametrize("keep_total", [False, True])
def test_the_sum_of_two_values(m: int, keep_total: bool, weight_in: str) -> None:
    check_norm(rows(m, 384), weights(384), rows(m, 384, seed=1), keep_total=keep_total, weight_in=weight_in)


def test_many_rows_keep_their_bits() -> None:
    """A factor of f32 alone would round 1 of 20,000 elements otherwise."""
    check_norm(torch.randn(400, 1024).bfloat16(), weights(1024), keep_total=False, weight_in="f32")


@pytest.mark.parametrize("weight_in", ["f32", "input"])
def test_f32_rows(weight_in: str) -> None:
    x, weight = rows(5, 384, torch.float32), weights(384, torch.float32)
    y = torch.empty_like(x)
    rms_norm(
        InterpreterGpu(), x=x, weight=weight, y=y, configs=configs_for(384), eps=1e-6, weight_in=weight_in,
        intermediate="f32", keep_total=False,
    )  # fmt: skip
    check("y", y, nn.rms_norm(x, weight, eps=1e-6, weight_in=weight_in), "f32")


@pytest.mark.parametrize("layout", ["row", "mn_major"])
@pytest.mark.parametrize("columns", [7168, 1536, 384, 192, 100])
def test_quantised_rows(columns: int, layout: str) -> None:
    check_quantized(rows(6, columns), weights(columns), layout=layout)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("keep_total", [False, True])
@pytest.mark.parametrize("weight_in", ["f32", "input"])
def test_quantised_rows_of_a_sum(keep: bool, keep_total: bool, weight_in: str) -> None:
    check_quantized(
        rows(6, 384), weights(384), rows(6, 384, seed=2), keep=keep, keep_total=keep_total, weight_in=weight_in
    )


@pytest.mark.parametrize(
    "how",
    [
        {"data": "f8E4M3FNUZ"},
        {"data": "f8E5M2", "apply": "reciprocal"},
        {"round_scale": "pow2", "saturate": True},
        {"granule": (1, 64)},
    ],
)
def test_other_quantisers(how: dict[str, Any]) -> None:
    check_quantized(rows(5, 384), weights(384), layout="mn_major", **how)


def test_rows_of_a_wider_product() -> None:
    x = rows(6, 576)[:, 64:448]
    check_quantized(x, weights(384), rows(6, 500, seed=4)[:, :384])
    check_norm(x, weights(384), keep_total=False, weight_in="f32")


def test_no_rows() -> None:
    check_quantized(rows(0, 384), weights(384), keep=True, keep_total=True, layout="mn_major")


def test_an_intermediate_that_is_not_rounded() -> None:
    """Scales and data may be off by a rounding of f32; y is the row rounded to bfloat16."""
    x, weight = rows(5, 384), weights(384, torch.float32)
    q, y = empty_scaled((5, 384), (1, 128), "f8E4M3FN"), torch.empty_like(x)
    how: dict[str, Any] = {
        **V3, "eps": 1e-6, "weight_in": "f32", "intermediate": "f32", "keep": True, "keep_total": False,
        "configs": configs_for(384), "x": x, "weight": weight,
    }  # fmt: skip
    rms_norm_quantize(InterpreterGpu(), q=q, y=y, **how)
    expected = references()["rms_norm.rms_norm_quantize"].expected(**how)
    check("q", q, expected["q"], "f32")
    check("y", y, expected["y"], "f32")


def test_outputs_are_given_where_they_are_kept() -> None:
    x = rows(2, 128)
    with pytest.raises(ValueError, match="exactly where it is kept"):
        rms_norm(
            InterpreterGpu(), x=x, weight=weights(128), y=torch.empty_like(x), total=torch.empty_like(x),
            configs=configs_for(128), eps=1e-6, weight_in="f32", intermediate="bf16", keep_total=False,
        )  # fmt: skip


@pytest.mark.parametrize("num_sms", [1, 3])
@pytest.mark.parametrize("count", [1, 8, 29])
def test_programs_that_walk_rows(count: int, num_sms: int) -> None:
    """More rows than programs: every row is computed once, by the program whose turn it is."""
    x, residual, weight = rows(count, 192), rows(count, 192, seed=1), weights(192)
    outputs: dict[str, Tensor | Scaled] = {"q": empty_scaled((count, 192), (1, 128), "f8E4M3FN", "mn_major")}
    outputs["total"] = torch.empty_like(x)
    for height in (1, 4):
        config = {"block_m": height, "block_n": 256, "per_multiprocessor": 2, "num_warps": 1, "num_stages": 1}
        run_checked(
            rms_norm_quantize, "rms_norm.rms_norm_quantize", InterpreterGpu(num_sms), outputs, x=x, weight=weight,
            residual=residual, configs=[config], eps=1e-6, weight_in="f32", intermediate="bf16", keep=False,
            keep_total=True, **V3,
        )  # fmt: skip
