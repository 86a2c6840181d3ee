"""``dsv3c run``: execute one entry once with the reference, and print what comes out."""

import argparse
from pathlib import Path

from dsv3c.ir.errors import UsageError
from dsv3c.options import add_fidelity

MAX_ROWS = 4
"""Sequences whose tokens are printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("program", type=Path, metavar="OUT|FILE.mlir", help="an artifact, or a module in text form")
    parser.add_argument("--entry", metavar="NAME", help="function to run (default: main, else prefill)")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="checkpoint (default: the artifact's, else random)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of random weights and inputs (default: 0)")
    parser.add_argument("--batch", type=int, metavar="N", help="sequences (default: 1)")
    parser.add_argument("--seq", type=int, metavar="N", help="tokens per sequence (default: 16)")
    parser.add_argument(
        "--tokens", action="append", type=token_ids, metavar="1,2,3", help="one sequence's token ids; repeat for more"
    )
    add_fidelity(parser)


def token_ids(text: str) -> tuple[int, ...]:
    """``1,2,3`` -> ids."""
    parts = text.replace(",", " ").split()
    if not parts or not all(part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} are no token ids: give e.g. 1,2,3")
    return tuple(map(int, parts))


def run(arguments: argparse.Namespace) -> int:
    """Read, check, execute, print."""
    if arguments.tokens and (arguments.batch is not None or arguments.seq is not None):
        raise UsageError("--tokens says how many sequences there are and how long: leave out --batch and --seq")
    from dsv3c.backends.reference.alike import AlikeExecutor, executor_for
    from dsv3c.inputs import InputOptions, entry_inputs
    from dsv3c.programs import check_memory, choose_entry, read_program
    from dsv3c.results import describe_results

    options = InputOptions(
        batch=1 if arguments.batch is None else arguments.batch,
        length=16 if arguments.seq is None else arguments.seq,
        tokens=tuple(arguments.tokens or ()),
        seed=arguments.seed,
    )
    program = read_program(arguments.program)
    entry = choose_entry(program, arguments.entry, lengths=options.lengths())
    check_memory(program.module, entry)
    weights = program.weights(entry, folder=arguments.weights, seed=arguments.seed)
    inputs = entry_inputs(program.module, entry, options)
    executor = executor_for(program.module, weights, arguments.fidelity)
    results = executor.run(entry, *inputs)
    print(f"@{entry}, weights: {arguments.weights or program.checkpoint or f'random, seed {arguments.seed}'}")
    function = program.entries()[entry]
    for line in describe_results(function, inputs, results, rows=MAX_ROWS):
        print(line)
    if isinstance(executor, AlikeExecutor):
        print(f"  each of {len(executor.lockstep.ranks)} ranks ran these inputs; all of them together sent")
        for line in executor.lockstep.links.lines():
            print(f"      {line}")
    return 0
