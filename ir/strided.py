"""Strided views as data: which elements of which value a tensor holds, and the algebra of cutting and regrouping.

Per dim, a view lists the *pieces* of the base's dims it runs over, outermost first.  Element ``i`` of the view is the
base element whose index in dim d is ``offsets[d] + sum(stride * i_piece)`` over the pieces of d.  The form is
canonical: two views of one base that read the same elements in the same layout are equal wherever the algebra can
express both.  The idea of deriving access from shape and strides is that of ``torch.as_strided``; here strides are
per base dim, so that they stay meaningful for symbolic sizes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from xdsl.ir import SSAValue

from dsv3c.ir.sizes import Size, add, divide_exact, mul
from dsv3c.ir.types import shape


@dataclass(frozen=True)
class Piece:
    """``size`` elements of dim ``dim`` of the base, ``stride`` apart; ``dim`` None repeats one element (stride 0)."""

    dim: int | None
    size: Size
    stride: Size = 1


Axis = tuple[Piece, ...]
"""The pieces of one dim of a view, outermost first; a dim of size 1 has none, so it can come and go freely."""


@dataclass(frozen=True)
class View:
    """A tensor as a part of ``base``: ``axes`` per dim of the view, ``offsets`` per dim of the base."""

    base: SSAValue
    axes: tuple[Axis, ...]
    offsets: tuple[Size, ...]

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The sizes of the view."""
        return tuple(axis_size(axis) for axis in self.axes)

    def permuted(self, order: Sequence[int]) -> "View":
        """Return the view whose dim i is dim ``order[i]`` of this one."""
        return replace(self, axes=tuple(self.axes[dim] for dim in order))

    def inserted(self, dim: int) -> "View":
        """Return the view with a dim of size 1 before dim ``dim``."""
        return replace(self, axes=(*self.axes[:dim], (), *self.axes[dim:]))

    def removed(self, dims: Iterable[int]) -> "View":
        """Return the view without those of ``dims`` that have size 1."""
        gone = {dim for dim in dims if not self.axes[dim]}
        return replace(self, axes=tuple(axis for dim, axis in enumerate(self.axes) if dim not in gone))

    def broadcast(self, sizes: Sequence[Size]) -> "View":
        """Return the view expanded to ``sizes``: new leading dims and dims of size 1 repeat their element."""
        old = ((),) * (len(sizes) - len(self.axes)) + self.axes
        axes = (axis or axis_of(Piece(None, size, 0)) for axis, size in zip(old, sizes, strict=True))
        return replace(self, axes=tuple(axes))

    def cut(self, dim: int, start: Size, size: Size, step: int = 1) -> "View | None":
        """Return elements ``start, start + step, ...`` (``size`` of them) of dim ``dim``.

        None if they are not strided or, as far as the sizes are numbers, not inside the dim.
        """
        offsets, full = list(self.offsets), axis_size(self.axes[dim])
        if isinstance(start, int) and start < 0:
            return None
        if isinstance(start, int) and isinstance(size, int) and isinstance(full, int):
            last = start + (size - 1) * step
            if size > 0 and last >= full:
                return None
        axis = cut_axis(self.axes[dim], offsets, start, size, step)
        if axis is None:
            return None
        return View(self.base, (*self.axes[:dim], axis, *self.axes[dim + 1 :]), tuple(offsets))

    def regrouped(self, sizes: Sequence[Size]) -> "View | None":
        """Return the same elements in row-major order dealt out to ``sizes``, or None if that is not strided."""
        axes = regroup_pieces([piece for axis in self.axes for piece in axis], sizes)
        return None if axes is None else replace(self, axes=axes)

    def __str__(self) -> str:
        """Return e.g. ``%kv[0][2 step 256 x 128][1][2 x 128 + 128]``: sizes unless whole, offsets unless 0."""
        return f"%{self.base.name_hint or '?'}" + "".join(f"[{text}]" for text in axis_texts(self))


def whole(value: SSAValue) -> View:
    """Return a tensor value as a view of itself."""
    sizes = shape(value)
    return View(value, tuple(axis_of(Piece(dim, size)) for dim, size in enumerate(sizes)), (0,) * len(sizes))


def is_identity(view: View) -> bool:
    """Whether a view is its whole base in the base's own shape."""
    return view == whole(view.base)


def axis_of(piece: Piece) -> Axis:
    """Return a dim that runs over one piece."""
    return () if piece.size == 1 else (piece,)


