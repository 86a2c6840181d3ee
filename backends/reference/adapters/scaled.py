"""``scaled`` ops as calls."""

from dsv3c.backends.reference.adapters.moe import padding_arguments
from dsv3c.backends.reference.call import REFERENCE, Argument, Call, size_argument
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings import scaled as meaning
from dsv3c.backends.reference.meanings import scaled_views as views
from dsv3c.ir.dialects import scaled
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.scaled_type import ScaledType, scaled_type
from dsv3c.ir.types import element_type


def quantizer_arguments(result: ScaledType, quantizer: QuantizerAttr) -> dict[str, Argument]:
    """How ``quantize`` makes values of a type.  Raises ``IRError`` for data torch has no type of, such as f4E2M1FN."""
    return {
        "granule": result.granules,
        "data": dtype_of(result.element),
        "scale": dtype_of(result.scale),
        "amax_floor": quantizer.floor,
        "static": quantizer.static_scale,
        "apply": quantizer.apply.data,
        "round_scale": quantizer.round_scale.data,
        "saturate": quantizer.saturates,
    }


@REFERENCE.rule(scaled.QuantizeOp)
def quantize(op: scaled.QuantizeOp) -> Call:
    """Granule and formats from the type, the rest from the quantiser."""
    return Call(meaning.quantize, [op.x], quantizer_arguments(scaled_type(op.q), op.quantizer))


@REFERENCE.rule(scaled.DequantizeOp)
def dequantize(op: scaled.DequantizeOp) -> Call:
    """Rounded to the result's type."""
    return Call(meaning.dequantize, [op.q], {"dtype": dtype_of(element_type(op.y))})


@REFERENCE.rule(scaled.AssembleOp)
def assemble(op: scaled.AssembleOp) -> Call:
    """The granule is the type's."""
    return Call(meaning.assemble, [op.data, op.scale], {"granule": scaled_type(op.q).granules})


@REFERENCE.rule(scaled.RelayoutOp)
def relayout(op: scaled.RelayoutOp) -> Call:
    """Only the scales' type can be seen."""
    return Call(meaning.relayout, [op.q], {"scale": dtype_of(scaled_type(op.r).scale)})


def product_arguments(op: scaled.MmOp | scaled.GroupedMmOp) -> dict[str, Argument]:
    """The result's dtype, and how often a tensor core is promoted."""
    promote = None if op.promote is None else op.promote.value.data
    return {"dtype": dtype_of(element_type(op.y)), "promote": promote}


@REFERENCE.rule(scaled.MmOp)
def mm(op: scaled.MmOp) -> Call:
    """With or without bias."""
    return Call(meaning.mm, list(op.operands), product_arguments(op))


@REFERENCE.rule(scaled.GroupedMmOp)
def grouped_mm(op: scaled.GroupedMmOp) -> Call:
    """One expert per row."""
    return Call(meaning.grouped_mm, list(op.operands), product_arguments(op) | padding_arguments(op))


@REFERENCE.rule(scaled.RmsNormOp)
def rms_norm(op: scaled.RmsNormOp) -> Call:
    """With or without the rows that are not quantised."""
    kwargs: dict[str, Argument] = {
        "eps": op.eps.value.data,
        "weight_in": op.weight_in.data,
        "intermediate": dtype_of(op.intermediate),
        "keep": op.y is not None,
    }
    return Call(meaning.rms_norm, [op.x, op.weight], kwargs | quantizer_arguments(scaled_type(op.q), op.quantizer))


@REFERENCE.rule(scaled.SwigluOp)
def swiglu(op: scaled.SwigluOp) -> Call:
    """Both roundings."""
    kwargs: dict[str, Argument] = {"intermediate": op.intermediate.data, "rounded_to": dtype_of(op.rounded_to)}
    return Call(meaning.swiglu, list(op.operands), kwargs | quantizer_arguments(scaled_type(op.q), op.quantizer))


@REFERENCE.rule(scaled.ReshapeOp)
def reshape(op: scaled.ReshapeOp) -> Call:
    """The sizes of data and of scales."""
    kind = scaled_type(op.r)
    kwargs: dict[str, Argument] = {
        "sizes": [size_argument(size) for size in kind.sizes],
        "grid": [size_argument(size) for size in kind.grid()],
        "granule": kind.granules,
    }
    return Call(views.reshape, [op.q], kwargs)


@REFERENCE.rule(scaled.SliceOp)
def slice_dim(op: scaled.SliceOp) -> Call:
    """Counted in elements of the data."""
    dim = op.dim.value.data
    kwargs: dict[str, Argument] = {
        "dim": dim,
        "start": op.start.value.data,
        "size": size_argument(scaled_type(op.r).sizes[dim]),
    }
    return Call(views.slice_dim, [op.q], kwargs)
