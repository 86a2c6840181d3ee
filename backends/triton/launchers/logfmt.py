"""Launches LogFMT's cast and packing, and the way back: rows of D channels, a multiple of 128."""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.logfmt import chunk_of
from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose


def logfmt_encode(gpu: Gpu, *, x: Tensor, payload: Tensor, pairs: Tensor, configs: Configs, bits: int) -> None:
    """``payload_of``: x [R, D] bf16 -> payload [R, D / 2] i32, pairs [R, D / 128, 2] bf16, both contiguous.

    What of a chunk's slot in ``payload`` is not used stays as it is.
    """
    rows, (count, channels) = as_rows(x), x.shape
    if count == 0:
        return
    config, chunk = choose(configs, count), chunk_of(channels)
    units = count * (channels // chunk)
    gpu.launch(
        "logfmt.logfmt_encode_kernel",
        (cdiv(units, config["block_u"]), 1, 1),
        {
            "x_ptr": rows,
            "payload_ptr": payload,
            "plain_ptr": payload.view(torch.bfloat16),
            "pairs_ptr": pairs,
            "units": units,
            "chunks": Static(channels // chunk),
            "x_stride": Static(rows.stride(0)),
        },
        {"BLOCK_U": config["block_u"], "CHUNK": chunk, "BITS": bits},
        config,
    )


def logfmt_decode(gpu: Gpu, *, payload: Tensor, pairs: Tensor, y: Tensor, configs: Configs, bits: int) -> None:
    """``from_payload``, rounded to y's type: payload [R, D / 2] i32, pairs [R, D / 128, 2] bf16 -> y [R, D]."""
    rows, (count, channels) = as_rows(y), y.shape
    if count == 0:
        return
    config, chunk = choose(configs, count), chunk_of(channels)
    units = count * (channels // chunk)
    gpu.launch(
        "logfmt.logfmt_decode_kernel",
        (cdiv(units, config["block_u"]), 1, 1),
        {
            "payload_ptr": payload,
            "plain_ptr": payload.view(torch.bfloat16),
            "pairs_ptr": pairs.view(torch.int32).squeeze(-1),
            "y_ptr": rows,
            "units": units,
            "chunks": Static(channels // chunk),
            "y_stride": Static(rows.stride(0)),
        },
        {"BLOCK_U": config["block_u"], "CHUNK": chunk, "BITS": bits},
        config,
    )
