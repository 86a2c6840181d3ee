"""``dsv3c recipes [NAME|FILE]``: precision recipes, what each quantises and how, and where that is published."""

import argparse
from collections.abc import Mapping
from dataclasses import fields

from dsv3c.ir.precision import NEVER, ROLES, UNQUANTISED, Recipe, Rule, ScaledFormat
from dsv3c.ir.precision_text import load_recipe, shipped_recipes
from dsv3c.ir.scaled_type import show_granule
from dsv3c.reports.tables import columns

UNITS = {"promote": "elements of K", "granule": "rows x columns", "amax_floor": "unit of the tensor"}
KEPT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a recipe's name, or a .toml file of your own")


def run(arguments: argparse.Namespace) -> int:
    """The table of all recipes, or everything about one."""
    if arguments.name is None:
        print(overview(shipped_recipes()))
    else:
        print(describe(load_recipe(arguments.name)))
    return 0


def overview(recipes: Mapping[str, Recipe]) -> str:
    """One row per recipe: the formats of its first rule that quantises."""
    rows: list[tuple[str, ...]] = [("recipe", "activations", "weights", "promote", "combine", "description")]
    for recipe in recipes.values():
        first = next((rule for rule in recipe.rules if rule.quantise), None)
        formats = [show_format(first.activations), show_format(first.weights)] if first else [KEPT, KEPT]
        rows.append((recipe.name, *formats, show_promote(recipe), recipe.combine, recipe.description))
    notes = [
        "activations and weights: element type, granule (elements that share a scale), type of the scales.",
        "promote: elements of K after which partial sums move to f32.  `dsv3c recipes NAME` prints all of a recipe.",
    ]
    return "\n".join([*columns(rows), "", *notes])


def describe(recipe: Recipe) -> str:
    """Every value of one recipe with its unit and source, its rules, and what becomes of each role."""
    values: list[tuple[str, ...]] = [("value", "is", "unit", "source")]
    for name, value in stated(recipe):
        values.append((name, value, UNITS.get(name.rpartition(".")[2], ""), recipe.sources.get(name, "-")))
    rules: list[tuple[str, ...]] = [("rule", "where", "activations", "weights", "source")]
    for number, rule in enumerate(recipe.rules, 1):
        formats = show_format(rule.activations), show_format(rule.weights)
        rules.append((str(number), rule.condition, *formats, rule.source))
    roles: list[tuple[str, ...]] = [("role", "rule", "quantised", "what has it")]
    for role, text in ROLES.items():
        number, rule = last_unconditional(recipe, role)
        roles.append((role, str(number), "yes" if rule.quantise else KEPT, text))
    notes = [
        "The last rule that matches a site decides; without modules and layers given, roles are decided as above.",
        "Rows that are dispatched to experts travel in the experts' activation format.",
    ]
    head = [f"{recipe.name}: {recipe.description}", ""]
    return "\n".join([*head, *columns(values), "", *columns(rules), "", *columns(roles), "", *notes])


def stated(recipe: Recipe) -> list[tuple[str, str]]:
    """The values that are not part of a rule, by the names that sources use."""
    found = [("promote", show_promote(recipe)), ("combine", recipe.combine)]
    if recipe.kv_cache is None:
        found.append(("kv_cache", UNQUANTISED))
    tables = {"kv_cache": recipe.kv_cache, "activations": recipe.activations, "weights": recipe.weights}
    for table, form in tables.items():
        if form is not None:
            found += [(f"{table}.{name}", value) for name, value in format_values(form)]
    return found


def format_values(form: ScaledFormat) -> list[tuple[str, str]]:
    """The values of one format, those that are given."""
    found = list[tuple[str, str]]()
    for field in fields(ScaledFormat):
        value = getattr(form, field.name)
        if field.name == "granule":
            found.append((field.name, show_granule(value)))
        elif isinstance(value, bool):
            found.append((field.name, "true" if value else "false"))
        elif value is not None:
            found.append((field.name, f"{value:g}" if isinstance(value, float) else str(value)))
    return found


def last_unconditional(recipe: Recipe, role: str) -> tuple[int, Rule]:
    """The rule that decides for a role where no rule for modules or layers does."""
    rules = [(number, rule) for number, rule in enumerate(recipe.rules, 1) if rule.unconditional]
    return [(number, rule) for number, rule in rules if not rule.roles or role in rule.roles][-1]


def show_format(form: ScaledFormat | None) -> str:
    """``f8E4M3FN 1x128 f32``, or a dash."""
    return KEPT if form is None else form.label


def show_promote(recipe: Recipe) -> str:
    """Elements, or ``never``."""
    return NEVER if recipe.promote is None else str(recipe.promote)
