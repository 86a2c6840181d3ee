"""Run a module with the reference meanings, at any level of lowering.

A function is compiled once into a flat list of instructions over numbered slots; an instruction calls the op's meaning.
Named sizes are bound from the entry's arguments and, where an op makes a new one (``mla.gather``), from its results.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.backends.reference.bindings import Binder, BindingError, Sizes, check_argument, sizes_brought, sizes_in
from dsv3c.backends.reference.call import Argument, Call, RankRef, SizeRef, adapter_of, is_literal, is_plain
from dsv3c.backends.reference.instructions import (
    Builder,
    Evaluate,
    EvaluateBuilt,
    EvaluateOnce,
    Frame,
    Instruction,
    LoadParam,
    is_of_params,
)
from dsv3c.backends.reference.meanings.arithmetic import Fidelity, fidelity, quantization
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.params import Params, no_meaning
from dsv3c.backends.reference.weights import Weights
from dsv3c.ir.dialects.moe import GateOp
from dsv3c.ir.dialects.units import UnitOp
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.errors import Dsv3cError, UsageError, at
from dsv3c.ir.functions import call_prefix, callee_name, functions, join_path
from dsv3c.ir.spelling import guess

Value = Tensor | LatentCache | Scaled
Observer = Callable[[Operation, Sequence[Value]], None]
"""Called after every op with its results, calls included."""
Replay = Callable[[], Tensor]
"""Gives the expert ids of the next ``moe.gate``, in the order they run."""


class ExecutionError(Dsv3cError):
    """An op failed while it ran; the cause is chained."""


@dataclass(slots=True, kw_only=True)
class CallFunction(Instruction):
    """Run another function, its parameters below ``prefix``."""

    executor: "Executor"
    callee: str
    prefix: str
    args: tuple[int, ...]

    def execute(self, frame: Frame) -> None:
        """Sizes pass through to the callee; those it binds itself (rows received) may differ from call to call."""
        values = [frame.slots[index] for index in self.args]
        results = self.executor.call(self.callee, values, Sizes(frame.sizes), join_path(frame.prefix, self.prefix))
        for index, value in zip(self.outs, results, strict=True):
            frame.slots[index] = value


@dataclass(slots=True, kw_only=True)
class BindResults(Instruction):
    """Bind the sizes that an op's results bring, whatever they were before."""

    binder: Binder
    introduced: frozenset[str]

    def execute(self, frame: Frame) -> None:
        """Compare result types with the values."""
        frame.sizes.forget(self.introduced)
        types = [result.type for result in self.op.results]
        values = [frame.slots[index] for index in self.outs]
        self.binder.bind_all(types, values, [f"a result of {self.op.name}"] * len(values), frame.sizes)


@dataclass(slots=True, kw_only=True)
class Observe(Instruction):
    """Show an op's results to the observer."""

    observer: Observer

    def execute(self, frame: Frame) -> None:
        """Results are still in their slots."""
        self.observer(self.op, [frame.slots[index] for index in self.outs])


@dataclass
class Body:
    """A compiled function."""

    template: list[Any]
    """Slots at entry: constants are filled in, arguments come first."""
    instructions: list[Instruction]
    returned: tuple[int, ...]


