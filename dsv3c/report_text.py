"""The summary of a compile as text, in aligned columns."""

from collections.abc import Mapping, Sequence

from dsv3c.ir.cost_model import CostClass
from dsv3c.ir.parameters import Count
from dsv3c.report import TRAINING_SEQUENCE, EntryReport, Summary
from dsv3c.tables import columns

MIB = 2**20


def render(summary: Summary) -> str:
    """The whole summary; its first line is the operating point.  Bytes and FLOPs are decimal (1 GB = 1e9 B)."""
    lines = [f"operating point: {summary.operating_point}", *columns(facts(summary)), ""]
    if summary.entries:
        lines += [*numbers_table(summary.entries), "", *class_table(summary.entries), ""]
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
        ("parameters", counted(summary.parameters)),
    ]
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


def numbers_table(entries: Sequence[EntryReport]) -> list[str]:
    """Per entry: the step, then FLOPs and bytes per token, the bound and the floor."""
    head = (
        "entry", "tokens", "sequences", "context", "GFLOP/token", "weight MB/token", "cache MB/token",
        "activation MB/token", "bound by", "floor ms/step",
    )  # fmt: skip
    rows = [head, *(numbers_row(entry) for entry in entries)]
    note = (
        "floor: weights and cache moved once, matrix products at the dense peak; nothing is faster, and it is no "
        "prediction. Experts: the expected number of distinct ones under balanced routing."
    )
    return [*columns(rows), note]


def numbers_row(entry: EntryReport) -> tuple[str, ...]:
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
        entry.bound_by,
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
