"""The summary of a compile as text, in aligned columns."""

from collections.abc import Mapping, Sequence

from dsv3c.ir.cost_model import CostClass
from dsv3c.ir.links import LINK_CLASSES
from dsv3c.ir.parameters import Count
from dsv3c.reports.report import TRAINING_SEQUENCE, EntryReport, Summary
from dsv3c.reports.report_qdq import QdqReport, by_place
from dsv3c.reports.tables import columns

MIB = 2**20
MOST_PLACES = 8
"""Functions that quantising is left in which are listed; the data has all of them, with lines of source."""


def render(summary: Summary) -> str:
    """The whole summary; its first line is the operating point.  Bytes and FLOPs are decimal (1 GB = 1e9 B)."""
    lines = [f"operating point: {summary.operating_point}", *columns(facts(summary)), ""]
    if summary.entries:
        lines += [*numbers_table(summary.entries), "", *class_table(summary.entries), ""]
        lines += spaced(link_table(summary.entries))
    lines += spaced(columns([*precision_lines(summary), *experts_lines(summary)]))
    lines += [f"@{name}: no cost: {why}" for name, why in summary.not_costed.items()]
    lines += [
        f"@{entry.name}: without a cost, counted as nothing: {listed(entry.uncosted)}"
        for entry in summary.entries
        if entry.uncosted
    ]
    lines += [*pass_table(summary), "", *outcome_lines(summary)]
    return "\n".join(lines)


def facts(summary: Summary) -> list[tuple[str, str]]:
    """What holds for the whole model: (name, value)."""
    rows = [
        ("model", f"{summary.model}, {summary.level}, for {summary.target}"),
        *([("plan", summary.plan)] if summary.plan else []),
        ("parameters", counted(summary.parameters)),
    ]
    if summary.parameters.on_rank != summary.parameters.total:
        rows.append(("", f"on one rank {many(summary.parameters.on_rank)}"))
    if (added := summary.mtp_parameters) is not None:
        also = f"total {many(added.total)}, active {many(added.active)}"
        rows.append(("", f"multi-token prediction, apart from them: {also}"))
    cache, training = summary.cache_bytes_per_token, summary.training_flops_per_token
    rows.append(("cache", f"{cache:,} B per token" if cache is not None else "unknown"))
    convention = f"at sequence {TRAINING_SEQUENCE}: 6 N + 3 x causal attention core, N without the embedding"
    value = "unknown: no attention is recognised"
    if training is not None:
        value = f"{scaled(training, ('G', 'M', 'k'), 1)}FLOP per token {convention}"
    rows.append(("training", value))
    return rows


def counted(count: Count) -> str:
    """Total and active parameters."""
    return (
        f"total {many(count.total)}, active per token {many(count.active)} "
        f"({many(count.active_without_embedding)} without the embedding)"
    )


def many(number: float) -> str:
    """How many of something: ``671.03 B``, ``21.98 M``, ``312``."""
    return scaled(number, ("B", "M", "k"), 2).strip()


def scaled(number: float, prefixes: tuple[str, str, str], digits: int) -> str:
    """A number over a power of 1000, and that power's prefix."""
    for limit, prefix in zip((1e9, 1e6, 1e3), prefixes, strict=True):
        if number >= limit:
            return f"{number / limit:.{digits}f} {prefix}"
    return f"{number:.0f} "


def spaced(lines: list[str]) -> list[str]:
    """Lines and an empty one; nothing of nothing."""
    return [*lines, ""] if lines else []


def numbers_table(entries: Sequence[EntryReport]) -> list[str]:
    """Per entry: the step, then FLOPs and bytes per token, the bound and the floor; scales where there are any."""
    scales = any(entry.scale_bytes for entry in entries)
    head = (
        "entry", "tokens", "sequences", "context", "GFLOP/token", "weight MB/token", "cache MB/token",
        "activation MB/token", *(("scale MB/token",) if scales else ()), "bound by", "floor ms/step",
    )  # fmt: skip
    rows = [head, *(numbers_row(entry, scales=scales) for entry in entries)]
    links = ", links at theirs" if any(entry.link_bytes for entry in entries) else ""
    note = (
        f"floor: weights and cache moved once, matrix products at the dense peak{links}; nothing is faster, and it is "
        "no prediction. Experts: the expected number of distinct ones under balanced routing."
    )
    return [*columns(rows), note]


def numbers_row(entry: EntryReport, *, scales: bool) -> tuple[str, ...]:
    """One line of ``numbers_table``."""
    tokens = max(1, entry.tokens)
    return (
        f"@{entry.name}",
        str(entry.tokens),
        str(entry.sequences),
        str(entry.context),
        significant(entry.flops / tokens / 1e9),
        significant(entry.weight_bytes / tokens / 1e6),
        significant(entry.cache_bytes / tokens / 1e6),
        significant(entry.activation_bytes / tokens / 1e6),
        *((significant(entry.scale_bytes / tokens / 1e6),) if scales else ()),
        entry.bound_by.replace("_", "-"),
        significant(entry.floor_s * 1e3) if entry.floor_s is not None else "unknown",
    )


def significant(number: float) -> str:
    """Four significant digits, never an exponent."""
    if not number:
        return "0"
    text = f"{number:.4g}"
    return f"{number:.0f}" if "e+" in text else f"{number:.6f}" if "e-" in text else text


