"""Time and memory of every stage of a compile, for several numbers of layers, on the CPU.

    python benchmarks/compile_time.py [MODEL] [--layers 4,8,16,61] [--repeats 3] [--limit 1.3]

One process per number of layers, so that peaks of memory do not mix.  The capture is timed once, every other stage as
the best of the repeats.  Two sums, in CPU seconds, which a busy machine disturbs less: what follows the capture (import
to text), and everything a compile does but torch.export itself (starting Python, loading torch, building the model, and
what follows the capture).  Ends with exit code 1 when the second grows beyond the limit from 8 layers to the most.
Nothing here is a claim about kernels.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from time import perf_counter, process_time

from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.driver import Driver, peak_rss_bytes
from dsv3c.ir.context import make_context
from dsv3c.ir.text import parse_module, print_module
from dsv3c.reports.tables import columns

CAPTURE = "capture"
EXPORT = "of it torch.export, CPU"
AFTER = "all after the capture, CPU"
REST = "all but torch.export, CPU"
BASE_LAYERS = 8


@dataclass
class Stage:
    name: str
    seconds: float
    peak_rss_bytes: int


class Watch:
    """Collects stages in order; a stage of one name again keeps the smaller time."""

    def __init__(self) -> None:
        self.stages = dict[str, Stage]()

    def add(self, name: str, seconds: float) -> None:
        known = self.stages.get(name)
        best = seconds if known is None else min(seconds, known.seconds)
        self.stages[name] = Stage(name, best, known.peak_rss_bytes if known else peak_rss_bytes())

    def timed(self, name: str, work):
        start = perf_counter()
        result = work()
        self.add(name, perf_counter() - start)
        return result


def measure(model: str, layers: int, repeats: int) -> list[Stage]:
    """The stages of one compile, in this process."""
    import dsv3c.frontend.exporting as exporting
    from dsv3c.frontend.capture import CaptureOptions, capture

    watch = Watch()
    inner = exporting.export

    def timed_export(*args, **kwargs):
        start = process_time()
        try:
            return inner(*args, **kwargs)
        finally:
            watch.add(EXPORT, process_time() - start)

    exporting.export = timed_export
    captured = watch.timed(CAPTURE, lambda: capture(model, CaptureOptions(layers=(0, layers), mtp=False)))
    before = process_time() - watch.stages[EXPORT].seconds
    for _ in range(repeats):
        start = process_time()
        text = compile_once(watch, captured)
        watch.add(AFTER, process_time() - start)
        again = watch.timed("parse (not in a compile)", lambda text=text: parse_module(make_context(), text))
        assert print_module(again) == text, "the text does not round-trip"
    watch.add(REST, before + watch.stages[AFTER].seconds)
    return list(watch.stages.values())


def compile_once(watch: Watch, captured) -> str:
    """Import, every pass, verification, summary and the text; returns the text."""
    from dsv3c.compilation.compiler import evaluator
    from dsv3c.compilation.operating_point import OperatingPoint
    from dsv3c.compilation.pipelines import default_pipeline, parse_passes
    from dsv3c.compilation.plan import plan_of
    from dsv3c.frontend.importer import import_program
    from dsv3c.ir.targets import load_target
    from dsv3c.reports.report import summarize

    target = load_target("h800")
    point, ctx = OperatingPoint(), make_context(target=target)
    ctx.operating_point, ctx.evaluator = point.symbols(), evaluator()
    module: ModuleOp = watch.timed("import", lambda: import_program(ctx, captured))
    driver = Driver(ctx)
    driver.run(module, parse_passes(default_pipeline(point, plan_of({}, target))))
    seen = dict[str, int]()
    for run in driver.runs:
        seen[run.name] = seen.get(run.name, 0) + 1
        watch.add(run.name if seen[run.name] == 1 else f"{run.name} ({seen[run.name]})", run.seconds)
    watch.add("verify, after all passes", sum(run.verify_seconds for run in driver.runs))
    watch.timed("summary", lambda: summarize(module, model="", target=ctx.target, point=point, outcomes=ctx.outcomes))
    return watch.timed("print", lambda: print_module(module))


def in_own_process(model: str, layers: int, repeats: int) -> list[Stage]:
    """``measure`` in a fresh process."""
    command = [sys.executable, __file__, model, "--one", str(layers), "--repeats", str(repeats)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # errors go to the terminal
    return [Stage(**stage) for stage in json.loads(done.stdout.splitlines()[-1])]


def table(results: dict[int, list[Stage]]) -> list[str]:
    """Stages down, numbers of layers across: seconds and the peak of memory after the stage."""
    rows = [("stage", *(f"{layers} layers: s, MiB" for layers in results))]
    names = [stage.name for stage in next(iter(results.values()))]
    for name in names:
        cells = [next(stage for stage in stages if stage.name == name) for stages in results.values()]
        rows.append((name, *(f"{cell.seconds:8.3f}  {cell.peak_rss_bytes / 2**20:6.0f}" for cell in cells)))
    return columns(rows)


def seconds_of(stages: list[Stage], name: str) -> float:
    """The time of one stage."""
    return next(stage.seconds for stage in stages if stage.name == name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="deepseek-v3")
    parser.add_argument("--layers", default="4,8,16,61", help="numbers of layers (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="of everything but the export (default: %(default)s)")
    parser.add_argument(
        "--limit", type=float, default=1.3, help="growth from 8 layers to the most (default: %(default)s)"
    )
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps([asdict(stage) for stage in measure(arguments.model, arguments.one, arguments.repeats)]))
        return 0
    counts = [int(count) for count in arguments.layers.split(",")]
    results = {count: in_own_process(arguments.model, count, arguments.repeats) for count in counts}
    print("\n".join(table(results)))
    if BASE_LAYERS not in results or max(counts) == BASE_LAYERS:
        return 0
    most, base = results[max(counts)], results[BASE_LAYERS]
    for name in (AFTER, REST):
        growth = seconds_of(most, name) / seconds_of(base, name)
        print(f"{name}: {max(counts)} over {BASE_LAYERS} layers: {growth:.2f}x")
    print(f"limit for the last line: {arguments.limit}x")
    return int(growth > arguments.limit)


if __name__ == "__main__":
    sys.exit(main())
