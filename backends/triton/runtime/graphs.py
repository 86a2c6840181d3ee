"""Steps of few new tokens as CUDA graphs: captured once per number of sequences, then replayed.

A graph repeats launches with the addresses and numbers that they had.  So a captured step reads its tables from
buffers of its own, which every step is copied into, and has one of few sizes: powers of two up to the largest number of
sequences.  What is left of a size is filled up: rows behind the last sequence, which belong to none, so that no kernel
writes them into a cache, and sequences without a token.

The first step of a size runs as it would without a graph: binaries are loaded and parameters are read.  Then the same
is captured, streams and events included, with memory that the graph keeps; later steps of the size replay it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from operator import is_
from typing import Any, Protocol

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.triton.runtime.records import GpuError
from dsv3c.backends.triton.runtime.space import Space, aligned

NUM_TABLES = 5
"""Tensors of a step before its caches: tokens, positions, seq_offsets, block_table, context_lens."""
OFF = "--cuda-graph off runs every step without graphs"
Values = Sequence[object]
"""What a step returns: tensors and caches."""
Size = tuple[int, int]
"""Tokens and sequences."""


@dataclass(frozen=True)
class Capture:
    """The largest step of an entry that can be captured."""

    tokens: int
    """New tokens in all, at most."""
    sequences: int
    pages: int
    """Of one sequence."""
    results: tuple[str, ...]
    """What every result that is a tensor has a row of: ``token`` or ``sequence``."""
    padded: bool = True
    """Rows of no sequence may follow those of a step; else every size of a step has a graph of its own."""

    def size(self, tokens: int, sequences: int, query: int) -> Size:
        """The size whose graph runs a step; ``query``: new tokens of one sequence, at most.

        Raises GpuError for a step that is larger than the largest, and for more tokens than the sequences may bring.
        """
        if tokens > sequences * query:
            raise GpuError(
                f"the step has {tokens} new tokens of {sequences} sequences, which may bring {query} each",
                "feed them to an entry for longer queries, or in several steps",
            )
        if tokens > self.tokens or sequences > self.sequences:
            raise GpuError(
                f"the step has {tokens} tokens of {sequences} sequences; memory is planned for {self.tokens} of "
                f"{self.sequences}",
                "feed fewer sequences per step, or compile for more (--max-tokens, --max-batch)",
            )
        if not self.padded:
            return tokens, sequences
        room = min(self.sequences, power_of_2(sequences))
        return min(self.tokens, room * query), room

    def sizes(self, query: int) -> list[Size]:
        """All sizes of padded steps, the largest first: what is captured later fits into the memory of the first."""
        rooms = {power_of_2(count) for count in range(1, self.sequences + 1)}
        return [self.size(0, min(room, self.sequences), query) for room in sorted(rooms, reverse=True)]


def power_of_2(count: int) -> int:
    """The smallest power of two that is no less than ``count``, and 1 at least."""
    return 1 << max(0, count - 1).bit_length()


class Graph(Protocol):
    """Work that was captured."""

    def replay(self) -> None:
        """Do it, in the order of the current stream."""
        ...


class Recorder(Protocol):
    """What captures work on a device."""

    def record(self, work: Callable[[], Values]) -> tuple[Graph, Values]:
        """A graph of what ``work`` launches, which does not run now, and what it returned.

        Raises GpuError for work that cannot be captured.
        """
        ...


class CudaGraphs:
    """Graphs of PyTorch, with one pool of memory between them: they run one after the other."""

    def __init__(self, gpu: Any) -> None:
        self.gpu = gpu
        self.pool: Any = None
        self.stream: Any = None

    def record(self, work: Callable[[], Values]) -> tuple[Graph, Values]:
        """See ``Recorder``."""
        if self.pool is None:
            self.pool, self.stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream(self.gpu.device)
        graph, before = torch.cuda.CUDAGraph(), dict(self.gpu.launches)
        try:
            with torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"):
                made = work()
        except RuntimeError as error:  # GpuError: also what the driver says to a launch
            raise GpuError(f"the step cannot be captured: {error}", OFF) from error
        captured = {name: count - before.get(name, 0) for name, count in self.gpu.launches.items()}
        self.gpu.launches = before  # nothing was launched yet
        return CountedGraph(graph, captured, self.gpu), made


@dataclass(frozen=True)
class CountedGraph:
    """A graph, and how many launches of every kernel it replays."""

    graph: Any
    launches: Mapping[str, int]
    gpu: Any

    def replay(self) -> None:
        """See ``Graph``."""
        self.graph.replay()
        for name, count in self.launches.items():
            self.gpu.launches[name] = self.gpu.launches.get(name, 0) + count


class StaticTables:
    """A step's tensors at one place of the device, and the host's copy that they are filled from at once."""

    def __init__(self, given: Sequence[Tensor], size: Size, pages: int, device: torch.device) -> None:
        tokens, sequences = size
        shapes = [(tokens, *tensor.shape[1:]) for tensor in given[:-3]]  # [T, ...]: hidden states, tokens, positions
        shapes += [(sequences + 1,), (sequences, pages), (sequences,)]
        places, end = list[int](), 0
        for tensor, sizes in zip(given, shapes, strict=True):
            places.append(end)
            end += aligned(prod(sizes) * tensor.dtype.itemsize)
        self.host = torch.zeros(end, dtype=torch.uint8, pin_memory=device.type == "cuda")
        self.memory = torch.zeros(end, dtype=torch.uint8, device=device)
        self.staged, self.tensors = (
            [
                memory[place : place + prod(sizes) * tensor.dtype.itemsize].view(tensor.dtype).view(sizes)
                for tensor, sizes, place in zip(given, shapes, places, strict=True)
            ]
            for memory in (self.host, self.memory)
        )

    def fill(self, given: Sequence[Tensor]) -> None:
        """Copy a step's tensors, zeros behind them; sequences without a token end where the last one does."""
        *_, offsets, _, _ = given
        for staged, tensor in zip(self.staged, given, strict=True):
            staged.zero_()
            staged[tuple(slice(0, size) for size in tensor.shape)] = tensor
        *_, ends, _, _ = self.staged
        ends[offsets.shape[0] :] = offsets[-1]
        self.memory.copy_(self.host, non_blocking=True)


