"""Write a module as Python: one function per function, one line per op, meanings and runtime copied beside it.

The program runs with torch alone and computes the executor's bits: both make the same calls of the same meanings.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import PurePath
from typing import Any

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue

from dsv3c.backends.reference.adapters.comm import require_one_rank
from dsv3c.backends.reference.bindings import named_sizes, sizes_brought, type_sizes
from dsv3c.backends.reference.by_expert import readable_by_expert
from dsv3c.backends.reference.call import Argument, Call, RankRef, SizeRef, adapter_of
from dsv3c.backends.reference.emitted_entries import entry_text
from dsv3c.backends.reference.launches import num_launches
from dsv3c.backends.reference.params import header_of, no_meaning
from dsv3c.backends.reference.python_text import Names, filled, literal_text, targets, wrapped
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.aten_schema import Kind
from dsv3c.ir.dialects.comm import TokenType, meshes_of
from dsv3c.ir.dialects.mla import CacheType
from dsv3c.ir.dialects.units import UnitOp, opened
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp, StoredEachOp, StoredOp, YieldOp
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import call_prefix, call_sites, callee_name, topological
from dsv3c.ir.locations import NOWHERE, describe
from dsv3c.ir.sizes import Size, sub, substitute, symbols_of
from dsv3c.ir.types import element_type, shape

HERE = "dsv3c.backends.reference"
COPIED = ("meanings", "runtime")
"""Packages that a program brings along, with ``dsv3c.backends.reference.`` taken off their import names."""
RESERVED = ("torch", "p", "sys", "Params", "Entry", "CacheSpec", "run_command", "by_expert", "ENTRIES", "min", "max")
LONG_TUPLE = 8
"""Literal tuples with more elements become constants of the program."""

HEAD = '''"""{title}

Written by dsv3c; every line is one op, the comment above it the source line it came from.
    python program.py --tokens 1,2,3 --max-new-tokens 8 [--weights CHECKPOINT | --seed N]
"""

import sys

import torch

{imports}from runtime.command import Entry, run_command
{experts}from runtime.generate import CacheSpec
from runtime.params import Params
'''


@dataclass
class Program:
    """The text of ``program.py`` while it grows."""

    names: Names = field(default_factory=Names)
    """Module-level names."""
    meanings: set[str] = field(default_factory=set[str])
    """Files of ``meanings`` in use."""
    constants: dict[str, str] = field(default_factory=dict[str, str])
    """Text -> name of the constant that holds it."""
    constant_lines: list[str] = field(default_factory=list[str])
    function_names: dict[str, str] = field(default_factory=dict[str, str])
    function_sizes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Symbols a function takes as arguments."""
    recipes: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    """Lines of a recipe -> name of the function that holds them."""
    by_expert: bool = False
    """Whether a recipe can be run for one expert."""
    lines: list[str] = field(default_factory=list[str])

    def constant(self, wanted: str, text: str) -> str:
        """The name of a module-level constant with this text."""
        if text not in self.constants:
            name = self.constants[text] = self.names.fresh(wanted)
            self.constant_lines += filled(f"{name} = {text}")
        return self.constants[text]

    def meaning(self, meant: Callable[..., Any]) -> str:
        """How the program names a meaning."""
        if hasattr(meant, "_schema"):
            return f"torch.ops.{meant}"
        package, _, file = meant.__module__.rpartition(".")
        assert package == f"{HERE}.meanings", f"{meant} is in {package}, which programs do not bring along"
        self.meanings.add(file)
        return f"{file}.{meant.__name__}"


