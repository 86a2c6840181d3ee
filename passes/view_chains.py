"""Views as ops: one canonical chain of ``aten`` ops for each strided view of a value.

The order is fixed: cut dims of the base (``aten.slice.Tensor``, ``aten.select.int``), split them
(``aten.reshape``), cut inside the split dims, ``aten.permute``, ``aten.reshape``, ``aten.expand``, ``aten.reshape``;
steps that change nothing are left out.  ``aten.reshape`` and not ``aten.view``: it is defined for any memory layout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, permutations

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, i64
from xdsl.ir import Attribute, Operation

from dsv3c.ir.context import CompileContext
from dsv3c.ir.sizes import Size, add, divide_exact, mul
from dsv3c.ir.strided import Axis, Piece, View, axis_size, whole
from dsv3c.ir.types import as_tensor, shape, with_sizes
from dsv3c.ir.views import view_of
from dsv3c.passes.rewriting import aten_class

ONE: Axis = ()
"""A dim of size 1, which no piece of the view runs over."""

Cut = tuple[Size, Size, Size]
"""(start, size, step) of a slice."""


@dataclass(frozen=True)
class Step:
    """One op of a chain, without its operand."""

    name: str
    properties: Mapping[str, Attribute]
    sizes: tuple[Size, ...]
    """Sizes of the result."""


@dataclass(frozen=True)
class Split:
    """What a dim of the base is split into: a size, what the view runs over, and a cut for each."""

    sizes: list[Size]
    dims: list[Axis]
    cuts: list[Cut]


@dataclass
class Chain:
    """A chain being put together: its steps so far and what the dims of the last result run over."""

    sizes: list[Size]
    dims: list[Axis]
    steps: list[Step] = field(default_factory=list[Step])

    def emit(self, name: str, **properties: Attribute) -> None:
        """Append a step whose result has the current sizes."""
        self.steps.append(Step(name, properties, tuple(self.sizes)))

    def cut(self, dim: int, cut: Cut) -> None:
        """Append a slice unless it is the whole dim."""
        start, size, step = cut
        full = self.sizes[dim]
        if cut == (0, full, 1):
            return
        end = add(start, mul(size, step))
        if isinstance(end, int) and isinstance(full, int):
            end = min(end, full)
        self.sizes[dim] = size
        strides = {"step": size_attr(step)} if step != 1 else {}
        self.emit("aten.slice.Tensor", dim=size_attr(dim), start=size_attr(start), end=size_attr(end), **strides)

    def select(self, dim: int, index: Size) -> None:
        """Append the choice of one element of a dim, which goes."""
        del self.sizes[dim]
        self.emit("aten.select.int", dim=size_attr(dim), index=size_attr(index))

    def reshape(self, sizes: Sequence[Size]) -> None:
        """Append a reshape unless the sizes are these already."""
        if list(sizes) != self.sizes:
            self.sizes = list(sizes)
            self.emit("aten.reshape")

    def permute(self, order: Sequence[int]) -> None:
        """Append a permutation."""
        self.sizes = [self.sizes[dim] for dim in order]
        self.emit("aten.permute", dims=ArrayAttr(IntegerAttr(dim, i64) for dim in order))


def size_attr(size: Size) -> Attribute:
    """A size as a property: a number, or the text of an expression."""
    return IntegerAttr(size, i64) if isinstance(size, int) else StringAttr(size)


def plan_view(view: View) -> list[Step] | None:
    """The canonical chain from ``view.base``: the first of the shortest, None where there is none."""
    if whole(view.base).regrouped(view.sizes) == view:
        return [Step("aten.reshape", {}, view.sizes)] if view.sizes != shape(view.base) else []
    plans = [plan_chain(view, keep_single=single, keep_ones=ones) for single in (False, True) for ones in (False, True)]
    return min((plan for plan in plans if plan is not None), key=len, default=None)


def plan_chain(view: View, *, keep_single: bool, keep_ones: bool) -> list[Step] | None:
    """One chain.

    ``keep_single``: a single element of a dim is cut with a slice, else selected.  ``keep_ones``: dims of size 1 stay
    where other dims are split, else they go with the same reshape.
    """
    chain = Chain(list(shape(view.base)), [])
    splits = list[Split]()
    for base_dim in reversed(range(len(chain.sizes))):
        pieces = outermost_first([piece for axis in view.axes for piece in axis if piece.dim == base_dim])
        if pieces is None:
            return None
        full, offset = chain.sizes[base_dim], view.offsets[base_dim]
        if not pieces and full != 1 and not keep_single:
            chain.select(base_dim, offset)
            continue
        if len(pieces) < 2 or is_dense(pieces):
            chain.cut(base_dim, (offset, axis_size(tuple(pieces)), pieces[0].stride if len(pieces) == 1 else 1))
            split = uncut(pieces)
        else:
            split = split_dim(pieces, full, offset)
        if split is None:
            return None
        splits.insert(0, split)
    if not keep_ones and any(len(split.sizes) > 1 for split in splits):
        splits = [split for split in splits if split.dims != [ONE]]
    chain.reshape([size for split in splits for size in split.sizes])
    chain.dims = [dim for split in splits for dim in split.dims]
    for dim, cut in enumerate(cut for split in splits for cut in split.cuts):
        chain.cut(dim, cut)
    arrange(chain, view)
    return chain.steps


def outermost_first(pieces: Sequence[Piece]) -> list[Piece] | None:
    """The pieces of one base dim, largest stride first; None if they overlap or cannot be compared."""
    for order in permutations(pieces):
        if all(fits(outer, inner) for outer, inner in pairwise(order)):
            return list(order)
    return None


def fits(outer: Piece, inner: Piece) -> bool:
    """Whether all of ``inner`` lies within one step of ``outer``."""
    extent = mul(inner.stride, inner.size)
    if isinstance(extent, int) and isinstance(outer.stride, int):
        return extent <= outer.stride
    return divide_exact(outer.stride, extent) is not None


def is_dense(pieces: Sequence[Piece]) -> bool:
    """Whether the pieces of one dim are together one run of neighbours."""
    return pieces[-1].stride == 1 and all(
        outer.stride == mul(inner.stride, inner.size) for outer, inner in pairwise(pieces)
    )


def uncut(pieces: Sequence[Piece]) -> Split:
    """A dim that has been cut to its pieces already."""
    sizes: list[Size] = [piece.size for piece in pieces] or [1]
    return Split(sizes, [(piece,) for piece in pieces] or [ONE], [(0, size, 1) for size in sizes])


def split_dim(pieces: Sequence[Piece], full: Size, offset: Size) -> Split | None:
    """Split a dim at the pieces' strides; None where they do not divide it."""
    sizes = list[Size]()
    cuts = list[Cut]()
    for piece in pieces[:-1]:
        count, skipped = divide_exact(full, piece.stride), divided(offset, piece.stride)
        if count is None or skipped is None:
            return None
        sizes.append(count)
        cuts.append((skipped[0], piece.size, 1))
        full, offset = piece.stride, skipped[1]
    sizes.append(full)
    cuts.append((offset, pieces[-1].size, pieces[-1].stride))
    return Split(sizes, [(piece,) for piece in pieces], cuts)


