"""One full MoE layer as dsv3c compiles it: an artifact, its parameters made from the peer's weights, one call recorded.

The artifact is that of a model of one layer; only the layer is timed, not the embedding before it and the head behind.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper.shapes import PAGE, LayerStep
from dsv3c.api import compile as compile_artifact
from dsv3c.backends.triton.tuning.tuned_choices import SHIPPED
from dsv3c.ir.targets import Target
from dsv3c.measuring.benchmark_gpu import LoadedProgram, load_program

MODEL, LAYER = "deepseek-v3", 3
"""The first layer with experts."""
IN_A_LAYER = re.compile(r"model\.layers\.\d+\.")
EXPERT = re.compile(r"mlp\.experts\.(\d+)\.(gate|up|down)_proj\.weight")
MOST_TOKENS, MOST_SEQUENCES, CONTEXT = 4096, 128, 1024


def prepare(
    target: Target, folder: Path, model: str = MODEL, layer: int = LAYER, tuned: str = SHIPPED, pdl: bool = True
) -> None:
    """Compile the artifact.  Raises Dsv3cError for what cannot be compiled."""
    compile_artifact(
        model, folder, target=target.name, layers=(layer, layer + 1), semantics="hf", recipe="deepseek-v3",
        kernels="aot", tuned=tuned, pdl=pdl, force=True, max_tokens=MOST_TOKENS, max_batch=MOST_SEQUENCES,
        context=CONTEXT,
    )  # fmt: skip


class Recorded(Exception):
    """Ends an entry at the call of its layer."""


@dataclass
class Source:
    """Stored tensors by their names in a checkpoint, taken from a layer of transformers on the device."""

    state: Mapping[str, Tensor]
    """Of the layer: experts are stacked in it."""
    device: torch.device

    def __call__(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The tensor; random numbers for what is outside of the layer.  Raises KeyError for one that is not there."""
        found = IN_A_LAYER.match(name)
        if found is None:
            return torch.randn(shape, device=self.device).to(dtype)
        key = name[found.end() :]
        tensor = self.state[key] if key in self.state else self.expert(key)
        assert tensor.shape == shape, f"{name} is {tuple(tensor.shape)}, not {shape}"
        return tensor.to(dtype)

    def expert(self, key: str) -> Tensor:
        """A matrix of one expert."""
        matched = EXPERT.fullmatch(key)
        if matched is None:
            raise KeyError(key)
        index, which = int(matched[1]), matched[2]
        if which == "down":
            return self.state["mlp.experts.down_proj"][index]
        gate, up = self.state["mlp.experts.gate_up_proj"][index].chunk(2, 0)
        return gate if which == "gate" else up

    def packed(self, name: str) -> None:
        """Recipes run."""


def params_of(program: LoadedProgram, source: Source) -> Any:
    """The program's parameters: its recipes run on the device, those of experts one expert at a time."""
    modules = program.modules
    base, moved = modules["device.device_params"].DeviceParams, modules["device.device_params"].moved
    one_expert, params = modules["runtime.experts"].OneExpert, modules["runtime.params"].Params

    class Here(base):
        """Recipes make their tensors where the stored ones are."""

        def at(self, prefix: str) -> Any:
            """The parameters of a callee."""
            return Here(self.source, self.device, self.name(prefix), self.values)

        def made(self, key: str, recipe: Any) -> Any:
            """A parameter that a recipe makes."""
            name = f"{self.name(key)} by {recipe.__name__}"
            if name not in self.values:
                with torch.device(self.device):
                    sizes = getattr(recipe, "experts", None)
                    if sizes is None:
                        self.values[name] = moved(recipe(params(self.source, self.prefix)), self.device)
                    else:
                        each = (recipe(one_expert(self.source, self.prefix, index)) for index in range(sizes[0]))
                        self.values[name] = stacked(each, sizes[0])
            return self.values[name]

    return Here(source, source.device)


def stacked(each: Any, count: int) -> Any:
    """Values [1, N, K] of every expert as one [E, N, K], never two copies of all."""
    made = list[Tensor]()
    last: Any = None
    for index, one in enumerate(each):
        pieces: tuple[Tensor, ...] = (one,) if isinstance(one, Tensor) else (one.data, one.scale)
        made = made or [part.new_empty((count, *part.shape[1:])) for part in pieces]
        for whole, part in zip(made, pieces, strict=True):
            whole[index].copy_(part[0])
        last = one
    return made[0] if isinstance(last, Tensor) else type(last)(*made, last.granule)


@dataclass
class LayerRun:
    """The recorded call of the layer."""

    call: Callable[[], Any]
    hidden: Tensor
    """Its input [T, D], to be filled."""
    cache: Any
    routes: dict[str, Tensor]
    """``weights`` and ``ids`` [T, k] of the gate, as the last run left them."""

    def __call__(self) -> Tensor:
        """Run the layer; its output [T, D]."""
        return self.call()[0]


def load(folder: Path) -> tuple[LoadedProgram, Any]:
    """The program, and its device.  Raises Dsv3cError where its kernels cannot run here."""
    program = load_program(folder)
    return program, program.device(folder)


def record(program: LoadedProgram, gpu: Any, params: Any, step: LayerStep, device: torch.device) -> LayerRun:
    """Run an entry up to its layer, and keep the call."""
    names, spaces, entries = program.names, program.modules["device.space"], program.modules["device.entries"]
    entry = names["ENTRIES"][step.phase]
    space = spaces.Space(device, entries.workspace_bytes(names["ENTRIES"]))
    tokens, pages = step.sequences * step.new_tokens, -(-step.context // PAGE)
    newest = torch.arange(step.context - step.new_tokens, step.context, dtype=torch.int32)
    tables = (
        torch.randint(0, 1000, (tokens,)),
        newest.repeat(step.sequences),
        torch.arange(step.sequences + 1, dtype=torch.int32) * step.new_tokens,
        torch.arange(step.sequences * pages, dtype=torch.int32).view(step.sequences, pages),
        torch.full((step.sequences,), step.context, dtype=torch.int32),
    )
    spec = entry.caches[0]
    cache = spaces.device_cache(spec, step.sequences * pages, device)
    name = f"{step.phase}_layer0"
    layer, kept = names[name], list[Any]()

    def recorder(*arguments: Any, **keywords: Any) -> Any:
        kept.append((arguments, keywords))
        raise Recorded

    names[name] = recorder
    try:
        space.start()
        names[step.phase](gpu, space, params, *space.upload(*tables), cache)
    except Recorded:
        pass
    finally:
        names[name] = layer
    (arguments, keywords), routes = kept[0], watched_gate(program)
    hidden = next(value for value in arguments if isinstance(value, Tensor))
    return LayerRun(lambda: layer(*arguments, **keywords), hidden, cache, routes)


def watched_gate(program: LoadedProgram) -> dict[str, Tensor]:
    """Where the program's gate writes its choices, known from its first run on."""
    launchers, found = program.names["gate"], dict[str, Tensor]()

    def gate(*arguments: Any, **keywords: Any) -> None:
        launchers.gate(*arguments, **keywords)
        found.update(weights=keywords["weights"], ids=keywords["ids"])

    program.names["gate"] = SimpleNamespace(gate=gate)
    return found
