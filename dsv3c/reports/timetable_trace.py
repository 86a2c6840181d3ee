"""A timetable as a trace that chrome://tracing and Perfetto open: one track per stream, one for exposed communication.

Format: the Trace Event Format's complete events (``ph`` X, times in us), with metadata that names the tracks and flow
events from producers to consumers on other streams.
"""

from dsv3c.ir.timetable import Slot, Timetable

JSON = dict[str, object]
EXPOSED = "exposed communication"


def trace_json(table: Timetable) -> dict[str, object]:
    """The trace, ready for ``json.dump``.  A stream of every rank is on process 0, that of rank r on process r."""
    pids = {stream.name: stream.rank or 0 for stream in table.problem.streams}
    tids = {stream.name: number for number, stream in enumerate(table.problem.streams)}
    events = [slot_event(table, slot, pids[slot.stream], tids[slot.stream]) for slot in table.expanded()]
    if len(set(pids.values())) == 1:
        pid, tid = next(iter(pids.values())), len(tids)
        events.append(metadata("thread_name", pid, tid, name=EXPOSED))
        events.append(metadata("thread_sort_index", pid, tid, sort_index=tid))
        for start, end in table.exposed():
            duration = round(end - start, 3)
            events.append(
                {"ph": "X", "name": EXPOSED, "cat": "exposed", "pid": pid, "tid": tid, "ts": start, "dur": duration}
            )
        events += flows(table, pids, tids)
    for pid in sorted(set(pids.values())):
        title = f"@{table.entry} on {table.target}" + (f", rank {pid}" if len(set(pids.values())) > 1 else "")
        events.append(metadata("process_name", pid, 0, name=title))
    for stream in table.problem.streams:
        pid, tid = pids[stream.name], tids[stream.name]
        events.append(metadata("thread_name", pid, tid, name=f"{stream.name} ({stream.sms} SMs)"))
        events.append(metadata("thread_sort_index", pid, tid, sort_index=tid))
    other = {"entry": table.entry, "target": table.target, **{key: str(value) for key, value in table.point.items()}}
    return {"displayTimeUnit": "ms", "otherData": other, "traceEvents": events}


def metadata(what: str, pid: int, tid: int, **args: object) -> JSON:
    """A name or an order of a process or thread."""
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": args}


def slot_event(table: Timetable, slot: Slot, pid: int, tid: int) -> JSON:
    """One slot as a complete event."""
    of, segment = slot.instance, table.problem.declared[slot.instance]
    return {
        "ph": "X",
        "name": f"{of.segment} L{of.layer}.{of.microbatch}",
        "cat": segment.kind,
        "pid": pid,
        "tid": tid,
        "ts": slot.start,
        "dur": round(slot.end - slot.start, 3),
        "args": {"segment": of.segment, "layer": of.layer, "microbatch": of.microbatch, "sms": segment.sms},
    }


def flows(table: Timetable, pids: dict[str, int], tids: dict[str, int]) -> list[JSON]:
    """Arrows from the end of a producer to the start of a consumer on another stream."""
    slots = {slot.instance: slot for slot in table.expanded()}
    events = list[JSON]()
    for consumer, waits in table.problem.waits.items():
        for producer, rule in waits:
            source, sink = slots[producer], slots[consumer]
            if source.stream == sink.stream or rule.kind == "order":
                continue
            common = {"name": rule.kind, "cat": "dependency", "id": len(events) // 2}
            for phase, slot, time in (("s", source, source.end), ("f", sink, sink.start)):
                event: JSON = {**common, "ph": phase, "pid": pids[slot.stream], "tid": tids[slot.stream], "ts": time}
                events.append(event | ({"bp": "e"} if phase == "f" else {}))
    return events
