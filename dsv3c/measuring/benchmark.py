"""Measured times of an artifact's steps beside floors: step by step, and kernel by kernel.

A step is timed as its caller sees it, from the tables on the host to the logits on the host.  Kernels are timed in runs
of their own, so that watching them does not change the step's time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Protocol

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dsv3c.ir.cost_model import COST, Cost, Env
from dsv3c.ir.errors import UsageError
from dsv3c.ir.expected_sizes import with_expected_rows
from dsv3c.ir.floors import floor_of_work, function_floor
from dsv3c.ir.functions import parent_function
from dsv3c.ir.sizes import SizeError
from dsv3c.ir.targets import Target

Run = Sequence[tuple[Operation, float]]
"""The kernels of one step in their order: op, and seconds that it took."""


class Runner(Protocol):
    """An entry with arguments, ready to run again and again."""

    kernel: str
    """What a kernel is called here: ``launcher``, or ``op``."""
    graph: Callable[[], None] | str
    """Run it as a graph of the device, or why it is not."""

    def step(self) -> None:
        """Run it; the results are on the host afterwards."""
        ...

    def kernels(self) -> Run:
        """Run it, and say what every kernel took."""
        ...

    def name(self, op: Operation) -> str:
        """What runs an op."""
        ...


@dataclass(frozen=True, kw_only=True)
class Point:
    """The step that is measured."""

    entry: str
    sequences: int
    new_tokens: int
    """Per sequence."""
    context: int
    """Tokens in the cache per sequence, after the step."""
    page_size: int

    @property
    def tokens(self) -> int:
        """New tokens in all."""
        return self.sequences * self.new_tokens

    def env(self) -> Env:
        """The sizes of the step."""
        return Env.step(tokens=self.tokens, sequences=self.sequences, context=self.context, page_size=self.page_size)


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A floor beside a measured time, or why there is none."""

    seconds: float | None
    by: str
    """The resource that binds; without a floor the reason, ``no floor: ...``."""
    flops: float = 0.0
    num_bytes: float = 0.0
    """Weights, cache rows and activations."""
    provenance: tuple[str, ...] = ()

    def ratio(self, measured: float) -> float | None:
        """``measured / floor``; None where there is no floor, or nothing is computed or moved."""
        return measured / self.seconds if self.seconds else None

    def times(self, count: int) -> "Bound":
        """Of so many runs, one after the other."""
        seconds = None if self.seconds is None else self.seconds * count
        return Bound(
            seconds=seconds,
            by=self.by,
            flops=self.flops * count,
            num_bytes=self.num_bytes * count,
            provenance=self.provenance,
        )


def no_rates(target: Target) -> str | None:
    """Why a target has no floors at all; None where it has."""
    return None if target.memory_bytes_per_s is not None else f"no floor: target {target.name} states no rates"


def bound_of(op: Operation, env: Env, target: Target) -> Bound:
    """The floor of one kernel by its FLOPs and bytes, activations that cross its border included."""
    rule = COST.find(op)
    try:
        cost: Cost | None = rule(op, env) if rule is not None else None
    except SizeError as error:
        return Bound(seconds=None, by=f"no floor: {error.what}")
    if cost is None:
        return Bound(seconds=None, by=f"no floor: no cost of {op.name} is known")
    moved = cost.kept_bytes + cost.activation_bytes
    if (why := no_rates(target)) is not None:
        return Bound(seconds=None, by=why, flops=cost.flops, num_bytes=moved)
    floor = floor_of_work(op.name, cost, {cost.dtype: cost.flops} if cost.dtype else {}, target, None)
    return Bound(
        seconds=floor.seconds, by=floor.bound_by, flops=cost.flops, num_bytes=moved, provenance=floor.provenance
    )


def step_bound(module: ModuleOp, point: Point, target: Target) -> Bound:
    """The floor of a whole step of the plan: what no choice of kernels gets below."""
    if (why := no_rates(target)) is not None:
        return Bound(seconds=None, by=why)
    try:
        floor = function_floor(module, point.entry, point.env(), target)
    except (SizeError, UsageError) as error:
        return Bound(seconds=None, by=f"no floor: {error.what}")
    return Bound(seconds=floor.seconds, by=floor.bound_by, provenance=floor.provenance)


