"""Weights that a checkpoint stores quantised: a parameter's recipe undone down to the stored data and scales.

A recipe says where a weight comes from, ``cat(dequantize(data, scales), ...)``.  Walked backwards, every step is taken
on data and grid apart wherever the blocks survive it (``dsv3c.ir.scaled_algebra``), so that the stored bytes are used
bit for bit and nothing is rounded twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xdsl.dialects.builtin import IntegerAttr, LocationAttr, i64
from xdsl.ir import Attribute, Block, Operation, OpResult, Region, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.scaled import AssembleOp
from dsv3c.ir.dialects.weight import DequantizeOp, ParamOp, StoredEachOp, StoredOp, YieldOp
from dsv3c.ir.scaled_algebra import Refused, concatenated, of_view
from dsv3c.ir.scaled_type import FORMATS, SCALES, ScaledType, show_granule
from dsv3c.ir.strided import whole
from dsv3c.ir.types import as_tensor, element_type, shape
from dsv3c.ir.views import RULES as VIEWS
from dsv3c.ir.views import position_in, size_argument
from dsv3c.passes.matching import Mismatch
from dsv3c.passes.recipes import append
from dsv3c.passes.rewriting import aten_class


@dataclass(frozen=True)
class Parts:
    """Quantised data and its grid of scales, as values of the recipe that is being written."""

    kind: ScaledType
    data: SSAValue
    scale: SSAValue


def is_stored_quantised(param: ParamOp) -> bool:
    """Whether any part of a parameter is stored with scales."""
    return param.recipe is not None and any(isinstance(op, DequantizeOp) for op in param.recipe.block.ops)


def stored_param(
    ctx: CompileContext, weight: SSAValue, wanted: ScaledType, key: str, location: LocationAttr
) -> ParamOp:
    """A parameter ``key`` of exactly this type, assembled from what is stored of ``weight``.

    New ops are at ``location``, copied ones where they were.  Raises Mismatch with the reason where the stored blocks
    do not make that type.
    """
    reader = Reader(ctx, Block(), location)
    parts = reader.parts(weight)
    if parts.kind != wanted:
        raise Mismatch(f"stored as {describe(parts.kind)}, wanted as {describe(wanted)}")
    reader.block.add_op(YieldOp(reader.add(AssembleOp(parts.data, parts.scale, parts.kind))))
    param = ParamOp(key, wanted, Region(reader.block))
    param.location = location
    return param


def describe(kind: ScaledType) -> str:
    """``f8E4M3FN 128x128 f32``."""
    return f"{kind.element} {show_granule(kind.granules)} {kind.scale}"


@dataclass
class Reader:
    """Writes a recipe for data and scales while it reads the one of the dequantised weight."""

    ctx: CompileContext
    block: Block
    location: LocationAttr
    copies: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """Value of an old recipe -> its copy in the new one."""

    def add(self, op: Operation) -> SSAValue:
        """Append a new op; returns its result."""
        op.location = self.location
        return append(self.block, op)

    def parts(self, value: SSAValue) -> Parts:
        """Data and scales of a weight.  Raises Mismatch where a step of its recipe cannot be taken on blocks."""
        owner = value.owner
        match owner:
            case ParamOp():
                return self.of_param(owner)
            case DequantizeOp():
                return self.of_dequantize(owner)
            case StoredOp() | StoredEachOp():
                raise Mismatch(f"{owner.key.data} is stored as {element_type(owner.value)}")
            case AtenOp() if owner.name == "aten.cat":
                return self.of_cat(owner)
            case AtenOp() if owner.name in GRIDS:
                return self.of_view(owner)
            case _:
                assert isinstance(owner, Operation), "a recipe has no arguments"
                raise Mismatch(f"its recipe computes {owner.name}")

    def of_param(self, param: ParamOp) -> Parts:
        """What the parameter's recipe yields."""
        assert param.recipe is not None, "is_stored_quantised"
        end = param.recipe.block.last_op
        assert isinstance(end, YieldOp)
        return self.parts(end.value)

    def of_dequantize(self, op: DequantizeOp) -> Parts:
        """The operands themselves."""
        data, scale = as_tensor(op.quantized), element_type(op.scale)
        if data.element_type not in FORMATS or scale not in SCALES:
            raise Mismatch(f"no scaled type has {data.element_type} data and {scale} scales")
        block = [size.value.data for size in op.block]
        kind = ScaledType.make(data, (*(1,) * (data.get_num_dims() - 2), *block), scale)
        return Parts(kind, self.copy(op.quantized), self.copy(op.scale))

    def copy(self, value: SSAValue) -> SSAValue:
        """A value of an old recipe in the new one, with everything that makes it."""
        if value not in self.copies:
            assert isinstance(value, OpResult)
            for operand in value.op.operands:
                self.copy(operand)
            clone = value.op.clone(self.copies)
            self.block.add_op(clone)
        return self.copies[value]

    def of_cat(self, op: AtenOp) -> Parts:
        """The parts joined, and their grids joined."""
        parts = [self.parts(operand) for operand in op.operands]
        dim = dim_of(op, len(shape(op.results[0])))
        kind = concatenated([part.kind for part in parts], dim)
        if isinstance(kind, Refused):
            raise Mismatch(kind.reason)
        properties = {"dim": IntegerAttr(dim, i64)} if dim else {}
        cat = aten_class(self.ctx, op.name)
        data = cat.build_from({"tensors": [part.data for part in parts]}, properties, [kind.data])
        scale = cat.build_from({"tensors": [part.scale for part in parts]}, properties, [kind.scale_tensor()])
        return Parts(kind, self.add(data), self.add(scale))

    def of_view(self, op: AtenOp) -> Parts:
        """The view of the data, and the view of the grid that goes with it."""
        source = self.parts(op.operands[0])
        view = VIEWS[op.name](op, 0, whole(op.operands[0]))
        if view is None or view.sizes != shape(op.results[0]):
            raise Mismatch(f"its recipe takes a part of it that {op.name} does not state in numbers")
        kind = of_view(source.kind, view)
        if isinstance(kind, Refused):
            raise Mismatch(kind.reason)
        data = repeated(op, source.data, kind.data)
        scale = GRIDS[op.name](self.ctx, op, source, kind)
        return Parts(kind, self.add(data), self.add(scale))


