"""dsv3c in Python: capture, opt, print_ir, execute, compile, load; all of them are attributes of ``dsv3c`` itself.

>>> import dsv3c
>>> module = dsv3c.capture("tiny", layers=(0, 3))
>>> raised = dsv3c.opt(module, "canonicalize-views,raise-linear")
>>> dsv3c.print_ir(raised)
>>> [logits] = dsv3c.execute(raised, "main", tokens, seed=0)
>>> dsv3c.compile("tiny", "out", target="cpu")
>>> program = dsv3c.load("out")
>>> logits, *caches = program.execute("decode", *program.inputs("decode"))
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from dsv3c.artifact import Artifact, entries, load_artifact, write_artifact
from dsv3c.compilation.compiler import Compiled, compile_model, evaluator
from dsv3c.compilation.driver import Driver
from dsv3c.compilation.lowering import KernelOptions
from dsv3c.compilation.pipelines import parse_passes
from dsv3c.compilation.plan import Plan
from dsv3c.compilation.reading import read_model
from dsv3c.compilation.request import Kernels, Level, Request
from dsv3c.compilation.variants import check_queries, variant_for
from dsv3c.frontend.sources import is_text
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import functions
from dsv3c.ir.outcomes import Outcome
from dsv3c.ir.spelling import guess
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import parse_module, print_module
from dsv3c.ir.verify import verify_module
from dsv3c.passes.base import Pass
from dsv3c.reports.remarks import remarks_text
from dsv3c.reports.summary import summary_text

if TYPE_CHECKING:
    from torch import Tensor

    from dsv3c.backends.reference.executor import Value
    from dsv3c.backends.reference.weights import Weights

AnyModule: TypeAlias = "Module | ModuleOp | str"
"""What functions take as a module: one of ours, xDSL's own, or text."""
Fidelity = Literal["reference", "torch", "tensor_core"]


@dataclass
class Module:
    """A module with its context; printing it (or showing it in a notebook) gives its text."""

    op: ModuleOp
    """xDSL's module: walk and change it freely."""
    ctx: CompileContext
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    """What the passes of the last ``opt`` or ``compile`` reported."""

    @property
    def entries(self) -> list[str]:
        """The functions that can be executed."""
        return [function.sym_name.data for function in entries(self.op)]

    @property
    def facts(self) -> frozenset[str]:
        """What the module states about itself: ``raised``, ``phased``."""
        return facts_of(self.op)

    @property
    def remarks(self) -> str:
        """The outcomes as text, one line each."""
        return remarks_text(self.outcomes)

    def inputs(
        self, entry: str, *, batch: int = 1, length: int = 16, tokens: Sequence[Sequence[int]] = (), seed: int = 0
    ) -> "list[Value]":
        """Arguments that fit ``entry``: the ``tokens`` given or random ones, tables and empty caches for a phase.

        Sequences too short for a phase get those of its variant for short ones, which ``execute`` then runs.
        """
        from dsv3c.inputs import InputOptions, entry_inputs

        options = InputOptions(batch, length, tuple(tuple(row) for row in tokens), seed)
        return entry_inputs(self.op, variant_for(self.op, entry, options.lengths()), options)

    def execute(self, entry: str, *args: "Value", **options: Any) -> "list[Value]":
        """``dsv3c.execute`` on this module."""
        return execute(self, entry, *args, **options)

    def __str__(self) -> str:
        return print_module(self.op)

    __repr__ = __str__


@dataclass
class LoadedModule(Module):
    """A module read from an artifact; it executes with the artifact's own weights where it has any."""

    artifact: Artifact = field(kw_only=True)

    def execute(self, entry: str, *args: "Value", **options: Any) -> "list[Value]":
        """``dsv3c.execute`` with the checkpoint the artifact was compiled with, unless ``weights`` are given."""
        if options.get("weights") is None:
            options["weights"] = self.artifact.checkpoint()
        return execute(self, entry, *args, **options)

    __repr__ = Module.__str__


@dataclass
class CompiledModule(Module):
    """A compiled module; ``summary`` is what the command line prints."""

    compiled: Compiled = field(kw_only=True)
    artifact: Artifact | None = None
    """Where it was written, if it was."""

    @property
    def summary(self) -> str:
        """Operating point, parameters, cache, work per token."""
        return summary_text(self.compiled)

    __repr__ = Module.__str__


