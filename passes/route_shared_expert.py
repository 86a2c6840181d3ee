"""``route-shared-expert``: the shared expert becomes a routed one that every token takes.

Before::

    %y = moe.experts %x, %weights, %ids gate %gate_up down %down ...          (256 experts, 8 choices)
    %g = nn.linear %x, %shared_gate
    %u = nn.linear %x, %shared_up
    %h = nn.swiglu %g, %u intermediate "input"
    %z = nn.linear %h, %shared_down
    %sum = aten.add.Tensor(%y, %z)

After::

    %all_weights, %all_ids = moe.append_choice %weights, %ids first 256 count 1
    %gate_up_1 = weight.param "...gate_up_proj+...shared_experts.gate_proj.weight+..." { ... aten.cat ... }
    %down_1 = weight.param "...down_proj+...shared_experts.down_proj.weight" { ... aten.cat ... }
    %sum = moe.experts %x, %all_weights, %all_ids gate %gate_up_1 down %down_1 ...   (257 experts, 9 choices)

so that ranks deal it out with the others (``shard-experts``, which gives it to every rank where there are replicas
enough): one grouped product instead of two kinds of them, one row more per token on the links.  A shared expert of n
times the width is n experts: its columns are split, and the sum over them is the experts' own.  DeepSeek-V3 is deployed
like this for decoding (arXiv 2412.19437, section 3.4.2).

The shared output is rounded as often as a routed one: one rounding less, or in another place.  A shared MLP that has a
bias or a gate of its own, is no SwiGLU, or is not added to the experts' output itself, stays as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.cost_model import element_bytes
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.moe import ExpertsOp
from dsv3c.ir.dialects.moe_choices import AppendChoiceOp
from dsv3c.ir.dialects.nn import LinearOp, SwigluOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.sizes import Size, mul
from dsv3c.ir.strided import whole
from dsv3c.ir.types import Tensor, as_tensor, element_type, shape, with_sizes
from dsv3c.ir.views import RULES as VIEWS
from dsv3c.ir.views import view_of
from dsv3c.passes.base import RewritePass
from dsv3c.passes.matching import Mismatch, between, flat, op_name, reshape_of
from dsv3c.passes.merge_projections import concatenate
from dsv3c.passes.recipes import append, derived_param, param_of
from dsv3c.passes.rewriting import aten_class, number, other_operand, replace


@dataclass(frozen=True)
class RouteSharedExpertPass(RewritePass):
    """Make the shared expert a routed one that every token takes."""

    name = "route-shared-expert"
    requires = frozenset({"raised"})
    numerics = "reassociates"

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One pattern, anchored on the experts."""
        return [RouteSharedExpert(ctx)]


@dataclass(frozen=True)
class Rows:
    """Rows of a weight [N, K]: one projection, alone or in a merged one."""

    param: ParamOp
    start: int


@dataclass(frozen=True)
class Shared:
    """A shared expert beside ``moe.experts``, and the sum of both."""

    add: AtenOp
    x: SSAValue
    gate: Rows
    up: Rows
    down: ParamOp
    params: Sequence[ParamOp]
    """These and the routed experts'."""
    count: int
    """Experts of the routed ones' width that it is as wide as."""


@dataclass
class RouteSharedExpert(RewritePattern):
    """``moe.experts`` and an MLP of the same x, added."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the experts."""
        if not isinstance(op, ExpertsOp):
            return None
        try:
            shared = shared_beside(op)
        except Mismatch as mismatch:
            return self.ctx.blocked(op, str(mismatch))
        return build(self.ctx, rewriter, op, shared)


