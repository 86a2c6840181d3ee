"""Plots of a file of results as SVG: every case's ratio to its peer, and its share of the floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.hopper.targets import FORM, ROWS, Verdict, median_of, verdicts, word_for
from dsv3c.files import write_text

Results = Mapping[str, Any]
LABEL, BAR, RIGHT = 300, 480, 90
"""Pixels: names of cases, the longest bar, numbers behind it."""
LINE, HEAD, FOOT = 20, 58, 30
COLORS = {"aim": "#2a7d4f", "met": "#4878a8", "below": "#b5523b", "open": "#999999", "floor": "#4878a8"}
"""By verdict; chosen to differ in lightness too."""


@dataclass(frozen=True)
class Bar:
    """A case's number."""

    label: str
    value: float
    color: str
    note: str
    """Behind the bar."""


@dataclass(frozen=True)
class Mark:
    """A line across all bars."""

    value: float
    label: str


def write_plots(results: Results, folder: Path) -> list[Path]:
    """One file per row of the table that has a case with a ratio, and one of floors; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = list[Path]()
    slug = "-".join(results["device"]["name"].lower().split())
    for verdict in verdicts(results):
        if verdict.ratios:
            made.append(written(folder / f"{slug}-{verdict.row.name}.svg", ratio_plot(verdict, results)))
    bars = floor_bars(results)
    if bars:
        subtitle = "floor: the larger of operations and bytes over the data sheet's rates"
        text = plot(f"{results['device']['name']}: share of the floor", subtitle, bars, [Mark(1.0, "floor")])
        made.append(written(folder / f"{slug}-floors.svg", text))
    return made


def written(file: Path, text: str) -> Path:
    """The file, written."""
    write_text(file, text)
    return file


def ratio_plot(verdict: Verdict, results: Results) -> str:
    """Ratios of a row's cases with its two limits."""
    row = verdict.row
    bars = [
        Bar(name, ratio, COLORS[word_for(ratio, row.at_least, row.aim)], f"{ratio:.2f}")
        for name, ratio in verdict.ratios.items()
    ]
    mean = f"geometric mean {verdict.measured:.2f} of {len(bars)} cases"
    marks = [Mark(row.at_least, "at least"), Mark(row.aim, "aim")]
    return plot(f"{results['device']['name']}: {row.title}", f"{mean}; longer is faster", bars, marks)


def floor_bars(results: Results) -> list[Bar]:
    """Every case of ours that counts for a row and was timed."""
    known, bars = {row.name for row in ROWS}, list[Bar]()
    for case in results["cases"]:
        seconds = median_of(case.get("ours", {}).get(FORM))
        if seconds is None or case["row"] not in known:
            continue
        share = case["floor"]["seconds"] / seconds
        bars.append(Bar(case["name"], share, COLORS["floor"], f"{share:.0%} of {case['floor']['bound_by']}"))
    return bars


def plot(title: str, subtitle: str, bars: Sequence[Bar], marks: Sequence[Mark]) -> str:
    """Horizontal bars from zero."""
    largest = max([*(bar.value for bar in bars), *(mark.value for mark in marks)]) * 1.05
    height, width = HEAD + LINE * len(bars) + FOOT, LABEL + BAR + RIGHT

    def x(value: float) -> float:
        return LABEL + BAR * value / largest

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12" fill="#222">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="10" y="22" font-size="15">{escape(title)}</text>',
        f'<text x="10" y="42" fill="#555">{escape(subtitle)}</text>',
    ]
    for index, bar in enumerate(bars):
        top = HEAD + LINE * index
        lines += [
            f'<text x="{LABEL - 8}" y="{top + 14}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{LABEL}" y="{top + 3}" width="{x(bar.value) - LABEL:.1f}" height="{LINE - 6}" '
            f'fill="{bar.color}"/>',
            f'<text x="{x(bar.value) + 5:.1f}" y="{top + 14}">{escape(bar.note)}</text>',
        ]
    bottom = HEAD + LINE * len(bars)
    for index, mark in enumerate(marks):
        lines += [
            f'<line x1="{x(mark.value):.1f}" y1="{HEAD}" x2="{x(mark.value):.1f}" y2="{bottom + 4}" stroke="#222" '
            f'stroke-dasharray="{4 - 2 * index} 2"/>',
            f'<text x="{x(mark.value):.1f}" y="{bottom + 18}" text-anchor="{"end" if index == 0 else "start"}">'
            f"{escape(mark.label)} {mark.value:g}</text>",
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"
