"""``raise-rope``: every spelling of the rotary position embedding becomes one nn.rope.

Before  %even = aten.slice.Tensor(%q, dim = 3, start = 0, step = 2)    %odd = ... start = 1, step = 2
        %a = even * cos - odd * sin    %b = odd * cos + even * sin    (four aten.mul, aten.sub, aten.add)
        %y = aten.cat([%a, %b], dim = -1) : tensor<?x4x?x64xbf16, ["B", "S"]>
After   %x = aten.permute(%q, dims = [0, 2, 1, 3])
        %r = nn.rope %x, %cos, %sin pairs "interleaved" out "half" compute "input" : tensor<?x?x4x64xbf16, ...>, ...
        %y = aten.permute(%r, dims = [0, 2, 1, 3])

Also: x * cos + cat(-x2, x1) * sin with doubled tables (and with the de-interleaving views before it), complex products,
and stack + flatten in f32.  It names the rotation once, with the pairs, the order of the result and the rounding read
from the source; the ops around it are views.  Which table is used is the question of raise-rope-tables.

It deliberately does not rotate across a rounding: a rotation that stays in f32 after its source was bf16 is blocked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from xdsl.dialects.builtin import BFloat16Type, Float16Type, f32
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.nn import RopeOp
from dsv3c.ir.functions import origins
from dsv3c.ir.sizes import Size
from dsv3c.ir.strided import Piece, View, whole
from dsv3c.ir.types import element_type, shape, tensor_type
from dsv3c.ir.views import RULES, compose, joined_views, same_data, view_of
from dsv3c.passes.base import RewritePass
from dsv3c.passes.rewriting import aten_class, only_user, producer, replace
from dsv3c.passes.view_building import ViewBuilder

CASTS = ("aten.to.dtype", "aten.to.other", "aten.type_as", "aten._to_copy")
ELEMENTWISE = ("aten.cos", "aten.sin", "aten.mul.Scalar", *CASTS)
"""Ops of one tensor that keep equal elements equal."""


@dataclass(frozen=True)
class Pairs:
    """The tensor that holds the rotated pairs, and which of its elements are a pair."""

    x: View
    layout: str


@dataclass(frozen=True)
class Rotation:
    """One matched rotation: of ``pairs``, by tables that broadcast over x, ending in ``matched[-1]``."""

    pairs: Pairs
    cos: View
    sin: View
    out: str
    matched: Sequence[AtenOp]
    """In program order; the last one computes the rotated tensor in the type of the products."""
    near: tuple[SSAValue, SSAValue, SSAValue]
    """Values whose views x, cos and sin are, to find ready-made parts."""
    before: Sequence[Operation] = ()
    """New ops the tables come from."""


def paired(first: View, second: View) -> Pairs | None:
    """The tensor whose pairs have ``first`` and ``second`` as their members, if they interleave or adjoin."""
    if first.base is not second.base or first.axes != second.axes or len(first.axes[-1]) != 1:
        return None
    (piece,) = first.axes[-1]
    moved = [dim for dim, (a, b) in enumerate(zip(first.offsets, second.offsets, strict=True)) if a != b]
    if moved != [piece.dim]:
        return None
    start, other = first.offsets[moved[0]], second.offsets[moved[0]]
    if not isinstance(start, int) or not isinstance(other, int):
        return None
    distance, size, stride = other - start, piece.size, piece.stride
    assert isinstance(size, int) and isinstance(stride, int), "a view of pairs has a static last dim"
    if distance == stride * size:
        joined, layout = Piece(piece.dim, 2 * size, stride), "half"
    elif 2 * distance == stride:
        joined, layout = Piece(piece.dim, 2 * size, distance), "interleaved"
    else:
        return None
    return Pairs(View(first.base, (*first.axes[:-1], (joined,)), first.offsets), layout)


def unwidened(view: View) -> View:
    """The view of a value before its exact conversion to f32; the view itself when there was none."""
    cast = producer(view.base, *CASTS)
    if cast is None or element_type(view.base) != f32:
        return view
    source = cast.operands[0]
    if not isinstance(element_type(source), BFloat16Type | Float16Type):
        return view
    return compose(view, view_of(source), -1) or view


def factors(mul: AtenOp) -> Iterator[tuple[SSAValue, SSAValue]]:
    """The two operands of a product, both ways round."""
    first, second = mul.operands
    yield first, second
    yield second, first


def is_plain(op: AtenOp) -> bool:
    """Whether an addition or subtraction does not scale its second operand."""
    return op.literal("alpha") == 1


def products_of(value: SSAValue, name: str) -> tuple[AtenOp, AtenOp, AtenOp] | None:
    """The sum or difference that made ``value`` and the two products it is of."""
    op = producer(value, name)
    if op is None or not is_plain(op):
        return None
    left, right = (producer(operand, "aten.mul.Tensor") for operand in op.operands)
    return (op, left, right) if left is not None and right is not None else None


def is_product(mul: AtenOp, left: SSAValue, right: SSAValue) -> bool:
    """Whether ``mul`` multiplies the data of these two."""
    return any(same_data(a, left) and same_data(b, right) for a, b in factors(mul))


def rotated(join: AtenOp) -> Rotation | None:
    """Match a cat or stack of ``first = a*cos - b*sin`` and ``second = b*cos + a*sin``."""
    first, second = join.operands
    difference, total = products_of(first, "aten.sub.Tensor"), products_of(second, "aten.add.Tensor")
    if difference is None or total is None:
        return None
    matched = [*difference[1:], difference[0], *total[1:], total[0], join]
    out = "interleaved" if join.name == "aten.stack" else "half"
    for (a, cos), (b, sin) in product(factors(difference[1]), factors(difference[2])):
        pairs = paired(unwidened(view_of(a)), unwidened(view_of(b)))
        # members have the shape of the result, tables may be smaller: that tells which is which
        if pairs is None or shape(a) != shape(first):
            continue
        for left, right in (total[1:], total[:0:-1]):
            if is_product(left, b, cos) and is_product(right, a, sin):
                return Rotation(pairs, view_of(cos), view_of(sin), out, matched, (a, cos, sin))
    return None


def halves(view: View, size: int) -> tuple[View | None, View | None]:
    """The first and the second ``size`` columns."""
    last = len(view.axes) - 1
    return view.cut(last, 0, size), view.cut(last, size, size)


def repeats_itself(table: SSAValue) -> bool:
    """Whether the last dim holds the same numbers twice: ``cat(f, f)``, through elementwise ops and arguments."""
    view = view_of(table)
    joined = joined_views(table)
    if joined is not None:
        first, *rest = joined.parts
        return joined.dim == len(view.axes) - 1 and rest == [first]
    if view.axes[-1] != whole(view.base).axes[-1]:
        return False
    made = producer(view.base, *ELEMENTWISE)
    if made is not None:
        return repeats_itself(made.operands[0])
    sources = origins(view.base)
    return sources != [view.base] and all(repeats_itself(source) for source in sources)


@dataclass
class RopePattern(RewritePattern):
    """What all spellings share: the op is built and put in place."""

    ctx: CompileContext

    def raise_rotation(self, anchor: AtenOp, rotation: Rotation, rewriter: PatternRewriter) -> None:
        """Replace a matched rotation by nn.rope, or report why not."""
        x = rotation.pairs.x
        source, work = element_type(x.base), element_type(rotation.near[0])
        matched = list(rotation.matched)
        cos, sin = element_type(rotation.cos.base), element_type(rotation.sin.base)
        if cos != work or sin != work:
            return self.ctx.blocked(anchor, f"cos in {cos} and sin in {sin} rotate a tensor in {work}")
        end = whole(matched[-1].results[0])
        if source != work:
            links = to_cast(matched[-1].results[0])
            if not links or element_type(links[-1].results[0]) != source:
                return self.ctx.blocked(anchor, f"the rotation of {source} is not rounded back to {source} by one cast")
            end = view_of(links[-1].operands[0])
            if end.base is not matched[-1].results[0]:
                return self.ctx.blocked(anchor, "what is rounded back is no plain part of the rotation")
            matched += links
        builder = ViewBuilder(self.ctx, list(rotation.before))
        y = build_rope(builder, rotation, "input" if source == work else "f32", end)
        if y is None:
            builder.give_up()
            parts = f"{x}, {rotation.cos} or {rotation.sin}"
            return self.ctx.blocked(anchor, f"no views of their tensors make {parts}")
        replace(self.ctx, rewriter, anchor, matched, builder.ops, [y], what=f"pairs {rotation.pairs.layout}")


def to_cast(value: SSAValue) -> list[AtenOp]:
    """The views and then the conversion that read a value one after the other, and nothing else reads it."""
    links = list[AtenOp]()
    while (link := only_user(value, *CASTS, *RULES)) is not None:
        links.append(link)
        if link.name in CASTS:
            return links
        value = link.results[0]
    return []


def build_rope(builder: ViewBuilder, rotation: Rotation, compute: str, end: View) -> SSAValue | None:
    """The operands with heads next to last, the op, and the part ``end`` of the source's rotated tensor."""
    x, rank = rotation.pairs.x, len(rotation.pairs.x.axes)
    tables = [padded(table, rank) for table in (rotation.cos, rotation.sin)]
    head = head_dim(tables[0].sizes)
    order = list(range(rank))
    if head is not None:
        order = [*(dim for dim in order[:-1] if dim != head), head, rank - 1]
        tables = [table.removed([head]) for table in tables]
    x = x.permuted(order)
    single = head is not None and x.sizes[-2] == 1
    operand = builder.build(x.removed([rank - 2]) if single else x, before_cast(rotation.near[0], x))
    cos, sin = (builder.build(table, near) for table, near in zip(tables, rotation.near[1:], strict=True))
    if operand is None or cos is None or sin is None:
        return None
    op = RopeOp(operand, cos, sin, rotation.pairs.layout, rotation.out, compute)
    op.y.name_hint = operand.name_hint
    builder.ops.append(op)
    y = whole(op.y).inserted(rank - 2) if single else whole(op.y)
    y = y.permuted([order.index(dim) for dim in range(rank)]).regrouped(shape(end.base))
    assert y is not None, "splitting the last dim is a view"
    result = compose(end, y, -1)
    assert result is not None, "a view of dims of one piece each is a view"
    return builder.build(result)


