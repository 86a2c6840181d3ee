"""Gluon's functions of values: elementwise, reductions, shapes."""

from collections.abc import Callable, Sequence
from functools import reduce as fold
from typing import Any

import torch
from torch import Tensor
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon_emulation.elements import convert, torch_type
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError, Unknown
from dsv3c.backends.triton.gluon_emulation.layouts import check_block
from dsv3c.backends.triton.gluon_emulation.values import (
    Value,
    as_value,
    binary,
    joined_layout,
    true_division,
)


def maximum(a: Any, b: Any, propagate_nan: Any = None) -> Value:
    """The larger; of a number and NaN the number, as the hardware's ``max`` has it."""
    check_nan(propagate_nan)
    return binary(torch.fmax, compared(a), compared(b))


def minimum(a: Any, b: Any, propagate_nan: Any = None) -> Value:
    """The smaller; of a number and NaN the number."""
    check_nan(propagate_nan)
    return binary(torch.fmin, compared(a), compared(b))


def compared(x: Any) -> Any:
    """Triton compares bfloat16 as f32, and the result is f32."""
    return x.to(gl.float32) if isinstance(x, Value) and x.data.dtype == torch.bfloat16 else x


def check_nan(propagate_nan: Any) -> None:
    """Only the hardware's default is there."""
    if propagate_nan is not None and "ALL" in str(propagate_nan):
        raise Unknown("the emulator does not propagate NaN in maximum and minimum")


def unary(operation: Callable[[Tensor], Tensor]) -> Callable[[Any], Value]:
    """An elementwise function of floats."""

    def apply(x: Any) -> Value:
        given = as_value(x)
        if not given.data.is_floating_point() or given.data.dtype.itemsize < 4:
            raise EmulationError(f"a function of {given.dtype}: Triton has it for f32 and f64")
        return Value(operation(given.data), given.layout)

    return apply


def absolute(x: Any) -> Value:
    """``|x|``."""
    given = as_value(x)
    return Value(given.data.abs(), given.layout)


def fma(x: Any, y: Any, z: Any) -> Value:
    """``x y + z`` with one rounding."""
    product = binary(torch.mul, as_value(x).to(gl.float64), as_value(y).to(gl.float64))
    return binary(torch.add, product, as_value(z).to(gl.float64)).to(as_value(x).dtype)


def clamp(x: Any, min: Any, max: Any, propagate_nan: Any = None) -> Value:
    """Between two bounds."""
    return minimum(maximum(x, min, propagate_nan), max, propagate_nan)


def where(condition: Any, x: Any, y: Any) -> Value:
    """``x`` where the condition holds, else ``y``."""
    chosen, left, right = as_value(condition), x, y
    both = binary(lambda a, b: torch.where(torch.ones((), dtype=torch.bool), a, b), left, right)
    element = both.data.dtype
    layout = joined_layout(chosen, both)
    yes, no = convert(as_value(x).data, element), convert(as_value(y).data, element)
    return Value(torch.where(chosen.data.to(torch.bool), yes, no), layout)


# Reductions -----------------------------------------------------------------------------------------------------------


def reduced(numbers: Callable[[Tensor, int], Tensor]) -> Callable[..., Any]:
    """A reduction along an axis (None: of all)."""

    def apply(input: Any, axis: Any = None, keep_dims: Any = False, **options: Any) -> Value:
        if set(options) - {"dtype", "return_indices", "return_indices_tie_break_left"} or options.get("return_indices"):
            raise Unknown(f"options of a reduction that are not emulated: {options}")
        given = wide(as_value(input), options.get("dtype"), widens=numbers in (largest, smallest))
        if axis is None:
            if keep_dims:
                raise Unknown("a reduction of all dims that keeps them")
            return Value(numbers(given.data.flatten(), 0))
        axis = checked_axis(int(axis), given)
        made = numbers(given.data, axis)
        if keep_dims:
            return Value(made.unsqueeze(axis), given.layout)
        return Value(made, sliced_layout(given, axis))

    return apply


def wide(given: Value, dtype: Any, *, widens: bool = False) -> Value:
    """As Triton's reductions take it: small integers as 32 bits; ``widens``: small floats as f32.

    Raises EmulationError for other reductions of small floats, which round after every step, in an order of their own.
    """
    if dtype is not None:
        given = given.to(dtype)
    if given.data.is_floating_point():
        if given.data.dtype.itemsize < 4 and not widens:
            raise EmulationError(f"a sum of {given.dtype}: convert it to f32 first")
        return given.to(gl.float32) if given.data.dtype.itemsize < 4 else given
    return given.to(gl.int32) if given.data.dtype.itemsize < 4 else given


