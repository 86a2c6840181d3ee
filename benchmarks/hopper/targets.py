"""The table of targets: what each row counts, what it must reach at least, and what it aims at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

COPY = "copy"
"""In place of a peer: the measured bandwidth of a copy."""
FLUSHED, GRAPH = "flushed", "graph"
"""How the times of a ratio were taken."""
FORM = "chosen"
"""Of ours, that counts: what the compiler chooses."""


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    name: str
    title: str
    peers: tuple[str, ...]
    """Whose times ours are held against: the best of those that ran; ``copy``: the bandwidth of a copy."""
    at_least: float
    aim: float
    unit: str = ""
    """``x``: a speed-up."""


ATTENTION = ("flash_attention_3", "sdpa_cudnn", "sdpa_flash", "sdpa_efficient")
ROWS = (
    Row("gemm_large", "FP8 GEMM dense and contiguous-grouped, M >= 1024, vs DeepGEMM", ("deep_gemm",), 0.85, 1.0),
    Row("gemm_small", "FP8 GEMM M <= 128 and masked, vs DeepGEMM", ("deep_gemm",), 1.0, 1.2),
    Row("gemm_narrow", "FP8 GEMM M <= 128, N = 2112 and 576, vs DeepGEMM", ("deep_gemm",), 1.0, 1.5),
    Row("decode_compute", "MLA decode vs FlashMLA, compute-bound", ("flash_mla",), 0.75, 1.0),
    Row("decode_memory", "MLA decode vs FlashMLA, memory-bound", ("flash_mla",), 0.9, 1.0),
    Row("prefill", "MLA prefill vs the best importable attention", ATTENTION, 0.9, 1.0),
    Row("wgrad", "wgrad vs DeepGEMM", ("deep_gemm",), 0.8, 1.0),
    Row("rows", "quantise, norm, SwiGLU, permute: share of copy bandwidth, >= 4096 tokens", (COPY,), 0.85, 0.95),
    Row("layer", "one full MoE layer vs torch.compile BF16 of the HF layer", ("torch_compile",), 1.8, 2.5, "x"),
)
"""Ratios are a peer's time over ours, geometric means over the cases."""
Results = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """A row, filled."""

    row: Row
    measured: float | None
    """Geometric mean of the cases' ratios; None where the row is open."""
    ratios: Mapping[str, float]
    """Case -> its ratio."""
    open: Mapping[str, str]
    """Case -> why it has none."""
    word: str
    """``aim``, ``met``, ``below`` or ``open``."""

    def as_json(self) -> dict[str, object]:
        """For the file of results."""
        return {
            "row": self.row.name,
            "title": self.row.title,
            "at_least": self.row.at_least,
            "aim": self.row.aim,
            "measured": self.measured,
            "verdict": self.word,
            "cases": dict(self.ratios),
            "open": dict(self.open),
        }


def verdicts(results: Results) -> list[Verdict]:
    """Every row of the table, from a file of results."""
    return [verdict(row, results) for row in ROWS]


def verdict(row: Row, results: Results) -> Verdict:
    """One row: open where no case has a ratio."""
    ratios, missing = dict[str, float](), dict[str, str]()
    for case in results["cases"]:
        if case.get("row") != row.name:
            continue
        found, peer = case.get("ratio"), case.get("ratio_to")
        if found is not None and peer is not None:
            ratios[case["name"]] = found
        else:
            missing[case["name"]] = why_open(row, case, results)
    for left in results.get("left_out", []):
        if left.get("row") == row.name:
            missing[left["name"]] = left["why"]
    measured = geometric_mean(list(ratios.values()))
    word = "open" if measured is None else word_for(measured, row.at_least, row.aim)
    return Verdict(row, measured, ratios, missing, word)


def word_for(measured: float, at_least: float, aim: float) -> str:
    """``aim``, ``met`` or ``below``."""
    return "aim" if measured >= aim else "met" if measured >= at_least else "below"


def geometric_mean(values: Sequence[float]) -> float | None:
    """None of no values."""
    return exp(sum(map(log, values)) / len(values)) if values else None


def ratio_of(case: Mapping[str, Any], results: Results) -> tuple[float, str, str] | None:
    """A case's ratio, whom it is to, and by which times.

    The best peer's time over ours, or our share of the copy bandwidth; ``graph``: by times in graphs, ``flushed``.
    """
    row = next((row for row in ROWS if row.name == case.get("row")), None)
    mine = case.get("ours", {}).get(FORM)
    ours = median_of(mine)
    if row is None or ours is None:
        return None
    in_graph = median_of(mine, GRAPH) if uncached(case, results) else None
    if row.peers == (COPY,):
        rate = results["references"].get("copy_bytes_per_s")
        seconds, how = (ours, FLUSHED) if in_graph is None else (in_graph, GRAPH)
        return (case["work"]["bytes"] / seconds / rate["per_s"], COPY, how) if rate else None
    times = {name: median_of(case["peers"].get(name)) for name in row.peers}
    there = {name: seconds for name, seconds in times.items() if seconds is not None}
    if not there:
        return None
    best = min(there, key=lambda name: there[name])
    theirs = median_of(case["peers"][best], GRAPH)
    if in_graph is not None and theirs is not None:
        return theirs / in_graph, best, GRAPH
    return there[best] / ours, best, FLUSHED


def uncached(case: Mapping[str, Any], results: Results) -> bool:
    """Whether a case was timed in graphs over more operands than the cache holds: an event is then not in its time."""
    graph = case.get("graph")
    return graph is not None and graph["bytes"] > results["device"]["l2_bytes"]


def median_of(outcome: Mapping[str, Any] | None, how: str = "timing") -> float | None:
    """Seconds of a form or a peer (``graph``: in a graph); None where it was not timed."""
    timing = outcome.get(how) if outcome is not None else None
    return None if timing is None else float(timing["median"])


def why_open(row: Row, case: Mapping[str, Any], results: Results) -> str:
    """Why a case has no ratio."""
    if case.get("error"):
        return str(case["error"])
    ours = case.get("ours", {}).get(FORM)
    if median_of(ours) is None:
        return f"ours: {failure(ours)}"
    if row.peers == (COPY,):
        return "the bandwidth of a copy was not measured"
    return "; ".join(f"{name}: {failure(case['peers'].get(name))}" for name in row.peers)


def failure(outcome: Mapping[str, Any] | None) -> str:
    """Why a form or a peer was not timed."""
    if outcome is None:
        return "not asked"
    wrong = [f"{check['output']}: {check['error']}" for check in outcome.get("checks", []) if check["error"]]
    return str(outcome.get("error") or "; ".join(wrong) or "not timed")