@dataclass
class Body:
    """The text of one Python function."""

    program: Program
    names: Names
    values: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str])
    lines: list[str] = field(default_factory=list[str])
    last_place: str = ""
    indent: str = "    "

    def name(self, value: SSAValue) -> str:
        """A new name for a value."""
        self.values[value] = self.names.fresh(value.name_hint or "v")
        return self.values[value]

    def argument(self, argument: Argument, keyword: str = "") -> str:
        """An argument of a call."""
        match argument:
            case SSAValue():
                return self.values[argument]
            case SizeRef():
                return argument.text
            case RankRef():
                return "0"  # a program runs one rank
            case list():
                return "[" + ", ".join(self.argument(element) for element in argument) + "]"
            case tuple() if len(argument) > LONG_TUPLE:
                return self.program.constant(keyword.upper() or "VALUES", literal_text(argument))
            case _:
                return literal_text(argument)

    def place(self, op: Operation) -> None:
        """A comment with the source line, where it is another than before."""
        place = describe(op.location)
        if place not in (self.last_place, NOWHERE):
            self.lines.append(f"{self.indent}# {place}")
            self.last_place = place

    def assign(self, op: Operation, head: str, items: list[str], *, sequence: bool = False) -> None:
        """``results = head(items)  # types``."""
        left = targets([self.name(result) for result in op.results], sequence=sequence)
        note = "; ".join(type_note(result) for result in op.results)
        lines = wrapped(f"{left} = {head}" if op.results else head, items, "", self.indent)
        if len(lines[-1]) + len(note) + 4 <= 120:
            lines[-1] += f"  # {note}"
        self.lines += lines

    def call(self, op: Operation) -> None:
        """An op that its adapter makes a call of."""
        adapter = adapter_of(op)
        if adapter is None:
            raise no_meaning(op)
        call: Call = adapter(op)
        items = [self.argument(argument) for argument in call.args]
        items += [f"{name}={self.argument(argument, name)}" for name, argument in call.kwargs.items()]
        returns_list = isinstance(op, AtenOp) and any(result.kind is Kind.TENSORS for result in op.SCHEMA.returns)
        self.assign(op, self.program.meaning(call.meaning), items, sequence=returns_list)

    def stored(self, op: ParamOp | StoredOp | StoredEachOp, method: str) -> None:
        """A stored tensor read by name, with the shape and dtype it must have."""
        sizes, dtype = header_of(op.results[0])
        items = [literal_text(op.key.data), literal_text(sizes), literal_text(dtype)]
        if isinstance(op, StoredEachOp) and op.indices(0) != tuple(range(sizes[0])):
            items.append(literal_text(op.indices(0)))
        self.assign(op, method, items)

    def constant(self, op: ConstantOp) -> None:
        """A constant is made once, when the program is imported."""
        adapter = adapter_of(op)
        assert adapter is not None
        call: Call = adapter(op)
        items = [literal_text(argument) for argument in call.args]
        items += [f"{name}={literal_text(argument)}" for name, argument in call.kwargs.items()]
        text = f"{self.program.meaning(call.meaning)}({', '.join(items)})"
        self.values[op.value] = self.program.constant((op.value.name_hint or "constant").upper(), text)


def type_note(value: SSAValue) -> str:
    """``[T, 192] bf16``."""
    if isinstance(value.type, CacheType):
        return "cache"
    if isinstance(value.type, TokenType):
        return "token"
    return f"[{', '.join(map(str, shape(value)))}] {element_type(value)}"


def emit_program(module: ModuleOp) -> dict[str, str]:
    """File name -> text of a program that runs every entry of ``module``: ``program.py``, ``meanings/``, ``runtime/``.

    Raises ``IRError`` for an op without a meaning, and for a module of several ranks.
    """
    for mesh in meshes_of(module).values():
        require_one_rank(mesh)
    copied = copied_files()
    program = Program(Names({*RESERVED, *(PurePath(file).stem for file in copied if file.startswith("meanings/"))}))
    order = topological(module)
    for function in order:
        program.function_names[function.sym_name.data] = program.names.fresh(function.sym_name.data)
    for function in order:
        emit_function(program, function)
    entered = [function for function in order if not call_sites(function)]
    names = program.function_names
    entries = [entry_text(names[name := f.sym_name.data], f, launches=num_launches(module, name)) for f in entered]
    text = HEAD.format(
        title=f"{', '.join(function.sym_name.data for function in entered)}: a dsv3c program.",
        experts="from runtime.experts import by_expert\n" if program.by_expert else "",
        imports=f"from meanings import {', '.join(sorted(program.meanings))}\n" if program.meanings else "",
    )
    parts = [text, *program.constant_lines, *program.lines, "", "", "ENTRIES = {", *entries, "}", ""]
    parts += ['if __name__ == "__main__":', "    sys.exit(run_command(ENTRIES))", ""]
    return {"program.py": "\n".join(parts)} | copied


