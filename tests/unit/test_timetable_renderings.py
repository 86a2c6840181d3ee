"""Timetables as text, as a trace and as a picture: everything is there, in its place, and can be read."""

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from timetables import step_problem

from dsv3c.ir.context import make_context
from dsv3c.ir.folding import fold
from dsv3c.ir.text import parse_module
from dsv3c.ir.timetable import Problem, Stream, Timetable, nanoseconds
from dsv3c.ir.timetable_ops import timetable_of, timetables
from dsv3c.passes.list_scheduling import Work, schedule
from dsv3c.reports.timetable_svg import CHARACTER, FONT, LANE, WIDTH, render_svg
from dsv3c.reports.timetable_text import LANE_WIDTH, render_text
from dsv3c.reports.timetable_trace import trace_json

ROOT = Path(__file__).parents[2]
US = {"attention-0": 80, "attention-1": 190, "mlp": 50, "dispatch": 100, "experts": 100, "shared": 20, "combine": 190}
SVG = "{http://www.w3.org/2000/svg}"


def small(name: str = "legal-body") -> Timetable:
    """A timetable of the corpus of legal and illegal ones."""
    module = parse_module(make_context(), (ROOT / "tests" / "legality" / f"{name}.mlir").read_text())
    return timetable_of(timetables(module)["decode"])


def step(layers: int, dense: int, comm_sms: int, factor: float = 1.0) -> Timetable:
    """A scheduled step."""
    us = {name: took * factor for name, took in US.items() if dense or name != "mlp"}
    problem = step_problem(us, layers=layers, dense=dense, comm_sms=comm_sms)
    slots = schedule(Work.of(problem))
    assert slots is not None
    prologue, body, epilogue = fold(slots)
    return Timetable("decode", "h800", problem, {"T": 128, "N": 128}, prologue, body, epilogue)


TABLES = {
    "folded": lambda: small(),
    "flat": lambda: small("legal-flat"),
    "two ranks": lambda: small("legal-two-ranks"),
    "decode": lambda: step(61, 3, 0),
    "prefill": lambda: step(61, 3, 24, factor=30),
    "short": lambda: step(2, 0, 0),
    "very short": lambda: step(1, 0, 0, factor=0.01),
}
one_rank = pytest.mark.parametrize("name", [name for name in TABLES if name != "two ranks"])

TEXT = """\
@decode on h800: T = 128
multiprocessors: 132; of streams: compute 108, comm 24
149.0 us, 32 slots

prologue
      start us       end us  stream   segment    layer  micro-batch
         0.000       10.000  compute  attention      0            0
        10.000       15.000  comm     dispatch       0            0
        10.000       20.000  compute  attention      0            1
        20.000       25.000  comm     dispatch       0            1
        20.000       28.000  compute  experts        0            0
        28.000       33.000  comm     combine        0            0
        28.000       36.000  compute  experts        0            1

body, 3 times, 36.0 us and 1 layer further on each time
      start us       end us  stream   segment    layer  micro-batch
        36.000       41.000  comm     combine        0            1
        36.000       46.000  compute  attention      1            0
        46.000       51.000  comm     dispatch       1            0
        46.000       56.000  compute  attention      1            1
        56.000       61.000  comm     dispatch       1            1
        56.000       64.000  compute  experts        1            0
        64.000       69.000  comm     combine        1            0
        64.000       72.000  compute  experts        1            1

epilogue
      start us       end us  stream   segment    layer  micro-batch
       144.000      149.000  comm     combine        3            1

one repetition of the body, 36.0 us from 72.0 us on, 96 columns:
  compute |A0-------------------------A1------------------------E0--------------------E1-------------------|
  comm    |C1-----------              D0-----------             D1------------        C0-----------        |
  exposed |                                                                                                |
  A attention, D dispatch, E experts, C combine; the digit is the micro-batch

exposed communication: 5.0 of 80.0 us, 3.4 % of the step
  no computation is left to run under it (once, 5.0 us)
"""


def test_text() -> None:
    assert render_text(small()) == TEXT


