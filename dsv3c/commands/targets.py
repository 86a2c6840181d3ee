"""``dsv3c targets [NAME]``: what can be compiled for, and what is known about it."""

import argparse
from collections.abc import Mapping
from dataclasses import fields
from typing import cast

from dsv3c.ir.targets import Target, load_target, shipped_targets
from dsv3c.reports.tables import columns

CAPABILITIES = ("plan", "reference", "kernels")
COMPILE_ONLY = "-compile-only"
"""Ending of a capability: code is made, and nothing launches it."""
TEXTS = ("name", "description", "kind", "arch", "backends", "recipe", "sources")
UNITS = {
    "_bytes_per_s": "bytes/s",
    "_flops_per_s": "FLOP/s",
    "_bytes_per_block": "bytes per block",
    "_bytes": "bytes",
    "_latency_s": "s",
    "_alignment": "rows",
}
"""Ending of a fact's name -> its unit; a count has none."""
COUNT = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a target's name, or a .toml file of your own")


def run(arguments: argparse.Namespace) -> int:
    """The table of all targets, or the facts of one."""
    if arguments.name is None:
        print(overview(shipped_targets()))
    else:
        print(describe(load_target(arguments.name)))
    return 0


def overview(targets: Mapping[str, Target]) -> str:
    """One row per target: what works for it."""
    rows: list[tuple[str, ...]] = [("target", *CAPABILITIES, "arch", "description")]
    for target in targets.values():
        works = [answer(target, name) for name in CAPABILITIES]
        rows.append((target.name, *works, target.arch or "-", target.description))
    notes = [
        "plan: compiled and costed without the device; reference: executed on the CPU with defined arithmetic;",
        "kernels: compiled ahead of time for the device, and launched there (compile-only: not launched).",
        "`dsv3c targets NAME` prints the facts with units and sources.",
    ]
    return "\n".join([*columns(rows), "", *notes])


def answer(target: Target, capability: str) -> str:
    """Whether something works for a target, or how far."""
    if capability in target.backends:
        return "yes"
    return "compile-only" if capability + COMPILE_ONLY in target.backends else "-"


def describe(target: Target) -> str:
    """Every fact of one target, with its unit and source."""
    works = ", ".join(target.backends) or "nothing yet"
    head = [
        f"{target.name}: {target.description}",
        f"kind {target.kind}, arch {target.arch or '-'}, works: {works}, precision recipe {target.recipe}",
        "",
    ]
    rows = [("fact", "value", "unit", "source")]
    for field in fields(Target):
        value = getattr(target, field.name)
        if field.name in TEXTS or value is None:
            continue
        source = target.sources.get(field.name, "-")
        if isinstance(value, Mapping):
            for key, rate in value.items():
                rows.append((f"{field.name}[{key}]", number(rate), unit(field.name), source))
        else:
            rows.append((field.name, number(value), unit(field.name), source))
    unknown = [field.name for field in fields(Target) if getattr(target, field.name) is None]
    tail = ["", f"not stated: {', '.join(unknown)}"] if unknown else []
    return "\n".join([*head, *(columns(rows) if len(rows) > 1 else ["it states no facts"]), *tail])


def unit(name: str) -> str:
    """The unit that a fact's name ends in."""
    return next((text for ending, text in UNITS.items() if name.endswith(ending)), COUNT)


def number(value: object) -> str:
    """A number for a person: whole ones with separators, rates in short form; several in a row."""
    if isinstance(value, tuple):
        return " ".join(map(number, cast(tuple[object, ...], value)))
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
