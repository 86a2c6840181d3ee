"""``raise-rope-tables``: the tables every nn.rope reads become results of one nn.rope_table in the entry function.

Before  func.func @layer(%x, %cos, %sin) { nn.rope %x, %cos, %sin ... }
        func.func @main(%ids) {
          %p = aten.arange(end = "S")   ...   %c = aten.cos(%angle)   %s = aten.sin(%angle)
          func.call @layer(%x, %c, %s)
After   func.func @layer(%x, %cos, %sin, %cos_1, %sin_1) { nn.rope %x, %cos_1, %sin_1 ... }
        func.func @main(%ids) {
          %p = aten.arange(end = "S")   %q = aten.reshape(%p) : [1, S]
          %c, %s = nn.rope_table %q inv_freq array<f32: ...> scaling 1.0
          func.call @layer(%x, ..., %c, %s)

Frequencies and scaling are found by evaluating the source's tables, so any way to compute them will do, and arguments
are followed to every call.  Makes the tables a function of positions, which specialize-phases replaces.  The old
tables stay for dce.  It deliberately leaves tables that differ between calls or that no frequencies give.  Where the
source went through ``torch.polar``, some table entries change in the last bit of f32: polar and cos differ there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr, i64
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.nn import RopeOp, RopeTableOp
from dsv3c.ir.evaluator import NO_EVALUATOR, Refusal
from dsv3c.ir.functions import call_sites, functions, origins, parent_function, update_type
from dsv3c.ir.sizes import Size
from dsv3c.ir.types import element_type, shape, tensor_type
from dsv3c.passes.base import Pass
from dsv3c.passes.rewriting import aten_class

Pair = tuple[SSAValue, SSAValue]


@dataclass(frozen=True)
class Table:
    """What tells one table from another."""

    inv_freq: tuple[float, ...]
    scaling: float
    element: Attribute
    positions: tuple[Size, ...]
    """The shape of its positions: sizes of 1 and then the sequence."""


@dataclass
class Tables:
    """The tables made so far, by function."""

    ctx: CompileContext
    made: dict[tuple[func.FuncOp, Table], Pair] = field(default_factory=dict[tuple[func.FuncOp, Table], Pair])

    def inside(self, function: func.FuncOp, table: Table, source: Operation) -> Pair:
        """Cosine and sine in ``function``: made there, or handed down by its callers."""
        if (function, table) not in self.made:
            sites = call_sites(function)
            pair = self.arguments(function, table) if sites else self.at_entry(function, table, source)
            self.made[function, table] = pair
            for site in sites:
                caller = parent_function(site)
                assert caller is not None
                site.operands = [*site.operands, *self.inside(caller, table, source)]
            update_type(function)
        return self.made[function, table]

    def arguments(self, function: func.FuncOp, table: Table) -> Pair:
        """Two more arguments."""
        block = function.body.block
        kind = tensor_type((*table.positions, len(table.inv_freq)), table.element)
        cos, sin = (block.insert_arg(kind, len(block.args)) for _ in range(2))
        cos.name_hint, sin.name_hint = "cos", "sin"
        return cos, sin

    def at_entry(self, function: func.FuncOp, table: Table, source: Operation) -> Pair:
        """The table of positions 0..S-1, first thing in the function."""
        block = function.body.block
        length = table.positions[-1]
        arange = aten_class(self.ctx, "aten.arange").build_from(
            {}, {"end": StringAttr(str(length)), "dtype": i64}, [tensor_type((length,), i64)]
        )
        positions, ops = arange.results[0], list[Operation]([arange])
        if len(table.positions) > 1:
            shaped = aten_class(self.ctx, "aten.reshape").build_from(
                {"self": positions}, {}, [tensor_type(table.positions, i64)]
            )
            positions = shaped.results[0]
            ops.append(shaped)
        op = RopeTableOp(positions, table.inv_freq, table.scaling, table.element)
        ops.append(op)
        arange.results[0].name_hint = positions.name_hint = "positions"
        op.cos.name_hint, op.sin.name_hint = "cos", "sin"
        assert block.first_op is not None
        for new in ops:
            new.location = source.location
        block.insert_ops_before(ops, block.first_op)
        return op.cos, op.sin


def is_raised(table: SSAValue) -> bool:
    """Whether a table comes from nn.rope_table at every call; cosine and sine are made together."""
    return all(isinstance(origin.owner, RopeTableOp) for origin in origins(table))


@dataclass(frozen=True)
class RaiseRopeTablesPass(Pass):
    """Computed cosine and sine tables -> nn.rope_table."""

    name = "raise-rope-tables"
    # the last of the raise-* passes: which tables are asked for is known once every nn.rope is there
    ensures: ClassVar[frozenset[str]] = frozenset({"raised"})
    numerics = "reassociates"

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Every nn.rope asks for its table; equal tables are made once."""
        tables = Tables(ctx)
        for function in functions(module).values():
            for op in rotations(function):
                self.raise_tables(ctx, tables, function, op)

    def raise_tables(self, ctx: CompileContext, tables: Tables, function: func.FuncOp, op: RopeOp) -> None:
        """Replace the tables of one rotation."""
        if is_raised(op.cos):
            return None
        if ctx.evaluator is None:
            return ctx.blocked(op, NO_EVALUATOR.reason)
        found = ctx.evaluator.rope_table(op.cos, op.sin)
        if isinstance(found, Refusal):
            return ctx.blocked(op, f"its tables are not recognised: {found.reason}")
        *lead, length = shape(op.cos)[:-1]
        positions = (*(1 for _ in lead), length)
        table = Table(found.inv_freq, found.scaling, element_type(op.cos), positions)
        pair = tables.inside(function, table, op)
        ctx.fired(op, f"tables {found.evidence}", scaling=found.scaling)
        op.operands = [op.x, *pair]
        return None


def rotations(function: func.FuncOp) -> Sequence[RopeOp]:
    """The rotations of a function, in order."""
    return [op for op in function.body.block.ops if isinstance(op, RopeOp)]
