"""Stand-ins for vendors' libraries: they check the form of what they are given, and compute what the library says."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled, mm
from dsv3c.backends.triton.runtime.externs import find

BF16 = torch.bfloat16


def columns_of(scale: Tensor) -> None:
    """DeepGEMM's scales of x: columns of rows, padded to 16 bytes, one after the other."""
    *groups, rows, blocks = scale.shape
    height = -(-rows // 4) * 4
    assert scale.stride() == (*([blocks * height] * len(groups)), 1, height)


def fp8_gemm_nt(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor], d: Tensor) -> None:
    """``d = a b^T``, x 1x128 and w 128x128."""
    columns_of(a[1])
    assert b[1].is_contiguous() and a[0].stride(1) == b[0].stride(1) == d.stride(1) == 1
    d.copy_(mm(Scaled(*a, (1, 128)), Scaled(*b, (128, 128)), dtype=d.dtype, promote=128))


def m_grouped_fp8_gemm_nt_contiguous(
    a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor], d: Tensor, m_indices: Tensor
) -> None:
    """Every 128 rows by the matrix of the first row's expert; where that is -1 they are left as they are."""
    columns_of(a[1])
    assert m_indices.dtype == torch.int32 and m_indices.is_contiguous() and d.dtype == BF16
    for start in range(0, d.shape[0], 128):
        rows, group = slice(start, start + 128), int(m_indices[start])
        assert {group} >= {*m_indices[rows].tolist()} - {-1}, "rows of two experts in one tile"
        if group >= 0:
            x, w = Scaled(a[0][rows], a[1][rows], (1, 128)), Scaled(b[0][group], b[1][group], (128, 128))
            d[rows] = mm(x, w, dtype=BF16, promote=128)


def m_grouped_fp8_gemm_nt_masked(
    a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor], d: Tensor, masked_m: Tensor, expected_m: int
) -> None:
    """The first ``masked_m`` rows of every group by its matrix; others are left as they are."""
    columns_of(a[1])
    assert masked_m.dtype == torch.int32 and 0 < expected_m <= a[0].shape[1] and d.is_contiguous()
    for group, count in enumerate(masked_m.tolist()):
        x = Scaled(a[0][group, :count], a[1][group, :count], (1, 128))
        d[group, :count] = mm(x, Scaled(b[0][group], b[1][group], (128, 128)), dtype=BF16, promote=128)


def get_mla_metadata(cache_seqlens: Tensor, heads_per_key: int, key_heads: int) -> tuple[object, None]:
    """What the kernel schedules by."""
    assert cache_seqlens.dtype == torch.int32 and key_heads == 1
    return ("metadata", heads_per_key), None


def flash_mla_with_kvcache(
    q: Tensor, k_cache: Tensor, block_table: Tensor, cache_seqlens: Tensor, head_dim_v: int, metadata: Any,
    num_splits: None, *, softmax_scale: float, causal: bool,
) -> tuple[Tensor, None]:  # fmt: skip
    """Attention of the last tokens of every sequence over its pages."""
    sequences, queries, heads, width = q.shape
    assert metadata == ("metadata", queries * heads) and num_splits is None and causal
    assert (width, head_dim_v, k_cache.shape[1:]) == (576, 512, (64, 1, 576)) and k_cache.stride(-1) == 1
    out = q.new_empty((sequences, queries, heads, head_dim_v))
    for n, length in enumerate(cache_seqlens.tolist()):
        rows = k_cache[block_table[n, : -(-length // 64)].long(), :, 0].flatten(0, 1)[:length].double()
        scores = torch.einsum("qhd,kd->qhk", q[n].double(), rows) * softmax_scale
        seen = torch.arange(length) <= torch.arange(length - queries, length)[:, None]
        weights = scores.masked_fill(~seen[:, None], float("-inf")).softmax(-1)
        out[n] = torch.einsum("qhk,kd->qhd", weights, rows[:, :head_dim_v]).to(q.dtype)
    return out, None


FUNCTIONS: dict[str, list[Any]] = {
    "deep_gemm": [fp8_gemm_nt, m_grouped_fp8_gemm_nt_contiguous, m_grouped_fp8_gemm_nt_masked],
    "flash_mla": [get_mla_metadata, flash_mla_with_kvcache],
}


@contextmanager
def installed(*packages: str) -> Iterator[dict[str, int]]:
    """Packages that can be imported; function -> how often it was called."""
    called = dict[str, int]()

    def counted(function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            called[function.__name__] = called.get(function.__name__, 0) + 1
            return function(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for package in packages:
            module = ModuleType(package)
            for function in FUNCTIONS[package]:
                setattr(module, function.__name__, counted(function))
            patch.setitem(sys.modules, package, module)
        find.cache_clear()
        yield called
    find.cache_clear()
