"""Products of rows in Triton's interpreter against their meaning."""

from typing import Any

import pytest
import torch
from kernel_references import run_checked
from scaled_values import KINDS, config, numbers
from torch import Tensor

from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.linear import linear

BF16, F32 = torch.bfloat16, torch.float32
CONFIGS = [config(16, 64, 128, swap=True, up_to=16), config(64, 64, 64)]


def check_linear(
    sizes: tuple[int, int, int],
    *,
    kind: str = "normal",
    inside: torch.dtype = BF16,
    out: torch.dtype = F32,
    bias: torch.dtype | None = None,
    configs: list[dict[str, int]] = CONFIGS,
) -> Tensor:
    """Run the kernel and compare with the meaning: sizes M, N, K."""
    m, n, k = sizes
    given: dict[str, Any] = {"x": numbers(kind, m, k).to(inside), "weight": numbers(kind, n, k, seed=1).to(inside)}
    if bias is not None:
        given["bias"] = numbers(kind, n, seed=2).to(bias)
    y = torch.empty((m, n), dtype=out)
    run_checked(linear, "linear.linear", InterpreterGpu(), {"y": y}, **given, configs=configs)
    return y


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("inside", "out"), [(BF16, BF16), (BF16, F32), (F32, F32), (F32, BF16)])
def test_types_and_data_of_every_kind(kind: str, inside: torch.dtype, out: torch.dtype) -> None:
    check_linear((20, 72, 320), kind=kind, inside=inside, out=out)


@pytest.mark.parametrize("sizes", [(1, 576, 192), (3, 320, 300), (16, 130, 128), (70, 320, 192), (130, 130, 300)])
def test_sizes_that_no_tile_divides(sizes: tuple[int, int, int]) -> None:
    check_linear(sizes)


def test_no_rows() -> None:
    check_linear((0, 72, 64))


@pytest.mark.parametrize("rows", [5, 20])
@pytest.mark.parametrize("bias", [BF16, F32])
def test_bias(rows: int, bias: torch.dtype) -> None:
    assert not torch.equal(check_linear((rows, 72, 64), bias=bias), check_linear((rows, 72, 64)))


def test_rows_in_wider_buffers() -> None:
    x, weight = numbers("normal", 2, 3, 200).to(BF16)[..., 8:136], numbers("normal", 80, 128, seed=1).to(BF16)
    y = torch.zeros(2, 3, 100)[..., 10:90]
    run_checked(linear, "linear.linear", InterpreterGpu(), {"y": y}, x=x, weight=weight, configs=CONFIGS)
    assert not y.as_strided((6, 10), (100, 1), 0).any()


def test_weights_whose_rows_are_not_contiguous_are_refused() -> None:
    x, weight, y = torch.zeros(2, 8), torch.zeros(8, 4).t(), torch.zeros(2, 4)
    with pytest.raises(ValueError, match="not contiguous"):
        linear(InterpreterGpu(), x=x, weight=weight, y=y, configs=CONFIGS)


def test_the_same_bits_every_run() -> None:
    assert torch.equal(check_linear((17, 40, 300)), check_linear((17, 40, 300)))
