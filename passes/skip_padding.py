"""``skip-padding``: nobody writes or computes rows of experts that hold no token.

Before::

    %rows, %slots, %expert_of = moe.permute %x by %ids experts 256 layout "masked" alignment 1
    %gate_up = scaled.grouped_mm %rows, %w, %expert_of
    %q = scaled.swiglu %gate, %up intermediate "input" ...
    %down = scaled.grouped_mm %q, %w_down, %expert_of
    %y = moe.unpermute %down at %slots ...

After::

    %rows, %slots, %expert_of = moe.permute %x by %ids experts 256 layout "masked" alignment 1 skips_padding
    %gate_up = scaled.grouped_mm %rows, %w, %expert_of skips_padding
    %q = scaled.swiglu %gate, %up by %expert_of, intermediate "input" ...
    %down = scaled.grouped_mm %q, %w_down, %expert_of skips_padding
    %y = moe.unpermute %down at %slots ...

Padding rows were zero and are unspecified now.  That is legal where everything between a ``moe.permute`` and its
``moe.unpermute`` works row by row, so that what is in a padding row stays in padding rows, and the sum reads none.
Saves the bytes of rows without a token: nearly all of ``masked`` rows, which have room for every token at every expert.

What works row by row is in ``READERS``, by op class.  It does not fire where something else reads the rows, e.g. a
quantiser that takes one scale of several rows: zeros do not change such a scale, and anything might.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects import moe_rows, nn, scaled, scaled_fused, scaled_views
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.moe_rows import PermuteOp
from dsv3c.ir.errors import at
from dsv3c.ir.functions import functions
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.scaled_type import scaled_type
from dsv3c.ir.types import shape
from dsv3c.passes.base import Pass
from dsv3c.passes.matching import Mismatch, dims_of
from dsv3c.passes.row_quantizers import refusal

Reader = Callable[[Any, SSAValue, PermuteOp], Sequence[SSAValue]]
"""(op, an operand whose padding rows hold anything, who laid them out) -> the results of which the same is true.

Raises ``Mismatch`` where another row, or anything else, would depend on a padding row.
"""
READERS: RuleTable[Reader] = RuleTable("padding row")
BY_ROW = frozenset({"aten.slice.Tensor", "aten.to.dtype"})
"""Overloads that move or convert rows of their first operand, which have a dim of their own or none."""
GroupedMm = moe_rows.GroupedMmOp | scaled.GroupedMmOp
Swiglu = nn.SwigluOp | scaled_fused.SwigluOp


@READERS.rule(moe_rows.GroupedMmOp, scaled.GroupedMmOp)
def grouped_mm(op: GroupedMm, _rows: SSAValue, laid_out: PermuteOp) -> Sequence[SSAValue]:
    """Rows without an expert are not multiplied."""
    if op.expert_of is not laid_out.expert_of:
        raise Mismatch("its rows have experts of another layout")
    return [op.y]


@READERS.rule(scaled.QuantizeOp, scaled_fused.SwigluOp)
def quantized(op: scaled.QuantizeOp | scaled_fused.SwigluOp, _rows: SSAValue, _laid_out: PermuteOp) -> list[SSAValue]:
    """Where a scale belongs to one row, or is given."""
    if reason := refusal(op):
        raise Mismatch(reason)
    return [op.q]


@READERS.rule(nn.SwigluOp, scaled.DequantizeOp, scaled.RelayoutOp)
def row_by_row(op: Operation, _rows: SSAValue, _laid_out: PermuteOp) -> Sequence[SSAValue]:
    """Always."""
    return op.results


@READERS.rule(scaled_views.SliceOp)
def scaled_slice(op: scaled_views.SliceOp, _rows: SSAValue, _laid_out: PermuteOp) -> Sequence[SSAValue]:
    """Columns."""
    if op.dim.value.data == 0:
        raise Mismatch("it takes some of the rows")
    return [op.r]


@READERS.rule(AtenOp)
def aten(op: AtenOp, rows: SSAValue, _laid_out: PermuteOp) -> Sequence[SSAValue]:
    """Columns, and other types."""
    if op.name not in BY_ROW:
        raise Mismatch("it is not known to work row by row")
    if op.name == "aten.slice.Tensor" and 0 in dims_of(op, len(shape(rows))):
        raise Mismatch("it takes some of the rows")
    return op.results


@READERS.rule(moe_rows.UnpermuteOp)
def unpermute(op: moe_rows.UnpermuteOp, rows: SSAValue, laid_out: PermuteOp) -> Sequence[SSAValue]:
    """Reads rows with a slot only."""
    if rows is not op.y or op.slots is not laid_out.slots:
        raise Mismatch("its rows have slots of another layout")
    return []


@dataclass(frozen=True)
class SkipPaddingPass(Pass):
    """Padding rows of experts are left unspecified where nothing reads them."""

    name = "skip-padding"
    requires: ClassVar[frozenset[str]] = frozenset({"raised"})
    numerics = "bitwise"

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Every ``moe.permute`` on its own."""
        for function in functions(module).values():
            for op in function.body.block.ops:
                if isinstance(op, PermuteOp) and op.skips_padding is None:
                    self.site(ctx, op)

    def site(self, ctx: CompileContext, permute: PermuteOp) -> None:
        """All readers, then what they are told; nothing where one of them needs the zeros."""
        try:
            readers = readers_of(permute)
        except Mismatch as mismatch:
            return ctx.blocked(permute, str(mismatch))
        permute.skips_padding = UnitAttr()
        told = 0
        for op in readers:
            if isinstance(op, GroupedMm):
                op.skips_padding = UnitAttr()
            elif isinstance(op, Swiglu) and has_own_scales(op):
                op.operands = [op.gate, op.up, permute.expert_of]
            else:
                continue
            told += 1
        return ctx.fired(permute, f"padding rows are unspecified, {told} ops skip them", ops=told)


def readers_of(permute: PermuteOp) -> list[Operation]:
    """All ops that padding rows reach.  Raises ``Mismatch`` for one that needs zeros there."""
    found, todo = dict[Operation, None](), list[SSAValue]([permute.rows])
    while todo:
        value = todo.pop()
        for use in list(value.uses):
            op = use.operation
            rule = READERS.find(op)
            try:
                if rule is None:
                    raise Mismatch("it is not known to work row by row")
                results = rule(op, value, permute)
            except Mismatch as mismatch:
                raise Mismatch(f"{op.name} reads padding rows ({at(op)}): {mismatch}") from mismatch
            if op not in found:
                found[op] = None
                todo += results
    return list(found)


def has_own_scales(op: Swiglu) -> bool:
    """Whether what a row becomes is the row's alone, scales included."""
    return isinstance(op, nn.SwigluOp) or scaled_type(op.q).granules[0] == 1
