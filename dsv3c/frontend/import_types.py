"""Torch's values as IR types and attributes: element types, named sizes, literal arguments."""

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch.fx import Node
from xdsl.dialects.builtin import (
    ArrayAttr,
    ComplexType,
    DenseIntOrFPElementsAttr,
    Float8E4M3FNType,
    Float8E5M2Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    Signedness,
    StringAttr,
    bf16,
    f16,
    f64,
    i1,
    i64,
)
from xdsl.ir import Attribute

from dsv3c.frontend.fx_graph import quote, where
from dsv3c.ir.dialects.aten import default_value
from dsv3c.ir.dialects.aten_schema import Arg
from dsv3c.ir.errors import ImportFailure
from dsv3c.ir.sizes import Size, SizeError, parse_size
from dsv3c.ir.types import Tensor, tensor_type

ELEMENTS: dict[torch.dtype, Attribute] = {
    torch.float64: Float64Type(),
    torch.float32: Float32Type(),
    torch.bfloat16: bf16,
    torch.float16: f16,
    torch.float8_e4m3fn: Float8E4M3FNType(),
    torch.float8_e5m2: Float8E5M2Type(),
    torch.complex64: ComplexType(Float32Type()),
    torch.complex128: ComplexType(Float64Type()),
    torch.int64: i64,
    torch.int32: IntegerType(32),
    torch.int16: IntegerType(16),
    torch.int8: IntegerType(8),
    torch.uint8: IntegerType(8, Signedness.UNSIGNED),
    torch.bool: i1,
}
PLACEMENT = {"device", "layout", "pin_memory", "non_blocking", "memory_format", "copy"}
"""Arguments about where and how memory is laid out; the IR has no opinion on memory before it is planned."""
CARRIED_BY_TYPE = {"size", "shape"}
END_OF_DIM = 2**63 - 1
SYMBOL = re.compile(r"[A-Za-z_]\w*")
FUNCTIONS = {"Max": "max", "Min": "min"}
"""Functions in torch's size expressions -> ours.  Others (``Mod``, ``TruncToInt``) are refused by name."""

MAX_CONSTANT_ELEMENTS = 4096

EDIT_DATA_DEPENDENT = """shapes must follow from B and S, not from data.  In place of a loop over experts that picks
  its tokens, sort once and multiply by groups:
      order = expert_ids.flatten().argsort()                      # [T*k]
      ends = torch.nn.functional.one_hot(expert_ids.flatten(), num_experts).sum(0).cumsum(0).to(torch.int32)
      y = torch.nn.functional.grouped_mm(x[order // k], weight_EKN, offs=ends)
  or compute every expert for every token and multiply by its weight (zero where it was not chosen)"""


