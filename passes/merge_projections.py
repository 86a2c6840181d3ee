"""``merge-projections``: linears that read one value become one linear.

Before::

    %q = nn.linear %x, %q_a
    %c = nn.linear %x, %kv_a

After::

    %w = weight.param "q_a_proj.weight+kv_a_proj_with_mqa.weight" { ... aten.cat ... }
    %y = nn.linear %x, %w
    %q = aten.slice.Tensor(%y, dim = -1, end = 1536)
    %c = aten.slice.Tensor(%y, dim = -1, start = 1536)

Reads x once and makes one larger matrix product of two (DeepGEMM's shape 2112 x 7168 is q_a and kv_a).  It merges
[gate; up] of an MLP likewise.  A weight whose rows do not fill whole quantisation blocks may stand last only: a block
must not reach over two projections.  It does not merge linears with a bias, or of different element types, and leaves
``moe.experts`` with separate gate and up weights to be merged there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Attribute, Block, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.moe import ExpertsOp, GateOp
from dsv3c.ir.dialects.nn import LinearOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.functions import functions
from dsv3c.ir.locations import fused
from dsv3c.ir.types import as_tensor, shape, with_sizes
from dsv3c.passes.base import Pass
from dsv3c.passes.recipes import append, derived_param, erase_unread, param_of
from dsv3c.passes.rewriting import aten_class


@dataclass(frozen=True)
class MergeProjectionsPass(Pass):
    """Merge linears of one input into one, their weights concatenated by a recipe."""

    name = "merge-projections"
    numerics = "reassociates"

    block_rows: int = 128
    """Rows of a quantisation block that must not reach over two merged weights; 1: any rows merge."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Every group of linears in every function, then every ``moe.experts``."""
        for function in functions(module).values():
            for group in groups(function):
                routers = [op for op in group if feeds_gate(op.y)]
                for op in routers:
                    ctx.blocked(op, "a router's logits stay apart: its weight is not quantised")
                rest = [op for op in group if op not in routers]
                if len(rest) > 1:
                    self.merge(ctx, rest)
            for op in list(function.body.block.ops):
                if isinstance(op, ExpertsOp) and op.up is not None:
                    merge_experts(ctx, op, op.up)

    def merge(self, ctx: CompileContext, group: list[LinearOp]) -> None:
        """One group: guards, order, build, replace."""
        anchor = group[0]
        if biased := next((op for op in group if op.bias is not None), None):
            return ctx.blocked(biased, "a linear with a bias is not merged")
        params = {op: param for op in group if (param := param_of(op.weight)) is not None}
        if len(params) < len(group):
            return ctx.blocked(anchor, "a weight is no parameter of this function: it cannot be merged ahead of time")
        ragged = [op for op in group if rows_of(op) % self.block_rows]
        if len(ragged) > 1:
            rows = ", ".join(str(rows_of(op)) for op in group)
            return ctx.blocked(
                anchor,
                f"rows {rows}: more than one weight has rows that do not fill blocks of {self.block_rows}, "
                "and a quantisation block would reach over two projections",
            )
        order = [op for op in group if op not in ragged] + ragged
        merged = " + ".join(str(rows_of(op)) for op in order)
        ctx.fired(anchor, f"{len(order)} linears of one input: {merged} rows")
        return replace_group(ctx, group, order, [params[op] for op in order])


def feeds_gate(logits: SSAValue) -> bool:
    """Whether a gate reads the value, straight or through a conversion."""
    users = [use.operation for use in logits.uses]
    return any(isinstance(op, GateOp) or (op.name in CONVERSIONS and feeds_gate(op.results[0])) for op in users)


CONVERSIONS = ("aten.to.dtype", "aten._to_copy", "aten.view", "aten.reshape")


def rows_of(op: LinearOp) -> int:
    """N of a linear's weight."""
    rows = shape(op.weight)[0]
    assert isinstance(rows, int)
    return rows