def before_cast(near: SSAValue, x: View) -> SSAValue:
    """``near``, or what it is a conversion of, if that is where ``x`` is a view from."""
    base = view_of(near).base
    cast = producer(base, *CASTS)
    return near if cast is None or base is x.base else cast.operands[0]


def padded(table: View, rank: int) -> View:
    """A table with leading dims of size 1, as broadcasting adds them."""
    for _ in range(rank - len(table.axes)):
        table = table.inserted(0)
    return table


def head_dim(table: Sequence[Size]) -> int | None:
    """The innermost dim the tables are repeated over, save the first: that one may stay broadcast."""
    return next((dim for dim in range(len(table) - 2, 0, -1) if table[dim] == 1), None)


class RotateMembers(RopePattern):
    """``cat([a*cos - b*sin, b*cos + a*sin])`` or ``stack([...], -1)``."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the op that puts both members together."""
        if op.name not in ("aten.cat", "aten.stack") or len(op.operands) != 2:
            return
        assert isinstance(op, AtenOp)
        rotation = rotated(op)
        if rotation is None:
            return
        if op.literal("dim") not in (-1, len(shape(op.results[0])) - 1):
            return self.ctx.blocked(op, "the rotated members are joined along another dim than the last")
        self.raise_rotation(op, rotation, rewriter)


