"""Values from views: the value at hand that is a described part of a tensor, or the canonical chain that makes it."""

from dataclasses import dataclass, field

from xdsl.ir import Operation, OpResult, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.strided import View
from dsv3c.ir.views import RULES, view_of
from dsv3c.passes.view_chains import build_view, discard


@dataclass
class ViewBuilder:
    """Collects the ops that make views; the caller inserts them."""

    ctx: CompileContext
    ops: list[Operation] = field(default_factory=list[Operation])

    def build(self, view: View, near: SSAValue | None = None) -> SSAValue | None:
        """The value that ``view`` describes: one on the way from ``near`` to its base, or a new one.

        None if no chain of view ops makes it.
        """
        if near is not None and (found := on_the_way(view, near)) is not None:
            return found
        chain = build_view(self.ctx, view)
        if chain is None:
            return None
        for op in chain:
            op.results[0].name_hint = view.base.name_hint
        self.ops += chain
        return chain[-1].results[0] if chain else view.base

    def give_up(self) -> None:
        """Nothing will be inserted."""
        discard(self.ops)


def on_the_way(view: View, near: SSAValue) -> SSAValue | None:
    """The value between ``near`` and the base of its view that ``view`` describes, if there is one."""
    value = near
    while view_of(value) != view:
        if not isinstance(value, OpResult) or value.op.name not in RULES:
            return None
        value = value.op.operands[0]
    return value
