"""Configurations of LogFMT's cast and packing, which no op asks for yet: whoever launches them does."""

from dsv3c.backends.triton.choices.base import Config
from dsv3c.ir.targets import Target

NUM_WARPS = 4
CHANNELS = 512
"""Of a warp, at least: 16 per thread."""


def configs_for(chunk: int, target: Target) -> tuple[Config, ...]:
    """Warps that have whole units: what channels of a unit share is found without memory; ``chunk``: its channels.

    ``lg2``: logarithms by NVIDIA's instruction; their polynomial has more instructions than memory leaves time for.
    """
    height = NUM_WARPS * max(1, CHANNELS // chunk)
    config = {"block_u": height, "num_warps": NUM_WARPS, "num_stages": 1}
    return ({**config, "lg2": 1} if target.arch.startswith("sm_") else config,)
