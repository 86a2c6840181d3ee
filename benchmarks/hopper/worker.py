"""The process that uses the device: a case's name per line in, its results as a line in a file of events out.

It is a process of its own because a kernel that never ends, or that writes where it must not, takes the process with
it: whoever started it goes on with the next case in another.
"""

import gc
import json
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.hopper.catalogue import every_case
from benchmarks.hopper.choices import NotAvailable
from benchmarks.hopper.data import Place
from benchmarks.hopper.device import clocks, cuda_clock, find_device, references, versions
from benchmarks.hopper.imports import first_line, look_for_all
from benchmarks.hopper.measure import Session, measure
from benchmarks.hopper.timing import QUICK, Limits
from dsv3c.backends.triton.runtime.cubin import CubinGpu
from dsv3c.backends.triton.runtime.records import GpuError
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.targets import load_target

REFERENCES = "references"
"""In place of a case's name: the device's own rates."""
CLOCKS = "clocks"
"""In place of a case's name: clocks as they are now."""


@dataclass(frozen=True)
class Job:
    """What a worker is started with."""

    events: str
    """File that lines are appended to."""
    kernels: str
    """Folder of compiled kernels."""
    missing: dict[str, str]
    same: dict[str, str]
    seed: int
    quick: bool
    peers: bool
    tuned: str
    """Tables of measured configurations."""
    layer: str | None = None
    """Artifact of a layer."""

    def write(self, file: Path) -> None:
        """As JSON."""
        file.write_text(json.dumps(asdict(self)), "utf-8")

    @staticmethod
    def read(file: Path) -> "Job":
        """From JSON."""
        return Job(**json.loads(file.read_text("utf-8")))


def describe(events: Path) -> None:
    """What there is: the device, versions, libraries.  What is wrong is an event too."""
    try:
        device = find_device()
    except Dsv3cError as error:
        append(events, {"event": "no_gpu", "what": error.what, "hint": error.hint})
        return
    libraries = {name: found.as_json() for name, found in look_for_all().items()}
    append(events, {"event": "device", "device": device.as_json(), "versions": versions(), "libraries": libraries})


def append(events: Path, event: dict[str, Any]) -> None:
    """One line."""
    with events.open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


def work(job: Job) -> int:
    """Run what standard input names, until it ends."""
    events, device = Path(job.events), find_device()
    limits, clock = QUICK if job.quick else Limits(), cuda_clock(device)
    torch.backends.cuda.matmul.allow_tf32 = False
    place = Place(torch.device("cuda", 0), load_target(device.target), device.num_sms, job.seed, job.tuned)
    try:
        gpu = CubinGpu(Path(job.kernels))
    except GpuError as error:
        append(events, {"event": "no_gpu", "what": error.what, "hint": error.hint})
        return 1
    session = Session(place, gpu, clock, limits, job.missing, job.same, device.l2_bytes, job.peers)
    cases = {case.name: case for case in every_case()}
    append(events, {"event": "ready"})
    for line in sys.stdin:
        name = line.strip()
        if name == REFERENCES:
            found = references(clock, place.device, limits)
            append(events, {"event": REFERENCES, "found": {key: each.as_json() for key, each in found.items()}})
        elif name == CLOCKS:
            append(events, {"event": CLOCKS, "found": clocks()})
        else:
            case = cases[name]
            entry: dict[str, Any] = {"name": name, "family": case.family, "row": case.row}
            try:
                with torch.no_grad():
                    entry = measure(case, session)
            except NotAvailable as error:
                entry["error"] = str(error)
            except (RuntimeError, ValueError, TypeError, KeyError, AssertionError, Dsv3cError) as error:
                traceback.print_exc()
                entry |= {"error": f"{type(error).__name__}: {first_line(error)}", "crashed": True}
            if not still_alive():
                append(events, {"event": "case", "entry": entry, "broken": True})
                return 1
            append(events, {"event": "case", "entry": entry})
    return 0


def still_alive() -> bool:
    """Whether the device still does what this process asks of it; frees memory, that of a layer in cycles too."""
    gc.collect()
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    except RuntimeError:
        return False
    return True


def warm_up(job: Job, names: list[str]) -> int:
    """Run every peer of these cases once: libraries that compile their kernels when they are called have done so."""
    device = find_device()
    place = Place(torch.device("cuda", 0), load_target(device.target), device.num_sms, job.seed, job.tuned)
    cases = {case.name: case for case in every_case()}
    for name in names:
        try:
            makers = cases[name].build(place).peers if cases[name].measured is None else {}
        except NotAvailable:
            continue
        for maker in makers.values():
            try:
                maker().run()
                torch.cuda.synchronize()
            except Exception as error:  # a peer may raise anything: it is recorded when it is measured
                print(f"{name}: {type(error).__name__}: {first_line(error)}", file=sys.stderr)
        torch.cuda.empty_cache()
    return 0


def main(arguments: list[str]) -> int:
    """``describe EVENTS``, ``warm JOB CASES...``, or ``work JOB``."""
    verb, file, *rest = arguments
    if verb == "describe":
        describe(Path(file))
        return 0
    job = Job.read(Path(file))
    return warm_up(job, rest) if verb == "warm" else work(job)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
