"""Launcher of the experts' weighted sum."""

from torch import Tensor

from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose, early_start
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def unpermute(
    gpu: Gpu, *, y: Tensor, slots: Tensor, weights: Tensor, ids: Tensor, out: Tensor, row_of: Tensor, configs: Configs,
    combine_in: str, order: str,
) -> None:  # fmt: skip
    """``out[t] = sum_j weights[t, j] * y[m]``, slots[m] = t*k + j: [M, D], [M], [*, k], [*, k] -> [*, D].

    Products are rounded to ``combine_in``; ``order`` "slot": their sum once, "expert" (ascending id): every addition.
    ``row_of``: scratch, a number per slot.
    """
    top_k, columns = ids.shape[-1], y.shape[-1]
    weights, ids, out = as_rows(weights), as_rows(ids), as_rows(out)
    tokens, rows = ids.shape[0], y.shape[0]
    if tokens == 0:
        return
    config = choose(configs, tokens)
    if rows:
        gpu.launch(
            "unpermute.invert_kernel",
            (cdiv(rows, config["block_m"]), 1, 1),
            {"slots_ptr": slots, "row_of_ptr": row_of, "num_rows": rows, "num_slots": tokens * top_k},
            {"BLOCK_M": config["block_m"], **early_start(gpu)},
            config,
        )
    gpu.launch(
        "unpermute.combine_kernel",
        (tokens, cdiv(columns, config["block_n"]), 1),
        {
            **{"y_ptr": y, "slots_ptr": slots, "row_of_ptr": row_of, "weights_ptr": weights, "ids_ptr": ids},
            **{"out_ptr": out, "num_rows": rows, "y_stride": Static(y.stride(0))},
            **{"weights_stride": Static(weights.stride(0)), "ids_stride": Static(ids.stride(0))},
            "out_stride": Static(out.stride(0)),
        },
        {
            **{"TOP_K": top_k, "COLUMNS": columns, "COMBINE": combine_in, "BY_EXPERT": order == "expert"},
            **{"BLOCK_N": config["block_n"], "BLOCK_K": 1 << (top_k - 1).bit_length()},
            **early_start(gpu),
        },
        config,
    )
