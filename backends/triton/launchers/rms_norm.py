"""RMS norm, after an addition, before quantisation.  x any leading dims, D columns."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows, quantizer_constants, row_stride, scale_strides
from dsv3c.backends.triton.runtime.gpu import Argument, Configs, Constant, Gpu, Static, cdiv, choose, early_start
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def rms_norm(
    gpu: Gpu, *, x: Tensor, weight: Tensor, y: Tensor, residual: Tensor | None = None, total: Tensor | None = None,
    configs: Configs, eps: float, weight_in: str, intermediate: str, keep_total: bool,
) -> None:  # fmt: skip
    """``y = norm(total); total = x + residual``: x, residual, y, total [*, D], weight [D]; see ``nn.rms_norm``.

    Without a residual the total is x.  keep_total: the total is an output.  intermediate: x's type.
    """
    launch(
        gpu, "rms_norm.rms_norm_kernel", configs, {"EPS": eps, "WEIGHT_IN": weight_in, "INTERMEDIATE": intermediate},
        x=x, residual=residual, weight=weight, outputs={"y": y}, total=kept(total, keep_total),
    )  # fmt: skip


@replayed
def rms_norm_quantize(
    gpu: Gpu, *, x: Tensor, weight: Tensor, q: Scaled, y: Tensor | None = None, residual: Tensor | None = None,
    total: Tensor | None = None, configs: Configs, eps: float, weight_in: str, intermediate: str, keep: bool,
    keep_total: bool, granule: tuple[int, ...], data: str, amax_floor: float | None, apply: str, round_scale: str,
    saturate: bool,
) -> None:  # fmt: skip
    """``q = quantise(norm(total)); total = x + residual``, as ``rms_norm``, then ``scaled.quantize``.

    keep: the normalised rows, rounded to x's type, are the output y.  A scale per row and ``granule[-1]`` columns.
    """
    how = quantizer_constants(
        data=data, granule=granule, amax_floor=amax_floor, apply=apply, round_scale=round_scale, saturate=saturate
    )
    launch(
        gpu, "rms_norm.rms_norm_quantize_kernel", configs,
        {"EPS": eps, "WEIGHT_IN": weight_in, "INTERMEDIATE": intermediate, **how},
        x=x, residual=residual, weight=weight, outputs={"q": q, "y": kept(y, keep)}, total=kept(total, keep_total),
    )  # fmt: skip


def kept(output: Tensor | None, keep: bool) -> Tensor | None:
    """An output that the program may not ask for.  Raises ValueError where it is given and not asked for, or the
    other way round."""
    if keep != (output is not None):
        raise ValueError("an output is given exactly where it is kept")
    return output


def launch(
    gpu: Gpu, kernel: str, configs: Configs, constants: dict[str, Constant], *, x: Tensor, residual: Tensor | None,
    weight: Tensor, outputs: dict[str, Tensor | Scaled | None], total: Tensor | None,
) -> None:  # fmt: skip
    """Launch either kernel: pointers first, then sizes, then strides in the order of the pointers.

    Programs take rows in turn; a configuration may limit them to so many ``per_multiprocessor``.
    """
    rows = as_rows(x)
    if rows.numel() == 0:
        return
    config = choose(configs, rows.shape[0])
    pointers: dict[str, Argument] = {"x_ptr": rows, "residual_ptr": residual, "weight_ptr": weight}
    strides: dict[str, Argument] = {"x_stride": Static(rows.stride(0)), "residual_stride": row_stride(residual)}
    for name, output in outputs.items():
        if isinstance(output, Scaled):
            pointers |= {"data_ptr": output.data, "scale_ptr": output.scale}
            strides["data_stride"] = row_stride(output.data)
            strides["scale_row"], strides["scale_block"] = scale_strides(output)
        else:
            pointers[f"{name}_ptr"], strides[f"{name}_stride"] = output, row_stride(output)
    sizes: dict[str, Argument] = {"rows": rows.shape[0], "columns": Static(rows.shape[1])}
    programs = cdiv(rows.shape[0], config["block_m"])
    if resident := config.get("per_multiprocessor", 0):
        programs = min(programs, resident * gpu.num_sms)
    gpu.launch(
        kernel,
        (programs, 1, 1),
        {**pointers, "total_ptr": total, **sizes, **strides, "total_stride": row_stride(total)},
        {"BLOCK_M": config["block_m"], "BLOCK_N": config["block_n"], **constants, **early_start(gpu)},
        config,
    )
