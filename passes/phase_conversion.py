"""Builds a phase's functions: calls, attention over the cache, and results of the last tokens alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from xdsl.dialects import func
from xdsl.ir import Block, Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.mla import AppendOp, AttentionOp, CacheType, ExpandedAttentionOp, GatherOp
from dsv3c.ir.dialects.nn import AttentionOp as GenericAttentionOp
from dsv3c.ir.dialects.nn import LastTokensOp, LinearOp, RmsNormOp
from dsv3c.ir.functions import callee_name, make_function, returned
from dsv3c.ir.sizes import Size
from dsv3c.ir.types import as_tensor, element_type, shape, tensor_type
from dsv3c.ir.views import view_of
from dsv3c.passes.phases import CONTEXT, MAIN, POOL_PAGES, SEQUENCES, TOKENS, VERIFY, Phase, Tables, add_tables
from dsv3c.passes.ragged import ATEN_RULES, Blocked, TokenAxes, TokenConverter
from dsv3c.passes.rewriting import aten_class


@dataclass
class Specializer:
    """Converts functions for one phase; each function once."""

    ctx: CompileContext
    page_size: int
    logits: str
    phase: Phase
    table: dict[str, func.FuncOp]
    speculative: bool = False
    """The model's own entry also gives hidden states, and in a verify phase the logits of every token."""
    made: dict[str, func.FuncOp] = field(default_factory=dict[str, func.FuncOp])
    """Old name -> new function, callees first."""
    caches: dict[str, list[CacheType]] = field(default_factory=dict[str, list[CacheType]])
    """Old name -> the caches the new function takes and returns, in order."""

    def entry(self, function: func.FuncOp) -> None:
        """Convert an entry and everything it calls."""
        token_input = next((a for a in function.args if len(shape(a)) >= 2), None)
        if token_input is None:
            raise Blocked(function, "no argument is [batch, sequence, ...]")
        batch, sequence = shape(token_input)[:2]
        if not isinstance(sequence, str):
            raise Blocked(function, f"the sequence length is the number {sequence}: capture it as a named dim")
        name = function.sym_name.data
        new_name = self.phase.name if name == MAIN else f"{name}_{self.phase.name}"
        new = self.convert(function, TokenAxes(batch, sequence, TOKENS), new_name, is_entry=True)
        new.attributes["phase"] = replace(self.phase, hidden=self.gives_hidden(function)).attribute()

    def gives_hidden(self, function: func.FuncOp) -> bool:
        """Whether the phase of this function gives hidden states."""
        return self.speculative and function.sym_name.data == MAIN

    def last_only(self, function: func.FuncOp) -> bool:
        """Whether the phase of this entry gives the logits of every sequence's last token."""
        verifies = self.gives_hidden(function) and self.phase.name == VERIFY
        return self.logits == "last" and not verifies

    def convert(self, function: func.FuncOp, axes: TokenAxes, new_name: str, *, is_entry: bool) -> func.FuncOp:
        """Build the function over ragged tokens."""
        for op in function.body.block.ops:
            callee = self.table.get(callee_name(op)) if isinstance(op, func.CallOp) else None
            if callee is not None and callee.sym_name.data not in self.made:
                inner = f"{self.phase.name}.{callee.sym_name.data}"
                self.convert(callee, axes, inner, is_entry=False)
        block = Block()
        body = BodyConverter(self.ctx, axes, block, specializer=self)
        for argument in function.args:
            new = block.insert_arg(body.type_of(function, argument.type), len(block.args))
            new.name_hint = argument.name_hint
            body.values[argument] = new
        caches = self.cache_types(function)
        if caches or is_entry:
            body.tables = add_tables(block)
        for index, kind in enumerate(caches):
            cache = block.insert_arg(kind, len(block.args))
            cache.name_hint = f"cache{index}" if len(caches) > 1 else "cache"
            body.caches.append(cache)
        hidden = hidden_states(returned(function)) if self.gives_hidden(function) else None
        body.run(function, last_only=is_entry and self.last_only(function), hidden=hidden)
        made = make_function(new_name, block, private=not is_entry)
        made.location = function.location
        self.made[function.sym_name.data] = made
        return made

    def cache_types(self, function: func.FuncOp) -> list[CacheType]:
        """One cache per attention, in execution order, calls included; raises Blocked for one without a latent."""
        name = function.sym_name.data
        if name not in self.caches:
            found = list[CacheType]()
            for op in function.body.block.ops:
                if isinstance(op, AttentionOp):
                    found.append(self.cache_of(op))
                elif isinstance(op, GenericAttentionOp):
                    raise Blocked(op, "attention with keys and values of its own per head has no latent to cache")
                elif isinstance(op, func.CallOp):
                    found += self.cache_types(self.table[callee_name(op)])
            self.caches[name] = found
        return self.caches[name]

    def cache_of(self, op: AttentionOp) -> CacheType:
        """The cache of one attention: a row holds its latent and its rotated key."""
        latent, _ = up_projection(op)
        size, rope = shape(latent)[-1], shape(op.k_rope)[-1]
        assert isinstance(size, int) and isinstance(rope, int)
        return CacheType.make(POOL_PAGES, self.page_size, size, rope, element_type(latent))