def axis_size(axis: Axis) -> Size:
    """Return the number of elements of a dim."""
    return reduce(mul, (piece.size for piece in axis), 1)


def merged(axis: Axis) -> Axis:
    """Join neighbours: ``[2 step 256 x 128, 2 x 256]`` is ``[2 x 32768]``; else a reshape and its inverse stay."""
    result = list[Piece]()
    for piece in axis:
        if result and result[-1].dim == piece.dim and result[-1].stride == mul(piece.stride, piece.size):
            piece = replace(piece, size=mul(result.pop().size, piece.size))
        result.append(piece)
    return tuple(result)


def cut_axis(axis: Axis, offsets: list[Size], start: Size, size: Size, step: int) -> Axis | None:
    """``View.cut`` for one dim; adds what is skipped to ``offsets``."""
    if not axis:
        return () if start == 0 and size == 1 else None
    head, tail = axis[0], axis[1:]
    if not tail:
        skip(head, start, offsets)
        return axis_of(replace(head, size=size, stride=mul(head.stride, step)))
    inner = axis_size(tail)
    outer_start, outer_size = divide_exact(start, inner), divide_exact(size, inner)
    if step == 1 and outer_start is not None and outer_size is not None:
        skip(head, outer_start, offsets)
        return merged((*axis_of(replace(head, size=outer_size)), *tail))
    if isinstance(start, int) and isinstance(size, int) and isinstance(inner, int):
        row, column = divmod(start, inner)
        if column + (size - 1) * step < inner:
            skip(head, row, offsets)
            return cut_axis(tail, offsets, column, size, step)
    return None


def skip(piece: Piece, count: Size, offsets: list[Size]) -> None:
    """Move the start by ``count`` elements of ``piece``; every element of a repeated one is the same."""
    if piece.dim is not None:
        offsets[piece.dim] = add(offsets[piece.dim], mul(piece.stride, count))


def regroup_pieces(pieces: Sequence[Piece], sizes: Sequence[Size]) -> tuple[Axis, ...] | None:
    """Deal pieces out to sizes in order, splitting a piece where a size ends inside it."""
    # joined first: [2, 3, 3] regroups to [9, 2] only as the 18 elements they are together
    rest, result = list(merged(tuple(pieces))), list[Axis]()
    for size in sizes:
        axis, missing = list[Piece](), size
        while missing != 1:
            if not rest:
                return None
            piece = rest.pop(0)
            if (left := divide_exact(missing, piece.size)) is None:
                inner = divide_exact(piece.size, missing)
                if inner is None:
                    return None
                rest.insert(0, replace(piece, size=inner))
                piece, left = replace(piece, size=missing, stride=mul(piece.stride, inner)), 1
            axis.append(piece)
            missing = left
        result.append(tuple(axis))
    return None if rest else tuple(result)


def axis_texts(view: View) -> list[str]:
    """Return the text of each dim, then of each base dim that was indexed away (``1 at 3``)."""
    base_sizes = shape(view.base)
    last = {piece.dim: piece for axis in view.axes for piece in axis}
    texts = list[str]()
    for axis in view.axes:
        parts = list[str]()
        for piece in axis:
            offset = view.offsets[piece.dim] if piece.dim is not None and last[piece.dim] is piece else 0
            parts.append(piece_text(piece, offset, base_sizes))
        texts.append(", ".join(parts))
    gone = (dim for dim, offset in enumerate(view.offsets) if offset != 0 and dim not in last)
    return [*texts, *(f"{dim} at {view.offsets[dim]}" for dim in gone)]


def piece_text(piece: Piece, offset: Size, base_sizes: Sequence[Size]) -> str:
    """Return ``2`` for a whole dim, ``2 step 256 x 128 + 128`` for a part, ``broadcast x 8`` for a repetition."""
    if piece.dim is None:
        return f"broadcast x {grouped(piece.size)}"
    text = str(piece.dim)
    if piece.stride != 1:
        text += f" step {grouped(piece.stride)}"
    if piece.stride != 1 or piece.size != base_sizes[piece.dim]:
        text += f" x {grouped(piece.size)}"
    return text if offset == 0 else f"{text} + {grouped(offset)}"


def grouped(size: Size) -> str:
    """Return a size as text, sums in parentheses."""
    return f"({size})" if isinstance(size, str) and " " in size else str(size)
