"""View-like ``aten`` ops as data: which part of which value a tensor is, whatever chain of views spells it.

``split(transpose(view(y, [B, S, 128, 256]), 1, 2), [128, 128])[1]`` is ``%y[0][2 step 256 x 128][1][2 x 128 + 128]``.
Two spellings of one access get one description, so that raising compares descriptions and not op sequences.  The
algebra is in ``dsv3c.ir.strided``; here is what each op does in it, as a table.

A rule that cannot express its op (a reshape across a gap, a start that is not provably inside) says None, and the
op's result is then described as a value of its own: nothing is ever assumed about it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr
from xdsl.ir import Operation, OpResult, SSAValue
from xdsl.utils.hints import isa

from dsv3c.ir.errors import IRError, at
from dsv3c.ir.sizes import Size, add, ceildiv, mul, parse_size, sub
from dsv3c.ir.strided import Axis, Piece, View, is_identity, merged, whole
from dsv3c.ir.types import shape

__all__ = ["RULES", "Axis", "Joined", "Piece", "View", "is_identity", "joined_views", "same_data", "view_of", "whole"]

Rule = Callable[[Operation, int, View], View | None]
"""(op, index of the result, view of the first operand) -> view of that result."""

UNBOUNDED = 2**62
"""Ends at or above this mean "to the end": torch.export writes ``x[1:]`` with end 2**63 - 1."""


def view_of(value: SSAValue) -> View:
    """Follow views from a tensor value up to the value that owns the data."""
    if not isinstance(value, OpResult) or (rule := RULES.get(value.op.name)) is None:
        return whole(value)
    view = rule(value.op, value.index, view_of(value.op.operands[0]))
    # the types are written by whoever wrote the text: a view that contradicts them describes nothing
    return view if view is not None and view.sizes == shape(value) else whole(value)


def same_data(left: SSAValue, right: SSAValue) -> bool:
    """Whether two values provably hold the same elements in the same shape; False means "not proved"."""
    return left is right or view_of(left) == view_of(right)


@dataclass(frozen=True)
class Joined:
    """A value as the concatenation of ``parts`` along its dim ``dim``; each part is laid out as the value is."""

    dim: int
    parts: tuple[View, ...]


def joined_views(value: SSAValue) -> Joined | None:
    """Return the parts of a concatenation, views of the joined value included (transposed after cat or before).

    None if ``value`` is no view of an ``aten.cat`` that keeps the joined dim whole and by itself.
    """
    outer = view_of(value)
    cat = outer.base.owner
    if not isinstance(cat, Operation) or cat.name not in ("aten.cat", "aten.concat"):
        return None
    sizes = shape(outer.base)
    joined = checked_dim(cat, "dim", integer(cat, "dim", 0), len(sizes))
    dims = [dim for dim, axis in enumerate(outer.axes) if axis == (Piece(joined, sizes[joined]),)]
    if len(dims) != 1 or outer.offsets[joined] != 0:
        return None
    parts = list[View]()
    for operand in cat.operands:
        part = view_of(operand)
        if len(part.axes) != len(sizes) or (laid_out := compose(outer, part, joined)) is None:
            return None
        parts.append(laid_out)
    return Joined(dims[0], tuple(parts))


def compose(outer: View, inner: View, joined: int) -> View | None:
    """Return ``outer`` with ``inner`` in place of its base; dim ``joined`` may differ in size and is taken whole."""
    sizes = shape(outer.base)
    offsets = list(inner.offsets)
    for dim, offset in enumerate(outer.offsets):
        if offset == 0:
            continue
        if len(inner.axes[dim]) != 1:
            return None
        (piece,) = inner.axes[dim]
        if piece.dim is not None:
            offsets[piece.dim] = add(offsets[piece.dim], mul(offset, piece.stride))
    axes = list[Axis]()
    for outer_axis in outer.axes:
        axis = list[Piece]()
        for piece in outer_axis:
            if piece.dim is None:
                axis.append(piece)
                continue
            below = inner.axes[piece.dim]
            if piece.dim == joined or piece == Piece(piece.dim, sizes[piece.dim]):
                axis += below
            elif len(below) == 1:
                axis.append(Piece(below[0].dim, piece.size, mul(piece.stride, below[0].stride)))
            else:
                return None
        axes.append(merged(tuple(axis)))
    return View(inner.base, tuple(axes), tuple(offsets))


def identity(_op: Operation, _result: int, view: View) -> View:
    """clone, contiguous and their like: other memory, the same elements."""
    return view


def regroup(op: Operation, result: int, view: View) -> View | None:
    """view, reshape, flatten, unflatten: the same pieces dealt out to the sizes of the result type."""
    return view.regrouped(shape(op.results[result]))


def transpose(op: Operation, _result: int, view: View) -> View:
    """transpose.int: exchange two dims."""
    return exchanged(view, dim_argument(op, "dim0", view), dim_argument(op, "dim1", view))


def swap_axes(op: Operation, _result: int, view: View) -> View:
    """swapaxes: transpose.int with other argument names."""
    return exchanged(view, dim_argument(op, "axis0", view), dim_argument(op, "axis1", view))


def transpose_last(_op: Operation, _result: int, view: View) -> View:
    """t and mT: exchange the last two dims; t leaves vectors and scalars alone."""
    return exchanged(view, -1, -2) if len(view.axes) > 1 else view


def exchanged(view: View, first: int, second: int) -> View:
    """Exchange two dims, counted from the end if negative."""
    order = list(range(len(view.axes)))
    if order:
        order[first], order[second] = order[second], order[first]
    return view.permuted(order)


def reverse(_op: Operation, _result: int, view: View) -> View:
    """numpy_T: all dims in reverse."""
    return view.permuted(range(len(view.axes))[::-1])


def permute(op: Operation, _result: int, view: View) -> View:
    """permute: dim i of the result is dim ``dims[i]``."""
    rank = len(view.axes)
    order = [checked_dim(op, "dims", dim, rank) for dim in integers(op, "dims")]
    if sorted(order) != list(range(rank)):
        raise IRError(f"{op.name}: dims = {integers(op, 'dims')} does not name each of {rank} dims once", where=at(op))
    return view.permuted(order)


def move_dim(op: Operation, _result: int, view: View) -> View:
    """movedim: dim ``source`` goes to ``destination``, the others keep their order."""
    source, destination = dim_argument(op, "source", view), dim_argument(op, "destination", view)
    order = list(range(len(view.axes)))
    if order:
        order.insert(destination, order.pop(source))
    return view.permuted(order)


def unsqueeze(op: Operation, _result: int, view: View) -> View:
    """unsqueeze: a new dim of size 1."""
    return view.inserted(checked_dim(op, "dim", integer(op, "dim"), len(view.axes) + 1))


def squeeze(op: Operation, _result: int, view: View) -> View:
    """squeeze, squeeze.dim, squeeze.dims: those of the named dims (default all) that have size 1 go."""
    rank = len(view.axes)
    match op.properties.get("dim"):
        case IntegerAttr():
            dims: Sequence[int] = [integer(op, "dim")]
        case ArrayAttr():
            dims = integers(op, "dim")
        case _:
            dims = range(rank)
    return view.removed([checked_dim(op, "dim", dim, rank) for dim in dims] if rank else [])


def expand(op: Operation, result: int, view: View) -> View | None:
    """expand and expand_as: repeat to the sizes of the result type."""
    sizes = shape(op.results[result])
    return view.broadcast(sizes) if len(sizes) >= len(view.axes) else None


def slice_dim(op: Operation, _result: int, view: View) -> View | None:
    """slice.Tensor, by Python's rules."""
    dim, size = dim_and_size(op, view)
    step = size_argument(op, "step", 1)
    start = position_in(size, size_argument(op, "start", 0))
    end = position_in(size, size_argument(op, "end", UNBOUNDED))
    if not isinstance(step, int):
        return None
    length = ceildiv(sub(end, start), step)
    if isinstance(length, int):
        length = max(length, 0)
    # a symbolic size may be smaller than the positions written; then PyTorch clamps, and view_of sees the length differ
    return view.cut(dim, start, length, step)


