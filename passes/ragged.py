"""Token by token: how a function over dense sequences [B, S, ...] becomes one over ragged tokens [T, ...].

``TOKEN_RULES`` says per op class (``ATEN_RULES`` per overload) how an op that treats every token alike is rebuilt.  An
op without a rule may mix tokens: it blocks, with its own line.  ``specialize-phases`` drives this.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, TensorType, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.moe import ExpertsOp, GateOp
from dsv3c.ir.dialects.moe_choices import AppendChoiceOp
from dsv3c.ir.dialects.nn import EmbeddingOp, HeadLinearOp, LinearOp, RmsNormOp, RopeOp, RopeTableOp, SwigluOp
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.sizes import Size, divide_exact, mul, symbols_of
from dsv3c.ir.types import Tensor, as_tensor, element_type, shape, sizes_of, with_element, with_sizes
from dsv3c.passes.rewriting import aten_class


class Blocked(Exception):
    """An op that cannot be rebuilt token by token."""

    def __init__(self, op: Operation, reason: str) -> None:
        super().__init__(reason)
        self.op = op
        self.reason = reason


@dataclass(frozen=True)
class TokenAxes:
    """Which leading dims number the tokens: [B, S], [1, S], [B*S] or [S] become [tokens]."""

    batch: Size
    sequence: Size
    tokens: Size

    def mentions(self, sizes: Sequence[Size]) -> bool:
        """Whether a shape depends on the batch or the sequence."""
        own = symbols_of(self.batch) | symbols_of(self.sequence)
        return any(symbols_of(size) & own for size in sizes)

    def lead(self, sizes: Sequence[Size]) -> int:
        """How many leading dims number the tokens; 0 when the shape is none of a token value."""
        if len(sizes) >= 2 and sizes[1] == self.sequence and sizes[0] in (self.batch, 1):
            return 2
        if sizes and (sizes[0] == self.sequence or self.multiple(sizes[0]) is not None):
            return 1
        return 0

    def multiple(self, size: Size) -> Size | None:
        """``c`` for a size that is c*B*S."""
        return divide_exact(size, mul(self.batch, self.sequence))

    def ragged(self, sizes: Sequence[Size]) -> tuple[Size, ...] | None:
        """A token value's shape over ragged tokens; None when tokens do not lead or appear a second time."""
        lead = self.lead(sizes)
        rest = tuple(sizes[lead:])
        if self.mentions(rest):
            return None
        factor = self.multiple(sizes[0]) if lead == 1 and sizes[0] != self.sequence else 1
        assert factor is not None
        return (mul(factor, self.tokens), *rest)


@dataclass
class TokenConverter:
    """Rebuilds the ops of one function body in a new block."""

    ctx: CompileContext
    axes: TokenAxes
    block: Block
    values: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])

    def value(self, old: SSAValue) -> SSAValue:
        """What an old value is now."""
        return self.values[old]

    def type_of(self, op: Operation, kind: Attribute) -> Tensor:
        """The ragged type of a value; raises Blocked when its tokens do not lead."""
        tensor = as_type(kind)
        sizes = sizes_of(tensor)
        if not self.axes.mentions(sizes):
            return tensor
        ragged = self.axes.ragged(sizes)
        if ragged is None:
            raise Blocked(op, f"{tensor} does not number its tokens in its leading dims")
        return with_sizes(tensor, ragged)

    def emit(self, old: Operation, new: Operation) -> Operation:
        """Append ``new``, which stands for ``old``: location and name hints are kept."""
        new.location = old.location
        self.block.add_op(new)
        for before, after in zip(old.results, new.results, strict=False):
            after.name_hint = before.name_hint
        return new

    def emit_same(self, op: Operation, **properties: Attribute) -> None:
        """The same op over mapped operands and types, with some properties replaced."""
        new = type(op).create(
            operands=[self.operand(op, operand) for operand in op.operands],
            result_types=[self.type_of(op, kind) for kind in op.result_types],
            properties=dict(op.properties) | properties,
            attributes=dict(op.attributes),
        )
        self.emit(op, new)
        self.map_results(op, new.results)

    def operand(self, op: Operation, old: SSAValue) -> SSAValue:
        """What ``op`` reads in place of ``old``: positions are i32 here, and few ops take any integer type."""
        new = self.value(old)
        if isinstance(op, ANY_INTEGER) or element_type(new) == element_type(old):
            return new
        kind = with_element(as_tensor(new), element_type(old))
        convert = aten_class(self.ctx, "aten.to.dtype").build_from({"self": new}, {"dtype": kind.element_type}, [kind])
        convert.location = op.location
        self.block.add_op(convert)
        return convert.results[0]

    def map_results(self, op: Operation, new: Sequence[SSAValue]) -> None:
        """Later uses of ``op``'s results read ``new``."""
        self.values.update(zip(op.results, new, strict=True))

    def convert(self, op: Operation) -> None:
        """Rebuild one op by its rule; raises Blocked where there is none."""
        rule = ATEN_RULES.get(op.name) if isinstance(op, AtenOp) else TOKEN_RULES.find(op)
        if rule is None:
            raise Blocked(op, f"{op.name} has no token rule: it may mix tokens of different positions or sequences")
        rule(self, op)


