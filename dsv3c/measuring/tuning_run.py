"""Candidates of a call, compiled, held to what the call means and timed on a device.

All kernels are compiled before the first is launched.  A candidate counts when its result is the meaning's; the
device's L2 cache is flushed before every run, and candidates take turns.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from statistics import median
from typing import Any

import torch
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings.placing import rows_by_number
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.gpu import Config, Gpu, Variant
from dsv3c.backends.triton.tuning.tuned_choices import source_digest
from dsv3c.backends.triton.tuning.tuned_tables import Row, RunnerUp
from dsv3c.backends.triton.variants import META, Value, Walk, launcher_of, symbol_values
from dsv3c.ir.dialects.kernel import ELEMENTS, KernelCallOp
from dsv3c.ir.entry_ranges import reach
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.functions import functions
from dsv3c.ir.sizes import evaluate
from dsv3c.measuring.stopwatch import LAUNCH_S, Stopwatch
from dsv3c.measuring.tuning import Candidate, Case, entries_of
from dsv3c.measuring.tuning_data import Setting, filled, like
from dsv3c.measuring.tuning_meaning import meaning

WARM_UP = 2
"""Rounds before those that count."""
LEADS = 4
"""Launches' worth of time that the device waits before a run: a launcher may launch several kernels."""
BEFORE_S = 10e-6
"""What the kernel takes that every run is put behind: longer than a kernel needs to be started."""
DIFFERENCE = {"attention": 5e-6, "f32": 3e-8, "scaled f32": 1e-6, "rounded": 3e-6}
"""Largest ``1 - 2 x.y / (x.x + y.y)`` of a result and the meaning's: of attention, products in f32, in fewer bits.

Those of the tests of kernels; sums of 8-bit numbers in f32 have a wider one, as tensor cores keep some 14 bits of them.
"""
SCALED = ("scaled_", "wgrad_")
"""How files of products of 8-bit numbers begin."""
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

    def variants(self, candidate: Candidate, num_sms: int, *, pdl: bool) -> tuple[Variant, ...]:
        """What must be compiled for a candidate; ``pdl``: as a ``Gpu`` has it.

        Raises ValueError or RuntimeError where it cannot be launched.
        """
        gpu = RecordingGpu(num_sms, pdl=pdl)
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
    wrong: bool = False
    """It computes something else: a mistake, not a limit."""


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
    meaning: Callable[[KernelCallOp, Mapping[str, Value], torch.device], Mapping[str, Value]] = meaning
    """What a call must compute."""

    def marks(self, run: Callable[[], None]) -> tuple[Any, Any]:
        """Before and after a short kernel and one run behind it, the cache flushed and the launches queued.

        In a program a call follows other kernels, and what is started early is started while they run.
        """
        self.flush()
        self.stopwatch.lead(LEADS * LAUNCH_S)
        first = self.stopwatch.mark()
        self.stopwatch.lead(BEFORE_S)
        run()
        return first, self.stopwatch.mark()

    def rounds_of(self, runs: Sequence[Callable[[], None]]) -> list[tuple[float, ...]]:
        """What every run in every round adds to the time of the short kernel alone; another goes first in every round.

        There is no mark between the two: the device would wait for it.
        """
        found: list[list[float]] = [[] for _ in runs]
        everything = [*runs, alone]
        for turn in range(WARM_UP + self.rounds):
            order = [(turn + number) % len(everything) for number in range(len(everything))]
            marks = {number: self.marks(everything[number]) for number in order}
            self.settle()
            if turn >= WARM_UP:
                taken = {number: self.stopwatch.seconds(*both) for number, both in marks.items()}
                for number, times in enumerate(found):
                    times.append(taken[number] - taken[len(runs)])
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
        try:
            meant = self.meaning(site.op, given, self.device)
        except FAILED as error:
            reason = f"what the call means cannot be computed: {error}"
            return Outcome(case, (), (*dropped, *(Left(item.config, reason) for item in usable)))
        expected = compared({name: meant[name] for name in written}, site.op, given)
        runs = list[tuple[Candidate, Callable[[], None]]]()
        for item in usable:
            try:
                poison(written.values())
                run = site.launch(self.gpu, item, given, written, self.device)
                run()
                self.settle()
            except FAILED as error:
                dropped.append(Left(item.config, f"cannot be launched: {error}"))
                continue
            reason = why_wrong(compared(written, site.op, given), expected, case.kernel)
            if reason is not None:
                dropped.append(Left(item.config, reason, wrong=True))
                continue
            runs.append((item, run))
        del expected, meant
        times = self.rounds_of([run for _, run in runs]) if runs else []
        timed = [Timed(item.config, seconds) for (item, _), seconds in zip(runs, times, strict=True)]
        return Outcome(case, tuple(sorted(timed, key=lambda item: item.us[1])), tuple(dropped))


def alone() -> None:
    """Nothing runs behind the short kernel."""


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


def compared(values: Mapping[str, Value], op: KernelCallOp, given: Mapping[str, Value]) -> list[Tensor]:
    """What of a call's outputs is compared."""
    return [part for value in values.values() for part in specified(value, op, given)]


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


def kind_of(kernel: str, result: Tensor) -> str:
    """Which difference is allowed in a result."""
    if "attention" in kernel:
        return "attention"
    if result.dtype.itemsize <= 2:
        return "rounded"
    return "scaled f32" if kernel.startswith(SCALED) else "f32"


def why_wrong(found: Sequence[Tensor], expected: Sequence[Tensor], kernel: str) -> str | None:
    """Why a result is not the one expected; None where it is."""
    for got, want in zip(found, expected, strict=True):
        assert (got.shape, got.dtype) == (want.shape, want.dtype), "a result has its type"
        limit = DIFFERENCE[kind_of(kernel, got)]
        if any(not bool((a.isfinite() | ~b.isfinite()).all()) for a, b in in_parts(got, want)):
            return "its result is not finite, or not written everywhere"
        if not (difference := relative_difference(got, want)) <= limit:
            return f"its result differs by {difference:.2g} from what the call means, allowed are {limit:.2g}"
    return None


def in_parts(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Some rows of both at a time, ``PART`` elements."""
    step = max(1, PART * x.shape[0] // max(1, x.numel()))
    yield from zip(x.split(step), y.split(step), strict=True)


def relative_difference(x: Tensor, y: Tensor) -> float:
    """``1 - 2 sum(x y) / sum(x x + y y)`` in f64; 0 for zeros."""
    both, squares = 0.0, 0.0
    for some, others in in_parts(x, y):
        a, b = some.double(), others.double()
        both += float((a * b).sum())
        squares += float((a * a + b * b).sum())
    return 1 - 2 * both / squares if squares else 0.0