@dataclass
class Compiler:
    """Turns one function into instructions."""

    executor: "Executor"
    function: func.FuncOp
    slots: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    template: list[Any] = field(default_factory=list[Any])
    instructions: list[Instruction] = field(default_factory=list[Instruction])
    known_sizes: set[str] = field(default_factory=set[str])

    def compile(self) -> Body:
        """Raises ``IRError`` for an op without a meaning."""
        block = self.function.body.block
        for argument in block.args:
            self.new_slot(argument)
            self.known_sizes |= sizes_in([argument.type])
        for op in block.ops:
            if isinstance(op, func.ReturnOp):
                returned = tuple(self.slots[value] for value in op.operands)
                self.mark_last_uses(returned)
                return Body(self.template, self.instructions, returned)
            self.add(op)
        raise AssertionError(f"@{self.function.sym_name.data} has no return")

    def new_slot(self, value: SSAValue | None, content: Any = None) -> int:
        """A slot for a value, or for a constant."""
        self.template.append(content)
        if value is not None:
            self.slots[value] = len(self.template) - 1
        return len(self.template) - 1

    def add(self, op: Operation) -> None:
        """The instructions of one op."""
        if isinstance(op, ConstantOp):
            call = self.call_of(op)
            self.new_slot(op.value, call.meaning(*call.args, **call.kwargs))
            return
        if isinstance(op, UnitOp):
            self.slots |= {
                inside: self.slots[given] for inside, given in zip(op.body.block.args, op.inputs, strict=True)
            }
            for inner in op.ops:
                self.add(inner)
            self.slots |= {made: self.slots[inside] for made, inside in zip(op.outputs, op.end.values, strict=True)}
            return
        outs = tuple(self.new_slot(result) for result in op.results)
        self.instructions.append(self.instruction(op, outs))
        introduced = (sizes_in(op.result_types) - self.known_sizes) | sizes_brought(op)
        if introduced:
            self.known_sizes |= introduced
            self.instructions.append(BindResults(op=op, outs=outs, binder=self.executor.binder, introduced=introduced))
        if self.executor.observer is not None:
            self.instructions.append(Observe(op=op, outs=outs, observer=self.executor.observer))

    def instruction(self, op: Operation, outs: tuple[int, ...]) -> Instruction:
        """The instruction that computes an op's results."""
        if isinstance(op, ParamOp):
            return LoadParam(op=op, outs=outs, param=op, params=self.executor.params)
        if isinstance(op, func.CallOp):
            args = tuple(self.slots[operand] for operand in op.operands)
            prefix = call_prefix(op)
            return CallFunction(
                op=op, outs=outs, executor=self.executor, callee=callee_name(op), prefix=prefix, args=args
            )
        call = self.call_of(op)
        if is_of_params(op):
            (given,) = op.operands
            return EvaluateOnce(
                op=op,
                outs=outs,
                meaning=call.meaning,
                arg=self.slots[given],
                kwargs=dict(call.kwargs),
                params=self.executor.params,
            )
        replay = self.executor.replay
        if replay is not None and isinstance(op, GateOp):
            builders = {name: self.builder(argument) for name, argument in call.kwargs.items()}
            return EvaluateBuilt(
                op=op,
                outs=outs,
                meaning=call.meaning,
                args=tuple(self.builder(argument) for argument in call.args),
                kwargs=builders | {"chosen": lambda frame: replay()},
            )
        if all(map(is_plain, call.args)) and all(is_literal(value) for value in call.kwargs.values()):
            args = tuple(self.slot_of(argument) for argument in call.args)
            return Evaluate(op=op, outs=outs, meaning=call.meaning, args=args, kwargs=dict(call.kwargs))
        return EvaluateBuilt(
            op=op,
            outs=outs,
            meaning=call.meaning,
            args=tuple(self.builder(argument) for argument in call.args),
            kwargs={name: self.builder(argument) for name, argument in call.kwargs.items()},
        )

    def call_of(self, op: Operation) -> Call:
        """The op's call.  Raises ``IRError`` where there is none."""
        adapter = adapter_of(op)
        if adapter is None:
            raise no_meaning(op)
        return adapter(op)

    def slot_of(self, argument: Argument) -> int:
        """The slot of a value, or a new one that holds a literal."""
        return self.slots[argument] if isinstance(argument, SSAValue) else self.new_slot(None, argument)

    def builder(self, argument: Argument) -> Builder:
        """A function that makes the argument from a frame."""
        match argument:
            case SSAValue():
                index = self.slots[argument]
                return lambda frame: frame.slots[index]
            case SizeRef():
                text = argument.text
                return lambda frame: frame.sizes[text]
            case RankRef():
                return lambda frame: self.executor.params.rank
            case list():
                builders = [self.builder(element) for element in argument]
                return lambda frame: [build(frame) for build in builders]
            case _:
                return lambda frame: argument

    def mark_last_uses(self, returned: tuple[int, ...]) -> None:
        """Give every instruction the slots nothing reads after it."""
        kept = {*returned, *(index for index in range(len(self.template)) if self.template[index] is not None)}
        last = dict[int, int]()
        for position, instruction in enumerate(self.instructions):
            for index in (*instruction.outs, *(self.slots[value] for value in instruction.op.operands)):
                last[index] = position
        freed = dict[int, list[int]]()
        for index, position in last.items():
            if index not in kept:
                freed.setdefault(position, []).append(index)
        for position, indices in freed.items():
            self.instructions[position].frees = tuple(indices)