def as_module(module: AnyModule) -> Module:
    """A verified module.  Raises IRError for text or a module that is not valid."""
    if isinstance(module, Module):
        return module
    ctx = make_context()
    op = parse_module(ctx, module) if isinstance(module, str) else module
    verify_module(op)
    return Module(op, ctx)


def capture(
    model: str,
    *,
    dtype: Literal["bf16", "f32"] | None = None,
    semantics: Literal["hf", "deepseek"] | None = None,
    experts: Literal["grouped_mm", "batched_mm"] | None = None,
    layers: tuple[int, int] | None = None,
    weights: str | Path | None = None,
) -> Module:
    """Capture a model: a named configuration, a ``.py`` file, a ``config.json``, a checkpoint folder, a ``.mlir``.

    >>> module = dsv3c.capture("tiny", dtype="f32", layers=(0, 3))

    Raises UsageError for a source that does not exist, CaptureFailure and ImportFailure with the user's own line.
    """
    request = Request(
        model=str(model),
        dtype=dtype,
        semantics=semantics,
        experts=experts,
        layers=layers,
        weights=None if weights is None else Path(weights),
    )
    ctx = make_context(target=load_target("cpu"))
    op, _, _ = read_model(ctx, request)
    verify_module(op)
    return Module(op, ctx)


def opt(
    module: AnyModule,
    passes: str | Sequence[Pass],
    *,
    target: str = "cpu",
    evaluate: bool = True,
    allow_unapplied: bool = True,
) -> Module:
    """A copy of ``module`` with ``passes`` applied, verified after each of them; the given module stays as it is.

    >>> merged = dsv3c.opt(text, "merge-projections,absorb-mla{mode=always},dce")
    >>> print(merged.remarks)

    ``passes`` is pipeline text or a list of passes; ``evaluate`` lets them evaluate size-only values (with torch).
    Raises UsageError for an unknown pass or option, PassError where a pass cannot do its work (and, unless
    ``allow_unapplied``, where one fires nowhere), IRError for a module that is not valid.
    """
    given = as_module(module)
    ctx = make_context(target=load_target(target))
    if evaluate:
        ctx.evaluator = evaluator()
    items = parse_passes(passes) if isinstance(passes, str) else list(passes)
    op = given.op.clone()
    driver = Driver(ctx, allow_unapplied=allow_unapplied)
    driver.run(op, items, named=frozenset(item.name for item in items))
    return Module(op, ctx, list(ctx.outcomes))


def print_ir(module: AnyModule, *, generic: bool = False, locations: bool = False) -> None:
    """Print a module's text; ``generic`` is the form every MLIR tool reads, ``locations`` adds the source lines.

    >>> dsv3c.print_ir(module, locations=True)
    """
    print(print_module(as_module(module).op, generic=generic, locations=locations), end="")


def execute(
    module: AnyModule,
    entry: str,
    *args: "Value",
    weights: "Weights | Mapping[str, Tensor] | str | Path | None" = None,
    seed: int = 0,
    fidelity: Fidelity = "reference",
) -> "list[Value]":
    """Execute one function with the CPU reference; returns its results.

    >>> [logits] = dsv3c.execute(module, "main", torch.tensor([[1, 2, 3]]), weights=model.state_dict())

    ``weights``: a checkpoint's path, a state dict, or None for random values from ``seed`` (each from the seed and its
    own name).  ``fidelity``: ``reference`` accumulates exactly and rounds once, ``torch`` makes the source's own calls,
    ``tensor_core`` is the reference with 8-bit products added as a tensor core adds them.
    A phase whose new tokens per sequence are too few for it runs as its variant for short queries (``@prefill.short``).
    Raises UsageError for an unknown function and for new tokens that the phase does not take, MemoryShort when the
    weights do not fit into memory, WeightsError for ones that do not fit the module.
    """
    from dsv3c.backends.reference.alike import executor_for
    from dsv3c.backends.reference.params import check_weights, required_headers
    from dsv3c.backends.reference.weights import RandomWeights, SafetensorsWeights, StateDictWeights
    from dsv3c.programs import check_memory

    op = as_module(module).op
    if entry not in (known := functions(op)):
        hint = f"{guess(entry, known, sigil='@')}functions: {', '.join(known)}"
        raise UsageError(f"there is no function @{entry}", hint=hint)
    if (new_tokens := queries_of(known[entry], args)) is not None:
        entry = variant_for(op, entry, new_tokens)
        check_queries(op, entry, new_tokens)
    check_memory(op, entry)
    match weights:
        case None:
            source: Weights = RandomWeights(seed, required_headers(op, entry))
        case str() | Path():
            source = SafetensorsWeights(Path(weights))
            check_weights(op, source, entry)
        case Mapping():
            source = StateDictWeights(weights)
            check_weights(op, source, entry)
        case _:
            source = weights
    return executor_for(op, source, fidelity).run(entry, *args)


