"""What a kernel finds under Gluon's names: emulated functions; types and layouts are Gluon's own."""

from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import torch
import triton.language as tl
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia import hopper
from triton.language.extra import cuda

from dsv3c.backends.triton.gluon_emulation import arithmetic, barriers, copies, pointers, products
from dsv3c.backends.triton.gluon_emulation.elements import torch_type
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError, Unknown, assigned_name
from dsv3c.backends.triton.gluon_emulation.memory import Buffer
from dsv3c.backends.triton.gluon_emulation.program import current
from dsv3c.backends.triton.gluon_emulation.values import Value, scalar

SHIM = "dsv3c.backends.triton.gluon.shim"


def program_id(axis: Any) -> Value:
    """Which program of the grid runs."""
    return scalar(current().point[int(axis)])


def num_programs(axis: Any) -> Value:
    """Programs of the grid."""
    return scalar(current().grid[int(axis)])


def num_warps() -> int:
    """Of the partition that runs."""
    return current().partition.num_warps


def num_ctas() -> int:
    """Clusters are not emulated."""
    return 1


def static_assert(condition: Any, message: str = "") -> None:
    """Raises EmulationError where the condition does not hold."""
    if isinstance(condition, Value):
        raise EmulationError(f"static_assert of what is only known at run time: {message}")
    if not condition:
        raise EmulationError(f"static_assert: {message}")


def device_assert(condition: Any, message: str = "", mask: Any = None) -> None:
    """Raises EmulationError where the condition does not hold; on a device only with debugging on."""
    holds = arithmetic.where(mask, condition, True) if mask is not None else condition
    if not bool(holds.data.all() if isinstance(holds, Value) else holds):
        raise EmulationError(f"device_assert: {message}")


def allocate_shared_memory(element_ty: Any, shape: Any, layout: Any, value: Any = None) -> Buffer:
    """Poison until something is stored or loaded."""
    sizes = [int(size) for size in shape]
    made = current().shared.allocate(assigned_name(), torch_type(element_ty), sizes, layout)
    if value is not None:
        made.store(value)
    return made


def allocate_mbarrier(batch: Any = None, two_ctas: Any = False) -> Buffer:
    """Room for a barrier, or for ``batch`` of them."""
    if two_ctas:
        raise Unknown("the emulator has no clusters")
    shape = [1] if batch is None else [int(batch), 1]
    return allocate_shared_memory(gl.int64, shape, hopper.mbarrier.MBarrierLayout())


def fence_async_shared(cluster: Any = False) -> None:
    """What this partition stored from registers may be read by the copy engine and the tensor cores."""
    if cluster:
        raise Unknown("the emulator has no clusters")
    current().shared.fence(current().partition)
    current().scheduler.step()


def thread_barrier(**options: Any) -> None:
    """A partition is one thread here: nothing to wait for."""
    if options.get("cluster"):
        raise Unknown("the emulator has no clusters")
    current().scheduler.step()


def warp_specialize(*given: Any, **named: Any) -> Any:
    """Run the first function in this partition and the others beside it, until all return; the first one's result.

    As 3.6 to 3.9 have it: ``[(function, arguments), ...], worker_num_warps, worker_num_regs``.
    """
    names = ("functions_and_args", "worker_num_warps", "worker_num_regs")
    options = {**dict(zip(names, given, strict=False)), **named}
    pairs, warps = options["functions_and_args"], [int(each) for each in options["worker_num_warps"]]
    registers = options.get("worker_num_regs")
    workers = pairs[1:]
    if len(workers) != len(warps) or (registers is not None and len(registers) != len(warps)):
        raise EmulationError(f"{len(workers)} workers, {len(warps)} numbers of warps, registers {registers}")
    for function, arguments in workers:
        if any(isinstance(each, Value) and each.data.dim() for each in arguments):
            raise EmulationError(f"{function.__name__} is a worker: it takes no blocks")
    program = current()
    scheduler = program.scheduler
    if sum(partition.program is program for partition in scheduler.partitions) > 1:
        raise EmulationError("warp_specialize inside of warp_specialize")
    known = scheduler.current.release()
    started = list[tuple[Any, Callable[[], Any]]]()
    for index, ((function, arguments), count) in enumerate(zip(workers, warps, strict=True), 1):
        made = scheduler.partition(f"partition {index} ({function.__name__})", count, known, program)
        started.append((made, partial(torch.no_grad()(function), *arguments)))  # a thread has a mode of its own
    first, arguments = pairs[0]
    return scheduler.run_together(started, lambda: first(*arguments))


