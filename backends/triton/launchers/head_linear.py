"""Launches ``nn.head_linear``: rows of every head times the transpose of the head's matrix."""

from torch import Tensor

from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.launchers.tiles import tile_constants
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def head_linear(gpu: Gpu, *, x: Tensor, weight: Tensor, y: Tensor, configs: Configs) -> None:
    """``y[t, h, n] = sum_k x[t, h, k] * weight[h, n, k]`` in f32, rounded once: x [*, H, K], weight [H, N, K].

    x may be a slice of wider heads.  Raises ValueError for values that are not rows at equal distances.
    """
    heads, columns, inner = weight.shape
    tokens = x.numel() // (heads * inner)
    if tokens == 0:
        return
    rows_x, matrix, rows_y = as_rows(x.select(-2, 0)), as_rows(weight[0]), as_rows(y.select(-2, 0))
    config = choose(configs, tokens)
    tiles = heads * cdiv(tokens, config["block_m"]) * cdiv(columns, config["block_n"])
    gpu.launch(
        "head_linear.head_linear_kernel",
        (tiles, 1, 1),
        {
            "x_ptr": x,
            "weight_ptr": weight,
            "y_ptr": y,
            "M": tokens,
            "N": Static(columns),
            "K": Static(inner),
            "stride_xm": Static(rows_x.stride(0)),
            "stride_xh": Static(x.stride(-2)),
            "stride_wh": Static(weight.stride(0)),
            "stride_wn": Static(matrix.stride(0)),
            "stride_ym": Static(rows_y.stride(0)),
            "stride_yh": Static(y.stride(-2)),
        },
        tile_constants(config, inner),
        config,
    )