ANY_INTEGER = (EmbeddingOp, RopeTableOp)
"""Ops that take positions and ids of any integer type."""


def as_type(kind: Attribute) -> Tensor:
    """Narrow a type that is known to be a tensor's."""
    assert isinstance(kind, TensorType)
    return kind


TokenRule = Callable[[TokenConverter, Operation], None]
TOKEN_RULES: RuleTable[TokenRule] = RuleTable("token")


@TOKEN_RULES.rule(LinearOp, HeadLinearOp, RmsNormOp, SwigluOp, EmbeddingOp, GateOp, ExpertsOp, RopeOp, RopeTableOp)
@TOKEN_RULES.rule(AppendChoiceOp)
def per_token(converter: TokenConverter, op: Operation) -> None:
    """Ops whose every output row depends on the same row of their inputs."""
    converter.emit_same(op)


@TOKEN_RULES.rule(ParamOp, ConstantOp)
def no_tokens(converter: TokenConverter, op: Operation) -> None:
    """Ops that see no tokens are copied, recipes included."""
    new = op.clone()
    converter.emit(op, new)
    converter.map_results(op, new.results)


def pointwise(converter: TokenConverter, op: Operation) -> None:
    """Elementwise ops: every operand is a token value of the result's rank, or broadcasts over the tokens."""
    converter.type_of(op, op.results[0].type)
    rank = len(shape(op.results[0]))
    lead = converter.axes.lead(shape(op.results[0]))
    for operand in op.operands:
        sizes = shape(operand)
        if not converter.axes.mentions(sizes) and len(sizes) > rank - lead:
            raise Blocked(op, f"operand {operand.type} is not a token value and reaches into the token dims")
    converter.emit_same(op)


def token_dims(converter: TokenConverter, op: Operation, source: SSAValue) -> tuple[int, int]:
    """Number of leading token dims and the rank of a source."""
    sizes = shape(source)
    return converter.axes.lead(sizes), len(sizes)


def negative(op: Operation, dim: int, lead: int, rank: int) -> int:
    """A dim counted from the end, where tokens collapsing at the front do not move it."""
    from_end = dim if dim < 0 else dim - rank
    if rank + from_end < lead:
        raise Blocked(op, f"{op.name} works along dim {dim}, which numbers the tokens")
    return from_end


