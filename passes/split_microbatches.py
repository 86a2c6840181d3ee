"""``split-microbatches``: the tokens of a step become two micro-batches that go through the layers side by side.

Before::

    func.func @prefill(%ids: [T], %positions, %seq_offsets, %block_table, %context_lens, %cache0, %cache1)
      %h1, %c0 = func.call @prefill.layer(%h0, %cos, %seq_offsets, %block_table, %context_lens, %cache0)
      %h2, %c1 = func.call @prefill.layer(%h1, %cos, %seq_offsets, %block_table, %context_lens, %cache1)
      %last = nn.last_tokens %h2, %seq_offsets

After::

      %o0, %b0, %l0 = nn.step_part %seq_offsets, %block_table, %context_lens first "0" count "(T + 1)//2" ...
      %o1, %b1, %l1 = nn.step_part %seq_offsets, %block_table, %context_lens first "(T + 1)//2" count "T//2" ...
      %x0, %x1 = aten.slice.Tensor of %h0 at (T + 1)//2, likewise %cos
      %y0, %c0a = func.call @prefill.layer.mb0(%x0, %cos0, %o0, %b0, %l0, %cache0) {microbatch = 0 : i64}
      %y1, %c0b = func.call @prefill.layer.mb1(%x1, %cos1, %o1, %b1, %l1, %c0a) {microbatch = 1 : i64}
      %z0, %c1a = func.call @prefill.layer.mb0(%y0, ..., %cache1) {microbatch = 0 : i64}
      ...
      %h2 = aten.cat([%z0, %z1])
      %last = nn.last_tokens %h2, %seq_offsets

What it is for: communication of one micro-batch can run under computation of the other (``schedule-overlap``); alone it
saves nothing.  Any T will do, 0 and odd ones too.  A sequence may straddle the cut: its tokens in the second part
attend the rows that the first part appended, layer by layer, which is why results keep their bits.  Layer functions
are copied per micro-batch with their sizes replaced; a size of the layer's own (gathered context, counted rows)
becomes a symbol per micro-batch, C_0 and C_1.  Tokens of communication are passed on in the order of the calls.

Tables: where every sequence has one token, half of the sequences go to each part (N_0 = (N + 1)//2); elsewhere a part
keeps the sequences that have tokens in it, and their number is a symbol N_0, N_1 - but for phases that a device graph
is captured of: their shapes must not depend on data, and both parts keep a row for all N.

Left alone: which replica of an expert a choice takes is numbered by the token's place in its micro-batch, so sums made
per rank (combine order ``rank``, ``node_rank``) of replicated experts may be grouped differently; the order of
choices (``slot``, ``expert``) is not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, TensorType, i64
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.comm_types import TokenType
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.nn_steps import StepPartOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import call_sites, callee_name, functions, unused_name
from dsv3c.ir.segments import MICROBATCH
from dsv3c.ir.sizes import Size, add, floordiv
from dsv3c.ir.types import as_tensor, shape, sizes_of, tensor_type, with_sizes
from dsv3c.ir.verify import symbols_in
from dsv3c.passes.base import Pass
from dsv3c.passes.phases import SEQUENCES, TABLE_TYPES, TOKENS, Phase, phase_of
from dsv3c.passes.ragged import Blocked
from dsv3c.passes.rewriting import aten_class
from dsv3c.passes.size_substitution import Substitution

KINDS_OF_PHASES = ("prefill", "decode", "verify")


@dataclass(frozen=True)
class SplitMicrobatchesPass(Pass):
    """The layers of a step run for two halves of its tokens, one after the other."""

    name = "split-microbatches"
    requires: ClassVar[frozenset[str]] = frozenset({"phased"})

    phases: tuple[str, ...] | str = KINDS_OF_PHASES
    """Phases to split: any of prefill, decode, verify (and their variants, as prefill.short)."""
    microbatches: int = 2
    """Micro-batches per step; 2 is the only number known to be of use."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Split every entry of the phases asked for, or say why not."""
        wanted = self.checked_phases()
        splitter = Splitter(ctx, module, self.microbatches)
        for function in list(functions(module).values()):
            phase = phase_of(function)
            if phase is None or phase.name.split(".")[0] not in wanted:
                continue
            try:
                splitter.entry(function, phase)
            except Blocked as blocked:
                ctx.blocked(blocked.op, blocked.reason)
        splitter.tidy()

    def checked_phases(self) -> tuple[str, ...]:
        """The phases asked for.  Raises UsageError for an unknown one, and for a number other than 2."""
        names = (self.phases,) if isinstance(self.phases, str) else self.phases
        if unknown := [name for name in names if name not in KINDS_OF_PHASES]:
            raise UsageError(f"unknown phase {unknown[0]!r}", hint=f"phases: {', '.join(KINDS_OF_PHASES)}")
        if self.microbatches != 2:
            raise UsageError(f"split-microbatches: microbatches must be 2, not {self.microbatches}")
        return names


