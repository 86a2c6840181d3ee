"""Entries of a program of kernels: what of a step is copied to the device, and its command line."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.command import Entry as HostEntry
from dsv3c.backends.reference.runtime.command import parser, run_command
from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.reference.runtime.params import Params
from dsv3c.backends.triton.runtime.cubin import CubinGpu
from dsv3c.backends.triton.runtime.device_params import DeviceParams
from dsv3c.backends.triton.runtime.externs import Extern, check_externs
from dsv3c.backends.triton.runtime.gpu import Gpu
from dsv3c.backends.triton.runtime.records import GpuError
from dsv3c.backends.triton.runtime.space import Space, device_cache


@dataclass(frozen=True)
class DeviceCacheSpec(CacheSpec):
    """The latent cache of one layer, on a device."""

    device: torch.device = field(kw_only=True)

    def allocate(self, num_pages: int) -> LatentCache:
        """An empty cache."""
        return device_cache(self, num_pages, self.device)


@dataclass(frozen=True)
class Entry(HostEntry):
    """A function a user runs: ``function(gpu, space, params, *arguments)``, and the caches among its arguments."""

    workspace: int = 0
    """Bytes; 0: memory is not planned."""
    externs: tuple[Extern, ...] = ()
    """Functions of libraries that the program calls."""

    def on(self, gpu: Gpu, space: Space) -> HostEntry:
        """The entry for an engine: tables come from the host, caches stay on the device, other results come back.

        Raises GpuError for a library that the program calls and that is not installed.
        """
        check_externs(self.externs)
        device = space.device

        def run(params: Params, *arguments: Tensor | LatentCache) -> Sequence[object]:
            space.start()
            kept = DeviceParams(params.source, device, params.prefix, params.values)
            given = [space.upload(value)[0] if isinstance(value, Tensor) else value for value in arguments]
            made = self.function(gpu, space, kept, *given)
            results = made if isinstance(made, tuple) else (made,)
            return tuple(value.to("cpu", copy=True) if isinstance(value, Tensor) else value for value in results)

        fields: dict[str, Any] = {name: value for name, value in vars(self).items() if name not in OWN}
        fields["function"] = run
        fields["caches"] = tuple(DeviceCacheSpec(**vars(spec), device=device) for spec in self.caches)
        return HostEntry(**fields)


def workspace_bytes(entries: dict[str, Entry]) -> int:
    """Of the entry that needs the most."""
    return max((entry.workspace for entry in entries.values()), default=0)


OWN = ("workspace", "externs")
"""Fields that entries for a CPU do not have."""


def entries_on(entries: dict[str, Entry], gpu: Gpu, device: torch.device) -> dict[str, HostEntry]:
    """All entries of a program with one workspace between them: they run one after the other."""
    space = Space(device, workspace_bytes(entries))
    return {name: entry.on(gpu, space) for name, entry in entries.items()}


def run_kernels(entries: dict[str, Entry], folder: Path, arguments: Sequence[str] | None = None) -> int:
    """``run_command`` on the GPU; one line for what is wrong with the machine."""
    chosen = parser().parse_args(arguments)
    if chosen.fidelity != "reference" or chosen.expert_memory is not None:
        print("error: --fidelity and --expert-memory are of programs without kernels", file=sys.stderr)
        return 1
    try:
        gpu = CubinGpu(folder)
        gpu.check_memory(workspace_bytes(entries))
        return run_command(entries_on(entries, gpu, gpu.device), arguments)
    except GpuError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
