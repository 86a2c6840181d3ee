"""Launches ``scaled.mm``: M rows of K block-scaled numbers times the transpose of N such rows."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.launchers.tiles import (
    num_programs,
    scale_block,
    scaled_constants,
    w_block,
    x_block,
    y_block,
)
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose, early_start
from dsv3c.backends.triton.runtime.replays import replayed

SUM_BLOCK = 1024
"""Columns of a row whose parts one program adds."""
SUM_CONFIG = {"num_warps": 4, "num_stages": 1}


@replayed
def scaled_mm(
    gpu: Gpu,
    *,
    x: Scaled,
    w: Scaled,
    bias: Tensor | None = None,
    y: Tensor,
    partial: Tensor | None = None,
    configs: Configs,
    promote: int | None,
    x_scales: str,
) -> None:
    """``y[*, n] = sum_b (sum_{k in b} x[*, k] * w[n, k]) * (s_x[*, b] * s_w[n, b]) (+ bias[n])``.

    x: scaled [*, K], w: scaled [N, K], bias: [N], y: [*, N], leading dims one stride apart.  ``promote``: elements of K
    after which the tensor core's sum is added in f32, None for never; blocks of K are always added so.  ``x_scales``:
    the layout of x's scales, ``row`` or ``mn_major``.  ``partial``: room for f32 sums [split_k, *, N] of the largest
    number of rows whose configuration cuts K into ``split_k`` parts; a second kernel adds them in their order.
    """
    columns, inner = w.shape
    rows_x, rows_w, rows_y = as_rows(x.data), as_rows(w.data), as_rows(y)
    scales = x.scale if x.scale.dim() == 2 else as_rows(x.scale)
    rows, mn_major = rows_x.shape[0], x_scales == "mn_major"
    if rows == 0:
        return
    config = choose(configs, rows)
    splits = config.get("split_k", 1)
    items = cdiv(rows, config["block_m"]) * cdiv(columns, config["block_n"]) * splits
    programs = num_programs(gpu, config, items)
    gpu.launch(
        "scaled_mm.scaled_mm_kernel",
        (programs, 1, 1),
        {
            "x_ptr": x_block(rows_x, config),
            "x_scale_ptr": scale_block(scales, config),
            "w_ptr": w_block(rows_w, config),
            "w_scale_ptr": w.scale,
            "bias_ptr": bias if splits == 1 else None,
            "y_ptr": y_block(rows_y, config),
            "partial_ptr": partial if splits > 1 else None,
            "M": rows,
            "N": Static(columns),
            "K": Static(inner),
            "stride_xm": Static(rows_x.stride(0)),
            "stride_xs": scales.stride(1 if mn_major else 0),
            "stride_wn": Static(rows_w.stride(0)),
            "stride_ws_n": w.scale.stride(0),
            "stride_ws_k": w.scale.stride(1),
            "stride_ym": Static(rows_y.stride(0)),
            "splits": splits,
            "num_programs": programs,
        },
        scaled_constants(config, x, w, promote=promote, mn_major=mn_major) | {"SPLIT": splits > 1},
        config,
    )
    if splits > 1:
        assert partial is not None, "a configuration that splits K needs room for the parts' sums"
        add_parts(gpu, partial, bias, rows_y, splits)


def add_parts(gpu: Gpu, partial: Tensor, bias: Tensor | None, y: Tensor, splits: int) -> None:
    """``y[m, n] = sum_s partial[s, m, n] (+ bias[n])``, s ascending; partial: the first splits * M * N of f32 sums."""
    rows, columns = y.shape
    gpu.launch(
        "scaled_mm.split_k_sum_kernel",
        (rows * cdiv(columns, SUM_BLOCK), 1, 1),
        {
            "partial_ptr": partial,
            "bias_ptr": bias,
            "y_ptr": y,
            "M": rows,
            "N": Static(columns),
            "stride_ym": Static(y.stride(0)),
        },
        {"BLOCK": SUM_BLOCK, "SPLITS": splits, **early_start(gpu)},
        SUM_CONFIG,
    )
