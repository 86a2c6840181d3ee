"""``raise-gate``: scores, group limit, top-k and renormalisation become one ``moe.gate``.

Before::

    %s = aten.sigmoid(%logits)                          %w0 = aten.gather(%s, dim = 1, %ids)
    %c = aten.add.Tensor(%s, %bias)                     %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true)
    ... groups scored, chosen, the others masked ...    %eps = aten.add.Scalar(%sum, other = 1.0e-20)
    %v, %ids = aten.topk(%masked, k = 8)                %w1 = aten.div.Tensor(%w0, %eps)
                                                        %w = aten.mul.Scalar(%w1, other = 2.5)
After::

    %w, %ids = moe.gate %logits bias %bias top_k 8 scoring "sigmoid" groups 8 keep 4 group_score "top2_sum" ...

Saves: routing is one kernel, and what follows (dispatch, expert parallelism) sees experts, groups and their limits.
Anchor: the top-k whose indices name experts.  The weights' chain is followed as far as it is division by the sum,
scale and a cast; what comes after stays as it is.  Not raised: a softmax of the chosen logits (not the same bits as
the chosen softmax), a sum that is clamped, groups masked with the smallest finite number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from xdsl.dialects.builtin import i1
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern
from xdsl.rewriter import InsertPoint

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.common import is_float_type
from dsv3c.ir.dialects.moe import GateOp
from dsv3c.ir.locations import fused
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import same_data, view_of, whole
from dsv3c.passes.base import RewritePass
from dsv3c.passes.matching import FILLS, Mismatch, between, flat, is_last_dim, op_name, reshape_of
from dsv3c.passes.rewriting import number, only_user, other_operand, producer

SCORINGS = {"aten.sigmoid": "sigmoid", "aten.softmax.int": "softmax"}
MASKS = {-inf: "-inf", 0.0: "zero"}


@dataclass(frozen=True)
class Groups:
    """How experts are limited to groups; the defaults say that they are not."""

    count: int = 1
    keep: int = 1
    score: str = "max"
    mask: str = "-inf"


@dataclass(frozen=True)
class Choice:
    """What the top-k chooses by."""

    scores: AtenOp
    """The sigmoid or softmax."""
    bias: SSAValue | None
    groups: Groups


@dataclass(frozen=True)
class Weights:
    """The weights of the chosen experts, as far as a gate describes them."""

    value: SSAValue
    masked: bool
    renormalize: float | None
    scale: float


@dataclass(frozen=True)
class RaiseGatePass(RewritePass):
    """Routing as one op."""

    name = "raise-gate"

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One pattern for every spelling."""
        return [RaiseGate(ctx)]


@dataclass
class RaiseGate(RewritePattern):
    """Top-k over scores -> ``moe.gate``."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchor on a top-k whose indices are read by more than the mask of a group limit."""
        if op.name != "aten.topk":
            return None
        assert isinstance(op, AtenOp)
        if all(use.operation.name == "aten.scatter.value" for use in op.results[1].uses):
            return None
        try:
            choice = choice_of(op)
            weights = weights_of(op, choice)
        except Mismatch as mismatch:
            return self.ctx.blocked(op, str(mismatch))
        return build(self.ctx, rewriter, op, choice, weights)


def build(ctx: CompileContext, rewriter: PatternRewriter, top: AtenOp, choice: Choice, weights: Weights) -> None:
    """Put the gate where the top-k stands: its ids may be read before the weights are made."""
    logits, ids = choice.scores.operands[0], top.results[1]
    groups, top_k = choice.groups, top.literal("k")
    assert isinstance(top_k, int)
    gate = GateOp(
        logits,
        choice.bias,
        top_k=top_k,
        scoring=SCORINGS[choice.scores.name],
        groups=groups.count,
        keep=groups.keep,
        group_score=groups.score,
        mask=groups.mask,
        renormalize=weights.renormalize,
        scale=weights.scale,
        scores_in=element_type(choice.scores.results[0]),
        masked_weights=weights.masked,
        any_order=top.literal("sorted") is False,
        element=element_type(weights.value),
    )
    matched = between(weights.value, gate.operands)
    gate.location = fused(op.location for op in matched)
    ctx.fired(top)
    rewriter.insert(gate, InsertPoint.before(top))
    gate.weights.name_hint, gate.ids.name_hint = "route_weights", "route_ids"
    rewriter.replace_all_uses_with(weights.value, gate.weights)
    rewriter.replace_all_uses_with(ids, gate.ids)
    for op in reversed(matched):
        if all(result.first_use is None for result in op.results):
            rewriter.erase(op)


