"""``raise-experts``: the routed experts, however their rows are gathered and multiplied, become one ``moe.experts``.

Before (rows sorted by expert; the other spelling gathers a weight per row and multiplies with ``aten.bmm``)::

    %v, %p = aten.sort(%flat_ids)                        %h = nn.swiglu %gate, %up     (two halves of %gu)
    %t = aten.floor_divide.Scalar(%p, other = 8)         %y = aten._grouped_mm(%h, %down, offs = %offs)
    %rows = aten.index.Tensor(%x, [%t])                  %yw = aten.mul.Tensor(%y, %sorted_weights)
    %gu = aten._grouped_mm(%rows, %gate_up, offs = %o)   ... back in (token, choice) order, summed over choices ...
After::

    %y = moe.experts %x, %weights, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" ...

Saves: one op that can be sharded over devices, bucketed, quantised and lowered to one kernel; sorting, offsets and the
inverse permutation go.  Anchor: the second product of the experts.  What the op states (``combine_in``, ``order``,
``intermediate``) is read from where the source rounds and adds.  Matrices stored as [experts, inputs, outputs] are
transposed by a recipe, once.  Not raised: other activations than SwiGLU, biases,
weights applied before the last product, experts that run on every token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, i64
from xdsl.ir import Block, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.moe import ExpertsOp
from dsv3c.ir.types import element_type, shape, tensor_type
from dsv3c.passes.base import RewritePass
from dsv3c.passes.expert_products import Experts, Routing, Stack, experts_of, is_last_product
from dsv3c.passes.expert_sums import Sum, combined
from dsv3c.passes.matching import Mismatch, between, reshape_of
from dsv3c.passes.recipes import append, derived_param, param_of
from dsv3c.passes.rewriting import aten_class, replace


@dataclass(frozen=True)
class RaiseExpertsPass(RewritePass):
    """Routed experts as one op."""

    name = "raise-experts"
    numerics = "reassociates"  # one product per row adds in another order than one product per expert; else bitwise

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One pattern for every spelling."""
        return [RaiseExperts(ctx)]


@dataclass
class RaiseExperts(RewritePattern):
    """The products of the experts and the sum of their rows -> ``moe.experts``."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchor on the last product."""
        if not is_last_product(op):
            return None
        try:
            experts = experts_of(op)
            total = combined(op.results[0], experts.routing)
        except Mismatch as mismatch:
            return self.ctx.blocked(op, str(mismatch))
        return build(self.ctx, rewriter, op, experts, total)


def build(ctx: CompileContext, rewriter: PatternRewriter, anchor: Operation, experts: Experts, total: Sum) -> None:
    """Put ``moe.experts`` where the sum is complete."""
    routing = experts.routing
    ids, ids_ops = per_token(ctx, routing.ids, routing)
    weights, weights_ops = per_token(ctx, total.weights, routing)
    stacks = [stack for stack in (experts.gate, experts.up, experts.down) if stack is not None]
    read = {stack: matrices(ctx, stack) for stack in stacks}
    made = ExpertsOp(
        routing.x,
        weights,
        ids,
        read[experts.gate][0],
        None if experts.up is None else read[experts.up][0],
        read[experts.down][0],
        combine_in=total.combine_in,
        order=total.order,
        intermediate=experts.intermediate,
    )
    made.y.name_hint = "experts"
    stops = {*made.operands, *(stack.value for stack in stacks), routing.ids, total.weights}
    recipes = (op for _, ops in read.values() for op in ops)
    replace(ctx, rewriter, anchor, between(total.y, stops), list(chain(ids_ops, weights_ops, recipes, (made,))))


def matrices(ctx: CompileContext, stack: Stack) -> tuple[SSAValue, list[Operation]]:
    """The experts' matrices as [E, N, K]: the value itself, or a parameter that a recipe transposes at load."""
    if not stack.is_transposed:
        return stack.value, []
    param = param_of(stack.value)
    assert param is not None
    num_experts, inputs, outputs = shape(stack.value)
    kind = tensor_type((num_experts, outputs, inputs), element_type(stack.value))

    def transposed(ctx: CompileContext, block: Block, parts: list[SSAValue]) -> SSAValue:
        dims = ArrayAttr(IntegerAttr(dim, i64) for dim in (0, 2, 1))
        return append(block, aten_class(ctx, "aten.permute").build_from({"self": parts[0]}, {"dims": dims}, [kind]))

    derived = derived_param(ctx, f"{param.key.data}:transposed", [param], transposed, kind)
    derived.value.name_hint = param.value.name_hint
    return derived.value, [derived]


def per_token(ctx: CompileContext, value: SSAValue, routing: Routing) -> tuple[SSAValue, list[Operation]]:
    """``value`` as [T, k]: the value it is a reshape of, or a view made for it."""
    sizes = (shape(routing.x)[0], routing.top_k)
    base = reshape_of(value)
    if shape(base) == sizes:
        return base, []
    view = aten_class(ctx, "aten.view").build_from({"self": value}, {}, [tensor_type(sizes, element_type(value))])
    return view.results[0], [view]
