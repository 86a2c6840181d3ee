"""What segments take: a time that the function states itself, else what the compile's durations say, else its floor."""

from dataclasses import dataclass

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, ModuleOp

from dsv3c.ir import estimates
from dsv3c.ir.context import CompileContext
from dsv3c.ir.cost_model import Env
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.durations import Durations
from dsv3c.ir.functions import functions
from dsv3c.ir.measured import MeasuredTable
from dsv3c.ir.targets import Target
from dsv3c.passes.phases import phase_of

US = "us"
"""Attribute of a segment function: what one run takes (us), by measurement."""


@dataclass(frozen=True)
class StatedDurations:
    """Durations in which a function's own word counts first, whatever its share of the device."""

    stated: dict[str, float]
    """Function -> seconds."""
    other: Durations

    @property
    def kind(self) -> str:
        """What the numbers are called."""
        return f"stated, else {self.other.kind}" if self.stated else self.other.kind

    def seconds(self, function: str, sms: int | None = None) -> float:
        """Seconds of one run."""
        return self.stated[function] if function in self.stated else self.other.seconds(function, sms)


def durations_of(ctx: CompileContext, module: ModuleOp, entry: str, target: Target, parts: int = 1) -> Durations:
    """The times of what ``entry`` runs; ``parts`` as a ``DurationsFactory`` takes it.

    A stated time is that of a micro-batch: the step in one piece is taken to need as many times that.
    """
    factory = ctx.durations or step_durations
    stated = {
        name: number(function.attributes[US]) * parts / 1e6
        for name, function in functions(module).items()
        if US in function.attributes
    }
    return StatedDurations(stated, factory(module, entry, target, parts))


def number(attribute: object) -> float:
    """The value of a number attribute."""
    assert isinstance(attribute, FloatAttr | IntegerAttr), f"{attribute} is no time"
    value = attribute.value.data
    return float(value)


def step_durations(
    module: ModuleOp, entry: str, target: Target, parts: int = 1, table: MeasuredTable | None = None
) -> Durations:
    """Times at the step that the entry's phase states: floors, or estimates from a measured table."""
    function = functions(module)[entry]
    phase = phase_of(function)
    assert phase is not None, f"@{entry} has no phase"
    pages = [kind.page_size.data for kind in function.function_type.inputs if isinstance(kind, CacheType)]
    env = Env.step(
        tokens=phase.tokens * parts,
        sequences=phase.sequences * parts,
        context=phase.context,
        page_size=max(pages, default=1),
    )
    return estimates.Durations(module, env, target, table)
