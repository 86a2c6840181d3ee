"""Ranges of the symbols in every function: those declared, and what the phases of the entries that reach it add."""

from collections.abc import Iterable

from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp

from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.functions import callee_name, functions
from dsv3c.ir.sizes import Size, bounds, mul
from dsv3c.ir.types import shape

Ranges = dict[str, tuple[int, int | None]]
"""Symbol -> smallest and largest value; None for no upper bound."""


def entry_ranges(module: ModuleOp) -> dict[str, Ranges]:
    """Function -> ranges that hold in every call of it.

    A step of a phase brings at most ``max_query`` tokens per sequence: where few are allowed, the tokens of a step are
    bounded by its sequences.
    """
    declared: Ranges = {name: symbol.bounds() for name, symbol in symbols_of(module).items()}
    reaching: dict[str, list[Ranges]] = {name: [] for name in functions(module)}
    for name, function in functions(module).items():
        narrowed = narrow(function, declared)
        if narrowed is not declared:
            for reached in reach(module, name):
                reaching[reached].append(narrowed)
        elif not is_private(function):
            for reached in reach(module, name):
                reaching[reached].append(declared)
    return {name: union(found) if found else declared for name, found in reaching.items()}


def is_private(function: func.FuncOp) -> bool:
    """Whether only other functions call it."""
    return function.sym_visibility is not None and function.sym_visibility.data == "private"


def narrow(function: func.FuncOp, declared: Ranges) -> Ranges:
    """The ranges of an entry that states a phase; ``declared`` itself for any other."""
    phase = function.attributes.get("phase")
    longest = phase.data.get("max_query") if isinstance(phase, DictionaryAttr) else None
    sizes = {
        argument.name_hint: shape(argument) for argument in function.body.block.args if is_table(argument.name_hint)
    }
    if not isinstance(longest, IntegerAttr) or len(sizes) != len(TABLES):
        return declared
    (tokens,), (sequences,) = sizes["positions"], sizes["context_lens"]
    most = bounds(mul(sequences, longest.value.data), declared)[1]
    if not isinstance(tokens, str) or tokens not in declared or most is None:
        return declared
    low, high = declared[tokens]
    return declared | {tokens: (min(low, most), most if high is None else min(high, most))}


def entry_queries(module: ModuleOp) -> dict[str, tuple[int, int] | None]:
    """Function -> the fewest and most new tokens per sequence, in all phases that reach it.

    None where an entry states no phase, or none reaches it.
    """
    reaching: dict[str, list[tuple[int, int] | None]] = {name: [] for name in functions(module)}
    for name, function in functions(module).items():
        phase = function.attributes.get("phase")
        limits = [phase.data.get(key) if isinstance(phase, DictionaryAttr) else None for key in QUERIES]
        numbers = [bound.value.data for bound in limits if isinstance(bound, IntegerAttr)]
        queries = (numbers[0], numbers[1]) if len(numbers) == len(QUERIES) else None
        if queries is not None or not is_private(function):
            for reached in reach(module, name):
                reaching[reached].append(queries)
    found = dict[str, tuple[int, int] | None]()
    for name, ranges in reaching.items():
        known = [item for item in ranges if item is not None]
        whole = bool(known) and len(known) == len(ranges)
        found[name] = (min(low for low, _ in known), max(high for _, high in known)) if whole else None
    return found


QUERIES = ("min_query", "max_query")
"""Fields of a phase: new tokens per sequence."""
TABLES = ("positions", "context_lens")
"""Arguments of a phase: one number per token, one per sequence."""


def is_table(name: str | None) -> bool:
    """Whether an argument is one of ``TABLES``."""
    return name in TABLES


def reach(module: ModuleOp, name: str) -> list[str]:
    """A function and all it calls, directly or not."""
    table, found = functions(module), list[str]()

    def visit(called: str) -> None:
        if called in table and called not in found:
            found.append(called)
            for op in table[called].body.block.ops:
                if isinstance(op, func.CallOp):
                    visit(callee_name(op))

    visit(name)
    return found


def union(found: Iterable[Ranges]) -> Ranges:
    """The smallest ranges that hold in every one of several."""
    first, *others = found
    result = dict(first)
    for ranges in others:
        for symbol, (low, high) in ranges.items():
            before_low, before_high = result[symbol]
            highest = None if high is None or before_high is None else max(high, before_high)
            result[symbol] = min(low, before_low), highest
    return result


def largest(size: Size, ranges: Ranges) -> int | None:
    """The largest value of a size; None for no upper bound."""
    return bounds(size, ranges)[1]
