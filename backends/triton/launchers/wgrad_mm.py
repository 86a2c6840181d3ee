"""Launches the gradient of a weight: rows of block-scaled numbers times such rows, summed over tokens."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.launchers.rows import as_rows
from dsv3c.backends.triton.runtime.gpu import Configs, Descriptor, Gpu, Static, cdiv, choose
from dsv3c.backends.triton.runtime.replays import replayed

GRANULE = 128
"""Tokens that share a scale."""
ELEMENTS, SCALES = 16, 4
"""Rows of data and columns of scales start at multiples of so many (16 bytes)."""


@replayed
def wgrad_mm(
    gpu: Gpu, *, a: Scaled, b: Scaled, y: Tensor, offsets: Tensor | None = None, accumulate: bool, configs: Configs
) -> None:
    """``y[n, k] (+)= sum_b (sum_{t in b} a[n, t] * b[k, t]) * (s_a[n, b] * s_b[k, b])``, in f32.

    a: scaled [N, T], b: scaled [K, T], 1 x 128, with column-major scales; y: [N, K] f32, or [E, N, K] with ``offsets``
    [E + 1] i32: expert e has the tokens from ``offsets[e]`` to ``offsets[e + 1]``, multiples of 128.  Rows of a and b
    are multiples of 16 bytes apart.  ``accumulate``: sums are added to y, which keeps its bits where an expert has no
    tokens.  Configurations are chosen by an expert's tokens on average.  Source: arXiv 2412.19437, section 3.3.2.
    """
    (rows, tokens), columns, experts = a.shape, b.shape[0], y.shape[0] if offsets is not None else 1
    if tokens == 0:
        if not accumulate:
            y.zero_()
        return
    config, flat = choose(configs, tokens // experts), as_rows(y)
    block_n, block_k = config["block_n"], config["block_k"]
    tiles = experts * cdiv(rows, block_n) * cdiv(columns, block_k)
    programs = min(tiles, gpu.num_sms) if config["persistent"] else tiles
    gpu.launch(
        "wgrad_mm.wgrad_mm_kernel",
        (programs, 1, 1),
        {
            "a_ptr": Descriptor(a.data, (block_n, GRANULE)),
            "a_scale_ptr": Descriptor(a.scale.t(), (1, block_n), swizzle=0),
            "b_ptr": Descriptor(b.data, (block_k, GRANULE)),
            "b_scale_ptr": Descriptor(b.scale.t(), (1, block_k), swizzle=0),
            "offsets_ptr": offsets,
            "y_old_ptr": Descriptor(flat, (block_n // 2, block_k)),
            "y_ptr": flat,
            "experts": experts,
            "N": Static(rows),
            "K": Static(columns),
            "T": tokens,
            "pitch_a": pitch(a.data, 0, ELEMENTS),
            "pitch_as": pitch(a.scale, 1, SCALES),
            "pitch_b": pitch(b.data, 0, ELEMENTS),
            "pitch_bs": pitch(b.scale, 1, SCALES),
            "stride_ye": Static(rows * flat.stride(0)),
            "stride_yn": Static(flat.stride(0)),
            "num_programs": programs,
        },
        {
            "BLOCK_N": block_n,
            "BLOCK_K": block_k,
            "GRANULE": GRANULE,
            "GROUP_N": config["group_n"],
            "STAGES": config["num_stages"],
            "ACCUMULATE": accumulate,
            "PERSISTENT": bool(config["persistent"]),
        },
        config,
    )


def pitch(x: Tensor, dim: int, unit: int) -> int:
    """Units between two entries of a dim; those of the other are adjacent.  Raises ValueError where they are not."""
    if x.stride(1 - dim) != 1 or x.stride(dim) % unit:
        raise ValueError(f"strides {x.stride()} of {tuple(x.shape)}: dim {dim} needs a multiple of {unit}, the other 1")
    return x.stride(dim) // unit
