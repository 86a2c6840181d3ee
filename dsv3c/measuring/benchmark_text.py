"""Measured times as text: a line per step, a table of its kernels."""

from collections.abc import Sequence
from statistics import median

from dsv3c.measuring.benchmark import Bound, KernelRow, Measured
from dsv3c.reports.tables import columns

NONE = "-"


def render(one: Measured, *, per_kernel: bool) -> str:
    """One entry; ``per_kernel``: a row per place in the program instead of one per launcher or op."""
    point, rows = one.point, one.sites if per_kernel else one.kernels
    query = f"{point.new_tokens} new token{'s' if point.new_tokens > 1 else ''} of each"
    sequences = f"{point.sequences} sequence{'s' if point.sequences > 1 else ''}"
    inside = sum(row.seconds for row in one.kernels)
    head = [
        f"@{point.entry}: {sequences}, {query}, {point.context} tokens of each in the cache",
        f"  step     {spread(one.steps)}, {one.tokens_per_s:.4g} tokens/s",
        f"  graph    {graph_text(one)}",
        f"  floor    {floor_text(one.bound, one.seconds)}",
        f"  kernels  {duration(inside)} in {sum(row.calls for row in one.kernels)} calls, timed in runs of their own",
        "",
    ]
    titles = (one.kind, "calls", "total us", "share", "median us", "GFLOP/s", "GB/s", "floor us", "ratio", "bound by")
    return "\n".join([*head, *columns([titles, *(cells(row, inside) for row in rows)])])


def spread(times: Sequence[float]) -> str:
    """``1.2 ms (median of 20; 1.1 ms to 1.3 ms)``."""
    return f"{duration(median(times))} (median of {len(times)}; {duration(min(times))} to {duration(max(times))})"


def graph_text(one: Measured) -> str:
    """The step as a graph of the device beside the step without, or why there is none."""
    if isinstance(one.graphs, str):
        return f"none: {one.graphs}"
    return f"{spread(one.graphs)}, {one.seconds / median(one.graphs):.3g} times as fast"


def floor_text(bound: Bound, measured: float) -> str:
    """``12.3 us, bound by memory; measured is 3.1 times that``."""
    if bound.seconds is None:
        return f"none: {bound.by.removeprefix('no floor: ')}"
    ratio = bound.ratio(measured)
    times = f"; measured is {ratio:.3g} times that" if ratio is not None else ""
    return f"{duration(bound.seconds)}, bound by {bound.by}{times}"


def cells(row: KernelRow, inside: float) -> tuple[str, ...]:
    """One row of the table."""
    ratio = row.bound.ratio(row.seconds)
    return (
        row.name,
        str(row.calls),
        f"{row.seconds * 1e6:.2f}",
        f"{row.seconds / inside:.1%}" if inside else NONE,
        f"{median(row.each) * 1e6:.2f}",
        rate(row.bound.flops, row.seconds),
        rate(row.bound.num_bytes, row.seconds),
        NONE if row.bound.seconds is None else f"{row.bound.seconds * 1e6:.3f}",
        NONE if ratio is None else f"{ratio:.3g}",
        row.bound.by,
    )


def rate(amount: float, seconds: float) -> str:
    """Billions per second; ``-`` of nothing."""
    return f"{amount / seconds / 1e9:.3g}" if amount and seconds else NONE


def duration(seconds: float) -> str:
    """``1.23 s``, ``4.56 ms`` or ``7.89 us``."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"
