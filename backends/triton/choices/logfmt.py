"""Configurations of LogFMT's cast and packing, which no op asks for yet: whoever launches them does."""

from dsv3c.backends.triton.choices.base import Config

CHANNELS = 2048
"""Of a program."""


def configs_for(chunk: int) -> tuple[Config, ...]:
    """Programs of 2048 channels, 16 per thread; ``chunk``: channels that travel in one format."""
    return ({"block_u": max(1, CHANNELS // chunk), "num_warps": 4, "num_stages": 1},)
