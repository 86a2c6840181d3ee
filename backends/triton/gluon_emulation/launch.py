"""A launch: a kernel's function, once for every program of a grid."""

import itertools
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.triton.gluon_emulation.copies import descriptor_of
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError
from dsv3c.backends.triton.gluon_emulation.functions import Emulated
from dsv3c.backends.triton.gluon_emulation.program import Program, running
from dsv3c.backends.triton.gluon_emulation.scheduler import Scheduler
from dsv3c.backends.triton.gluon_emulation.values import Pointer, scalar
from dsv3c.backends.triton.runtime.gpu import Argument, Constant, Descriptor, Static

RESIDENT = 4
"""Programs that run at a time: they take turns as partitions do."""


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
    function.check(taken, constants)
    run = torch.no_grad()(partial(run_program, function, {**taken, **constants}))
    points = list(itertools.product(range(grid[0]), range(grid[1]), range(grid[2])))
    random.Random(seed).shuffle(points)
    for start in range(0, len(points), RESIDENT):
        scheduler = Scheduler((seed, start))
        programs = [Program(point, grid, scheduler, num_warps) for point in points[start : start + RESIDENT]]
        with running(programs):
            try:
                others = [(program.default, partial(run, program)) for program in programs[1:]]
                scheduler.run_together(others, partial(run, programs[0]))
            except EmulationError as error:
                error.add_note(f"in {jit.fn.__name__}, seed {seed}")
                raise


def run_program(function: Callable[..., Any], arguments: dict[str, Any], program: Program) -> None:
    """One program, to its end."""
    function(**arguments)
    program.check_end()


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
