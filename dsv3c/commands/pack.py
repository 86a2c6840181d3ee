"""``dsv3c pack``: run the recipes of an artifact's parameters once, and write what programs load, one file per rank."""

import argparse
import sys
from pathlib import Path

from dsv3c.ir.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("artifact", type=Path, metavar="OUT", help="an artifact")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="checkpoint (default: the artifact's)")
    parser.add_argument(
        "--ranks", type=rank_range, metavar="A:B", help="ranks A up to, not including, B, or one rank (default: all)"
    )
    parser.add_argument("--force", action="store_true", help="replace DIR if it holds packed parameters")


def rank_range(text: str) -> range:
    """``4:8`` or ``3`` -> ranks."""
    first, colon, end = text.partition(":")
    if not (first or "0").isdigit() or (bool(colon) and not end.isdigit()) or not text:
        raise argparse.ArgumentTypeError(f"{text!r} are no ranks: give A:B, e.g. 0:8, or one number")
    start = int(first or "0")
    return range(start, int(end) if colon else start + 1)


def run(arguments: argparse.Namespace) -> int:
    """Read and check everything, then write."""
    from dsv3c.backends.reference.packing import write_packed
    from dsv3c.backends.reference.runtime.stored import PACKED
    from dsv3c.files import check_free, new_folder
    from dsv3c.ir.dialects.comm import num_ranks
    from dsv3c.programs import read_program

    check_free(arguments.output, force=arguments.force, marker=PACKED)
    program = read_program(arguments.artifact)
    if arguments.weights is None and program.checkpoint is None:
        raise UsageError(
            f"{arguments.artifact} was compiled without a checkpoint", hint="give the checkpoint with --weights DIR"
        )
    known = num_ranks(program.module)
    ranks = arguments.ranks if arguments.ranks is not None else range(known)
    if not ranks or ranks.stop > known:
        raise UsageError(f"--ranks {ranks.start}:{ranks.stop}: the program has ranks 0 to {known - 1}")
    weights = program.weights(None, folder=arguments.weights, seed=0)
    with new_folder(arguments.output, force=arguments.force, marker=PACKED) as folder:
        written = write_packed(program.module, weights, folder, ranks)
    for name, num_bytes in written.items():
        print(f"{name}  {num_bytes / 1e6:.1f} MB")
    print(f"wrote {arguments.output}: run the program with --weights {arguments.output}", file=sys.stderr)
    return 0
