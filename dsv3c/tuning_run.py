"""Candidates of a call, compiled, checked against each other and timed on a device.

All kernels are compiled before the first is launched.  A candidate counts when its result agrees with that of the
first plain one; the device's L2 cache is flushed before every run, and candidates take turns.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings.placing import rows_by_number
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.gpu import Config, Gpu, Variant, is_gluon
from dsv3c.backends.triton.tuning.tuned_choices import source_digest
from dsv3c.backends.triton.tuning.tuned_tables import Row, RunnerUp
from dsv3c.backends.triton.variants import META, Value, Walk, launcher_of, symbol_values
from dsv3c.ir.dialects.kernel import ELEMENTS, KernelCallOp
from dsv3c.ir.entry_ranges import reach
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.functions import functions
from dsv3c.ir.sizes import evaluate
from dsv3c.stopwatch import LAUNCH_S, Stopwatch
from dsv3c.tuning import Candidate, Case, entries_of
from dsv3c.tuning_data import Setting, filled, like

WARM_UP = 2
"""Rounds before those that count."""
LEADS = 4
"""Launches' worth of time that the device waits before a run: a launcher may launch several kernels."""
DIFFERENCE = {"attention": 5e-6, "f32": 3e-8, "rounded": 3e-6}
"""Largest ``1 - 2 x.y / (x.x + y.y)`` of two results: of attention, of products in f32, of products in fewer bits."""
PART = 1 << 24
"""Elements that are compared at once."""
FAILED = (Dsv3cError, RuntimeError, ValueError)
"""What a launch may raise: a candidate that does is left out."""


@dataclass
class Layouts(Walk):
    """Follows the program to one call, and keeps the values it is given there, without data."""

    wanted: KernelCallOp | None = None
    found: tuple[dict[str, Value], dict[str, Value]] | None = None

    def launch(self, op: KernelCallOp, given: dict[str, Value], written: dict[str, Value]) -> None:
        """See ``Walk``."""
        if op is self.wanted and self.found is None:
            self.found = given, written


@dataclass(frozen=True)
class Site:
    """A case with the layouts of what its launcher is given."""

    case: Case
    given: dict[str, Value]
    written: dict[str, Value]

    @property
    def op(self) -> KernelCallOp:
        """The call."""
        assert self.case.op is not None
        return self.case.op

    def launch(
        self, gpu: Gpu, candidate: Candidate, given: Mapping[str, Value], written: Mapping[str, Value], device: Any
    ) -> Callable[[], None]:
        """A call of the launcher with a candidate, ready to be made; its scratch memory is there already."""
        launcher = launcher_of(self.case.kernel)
        takes = signature(launcher).parameters
        scratch = {
            key: torch.empty(
                [evaluate(size, self.case.sizes) for size in needed.sizes],
                dtype=dtype_of(ELEMENTS[str(needed.element)]),
                device=device,
            )
            for key, needed in candidate.scratch.items()
        }
        outputs = {key: value for key, value in written.items() if key in takes}
        keywords: dict[str, Any] = {**given, **outputs, **scratch, **self.op.parameters.as_dict()}
        return lambda: launcher(gpu, **keywords, configs=(candidate.config,))

    def variants(self, candidate: Candidate, num_sms: int) -> tuple[Variant, ...]:
        """What must be compiled for a candidate.  Raises ValueError or RuntimeError where it cannot be launched."""
        gpu = RecordingGpu(num_sms)
        self.launch(gpu, candidate, self.given, self.written, META)()
        return gpu.variants

    @property
    def num_bytes(self) -> int:
        """Memory of what is read, and of what is written, which is kept twice."""
        values = [*self.given.values(), *self.written.values(), *self.written.values()]
        return sum(part.nbytes for value in values for part in parts(value))


@dataclass(frozen=True)
class Left:
    """A candidate that was not timed."""

    config: Config
    reason: str


@dataclass(frozen=True)
class Timed:
    """A candidate's runs (s)."""

    config: Config
    seconds: tuple[float, ...]

    @property
    def us(self) -> tuple[float, float, float]:
        """Lowest, median, highest (us)."""
        return min(self.seconds) * 1e6, median(self.seconds) * 1e6, max(self.seconds) * 1e6


@dataclass(frozen=True)
class Outcome:
    """What was measured of a case, the fastest first, and what was not."""

    case: Case
    timed: tuple[Timed, ...]
    left: tuple[Left, ...]

    def row(self, made: str) -> Row | None:
        """For a table; None where nothing was timed."""
        if not self.timed:
            return None
        first, *others = self.timed
        return Row(
            kernel=self.case.kernel,
            source=source_digest(self.case.kernel),
            shape=self.case.shape,
            up_to=self.case.bound,
            rows=self.case.rows,
            config=first.config,
            us=first.us,
            candidates=len(self.timed),
            measured_on=made,
            runner_up=RunnerUp(us=others[0].us[1], config=others[0].config) if others else None,
        )


