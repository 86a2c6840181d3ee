"""The candidates for the timetable of one entry, what each takes, and the words for it."""

from dataclasses import dataclass, replace
from functools import cached_property

from dsv3c.ir.exposure import causes
from dsv3c.ir.folding import fold
from dsv3c.ir.segments import SegmentGraph
from dsv3c.ir.timetable import COMM, Problem, Slot, Timetable, microseconds
from dsv3c.passes.list_scheduling import Work, lower_bound_ns, makespan, schedule, serial
from dsv3c.passes.segment_problems import (
    Device,
    Seconds,
    first_part,
    key_of,
    problem_of,
    with_mega_kernel,
    without_cross_layer,
)

CAUSES_NAMED = 2
"""How many causes of exposed communication a remark names."""


@dataclass(frozen=True)
class Found:
    """A candidate with its timetable."""

    what: str
    """``two streams``, ``mega-kernel``, ``serial``."""
    table: Timetable
    """Not folded."""
    us: float
    """How long it takes."""

    def folded(self) -> Timetable:
        """The timetable with what repeats in a body."""
        prologue, body, epilogue = fold(self.table.expanded())
        return replace(self.table, prologue=prologue, body=body, epilogue=epilogue)


@dataclass(frozen=True)
class Plan:
    """What is known of one entry: its graph, the device, and how to ask for times."""

    graph: SegmentGraph
    device: Device
    seconds: Seconds
    """Times of the functions as they are."""
    seconds_of_whole: Seconds
    """Times of the first micro-batch's functions if they did the whole step."""
    target: str
    point: dict[str, int]
    cross_layer: bool
    mega_kernel: bool

    @cached_property
    def overlapped(self) -> Found | None:
        """Two streams, cross-layer overlap as asked; None where it gets stuck for want of buffers."""
        return self.candidate("two streams", self.problem, cross_layer=self.cross_layer)

    @property
    def two_streams(self) -> Found:
        """``overlapped`` where it is known to be there."""
        assert self.overlapped is not None, "a plan that is stuck is not reported"
        return self.overlapped

    @cached_property
    def otherwise(self) -> Found:
        """Two streams with cross-layer overlap forbidden if it is allowed, and allowed if it is forbidden."""
        found = self.candidate("two streams", self.problem, cross_layer=not self.cross_layer)
        assert found is not None, "buffers are held inside of a layer: they suffice for both or for neither"
        return found

    @cached_property
    def fused(self) -> Found | None:
        """Dispatch, experts and combine as one kernel on the whole device; None where a layer has not all three."""
        problem = with_mega_kernel(self.problem_on(self.device.sms))
        return self.candidate("mega-kernel", problem, cross_layer=self.cross_layer) if problem is not None else None

    @cached_property
    def serial(self) -> Found:
        """One call after the other in the order of the program, each on the whole device."""
        problem = self.problem_on(self.device.sms)
        order = [key_of(item) for item in self.graph.instances]
        return self.found("serial", problem, serial(Work.of(problem), order))

    @cached_property
    def one_piece_us(self) -> float | None:
        """What the step would take without micro-batches, at best; None where it has none."""
        if not any(item.microbatch for item in self.graph.instances):
            return None
        graph = first_part(self.graph)
        order = [key_of(item) for item in graph.instances]
        split = problem_of(graph, self.device, self.seconds_of_whole, self.device.compute_sms)
        whole = problem_of(graph, self.device, self.seconds_of_whole, self.device.sms)
        slots = schedule(Work.of(split))
        assert slots is not None, "buffers that suffice for two micro-batches suffice for one"
        return min(makespan(serial(Work.of(whole), order)), makespan(slots))

    @cached_property
    def best(self) -> Found:
        """The shortest candidate that may be chosen; on a tie the simpler one."""
        candidates = [self.serial, self.overlapped]
        if self.mega_kernel:
            candidates.append(self.fused)
        return min((item for item in candidates if item is not None), key=lambda item: item.us)

    @cached_property
    def problem(self) -> Problem:
        """Computation on what communication leaves of the device."""
        return self.problem_on(self.device.compute_sms)

    def problem_on(self, compute_sms: int) -> Problem:
        """The graph with computation on so many multiprocessors."""
        return problem_of(self.graph, self.device, self.seconds, compute_sms)

    def candidate(self, what: str, problem: Problem, *, cross_layer: bool) -> Found | None:
        """A problem scheduled; None where it gets stuck for want of buffers."""
        asked = problem if cross_layer else without_cross_layer(problem)
        slots = schedule(Work.of(asked))
        return self.found(what, asked, slots) if slots is not None else None

    def found(self, what: str, problem: Problem, slots: list[Slot]) -> Found:
        """Slots as a timetable."""
        table = Timetable(self.graph.entry, self.target, problem, self.point, tuple(slots))
        return Found(what, table, makespan(slots))

    def numbers(self) -> dict[str, float | int | str]:
        """What was compared (us)."""
        table = self.best.table
        numbers: dict[str, float | int | str] = {
            "makespan_us": self.best.us,
            "serial_us": self.serial.us,
            "communication_us": communication_us(table),
            "exposed_us": table.exposed_us,
            "lower_bound_us": microseconds(lower_bound_ns(Work.of(table.problem))),
        }
        key = "without_cross_layer" if self.cross_layer else "with_cross_layer"
        numbers["overlapped_us"] = self.two_streams.us
        numbers[f"{key}_us"] = self.otherwise.us
        numbers[f"exposed_{key}_us"] = self.otherwise.table.exposed_us
        if self.one_piece_us is not None:
            numbers["one_piece_us"] = self.one_piece_us
        if self.fused is not None:
            numbers["mega_kernel_us"] = self.fused.us
        return numbers

    def reason(self) -> str:
        """What was chosen and why, in words."""
        if self.best is self.serial:
            parts = [self.why_serial()]
        elif self.best is self.overlapped:
            parts = [self.what_is_exposed(self.best.table), self.what_layers_change()]
        else:
            parts = ["mega-kernel: communication runs inside of the kernel, under the experts' own products"]
        if self.one_piece_us is not None and self.one_piece_us < self.best.us:
            parts.append(f"in one piece the step takes {self.one_piece_us:.1f} us: micro-batches do not pay here")
        return "; ".join(parts)

    def why_serial(self) -> str:
        """Why nothing runs under anything."""
        share = f"{self.device.compute_sms} of {self.device.sms} multiprocessors"
        return (
            f"one after the other takes {self.serial.us:.1f} us, two streams take {self.two_streams.us:.1f} us "
            f"with {share} for computation"
        )

    def what_is_exposed(self, table: Timetable) -> str:
        """How much communication is left, and what computation waits for then."""
        text = f"{self.best.what}: {table.exposed_us:.1f} of {communication_us(table):.1f} us of communication exposed"
        return ": ".join(filter(None, [text, ", ".join(map(str, causes(table)[:CAUSES_NAMED]))]))

    def what_layers_change(self) -> str:
        """What forbidding cross-layer overlap costs, or would save, and which dependency binds then."""
        there = self.otherwise.table.exposed_us
        more = there - self.two_streams.table.exposed_us
        if not self.cross_layer:
            return f"cross-layer overlap is forbidden: it would leave {there:.1f} us exposed, {-more:.1f} us less"
        text = f"without cross-layer overlap {there:.1f} us are exposed, {more:.1f} us more"
        # an order that was asked for comes first: it is what differs
        found = sorted(causes(self.otherwise.table), key=lambda cause: not cause.is_asked)
        return f"{text}: {found[0]}" if more > 0 else text


def communication_us(table: Timetable) -> float:
    """How long communication runs, exposed or not."""
    return microseconds(sum(end - start for start, end in table.busy(COMM)))
