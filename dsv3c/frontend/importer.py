"""A captured model -> a module of ``aten`` ops: functional, sizes by name, identical layers one function.

Layer functions are private and named ``@layer0``, ``@layer1`` in order of first use; they take activations and tables.
Their parameters are named relative to the ``prefix`` of the call.  Entry functions keep the capture's names.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import Node
from xdsl.dialects import func
from xdsl.dialects.builtin import UNKNOWN_LOC, ModuleOp, NameLoc, StringAttr
from xdsl.ir import Block, Operation, SSAValue

from dsv3c.frontend.captured import Captured, Entry
from dsv3c.frontend.fx_graph import flatten, layer_of, location, where
from dsv3c.frontend.import_leaves import ProgramLeaves, leaves_of
from dsv3c.frontend.import_nodes import Environment, NodeImporter, hint
from dsv3c.frontend.import_types import Types
from dsv3c.frontend.import_writes import write
from dsv3c.frontend.outline import Run, runs
from dsv3c.frontend.recipes import add_recipes
from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.core import SymbolOp
from dsv3c.ir.errors import ImportFailure
from dsv3c.ir.functions import PREFIX, make_function

MODEL = "dsv3c.model"
SEMANTICS = "dsv3c.semantics"


def import_program(ctx: CompileContext, captured: Captured) -> ModuleOp:
    """The whole capture as one module: symbols, layer functions, entries.

    Raises ImportFailure (what, the user's line, the edit to make) for writes that outlive a call, sizes that depend on
    data, control flow, unknown operators and buffers without values.
    """
    layers = dict[Hashable, func.FuncOp]()
    entries = [
        EntryImporter(ctx, captured, name, entry, layers).entry_function() for name, entry in captured.entries.items()
    ]
    symbols = [SymbolOp(symbol.name, symbol.min, symbol.max, symbol.hint) for symbol in captured.symbols]
    ops: Sequence[Operation] = [*symbols, *layers.values(), *entries]
    module = ModuleOp(list(ops))
    module.attributes[MODEL] = StringAttr(captured.name)
    module.attributes[SEMANTICS] = StringAttr(captured.semantics)
    if captured.config is not None:
        add_recipes(ctx, module, captured.config, captured.quantized)
    return module


def size_names(entry: Entry) -> dict[str, str]:
    """torch's symbols (``s72``) -> the names of the inputs' dims: torch does not keep them."""
    names = dict[str, str]()
    for node in entry.program.graph.nodes:
        for dim, name in entry.dims.get(node.name, {}).items():
            names[str(node.meta["val"].shape[dim])] = name
    return names


@dataclass
class EntryImporter:
    """Imports one exported program into one entry function and the layer functions it calls."""

    ctx: CompileContext
    captured: Captured
    name: str
    entry: Entry
    layers: dict[Hashable, func.FuncOp]
    """Layer functions of all entries, by what makes them equal."""
    same: dict[Node, Node] = field(default_factory=dict[Node, Node])

    def __post_init__(self) -> None:
        self.types = Types(size_names(self.entry))
        self.nodes = NodeImporter(self.ctx, self.types, write)
        leaves = leaves_of(self.program, self.captured.buffers)
        self.leaves = ProgramLeaves(leaves, self.types, self.same)

    @property
    def program(self) -> ExportedProgram:
        """The exported program."""
        return self.entry.program

    def entry_function(self) -> func.FuncOp:
        """The entry function; layer functions it needs are added to ``layers``."""
        nodes = list(flatten(self.program.graph_module, self.same))
        inputs = self.user_inputs()
        env = self.environment(inputs, "")
        env.inputs.update(self.leaves.leaves)
        for run in runs(nodes, self.leaves):
            if run.path:
                self.import_call(run, env)
            else:
                self.nodes.import_nodes(run.nodes, env)
        env.block.add_op(func.ReturnOp(*[env.value(node) for node in self.outputs()]))
        return make_function(self.name, env.block)

    def user_inputs(self) -> list[Node]:
        """The tensors that the caller gives."""
        placeholders = [node for node in self.program.graph.nodes if node.op == "placeholder"]
        specs = zip(placeholders, self.program.graph_signature.input_specs, strict=True)
        return [node for node, spec in specs if spec.kind is InputKind.USER_INPUT]

    def outputs(self) -> list[Node]:
        """The results.  Raises ImportFailure for one that is no tensor."""
        results = self.program.graph.output_node().args[0]
        assert isinstance(results, tuple | list)
        specs = self.program.graph_signature.output_specs
        for spec in specs:
            if spec.kind is not OutputKind.USER_OUTPUT:
                raise ImportFailure(
                    f"the program changes {spec.target} ({spec.kind.name.lower()})",
                    hint="return what changes as a result; nothing may outlive a call",
                )
        nodes = [result for result in results if isinstance(result, Node)]
        if len(nodes) != len(results):
            raise ImportFailure("forward returns something that is not a tensor", hint="return tensors only")
        return nodes

    def environment(self, inputs: Sequence[Node], prefix: str) -> Environment:
        """A function under construction whose arguments are ``inputs``."""
        block = Block(arg_types=[self.types.type_of(node.meta["val"], node) for node in inputs])
        env = Environment(block, prefix, same=self.same, inputs=set(inputs), leaf=self.leaves.make)
        for node, argument in zip(inputs, block.args, strict=True):
            argument.name_hint = node.name
            argument.location = location(node, "")
            env[node] = argument
        return env

    def import_call(self, run: Run, env: Environment) -> None:
        """Call the function of a layer; make it first if no equal one exists."""
        if run.key not in self.layers:
            self.layers[run.key] = self.layer_function(run, f"layer{len(self.layers)}")
        callee = self.layers[run.key]
        call = func.CallOp(
            callee.sym_name.data, [env.value(node) for node in run.inputs], callee.function_type.outputs.data
        )
        call.attributes[PREFIX] = StringAttr(run.path)
        call.location = NameLoc(StringAttr(run.path), UNKNOWN_LOC)
        env.block.add_op(call)
        for node, result in zip(run.outputs, call.results, strict=True):
            result.name_hint = "hidden" if len(call.results) == 1 else None
            env[node] = result

    def layer_function(self, run: Run, name: str) -> func.FuncOp:
        """A private function that computes one layer."""
        env = self.environment(run.inputs, run.path)
        env.inputs.update(self.leaves.leaves)
        for node, argument in zip(run.inputs, env.block.args, strict=True):
            argument.name_hint = argument_name(node)
        self.nodes.import_nodes(run.nodes, env)
        env.block.add_op(func.ReturnOp(*[self.output(node, env) for node in run.outputs]))
        return make_function(name, env.block, private=True)

    def output(self, node: Node, env: Environment) -> SSAValue:
        """A value that is read after the layer.  Raises ImportFailure for a list, which is no value."""
        value = env.get(node)
        if isinstance(value, list):
            raise ImportFailure(f"{node.target} is split between layers", where=where(node))
        return value


def argument_name(node: Node) -> str:
    """A layer argument's name: what it is outside, where layers are all alike."""
    if node.op == "placeholder":
        return node.name
    return "hidden" if layer_of(node)[0] else hint(node)