def check_top_k(op: AtenOp) -> int:
    """The k of a top-k of the largest over the last dim."""
    if not is_last_dim(op, len(shape(op.operands[0]))):
        raise Mismatch("top-k is not over the last dim")
    if op.literal("largest") is not True:
        raise Mismatch("top-k picks the smallest")
    k = op.literal("k")
    if not isinstance(k, int):
        raise Mismatch(f"top-k picks {k}, not a fixed number")
    return k


def choice_of(top: AtenOp) -> Choice:
    """Trace what a top-k chooses by back to the scores."""
    top_k = check_top_k(top)
    chosen_by = reshape_of(top.operands[0])
    fill = producer(chosen_by, "aten.masked_fill.Scalar", "aten.where.ScalarOther")
    biased = reshape_of(fill.operands[1 if fill.name == "aten.where.ScalarOther" else 0]) if fill else chosen_by
    scores, bias = scores_of(biased)
    if shape(scores.results[0]) != shape(top.operands[0]):
        raise Mismatch("scores and choices differ in shape")
    groups, experts = groups_of(fill, biased) if fill else Groups(), shape(biased)[-1]
    if not isinstance(experts, int):
        raise Mismatch(f"the number of experts, {experts}, is not fixed")
    if top_k > experts // groups.count * groups.keep:
        raise Mismatch("top-k picks more experts than the kept groups hold")
    return Choice(scores, bias, groups)


def scores_of(biased: SSAValue) -> tuple[AtenOp, SSAValue | None]:
    """The op that makes the scores, and the bias that is added to them per expert."""
    add = producer(biased, "aten.add.Tensor")
    scores, bias = biased, None
    if add is not None:
        scored = [operand for operand in add.operands if producer(operand, *SCORINGS)]
        if len(scored) != 1:
            raise Mismatch("choices are the sum of something else than scores and a bias")
        scores = scored[0]
        bias = reshape_of(other_operand(add, scores))
        if shape(bias) != shape(biased)[-1:] or number(add, "alpha") != 1:
            raise Mismatch("what is added to the scores is not one bias per expert")
    op = producer(scores, *SCORINGS)
    if op is None:
        raise Mismatch(f"choices come from {op_name(scores)}, not from a sigmoid or softmax")
    if op.name == "aten.softmax.int" and not is_last_dim(op, len(shape(scores))):
        raise Mismatch("softmax is not over the experts")
    return op, bias


def groups_of(fill: AtenOp, biased: SSAValue) -> Groups:
    """How the masked choices were limited to groups."""
    if fill.name == "aten.where.ScalarOther":
        (mask, choices), number_name, drops = fill.operands, "other", False
    else:
        (choices, mask), number_name, drops = fill.operands, "value", True
    value = number(fill, number_name)
    if value not in MASKS:
        raise Mismatch(f"groups that are not kept get {value}, neither -inf nor 0")
    scatter = kept_groups(mask, choices, drops)
    chosen = producer(scatter.operands[1], "aten.topk")
    if chosen is None or scatter.operands[1] is not chosen.results[1]:
        raise Mismatch(f"the groups that are kept come from {op_name(scatter.operands[1])}, not from a top-k")
    keep, scores = check_top_k(chosen), reshape_of(chosen.operands[0])
    if not shape(scores) == shape(chosen.operands[0]) == shape(scatter.results[0]):
        raise Mismatch("the mask has another shape than the groups' scores")
    if shape(scores)[:-1] != shape(biased)[:-1]:
        raise Mismatch("groups are not parts of one token's experts")
    score = group_score(scores, biased)
    count = shape(scores)[-1]
    assert isinstance(count, int)
    # where every group is kept the limit changes nothing
    return Groups() if keep == count else Groups(count, keep, score, MASKS[value])


def kept_groups(mask: SSAValue, choices: SSAValue, drops: bool) -> AtenOp:
    """The scatter that marks the kept groups in a mask with one entry per group; ``drops``: true entries are lost."""
    view = view_of(mask).broadcast(shape(choices))
    inverted = False
    while True:
        rows = flat(whole(view.base))
        if flat(view)[: len(rows)] != rows:  # what follows can only repeat them
            raise Mismatch("the mask is not one value per group")
        op = producer(view.base, "aten.bitwise_not", "aten.logical_not", "aten.to.dtype")
        if op is None:
            break
        if element_type(op.results[0]) != i1:
            raise Mismatch(f"the mask passes through {op.name} to {element_type(op.results[0])}")
        inverted ^= op.name != "aten.to.dtype"
        view = view_of(op.operands[0])
    scatter = producer(view.base, "aten.scatter.value")
    if scatter is None:
        raise Mismatch(f"the mask of groups comes from {op_name(view.base)}, not from a scatter")
    if not is_last_dim(scatter, len(shape(scatter.results[0]))):
        raise Mismatch("the mask is not scattered over groups")
    rest = FILLS.get(op_name(scatter.operands[0]))
    if rest is None:
        raise Mismatch(f"the mask starts from {op_name(scatter.operands[0])}, not from zeros or ones")
    kept = bool(scatter.literal("value"))
    if (kept ^ inverted, rest ^ inverted) != (not drops, drops):
        raise Mismatch("the mask does not drop the groups that were not chosen")
    return scatter


