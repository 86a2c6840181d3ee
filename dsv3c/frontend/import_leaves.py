"""Parameters, buffers and literals of an exported program: names relative to a layer, constants with exact values."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, InputSpec
from torch.fx import Node
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.ir import SSAValue

from dsv3c.frontend.fx_graph import location
from dsv3c.frontend.import_nodes import Environment, value_name
from dsv3c.frontend.import_types import ELEMENTS, MAX_CONSTANT_ELEMENTS, Types, dense
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.errors import ImportFailure

PARAMETERS = (InputKind.PARAMETER, InputKind.BUFFER)


@dataclass(frozen=True)
class Parameter:
    """A stored tensor, by its absolute name."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A value that is in no checkpoint."""

    name: str
    elements: DenseIntOrFPElementsAttr


Leaf = Parameter | Constant


@dataclass
class ProgramLeaves:
    """The program's leaves by placeholder; implements ``outline.Leaves``."""

    leaves: Mapping[Node, Leaf]
    types: Types
    same: Mapping[Node, Node]

    def root(self, node: Node) -> Node:
        """The node that ``node`` stands for."""
        while node in self.same:
            node = self.same[node]
        return node

    def describe(self, node: Node) -> Hashable:
        """The type of a node's value, with sizes by name."""
        return self.types.describe(node.meta.get("val"), node)

    def local(self, node: Node, layer: str) -> Hashable:
        """Relative name and type of a layer's own parameter, or a constant's value; None for what is passed in."""
        match self.leaves.get(node):
            case Parameter(name) if name.startswith(f"{layer}."):
                return (name.removeprefix(f"{layer}."), self.describe(node))
            case Constant(_, elements):
                return elements
            case _:
                return None

    def make(self, env: Environment, node: Node) -> SSAValue | None:
        """The op of a leaf, appended to the function that first uses it; None if the leaf is the caller's."""
        leaf = self.leaves.get(node)
        if leaf is None or (isinstance(leaf, Parameter) and env.prefix and not leaf.name.startswith(f"{env.prefix}.")):
            return None
        if isinstance(leaf, Constant):
            op = ConstantOp(leaf.elements)
        else:
            op = ParamOp(env.relative(leaf.name), self.types.type_of(node.meta["val"], node))
        op.location = location(node, "")
        op.value.name_hint = value_name(env.relative(leaf.name), 2)
        env.block.add_op(op)
        return op.value


def leaves_of(program: ExportedProgram, buffers: Mapping[str, torch.Tensor]) -> dict[Node, Leaf]:
    """What each placeholder is, tensors given by the user excepted.

    Raises ImportFailure for a buffer that no checkpoint stores and that has no values or too many to write down.
    """
    placeholders = [node for node in program.graph.nodes if node.op == "placeholder"]
    found = dict[Node, Leaf]()
    for node, spec in zip(placeholders, program.graph_signature.input_specs, strict=True):
        if spec.kind is InputKind.USER_INPUT:
            continue
        if spec.target is None or spec.kind not in (*PARAMETERS, InputKind.CONSTANT_TENSOR):
            raise ImportFailure(
                f"the program takes a {spec.kind.name.lower()} ({node.name}), which has no counterpart",
                hint="forward may use tensors, parameters and buffers only",
            )
        stored = spec.kind is InputKind.PARAMETER or (spec.kind is InputKind.BUFFER and spec.persistent)
        found[node] = Parameter(spec.target) if stored else constant(program, spec, spec.target, buffers)
    return found


def constant(program: ExportedProgram, spec: InputSpec, name: str, buffers: Mapping[str, torch.Tensor]) -> Constant:
    """A value that goes into the text."""
    value = buffers.get(name, program.constants.get(name))
    kind = "literal" if spec.kind is InputKind.CONSTANT_TENSOR else "non-persistent buffer"
    if not isinstance(value, torch.Tensor) or value.is_meta:
        raise ImportFailure(
            f"the {kind} {name} has no values: it was made on the meta device",
            hint='make it under torch.device("cpu") (it is in no checkpoint), or register it with persistent=True',
        )
    if value.numel() > MAX_CONSTANT_ELEMENTS:
        raise ImportFailure(
            f"the {kind} {name} has {value.numel():,} elements; at most {MAX_CONSTANT_ELEMENTS:,} go into the program",
            hint="compute it in forward from torch.arange and a small buffer (a RoPE table: positions times inv_freq), "
            "or register it with persistent=True to read it from the checkpoint",
        )
    if value.dtype not in ELEMENTS:
        raise ImportFailure(f"the {kind} {name} has element type {value.dtype}, which has no counterpart")
    return Constant(name, dense(value))
