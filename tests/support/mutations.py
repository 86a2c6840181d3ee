"""Small wrong versions of a rewrite, made from its guards and operands.

Each must make a test fail: a guard whose mutant survives is a legality condition nobody tests, a surviving
operand swap a result nobody compares.
"""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Change = Callable[[Any], None]
"""Mutates one node in place."""


@dataclass(frozen=True)
class Mutant:
    """One changed copy of a module."""

    key: str
    """``function: change: source`` - names the mutant without its line, so that lists of them last."""
    line: int
    tree: ast.Module


@dataclass(frozen=True)
class Site:
    """A node (by its place in ``walk``) and one change to it."""

    index: int
    line: int
    function: str
    what: str
    change: Change


COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip
SYMBOL = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
REPLACES = ("replace", "replace_op", "replace_matched_op", "replace_all_uses_with", "operands", "result_types")


def walk(node: ast.AST, function: str = "") -> Iterator[tuple[ast.AST, str]]:
    """Every node that can matter at run time, with the name of its function: no assert, no annotation."""
    if isinstance(node, ast.Assert):
        return
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        function = f"{function}.{node.name}" if function else node.name
    yield node, function
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from walk(child, function)


def never(test: ast.expr) -> ast.expr:
    """``test and False``: the condition is still evaluated, so that names it binds exist."""
    return ast.BoolOp(ast.And(), [test, ast.Constant(False)])


def always(test: ast.expr) -> ast.expr:
    """``test or True``."""
    return ast.BoolOp(ast.Or(), [test, ast.Constant(True)])


def set_test(to: Callable[[ast.expr], ast.expr]) -> Change:
    def change(node: Any) -> None:
        node.test = to(node.test)

    return change


def set_item(field: str, index: int, to: Callable[[ast.expr], ast.expr]) -> Change:
    def change(node: Any) -> None:
        items = getattr(node, field)
        items[index] = to(items[index])

    return change


def swap(field: str, index: int) -> Change:
    def change(node: Any) -> None:
        items = getattr(node, field)
        items[index], items[index + 1] = items[index + 1], items[index]

    return change


def condition_changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """A guard never stops; another branch is always or never taken; a filter keeps everything."""
    if isinstance(node, ast.If):
        leaves = isinstance(node.body[-1], ast.Return | ast.Continue | ast.Raise | ast.Break) and not node.orelse
        if not (isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.Or)):
            # Of `a or b`, each part alone is made false below: a test that notices that notices both.
            yield f"{'guard' if leaves else 'branch'} never: if {ast.unparse(node.test)}", set_test(never)
        if not leaves:
            yield f"branch always: if {ast.unparse(node.test)}", set_test(always)
    elif isinstance(node, ast.IfExp):
        yield f"never: {ast.unparse(node)}", set_test(never)
        yield f"always: {ast.unparse(node)}", set_test(always)
    elif isinstance(node, ast.comprehension):
        for index, test in enumerate(node.ifs):
            yield f"filter always: if {ast.unparse(test)}", set_item("ifs", index, always)


def logic_changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """One part of ``and`` / ``or`` without effect, ``and`` for ``or``, ``not`` gone, ``all`` for ``any``."""
    if isinstance(node, ast.BoolOp):
        is_and = isinstance(node.op, ast.And)
        without = always if is_and else never
        for index, value in enumerate(node.values):
            yield f"without {ast.unparse(value)}: {ast.unparse(node)}", set_item("values", index, without)
        if is_and:
            yield f"or for and: {ast.unparse(node)}", lambda n: setattr(n, "op", ast.Or())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"no not: {ast.unparse(node)}", lambda n: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("all", "any"):
        other = "any" if node.func.id == "all" else "all"
        yield f"{other}: {ast.unparse(node)}", lambda n: setattr(n.func, "id", other)


def comparison_changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """``==`` becomes ``!=``, ``<`` becomes ``<=``, and back."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            other = COMPARISONS[type(operator)]
            yield f"{SYMBOL[other]}: {ast.unparse(node)}", set_item("ops", index, lambda _, other=other: other())


def operand_changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """Two neighbours change places: arguments that build an op, operand lists, results that replace values."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        builds = name.endswith("Op") or name in ("create", "build", "emit")
        if builds or name in REPLACES:
            for index in range(len(node.args) - 1):
                pair = f"{ast.unparse(node.args[index])} <-> {ast.unparse(node.args[index + 1])}"
                yield f"swap {pair}: {name}", swap("args", index)
    elif isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load):
        for index in range(len(node.elts) - 1):
            yield f"swap {index}, {index + 1}: {ast.unparse(node)}", swap("elts", index)


MAKERS = (condition_changes, logic_changes, comparison_changes, operand_changes)


def is_type_only(node: ast.AST) -> bool:
    """``dict[str, int]``, ``A | B`` in isinstance and the like: swapping inside a type changes nothing."""
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id[0].isupper()


def sites(tree: ast.Module) -> Iterator[Site]:
    """Every change to a function of the module.  Class bodies and module level are data, tested elsewhere."""
    types = {
        id(child)
        for node in ast.walk(tree)
        for child in ast.walk(node.slice if isinstance(node, ast.Subscript) else ast.Pass())
        if isinstance(node, ast.Subscript) and (is_type_only(node) or ast.unparse(node.value) in ("dict", "tuple"))
    }
    types |= {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass")
        for child in ast.walk(node.args[1])
    }
    # `not x` as a condition or a part of one is already made constant.
    conditions = {
        id(child)
        for node in ast.walk(tree)
        for child in [*getattr(node, "values", []), getattr(node, "test", None)]
        if isinstance(node, ast.BoolOp | ast.If | ast.IfExp)
    }
    functions = {name for node, name in walk(tree) if isinstance(node, ast.FunctionDef)}
    line = 1
    for index, (node, function) in enumerate(walk(tree)):
        line = getattr(node, "lineno", line)
        if function not in functions or id(node) in types:
            continue
        for make in MAKERS:
            for what, change in make(node):
                if id(node) in conditions and isinstance(node, ast.UnaryOp):
                    continue
                yield Site(index, line, function, what, change)


def mutants(source: str) -> list[Mutant]:
    """All mutants of a module's source."""
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    result: list[Mutant] = []
    for site in sites(tree):
        key = f"{site.function}: {site.what}"
        seen[key] += 1
        if seen[key] > 1:
            key += f" #{seen[key]}"
        changed = copy.deepcopy(tree)
        node = next(node for index, (node, _) in enumerate(walk(changed)) if index == site.index)
        site.change(node)
        result.append(Mutant(key, site.line, ast.fix_missing_locations(changed)))
    return result