@dataclass
class Meter:
    """A device to measure on."""

    gpu: Gpu
    device: torch.device
    stopwatch: Stopwatch
    flush: Callable[[], None]
    """Makes the L2 cache hold nothing of the call."""
    settle: Callable[[], None]
    """Waits for the device."""
    rounds: int
    free_bytes: Callable[[], int] | None = None
    """Memory that is free."""

    def seconds(self, run: Callable[[], None]) -> tuple[Any, Any]:
        """Marks before and after one run, the cache flushed and the launch queued."""
        self.flush()
        self.stopwatch.lead(LEADS * LAUNCH_S)
        first = self.stopwatch.mark()
        run()
        return first, self.stopwatch.mark()

    def rounds_of(self, runs: Sequence[Callable[[], None]]) -> list[tuple[float, ...]]:
        """The times of every run in every round; who comes first changes from round to round."""
        found: list[list[float]] = [[] for _ in runs]
        for turn in range(WARM_UP + self.rounds):
            order = [(turn + number) % len(runs) for number in range(len(runs))]
            marks = {number: self.seconds(runs[number]) for number in order}
            self.settle()
            if turn >= WARM_UP:
                for number, (first, last) in marks.items():
                    found[number].append(self.stopwatch.seconds(first, last))
        return [tuple(times) for times in found]

    def measure(self, site: Site, left: Sequence[Left]) -> Outcome:
        """Fill, check, time; ``left``: candidates that are known to be unusable.  Raises NoData."""
        case, dropped = site.case, list(left)
        usable = [item for item in case.candidates if not any(item.config is other.config for other in left)]
        if (free := self.free_bytes) is not None and site.num_bytes > free():
            reason = f"takes {site.num_bytes / 1e9:.1f} GB; {free() / 1e9:.1f} GB are free on the device"
            return Outcome(case, (), (*dropped, *(Left(item.config, reason) for item in usable)))
        given = filled(Setting(given=site.given, parameters=site.op.parameters.as_dict(), room=case.room), self.device)
        written = {name: empty_like(value, self.device) for name, value in site.written.items()}
        runs = list[tuple[Candidate, Callable[[], None]]]()
        expected: list[Tensor] | None = None
        for item in sorted(usable, key=lambda candidate: is_gluon(candidate.config)):
            try:
                poison(written.values())
                run = site.launch(self.gpu, item, given, written, self.device)
                run()
                self.settle()
            except FAILED as error:
                dropped.append(Left(item.config, f"cannot be launched: {error}"))
                continue
            found = [part for value in written.values() for part in specified(value, site.op, given)]
            reason = why_wrong(found, expected, case.kernel)
            if reason is not None:
                dropped.append(Left(item.config, reason))
                continue
            expected = expected or [part.clone() for part in found]
            runs.append((item, run))
        del expected
        times = self.rounds_of([run for _, run in runs]) if runs else []
        timed = [Timed(item.config, seconds) for (item, _), seconds in zip(runs, times, strict=True)]
        return Outcome(case, tuple(sorted(timed, key=lambda item: item.us[1])), tuple(dropped))


def sites_of(module: ModuleOp, cases: Iterable[Case], num_sms: int) -> list[Site]:
    """The cases with the layouts that the program brings to them."""
    callees, found = functions(module), list[Site]()
    reached = {name: set(reach(module, name)) for name in entries_of(module)}
    usual = symbol_values(module)
    for case in cases:
        sizes = usual | {name: max(1, value) for name, value in case.sizes.items() if name in usual}
        walk = Layouts(RecordingGpu(num_sms), callees, sizes, wanted=case.op)
        for name, functions_of in reached.items():
            if case.function in functions_of and walk.found is None:
                walk.function(name, [walk.made(argument) for argument in callees[name].body.block.args])
        assert walk.found is not None, f"{case.kernel} in @{case.function} is not reached"
        found.append(Site(case, *walk.found))
    return found


def parts(value: Value) -> list[Tensor]:
    """The tensors that a result is made of."""
    match value:
        case Tensor():
            return [value]
        case Scaled():
            return [value.data, value.scale]
        case None:
            return []
        case _:
            return [part for part in (value.latent, value.rope, value.scale) if part is not None]


def specified(value: Value, op: KernelCallOp, given: Mapping[str, Value]) -> list[Tensor]:
    """The tensors that a result is made of, without the rows of no expert where those may hold anything."""
    owners = given.get("expert_of")
    if not isinstance(owners, Tensor) or not op.parameters.as_dict().get("skips_padding", False):
        return parts(value)
    return [rows_by_number(part, owners >= 0) for part in parts(value)]


def empty_like(value: Value, device: torch.device) -> Value:
    """Memory for a result."""
    if isinstance(value, Scaled):
        return Scaled(like(value.data, device), like(value.scale, device), value.granule)
    assert isinstance(value, Tensor), "results that are measured are tensors"
    return like(value, device)


def poison(values: Iterable[Value]) -> None:
    """NaN everywhere: what a kernel does not write is seen."""
    for value in values:
        for part in parts(value):
            part.fill_(torch.nan)


def why_wrong(found: Sequence[Tensor], expected: Sequence[Tensor] | None, kernel: str) -> str | None:
    """Why a result is not the one expected (None: there is none yet); None where it is."""
    if any(not bool(torch.isfinite(some).all()) for part in found for some in part.split(rows_at_once(part))):
        return "its result is not finite, or not written everywhere"
    for got, want in zip(found, expected or (), strict=expected is not None):
        limit = DIFFERENCE["attention" if "attention" in kernel else "f32" if got.dtype.itemsize > 2 else "rounded"]
        if not (difference := relative_difference(got, want)) <= limit:
            return f"its result differs by {difference:.2g} from the first candidate's, allowed are {limit:.2g}"
    return None


def rows_at_once(value: Tensor) -> int:
    """Rows of ``PART`` elements."""
    return max(1, PART * value.shape[0] // max(1, value.numel()))


def relative_difference(x: Tensor, y: Tensor) -> float:
    """``1 - 2 sum(x y) / sum(x x + y y)`` in f64; 0 for zeros."""
    step = rows_at_once(x)
    both, squares = 0.0, 0.0
    for first, last in pairwise([*range(0, x.shape[0], step), x.shape[0]]):
        a, b = x[first:last].double(), y[first:last].double()
        both += float((a * b).sum())
        squares += float((a * a + b * b).sum())
    return 1 - 2 * both / squares if squares else 0.0
