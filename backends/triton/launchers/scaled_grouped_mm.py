"""Launches ``scaled.grouped_mm``: rows of block-scaled numbers, each times the matrix of its expert."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.launchers.tiles import tile_constants
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose


def scaled_grouped_mm(
    gpu: Gpu,
    *,
    x: Scaled,
    w: Scaled,
    expert_of: Tensor,
    y: Tensor,
    configs: Configs,
    promote: int | None,
    x_scales: str,
    layout: str,
    alignment: int,
) -> None:
    """``y[m, n]`` as ``scaled_mm`` of row m with the matrix ``w[expert_of[m]]``; a row of expert -1 is zero.

    x: scaled [M, K], w: scaled [E, N, K], expert_of: [M] i32, y: [M, N].  ``layout`` of the rows as in ``moe.permute``:
    ``masked`` and ``dense`` give every expert M / E of them, ``contiguous`` lets it start at multiples of
    ``alignment``, which the height of every tile divides.  Configurations are chosen by an expert's rows on average.
    """
    experts, columns, inner = w.shape
    rows_x, rows_y, matrix = as_rows(x.data), as_rows(y), as_rows(w.data[0])
    rows, mn_major, contiguous = x.shape[0], x_scales == "mn_major", layout == "contiguous"
    if rows == 0:
        return
    config = choose(configs, (rows - experts * (alignment - 1)) // experts)
    groups = 1 if contiguous else experts
    tiles = groups * cdiv(rows // groups, config["block_m"]) * cdiv(columns, config["block_n"])
    gpu.launch(
        "scaled_grouped_mm.scaled_grouped_mm_kernel",
        (tiles, 1, 1),
        {
            "x_ptr": rows_x,
            "x_scale_ptr": x.scale,
            "w_ptr": w.data,
            "w_scale_ptr": w.scale,
            "expert_of_ptr": expert_of,
            "y_ptr": rows_y,
            "groups": groups,
            "room": rows // groups,
            "N": Static(columns),
            "K": Static(inner),
            "stride_xm": Static(rows_x.stride(0)),
            "stride_xs": x.scale.stride(1 if mn_major else 0),
            "stride_we": Static(w.data.stride(0)),
            "stride_wn": Static(matrix.stride(0)),
            "stride_ws_e": w.scale.stride(0) if w.granule[0] else 0,
            "stride_ws_n": w.scale.stride(1),
            "stride_ws_k": w.scale.stride(2),
            "stride_ym": Static(rows_y.stride(0)),
        },
        tile_constants(config, inner)
        | {
            "M_GRANULE": x.granule[0],
            "N_GRANULE": w.granule[1],
            "K_GRANULE": w.granule[2],
            "MN_MAJOR": mn_major,
            "PROMOTE": promote is not None,
            "STAGES": config["num_stages"],
        },
        config,
    )