def test_text_without_a_body_says_where_communication_is_exposed() -> None:
    text = render_text(step(2, 0, 0))
    assert "\nslots\n" in text
    assert "prologue" not in text
    assert re.search(r"the step, 1830.0 us from 0.0 us on", text)
    lane = re.search(r"^  exposed \|(.*)\|$", text, re.MULTILINE)
    assert lane is not None
    assert set(lane[1]) == {" ", "!"}
    # 80 us before the last experts, then the last combine
    assert lane[1].rstrip("!").rstrip().endswith("!")
    assert "  experts waits for dispatch (once, 80.0 us)" in text
    assert "exposed communication: 270.0 of 1160.0 us, 14.8 % of the step" in text


@pytest.mark.parametrize("name", TABLES)
def test_text_has_all_slots_and_lanes_of_one_width(name: str) -> None:
    table = TABLES[name]()
    text = render_text(table)
    stored = len(table.prologue) + len(table.epilogue) + (len(table.body.slots) if table.body else 0)
    assert len(re.findall(r"^ +[\d.]+ +[\d.]+  \S", text, re.MULTILINE)) == stored
    found = re.findall(r"^  (\S+) +\|(.*)\|$", text, re.MULTILINE)
    assert [lane for lane, _ in found] == [*(stream.name for stream in table.problem.streams), "exposed"]
    assert {len(content) for _, content in found} == {LANE_WIDTH}


def test_letters_of_lanes_are_distinct() -> None:
    text = render_text(step(61, 3, 0))
    assert "A attention-0, T attention-1, M mlp, D dispatch, E experts, S shared, C combine" in text


@pytest.mark.parametrize("name", TABLES)
def test_trace_has_every_slot_once_and_names_every_track(name: str) -> None:
    table = TABLES[name]()
    trace = json.loads(json.dumps(trace_json(table), allow_nan=False))
    events = trace["traceEvents"]
    slots = [event for event in events if event["ph"] == "X" and event["cat"] != "exposed"]
    assert len(slots) == len(table.expanded())
    for event, slot in zip(slots, table.expanded(), strict=True):
        assert (event["ts"], event["args"]["segment"]) == (slot.start, slot.instance.segment)
        assert nanoseconds(event["ts"] + event["dur"]) == nanoseconds(slot.end)
        assert event["name"] == f"{slot.instance.segment} L{slot.instance.layer}.{slot.instance.microbatch}"
    named = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {(event["pid"], event["tid"]) for event in events if event["ph"] != "M"} <= named.keys()
    assert f"{table.problem.streams[0].name} ({table.problem.streams[0].sms} SMs)" in named.values()
    assert {event["ph"] for event in events} <= {"X", "M", "s", "f"}
    processes = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    assert processes == (
        ["@decode on h800, rank 0", "@decode on h800, rank 1"] if name == "two ranks" else ["@decode on h800"]
    )


@one_rank
def test_trace_shows_what_is_exposed_and_what_waits_for_what(name: str) -> None:
    table = TABLES[name]()
    events = trace_json(table)["traceEvents"]
    assert isinstance(events, list)
    exposed = [event for event in events if event.get("cat") == "exposed"]
    assert [(event["ts"], round(event["ts"] + event["dur"], 3)) for event in exposed] == table.exposed()
    flows = [event for event in events if event["ph"] in "sf"]
    assert flows
    for start, end in zip(flows[::2], flows[1::2], strict=True):
        assert (start["ph"], end["ph"], start["id"]) == ("s", "f", end["id"])
        assert start["tid"] != end["tid"]
        assert start["ts"] <= end["ts"]
        assert end["bp"] == "e"


@pytest.mark.parametrize("name", TABLES)
def test_tracks_of_a_trace_do_not_overlap(name: str) -> None:
    events = trace_json(TABLES[name]())["traceEvents"]
    assert isinstance(events, list)
    tracks = dict[tuple[int, int], list[tuple[int, int]]]()
    for event in events:
        if event["ph"] == "X":
            start = nanoseconds(event["ts"])
            tracks.setdefault((event["pid"], event["tid"]), []).append((start, start + nanoseconds(event["dur"])))
    for times in tracks.values():
        times.sort()
        assert all(before[1] <= after[0] for before, after in pairwise(times))


