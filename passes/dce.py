"""``dce``: what nothing reads goes, inside functions and between them.

Before  func.func private @layer(%x, %unread) {                 After   func.func private @layer(%x) {
          %dead = aten.view(%x)                                           func.return %x
          func.return %x, %x
        }

Erases pure ops without readers (calls of pure functions included), arguments that a private function does not read,
results that no call of it uses, and private functions that nobody calls, until nothing is left to erase.  Saves work
and memory, and what the counts of a report would be blurred by.  Ops with effects stay, and so do the signature of
every function that may be called from outside and the tokens of communication that functions hand on.  What went is
counted by op name.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import IsTerminator, is_side_effect_free

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.comm_types import TokenType
from dsv3c.ir.functions import call_sites, callee_name, functions, returned, update_type
from dsv3c.passes.base import Pass

PRIVATE = "private"


@dataclass(frozen=True)
class DcePass(Pass):
    """Erase what nothing reads, and count it."""

    name = "dce"
    cleans_up = True

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Repeat until nothing changes: an erased call may leave an argument unread, and the other way round."""
        eraser = Eraser(ctx, module)
        while eraser.sweep():
            pass
        for name, function in functions(module).items():
            for op_name, number in sorted(eraser.erased.get(name, Counter[str]()).items()):
                ctx.fired(function, f"@{name}: erased {number} {op_name}", erased=number)


@dataclass
class Eraser:
    """One module, and what was erased from it."""

    ctx: CompileContext
    module: ModuleOp
    erased: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    """Function -> op name -> how many."""

    def sweep(self) -> bool:
        """Erase what is dead now; whether anything was."""
        changed = False
        for name, function in functions(self.module).items():
            changed |= self.erase_ops(name, function.body.block)
        for name, function in functions(self.module).items():
            if not is_private(function):
                continue
            if call_sites(function):
                changed |= self.remove_results(name, function) | self.remove_arguments(name, function)
                continue
            self.ctx.fired(function, f"removed @{name}, which nothing calls")
            function.detach()
            function.erase()
            changed = True
        return changed

    def erase_ops(self, name: str, block: Block) -> bool:
        """Erase pure ops without readers, readers first; recipes are searched too."""
        changed = False
        for op in reversed(list(block.ops)):
            if self.is_dead(op):
                self.erased.setdefault(name, Counter[str]())[op.name] += 1
                op.detach()
                op.erase()
                changed = True
                continue
            for region in op.regions:
                for inner in region.blocks:
                    changed |= self.erase_ops(name, inner)
        return changed

    def is_dead(self, op: Operation) -> bool:
        """Whether nothing would differ without an op."""
        unread = all(result.first_use is None for result in op.results)
        return unread and not op.has_trait(IsTerminator) and self.is_pure(op)

    def is_pure(self, op: Operation) -> bool:
        """Whether an op has no effect but its results; a call has those of the function."""
        if not isinstance(op, func.CallOp):
            return is_side_effect_free(op)
        callee = functions(self.module)[callee_name(op)]
        return all(op.has_trait(IsTerminator) or self.is_pure(op) for op in callee.body.block.ops)

    def remove_arguments(self, name: str, function: func.FuncOp) -> bool:
        """Remove arguments that the body does not read."""
        block = function.body.block
        unread = [argument for argument in block.args if argument.first_use is None]
        kept = [argument.index for argument in block.args if argument not in unread]
        if not unread:
            return False
        for argument in unread:
            self.ctx.fired(function, f"removed argument %{argument.name_hint or argument.index} of @{name}")
        for call in call_sites(function):
            call.operands = [call.operands[index] for index in kept]
        for argument in unread:
            block.erase_arg(argument)
        update_type(function)
        return True

    def remove_results(self, name: str, function: func.FuncOp) -> bool:
        """Remove results that no call uses; tokens of communication stay: who takes one gives it back."""
        last, calls = returned(function), call_sites(function)
        read = [
            isinstance(value.type, TokenType) or any(call.results[index].first_use for call in calls)
            for index, value in enumerate(last.operands)
        ]
        if all(read):
            return False
        for index, is_read in enumerate(read):
            if not is_read:
                self.ctx.fired(function, f"removed result {index} of @{name}")
        kept = [index for index, is_read in enumerate(read) if is_read]
        last.operands = [last.operands[index] for index in kept]
        update_type(function)
        for call in calls:
            replace_call(call, kept)
        return True


def is_private(function: func.FuncOp) -> bool:
    """Whether only this module can call a function."""
    return function.sym_visibility is not None and function.sym_visibility.data == PRIVATE


def replace_call(call: func.CallOp, kept: Sequence[int]) -> None:
    """The same call with some of its results."""
    new = func.CallOp(call.callee, list(call.operands), [call.results[index].type for index in kept])
    new.attributes.update(call.attributes)
    new.location = call.location
    block = call.parent_block()
    assert block is not None
    block.insert_op_before(new, call)
    for index, result in zip(kept, new.results, strict=True):
        old: SSAValue = call.results[index]
        result.name_hint = old.name_hint
        old.replace_all_uses_with(result)
    call.detach()
    call.erase()
