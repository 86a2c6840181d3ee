"""``compile``: capture or read a model, run the pipeline over it, keep the text of every stage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.coverage import check_coverage
from dsv3c.compilation.driver import Driver, Observer, PassRun
from dsv3c.compilation.leaving import EXITS, exit_pipeline
from dsv3c.compilation.lowering import (
    compile_kernels,
    lower_to_kernels,
    uncalled,
    unused_table,
    wants_kernels,
)
from dsv3c.compilation.observers import Announce
from dsv3c.compilation.operating_point import OperatingPoint, point_of, point_of_any
from dsv3c.compilation.pipelines import (
    default_pipeline,
    parse_passes,
    resume,
    until,
    until_level,
)
from dsv3c.compilation.plan import Plan, plan_of
from dsv3c.compilation.plugins import load_plugins
from dsv3c.compilation.reading import check_checkpoint, longest_sequence, read_model
from dsv3c.compilation.request import COMPLETE, Request, check_level, check_reached, check_request
from dsv3c.frontend.sources import Source, source_of
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.errors import PassError
from dsv3c.ir.measured import load_table
from dsv3c.ir.targets import Target, load_target
from dsv3c.ir.text import print_module
from dsv3c.passes.base import Pass
from dsv3c.passes.segment_durations import step_durations

if TYPE_CHECKING:
    from dsv3c.backends.triton.compilation.aot import CompiledKernel
    from dsv3c.frontend.captured import Captured


@dataclass(frozen=True)
class Stage:
    """The module's text after a pass that changed it; index 0 is the captured module."""

    index: int
    name: str
    facts: frozenset[str]
    text: str


@dataclass
class Stages:
    """An observer that keeps the text of every stage."""

    items: list[Stage] = field(default_factory=list[Stage])

    def start(self, module: ModuleOp) -> None:
        """The module before the first pass."""
        facts = facts_of(module)
        self.items = [Stage(0, "captured" if not facts else "input", facts, print_module(module))]

    def before(self, item: Pass) -> None:
        """Nothing is kept before a pass."""

    def after(self, run: PassRun, item: Pass, module: ModuleOp) -> None:
        """The module after a pass that changed it."""
        text = print_module(module)
        if text != self.items[-1].text:
            self.items.append(Stage(run.index + 1, run.name, facts_of(module), text))


@dataclass
class Compiled:
    """A compiled model and how it came about."""

    request: Request
    ctx: CompileContext
    module: ModuleOp
    driver: Driver
    point: OperatingPoint
    plan: Plan
    pipeline: str
    """The passes that ran, as text."""
    source: Source
    stages: list[Stage]
    """Empty unless they were asked for."""
    seconds: dict[str, float]
    """Wall time before the passes: ``capture`` and ``import``, or ``parse``."""
    captured: "Captured | None" = None
    lowered: ModuleOp | None = None
    """The program as calls of kernels, where that was asked for."""
    kernels: list["CompiledKernel"] = field(default_factory=list["CompiledKernel"])
    """What it launches, where they were compiled."""
    warnings: list[str] = field(default_factory=list[str])


