"""Why communication stays exposed: for every time in which nothing else runs, what computation was waiting for."""

from collections.abc import Iterable
from dataclasses import dataclass

from dsv3c.ir.timetable import COMPUTE, Dependency, Instance, Timetable, nanoseconds


@dataclass(frozen=True)
class Cause:
    """A dependency that computation waited for while only communication ran."""

    dependency: Dependency | None
    """None: nothing that is declared; the step ended, or a stream, a group or a buffer was not free."""
    count: int
    us: float

    @property
    def is_asked(self) -> bool:
        """Whether it is an order that was asked for, and that nothing needs."""
        return self.dependency is not None and self.dependency.kind == "order"

    def __str__(self) -> str:
        times = f"{self.count} times, {self.us:.1f} us" if self.count > 1 else f"once, {self.us:.1f} us"
        return f"{wording(self.dependency)} ({times})"


def wording(dependency: Dependency | None) -> str:
    """``attention-0 waits for combine of the layer before``."""
    if dependency is None:
        return "no computation is left to run under it"
    text = f"{dependency.consumer} waits for {dependency.producer}"
    if dependency.microbatches_back:
        text += " of the other micro-batch"
    if dependency.layers_back:
        text += " of the layer before" if dependency.layers_back == 1 else f" of {dependency.layers_back} layers before"
    return text + {"data": "", "cache": " (cache)", "order": " (asked for)"}[dependency.kind]


def causes(table: Timetable) -> list[Cause]:
    """Exposed communication by the dependency that kept computation waiting, longest first; together all of it.

    Where something could have run but for an order that was asked for, that order is the cause; else it is what the
    computation that follows had to wait for.
    """
    ends = {slot.instance: nanoseconds(slot.end) for slot in table.expanded()}
    compute = [slot for slot in table.expanded() if table.problem.declared[slot.instance].kind == COMPUTE]
    asked = any(rule.kind == "order" for rule in table.problem.dependencies)
    found = dict[Dependency | None, list[int]]()
    for start, end in ((nanoseconds(start), nanoseconds(end)) for start, end in table.exposed()):
        later = [slot.instance for slot in compute if nanoseconds(slot.start) >= end] if asked else []
        first = [slot.instance for slot in compute if nanoseconds(slot.start) == end]
        rule = forbidding(table, ends, end, later) or binding(table, ends, end, first)
        found.setdefault(rule, []).append(end - start)
    listed = [Cause(rule, len(times), sum(times) / 1000) for rule, times in found.items()]
    return sorted(listed, key=lambda cause: -cause.us)


def forbidding(
    table: Timetable, ends: dict[Instance, int], moment: int, instances: Iterable[Instance]
) -> Dependency | None:
    """The order asked for that alone keeps one of these instances from running before a moment (ns)."""
    for instance in instances:
        waits = table.problem.waits[instance]
        asked = [rule for producer, rule in waits if rule.kind == "order" and ends[producer] >= moment]
        if asked and all(ends[producer] < moment for producer, rule in waits if rule.kind != "order"):
            return asked[0]
    return None


def binding(
    table: Timetable, ends: dict[Instance, int], moment: int, instances: Iterable[Instance]
) -> Dependency | None:
    """The first dependency of these instances whose producer ended at a moment (ns)."""
    for instance in instances:
        for producer, rule in table.problem.waits[instance]:
            if ends[producer] == moment:
                return rule
    return None
