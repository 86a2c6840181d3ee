"""``dsv3c passes [NAME]``: what passes there are, what they need and establish, and their options."""

import argparse
import ast
import inspect
import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from itertools import pairwise
from pathlib import Path
from textwrap import dedent, indent

from dsv3c.compilation.known_passes import KNOWN, load_pass
from dsv3c.compilation.plugins import load_plugins
from dsv3c.passes.base import Pass
from dsv3c.reports.tables import columns


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a pass")
    parser.add_argument("--load", metavar="FILE.py", action="append", default=[], type=Path, help="load a plug-in")


def run(arguments: argparse.Namespace) -> int:
    """The table of all passes, or everything about one."""
    extra = load_plugins(arguments.load).passes
    if arguments.name is None:
        print(overview({name: load_pass(name, extra) for name in sorted({*KNOWN, *extra})}))
    else:
        print(describe(load_pass(arguments.name, extra)))
    return 0


def overview(passes: Mapping[str, type[Pass]]) -> str:
    """One row per pass."""
    rows = [("pass", "requires", "ensures", "numerics", "what it does")]
    for name, cls in passes.items():
        rows.append((name, facts(cls.requires), facts(cls.ensures), cls.numerics, first_sentence(cls)))
    return "\n".join([*columns(rows), "", "`dsv3c passes NAME` describes one, with its options."])


def facts(names: frozenset[str]) -> str:
    """Facts as text."""
    return ", ".join(sorted(names)) or "-"


def first_sentence(cls: type[Pass]) -> str:
    """Of the class's documentation."""
    return " ".join((inspect.getdoc(cls) or "").split()).split(". ")[0].rstrip(".")


def describe(cls: type[Pass]) -> str:
    """The file's documentation, what the pass requires and ensures, and its options."""
    text = inspect.getdoc(sys.modules[cls.__module__]) or inspect.getdoc(cls) or ""
    lines = [
        text,
        "",
        f"requires: {facts(cls.requires)}    ensures: {facts(cls.ensures)}    numerics: {cls.numerics}",
        "",
    ]
    options = [field for field in fields(cls) if field.init]
    if not options:
        return "\n".join([*lines, "It has no options."])
    documents = option_documents(cls)
    for option in options:
        lines.append(f"{option.name.replace('_', '-')}: {type_of(option)} = {default_of(option)}")
        lines.append(indent(documents.get(option.name, ""), "    "))
    return "\n".join([*lines, "", f"e.g. -p '{example(cls, options)}'"])


def option_documents(cls: type[Pass]) -> dict[str, str]:
    """Field -> the text under it in the source, base classes included."""
    found = dict[str, str]()
    for base in reversed(cls.__mro__):
        if not issubclass(base, Pass):
            continue
        body = ast.parse(dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, after in pairwise(body.body):
            match field, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = inspect.cleandoc(text)
                case _:
                    pass
    return found


def type_of(option: Field[object]) -> str:
    """The option's type as it is written in the source."""
    return option.type if isinstance(option.type, str) else getattr(option.type, "__name__", str(option.type))


def default_of(option: Field[object]) -> str:
    """The default as it is written on the command line."""
    if option.default is MISSING:
        return "(must be given)" if option.default_factory is MISSING else value_text(option.default_factory())
    return value_text(option.default)


def value_text(value: object) -> str:
    """A value as pipeline text."""
    if isinstance(value, tuple):
        return ",".join(map(value_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def example(cls: type[Pass], options: list[Field[object]]) -> str:
    """The pass with its first option, as pipeline text."""
    first = options[0]
    return f"{cls.name}{{{first.name.replace('_', '-')}={default_of(first)}}}"
