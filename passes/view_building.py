"""Values from views: the ops that make a described part of a tensor, where no value at hand is that part already.

Raising states which part of which tensor an operand is (``dsv3c.ir.views``); this writes it as
reshape, slice, permute, expand in that order, so that leading dims stay in front whatever the source's order was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, i64
from xdsl.ir import Attribute, Operation, OpResult, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.sizes import Size, divide_exact
from dsv3c.ir.strided import Piece, View, whole
from dsv3c.ir.types import element_type, shape, tensor_type
from dsv3c.ir.views import RULES, view_of
from dsv3c.passes.rewriting import aten_class


@dataclass(frozen=True)
class Cut:
    """A factor of a base dim and the part of it that is read: ``start, start + step, ...``, ``count`` of them."""

    size: Size
    start: int
    count: Size
    step: int

    @property
    def is_whole(self) -> bool:
        """Whether every element is read."""
        return self.count == self.size and self.step == 1


@dataclass
class ViewBuilder:
    """Collects the ops that make views; the caller inserts them."""

    ctx: CompileContext
    ops: list[Operation] = field(default_factory=list[Operation])

    def build(self, view: View, near: SSAValue | None = None) -> SSAValue | None:
        """The value that ``view`` describes: one on the way from ``near`` to its base, or a new one.

        None if the view is not a reshape, slice, permute and expand of its base.
        """
        if near is not None and (found := on_the_way(view, near)) is not None:
            return found
        plan = cuts_of(view)
        if plan is None:
            return None
        cuts = [cut for dim in plan for cut, _ in dim]
        sizes = [cut.size for cut in cuts]
        split = whole(view.base).regrouped(sizes)
        value = on_the_way(split, near) if near is not None and split is not None else None
        value = self.reshaped(view.base, sizes) if value is None else value
        for dim, cut in enumerate(cuts):
            if not cut.is_whole:
                value = self.sliced(value, dim, cut)
        return self.laid_out(value, view, plan)

    def laid_out(self, value: SSAValue, view: View, plan: "Sequence[Sequence[tuple[Cut, Piece | None]]]") -> SSAValue:
        """``value`` has one dim per cut: bring the dims into the view's order, repeat and join them."""
        pieces = [piece for axis in view.axes for piece in axis]
        source = [piece for dim in plan for _, piece in dim]
        order = [source.index(piece) for piece in pieces if piece.dim is not None]
        if order != sorted(order):
            order += [dim for dim in range(len(source)) if dim not in order]
            sizes = [shape(value)[dim] for dim in order]
            value = self.emit("aten.permute", value, sizes, {"dims": ints(order)})
        if any(piece.dim is None for piece in pieces):
            value = self.reshaped(value, [1 if piece.dim is None else piece.size for piece in pieces])
            value = self.emit("aten.expand", value, [piece.size for piece in pieces])
        return self.reshaped(value, view.sizes)

    def reshaped(self, value: SSAValue, sizes: Sequence[Size]) -> SSAValue:
        """``value`` in another shape; itself when it has that shape."""
        return value if shape(value) == tuple(sizes) else self.emit("aten.reshape", value, sizes)

    def sliced(self, value: SSAValue, dim: int, cut: Cut) -> SSAValue:
        """The elements of one cut."""
        assert isinstance(cut.count, int)
        numbers = {"dim": dim, "start": cut.start, "end": cut.start + (cut.count - 1) * cut.step + 1}
        if cut.step != 1:
            numbers["step"] = cut.step
        sizes = list(shape(value))
        sizes[dim] = cut.count
        return self.emit(
            "aten.slice.Tensor", value, sizes, {name: IntegerAttr(number, i64) for name, number in numbers.items()}
        )

    def emit(
        self, name: str, value: SSAValue, sizes: Sequence[Size], properties: Mapping[str, Attribute] | None = None
    ) -> SSAValue:
        """Collect one view op with the element type of its operand."""
        result = tensor_type(sizes, element_type(value))
        op = aten_class(self.ctx, name).build_from({"self": value}, properties or {}, [result])
        op.results[0].name_hint = value.name_hint
        self.ops.append(op)
        return op.results[0]


def on_the_way(view: View, near: SSAValue) -> SSAValue | None:
    """The value between ``near`` and the base of its view that ``view`` describes, if there is one."""
    value = near
    while view_of(value) != view:
        if not isinstance(value, OpResult) or value.op.name not in RULES:
            return None
        value = value.op.operands[0]
    return value


def ints(values: Sequence[int]) -> ArrayAttr[IntegerAttr]:
    """A list of integers as a property."""
    return ArrayAttr([IntegerAttr(value, i64) for value in values])


def cuts_of(view: View) -> list[list[tuple[Cut, Piece | None]]] | None:
    """Per base dim, the factors it splits into and the piece that reads each; None if they do not split it."""
    result = list[list[tuple[Cut, Piece | None]]]()
    for dim, size in enumerate(shape(view.base)):
        pieces = [piece for axis in view.axes for piece in axis if piece.dim == dim]
        pieces.sort(key=lambda piece: piece.stride if isinstance(piece.stride, int) else 2**62, reverse=True)
        cuts = cuts_of_dim(size, pieces, view.offsets[dim])
        if cuts is None:
            return None
        result.append(cuts)
    return result


def cuts_of_dim(size: Size, pieces: Sequence[Piece], offset: Size) -> list[tuple[Cut, Piece | None]] | None:
    """Split a dim at the strides of its pieces, outermost first."""
    if not isinstance(offset, int):
        return None
    if not pieces:
        return [(Cut(size, offset, 1, 1), None)]
    blocks: list[Size] = [*(piece.stride for piece in pieces[:-1]), 1]
    outer = [size, *blocks[:-1]]
    numbers = [divide_exact(above, block) for above, block in zip(outer, blocks, strict=True)]
    starts = starts_of(offset, blocks)
    steps = [*(1 for _ in pieces[:-1]), pieces[-1].stride]
    cuts = list[tuple[Cut, Piece | None]]()
    for piece, number, start, step in zip(pieces, numbers, starts, steps, strict=True):
        if number is None or not isinstance(step, int):
            return None
        cut = Cut(number, start, piece.size, step)
        if not cut.is_whole and not (
            isinstance(number, int) and isinstance(piece.size, int) and start + (piece.size - 1) * step < number
        ):
            return None
        cuts.append((cut, piece))
    return cuts


def starts_of(offset: int, blocks: Sequence[Size]) -> list[int]:
    """``offset`` in the mixed radix of ``blocks``: how many of each, outermost first; a named block takes none."""
    rests = accumulate(blocks, lambda rest, block: rest % block if isinstance(block, int) else rest, initial=offset)
    return [rest // block if isinstance(block, int) else 0 for rest, block in zip(rests, blocks, strict=False)]
