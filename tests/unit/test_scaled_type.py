"""The scaled type and its quantiser from Python: grids, and what text cannot say."""

from math import inf, nan

import pytest
from xdsl.dialects.builtin import Float8E4M3FNType, Float8E8M0FNUType, f32, i32
from xdsl.dialects.test import Test
from xdsl.ir import Attribute
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.scaled import DequantizeOp, GroupedMmOp, MmOp, QuantizeOp, RmsNormOp, SwigluOp
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.scaled_type import ScaledType, is_scaled, scaled_type
from dsv3c.ir.sizes import Size
from dsv3c.ir.types import as_tensor, element_type, shape, tensor_type

E4M3 = Float8E4M3FNType()
TEST_OP = next(op for op in Test.operations if op.name == "test.op")


def reparsed(attribute: Attribute) -> Attribute:
    ctx = make_context()
    ctx.get_optional_op("scaled.mm")  # dialects are loaded when first met
    return Parser(ctx, str(attribute)).parse_attribute()


@pytest.mark.parametrize(
    ("sizes", "granule", "grid"),
    [
        ((576, 7168), (128, 128), (5, 56)),
        (("T", 7168), (1, 128), ("T", 56)),
        (("T", 7168), (0, 0), (1, 1)),
        (("T", 7168), (1, 0), ("T", 1)),
        (("T", 384), (128, 1), ("(T + 127)//128", 384)),
        ((256, 2048, 7168), (1, 128, 128), (256, 16, 56)),
        ((4, 100), (1, 32), (4, 4)),
    ],
)
def test_a_grid_has_one_scale_per_block(
    sizes: tuple[Size, ...], granule: tuple[int, ...], grid: tuple[Size, ...]
) -> None:
    kind = ScaledType.make(tensor_type(sizes, E4M3), granule)
    assert kind.grid() == grid
    assert kind.scale_tensor() == tensor_type(grid, f32)
    assert kind.granules == granule
    assert reparsed(kind) == kind


def test_a_scaled_value_has_the_shape_and_elements_of_its_data() -> None:
    data = tensor_type(("T", 256), E4M3)
    kind = ScaledType.make(data, (1, 128), Float8E8M0FNUType(), "packed")
    q, x = (TEST_OP.create(result_types=[type]).results[0] for type in (kind, data))
    assert (shape(q), element_type(q), as_tensor(q)) == (("T", 256), E4M3, data)
    assert kind.layout_name == "packed"
    assert is_scaled(q)
    assert not is_scaled(x)
    assert scaled_type(q) is kind
    with pytest.raises(VerifyException, match="must be a scaled tensor, but has type tensor<"):
        scaled_type(x)


@pytest.mark.parametrize("number", [0.0, -1.0, inf, nan])
def test_a_quantiser_needs_a_positive_number(number: float) -> None:
    for text in ("amax_floor", "static"):
        with pytest.raises(VerifyException, match="must be positive"):
            QuantizerAttr.make(**{text: number})


def test_granules_are_not_negative() -> None:
    with pytest.raises(VerifyException, match=r"granule \[1, -128\] is negative"):
        ScaledType.make(tensor_type((4, 256), E4M3), (1, -128))


@pytest.mark.parametrize(
    "quantizer",
    [
        QuantizerAttr.make(),
        QuantizerAttr.make(1e-12, "reciprocal", "pow2", saturate=True),
        QuantizerAttr.make(static=12345678.0),
        QuantizerAttr.make(static=0.1 + 0.2, saturate=True),
        QuantizerAttr.make(static=2.0**-40, round_scale="pow2"),
    ],
)
def test_numbers_of_a_quantiser_survive_being_printed(quantizer: QuantizerAttr) -> None:
    assert reparsed(quantizer) == quantizer


def test_a_static_quantiser_has_no_floor() -> None:
    static = QuantizerAttr.make(static=0.5)
    assert (static.floor, static.static_scale) == (None, 0.5)
    dynamic = QuantizerAttr.make(amax_floor=1e-3)
    assert (dynamic.floor, dynamic.static_scale) == (1e-3, None)


def test_constructors_make_valid_ops() -> None:
    kind = ScaledType.make(tensor_type(("T", 256), E4M3), (1, 128))
    weights = ScaledType.make(tensor_type((3, 64, 256), E4M3), (1, 128, 128))
    matrix = ScaledType.make(tensor_type((64, 256), E4M3), (128, 128))
    types = (tensor_type(("T", 256), f32), tensor_type((256,), f32), matrix, weights, tensor_type(("T",), i32))
    x, norm, w, stack, expert_of = (TEST_OP.create(result_types=[type]).results[0] for type in types)
    how = QuantizerAttr.make()
    quantized = QuantizeOp(x, kind, how)
    normed = RmsNormOp(x, norm, eps=1e-6, weight_in="f32", result_type=kind, quantizer=how, intermediate=f32, keep=True)
    alone = RmsNormOp(x, norm, eps=1e-6, weight_in="f32", result_type=kind, quantizer=how, intermediate=f32, keep=False)
    gated = SwigluOp(x, x, intermediate="f32", rounded_to=f32, result_type=kind, quantizer=how)
    product = MmOp(quantized.q, w, element=f32, promote=None)
    grouped = GroupedMmOp(quantized.q, stack, expert_of, element=f32, promote=128)
    for op in (quantized, normed, alone, gated, product, grouped, DequantizeOp(quantized.q)):
        op.verify()
    assert normed.y is not None
    assert normed.y.type == x.type
    assert alone.y is None
    assert (shape(product.y), shape(grouped.y)) == (("T", 64), ("T", 64))
    assert DequantizeOp(quantized.q).y.type == x.type
