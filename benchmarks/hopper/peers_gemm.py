"""Libraries' FP8 and BF16 products on the same operands: DeepGEMM, cuBLAS through PyTorch."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper.case import Peer, PeerMaker
from benchmarks.hopper.checks import UNQUANTIZED
from benchmarks.hopper.data import dequantized
from benchmarks.hopper.imports import library
from dsv3c.backends.reference.meanings.scaled import Scaled


def dense(x: Scaled, w: Scaled, values: Tensor) -> dict[str, PeerMaker]:
    """Peers of ``y = x w^T``; ``values``: x before it was quantised, for the BF16 product."""
    return {
        "deep_gemm": lambda: deep_gemm_dense(x, w),
        "cublas_block_fp8": lambda: cublas_scaled(x, w, "BlockWise1x128", "BlockWise128x128"),
        "cublas_tensor_fp8": lambda: cublas_tensor_wise(values, w),
        "cublas_bf16": lambda: cublas_bf16(values, w),
    }


def output(rows: int, columns: int, like: Tensor, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Memory for a peer's result."""
    return torch.full((rows, columns), float("nan"), dtype=dtype, device=like.device)


def deep_gemm_dense(x: Scaled, w: Scaled) -> Peer:
    """``fp8_gemm_nt``; scales of x are in its layout already."""
    multiply, y = library("deep_gemm").fp8_gemm_nt, output(x.shape[0], w.shape[0], x.data)
    return Peer(lambda: multiply((x.data, x.scale), (w.data, w.scale), y), lambda _: y)