def position_in(size: Size, position: Size) -> Size:
    """Return a slice position counted from the start and, where the size is known, clamped to it."""
    if isinstance(position, str):
        return position
    if position >= UNBOUNDED:
        return size
    if isinstance(size, str):
        return add(size, position) if position < 0 else position
    return min(max(position + size if position < 0 else position, 0), size)


def narrow(op: Operation, _result: int, view: View) -> View | None:
    """narrow: ``length`` elements from ``start`` on."""
    dim, size = dim_and_size(op, view)
    return view.cut(dim, position_in(size, size_argument(op, "start")), size_argument(op, "length"))


def select(op: Operation, _result: int, view: View) -> View | None:
    """select.int: one element of a dim, which goes."""
    dim, size = dim_and_size(op, view)
    index = size_argument(op, "index")
    if isinstance(index, int) and index < 0:
        index = add(size, index)
    return element(view, dim, index)


def unbind(op: Operation, result: int, view: View) -> View | None:
    """unbind.int: result i is element i of a dim, which goes."""
    return element(view, dim_and_size(op, view)[0], result)


def element(view: View, dim: int, index: Size) -> View | None:
    """Return the view without dim ``dim``, taken at ``index``."""
    one = view.cut(dim, index, 1)
    return None if one is None else one.removed([dim])