def part_sizes(total: Size, parts: int) -> list[Size]:
    """Sizes of ``parts`` nearly equal parts, larger ones first: (T + 1)//2 and T//2."""
    return [floordiv(add(total, parts - 1 - index), parts) for index in range(parts)]


@dataclass(frozen=True)
class Part:
    """One micro-batch of one entry."""

    index: int
    first: Size
    count: Size
    """Its tokens."""
    sequences: Size
    """How many it keeps in its tables."""


@dataclass
class Splitter:
    """Splits entries; layer functions are copied once per micro-batch and size of the tables."""

    ctx: CompileContext
    module: ModuleOp
    microbatches: int
    clones: dict[tuple[str, Part], str] = field(default_factory=dict[tuple[str, Part], str])
    """(function, micro-batch) -> the copy."""

    def entry(self, entry: func.FuncOp, phase: Phase) -> None:
        """Split one entry; raises Blocked before anything is changed."""
        calls = [op for op in entry.body.block.ops if isinstance(op, func.CallOp) and takes_cache(op)]
        if not calls:
            raise Blocked(entry, "it calls no function with a cache: there is no layer to split")
        tables = tables_of(entry)
        for call in calls:
            check_call(call, tables)
            self.check_layer(callee_name(call))
        parts = self.parts(phase)
        values = PartValues(self.ctx, parts)
        for part in parts:
            values.add_tables(part, tables, calls[0])
        for call in calls:
            self.replace_call(call, values)
        values.join()
        sizes = " and ".join(str(part.count) for part in parts)
        rows = ", ".join(str(part.sequences) for part in parts)
        self.ctx.fired(
            entry, f"{len(calls)} layers in micro-batches of {sizes} tokens; sequences {rows}", layers=len(calls)
        )

    def check_layer(self, name: str) -> None:
        """Raise Blocked for an op that makes rows of tokens out of none: a part of them is not made the same way."""
        for op in functions(self.module)[name].body.block.ops:
            if isinstance(op, func.CallOp):
                self.check_layer(callee_name(op))
            elif TOKENS in symbols_of_types(op.result_types) - symbols_of_types(value.type for value in op.operands):
                raise Blocked(op, f"{op.name} makes rows of tokens from none: it may number those of the whole step")

    def parts(self, phase: Phase) -> list[Part]:
        """The micro-batches of a phase's step."""
        counts, first = part_sizes(TOKENS, self.microbatches), 0
        if phase.max_query == 1:
            sequences = part_sizes(SEQUENCES, self.microbatches)
        elif phase.capturable:
            sequences = [SEQUENCES] * self.microbatches
        else:
            sequences = [self.symbol(SEQUENCES, index) for index in range(self.microbatches)]
        parts = list[Part]()
        for index, (count, rows) in enumerate(zip(counts, sequences, strict=True)):
            parts.append(Part(index, first, count, rows))
            first = add(first, count)
        return parts

    def symbol(self, name: str, index: int) -> str:
        """The symbol a micro-batch has in place of ``name``, declared with its range and hint."""
        own, declared = f"{name}_{index}", symbols_of(self.module)
        if own not in declared:
            symbol = declared[name].clone()
            symbol.properties["sym_name"] = StringAttr(own)
            self.module.body.block.insert_op_after(symbol, list(declared.values())[-1])
        return own

    def replace_call(self, call: func.CallOp, values: "PartValues") -> None:
        """One call per micro-batch in place of a layer's call."""
        latest = {operand: operand for operand in call.operands if is_linear(operand.type)}
        made = list[func.CallOp]()
        for part in values.parts:
            operands = [
                latest[operand] if operand in latest else values.of(operand, part, call) for operand in call.operands
            ]
            name = self.clone(callee_name(call), part)
            new = func.CallOp(name, operands, list(functions(self.module)[name].function_type.outputs.data))
            new.attributes.update(call.attributes)
            new.attributes[MICROBATCH] = IntegerAttr(part.index, i64)
            insert(new, call)
            linear = [result for result in new.results if is_linear(result.type)]
            latest = dict(zip(latest, linear, strict=True))
            for old, result in zip(call.results, new.results, strict=True):
                result.name_hint = part_name(old, part)
            made.append(new)
        for index, old in enumerate(call.results):
            if is_linear(old.type):
                made[-1].results[index].name_hint = old.name_hint
                old.replace_all_uses_with(made[-1].results[index])
            else:
                values.made[old] = [new.results[index] for new in made]
        values.replaced.append(call)

    def clone(self, name: str, part: Part) -> str:
        """The copy of a layer function for a micro-batch, and of what it calls."""
        function = functions(self.module)[name]
        given = symbols_of_types(argument.type for argument in function.body.block.args)
        own = sorted(self.mentioned(function) - given)
        sizes: dict[str, Size] = {TOKENS: part.count, SEQUENCES: part.sequences}
        return self.copy(name, part, Substitution(sizes | {name: self.symbol(name, part.index) for name in own}))

    def copy(self, name: str, part: Part, sizes: Substitution) -> str:
        """One copy, made when it is first asked for."""
        key = (name, part)
        if key not in self.clones:
            function = functions(self.module)[name]
            made = self.clones[key] = unused_name(self.module, f"{name}.mb{part.index}")
            clone = sizes.copy(function, made, lambda callee: self.copy(callee, part, sizes))
            self.module.body.block.insert_op_before(clone, function)
        return self.clones[key]

    def mentioned(self, function: func.FuncOp) -> frozenset[str]:
        """Every symbol in the types of a function's values, and in those of what it calls."""
        found = symbols_of_types(kind for op in function.body.block.ops for kind in op.result_types)
        for op in function.body.block.ops:
            if isinstance(op, func.CallOp):
                found |= self.mentioned(functions(self.module)[callee_name(op)])
        return found

    def tidy(self) -> None:
        """Remove the layer functions that nothing calls any more, callers first."""
        table = functions(self.module)
        for name in dict.fromkeys(name for name, _ in self.clones):
            if not call_sites(table[name]):
                table[name].detach()
                table[name].erase()


