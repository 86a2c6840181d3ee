"""The ``aten`` dialect: one op class per overload, made on first use from PyTorch's schema text.

Reads   ``%y = aten.mean.dim(%x, dim = [-1], keepdim = true) : tensor<?x?x1xf32, ["B", "S"]>``
Tensors are operands; every other argument is a property, absent when it has its default.  A size that is not a
number is a string naming it (``end = "S"``).  Only result types are written: operands are defined above their use.
"""

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from keyword import iskeyword
from math import isfinite
from typing import Any, ClassVar, cast

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    StringAttr,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Dialect, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.hints import isa

from dsv3c.ir.dialects.aten_schema import Arg, Kind, Schema
from dsv3c.ir.dialects.common import F64Attr
from dsv3c.ir.types import Tensor

SEGMENTS = "operandSegmentSizes"
NONE_AT = "none_at"
"""Positions of None in a ``Tensor?[]`` argument (``x[:, i]`` is ``index(x, [None, i])``); absent when there is none."""

SCHEMA_FILES = ("aten.txt", "custom.txt")
"""Written by ``python -m dsv3c.dump_schemas``; custom operators are those of packages whose models are captured."""

Literal = int | float | bool | str | None | Attribute | list["Literal"]
Operand = SSAValue | None | Sequence[SSAValue | None]


class AtenOp(IRDLOperation):
    """Base of all generated classes: building and text are driven by the schema.

    Formula, shapes and source of an overload are PyTorch's own (``torch.ops.aten``); the class repeats its schema.
    """

    SCHEMA: ClassVar[Schema]

    @classmethod
    def build_from(
        cls, operands: Mapping[str, Operand], properties: Mapping[str, Attribute], result_types: Sequence[Attribute]
    ) -> "AtenOp":
        """Make the op from named operands and properties; a list operand may hold None where the schema allows it."""
        flat, segments, all_properties = list[SSAValue](), list[int](), dict(properties)
        for arg in cls.SCHEMA.args:
            if arg.kind.is_operand:
                given = operands.get(arg.name)
                values = [given] if isinstance(given, SSAValue) else list(given or [])
                if arg.kind is Kind.OPTIONAL_TENSORS and None in values:
                    holes = [index for index, value in enumerate(values) if value is None]
                    all_properties[NONE_AT] = ArrayAttr(IntegerAttr(index, i64) for index in holes)
                present = [value for value in values if value is not None]
                flat += present
                segments.append(len(present))
        if has_segments(cls.SCHEMA):
            all_properties[SEGMENTS] = DenseArrayBase.from_list(i32, segments)
        return cls.create(operands=flat, properties=all_properties, result_types=result_types)

    def value(self, name: str) -> SSAValue | None:
        """The operand of a single-tensor argument; None for an optional one that is absent."""
        for arg, values in self.groups():
            if arg.name == name:
                assert arg.kind in (Kind.TENSOR, Kind.OPTIONAL_TENSOR), f"{self.name}: {name} is a list"
                return values[0] if values else None
        raise KeyError(f"{self.name} has no tensor argument {name}")

    def literal(self, name: str) -> Literal:
        """A non-tensor argument as a Python value: the property, or the schema's default where it is absent.

        A size is an int or the text of a size expression, a dtype the IR's element type.  Raises KeyError for a name
        the schema does not have and ValueError where the argument is required and absent.
        """
        arg = next((arg for arg in self.SCHEMA.args if arg.name == name), None)
        if arg is None:
            raise KeyError(f"{self.name} has no argument {name}")
        if name in self.properties:
            return plain(self.properties[name])
        if arg.default is None:
            raise ValueError(f"{self.name}: required argument {name} is absent")
        return default_value(arg.default)

    def groups(self) -> Iterable[tuple[Arg, Sequence[SSAValue | None]]]:
        """Each tensor argument with its values, Nones put back."""
        start = 0
        args = [arg for arg in self.SCHEMA.args if arg.kind.is_operand]
        sizes = segment_sizes(self, args)
        for arg, size in zip(args, sizes, strict=True):
            values: list[SSAValue | None] = list(self.operands[start : start + size])
            start += size
            holes = self.properties.get(NONE_AT)
            if arg.kind is Kind.OPTIONAL_TENSORS and isinstance(holes, ArrayAttr):
                for hole in holes:
                    assert isinstance(hole, IntegerAttr)
                    values.insert(hole.value.data, None)
            yield arg, values

    def print(self, printer: Printer) -> None:
        """``(%x, dim = [-1]) : type``: operands and the properties that differ from their defaults."""
        values = dict(self.groups())
        items = list[Callable[[], None]]()
        for arg in self.SCHEMA.args:
            if arg in values:
                if arg.kind is not Kind.OPTIONAL_TENSOR or values[arg]:
                    items.append(lambda arg=arg: print_operands(printer, arg, values[arg]))
            elif (attribute := self.properties.get(arg.name)) is not None:
                items.append(lambda arg=arg, attribute=attribute: print_property(printer, arg.name, attribute))
        with printer.in_parens():
            printer.print_list(items, lambda item: item())
        if self.attributes:
            printer.print_op_attributes(self.attributes, print_keyword=True)
        if self.results:
            printer.print_string(" : ")
            printer.print_list(self.result_types, printer.print_attribute)

    @classmethod
    def parse(cls, parser: Parser) -> "AtenOp":
        """Read what ``print`` writes; operands must be defined above."""
        by_name = {arg.name: arg for arg in cls.SCHEMA.args}
        positional = iter([a for a in cls.SCHEMA.args if a.kind.is_operand and a.kind is not Kind.OPTIONAL_TENSOR])
        operands, properties = dict[str, Operand](), dict[str, Attribute]()

        def item() -> None:
            if (name := parser.parse_optional_identifier()) is None:
                arg = next(positional)
                operands[arg.name] = parse_operand(parser, arg.kind)
                return
            if name not in by_name:
                parser.raise_error(f"{cls.name} has no argument {name}")
            parser.parse_punctuation("=")
            if by_name[name].kind.is_operand:
                operands[name] = parse_operand(parser, by_name[name].kind)
            else:
                properties[name] = parser.parse_attribute()

        parser.parse_comma_separated_list(parser.Delimiter.PAREN, item)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        types = list[Attribute]()
        if parser.parse_optional_punctuation(":"):
            types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        op = cls.build_from(operands, properties, types)
        op.attributes.update(attributes.data if attributes else {})
        return op


