"""Through torch-mlir to linalg or StableHLO: one function per unit, and an entry that calls them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from dsv3c.backends.mlir.errors import ExitError
from dsv3c.backends.mlir.export import export_unit, tidy
from dsv3c.backends.mlir.torch_mlir import load_torch_mlir, refused
from dsv3c.backends.mlir.units import Key, Layout, Step, TensorSpec, Unit, tensors_of, where_of
from dsv3c.backends.reference.dtypes import element_of
from dsv3c.ir.dialects.comm import num_ranks
from dsv3c.ir.dialects.core import facts_of, symbols_of
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import UsageError, at
from dsv3c.ir.functions import callee_name, functions
from dsv3c.ir.sizes import Size, evaluate
from dsv3c.ir.sizes import symbols_of as symbols_in

Dialect = Literal["linalg", "stablehlo"]
LEGAL: Mapping[Dialect, str] = {
    # linalg joins and cuts dims itself; the views that these would become it gets wrong where dims are dynamic
    "linalg": "backend-legal-ops=aten.flatten.using_ints,aten.unflatten.int ",
    "stablehlo": "",
}
"""Composite operators that stay until they are lowered."""
FROM_TORCH = (
    "builtin.module(func.func(torch-match-quantized-custom-ops),"
    "torchdynamo-export-to-torch-backend-pipeline{{{legal}extra-library=}})"
)
TO_DIALECT: Mapping[Dialect, str] = {
    "linalg": "builtin.module(torch-backend-to-linalg-on-tensors-backend-pipeline)",
    "stablehlo": "builtin.module(torch-backend-to-stablehlo-backend-pipeline)",
}


@dataclass(frozen=True)
class LeftEntry:
    """A function of the text that leaves: its arguments and results in order."""

    name: str
    arguments: tuple[TensorSpec, ...]
    results: tuple[TensorSpec, ...]
    keys: tuple[Key, ...]
    """The parameters, whose tensors are the last arguments."""


@dataclass(frozen=True)
class Left:
    """A program that has left."""

    text: str
    entries: tuple[LeftEntry, ...]
    sizes: Mapping[str, int]
    """Named sizes that are numbers in the text."""


def check_module(module: ModuleOp) -> None:
    """Raise ``ExitError`` for a program of several ranks, with a timetable, or with a cache."""
    if (ranks := num_ranks(module)) > 1:
        raise ExitError(
            f"a program of {ranks} ranks does not leave: neither linalg nor StableHLO says how ranks exchange rows",
            hint="leave out --ep",
        )
    if "scheduled" in facts_of(module):
        raise ExitError("a program with a timetable does not leave", hint="leave out --ep, or give --overlap off")
    if "phased" in facts_of(module):
        raise ExitError(
            "a phased program does not leave: its paged cache is written in place, which tensors cannot say",
            hint="give the model, or the text of an earlier stage (raised)",
        )
    if "raised" not in facts_of(module):
        raise ExitError("the program is not raised", hint="give the model itself, or a text that states the fact")


def chosen_sizes(module: ModuleOp, dialect: Dialect, given: Mapping[str, int]) -> dict[str, int]:
    """Named sizes that become numbers: those given; all others, at their hints, in StableHLO.

    Raises UsageError for a name the module does not have, or a size outside its range.
    """
    symbols = symbols_of(module)
    for name, size in given.items():
        if name not in symbols:
            raise UsageError(f"the program has no size named {name}", hint=f"its sizes: {', '.join(symbols) or 'none'}")
        low, high = symbols[name].bounds()
        if size < low or (high is not None and size > high):
            raise UsageError(f"{name} = {size} is outside {low}..{'' if high is None else high}")
    if dialect == "linalg":
        return dict(given)
    hints = {name: (symbol.hint or symbol.min).value.data for name, symbol in symbols.items()}
    return hints | dict(given)


def leave(
    module: ModuleOp, dialect: Dialect, sizes: Mapping[str, int] | None = None, *, locations: bool = False
) -> Left:
    """The entries of a raised module in a dialect of MLIR, parameters as arguments behind the inputs.

    ``sizes``: named sizes that become numbers.  ``locations``: print every op's source line.
    Raises ``ExitError`` for what cannot leave, and UsageError without torch-mlir.
    """
    check_module(module)
    numbers = chosen_sizes(module, dialect, sizes or {})
    table = functions(module)
    called = {callee_name(op) for op in module.walk() if isinstance(op, func.CallOp)}
    builder = Builder(dialect, numbers, module)
    entries = [builder.entry(table[name]) for name in table if name not in called]
    return Left(builder.text(locations=locations), tuple(entries), numbers)


class Builder:
    """The module in MLIR while it grows."""

    def __init__(self, dialect: Dialect, sizes: Mapping[str, int], module: ModuleOp) -> None:
        self.mlir = load_torch_mlir()
        self.dialect: Dialect = dialect
        self.sizes = sizes
        self.table, self.symbols = functions(module), symbols_of(module)
        self.context = self.mlir.ir.Context()
        self.mlir.torch.register_dialect(self.context)
        with self.context, self.mlir.ir.Location.unknown():
            self.module = self.mlir.ir.Module.create()
        self.made = dict[str, Any]()
        self.units = dict[str, Unit]()
        self.layouts = list[tuple[LeftEntry, func.FuncOp, list[Step]]]()

    def entry(self, function: func.FuncOp) -> LeftEntry:
        """Import the units of an entry; its own function is made when all are lowered."""
        layout = Layout(function, self.table, self.units)
        known = set(self.units)
        steps = layout.steps()
        for name, unit in self.units.items():
            if name not in known:
                self.unit(unit)
        arguments, keys = entry_arguments(function, steps)
        end = function.body.block.last_op
        assert end is not None
        results = [
            spec
            for index, value in enumerate(end.operands)
            for spec in tensors_of(value.name_hint or f"result.{index}", value.type, "result", where_of(value))
        ]
        shown = LeftEntry(function.sym_name.data, tuple(arguments), tuple(results), tuple(keys))
        self.layouts.append((shown, function, steps))
        return shown

    def unit(self, unit: Unit) -> None:
        """Capture a unit and lower it in a module of its own: shapes are refined from a function @main there."""
        program = export_unit(unit, self.table, self.symbols, self.sizes)
        tidy(program)
        importer = self.mlir.importer.FxImporter(context=self.context)
        importer.import_frozen_program(program, func_name="main")
        for pipeline in (FROM_TORCH.format(legal=LEGAL[self.dialect]), TO_DIALECT[self.dialect]):
            self.run(pipeline, importer.module)
        ir = self.mlir.ir
        with self.context, ir.Location.unknown():
            (function,) = importer.module.body.operations
            made = function.operation.clone(ip=ir.InsertionPoint(self.module.body))
            made.attributes["sym_name"] = ir.StringAttr.get(unit.name)
            made.attributes["sym_visibility"] = ir.StringAttr.get("private")
            self.made[unit.name] = made.opview

    def text(self, *, locations: bool) -> str:
        """Add the entries, verify, print."""
        with self.context, self.mlir.ir.Location.unknown():
            for shown, function, steps in self.layouts:
                self.assemble(shown, function, steps)
        self.module.operation.verify()
        return self.module.operation.get_asm(enable_debug_info=locations)

    def run(self, pipeline: str, module: Any) -> None:
        """Run passes of torch-mlir.  Raises ``ExitError`` with its diagnostic and the user's line."""
        with self.context:
            try:
                self.mlir.passes.PassManager.parse(pipeline).run(module.operation)
            except self.mlir.ir.MLIRError as error:
                raise refused(str(error)) from error

    def type_of(self, spec: TensorSpec) -> Any:
        """``tensor<?x192xbf16>``: what is named and has no number is open."""
        sizes = [self.size(size) for size in spec.sizes]
        return self.mlir.ir.Type.parse(f"tensor<{''.join(f'{size}x' for size in sizes)}{element_of(spec.dtype)}>")

    def size(self, size: Size) -> str:
        """A size as MLIR writes it."""
        return str(evaluate(size, self.sizes)) if symbols_in(size) <= self.sizes.keys() else "?"

    def assemble(self, shown: LeftEntry, function: func.FuncOp, steps: Sequence[Step]) -> None:
        """An entry: calls of its units, one after the other."""
        ir, dialect = self.mlir.ir, self.mlir.func
        kind = ir.FunctionType.get([self.type_of(s) for s in shown.arguments], [self.type_of(s) for s in shown.results])
        entry = dialect.FuncOp(shown.name, kind, ip=ir.InsertionPoint(self.module.body))
        values = dict[SSAValue | Key, list[Any]]()
        given = iter(entry.add_entry_block().arguments)
        for key in [*function.body.block.args, *shown.keys]:
            values[key] = [next(given) for _ in range(num_tensors(key))]
        with ir.InsertionPoint(entry.entry_block):
            for step in steps:
                args = [tensor for value in step.args for tensor in values[key_of(value)]]
                args += [tensor for key in step.unit.keys for tensor in values[key.below(step.prefix)]]
                call = iter(dialect.CallOp(self.made[step.unit.name], args).results)
                for value in step.results:
                    values[value] = [next(call) for _ in range(num_tensors(value))]
            end = function.body.block.last_op
            assert end is not None
            dialect.ReturnOp([tensor for value in end.operands for tensor in values[key_of(value)]])


