"""Graphs on a CPU: launches of a capture are noted and run when it is replayed, and the host may compute nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.runtime.gpu import Argument, Config, Constant
from dsv3c.backends.triton.runtime.graphs import Graph, Values

Launch = tuple[str, tuple[int, int, int], Mapping[str, Argument], Mapping[str, Constant], Config]
HARMLESS = frozenset({"aten::empty.memory_format", "aten::detach", "aten::promote_types"})
"""Operators that compute nothing though they are no views."""


class CapturingGpu(InterpreterGpu):
    """The interpreter; while something is captured launches are noted, and not run."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[Launch] | None = None
        self.ran = 0

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """See ``Gpu``."""
        if self.noted is not None:
            self.noted.append((kernel, grid, dict(arguments), dict(constants), config))
            return
        self.ran += 1
        super().launch(kernel, grid, arguments, constants, config)


class OnlyViews(TorchDispatchMode):
    """PyTorch may make views and uninitialised memory: what else the host computes would not be computed again."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator that a graph need not repeat."""
        name = f"{func._schema.name}.{func._schema.overload_name}".removesuffix(".")
        assert func.is_view or name in HARMLESS, f"{name} in a capture"
        return func(*args, **(kwargs or {}))


@dataclass
class NotedGraph:
    """Launches to repeat."""

    gpu: CapturingGpu
    launches: list[Launch]
    replays: int = 0

    def replay(self) -> None:
        """See ``Graph``."""
        self.replays += 1
        for launch in self.launches:
            self.gpu.launch(*launch)


@dataclass
class NotingRecorder:
    """Captures on a ``CapturingGpu``."""

    gpu: CapturingGpu
    graphs: list[NotedGraph] = field(default_factory=list[NotedGraph])

    def record(self, work: Callable[[], Values]) -> tuple[Graph, Values]:
        """See ``Recorder``."""
        self.gpu.noted = []
        with OnlyViews(), torch.no_grad():
            made = work()
        graph = NotedGraph(self.gpu, self.gpu.noted)
        self.gpu.noted = None
        self.graphs.append(graph)
        return graph, made
