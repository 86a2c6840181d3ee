"""``dsv3c compare``: run two programs on the same inputs and weights, and say how far apart their results are."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dsv3c.ir.errors import UsageError
from dsv3c.options import add_fidelity

if TYPE_CHECKING:
    from dsv3c.backends.reference.weights import Weights
    from dsv3c.checking.numerics import Version
    from dsv3c.checking.probes import Probe
    from dsv3c.programs import Program

POLICIES = ("bitwise", "reassociates", "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    for name in ("first", "second"):
        parser.add_argument(name, type=Path, metavar="OUT|FILE.mlir", help="an artifact, or a module in text form")
    parser.add_argument(
        "--policy",
        choices=POLICIES,
        default="reassociates",
        help="what the second may differ by: in no bit, in the order of sums, or in anything (default: %(default)s)",
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="checkpoint (default: random)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of random weights and inputs")
    add_fidelity(parser, "of the table and of bitwise")


def run(arguments: argparse.Namespace) -> int:
    """Compare; 1 when the policy is broken."""
    from dsv3c.checking.metrics import difference
    from dsv3c.checking.numerics import Version, reassociated
    from dsv3c.checking.probes import pairs
    from dsv3c.programs import read_program

    programs = [read_program(path) for path in (arguments.first, arguments.second)]
    probes = common_probes(programs, arguments.seed)
    weights = common_weights(programs, arguments.weights, arguments.seed)
    first, second = (Version(program.module, probes, weights) for program in programs)
    check_alike(first, second, arguments)
    equal = True
    for probe, before, after in zip(
        probes, first.traces(arguments.fidelity), second.traces(arguments.fidelity), strict=True
    ):
        for index, pair in enumerate(pairs(after, before)):
            found = difference([pair])
            equal = equal and found.bitwise
            print(f"{probe!s:<24} result {index}: {pair[0].shape[0]} x {list(pair[0].shape[1:])}: {found}")
    ok = equal or arguments.policy == "none"
    if arguments.policy == "reassociates" and not equal:
        measured, ok = reassociated(first, first, second)
        print(f"{measured} (with quantisation off)" if first.is_quantized or second.is_quantized else measured)
    print(f"{arguments.policy}: {'ok' if ok else 'broken'}")
    return 0 if ok else 1


def common_probes(programs: "list[Program]", seed: int) -> "list[Probe]":
    """Inputs for the entries that both programs have.  Raises UsageError when there is none."""
    from dsv3c.backends.reference.params import entries_of
    from dsv3c.checking.probes import probes_of, steps_of

    bases = [set(steps_of(program.module)) or set(entries_of(program.module)) for program in programs]
    cache_free = next((program for program in programs if not steps_of(program.module)), programs[0])
    common = bases[0] & bases[1]
    if not common:
        raise UsageError(f"the programs have no entry in common: {sorted(bases[0])} and {sorted(bases[1])}")
    return [probe for probe in probes_of(cache_free.module, seed=seed) if probe.entry in common]


def common_weights(programs: "list[Program]", folder: Path | None, seed: int) -> "Weights":
    """Weights for both, checked against both.  Raises UsageError where they need different tensors."""
    from dsv3c.backends.reference.params import entries_of, required_headers
    from dsv3c.backends.reference.weights import RandomWeights
    from dsv3c.programs import check_memory

    for program in programs:
        for entry in entries_of(program.module):
            check_memory(program.module, entry)
    if folder is not None:
        checked = [program.weights(None, folder=folder, seed=seed) for program in programs]
        return checked[0]
    first, second = (required_headers(program.module) for program in programs)
    if wrong := sorted(name for name in first.keys() & second.keys() if first[name] != second[name]):
        raise UsageError(
            f"the programs do not need the same tensors: {wrong[0]} is {first[wrong[0]]} and {second[wrong[0]]}",
            hint="compare programs of one model",
        )
    return RandomWeights(seed, first | second)


def check_alike(first: "Version", second: "Version", arguments: argparse.Namespace) -> None:
    """Raise UsageError when results cannot be compared: other numbers of them, or other shapes."""
    from dsv3c.checking.probes import pairs

    for before, after in zip(first.traces(arguments.fidelity), second.traces(arguments.fidelity), strict=True):
        if len(before.outputs) != len(after.outputs) or any(x.shape != y.shape for x, y in pairs(after, before)):
            raise UsageError("the programs give results of other shapes", hint="compare programs of one model")
