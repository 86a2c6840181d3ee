"""Gluon's names for Hopper, the same for Triton 3.6 to 3.9: kernels take them from here only.

Renamed upstream: the copies of the tensor copy engine (3.8; the old names raise in 3.9) and the barrier of a
partition's threads (3.7).
"""

from typing import Any

from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia import hopper
from triton.experimental.gluon.language.nvidia.hopper import (
    fence_async_shared,
    mbarrier,
    tma,
    warpgroup_mma,
    warpgroup_mma_wait,
)

HOPPER: Any = hopper
TMA: Any = tma
LANGUAGE: Any = gl


def first_of(module: Any, *names: str) -> Any:
    """What the module has under the first of these names that it has.  Raises ImportError where it has none."""
    for name in names:
        if hasattr(module, name):
            return getattr(module, name)
    raise ImportError(f"{module.__name__} has none of {', '.join(names)}: kernels are written for Triton 3.6 to 3.9")


tma_load = first_of(TMA, "async_load", "async_copy_global_to_shared")
"""``tma_load(descriptor, [row, column], barrier, buffer)``: the barrier is told of the bytes when they are there."""
tma_store = first_of(TMA, "async_store", "async_copy_shared_to_global")
"""``tma_store(descriptor, [row, column], buffer)``: the buffer may be written again after ``tma_store_wait``."""
tma_store_wait = TMA.store_wait
"""``tma_store_wait(n)``: at most n stores of this thread have not read their buffers yet."""
thread_barrier = first_of(LANGUAGE, "barrier", "thread_barrier")
"""All threads of a partition."""

__all__ = [
    "fence_async_shared",
    "mbarrier",
    "thread_barrier",
    "tma_load",
    "tma_store",
    "tma_store_wait",
    "warpgroup_mma",
    "warpgroup_mma_wait",
]
