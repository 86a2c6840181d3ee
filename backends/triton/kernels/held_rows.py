"""Which blocks of rows hold a token: programs that walk rows of experts leave out the others.

Rows have numbers, of slots or experts, that are negative where there is no token.
"""

import triton
import triton.language as tl

LOOK = tl.constexpr(32)
"""Blocks that a program looks at together: their numbers are in flight at the same time, a bit each says what is found.
"""


@triton.jit
def held_blocks(
    numbers_ptr: tl.tensor, first: tl.tensor, step: tl.tensor, rows: tl.tensor, BLOCK_M: tl.constexpr
) -> tl.tensor:
    """Bit i: whether block ``first + i * step`` of BLOCK_M rows holds a token."""
    i = tl.arange(0, LOOK)
    m = ((first + i * step) * BLOCK_M)[:, None] + tl.arange(0, BLOCK_M)[None, :]
    numbers = tl.load(numbers_ptr + m, mask=m < rows, other=-1)
    held = (tl.max(numbers, axis=1) >= 0).to(tl.int32)
    return tl.sum(held << i, axis=0)


@triton.jit
def lowest(held: tl.tensor) -> tl.tensor:
    """The number of the lowest bit that is set: the exponent of a power of two."""
    power = (held & -held).to(tl.float32)
    return (power.to(tl.int32, bitcast=True) >> 23 & 0xFF) - 127