def group_score(scores: SSAValue, biased: SSAValue) -> str:
    """How groups are scored: by the sum of their two best choices, or by their best."""
    op = producer(scores, "aten.sum.dim_IntList", "aten.amax", "aten.max.dim")
    if op is None or op.results[0] is not scores:
        raise Mismatch(f"groups are scored by {op_name(scores)}, neither the sum of the best two nor the best")
    if not is_last_dim(op, len(shape(op.operands[0]))):
        raise Mismatch("groups are not scored over their experts")
    if element_type(scores) != element_type(biased):
        raise Mismatch(f"groups are scored in {element_type(scores)}, choices are in {element_type(biased)}")
    grouped = op.operands[0]
    if op.name == "aten.sum.dim_IntList":
        best = producer(grouped, "aten.topk")
        if best is None or grouped is not best.results[0] or check_top_k(best) != 2:
            raise Mismatch("groups are scored by a sum of something else than their two best choices")
        grouped = best.operands[0]
    if reshape_of(grouped) is not biased:
        raise Mismatch("groups are not scored by the choices")
    return "top2_sum" if op.name == "aten.sum.dim_IntList" else "max"


def weights_of(top: AtenOp, choice: Choice) -> Weights:
    """The weights: gathered scores or the top-k's own values, and what is done to them."""
    values, ids = top.results
    gathers = [use.operation for use in ids.uses if use.operation.name == "aten.gather" and use.index == 1]
    if values.first_use is not None:
        if gathers:
            raise Mismatch("the top-k's values and gathered scores are both read")
        if choice.bias is not None:
            raise Mismatch("the weights contain the bias")
        return finished(values, masked=choice.groups.mask == "zero")
    if len(gathers) != 1:
        raise Mismatch(f"the scores of the chosen experts are read {len(gathers)} times")
    (gather,) = gathers
    assert isinstance(gather, AtenOp)
    if not is_last_dim(gather, len(shape(ids))):
        raise Mismatch("scores are not gathered over the experts")
    if not same_data(gather.operands[0], choice.scores.results[0]):
        raise Mismatch(f"weights are gathered from {op_name(gather.operands[0])}, not from the scores")
    return finished(gather.results[0], masked=False)


def finished(weights: SSAValue, *, masked: bool) -> Weights:
    """Follow weights through renormalisation, scale and cast, each of which may be absent."""
    renormalize, scale = None, 1.0
    if (divided := renormalized(weights)) is not None:
        weights, renormalize = divided
    if (mul := only_user(weights, "aten.mul.Scalar")) is not None:
        factor = number(mul, "other")
        if factor is not None:
            weights, scale = mul.results[0], factor
    cast = only_user(weights, "aten.to.dtype")
    if cast is not None and is_float_type(element_type(cast.results[0])):
        weights = cast.results[0]
    return Weights(weights, masked, renormalize, scale)


def renormalized(weights: SSAValue) -> tuple[SSAValue, float] | None:
    """``w / (sum(w) + eps)`` and eps, if that is all that is done with w."""
    readers = [use.operation for use in weights.uses]
    total = next((op for op in readers if op.name == "aten.sum.dim_IntList"), None)
    if total is None or len(readers) != 2:
        return None
    assert isinstance(total, AtenOp)
    if not is_last_dim(total, len(shape(weights))) or total.literal("keepdim") is not True:
        return None
    divisor, eps = total.results[0], 0.0
    if element_type(divisor) != element_type(weights):
        return None
    if (add := only_user(divisor, "aten.add.Scalar")) is not None:
        eps = number(add, "other") if number(add, "alpha") == 1 else None
        divisor = add.results[0]
    div = only_user(divisor, "aten.div.Tensor")
    if div is None or eps is None or list(div.operands) != [weights, divisor]:
        return None
    return div.results[0], eps
