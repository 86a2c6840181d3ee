"""What ``compile`` prints at its end, and what the manifest keeps of it."""

from collections.abc import Mapping

from dsv3c.compilation.compiler import Compiled
from dsv3c.reports.report import Summary, summarize
from dsv3c.reports.report_text import render


def summary_of(compiled: Compiled) -> Summary:
    """The summary of a compile."""
    return summarize(
        compiled.module,
        model=f"{compiled.source.model} ({compiled.source.path})",
        target=compiled.ctx.target,
        point=compiled.point,
        runs=compiled.driver.runs,
        outcomes=compiled.ctx.outcomes,
        before=compiled.seconds,
        plan=str(compiled.plan) if compiled.request.pipeline is None else "",
        times=f"estimates ({compiled.request.measured})" if compiled.request.measured is not None else "floors",
    )


def summary_text(compiled: Compiled) -> str:
    """The summary as text; its first line is the operating point."""
    return render(summary_of(compiled))


def summary_json(compiled: Compiled) -> Mapping[str, object]:
    """The summary as data."""
    return summary_of(compiled).as_json()