def plain(attribute: Attribute) -> Literal:
    """The Python value of a property; element types stay attributes."""
    match attribute:
        case IntegerAttr():
            return bool(attribute.value.data) if attribute.type == i1 else attribute.value.data
        case FloatAttr():
            return attribute.value.data
        case StringAttr():
            return attribute.data
        case ArrayAttr():
            return [plain(element) for element in attribute]
        case _:
            return attribute


def default_value(text: str) -> Literal:
    """A schema default as a Python value: ``False``, ``[0, 1]``, ``1e-05``; an enumerator's name stays text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text.strip("'\"")


def print_operands(printer: Printer, arg: Arg, values: Sequence[SSAValue | None]) -> None:
    """``%x``, ``[%x, none]`` or ``weight = %w``."""

    def one(value: SSAValue | None) -> None:
        printer.print_ssa_value(value) if value is not None else printer.print_string("none")

    if arg.kind is Kind.OPTIONAL_TENSOR:
        printer.print_string(f"{arg.name} = ")
    if arg.kind in (Kind.TENSORS, Kind.OPTIONAL_TENSORS):
        with printer.in_square_brackets():
            printer.print_list(values, one)
    else:
        one(values[0])


def parse_operand(parser: Parser, kind: Kind) -> Operand:
    """One argument's value or list of values."""
    if kind in (Kind.TENSORS, Kind.OPTIONAL_TENSORS):
        return parser.parse_comma_separated_list(parser.Delimiter.SQUARE, lambda: parse_value(parser))
    return parse_value(parser)


def parse_value(parser: Parser) -> SSAValue | None:
    """A value already defined, or ``none``: without types in this syntax there are no forward references."""
    if parser.parse_optional_keyword("none"):
        return None
    name = parser.parse_unresolved_operand()
    if name.operand_name not in parser.ssa_values:
        parser.raise_error(f"%{name.operand_name} is used before its definition")
    return parser.ssa_values[name.operand_name][name.index]


def print_property(printer: Printer, name: str, attribute: Attribute) -> None:
    """``dim = [-1]``."""
    printer.print_string(f"{name} = ")
    print_plain(printer, attribute)