def cublas_scaled(x: Scaled, w: Scaled, of_x: str, of_w: str) -> Peer:
    """``torch.nn.functional.scaled_mm`` with a recipe by blocks.

    x's scales have rows adjacent, as ours; w's lie with blocks of K adjacent, padded to 16 bytes.  Versions of PyTorch
    disagree on whether the padding is part of the tensor: the first form that runs is taken.
    """
    functional: Any = torch.nn.functional
    multiply, kind_x, kind_w = functional.scaled_mm, *(getattr(functional.ScalingType, kind) for kind in (of_x, of_w))
    blocks_n, blocks_k = w.scale.shape
    padded = torch.ones(blocks_n, -(-blocks_k // 4) * 4, device=w.scale.device)
    padded[:, :blocks_k] = w.scale
    right, scale_x = w.data.t(), x.scale.t().contiguous().t()

    def run(scale_w: Tensor) -> Tensor:
        return multiply(x.data, right, scale_x, kind_x, scale_w, kind_w, output_dtype=torch.bfloat16)

    try:
        run(padded.t())
    except (RuntimeError, ValueError):
        return Peer(lambda: run(padded[:, :blocks_k].t()))
    return Peer(lambda: run(padded.t()))


def cublas_tensor_wise(values: Tensor, w: Scaled) -> Peer:
    """One scale per operand, sums never promoted: the fastest that the library does with 8-bit numbers.

    Its operands are quantised with other scales than ours, so that only its time is comparable.
    """
    left, scale_x = whole(values)
    right, scale_w = whole(dequantized(w, torch.float32))
    return Peer(lambda: tensor_wise(left, right.t(), scale_x, scale_w), None)


def tensor_wise(left: Tensor, right: Tensor, scale_x: Tensor, scale_w: Tensor) -> Tensor:
    """``torch._scaled_mm`` with fast accumulation."""
    scaled_mm: Any = getattr(torch, "_scaled_mm")  # noqa: B009 - a private name
    return scaled_mm(left, right, scale_a=scale_x, scale_b=scale_w, out_dtype=torch.bfloat16, use_fast_accum=True)


def whole(x: Tensor) -> tuple[Tensor, Tensor]:
    """A tensor in e4m3 with one scale."""
    scale = (x.abs().amax().float() / 448).clamp(min=1e-12)
    return (x.float() / scale).clamp(-448, 448).to(torch.float8_e4m3fn), scale


def cublas_bf16(values: Tensor, w: Scaled) -> Peer:
    """The same product of 16-bit numbers."""
    right = dequantized(w, torch.float32).to(torch.bfloat16).t()
    y = output(values.shape[0], right.shape[1], values)
    return Peer(lambda: torch.mm(values, right, out=y), policy=UNQUANTIZED)


def contiguous(x: Scaled, w: Scaled, expert_of: Tensor) -> dict[str, PeerMaker]:
    """Peers of products of experts' rows, one expert after the other."""

    def deep_gemm() -> Peer:
        multiply = library("deep_gemm").m_grouped_fp8_gemm_nt_contiguous
        y = output(x.shape[0], w.shape[1], x.data)
        return Peer(lambda: multiply((x.data, x.scale), (w.data, w.scale), y, expert_of), lambda _: y)

    return {"deep_gemm": deep_gemm, "torch_grouped_bf16": lambda: grouped_bf16(x, w, expert_of)}


def grouped_bf16(x: Scaled, w: Scaled, expert_of: Tensor) -> Peer:
    """``torch._grouped_mm`` of the same numbers in BF16, without the rows of no expert."""
    grouped: Any = getattr(torch, "_grouped_mm")  # noqa: B009 - a private name
    experts = w.shape[0]
    kept = (expert_of >= 0).nonzero().squeeze(-1)
    left = dequantized(x, torch.float32)[kept].to(torch.bfloat16)
    matrices = (Scaled(w.data[e], w.scale[e], w.granule[1:]) for e in range(experts))
    right = torch.stack([dequantized(matrix, torch.float32).bfloat16() for matrix in matrices]).transpose(-2, -1)
    ends = torch.bincount(expert_of[kept].long(), minlength=experts).cumsum(0).to(torch.int32)

    def seen(made: Tensor) -> Tensor:
        y = torch.zeros(x.shape[0], w.shape[1], dtype=made.dtype, device=made.device)
        y[kept] = made
        return y

    return Peer(lambda: grouped(left, right, offs=ends), seen)


def masked(x: Scaled, w: Scaled, expert_of: Tensor, expected: int) -> dict[str, PeerMaker]:
    """Peers of products of experts' rows in rooms of equal size; ``expected``: rows of an expert on average."""

    def deep_gemm() -> Peer:
        multiply = library("deep_gemm").m_grouped_fp8_gemm_nt_masked
        experts, columns, inner = w.shape
        room = x.shape[0] // experts
        height = -(-room // 4) * 4
        kept = torch.zeros(experts, x.scale.shape[1], height, device=x.scale.device)[..., :room].transpose(1, 2)
        kept.copy_(x.scale.unflatten(0, (experts, room)))
        y = output(experts * room, columns, x.data).view(experts, room, columns)
        counts = (expert_of.view(experts, room) >= 0).sum(1, dtype=torch.int32)
        data = x.data.view(experts, room, inner)
        return Peer(
            lambda: multiply((data, kept), (w.data, w.scale), y, counts, expected),
            lambda _: y.view(-1, columns),
        )

    return {"deep_gemm": deep_gemm}


def wgrad(a: Scaled, b: Scaled, before: Tensor, left: Tensor, right: Tensor) -> dict[str, PeerMaker]:
    """Peers of gradients of weights; ``left``, ``right``: the operands before they were quantised."""

    def deep_gemm() -> Peer:
        multiply, y = library("deep_gemm").fp8_gemm_nt, before.clone()
        return Peer(
            lambda: multiply((a.data, a.scale), (b.data, b.scale), y, c=y, recipe=(1, 1, 128)),
            lambda _: y,
            lambda: y.copy_(before),
        )

    def bf16() -> Peer:
        y = output(left.shape[0], right.shape[0], left)
        return Peer(lambda: torch.mm(left, right.t(), out=y), None)

    return {"deep_gemm": deep_gemm, "cublas_bf16": bf16}


def grouped_wgrad(
    a: Scaled, b: Scaled, before: Tensor, left: Tensor, right: Tensor, bounds: Sequence[int]
) -> dict[str, PeerMaker]:
    """Peers of gradients by expert, whose tokens end at ``bounds[1:]``; ``left``, ``right``: not quantised."""
    counts = [end - start for start, end in pairwise(bounds)]

    def deep_gemm() -> Peer:
        multiply, y = library("deep_gemm").k_grouped_fp8_gemm_nt_contiguous, before.clone()
        x, w = ((by_expert(q.data, bounds), q.scale) for q in (a, b))
        sizes = torch.tensor(counts, dtype=torch.int32, device=y.device)
        return Peer(
            lambda: multiply(x, w, y, counts, sizes, c=y, recipe=(1, 1, 128)),
            lambda _: y,
            lambda: y.copy_(before),
        )

    def bf16() -> Peer:
        grouped: Any = getattr(torch, "_grouped_mm")  # noqa: B009 - a private name
        ends = torch.tensor(bounds[1:], dtype=torch.int32, device=left.device)
        return Peer(lambda: grouped(left, right.t(), offs=ends), None)

    return {"deep_gemm": deep_gemm, "torch_grouped_bf16": bf16}


def by_expert(data: Tensor, bounds: Sequence[int]) -> Tensor:
    """[N, T] as one [N, tokens] after the other, in one dim: how DeepGEMM takes what is summed by expert."""
    whole = torch.cat([data.view(torch.uint8)[:, start:end].reshape(-1) for start, end in pairwise(bounds)])
    return whole.view(data.dtype)
