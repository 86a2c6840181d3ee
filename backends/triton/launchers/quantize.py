"""Quantisation and its inverse.  x any leading dims, M rows, N columns."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import LARGEST, as_rows, quantizer_constants, scale_strides
from dsv3c.backends.triton.runtime.gpu import Argument, Configs, Constant, Gpu, Static, cdiv, choose, early_start
from dsv3c.backends.triton.runtime.replays import replayed

MOST_PARTIALS = 256
"""Programs that look for the largest number of a whole value."""


@replayed
def quantize(
    gpu: Gpu, *, x: Tensor, q: Scaled, partials: Tensor | None = None, configs: Configs, granule: tuple[int, ...],
    data: str, amax_floor: float | None, static: float | None, apply: str, round_scale: str, saturate: bool,
) -> None:  # fmt: skip
    """``s = max(amax, floor) / largest; data = round(x / s)``: x [*, N] -> scaled [*, N]; see the meaning.

    Granules: rows of 1, any power of two of columns; rows of a power of two, with as many columns or one; the whole
    value with a static scale, or with ``partials`` ([256] f32, scratch).
    """
    if static is not None:
        return quantize_static(gpu, x=x, q=q, configs=configs, data=data, static=static, apply=apply, saturate=saturate)
    how = quantizer_constants(
        data=data, granule=granule, amax_floor=amax_floor, apply=apply, round_scale=round_scale, saturate=saturate
    )
    if partials is not None:
        del how["GRANULE"]
        return quantize_whole(gpu, x, q, partials, configs, how)
    if x.numel() == 0:
        return
    if len(granule) > 1 and granule[-2] > 1:
        how["N_GRANULE"] = how.pop("GRANULE")
        how["M_GRANULE"] = granule[-2]
        return quantize_blocks(gpu, x, q, configs, how)
    rows, to = as_rows(x), as_rows(q.data)
    config = choose(configs, rows.shape[0])
    tiles = (cdiv(rows.shape[0], config["block_m"]), cdiv(rows.shape[1], config["block_n"]), 1)
    scale_row, scale_block = scale_strides(q)
    gpu.launch(
        "quantize.quantize_rows_kernel",
        tiles,
        {
            "x_ptr": rows,
            "data_ptr": to,
            "scale_ptr": q.scale,
            "rows": rows.shape[0],
            "columns": Static(rows.shape[1]),
            "x_stride": Static(rows.stride(0)),
            "data_stride": Static(to.stride(0)),
            "scale_row": scale_row,
            "scale_block": scale_block,
        },
        {"BLOCK_M": config["block_m"], "BLOCK_N": config["block_n"], **how, **early_start(gpu)},
        config,
    )


def quantize_blocks(gpu: Gpu, x: Tensor, q: Scaled, configs: Configs, how: dict[str, Constant]) -> None:
    """Blocks of several rows of x [E, M, N] or [M, N]."""
    values, data, scale = (part if part.dim() == 3 else part.unsqueeze(0) for part in (x, q.data, q.scale))
    batch, rows, columns = values.shape
    config = choose(configs, rows)
    width = int(how["N_GRANULE"]) if how["N_GRANULE"] != 1 else config["block_n"]
    gpu.launch(
        "quantize.quantize_blocks_kernel",
        (cdiv(rows, int(how["M_GRANULE"])), cdiv(columns, width), batch),
        {
            "x_ptr": values,
            "data_ptr": data,
            "scale_ptr": scale,
            "rows": rows,
            "columns": Static(columns),
            "x_batch": batch_stride(values),
            "x_stride": Static(values.stride(1)),
            "data_batch": batch_stride(data),
            "data_stride": Static(data.stride(1)),
            "scale_batch": batch_stride(scale),
            "scale_row": scale.stride(1),
            "scale_block": scale.stride(2),
        },
        {"BLOCK_N": width, **how, **early_start(gpu)},
        config,
    )


def quantize_static(
    gpu: Gpu, *, x: Tensor, q: Scaled, configs: Configs, data: str, static: float, apply: str, saturate: bool
) -> None:
    """One given scale for all of x; it is stored also where x has no rows."""
    rows, to = as_rows(x), as_rows(q.data)
    config = choose(configs, rows.shape[0])
    gpu.launch(
        "quantize.quantize_static_kernel",
        (max(1, cdiv(rows.shape[0], config["block_m"])), cdiv(rows.shape[1], config["block_n"]), 1),
        {
            "x_ptr": rows,
            "data_ptr": to,
            "scale_ptr": q.scale,
            "rows": rows.shape[0],
            "columns": Static(rows.shape[1]),
            "x_stride": Static(rows.stride(0)),
            "data_stride": Static(to.stride(0)),
            "static": static,
        },
        {
            "BLOCK_M": config["block_m"],
            "BLOCK_N": config["block_n"],
            "APPLY": apply,
            "SATURATE": saturate,
            "LARGEST": LARGEST[data],
            **early_start(gpu),
        },
        config,
    )


def quantize_whole(
    gpu: Gpu, x: Tensor, q: Scaled, partials: Tensor, configs: Configs, how: dict[str, Constant]
) -> None:
    """One scale for all of x, stored also where x has no rows: its largest number first, then the quotients."""
    rows, to = as_rows(x), as_rows(q.data)
    config = choose(configs, rows.shape[0])
    tiles = cdiv(rows.shape[0], config["block_m"])
    count = min(tiles, MOST_PARTIALS)
    tile = {"BLOCK_M": config["block_m"], "BLOCK_N": config["block_n"], **early_start(gpu)}
    sizes: dict[str, Argument] = {"rows": rows.shape[0], "columns": Static(rows.shape[1])}
    if count:
        arguments = {"x_ptr": rows, "partials_ptr": partials, **sizes, "x_stride": Static(rows.stride(0))}
        gpu.launch("quantize.amax_kernel", (count, 1, 1), arguments, tile, config)
    gpu.launch(
        "quantize.quantize_whole_kernel",
        (max(1, tiles), cdiv(rows.shape[1], config["block_n"]), 1),
        {
            "x_ptr": rows,
            "partials_ptr": partials,
            "data_ptr": to,
            "scale_ptr": q.scale,
            **sizes,
            "partials": count,
            "x_stride": Static(rows.stride(0)),
            "data_stride": Static(to.stride(0)),
        },
        {**tile, "MOST_PARTIALS": MOST_PARTIALS, **how},
        config,
    )


@replayed
def dequantize(gpu: Gpu, *, q: Scaled, y: Tensor, configs: Configs, dtype: str) -> None:
    """``y = round(f32(data) * s)``: scaled [E, M, N] or [M, N] -> [*, N] of ``dtype``, y's own."""
    if y.numel() == 0:
        return
    data, scale, to = (part if part.dim() == 3 else part.unsqueeze(0) for part in (q.data, q.scale, y))
    batch, rows, columns = data.shape
    config = choose(configs, rows)
    gpu.launch(
        "quantize.dequantize_kernel",
        (cdiv(rows, config["block_m"]), cdiv(columns, config["block_n"]), batch),
        {
            "data_ptr": data,
            "scale_ptr": scale,
            "y_ptr": to,
            "rows": rows,
            "columns": Static(columns),
            "data_batch": batch_stride(data),
            "data_stride": Static(data.stride(1)),
            "scale_batch": batch_stride(scale),
            "scale_row": scale.stride(1),
            "scale_block": scale.stride(2),
            "y_batch": batch_stride(to),
            "y_stride": Static(to.stride(1)),
        },
        {
            "BLOCK_M": config["block_m"],
            "BLOCK_N": config["block_n"],
            "M_GRANULE": q.granule[-2],
            "N_GRANULE": q.granule[-1],
        },
        config,
    )


def batch_stride(x: Tensor) -> Static:
    """From one matrix of x [E, M, N] to the next; 0 where there is one, whose number of rows a step may change."""
    return Static(x.stride(0) if x.shape[0] > 1 else 0)