def divided(offset: Size, stride: Size) -> tuple[Size, Size] | None:
    """Quotient and rest of an offset; None where a symbol leaves them open."""
    if isinstance(offset, int) and isinstance(stride, int):
        return divmod(offset, stride)
    quotient = divide_exact(offset, stride)
    return None if quotient is None else (quotient, 0)


def arrange(chain: Chain, view: View) -> None:
    """Put the dims in the view's order, repeat what it repeats, and group them as it does."""
    wanted = [piece for axis in view.axes for piece in (axis or (Piece(None, 1, 0),))]
    runs = [(piece,) for piece in wanted if piece.dim is not None]
    ones = [dim for dim, axis in enumerate(chain.dims) if axis == ONE]
    if [axis for axis in chain.dims if axis != ONE] != runs:
        order = [*ones, *(chain.dims.index(axis) for axis in runs)]
        if len(ones) == len(wanted) - len(runs):
            spare = iter(ones)
            order = [next(spare) if piece.dim is None else chain.dims.index((piece,)) for piece in wanted]
        chain.permute(order)
    single: list[Size] = [1 if piece.dim is None else piece.size for piece in wanted]
    repeated: list[Size] = [piece.size for piece in wanted]
    if repeated != single:
        # expand puts new dims in front by itself, not elsewhere
        if chain.sizes != single[len(single) - len(chain.sizes) :]:
            chain.reshape(single)
        chain.sizes = repeated
        chain.emit("aten.expand")
    chain.reshape(view.sizes)


def build_view(ctx: CompileContext, view: View) -> list[Operation] | None:
    """The canonical chain of a view as detached ops ([] for the base itself), None where there is none.

    The result is checked against the view by the algebra that reads views.
    """
    steps = plan_view(view)
    if steps is None:
        return None
    ops, value = list[Operation](), view.base
    for step in steps:
        kind = with_sizes(as_tensor(view.base), step.sizes)
        op = aten_class(ctx, step.name).build_from({"self": value}, step.properties, [kind])
        ops.append(op)
        value = op.results[0]
    if view_of(value) == view:
        return ops
    discard(ops)
    return None


def discard(ops: Sequence[Operation]) -> None:
    """Give up those of a chain's ops that stand nowhere: else their operands would count them as readers for ever."""
    for op in ops:
        if op.parent is None:
            op.drop_all_references()
