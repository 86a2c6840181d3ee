"""Launches ``nn.linear``: M rows of K numbers times the transpose of N such rows."""

from torch import Tensor

from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.launchers.tiles import tile_constants
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def linear(gpu: Gpu, *, x: Tensor, weight: Tensor, bias: Tensor | None = None, y: Tensor, configs: Configs) -> None:
    """``y[*, n] = sum_k x[*, k] * weight[n, k] (+ bias[n])`` in f32, rounded once: x [*, K], weight [N, K], y [*, N].

    Raises ValueError for values that are not rows at equal distances.
    """
    columns, inner = weight.shape
    rows_x, rows_w, rows_y = as_rows(x), as_rows(weight), as_rows(y)
    rows = rows_x.shape[0]
    if rows == 0:
        return
    config = choose(configs, rows)
    tiles = cdiv(rows, config["block_m"]) * cdiv(columns, config["block_n"])
    gpu.launch(
        "linear.linear_kernel",
        (tiles, 1, 1),
        {
            "x_ptr": rows_x,
            "weight_ptr": rows_w,
            "bias_ptr": bias,
            "y_ptr": rows_y,
            "M": rows,
            "N": Static(columns),
            "K": Static(inner),
            "stride_xm": Static(rows_x.stride(0)),
            "stride_wn": Static(rows_w.stride(0)),
            "stride_ym": Static(rows_y.stride(0)),
        },
        tile_constants(config, inner),
        config,
    )
