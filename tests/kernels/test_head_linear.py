"""Products of every head in Triton's interpreter against their meaning."""

import pytest
import torch
from kernel_references import run_checked
from scaled_values import KINDS, config, numbers

from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.head_linear import head_linear

BF16, F32 = torch.bfloat16, torch.float32
CONFIGS = [config(16, 64, 128, swap=True, up_to=16), config(64, 64, 64)]


def check_heads(tokens: int, heads: int, n: int, k: int, *, kind: str = "normal", inside: torch.dtype = BF16) -> None:
    """x is the front of wider heads, as the part of a query without position is."""
    x = numbers(kind, tokens, heads, k + 64).to(inside)[..., :k]
    weight = numbers(kind, heads, n, k, seed=1).to(inside)
    y = torch.empty((tokens, heads, n + 16), dtype=F32)[..., :n]
    run_checked(head_linear, "head_linear.head_linear", InterpreterGpu(), {"y": y}, x=x, weight=weight, configs=CONFIGS)


@pytest.mark.parametrize("kind", KINDS)
def test_data_of_every_kind(kind: str) -> None:
    check_heads(5, 3, 96, 128, kind=kind)


@pytest.mark.parametrize(("tokens", "heads", "n", "k"), [(1, 4, 256, 128), (70, 2, 130, 200), (17, 1, 64, 64)])
@pytest.mark.parametrize("inside", [BF16, F32])
def test_sizes(tokens: int, heads: int, n: int, k: int, inside: torch.dtype) -> None:
    check_heads(tokens, heads, n, k, inside=inside)


def test_no_tokens() -> None:
    check_heads(0, 4, 64, 32)


def test_rounded_once() -> None:
    x, weight = numbers("normal", 3, 2, 64).to(BF16), numbers("normal", 2, 40, 64, seed=1).to(BF16)
    y = torch.empty(3, 2, 40, dtype=BF16)
    run_checked(head_linear, "head_linear.head_linear", InterpreterGpu(), {"y": y}, x=x, weight=weight, configs=CONFIGS)
