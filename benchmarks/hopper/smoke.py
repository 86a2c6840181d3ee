"""Every kind of case at small sizes on the CPU: plain kernels in Triton's interpreter, their Gluon twins emulated.

Nothing is timed and no peer is asked.  This is what a machine without a GPU can say of the harness and the kernels.
"""

import sys
from collections.abc import Callable, Iterable

import torch

from benchmarks.hopper.case import Case
from benchmarks.hopper.catalogue import small_cases
from benchmarks.hopper.choices import NotAvailable
from benchmarks.hopper.data import Place
from benchmarks.hopper.kernels import planned
from benchmarks.hopper.measure import Session, measure
from benchmarks.hopper.timing import QUICK
from dsv3c.backends.triton.gluon_interpreter import GluonInterpreterGpu
from dsv3c.ir.targets import load_target

TARGET = "h100"
NUM_SMS = 8
"""Few enough for a persistent grid to wrap around."""
Tell = Callable[[str], None]


def smoke(cases: Iterable[Case] | None = None, seed: int = 0, told: Tell = print) -> int:
    """0 where every form of every case is right; a line per form."""
    chosen = list(cases if cases is not None else small_cases())
    target = load_target(TARGET)
    place = Place(torch.device("cpu"), target, NUM_SMS, seed)
    plan = planned(chosen, place)
    gpu = GluonInterpreterGpu(NUM_SMS, seed)
    session = Session(place, gpu, None, QUICK, plan.missing, plan.same, with_peers=False)
    failed = 0
    for case in chosen:
        try:
            entry = measure(case, session)
        except NotAvailable as error:
            told(f"FAILED {case.name}: {error}")
            failed += 1
            continue
        for form, outcome in entry["ours"].items():
            wrong = [f"{check['output']}: {check['error']}" for check in outcome["checks"] if check["error"]]
            wrong += [outcome["error"]] if outcome["error"] else []
            failed += bool(wrong)
            told(f"{'FAILED ' if wrong else ''}{case.name} {form}: {'; '.join(wrong) or 'right'}")
    emulated = f", {gpu.emulated} launches of Gluon kernels emulated"
    told(f"{len(chosen)} cases, {failed} forms failed{emulated}; nothing was timed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(smoke())
