"""Launches ``moe.grouped_mm``: rows, each times the matrix of its expert."""

from torch import Tensor

from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.launchers.tiles import num_groups, num_resident, tile_constants
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def grouped_mm(
    gpu: Gpu,
    *,
    x: Tensor,
    w: Tensor,
    expert_of: Tensor,
    y: Tensor,
    configs: Configs,
    layout: str,
    alignment: int,
    skips_padding: bool = False,
) -> None:
    """``y[m, n] = sum_k x[m, k] * w[expert_of[m], n, k]`` in f32, rounded once; a row of expert -1 is zero.

    x: [M, K], w: [E, N, K], expert_of: [M] i32, y: [M, N].  ``layout`` and ``alignment`` of the rows, and how
    configurations are chosen, and what ``skips_padding`` leaves out: see ``scaled_grouped_mm``.
    """
    experts, columns, inner = w.shape
    rows_x, rows_y, matrix = as_rows(x), as_rows(y), as_rows(w[0])
    rows = rows_x.shape[0]
    if rows == 0:
        return
    config = choose(configs, (rows - experts * (alignment - 1)) // experts)
    groups = 1 if layout == "contiguous" else experts
    tiles = groups * cdiv(rows // groups, config["block_m"]) * cdiv(columns, config["block_n"])
    walks = skips_padding and layout == "masked"
    programs = num_resident(gpu, config, tiles, x.itemsize) if walks else tiles
    gpu.launch(
        "grouped_mm.grouped_mm_kernel",
        (programs, 1, 1),
        {
            "x_ptr": rows_x,
            "w_ptr": w,
            "expert_of_ptr": expert_of,
            "y_ptr": rows_y,
            "groups": groups,
            "room": rows // groups,
            "N": Static(columns),
            "K": Static(inner),
            "stride_xm": Static(rows_x.stride(0)),
            "stride_we": Static(w.stride(0)),
            "stride_wn": Static(matrix.stride(0)),
            "stride_ym": Static(rows_y.stride(0)),
        },
        tile_constants(config, inner) | {"GROUPS": num_groups(experts) if walks else 0, "SKIPS_PADDING": skips_padding},
        config,
    )