def class_table(entries: Sequence[EntryReport]) -> list[str]:
    """GFLOP per token by what they are for."""
    kinds = [kind.value for kind in CostClass if any(entry.flops_by_class.get(kind.value) for entry in entries)]
    rows = [("GFLOP/token", *(f"@{entry.name}" for entry in entries))]
    for kind in kinds:
        cells = [entry.flops_by_class.get(kind, 0.0) / max(1, entry.tokens) / 1e9 for entry in entries]
        rows.append((kind, *map(significant, cells)))
    return columns(rows)


def link_table(entries: Sequence[EntryReport]) -> list[str]:
    """KB per token that one rank sends, by what for and by class of link; nothing on one rank."""
    kinds = list(dict.fromkeys(kind for entry in entries for kind in entry.link_bytes))
    if not kinds:
        return []
    head = ("KB/token sent", *(f"{kind} {link.replace('_', '-')}" for kind in kinds for link in LINK_CLASSES))
    rows: list[tuple[str, ...]] = [head]
    for entry in entries:
        sent = [entry.link_bytes.get(kind, {}).get(link, 0.0) for kind in kinds for link in LINK_CLASSES]
        rows.append((f"@{entry.name}", *(significant(number / max(1, entry.tokens) / 1e3) for number in sent)))
    return columns(rows)


def precision_lines(summary: Summary) -> list[tuple[str, str]]:
    """What is computed in 8 bits, and the quantising around it; nothing where nothing is quantised."""
    shares = [(entry.name, entry.fp8_share) for entry in summary.entries if entry.fp8_share]
    covered = ", ".join(f"@{name} {percent(share)}" for name, share in shares)
    lines = [("FP8 coverage", f"of GEMM FLOPs: {covered}")] if shares else []
    qdq = summary.qdq
    if qdq is None:
        return lines
    for index, op in enumerate(("scaled.quantize", "scaled.dequantize")):
        left = sum(site.op == op for site in qdq.left)
        done = [f"{counts[index]} {what}" for what, counts in qdq_counts(qdq)]
        lines.append((op, ", ".join([*done, f"{left} left"])))
    places = by_place(qdq.left)
    functions = list(dict.fromkeys(function for function, _ in places))
    for number, function in enumerate(functions[:MOST_PLACES]):
        held = {op: count for (name, op), count in places.items() if name == function}
        lines.append(("left in" if not number else "", f"@{function}: {listed(held)}"))
    if (more := len(functions) - MOST_PLACES) > 0:
        lines.append(("", f"and in {more} more functions"))
    return lines


def qdq_counts(qdq: QdqReport) -> list[tuple[str, tuple[int, int]]]:
    """What passes did, where passes ran."""
    return [(what, counts) for what, counts in (("inserted", qdq.inserted), ("removed", qdq.removed)) if counts]


def experts_lines(summary: Summary) -> list[tuple[str, str]]:
    """Padding among the rows of experts, and what a schedule leaves exposed; nothing where neither applies."""
    entries, lines = summary.entries, list[tuple[str, str]]()
    for entry in entries:
        if (padding := entry.padding) is not None and padding.padding_rows:
            text = f"@{entry.name}: {percent(padding.share)} of {padding.rows:,.0f} rows computed by experts"
            lines.append(("padding", text))
    for entry in entries:
        if (held := entry.schedule) is not None:
            text = (
                f"@{entry.name}: {milliseconds(held.makespan_us)}, communication {milliseconds(held.communication_us)}"
                f", of it exposed {milliseconds(held.exposed_us)}; by {summary.times}"
            )
            lines.append(("schedule", text))
    return lines


def percent(share: float) -> str:
    """``97.3 %``."""
    return f"{share * 100:.1f} %"


def milliseconds(us: float) -> str:
    """``12.34 ms``."""
    return f"{significant(us / 1e3)} ms"


def pass_table(summary: Summary) -> list[str]:
    """Time and memory of every step, and what its rewrites did."""
    rows = [("step", "seconds", "verify", "peak MiB", "fired", "blocked", "unprofitable")]
    rows += [(name, f"{seconds:.3f}", "", "", "", "", "") for name, seconds in summary.before.items()]
    for item in summary.passes:
        name = item.name.partition("{")[0]
        peak = f"{item.peak_rss_bytes / MIB:.0f}"
        counts = (str(item.fired), str(item.blocked), str(item.unprofitable))
        rows.append((name, f"{item.seconds:.3f}", f"{item.verify_seconds:.3f}", peak, *counts))
    return columns(rows)


def outcome_lines(summary: Summary) -> list[str]:
    """Rewrites together, what was not raised, what was not found."""
    lines = [("rewrites", ", ".join(f"{number} {kind}" for kind, number in summary.rewrites.items()))]
    left = listed(summary.unraised)
    lines.append(("left in aten", left or "no matrix product, attention, softmax or top-k"))
    if summary.not_found:
        lines.append(("not found", "; ".join(summary.not_found)))
    return columns(lines)


def listed(counts: Mapping[str, int]) -> str:
    """``aten.topk x 2, aten.mm``."""
    return ", ".join(f"{name} x {number}" if number > 1 else name for name, number in sorted(counts.items()))
