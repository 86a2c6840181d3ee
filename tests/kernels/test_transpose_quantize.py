"""Quantisation along tokens in Triton's interpreter against its meaning, bit by bit."""

from typing import Any

import pytest
import torch
from kernel_references import run_checked
from row_values import V3, empty_scaled, rows
from scaled_values import mn_major
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled, num_blocks
from dsv3c.backends.reference.meanings.scaled import quantize as meaning
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.rows import TYPES
from dsv3c.backends.triton.launchers.transpose_quantize import transpose_quantize

NAME = "transpose_quantize.transpose_quantize"
CONFIG = {"block_c": 128, "register_tokens": 8, "num_warps": 8, "num_stages": 1}
HOW: dict[str, Any] = {name: value for name, value in V3.items() if name != "granule"}


def empty_columns(channels: int, tokens: int, data: str) -> Scaled:
    """Memory for a scaled [C, T] whose rows are 16 bytes more than needed apart; scales column-major."""
    pitch = -(-tokens // 16) * 16 + 16
    memory = torch.full((channels, pitch), 0x5A, dtype=torch.uint8).view(TYPES[data])
    return Scaled(memory[:, :tokens], mn_major(torch.zeros(channels, num_blocks(tokens, 128))), (1, 128))


def check_transpose(
    x: Tensor | Scaled, *, with_rows: str = "", config: dict[str, int] = CONFIG, **changed: Any
) -> Scaled:
    how = {**HOW, **changed}
    tokens, channels = x.shape
    q = empty_columns(channels, tokens, how["data"])
    outputs = {"q": q}
    if with_rows:
        outputs["rows"] = empty_scaled((tokens, channels), (1, 128), how["data"], with_rows)
    run_checked(transpose_quantize, NAME, InterpreterGpu(), outputs, x=x, configs=[config], **how)
    return q


@pytest.mark.parametrize("sizes", [(1, 128), (128, 256), (300, 192), (16, 100), (259, 64)])
@pytest.mark.parametrize("apply", ["divide", "reciprocal"])
def test_sizes(sizes: tuple[int, int], apply: str) -> None:
    check_transpose(rows(*sizes), apply=apply)


def test_no_tokens() -> None:
    check_transpose(rows(0, 128), with_rows="row")


@pytest.mark.parametrize("data", ["f8E4M3FN", "f8E4M3FNUZ", "f8E5M2"])
@pytest.mark.parametrize("round_scale", ["none", "pow2"])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
def test_formats(data: str, round_scale: str, kind: torch.dtype) -> None:
    check_transpose(rows(150, 130, kind), data=data, round_scale=round_scale, saturate=round_scale == "pow2")


@pytest.mark.parametrize("layout", ["row", "mn_major"])
@pytest.mark.parametrize("sizes", [(5, 512), (300, 192)])
def test_rows_beside_columns(sizes: tuple[int, int], layout: str) -> None:
    check_transpose(rows(*sizes), with_rows=layout, round_scale="pow2")


@pytest.mark.parametrize("layout", ["row", "mn_major"])
@pytest.mark.parametrize("round_scale", ["none", "pow2"])
@pytest.mark.parametrize("with_rows", ["", "mn_major"])
def test_from_rows_that_are_quantised(layout: str, round_scale: str, with_rows: str) -> None:
    how: dict[str, Any] = {"data": torch.float8_e4m3fn, "scale": torch.float32, "static": None}
    x = meaning(rows(300, 200), **{**V3, "round_scale": round_scale, "saturate": True, **how})
    x = x if layout == "row" else Scaled(x.data, mn_major(x.scale), x.granule)
    check_transpose(x, with_rows=with_rows, round_scale=round_scale, saturate=True)


def test_scales_that_are_powers_of_two_lose_nothing_of_what_fits() -> None:
    """Rows of one power of two, whose channels differ by as little as e4m3 has room for."""
    x = torch.randint(-8, 9, (256, 128)).float() * 2.0 ** torch.randint(-2, 3, (128,))
    how: dict[str, Any] = {"data": torch.float8_e4m3fn, "scale": torch.float32, "static": None}
    once = meaning(x, **{**V3, "round_scale": "pow2", "saturate": True, **how})
    q = check_transpose(once, round_scale="pow2", saturate=True)
    scale = q.scale.repeat_interleave(128, dim=1)
    assert torch.equal((q.data.float() * scale).t(), once.data.float() * once.scale)
    assert torch.equal((q.data.float() * scale).t(), x)


def test_rows_are_padded_with_zeros_to_16_bytes_and_no_further() -> None:
    q = check_transpose(rows(35, 64) + 1)
    memory = q.data.as_strided((64, 64), (64, 1)).view(torch.uint8)
    assert (memory[:, 35:48] == 0).all()
    assert (memory[:, 48:] == 0x5A).all()


@pytest.mark.parametrize("block_c", [128, 256])
@pytest.mark.parametrize("register_tokens", [1, 4, 16])
def test_tiles(block_c: int, register_tokens: int) -> None:
    config = {**CONFIG, "block_c": block_c, "register_tokens": register_tokens}
    check_transpose(rows(200, 320), with_rows="row", config=config)


def test_columns_that_are_not_16_bytes_apart_are_refused() -> None:
    q = empty_scaled((64, 100), (1, 128), "f8E4M3FN", "mn_major")
    with pytest.raises(ValueError, match="needs a multiple of 16"):
        transpose_quantize(InterpreterGpu(), x=rows(100, 64), q=q, configs=[CONFIG], **HOW)
    wide = empty_scaled((100, 64), (1, 64), "f8E4M3FN")
    with pytest.raises(ValueError, match="as columns are"):
        transpose_quantize(
            InterpreterGpu(), x=rows(100, 64), q=empty_columns(64, 100, "f8E4M3FN"), rows=wide, configs=[CONFIG], **HOW
        )
