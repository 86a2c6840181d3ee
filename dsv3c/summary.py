"""What ``compile`` prints at its end, and what the manifest keeps of it."""

from collections.abc import Mapping

from dsv3c.compiler import Compiled
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.functions import functions
from dsv3c.ir.outcomes import Kind


def summary_text(compiled: Compiled) -> str:
    """The summary as text; its first line is the operating point."""
    module, outcomes = compiled.module, compiled.ctx.outcomes
    kinds = [item.kind for item in outcomes]
    lines = [
        f"operating point: {compiled.point}",
        f"model: {compiled.source.model} ({compiled.source.path}), {level_of(compiled)}",
        f"functions: {', '.join('@' + name for name in functions(module))}",
        f"rewrites: {kinds.count(Kind.FIRED)} fired, {kinds.count(Kind.BLOCKED)} blocked, "
        f"{kinds.count(Kind.UNPROFITABLE)} unprofitable",
    ]
    return "\n".join(lines)


def summary_json(compiled: Compiled) -> Mapping[str, object]:
    """The summary as data."""
    kinds = [item.kind.value for item in compiled.ctx.outcomes]
    return {"rewrites": {kind.value: kinds.count(kind.value) for kind in Kind}}


def level_of(compiled: Compiled) -> str:
    """The facts the module states, or ``captured``."""
    return ", ".join(sorted(facts_of(compiled.module))) or "captured"
