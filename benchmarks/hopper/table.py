"""The table of targets and the tables of cases, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.hopper.targets import FORM, Verdict, failure, median_of, verdicts

WORDS = {"aim": "aim reached", "met": "reached", "below": "below", "open": "open"}
Results = Mapping[str, Any]


def table(results: Results) -> str:
    """Every row of targets: at least, aim, measured, verdict."""
    device, references = results["device"], results["references"]
    lines = [
        f"{device['name']}, driver {device['driver']}, torch {results['versions']['torch']}, "
        f"Triton {results['versions']['triton']}, {results['made'][:10]}, commit {results['commit'][:10] or 'unknown'}",
    ]
    if references:
        rates = ", ".join(f"{shown_rate(name, each['per_s'])}" for name, each in references.items())
        lines.append(f"measured on it: {rates}")
    head = ("kernel", "at least", "aim", "measured", "cases", "verdict")
    found = verdicts(results)
    lines += ["", *markdown([head, *(cells(verdict) for verdict in found)], right=(1, 2, 3, 4))]
    reasons = list(open_reasons(found))
    if reasons:
        lines += ["", "Open:", "", *reasons]
    return "\n".join(lines)


def cells(verdict: Verdict) -> tuple[str, ...]:
    """One row."""
    row = verdict.row
    measured = "-" if verdict.measured is None else f"{verdict.measured:.2f}{row.unit}"
    count = f"{len(verdict.ratios)} of {len(verdict.ratios) + len(verdict.open)}"
    return row.title, f"{row.at_least:g}{row.unit}", f"{row.aim:g}{row.unit}", measured, count, WORDS[verdict.word]


def open_reasons(found: Iterable[Verdict]) -> Iterable[str]:
    """Per row, the reasons for which cases have no ratio, each once with how many there are."""
    for verdict in found:
        if not verdict.ratios and not verdict.open:
            yield f"- {verdict.row.name}: no case was run"
        counts = dict[str, int]()
        for why in verdict.open.values():
            counts[why] = counts.get(why, 0) + 1
        for why, count in counts.items():
            yield f"- {verdict.row.name}: {count} case{'s' if count > 1 else ''}: {why}"


def cases_table(results: Results, family: str | None = None) -> str:
    """Every case: floor, ours, peers, in microseconds, with low and high of the runs."""
    chosen = [case for case in results["cases"] if family is None or case["family"] == family]
    names = list(dict.fromkeys(name for case in chosen for name in case.get("peers", {})))
    forms = list(dict.fromkeys(form for case in chosen for form in case.get("ours", {})))
    head = ("case", "floor us", "bound by", *(f"ours {form}" for form in forms), *names, "ratio", "by", "of floor")
    lines = [tuple(head)]
    for case in chosen:
        if "work" not in case:
            lines.append((case["name"], *("-" for _ in head[1:-1]), str(case["error"])))
            continue
        floor = case["floor"]
        ours = median_of(case["ours"].get(FORM))
        lines.append(
            (
                case["name"],
                f"{floor['seconds'] * 1e6:.1f}",
                floor["bound_by"],
                *(time_cell(case["ours"].get(form)) for form in forms),
                *(time_cell(case["peers"].get(name)) for name in names),
                "-" if case.get("ratio") is None else f"{case['ratio']:.2f}",
                case.get("ratio_by") or "-",
                "-" if ours is None else f"{floor['seconds'] / ours:.0%}",
            )
        )
    return "\n".join(markdown(lines, right=tuple(range(1, len(head)))))


def time_cell(outcome: Mapping[str, Any] | None) -> str:
    """``9.1 (8.9 to 9.6)`` in microseconds, ``failed`` or ``-``."""
    if outcome is None:
        return "-"
    if median_of(outcome) is None:
        return "failed" if failure(outcome) != "not timed" else "-"
    low, middle, high = (outcome["timing"][name] * 1e6 for name in ("low", "median", "high"))
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


def shown_rate(name: str, per_s: float) -> str:
    """``copy 3.01 TB/s``, ``bf16 798 TFLOP/s``"""
    what, unit = name.removesuffix("_per_s").rsplit("_", 1)
    return f"{what} {per_s / 1e12:.3g} T{'B' if unit == 'bytes' else 'FLOP'}/s"


def markdown(lines: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """A table; the first line is its head, ``right`` are columns of numbers."""
    head, *body = lines
    rule = ["--:" if index in right else "---" for index in range(len(head))]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in (head, rule, *body)]
