"""Which parameters can be read expert by expert: recipes that keep experts apart, used by products of experts alone."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.moe import ExpertsOp
from dsv3c.ir.dialects.moe_rows import GroupedMmOp
from dsv3c.ir.dialects.scaled import AssembleOp, QuantizeOp, RelayoutOp
from dsv3c.ir.dialects.scaled import DequantizeOp as ScaledDequantizeOp
from dsv3c.ir.dialects.scaled import GroupedMmOp as ScaledGroupedMmOp
from dsv3c.ir.dialects.units import UnitOp
from dsv3c.ir.dialects.weight import DequantizeOp, ParamOp, StoredEachOp, YieldOp
from dsv3c.ir.errors import UsageError, at
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.scaled_type import scaled_type
from dsv3c.ir.types import shape

APART: RuleTable[Callable[[Any], bool]] = RuleTable("keeps experts apart")
"""Op of a recipe over [E, ...] -> whether row e of its result is made of rows e alone, by the same op."""
READERS: RuleTable[Callable[[Any], list[SSAValue | None]]] = RuleTable("reads a matrix per expert")
"""Op -> the operands of which it reads the matrices of experts one by one."""


@APART.rule(StoredEachOp)
def stored_each(op: StoredEachOp) -> bool:
    """One stored tensor per expert."""
    return True


@APART.rule(DequantizeOp)
def dequantize(op: DequantizeOp) -> bool:
    """Blocks are of the last two dims."""
    return len(shape(op.quantized)) > 2


@APART.rule(YieldOp)
def yielded(op: YieldOp) -> bool:
    """The value itself."""
    return True


@APART.rule(QuantizeOp)
@APART.rule(AssembleOp)
@APART.rule(RelayoutOp)
def scales_apart(op: QuantizeOp | AssembleOp | RelayoutOp) -> bool:
    """No scale is of two experts."""
    return scaled_type(op.results[0]).granules[0] == 1


@APART.rule(ScaledDequantizeOp)
def scaled_dequantize(op: ScaledDequantizeOp) -> bool:
    """No scale is of two experts."""
    return scaled_type(op.operands[0]).granules[0] == 1


@READERS.rule(GroupedMmOp)
@READERS.rule(ScaledGroupedMmOp)
def grouped(op: GroupedMmOp | ScaledGroupedMmOp) -> list[SSAValue | None]:
    """The stack."""
    return [op.w]


@READERS.rule(ExpertsOp)
def experts(op: ExpertsOp) -> list[SSAValue | None]:
    """Three stacks, or two."""
    return [op.gate, op.up, op.down]


def keeps_apart(op: Operation) -> bool:
    """Whether an op of a recipe treats experts one by one; joining along another dim than theirs does."""
    if op.name == "aten.cat":
        dim = cast(AtenOp, op).literal("dim") if "dim" in op.properties else 0
        return isinstance(dim, int) and dim % len(shape(op.results[0])) != 0
    rule = APART.find(op)
    return rule is not None and rule(op)


def users(value: SSAValue) -> Iterator[tuple[Operation, SSAValue]]:
    """The ops that read a value, inside of units too, with what they know it by."""
    for use in value.uses:
        if isinstance(use.operation, UnitOp):
            yield from users(use.operation.body.block.args[use.index])
        else:
            yield use.operation, value


def obstacle(op: ParamOp) -> Operation | None:
    """The first op because of which a parameter made of experts is needed as a whole; None where there is none."""
    assert op.recipe is not None
    for inner in op.recipe.block.ops:
        if not keeps_apart(inner):
            return inner
    for user, value in users(op.value):
        reads = READERS.find(user)
        if reads is None or [*user.operands].count(value) != reads(user).count(value):
            return user
    return None


def is_of_experts(op: ParamOp) -> bool:
    """Whether a recipe stacks stored tensors."""
    return op.recipe is not None and any(isinstance(inner, StoredEachOp) for inner in op.recipe.block.ops)


def readable_by_expert(op: ParamOp) -> bool:
    """Whether single experts of a parameter can be read where they are used."""
    return is_of_experts(op) and obstacle(op) is None


def check_readable(module: ModuleOp) -> None:
    """Raise UsageError where experts must be in memory as a whole, or where there are none."""
    found = [op for op in module.walk() if isinstance(op, ParamOp) and is_of_experts(op)]
    if not found:
        raise UsageError(
            "the program stacks no stored experts: there is nothing that a budget would be for",
            hint="leave --expert-memory out",
        )
    for op in found:
        if (blocking := obstacle(op)) is not None:
            raise UsageError(
                f"{op.key.data} cannot be read expert by expert: {blocking.name} takes all of them at once",
                where=at(blocking),
                hint="leave --expert-memory out",
            )
