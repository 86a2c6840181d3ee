"""Costs of scaled ops, worked out by hand: data and scales both count."""

import pytest
from roundtrip import parse

from dsv3c.ir.cost import Cost, CostClass, Env, entry_cost

T = 6
ROWS = '!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>'
WEIGHT = "!scaled.tensor<tensor<320x256xf8E4M3FN>, 128x128, f32>"
QUANTIZER = 'quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none">'
PARAM = f"""%w = weight.param "w" : {WEIGHT} {{
    %d = weight.stored "w" : tensor<320x256xf8E4M3FN>
    %s = weight.stored "w_scale_inv" : tensor<3x2xf32>
    %q = scaled.assemble %d, %s : tensor<320x256xf8E4M3FN>, tensor<3x2xf32> -> {WEIGHT}
    weight.yield %q : {WEIGHT}
  }}"""
ROW_BYTES = 256 + 2 * 4
WEIGHT_BYTES = 320 * 256 + 3 * 2 * 4


def cost_of(arguments: str, body: str, kind: CostClass, keep: str) -> Cost:
    value, type = keep.split(" : ", 1)
    text = f'func.func private @f({arguments}) {{\n{body}\n"test.op"({value}) : ({type}) -> ()\nfunc.return\n}}'
    totals = entry_cost(parse("dsv3c.symbol @T min 0\n" + text), "f", Env(sizes={"T": T}))
    assert totals.uncosted.keys() <= {"test.op"}
    return totals.of(kind)


def test_a_product_counts_under_its_datas_type() -> None:
    y = 'tensor<?x320xbf16, ["T"]>'
    module = parse(
        f"dsv3c.symbol @T min 0\nfunc.func private @f(%x: {ROWS}) -> {y} {{\n{PARAM}\n"
        f"%y = scaled.mm %x, %w promote 128 : {ROWS}, {WEIGHT} -> {y}\nfunc.return %y : {y}\n}}"
    )
    totals = entry_cost(module, "f", Env(sizes={"T": T}))
    assert totals.matrix_flops() == {"f8E4M3FN": 2 * T * 256 * 320}
    assert totals.of(CostClass.PROJECTIONS) == Cost(
        kind=CostClass.PROJECTIONS,
        flops=2 * T * 256 * 320,
        weight_bytes_read=WEIGHT_BYTES,
        activation_bytes_read=T * ROW_BYTES,
        activation_bytes_written=T * 320 * 2,
        scale_bytes=T * 2 * 4 + 3 * 2 * 4,
    )


def test_the_heads_product_is_the_heads() -> None:
    y = 'tensor<?x320xf32, ["T"]>'
    module = parse(
        f"dsv3c.symbol @T min 0\nfunc.func @main(%x: {ROWS}) -> {y} {{\n{PARAM}\n"
        f"%y = scaled.mm %x, %w promote 128 : {ROWS}, {WEIGHT} -> {y}\nfunc.return %y : {y}\n}}"
    )
    assert list(entry_cost(module, "main", Env(sizes={"T": T})).by_class()) == [CostClass.HEAD, CostClass.MOVEMENT]


def test_experts_read_all_their_weights_where_rows_are_of_unknown_origin() -> None:
    weights, y = "!scaled.tensor<tensor<4x320x256xf8E4M3FN>, 1x128x128, f32>", 'tensor<?x320xbf16, ["T"]>'
    cost = cost_of(
        f'%x: {ROWS}, %w: {weights}, %of: tensor<?xi32, ["T"]>',
        f'%y = scaled.grouped_mm %x, %w, %of promote 128 : {ROWS}, {weights}, tensor<?xi32, ["T"]> -> {y}',
        CostClass.EXPERTS,
        f"%y : {y}",
    )
    assert cost.flops == 2 * T * 256 * 320
    assert cost.activation_bytes_read == T * ROW_BYTES + 4 * T + 4 * WEIGHT_BYTES
    assert cost.scale_bytes == T * 2 * 4 + 4 * 3 * 2 * 4
    assert cost.activation_bytes_written == T * 320 * 2


X = 'tensor<?x256xbf16, ["T"]>'


def test_a_quantiser_writes_half_of_what_it_reads_and_scales() -> None:
    body = f"%q = scaled.quantize %x {QUANTIZER} : {X} -> {ROWS}"
    cost = cost_of(f"%x: {X}", body, CostClass.QUANTIZE, f"%q : {ROWS}")
    assert cost == Cost(
        kind=CostClass.QUANTIZE,
        flops=2 * T * 256,
        activation_bytes_read=T * 512,
        activation_bytes_written=T * ROW_BYTES,
        scale_bytes=T * 8,
    )


def test_dequantising_writes_the_wide_tensor() -> None:
    body = f"%x = scaled.dequantize %q : {ROWS} -> {X}"
    cost = cost_of(f"%q: {ROWS}", body, CostClass.QUANTIZE, f"%x : {X}")
    assert (cost.flops, cost.activation_bytes_read, cost.activation_bytes_written) == (T * 256, T * ROW_BYTES, T * 512)


def test_relayout_moves_scales_only() -> None:
    bytes_, moved = (
        '!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU>',
        '!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>',
    )
    cost = cost_of(
        f"%q: {bytes_}", f"%r = scaled.relayout %q : {bytes_} -> {moved}", CostClass.QUANTIZE, f"%r : {moved}"
    )
    assert cost == Cost(
        kind=CostClass.QUANTIZE, activation_bytes_read=T * 2, activation_bytes_written=T * 8, scale_bytes=T * 10
    )


@pytest.mark.parametrize(
    ("arguments", "op", "flops", "read"),
    [
        (
            f"%x: {X}, %n: tensor<256xbf16>",
            'scaled.rms_norm %x, %n eps 1.0e-6 weight_in "input" intermediate bf16 {} : {}, tensor<256xbf16> -> {}',
            4 + 2,
            T * 512 + 512,
        ),
        (
            f"%x: {X}, %n: {X}",
            'scaled.swiglu %x, %n intermediate "input" rounded_to bf16 {} : {}, ' + X + " -> {}",
            5 + 2,
            2 * T * 512,
        ),
    ],
)
def test_fused_quantisers_do_not_write_the_wide_tensor(arguments: str, op: str, flops: int, read: int) -> None:
    body = "%q = " + op.format(QUANTIZER, X, ROWS)
    cost = cost_of(arguments, body, CostClass.ELEMENTWISE, f"%q : {ROWS}")
    assert cost.flops == flops * T * 256
    assert cost.activation_bytes_read == read
    assert cost.activation_bytes_written == T * ROW_BYTES
