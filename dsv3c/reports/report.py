"""The summary of a compile as data: parameters, cache, FLOPs and bytes per token, what bounds them, time and memory.

Every number is derived from the program; what it does not say is None and printed as ``unknown``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.driver import PassRun
from dsv3c.compilation.operating_point import OperatingPoint
from dsv3c.ir.cost import attentions, cache_bytes_per_token, core_flops_per_pair, unraised_core
from dsv3c.ir.dialects import mla, moe, moe_rows, nn
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.outcomes import Kind, Outcome
from dsv3c.ir.parameters import Count, model_parameters, split_entries
from dsv3c.ir.targets import Target
from dsv3c.reports.report_entries import EntryReport, entry_report
from dsv3c.reports.report_qdq import QdqReport, qdq_report

__all__ = ["EntryReport", "PassReport", "QdqReport", "Summary", "summarize"]

TRAINING_SEQUENCE = 4096
"""Tokens per sequence at which the paper counts training FLOPs (arXiv 2505.09343, table 2)."""


@dataclass(frozen=True, kw_only=True)
class PassReport:
    """Time, memory and outcomes of one step of the compile."""

    name: str
    seconds: float
    verify_seconds: float
    peak_rss_bytes: int
    """Largest resident size of the process up to the end of the step."""
    quantize_change: int
    """By how many the ``scaled.quantize`` ops in function bodies grew."""
    dequantize_change: int
    """The same of ``scaled.dequantize``."""
    fired: int
    blocked: int
    unprofitable: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a compile found and did."""

    model: str
    target: str
    operating_point: str
    plan: str = ""
    """Precision, ranks and overlap; empty where nobody planned."""
    times: str = "floors"
    """What schedules were made with: floors, or estimates from a measured table."""
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
    qdq: QdqReport | None
    """What became of quantising and dequantising; None where nothing is quantised."""

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
    plan: str = "",
    times: str = "floors",
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
        plan=plan,
        times=times,
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
        qdq=qdq_report(module, runs),
    )


def training_flops(module: ModuleOp, entries: Sequence[str], counted: Count) -> float | None:
    """FLOPs of training per token by the convention of arXiv 2505.09343; None where attention is not recognised.

    ``6 * N + 3 * sum over layers of 2 * H * (dk + dv) * sequence / 2``.
    """
    cores = [core for name in entries if (core := core_flops_per_pair(module, name)) is not None]
    return 6 * counted.active_matrices + 3 * cores[0] * TRAINING_SEQUENCE / 2 if cores else None


def pass_report(run: PassRun) -> PassReport:
    """One pass as the summary shows it."""
    kinds = Counter(item.kind for item in run.outcomes)
    return PassReport(
        name=run.spec,
        seconds=run.seconds,
        verify_seconds=run.verify_seconds,
        peak_rss_bytes=run.peak_rss_bytes,
        quantize_change=run.quantize_change,
        dequantize_change=run.dequantize_change,
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
    if not any(isinstance(op, moe.ExpertsOp | moe_rows.PermuteOp) for op in module.walk()):
        missing.append("mixture of experts")
    return missing