class RotateHalf(RopePattern):
    """``x * cos + cat([-x2, x1]) * sin``: the halves of x are the members, the tables hold every number twice."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the cat of a negated half."""
        if op.name != "aten.cat" or len(op.operands) != 2:
            return
        assert isinstance(op, AtenOp)
        negated = producer(op.operands[0], "aten.neg")
        by_sin = only_user(op.results[0], "aten.mul.Tensor")
        total = only_user(by_sin.results[0], "aten.add.Tensor") if by_sin is not None else None
        if negated is None or by_sin is None or total is None or not is_plain(total):
            return
        by_cos = next((mul for mul in map(as_product, total.operands) if mul is not by_sin), None)
        size = shape(op.operands[1])[-1]
        if by_cos is None or not isinstance(size, int):
            return
        sin = next(right for left, right in factors(by_sin) if left is op.results[0])
        ends = (view_of(op.operands[1]), view_of(negated.operands[0]))
        cos, x = next(
            ((right, left) for left, right in factors(by_cos) if halves(view_of(left), size) == ends), (None, None)
        )
        pairs = paired(unwidened(ends[0]), unwidened(ends[1]))
        if cos is None or x is None or pairs is None or shape(x) != shape(total.results[0]):
            return
        if not (repeats_itself(cos) and repeats_itself(sin)):
            return self.ctx.blocked(op, "the two halves of cos and of sin are not shown to be equal")
        cos_half, sin_half = (halves(view_of(table), size)[0] for table in (cos, sin))
        assert cos_half is not None and sin_half is not None, "tables of another width do not multiply x"
        matched = [negated, op, *sorted((by_sin, by_cos), key=position), total]
        self.raise_rotation(op, Rotation(pairs, cos_half, sin_half, "half", matched, (x, cos, sin)), rewriter)


