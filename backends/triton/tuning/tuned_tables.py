"""Tables of measured configurations: which candidate of a kernel was the fastest on a device, as TOML files.

The format is described in ``docs/tune.md``.  A table is data: what it applies to is asked in ``tuned_choices``.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from dsv3c.backends.triton.choices.base import Config
from dsv3c.ir.errors import UsageError
from dsv3c.ir.measured import check_keys

FORMAT = 1
"""Of the files; a reader accepts its own only."""
Shape = Mapping[str, str]
"""A call but for its rows: the type of every value by keyword, parameters, other sizes."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """With what rows were measured."""

    made: str
    """When it began, ``2026-11-30T09:12:44+00:00``: what rows call it."""
    target: str
    driver: str
    clocks: str
    """As nvidia-smi told them; empty where it did not."""
    triton: str
    """Version."""
    assembler: str
    """Version of the CUDA toolkit whose assembler made the binaries."""
    multiprocessors: int
    repeat: int
    """Rounds, in each of which every candidate ran once."""


@dataclass(frozen=True, kw_only=True)
class RunnerUp:
    """The next best candidate."""

    us: float
    """Median."""
    config: Config


@dataclass(frozen=True, kw_only=True)
class Row:
    """The fastest configuration of a kernel for one shape, up to a number of rows."""

    kernel: str
    """The launcher, ``file.function``."""
    source: str
    """Digest of the kernel's sources."""
    shape: Shape
    up_to: int
    """The most rows it is for; 0: any."""
    rows: int
    """With which it was measured."""
    config: Config
    us: tuple[float, float, float]
    """Lowest, median and highest of the rounds."""
    candidates: int
    """That were timed."""
    measured_on: str
    """``Session.made``."""
    runner_up: RunnerUp | None = None

    @property
    def key(self) -> tuple[str, tuple[tuple[str, str], ...], int]:
        """What a later row replaces this one by."""
        return self.kernel, tuple(sorted(self.shape.items())), self.up_to


@dataclass(frozen=True, kw_only=True)
class TunedTable:
    """What was measured on one kind of device."""

    device: str
    """As the driver calls it."""
    sessions: tuple[Session, ...]
    rows: tuple[Row, ...]
    file: str = ""
    """Where it was read."""

    def session(self, row: Row) -> Session:
        """When a row was measured."""
        return next(session for session in self.sessions if session.made == row.measured_on)

    def rows_for(self, kernel: str, shape: Shape) -> list[tuple[int, Row]]:
        """The rows of a call, with their numbers in the file."""
        wanted = dict(shape)
        return [
            (number, row)
            for number, row in enumerate(self.rows, 1)
            if row.kernel == kernel and dict(row.shape) == wanted
        ]


def merged(table: TunedTable | None, device: str, session: Session, rows: Sequence[Row]) -> TunedTable:
    """A table with rows of a session: those of the same call and bound are replaced, others kept.

    Raises UsageError for a table of another device.
    """
    old_sessions, old_rows = (table.sessions, table.rows) if table is not None else ((), ())
    if table is not None and table.device != device:
        raise UsageError(
            f"it holds what was measured on {table.device}; this is {device}",
            where=table.file,
            hint="give every kind of device a file of its own",
        )
    by_key = {row.key: row for row in (*old_rows, *rows)}
    kept = sorted(by_key.values(), key=lambda row: (row.kernel, row.key[1], row.up_to or float("inf")))
    named = {row.measured_on for row in kept}
    sessions = {item.made: item for item in (*old_sessions, session) if item.made in named}
    return TunedTable(
        device=device,
        sessions=tuple(sessions[made] for made in sorted(sessions)),
        rows=tuple(kept),
        file=table.file if table is not None else "",
    )


def table_text(table: TunedTable) -> str:
    """The file."""
    lines = [
        "# Written by `dsv3c tune`: measured rows only (docs/tune.md).",
        f"format = {FORMAT}",
        f"device = {text_of(table.device)}",
    ]
    for session in table.sessions:
        lines += ["", "[[measured_on]]"]
        lines += [f"{field.name} = {text_of(getattr(session, field.name))}" for field in fields(Session)]
    for row in table.rows:
        lines += ["", "[[row]]"]
        lines += [
            f"{field.name} = {text_of(value)}"
            for field in fields(Row)
            if (value := getattr(row, field.name)) is not None
        ]
    return "\n".join(lines) + "\n"


