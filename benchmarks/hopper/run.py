"""``python -m benchmarks.hopper``: describe the machine, compile, have the cases run, write the results."""

import os
import secrets
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.hopper import layer_ours
from benchmarks.hopper.budget import Budget, ordered, selected
from benchmarks.hopper.case import Case
from benchmarks.hopper.catalogue import every_case
from benchmarks.hopper.choices import CHOSEN
from benchmarks.hopper.data import Place
from benchmarks.hopper.device import NoGpu
from benchmarks.hopper.kernels import Plan, compile_plan, planned
from benchmarks.hopper.report import (
    Results,
    concluded,
    default_file,
    measured_names,
    merged,
    new_results,
    read_results,
    write_results,
)
from benchmarks.hopper.supervise import WARM_SECONDS, Event, Supervisor, described, start, warm_peers
from benchmarks.hopper.table import table
from benchmarks.hopper.worker import Job
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.targets import load_target

RESULTS = Path(__file__).parents[1] / "results"
"""Holds nothing that was not measured."""
WARM_PROCESSES = 6
"""That call peers at a time, each with operands of its own on the device."""
LEFT = 20.0
"""Seconds of a budget that the end of a run takes."""
WARM_SHARE = 1 / 3
"""Of what is left of a budget, for libraries that compile."""


def run(arguments: Namespace) -> int:
    """0 where all checks passed, 1 where one failed.  Raises NoGpu where nothing can be measured."""
    cases = ordered(selected(list(every_case()), arguments.only))
    budget = Budget(None if arguments.budget is None else max(0.0, arguments.budget - LEFT))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = described(folder)
        if found["event"] == "no_gpu":
            raise NoGpu(found["what"], hint=found["hint"])
        seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1 << 31)
        results = started(arguments, found, seed)
        file = arguments.output or default_file(RESULTS, slug(found))
        earlier = read_results(arguments.resume) if arguments.resume is not None else None
        if earlier is not None:
            merged(earlier, results)  # runs that are not one result are told now, not behind the first case
        wanted = still_wanted(cases, earlier)
        job, plan = prepared(wanted, found, folder, arguments, seed)
        results["kernels"] = plan.figures

        if job.peers and "why_not" not in found["libraries"].get("deep_gemm", {"why_not": ""}):
            print("warming up the libraries", file=sys.stderr, flush=True)
            count = max(1, min(WARM_PROCESSES, (os.cpu_count() or 1) // 2))
            warm_peers(job, folder, wanted, count, min(WARM_SECONDS, WARM_SHARE * budget.left))

        def saved(now: Results) -> None:
            write_results(file, concluded(now if earlier is None else merged(earlier, now)))

        Supervisor(lambda: start(job, folder), budget, saved).run(wanted, results)
        saved(results)
    finished = read_results(file)
    print(table(finished))
    print(f"\nwrote {file}", file=sys.stderr)
    for failure in finished["failures"]:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if finished["failures"] else 0


def still_wanted(cases: Sequence[Case], earlier: Results | None) -> list[Case]:
    """Cases that an earlier run has not measured: those that it did not come to first, then those that failed."""
    if earlier is None:
        return list(cases)
    done, tried = measured_names(earlier), {case["name"] for case in earlier["cases"]}
    return sorted((case for case in cases if case.name not in done), key=lambda case: case.name in tried)


def slug(found: Event) -> str:
    """A device's name in a file's."""
    return "-".join(found["device"]["name"].lower().split())


def started(arguments: Namespace, found: Event, seed: int) -> Results:
    """The results before the first case."""
    names = ("only", "quick", "budget", "tuned", "no_pdl")
    options = {name: getattr(arguments, name) for name in names} | {"seed": seed}
    results = new_results(found["device"], found["versions"], options)
    results["libraries"] = found["libraries"]
    return results


def prepared(
    cases: Sequence[Case], found: Event, folder: Path, arguments: Namespace, seed: int
) -> tuple[Job, Plan]:  # fmt: skip
    """Kernels in a folder, and what a worker is started with."""
    target = load_target(found["device"]["target"])
    place = Place(
        torch.device("meta"),
        target,
        found["device"]["num_sms"],
        tuned=arguments.tuned,
        early_start=not arguments.no_pdl,
    )
    plan, kernels = planned(cases, place), folder / "kernels"
    if arguments.kernels is not None:
        kernels = arguments.kernels
    else:
        compile_plan(plan, target, kernels)
    layer = folder / "layer" if any(case.measured is not None for case in cases) else None
    if layer is not None:
        prepare_layer(place, layer, cases, plan)
    job = Job(
        events=str(folder / "events.jsonl"),
        kernels=str(kernels.resolve()),
        missing=plan.missing,
        same=plan.same,
        seed=seed,
        quick=arguments.quick,
        peers=not arguments.no_peers,
        tuned=arguments.tuned,
        layer=None if layer is None else str(layer),
    )
    return job, plan


def prepare_layer(place: Place, folder: Path, cases: Sequence[Case], plan: Plan) -> None:
    """Compile the artifact of a layer; where that fails, its cases are open."""
    print("compiling one layer", file=sys.stderr, flush=True)
    try:
        layer_ours.prepare(place.target, folder, tuned=place.tuned, pdl=place.pdl)
    except Dsv3cError as error:
        plan.missing |= {f"{case.name} {CHOSEN}": error.what for case in cases if case.measured is not None}


def compile_only(arguments: Namespace) -> int:
    """``compile``: the kernels of all cases for a target, without a GPU."""
    target = load_target(arguments.target)
    place = Place(torch.device("meta"), target, int(target.fact("num_compute_units")))
    plan = planned(ordered(selected(list(every_case()), arguments.only)), place)
    compile_plan(plan, target, arguments.output)
    for name, why in plan.missing.items():
        print(f"{name}: {why}", file=sys.stderr)
    print(f"{len(plan.figures)} kernels in {arguments.output}")
    return 1 if plan.missing else 0
