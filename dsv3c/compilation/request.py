"""What is to be compiled, and for what: levels, kernels, options; and what is wrong with it whatever the model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.leaving import EXITS, check_exit
from dsv3c.compilation.lowering import KernelOptions
from dsv3c.compilation.pipelines import ESTABLISHES, FACTS, check_establishes
from dsv3c.compilation.plan import flag
from dsv3c.frontend.sources import is_text
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import Target
from dsv3c.passes.base import Pass

Kernels = Literal["none", "auto", "aot"]
KERNELS: tuple[Kernels, ...] = ("none", "auto", "aot")
Level = Literal[
    "captured", "raised", "phased", "sharded", "quantised", "lowered", "kernels", "program", "linalg", "stablehlo"
]
LEVELS: tuple[Level, ...] = (
    "captured",
    "raised",
    "phased",
    "sharded",
    "quantised",
    "lowered",
    "kernels",
    "program",
    *EXITS,
)
WITHIN = {
    "captured": frozenset[str](),
    "raised": frozenset({"raised"}),
    "phased": frozenset({"raised", "phased"}),
    "sharded": frozenset({"raised", "phased", "sharded"}),
    "quantised": frozenset({"raised", "phased", "sharded", "quantised"}),
}
"""Level that is emitted before the last pass -> the facts that a module may state there."""
COMPLETE = ("lowered", "kernels", "program")
"""Levels that all passes lead to."""
DEFAULT_TARGET = "h800"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to compile, and for what."""

    model: str
    """A named configuration, a ``.py`` file, a ``config.json``, a checkpoint folder, or a module in text form."""
    target: str = DEFAULT_TARGET
    dtype: str | None = None
    """Serving type, ``bf16`` (default) or ``f32``."""
    semantics: str | None = None
    """Whose arithmetic, ``hf`` or ``deepseek``."""
    experts: str | None = None
    """How transformers' model multiplies by its experts, ``grouped_mm`` (default) or ``batched_mm``."""
    layers: tuple[int, int] | None = None
    """Keep the layers from the first number up to, not including, the second."""
    weights: Path | None = None
    """Checkpoint that the program will run with."""
    point: dict[str, object] = field(default_factory=dict[str, object])
    """Fields of the operating point that are not to be derived from the model."""
    plan: dict[str, object] = field(default_factory=dict[str, object])
    """Fields of the plan (``dsv3c.compilation.plan``) that were chosen: precision, ranks, overlap."""
    measured: str | None = None
    """Table of measured times that schedules are made with; without one they are made with floors."""
    pipeline: str | None = None
    """Passes in place of the default ones."""
    level: Level = "lowered"
    """Where to stop."""
    stop_after: str | None = None
    """Pass to stop after."""
    allow_unapplied: bool = False
    allow_unraised: bool = False
    """Plan for kernels although matrix products, attention, softmax or top-k are left in aten."""
    kernels: Kernels = "none"
    """Lower to kernels and compile them where there are some for the target: ``auto`` where the program can be lowered,
    with a warning that says why it cannot, ``aot`` or an error."""
    kernel_options: KernelOptions = field(default_factory=KernelOptions)
    """How kernels are chosen."""
    load: tuple[Path, ...] = ()
    """Plug-in files."""


def check_request(request: Request, planned: Sequence[Pass], target: Target) -> None:
    """Raise UsageError for what the planned passes cannot do, whatever the model."""
    request.kernel_options.check(target, request.level, request.kernels != "none")
    if request.pipeline is not None and request.plan:
        flags = ", ".join(map(flag, request.plan))
        raise UsageError(f"--passes says which passes run: nothing is left to {flags}", hint="leave one of them out")
    if request.level in EXITS:
        check_exit(request.level, request.plan, request.point)
    if not is_text(request.model):  # a text may state the fact itself
        check_establishes(planned, request.level)


def check_level(request: Request, passes: Sequence[Pass], facts: frozenset[str]) -> None:
    """Raise UsageError for a level that the given text is beyond, or that the passes do not take it to."""
    within = WITHIN.get(request.level)
    if within is not None and facts - within:
        raise UsageError(
            f"{request.model} is {', '.join(sorted(facts))} already: it cannot be emitted {request.level}",
            hint="give an earlier stage, or the model itself",
        )
    if request.level not in facts:
        check_establishes(passes, request.level)


def check_reached(request: Request, module: ModuleOp) -> list[str]:
    """A warning where the passes ran but could not take the module to the level."""
    if request.level not in FACTS or request.stop_after is not None or request.level in facts_of(module):
        return []
    name = ESTABLISHES[request.level][0]
    return [f"the program is not {request.level}: {name} found something in its way; --remarks says what"]