@dataclass(frozen=True, kw_only=True)
class KernelRow:
    """Kernels that are reported together."""

    name: str
    ops: Mapping[Operation, int]
    """Op -> how often a step runs it."""
    runs: tuple[float, ...]
    """Seconds of all calls of a step together, of every run."""
    each: tuple[float, ...]
    """Seconds of every call of every run."""
    bound: Bound
    """Of all calls of a step together."""

    @property
    def calls(self) -> int:
        """Calls in a step."""
        return sum(self.ops.values())

    @property
    def seconds(self) -> float:
        """Of all calls of a step: the median of the runs."""
        return median(self.runs)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """An entry at one step."""

    point: Point
    kind: str
    """What a kernel is called: see ``Runner.kernel``."""
    steps: tuple[float, ...]
    """Seconds of every run after warming up."""
    graphs: tuple[float, ...] | str
    """The same of runs as a graph, in turn with the others; or why there are none."""
    bound: Bound
    kernels: tuple[KernelRow, ...]
    """The longest first."""
    sites: tuple[KernelRow, ...]
    """The same by place in the program."""

    @property
    def seconds(self) -> float:
        """The median of the runs."""
        return median(self.steps)

    @property
    def tokens_per_s(self) -> float:
        """New tokens of all sequences."""
        return self.point.tokens / self.seconds


@dataclass
class Bounds:
    """Floors of a module's ops at one step, each computed once."""

    module: ModuleOp
    env: Env
    target: Target
    found: dict[Operation, Bound] = field(default_factory=dict[Operation, Bound])

    def __post_init__(self) -> None:
        self.env = with_expected_rows(self.module, self.env)

    def of(self, ops: Mapping[Operation, int]) -> Bound:
        """Of several ops, so many times each; without a floor where one of them has none."""
        parts = list[Bound]()
        for op, count in ops.items():
            if op not in self.found:
                self.found[op] = bound_of(op, self.env, self.target)
            parts.append(self.found[op].times(count))
        without = next((part for part in parts if part.seconds is None), None)
        longest = without or max(parts, key=lambda part: part.seconds or 0.0)
        return Bound(
            seconds=None if without is not None else sum(part.seconds or 0.0 for part in parts),
            by=longest.by,
            flops=sum(part.flops for part in parts),
            num_bytes=sum(part.num_bytes for part in parts),
            provenance=longest.provenance,
        )


def measure(runner: Runner, point: Point, bound: Bound, bounds: Bounds, *, repeats: int, warm_up: int = 1) -> Measured:
    """Run a step ``warm_up`` times, then ``repeats`` times for its own time, then as often for its kernels'.

    Runs as a graph stand between the others: both see the device in the same state.
    """
    ways = [runner.step] if isinstance(runner.graph, str) else [runner.step, runner.graph]
    for _ in range(warm_up):
        for way in ways:
            way()
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(repeats):
        for way, taken in zip(ways, times, strict=True):
            start = perf_counter()
            way()
            taken.append(perf_counter() - start)
    runner.kernels()
    runs = [runner.kernels() for _ in range(repeats)]
    return Measured(
        point=point,
        kind=runner.kernel,
        steps=tuple(times[0]),
        graphs=runner.graph if isinstance(runner.graph, str) else tuple(times[1]),
        bound=bound,
        kernels=rows_of(runs, bounds, {op: runner.name(op) for op, _ in runs[0]}),
        sites=rows_of(runs, bounds, places(runner, runs[0])),
    )


def places(runner: Runner, run: Run) -> dict[Operation, str]:
    """``@decode.layer0 %q_a_proj: scaled_mm.scaled_mm``; a number tells apart what would be called the same."""
    found, used = dict[Operation, str](), dict[str, int]()
    for op in dict.fromkeys(op for op, _ in run):
        function = parent_function(op)
        hint = next((result.name_hint for result in op.results if result.name_hint), None)
        where = f"@{function.sym_name.data}" if function is not None else ""
        place = f"{where} %{hint}" if hint else where
        name = f"{place}: {runner.name(op)}"
        used[name] = used.get(name, 0) + 1
        found[op] = name if used[name] == 1 else f"{place} ({used[name]}): {runner.name(op)}"
    return found


def rows_of(runs: Sequence[Run], bounds: Bounds, names: Mapping[Operation, str]) -> tuple[KernelRow, ...]:
    """One row per name, the longest first."""
    rows = list[KernelRow]()
    for name in dict.fromkeys(names.values()):
        times = [[seconds for op, seconds in run if names[op] == name] for run in runs]
        ops = dict[Operation, int]()
        for op, _ in runs[0]:
            if names[op] == name:
                ops[op] = ops.get(op, 0) + 1
        each = tuple(seconds for run in times for seconds in run)
        rows.append(KernelRow(name=name, ops=ops, runs=tuple(map(sum, times)), each=each, bound=bounds.of(ops)))
    return tuple(sorted(rows, key=lambda row: -row.seconds))
