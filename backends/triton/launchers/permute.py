"""Launcher of rows in expert order."""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows, scale_strides, walking
from dsv3c.backends.triton.runtime.gpu import Argument, Config, Configs, Gpu, Static, cdiv, choose, early_start
from dsv3c.backends.triton.runtime.replays import replayed

INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""What data of so many bytes is moved as."""


@replayed
def permute(
    gpu: Gpu, *, x: Tensor | Scaled, ids: Tensor, rows: Tensor | Scaled, slots: Tensor, expert_of: Tensor,
    counts: Tensor, configs: Configs, experts: int, layout: str, alignment: int, skips_padding: bool = False,
) -> None:  # fmt: skip
    """``rows[m] = x[t]`` where slot t*k + j with expert ids[t, j] has row m: x [*, D], ids [*, k] -> [M, D], [M], [M].

    ``counts``: scratch of at least ``ceil(T*k / chunk)`` times E numbers.  ``masked``: an expert has M / E rows, and
    slots that do not fit get none.  ``dense``: of a token's slots with one expert, one gets the row.  Padding rows are
    0, of scale 1; ``skips_padding``: they stay as they are.
    """
    top_k, num_rows = ids.shape[-1], slots.shape[0]
    ids = as_rows(ids)
    if num_rows == 0:
        return
    config = choose(configs, ids.shape[0])
    chunk, num_slots = config["chunk"], ids.numel()
    grid = (max(1, cdiv(num_slots, chunk)), 1, 1)
    numbers: dict[str, Argument] = {
        **{"ids_ptr": ids, "counts_ptr": counts, "slots_ptr": slots, "expert_of_ptr": expert_of},
        "num_slots": num_slots,
    }
    tile = {
        **{"TOP_K": top_k, "EXPERTS": experts, "CHUNK": chunk, "BLOCK_S": config["block_s"]},
        "BLOCK_E": 1 << (experts - 1).bit_length(),
        **early_start(gpu),
    }
    stride = Static(ids.stride(0))
    gpu.launch(
        "permute.count_kernel",
        grid,
        numbers | {"num_rows": num_rows, "ids_stride": stride},
        tile | {"COUNT": layout != "dense"},
        config,
    )
    if num_slots:
        gpu.launch(
            "permute.place_kernel",
            grid,
            numbers | {"room": num_rows // experts, "ids_stride": stride},
            tile | {"LAYOUT": layout, "ALIGNMENT": alignment, "BLOCK_C": config["block_c"]},
            config,
        )
    copy_rows(gpu, x, rows, slots, top_k, config, skips_padding)


def copy_rows(
    gpu: Gpu, x: Tensor | Scaled, rows: Tensor | Scaled, slots: Tensor, top_k: int, config: Config, skips_padding: bool
) -> None:
    """The data of every row, and its scales."""
    source, target = (value.data if isinstance(value, Scaled) else value for value in (x, rows))
    kind, columns = INTEGERS[source.dtype.itemsize], source.shape[-1]
    source, target = as_rows(source).view(kind), as_rows(target).view(kind)
    scales: tuple[Tensor | None, Tensor | None] = (None, None)
    strides, blocks = ((0, 0), (0, 0)), 0
    if isinstance(x, Scaled) and isinstance(rows, Scaled):
        scales, strides = (x.scale, rows.scale), (scale_strides(x), scale_strides(rows))
        blocks = x.scale.shape[-1]
    width = min(config["row_bytes"] // source.dtype.itemsize, 1 << (columns - 1).bit_length())
    programs, across = cdiv(target.shape[0], config["block_m"]), cdiv(columns, width)
    if skips_padding:
        programs = walking(gpu, config, across, programs)
    gpu.launch(
        "permute.copy_kernel",
        (programs, across, 1),
        {
            **{"x_ptr": source, "x_scale_ptr": scales[0], "slots_ptr": slots, "rows_ptr": target},
            **{"rows_scale_ptr": scales[1], "num_rows": target.shape[0]},
            **{"x_stride": Static(source.stride(0)), "x_scale_row": strides[0][0], "x_scale_block": strides[0][1]},
            "rows_stride": Static(target.stride(0)),
            **{"rows_scale_row": strides[1][0], "rows_scale_block": strides[1][1]},
        },
        {
            **{"TOP_K": top_k, "COLUMNS": columns, "BLOCKS": blocks, "BLOCK_M": config["block_m"], "BLOCK_N": width},
            **{"BLOCK_B": 1 << max(0, blocks - 1).bit_length(), "SKIPS_PADDING": skips_padding},
            **early_start(gpu),
        },
        config,
    )