def checked_axis(axis: int, given: Value) -> int:
    """Raises EmulationError for a dim that the block does not have; Gluon counts from the front only."""
    if not 0 <= axis < len(given.shape):
        raise EmulationError(f"a reduction of dim {axis} of a block of shape {given.shape}")
    return axis


def sliced_layout(given: Value, axis: int) -> Any:
    """The layout of a block without a dim."""
    if len(given.shape) == 1 or given.layout is None or isinstance(given.layout, gl.AutoLayout):
        return None if len(given.shape) == 1 else given.layout
    return gl.SliceLayout(axis, given.layout)


def largest(data: Tensor, axis: int) -> Tensor:
    """NaN loses against numbers."""
    if not data.is_floating_point():
        return data.amax(axis)
    made = data.nan_to_num(-torch.inf, torch.inf, -torch.inf).amax(axis)
    return made.masked_fill(data.isnan().all(axis), torch.nan)


def smallest(data: Tensor, axis: int) -> Tensor:
    """NaN loses against numbers."""
    return -largest(-data, axis) if data.is_floating_point() else data.amin(axis)


def summed(data: Tensor, axis: int) -> Tensor:
    """In the type of the block."""
    return data.sum(axis, dtype=data.dtype)


def xored(data: Tensor, axis: int) -> Tensor:
    """Bitwise."""
    return fold(torch.bitwise_xor, data.unbind(axis))


def ored(data: Tensor, axis: int) -> Tensor:
    """Bitwise."""
    return fold(torch.bitwise_or, data.unbind(axis))


def reduce(input: Any, axis: Any, combine_fn: Callable[..., Any], keep_dims: Any = False) -> Any:
    """With a kernel's own function, pairwise as a tree; of one block or of several together."""
    blocks = [as_value(each) for each in (input if isinstance(input, tuple) else (input,))]
    axis = checked_axis(int(axis), blocks[0])
    layout = sliced_layout(blocks[0], axis)
    parts = [[each.data.select(axis, index) for each in blocks] for index in range(blocks[0].shape[axis])]
    while len(parts) > 1:
        half = len(parts) // 2
        parts = [combined(combine_fn, parts[index], parts[index + half]) for index in range(half)]
    made = [Value(part.unsqueeze(axis) if keep_dims else part, layout) for part in parts[0]]
    return tuple(made) if isinstance(input, tuple) else made[0]


def combined(combine_fn: Callable[..., Any], left: Sequence[Tensor], right: Sequence[Tensor]) -> list[Tensor]:
    """One step of a reduction."""
    made = combine_fn(*(Value(each) for each in left), *(Value(each) for each in right))
    return [as_value(each).data for each in (made if isinstance(made, tuple) else (made,))]


def cumsum(input: Any, axis: Any = 0, reverse: Any = False, dtype: Any = None) -> Value:
    """Running sums along an axis."""
    given = wide(as_value(input), dtype)
    data = given.data.flip(int(axis)) if reverse else given.data
    made = data.cumsum(int(axis), dtype=given.data.dtype)
    return Value(made.flip(int(axis)) if reverse else made, given.layout)


# Shapes ---------------------------------------------------------------------------------------------------------------


def arange(start: Any, end: Any, layout: Any = None) -> Value:
    """``start .. end - 1``."""
    check_block([int(end) - int(start)], layout)
    return Value(torch.arange(int(start), int(end), dtype=torch.int32), layout)


def full(shape: Any, value: Any, dtype: Any, layout: Any = None) -> Value:
    """A block of one number."""
    sizes = [int(size) for size in shape]
    check_block(sizes, layout)
    number = convert(as_value(value).data, torch_type(dtype))
    return Value(number.expand(sizes).clone(), layout if sizes else None)


def zeros(shape: Any, dtype: Any, layout: Any = None) -> Value:
    """A block of zeros."""
    return full(shape, 0, dtype, layout)


def full_like(input: Any, value: Any, shape: Any = None, dtype: Any = None, layout: Any = None) -> Value:
    """A block as another one is."""
    like = as_value(input)
    return full(like.shape if shape is None else shape, value, dtype or like.dtype, layout or like.layout)


