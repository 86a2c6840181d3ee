"""Streams and events of a function in the text of a program."""

from dataclasses import dataclass, field

from xdsl.dialects import func

from dsv3c.backends.reference.emitter import Body
from dsv3c.backends.reference.python_text import literal_text, wrapped
from dsv3c.backends.triton.memory.streams import OWN, order_of
from dsv3c.ir.functions import functions, parent_module

INDENT = "    "


@dataclass
class EmittedStreams:
    """Writes around a function's ops where they run and what they wait for; nothing where all run on its own stream.

    ``begin`` and ``end`` are called around every op, in the order of the program.
    """

    body: Body
    function: func.FuncOp
    current: str = OWN
    events: dict[int, str] = field(default_factory=dict[int, str])
    """Op that others wait for -> the event behind it; -1: before all."""

    def __post_init__(self) -> None:
        order = order_of(self.function.body.block, functions(parent_module(self.function)))
        self.streams, self.waits = order.streams, [list(needed) for needed in order.needed]
        for stream in {*order.streams} - {OWN}:
            first = order.streams.index(stream)
            if not any(order.streams[earlier] == OWN for earlier in self.waits[first]):
                self.waits[first].insert(0, -1)  # for what the step is given, and the last one's use of its memory
        self.awaited = {earlier for waits in self.waits for earlier in waits}
        self.end(-1)

    def begin(self, position: int) -> None:
        """Go to an op's stream, and wait for what it needs."""
        stream = self.streams[position]
        if stream != self.current:
            assert stream == OWN or isinstance(list(self.function.body.block.ops)[position], func.CallOp)
            self.current, self.body.indent = stream, INDENT if stream == OWN else 2 * INDENT
            if stream != OWN:
                self.body.lines.append(f"{INDENT}with gpu.stream({literal_text(stream)}):")
        if self.waits[position]:
            events = [self.events[earlier] for earlier in self.waits[position]]
            self.body.lines += wrapped("gpu.wait", events, "", self.body.indent)

    def end(self, position: int) -> None:
        """An event behind an op that others wait for."""
        if position in self.awaited:
            self.events[position] = self.body.names.fresh("done" if position >= 0 else "before")
            self.body.lines.append(f"{self.body.indent}{self.events[position]} = gpu.record()")
