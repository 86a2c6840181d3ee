"""Entries of a program of kernels: what of a step is copied to the device, and its command line."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.command import Entry as HostEntry
from dsv3c.backends.reference.runtime.command import parser, run_chosen, token_ids
from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.generate import CacheSpec, num_pages, page_size_of
from dsv3c.backends.reference.runtime.params import Params
from dsv3c.backends.triton.runtime.cubin import CubinGpu
from dsv3c.backends.triton.runtime.device_params import DeviceParams
from dsv3c.backends.triton.runtime.externs import Extern, check_externs
from dsv3c.backends.triton.runtime.gpu import Gpu
from dsv3c.backends.triton.runtime.graphs import Capture, CapturedSteps, CudaGraphs, Recorder
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
class DeviceEntry(HostEntry):
    """An entry on a device, as an engine takes it."""

    captured: CapturedSteps | None = None
    """What runs its steps as graphs; None where they run without."""
    plain: Callable[..., Any] | None = None
    """``function`` without graphs."""

    def warm_up(self, params: Params, caches: Sequence[LatentCache], leading: Sequence[Tensor] = ()) -> None:
        """Load binaries and parameters and capture all graphs now, rather than with the first steps.

        ``caches``: those of the steps to come.  See ``CapturedSteps.warm_up``; nothing is done without graphs.
        """
        if self.captured is not None:
            self.captured.warm_up(on_device(params, self.captured.space.device), caches, leading)


@dataclass(frozen=True)
class Entry(HostEntry):
    """A function a user runs: ``function(gpu, space, params, *arguments)``, and the caches among its arguments."""

    workspace: int = 0
    """Bytes; 0: memory is not planned."""
    weights: int = 0
    """Bytes of the parameters of all entries; 0 where that is not stated."""
    externs: tuple[Extern, ...] = ()
    """Functions of libraries that the program calls."""
    capture: Capture | str | None = None
    """How its steps can be captured as graphs, or why they cannot; None: nobody would."""
    kernels: tuple[str, ...] = ()
    """Keys of what the program calls; empty where that is not stated."""
    batch_invariant: bool = False
    """Whether a token's results have the same bits in every batch and phase."""

    def on(self, gpu: Gpu, space: Space, recorder: Recorder | None = None) -> DeviceEntry:
        """The entry for an engine: tables come from the host, caches stay on the device, other results come back.

        ``recorder``: what captures its steps, where they can be.  Raises GpuError for a library that the program calls
        and that is not installed, and for a kernel that it calls and that was not compiled.
        """
        check_externs(self.externs)
        if isinstance(gpu, CubinGpu):
            gpu.check_kernels(self.kernels)
        device, function = space.device, partial(self.function, gpu, space)

        def run(params: Params, *arguments: Tensor | LatentCache) -> Sequence[object]:
            space.start()
            given = [space.upload(value)[0] if isinstance(value, Tensor) else value for value in arguments]
            made = function(on_device(params, device), *given)
            results = made if isinstance(made, tuple) else (made,)
            return tuple(value.to("cpu", copy=True) if isinstance(value, Tensor) else value for value in results)

        captured = None
        if recorder is not None and isinstance(self.capture, Capture) and self.queries is not None:
            captured = CapturedSteps(function, self.capture, self.queries[1], space, recorder)

        def replay(params: Params, *arguments: Tensor | LatentCache) -> Sequence[object]:
            assert captured is not None
            given = [value for value in arguments if isinstance(value, Tensor)]
            caches = [value for value in arguments if isinstance(value, LatentCache)]
            return tuple(captured.run(on_device(params, device), given, caches))

        fields: dict[str, Any] = {name: value for name, value in vars(self).items() if name not in OWN}
        fields["function"] = run if captured is None else replay
        fields["caches"] = tuple(DeviceCacheSpec(**vars(spec), device=device) for spec in self.caches)
        return DeviceEntry(**fields, captured=captured, plain=run)


OWN = ("workspace", "weights", "externs", "capture", "kernels", "batch_invariant")
"""Fields that entries for a CPU do not have."""


def on_device(params: Params, device: torch.device) -> DeviceParams:
    """The same parameters, moved to a device when they are first used."""
    return DeviceParams(params.source, device, params.prefix, params.values)


def workspace_bytes(entries: dict[str, Entry]) -> int:
    """Of the entry that needs the most."""
    return max((entry.workspace for entry in entries.values()), default=0)


