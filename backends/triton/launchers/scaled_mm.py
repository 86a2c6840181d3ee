"""Launches ``scaled.mm``: M rows of K block-scaled numbers times the transpose of N such rows."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.launchers.tiles import tile_constants
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose


def scaled_mm(
    gpu: Gpu,
    *,
    x: Scaled,
    w: Scaled,
    bias: Tensor | None = None,
    y: Tensor,
    configs: Configs,
    promote: int | None,
    x_scales: str,
) -> None:
    """``y[*, n] = sum_b (sum_{k in b} x[*, k] * w[n, k]) * (s_x[*, b] * s_w[n, b]) (+ bias[n])``.

    x: scaled [*, K], w: scaled [N, K], bias: [N], y: [*, N], leading dims one stride apart.  ``promote``: elements of K
    after which the tensor core's sum is added in f32, None for never; blocks of K are always added so.  ``x_scales``:
    the layout of x's scales, ``row`` or ``mn_major``.
    """
    columns, inner = w.shape
    rows_x, rows_w, rows_y = as_rows(x.data), as_rows(w.data), as_rows(y)
    scales = x.scale if x.scale.dim() == 2 else as_rows(x.scale)
    rows, mn_major = rows_x.shape[0], x_scales == "mn_major"
    if rows == 0:
        return
    config = choose(configs, rows)
    tiles = cdiv(rows, config["block_m"]) * cdiv(columns, config["block_n"])
    gpu.launch(
        "scaled_mm.scaled_mm_kernel",
        (tiles, 1, 1),
        {
            "x_ptr": rows_x,
            "x_scale_ptr": scales,
            "w_ptr": rows_w,
            "w_scale_ptr": w.scale,
            "bias_ptr": bias,
            "y_ptr": rows_y,
            "M": rows,
            "N": Static(columns),
            "K": Static(inner),
            "stride_xm": Static(rows_x.stride(0)),
            "stride_xs": scales.stride(1 if mn_major else 0),
            "stride_wn": Static(rows_w.stride(0)),
            "stride_ws_n": w.scale.stride(0),
            "stride_ws_k": w.scale.stride(1),
            "stride_ym": Static(rows_y.stride(0)),
        },
        tile_constants(config, inner)
        | {
            "M_GRANULE": x.granule[-2] if len(x.granule) > 1 else 1,
            "N_GRANULE": w.granule[0],
            "K_GRANULE": w.granule[1],
            "MN_MAJOR": mn_major,
            "PROMOTE": promote is not None,
        },
        config,
    )
