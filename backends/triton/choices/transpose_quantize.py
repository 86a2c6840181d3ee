"""The configuration of quantisation along tokens, which no op asks for yet: whoever launches it does."""

from dsv3c.backends.triton.choices.base import Config, Rejected

CONFIGS: tuple[Config, ...] = ({"block_c": 128, "register_tokens": 8, "num_warps": 8, "num_stages": 1},)
"""Blocks of 128 tokens and as many channels: what is loaded and stored is whole lines of memory on both sides.

A thread has 8 tokens of 8 channels: neighbours of which 4 are a word that threads exchange.
"""
REJECTED = (
    Rejected("64 channels with 4 warps", "as many instructions, and half of a line of memory where x has 8 bits"),
    Rejected("64 channels with 8 warps", "half as many tokens per thread: 28 to 40 % more instructions, for scales"),
    Rejected("128 channels with 16 warps", "half as many tokens per thread: 26 to 40 % more instructions, for scales"),
    Rejected("256 channels with 16 warps", "one block on a multiprocessor: nothing is loaded while it computes"),
)
"""For sm_90a, by Triton 3.9."""
