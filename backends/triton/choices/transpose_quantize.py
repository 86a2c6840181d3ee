"""Configurations of quantisation along tokens, which no op asks for yet: whoever launches it does."""

from dsv3c.backends.triton.choices.base import Config, Rejected

REJECTED = (
    Rejected("128 channels with 4 warps", "255 registers, 220 bytes spilled"),
    Rejected("rows too with 8 warps", "229 registers: one block of 8 warps on a multiprocessor"),
)
"""For sm_90a, by ptxas of Triton 3.9."""


def configs_for(*, rows_too: bool) -> tuple[Config, ...]:
    """Blocks of 128 tokens and as many channels: what is loaded and stored is whole lines of memory on both sides.

    ``rows_too``: the rows are quantised in the same pass, for which a program has twice the threads.  A thread has the
    tokens that its threads' loads of 16 bytes leave it, adjacent ones: what threads exchange are words, not bytes.
    """
    num_warps = 16 if rows_too else 8
    return ({"block_c": 128, "register_tokens": 64 // num_warps, "num_warps": num_warps, "num_stages": 1},)