def dim_of(op: AtenOp, rank: int) -> int:
    """The op's ``dim``, counted from the start."""
    dim = op.literal("dim")
    assert isinstance(dim, int)
    return dim % rank


def repeated(op: AtenOp, source: SSAValue, kind: Attribute) -> Operation:
    """The op on another value."""
    return type(op).create(operands=[source], properties=dict(op.properties), result_types=[kind])


def same_grid(_ctx: CompileContext, op: AtenOp, source: Parts, kind: ScaledType) -> Operation:
    """The op itself: it names dims only, and the grid has the same."""
    return repeated(op, source.scale, kind.scale_tensor())


def regrouped_grid(ctx: CompileContext, _op: AtenOp, source: Parts, kind: ScaledType) -> Operation:
    """The scales in row-major order, dealt out to the new grid."""
    return aten_class(ctx, "aten.reshape").build_from({"self": source.scale}, {}, [kind.scale_tensor()])


def sliced_grid(ctx: CompileContext, op: AtenOp, source: Parts, kind: ScaledType) -> Operation:
    """The scales of the blocks that are taken."""
    dim = dim_of(op, len(source.kind.sizes))
    size, granule = source.kind.sizes[dim], source.kind.granules[dim]
    start = position_in(size, size_argument(op, "start", 0))
    assert isinstance(start, int), "a weight's sizes are numbers"
    taken = kind.grid()[dim]
    assert isinstance(taken, int)
    numbers = {"dim": dim, "start": start // granule, "end": start // granule + taken}
    properties: Mapping[str, Attribute] = {name: IntegerAttr(number, i64) for name, number in numbers.items()}
    return aten_class(ctx, "aten.slice.Tensor").build_from({"self": source.scale}, properties, [kind.scale_tensor()])


Grid = Callable[[CompileContext, AtenOp, Parts, ScaledType], Operation]

GRIDS: dict[str, Grid] = {
    "aten.mT": same_grid,
    "aten.movedim.int": same_grid,
    "aten.permute": same_grid,
    "aten.reshape": regrouped_grid,
    "aten.slice.Tensor": sliced_grid,
    "aten.t": same_grid,
    "aten.transpose.int": same_grid,
    "aten.view": regrouped_grid,
}
"""View of a weight -> the same view of its grid of scales; of other views the blocks are not followed."""
