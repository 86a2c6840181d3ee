"""Where a precision recipe applies: every product in reach, what the recipe says there, and clones where layers differ.

Equal layers share a function.  Where a recipe treats some of them in another way, they get a copy of it, so that every
function has one precision; the largest group keeps the name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr, SymbolRefAttr

from dsv3c.ir.context import CompileContext
from dsv3c.ir.functions import call_prefix, callee_name, functions, join_path
from dsv3c.ir.precision import Decision, Recipe, Rule
from dsv3c.passes.site_roles import Site, modules_of, role_of, weight_of

LAYER = re.compile(r"\.(\d+)(?=\.|$)")
"""The number in ``model.layers.3.mlp``."""
Key = tuple[object, ...]
"""What makes two instances of a function differ: formats at its sites, and keys of the functions it calls."""


@dataclass(frozen=True)
class Verdict:
    """What a recipe says about one site."""

    role: str
    decisions: tuple[tuple[str, Decision], ...]
    """Absolute module path -> decision, one per module whose parameters the weight is made of."""

    @property
    def rule(self) -> Rule:
        """The rule that decided."""
        return self.decisions[0][1].rule

    @property
    def agrees(self) -> bool:
        """Whether the modules of a merged weight are treated alike."""
        return len(set(self.key)) == 1

    @property
    def key(self) -> Key:
        """What tells it from others: the formats for each module."""
        return tuple(decision.rule.formats for _, decision in self.decisions)


def verdict_at(recipe: Recipe, op: Site, prefix: str) -> Verdict:
    """What the recipe says about a site in a function that is called under ``prefix``."""
    role = role_of(op)
    paths = [join_path(prefix, module) for module in modules_of(weight_of(op))] or [prefix]
    return Verdict(role, tuple((path, recipe.decide(role, path, layer_of(path))) for path in paths))


def layer_of(path: str) -> int | None:
    """The number of the layer that a module path is in; None outside of layers."""
    found = LAYER.search(path)
    return int(found[1]) if found else None


def sites(function: func.FuncOp) -> list[Site]:
    """The products of a function, in program order."""
    return [op for op in function.body.block.ops if isinstance(op, Site)]


@dataclass
class Version:
    """One function, and the prefixes under which calls reach it."""

    function: func.FuncOp
    prefixes: list[str] = field(default_factory=list[str])


@dataclass
class Layers:
    """The functions of a module by what a recipe says in them."""

    ctx: CompileContext
    module: ModuleOp
    recipe: Recipe
    keys: dict[tuple[str, str], Key] = field(default_factory=dict[tuple[str, str], Key])
    """Function and prefix -> key."""
    versions: dict[tuple[str, Key], Version] = field(default_factory=dict[tuple[str, Key], Version])

    def split(self) -> list[Version]:
        """Clone functions whose instances differ, and call the clones; the result has every function in reach."""
        table = functions(self.module)
        called = {callee_name(op) for op in self.module.walk() if isinstance(op, func.CallOp)}
        entries = [name for name in table if name not in called]
        for entry in entries:
            self.key(entry, "")
        by_function = dict[str, dict[Key, list[str]]]()
        for (name, prefix), key in self.keys.items():
            by_function.setdefault(name, {}).setdefault(key, []).append(prefix)
        for name, groups in by_function.items():
            self.clone(table[name], groups)
        for version in self.versions.values():
            self.call_versions(version)
        return list(self.versions.values())

    def key(self, name: str, prefix: str) -> Key:
        """The key of one instance of a function, and of all instances below it."""
        function = functions(self.module)[name]
        found: list[object] = [verdict_at(self.recipe, op, prefix).key for op in sites(function)]
        for op in function.body.block.ops:
            if isinstance(op, func.CallOp):
                found.append(self.key(callee_name(op), join_path(prefix, call_prefix(op))))
        self.keys[name, prefix] = tuple(found)
        return self.keys[name, prefix]

    def clone(self, function: func.FuncOp, groups: dict[Key, list[str]]) -> None:
        """One version per key: the largest group keeps the function, the others get copies behind it."""
        name, last = function.sym_name.data, function
        kept = max(groups, key=lambda key: len(groups[key]))
        for key, prefixes in groups.items():
            if key == kept:
                self.versions[name, key] = Version(function, prefixes)
                continue
            copy = function.clone()
            copy.properties["sym_name"] = StringAttr(self.unused(f"{name}.{group_name(prefixes)}"))
            self.module.body.block.insert_op_after(copy, last)
            last = copy
            self.versions[name, key] = Version(copy, prefixes)
            self.ctx.fired(
                function,
                f"@{name}: the recipe {self.recipe.name} treats {describe_group(prefixes)} in its own way: "
                f"@{copy.sym_name.data}",
                layers=len(prefixes),
                of=sum(map(len, groups.values())),
            )

    def unused(self, name: str) -> str:
        """The name, numbered if a function has it."""
        table, number, free = functions(self.module), 1, name
        while free in table:
            number += 1
            free = f"{name}_{number}"
        return free

    def call_versions(self, version: Version) -> None:
        """Make the calls of one version go to the versions that have the precision of their prefixes."""
        for op in version.function.body.block.ops:
            if isinstance(op, func.CallOp):
                name = callee_name(op)
                key = self.keys[name, join_path(version.prefixes[0], call_prefix(op))]
                op.properties["callee"] = SymbolRefAttr(self.versions[name, key].function.sym_name)


def group_name(prefixes: Sequence[str]) -> str:
    """``layers_3_to_9_and_12``: what tells a clone's name from the function's."""
    runs = layer_runs(prefixes)
    if not runs:
        return "other"
    texts = [f"{run[0]}_to_{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs[:2]]
    more = f"_and_{len(runs) - 2}_more" if len(runs) > 2 else ""
    return plural("layer", runs) + "_" + "_and_".join(texts) + more


def describe_group(prefixes: Sequence[str]) -> str:
    """``layers 3..9, 12``, or the prefixes of what is no layer."""
    runs = layer_runs(prefixes)
    if not runs:
        return ", ".join(prefixes)
    texts = ", ".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"{plural('layer', runs)} {texts}"


def plural(noun: str, runs: Sequence[Sequence[int]]) -> str:
    """The noun for as many as there are."""
    return noun if sum(map(len, runs)) == 1 else f"{noun}s"


def layer_runs(prefixes: Sequence[str]) -> list[list[int]]:
    """The numbers of layers, each run of neighbours by itself."""
    numbers = sorted({number for prefix in prefixes if (number := layer_of(prefix)) is not None})
    runs = list[list[int]]()
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def idle_rules(recipe: Recipe, versions: Sequence[Version]) -> list[int]:
    """Numbers of the rules for modules or layers that match no site."""
    places = [
        (verdict.role, path)
        for version in versions
        for prefix in version.prefixes
        for verdict in (verdict_at(recipe, op, prefix) for op in sites(version.function))
        for path, _ in verdict.decisions
    ]
    return [
        number
        for number, rule in enumerate(recipe.rules, 1)
        if not rule.unconditional and not any(rule.matches(role, path, layer_of(path)) for role, path in places)
    ]
