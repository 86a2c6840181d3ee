"""Which functions of vendors' libraries a lowered program calls, and how often."""

from collections import Counter
from collections.abc import Mapping

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.python_text import literal_text
from dsv3c.ir.dialects.kernel import ExternOp
from dsv3c.ir.entry_ranges import is_private
from dsv3c.ir.functions import callee_name, functions

Called = tuple[str, str, str, str]
"""Library, function, package, source."""


def calls_of(function: func.FuncOp, table: Mapping[str, func.FuncOp]) -> Counter[Called]:
    """How often one run of a function calls each, callees included."""
    found = Counter[Called]()
    for op in function.body.block.ops:
        if isinstance(op, ExternOp):
            found[(op.library.data, op.function.data, op.package.data, op.source.data)] += 1
        elif isinstance(op, func.CallOp):
            found.update(calls_of(table[callee_name(op)], table))
    return found


def externs_of(module: ModuleOp) -> dict[Called, dict[str, int]]:
    """Each that is called -> entry -> calls in one run of it; sorted."""
    table, found = functions(module), dict[Called, dict[str, int]]()
    for name, function in table.items():
        if not is_private(function):
            for called, count in calls_of(function, table).items():
                found.setdefault(called, {})[name] = count
    return dict(sorted(found.items()))


def externs_json(module: ModuleOp) -> list[dict[str, object]]:
    """What must be installed beside the program, for the manifest."""
    return [
        {"library": library, "function": function, "package": package, "source": source, "calls": calls}
        for (library, function, package, source), calls in externs_of(module).items()
    ]


def extern_lines(module: ModuleOp) -> list[str]:
    """The constant ``EXTERNS`` of a program; none where it calls no library."""
    items = [
        f"    Extern({', '.join(map(literal_text, (package, function, source)))}),"
        for _, function, package, source in externs_of(module)
    ]
    return ["EXTERNS = (", *items, ")"] if items else []
