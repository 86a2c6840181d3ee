"""One FX node -> one ``aten`` op: operands, properties, name and location.

Dropped on the way, because result types or values carry them: arguments about size, device and layout, getitem,
no-op conversions.  Writes are made functional (``dsv3c.frontend.import_writes``).
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from torch.fx import Node
from xdsl.ir import Attribute, Block, Operation, SSAValue

from dsv3c.frontend.fx_graph import is_size, location, module_path, op_name, quote, where
from dsv3c.frontend.import_types import Types
from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp, Operand
from dsv3c.ir.dialects.aten_schema import Arg, Kind
from dsv3c.ir.errors import ImportFailure
from dsv3c.ir.types import Tensor

Value = SSAValue | list[SSAValue]

SAME_VALUE = {"aten.contiguous", "aten.lift_fresh_copy", "aten.clone", "aten.positive"}
"""Operators that copy or speak about memory only: values have no memory here."""
CONVERSION = "aten.to.dtype"
CONVERSIONS = {
    "aten.to.dtype",
    "aten.to.dtype_layout",
    "aten.to.device",
    "aten.to.other",
    "aten.to.prim_dtype",
    "aten.to.prim_other",
    "aten._to_copy",
    "aten.type_as",
}
"""Spellings of one conversion; what they say about devices and layouts is dropped."""
NOT_IN_NAMES = re.compile(r"[^\w$.-]", re.ASCII)
"""What a module may be called, and a value may not."""


@dataclass
class Environment:
    """The function being built: FX node -> the SSA value that holds it now (a write moves it on)."""

    block: Block
    prefix: str = ""
    """Module path of the function; locations and parameter names inside are relative to it."""
    values: dict[Node, Value] = field(default_factory=dict[Node, Value])
    same: dict[Node, Node] = field(default_factory=dict[Node, Node])
    """Nodes that are another node's value: arguments and results of inlined submodules."""
    inputs: set[Node] = field(default_factory=set[Node])
    """Values that belong to the caller: writing into them would be visible outside."""
    leaf: Callable[["Environment", Node], SSAValue | None] = lambda _env, _node: None
    """Makes a parameter or constant on its first use."""

    def __setitem__(self, node: Node, value: Value) -> None:
        self.values[self.root(node)] = value

    def root(self, node: Node) -> Node:
        """The node that ``node`` stands for."""
        while node in self.same:
            node = self.same[node]
        return node

    def get(self, node: Node) -> Value:
        """The value of a node now: one value, or the list an operator gave."""
        root = self.root(node)
        if root not in self.values and (made := self.leaf(self, root)) is not None:
            self.values[root] = made
        return self.values[root]

    def value(self, node: object) -> SSAValue:
        """The value of a node that is one tensor."""
        assert isinstance(node, Node), node
        value = self.get(node)
        assert isinstance(value, SSAValue), node
        return value

    def operand(self, given: object) -> Operand:
        """A tensor argument: one value, a list with holes, or nothing."""
        if isinstance(given, list | tuple):
            return [None if element is None else self.value(element) for element in given]
        return None if given is None else self.value(given)

    def relative(self, path: str) -> str:
        """A module path or parameter name as seen from this function."""
        return path.removeprefix(self.prefix).removeprefix(".") if self.prefix else path

    def add(self, op: Operation, node: Node) -> None:
        """Append an op that stands for ``node``."""
        op.location = location(node, self.relative(module_path(node)))
        self.block.add_op(op)


