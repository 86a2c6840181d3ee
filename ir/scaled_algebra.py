"""What cutting, transposing, regrouping and joining do to a grid of scales: the exact type of the result, or a refusal.

The law: where a function here returns a type, taking the same part of the data and of the grid gives the value that
taking the part of the dequantised tensor gives, bit for bit.  Blocks are taken whole, or not at all; the last block of
a dim may be partial and stays so.  Nothing infers a granule from sizes: the operation says where elements go, and the
granule follows or the operation is refused.

The grid of a result is made as its data is: a slice of it from ``start // granule``, its transpose, its reshape to
``result.grid()``, the concatenation of the grids.  The law is about values.  A dim of granule ``*`` may be cut, and
its part keeps the scale of the whole; quantising the part anew would find another (see ``keeps_blocks``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dsv3c.ir.dialects.common import show
from dsv3c.ir.scaled_type import WHOLE, ScaledType, show_granule
from dsv3c.ir.sizes import Size, add, divide_exact, mul
from dsv3c.ir.strided import Axis, Piece, View, axis_size, regroup_pieces
from dsv3c.ir.types import tensor_type


@dataclass(frozen=True)
class Refused:
    """An operation that blocks of scales do not survive."""

    reason: str
    """What is in the way, as half a sentence."""


Derived = ScaledType | Refused


def sliced(type: ScaledType, dim: int, start: Size, size: Size) -> Derived:
    """The type of elements ``start .. start + size`` of a dim: whole blocks, or up to the end of the dim."""
    full = type.sizes[dim]
    end = add(start, size)
    if isinstance(full, int) and isinstance(end, int) and end > full:
        return Refused(f"{start}..{end} is not inside {full} elements of dim {dim}")
    axes, offsets = whole_axes(type), [0 if index != dim else start for index in range(len(type.sizes))]
    axes[dim] = (Piece(dim, size),)
    return of_axes(type, axes, offsets)


def transposed(type: ScaledType, order: Sequence[int] | None = None) -> Derived:
    """The type whose dim i is dim ``order[i]``; without an order the last two dims are exchanged."""
    axes = whole_axes(type)
    if order is None:
        order = [*range(len(axes) - 2), len(axes) - 1, len(axes) - 2]
    return of_axes(type, [axes[dim] for dim in order], [0] * len(axes))


def regrouped(type: ScaledType, sizes: Sequence[Size]) -> Derived:
    """The type of the same elements in row-major order dealt out to ``sizes``."""
    axes = regroup_pieces([piece for axis in whole_axes(type) for piece in axis if piece.size != 1], sizes)
    if axes is None:
        return Refused(f"{show(type.sizes)} does not regroup to {show(sizes)} dim by dim")
    return of_axes(type, axes, [0] * len(type.sizes))


def concatenated(types: Sequence[ScaledType], dim: int) -> Derived:
    """The type of several values one after the other along a dim: every part but the last ends with a whole block."""
    first = types[0]
    for other in types[1:]:
        if (found := difference(first, other, dim)) is not None:
            return Refused(found)
    if first.layout_name != "row":
        return Refused(f"the scales are in {first.layout_name} layout: relayout them to row first")
    granule = first.granules[dim]
    if granule == WHOLE and len(types) > 1:
        return Refused(f"each of {len(types)} parts has one scale for all of dim {dim}")
    total = first.sizes[dim]
    for before, part in pairwise(types):
        if divide_exact(before.sizes[dim], granule) is None:
            return Refused(f"a part of {before.sizes[dim]} ends inside a block of {granule} along dim {dim}")
        total = add(total, part.sizes[dim])
    sizes = [*first.sizes[:dim], total, *first.sizes[dim + 1 :]]
    return first.with_data(tensor_type(sizes, first.element))


def difference(first: ScaledType, other: ScaledType, dim: int) -> str | None:
    """Why two types cannot be parts of one value joined along a dim; None where they can."""
    if first.element != other.element:
        return f"data differs: {first.element} and {other.element}"
    if first.scale != other.scale:
        return f"scales differ: {first.scale} and {other.scale}"
    if first.granules != other.granules:
        return f"granules differ: {show_granule(first.granules)} and {show_granule(other.granules)}"
    if first.layout_name != other.layout_name:
        return f"layouts of scales differ: {first.layout_name} and {other.layout_name}"
    if any(left != right for at, (left, right) in enumerate(zip(first.sizes, other.sizes, strict=True)) if at != dim):
        return f"sizes differ: {show(first.sizes)} and {show(other.sizes)}"
    return None


def sharded(type: ScaledType, dim: int, parts: int) -> Derived:
    """The type of each of ``parts`` equal parts of a dim, every one of them whole blocks."""
    if parts < 1:
        return Refused(f"{parts} parts")
    size, granule = divide_exact(type.sizes[dim], parts), type.granules[dim]
    if size is None:
        return Refused(f"{type.sizes[dim]} elements of dim {dim} are not {parts} equal parts")
    if parts > 1 and granule != WHOLE and divide_exact(size, granule) is None:
        return Refused(f"a part of {size} ends inside a block of {granule} along dim {dim}")
    return sliced(type, dim, 0, size)


def of_view(type: ScaledType, view: View) -> Derived:
    """The type of a view of a value of this type."""
    return of_axes(type, view.axes, view.offsets)


def keeps_blocks(type: ScaledType, view: View) -> bool:
    """Whether quantising a view gives the view of what was quantised: no block is cut, one of ``*`` included.

    To be asked where ``of_view`` gives a type.
    """
    counts: list[Size] = [1] * len(type.sizes)
    for piece in (piece for axis in view.axes for piece in axis):
        if piece.dim is not None:
            counts[piece.dim] = mul(counts[piece.dim], piece.size)
    return all(
        granule != WHOLE or count == size
        for granule, count, size in zip(type.granules, counts, type.sizes, strict=True)
    )


def whole_axes(type: ScaledType) -> list[Axis]:
    """The axes of the whole value; dims of size 1 keep their piece, and so their granule."""
    return [(Piece(dim, size),) for dim, size in enumerate(type.sizes)]


def of_axes(type: ScaledType, axes: Sequence[Axis], offsets: Sequence[Size]) -> Derived:
    """The type of the part that axes and offsets describe (``dsv3c.ir.strided``)."""
    if type.layout_name != "row":
        return Refused(f"the scales are in {type.layout_name} layout: relayout them to row first")
    granule_of = dict[Piece, int]()
    for dim, (size, granule, offset) in enumerate(zip(type.sizes, type.granules, offsets, strict=True)):
        pieces = [piece for axis in axes for piece in axis if piece.dim == dim]
        found = piece_granules(size, granule, pieces, offset)
        if isinstance(found, str):
            return Refused(f"{found} along dim {dim}")
        granule_of.update(zip(pieces, found, strict=True))
    granules = list[int]()
    for axis in axes:
        joined = joined_granule([(piece.size, granule_of.get(piece, WHOLE)) for piece in axis])
        if joined is None:
            return Refused(
                f"{show([piece.size for piece in axis])} become one dim, whose blocks would not be runs of it"
            )
        granules.append(joined)
    return ScaledType.make(tensor_type([axis_size(axis) for axis in axes], type.element), granules, type.scale)


def piece_granules(size: Size, granule: int, pieces: Sequence[Piece], offset: Size) -> list[int] | str:
    """The granule of each piece of one dim, or what is in the way.

    Element ``i`` of a piece is ``stride * i`` elements further.  Where the stride is whole blocks each has its own
    scale; where strides make up a block, ``granule // stride`` neighbours share one.
    """
    if granule in (1, WHOLE):
        return [granule] * len(pieces)
    if [piece.size for piece in pieces] == [size] and offset == 0:
        return [granule]
    if divide_exact(offset, granule) is None:
        return f"a part starts at {offset}, inside a block of {granule}"
    inside = [piece for piece in pieces if divide_exact(piece.stride, granule) is None]
    span, rest = 1, list(inside)
    while rest:
        following = next((piece for piece in rest if piece.stride == span), None)
        if following is None:
            return f"a part takes elements {rest[-1].stride} apart, and leaves others of a block of {granule} out"
        rest.remove(following)
        span = mul(span, following.size)
    reaches_end = len(inside) == len(pieces) and add(offset, span) == size
    if divide_exact(span, granule) is None and not reaches_end:
        return f"a part of {span} ends inside a block of {granule}"
    found = list[int]()
    for piece in pieces:
        shared = 1 if piece not in inside else part_of_block(piece.stride, granule)
        if shared is None:
            return f"{piece.stride} elements are neither blocks of {granule} nor a part of one"
        found.append(min(shared, piece.size) if len(pieces) > 1 and isinstance(piece.size, int) else shared)
    return found


def part_of_block(stride: Size, granule: int) -> int | None:
    """How many strides make a block; None if none do."""
    return granule // stride if isinstance(stride, int) and granule % stride == 0 else None


def joined_granule(parts: Sequence[tuple[Size, int]]) -> int | None:
    """The granule of one dim that runs over (size, granule) parts, outermost first; None if there is none.

    Blocks of an inner part that divide it go on; an inner part that is one block makes blocks of several of it.
    """
    size, granule = parts[-1] if parts else (1, 1)
    for outer, step in reversed(parts[:-1]):
        is_one_block = granule == WHOLE or (isinstance(size, int) and granule >= size)
        if is_one_block and step == WHOLE:
            granule = WHOLE
        elif is_one_block and isinstance(size, int):
            granule = step * size
        elif step != 1 or granule == WHOLE or divide_exact(size, granule) is None:
            return None
        size = mul(outer, size)
    return granule