def queries_of(function: func.FuncOp, args: "Sequence[Value]") -> list[int] | None:
    """New tokens of each sequence, as the argument ``seq_offsets`` says; None where there is none."""
    from torch import Tensor

    for parameter, value in zip(function.args, args, strict=False):  # too few are told by the executor
        if parameter.name_hint == "seq_offsets" and isinstance(value, Tensor):
            return value.diff().tolist()
    return None


def compile(
    model: str,
    output: str | Path | None = None,
    *,
    target: str = "cpu",
    phases: Sequence[str] | None = None,
    layers: tuple[int, int] | None = None,
    weights: str | Path | None = None,
    dtype: Literal["bf16", "f32"] | None = None,
    semantics: Literal["hf", "deepseek"] | None = None,
    experts: Literal["grouped_mm", "batched_mm"] | None = None,
    passes: str | None = None,
    level: Level = "lowered",
    allow_unraised: bool = False,
    kernels: Kernels = "auto",
    force: bool = False,
    **choices: object,
) -> CompiledModule:
    """Compile a model; with ``output``, write the artifact there.

    >>> module = dsv3c.compile("tiny", "out", phases=["prefill", "decode"], max_batch=8, context=512)
    >>> print(module.summary)

    ``choices`` are fields of the operating point (``max_tokens``, ``max_batch``, ``context``, ``max_context``,
    ``page_size``, ``verify_tokens``, ``logits``), of the plan (``recipe``, ``kv_cache_dtype``, ``ep``, ``nnodes``,
    ``redundant_experts``, ``copies``, ``combine_order``, ``combine_payload``, ``shared_expert``, ``overlap``) and of
    ``dsv3c.compilation.lowering.KernelOptions`` (``extern``, ``gluon``, ``tuned``, ``batch_invariant``, ``pdl``).
    ``kernels``: compile those that the artifact launches: ``auto``, ``aot`` or ``none``.  Everything else is as for
    ``dsv3c compile``, but that the target is the CPU where none is named.
    """
    plan, options = taken(choices, Plan), kernel_options(choices)
    if isinstance(recipe := plan.get("recipe"), Path):
        plan["recipe"] = str(recipe)
    if phases is not None:
        choices["phases"] = tuple(phases)
    request = Request(
        model=str(model),
        target=target,
        dtype=dtype,
        semantics=semantics,
        experts=experts,
        layers=layers,
        weights=None if weights is None else Path(weights),
        point=choices,
        plan=plan,
        pipeline=passes,
        level=level,
        allow_unraised=allow_unraised,
        kernels=kernels if output is not None else "none",
        kernel_options=options,
    )
    compiled = compile_model(request, keep_stages=output is not None)
    artifact = write_artifact(compiled, Path(output), force=force) if output is not None else None
    return CompiledModule(
        compiled.module, compiled.ctx, list(compiled.ctx.outcomes), compiled=compiled, artifact=artifact
    )


def taken(choices: dict[str, object], kind: type[Plan] | type[KernelOptions]) -> dict[str, Any]:
    """The choices that are fields of something, taken out of them."""
    return {item.name: choices.pop(item.name) for item in fields(kind) if item.name in choices}


def kernel_options(choices: dict[str, object]) -> KernelOptions:
    """How kernels are chosen, taken out of the choices."""
    found = taken(choices, KernelOptions)
    if "extern" in found:
        found["extern"] = tuple(found["extern"])
    if "tuned" in found:
        found["tuned"] = str(found["tuned"])
    return KernelOptions(**found)


def load(path: str | Path) -> Module:
    """An artifact (or a ``.mlir`` file) as a module that can be executed.

    >>> program = dsv3c.load("out")
    >>> logits, *caches = program.execute("decode", *program.inputs("decode", tokens=[[1, 2, 3]]))

    Raises UsageError for a path that is neither, ArtifactError for a damaged artifact, IRError for text that is not
    valid.
    """
    if is_text(str(path)):
        return capture(str(path))
    artifact = load_artifact(Path(path))
    ctx = make_context()
    op = artifact.module(ctx)
    verify_module(op)
    return LoadedModule(op, ctx, artifact.outcomes(), artifact=artifact)