def up_projection(op: AttentionOp) -> tuple[SSAValue, LinearOp]:
    """The latent and the linear that expands it to K and V; raises Blocked when kv is no whole view of a linear."""
    view = view_of(op.kv)
    linear = view.base.owner
    whole = shape(op.kv)
    if not isinstance(linear, LinearOp) or linear.bias is not None:
        raise Blocked(op, "kv is not computed by one linear without bias from the latent")
    expected = view_of(linear.y).regrouped(whole)
    if expected != view:
        raise Blocked(op, "kv is not the up-projection's rows dealt out to heads in order")
    return linear.x, linear


@dataclass
class BodyConverter(TokenConverter):
    """A token converter that also knows calls, attention and the entry's results."""

    specializer: Specializer = field(kw_only=True)
    tables: Tables | None = None
    caches: list[SSAValue] = field(default_factory=list[SSAValue])
    next_cache: int = 0

    def run(self, function: func.FuncOp, *, last_only: bool, hidden: SSAValue | None = None) -> None:
        """Convert the body and its return; the value of every token that ``hidden`` becomes is returned too."""
        ret = returned(function)
        tail = tail_of(ret, hidden) if last_only else Tail()
        for op in function.body.block.ops:
            if op is ret:
                break
            if op in tail.ops:
                continue
            if isinstance(op, func.CallOp):
                self.call(op)
            elif isinstance(op, AttentionOp):
                self.attention(op)
            elif is_positions(op, self.axes.sequence):
                assert self.tables is not None
                self.map_results(op, [self.tables.positions])
            else:
                self.convert(op)
        results = self.finish(ret, tail)
        if hidden is not None:
            results.append(self.value(hidden))
        self.emit(ret, func.ReturnOp(*results, *self.caches))

    def finish(self, ret: func.ReturnOp, tail: "Tail") -> list[SSAValue]:
        """The results; where a tail is given, of every sequence's last token: select first, compute it on N rows."""
        last = BodyConverter(
            self.ctx,
            TokenAxes(self.axes.batch, self.axes.sequence, SEQUENCES),
            self.block,
            dict(self.values),
            specializer=self.specializer,
        )
        for entrance in dict.fromkeys(tail.entrances):
            mapped = self.value(entrance)
            assert self.tables is not None
            op = LastTokensOp(mapped, self.tables.seq_offsets, SEQUENCES)
            op.location = ret.location
            self.block.add_op(op)
            op.y.name_hint = entrance.name_hint
            last.values[entrance] = op.y
        for op in tail.ops:
            last.convert(op)
        return [last.value(value) for value in ret.operands]

    def call(self, op: func.CallOp) -> None:
        """Call the phase's version of the callee, with the tables and the caches it takes."""
        old = callee_name(op)
        new = self.specializer.made[old]
        kinds = self.specializer.caches[old]
        own = self.caches[self.next_cache : self.next_cache + len(kinds)]
        arguments = [self.value(operand) for operand in op.operands]
        if kinds:
            assert self.tables is not None
            arguments += self.tables.values()
        arguments += own
        call = func.CallOp(new.sym_name.data, arguments, list(new.function_type.outputs.data))
        call.attributes.update(op.attributes)
        self.emit(op, call)
        num_results = len(op.results)
        self.map_results(op, call.results[:num_results])
        self.replace_caches(call.results[num_results:])

    def attention(self, op: AttentionOp) -> None:
        """Append the new rows, gather the context, expand it, attend."""
        assert self.tables is not None
        tables = self.tables
        latent, linear = up_projection(op)
        cache = self.caches[self.next_cache]
        append = AppendOp(
            cache,
            self.value(latent),
            self.value(op.k_rope),
            tables.positions,
            tables.seq_offsets,
            tables.block_table,
        )
        gather = GatherOp(append.updated, tables.context_lens, tables.block_table, CONTEXT)
        up = LinearOp(gather.latent, self.value(linear.weight))
        heads: tuple[Size, ...] = (CONTEXT, *shape(op.kv)[2:])
        view = aten_class(self.ctx, "aten.view").build_from(
            {"self": up.y}, {}, [tensor_type(heads, as_tensor(op.kv).element_type)]
        )
        attend = ExpandedAttentionOp(
            self.value(op.q_nope),
            self.value(op.q_rope),
            view.results[0],
            gather.k_rope,
            tables.positions,
            tables.seq_offsets,
            tables.context_lens,
            scale=op.scale,
            scores=op.scores,
            probs=op.probs,
        )
        for new in (append, gather, up, view, attend):
            new.location = linear.location if new in {up, view} else op.location
            self.block.add_op(new)
        hints = {
            append.updated: "cache",
            gather.latent: "context",
            gather.k_rope: "context_rope",
            up.y: linear.y.name_hint,
            view.results[0]: op.kv.name_hint,
        }
        for value, hint in hints.items():
            value.name_hint = hint
        attend.o.name_hint = op.o.name_hint
        self.map_results(op, [attend.o])
        self.replace_caches([append.updated])

    def replace_caches(self, versions: Sequence[SSAValue]) -> None:
        """The caches from ``next_cache`` on have new versions."""
        for version in versions:
            version.name_hint = self.caches[self.next_cache].name_hint
            self.caches[self.next_cache] = version
            self.next_cache += 1


