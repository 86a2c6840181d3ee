"""Dealing out a weight's experts to ranks: ``weight.shard`` in its recipe, moved down to the stored tensors.

Before::

    %g = weight.stored_each "experts.{}.gate" count 16 : tensor<16x8x32xbf16>
    %u = weight.stored_each "experts.{}.up" count 16 : tensor<16x8x32xbf16>
    %w = aten.cat([%g, %u], dim = 1)

After, on 4 ranks::

    %g = weight.stored_each "experts.{}.gate" count 16 group "ep" placement <0:16> : tensor<4x8x32xbf16>
    %u = weight.stored_each "experts.{}.up" count 16 group "ep" placement <0:16> : tensor<4x8x32xbf16>
    %w = aten.cat([%g, %u], dim = 1) : tensor<4x16x32xbf16>

so that a rank reads its own experts.  Ops that treat experts one by one are recomputed on a rank's experts; above any
other, and above an experts' tensor that is stored as one, ``weight.shard`` stays.
"""

from dataclasses import dataclass, field

from xdsl.ir import Block, Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp, Literal
from dsv3c.ir.dialects.comm import PlacementAttr
from dsv3c.ir.dialects.comm_types import with_rows
from dsv3c.ir.dialects.weight import DequantizeOp, ParamOp, ShardOp, StoredEachOp
from dsv3c.ir.types import shape
from dsv3c.passes.recipes import append, derived_param

CASTS = ("aten.to.dtype", "aten._to_copy")
SUFFIX = ".shard"
"""Behind the key of a parameter that holds a rank's experts."""


@dataclass(frozen=True)
class Shares:
    """How experts are dealt out."""

    group: str
    placement: PlacementAttr
    rows: int
    """Physical experts per rank."""

    @property
    def are_everything(self) -> bool:
        """Whether every rank holds all experts, in order: every expert has a place."""
        ranks = len(self.placement.logical) // self.rows
        return self.placement.logical == tuple(range(self.rows)) * ranks


def sharded_param(ctx: CompileContext, param: ParamOp, shares: Shares) -> ParamOp:
    """A parameter that holds this rank's experts of ``param`` [E, ...]."""

    def build(ctx: CompileContext, block: Block, values: list[SSAValue]) -> SSAValue:
        sharder = Sharder(block, shares)
        result = sharder.shard(values[0])
        erase_dead(block, result)
        return result

    kind = with_rows(param.value, shares.rows)
    made = derived_param(ctx, param.key.data + SUFFIX, [param], build, kind)
    made.value.name_hint = param.value.name_hint
    return made


@dataclass
class Sharder:
    """Rebuilds what computes a weight, on a rank's experts."""

    block: Block
    shares: Shares
    done: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])

    def shard(self, value: SSAValue) -> SSAValue:
        """The value [E, ...] on a rank's experts [rows, ...], made once."""
        if value not in self.done:
            self.done[value] = self.made(value)
            self.done[value].name_hint = value.name_hint
        return self.done[value]

    def made(self, value: SSAValue) -> SSAValue:
        """The new value, appended to the block."""
        op, shares = value.owner, self.shares
        assert isinstance(op, Operation), "a recipe takes no arguments"
        if isinstance(op, StoredEachOp):
            kind, count = with_rows(value, shares.rows), op.count.value.data
            own = StoredEachOp(op.key.data, count, kind, group=shares.group, placement=shares.placement)
        elif joins_experts(op):
            return self.joined(op)
        elif treats_rows_alone(op):
            operands = [self.shard(operand) for operand in op.operands]
            own = type(op).create(
                operands=operands,
                result_types=[with_rows(value, shares.rows)],
                properties=op.properties,
                attributes=op.attributes,
            )
        elif shares.are_everything:
            return value
        else:
            own = ShardOp(value, group=shares.group, placement=shares.placement, rows=shares.rows)
        own.location = op.location
        return append(self.block, own)

    def joined(self, op: Operation) -> SSAValue:
        """``aten.cat`` of groups of experts: what a rank holds of every group, joined, and put in its order.

        Ranks run one program, so that each takes as many of a group as the rank with the most; what is too many, or
        not in place, is left to a last ``weight.shard``.
        """
        logical, rows = self.shares.placement.logical, self.shares.rows
        ranks = [logical[start : start + rows] for start in range(0, len(logical), rows)]
        places, parts = [dict[int, int]() for _ in ranks], list[SSAValue]()
        start = above = 0
        for operand in op.operands:
            count = shape(operand)[0]
            assert isinstance(count, int)
            held = [[expert - start for expert in own if start <= expert < start + count] for own in ranks]
            most = max(1, *map(len, held))
            for place, own in zip(places, held, strict=True):
                place.update({start + expert: above + index for index, expert in enumerate(own)})
            padded = [expert for own in held for expert in [*own, *(own or [0])[-1:] * (most - len(own))]]
            shares = Shares(self.shares.group, PlacementAttr.make(padded), most)
            parts.append(Sharder(self.block, shares).shard(operand))
            start, above = start + count, above + most
        cat = type(op).create(operands=parts, result_types=[with_rows(op.results[0], above)], properties=op.properties)
        cat.location = op.location
        value = append(self.block, cat)
        order = [place[expert] for place, own in zip(places, ranks, strict=True) for expert in own]
        if order == [*range(rows)] * len(ranks):
            return value  # all ranks hold equally many of every group: nothing is too many
        chosen = ShardOp(value, group=self.shares.group, placement=PlacementAttr.make(order), rows=rows)
        chosen.location = op.location
        return append(self.block, chosen)


def joins_experts(op: Operation) -> bool:
    """Whether an op puts experts behind experts."""
    return (
        op.name == "aten.cat" and isinstance(op, AtenOp) and dims(op.literal("dim"), len(shape(op.results[0]))) == [0]
    )


def treats_rows_alone(op: Operation) -> bool:
    """Whether row e of the result is made of row e of every operand, alike for all e."""
    if isinstance(op, DequantizeOp):
        return len(shape(op.quantized)) > 2
    if not isinstance(op, AtenOp):
        return False
    rank = len(shape(op.results[0]))
    if op.name in CASTS:
        return True
    if op.name in ("aten.cat", "aten.slice.Tensor"):
        return dims(op.literal("dim"), rank) != [0]
    if op.name in ("aten.view", "aten.reshape"):
        return shape(op.operands[0])[:1] == shape(op.results[0])[:1]
    if op.name == "aten.permute":
        return dims(op.literal("dims"), rank)[0] == 0
    if op.name == "aten.transpose.int":
        return 0 not in dims([op.literal("dim0"), op.literal("dim1")], rank)
    return False


def dims(found: Literal, rank: int) -> list[int]:
    """Numbers of dims, counted from the first."""
    return [dim % rank for dim in (found if isinstance(found, list) else [found]) if isinstance(dim, int)]


def erase_dead(block: Block, result: SSAValue) -> None:
    """Erase what ``result`` does not need."""
    for op in reversed(list(block.ops)):
        if result not in op.results and all(value.first_use is None for value in op.results):
            op.detach()
            op.erase()
