"""``--verify-diagnostics``: expected errors and remarks written as comments beside the code.

``// expected-error {{text}}`` on the line itself, ``@below``, ``@above``, ``@+2`` or ``@-1`` for another line.  A
message counts where its text occurs in it; its line is compared when the message has one in this file.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.outcomes import Kind, Outcome

EXPECTED = re.compile(
    r"//\s*expected-(?P<kind>error|remark)(?:\s*@(?P<where>above|below|[+-]\d+))?\s*\{\{(?P<text>.*?)\}\}"
)


@dataclass(frozen=True)
class Expected:
    """One comment."""

    kind: str
    line: int
    text: str


@dataclass(frozen=True)
class Message:
    """One error or remark that was reported; line 0 when it has no place in the file."""

    kind: str
    line: int
    text: str


def expectations(text: str, first_line: int) -> list[Expected]:
    """The comments of one part of a file."""
    offsets = {"above": -1, "below": 1}
    found = list[Expected]()
    for number, line in enumerate(text.splitlines(), first_line):
        for match in EXPECTED.finditer(line):
            where = match["where"]
            offset = offsets[where] if where in offsets else int(where or 0)
            found.append(Expected(match["kind"], number + offset, match["text"]))
    return found


def verify_diagnostics(
    text: str, first_line: int, name: str, error: Dsv3cError | None, outcomes: Iterable[Outcome]
) -> list[str]:
    """What differs between the comments of ``text`` and what was reported; empty when nothing does.

    Every error must be expected; remarks (blocked and unprofitable sites) are checked only where one is expected.
    """
    expected = expectations(text, first_line)
    messages = [
        Message("remark", line_in(name, str(item)), str(item)) for item in outcomes if item.kind is not Kind.FIRED
    ]
    if error is not None:
        messages.append(Message("error", line_in(name, str(error)), str(error)))
    failures = list[str]()
    for item in expected:
        match = next((message for message in messages if fits(item, message)), None)
        if match is None:
            failures.append(f"{name}:{item.line}: expected {item.kind} was not reported: {item.text}")
        else:
            messages.remove(match)
    failures += [f"{name}:{m.line}: unexpected error: {m.text}" for m in messages if m.kind == "error"]
    return failures


def fits(expected: Expected, message: Message) -> bool:
    """Same kind, text inside, and the same line where the message has one."""
    same_line = message.line in (0, expected.line)
    return expected.kind == message.kind and expected.text in message.text and same_line


def line_in(name: str, message: str) -> int:
    """The first line of file ``name`` a message mentions; 0 for none."""
    match = re.search(re.escape(name) + r":(\d+)", message)
    return int(match[1]) if match else 0
