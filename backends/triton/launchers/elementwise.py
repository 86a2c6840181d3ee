"""Sums, copies and concatenations.  x any leading dims, N columns."""

from torch import Tensor

from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def add(gpu: Gpu, *, x: Tensor, y: Tensor, other: Tensor | None = None, configs: Configs) -> None:
    """``y = x + other``, without other ``x + x``: [*, N] each, of one type, added in f32 and rounded once."""
    left, right, to = as_rows(x), as_rows(x if other is None else other), as_rows(y)
    if to.numel() == 0:
        return
    config = choose(configs, to.shape[0])
    gpu.launch(
        "elementwise.add_kernel",
        (cdiv(to.shape[0], config["block_m"]), cdiv(to.shape[1], config["block_n"]), 1),
        {
            "x_ptr": left,
            "other_ptr": right,
            "y_ptr": to,
            "rows": to.shape[0],
            "columns": Static(to.shape[1]),
            "x_stride": Static(left.stride(0)),
            "other_stride": Static(right.stride(0)),
            "y_stride": Static(to.stride(0)),
        },
        {"BLOCK_M": config["block_m"], "BLOCK_N": config["block_n"]},
        config,
    )


@replayed
def copy(gpu: Gpu, *, x: Tensor, y: Tensor, configs: Configs) -> None:
    """``y = x`` in y's type: [*, N]."""
    source, to = as_rows(x), as_rows(y)
    if to.numel() == 0:
        return
    config = choose(configs, to.shape[0])
    gpu.launch(
        "elementwise.copy_kernel",
        (cdiv(to.shape[0], config["block_m"]), cdiv(to.shape[1], config["block_n"]), 1),
        {
            "x_ptr": source,
            "y_ptr": to,
            "rows": to.shape[0],
            "columns": Static(to.shape[1]),
            "x_stride": Static(source.stride(0)),
            "y_stride": Static(to.stride(0)),
        },
        {"BLOCK_M": config["block_m"], "BLOCK_N": config["block_n"]},
        config,
    )


@replayed
def cast(gpu: Gpu, *, x: Tensor, y: Tensor, configs: Configs, dtype: str) -> None:
    """``y = x`` as ``dtype``, y's type: [*, N]."""
    copy(gpu, x=x, y=y, configs=configs)


@replayed
def cat(
    gpu: Gpu, *, x0: Tensor, y: Tensor, x1: Tensor | None = None, x2: Tensor | None = None, x3: Tensor | None = None,
    configs: Configs, dim: int,
) -> None:  # fmt: skip
    """``y = cat((x0, x1, ...), dim)`` of up to four values: one copy each; dim is the first (0) or the last (-1)."""
    start = 0
    for part in (x0, x1, x2, x3):
        if part is not None:
            copy(gpu, x=part, y=y.narrow(dim, start, part.shape[dim]), configs=configs)
            start += part.shape[dim]
