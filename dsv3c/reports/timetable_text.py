"""A timetable as text: its slots, one period as lanes, and what stays exposed."""

from collections.abc import Iterator, Mapping, Sequence

from dsv3c.ir.exposure import causes
from dsv3c.ir.timetable import COMM, Slot, Timetable, nanoseconds

LANE_WIDTH = 96
"""Characters of a lane."""


def render_text(table: Timetable) -> str:
    """The whole timetable, ending in a newline; a body is written once.

    >>> print(render_text(timetable_of(op)))
    """
    lines = [*headline(table), ""]
    for title, slots in parts(table):
        lines += [title, *slot_lines(table, slots), ""]
    lines += [*lanes(table), "", *exposed_lines(table)]
    return "\n".join(lines) + "\n"


def headline(table: Timetable) -> list[str]:
    """What it is for, and how long it takes."""
    point = ", ".join(f"{name} = {value}" for name, value in sorted(table.point.items()))
    streams = ", ".join(f"{stream.name} {stream.sms}" for stream in table.problem.streams)
    return [
        f"@{table.entry} on {table.target}: {point}",
        f"multiprocessors: {table.problem.device_sms}; of streams: {streams}",
        f"{table.makespan_us:.1f} us, {len(table.expanded())} slots",
    ]


def parts(table: Timetable) -> Iterator[tuple[str, Sequence[Slot]]]:
    """Titles and slots of what is not empty."""
    if table.prologue:
        yield "prologue" if table.body else "slots", table.prologue
    if table.body:
        every = f"{table.body.us:.1f} us and {count(table.body.layers, 'layer')} further on each time"
        yield f"body, {count(table.body.repeat, 'time')}, {every}", table.body.slots
    if table.epilogue:
        yield "epilogue", table.epilogue


def count(number: int, what: str) -> str:
    """``1 layer``, ``2 layers``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def slot_lines(table: Timetable, slots: Sequence[Slot]) -> list[str]:
    """One line per slot, in columns that are the same for all parts."""
    segment = max(len(name) for name in ("segment", *(item.name for item in table.problem.segments)))
    stream = max(len(name) for name in ("stream", *(item.name for item in table.problem.streams)))
    lines = [f"  {'start us':>12} {'end us':>12}  {'stream':<{stream}}  {'segment':<{segment}}  layer  micro-batch"]
    for slot in slots:
        of = slot.instance
        times = f"{slot.start:>12.3f} {slot.end:>12.3f}"
        lines.append(f"  {times}  {slot.stream:<{stream}}  {of.segment:<{segment}}  {of.layer:>5}  {of.microbatch:>11}")
    return lines


def window(table: Timetable) -> tuple[int, int]:
    """What the lanes show (ns): the second repetition of the body, or everything."""
    if table.body is None:
        return 0, max(1, nanoseconds(table.makespan_us))
    start = nanoseconds(min(slot.start for slot in table.body.slots))
    if table.body.repeat > 1:
        start += nanoseconds(table.body.us)
    return start, start + nanoseconds(table.body.us)


def lanes(table: Timetable) -> list[str]:
    """One line per stream: letters of segments and the micro-batch, as long as they take; and what is exposed."""
    begin, end = window(table)
    letters = letters_of(table)
    names = [stream.name for stream in table.problem.streams]
    width = max(len(name) for name in ("exposed", *names))
    what = "one repetition of the body" if table.body else "the step"
    lines = [f"{what}, {(end - begin) / 1000:.1f} us from {begin / 1000:.1f} us on, {LANE_WIDTH} columns:"]
    for name in names:
        lane = [" "] * LANE_WIDTH
        for slot in table.expanded():
            if slot.stream == name:
                label = f"{letters[slot.instance.segment]}{slot.instance.microbatch}"
                draw(lane, columns(slot.start, slot.end, begin, end), label)
        lines.append(f"  {name:<{width}} |{''.join(lane)}|")
    lane = [" "] * LANE_WIDTH
    for start, stop in table.exposed():
        draw(lane, columns(start, stop, begin, end), "!!", fill="!")
    lines.append(f"  {'exposed':<{width}} |{''.join(lane)}|")
    named = ", ".join(f"{letter} {segment}" for segment, letter in letters.items())
    return [*lines, f"  {named}; the digit is the micro-batch"]


def letters_of(table: Timetable) -> Mapping[str, str]:
    """A capital letter for each segment: its first that is free."""
    found = dict[str, str]()
    for segment in table.problem.segments:
        wanted = [*(char.upper() for char in segment.name if char.isalpha()), *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
        free = [letter for letter in wanted if letter not in found.values()]
        found.setdefault(segment.name, free[0] if free else "?")
    return found


def columns(start: float, end: float, begin: int, stop: int) -> tuple[int, int]:
    """The columns of a time inside the window, as a half-open range."""
    scale = LANE_WIDTH / (stop - begin)
    first, last = round((nanoseconds(start) - begin) * scale), round((nanoseconds(end) - begin) * scale)
    return max(0, first), min(LANE_WIDTH, last)


def draw(lane: list[str], place: tuple[int, int], label: str, fill: str = "-") -> None:
    """Write a slot: its label, then the fill; a slot too short for its label shows what fits."""
    first, last = place
    for column in range(first, last):
        offset = column - first
        lane[column] = label[offset] if offset < len(label) else fill


def exposed_lines(table: Timetable) -> list[str]:
    """How long only communication runs, and what computation waits for then."""
    communicates = sum(stop - start for start, stop in table.busy(COMM)) / 1000
    share = 100 * table.exposed_us / table.makespan_us if table.makespan_us else 0.0
    head = f"exposed communication: {table.exposed_us:.1f} of {communicates:.1f} us, {share:.1f} % of the step"
    return [head, *(f"  {cause}" for cause in causes(table))]
