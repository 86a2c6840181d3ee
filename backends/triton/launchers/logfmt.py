"""Launches LogFMT's cast and packing, and the way back: rows of D channels, a multiple of 128."""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.logfmt import chunk_of
from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.runtime.gpu import Config, Configs, Constant, Gpu, Static, cdiv, choose


def logfmt_encode(gpu: Gpu, *, x: Tensor, payload: Tensor, pairs: Tensor, configs: Configs, bits: int) -> None:
    """``payload_of``: x [R, D] bf16 -> payload [R, D / 2] i32, pairs [R, D / 128, 2] bf16, both contiguous.

    What of a chunk's slot in ``payload`` is not used stays as it is.
    """
    rows, (count, channels) = as_rows(x), x.shape
    if count == 0:
        return
    if rows.stride(0) % 2 or rows.storage_offset() % 2:
        raise ValueError(f"rows of {tuple(x.shape)} with strides {x.stride()} are not words of two numbers")
    config, chunk = choose(configs, count), chunk_of(channels)
    gpu.launch(
        "logfmt.logfmt_encode_kernel",
        (cdiv(count, config["block_u"]) * (channels // chunk), 1, 1),
        {
            "x_ptr": rows,
            "payload_ptr": payload,
            "plain_ptr": payload.view(torch.bfloat16),
            "pairs_ptr": pairs,
            "rows": count,
            "x_stride": Static(rows.stride(0)),
        },
        {**constants(config, channels, bits), "LG2": bool(config.get("lg2"))},
        config,
    )


def logfmt_decode(gpu: Gpu, *, payload: Tensor, pairs: Tensor, y: Tensor, configs: Configs, bits: int) -> None:
    """``from_payload``, rounded to y's type: payload [R, D / 2] i32, pairs [R, D / 128, 2] bf16 -> y [R, D]."""
    rows, (count, channels) = as_rows(y), y.shape
    if count == 0:
        return
    config, chunk = choose(configs, count), chunk_of(channels)
    gpu.launch(
        "logfmt.logfmt_decode_kernel",
        (cdiv(count, config["block_u"]) * (channels // chunk), 1, 1),
        {
            "payload_ptr": payload,
            "plain_ptr": payload.view(torch.bfloat16),
            "pairs_ptr": pairs,
            "y_ptr": rows,
            "rows": count,
            "y_stride": Static(rows.stride(0)),
        },
        constants(config, channels, bits),
        config,
    )


def constants(config: Config, channels: int, bits: int) -> dict[str, Constant]:
    """Of both kernels."""
    chunk = chunk_of(channels)
    return {"BLOCK_U": config["block_u"], "CHUNK": chunk, "CHUNKS": channels // chunk, "BITS": bits}
