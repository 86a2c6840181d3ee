"""``dsv3c explain MODEL|OUT``: why a rewrite fired, was blocked or was not worth it, with the source lines."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsv3c.artifact import is_artifact, load_artifact
from dsv3c.commands.compile import add_model_arguments, request_of
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.known_passes import KNOWN
from dsv3c.compilation.observers import progress
from dsv3c.ir.errors import UsageError
from dsv3c.ir.outcomes import Kind, Outcome
from dsv3c.ir.spelling import guess

ORDER = (Kind.BLOCKED, Kind.UNPROFITABLE, Kind.FIRED)
"""What was not done first: that is what one asks about."""
SHOWN_PLACES = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options: those of ``compile`` that choose the program, and what to show."""
    add_model_arguments(parser, or_artifact="an artifact (its remarks are read), ")
    parser.add_argument("--load", metavar="FILE.py", action="append", default=[], type=Path, help="load a plug-in")
    parser.add_argument("--stop-after", metavar="P", help="stop after pass P")
    group = parser.add_argument_group("what to show")
    group.add_argument("--pass", dest="only_pass", metavar="P", help="of one pass")
    group.add_argument("--op", metavar="TEXT", help="at ops whose name holds TEXT, e.g. rsqrt")
    group.add_argument("--where", metavar="TEXT", help="at source lines, module paths or @functions that hold TEXT")
    group.add_argument("--kind", choices=[kind.value for kind in Kind], help="of one kind")
    group.add_argument("--all", action="store_true", help="list every place")


def run(arguments: argparse.Namespace) -> int:
    """Read the remarks of an artifact, or compile; then group and print."""
    outcomes, ran = outcomes_of(arguments)
    if arguments.only_pass is not None:
        check_pass(arguments.only_pass, ran)
    found = [item for item in outcomes if matches(item, arguments)]
    filtered = any((arguments.only_pass, arguments.op, arguments.where, arguments.kind, arguments.all))
    for line in explain(found, shown=None if arguments.all else SHOWN_PLACES, brief=not filtered):
        print(line)
    if found and not filtered:
        print("--pass P, --op TEXT, --where TEXT and --all show where each rewrite fired")
    if not found:
        print(nothing(arguments, outcomes))
    return 0


def outcomes_of(arguments: argparse.Namespace) -> tuple[Sequence[Outcome], list[str]]:
    """The outcomes, and the passes that ran, in order."""
    if is_artifact(Path(arguments.model)):
        artifact = load_artifact(Path(arguments.model))
        return artifact.outcomes(), [item["name"] for item in artifact.manifest["passes"]]
    arguments.allow_unapplied = arguments.allow_unraised = True
    with progress(f"compiling {arguments.model}") as tell:
        compiled = compile_model(request_of(arguments), progress=tell)
    return list(compiled.ctx.outcomes), [run.name for run in compiled.driver.runs]


def check_pass(name: str, ran: list[str]) -> None:
    """Raise UsageError for a pass that did not run."""
    if name in ran:
        return
    what = f"pass {name} did not run" if name in KNOWN else f"unknown pass {name!r}"
    raise UsageError(what, hint=f"{guess(name, ran)}these ran: {', '.join(dict.fromkeys(ran))}")


def matches(item: Outcome, arguments: argparse.Namespace) -> bool:
    """Whether an outcome is asked for."""
    return (
        arguments.only_pass in (None, item.pass_name)
        and (arguments.op or "") in item.op
        and any((arguments.where or "") in place for place in (item.where, f"@{item.function}"))
        and arguments.kind in (None, item.kind.value)
    )


def explain(outcomes: Sequence[Outcome], *, shown: int | None, brief: bool = False) -> Iterator[str]:
    """Grouped by pass in order, then by what happened and why; equal places once.

    ``shown`` bounds the places per group; ``brief`` leaves out what fired but for the counts.
    """
    for name in dict.fromkeys(item.pass_name for item in outcomes):
        own = [item for item in outcomes if item.pass_name == name]
        counts = ", ".join(f"{n} {kind.value}" for kind in ORDER if (n := sum(item.kind is kind for item in own)))
        yield f"{name}: {counts}"
        for kind in ORDER:
            if kind is not Kind.FIRED or not brief:
                yield from groups([item for item in own if item.kind is kind], shown)


def groups(outcomes: Sequence[Outcome], shown: int | None) -> Iterator[str]:
    """One paragraph per rewrite, reason and numbers, with the places below."""
    table = dict[tuple[str, str, str], dict[str, int]]()
    for item in outcomes:
        numbers = ", ".join(f"{key} = {value}" for key, value in item.numbers.items())
        rewrite = "" if item.pattern == item.pass_name else f" {item.pattern}"
        places = table.setdefault((f"{item.kind.value}{rewrite}", item.reason, numbers), {})
        place = f"{item.where}: {item.op}" + (f" in @{item.function}" if item.function else "")
        places[place] = places.get(place, 0) + 1
    for (title, reason, numbers), places in table.items():
        yield f"  {title}" + (f": {reason}" if reason else "")
        if numbers:
            yield f"    {numbers}"
        for index, (place, count) in enumerate(places.items()):
            if shown is not None and index == shown:
                yield f"    and {len(places) - shown} places more (--all lists them)"
                break
            yield f"    {place}" + (f" (x{count})" if count > 1 else "")


def nothing(arguments: argparse.Namespace, outcomes: Sequence[Outcome]) -> str:
    """What to say when no outcome is asked for: no pass looked at such a place."""
    asked = {"--pass": arguments.only_pass, "--op": arguments.op, "--where": arguments.where, "--kind": arguments.kind}
    given = " ".join(f"{flag} {value}" for flag, value in asked.items() if value is not None)
    if not outcomes:
        return "no pass looked at anything"
    return (
        f"no pass reported anything for {given}: no rewrite starts at such an op there ({len(outcomes)} remarks in all)"
    )