def key_of(value: SSAValue) -> SSAValue | Key:
    """What an entry's value is found by: a parameter by its key."""
    return Key(value.owner, "") if isinstance(value.owner, ParamOp) else value


def type_of(value: SSAValue | Key) -> Any:
    """The type of a value or parameter."""
    return value.op.value.type if isinstance(value, Key) else value.type


def num_tensors(value: SSAValue | Key) -> int:
    """How many tensors a value is."""
    return len(list(tensors_of("", type_of(value), "")))


def direct_keys(function: func.FuncOp, steps: Sequence[Step]) -> Iterator[Key]:
    """Parameters of an entry, also those that it hands on itself; in the order of use."""
    end = function.body.block.last_op
    assert end is not None
    for step in steps:
        yield from (Key(value.owner, "") for value in step.args if isinstance(value.owner, ParamOp))
        yield from (key.below(step.prefix) for key in step.unit.keys)
    yield from (Key(value.owner, "") for value in end.operands if isinstance(value.owner, ParamOp))


def entry_arguments(function: func.FuncOp, steps: Sequence[Step]) -> tuple[list[TensorSpec], list[Key]]:
    """The tensors an entry takes, in order, and the parameters among them."""
    found, keys = list[TensorSpec](), list(dict.fromkeys(direct_keys(function, steps)))
    for index, argument in enumerate(function.body.block.args):
        found += tensors_of(argument.name_hint or f"input.{index}", argument.type, "input", at(function))
    for key in keys:
        found += tensors_of(key.name, key.op.value.type, "weight", at(key.op))
    return found, keys
