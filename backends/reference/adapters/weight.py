"""Computing ops of the ``weight`` dialect as calls; reading parameters is ``backends.reference.params``."""

from dsv3c.backends.reference.call import REFERENCE, Argument, Call, Literal, RankRef
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings import weight as meaning
from dsv3c.ir.dialects import weight
from dsv3c.ir.types import element_type, shape


@REFERENCE.rule(weight.DequantizeOp)
def dequantize(op: weight.DequantizeOp) -> Call:
    """Block scales."""
    kwargs: dict[str, Argument] = {
        "block": tuple(size.value.data for size in op.block),
        "dtype": dtype_of(element_type(op.value)),
    }
    return Call(meaning.dequantize, [op.quantized, op.scale], kwargs)


@REFERENCE.rule(weight.ShardOp)
def shard(op: weight.ShardOp) -> Call:
    """The rows of the rank that runs it."""
    rows = shape(op.value)[0]
    assert isinstance(rows, int)
    kwargs: dict[str, Argument] = {"placement": op.placement.logical, "rows": rows, "rank": RankRef()}
    return Call(meaning.shard, [op.w], kwargs)


@REFERENCE.rule(weight.ConstantOp)
def constant(op: weight.ConstantOp) -> Call:
    """The elements as numbers."""
    values = tuple(literal(value) for value in op.elements.get_values())
    sizes = tuple(size for size in shape(op.value) if isinstance(size, int))
    return Call(meaning.constant, [values], {"shape": sizes, "dtype": dtype_of(element_type(op.value))})


def literal(value: object) -> Literal:
    """An element as a number; xDSL gives complex ones as pairs."""
    match value:
        case int() | float():
            return value
        case (float() as real, float() as imaginary):
            return complex(real, imaginary)
        case _:
            raise AssertionError(f"an element of a constant is {value!r}")