def groups(function: func.FuncOp) -> list[list[LinearOp]]:
    """Linears that read one value with different weights, in program order."""
    found = dict[SSAValue, list[LinearOp]]()
    for op in function.body.block.ops:
        if isinstance(op, LinearOp):
            found.setdefault(op.x, []).append(op)
    return [group for group in found.values() if len({op.weight for op in group}) > 1]


def replace_group(
    ctx: CompileContext, group: list[LinearOp], order: Sequence[LinearOp], sources: Sequence[ParamOp]
) -> None:
    """Put the merged linear where the first one stands and slices in place of all."""
    key = "+".join(source.key.data for source in sources)
    total = sum(rows_of(op) for op in order)
    kind = with_sizes(as_tensor(order[0].weight), (total, shape(order[0].weight)[1]))
    weight = derived_param(ctx, key, sources, lambda ctx, block, parts: concatenate(ctx, block, parts, kind, 0), kind)
    linear = LinearOp(order[0].x, weight.value)
    linear.location = fused(op.location for op in group)
    weight.value.name_hint = "merged_weight"
    block = group[0].parent
    assert block is not None
    block.insert_ops_before([weight, linear], group[0])
    start = 0
    for op in order:
        part = cut_columns(ctx, linear.y, start, rows_of(op), op.y.type)
        start += rows_of(op)
        part.name_hint = op.y.name_hint
        cut = part.owner
        assert not isinstance(cut, Block)
        cut.location = op.location
        block.insert_op_before(cut, group[0])
        op.y.replace_all_uses_with(part)
    for op in group:
        op.detach()
        op.erase()
    erase_unread(sources)


def concatenate(ctx: CompileContext, block: Block, parts: list[SSAValue], kind: Attribute, dim: int) -> SSAValue:
    """``aten.cat`` of the parts along ``dim``."""
    properties: dict[str, Attribute] = {"dim": IntegerAttr(dim, i64)} if dim else {}
    return append(block, aten_class(ctx, "aten.cat").build_from({"tensors": parts}, properties, [kind]))


def cut_columns(ctx: CompileContext, value: SSAValue, start: int, size: int, kind: Attribute) -> SSAValue:
    """``value[..., start : start + size]``."""
    total = shape(value)[-1]
    properties: dict[str, Attribute] = {"dim": IntegerAttr(-1, i64)}
    if start:
        properties["start"] = IntegerAttr(start, i64)
    if start + size != total:
        properties["end"] = IntegerAttr(start + size, i64)
    return aten_class(ctx, "aten.slice.Tensor").build_from({"self": value}, properties, [kind]).results[0]


def merge_experts(ctx: CompileContext, op: ExpertsOp, up: SSAValue) -> None:
    """``gate [E, I, D]`` and ``up [E, I, D]`` of one ``moe.experts`` -> ``[E, 2*I, D]``."""
    sources = [param for param in (param_of(op.gate), param_of(up)) if param is not None]
    if len(sources) != 2:
        return ctx.blocked(op, "gate or up is no parameter of this function: they cannot be merged ahead of time")
    experts, rows, hidden = shape(op.gate)
    assert isinstance(rows, int)
    kind = with_sizes(as_tensor(op.gate), (experts, 2 * rows, hidden))
    key = "+".join(source.key.data for source in sources)
    weight = derived_param(ctx, key, sources, lambda ctx, block, parts: concatenate(ctx, block, parts, kind, 1), kind)
    weight.value.name_hint = "gate_up"
    new = ExpertsOp(
        op.x,
        op.weights,
        op.ids,
        weight.value,
        None,
        op.down,
        combine_in=op.combine_in,
        order=op.order.data,
        intermediate=op.intermediate.data,
    )
    new.location = op.location
    new.y.name_hint = op.y.name_hint
    ctx.fired(op, "gate and up of the experts")
    block = op.parent
    assert block is not None
    block.insert_ops_before([weight, new], op)
    op.y.replace_all_uses_with(new.y)
    op.detach()
    op.erase()
    erase_unread(sources)
    return None
