"""What the raising passes left in aten: a remark for the CPU, whose reference runs it; an error for kernels."""

from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import CompileContext
from dsv3c.ir.cost import unraised_core
from dsv3c.ir.cost_rules_aten import is_core
from dsv3c.ir.errors import PassError, at
from dsv3c.ir.verify import unraised

CHECK = "coverage"
"""Name of the check among the remarks."""


def check_coverage(ctx: CompileContext, module: ModuleOp, *, allow_unraised: bool) -> None:
    """Note every matrix product, attention, softmax and top-k that is still in aten.

    Raises PassError naming the first where the target runs kernels (its kind is not ``cpu``) unless ``allow_unraised``.
    """
    left = [op for op in unraised(module) if is_core(op)]
    ctx.current_pass, ctx.current_pattern = CHECK, ""
    for op in left:
        ctx.blocked(op, "left in aten: the CPU reference runs it, no kernel does")
    ctx.current_pass = ""
    if not left or allow_unraised or ctx.target is None or ctx.target.kind == "cpu":
        return
    all_of_them = ", ".join(f"{name} x {number}" for name, number in sorted(unraised_core(module).items()))
    raise PassError(
        f"{left[0].name} was not raised, and no kernel for {ctx.target.name} computes it (left in aten: {all_of_them})",
        where=at(left[0]),
        hint="`dsv3c explain MODEL` says what blocked it; --target cpu runs it; --allow-unraised plans without it",
    )
