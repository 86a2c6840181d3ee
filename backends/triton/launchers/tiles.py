"""What launchers of matrix products share."""

from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.runtime.gpu import Config, Constant, Descriptor, Gpu, is_gluon

ROWS = 64
"""Of a warpgroup's product: a consumer stores as many rows of its left factor at once."""
LARGE = 128 * 128
"""Elements of a tile of y that two warpgroups sum at once; of a larger one they sum twice as many."""
SHARED_BYTES = 227 << 10
"""Of a multiprocessor, for all of its programs."""
LEAST_SCALES = 32
"""Scales of rows that are copied at once, at least: buffers of copies start at multiples of 128 bytes."""


def tile_constants(config: Config, inner: int) -> dict[str, Constant]:
    """What the product of a tile is compiled for, with ``inner`` elements summed."""
    return {
        "BLOCK_M": config["block_m"],
        "BLOCK_N": config["block_n"],
        "BLOCK_K": config["block_k"],
        "GROUP_M": config["group_m"],
        "SWAP": bool(config["swap"]),
        "EVEN_K": inner % config["block_k"] == 0,
    }


def scaled_constants(
    config: Config, x: Scaled, w: Scaled, *, promote: int | None, mn_major: bool
) -> dict[str, Constant]:
    """The same of a product of block-scaled numbers, x [*, K] and w [*, N, K]."""
    return {
        **tile_constants(config, w.shape[-1]),
        "M_GRANULE": x.granule[-2] if len(x.granule) > 1 else 1,
        "N_GRANULE": w.granule[-2],
        "K_GRANULE": w.granule[-1],
        "MN_MAJOR": mn_major,
        "PROMOTE": promote is not None,
        "STAGES": config["num_stages"],
        "PERSISTENT": bool(config.get("persistent", 0)),
    }


def num_programs(gpu: Gpu, config: Config, items: int) -> int:
    """Programs that walk so many items: one each, or (``persistent``) as many as run at the same time."""
    return min(items, gpu.num_sms) if config.get("persistent", 0) else items


def num_resident(gpu: Gpu, config: Config, items: int, element_bytes: int) -> int:
    """Programs that walk so many items where they are not written to be alone: shared memory has room for them."""
    stage = (config["block_m"] + config["block_n"]) * config["block_k"] * element_bytes
    return min(items, gpu.num_sms * max(1, SHARED_BYTES // (stage * config["num_stages"])))


def num_groups(experts: int) -> int:
    """A power of two that holds all experts."""
    return 1 << (experts - 1).bit_length()


def x_block(x: Tensor, config: Config) -> Descriptor:
    """Tiles of x [M, K]."""
    return Descriptor(x, (config["block_m"], config["block_k"]))


def w_block(w: Tensor, config: Config) -> Descriptor:
    """Tiles of w [N, K]."""
    return Descriptor(w, (config["block_n"], config["block_k"]))


def scale_block(scales: Tensor, config: Config) -> Tensor | Descriptor:
    """Scales [M, K / 128] of a tile of x and one block of K, for a kernel that reads them column by column.

    Only Gluon's kernels do: the others read either layout, and from any address.
    """
    if not is_gluon(config):
        return scales
    return Descriptor(scales.transpose(0, 1), (1, max(config["block_m"], LEAST_SCALES)), 0)


def y_block(y: Tensor, config: Config) -> Descriptor:
    """What a consumer stores at once of a tile of y, [M, N] or [E, M, N]: of larger tiles quarters of its part."""
    large = config["block_m"] * config["block_n"] > LARGE
    block = (ROWS, ROWS if large else config["block_n"])
    if config["swap"]:
        block = (config["block_m"], ROWS)
    return Descriptor(y, (*[1] * (y.dim() - 2), *block))
