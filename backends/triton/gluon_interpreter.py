"""Gluon kernels on a CPU, behind the interface that launchers use."""

import importlib
from collections.abc import Mapping

from dsv3c.backends.triton import GLUON_KERNELS
from dsv3c.backends.triton.gluon_emulation.launch import emulate
from dsv3c.backends.triton.interpreter import NUM_SMS, InterpreterGpu
from dsv3c.backends.triton.runtime.gpu import Argument, Config, Constant, as_gluon_takes, is_gluon


class GluonInterpreterGpu(InterpreterGpu):
    """Emulates launches whose configuration says ``gluon = 1``; Triton's interpreter runs the others."""

    def __init__(self, num_sms: int = NUM_SMS, seed: int = 0) -> None:
        super().__init__(num_sms)
        self.seed = seed
        self.emulated = 0
        """Launches of Gluon kernels so far: tests ask whether there were any."""

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """See ``Gpu``.  Raises EmulationError for what is wrong with a Gluon kernel."""
        if not is_gluon(config):
            super().launch(kernel, grid, arguments, constants, config)
            return
        file, _, function = kernel.rpartition(".")
        jit = getattr(importlib.import_module(f"{GLUON_KERNELS}.{file}"), function)
        seed = 1000 * self.seed + self.emulated  # every launch in another order
        self.emulated += 1
        taken = as_gluon_takes(arguments)
        emulate(jit, grid, taken, constants, num_warps=config["num_warps"], seed=seed)
