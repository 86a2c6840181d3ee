"""The gated activation, before quantisation.  x any leading dims, I columns."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows, quantizer_constants, row_stride, scale_strides, walking
from dsv3c.backends.triton.runtime.gpu import Argument, Configs, Constant, Gpu, Static, cdiv, choose, early_start
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def swiglu(
    gpu: Gpu, *, gate: Tensor, up: Tensor, y: Tensor, weights: Tensor | None = None, expert_of: Tensor | None = None,
    configs: Configs, intermediate: str,
) -> None:  # fmt: skip
    """``y = silu(gate) * up``, times ``weights`` of the row where given: gate, up, y [*, I], weights [*].

    silu(gate) is rounded to ``intermediate`` (``f32``: it is not), the result once to y's type.  With expert_of [*] i32
    rows of expert -1 hold anything afterwards.
    """
    launch(
        gpu, "swiglu.swiglu_kernel", configs, {"INTERMEDIATE": intermediate}, gate, up, weights, expert_of,
        {"y_ptr": y}, {"y_stride": row_stride(y)},
    )  # fmt: skip


@replayed
def swiglu_quantize(
    gpu: Gpu, *, gate: Tensor, up: Tensor, q: Scaled, weights: Tensor | None = None, expert_of: Tensor | None = None,
    configs: Configs, intermediate: str, rounded_to: str, granule: tuple[int, ...], data: str,
    amax_floor: float | None, apply: str, round_scale: str, saturate: bool,
) -> None:  # fmt: skip
    """``swiglu`` rounded to ``rounded_to``, then ``scaled.quantize``: a scale per row and ``granule[-1]`` columns."""
    how = quantizer_constants(
        data=data, granule=granule, amax_floor=amax_floor, apply=apply, round_scale=round_scale, saturate=saturate
    )
    scale_row, scale_block = scale_strides(q)
    launch(
        gpu, "swiglu.swiglu_quantize_kernel", configs,
        {"INTERMEDIATE": intermediate, "ROUNDED_TO": rounded_to, **how}, gate, up, weights, expert_of,
        {"data_ptr": q.data, "scale_ptr": q.scale},
        {"data_stride": row_stride(q.data), "scale_row": scale_row, "scale_block": scale_block},
    )  # fmt: skip


def launch(
    gpu: Gpu, kernel: str, configs: Configs, constants: dict[str, Constant], gate: Tensor, up: Tensor,
    weights: Tensor | None, expert_of: Tensor | None, pointers: dict[str, Argument], strides: dict[str, Argument],
) -> None:  # fmt: skip
    """Launch either kernel with pointers and strides of its outputs."""
    rows, ups = as_rows(gate), as_rows(up)
    if rows.numel() == 0:
        return
    each = None if weights is None else weights.reshape(-1)
    config = choose(configs, rows.shape[0])
    programs, across = cdiv(rows.shape[0], config["block_m"]), cdiv(rows.shape[1], config["block_n"])
    if expert_of is not None:
        programs = walking(gpu, config, across, programs)
    gpu.launch(
        kernel,
        (programs, across, 1),
        {
            "gate_ptr": rows,
            "up_ptr": ups,
            "weights_ptr": each,
            "expert_of_ptr": expert_of,
            **pointers,
            "rows": rows.shape[0],
            "columns": Static(rows.shape[1]),
            "gate_stride": Static(rows.stride(0)),
            "up_stride": Static(ups.stride(0)),
            "weights_stride": Static(0 if each is None else each.stride(0)),
            **strides,
        },
        {"BLOCK_M": config["block_m"], "BLOCK_N": config["block_n"], **constants, **early_start(gpu)},
        config,
    )