def print_plain(printer: Printer, attribute: Attribute) -> None:
    """``-1`` and not ``-1 : i64`` wherever the parser's default type gives the same attribute back."""
    if isinstance(attribute, ArrayAttr):
        with printer.in_square_brackets():
            printer.print_list(attribute.data, lambda element: print_plain(printer, element))
    elif (isinstance(attribute, IntegerAttr) and attribute.get_type() == i64) or (
        isa(attribute, F64Attr) and isfinite(attribute.value.data)
    ):
        attribute.print_without_type(printer)
    else:
        printer.print_attribute(attribute)


def has_segments(schema: Schema) -> bool:
    """MLIR needs the group sizes as soon as two groups can vary; one can be counted."""
    return sum(arg.kind.is_operand and arg.kind is not Kind.TENSOR for arg in schema.args) > 1


def segment_sizes(op: AtenOp, args: Sequence[Arg]) -> Sequence[int]:
    """How many operands each tensor argument has."""
    segments = op.properties.get(SEGMENTS)
    if segments is not None:
        return cast(DenseArrayBase[IntegerType], segments).get_values()
    spare = len(op.operands) - sum(arg.kind is Kind.TENSOR for arg in args)
    return [1 if arg.kind is Kind.TENSOR else spare for arg in args]


ATTRIBUTE_OF: dict[str, Any] = {  # schema type -> what the property must be; the types not listed accept any attribute
    "int": IntegerAttr,
    "SymInt": IntegerAttr | StringAttr,
    "bool": IntegerAttr,
    "float": FloatAttr,
    "Scalar": IntegerAttr | FloatAttr | StringAttr,
    "str": StringAttr,
    "int[]": ArrayAttr,
    "SymInt[]": ArrayAttr,
    "float[]": ArrayAttr,
    "Scalar[]": ArrayAttr,
    "bool[]": ArrayAttr,
}
SHAPE_ARGUMENTS = {"size", "shape"}
"""SymInt[] arguments that only repeat the result's sizes: the result type carries them (see ``importer``)."""


def op_class(schema: Schema) -> type[AtenOp]:
    """Make the class: the fields are those a person would write for this operator."""
    fields = dict[str, Any](
        name=schema.op_name, __doc__=f"PyTorch operator ``{schema.op_name}`` (source: ATen's schema table)."
    )
    for arg in schema.args:
        fields[attribute_name(arg.name)] = field_of(arg)
    if any(arg.kind is Kind.OPTIONAL_TENSORS for arg in schema.args):
        fields[NONE_AT] = opt_prop_def(ArrayAttr)
    for index, result in enumerate(schema.returns):
        define = var_result_def if result.kind is Kind.TENSORS else result_def
        fields[f"result{index}"] = define(base(Tensor)) if result.kind.is_operand else define()
    if has_segments(schema):
        fields["irdl_options"] = (AttrSizedOperandSegments(as_property=True),)
    if not schema.mutates:
        fields["traits"] = traits_def(Pure())
    cls = irdl_op_definition(type(schema.op_name, (AtenOp,), fields))
    cls.SCHEMA = schema  # after the decorator: it refuses fields that are not definitions
    return cls


def field_of(arg: Arg) -> object:
    """The irdl definition of one argument."""
    define = {
        Kind.TENSOR: operand_def,
        Kind.OPTIONAL_TENSOR: opt_operand_def,
        Kind.TENSORS: var_operand_def,
        Kind.OPTIONAL_TENSORS: var_operand_def,
    }.get(arg.kind)
    if define is not None:
        return define(base(Tensor))
    kind = ATTRIBUTE_OF.get(arg.type.removesuffix("?"), Attribute)
    may_be_absent = (
        arg.default is not None or arg.type.endswith("?") or arg.name in SHAPE_ARGUMENTS or arg.type == "Device"
    )
    return (opt_prop_def if may_be_absent else prop_def)(kind, prop_name=arg.name)


def attribute_name(name: str) -> str:
    """A Python name for an argument: keywords and methods get an underscore."""
    return f"{name}_" if iskeyword(name) or hasattr(AtenOp, name) else name


def schema_table() -> dict[str, str]:
    """Op name -> schema text for every overload PyTorch has, read from the shipped tables without parsing them."""
    folder = resources.files("dsv3c.ir.dialects") / "schemas"
    lines = [line for name in SCHEMA_FILES for line in (folder / name).read_text("utf-8").splitlines()]
    return {line.partition("(")[0].replace("::", "."): line for line in lines}


def aten_dialect() -> Dialect:
    """The dialect object: it owns the namespace; classes appear in the context as they are asked for."""
    return Dialect("aten", [])
