"""Programs that leave for other compilers: which passes take them there, and what is written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.pipelines import LOWER, RAISE
from dsv3c.compilation.plan import Plan, flag
from dsv3c.files import write_text
from dsv3c.ir.errors import UsageError

if TYPE_CHECKING:
    from dsv3c.backends.mlir.lower import Dialect, Left

EXITS = ("linalg", "stablehlo")
"""Levels at which a program leaves through torch-mlir."""
RANKS = ("ep", "nnodes", "redundant_experts", "copies", "combine_order", "combine_payload", "overlap")
"""Choices about ranks."""


def exit_pipeline(plan: Plan) -> str:
    """The passes of a program that leaves: as the default ones, cache-free and with experts that no row is sorted for.

    Rows sorted by expert would be sizes and addresses that depend on data, which neither dialect has a word for.
    """
    routed = ["route-shared-expert"] if plan.shared_expert == "routed" else []
    merged = [name for name in LOWER if name != "absorb-mla"]  # there is no cache to attend to
    return ",".join([*RAISE, *merged, *routed, "bucket-tokens{layout=dense}", *plan.quantising(), "cse", "dce"])


def check_exit(level: str, given: Mapping[str, object], point: Mapping[str, object]) -> None:
    """Raise UsageError for choices about ranks, caches and steps, which a program that leaves does not have."""
    for name in RANKS:
        if name in given:
            raise UsageError(
                f"{flag(name)} is about ranks; a program of one rank leaves as {level}",
                hint=f"leave it out: neither {' nor '.join(EXITS)} says how ranks exchange rows",
            )
    for name in ("kv_cache_dtype", *point):
        if name in given or name in point:
            raise UsageError(
                f"{flag(name)} is about steps over a cache; the cache-free program leaves as {level}",
                hint="leave it out; --sizes B=1,S=128 makes sizes numbers",
            )


def read_sizes(text: str | None, level: str | None) -> dict[str, int]:
    """``B=1,S=128`` -> numbers.  Raises UsageError for another text, and for a level whose sizes stay names."""
    if text is None:
        return {}
    if level not in EXITS:
        raise UsageError("--sizes makes sizes numbers where a program leaves", hint=f"--emit {' or '.join(EXITS)}")
    sizes = dict[str, int]()
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        if not (name and equals and number.isdigit()):
            raise UsageError(f"--sizes: {part.strip()!r} is not NAME=NUMBER", hint="e.g. --sizes B=1,S=128")
        sizes[name] = int(number)
    return sizes


def write_exit(module: ModuleOp, level: str, sizes: Mapping[str, int], output: Path | None, *, locations: bool) -> str:
    """The text of a program that leaves; with ``output`` a list of its arguments is written to ``OUTPUT.json``.

    Raises ExitError for what cannot leave, and UsageError without torch-mlir.
    """
    from dsv3c.backends.mlir.lower import leave

    left = leave(module, cast("Dialect", level), sizes, locations=locations)
    if output is not None:
        write_text(output.with_name(f"{output.name}.json"), manifest(left))
    return left.text


def manifest(left: "Left") -> str:
    """Arguments and results of every function as JSON, one a line and in order; sizes are numbers or names."""
    functions = list[str]()
    for entry in left.entries:
        parts = [
            f'  "{title}": [\n' + ",\n".join(f"   {json.dumps(spec.described())}" for spec in specs) + "\n  ]"
            for title, specs in (("arguments", entry.arguments), ("results", entry.results))
        ]
        functions.append(f' "{entry.name}": {{\n' + ",\n".join(parts) + "\n }")
    return f'{{"sizes": {json.dumps(dict(left.sizes))}, "functions": {{\n' + ",\n".join(functions) + "\n}}\n"
