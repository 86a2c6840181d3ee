"""Which binaries products need, and what those for few tokens are made of."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.aot import compile_variants
from dsv3c.backends.triton.choices.gemm_configs import Tile
from dsv3c.backends.triton.choices.scaled_mm import TILES
from dsv3c.backends.triton.launchers.linear import linear
from dsv3c.backends.triton.launchers.scaled_grouped_mm import scaled_grouped_mm
from dsv3c.backends.triton.launchers.scaled_mm import scaled_mm
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.ir.targets import load_target


def empty(*sizes: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return torch.empty(*sizes, dtype=dtype, device="meta")


def operands(dtype: torch.dtype, rows: int) -> dict[str, Any]:
    scale = torch.empty_strided((rows, 16), (1, rows), device="meta")
    return {
        "x": Scaled(empty(rows, 2048, dtype=dtype), scale, (1, 128)), "y": empty(rows, 7168), "promote": 128,
        "x_scales": "mn_major",
    }  # fmt: skip


def dense(gpu: RecordingGpu, tile: Tile, dtype: torch.dtype, rows: int = 256) -> None:
    w = Scaled(empty(7168, 2048, dtype=dtype), empty(56, 16, dtype=torch.float32), (128, 128))
    scaled_mm(gpu, w=w, configs=[tile.config(0, tile.num_stages)], **operands(dtype, rows))


def experts(gpu: RecordingGpu, tile: Tile, dtype: torch.dtype, rows: int = 256) -> None:
    w = Scaled(empty(4, 7168, 2048, dtype=dtype), empty(4, 56, 16, dtype=torch.float32), (1, 128, 128))
    laid_out = {"expert_of": empty(rows, dtype=torch.int32), "layout": "masked", "alignment": 1}
    scaled_grouped_mm(gpu, w=w, configs=[tile.config(0, tile.num_stages)], **laid_out, **operands(dtype, rows))


def plain(gpu: RecordingGpu, tile: Tile, dtype: torch.dtype, rows: int = 256) -> None:
    tensors = {"x": empty(rows, 2048, dtype=dtype), "weight": empty(7168, 2048, dtype=dtype), "y": empty(rows, 7168)}
    linear(gpu, configs=[tile.config(0, tile.num_stages)], **tensors)


def test_few_tokens_are_the_right_factor() -> None:
    """A tensor core's product has 64 rows: they are the weight's."""
    gpu = RecordingGpu(132)
    dense(gpu, TILES[0], torch.float8_e4m3fn)
    (kernel,) = compile_variants(gpu.variants, load_target("h800"), cache=None, jobs=1)
    assert set(kernel.resources.matrix) == {"wgmma.mma_async.sync.aligned.m64n16k32.f32.e4m3.e4m3"}
    assert kernel.resources.async_copies
    assert kernel.resources.local_bytes == 0


@pytest.mark.parametrize("launch", [dense, experts, plain])
def test_rows_of_this_step_change_no_binary(launch: Callable[..., None]) -> None:
    gpu, kind = RecordingGpu(132), torch.bfloat16 if launch is plain else torch.float8_e4m3fn
    for rows in (4, 16, 100):
        launch(gpu, TILES[0], kind, rows)
    assert len(gpu.variants) == 1