def as_product(value: SSAValue) -> AtenOp | None:
    """The product that made a value."""
    return producer(value, "aten.mul.Tensor")


def position(op: Operation) -> int:
    """Place of an op in its block."""
    assert op.parent is not None
    return op.parent.get_operation_index(op)


class RotateComplex(RopePattern):
    """``view_as_real(view_as_complex(x pairs) * cis)``; always in f32."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the way back from complex numbers."""
        if op.name != "aten.view_as_real":
            return
        assert isinstance(op, AtenOp)
        mul = as_product(op.operands[0])
        if mul is None:
            return
        for left, cis in factors(mul):
            number = producer(left, "aten.view_as_complex")
            if number is None or shape(left) != shape(mul.results[0]):
                continue
            view = unwidened(view_of(number.operands[0]))
            pairs = paired(element(view, 0), element(view, 1))
            if pairs is None:
                return self.ctx.blocked(op, "the complex numbers are not pairs of neighbours of one tensor")
            table = view_of(cis)
            real, before = self.real_parts(table.base, op)
            cos, sin = (View(real, table.axes, (*table.offsets, index)) for index in (0, 1))
            near = (number.operands[0], real, real)
            matched = [number, mul, op]
            self.raise_rotation(op, Rotation(pairs, cos, sin, "interleaved", matched, near, before), rewriter)
            return

    def real_parts(self, cis: SSAValue, anchor: Operation) -> tuple[SSAValue, Sequence[Operation]]:
        """``[..., P]`` complex -> ``[..., P, 2]``: cosine and sine; made once for all rotations by one table."""
        for use in cis.uses:
            user = use.operation
            if user.name == "aten.view_as_real" and user.is_before_in_block(anchor):
                return user.results[0], []
        result = tensor_type((*shape(cis), 2), f32)
        op = aten_class(self.ctx, "aten.view_as_real").build_from({"self": cis}, {}, [result])
        op.results[0].name_hint = cis.name_hint
        return op.results[0], [op]


def element(view: View, index: int) -> View:
    """The view at ``index`` of its last dim, which has two elements."""
    last = len(view.axes) - 1
    one = view.cut(last, index, 1)
    assert one is not None
    return one.removed([last])


@dataclass(frozen=True)
class RaiseRopePass(RewritePass):
    """Rotary position embedding -> nn.rope; bits stay, but for the last one of some complex products."""

    name = "raise-rope"
    numerics = "reassociates"

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One pattern per family of spellings."""
        return [RotateHalf(ctx), RotateMembers(ctx), RotateComplex(ctx)]