def is_positions(op: Operation, sequence: Size) -> bool:
    """``arange(S)``: the positions of a sequence that starts at 0."""
    if op.name not in {"aten.arange", "aten.arange.start", "aten.arange.start_step"}:
        return False
    assert isinstance(op, AtenOp)
    names = {arg.name for arg in op.SCHEMA.args}
    start = op.literal("start") if "start" in names else 0
    step = op.literal("step") if "step" in names else 1
    return op.literal("end") == sequence and start == 0 and step == 1


@dataclass
class Tail:
    """The ops after the last one that needs every token: they can run on the last tokens alone."""

    ops: list[Operation] = field(default_factory=list[Operation])
    """In program order."""
    entrances: list[SSAValue] = field(default_factory=list[SSAValue])
    """The token values the ops start from."""


def hidden_states(ret: func.ReturnOp) -> SSAValue:
    """What the head reads.  Raises Blocked where the entry does not return one linear of it, the logits."""
    logits = [value.owner for value in ret.operands]
    if len(logits) != 1 or not isinstance(logits[0], LinearOp):
        raise Blocked(ret, "hidden states are what a linear head reads, and the result is not one linear's")
    return logits[0].x


def tail_of(ret: func.ReturnOp, needed: SSAValue | None = None) -> Tail:
    """Walk back from the results through per-token ops with one token operand that nothing else reads.

    ``needed`` is a value that every token must have.
    """
    tail = Tail()
    for value in ret.operands:
        chain = list[Operation]()
        while value is not needed and (op := tail_op(value)) is not None:
            chain.append(op)
            value = op.operands[0]
        tail.ops += reversed(chain)
        tail.entrances.append(value)
    return tail


def tail_op(value: SSAValue) -> Operation | None:
    """The producer of ``value`` if it can run on last tokens alone."""
    op = value.owner
    if not isinstance(op, Operation) or value.get_user_of_unique_use() is None:
        return None
    if isinstance(op, LinearOp | RmsNormOp):
        return op
    return op if op.name in ATEN_RULES and len(op.operands) == 1 else None
