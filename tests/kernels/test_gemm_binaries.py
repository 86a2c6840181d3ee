"""Which binaries products need, and what those for few tokens are made of."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.choices.gemm_configs import Tile
from dsv3c.backends.triton.choices.scaled_mm import TILES
from dsv3c.backends.triton.choices.warp_tiles import WarpTile
from dsv3c.backends.triton.compilation.aot import compile_variants
from dsv3c.backends.triton.launchers.linear import linear
from dsv3c.backends.triton.launchers.scaled_grouped_mm import scaled_grouped_mm
from dsv3c.backends.triton.launchers.scaled_mm import scaled_mm
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.gpu import Config
from dsv3c.ir.targets import load_target


def empty(*sizes: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return torch.empty(*sizes, dtype=dtype, device="meta")


def operands(dtype: torch.dtype, rows: int) -> dict[str, Any]:
    scale = torch.empty_strided((rows, 16), (1, rows), device="meta")
    return {
        "x": Scaled(empty(rows, 2048, dtype=dtype), scale, (1, 128)), "y": empty(rows, 7168), "promote": 128,
        "x_scales": "mn_major",
    }  # fmt: skip


def config_of(tile: Tile | WarpTile, stages: int) -> Config:
    return tile.config(stages) if isinstance(tile, WarpTile) else tile.config(0, tile.num_stages)


def dense(gpu: RecordingGpu, tile: Tile | WarpTile, dtype: torch.dtype, rows: int = 256, stages: int = 4) -> None:
    w = Scaled(empty(7168, 2048, dtype=dtype), empty(56, 16, dtype=torch.float32), (128, 128))
    scaled_mm(gpu, w=w, configs=[config_of(tile, stages)], **operands(dtype, rows))


def experts(gpu: RecordingGpu, tile: Tile | WarpTile, dtype: torch.dtype, rows: int = 256, stages: int = 4) -> None:
    w = Scaled(empty(4, 7168, 2048, dtype=dtype), empty(4, 56, 16, dtype=torch.float32), (1, 128, 128))
    laid_out = {"expert_of": empty(rows, dtype=torch.int32), "layout": "masked", "alignment": 1}
    scaled_grouped_mm(gpu, w=w, configs=[config_of(tile, stages)], **laid_out, **operands(dtype, rows))


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


@pytest.mark.parametrize("launch", [dense, experts])
@pytest.mark.parametrize("tile", [WarpTile(256, 128), WarpTile(64, 64, swap=True)])
def test_warpgroups_have_the_registers_and_the_memory_that_the_choice_counts_on(
    launch: Callable[..., None], tile: WarpTile
) -> None:
    limit, gpu = int(load_target("h800").fact("shared_memory_bytes_per_block")), RecordingGpu(132)
    stages = tile.stages(2, limit)
    launch(gpu, tile, torch.float8_e4m3fn, stages=stages)
    (kernel,) = compile_variants(gpu.variants, load_target("h800"), cache=None, jobs=1)
    assert stages * tile.stage_bytes() < kernel.shared_bytes <= stages * tile.stage_bytes() + tile.other_bytes(2)
    assert kernel.resources.local_bytes == 0
    assert kernel.resources.losses == ()
    assert kernel.resources.bulk_loads == 3
    columns, products = (64, 8) if tile.swap else (128, 16)
    assert kernel.resources.machine == {f"QGMMA.64x{columns}x32.F32.E4M3.E4M3": products}


@pytest.mark.parametrize("launch", [dense, experts, plain])
def test_rows_of_this_step_change_no_binary(launch: Callable[..., None]) -> None:
    gpu, kind = RecordingGpu(132), torch.bfloat16 if launch is plain else torch.float8_e4m3fn
    for rows in (4, 16, 100):
        launch(gpu, TILES[0], kind, rows)
    assert len(gpu.variants) == 1
    if launch is not plain:
        for rows in (4, 16, 100):
            launch(gpu, WarpTile(16, 64, swap=True), kind, rows)
        assert [variant.language for variant in gpu.variants] == ["triton", "gluon"]
