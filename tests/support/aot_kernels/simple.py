"""Kernels that are quick to compile, and some that take more than a GPU has."""

import triton
import triton.language as tl

from aot_kernels.blocks import rows_of

ALLOWED_SPILLS = {"spilling_allowed_kernel": (100_000, "the test asks for it")}


@triton.jit
def add_kernel(
    x_ptr: tl.tensor, y_ptr: tl.tensor, bias_ptr: tl.tensor | None, out_ptr: tl.tensor, n: tl.tensor, a: tl.tensor,
    BLOCK: tl.constexpr, TWICE: tl.constexpr = False,
) -> None:  # fmt: skip
    i = rows_of(BLOCK)
    total = tl.load(x_ptr + i, i < n) * a + tl.load(y_ptr + i, i < n)
    if bias_ptr is not None:
        total += tl.load(bias_ptr + i, i < n)
    if TWICE:
        total *= 2
    tl.store(out_ptr + i, total, i < n)


@triton.jit
def product_kernel(a_ptr: tl.tensor, b_ptr: tl.tensor, c_ptr: tl.tensor, K: tl.tensor, SIZE: tl.constexpr) -> None:
    row, inner = tl.arange(0, SIZE)[:, None], tl.arange(0, 128)
    total = tl.zeros((SIZE, SIZE), tl.float32)
    for k in range(0, K, 128):
        a = tl.load(a_ptr + row * K + (k + inner)[None, :])
        b = tl.load(b_ptr + tl.arange(0, SIZE)[None, :] * K + (k + inner)[:, None])
        total += tl.dot(a, b)
    tl.store(c_ptr + row * SIZE + tl.arange(0, SIZE)[None, :], total)


@triton.jit
def held(x_ptr: tl.tensor, out_ptr: tl.tensor, SIZE: tl.constexpr) -> None:
    """Every thread holds SIZE / threads numbers at once."""
    i = tl.arange(0, SIZE)
    x = tl.load(x_ptr + i)
    for _ in range(3):
        x = x * tl.sum(x)
    tl.store(out_ptr + i, x)


@triton.jit
def spilling_kernel(x_ptr: tl.tensor, out_ptr: tl.tensor, SIZE: tl.constexpr) -> None:
    held(x_ptr, out_ptr, SIZE)


@triton.jit
def spilling_allowed_kernel(x_ptr: tl.tensor, out_ptr: tl.tensor, SIZE: tl.constexpr) -> None:
    held(x_ptr, out_ptr, SIZE)


@triton.jit
def wrong_kernel(x_ptr: tl.tensor) -> None:
    tl.store(x_ptr, tl.load(x_ptr) + no_such_name)  # noqa: F821