def text_of(value: object) -> str:
    """A value as TOML; strings as in JSON."""
    match value:
        case Mapping():
            pairs = cast(Mapping[str, object], value).items()
            return f"{{ {', '.join(f'{name} = {text_of(item)}' for name, item in pairs)} }}" if pairs else "{}"
        case RunnerUp():
            return text_of({"us": value.us, "config": value.config})
        case tuple():
            return f"[{', '.join(map(text_of, cast(Iterable[object], value)))}]"
        case float():
            return f"{value:.3f}"
        case _:
            return json.dumps(value)


def parse_table(text: str, where: str) -> TunedTable:
    """Read a table.  Raises UsageError naming the file, and the key or the row that is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"not valid TOML: {error}", where=where) from error
    if data.get("format", FORMAT) != FORMAT:
        raise UsageError(f"format {data['format']!r} is not known; this version reads {FORMAT}", where=where)
    check_keys(data, {"format": int, "device": str, "measured_on": list, "row": list}, where)
    sessions = [parse_session(entry, f"{where}, measured_on {n}") for n, entry in enumerate(data["measured_on"], 1)]
    named, rows = {session.made for session in sessions}, dict[object, Row]()
    for number, entry in enumerate(data["row"], 1):
        place = f"{where}, row {number}"
        row = parse_row(entry, place)
        if row.measured_on not in named:
            raise UsageError(f"no [[measured_on]] was made {row.measured_on}", where=place)
        if row.key in rows:
            raise UsageError(f"a second row of {row.kernel} for this shape up to {row.up_to} rows", where=place)
        rows[row.key] = row
    return TunedTable(device=data["device"], sessions=tuple(sessions), rows=tuple(rows.values()), file=where)


def parse_session(entry: object, where: str) -> Session:
    """One ``[[measured_on]]``."""
    texts = {"made", "target", "driver", "clocks", "triton", "assembler"}
    known: dict[str, type] = {field.name: str if field.name in texts else int for field in fields(Session)}
    return Session(**checked(entry, known, where))


def parse_row(entry: object, where: str) -> Row:
    """One ``[[row]]``."""
    texts, numbers = ("kernel", "source", "measured_on"), ("up_to", "rows", "candidates")
    known: dict[str, type] = {name: str for name in texts} | {name: int for name in numbers}
    known |= {"shape": dict, "config": dict, "us": list, "runner_up": dict}
    found = checked(entry, known, where, optional="runner_up")
    shape = cast(dict[str, object], found["shape"])
    if not all(isinstance(value, str) for value in shape.values()):
        raise UsageError("shape holds texts by name", where=where)
    us = [number_of(value, "us", where) for value in cast(list[object], found["us"])]
    if len(us) != 3 or us != sorted(us):
        raise UsageError("us is not [lowest, median, highest]", where=where)
    if found["rows"] < 1 or found["up_to"] < 0 or 0 < found["up_to"] < found["rows"]:
        raise UsageError("it was measured with 1 row at least, and at most up_to", where=where)
    found |= {"us": tuple(us), "config": config_of(found["config"], where)}
    if "runner_up" in found:
        second = checked(found["runner_up"], {"us": float, "config": dict}, f"{where}, runner_up")
        found["runner_up"] = RunnerUp(us=second["us"], config=config_of(second["config"], where))
    return Row(**found)


def checked(entry: object, known: Mapping[str, type], where: str, *, optional: str = "") -> dict[str, Any]:
    """A table of TOML with these keys.  Raises UsageError for anything else."""
    if not isinstance(entry, dict):
        raise UsageError("this is no table of keys and values", where=where)
    found = cast(dict[str, Any], entry)
    check_keys(found, known, where, optional=optional)
    return dict(found)


def config_of(value: object, where: str) -> Config:
    """A configuration: whole numbers by name."""
    found = cast(dict[str, object], value)
    wrong = next((name for name, item in found.items() if not isinstance(item, int) or isinstance(item, bool)), None)
    if wrong is not None:
        raise UsageError(f"{wrong} of a configuration is no whole number", where=where)
    return cast(dict[str, int], found)


def number_of(value: object, name: str, where: str) -> float:
    """A positive number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise UsageError(f"{name} = {value!r} is no positive number", where=where)
    return float(value)
