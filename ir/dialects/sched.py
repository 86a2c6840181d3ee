"""The ``sched`` dialect: the timetable of an entry as text.

It computes nothing: calls carry the values, the timetable says when and on which stream they run.  Whether it can run
is judged by ``dsv3c.ir.legality`` on what is written here; these verifiers check the form alone.
"""

from collections.abc import Iterable, Sequence
from math import isfinite, isnan

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    SymbolRefAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute, Block, Dialect, Operation, Region
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.irdl.declarative_assembly_format import (
    AttributeVariable,
    CustomDirective,
    ParsingState,
    PrintingState,
    irdl_custom_directive,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, NoTerminator

from dsv3c.ir.dialects.common import F64Attr, I64Attr, require, require_one_of
from dsv3c.ir.timetable import COMM, COMPUTE, KINDS

KIND_NAMES = (COMPUTE, COMM)
FloatArray = ArrayAttr[FloatAttr[Float64Type]]
TextArray = ArrayAttr[StringAttr]


def parse_us(parser: Parser) -> F64Attr:
    """A number as written, or ``nan``, ``inf``, ``-inf``: what is wrong with it is the checker's to say."""
    sign = "" if parser.parse_optional_punctuation("-") is None else "-"
    for spelling in ("nan", "inf"):
        if parser.parse_optional_keyword(spelling) is not None:
            return FloatAttr(float(sign + spelling), f64)
    value = float(parser.parse_number())
    return FloatAttr(-value if sign else value, f64)


def us_text(value: float) -> str:
    """The shortest decimal that reads back as ``value``, without an exponent where that is possible."""
    if not isfinite(value):
        return "nan" if isnan(value) else "inf" if value > 0 else "-inf"
    return f"{value:.3f}".rstrip("0").rstrip(".") if value == round(value, 3) else repr(value)


@irdl_custom_directive
class Us(CustomDirective):
    """A time in microseconds, or a list of them in brackets."""

    value: AttributeVariable

    def parse(self, parser: Parser, state: ParsingState) -> None:
        """``12.5`` or ``[12.5, 13]``."""
        found = parser.parse_optional_comma_separated_list(Parser.Delimiter.SQUARE, lambda: parse_us(parser))
        self.value.set(state, ArrayAttr(found) if found is not None else parse_us(parser))

    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        """What ``parse`` reads."""
        state.print_whitespace(printer)
        value = self.value.get(op)
        if isinstance(value, ArrayAttr):
            listed = ", ".join(us_text(number(item)) for item in value)
            printer.print_string(f"[{listed}]")
        elif value is not None:  # absent from an op that does not verify, printed to say so
            printer.print_string(us_text(number(value)))


def number(attribute: Attribute) -> float:
    """The value of a float attribute."""
    assert isinstance(attribute, FloatAttr)
    return attribute.value.data


def floats(values: Iterable[float]) -> FloatArray:
    """Times as an attribute."""
    return ArrayAttr(FloatAttr(value, f64) for value in values)


def texts(values: Iterable[str]) -> TextArray:
    """Names as an attribute."""
    return ArrayAttr(StringAttr(value) for value in values)


def integers(values: dict[str, int | None]) -> dict[str, Attribute | None]:
    """Properties that are whole numbers; None stays absent."""
    return {key: IntegerAttr(value, i64) if value is not None else None for key, value in values.items()}


@irdl_op_definition
class StreamOp(IRDLOperation):
    """``sched.stream "comm" kind "comm" sms 24``: an in-order queue, ``start[i + 1] >= end[i]``.

    ``kind`` is ``compute`` or ``comm``; ``sms`` the multiprocessors its work may hold (unit: multiprocessors); with
    ``rank`` it belongs to that rank only.  Source: CUDA streams; the SM split of deepseek-ai/profile-data.
    """

    name = "sched.stream"

    stream = prop_def(StringAttr)
    kind = prop_def(StringAttr)
    sms = prop_def(I64Attr)
    rank = opt_prop_def(I64Attr)
    assembly_format = "$stream `kind` $kind `sms` $sms (`rank` $rank^)? attr-dict"

    def __init__(self, stream: str, kind: str, sms: int, rank: int | None = None) -> None:
        properties = {"stream": StringAttr(stream), "kind": StringAttr(kind)}
        super().__init__(properties=properties | integers({"sms": sms, "rank": rank}))

    def verify_(self) -> None:
        """A known kind, and no negative number."""
        require_inside(self)
        require_one_of(self.kind, "kind", KIND_NAMES)
        require(self.sms.value.data >= 0, f"sms must not be negative, not {self.sms.value.data}")
        require(self.rank is None or self.rank.value.data >= 0, "rank must not be negative")


@irdl_op_definition
class BufferOp(IRDLOperation):
    """``sched.buffer "low-latency" live 2``: at no time are more than ``live`` held (unit: buffers).

    Source: the two buffers of low-latency dispatch and combine, deepseek-ai/DeepEP docs/legacy.md.
    """

    name = "sched.buffer"

    buffer = prop_def(StringAttr)
    live = prop_def(I64Attr)
    assembly_format = "$buffer `live` $live attr-dict"

    def __init__(self, buffer: str, live: int) -> None:
        super().__init__(properties={"buffer": StringAttr(buffer), "live": IntegerAttr(live, i64)})

    def verify_(self) -> None:
        """At least one."""
        require_inside(self)
        require(self.live.value.data > 0, f"live must be positive, not {self.live.value.data}")


@irdl_op_definition
class SegmentOp(IRDLOperation):
    """``sched.segment "dispatch" layers 3 to 61 kind "comm" sms 24 us [70.5, 70.5] group "ep"``.

    Declares the instances (segment, layer, micro-batch) for ``3 <= layer < 61`` and one micro-batch per entry of
    ``us``, its duration.  ``holds [["low-latency", "experts"]]``: takes that buffer at its start and gives it back at
    the end of the named segment of the same layer and micro-batch (empty name: its own).  ``fuses``: the segments it
    runs as one kernel.  Unit: us.  Source: the segments of deepseek-ai/profile-data's overlap figures.
    """

    name = "sched.segment"

    segment = prop_def(StringAttr)
    first_layer = prop_def(I64Attr)
    end_layer = prop_def(I64Attr)
    kind = prop_def(StringAttr)
    sms = prop_def(I64Attr)
    us = prop_def(FloatArray)
    group = opt_prop_def(StringAttr)
    holds = opt_prop_def(ArrayAttr[TextArray])
    fuses = opt_prop_def(TextArray)
    custom_directives = (Us,)
    assembly_format = (
        "$segment `layers` $first_layer `to` $end_layer `kind` $kind `sms` $sms `us` custom<Us>($us) "
        "(`group` $group^)? (`holds` $holds^)? (`fuses` $fuses^)? attr-dict"
    )

    def __init__(
        self,
        segment: str,
        layers: tuple[int, int],
        kind: str,
        sms: int,
        us: Sequence[float],
        *,
        group: str = "",
        holds: Sequence[tuple[str, str]] = (),
        fuses: Sequence[str] = (),
    ) -> None:
        super().__init__(
            properties={
                "segment": StringAttr(segment),
                "kind": StringAttr(kind),
                "us": floats(us),
                "group": StringAttr(group) if group else None,
                "holds": ArrayAttr(texts(pair) for pair in holds) if holds else None,
                "fuses": texts(fuses) if fuses else None,
                **integers({"first_layer": layers[0], "end_layer": layers[1], "sms": sms}),
            }
        )

    def verify_(self) -> None:
        """Some layers, some micro-batches, a known kind, pairs of buffer and segment."""
        require_inside(self)
        first, end = self.first_layer.value.data, self.end_layer.value.data
        require(0 <= first < end, f"layers {first} to {end} are none")
        require(len(self.us) > 0, "us needs a duration for every micro-batch")
        require_one_of(self.kind, "kind", KIND_NAMES)
        require(self.sms.value.data >= 0, f"sms must not be negative, not {self.sms.value.data}")
        pairs = self.holds is None or all(len(pair) == 2 for pair in self.holds)
        require(pairs, "holds lists pairs of a buffer and the segment that gives it back")


@irdl_op_definition
class DependsOp(IRDLOperation):
    """``sched.depends "attention-0" on "combine" kind "data" layers_back 1``: ``start(consumer) >= end(producer)``.

    Binds every declared instance of the consumer whose producer, ``layers_back`` layers and ``microbatches_back``
    micro-batches before, is declared; ``layers`` [first, end) and ``microbatch`` restrict it.  ``kind``: ``data``,
    ``cache`` (a version of the latent cache) or ``order`` (asked for).  Unit: layers, micro-batches.
    Source: the values, caches and tokens that the entry's calls pass on.
    """

    name = "sched.depends"

    consumer = prop_def(StringAttr)
    producer = prop_def(StringAttr)
    kind = prop_def(StringAttr)
    layers_back = opt_prop_def(I64Attr)
    microbatches_back = opt_prop_def(I64Attr)
    first_layer = opt_prop_def(I64Attr)
    end_layer = opt_prop_def(I64Attr)
    microbatch = opt_prop_def(I64Attr)
    assembly_format = (
        "$consumer `on` $producer `kind` $kind (`layers_back` $layers_back^)? "
        "(`microbatches_back` $microbatches_back^)? (`layers` $first_layer^ `to` $end_layer)? "
        "(`microbatch` $microbatch^)? attr-dict"
    )

    def __init__(
        self,
        consumer: str,
        producer: str,
        kind: str,
        *,
        layers_back: int = 0,
        microbatches_back: int = 0,
        layers: tuple[int, int] | None = None,
        microbatch: int | None = None,
    ) -> None:
        numbers = {
            "layers_back": layers_back or None,
            "microbatches_back": microbatches_back or None,
            "first_layer": layers[0] if layers else None,
            "end_layer": layers[1] if layers else None,
            "microbatch": microbatch,
        }
        names = {"consumer": consumer, "producer": producer, "kind": kind}
        super().__init__(properties={key: StringAttr(text) for key, text in names.items()} | integers(numbers))

    def verify_(self) -> None:
        """A known kind."""
        require_inside(self)
        require_one_of(self.kind, "kind", KINDS)
        require((self.first_layer is None) == (self.end_layer is None), "layers need a first and an end")


@irdl_op_definition
class SlotOp(IRDLOperation):
    """``sched.slot "attention-1" layer 3 microbatch 0 stream "compute" start 12.5 end 40.25``.

    The instance holds the stream for ``start <= t < end``.  In a body the layer and the times are those of the first
    repetition.  Unit: us.  Source: a scheduler, or the user.
    """

    name = "sched.slot"

    segment = prop_def(StringAttr)
    layer = prop_def(I64Attr)
    microbatch = prop_def(I64Attr)
    stream = prop_def(StringAttr)
    start = prop_def(F64Attr)
    end = prop_def(F64Attr)
    custom_directives = (Us,)
    assembly_format = (
        "$segment `layer` $layer `microbatch` $microbatch `stream` $stream `start` custom<Us>($start) "
        "`end` custom<Us>($end) attr-dict"
    )

    def __init__(self, segment: str, layer: int, microbatch: int, stream: str, start: float, end: float) -> None:
        super().__init__(
            properties={
                "segment": StringAttr(segment),
                "stream": StringAttr(stream),
                "start": FloatAttr(start, f64),
                "end": FloatAttr(end, f64),
                **integers({"layer": layer, "microbatch": microbatch}),
            }
        )

    def verify_(self) -> None:
        """Inside of a timetable."""
        require_inside(self)


@irdl_op_definition
class TimetableOp(IRDLOperation):
    """``sched.timetable @prefill target "h800" sms 132 point {T = 4096} { declarations } prologue { slots } ...``.

    ``slots = prologue + body * repeat + epilogue``; repetition r of the body runs ``r * layers`` layers further on and
    ``r * us`` later.  ``sms``: multiprocessors of the device; ``point``: the sizes the durations hold for.  Unit: us.
    Source: DeepSeek-V3 (arXiv 2412.19437, section 3.4) and deepseek-ai/profile-data for what is overlapped.
    """

    name = "sched.timetable"

    entry = prop_def(base(SymbolRefAttr))
    target = prop_def(StringAttr)
    sms = prop_def(I64Attr)
    point = prop_def(DictionaryAttr)
    repeat = opt_prop_def(I64Attr)
    layers = opt_prop_def(I64Attr)
    us = opt_prop_def(F64Attr)
    declarations = region_def()
    prologue = region_def()
    body = region_def()
    epilogue = region_def()
    traits = traits_def(NoTerminator(), IsolatedFromAbove())
    custom_directives = (Us,)
    assembly_format = (
        "$entry `target` $target `sms` $sms `point` $point $declarations (`prologue` $prologue^)? "
        "(`body` `repeat` $repeat `layers` $layers `us` custom<Us>($us) $body^)? (`epilogue` $epilogue^)? "
        "attr-dict-with-keyword"
    )

    def __init__(
        self,
        entry: str,
        target: str,
        sms: int,
        point: dict[str, int],
        declarations: Sequence[Operation],
        prologue: Sequence[SlotOp],
        body: tuple[int, int, float, Sequence[SlotOp]] | None,
        epilogue: Sequence[SlotOp],
    ) -> None:
        repeat, layers, us, repeated = body if body is not None else (None, None, None, ())
        super().__init__(
            properties={
                "entry": SymbolRefAttr(entry),
                "target": StringAttr(target),
                "point": DictionaryAttr({key: IntegerAttr(value, i64) for key, value in sorted(point.items())}),
                "us": FloatAttr(us, f64) if us is not None else None,
                **integers({"sms": sms, "repeat": repeat, "layers": layers}),
            },
            regions=[Region(Block(ops)) if ops else Region() for ops in (declarations, prologue, repeated, epilogue)],
        )

    def verify_(self) -> None:
        """Declarations first, slots after; a body says how often and how far it repeats."""
        require(bool(self.declarations.blocks), "a timetable declares its streams and segments")
        for op in self.declarations.ops:
            require(isinstance(op, DECLARATIONS), f"{op.name} among the declarations")
        for region in (self.prologue, self.body, self.epilogue):
            for op in region.walk():
                require(isinstance(op, SlotOp), f"{op.name} among the slots")
        numbers = [value is not None for value in (self.repeat, self.layers, self.us)]
        require(all(numbers) if self.body.blocks else not any(numbers), "a body has repeat, layers and us")


DECLARATIONS = (StreamOp, BufferOp, SegmentOp, DependsOp)


def require_inside(op: Operation) -> None:
    """Everything here stands directly in a timetable."""
    require(isinstance(op.parent_op(), TimetableOp), f"{op.name} outside of a timetable")


Sched = Dialect("sched", [BufferOp, DependsOp, SegmentOp, SlotOp, StreamOp, TimetableOp])
