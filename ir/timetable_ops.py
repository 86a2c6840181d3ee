"""Timetables in and out of the ``sched`` dialect: ``timetable_of(timetable_op(table)) == table``."""

from typing import cast

from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.ir import Operation, Region

from dsv3c.ir.dialects.sched import (
    BufferOp,
    DependsOp,
    SegmentOp,
    SlotOp,
    StreamOp,
    TimetableOp,
    number,
)
from dsv3c.ir.timetable import (
    Body,
    Buffer,
    Dependency,
    DependencyKind,
    Hold,
    Instance,
    Problem,
    Segment,
    Slot,
    Stream,
    Timetable,
)

STREAM = "stream"
"""Attribute of a call in a scheduled entry: the stream it is issued to."""
KERNEL = "kernel"
"""Attribute of a call: the segment that runs it together with others as one kernel."""


def timetables(module: ModuleOp) -> dict[str, TimetableOp]:
    """Entry -> its timetable, in the order of the text."""
    return {op.entry.root_reference.data: op for op in module.ops if isinstance(op, TimetableOp)}


def timetable_of(op: TimetableOp) -> Timetable:
    """The timetable an op holds; nothing is judged."""
    declared = list(op.declarations.ops)
    problem = Problem(
        segments=tuple(segment_of(item) for item in declared if isinstance(item, SegmentOp)),
        streams=tuple(stream_of(item) for item in declared if isinstance(item, StreamOp)),
        dependencies=tuple(dependency_of(item) for item in declared if isinstance(item, DependsOp)),
        buffers=tuple(
            Buffer(item.buffer.data, item.live.value.data) for item in declared if isinstance(item, BufferOp)
        ),
        device_sms=op.sms.value.data,
    )
    body = None
    if op.repeat is not None and op.layers is not None and op.us is not None:
        body = Body(slots_of(op.body), op.repeat.value.data, op.layers.value.data, op.us.value.data)
    point = {key: value.value.data for key, value in op.point.data.items() if isinstance(value, IntegerAttr)}
    return Timetable(
        entry=op.entry.root_reference.data,
        target=op.target.data,
        problem=problem,
        point=point,
        prologue=slots_of(op.prologue),
        body=body,
        epilogue=slots_of(op.epilogue),
    )


def slots_of(region: Region) -> tuple[Slot, ...]:
    """The slots of a region."""
    return tuple(slot_of(item) for block in region.blocks for item in block.ops if isinstance(item, SlotOp))


def slot_of(op: SlotOp) -> Slot:
    """One slot."""
    instance = Instance(op.segment.data, op.layer.value.data, op.microbatch.value.data)
    return Slot(op.start.value.data, op.end.value.data, op.stream.data, instance)


def stream_of(op: StreamOp) -> Stream:
    """One stream."""
    return Stream(op.stream.data, op.kind.data, op.sms.value.data, optional(op.rank))


def segment_of(op: SegmentOp) -> Segment:
    """One segment."""
    pairs = [tuple(name.data for name in pair) for pair in op.holds or ()]
    return Segment(
        name=op.segment.data,
        first_layer=op.first_layer.value.data,
        end_layer=op.end_layer.value.data,
        kind=op.kind.data,
        us=tuple(number(value) for value in op.us),
        sms=op.sms.value.data,
        group=op.group.data if op.group is not None else "",
        holds=tuple(Hold(*pair) for pair in pairs),
        fuses=tuple(name.data for name in op.fuses or ()),
    )


def dependency_of(op: DependsOp) -> Dependency:
    """One dependency."""
    first, end = optional(op.first_layer), optional(op.end_layer)
    return Dependency(
        consumer=op.consumer.data,
        producer=op.producer.data,
        kind=cast(DependencyKind, op.kind.data),
        layers_back=optional(op.layers_back) or 0,
        microbatches_back=optional(op.microbatches_back) or 0,
        layers=(first, end) if first is not None and end is not None else None,
        microbatch=optional(op.microbatch),
    )


def optional(attribute: IntegerAttr | None) -> int | None:
    """The number of an optional property."""
    return attribute.value.data if attribute is not None else None


def timetable_op(table: Timetable) -> TimetableOp:
    """The op that holds a timetable."""
    problem, body = table.problem, table.body
    return TimetableOp(
        table.entry,
        table.target,
        problem.device_sms,
        dict(table.point),
        [
            *(StreamOp(item.name, item.kind, item.sms, item.rank) for item in problem.streams),
            *(BufferOp(item.name, item.live) for item in problem.buffers),
            *(segment_op(item) for item in problem.segments),
            *(depends_op(item) for item in problem.dependencies),
        ],
        [slot_op(slot) for slot in table.prologue],
        (body.repeat, body.layers, body.us, [slot_op(slot) for slot in body.slots]) if body is not None else None,
        [slot_op(slot) for slot in table.epilogue],
    )


def segment_op(item: Segment) -> Operation:
    """One segment as an op."""
    return SegmentOp(
        item.name,
        (item.first_layer, item.end_layer),
        item.kind,
        item.sms,
        item.us,
        group=item.group,
        holds=[(hold.buffer, hold.until) for hold in item.holds],
        fuses=item.fuses,
    )


def depends_op(item: Dependency) -> Operation:
    """One dependency as an op."""
    return DependsOp(
        item.consumer,
        item.producer,
        item.kind,
        layers_back=item.layers_back,
        microbatches_back=item.microbatches_back,
        layers=item.layers,
        microbatch=item.microbatch,
    )


def slot_op(slot: Slot) -> SlotOp:
    """One slot as an op."""
    of = slot.instance
    return SlotOp(of.segment, of.layer, of.microbatch, slot.stream, slot.start, slot.end)