@dataclass
class NodeImporter:
    """Makes the op of a node; ``write`` handles operators that mutate an argument."""

    ctx: CompileContext
    types: Types
    write: Callable[["NodeImporter", type[AtenOp], Node, Environment], None]

    def import_nodes(self, nodes: Sequence[Node], env: Environment) -> None:
        """Append the ops of ``nodes`` to the function."""
        for node in nodes:
            if node.target is operator.getitem:
                self.import_getitem(node, env)
            else:
                self.import_node(node, env)

    def import_getitem(self, node: Node, env: Environment) -> None:
        """An element of a multi-result op, or of a list of results."""
        source, index = node.args
        assert isinstance(source, Node) and isinstance(index, int)
        values = env.get(source)
        assert isinstance(values, list), source
        env[node] = values[index]

    def import_node(self, node: Node, env: Environment) -> None:
        """One operator call."""
        name = op_name(node)
        if is_same_value(name, node):
            env[node] = env.value(node.args[0])
            return
        if name in CONVERSIONS:
            self.emit_conversion(node, env)
            return
        cls = self.op_class(node)
        if cls.SCHEMA.mutates:
            self.write(self, cls, node, env)
        else:
            self.emit(cls, node, env)

    def op_class(self, node: Node) -> type[AtenOp]:
        """The class of a node's operator, with the overload that its arguments fit."""
        cls = self.ctx.get_optional_op(op_name(node))
        if cls is None or not issubclass(cls, AtenOp):
            raise ImportFailure(
                f"operator {op_name(node)} is in no schema table: {quote(node)}",
                where=where(node),
                hint="write it with PyTorch's own operators; a custom operator needs its schema in "
                "ir/dialects/schemas/custom.txt (python -m dsv3c.dump_schemas) and a meaning",
            )
        return self.overload_for(cls, node)

    def aten(self, name: str) -> type[AtenOp]:
        """The class of an operator that PyTorch is known to have."""
        cls = self.ctx.get_op(name)
        assert issubclass(cls, AtenOp)
        return cls

    def overload_for(self, cls: type[AtenOp], node: Node) -> type[AtenOp]:
        """``x * 2.0`` is captured as mul.Tensor with a number where the schema wants a tensor: that is mul.Scalar."""
        given_numbers = [
            arg.name for arg, given in arguments(cls, node) if arg.kind is Kind.TENSOR and is_number(given)
        ]
        if not given_numbers:
            return cls
        scalar = self.ctx.get_optional_op(cls.name.removesuffix(".Tensor") + ".Scalar")
        if scalar is None or not issubclass(scalar, AtenOp):
            raise ImportFailure(
                f"{cls.name} gets a number where it takes a tensor ({given_numbers[0]}): {quote(node)}",
                where=where(node),
                hint="write the number with torch.full_like, or use an operator that takes numbers",
            )
        return scalar

    def emit(self, cls: type[AtenOp], node: Node, env: Environment) -> None:
        """Build the op from the node's arguments and append it."""
        operands, properties = dict[str, Operand](), dict[str, Attribute]()
        for arg, given in arguments(cls, node):
            if arg.kind.is_operand:
                operands[arg.name] = env.operand(given)
            elif (attribute := self.types.attribute(arg, given, node)) is not None:
                properties[arg.name] = attribute
        results = self.result_types(node)
        if is_factory(cls):
            properties["dtype"] = results[0].element_type  # its default is a global setting at the time of the capture
        self.append(cls.build_from(operands, properties, results), node, env)

    def emit_conversion(self, node: Node, env: Environment) -> None:
        """Any spelling of a change of element type."""
        results = self.result_types(node)
        op = self.aten(CONVERSION).build_from(
            {"self": env.value(node.args[0])}, {"dtype": results[0].element_type}, results
        )
        self.append(op, node, env)

    def result_types(self, node: Node) -> list[Tensor]:
        """Types of what a node gives, one per result."""
        value = node.meta["val"]
        return [self.types.type_of(v, node) for v in (value if isinstance(value, list | tuple) else [value])]

    def append(self, op: AtenOp, node: Node, env: Environment) -> None:
        """Add an op and make its results the node's value."""
        env.add(op, node)
        for result in op.results:
            result.name_hint = hint(node)
        env[node] = list(op.results) if isinstance(node.meta["val"], list | tuple) else op.results[0]


def hint(node: Node) -> str:
    """A readable name: the module of a Linear (``q_a_proj``), else the operator (``split``)."""
    base = op_name(node).split(".")[1].strip("_")
    path = module_path(node)
    last = path.rpartition(".")[2]
    return value_name(path, 1) if base in ("linear", "embedding") and last and not last.isdigit() else base


def value_name(path: str, count: int) -> str:
    """The last ``count`` parts of a path: ``self_attn.q_a_proj.weight`` -> ``q_a_proj_weight``.

    A value's name begins with no digit, as that of a module in an ``nn.Sequential`` does: ``mlp.0.weight`` ->
    ``mlp_0_weight``.
    """
    parts = path.split(".")
    first = max(0, len(parts) - count)
    while first and parts[first][0].isdigit():
        first -= 1
    name = NOT_IN_NAMES.sub("_", "_".join(parts[first:]))
    return f"p_{name}" if name[0].isdigit() else name


def arguments(cls: type[AtenOp], node: Node) -> Iterator[tuple[Arg, object]]:
    """The schema's arguments that the node gives, with what it gives."""
    for index, arg in enumerate(cls.SCHEMA.args):
        if index < len(node.args):
            yield arg, node.args[index]
        elif arg.name in node.kwargs:
            yield arg, node.kwargs[arg.name]


def is_number(given: object) -> bool:
    """Whether an argument is a number: a literal, or a node that computes a size."""
    return isinstance(given, int | float) or (isinstance(given, Node) and is_size(given))


def is_factory(cls: type[AtenOp]) -> bool:
    """Whether an operator makes a tensor out of numbers alone."""
    args: Iterable[Arg] = cls.SCHEMA.args
    return any(arg.name == "dtype" for arg in args) and not any(arg.kind.is_operand for arg in args)


def is_same_value(name: str, node: Node) -> bool:
    """Copies, conversions to the type a value already has, operators that only speak about memory."""
    if name in SAME_VALUE:
        return True
    source = node.args[0] if node.args else None
    return name in CONVERSIONS and isinstance(source, Node) and node.meta["val"].dtype == source.meta["val"].dtype
