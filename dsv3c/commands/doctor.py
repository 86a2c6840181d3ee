"""``dsv3c doctor [MODEL]``: the environment, the extras, and what keeps a model from being captured."""

import argparse
from textwrap import indent

from dsv3c.reports.tables import columns


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="try to capture this model too, and say what stands in the way"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 1 when something that is needed does not work."""
    from dsv3c.doctor import doctor

    findings = doctor(arguments.model)
    rows = [(item.kind, item.name, "ok" if item.ok else "--", item.text.partition("\n")[0]) for item in findings]
    for line, item in zip(columns(rows), findings, strict=True):
        print(line)
        more = item.text.partition("\n")[2]
        if more:
            print(indent(more, "    "))
    failed = [item for item in findings if not item.ok and item.kind in ("required", "model")]
    return 1 if failed else 0