def passed_on(x: Any, *hints: Any) -> Any:
    """A hint to the compiler changes nothing."""
    del hints
    return x


def counted(*bounds: Any) -> Iterator[Value]:
    """``range``: its variable is a 32-bit integer."""
    for value in range(*(int(bound) for bound in bounds)):
        yield scalar(value)


def nothing(*ignored: Any, **named: Any) -> None:
    """For what only prints or tells the compiler something."""
    del ignored, named


LANGUAGE: dict[str, Callable[..., Any]] = {
    **arithmetic.FUNCTIONS,
    "program_id": program_id,
    "num_programs": num_programs,
    "num_warps": num_warps,
    "num_ctas": num_ctas,
    "load": pointers.load,
    "store": pointers.store,
    "atomic_add": pointers.atomic_add,
    "static_assert": static_assert,
    "static_print": nothing,
    "static_range": lambda *bounds: range(*(int(bound) for bound in bounds)),
    "range": lambda *bounds, **options: counted(*bounds),
    "condition": lambda holds, **options: holds,
    "device_assert": device_assert,
    "device_print": nothing,
    "assume": nothing,
    "multiple_of": passed_on,
    "max_contiguous": passed_on,
    "max_constancy": passed_on,
    "allocate_shared_memory": allocate_shared_memory,
    "warp_specialize": warp_specialize,
    "barrier": thread_barrier,
    "thread_barrier": thread_barrier,
    "constexpr": passed_on,
}
HOPPER: dict[str, Callable[..., Any]] = {
    "fence_async_shared": fence_async_shared,
    "warpgroup_mma": products.warpgroup_mma,
    "warpgroup_mma_wait": products.warpgroup_mma_wait,
    "warpgroup_mma_init": passed_on,
}
BARRIERS: dict[str, Callable[..., Any]] = {
    "allocate_mbarrier": allocate_mbarrier,
    "arrive": barriers.arrive,
    "expect": barriers.expect,
    "init": barriers.init,
    "invalidate": barriers.invalidate,
    "wait": barriers.wait,
}
COPIES: dict[str, Callable[..., Any]] = {
    "async_load": copies.load,
    "async_copy_global_to_shared": copies.load,
    "async_store": copies.store,
    "async_copy_shared_to_global": copies.store,
    "store_wait": copies.store_wait,
}
OF_SHIM: dict[str, Callable[..., Any]] = {
    "tma_load": copies.load,
    "tma_store": copies.store,
    "tma_store_wait": copies.store_wait,
    "thread_barrier": thread_barrier,
}
"""What the shim may define anew; all else in it is found by what it is."""
DEPENDENT_LAUNCHES: dict[str, Callable[..., Any]] = {"gdc_wait": nothing, "gdc_launch_dependents": nothing}
"""Launches follow each other: nothing to wait for."""
MODULES: tuple[tuple[ModuleType, dict[str, Callable[..., Any]]], ...] = (
    (gl, LANGUAGE),
    (hopper, HOPPER),
    (hopper.mbarrier, BARRIERS),
    (hopper.tma, COPIES),
    (tl, LANGUAGE),
    (cuda, DEPENDENT_LAUNCHES),
)
"""Modules of Triton that kernels use, and what is emulated of each."""
