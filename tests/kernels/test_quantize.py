"""Quantisation in Triton's interpreter against its meaning, bit by bit."""

from typing import Any

import pytest
import torch
from kernel_references import run_checked
from row_values import V3, empty_scaled, rows
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import quantize as meaning
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.quantize import dequantize, quantize
from dsv3c.backends.triton.launchers.rows import TYPES

CONFIGS = [{"up_to": 4, "block_m": 1, "block_n": 128, "num_warps": 1, "num_stages": 1},
           {"block_m": 4, "block_n": 256, "num_warps": 4, "num_stages": 1}]  # fmt: skip


def check_quantize(x: Tensor, layout: str = "row", **changed: Any) -> None:
    how: dict[str, Any] = {**V3, "static": None, **changed}
    q = empty_scaled(tuple(x.shape), how["granule"], how["data"], layout)
    run_checked(quantize, "quantize.quantize", InterpreterGpu(), {"q": q}, x=x, configs=CONFIGS, **how)


@pytest.mark.parametrize("layout", ["row", "mn_major"])
@pytest.mark.parametrize("sizes", [(0, 256), (1, 128), (5, 512), (9, 192), (3, 100)])
@pytest.mark.parametrize("apply", ["divide", "reciprocal"])
def test_activations(sizes: tuple[int, int], apply: str, layout: str) -> None:
    check_quantize(rows(*sizes), layout, apply=apply)


@pytest.mark.parametrize("data", ["f8E4M3FN", "f8E4M3FNUZ", "f8E5M2"])
@pytest.mark.parametrize("round_scale", ["none", "pow2"])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
def test_formats(data: str, round_scale: str, kind: torch.dtype) -> None:
    check_quantize(rows(7, 256, kind), data=data, round_scale=round_scale, saturate=round_scale == "pow2")


def test_scales_that_are_powers_of_two_stay() -> None:
    x = torch.full((6, 128), 448.0) * torch.tensor([1.0, 2.0, 2.0**-7, 2.0**100, 1.0000001, 1.5])[:, None]
    check_quantize(x, round_scale="pow2", amax_floor=1e-30)


def test_quotients_are_rounded_once() -> None:
    """Quotients at the middle of two numbers that the format has, or next to it: one rounding more moves them."""
    torch.manual_seed(0)
    rows, middles = 160, (torch.arange(8, 16) + 0.5) / 8
    scales = 1 + torch.rand(rows, 1)
    x = torch.cat([scales * middles * 2.0**shift for shift in range(-6, 8)], dim=1)
    x = torch.cat([x, scales * 448], dim=1).nextafter(torch.randn(rows, 113) * 1e9)
    x[:, -1:] = scales * 448
    check_quantize(x)
    check_quantize(x * 2.0**-8, round_scale="none", data="f8E4M3FN")
    check_quantize(-x.bfloat16())


@pytest.mark.parametrize("mantissa", [8 << 20, (8 << 20) + 1, (11 << 20) - 1, (13 << 20) + 3, (1 << 24) - 1])
def test_quotients_next_to_middles(mantissa: int) -> None:
    """Numbers whose quotients are as near as can be to where the last bit of f32 decides about 8 bits."""
    scale = mantissa * 2.0**-24
    middles = torch.tensor([m * 2.0**e for m in range(1, 32, 2) for e in range(-10, 3)], dtype=torch.float64)
    middles = middles[middles < 448]
    near = (middles * scale).float()
    x = torch.cat([near, near.nextafter(torch.tensor(0.0)), near.nextafter(torch.tensor(1e9))])
    x = torch.cat([x, -x]).expand(2, -1).contiguous()
    check_quantize(x, static=scale, granule=(0, 0), amax_floor=None, saturate=True)


def test_all_bfloat16_mantissas_by_all_others() -> None:
    """A block has all mantissas, of several sizes below its largest number; blocks have all mantissas of that."""
    mantissas = 1 + torch.arange(128) / 128
    blocks = [mantissas * 2.0**-shift for shift in (1, 2, 7, 15, 18)]
    x = torch.cat([torch.cat([each[1:], torch.ones(1)]) for each in blocks]).expand(128, -1).clone()
    x[:, 127::128] = mantissas[:, None]
    check_quantize((x * torch.tensor([1.0, -1.0]).repeat(320)).bfloat16())


def test_infinite_numbers_become_nan_and_their_block_zero() -> None:
    x = rows(5, 384)
    x[2, 130] = float("inf")
    check_quantize(x)
    check_quantize(x, round_scale="pow2", apply="reciprocal")


def test_nan_stays_in_the_data() -> None:
    x = rows(2, 128)
    x[0, 3] = float("nan")
    q = empty_scaled((2, 128), (1, 128), "f8E4M3FN")
    quantize(InterpreterGpu(), x=x, q=q, configs=CONFIGS, **V3 | {"saturate": True, "static": None})
    assert q.data.float().isnan().nonzero().tolist() == [[0, 3]]


@pytest.mark.parametrize("granule", [(1, 32), (1, 64), (128, 128), (128, 1)])
def test_other_granules(granule: tuple[int, int]) -> None:
    check_quantize(rows(150, 200), granule=granule, apply="reciprocal")


def test_stacks_of_matrices() -> None:
    x = torch.stack([rows(140, 130), rows(140, 130) * 3])
    check_quantize(x, granule=(1, 128, 128))
    check_quantize(x.transpose(0, 1).contiguous().transpose(0, 1), granule=(1, 128, 1))


def test_leading_dims_are_rows() -> None:
    check_quantize(rows(6, 256).view(2, 3, 256), granule=(1, 1, 128))


def test_a_slice_of_wider_rows() -> None:
    check_quantize(rows(9, 704)[:, 64:576], "mn_major")


def test_rows_without_contiguous_elements_are_refused() -> None:
    with pytest.raises(ValueError, match="not contiguous"):
        check_quantize(rows(256, 9).t())
    with pytest.raises(ValueError, match="equal distances"):
        check_quantize(rows(30, 512).view(6, 5, 512)[:, :3], granule=(1, 1, 128))


@pytest.mark.parametrize("apply", ["divide", "reciprocal"])
@pytest.mark.parametrize("m", [0, 7])
def test_a_static_scale(m: int, apply: str) -> None:
    check_quantize(
        rows(m, 200), granule=(0, 0), amax_floor=None, static=0.0123, apply=apply, saturate=True, round_scale="none"
    )


@pytest.mark.parametrize("m", [0, 1, 7, 1100])
@pytest.mark.parametrize("round_scale", ["none", "pow2"])
def test_one_scale_for_all(m: int, round_scale: str) -> None:
    partials = torch.full((256,), float("nan"))
    check_quantize(rows(m, 200), granule=(0, 0), partials=partials, round_scale=round_scale)


@pytest.mark.parametrize("granule", [(1, 128), (128, 128), (0, 0), (128, 1)])
@pytest.mark.parametrize("kind", ["bf16", "f32"])
def test_dequantize(granule: tuple[int, int], kind: str) -> None:
    static = 0.02 if granule == (0, 0) else None
    how = {**V3, "granule": granule, "static": static, "saturate": True}
    q = meaning(rows(70, 200), **how | {"data": torch.float8_e4m3fn, "scale": torch.float32})
    outputs = {"y": torch.empty(70, 200, dtype=TYPES[kind])}
    run_checked(dequantize, "quantize.dequantize", InterpreterGpu(), outputs, q=q, configs=CONFIGS, dtype=kind)
