"""What launchers of matrix products share."""

from dsv3c.backends.triton.runtime.gpu import Config, Constant


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
