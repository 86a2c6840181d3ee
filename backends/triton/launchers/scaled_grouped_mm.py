"""Launches ``scaled.grouped_mm``: rows of block-scaled numbers, each times the matrix of its expert."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.launchers.tiles import (
    num_groups,
    num_programs,
    num_resident,
    scale_block,
    scaled_constants,
    w_block,
    x_block,
    y_block,
)
from dsv3c.backends.triton.runtime.gpu import Config, Configs, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed

ALIGNED = 4
"""Scales are copied from a multiple of so many, 16 bytes."""


@replayed
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
    skips_padding: bool = False,
) -> None:
    """``y[m, n]`` as ``scaled_mm`` of row m with the matrix ``w[expert_of[m]]``; a row of expert -1 is zero.

    x: scaled [M, K], w: scaled [E, N, K], expert_of: [M] i32, y: [M, N].  ``layout`` of the rows as in ``moe.permute``:
    ``masked`` and ``dense`` give every expert M / E of them, ``contiguous`` lets it start at multiples of
    ``alignment``, which the height of every tile divides.  Configurations are chosen by an expert's rows on average.
    The matrices lie one behind the other.  ``skips_padding``: rows of expert -1 hold anything afterwards; nothing is
    read or written in tiles of them.
    """
    experts, columns, inner = w.shape
    rows_x, rows_y, rows_w = as_rows(x.data), as_rows(y), as_rows(w.data)
    rows, mn_major = x.shape[0], x_scales == "mn_major"
    if rows == 0:
        return
    config = choose(configs, (rows - experts * (alignment - 1)) // experts)
    groups = 1 if layout == "contiguous" else experts
    room, masked = rows // groups, layout == "masked"
    # masked tiles start at rows whose scales are aligned: they can be before the group's
    before = ALIGNED - 1 if masked and config.get("persistent", 0) and room % ALIGNED else 0
    items = groups * cdiv(room + before, config["block_m"]) * cdiv(columns, config["block_n"])
    programs, walks = programs_for(gpu, config, items, rows_x, skips_padding and masked)
    gpu.launch(
        "scaled_grouped_mm.scaled_grouped_mm_kernel",
        (programs, 1, 1),
        {
            **{"x_ptr": x_block(rows_x, config), "x_scale_ptr": scale_block(x.scale, config)},
            **{"w_ptr": w_block(rows_w, config), "w_scale_ptr": w.scale},
            "expert_of_ptr": expert_of,
            "y_ptr": y_block(rows_y.unflatten(0, (groups, room)), config),
            **{"groups": groups, "room": room},
            **{"N": Static(columns), "K": Static(inner)},
            "stride_xm": Static(rows_x.stride(0)),
            "stride_xs": x.scale.stride(1 if mn_major else 0),
            **{"stride_we": Static(w.data.stride(0)), "stride_wn": Static(rows_w.stride(0))},
            "stride_ws_e": w.scale.stride(0) if w.granule[0] else 0,
            **{"stride_ws_n": w.scale.stride(1), "stride_ws_k": w.scale.stride(2)},
            "stride_ym": Static(rows_y.stride(0)),
            "num_programs": programs,
        },
        {
            **scaled_constants(config, x, w, promote=promote, mn_major=mn_major),
            **{"PERSISTENT": walks, "SKIPS_PADDING": skips_padding, "GROUPS": num_groups(experts) if masked else 0},
        },
        config,
    )


def programs_for(gpu: Gpu, config: Config, items: int, x: Tensor, skips_tiles: bool) -> tuple[int, bool]:
    """How many programs there are, and whether they walk items: where they skip tiles, with any configuration."""
    if skips_tiles and not config.get("persistent", 0):
        return num_resident(gpu, config, items, x.itemsize), True
    return num_programs(gpu, config, items), bool(config.get("persistent", 0))