def boxes(root: ElementTree.Element) -> list[tuple[float, float, float, float, str]]:
    """Left, right, top, bottom and words of every text, as wide as its letters can be."""
    found = []
    for item in root.iter(f"{SVG}text"):
        words, size = item.text or "", float(item.get("font-size") or FONT)
        bold = 1.1 if item.get("font-weight") == "bold" else 1.0
        x, y, width = float(item.get("x") or 0), float(item.get("y") or 0), len(words) * 0.6 * size * bold
        left = {"start": x, "middle": x - width / 2, "end": x - width}[item.get("text-anchor") or "start"]
        found.append((left, left + width, y - 0.8 * size, y + 0.2 * size, words))
    return found


@pytest.mark.parametrize("name", TABLES)
def test_words_of_a_picture_are_inside_and_do_not_overlap(name: str) -> None:
    root = ElementTree.fromstring(render_svg(TABLES[name]()))
    height = float(root.get("height") or 0)
    found = boxes(root)
    assert len(found) > 10
    for left, right, top, bottom, words in found:
        assert left >= 0 and right <= WIDTH and top >= 0 and bottom <= height, words
    for index, (left, right, top, bottom, words) in enumerate(found):
        for other_left, other_right, other_top, other_bottom, other in found[index + 1 :]:
            apart = right <= other_left or other_right <= left or bottom <= other_top or other_bottom <= top
            assert apart, f"{words!r} and {other!r} overlap"


@pytest.mark.parametrize("name", TABLES)
def test_a_picture_has_a_rectangle_for_every_slot_and_names_inside_of_them(name: str) -> None:
    table = TABLES[name]()
    root = ElementTree.fromstring(render_svg(table))
    titles = [item.text or "" for item in root.iter(f"{SVG}title")]
    for slot in table.expanded():
        assert f"{slot.instance}: {slot.start:.3f} to {slot.end:.3f} us on {slot.stream}" in titles
    lanes = [item for item in root.iter(f"{SVG}rect") if item.get("height") == f"{LANE:.2f}"]
    spans = [(float(item.get("x") or 0), float(item.get("width") or 0)) for item in lanes]
    for left, right, _, _, words in boxes(root):
        if re.fullmatch(r"L\d+ mb\d", words):
            assert any(x <= left and right <= x + width for x, width in spans), words
    assert "only communication runs" in [item.text for item in root.iter(f"{SVG}text")]


def test_a_picture_shades_micro_batches_and_keeps_lanes_apart() -> None:
    table = small()
    root = ElementTree.fromstring(render_svg(table))
    fills = {(item.findtext(f"{SVG}title") or "").split(":")[0]: item.get("fill") for item in root.iter(f"{SVG}rect")}
    first = fills["attention of layer 1, micro-batch 0"]
    assert first == fills["attention of layer 2, micro-batch 0"]
    assert first != fills["attention of layer 1, micro-batch 1"]
    assert first != fills["experts of layer 1, micro-batch 0"]
    tops = [
        {item.get("y") for item in root.iter(f"{SVG}rect") if (item.findtext(f"{SVG}title") or "").endswith(f" {name}")}
        for name in ("compute", "comm")
    ]
    assert tops[0].isdisjoint(tops[1])


def test_an_empty_timetable_has_all_renderings() -> None:
    empty = Timetable("f", "cpu", Problem((), (Stream("compute", "compute", 0),)))
    assert "0.0 us, 0 slots" in render_text(empty)
    assert trace_json(empty)["displayTimeUnit"] == "ms"
    ElementTree.fromstring(render_svg(empty))


def test_names_are_escaped() -> None:
    table = small()
    named = replace(table, entry="a<b>&c")
    assert "@a<b>&c" in [
        item.text.split(" on ")[0] for item in ElementTree.fromstring(render_svg(named)).iter() if item.text
    ]
    assert CHARACTER < FONT
