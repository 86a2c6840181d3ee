"""Values as rows: the distance of two rows is the program's, also where a step has one."""

from typing import Any

import pytest
import torch
from row_values import V3, empty_scaled
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.elementwise import add, cat
from dsv3c.backends.triton.launchers.embedding import embedding, last_tokens
from dsv3c.backends.triton.launchers.quantize import quantize
from dsv3c.backends.triton.launchers.rms_norm import rms_norm_quantize
from dsv3c.backends.triton.launchers.rope import rope
from dsv3c.backends.triton.launchers.rope_table import rope_table
from dsv3c.backends.triton.launchers.rows import as_rows, flattened
from dsv3c.backends.triton.launchers.sampling import argmax
from dsv3c.backends.triton.launchers.swiglu import swiglu_quantize
from dsv3c.backends.triton.recording import RecordingGpu


@pytest.mark.parametrize("tokens", [0, 1, 2, 5])
def test_the_distance_of_rows_does_not_depend_on_their_number(tokens: int) -> None:
    product = torch.empty(tokens, 576)
    assert as_rows(product[:, 64:448]).stride() == (576, 1)
    heads = product.view(tokens, 3, 192)[..., 128:]
    assert flattened(heads, 2).stride() == (576, 192, 1)
    assert as_rows(heads).stride() == (192, 1) and as_rows(heads).shape == (3 * tokens, 64)


@pytest.mark.parametrize("sizes", [(2, 3), (2, 1), (1, 3), (1, 1)])
def test_leading_dims_are_flattened_without_a_copy(sizes: tuple[int, int]) -> None:
    x = torch.arange(sizes[0] * sizes[1] * 8).view(*sizes, 8)[..., 2:6]
    rows = as_rows(x)
    assert torch.equal(rows, x.reshape(-1, 4)) and rows.data_ptr() == x.data_ptr() and rows.stride() == (8, 1)


def test_one_row() -> None:
    assert as_rows(torch.arange(3)).shape == (1, 3)


def test_what_is_no_rows_at_equal_distances_is_refused() -> None:
    with pytest.raises(ValueError, match="equal distances"):
        as_rows(torch.empty(6, 5, 8)[:, :3])
    with pytest.raises(ValueError, match="not contiguous"):
        as_rows(torch.empty(8, 6).t())


ONE = [{"block_m": 1, "block_n": 512, "num_warps": 4, "num_stages": 1}]
HOW: dict[str, Any] = {**V3, "configs": ONE}
NORM: dict[str, Any] = {
    "eps": 1e-6, "weight_in": "f32", "intermediate": "bf16", "keep": True, "keep_total": True, **HOW,
}  # fmt: skip


def record(tokens: int, layout: str) -> tuple[str, ...]:
    """Keys of what all launchers of rows need for so many tokens, some of them on slices."""
    gpu, frequencies = RecordingGpu(132), tuple(0.5**i for i in range(32))

    def meta(*sizes: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        return torch.empty(sizes, dtype=dtype, device="meta")

    def quantized(columns: int) -> Scaled:
        q = empty_scaled((tokens, columns), (1, 128), "f8E4M3FN", layout)
        scale = meta(4096, dtype=torch.float32).as_strided(q.scale.shape, q.scale.stride())
        return Scaled(meta(tokens, columns, dtype=q.data.dtype), scale, q.granule)

    wide, x, table = meta(tokens, 576), meta(tokens, 384), meta(tokens, 32, dtype=torch.float32)
    ids, offsets = meta(tokens, dtype=torch.int64), meta(tokens + 1, dtype=torch.int32)
    rms_norm_quantize(
        gpu, x=wide[:, :384], residual=x, weight=meta(384), q=quantized(384), y=meta(tokens, 384),
        total=meta(tokens, 384), **NORM,
    )  # fmt: skip
    quantize(gpu, x=wide[:, :512], q=quantized(512), static=None, **HOW)
    swiglu_quantize(
        gpu, gate=x[:, :192], up=x[:, 192:], q=quantized(192), intermediate="bf16", rounded_to="bf16", **HOW
    )
    rope(
        gpu, x=wide.view(tokens, 3, 192)[..., 128:], cos=table, sin=table, y=meta(tokens, 3, 64), configs=ONE,
        pairs="interleaved", out="interleaved", compute="f32",
    )  # fmt: skip
    rope_table(
        gpu, positions=offsets[:tokens], cos=table, sin=table, configs=ONE, inv_freq=frequencies, scaling=1.0,
        dtype="f32",
    )  # fmt: skip
    embedding(gpu, ids=ids, table=meta(1000, 384), y=x, configs=ONE)
    last_tokens(gpu, h=x, seq_offsets=offsets, y=meta(tokens, 384), configs=ONE)
    add(gpu, x=x, other=wide[:, 192:], y=meta(tokens, 384), configs=ONE)
    cat(gpu, x0=x, x1=x, y=meta(tokens, 768), configs=ONE, dim=-1)
    argmax(gpu, logits=meta(tokens, 1000), ids=ids, configs=ONE)
    return tuple(variant.key for variant in gpu.variants)


@pytest.mark.parametrize("layout", ["row", "mn_major"])
def test_the_rows_of_a_step_change_no_binary(layout: str) -> None:
    assert len(record(7, layout)) == 10
    assert record(1, layout) == record(7, layout) == record(16, layout)
