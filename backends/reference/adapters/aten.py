"""Captured ops as calls of PyTorch's own operators: one adapter for all, driven by the schema."""

from collections.abc import Callable
from typing import Any

import torch
from xdsl.ir import Attribute

from dsv3c.backends.reference.call import REFERENCE, Argument, Call, SizeRef, size_argument
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings import aten as meaning
from dsv3c.ir.dialects.aten import SHAPE_ARGUMENTS, AtenOp, Literal
from dsv3c.ir.dialects.aten_schema import Arg, Kind
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.types import shape

SPECIAL: dict[str, Callable[..., Any]] = {
    # op -> meaning where PyTorch's CPU operator does not do
    "aten.view": meaning.reshape,
    "aten._unsafe_view": meaning.reshape,
    "aten.view.dtype": meaning.view_dtype,
    "aten.histc": meaning.histc,
    "aten._grouped_mm": meaning.grouped_mm,
    "transformers.grouped_mm_fallback": meaning.grouped_mm,
    "dsv3c_models.grouped_mm": meaning.grouped_mm,
}
PLACEMENT = {"device", "layout", "pin_memory", "non_blocking", "memory_format"}
"""Arguments about memory: everything here is dense and on the CPU."""


@REFERENCE.rule(AtenOp)
def aten(op: AtenOp) -> Call:
    """Arguments in the schema's order, those after ``*`` by name; absent ones keep the schema's default."""
    meant = SPECIAL.get(op.name) or operator(op)
    named = keyword_only(meant)
    tensors = dict(op.groups())
    args, kwargs = list[Argument](), dict[str, Argument]()
    skipped = False
    for arg in op.SCHEMA.args:
        if arg in tensors:
            values = tensors[arg]
            argument: Argument = list(values) if arg.kind in LISTS else (values[0] if values else None)
        elif arg.name in op.properties and arg.name not in PLACEMENT:
            argument = literal(arg, op.literal(arg.name))
        elif arg.name in SHAPE_ARGUMENTS and arg.type == "SymInt[]" and arg.default is None:
            argument = [size_argument(size) for size in shape(op.results[0])]
        else:
            skipped = True
            continue
        if skipped or arg.name in named:
            kwargs[arg.name] = argument
        else:
            args.append(argument)
    return Call(meant, args, kwargs)


def keyword_only(meant: Callable[..., Any]) -> set[str]:
    """Arguments after ``*`` in torch's own schema of an operator; our meanings have none."""
    schema = getattr(meant, "_schema", None)
    return set() if schema is None else {arg.name for arg in schema.arguments if arg.kwarg_only}


LISTS = (Kind.TENSORS, Kind.OPTIONAL_TENSORS)


def literal(arg: Arg, value: Literal) -> Argument:
    """A property as torch wants it: names of sizes resolved, element types as dtypes."""
    match value:
        case Attribute():
            return dtype_of(value)
        case list():
            return [literal(arg, element) for element in value]
        case str() if "Int" in arg.type or "Scalar" in arg.type:
            return SizeRef(value)
        case _:
            return value


def operator(op: AtenOp) -> Callable[..., Any]:
    """torch's operator of that name.  Raises ``IRError`` when the package that defines it is not imported."""
    namespace, _, rest = op.name.partition(".")
    packet, _, overload = rest.partition(".")
    try:
        return getattr(getattr(getattr(torch.ops, namespace), packet), overload or "default")
    except AttributeError as error:
        raise IRError(
            f"torch has no operator {op.name}",
            where=at(op),
            hint="import the package that defines it, or give it a meaning in backends/reference/adapters/aten.py",
        ) from error
