"""Rows of a table.  T tokens, N sequences, V rows of a table, D columns."""

from torch import Tensor

from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def embedding(gpu: Gpu, *, ids: Tensor, table: Tensor, y: Tensor, configs: Configs) -> None:
    """``y = table[ids]``: ids [*] in 0..V-1, contiguous, table [V, D], y [*, D]."""
    to = as_rows(y)
    if to.numel() == 0:
        return
    config = choose(configs, to.shape[0])
    gpu.launch(
        "embedding.embedding_kernel",
        (cdiv(to.shape[0], config["block_m"]), cdiv(to.shape[1], config["block_n"]), 1),
        {
            "ids_ptr": ids.view(-1),
            "table_ptr": table,
            "y_ptr": to,
            "rows": to.shape[0],
            "columns": Static(to.shape[1]),
            "table_stride": Static(table.stride(0)),
            "y_stride": Static(to.stride(0)),
        },
        {"BLOCK_M": config["block_m"], "BLOCK_N": config["block_n"]},
        config,
    )


@replayed
def last_tokens(gpu: Gpu, *, h: Tensor, seq_offsets: Tensor, y: Tensor, configs: Configs) -> None:
    """``y[n] = h[seq_offsets[n + 1] - 1]``: h [T, D], seq_offsets [N + 1] -> y [N, D]."""
    if y.numel() == 0 or h.shape[0] == 0:
        return
    config = choose(configs, y.shape[0])
    gpu.launch(
        "embedding.last_tokens_kernel",
        (cdiv(y.shape[0], config["block_m"]), cdiv(y.shape[1], config["block_n"]), 1),
        {
            "h_ptr": h,
            "seq_offsets_ptr": seq_offsets,
            "y_ptr": y,
            "tokens": h.shape[0],
            "rows": y.shape[0],
            "columns": Static(y.shape[1]),
            "h_stride": Static(h.stride(0)),
            "y_stride": Static(y.stride(0)),
        },
        {"BLOCK_M": config["block_m"], "BLOCK_N": config["block_n"]},
        config,
    )
