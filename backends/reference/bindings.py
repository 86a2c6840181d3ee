"""Values of named sizes: found by comparing types with the tensors that arrive."""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Attribute, Operation

from dsv3c.backends.reference.dtypes import dtype_of, element_of
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled, num_blocks
from dsv3c.ir.dialects.core import symbols_of as declared_symbols
from dsv3c.ir.dialects.mla import CacheType
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.functions import parent_function
from dsv3c.ir.scaled_type import ScaledType, show_granule
from dsv3c.ir.sizes import Size, evaluate, symbols_of
from dsv3c.ir.types import sizes_of


class BindingError(Dsv3cError):
    """A tensor that does not have the type the program states, or a size that contradicts another."""


class Sizes(dict[str, int]):
    """Size expression -> number, for one run; expressions over bound symbols are evaluated on first use."""

    def __missing__(self, text: str) -> int:
        value = self[text] = evaluate(text, self)
        return value

    def forget(self, names: frozenset[str]) -> None:
        """Drop the values of symbols, and what was computed from them."""
        for text in [text for text in self if not names.isdisjoint(symbols_of(text))]:
            del self[text]


def type_sizes(type: Attribute) -> tuple[Size, ...]:
    """The sizes a value's type mentions; a cache mentions its number of pages."""
    match type:
        case TensorType():
            return sizes_of(type)
        case ScaledType():
            return type.sizes
        case CacheType():
            return type.sizes()
        case _:
            return ()


def named_sizes(type: Attribute) -> frozenset[str]:
    """The symbols a type mentions."""
    return frozenset(name for size in type_sizes(type) if isinstance(size, str) for name in symbols_of(size))


def sizes_brought(op: Operation) -> frozenset[str]:
    """The symbols that a call brings along: its results mention them, its operands and its caller's arguments do not.

    Each call brings them anew: the rows received differ from layer to layer.
    """
    function = parent_function(op)
    if not isinstance(op, func.CallOp) or function is None:
        return frozenset()
    given = [value.type for value in (*op.operands, *function.body.block.args)]
    return sizes_in(op.result_types) - sizes_in(given)


def sizes_in(types: Iterable[Attribute]) -> frozenset[str]:
    """The symbols that types mention."""
    return frozenset[str]().union(*map(named_sizes, types))


def actual_sizes(value: object) -> tuple[int, ...]:
    """The numbers at the places of ``type_sizes``."""
    match value:
        case Tensor() | Scaled():
            return tuple(value.shape)
        case LatentCache():
            return (value.latent.shape[0],)
        case _:
            return ()


class Binder:
    """Binds the symbols of a module's types to numbers, within their declared ranges."""

    def __init__(self, module: ModuleOp) -> None:
        self.ranges = {name: symbol.bounds() for name, symbol in declared_symbols(module).items()}

    def bind_all(
        self, types: Sequence[Attribute], values: Sequence[object], names: Sequence[str], sizes: Sizes
    ) -> None:
        """Bind every symbol in ``types`` from ``values``, plain names before expressions of one unknown.

        Raises ``BindingError`` for sizes that disagree or lie outside their symbol's range.
        """
        pending = [
            (expression, actual, name)
            for type, value, name in zip(types, values, names, strict=True)
            for expression, actual in zip(type_sizes(type), actual_sizes(value), strict=True)
        ]
        pending.sort(key=lambda entry: not (isinstance(entry[0], int) or entry[0].isidentifier()))
        while pending:
            rest = [entry for entry in pending if not self.bind(*entry, sizes)]
            if len(rest) == len(pending):
                expression, actual, name = rest[0]
                raise BindingError(f'{name} has size {actual} for "{expression}", which does not determine its symbols')
            pending = rest

    def bind(self, expression: Size, actual: int, name: str, sizes: Sizes) -> bool:
        """Check one size, or bind its one unknown symbol; False while it has several."""
        if isinstance(expression, int):
            if expression != actual:
                raise BindingError(f"{name} has size {actual} where the program has {expression}")
            return True
        unknown = [symbol for symbol in symbols_of(expression) if symbol not in sizes]
        if len(unknown) > 1:
            return False
        if unknown:
            value = solve(expression, unknown[0], actual, sizes)
            if value is None:
                raise BindingError(f'{name} has size {actual}, which "{expression}" cannot be')
            self.check_range(unknown[0], value, name)
            sizes[unknown[0]] = value
        elif sizes[expression] != actual:
            bound = ", ".join(f"{symbol} = {sizes[symbol]}" for symbol in sorted(symbols_of(expression)))
            raise BindingError(f'{name} has size {actual} for "{expression}", but {bound}')
        return True

    def check_range(self, symbol: str, value: int, name: str) -> None:
        """A symbol's value lies in its declared range."""
        low, high = self.ranges.get(symbol, (0, None))
        if value < low or (high is not None and value > high):
            limits = f"at least {low}" if high is None else f"in {low}..{high}"
            raise BindingError(f"{name} makes {symbol} = {value}, which must be {limits}")


def solve(expression: str, unknown: str, actual: int, sizes: Mapping[str, int]) -> int | None:
    """The value of ``unknown`` that makes a linear expression ``actual``; None if there is none or it is not linear."""
    if expression == unknown:
        return actual
    at_zero = evaluate(expression, {**sizes, unknown: 0})
    slope = evaluate(expression, {**sizes, unknown: 1}) - at_zero
    if slope == 0 or (actual - at_zero) % slope:
        return None
    value = (actual - at_zero) // slope
    return value if evaluate(expression, {**sizes, unknown: value}) == actual else None


def check_argument(type: Attribute, value: object, name: str) -> None:
    """Raise ``BindingError`` unless ``value`` has the kind, rank and dtype of ``type``."""
    match type, value:
        case TensorType(), Tensor():
            if value.dim() != len(type.get_shape()) or value.dtype != dtype_of(type.element_type):
                given = f"{list(value.shape)} {element_of(value.dtype)}"
                raise BindingError(f"{name} is a tensor {given}; the program takes {type}")
        case ScaledType(), Scaled():
            check_argument(type.data, value.data, f"the data of {name}")
            grid = [num_blocks(size, step) for size, step in zip(value.shape, type.granules, strict=True)]
            given = (value.granule, list(value.scale.shape), value.scale.dtype)
            if given != (type.granules, grid, dtype_of(type.scale)):
                scales = f"granule {show_granule(value.granule)}, scales {given[1]} {element_of(value.scale.dtype)}"
                raise BindingError(f"{name} has {scales}; the program takes {type}")
        case CacheType(), LatentCache():
            expected = (type.page_size.data, type.latent.data, type.rope.data)
            given_sizes = (value.latent.shape[1], value.latent.shape[2], value.rope.shape[2])
            same = value.rope.dtype == dtype_of(type.rope_type) and (
                # a latent appended with quantisation switched off has no scales
                (value.latent.dtype == dtype_of(type.latent_type) and value.granule == type.granule.data)
                or (type.is_quantized and value.scale is None)
            )
            if given_sizes != expected or not same or value.latent.shape[:2] != value.rope.shape[:2]:
                given = f"latent {list(value.latent.shape)} {value.latent.dtype}, rope {list(value.rope.shape)}"
                raise BindingError(f"{name} is a cache with {given}; the program takes {type}")
        case _:
            raise BindingError(f"{name} is of kind {type_name(value)}; the program takes {type}")


def type_name(value: object) -> str:
    """The class name of a value, for messages."""
    return value.__class__.__name__
