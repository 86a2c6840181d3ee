"""Launches of every matrix kernel at the sizes of DeepSeek-V3, on tensors without data: what is compiled of them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.absorbed_attention import absorbed_attention
from dsv3c.backends.triton.launchers.expanded_attention import expanded_attention
from dsv3c.backends.triton.launchers.grouped_mm import grouped_mm
from dsv3c.backends.triton.launchers.head_linear import head_linear
from dsv3c.backends.triton.launchers.linear import linear
from dsv3c.backends.triton.launchers.scaled_grouped_mm import scaled_grouped_mm
from dsv3c.backends.triton.launchers.scaled_mm import scaled_mm
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.gpu import Config, Gpu, Variant

BF16, F32 = torch.bfloat16, torch.float32
TOKENS, CONTEXT, SEQUENCES, PAGE = 4096, 8192, 32, 64


def meta(*sizes: int, dtype: torch.dtype = BF16) -> Tensor:
    return torch.empty(sizes, dtype=dtype, device="meta")


def ints(*sizes: int) -> Tensor:
    return meta(*sizes, dtype=torch.int32)


def activation(rows: int, columns: int, element: torch.dtype) -> Scaled:
    """1 x 128 granules, their scales column-major."""
    scale = meta(rows * (columns // 128), dtype=F32).as_strided((rows, columns // 128), (1, rows))
    return Scaled(meta(rows, columns, dtype=element), scale, (1, 128))


def matrix(*sizes: int, element: torch.dtype) -> Scaled:
    """128 x 128 granules."""
    *batch, n, k = sizes
    scale = meta(*batch, n // 128, k // 128, dtype=F32)
    return Scaled(meta(*sizes, dtype=element), scale, (*[1] * len(batch), 128, 128))


def run_scaled_mm(gpu: Gpu, configs: Sequence[Config], element: torch.dtype) -> None:
    x, w = activation(TOKENS, 7168, element), matrix(24576, 7168, element=element)
    scaled_mm(gpu, x=x, w=w, y=meta(TOKENS, 24576), configs=configs, promote=128, x_scales="mn_major")


def run_scaled_grouped_mm(gpu: Gpu, configs: Sequence[Config], element: torch.dtype) -> None:
    x, w = activation(TOKENS, 7168, element), matrix(8, 4096, 7168, element=element)
    scaled_grouped_mm(
        gpu, x=x, w=w, expert_of=ints(TOKENS), y=meta(TOKENS, 4096), configs=configs, promote=128, x_scales="mn_major",
        layout="contiguous", alignment=128,
    )  # fmt: skip


def run_linear(gpu: Gpu, configs: Sequence[Config]) -> None:
    linear(gpu, x=meta(TOKENS, 7168), weight=meta(129280, 7168), y=meta(TOKENS, 129280), configs=configs)


def run_grouped_mm(gpu: Gpu, configs: Sequence[Config]) -> None:
    grouped_mm(
        gpu, x=meta(TOKENS, 7168), w=meta(8, 4096, 7168), expert_of=ints(TOKENS), y=meta(TOKENS, 4096),
        configs=configs, layout="contiguous", alignment=128,
    )  # fmt: skip


def run_head_linear(gpu: Gpu, configs: Sequence[Config]) -> None:
    x = meta(TOKENS, 128, 192)[..., :128]
    head_linear(gpu, x=x, weight=meta(128, 512, 128), y=meta(TOKENS, 128, 512), configs=configs)


def run_absorbed_attention(gpu: Gpu, configs: Sequence[Config]) -> None:
    q, pages = meta(SEQUENCES, 128, 512 + 64), CONTEXT // PAGE
    rows = meta(SEQUENCES * pages, PAGE, 512 + 64)
    absorbed_attention(
        gpu, q_latent=meta(128, SEQUENCES, 512).transpose(0, 1), q_rope=q[..., 512:],
        cache=LatentCache(rows[..., :512], rows[..., 512:]), positions=ints(SEQUENCES),
        seq_offsets=ints(SEQUENCES + 1), block_table=ints(SEQUENCES, pages), context_lens=ints(SEQUENCES),
        o=meta(SEQUENCES, 128, 512), partial=meta(8 * SEQUENCES, 128, 512, dtype=F32),
        lse=meta(8 * SEQUENCES, 128, dtype=F32), configs=configs, scale=0.1, scores="f32", probs="bf16",
    )  # fmt: skip


def run_expanded_attention(gpu: Gpu, configs: Sequence[Config], scores: str = "f32") -> None:
    q = meta(TOKENS, 128, 128 + 64)
    expanded_attention(
        gpu, q_nope=q[..., :128], q_rope=q[..., 128:], kv=meta(CONTEXT, 128, 256), k_rope=meta(CONTEXT, 64),
        positions=ints(TOKENS), seq_offsets=ints(SEQUENCES + 1), context_lens=ints(SEQUENCES),
        o=meta(TOKENS, 128, 128), taken=ints(1), configs=configs, scale=0.1, scores=scores,
        probs="bf16",
    )  # fmt: skip


def recorded(run: Callable[..., None], *arguments: object) -> list[Variant]:
    """The variants that a launch needs on a device of 132 multiprocessors."""
    gpu = RecordingGpu(132)
    run(gpu, *arguments)
    return list(gpu.variants)
