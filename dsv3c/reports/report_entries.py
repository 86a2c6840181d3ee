"""What one run of an entry costs at the operating point, as data: FLOPs, bytes by class, links, padding, schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerType, ModuleOp, TensorType

from dsv3c.compilation.operating_point import OperatingPoint
from dsv3c.ir.bodies import executed_ops
from dsv3c.ir.cost import Env, Totals, entry_cost, reached
from dsv3c.ir.cost_model import CostClass
from dsv3c.ir.cost_rules_rows import layout_rows
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.moe_rows import PermuteOp
from dsv3c.ir.expected_rows import routing_of
from dsv3c.ir.expected_sizes import with_expected_rows
from dsv3c.ir.floors import floor_of_work
from dsv3c.ir.functions import functions
from dsv3c.ir.links import LINK_CLASSES
from dsv3c.ir.targets import Target
from dsv3c.ir.timetable import COMM, Timetable, microseconds
from dsv3c.ir.timetable_ops import timetable_of, timetables
from dsv3c.ir.types import element_type, shape
from dsv3c.passes.phases import Phase, phase_of

EXCHANGES = (CostClass.DISPATCH, CostClass.COMBINE)


@dataclass(frozen=True, kw_only=True)
class PaddingReport:
    """Rows of experts that one run computes, and those of them that hold nothing."""

    rows: float
    """Computed, in all layers together; expected under balanced routing."""
    padding_rows: float
    share: float
    """Of the rows computed that hold nothing."""


@dataclass(frozen=True, kw_only=True)
class ScheduleReport:
    """The timetable of an entry, in short."""

    makespan_us: float
    communication_us: float
    """How long any communication runs."""
    exposed_us: float
    """How long communication runs and nothing else: what overlap has not hidden."""


@dataclass(frozen=True, kw_only=True)
class EntryReport:
    """One run of an entry at the operating point."""

    name: str
    tokens: int
    """New tokens of all sequences together."""
    sequences: int
    context: int
    """Tokens per sequence, the new ones included."""
    flops: float
    """Of matrix products and attention."""
    flops_by_class: Mapping[str, float]
    gemm_flops: Mapping[str, float]
    """Of matrix products by operand type, the attention core apart."""
    fp8_share: float | None
    """Share of these on operands of 8 bits or fewer; None without any."""
    weight_bytes: float
    cache_bytes: float
    """Read and written."""
    activation_bytes: float
    """Read and written by each op on its own; fusing saves part of them."""
    scale_bytes: float
    """Scales among the weights and activations."""
    link_bytes: Mapping[str, Mapping[str, float]]
    """``dispatch`` and ``combine`` -> class of link -> bytes that one rank sends; empty on one rank."""
    padding: PaddingReport | None
    """None without rows in expert order."""
    schedule: ScheduleReport | None
    """None where nothing is scheduled."""
    bound_by: str
    """The resource with the highest floor: compute, memory, scale_up, scale_out; ``unknown`` without rates."""
    floor_s: float | None
    """Seconds below which no program gets: weights and cache moved once, products and links at their peak."""
    uncosted: Mapping[str, int]
    """Ops without a cost: they count as nothing above."""


def is_narrow(dtype: str) -> bool:
    """Whether an operand type has 8 bits or fewer (``f8E4M3FN``, ``f4E2M1FN``)."""
    return dtype.startswith(("f8", "f4"))


def entry_report(module: ModuleOp, name: str, target: Target | None, point: OperatingPoint) -> EntryReport:
    """Cost of one run.  Raises Dsv3cError where a size has no value or an element type no size."""
    function = functions(module)[name]
    phase = phase_of(function)
    if phase is None:
        env = Env.dense(module, 1, point.context)
        tokens, sequences, context = tokens_of(function, env), 1, point.context
    else:
        env = phase_env(function, phase, point)
        assert env.context is not None
        tokens, sequences, context = phase.tokens, phase.sequences, env.context
    env = with_expected_rows(module, env)
    totals = entry_cost(module, name, env)
    total = totals.total()
    bound, floor = floor_of(totals, target)
    return EntryReport(
        name=name,
        tokens=tokens,
        sequences=sequences,
        context=context,
        flops=sum(totals.matrix_flops().values()),
        flops_by_class={kind.value: cost.flops for kind, cost in totals.by_class().items()},
        gemm_flops=gemm_flops(totals),
        fp8_share=fp8_share(gemm_flops(totals)),
        weight_bytes=total.weight_bytes_read,
        cache_bytes=total.cache_bytes_read + total.cache_bytes_written,
        activation_bytes=total.activation_bytes,
        scale_bytes=total.scale_bytes,
        link_bytes=link_bytes(totals),
        padding=padding_report(module, name, env),
        schedule=schedule_report(module, name),
        bound_by=bound,
        floor_s=floor,
        uncosted=dict(totals.uncosted),
    )


def phase_env(function: func.FuncOp, phase: Phase, point: OperatingPoint) -> Env:
    """The step a phase states that its choices are made for."""
    pages = [kind.page_size.data for kind in function.function_type.inputs if isinstance(kind, CacheType)]
    return Env.step(
        tokens=phase.tokens,
        sequences=phase.sequences,
        context=phase.context,
        page_size=pages[0] if pages else point.page_size,
    )


def tokens_of(function: func.FuncOp, env: Env) -> int:
    """Tokens of a run of a cache-free entry: ids of its first integer argument, else rows of its first argument."""
    tensors = [argument for argument in function.args if isinstance(argument.type, TensorType)]
    ids = [argument for argument in tensors if isinstance(element_type(argument), IntegerType)]
    if ids:
        return env.elements(ids[0])
    return prod(env.numbers(shape(tensors[0])[:-1])) if tensors else 1


def gemm_flops(totals: Totals) -> dict[str, float]:
    """FLOPs of matrix products by operand type, without the attention core."""
    flops = dict[str, float]()
    for (kind, dtype), cost in totals.costs.items():
        if dtype and kind is not CostClass.ATTENTION:
            flops[dtype] = flops.get(dtype, 0.0) + cost.flops
    return flops


def fp8_share(flops: Mapping[str, float]) -> float | None:
    """Share of the FLOPs on operands of 8 bits or fewer; None without any FLOPs."""
    total = sum(flops.values())
    return sum(number for dtype, number in flops.items() if is_narrow(dtype)) / total if total else None


def link_bytes(totals: Totals) -> dict[str, dict[str, float]]:
    """Bytes that one rank sends, by what for and by class of link; nothing where nothing is sent."""
    found = dict[str, dict[str, float]]()
    for kind in EXCHANGES:
        cost = totals.of(kind)
        if cost.link_bytes:
            sent = (cost.scale_up_bytes, cost.scale_out_bytes)
            found[kind.value] = dict(zip(LINK_CLASSES, sent, strict=True))
    return found


def padding_report(module: ModuleOp, entry: str, env: Env) -> PaddingReport | None:
    """Rows of experts in all layers of a run, and those that no token chose."""
    table, rows, chosen, found = functions(module), 0.0, 0.0, False
    for name, count in reached(module, entry).items():
        for op in executed_ops(table[name]):
            if isinstance(op, PermuteOp):
                routing = routing_of(op.ids, op.experts.value.data, env)
                room = env.number(shape(op.slots)[0])
                rows += count * layout_rows(routing, op.layout.data, op.alignment.value.data, room)
                chosen += count * min(routing.rows, room)
                found = True
    share = (rows - chosen) / rows if rows else 0.0
    return PaddingReport(rows=rows, padding_rows=rows - chosen, share=share) if found else None


def schedule_report(module: ModuleOp, entry: str) -> ScheduleReport | None:
    """What the entry's timetable comes to."""
    held = timetables(module).get(entry)
    return in_short(timetable_of(held)) if held is not None else None


def in_short(timetable: Timetable) -> ScheduleReport:
    """Makespan, communication, and what of it is exposed."""
    busy = sum(end - start for start, end in timetable.busy(COMM))
    return ScheduleReport(
        makespan_us=timetable.makespan_us, communication_us=microseconds(busy), exposed_us=timetable.exposed_us
    )


def floor_of(totals: Totals, target: Target | None) -> tuple[str, float | None]:
    """What bounds a run, and the seconds it cannot beat; products whose rate the target does not state are left out.

    Activations are left out too: a program may keep them on the chip.  So are links of which no rate is known.
    """
    if target is None or target.memory_bytes_per_s is None:
        return "unknown", None
    rated = {dtype: flops for dtype, flops in totals.matrix_flops().items() if dtype in target.dense_flops_per_s}
    if not rated:
        return "unknown", None
    total = replace(totals.total(), activation_bytes_read=0.0, activation_bytes_written=0.0)
    if target.scale_up_bytes_per_s is None:
        total = replace(total, scale_up_bytes=0.0)
    if target.scale_out_bytes_per_s is None:
        total = replace(total, scale_out_bytes=0.0)
    floor = floor_of_work("", total, rated, target, None)
    return floor.bound_by, floor.seconds