@dataclass
class Types:
    """Types of captured values; sizes are written with the names the user gave to the inputs' dims."""

    size_names: dict[str, str]
    """torch's symbol (``s72``) -> name (``S``)."""
    sizes: dict[object, Size] = field(default_factory=dict[object, Size])
    """torch's expression -> ours, as met: sympy hashes an expression once and prints it slowly each time."""

    def type_of(self, value: object, node: Node) -> Tensor:
        """The type of one tensor value of ``node``.  Raises ImportFailure for what is no tensor or has no name."""
        if not isinstance(value, torch.Tensor):
            raise ImportFailure(f"{node.target} gives {type(value).__name__}, not a tensor", where=where(node))
        if value.dtype not in ELEMENTS:
            raise ImportFailure(
                f"element type {value.dtype} has no counterpart: {quote(node)}",
                where=where(node),
                hint=f"use one of {', '.join(str(dtype).removeprefix('torch.') for dtype in ELEMENTS)}",
            )
        return tensor_type(tuple(self.size(size, node) for size in value.shape), ELEMENTS[value.dtype])

    def size(self, size: int | torch.SymInt, node: Node) -> Size:
        """A size as a number or by name.  Raises ImportFailure for one that depends on data."""
        if isinstance(size, int):
            return size
        expression = size.node.expr
        if expression not in self.sizes:
            self.sizes[expression] = self.named(str(expression), node)
        return self.sizes[expression]

    def named(self, text: str, node: Node) -> Size:
        """torch's text of an expression with the user's names, in canonical form."""
        unknown = [name for name in SYMBOL.findall(text) if name not in self.size_names and name not in FUNCTIONS]
        if any(re.fullmatch(r"u\d+", name) for name in unknown):
            raise ImportFailure(
                f"a size that depends on data: {quote(node) or node.target}",
                where=where(node),
                hint=EDIT_DATA_DEPENDENT,
            )
        if unknown:
            raise ImportFailure(
                f"size {text} uses {', '.join(unknown)}, which no named dim gives: {quote(node)}",
                where=where(node),
                hint="name the input's dim in dynamic_dims(), or make it a fixed size",
            )
        renamed = SYMBOL.sub(lambda match: FUNCTIONS.get(match[0]) or self.size_names[match[0]], text)
        try:
            return parse_size(renamed)
        except SizeError as error:
            raise ImportFailure(f"size {renamed} cannot be written: {error}", where=where(node)) from error

    def describe(self, value: object, node: Node) -> Hashable:
        """A hashable account of a node's value, for comparing layers."""
        if isinstance(value, list | tuple):
            return tuple(self.describe(element, node) for element in value)
        if isinstance(value, torch.Tensor):
            return self.type_of(value, node)
        if isinstance(value, int | torch.SymInt):
            return self.size(value, node)
        return str(value)

    def attribute(self, arg: Arg, value: object, node: Node) -> Attribute | None:
        """A non-tensor argument as a property; None where the schema's default or the result type says it."""
        carried = arg.name in CARRIED_BY_TYPE and arg.type.startswith("SymInt[]")
        if value is None or arg.name in PLACEMENT or carried:
            return None
        if arg.default is not None and is_default(value, default_value(arg.default)):
            return None
        if arg.name == "end" and value == END_OF_DIM:
            return None
        return self.constant(value, node, wants_float=arg.type.startswith("float"))

    def constant(self, value: object, node: Node, *, wants_float: bool = False) -> Attribute:
        """A literal as an attribute: an element type for a dtype, a string for a named size."""
        match value:
            case Node():
                return self.constant(value.meta["val"], node, wants_float=wants_float)
            case bool():
                return IntegerAttr(value, i1)
            case int():
                return FloatAttr(float(value), f64) if wants_float else IntegerAttr(value, i64)
            case float():
                return FloatAttr(value, f64)
            case str():
                return StringAttr(value)
            case torch.SymInt():
                size = self.size(value, node)
                return StringAttr(size) if isinstance(size, str) else IntegerAttr(size, i64)
            case torch.dtype():
                return ELEMENTS[value]
            case list() | tuple():
                return ArrayAttr([self.constant(element, node, wants_float=wants_float) for element in value])
            case _:
                kind = type(value).__name__
                raise ImportFailure(
                    f"argument {value} of {node.target} is a {kind}, which has no counterpart: {quote(node)}",
                    where=where(node),
                    hint="compute it from tensor sizes and literals only",
                )


def is_default(value: object, default: object) -> bool:
    """Whether a literal is the schema's default; 0 and 0.0 and False are different literals."""
    if isinstance(value, list | tuple) and isinstance(default, list):
        return len(value) == len(default) and all(is_default(v, d) for v, d in zip(value, default, strict=True))
    return type(value) is type(default) and value == default


def dense(tensor: torch.Tensor) -> DenseIntOrFPElementsAttr:
    """A small tensor with its exact values as an attribute."""
    assert tensor.numel() <= MAX_CONSTANT_ELEMENTS and tensor.dtype in ELEMENTS
    kind = cast(Any, tensor_type(tuple(tensor.shape), ELEMENTS[tensor.dtype]))  # any element type of the table
    values = tensor.detach().cpu().flatten()
    if tensor.dtype.is_complex:
        pairs = [(float(pair[0]), float(pair[1])) for pair in torch.view_as_real(values).tolist()]
        return DenseIntOrFPElementsAttr.from_list(kind, pairs)
    return DenseIntOrFPElementsAttr.from_list(kind, values.tolist())