def shared_beside(op: ExpertsOp) -> Shared:
    """The shared expert whose output is added to that of ``op``.  Raises Mismatch for what is none, or cannot join."""
    add, other = sum_of(op.y)
    down, swiglu = mlp_behind(other)
    if swiglu.intermediate.data != op.intermediate.data:
        ours, others = swiglu.intermediate.data, op.intermediate.data
        raise Mismatch(f"SiLU is rounded to {ours!r} in the shared expert, to {others!r} in the others")
    gate, up = projection(swiglu.gate, "gate"), projection(swiglu.up, "up")
    x = reshape_of(op.x)
    for linear, name in ((gate[0], "gate"), (up[0], "up")):
        if reshape_of(linear.x) is not x:
            raise Mismatch(f"the {name} of the shared expert reads another value than the experts")
    element = element_type(op.x)
    if op.combine_in != element and element_bytes(op.combine_in) <= element_bytes(element):
        raise Mismatch(f"experts' outputs are rounded to {op.combine_in} before they are added, the shared one is not")
    (experts, _, width), shared_width = shape(op.down), shape(swiglu.y)[-1]
    assert isinstance(width, int)
    if not (isinstance(experts, int) and isinstance(shared_width, int)):
        raise Mismatch("experts and their widths must be numbers")
    if shared_width % width:
        raise Mismatch(f"the shared expert's width {shared_width} is no multiple of the others' {width}")
    weights = [*weights_of(op), gate[0].weight, up[0].weight, down.weight]
    params = [param for weight in weights if (param := param_of(weight)) is not None]
    if len(params) < len(weights):
        raise Mismatch("a weight is no parameter of this function: it cannot be joined to others ahead of time")
    kinds = {element_type(weight) for weight in weights}
    if len(kinds) > 1:
        raise Mismatch(f"weights of {' and '.join(sorted(map(str, kinds)))} cannot be joined")
    of_gate, of_up, of_down = params[-3:]
    rows = (Rows(of_gate, gate[1]), Rows(of_up, up[1]))
    return Shared(add, x, *rows, of_down, params, shared_width // width)


def weights_of(op: ExpertsOp) -> Sequence[SSAValue]:
    """Gate, up if it is apart, down."""
    return op.operands[3:]


def sum_of(y: SSAValue) -> tuple[AtenOp, SSAValue]:
    """The op that adds something to ``y``, or to a reshape of it, and what it adds."""
    value = y
    while True:
        user = value.get_user_of_unique_use()
        if user is None:
            raise Mismatch("the experts' output is not read by one op alone")
        if user.name == "aten.add.Tensor":
            break
        if user.name not in VIEWS or reshape_of(user.results[0]) is not y:
            raise Mismatch(f"the experts' output is read by {user.name}, not added to a shared expert's")
        value = user.results[0]
    assert isinstance(user, AtenOp)
    other = other_operand(user, value)
    if number(user, "alpha") != 1:
        raise Mismatch("what is added is scaled")
    if not value.type == other.type == user.results[0].type:
        raise Mismatch(f"{other.type} is added to experts' {value.type}")
    return user, other


def mlp_behind(value: SSAValue) -> tuple[LinearOp, SwigluOp]:
    """The last linear of an MLP and its activation.  Raises Mismatch for anything else."""
    base = reshape_of(value)
    down = base.owner
    if not isinstance(down, LinearOp):
        raise Mismatch(f"{op_name(base)} is added to the experts' output, no shared expert's")
    if down.bias is not None:
        raise Mismatch("the shared expert has a bias")
    inner = reshape_of(down.x)
    if not isinstance(inner.owner, SwigluOp):
        raise Mismatch(f"the linear that is added reads {op_name(inner)}, no nn.swiglu")
    if not (value.has_one_use() and base.has_one_use()):
        raise Mismatch("the shared expert's output is read elsewhere too")
    return down, inner.owner


def projection(value: SSAValue, name: str) -> tuple[LinearOp, int]:
    """The linear whose columns a value is, and the first of them."""
    view = view_of(value)
    linear, last = view.base.owner, len(shape(view.base)) - 1
    if not isinstance(linear, LinearOp):
        raise Mismatch(f"the {name} of the shared expert is made by {op_name(view.base)}, no nn.linear")
    if linear.bias is not None:
        raise Mismatch("the shared expert has a bias")
    start = view.offsets[last]
    columns = whole(view.base).cut(last, start, shape(value)[-1])
    assert columns is not None, "the view is inside of what it is a view of"
    if flat(columns) != flat(view) or not isinstance(start, int):
        raise Mismatch(f"the {name} of the shared expert is not some columns of a linear")
    return linear, start


def build(ctx: CompileContext, rewriter: PatternRewriter, op: ExpertsOp, shared: Shared) -> None:
    """The choice appended, the weights joined, one ``moe.experts`` in place of the sum."""
    experts = shape(op.down)[0]
    assert isinstance(experts, int)
    choice = AppendChoiceOp(op.weights, op.ids, first=experts, count=shared.count)
    choice.all_weights.name_hint, choice.all_ids.name_hint = op.weights.name_hint, op.ids.name_hint
    join = Join(ctx, shared.count, shape(op.down)[1:])
    if op.up is None:
        gates = [join.rows(op.gate, [shared.gate, shared.up])]
    else:
        gates = [join.rows(op.gate, [shared.gate]), join.rows(op.up, [shared.up])]
    down = join.columns(op.down, shared.down)
    made = ExpertsOp(
        op.x,
        choice.all_weights,
        choice.all_ids,
        gates[0].value,
        gates[1].value if op.up is not None else None,
        down.value,
        combine_in=op.combine_in,
        order=op.order.data,
        intermediate=op.intermediate.data,
    )
    made.y.name_hint = op.y.name_hint
    new: list[Operation] = [choice, *gates, down, made]
    total = shared.add.results[0]
    if made.y.type != total.type:
        new.append(aten_class(ctx, "aten.view").build_from({"self": made.y}, {}, [total.type]))
    matched = between(total, {*op.operands, shared.x, *(param.value for param in shared.params)})
    what = f"the shared expert as {shared.count} of {experts + shared.count} routed ones"
    replace(ctx, rewriter, op, matched, new, what=what)
    for param in dict.fromkeys(shared.params):
        if param.value.first_use is None:
            rewriter.erase(param)


@dataclass(frozen=True)
class Join:
    """Makes parameters of the routed experts' weights [E, ...] and, behind them, those of the shared one [n, ...]."""

    ctx: CompileContext
    count: int
    """n."""
    sizes: tuple[Size, ...]
    """D and I."""

    def rows(self, weight: SSAValue, parts: Sequence[Rows]) -> ParamOp:
        """[E, p*I, D] and p projections [n*I, D] -> [E + n, p*I, D]: per expert, one projection after the other."""
        hidden, width = self.sizes
        params = list(dict.fromkeys(part.param for part in parts))

        def shared(block: Block, values: list[SSAValue]) -> SSAValue:
            stacks = [self.stack(block, values[params.index(part.param)], part.start) for part in parts]
            kind = self.kind(weight, (self.count, mul(len(parts), width), hidden))
            return stacks[0] if len(stacks) == 1 else concatenate(self.ctx, block, stacks, kind, 1)

        return self.joined(weight, params, shared)

    def stack(self, block: Block, value: SSAValue, start: int) -> SSAValue:
        """Rows ``start : start + n*I`` of [N, D] -> [n, I, D]."""
        hidden, width = self.sizes
        assert isinstance(width, int)
        end = start + self.count * width
        if (start, end) != (0, shape(value)[0]):
            bounds = {"start": start, "end": end}
            properties: dict[str, Attribute] = {
                name: IntegerAttr(bound, i64) for name, bound in bounds.items() if bound
            }
            cut = aten_class(self.ctx, "aten.slice.Tensor")
            kind = self.kind(value, (end - start, hidden))
            value = append(block, cut.build_from({"self": value}, properties, [kind]))
        return self.view(block, value, (self.count, width, hidden))

    def columns(self, weight: SSAValue, param: ParamOp) -> ParamOp:
        """[E, D, I] and [D, n*I] -> [E + n, D, I]."""
        hidden, width = self.sizes

        def shared(block: Block, values: list[SSAValue]) -> SSAValue:
            if self.count == 1:
                return self.view(block, values[0], (1, hidden, width))
            apart = self.view(block, values[0], (hidden, self.count, width))
            dims = ArrayAttr(IntegerAttr(dim, i64) for dim in (1, 0, 2))
            kind = self.kind(weight, (self.count, hidden, width))
            return append(
                block, aten_class(self.ctx, "aten.permute").build_from({"self": apart}, {"dims": dims}, [kind])
            )

        return self.joined(weight, [param], shared)

    def view(self, block: Block, value: SSAValue, sizes: tuple[Size, ...]) -> SSAValue:
        """The value in another shape."""
        return append(
            block, aten_class(self.ctx, "aten.view").build_from({"self": value}, {}, [self.kind(value, sizes)])
        )

    def joined(
        self, weight: SSAValue, params: Sequence[ParamOp], build: Callable[[Block, list[SSAValue]], SSAValue]
    ) -> ParamOp:
        """The weight, and what ``build`` makes of ``params`` behind it."""
        own = param_of(weight)
        experts, *sizes = shape(weight)
        assert own is not None and isinstance(experts, int)
        kind = self.kind(weight, (experts + self.count, *sizes))

        def made(ctx: CompileContext, block: Block, values: list[SSAValue]) -> SSAValue:
            return concatenate(ctx, block, [values[0], build(block, values[1:])], kind, 0)

        sources = [own, *params]
        param = derived_param(self.ctx, "+".join(source.key.data for source in sources), sources, made, kind)
        param.value.name_hint = own.value.name_hint
        return param

    @staticmethod
    def kind(value: SSAValue, sizes: Sequence[Size]) -> Tensor:
        """The value's type with other sizes."""
        return with_sizes(as_tensor(value), tuple(sizes))
