"""Pipelines: passes from text, and the one flat list that takes a captured model to a program that runs."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

from xdsl.utils.arg_spec import ArgSpec, parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError

from dsv3c.compilation.known_passes import load_pass
from dsv3c.compilation.operating_point import OperatingPoint
from dsv3c.compilation.plan import Plan
from dsv3c.ir.errors import UsageError
from dsv3c.ir.spelling import guess
from dsv3c.passes.base import Pass

RAISE = (
    "canonicalize-views",
    "raise-linear",
    "raise-rms-norm",
    "raise-swiglu",
    "raise-rope",
    # attention reads the rope ops and the views around them
    "raise-attention",
    "raise-gate",
    "raise-experts",
    # the tables last: which tables are asked for is known once every nn.rope is there
    "raise-rope-tables",
    "canonicalize",
    "cse",
    "dce",
)
"""Captured -> raised, cache-free."""

LOWER = (
    "merge-projections",
    # after merging: the up-projection of MLA is never merged, its input is
    "absorb-mla",
    "canonicalize",
    "cse",
    "dce",
)
"""Phased -> merged and absorbed."""


def default_pipeline(point: OperatingPoint, plan: Plan) -> str:
    """The pass pipeline of ``dsv3c compile``, as the text that ``dsv3c opt -p`` takes."""
    return ",".join([*RAISE, f"specialize-phases{{{point.pass_options()}}}", *LOWER, *plan.passes()])


def resume(passes: Sequence[Pass], facts: frozenset[str]) -> list[Pass]:
    """What is left of a pipeline for a module that states ``facts``: the passes after the last that established one."""
    done = [index for index, item in enumerate(passes) if item.ensures and item.ensures <= facts]
    return list(passes[done[-1] + 1 :] if done else passes)


FACTS = ("phased", "sharded", "quantised")
"""Levels that are a fact: the program right after the pass that establishes it."""
ESTABLISHES: Mapping[str, tuple[str, str]] = {
    "phased": ("specialize-phases", "the default pipeline does"),
    "sharded": ("shard-experts", "the default pipeline does with --ep N, more than one rank"),
    "quantised": ("insert-fp8-qdq", "the default pipeline does with a --recipe that quantises: see `dsv3c recipes`"),
}
"""Fact -> the pass that establishes it, and when there is one."""


def until_level(passes: Sequence[Pass], level: str, stated: frozenset[str] = frozenset()) -> list[Pass]:
    """The passes that take a module to ``level``: captured, raised, one of ``FACTS``; all for any other.

    None for a fact that the module has ``stated`` already.
    """
    if level == "captured" or (level in FACTS and level in stated):
        return []
    places = {fact: index for index, item in enumerate(passes) for fact in item.ensures}
    if level == "raised":
        return list(passes[: places.get("phased", len(passes))])
    return list(passes[: places[level] + 1]) if level in FACTS and level in places else list(passes)


def check_establishes(passes: Sequence[Pass], level: str) -> None:
    """Raise UsageError for a level that is a fact which none of the passes establishes."""
    if level in FACTS and not any(level in item.ensures for item in passes):
        name, when = ESTABLISHES[level]
        raise UsageError(f"no pass makes the program {level}", hint=f"{name} makes it so; {when}")


def parse_passes(text: str, extra: Mapping[str, type[Pass]] | None = None) -> list[Pass]:
    """``'absorb-mla{mode=always},cse'`` -> passes.  Raises UsageError for unknown names and options."""
    try:
        specs = list(parse_pipeline(text))
    except ArgSpecParseError as error:
        raise UsageError(
            f"cannot read the pass pipeline {text!r}: {error}", hint="e.g. 'absorb-mla{mode=always},cse'"
        ) from error
    return [make_pass(load_pass(spec.name, extra), spec) for spec in specs]


def make_pass(cls: type[Pass], spec: ArgSpec) -> Pass:
    """The pass with the options of ``spec``.  Raises UsageError naming a wrong option and the known ones."""
    known = [field.name.replace("_", "-") for field in fields(cls) if field.init]
    for option in spec.parameters:
        if option.replace("_", "-") not in known:
            options = f"its options: {', '.join(known)}" if known else "it has no options"
            raise UsageError(f"pass {cls.name} has no option {option!r}", hint=guess(option, known) + options)
    try:
        return cls.from_spec(spec)
    except ValueError as error:
        raise UsageError(
            f"pass {cls.name}: {error}", hint="options are typed: see `dsv3c passes " + cls.name + "`"
        ) from error


def until(passes: list[Pass], stop_after: str | None) -> list[Pass]:
    """The passes up to and including the last one named ``stop_after``.  Raises UsageError if it is not among them."""
    if stop_after is None:
        return passes
    last = max((index for index, item in enumerate(passes) if item.name == stop_after), default=None)
    if last is None:
        names = ", ".join(dict.fromkeys(item.name for item in passes)) or "none"
        raise UsageError(f"--stop-after={stop_after}: no such pass in the pipeline", hint=f"its passes: {names}")
    return passes[: last + 1]