def compile_model(
    request: Request,
    *,
    observers: Callable[[CompileContext], Sequence[Observer]] = lambda _: (),
    keep_stages: bool = False,
    progress: Callable[[str], None] = lambda _: None,
    check: Callable[[list[Pass]], None] = lambda _: None,
) -> Compiled:
    """Take ``request.model`` to ``request.level``; ``progress`` is told what is being done.

    ``check`` is given the passes that are planned, and may refuse them before the capture.

    Raises UsageError for a request that cannot be met, CaptureFailure and ImportFailure with the user's line, PassError
    and IRError for passes that cannot do their work and for what kernels do not compute (``check_coverage``),
    WeightsError for a checkpoint that does not fit.
    """
    plugins = load_plugins(request.load)
    target = load_target(request.target)
    ctx = make_context(target=target)
    if request.measured is not None:
        ctx.durations = partial(step_durations, table=load_table(request.measured))
    for dialect in plugins.dialects.values():
        ctx.load_dialect(dialect)
    # a misspelt pass or phase is told before a long capture
    plan = plan_of(request.plan, target)
    planned = parse_passes(pipeline_of(request, point_of_any(request.point), plan), plugins.passes)
    check_request(request, planned, target)
    check(until(until_level(planned, request.level), request.stop_after))
    progress("capture")
    module, captured, seconds = read_model(ctx, request)
    point = point_of(request.point, longest=longest_sequence(module, captured))
    ctx.operating_point = point.symbols()
    pipeline = pipeline_of(request, point, plan)
    facts = facts_of(module)
    passes = resume(parse_passes(pipeline, plugins.passes), facts)
    check_level(request, passes, facts)
    passes = until(until_level(passes, request.level, facts), request.stop_after)
    stages = Stages()
    watching = [Announce(progress), *observers(ctx), *([stages] if keep_stages else [])]
    named = frozenset(item.name for item in passes) if request.pipeline is not None else frozenset[str]()
    driver = Driver(ctx, watching, allow_unapplied=request.allow_unapplied, skip_unmet=request.pipeline is None)
    ctx.evaluator = evaluator()
    driver.run(module, passes, named=named)
    lowered, unlowered = lowered_of(request, target, driver, module)
    return Compiled(
        request=request,
        ctx=ctx,
        module=module,
        driver=driver,
        point=point,
        plan=plan,
        pipeline=",".join(str(item.spec()) for item in passes),
        source=source_of(request.model, module),
        stages=stages.items,
        seconds=seconds,
        captured=captured,
        lowered=lowered,
        kernels=compiled_kernels(request, target, lowered, progress),
        warnings=[*unlowered, *warnings_of(request, module, captured, lowered)],
    )


def compiled_kernels(
    request: Request, target: Target, lowered: ModuleOp | None, progress: Callable[[str], None]
) -> list["CompiledKernel"]:
    """What a lowered program launches, where it is to be compiled.  Raises as ``compile_kernels`` does."""
    if lowered is None or request.kernels == "none":
        return []
    return compile_kernels(lowered, target, progress, pdl=request.kernel_options.pdl)


def lowered_of(request: Request, target: Target, driver: Driver, module: ModuleOp) -> tuple[ModuleOp | None, list[str]]:
    """The finished program as calls of kernels, where they are wanted, and warnings; what none computes is noted.

    Raises PassError for what kernels do not compute, unless they are used only where they can be.
    """
    if request.level not in COMPLETE or request.stop_after is not None:
        return None, []
    check_coverage(driver.ctx, module, allow_unraised=request.allow_unraised)
    if not wants_kernels(target, request.level, request.kernels != "none"):
        return None, []
    try:
        lowered = lower_to_kernels(driver, module, request.kernel_options)
        return lowered, unused_table(request.kernel_options, target, driver.ctx.outcomes.items)
    except PassError as error:
        if request.kernels != "auto" or request.level != "lowered":
            raise
        return None, [f"no kernels were compiled: {error.where + ': ' if error.where else ''}{error.what}"]


def pipeline_of(request: Request, point: OperatingPoint, plan: Plan) -> str:
    """The passes that were given, or those that lead to the level."""
    if request.pipeline is not None:
        return request.pipeline
    return exit_pipeline(plan) if request.level in EXITS else default_pipeline(point, plan)


def evaluator() -> Any:
    """Answers passes' questions about size-only values."""
    from dsv3c.compilation.evaluator import TorchEvaluator

    return TorchEvaluator()


def warnings_of(request: Request, module: ModuleOp, captured: "Captured | None", lowered: ModuleOp | None) -> list[str]:
    """What was asked for and is not so, though the program is complete.  Raises WeightsError."""
    reached = check_reached(request, module)
    return [*reached, *check_checkpoint(request, module, captured), *uncalled(lowered, request.kernel_options.extern)]
