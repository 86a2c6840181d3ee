"""Where the scales of a value come from and go to: what can be produced in another type or layout of scales."""

from collections.abc import Iterator
from dataclasses import dataclass

from xdsl.dialects.builtin import Float8E8M0FNUType
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.ir.dialects.scaled import DequantizeOp, GroupedMmOp, MmOp, QuantizeOp, ReshapeOp, SliceOp
from dsv3c.ir.dialects.scaled_fused import RmsNormOp, SwigluOp
from dsv3c.ir.dialects.weight import ParamOp, YieldOp
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.scaled_type import ScaledType, scaled_type
from dsv3c.passes.quantize_sinking import ROW_MOVERS, movement_of

Product = MmOp | GroupedMmOp
Producer = QuantizeOp | RmsNormOp | SwigluOp
VIEWS = (ReshapeOp, SliceOp)


@dataclass(frozen=True)
class ScaleFlow:
    """A scaled value and what is made of it by ops that neither compute nor round."""

    root: SSAValue
    values: tuple[SSAValue, ...]
    """The root and every value that is its rows moved, or (with views) a view of it."""

    def readers(self) -> Iterator[Operation]:
        """What reads one of the values, beside the ops that make the others."""
        made = {value.owner for value in self.values[1:]}
        for value in self.values:
            yield from (use.operation for use in value.uses if use.operation not in made)

    def stranger(self) -> Operation | None:
        """A reader to which the scales' type or layout matters and that is no product."""
        return next((op for op in self.readers() if not isinstance(op, Product | DequantizeOp)), None)


def moved_from(value: SSAValue) -> SSAValue | None:
    """The value whose rows, or a view of which, this is."""
    if isinstance(value.owner, VIEWS):
        return value.owner.q
    movement = movement_of(value)
    return movement.source if movement is not None else None


def flow_of(value: SSAValue, *, views: bool) -> ScaleFlow:
    """The flow a value is part of; without ``views``, those are strangers to what they view."""
    root = value
    while (source := moved_from(root)) is not None:
        root = source
    return ScaleFlow(root, tuple(derived(root, views=views)))


def derived(value: SSAValue, *, views: bool) -> Iterator[SSAValue]:
    """A value, and all that is made of it by moving rows (or viewing)."""
    yield value
    for use in value.uses:
        if (rule := ROW_MOVERS.find(use.operation)) is not None:
            yield from derived(rule(use.operation).moved, views=views)
        elif views and isinstance(use.operation, VIEWS):
            yield from derived(use.operation.r, views=views)


def quantizer_at(root: SSAValue) -> QuantizerAttr | None:
    """What quantised a root: here, or as the last step of a parameter's recipe."""
    made = recipe_value(root.owner).owner if isinstance(root.owner, ParamOp) else root.owner
    return made.quantizer if isinstance(made, Producer) else None


def recipe_value(param: ParamOp) -> SSAValue:
    """What the recipe of a scaled parameter yields."""
    assert param.recipe is not None, "scaled values are made of stored tensors"
    end = param.recipe.block.last_op
    assert isinstance(end, YieldOp)
    return end.value


def with_scales(kind: ScaledType, scale: Attribute, layout: str) -> ScaledType:
    """The same data and granule, its scales of another type or in another layout."""
    return ScaledType.make(kind.data, kind.granules, scale, layout)


def set_scales(value: SSAValue, scale: Attribute, layout: str) -> None:
    """Give a value's type another type or layout of scales."""
    value._type = with_scales(scaled_type(value), scale, layout)  # pyright: ignore[reportPrivateUsage]


def loses_mantissas(root: SSAValue, scale: Attribute) -> bool:
    """Whether the scales of a root may be no powers of two where powers of two are wanted."""
    if scaled_type(root).scale == scale or scale != Float8E8M0FNUType():
        return False
    quantizer = quantizer_at(root)
    return quantizer is None or not quantizer.rounds_to_pow2
