"""Functions, calls and what flows through them."""

from collections.abc import Iterator, Sequence
from typing import TypeGuard

from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr, FunctionType, ModuleOp, StringAttr
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue

PREFIX = "prefix"
"""Attribute of a call: the module path its callee's parameters are relative to."""


def functions(module: ModuleOp) -> dict[str, func.FuncOp]:
    """Symbol name -> function, in the order of the text."""
    return {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}


def unused_name(module: ModuleOp, wanted: str) -> str:
    """``wanted``, or with the first number behind it that makes it no function's name (``layer.1``)."""
    taken = functions(module)
    return next(name for name in (wanted, *(f"{wanted}.{n}" for n in range(1, len(taken) + 2))) if name not in taken)


def calls(module: ModuleOp) -> Iterator[func.CallOp]:
    """Every call, in the order of the text."""
    for function in functions(module).values():
        yield from (op for op in function.body.block.ops if isinstance(op, func.CallOp))


def callee_name(call: func.CallOp) -> str:
    """Symbol of the function a call calls."""
    return call.callee.root_reference.data


def call_sites(function: func.FuncOp) -> list[func.CallOp]:
    """The calls of ``function`` in its module."""
    module = parent_module(function)
    return [call for call in calls(module) if callee_name(call) == function.sym_name.data]


def call_prefix(call: func.CallOp) -> str:
    """The call's own prefix; empty when its callee's parameters are relative to the caller's."""
    prefix = call.attributes.get(PREFIX)
    return prefix.data if isinstance(prefix, StringAttr) else ""


def join_path(prefix: str, name: str) -> str:
    """``model.layers.3`` and ``mlp.gate.weight`` -> ``model.layers.3.mlp.gate.weight``; either may be empty."""
    return f"{prefix}.{name}" if prefix and name else prefix or name


def parent_module(op: Operation) -> ModuleOp:
    """The module ``op`` is in."""
    current: Operation | None = op
    while current is not None and not isinstance(current, ModuleOp):
        current = current.parent_op()
    assert current is not None, f"{op.name} is in no module"
    return current


def parent_function(op: Operation) -> func.FuncOp | None:
    """The function ``op`` is in, or None at module level."""
    current: Operation | None = op
    while current is not None and not isinstance(current, func.FuncOp):
        current = current.parent_op()
    return current


def returned(function: func.FuncOp) -> func.ReturnOp:
    """The function's return."""
    last = function.body.block.last_op
    assert isinstance(last, func.ReturnOp), f"@{function.sym_name.data} does not end in a return"
    return last


def update_type(function: func.FuncOp) -> None:
    """Make the function's type repeat its block arguments and returned values."""
    inputs = [argument.type for argument in function.body.block.args]
    outputs = [value.type for value in returned(function).operands]
    function.properties["function_type"] = FunctionType.from_lists(inputs, outputs)


def is_argument(value: SSAValue) -> TypeGuard[BlockArgument]:
    """Whether ``value`` is an argument of a function."""
    return isinstance(value, BlockArgument) and isinstance(value.block.parent_op(), func.FuncOp)


def origins(value: SSAValue) -> list[SSAValue]:
    """What a function argument is at each call, followed outwards; the value itself when it is no such argument.

    Arguments of a function nobody calls (an entry) are their own origin.  Each origin is listed once.
    """
    if not is_argument(value):
        return [value]
    function = value.block.parent_op()
    assert isinstance(function, func.FuncOp)
    sites = call_sites(function)
    if not sites:
        return [value]
    found = [origin for site in sites for origin in origins(site.operands[value.index])]
    return list(dict.fromkeys(found))


def topological(module: ModuleOp) -> list[func.FuncOp]:
    """Functions, callees before callers."""
    table, order, seen = functions(module), list[func.FuncOp](), set[str]()

    def visit(name: str) -> None:
        if name in seen or name not in table:
            return
        seen.add(name)
        for op in table[name].body.block.ops:
            if isinstance(op, func.CallOp):
                visit(callee_name(op))
        order.append(table[name])

    for name in table:
        visit(name)
    return order


def capturable(module: ModuleOp) -> set[str]:
    """Names of the functions that run inside a device graph: entries whose ``phase`` says so, and what they call."""
    table, found = functions(module), set[str]()

    def visit(name: str) -> None:
        if name not in found and name in table:
            found.add(name)
            for op in table[name].body.block.ops:
                if isinstance(op, func.CallOp):
                    visit(callee_name(op))

    for name, function in table.items():
        phase = function.attributes.get("phase")
        if isinstance(phase, DictionaryAttr) and "capturable" in phase.data:
            visit(name)
    return found


def make_function(
    name: str, block: Block, *, private: bool = False, attributes: Sequence[tuple[str, StringAttr]] = ()
) -> func.FuncOp:
    """A function around a finished block that ends in a return."""
    last = block.last_op
    assert isinstance(last, func.ReturnOp)
    kind = (list(block.arg_types), [value.type for value in last.operands])
    function = func.FuncOp(name, kind, Region(block), visibility="private" if private else None)
    function.attributes.update(dict(attributes))
    return function