class Executor:
    """Runs functions of a module.  ``fidelity`` and ``observer``: see ``meanings.arithmetic`` and ``Observer``.

    ``quantization`` off: values stay as they are where the program quantises (see ``QUANTIZATION``).
    ``replay`` makes every ``moe.gate`` choose the experts it is told to: programs that route alike can be compared.
    ``params_budget_bytes`` bounds the memory for parameter values (recipes are run again when one was dropped).
    ``rank``: whose experts it reads; a group of several ranks runs in ``LockstepExecutor``.
    """

    def __init__(
        self,
        module: ModuleOp,
        weights: Weights,
        fidelity: Fidelity = "reference",
        *,
        observer: Observer | None = None,
        replay: Replay | None = None,
        params_budget_bytes: int | None = None,
        quantization: bool = True,
        rank: int = 0,
    ) -> None:
        self.quantization = quantization
        self.fidelity: Fidelity = fidelity
        self.observer = observer
        self.replay = replay
        self.functions = functions(module)
        self.binder = Binder(module)
        self.params = Params(weights, params_budget_bytes, rank)
        self.bodies = dict[str, Body]()

    def run(self, function_name: str, *args: Value) -> list[Value]:
        """The results of a function.  Caches among ``args`` are written in place.

        Raises ``UsageError`` for an unknown function or a wrong number of arguments, ``BindingError`` for one that does
        not have its type, ``WeightsError`` for parameters that do not, ``IRError`` for an op without a meaning and
        ``ExecutionError`` for one that fails.
        """
        sizes = self.bind_arguments(self.function_named(function_name), args)
        with torch.no_grad(), fidelity(self.fidelity), quantization(self.quantization):
            return self.call(function_name, list(args), sizes, "")

    def function_named(self, name: str) -> func.FuncOp:
        """A function by name.  Raises ``UsageError`` with the nearest name for an unknown one."""
        function = self.functions.get(name)
        if function is None:
            hint = f"{guess(name, self.functions, sigil='@')}functions: {', '.join(self.functions)}"
            raise UsageError(f"there is no function @{name}", hint=hint)
        return function

    def bind_arguments(self, function: func.FuncOp, args: Sequence[Value]) -> Sizes:
        """Check the arguments and find the named sizes."""
        parameters = function.body.block.args
        name, types = function.sym_name.data, [parameter.type for parameter in parameters]
        if len(args) != len(types):
            raise UsageError(f"@{name} takes {len(types)} arguments, not {len(args)}")
        names = [
            f"argument {index} of @{name}" + (f" (%{parameter.name_hint})" if parameter.name_hint else "")
            for index, parameter in enumerate(parameters)
        ]
        sizes = Sizes()
        for type, value, described in zip(types, args, names, strict=True):
            check_argument(type, value, described)
        self.binder.bind_all(types, args, names, sizes)
        return sizes

    def body(self, function_name: str) -> Body:
        """The instructions of a function, compiled once."""
        if function_name not in self.bodies:
            self.bodies[function_name] = self.compiler(self.functions[function_name]).compile()
        return self.bodies[function_name]

    def compiler(self, function: func.FuncOp) -> Compiler:
        """What compiles a function."""
        return Compiler(self, function)

    def call(self, function_name: str, args: list[Value], sizes: Sizes, prefix: str) -> list[Value]:
        """Run a function whose arguments are known to fit."""
        body = self.body(function_name)
        slots = body.template.copy()
        slots[: len(args)] = args
        frame = Frame(slots, sizes, prefix)
        instruction = None
        try:
            for instruction in body.instructions:
                instruction.execute(frame)
                for index in instruction.frees:
                    slots[index] = None
        except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError) as error:
            assert instruction is not None
            raise ExecutionError(f"{instruction.op.name} failed: {error}", where=at(instruction.op)) from error
        except BindingError as error:
            assert instruction is not None
            error.where = error.where or at(instruction.op)
            raise
        return [slots[index] for index in body.returned]
