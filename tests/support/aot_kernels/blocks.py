"""What the kernels beside this file share."""

import triton
import triton.language as tl


@triton.jit
def rows_of(BLOCK: tl.constexpr) -> tl.tensor:
    return tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
