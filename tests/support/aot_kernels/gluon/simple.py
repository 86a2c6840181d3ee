"""A copy through the tensor copy engine, by a warp of its own."""

import triton.experimental.gluon as gluon
import triton.experimental.gluon.language as gl

from dsv3c.backends.triton.gluon.shim import mbarrier, tma_load

MAX_REGISTERS = {"copy_kernel": 168}


@gluon.jit
def consume(x_desc, y_ptr, buffer, ready, N, BLOCK: gl.constexpr):
    rows: gl.constexpr = gl.BlockedLayout([1, 8], [1, 32], [4, 1], [1, 0])
    mbarrier.wait(ready, 0)
    row = gl.arange(0, BLOCK, gl.SliceLayout(1, rows))
    column = gl.arange(0, BLOCK, gl.SliceLayout(0, rows))
    gl.store(y_ptr + row[:, None] * N + column[None, :], buffer.load(rows))


@gluon.jit
def produce(x_desc, y_ptr, buffer, ready, N, BLOCK: gl.constexpr):
    mbarrier.expect(ready, x_desc.block_type.nbytes)
    tma_load(x_desc, [gl.program_id(0) * BLOCK, 0], ready, buffer)


@gluon.jit
def copy_kernel(x_desc, y_ptr, N, BLOCK: gl.constexpr):
    buffer = gl.allocate_shared_memory(x_desc.dtype, x_desc.block_type.shape, x_desc.layout)
    ready = gl.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    mbarrier.init(ready, count=1)
    gl.warp_specialize(
        [(consume, (x_desc, y_ptr, buffer, ready, N, BLOCK)), (produce, (x_desc, y_ptr, buffer, ready, N, BLOCK))],
        [1],
        [24],
    )
