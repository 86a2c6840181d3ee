"""Times of functions: kernel by kernel from a measured table where it has them, from the floor elsewhere.

Without a table the time is the floor of the whole function and called so.  With one, kernels follow on each other, so
that their times add up: an *estimate*, which names the table.
"""

from dataclasses import dataclass, field

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dsv3c.ir.cost_model import Env
from dsv3c.ir.errors import UsageError
from dsv3c.ir.expected_sizes import with_expected_rows
from dsv3c.ir.floors import Kernels, kernels_floor, kernels_of, region_floor
from dsv3c.ir.fused_regions import Region
from dsv3c.ir.measured import MeasuredTable
from dsv3c.ir.measured_keys import KEYS
from dsv3c.ir.targets import Target


@dataclass(frozen=True, kw_only=True)
class KernelTime:
    """One kernel of a function."""

    name: str
    count: int
    seconds: float
    """Of one run of it."""
    is_measured: bool
    provenance: str


@dataclass(frozen=True, kw_only=True)
class FunctionTime:
    """The time of one run of a function."""

    name: str
    seconds: float
    kind: str
    """``floor``, or ``estimate (<table>)``."""
    bound_by: str
    """The resource that binds the floor."""
    kernels: tuple[KernelTime, ...]
    provenance: tuple[str, ...]

    @property
    def measured_share(self) -> float:
        """Share of the time that measured kernels take."""
        measured = sum(kernel.seconds * kernel.count for kernel in self.kernels if kernel.is_measured)
        return measured / self.seconds if self.seconds else 0.0


def region_time(
    region: Region, count: int, env: Env, target: Target, table: MeasuredTable, sms: int | None
) -> KernelTime:
    """One kernel: the sum of its ops' measured times where the table has them all, its floor otherwise.

    Matrix products take ``measured * (compute units of the table / sms)``; nothing is faster than its floor.
    """
    floor = region_floor(region, target, sms)
    found = [measured_us(op, env, table) for op in region.ops]
    missing = [why for us, why in found if us is None]
    if missing:
        provenance = f"floor, {floor.bound_by}: {'; '.join([*missing, *floor.provenance])}"
        return KernelTime(name=floor.name, count=count, seconds=floor.seconds, is_measured=False, provenance=provenance)
    share = table.compute_units / sms if sms and region.cost.dtype else 1.0
    scaled = f", * {table.compute_units}/{sms} compute units" if share != 1.0 else ""
    seconds = sum(us for us, _ in found if us is not None) / 1e6 * share
    return KernelTime(
        name=floor.name,
        count=count,
        seconds=max(seconds, floor.seconds),
        is_measured=True,
        provenance=f"{table.name}: {'; '.join(why for _, why in found)}{scaled}",
    )


def measured_us(op: Operation, env: Env, table: MeasuredTable) -> tuple[float | None, str]:
    """Microseconds of one op and where they are from; None and why not."""
    rule = KEYS.find(op)
    key = rule(op, env) if rule is not None else None
    if key is None:
        return None, f"{op.name} is not measured by shape"
    sizes = ", ".join(f"{name} = {size}" for name, size in key.sizes.items())
    kernel = table.find(op.name, key)
    if kernel is None:
        return None, f"{table.name} has no {op.name} of {key.dtype} with {sizes}"
    us = kernel.us(key.rows)
    if us is None:
        return None, f"{table.name} has {op.name} with {sizes} for {kernel.measured}, not for M = {key.rows:.6g}"
    return us, f"{op.name} with {sizes} ({kernel.note or key.dtype}) at M = {key.rows:.6g}"


@dataclass
class Durations:
    """Times of a module's functions at one operating point, for a schedule; each computed once per share of units."""

    module: ModuleOp
    env: Env
    """The sizes, and the rows expected then."""
    target: Target
    table: MeasuredTable | None = None
    kernels: dict[str, Kernels] = field(default_factory=dict[str, Kernels])
    times: dict[tuple[str, int | None], FunctionTime] = field(
        default_factory=dict[tuple[str, int | None], FunctionTime]
    )

    def __post_init__(self) -> None:
        """Raises UsageError for a table of another target."""
        self.env = with_expected_rows(self.module, self.env)
        if self.table is not None and self.table.target != self.target.name:
            raise UsageError(
                f"table {self.table.name} was measured on {self.table.target}, not on {self.target.name}",
                hint=f"compile for --target {self.table.target}, or give a table of {self.target.name}",
            )

    def seconds(self, function: str, sms: int | None = None) -> float:
        """Seconds of one run of a function, with all it calls, on so many compute units (None: all)."""
        return self.time(function, sms).seconds

    def time(self, function: str, sms: int | None = None) -> FunctionTime:
        """``seconds`` with what they are made of."""
        known = (function, sms)
        if known not in self.times:
            self.times[known] = self.computed(function, sms)
        return self.times[known]

    def computed(self, function: str, sms: int | None) -> FunctionTime:
        """``time``, computed."""
        if function not in self.kernels:
            self.kernels[function] = kernels_of(self.module, function, self.env)
        kernels = self.kernels[function]
        floor = kernels_floor(kernels, function, self.target, sms)
        if self.table is None:
            return FunctionTime(
                name=function,
                seconds=floor.seconds,
                kind=self.kind,
                bound_by=floor.bound_by,
                kernels=(),
                provenance=floor.provenance,
            )
        times = tuple(
            region_time(region, count, self.env, self.target, self.table, sms) for region, count in kernels.regions
        )
        return FunctionTime(
            name=function,
            seconds=sum(kernel.seconds * kernel.count for kernel in times),
            kind=self.kind,
            bound_by=floor.bound_by,
            kernels=times,
            provenance=(*(f"{time.seconds * 1e6:.2f} us, {time.provenance}" for time in times), *kernels.left_out),
        )

    @property
    def kind(self) -> str:
        """What the times are called."""
        return "floor" if self.table is None else f"estimate ({self.table.name})"
