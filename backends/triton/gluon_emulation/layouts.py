"""Shapes and layouts of blocks: carried along, and compared where Gluon compares them."""

from collections.abc import Sequence
from typing import Any, SupportsIndex

from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon_emulation.errors import EmulationError


class Shape(list[int]):
    """Sizes, as kernels read them: they are added to lists and to tuples."""

    def __add__(self, other: Any) -> Any:
        return Shape([*self, *other])

    def __radd__(self, other: Any) -> Any:
        return Shape([*other, *self])

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return hash(tuple(self))


def frozen(layout: Any) -> Any:
    """A layout as plain tuples: lists and tuples are the same layout."""
    if isinstance(layout, (list, tuple)):
        return tuple(frozen(entry) for entry in layout)
    if hasattr(layout, "__dict__"):
        return (type(layout).__name__, *((name, frozen(entry)) for name, entry in sorted(vars(layout).items())))
    return layout


def same_layout(a: Any, b: Any) -> bool:
    """Whether two layouts agree; an unknown one (None) agrees with all."""
    open_ended = (type(None), gl.AutoLayout, gl.CoalescedLayout)
    return a is b or isinstance(a, open_ended) or isinstance(b, open_ended) or frozen(a) == frozen(b)


def expanded_layout(layout: Any, axis: int) -> Any:
    """The layout of a block with a new dim.  Raises EmulationError where Gluon has none."""
    if layout is None or isinstance(layout, (gl.AutoLayout, gl.CoalescedLayout)):
        return layout
    if not isinstance(layout, gl.SliceLayout):
        raise EmulationError(f"a new dim needs a SliceLayout, not {layout}")
    if layout.dim != axis:
        raise EmulationError(f"the layout is sliced in dim {layout.dim}, the new dim is {axis}")
    return layout.parent


def check_block(shape: Sequence[SupportsIndex], layout: Any) -> None:
    """Raises EmulationError for a shape or layout that no block has."""
    sizes = [int(size) for size in shape]
    if any(size <= 0 or size & (size - 1) for size in sizes):
        raise EmulationError(f"a block of shape {sizes}: sizes are powers of two")
    if layout is None or isinstance(layout, (gl.AutoLayout, gl.CoalescedLayout)):
        return
    if layout.rank != len(sizes):
        raise EmulationError(f"a block of shape {sizes} in a layout of {layout.rank} dims: {layout}")
