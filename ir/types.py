"""Tensor types whose dynamic sizes have names.

``tensor<?x?x7168xbf16, ["B", "S"]>`` is the builtin type: one encoding entry per ``?``, in order, each a canonical
size expression (``dsv3c.ir.sizes``).  MLIR reads it unchanged because any attribute may be an encoding.
"""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import TypeGuard

from xdsl.dialects.builtin import DYNAMIC_INDEX, ArrayAttr, NoneAttr, StringAttr, TensorType
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.sizes import Size, SizeError, canonical, parse_size

Tensor = TensorType[Attribute]


class TensorLike(ParametrizedAttribute, TypeAttribute):
    """A type that holds a tensor and more (scales): its shape and elements are the tensor's."""

    @abstractmethod
    def tensor(self) -> Tensor:
        """The tensor's own type."""


def tensor_type(sizes: Sequence[Size], element: Attribute) -> Tensor:
    """Return ``tensor<sizes x element>``; texts are brought to canonical form, constant texts become numbers.

    Raises ``SizeError`` on malformed text.
    """
    return cached_tensor_type(tuple(sizes), element)


# one object per type: equality starts with identity, and V3 has 60 types for 9,000 values
@cache
def cached_tensor_type(sizes: tuple[Size, ...], element: Attribute) -> Tensor:
    """``tensor_type`` with a hashable argument."""
    parsed = [parse_size(size) if isinstance(size, str) else size for size in sizes]
    names = [StringAttr(size) for size in parsed if isinstance(size, str)]
    dims = [DYNAMIC_INDEX if isinstance(size, str) else size for size in parsed]
    return TensorType(element, dims, ArrayAttr(names)) if names else TensorType(element, dims)


def sizes_of(tensor: Tensor) -> tuple[Size, ...]:
    """Return the sizes with their names put back.  Raises ``VerifyException`` if a dynamic size has no name."""
    dims = tensor.get_shape()
    if DYNAMIC_INDEX not in dims:
        return tuple(dims)
    names = iter(names_of(tensor))
    return tuple(next(names) if size == DYNAMIC_INDEX else size for size in dims)


def names_of(tensor: Tensor) -> tuple[str, ...]:
    """Return the names of the dynamic sizes.  Raises ``VerifyException`` unless there is exactly one for each."""
    num_dynamic = tensor.get_shape().count(DYNAMIC_INDEX)
    encoding = tensor.encoding
    if isinstance(encoding, NoneAttr) and not num_dynamic:
        return ()
    names = [name.data for name in encoding if isinstance(name, StringAttr)] if is_array(encoding) else []
    if len(names) != num_dynamic or not is_array(encoding) or len(encoding) != num_dynamic:
        raise VerifyException(
            f'{tensor}: every ? needs one size name, in order, as in tensor<?x4xf32, ["T"]>; '
            f"{num_dynamic} needed, the encoding is {encoding}"
        )
    return tuple(names)


def is_array(attribute: Attribute) -> TypeGuard[ArrayAttr[Attribute]]:
    """Whether an attribute is an array, of whatever."""
    return isinstance(attribute, ArrayAttr)


def check_tensor(tensor: Tensor) -> None:
    """Raise ``VerifyException`` unless each ``?`` has a name, and each name is canonical and not a constant."""
    for name in names_of(tensor):
        try:
            expected = parse_size(name)
        except SizeError as error:
            raise VerifyException(f"{tensor}: {error}") from error
        if isinstance(expected, int):
            raise VerifyException(f'{tensor}: the size "{name}" is a number; write {expected} in place of its ?')
        if name != expected:
            raise VerifyException(f'{tensor}: the size "{name}" is not in canonical form; write "{canonical(name)}"')


def as_tensor(value: SSAValue) -> Tensor:
    """Return the value's type, or that of the tensor it holds.  Raises ``VerifyException`` if there is none."""
    if isinstance(value.type, TensorLike):
        return value.type.tensor()
    if not isinstance(value.type, TensorType):
        raise VerifyException(f"%{value.name_hint or '?'} must be a ranked tensor, but has type {value.type}")
    return value.type


def shape(value: SSAValue) -> tuple[Size, ...]:
    """Return a tensor value's sizes.  Raises ``VerifyException`` as ``as_tensor`` and ``sizes_of`` do."""
    return sizes_of(as_tensor(value))


def element_type(value: SSAValue) -> Attribute:
    """Return a tensor value's element type.  Raises ``VerifyException`` if it is not a ranked tensor."""
    return as_tensor(value).element_type


def with_sizes(tensor: Tensor, sizes: Sequence[Size]) -> Tensor:
    """Return the type with other sizes and the same element type."""
    return tensor_type(sizes, tensor.element_type)


def with_element(tensor: Tensor, element: Attribute) -> Tensor:
    """Return the type with another element type and the same sizes."""
    return tensor_type(sizes_of(tensor), element)