def emit_function(program: Program, function: func.FuncOp) -> None:
    """One function: sizes as arguments where it is called, from its arguments' shapes where it is an entry."""
    name, block = function.sym_name.data, function.body.block
    needed = needed_sizes(program, function)
    scope = Names({*program.names.taken, *needed})
    body = Body(program, scope)
    parameters = [body.name(argument) for argument in block.args]
    introduced = frozenset[str]().union(*(named_sizes(result.type) for op in block.ops for result in op.results))
    given = [symbol for symbol in needed if symbol not in introduced - argument_sizes(block)]
    if call_sites(function):
        program.function_sizes[name] = given
        parameters = [*given, *parameters]
    else:
        program.function_sizes[name] = []
        body.lines += [f"    {symbol} = {text}" for symbol, text in bound_sizes(body, block, set(given), function)]
    known = set(given)
    for op in block.ops:
        emit_op(body, op)
        known -= sizes_brought(op)
        for result in op.results:
            for symbol in sorted(named_sizes(result.type) - known):
                if symbol in needed:
                    body.lines += [f"    {text}" for text in binding(symbol, result, body.values[result], known)]
                    known.add(symbol)
    program.lines += ["", "", *wrapped(f"def {program.function_names[name]}", ["p: Params", *parameters], ":", "")]
    program.lines += body.lines


def needed_sizes(program: Program, function: func.FuncOp) -> list[str]:
    """The symbols whose values a function's calls use, itself or through a callee; sorted."""
    found = set[str]()
    for op in opened(function.body.block.ops):
        if isinstance(op, func.CallOp):
            found.update(program.function_sizes[callee_name(op)])
        elif not isinstance(op, func.ReturnOp | ParamOp | ConstantOp):
            adapter = adapter_of(op)
            if adapter is None:
                raise no_meaning(op)
            call: Call = adapter(op)
            for argument in (*call.args, *call.kwargs.values()):
                found.update(symbol for size in size_refs(argument) for symbol in symbols_of(size))
    return sorted(found)


def size_refs(argument: Argument) -> Iterator[str]:
    """The size expressions in an argument."""
    if isinstance(argument, SizeRef):
        yield argument.text
    elif isinstance(argument, list | tuple):
        for element in argument:
            yield from size_refs(element)


def argument_sizes(block: Block) -> frozenset[str]:
    """The symbols in the types of a block's arguments."""
    return frozenset[str]().union(*(named_sizes(argument.type) for argument in block.args))


def places(value: SSAValue, name: str) -> Iterator[tuple[Size, str]]:
    """Each size in a value's type with the text that reads it."""
    cache = isinstance(value.type, CacheType)
    for index, size in enumerate(type_sizes(value.type)):
        yield size, f"{name}.latent.shape[0]" if cache else f"{name}.shape[{index}]"


def solved(symbol: str, size: Size, text: str, known: set[str]) -> str | None:
    """The text that computes ``symbol`` where ``size``, linear in it, has the value of ``text``; None if it cannot."""
    if size == symbol:
        return text
    if isinstance(size, int) or not symbols_of(size) - known <= {symbol} or symbol not in symbols_of(size):
        return None
    at_zero = substitute(size, {symbol: 0})
    slope = sub(substitute(size, {symbol: 1}), at_zero)
    if sub(substitute(size, {symbol: 2}), at_zero) != sub(slope, sub(0, slope)):
        return None
    shifted = text if at_zero == 0 else f"({text} - ({at_zero}))"
    return shifted if slope == 1 else f"{shifted} // ({slope})"


