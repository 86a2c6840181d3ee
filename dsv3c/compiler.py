"""``compile``: capture or read a model, run the pipeline over it, keep the text of every stage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from xdsl.dialects.builtin import ModuleOp

from dsv3c.coverage import check_coverage
from dsv3c.driver import Driver, Observer, PassRun
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.core import facts_of, symbols_of
from dsv3c.ir.errors import PassError, UsageError
from dsv3c.ir.measured import load_table
from dsv3c.ir.targets import Target, load_target
from dsv3c.ir.text import parse_module, print_module
from dsv3c.ir.verify import verify_module
from dsv3c.leaving import EXITS, check_exit, exit_pipeline
from dsv3c.lowering import KernelOptions, compile_kernels, lower_to_kernels, uncalled, unused_table, wants_kernels
from dsv3c.observers import Announce
from dsv3c.operating_point import OperatingPoint, point_of, point_of_any
from dsv3c.passes.base import Pass
from dsv3c.passes.segment_durations import step_durations
from dsv3c.pipelines import (
    ESTABLISHES,
    FACTS,
    check_establishes,
    default_pipeline,
    parse_passes,
    resume,
    until,
    until_level,
)
from dsv3c.plan import Plan, flag, plan_of
from dsv3c.plugins import load_plugins
from dsv3c.sources import Source, is_text, source_of

if TYPE_CHECKING:
    from dsv3c.backends.triton.compilation.aot import CompiledKernel
    from dsv3c.captured import Captured

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
STACKED = "mlp.experts.gate_up_proj"
"""A parameter that published checkpoints store expert by expert."""


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
    """Fields of the plan (``dsv3c.plan``) that were chosen: precision, ranks, overlap."""
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


def evaluator() -> Any:
    """Answers passes' questions about size-only values."""
    from dsv3c.evaluator import TorchEvaluator

    return TorchEvaluator()


def read_model(ctx: CompileContext, request: Request) -> tuple[ModuleOp, "Captured | None", dict[str, float]]:
    """The module to start from, with the seconds it took."""
    start = perf_counter()
    if is_text(request.model):
        given = [name for name in ("dtype", "semantics", "experts", "layers") if getattr(request, name) is not None]
        if given:
            raise UsageError(
                f"--{given[0]} is a choice of the capture; {request.model} is captured already",
                hint="leave it out, or give the model itself",
            )
        module = parse_module(ctx, read_text(Path(request.model)), request.model)
        verify_module(module)
        return module, None, {"parse": perf_counter() - start}
    from dsv3c.capture import CaptureOptions, capture
    from dsv3c.importer import import_program

    chosen = {name: getattr(request, name) for name in ("dtype", "semantics", "experts") if getattr(request, name)}
    captured = capture(request.model, CaptureOptions(**chosen, layers=request.layers))
    exported = perf_counter()
    module = import_program(ctx, captured)
    write_recipes(ctx, module, captured, request)
    return module, captured, {"capture": exported - start, "import": perf_counter() - exported}


def write_recipes(ctx: CompileContext, module: ModuleOp, captured: "Captured", request: Request) -> None:
    """Say in the program how its checkpoint stores the parameters; a user's own model stores them as they are."""
    from dsv3c.backends.reference.weights import SafetensorsWeights
    from dsv3c.recipes import add_recipes, quantized_in_folder

    if captured.config is None:
        return
    folder = checkpoint_of(request)
    if folder is None and Path(request.model).is_dir():
        folder = Path(request.model)  # config.json alone: it says what its checkpoint is
    if folder is None:
        add_recipes(ctx, module, captured.config, frozenset())
        return
    has_tensors = any(folder.glob("*.safetensors")) if folder.is_dir() else folder.is_file()
    if has_tensors and any(name.endswith(STACKED) for name in SafetensorsWeights(folder).names()):
        return  # a state dict of the captured model itself
    add_recipes(ctx, module, captured.config, quantized_in_folder(folder, captured.config))


def read_text(file: Path) -> str:
    """A module's text.  Raises UsageError for a file that is missing or no text."""
    try:
        return file.read_text("utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"there is no file {file}", hint="give a .mlir file written by dsv3c") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not text: {error}") from error


def longest_sequence(module: ModuleOp, captured: "Captured | None") -> int | None:
    """How many positions the model has; None where nothing says so."""
    if captured is not None and captured.config is not None:
        return captured.config.max_position_embeddings
    symbol = symbols_of(module).get("S")
    return symbol.bounds()[1] if symbol is not None else None


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


def warnings_of(request: Request, module: ModuleOp, captured: "Captured | None", lowered: ModuleOp | None) -> list[str]:
    """What was asked for and is not so, though the program is complete.  Raises WeightsError."""
    reached = check_reached(request, module)
    return [*reached, *check_checkpoint(request, module, captured), *uncalled(lowered, request.kernel_options.extern)]


def check_reached(request: Request, module: ModuleOp) -> list[str]:
    """A warning where the passes ran but could not take the module to the level."""
    if request.level not in FACTS or request.stop_after is not None or request.level in facts_of(module):
        return []
    name = ESTABLISHES[request.level][0]
    return [f"the program is not {request.level}: {name} found something in its way; --remarks says what"]


def checkpoint_of(request: Request) -> Path | None:
    """The checkpoint the program belongs to: the one given, or MODEL itself where that is a folder with tensors."""
    folder = Path(request.model)
    if request.weights is None and folder.is_dir() and any(folder.glob("*.safetensors")):
        return folder
    return request.weights


def check_checkpoint(request: Request, module: ModuleOp, captured: "Captured | None") -> list[str]:
    """Compare a checkpoint's headers with what the module needs; returns warnings.  Raises WeightsError."""
    folder = checkpoint_of(request)
    if folder is None:
        return []
    from dsv3c.backends.reference.params import check_weights, some
    from dsv3c.backends.reference.weights import SafetensorsWeights
    from dsv3c.models.checkpoint_names import optional_tensors

    unused = check_weights(module, SafetensorsWeights(folder))
    config = captured.config if captured is not None else None
    optional = set(optional_tensors(config)) if config is not None else set[str]()
    surprising = [name for name in unused if name not in optional]
    if not surprising or request.layers is not None:  # other layers are there on purpose
        return []
    return [f"{folder}: {len(surprising)} tensors are not used by the program: {some(surprising)}"]
