"""Floors of functions: times no program gets below, each with what it was computed from.

A function is bound by the slowest of what it uses at once: matrix units, memory, scale-up links, scale-out links.
Products run at the dense peak of the compute units the function is given, memory and links at their peak whatever the
share.  Weights and cache rows are moved once, activations where they cross the border of a fused region.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.cost import Totals, reached
from dsv3c.ir.cost_model import Cost, Env
from dsv3c.ir.errors import UsageError
from dsv3c.ir.expected_sizes import with_expected_rows
from dsv3c.ir.functions import functions
from dsv3c.ir.fused_regions import Region, fused_regions
from dsv3c.ir.links import LINK_CLASSES, LinkClass, link_of
from dsv3c.ir.targets import Target

Resource = Literal["compute", "memory", "scale_up", "scale_out"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """The time one resource is in use."""

    resource: Resource
    seconds: float
    formula: str
    """With the numbers in it: ``1.2e9 FLOP / (1.979e+15 FLOP/s * 108/132)``."""
    fact: str
    """The target's fact that the rate is."""
    source: str
    """Where the fact is published."""

    def __str__(self) -> str:
        return f"{self.resource}: {self.seconds * 1e6:.2f} us = {self.formula}; {self.fact}: {self.source}"


@dataclass(frozen=True, kw_only=True)
class Floor:
    """A time that one run of a function, or a kernel of it, cannot beat."""

    name: str
    """The function, or the ops of a kernel."""
    seconds: float
    bound_by: str
    """The resource in use longest; ``nothing`` where none is used."""
    parts: tuple[Part, ...]
    left_out: tuple[str, ...] = ()
    """What counts as nothing above, and why."""

    @property
    def provenance(self) -> tuple[str, ...]:
        """Where every number comes from, the binding resource first."""
        ordered = sorted(self.parts, key=lambda part: part.resource != self.bound_by)
        return (*map(str, ordered), *self.left_out)


def use_of(resource: Resource, parts: tuple[Part, ...]) -> float:
    """Seconds that a resource is in use: its parts follow on each other."""
    return sum(part.seconds for part in parts if part.resource == resource)


def floor_of_work(
    name: str, cost: Cost, flops: Mapping[str, float], target: Target, sms: int | None, left_out: tuple[str, ...] = ()
) -> Floor:
    """The floor of so much work on ``sms`` compute units (None: all of the target's).

    ``max(sum over types of FLOPs / (rate * share), bytes / rate, link bytes / rate + messages * latency, ...)``.
    Raises UsageError where the target does not state a rate that is needed, but for products of a type it has no rate
    for: they are left out, and said to be.
    """
    parts, unrated = list[Part](), list[str]()
    for dtype, number in flops.items():
        if number and dtype not in target.dense_flops_per_s:
            unrated.append(f"products of {dtype}: {target.name} states no rate for them")
        elif number:
            parts.append(compute_part(dtype, number, target, sms))
    moved = cost.kept_bytes + cost.activation_bytes
    if moved:
        rate, source = target.fact("memory_bytes_per_s"), target.sources.get("memory_bytes_per_s", "")
        formula = f"{moved:.4g} B / {rate:.4g} B/s"
        seconds = moved / rate
        parts.append(
            Part(resource="memory", seconds=seconds, formula=formula, fact="memory_bytes_per_s", source=source)
        )
    parts += [link_part(link, cost, target) for link in LINK_CLASSES if bytes_on(link, cost)]
    used = {part.resource: use_of(part.resource, tuple(parts)) for part in parts}
    slowest = max(used, key=lambda resource: used[resource], default=None)
    return Floor(
        name=name,
        seconds=used[slowest] if slowest is not None else 0.0,
        bound_by=slowest or "nothing",
        parts=tuple(parts),
        left_out=(*left_out, *unrated),
    )


def compute_part(dtype: str, flops: float, target: Target, sms: int | None) -> Part:
    """Products of one operand type on a share of the matrix units."""
    rate, share, shown = target.flops_per_s(dtype), 1.0, ""
    if sms is not None:
        units = target.fact("num_compute_units")
        if not 0 < sms <= units:
            raise UsageError(f"{sms} compute units for matrix products: {target.name} has {units:.0f}")
        share, shown = sms / units, f" * {sms}/{units:.0f}"
    return Part(
        resource="compute",
        seconds=flops / (rate * share),
        formula=f"{flops:.4g} FLOP / ({rate:.4g} FLOP/s{shown})",
        fact=f"dense_flops_per_s[{dtype}]",
        source=target.sources.get("dense_flops_per_s", ""),
    )


def bytes_on(link: LinkClass, cost: Cost) -> float:
    """Bytes sent over a class of link."""
    return cost.scale_up_bytes if link == "scale_up" else cost.scale_out_bytes


def link_part(name: LinkClass, cost: Cost, target: Target) -> Part:
    """What is sent over a class of link, and the messages that wait for one another."""
    link, sent = link_of(target, name), bytes_on(name, cost)
    messages = cost.scale_up_messages if name == "scale_up" else cost.scale_out_messages
    formula = f"{sent:.4g} B / {link.bytes_per_s:.4g} B/s"
    if messages and link.latency_s is None:
        formula += f" ({target.name} states no latency)"
    elif messages:
        formula += f" + {messages:.4g} * {link.latency_s:.3g} s"
    return Part(
        resource=name, seconds=link.seconds(sent, messages), formula=formula, fact=link.fact, source=link.source
    )


@dataclass(frozen=True)
class Kernels:
    """What a function runs: its regions, those of the functions it calls included, and how often each."""

    regions: tuple[tuple[Region, int], ...]
    left_out: tuple[str, ...]

    def totals(self) -> Totals:
        """Everything together."""
        totals = Totals()
        for region, count in self.regions:
            totals.add(region.cost.times(count))
        return totals


def kernels_of(module: ModuleOp, function: str, env: Env) -> Kernels:
    """The regions of a function and of all it calls.  Raises as the cost rules do."""
    table, found, unknown = functions(module), list[tuple[Region, int]](), Counter[str]()
    env = with_expected_rows(module, env)
    for name, count in reached(module, function).items():
        regions, without = fused_regions(table[name], env)
        found += [(region, count) for region in regions]
        unknown.update({op: number * count for op, number in Counter(without).items()})
    return Kernels(tuple(found), tuple(f"{op} x {number}: no cost is known" for op, number in unknown.items()))


def function_floor(module: ModuleOp, function: str, env: Env, target: Target, sms: int | None = None) -> Floor:
    """The floor of one run of a function with all it calls, at the sizes of ``env``, on ``sms`` compute units.

    Raises UsageError where the target does not state a rate that is needed, and as the cost rules do.
    """
    return kernels_floor(kernels_of(module, function, env), function, target, sms)


def kernels_floor(kernels: Kernels, name: str, target: Target, sms: int | None = None) -> Floor:
    """The floor of kernels together: their uses of a resource follow on each other."""
    totals = kernels.totals()
    return floor_of_work(name, totals.total(), totals.matrix_flops(), target, sms, kernels.left_out)


def region_floor(region: Region, target: Target, sms: int | None = None) -> Floor:
    """The floor of one region by itself."""
    flops = {region.cost.dtype: region.cost.flops} if region.cost.dtype else {}
    return floor_of_work(region.name, region.cost, flops, target, sms)
