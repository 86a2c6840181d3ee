"""A launch: a kernel's function, once for every program of a grid."""

import itertools
import random
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.triton.gluon_emulation.copies import descriptor_of
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError
from dsv3c.backends.triton.gluon_emulation.functions import Emulated
from dsv3c.backends.triton.gluon_emulation.program import Program, running
from dsv3c.backends.triton.gluon_emulation.scheduler import Partition, Scheduler
from dsv3c.backends.triton.gluon_emulation.values import Pointer, scalar
from dsv3c.backends.triton.runtime.gpu import Argument, Constant, Descriptor, Static


def emulate(
    jit: Any,
    grid: tuple[int, int, int],
    arguments: Mapping[str, Argument],
    constants: Mapping[str, Constant],
    *,
    num_warps: int = 4,
    seed: int = 0,
) -> None:
    """Run a Gluon kernel on tensors in the CPU's memory; ``seed``: of the order in which everything happens.

    Raises EmulationError (Race, Deadlock, Unknown) with the kernel's line.
    """
    function = Emulated().function(jit)
    taken = {name: taken_as(name, argument) for name, argument in arguments.items()}
    points = list(itertools.product(range(grid[0]), range(grid[1]), range(grid[2])))
    random.Random(seed).shuffle(points)
    for point in points:
        program = Program(point, grid, Scheduler((seed, point), num_warps))
        with running(program), torch.no_grad():
            try:
                function.check(taken, constants)
                function(**taken, **constants)
                check_end(program)
            except EmulationError as error:
                error.add_note(f"in program {point} of {jit.fn.__name__}, seed {seed}")
                raise


def taken_as(name: str, argument: Argument) -> Any:
    """An argument as the kernel's function gets it."""
    match argument:
        case Tensor():
            return Pointer(argument, torch.zeros((), dtype=torch.int64))
        case Descriptor():
            return descriptor_of(argument.tensor, argument.block, argument.swizzle, name)
        case Static():
            return taken_as(name, argument.value)
        case int() | float():
            made = scalar(argument)
            if made.data.dtype == torch.int64:
                raise EmulationError(f"{name} = {argument} does not fit 32 bits")
            return made
        case None:
            return None


def check_end(program: Program) -> None:
    """Raises EmulationError for what is under way when a program ends: its shared memory is no longer its own."""
    copies = [copy.at for copy in program.scheduler.copies]
    if copies:
        raise EmulationError(f"the program ended before its copies were complete: started at {', '.join(copies)}")
    for partition in program.scheduler.everyone:
        check_partition(partition)


def check_partition(partition: Partition) -> None:
    """Raises EmulationError for products and stores that were not waited for."""
    if partition.products:
        raise EmulationError(f"{partition.name} ended without warpgroup_mma_wait")
    if partition.stores:
        raise EmulationError(f"{partition.name} ended without tma_store_wait")