def bound_sizes(body: Body, block: Block, needed: set[str], function: func.FuncOp) -> Iterator[tuple[str, str]]:
    """How an entry finds its sizes in its arguments' shapes, plain names first."""
    found = [place for argument in block.args for place in places(argument, body.values[argument])]
    found.sort(key=lambda place: not str(place[0]).isidentifier())
    known = set[str]()
    while needed - known:
        step = ((s, solved(s, size, text, known)) for size, text in found for s in sorted(needed - known))
        symbol, text = next(((symbol, text) for symbol, text in step if text is not None), ("", ""))
        if not text:
            raise IRError(
                f"the arguments of @{function.sym_name.data} do not determine {', '.join(sorted(needed - known))}",
                where=at(function),
            )
        known.add(symbol)
        yield symbol, text


def binding(symbol: str, result: SSAValue, name: str, known: set[str]) -> Iterator[str]:
    """The assignment of a size that an op's result brings."""
    for size, place in places(result, name):
        text = solved(symbol, size, place, known)
        if text is not None:
            yield f"{symbol} = {text}"
            return


def emit_op(body: Body, op: Operation) -> None:
    """The lines of one op."""
    match op:
        case func.ReturnOp():
            body.lines.append(f"    return {', '.join(body.values[value] for value in op.operands) or 'None'}")
        case func.CallOp():
            body.place(op)
            program, callee, prefix = body.program, callee_name(op), call_prefix(op)
            items = [f"p.at({literal_text(prefix)})" if prefix else "p", *program.function_sizes[callee]]
            items += [body.values[operand] for operand in op.operands]
            body.assign(op, program.function_names[callee], items)
        case UnitOp():
            body.values |= {
                inside: body.values[given] for inside, given in zip(op.body.block.args, op.inputs, strict=True)
            }
            for inner in op.ops:
                emit_op(body, inner)
            body.values |= {made: body.values[inside] for made, inside in zip(op.outputs, op.end.values, strict=True)}
        case ConstantOp():
            body.constant(op)
        case ParamOp() if op.recipe is None:
            body.stored(op, "p")
        case ParamOp():
            recipe = emit_recipe(body.program, op)
            body.assign(op, "p.made", [literal_text(op.key.data), recipe])
        case _:
            body.place(op)
            body.call(op)


def emit_recipe(program: Program, op: ParamOp) -> str:
    """A function that makes a parameter, one for all phases that make it alike; its name."""
    assert op.recipe is not None
    body = Body(program, Names(set(program.names.taken)))
    for inner in op.recipe.block.ops:
        match inner:
            case YieldOp():
                body.lines.append(f"    return {body.values[inner.value]}")
            case StoredOp():
                body.stored(inner, "p.stored")
            case StoredEachOp():
                body.stored(inner, "p.stored_each")
            case ConstantOp():
                body.constant(inner)
            case _:
                body.call(inner)
    alone = readable_by_expert(op)
    marks = (f"@by_expert{header_of(op.value)[0]}",) if alone else ()
    program.by_expert |= alone
    lines = (*marks, *body.lines)
    if lines not in program.recipes:
        name = program.recipes[lines] = program.names.fresh(op.key.data)
        program.lines += ["", "", *marks, f"def {name}(p: Params):", *body.lines]
    return program.recipes[lines]


IMPORT = re.compile(rf"\b{re.escape(HERE)}\.(?=({'|'.join(COPIED)})\b)")


def copied_files() -> dict[str, str]:
    """The meanings and the runtime as a program carries them."""
    files = dict[str, str]()
    for package in COPIED:
        for file in sorted(resources.files(f"{HERE}.{package}").iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                files[f"{package}/{file.name}"] = IMPORT.sub("", file.read_text("utf-8"))
    return files
