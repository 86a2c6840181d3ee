"""How numbers are computed: three fidelities, and the products and roundings that all meanings share.

``reference`` (default): products, sums and transcendental functions in f64, rounded where the op's attributes say so
and nowhere else (a rounding to bf16 goes through f32, as PyTorch converts).  A row's result does not depend on how many
rows are computed together, so chunked prefill and token-by-token decode give the same bits: products of f32 numbers are
exact in f64, and what the order of additions could change (1e-16 relative) is rounded away.
``torch``: the very PyTorch calls the models make, for bitwise comparison with PyTorch.
``tensor_core``: ``reference``, but products of 8-bit data are added as a tensor core adds them (``scaled_products``).
"""

import weakref
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import torch
from torch import Tensor

Fidelity = Literal["reference", "torch", "tensor_core"]

FIDELITY: ContextVar[Fidelity] = ContextVar("FIDELITY", default="reference")

QUANTIZATION: ContextVar[bool] = ContextVar("QUANTIZATION", default=True)
"""Whether ``scaled.quantize`` quantises; off, data stays as it is with scales of 1, and nothing is lost but the order
in which numbers are added: what a pass that moves quantisers did to that order can be judged alone."""

WIDE_BUDGET_BYTES = 1 << 30
"""Memory for f64 copies of weights that are kept between calls; beyond it they are made anew for every product."""


@contextmanager
def fidelity(name: Fidelity) -> Generator[None]:
    """Compute everything inside with this fidelity."""
    token = FIDELITY.set(name)
    try:
        yield
    finally:
        FIDELITY.reset(token)


@contextmanager
def quantization(on: bool) -> Generator[None]:
    """Quantise inside, or not."""
    token = QUANTIZATION.set(on)
    try:
        yield
    finally:
        QUANTIZATION.reset(token)


def follows_torch() -> bool:
    """Whether meanings make the sources' own torch calls."""
    return FIDELITY.get() == "torch"


def wide(x: Tensor) -> Tensor:
    """``x`` in f64: exact."""
    return x.to(torch.float64)


def wide_columns(w: Tensor) -> Tensor:
    """``w [..., N, K]`` as ``[..., K, N]`` in f64, contiguous.

    In this layout a BLAS adds the products of every output element in the order of k, whatever the number of rows.
    """
    return w.transpose(-2, -1).to(torch.float64, memory_format=torch.contiguous_format)


class WideWeights:
    """f64 copies of weights, kept while the weight lives and is not written to, up to a budget in bytes."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.used_bytes = 0
        self.entries: dict[int, tuple[weakref.ref[Tensor], int, Tensor]] = {}

    def columns(self, w: Tensor) -> Tensor | None:
        """``wide_columns(w)``, kept for the next call; None where the budget does not hold it."""
        entry = self.entries.get(id(w))
        if entry is not None and entry[0]() is w and entry[1] == w._version:
            return entry[2]
        num_bytes = 8 * w.numel()
        if w.is_inference() or self.used_bytes + num_bytes > self.budget_bytes:
            return None
        self.drop(id(w))
        copy = wide_columns(w.detach())
        key = id(w)
        self.entries[key] = (weakref.ref(w, lambda _: self.drop(key)), w._version, copy)
        self.used_bytes += num_bytes
        return copy

    def drop(self, key: int) -> None:
        """Forget the copy of a weight."""
        entry = self.entries.pop(key, None)
        if entry is not None:
            self.used_bytes -= 8 * entry[2].numel()


WIDE = WideWeights(WIDE_BUDGET_BYTES)


def weight_columns(w: Tensor) -> Tensor:
    """``wide_columns(w)`` of a weight: the kept copy where there is one."""
    kept = WIDE.columns(w)
    return wide_columns(w) if kept is None else kept


def product(x: Tensor, w: Tensor) -> Tensor:
    """``y[..., n] = sum_k x[..., k] * w[n, k]`` in f64, not rounded: x [..., K], w [N, K]."""
    return torch.matmul(wide(x), weight_columns(w))


def softmax(scores: Tensor) -> Tensor:
    """Softmax over the last dim in f64, not rounded; a row without any finite score is zero."""
    x = wide(scores)
    top = x.amax(dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float64).min)
    e = torch.exp(x - top)
    return e / e.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
