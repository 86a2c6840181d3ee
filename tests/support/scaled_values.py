"""Operands and configurations for tests of products: data of several kinds, scales in both layouts of memory."""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled, quantize

KINDS = ("normal", "positive", "outliers")


def numbers(kind: str, *sizes: int, seed: int = 0) -> Tensor:
    """f32 numbers: normal; all positive (sums grow); normal with a few that are a thousand times larger."""
    x = torch.randn(sizes, generator=torch.Generator().manual_seed(seed))
    if kind == "positive":
        return x.abs()
    if kind == "outliers":
        flat = x.view(-1)
        flat[:: max(1, flat.numel() // 7)] *= 1000
    return x


def scaled(
    x: Tensor, granule: tuple[int, ...], layout: str = "row", dtype: torch.dtype = torch.float8_e4m3fn
) -> Scaled:
    """``x`` quantised; its scales row-major, or column-major with columns padded to 4 (``mn_major``)."""
    q = quantize(
        x, granule=granule, data=dtype, scale=torch.float32, amax_floor=1e-4, static=None, apply="reciprocal",
        round_scale="none", saturate=True,
    )  # fmt: skip
    return q if layout == "row" else Scaled(q.data, mn_major(q.scale), q.granule)


def mn_major(scale: Tensor) -> Tensor:
    """The same scales [M, B] with strides (1, M rounded up to 4)."""
    rows, blocks = scale.shape
    pitch = -(-rows // 4) * 4
    memory = torch.full((blocks * pitch,), float("nan"))
    placed = memory.as_strided((rows, blocks), (1, pitch))
    placed.copy_(scale)
    return placed


def config(
    m: int,
    n: int,
    k: int = 128,
    *,
    swap: bool = False,
    up_to: int = 0,
    persistent: bool = False,
    split_k: int = 1,
    gluon: bool = False,
    num_stages: int = 2,
) -> dict[str, int]:
    """A configuration; interpreters have no warps, and Triton's has no stages either."""
    return {
        "up_to": up_to, "block_m": m, "block_n": n, "block_k": k, "group_m": 8, "swap": int(swap), "num_warps": 4,
        "num_stages": num_stages, "persistent": int(persistent), "split_k": split_k, "gluon": int(gluon),
    }  # fmt: skip
