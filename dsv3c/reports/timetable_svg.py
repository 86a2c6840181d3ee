"""A timetable as a picture: the whole step as thin lanes, and below it a few layers with names on the slots.

One lane per stream, a colour per segment, the second micro-batch darker, and a red lane where only communication runs.
Plain SVG without scripts.  A slot that is too narrow for its name goes without; its tooltip says everything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from dsv3c.ir.timetable import Slot, Timetable, nanoseconds

WIDTH, MARGIN, LABELS = 1280, 20, 90
"""Pixels: of the picture, around it, and of the column of stream names."""
LANE, THIN, GAP = 40, 12, 6
"""Pixels: height of a lane with names, of one without, and between lanes."""
FONT, CHARACTER = 12, 7.2
"""Pixels: size of the text, and the width of its widest ordinary character."""
DETAIL_SLOTS = 36
"""Slots that a picture with names shows at most, where no body says what is typical."""
COLOURS = ("#7eb0d5", "#8bd3c7", "#fdcce5", "#bd7ebe", "#ffb55a", "#b2e061", "#beb9db", "#ffee65", "#d7a98c", "#c9c9c9")
EXPOSED = "#d62728"
TICKS = 8
"""About how many ticks an axis has."""
MILLISECONDS_FROM = 20 * 10**6
"""Stretch of time (ns) from which on ticks are milliseconds."""


@dataclass(frozen=True)
class Frame:
    """A stretch of time and the place where it is drawn."""

    begin: int
    """ns"""
    end: int
    top: float
    lane: int
    """Height of a lane in pixels."""

    def x(self, ns: int) -> float:
        """Pixels of a time, kept inside."""
        left, right = MARGIN + LABELS, WIDTH - MARGIN
        inside = min(max(ns, self.begin), self.end)
        return left + (right - left) * (inside - self.begin) / (self.end - self.begin)

    def y(self, lane: int) -> float:
        """Top of a lane."""
        return self.top + lane * (self.lane + GAP)

    def shows(self, start: float, end: float) -> bool:
        """Whether a time (us) is inside, at least in part."""
        return nanoseconds(start) < self.end and nanoseconds(end) > self.begin


def render_svg(table: Timetable) -> str:
    """The picture as text, ending in a newline."""
    lanes = len(table.problem.streams) + 1
    whole = Frame(0, max(1, nanoseconds(table.makespan_us)), top=MARGIN + 72, lane=THIN)
    begin, end = detail(table)
    named = Frame(begin, end, top=whole.y(lanes) + 66, lane=LANE)
    legend_top = named.y(lanes) + 44
    legend = list(legend_items(table))
    rows = place_legend(legend, legend_top)
    height = rows[-1][1] + 2 * MARGIN if rows else legend_top + MARGIN
    body = [
        text(MARGIN, MARGIN + 16, title(table), size=16, weight="bold"),
        text(MARGIN, MARGIN + 38, subtitle(table)),
        text(MARGIN, whole.top - 8, "the whole step", weight="bold"),
        *frame_items(table, whole, names=False),
        text(MARGIN, named.top - 8, detail_title(table, begin, end), weight="bold"),
        *frame_items(table, named, names=True),
        *(item for (x, y), (colour, name) in zip(rows, legend, strict=True) for item in key(x, y, colour, name)),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="{FONT}">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *body, "</svg>"]) + "\n"


def title(table: Timetable) -> str:
    """What it is."""
    return f"@{table.entry} on {table.target}: {table.makespan_us:.1f} us, {table.exposed_us:.1f} us of it exposed"


def subtitle(table: Timetable) -> str:
    """The sizes and the streams."""
    point = ", ".join(f"{name} = {value}" for name, value in sorted(table.point.items()))
    streams = ", ".join(f"{stream.name} {stream.sms} SMs" for stream in table.problem.streams)
    return "; ".join(part for part in (point, f"{streams} of {table.problem.device_sms}") if part)


def detail(table: Timetable) -> tuple[int, int]:
    """The stretch that is shown with names (ns): two repetitions of the body, else the first slots."""
    if table.body is not None and table.body.repeat > 1:
        begin = nanoseconds(min(slot.start for slot in table.body.slots))
        shown = min(2, table.body.repeat - 1)
        return begin + nanoseconds(table.body.us), begin + (1 + shown) * nanoseconds(table.body.us)
    slots = table.expanded()[:DETAIL_SLOTS]
    return 0, max([1, *(nanoseconds(slot.end) for slot in slots)])


def detail_title(table: Timetable, begin: int, end: int) -> str:
    """What the stretch is."""
    if table.body is None or table.body.repeat == 1:
        return f"the first {(end - begin) / 1000:.1f} us" if end < nanoseconds(table.makespan_us) else "slot by slot"
    every = (
        f"{table.body.us:.1f} us" if table.body.layers == 1 else f"{table.body.us:.1f} us, {table.body.layers} layers"
    )
    return f"a stretch of the body, which repeats {table.body.repeat} times, {every} each"


def frame_items(table: Timetable, frame: Frame, *, names: bool) -> Iterator[str]:
    """Lanes, slots, exposed times and the axis of one frame."""
    streams = [stream.name for stream in table.problem.streams]
    left, right = frame.x(frame.begin), frame.x(frame.end)
    for lane, name in enumerate([*streams, "exposed"]):
        y = frame.y(lane)
        yield rectangle(left, y, right - left, frame.lane, "#f4f4f4")
        yield text(MARGIN, y + frame.lane / 2 + FONT * 0.35, shortened(name, LABELS - 8))
    for slot in table.expanded():
        if frame.shows(slot.start, slot.end):
            yield from slot_items(table, frame, streams.index(slot.stream), slot, names=names)
    for start, end in table.exposed():
        if frame.shows(start, end):
            x = frame.x(nanoseconds(start))
            tooltip = f"only communication runs: {start:.3f} to {end:.3f} us"
            yield rectangle(
                x, frame.y(len(streams)), frame.x(nanoseconds(end)) - x, frame.lane, EXPOSED, tooltip=tooltip
            )
    yield from axis(frame, frame.y(len(streams) + 1) - GAP)


def slot_items(table: Timetable, frame: Frame, lane: int, slot: Slot, *, names: bool) -> Iterator[str]:
    """One slot, and its name where it fits."""
    of, x = slot.instance, frame.x(nanoseconds(slot.start))
    width, y = frame.x(nanoseconds(slot.end)) - x, frame.y(lane)
    colour = shade(colour_of(table, of.segment), of.microbatch)
    tooltip = f"{of}: {slot.start:.3f} to {slot.end:.3f} us on {slot.stream}"
    yield rectangle(x, y, width, frame.lane, colour, border=names and width > 3, tooltip=tooltip)
    if names:
        above, below = shortened(of.segment, width - 6), f"L{of.layer} mb{of.microbatch}"
        fits = len(below) * CHARACTER <= width - 6
        if above:
            yield text(x + width / 2, y + frame.lane * (0.42 if fits else 0.6), above, anchor="middle")
        if above and fits:
            yield text(x + width / 2, y + frame.lane * 0.82, below, anchor="middle", size=FONT - 1, colour="#333333")


def shortened(name: str, pixels: float) -> str:
    """The name, or as much of it as a width holds followed by a dot; nothing where not even two letters fit."""
    room = floor(pixels / CHARACTER)
    if len(name) <= room:
        return name
    number = name[-2:] if name[-2:-1] == "-" else ""
    kept = room - len(number) - 1
    return f"{name[:kept]}.{number}" if kept >= 2 else ""


def colour_of(table: Timetable, segment: str) -> str:
    """The colour of a segment: by its place among the declared names."""
    names = list(dict.fromkeys(item.name for item in table.problem.segments))
    return COLOURS[names.index(segment) % len(COLOURS)]


def shade(colour: str, microbatch: int) -> str:
    """The colour itself for micro-batch 0, darker for each further one."""
    factor = max(0.4, 1 - 0.22 * microbatch)
    red, green, blue = (round(int(colour[place : place + 2], 16) * factor) for place in (1, 3, 5))
    return f"#{red:02x}{green:02x}{blue:02x}"


def axis(frame: Frame, y: float) -> Iterator[str]:
    """A line with ticks at round numbers of microseconds, or of milliseconds where these are many."""
    left, right = frame.x(frame.begin), frame.x(frame.end)
    yield f'<line x1="{left:.1f}" y1="{y + 4:.1f}" x2="{right:.1f}" y2="{y + 4:.1f}" stroke="#555555"/>'
    unit, scale = ("ms", 10**6) if frame.end - frame.begin >= MILLISECONDS_FROM else ("us", 10**3)
    step = round_step(frame.end - frame.begin)
    for tick in range(-(-frame.begin // step) * step, frame.end + 1, step):
        x = frame.x(tick)
        label = f"{tick / scale:.10g}" + (f" {unit}" if tick + step > frame.end else "")
        yield f'<line x1="{x:.1f}" y1="{y + 4:.1f}" x2="{x:.1f}" y2="{y + 9:.1f}" stroke="#555555"/>'
        if x + len(label) * CHARACTER / 2 > WIDTH - MARGIN:
            yield text(WIDTH - MARGIN, y + 22, label, anchor="end", colour="#555555")
        else:
            yield text(x, y + 22, label, anchor="middle", colour="#555555")


def round_step(span: int) -> int:
    """1, 2 or 5 times a power of ten nanoseconds, so that about ``TICKS`` of them fill the span."""
    rough = max(1, span // TICKS)
    power = 10 ** floor(log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def legend_items(table: Timetable) -> Iterator[tuple[str, str]]:
    """Colours and what they mean."""
    for name in dict.fromkeys(item.name for item in table.problem.segments):
        yield colour_of(table, name), name
    if any(len(item.us) > 1 for item in table.problem.segments):
        yield shade(COLOURS[0], 1), "darker: micro-batch 1"
    yield EXPOSED, "only communication runs"


def place_legend(items: Sequence[tuple[str, str]], top: float) -> list[tuple[float, float]]:
    """The corner of each entry, in as many rows as needed."""
    places, x, y = list[tuple[float, float]](), float(MARGIN), top
    for _, name in items:
        width = 20 + len(name) * CHARACTER + 18
        if x + width > WIDTH - MARGIN and x > MARGIN:
            x, y = float(MARGIN), y + 22
        places.append((x, y))
        x += width
    return places


def key(x: float, y: float, colour: str, name: str) -> list[str]:
    """One entry of the legend."""
    return [rectangle(x, y, 14, 14, colour, border=True), text(x + 20, y + 11.5, name)]


def rectangle(
    x: float, y: float, width: float, height: float, fill: str, *, border: bool = False, tooltip: str = ""
) -> str:
    """A filled rectangle; with a tooltip it says what it is."""
    stroke = ' stroke="#ffffff" stroke-width="1"' if border else ""
    head = f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"{stroke}'
    return f"{head}><title>{escape(tooltip)}</title></rect>" if tooltip else f"{head}/>"


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    size: int = FONT,
    weight: str = "normal",
    colour: str = "#111111",
) -> str:
    """A line of text."""
    bold = f' font-weight="{weight}"' if weight != "normal" else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"{bold}'
    return f"<text {place}>{escape(words)}</text>"