def kept_bytes(entries: dict[str, Entry], lengths: Sequence[int], chosen: argparse.Namespace) -> dict[str, int]:
    """What a program keeps on the device while it continues sequences of these lengths: weights, caches, workspace."""
    caches = 0
    for drafts in (False, True) if chosen.speculative else (False,):
        found = next((entry.caches for entry in entries.values() if entry.queries and entry.drafts == drafts), ())
        pages = num_pages(lengths, page_size_of(found)) if chosen.pages is None else chosen.pages
        caches += pages * sum(device_cache(spec, 1, torch.device("meta")).num_bytes for spec in found)
    weights = max((entry.weights for entry in entries.values()), default=0)
    return {"weights": weights, "caches": caches, "workspace": workspace_bytes(entries)}


def entries_on(
    entries: dict[str, Entry], gpu: Gpu, device: torch.device, recorder: Recorder | None = None
) -> dict[str, DeviceEntry]:
    """All entries of a program with one workspace between them: they run one after the other.

    ``recorder``: what captures steps as graphs, ``CudaGraphs(gpu)`` on a GPU; None runs all without.
    """
    space = Space(device, workspace_bytes(entries))
    return {name: entry.on(gpu, space, recorder) for name, entry in entries.items()}


MAY_DIFFER = "drafts: tokens may differ from those without; compile with --batch-invariant for the same"
"""Of programs whose kernels are chosen by rows: a step that verifies has more of them than one that decodes."""
GRAPHS = ("auto", "on", "off")
"""Values of ``--cuda-graph``: where steps can be captured, or else fail, or not at all."""


def kernel_parser() -> argparse.ArgumentParser:
    """Options and their help."""
    made = parser("Generate tokens with this program on a GPU.")
    made.add_argument(
        "--cuda-graph",
        choices=GRAPHS,
        default="auto",
        help="run steps of decode and verify as CUDA graphs: where they can be captured (auto), or else fail (on)",
    )
    return made


def recorder_for(entries: dict[str, Entry], gpu: Gpu, asked: str) -> Recorder | None:
    """What captures steps.  Raises GpuError where graphs are asked for and an entry's steps cannot be captured."""
    if asked == "off":
        return None
    for name, entry in entries.items():
        if asked == "on" and isinstance(entry.capture, str):
            raise GpuError(f"steps of {name} cannot be captured: {entry.capture}", "--cuda-graph off runs without")
    return CudaGraphs(gpu)


def about_graphs(entries: dict[str, Entry], recorder: Recorder | None) -> str:
    """``CUDA graphs: decode, verify; without: mtp_decode (why)``."""
    if recorder is None:
        return "CUDA graphs: none"
    captured = [name for name, entry in entries.items() if isinstance(entry.capture, Capture)]
    without = [f"{name} ({entry.capture})" for name, entry in entries.items() if isinstance(entry.capture, str)]
    told = f"CUDA graphs: {', '.join(captured) or 'none'}"
    return f"{told}; without: {', '.join(without)}" if without else told


def check_lengths(entries: dict[str, Entry], lengths: Sequence[int]) -> None:
    """Raise GpuError for sequences that memory is not planned for: before the first token, not behind it."""
    longest = max(lengths, default=0)
    for name, entry in entries.items():
        if not isinstance(entry.capture, Capture) or not entry.caches:
            continue
        room = entry.capture.pages * entry.caches[0].page_size
        if len(lengths) > entry.capture.sequences:
            raise GpuError(
                f"{len(lengths)} prompts; {name} is planned for {entry.capture.sequences} sequences",
                "give fewer of them, or compile for more (--max-batch)",
            )
        if longest > room:
            raise GpuError(
                f"a prompt and its new tokens are {longest} tokens; {name} is planned for {room}",
                "ask for fewer new tokens, or compile for longer sequences (--max-context)",
            )


def run_kernels(entries: dict[str, Entry], folder: Path, arguments: Sequence[str] | None = None) -> int:
    """``run_command`` on the GPU; one line for what is wrong with the machine."""
    chosen = kernel_parser().parse_args(arguments)
    if chosen.fidelity != "reference" or chosen.expert_memory is not None:
        print("error: --fidelity and --expert-memory are of programs without kernels", file=sys.stderr)
        return 1
    try:
        gpu = CubinGpu(folder)
        lengths = [len(token_ids(text)) + chosen.max_new_tokens for text in chosen.tokens]
        check_lengths(entries, lengths)
        gpu.check_memory(**kept_bytes(entries, lengths, chosen))
        gpu.load_all()
        recorder = recorder_for(entries, gpu, chosen.cuda_graph)
        print(about_graphs(entries, recorder), file=sys.stderr)
        if chosen.speculative and not all(entry.batch_invariant for entry in entries.values()):
            print(MAY_DIFFER, file=sys.stderr)
        return run_chosen(entries_on(entries, gpu, gpu.device, recorder), chosen)
    except (GpuError, RequestError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