@dataclass
class PartValues:
    """The parts of an entry's token values."""

    ctx: CompileContext
    parts: list[Part]
    made: dict[SSAValue, list[SSAValue]] = field(default_factory=dict[SSAValue, list[SSAValue]])
    """Whole value -> its parts: tables, results of split layers, and slices of everything else."""
    replaced: list[func.CallOp] = field(default_factory=list[func.CallOp])

    def add_tables(self, part: Part, tables: Sequence[SSAValue], anchor: Operation) -> None:
        """The step's tables for a part, before the first layer; parts come in order."""
        keep = "all" if part.sequences == SEQUENCES else "present"
        op = StepPartOp(*tables, first=part.first, count=part.count, keep=keep, sequences=part.sequences)
        insert(op, anchor)
        for whole, own in zip(tables, op.results, strict=True):
            own.name_hint = part_name(whole, part)
            self.made.setdefault(whole, []).append(own)

    def of(self, value: SSAValue, part: Part, anchor: Operation) -> SSAValue:
        """What a part has in place of ``value``; slices stand before ``anchor``."""
        if value not in self.made and is_token_value(value.type):
            self.made[value] = [self.cut(value, own, anchor) for own in self.parts]
        return self.made[value][part.index] if value in self.made else value

    def cut(self, value: SSAValue, part: Part, anchor: Operation) -> SSAValue:
        """``value[first : first + count]``."""
        properties: dict[str, Attribute] = {}
        if part.index:
            properties["start"] = StringAttr(str(part.first))
        if part.index + 1 < len(self.parts):
            properties["end"] = StringAttr(str(add(part.first, part.count)))
        kind = with_sizes(as_tensor(value), (part.count, *shape(value)[1:]))
        op = aten_class(self.ctx, "aten.slice.Tensor").build_from({"self": value}, properties, [kind])
        insert(op, anchor)
        op.results[0].name_hint = part_name(value, part)
        return op.results[0]

    def join(self) -> None:
        """Put together what is read outside the layers, and remove their old calls."""
        for call in reversed(self.replaced):
            for old in call.results:
                if old.first_use is None:
                    continue
                op = aten_class(self.ctx, "aten.cat").build_from({"tensors": self.made[old]}, {}, [old.type])
                insert(op, call)
                op.results[0].name_hint = old.name_hint
                old.replace_all_uses_with(op.results[0])
            call.detach()
            call.erase()


