"""What a module with timetables must satisfy: they can run, and the calls of the entries are what they say."""

from collections.abc import Iterator

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr

from dsv3c.ir.dialects.sched import TimetableOp
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import callee_name, functions
from dsv3c.ir.legality import violations
from dsv3c.ir.segments import LAYER, MICROBATCH, WHOLE_LAYER, number_of, segment_name
from dsv3c.ir.timetable import Instance, Slot, Timetable
from dsv3c.ir.timetable_ops import STREAM, timetable_of, timetables


def verify_timetables(module: ModuleOp) -> None:
    """Raise IRError for a timetable that cannot run, or that is not that of its entry's calls."""
    table = functions(module)
    for name, op in timetables(module).items():
        if name not in table:
            raise IRError(f"there is no entry @{name} for this timetable", where=at(op))
        timetable = timetable_of(op)
        if found := violations(timetable):
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise IRError(f"the timetable of @{name} cannot run: {found[0]}{more}", where=at(op))
        verify_calls(op, timetable, dict(calls_of(table[name], table)))


def calls_of(entry: func.FuncOp, table: dict[str, func.FuncOp]) -> Iterator[tuple[Instance, func.CallOp]]:
    """The calls of a flat entry as instances, in the order of the program."""
    for op in entry.body.block.ops:
        if isinstance(op, func.CallOp):
            segment = segment_name(table[callee_name(op)]) or WHOLE_LAYER
            layer, microbatch = number_of(op, LAYER), number_of(op, MICROBATCH)
            yield Instance(segment, layer if layer is not None else 0, microbatch or 0), op


def verify_calls(op: TimetableOp, table: Timetable, calls: dict[Instance, func.CallOp]) -> None:
    """Every slot has its calls, on its stream, every call its slot, and streams are issued in the order of slots."""
    slots = {part: slot for slot in table.expanded() for part in parts_of(slot.instance, table)}
    for part, slot in slots.items():
        if part not in calls:
            raise IRError(f"@{table.entry} has no call for {part}", where=at(op))
        if calls[part].attributes.get(STREAM) != StringAttr(slot.stream):
            raise IRError(f"the call for {part} is not on stream {slot.stream!r}", where=at(calls[part]))
    latest = dict[str, Slot]()
    for part, call in calls.items():
        if part not in slots:
            raise IRError(f"{part} has no slot in the timetable of @{table.entry}", where=at(call))
        slot = slots[part]
        if slot.stream in latest and latest[slot.stream].start > slot.start:
            before = latest[slot.stream].instance
            raise IRError(f"stream {slot.stream!r} issues {part} after {before}, which starts later", where=at(call))
        latest[slot.stream] = slot


def parts_of(instance: Instance, table: Timetable) -> list[Instance]:
    """The instances that one slot runs: itself, or those that its kernel fuses."""
    fuses = table.problem.declared[instance].fuses or (instance.segment,)
    return [Instance(name, instance.layer, instance.microbatch) for name in fuses]
