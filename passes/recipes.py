"""Folding into weights: new parameters whose recipes compute them from what older ones stored."""

from collections.abc import Callable, Iterable, Sequence

from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.weight import ParamOp, StoredOp, YieldOp
from dsv3c.ir.locations import fused
from dsv3c.ir.scaled_type import ScaledType, show_granule


def param_of(value: SSAValue) -> ParamOp | None:
    """The parameter a value is, if it is one."""
    return value.owner if isinstance(value.owner, ParamOp) else None


def inline_recipe(block: Block, param: ParamOp) -> SSAValue:
    """Append to ``block`` what computes ``param``; returns the value."""
    if param.recipe is None:
        stored = StoredOp(param.key.data, param.value.type)
        stored.location = param.location
        block.add_op(stored)
        return stored.value
    mapping = dict[SSAValue, SSAValue]()
    for op in param.recipe.block.ops:
        if isinstance(op, YieldOp):
            return mapping[op.value]
        copy = op.clone(mapping)
        block.add_op(copy)
    raise AssertionError("a recipe ends in a yield")


def derived_param(
    ctx: CompileContext,
    key: str,
    sources: Sequence[ParamOp],
    build: Callable[[CompileContext, Block, list[SSAValue]], SSAValue],
    kind: Attribute,
) -> ParamOp:
    """A parameter computed from ``sources``: their recipes, then what ``build`` appends; ``kind`` is its type."""
    block = Block()
    values = [inline_recipe(block, source) for source in sources]
    inlined = set(block.ops)
    result = build(ctx, block, values)
    block.add_op(YieldOp(result))
    param = ParamOp(key, kind, Region(block))
    param.location = fused(source.location for source in sources)
    for op in block.ops:
        if op not in inlined:
            op.location = param.location
    return param


def format_label(kind: ScaledType) -> str:
    """``f8E4M3FN 128x128``, and the scales' type where it is not f32: what the name of a quantised weight ends in."""
    scale = "" if str(kind.scale) == "f32" else f" {kind.scale}"
    return f"{kind.element} {show_granule(kind.granules)}{scale}"


def unique_key(block: Block, key: str) -> str:
    """The name, numbered if another parameter of the function's block has it."""
    taken, number = {op.key.data for op in block.ops if isinstance(op, ParamOp)}, 1
    name = key
    while name in taken:
        number += 1
        name = f"{key} #{number}"
    return name


def erase_unread(params: Iterable[ParamOp]) -> None:
    """Erase the parameters that nothing reads any more."""
    for param in dict.fromkeys(params):
        if param.value.first_use is None:
            param.detach()
            param.erase()


def append(block: Block, op: Operation) -> SSAValue:
    """Append an op with one result; returns the result."""
    block.add_op(op)
    return op.results[0]