def part(op: Operation, result: int, view: View) -> View | None:
    """split, split_with_sizes, chunk: a part starts where the parts before it end."""
    dim, _ = dim_and_size(op, view)
    sizes = [shape(other)[dim] for other in op.results[: result + 1]]
    return view.cut(dim, reduce(add, sizes[:-1], 0), sizes[-1])


RULES: dict[str, Rule] = {
    "aten._unsafe_view": regroup,
    "aten.alias": identity,
    "aten.chunk": part,
    "aten.clone": identity,
    "aten.contiguous": identity,
    "aten.detach": identity,
    "aten.expand": expand,
    "aten.expand_as": expand,
    "aten.flatten.using_ints": regroup,
    "aten.mT": transpose_last,
    "aten.movedim.int": move_dim,
    "aten.narrow": narrow,
    "aten.numpy_T": reverse,
    "aten.permute": permute,
    "aten.reshape": regroup,
    "aten.reshape_as": regroup,
    "aten.select.int": select,
    "aten.slice.Tensor": slice_dim,
    "aten.split.Tensor": part,
    "aten.split.sizes": part,
    "aten.split_with_sizes": part,
    "aten.squeeze": squeeze,
    "aten.squeeze.dim": squeeze,
    "aten.squeeze.dims": squeeze,
    "aten.swapaxes": swap_axes,
    "aten.swapdims": transpose,
    "aten.t": transpose_last,
    "aten.transpose.int": transpose,
    "aten.unbind.int": unbind,
    "aten.unflatten.int": regroup,
    "aten.unsqueeze": unsqueeze,
    "aten.view": regroup,
    "aten.view_as": regroup,
}
"""By op name, because the classes of ``aten`` are made on first use."""


def checked_dim(op: Operation, name: str, dim: int, rank: int) -> int:
    """Return ``dim`` counted from the start; a scalar counts as one.  Raises ``IRError`` if there is none such."""
    rank = max(rank, 1)
    if not -rank <= dim < rank:
        raise IRError(f"{op.name}: {name} = {dim} is not a dim of a tensor with {rank}", where=at(op))
    return dim % rank


def dim_argument(op: Operation, name: str, view: View, default: int | None = None) -> int:
    """Return a dim of the operand, counted from the start.  Raises ``IRError`` if there is no such dim."""
    return checked_dim(op, name, integer(op, name, default), len(view.axes))


def dim_and_size(op: Operation, view: View) -> tuple[int, Size]:
    """Return the op's ``dim`` (default 0) counted from the start, and the size of that dim of its operand."""
    dim = dim_argument(op, "dim", view, 0)
    if dim >= len(view.axes):
        raise IRError(f"{op.name}: a scalar has no dim to take a part of", where=at(op))
    return dim, view.sizes[dim]


def integer(op: Operation, name: str, default: int | None = None) -> int:
    """Return an integer argument; an absent one has the schema's default."""
    attribute = op.properties.get(name)
    if attribute is None and default is not None:
        return default
    assert isinstance(attribute, IntegerAttr), f"{op.name}: {name} is {attribute}"
    return attribute.value.data


def integers(op: Operation, name: str) -> list[int]:
    """Return a list of integers."""
    attribute = op.properties[name]
    assert isa(attribute, ArrayAttr[IntegerAttr]), f"{op.name}: {name} is {attribute}"
    return [item.value.data for item in attribute]


def size_argument(op: Operation, name: str, default: int | None = None) -> Size:
    """Return an integer or named size argument."""
    attribute = op.properties.get(name)
    if isinstance(attribute, StringAttr):
        return parse_size(attribute.data)
    return integer(op, name, default)