@dataclass(frozen=True)
class CapturedSize:
    """The graph of a size: where it reads a step's tables, and where it leaves results."""

    tables: StaticTables
    graph: Graph
    results: Values


@dataclass
class CapturedSteps:
    """Runs the steps of one entry: ``function(params, *tensors, *caches)``, whose parameters are on the device."""

    function: Callable[..., Values]
    capture: Capture
    query: int
    """New tokens of one sequence, at most."""
    space: Space
    recorder: Recorder
    sizes: dict[Size, CapturedSize] = field(default_factory=dict[Size, CapturedSize])
    reads: tuple[object, ...] = ()
    """Parameters and caches that the graphs read, kept so that nothing else takes their places."""
    given: tuple[object, ...] = ()
    """What the last step was given of them: a step that is given the same reads the same."""

    def run(self, params: Any, given: Sequence[Tensor], caches: Sequence[LatentCache]) -> list[object]:
        """A step: its results on the host, and the caches.

        Raises GpuError for a step beyond the plan, and for one that cannot be captured.
        """
        tokens, (sequences, pages) = given[-NUM_TABLES].shape[0], given[-2].shape
        if pages > self.capture.pages:
            raise GpuError(
                f"a sequence of the step has {pages} pages; memory is planned for {self.capture.pages}",
                "compile for longer sequences (--max-context)",
            )
        self.check_reads(params, caches)
        size = self.capture.size(tokens, sequences, self.query)
        if size not in self.sizes:
            self.sizes[size] = self.captured(size, params, given, caches)
        else:
            self.sizes[size].tables.fill(given)
            self.sizes[size].graph.replay()
        counts, kinds, kept = {"token": tokens, "sequence": sequences}, iter(self.capture.results), iter(caches)
        return [
            value[: counts[next(kinds)]].to("cpu", copy=True) if isinstance(value, Tensor) else next(kept)
            for value in self.sizes[size].results
        ]

    def captured(
        self, size: Size, params: Any, given: Sequence[Tensor], caches: Sequence[LatentCache]
    ) -> "CapturedSize":
        """Run a step of a size without a graph, then capture it: its results are where those of the graph will be."""
        tables = StaticTables(given, size, self.capture.pages, self.space.device)
        tables.fill(given)

        def work() -> Values:
            self.space.start()
            made = self.function(params, *tables.tensors, *caches)
            return made if isinstance(made, tuple) else (made,)

        results = work()
        with self.space.captured():
            graph, again = self.recorder.record(work)
        if any(not same(left, right) for left, right in zip(results, again, strict=True) if isinstance(left, Tensor)):
            raise GpuError("a result has no place in the workspace", OFF)
        return CapturedSize(tables, graph, results)

    def check_reads(self, params: Any, caches: Sequence[LatentCache]) -> None:
        """Forget graphs that read other parameters or caches than the step's."""
        given = params.values, params.prefix, *caches
        if len(given) == len(self.given) and all(map(is_, given, self.given)):
            return
        self.given = given
        parts = [part for cache in caches for part in (cache.latent, cache.scale, cache.rope)]
        reads = (params.values, params.prefix, *parts)
        if len(reads) != len(self.reads) or not all(map(same, reads, self.reads)):
            self.sizes.clear()
            self.reads = reads

    def warm_up(self, params: Any, caches: Sequence[LatentCache], leading: Sequence[Tensor] = ()) -> None:
        """Capture all sizes ahead, with steps of no sequence: nothing is written to the caches.

        ``leading``: a tensor [0, D] for entries that take hidden states before the tokens.  Raises GpuError for an
        entry whose steps are not filled up: its sizes are not known ahead.
        """
        if not self.capture.padded:
            raise GpuError("a row changes others in this program: the sizes of its steps are not known ahead", OFF)
        self.check_reads(params, caches)
        int32 = torch.int32
        empty = [torch.zeros(sizes, dtype=int32) for sizes in ((0,), (1,), (0, 0), (0,))]
        given = [*leading, torch.zeros(0, dtype=torch.int64), *empty]
        for size in self.capture.sizes(self.query):
            if size not in self.sizes:
                self.sizes[size] = self.captured(size, params, given, caches)


def same(left: object, right: object) -> bool:
    """Whether two are one; of tensors, the memory they are in."""
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return left.data_ptr() == right.data_ptr() and left.shape == right.shape
    return left is right or (isinstance(left, str) and left == right)
