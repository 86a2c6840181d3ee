"""Outcomes as text for a person, and as JSON lines for a program."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from dsv3c.files import write_text
from dsv3c.ir.outcomes import Outcome


def remarks_text(outcomes: Iterable[Outcome]) -> str:
    """One line per outcome; equal lines once, with their number."""
    counts = dict[str, int]()
    for item in outcomes:
        counts[str(item)] = counts.get(str(item), 0) + 1
    return "".join(f"remark: {line}" + (f" (x{n})" if n > 1 else "") + "\n" for line, n in counts.items())


def remarks_json(outcomes: Iterable[Outcome]) -> str:
    """One JSON object per line, in order."""
    return "".join(json.dumps(item.as_json(), ensure_ascii=True) + "\n" for item in outcomes)


def emit_remarks(outcomes: Iterable[Outcome], where: str) -> None:
    """To standard error for ``-``, else to a file as JSON lines."""
    if where == "-":
        sys.stderr.write(remarks_text(outcomes))
    else:
        write_text(Path(where), remarks_json(outcomes))