def part_name(value: SSAValue, part: Part) -> str | None:
    """The name of a value's part."""
    return f"{value.name_hint}_mb{part.index}" if value.name_hint else None


def insert(op: Operation, anchor: Operation) -> None:
    """Put a new op before ``anchor``, with its location."""
    op.location = anchor.location
    block = anchor.parent_block()
    assert block is not None
    block.insert_op_before(op, anchor)


def is_linear(kind: Attribute) -> bool:
    """Types of values that are passed on from op to op: caches and communication tokens."""
    return isinstance(kind, CacheType | TokenType)


def takes_cache(call: func.CallOp) -> bool:
    """Whether a call passes a cache."""
    return any(isinstance(operand.type, CacheType) for operand in call.operands)


def linear_types(values: Iterable[SSAValue]) -> list[Attribute]:
    """The types of the linear ones among values."""
    return [value.type for value in values if is_linear(value.type)]


def is_token_value(kind: Attribute) -> bool:
    """Whether a type is a tensor of one row per token."""
    return isinstance(kind, TensorType) and sizes_of(kind)[:1] == (TOKENS,)


def symbols_of_types(kinds: Iterable[Attribute]) -> frozenset[str]:
    """Every symbol that types mention."""
    return frozenset[str]().union(*map(symbols_in, kinds))


def tables_of(entry: func.FuncOp) -> list[SSAValue]:
    """seq_offsets, block_table and context_lens of an entry; raises Blocked where one is not an argument."""
    found = list[SSAValue]()
    for name in ("seq_offsets", "block_table", "context_lens"):
        matching = [argument for argument in entry.body.block.args if argument.type == TABLE_TYPES[name]]
        if len(matching) != 1:
            raise Blocked(entry, f"{len(matching)} of its arguments are {name}, {TABLE_TYPES[name]}")
        found += matching
    return found


def check_call(call: func.CallOp, tables: Sequence[SSAValue]) -> None:
    """Raise Blocked unless a layer takes tables, rows of tokens, linear values and what all parts share, no more.

    It gives rows of tokens and the linear values it takes, in their order.
    """
    if MICROBATCH in call.attributes:
        raise Blocked(call, "the layer is split already")
    if linear_types(call.operands) != linear_types(call.results):
        raise Blocked(call, "the layer does not give back the caches and tokens it takes, in their order")
    for value in call.operands:
        is_shared = value in tables or not symbols_of_types([value.type]) & {TOKENS, SEQUENCES}
        if not is_shared and not has_rows(value):
            raise Blocked(
                call, f"the layer takes {value.type}, which is neither rows of tokens nor a table of the step"
            )
    for value in call.results:
        if not is_linear(value.type) and not has_rows(value):
            raise Blocked(call, f"the layer gives {value.type}, which is not rows of tokens")


def has_rows(value: SSAValue) -> bool:
    """Whether a value has one row per token, and its rows do not depend on the step."""
    if not is_token_value(value.type):
        return False
    row = tensor_type(shape(value)[1:], i64)
    return not symbols_in(row) & {TOKENS, SEQUENCES}
