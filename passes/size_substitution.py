"""Functions over other sizes: a copy of a function in which symbols stand for other size expressions.

``T -> (T + 1)//2`` turns ``tensor<?x64xbf16, ["2*T + 8"]>`` into ``tensor<?x64xbf16, ["2*((T + 1)//2) + 8"]>``.  Sizes
are written in types, wherever those are nested (scaled tensors, caches, attributes), and in the numbers that aten ops
take.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, StringAttr, SymbolRefAttr, TensorType
from xdsl.ir import Attribute, Block, Operation, ParametrizedAttribute, SSAValue

from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.functions import callee_name, make_function
from dsv3c.ir.sizes import Size, parse_size, substitute
from dsv3c.ir.types import sizes_of, with_sizes

NUMBER = re.compile("SymInt|Scalar")
"""Schema types of arguments whose text is a size; lists of them begin alike."""


@dataclass
class Substitution:
    """Symbols and what they become; symbols not listed stay."""

    values: Mapping[str, Size]

    def size(self, text: str) -> str:
        """A size expression."""
        return str(substitute(parse_size(text), self.values))

    def type(self, kind: Attribute) -> Attribute:
        """A type, or an attribute that may hold types."""
        match kind:
            case TensorType():
                return with_sizes(kind, [substitute(size, self.values) for size in sizes_of(kind)])
            case CacheType():
                parameters = [StringAttr(self.size(kind.pages.data)), *kind.parameters[1:]]
                return CacheType.new(parameters)
            case ArrayAttr():
                return ArrayAttr([self.type(item) for item in kind.data])
            case ParametrizedAttribute():
                return type(kind).new([self.type(item) for item in kind.parameters])
            case _:
                return kind

    def properties(self, op: Operation) -> dict[str, Attribute]:
        """An op's properties: sizes among the numbers of an aten op, types anywhere."""
        changed = {name: self.type(value) for name, value in op.properties.items()}
        if isinstance(op, AtenOp):
            numbers = {arg.name for arg in op.SCHEMA.args if NUMBER.match(arg.type)}
            changed |= {name: self.number(value) for name, value in changed.items() if name in numbers}
        return changed

    def number(self, value: Attribute) -> Attribute:
        """A number that an aten op takes, or a list of them: a text is a size."""
        match value:
            case StringAttr():
                return StringAttr(self.size(value.data))
            case ArrayAttr():
                return ArrayAttr([self.number(item) for item in value.data])
            case _:
                return value

    def copy(self, function: func.FuncOp, name: str, callee: Callable[[str], str]) -> func.FuncOp:
        """The function over the other sizes, not yet in the module; its calls are of ``callee(old name)``.

        Recipes of parameters are copied as they are: a parameter's sizes are numbers.
        """
        old = function.body.block
        block = Block(arg_types=[self.type(argument.type) for argument in old.args])
        values: dict[SSAValue, SSAValue] = dict(zip(old.args, block.args, strict=True))
        for op in old.ops:
            if op.regions:
                new = op.clone(value_mapper=values)
            else:
                new = type(op).create(
                    operands=[values[operand] for operand in op.operands],
                    result_types=[self.type(kind) for kind in op.result_types],
                    properties=self.properties(op),
                    attributes=dict(op.attributes),
                )
            if isinstance(new, func.CallOp):
                new.properties["callee"] = SymbolRefAttr(callee(callee_name(new)))
            new.location = op.location
            block.add_op(new)
            values.update(zip(op.results, new.results, strict=True))
        for before, after in values.items():
            after.name_hint = before.name_hint
        made = make_function(name, block, private=True)
        made.attributes.update(function.attributes)
        made.location = function.location
        return made
