"""``schedule-overlap``: when and on which stream every segment of a step runs.

Before::

    func.func @prefill(...)
      %y0, %c1 = func.call @prefill.layer.mb0(%x0, ..., %c0, %t0) {microbatch = 0 : i64, prefix = "layers.0"}
      %y1, %c2 = func.call @prefill.layer.mb1(%x1, ..., %c1, %t1) {microbatch = 1 : i64, prefix = "layers.0"}
      ...

After::

    func.func @prefill(...)
      %q0 = func.call @prefill.layer.mb0.attention_0(%x0, ...) {layer = 0, microbatch = 0, stream = "compute", ...}
      %h0, ... = func.call @prefill.layer.mb0.attention_1(%q0, ...) {layer = 0, microbatch = 0, stream = "compute", ...}
      %r0, %t1 = func.call @prefill.layer.mb0.dispatch(%h0, ..., %t0) {layer = 0, microbatch = 0, stream = "comm", ...}
      %q1 = func.call @prefill.layer.mb1.attention_0(%x1, ...) {layer = 0, microbatch = 1, stream = "compute", ...}
      ...
    sched.timetable @prefill target "h800" sms 132 point {...} { ... } prologue { ... } body ... epilogue { ... }

Saves time in which only communication runs: segments of one micro-batch, or the shared expert, run under it.  The
calls of an entry are put in the order in which the timetable starts them; values and caches allow it, and tokens of
communication are threaded anew, in one order for all ranks.  No result changes a bit.

The timetable is found by list scheduling over all instances (segment, layer, micro-batch), so that the layers of the
two micro-batches drift apart as far as their times want; ``cross-layer=false`` forbids that, and the remark says what
it would cost and which dependency binds.  It is never longer than running everything one after the other on the whole
device: otherwise that is the timetable, and the remark gives both times.

Left alone: entries in which nothing communicates; targets that do not say how many multiprocessors they have and how
many of them communication holds.  A function that states ``us``, a measured time, is taken at its word.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr

from dsv3c.ir.context import CompileContext
from dsv3c.ir.functions import functions
from dsv3c.ir.scheduled import parts_of
from dsv3c.ir.segments import SegmentGraph, segment_graph
from dsv3c.ir.targets import Target
from dsv3c.ir.timetable import Timetable
from dsv3c.ir.timetable_ops import KERNEL, STREAM, timetable_op, timetables
from dsv3c.passes.base import Pass
from dsv3c.passes.flatten_layers import flatten_layers
from dsv3c.passes.overlap_plan import Plan
from dsv3c.passes.phases import Phase, phase_of
from dsv3c.passes.reordering import communicates_outside, reorder, segment_calls
from dsv3c.passes.segment_durations import durations_of
from dsv3c.passes.segment_problems import Device, key_of


@dataclass(frozen=True)
class ScheduleOverlapPass(Pass):
    """A timetable for every entry that communicates, and its calls in that order."""

    name = "schedule-overlap"
    requires: ClassVar[frozenset[str]] = frozenset({"phased"})
    ensures: ClassVar[frozenset[str]] = frozenset({"scheduled"})

    cross_layer: bool = True
    """Whether a micro-batch may be in the next layer while the other one is still in this one."""
    comm_sms: int = -1
    """Multiprocessors that communication holds; -1: what the target states for the phase (none where a device graph is
    captured and low-latency kernels are used)."""
    live_buffers: int = 2
    """Results of low-latency dispatch and combine that may be held at one time; 0: any number."""
    mega_kernel: bool = False
    """Let dispatch, experts and combine be one kernel where that is shorter; its time is a floor."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Schedule every entry on its own."""
        plans = dict[str, Plan]()
        for entry in functions(module).values():
            phase = phase_of(entry)
            plan = self.plan(ctx, module, entry, phase) if phase is not None else None
            if plan is not None:
                plans[plan.graph.entry] = plan
        if not plans:
            ctx.withheld.update(self.ensures)
            return
        flatten_layers(module)
        table = functions(module)
        for name, plan in plans.items():
            timetable = plan.best.folded()
            apply(table[name], plan.graph, timetable)
            module.body.block.insert_op_after(timetable_op(timetable), table[name])

    def plan(self, ctx: CompileContext, module: ModuleOp, entry: func.FuncOp, phase: Phase) -> Plan | None:
        """What to do with one entry, reported; None where nothing can be done."""
        assert ctx.target is not None, "schedule-overlap asks the target"
        name = entry.sym_name.data
        if name in timetables(module):
            ctx.blocked(entry, f"@{name} has a timetable already")
            return None
        if (outside := communicates_outside(entry)) is not None:
            ctx.blocked(outside, f"{outside.name} communicates outside of the segments")
            return None
        graph = segment_graph(module, name)
        if not any(item.communicates for item in graph.instances):
            ctx.blocked(entry, f"@{name}: nothing communicates, there is nothing to overlap")
            return None
        device = self.device(ctx.target, phase)
        if isinstance(device, str):
            ctx.blocked(entry, f"@{name}: {device}")
            return None
        plan = Plan(
            graph=graph,
            device=device,
            seconds=durations_of(ctx, module, name, ctx.target).seconds,
            seconds_of_whole=durations_of(ctx, module, name, ctx.target, parts=2).seconds,
            target=ctx.target.name,
            point={"T": phase.tokens, "N": phase.sequences, "context": phase.context},
            cross_layer=self.cross_layer,
            mega_kernel=self.mega_kernel,
        )
        if plan.overlapped is None:
            ctx.blocked(entry, f"@{name}: {device.live_buffers} low-latency buffers do not suffice for its calls")
            return None
        report = ctx.unprofitable if plan.best is plan.serial else ctx.fired
        report(entry, f"@{name}: {plan.reason()}", **plan.numbers())
        return plan

    def device(self, target: Target, phase: Phase) -> Device | str:
        """The division of the device for a phase, or why there is none."""
        fact = "low_latency_communication_compute_units" if phase.capturable else "communication_compute_units"
        stated: int | None = getattr(target, fact)
        sms, comm_sms = target.num_compute_units, stated if self.comm_sms < 0 else self.comm_sms
        if sms is None:
            return f"target {target.name} does not state num_compute_units"
        if comm_sms is None:
            return f"target {target.name} does not state {fact}: give comm-sms"
        if comm_sms >= sms:
            return f"communication would hold {comm_sms} of {sms} multiprocessors: none are left to compute"
        return Device(sms, comm_sms, self.live_buffers if phase.capturable else 0)


def apply(entry: func.FuncOp, graph: SegmentGraph, table: Timetable) -> None:
    """Put the calls in the order in which the timetable starts them, and write its streams on them."""
    calls = dict(zip(map(key_of, graph.instances), segment_calls(entry), strict=True))
    place = {instance: index for index, instance in enumerate(calls)}
    issued = list[func.CallOp]()
    # what takes no time starts with its consumer: then the order of the program decides
    for slot in sorted(table.expanded(), key=lambda slot: (slot.start, slot.end, place.get(slot.instance, 0))):
        for part in parts_of(slot.instance, table):
            calls[part].attributes[STREAM] = StringAttr(slot.stream)
            if part != slot.instance:
                calls[part].attributes[KERNEL] = StringAttr(slot.instance.segment)
            issued.append(calls[part])
    reorder(entry, issued)