def along_dim(converter: TokenConverter, op: Operation) -> None:
    """Ops with a ``dim`` (cut, join, reduce) that is not a token dim."""
    assert isinstance(op, AtenOp)
    if not converter.axes.mentions(shape(op.operands[0])):
        return no_token_operand(converter, op)
    lead, rank = token_dims(converter, op, op.operands[0])
    if op.name == "aten.stack":
        rank += 1  # its dim counts the one it makes
    dim = op.literal("dim")
    if isinstance(dim, list):
        new: Attribute = ArrayAttr(IntegerAttr(negative(op, as_int(d), lead, rank), i64) for d in dim)
    else:
        new = IntegerAttr(negative(op, as_int(dim), lead, rank), i64)
    return converter.emit_same(op, dim=new)


def as_int(value: object) -> int:
    """Narrow a literal that the schema says is an integer."""
    assert isinstance(value, int)
    return value


def no_token_operand(converter: TokenConverter, op: Operation) -> None:
    """An op on values that have no tokens is copied."""
    converter.emit_same(op)


def regroup(converter: TokenConverter, op: Operation) -> None:
    """view, reshape, expand, unsqueeze, ...: identical after the tokens collapse, or a view of the rest."""
    source = converter.value(op.operands[0])
    kind = with_element(converter.type_of(op, op.results[0].type), element_type(source))
    if kind == source.type:
        return converter.map_results(op, [source])
    if op.name == "aten.expand":
        return converter.emit_same(op)
    if not converter.axes.mentions(shape(op.operands[0])):
        raise Blocked(op, f"{op.operands[0].type} has no tokens, {op.results[0].type} has")
    new = aten_class(converter.ctx, "aten.view").build_from({"self": source}, {}, [kind])
    converter.emit(op, new)
    return converter.map_results(op, new.results)


def exchange(converter: TokenConverter, op: Operation) -> None:
    """transpose.int of two dims that are not token dims."""
    assert isinstance(op, AtenOp)
    lead, rank = token_dims(converter, op, op.operands[0])
    first = negative(op, as_int(op.literal("dim0")), lead, rank)
    second = negative(op, as_int(op.literal("dim1")), lead, rank)
    converter.emit_same(op, dim0=IntegerAttr(first, i64), dim1=IntegerAttr(second, i64))


def permute(converter: TokenConverter, op: Operation) -> None:
    """permute that leaves the token dims in front and in order."""
    assert isinstance(op, AtenOp)
    lead, rank = token_dims(converter, op, op.operands[0])
    dims = op.literal("dims")
    assert isinstance(dims, list)
    order = [as_int(dim) % rank for dim in dims]
    if order[:lead] != list(range(lead)):
        raise Blocked(op, "the permutation moves a token dim")
    new = [0, *(dim - lead + 1 for dim in order[lead:])] if lead else order
    converter.emit_same(op, dims=ArrayAttr(IntegerAttr(dim, i64) for dim in new))


def overloads(names: str) -> list[str]:
    """``"add.Tensor neg"`` -> ``["aten.add.Tensor", "aten.neg"]``."""
    return [f"aten.{name}" for name in names.split()]


POINTWISE = overloads(
    "add.Tensor add.Scalar sub.Tensor sub.Scalar mul.Tensor mul.Scalar div.Tensor div.Scalar neg silu sigmoid gelu "
    "relu tanh exp log sqrt rsqrt pow.Tensor_Scalar cos sin abs clamp to.dtype _to_copy clone type_as where.self "
    "reciprocal"
)
ALONG_DIM = overloads(
    "cat concat stack slice.Tensor split_with_sizes split.Tensor chunk narrow select.int softmax.int _softmax mean.dim "
    "sum.dim_IntList topk gather cumsum unbind.int amax"
)
REGROUP = overloads(
    "view reshape _unsafe_view flatten.using_ints unflatten.int expand unsqueeze squeeze squeeze.dim contiguous"
)

ATEN_RULES: dict[str, TokenRule] = {
    **dict.fromkeys(POINTWISE, pointwise),
    **dict.fromkeys(ALONG_DIM, along_dim),
    **dict.fromkeys(REGROUP, regroup),
    "aten.transpose.int": exchange,
    "aten.permute": permute,
}
