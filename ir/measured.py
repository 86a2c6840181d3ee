"""Measured times of kernels: tables as data, looked up by op, sizes and type; what no table has keeps its floor.

The format is described in ``docs/cost.md``.  Times between two measured numbers of rows are interpolated; beyond the
measured range, and for other sizes, nothing is guessed.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any, cast

from dsv3c.ir.data_files import load, shipped_texts
from dsv3c.ir.errors import UsageError
from dsv3c.ir.measured_keys import Key


@dataclass(frozen=True, order=True)
class Point:
    """The time of one number of rows (us), as the lowest and the highest of several runs."""

    rows: float
    lowest_us: float
    highest_us: float

    @property
    def us(self) -> float:
        """The middle of the runs."""
        return (self.lowest_us + self.highest_us) / 2


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """The times of one op at one set of sizes."""

    op: str
    """Name of the op, as in the text."""
    dtype: str
    sizes: Mapping[str, int]
    points: tuple[Point, ...]
    """By rows, ascending."""
    note: str = ""

    def us(self, rows: float) -> float | None:
        """Interpolated linearly in the rows; None outside of those measured."""
        if not self.points[0].rows <= rows <= self.points[-1].rows:
            return None
        for left, right in pairwise(self.points):
            if rows <= right.rows:
                return left.us + (right.us - left.us) * (rows - left.rows) / (right.rows - left.rows)
        return self.points[0].us

    @property
    def measured(self) -> str:
        """The rows measured: ``M = 64 to 4096``."""
        first, last = self.points[0].rows, self.points[-1].rows
        return f"M = {first:g} to {last:g}" if first != last else f"M = {first:g}"


@dataclass(frozen=True, kw_only=True)
class MeasuredTable:
    """What was measured on one target."""

    name: str
    target: str
    source: str
    compute_units: int
    """On which matrix products ran."""
    kernels: tuple[Kernel, ...] = field(default=())

    def find(self, op: str, key: Key) -> Kernel | None:
        """The kernel of an op with these sizes and type."""
        wanted = (op, key.dtype, dict(key.sizes))
        return next((one for one in self.kernels if (one.op, one.dtype, dict(one.sizes)) == wanted), None)


@cache
def shipped_tables() -> dict[str, MeasuredTable]:
    """The tables that come with dsv3c, by name."""
    found = [parse_table(text, f"{name}.toml") for name, text in shipped_texts("measured_data").items()]
    return {table.name: table for table in found}


def load_table(name: str) -> MeasuredTable:
    """A shipped table by name, or a user's by path.  Raises UsageError for neither."""
    hint = f"shipped: {', '.join(shipped_tables())}"
    return load(name, shipped_tables(), parse_table, what="table of measured times", file="table", hint=hint)


def parse_table(text: str, where: str) -> MeasuredTable:
    """Read one table.  Raises UsageError naming the file, and the key or the kernel that is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"not valid TOML: {error}", where=where) from error
    check_keys(data, {"name": str, "target": str, "source": str, "compute_units": int, "kernel": list}, where)
    kernels = list[Kernel]()
    for number, entry in enumerate(cast(list[object], data["kernel"])):
        place = f"{where}, kernel {number}"
        if not isinstance(entry, dict):
            raise UsageError("a kernel is a table: [[kernel]]", where=place)
        found = parse_kernel(cast(dict[str, Any], entry), place)
        if any((other.op, other.dtype, other.sizes) == (found.op, found.dtype, found.sizes) for other in kernels):
            raise UsageError(f"a second {found.op} of these sizes", where=place, hint="put the points into one")
        kernels.append(found)
    return MeasuredTable(
        name=data["name"],
        target=data["target"],
        source=data["source"],
        compute_units=data["compute_units"],
        kernels=tuple(kernels),
    )


def parse_kernel(entry: Mapping[str, Any], where: str) -> Kernel:
    """One ``[[kernel]]``."""
    check_keys(entry, {"op": str, "dtype": str, "sizes": dict, "points": list, "note": str}, where, optional="note")
    sizes = cast(dict[str, object], entry["sizes"])
    if not all(isinstance(size, int) for size in sizes.values()):
        raise UsageError("sizes are whole numbers by name", where=where, hint="sizes = { n = 7168, k = 2048 }")
    points = [parse_point(point, where) for point in cast(list[object], entry["points"])]
    rows = [point.rows for point in points]
    if not points or rows != sorted(set(rows)):
        raise UsageError("points need ascending numbers of rows", where=where, hint="points = [[64, 9.4], [128, 11.0]]")
    return Kernel(
        op=entry["op"],
        dtype=entry["dtype"],
        sizes=cast(dict[str, int], sizes),
        points=tuple(points),
        note=entry.get("note", ""),
    )


def parse_point(point: object, where: str) -> Point:
    """``[rows, us]`` or ``[rows, lowest us, highest us]``."""
    numbers = cast(Sequence[object], point) if isinstance(point, list) else ()
    if len(numbers) not in (2, 3) or not all(isinstance(number, int | float) and number > 0 for number in numbers):
        raise UsageError(
            f"{point!r} is no point", where=where, hint="[rows, us] or [rows, lowest us, highest us], all positive"
        )
    rows, lowest, *highest = cast(Sequence[float], numbers)
    return Point(rows, lowest, max(lowest, *highest) if highest else lowest)


def check_keys(data: Mapping[str, object], known: Mapping[str, type], where: str, *, optional: str = "") -> None:
    """Raise UsageError for a key that is unknown, missing or of the wrong type."""
    if unknown := sorted(data.keys() - known.keys()):
        raise UsageError(f"unknown key {unknown[0]!r}", where=where, hint=f"known keys: {', '.join(known)}")
    if missing := sorted(known.keys() - data.keys() - {optional}):
        raise UsageError(f"key {missing[0]!r} is missing", where=where)
    for name, value in data.items():
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise UsageError(f"{name} = {value!r} must be of type {known[name].__name__}", where=where)
