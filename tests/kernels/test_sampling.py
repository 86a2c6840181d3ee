"""Greedy sampling in Triton's interpreter."""

import pytest
import torch
from kernel_references import run_checked
from torch import Tensor

from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.sampling import argmax

CONFIGS = [{"block_n": 256, "num_warps": 4, "num_stages": 1}]


def check_argmax(logits: Tensor) -> None:
    outputs = {"ids": torch.empty(logits.shape[0], dtype=torch.int64)}
    run_checked(argmax, "sampling.argmax", InterpreterGpu(), outputs, logits=logits, configs=CONFIGS)


@pytest.mark.parametrize("sizes", [(0, 100), (1, 1), (5, 1000), (3, 256)])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
def test_random_logits(sizes: tuple[int, int], kind: torch.dtype) -> None:
    check_argmax(torch.randn(sizes, generator=torch.Generator().manual_seed(0)).to(kind))


def test_ties_and_numbers_that_are_not_finite() -> None:
    logits = torch.full((7, 700), -3.0)
    logits[0, [600, 300, 301]] = 1.0
    logits[1, [2, 5]] = torch.tensor([-0.0, 0.0])
    logits[2] = float("-inf")
    logits[3, 400] = float("inf")
    logits[4, [10, 650]] = torch.tensor([float("inf"), float("nan")])
    logits[5, 699] = -2.5
    check_argmax(logits)
    check_argmax(logits[:, 100:])
