"""Launches quantisation along tokens: T tokens, C channels."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows, flat_strides, quantizer_constants
from dsv3c.backends.triton.launchers.wgrad_mm import ELEMENTS, SCALES, pitch
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def transpose_quantize(
    gpu: Gpu, *, x: Tensor | Scaled, q: Scaled, rows: Scaled | None = None, configs: Configs, data: str,
    amax_floor: float, apply: str, round_scale: str, saturate: bool,
) -> None:  # fmt: skip
    """``quantize`` of x's transpose, with a scale per 128 tokens: [T, C] -> scaled [C, T], 1 x 128.

    x may be scaled, 1 x 128: it is dequantised to f32 first.  ``rows``: x quantised 1 x 128 too, scaled [T, C].  Rows
    of q are multiples of 16 bytes apart, and zero from T to such a multiple; its scales are column-major.
    Source: arXiv 2412.19437, section 3.3.2.
    """
    values, (tokens, channels) = as_rows(x.data) if isinstance(x, Scaled) else as_rows(x), x.shape
    if tokens == 0:
        return
    granule = q.granule[-1]
    if any(other is not None and other.granule != q.granule for other in (rows, x if isinstance(x, Scaled) else None)):
        raise ValueError(f"rows are quantised as columns are, 1 x {granule}")
    config = choose(configs, tokens)
    x_scales = flat_strides(x.scale) if isinstance(x, Scaled) else (0, 0)
    rows_scales = flat_strides(rows.scale) if rows is not None else (0, 0)
    to = as_rows(rows.data) if rows is not None else None
    gpu.launch(
        "transpose_quantize.transpose_quantize_kernel",
        (cdiv(tokens, granule) * cdiv(channels, config["block_c"]), 1, 1),
        {
            "x_ptr": values,
            "x_scale_ptr": x.scale if isinstance(x, Scaled) else None,
            "data_ptr": q.data,
            "scale_ptr": q.scale,
            "rows_ptr": to,
            "rows_scale_ptr": rows.scale if rows is not None else None,
            "tokens": tokens,
            "channels": Static(channels),
            "x_stride": Static(values.stride(0)),
            "x_scale_row": x_scales[0],
            "x_scale_block": x_scales[1],
            "pitch": pitch(q.data, 0, ELEMENTS),
            "scale_pitch": pitch(q.scale, 1, SCALES),
            "rows_stride": Static(to.stride(0) if to is not None else 0),
            "rows_scale_row": rows_scales[0],
            "rows_scale_block": rows_scales[1],
        },
        {
            "BLOCK_C": config["block_c"],
            "REGISTER_TOKENS": config["register_tokens"],
            **quantizer_constants(
                data=data, granule=q.granule, amax_floor=amax_floor, apply=apply, round_scale=round_scale,
                saturate=saturate,
            ),
        },
        config,
    )  # fmt: skip
