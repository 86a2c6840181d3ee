"""Rotary embedding.  T tokens, H heads, d the rotary head size, P = d / 2 pairs."""

from torch import Tensor

from dsv3c.backends.triton.launchers.rows import as_rows, flattened
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def rope(
    gpu: Gpu, *, x: Tensor, cos: Tensor, sin: Tensor, y: Tensor, configs: Configs, pairs: str, out: str, compute: str
) -> None:
    """Rotate pair (a, b) to ``(a cos - b sin, b cos + a sin)``: x, y [*, H, d] or [*, d], cos, sin [*, P].

    x may be a slice of wider heads; the tables' rows are contiguous, and a leading size of theirs may be 1 where x's
    is not.  P is a power of two.
    """
    if x.numel() == 0:
        return
    by_head = x.dim() > cos.dim()
    source, to = (part if by_head else part.unsqueeze(-2) for part in (x, y))
    source, to, cosines, sines = flattened(source, 2), flattened(to, 2), as_rows(cos), as_rows(sin)
    if source.stride(-1) != 1:
        raise ValueError(f"heads of {tuple(x.shape)} with strides {x.stride()} are not contiguous")
    tokens, heads, _ = source.shape
    config = choose(configs, tokens)
    gpu.launch(
        "rope.rope_kernel",
        (cdiv(tokens * heads, config["block_m"]), 1, 1),
        {
            "x_ptr": source,
            "cos_ptr": cosines,
            "sin_ptr": sines,
            "y_ptr": to,
            "rows": tokens * heads,
            "heads": Static(heads),
            "table_rows": cosines.shape[0],
            "x_token": Static(source.stride(0)),
            "x_head": Static(source.stride(1)),
            "cos_stride": Static(cosines.stride(0)),
            "y_token": Static(to.stride(0)),
            "y_head": Static(to.stride(1)),
        },
        {
            "BLOCK_M": config["block_m"],
            "PAIRS": cosines.shape[1],
            "PAIRS_IN": pairs,
            "PAIRS_OUT": out,
            "COMPUTE": compute,
        },
        config,
    )
