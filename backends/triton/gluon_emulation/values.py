"""Values in registers: blocks and scalars with Triton's types, and pointers; every operation makes a new one."""

from collections.abc import Callable
from typing import Any

import torch
import triton.language as tl
from torch import Tensor
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon_emulation.elements import (
    ELEMENTS,
    INTEGERS,
    Number,
    common_type,
    convert,
    reread,
    torch_type,
    type_of_number,
)
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError, Unknown
from dsv3c.backends.triton.gluon_emulation.layouts import Shape, expanded_layout, same_layout

Operation = Callable[[Tensor, Tensor], Tensor]


def joined_layout(a: "Value", b: "Value") -> Any:
    """The layout of a block computed from two.  Raises EmulationError where they differ, as Gluon does."""
    if not a.shape or not b.shape:
        return a.layout if a.shape else b.layout
    if len(a.shape) != len(b.shape):
        raise EmulationError(f"cannot combine blocks of shapes {a.shape} and {b.shape}: Gluon adds no dims")
    if not same_layout(a.layout, b.layout):
        raise EmulationError(f"layouts differ: {a.layout} and {b.layout}; convert one of them")
    return b.layout if a.layout is None or isinstance(a.layout, gl.AutoLayout) else a.layout


class Value:
    """A scalar (no dims) or a block with a layout; ``layout`` None: one the emulator cannot name."""

    __slots__ = ("_data", "layout")

    def __init__(self, data: Tensor, layout: Any = None) -> None:
        self._data = data
        self.layout = layout

    @property
    def data(self) -> Tensor:
        """The numbers; never changed in place."""
        return self._data

    @property
    def shape(self) -> Shape:
        """Sizes of the dims."""
        return Shape(self.data.shape)

    @property
    def numel(self) -> int:
        """Number of elements."""
        return self.data.numel()

    @property
    def dtype(self) -> Any:
        """Triton's type of an element."""
        return ELEMENTS[self.data.dtype]

    @property
    def type(self) -> Any:
        """Triton's type of it."""
        if not self.shape:
            return self.dtype
        return gl.distributed_type(self.dtype, list(self.shape), self.layout or gl.AutoLayout())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __index__(self) -> int:
        if self.data.dtype not in INTEGERS:
            raise EmulationError(f"{self.dtype} where an integer is needed")
        return int(self.item())

    def item(self) -> Any:
        """A scalar's number.  Raises EmulationError for a block."""
        if self.shape:
            raise EmulationError(f"a block of shape {self.shape} where a scalar is needed")
        return self.data.item()

    def __repr__(self) -> str:
        return f"{self.dtype}{list(self.shape)}" if self.shape else f"{self.dtype}({self.item()})"

    # Arithmetic -------------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Any:
        return other.__radd__(self) if isinstance(other, Pointer) else binary(torch.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return binary(torch.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return binary(torch.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return binary(torch.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return binary(torch.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return binary(torch.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return true_division(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return true_division(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return whole_division(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return whole_division(other, self)

    def __mod__(self, other: Any) -> Any:
        return binary(nonzero(torch.fmod), self, other, divides=True)

    def __rmod__(self, other: Any) -> Any:
        return binary(nonzero(torch.fmod), other, self, divides=True)

    def __and__(self, other: Any) -> Any:
        return binary(torch.bitwise_and, self, other)

    def __rand__(self, other: Any) -> Any:
        return binary(torch.bitwise_and, other, self)

    def __or__(self, other: Any) -> Any:
        return binary(torch.bitwise_or, self, other)

    def __ror__(self, other: Any) -> Any:
        return binary(torch.bitwise_or, other, self)

    def __xor__(self, other: Any) -> Any:
        return binary(torch.bitwise_xor, self, other)

    def __rxor__(self, other: Any) -> Any:
        return binary(torch.bitwise_xor, other, self)

    def __lshift__(self, other: Any) -> Any:
        return binary(torch.bitwise_left_shift, self, other)

    def __rlshift__(self, other: Any) -> Any:
        return binary(torch.bitwise_left_shift, other, self)

    def __rshift__(self, other: Any) -> Any:
        return binary(torch.bitwise_right_shift, self, other)

    def __rrshift__(self, other: Any) -> Any:
        return binary(torch.bitwise_right_shift, other, self)

    def __eq__(self, other: Any) -> Any:
        return binary(torch.eq, self, other)

    def __ne__(self, other: Any) -> Any:
        return binary(torch.ne, self, other)

    def __lt__(self, other: Any) -> Any:
        return binary(torch.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return binary(torch.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return binary(torch.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return binary(torch.ge, self, other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # a block's comparison is a block

    def __neg__(self) -> Any:
        return Value(-self.data, self.layout)

    def __invert__(self) -> Any:
        return Value(~self.data, self.layout)

    # Shapes -----------------------------------------------------------------------------------------------------------

    def __getitem__(self, indices: Any) -> Any:
        """``x[:, None]`` and the like: only new dims of size one, as in Triton."""
        result: Value = self
        for axis, index in enumerate(indices if isinstance(indices, tuple) else (indices,)):
            if index is None:
                result = result.expand_dims(axis)
            elif index != slice(None):
                raise EmulationError(f"a block cannot be indexed by {index!r}: only by None and ':'")
        return result

    def expand_dims(self, axis: int) -> Any:
        """A dim of size one; the layout must be a slice of the wanted one in that dim."""
        rank = len(self.shape) + 1
        return self.reshaped(self.data.unsqueeze(axis), expanded_layout(self.layout, axis % rank))

    def reshaped(self, data: Tensor, layout: Any) -> Any:
        """The same numbers in another shape; a pointer overrides it."""
        return Value(data, layout)

    def to(self, dtype: Any, fp_downcast_rounding: str | None = None, bitcast: bool = False) -> Any:
        """Another element type."""
        if fp_downcast_rounding not in (None, "rtne"):
            raise Unknown(f"the emulator does not round {fp_downcast_rounding}")
        element = torch_type(dtype)
        if not bitcast:
            return Value(convert(self.data, element), self.layout)
        if element.itemsize != self.data.dtype.itemsize:
            raise EmulationError(f"{self.dtype} and {dtype} are not of one size")
        return Value(self.data.view(element), self.layout)

    cast = to

    def reshape(self, *shape: Any) -> Any:
        """Other sizes; the layout is then not known."""
        sizes = [int(size) for size in (shape[0] if isinstance(shape[0], (list, tuple)) else shape)]
        return self.reshaped(self.data.reshape(sizes), None)

    def permute(self, *dims: Any) -> Any:
        """The dims in another order."""
        order = [int(dim) for dim in (dims[0] if isinstance(dims[0], (list, tuple)) else dims)]
        return self.reshaped(self.data.permute(order), None)

    trans = permute

    @property
    def T(self) -> Any:
        """A block of two dims, transposed."""
        return self.permute(1, 0)

    def broadcast_to(self, *shape: Any) -> Any:
        """Dims of size one repeated."""
        sizes = [int(size) for size in (shape[0] if isinstance(shape[0], (list, tuple)) else shape)]
        return self.reshaped(self.data.expand(sizes), self.layout)


class Pointer(Value):
    """Addresses in one tensor: offsets of elements from where the tensor's data starts."""

    __slots__ = ("base", "element")

    def __init__(self, base: Tensor, offsets: Tensor, layout: Any = None) -> None:
        super().__init__(offsets, layout)
        self.base = base
        self.element = tl.pointer_type(ELEMENTS[base.dtype])

    @property
    def dtype(self) -> Any:
        """Triton's type of an element."""
        return self.element

    def __add__(self, other: Any) -> Any:
        moved = binary(torch.add, Value(self.data, self.layout), offset(other))
        return Pointer(self.base, moved.data, moved.layout)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        moved = binary(torch.sub, Value(self.data, self.layout), offset(other))
        return Pointer(self.base, moved.data, moved.layout)

    def reshaped(self, data: Tensor, layout: Any) -> Any:
        """The same addresses in another shape."""
        return Pointer(self.base, data, layout)

    def to(self, dtype: Any, fp_downcast_rounding: str | None = None, bitcast: bool = False) -> Any:
        """A pointer to the same bytes as other elements.  Raises EmulationError where they are no whole elements."""
        if not isinstance(dtype, tl.pointer_type):
            raise Unknown(f"the emulator does not make {dtype} of a pointer")
        element = torch_type(dtype.element_ty)
        at = self.data * self.base.element_size()
        if bool((at % element.itemsize).any()):
            raise EmulationError(f"a pointer to {self.base.dtype} does not point at whole {dtype.element_ty}")
        return Pointer(reread(self.base, element), at // element.itemsize, self.layout)


def offset(distance: Any) -> Any:
    """A distance in elements, 64 bits wide.  Raises EmulationError for anything that is no integer."""
    given = as_value(distance)
    if isinstance(given, Pointer) or given.data.dtype not in INTEGERS:
        raise EmulationError(f"a pointer plus {given.dtype}")
    return Value(given.data.to(torch.int64), given.layout)


def scalar(number: Number, dtype: torch.dtype | None = None) -> Value:
    """A scalar value."""
    return Value(torch.tensor(number, dtype=dtype or type_of_number(number)))


def as_value(given: Any) -> Value:
    """A value as it is, a number as a scalar.  Raises EmulationError for anything else."""
    if isinstance(given, Value):
        return given
    if isinstance(given, (bool, int, float)):
        return scalar(given)
    raise EmulationError(f"{type(given).__name__} where a number or a block is needed")


def binary(operation: Operation, a: Any, b: Any, *, divides: bool = False) -> Value:
    """An elementwise operation in the type that Triton computes in."""
    left, right = as_value(a), as_value(b)
    if isinstance(left, Pointer) or isinstance(right, Pointer):
        raise EmulationError("only integers are added to pointers")
    layout = joined_layout(left, right)
    element = common_type(
        left.data.dtype, not isinstance(a, Value), right.data.dtype, not isinstance(b, Value), divides
    )
    for given in (a, b):
        check_fits(given, element)
    try:
        return Value(operation(left.data.to(element), right.data.to(element)), layout)
    except RuntimeError as error:
        raise EmulationError(f"blocks of shapes {left.shape} and {right.shape}: {error}") from error


def check_fits(given: Any, element: torch.dtype) -> None:
    """Raises EmulationError for a number of the text that the other operand's type does not hold."""
    if isinstance(given, int) and element in INTEGERS:
        limits = torch.iinfo(element)
        if not limits.min <= given <= limits.max:
            raise EmulationError(f"{given} is out of range for {ELEMENTS[element]}")


def true_division(a: Any, b: Any) -> Value:
    """``a / b`` of floats; integers are converted to f32 first."""
    left, right = as_value(a), as_value(b)
    if not left.data.is_floating_point() and not right.data.is_floating_point():
        left, right = left.to(tl.float32), right.to(tl.float32)
        return binary(torch.div, left, right)
    return binary(torch.div, left if isinstance(a, Value) else a, right if isinstance(b, Value) else b, divides=True)


def whole_division(a: Any, b: Any) -> Value:
    """``a // b`` of integers, towards zero.  Raises EmulationError for floats."""

    def divide(x: Tensor, y: Tensor) -> Tensor:
        return torch.div(x, y, rounding_mode="trunc")

    if as_value(a).data.is_floating_point() or as_value(b).data.is_floating_point():
        raise EmulationError("// of floats: Triton has it for integers only")
    return binary(nonzero(divide), a, b, divides=True)


def nonzero(operation: Operation) -> Operation:
    """A division that says so when it divides integers by zero."""

    def checked(x: Tensor, y: Tensor) -> Tensor:
        if not x.is_floating_point() and not bool((y != 0).all()):
            raise EmulationError("an integer is divided by zero")
        return operation(x, y)

    return checked
