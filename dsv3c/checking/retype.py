"""The same program with another floating-point type: the yardstick that rounding is measured against."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from torch import Tensor
from xdsl.dialects.builtin import (
    AnyFloat,
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    ModuleOp,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, ParametrizedAttribute

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.weights import Header, Weights
from dsv3c.ir.dialects.comm import CombineOp


@dataclass
class Retyper:
    """Replaces one element type by another wherever it is written: in types, in attributes, inside of both."""

    old: Attribute
    new: Attribute
    known: dict[Attribute, Attribute] = field(default_factory=dict[Attribute, Attribute])

    def convert(self, attribute: Attribute) -> Attribute:
        """The attribute with ``new`` in place of ``old``."""
        found = self.known.get(attribute)
        if found is None:
            found = self.known[attribute] = self.rebuild(attribute)
        return found

    def rebuild(self, attribute: Attribute) -> Attribute:
        """``convert`` of an attribute not met before."""
        if attribute == self.old:
            return self.new
        match attribute:
            case DenseIntOrFPElementsAttr():
                if attribute.get_element_type() != self.old:
                    return attribute
                kind = TensorType(cast(AnyFloat, self.new), attribute.get_shape())
                values = [value for value in attribute.get_values() if isinstance(value, float)]
                return DenseIntOrFPElementsAttr.from_list(kind, values)
            case ArrayAttr():
                return ArrayAttr([self.convert(item) for item in attribute.data])
            case DictionaryAttr():
                return DictionaryAttr({key: self.convert(item) for key, item in attribute.data.items()})
            case ParametrizedAttribute():
                parts = [self.convert(item) for item in attribute.parameters]
                return attribute if parts == list(attribute.parameters) else type(attribute).new(parts)
            case _:
                return attribute


def retyped(module: ModuleOp, old: Attribute, new: Attribute) -> ModuleOp:
    """A copy of the module with ``new`` for every ``old``: stored tensors, activations and stated roundings alike."""
    retyper, copy = Retyper(old, new), module.clone()
    for op in copy.walk():
        for values in (op.properties, op.attributes):
            values.update({name: retyper.convert(value) for name, value in values.items()})
        if isinstance(op, CombineOp) and op.payload.data == str(old):  # a format's name: LogFMT is no element type
            op.properties["payload"] = StringAttr(str(new))
        for result in op.results:
            result._type = retyper.convert(result.type)  # pyright: ignore[reportPrivateUsage]
        for region in op.regions:
            for block in region.blocks:
                for argument in block.args:
                    argument._type = retyper.convert(argument.type)  # pyright: ignore[reportPrivateUsage]
    return copy


def mentions(module: ModuleOp, element: Attribute) -> bool:
    """Whether some value of the module has this element type."""

    def inside(attribute: Attribute) -> bool:
        if attribute == element:
            return True
        return isinstance(attribute, ParametrizedAttribute) and any(map(inside, attribute.parameters))

    return any(inside(result.type) for op in module.walk() for result in op.results)


@dataclass
class RetypedWeights:
    """Stored tensors of type ``old`` given in type ``new``, exactly; the others as they are."""

    inner: Weights
    old: Attribute
    new: Attribute

    def names(self) -> Iterable[str]:
        """The same names."""
        return self.inner.names()

    def header(self, name: str) -> Header | None:
        """With the other type."""
        header = self.inner.header(name)
        if header is None or header[1] != dtype_of(self.old):
            return header
        return header[0], dtype_of(self.new)

    def tensor(self, name: str) -> Tensor:
        """The tensor, converted."""
        tensor = self.inner.tensor(name)
        return tensor.to(dtype_of(self.new)) if tensor.dtype == dtype_of(self.old) else tensor


@dataclass
class KeptWeights:
    """The tensors of other weights, each read, made or converted once."""

    inner: Weights
    kept: dict[str, Tensor] = field(default_factory=dict[str, Tensor], repr=False)

    def names(self) -> Iterable[str]:
        """The same names."""
        return self.inner.names()

    def header(self, name: str) -> Header | None:
        """The same header."""
        return self.inner.header(name)

    def tensor(self, name: str) -> Tensor:
        """The tensor, always the same object."""
        if name not in self.kept:
            self.kept[name] = self.inner.tensor(name)
        return self.kept[name]
