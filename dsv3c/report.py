"""The summary of a compile as data: parameters, cache, FLOPs and bytes per token, what bounds them, time and memory.

Every number is derived from the program; what it does not say is None and printed as ``unknown``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerType, ModuleOp, TensorType

from dsv3c.driver import PassRun
from dsv3c.ir.cost import (
    Env,
    Totals,
    attentions,
    cache_bytes_per_token,
    core_flops_per_pair,
    entry_cost,
    unraised_core,
)
from dsv3c.ir.dialects import mla, moe, nn
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.functions import functions
from dsv3c.ir.outcomes import Kind, Outcome
from dsv3c.ir.parameters import Count, model_parameters, split_entries
from dsv3c.ir.targets import Target
from dsv3c.ir.types import element_type, shape
from dsv3c.operating_point import OperatingPoint
from dsv3c.passes.phases import Phase, phase_of

TRAINING_SEQUENCE = 4096
"""Tokens per sequence at which the paper counts training FLOPs (arXiv 2505.09343, table 2)."""


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
    weight_bytes: float
    cache_bytes: float
    """Read and written."""
    activation_bytes: float
    """Read and written by each op on its own; fusing saves part of them."""
    bound_by: str
    """``compute`` or ``memory``, whichever floor is higher; ``unknown`` where the target states no rates."""
    floor_s: float | None
    """Seconds below which no program gets: weights and cache moved once, products at the dense peak."""
    uncosted: Mapping[str, int]
    """Ops without a cost: they count as nothing above."""


@dataclass(frozen=True, kw_only=True)
class PassReport:
    """Time, memory and outcomes of one step of the compile."""

    name: str
    seconds: float
    verify_seconds: float
    peak_rss_bytes: int
    """Largest resident size of the process up to the end of the step."""
    fired: int
    blocked: int
    unprofitable: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a compile found and did."""

    model: str
    target: str
    operating_point: str
    level: str
    """The facts the program states, or ``captured``."""
    parameters: Count
    mtp_parameters: Count | None
    """What the multi-token prediction module adds; None without one."""
    cache_bytes_per_token: int | None
    training_flops_per_token: float | None
    """``6 * N + 3 * core`` at sequence 4096: N active weights in matrices, core the causal half of attention."""
    entries: Sequence[EntryReport]
    not_costed: Mapping[str, str]
    """Entry -> why it has no cost."""
    before: Mapping[str, float]
    """Seconds before the passes, by step: capture, import or parse."""
    passes: Sequence[PassReport]
    rewrites: Mapping[str, int]
    """How many sites fired, were blocked, were unprofitable; passes that could not run at all included."""
    unraised: Mapping[str, int]
    """Matrix products, attention, softmax and top-k left in aten."""
    not_found: Sequence[str]

    def as_json(self) -> dict[str, object]:
        """The summary as plain data, for the manifest."""
        return asdict(self)


def summarize(
    module: ModuleOp,
    *,
    model: str,
    target: Target | None,
    point: OperatingPoint,
    runs: Sequence[PassRun] = (),
    outcomes: Iterable[Outcome] = (),
    before: Mapping[str, float] | None = None,
) -> Summary:
    """Look at a module, whatever its level, and at the passes that made it."""
    main, mtp = split_entries(module)
    entries, not_costed = list[EntryReport](), dict[str, str]()
    for name in [*main, *mtp]:
        try:
            entries.append(entry_report(module, name, target, point))
        except Dsv3cError as error:
            not_costed[name] = error.what
    counted, added = model_parameters(module)
    kinds = Counter(item.kind for item in outcomes)
    caches = [size for name in main if (size := cache_bytes_per_token(module, name)) is not None]
    return Summary(
        model=model,
        target=target.name if target is not None else "none",
        operating_point=str(point),
        level=", ".join(sorted(facts_of(module))) or "captured",
        parameters=counted,
        mtp_parameters=added,
        cache_bytes_per_token=caches[0] if caches else None,
        training_flops_per_token=training_flops(module, main, counted),
        entries=entries,
        not_costed=not_costed,
        before=before or {},
        passes=[pass_report(run) for run in runs],
        rewrites={kind.value: kinds[kind] for kind in Kind},
        unraised=dict(unraised_core(module)),
        not_found=not_found(module, [*main, *mtp]),
    )


def training_flops(module: ModuleOp, entries: Sequence[str], counted: Count) -> float | None:
    """FLOPs of training per token by the convention of arXiv 2505.09343; None where attention is not recognised.

    ``6 * N + 3 * sum over layers of 2 * H * (dk + dv) * sequence / 2``.
    """
    cores = [core for name in entries if (core := core_flops_per_pair(module, name)) is not None]
    return 6 * counted.active_matrices + 3 * cores[0] * TRAINING_SEQUENCE / 2 if cores else None


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
        weight_bytes=total.weight_bytes_read,
        cache_bytes=total.cache_bytes_read + total.cache_bytes_written,
        activation_bytes=total.activation_bytes,
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


def floor_of(totals: Totals, target: Target | None) -> tuple[str, float | None]:
    """What bounds a run, and the seconds it cannot beat; products whose rate the target does not state are left out.

    Activations are left out too: a program may keep them on the chip.
    """
    if target is None or target.memory_bytes_per_s is None:
        return "unknown", None
    kept = totals.total().kept_bytes
    rated = {dtype: flops for dtype, flops in totals.matrix_flops().items() if dtype in target.dense_flops_per_s}
    if not rated:
        return "unknown", None
    slowest = max(rated, key=lambda dtype: rated[dtype] / target.flops_per_s(dtype))
    bound = target.bound_by(flops=rated[slowest], dtype=slowest, memory_bytes=kept)
    return bound, target.floor_s(flops=rated[slowest], dtype=slowest, memory_bytes=kept)


def pass_report(run: PassRun) -> PassReport:
    """One pass as the summary shows it."""
    kinds = Counter(item.kind for item in run.outcomes)
    return PassReport(
        name=run.spec,
        seconds=run.seconds,
        verify_seconds=run.verify_seconds,
        peak_rss_bytes=run.peak_rss_bytes,
        fired=kinds[Kind.FIRED],
        blocked=kinds[Kind.BLOCKED],
        unprofitable=kinds[Kind.UNPROFITABLE],
    )


def not_found(module: ModuleOp, entries: Sequence[str]) -> list[str]:
    """What this compiler is made for and the program does not have, or does not show at its level."""
    if "raised" not in facts_of(module):
        return ["attention and experts: the program is not raised, they are not looked for"]
    found = {type(op) for name in entries for op, _ in attentions(module, name)}
    missing = list[str]()
    if found & {nn.AttentionOp}:
        missing.append("MLA in some layers: attention there is generic")
    elif not found:
        missing.append("attention")
    if not found & {mla.AttentionOp, mla.ExpandedAttentionOp, mla.AbsorbedAttentionOp} and found:
        missing[0] = "MLA: attention is generic"
    if not any(isinstance(op, moe.ExpertsOp) for op in module.walk()):
        missing.append("mixture of experts")
    return missing