def zeros_like(input: Any, shape: Any = None, dtype: Any = None, layout: Any = None) -> Value:
    """Zeros as another block is."""
    return full_like(input, 0, shape, dtype, layout)


def convert_layout(value: Any, layout: Any, assert_trivial: Any = False) -> Any:
    """The same block in another layout."""
    del assert_trivial
    given = as_value(value)
    if not isinstance(layout, gl.BlockedLayout.__mro__[1]):
        raise EmulationError(f"{layout} is no layout of a block")
    check_block(given.shape, layout)
    return given.reshaped(given.data, layout)


def expand_dims(input: Any, axis: Any) -> Value:
    """A dim of size one."""
    return as_value(input).expand_dims(int(axis))


def reshape(input: Any, *shape: Any) -> Value:
    """Another shape; the layout is then not known."""
    return as_value(input).reshape(*shape)


def permute(input: Any, *dims: Any) -> Value:
    """The dims in another order."""
    return as_value(input).permute(*dims)


def ravel(x: Any) -> Value:
    """One dim."""
    return as_value(x).reshape(as_value(x).numel)


def broadcast(input: Any, other: Any) -> tuple[Value, Value]:
    """Both in their common shape."""
    left, right = as_value(input), as_value(other)
    layout = joined_layout(left, right)
    a, b = torch.broadcast_tensors(left.data, right.data)
    return Value(a, layout), Value(b, layout)


def join(a: Any, b: Any) -> Value:
    """Side by side in a new last dim."""
    left, right = broadcast(a, b)
    return Value(torch.stack([left.data, right.data], -1))


def split(a: Any) -> tuple[Value, Value]:
    """The two halves of a last dim of size two."""
    data = as_value(a).data
    if data.shape[-1] != 2:
        raise EmulationError(f"split of a block of shape {list(data.shape)}: the last dim is 2")
    return Value(data[..., 0].clone()), Value(data[..., 1].clone())


def gather(src: Any, index: Any, axis: Any) -> Value:
    """Entries of a block along an axis."""
    at = as_value(index)
    return Value(as_value(src).data.gather(int(axis), at.data.to(torch.int64)), at.layout)


def cdiv(x: Any, div: Any) -> Any:
    """``ceil(x / div)``."""
    return (x + div - 1) // div


def to_tensor(x: Any) -> Value:
    """A number as a scalar."""
    return as_value(x)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: as_value(a) + b,
    "sub": lambda a, b: as_value(a) - b,
    "mul": lambda a, b: as_value(a) * b,
    "maximum": maximum,
    "minimum": minimum,
    "clamp": clamp,
    "where": where,
    "fma": fma,
    "abs": absolute,
    "exp": unary(torch.exp),
    "exp2": unary(torch.exp2),
    "log": unary(torch.log),
    "log2": unary(torch.log2),
    "sin": unary(torch.sin),
    "cos": unary(torch.cos),
    "erf": unary(torch.erf),
    "sqrt": unary(torch.sqrt),
    "sqrt_rn": unary(torch.sqrt),
    "rsqrt": unary(torch.rsqrt),
    "floor": unary(torch.floor),
    "ceil": unary(torch.ceil),
    "fdiv": lambda x, y, ieee_rounding=False: true_division(x, y),
    "div_rn": true_division,
    "max": reduced(largest),
    "min": reduced(smallest),
    "sum": reduced(summed),
    "xor_sum": reduced(xored),
    "reduce_or": reduced(ored),
    "reduce": reduce,
    "cumsum": cumsum,
    "arange": arange,
    "full": full,
    "zeros": zeros,
    "full_like": full_like,
    "zeros_like": zeros_like,
    "convert_layout": convert_layout,
    "set_auto_layout": convert_layout,
    "expand_dims": expand_dims,
    "reshape": reshape,
    "permute": permute,
    "ravel": ravel,
    "broadcast": broadcast,
    "join": join,
    "split": split,
    "gather": gather,
    "cdiv": cdiv,
    "cast": lambda input, dtype, fp_downcast_rounding=None, bitcast=False: as_value(input).to(
        dtype, fp_downcast_rounding, bitcast
    ),
    "to_tensor": to_tensor,
}
"""By Gluon's names."""
