"""Quantisers and scaled products at every site of the tiny model, against FP8 arithmetic written a second time.

Quantised data and scales: bit for bit.  Products: calc_diff below 3e-8 in f32, below 3e-6 in bf16, against the product
of the dequantised factors in f64, on normal, all-positive and outlier data.
"""

from typing import cast

import fp8_oracle
import pytest
import torch
from fp8_oracle import E4M3, E4M3FNUZ, E5M2, Format, Quantized, quantize_activation, quantize_weight
from scaled_programs import drawn, execute, grouped, of, product, quantized, text_of
from torch import Tensor, nn
from xdsl.dialects.builtin import bf16

from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.checking.metrics import difference, same_bits
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.models.configs import load_config
from dsv3c.models.deepseek_v3 import Experts, build_model

SITES: dict[str, tuple[int, int]] = {
    # weight [N, K] of the configuration "tiny"
    "q_a": (192, 384),
    "q_b": (768, 192),
    "kv_a": (320, 384),
    "kv_b": (1024, 256),
    "o": (384, 512),
    "dense gate": (576, 384),
    "dense down": (384, 576),
    "expert gate and up": (384, 384),
    "expert up": (192, 384),
    "expert down": (384, 192),
    "mtp": (384, 768),
}
WIDTHS = sorted({columns for _, columns in SITES.values()})
KINDS = ("normal", "positive", "outliers")
ROWS = 37


def assert_same(q: Scaled, expected: Quantized) -> None:
    assert same_bits(q.data, expected.data), "data differs"
    assert same_bits(q.scale.to(torch.float32), expected.scale), "scales differ"


def test_the_sites_are_those_of_the_model() -> None:
    model = build_model(load_config("tiny"), "deepseek", torch.bfloat16, "meta")
    linears = {
        tuple(m.weight.shape) for name, m in model.named_modules() if isinstance(m, nn.Linear) and name != "lm_head"
    }
    experts = {tuple(m.gate_up_proj.shape[1:]) for m in model.modules() if isinstance(m, Experts)}
    experts |= {tuple(m.down_proj.shape[1:]) for m in model.modules() if isinstance(m, Experts)}
    assert linears | experts <= set(SITES.values())
    assert {"mtp"} == {site for site, sizes in SITES.items() if sizes not in linears | experts}


QUANTIZERS = [
    # (quantiser, as the oracle takes it)
    (QuantizerAttr.make(), {"pow2": False, "deepgemm": False}),
    (QuantizerAttr.make(apply="reciprocal"), {"pow2": False, "deepgemm": True}),
    (QuantizerAttr.make(round_scale="pow2"), {"pow2": True, "deepgemm": False}),
    (QuantizerAttr.make(apply="reciprocal", round_scale="pow2"), {"pow2": True, "deepgemm": True}),
]
NAMES = ["divide", "reciprocal", "divide pow2", "reciprocal pow2"]


@pytest.mark.parametrize(("how", "options"), QUANTIZERS, ids=NAMES)
@pytest.mark.parametrize("columns", WIDTHS)
def test_activations_are_quantised_as_the_kernels_do(
    columns: int, how: QuantizerAttr, options: dict[str, bool]
) -> None:
    for kind in KINDS:
        x = drawn(kind, ROWS, columns)
        assert_same(quantized(x, (1, 128), how), quantize_activation(x, **options))


@pytest.mark.parametrize(("how", "options"), QUANTIZERS, ids=NAMES)
@pytest.mark.parametrize("site", SITES)
def test_weights_are_quantised_as_the_kernels_do(site: str, how: QuantizerAttr, options: dict[str, bool]) -> None:
    for kind in KINDS:
        w = drawn(kind, *SITES[site])
        assert_same(quantized(w, (128, 128), how), quantize_weight(w, **options))


@pytest.mark.parametrize(("how", "options"), QUANTIZERS, ids=NAMES)
@pytest.mark.parametrize("form", [E4M3, E4M3FNUZ, E5M2], ids=lambda form: str(form.dtype))
def test_other_granules_and_formats(form: Format, how: QuantizerAttr, options: dict[str, bool]) -> None:
    w = drawn("outliers", 320, 192)
    for granule, block in (((1, 32), (1, 32)), ((128, 1), (128, 1)), ((0, 0), (320, 192)), ((1, 0), (1, 192))):
        assert_same(quantized(w, granule, how, form), quantize_weight(w, block, form=form, **options))
    experts = torch.stack([w, w.flip(0)])
    found = quantized(experts, (1, 128, 128), how, form)
    for expert in range(2):
        expected = quantize_weight(experts[expert], form=form, **options)
        assert_same(Scaled(found.data[expert], found.scale[expert], (128, 128)), expected)


EDGES = {
    "zeros": torch.zeros(3, 200),
    "negative zeros": -torch.zeros(3, 200),
    "below the floor": torch.linspace(-9e-5, 9e-5, 600).view(3, 200),
    "at the floor": torch.full((3, 200), 1e-4),
    "subnormal": torch.linspace(-1e-40, 1e-40, 600).view(3, 200),
    "huge": (3e38 * torch.linspace(-1, 1, 600)).view(3, 200),
    "powers of two": (2.0 ** torch.linspace(-60, 60, 600)).view(3, 200),
    "448 times powers of two": torch.cat([torch.full((1, 200), 448.0 * 2.0**n) for n in (-3, 0, 5)]),
    "just above them": torch.cat([torch.full((1, 200), 448.0 * 2.0**n * (1 + 2.0**-22)) for n in (-3, 0, 5)]),
    "halfway": torch.tensor([448.0, 17, 18, 19, 25, 27, 2**-10, 3 * 2**-10, -5 * 2**-10, 29]).repeat(3, 20),
    "one value": torch.eye(3, 200) * -7.0,
}  # fmt: skip


@pytest.mark.parametrize(("how", "options"), QUANTIZERS, ids=NAMES)
@pytest.mark.parametrize("edge", EDGES)
def test_edges_of_the_quantisers(edge: str, how: QuantizerAttr, options: dict[str, bool]) -> None:
    x = EDGES[edge]
    assert_same(quantized(x, (1, 128), how), quantize_activation(x, **options))
    assert_same(quantized(x, (128, 128), how), quantize_weight(x, **options))


def test_a_scale_that_is_a_power_of_two_already_stays() -> None:
    how = QuantizerAttr.make(round_scale="pow2")
    exact = quantized(torch.full((1, 128), 448.0 * 2.0**-7), (1, 128), how)
    above = quantized(torch.full((1, 128), 448.0 * 2.0**-7 * (1 + 2.0**-22)), (1, 128), how)
    assert (exact.scale.item(), above.scale.item()) == (2.0**-7, 2.0**-6)
    assert quantized(torch.zeros(1, 128), (1, 128), how).scale.item() == 2.0**-22  # 1e-4 / 448, raised


def test_powers_of_two_fit_into_eight_bits() -> None:
    x, how = drawn("outliers", ROWS, 384), QuantizerAttr.make(round_scale="pow2")
    narrow, wide = quantized(x, (1, 128), how, scale="f8E8M0FNU"), quantized(x, (1, 128), how)
    assert narrow.scale.dtype == torch.float8_e8m0fnu
    assert same_bits(narrow.scale.to(torch.float32), wide.scale)
    kind, to = text_of(narrow), text_of(wide)
    [moved] = execute(
        f"func.func @main(%q: {kind}) -> {to} {{\n%r = scaled.relayout %q : {kind} -> {to}\nfunc.return %r : {to}\n}}",
        narrow,
    )
    assert isinstance(moved, Scaled)
    assert same_bits(moved.scale, wide.scale)


@pytest.mark.parametrize("form", [E4M3, E4M3FNUZ, E5M2], ids=lambda form: str(form.dtype))
def test_a_static_scale_overflows_unless_it_saturates(form: Format) -> None:
    top = fp8_oracle.largest(form)
    x = torch.tensor([[0.5, 1.0, -1.0, 1.02, 1.03, 1.05, 2.0, -1e30]]) * top * 0.25
    for saturate in (False, True):
        found = quantized(x, (0, 0), QuantizerAttr.make(static=0.25, saturate=saturate), form)
        assert found.scale.tolist() == [[0.25]]
        expected = fp8_oracle.rounded((x / 0.25).numpy(), form, saturate=saturate).to(torch.float32)
        assert torch.equal(found.data.to(torch.float32).nan_to_num(nan=1e6), expected.nan_to_num(nan=1e6))
        assert bool(expected.isfinite().all()) == saturate


def test_a_block_of_nan_does_not_spread() -> None:
    x = torch.ones(2, 256)
    x[0, 3] = torch.nan
    q = quantized(x, (1, 128), QuantizerAttr.make())
    bad = q.data.to(torch.float32).isnan()
    assert bad[0, :128].all()
    assert not bad[0, 128:].any()
    assert not bad[1].any()


def exact(x: Quantized, w: Quantized) -> Tensor:
    """The product of the dequantised factors, in f64."""
    return fp8_oracle.dequantize(x, (1, 128)).double() @ fp8_oracle.dequantize(w, (128, 128)).double().T


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("site", SITES)
def test_products_are_within_the_policy(site: str, kind: str) -> None:
    rows, columns = SITES[site]
    x, w = drawn(kind, ROWS, columns), drawn(kind, rows, columns, seed=1)
    xq, wq = quantize_activation(x), quantize_weight(w)
    narrow = product(of(xq, (1, 128)), of(wq, (128, 128)))
    assert same_bits(narrow, fp8_oracle.gemm(xq, wq))
    rounded = product(of(xq, (1, 128)), of(wq, (128, 128)), bf16)
    assert same_bits(rounded, narrow.to(torch.bfloat16))
    assert same_bits(rounded, fp8_oracle.linear(x, w))
    assert difference([(narrow, exact(xq, wq))]).calc_diff < 3e-8
    assert difference([(rounded, exact(xq, wq))]).calc_diff < 3e-6
    assert difference([(narrow, x.double() @ w.double().T)]).calc_diff < 1e-3
    assert same_bits(product(of(xq, (1, 128)), of(wq, (128, 128)), fidelity="torch"), narrow)


@pytest.mark.parametrize(
    ("recipe", "x_granule", "w_granule"), [("per-tensor", (0, 0), (0, 0)), ("mxfp8", (1, 32), (1, 32))]
)
def test_products_of_other_recipes(recipe: str, x_granule: tuple[int, int], w_granule: tuple[int, int]) -> None:
    x, w = drawn("outliers", ROWS, 192), drawn("normal", 320, 192, seed=1)
    rounding = "pow2" if recipe == "mxfp8" else "none"
    how = QuantizerAttr.make(apply="divide" if recipe == "mxfp8" else "reciprocal", round_scale=rounding, saturate=True)
    found = product(quantized(x, x_granule, how), quantized(w, w_granule, how), bf16, None)
    assert same_bits(found, fp8_oracle.linear(x, w, recipe))


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    x, w = (
        of(quantize_activation(drawn("outliers", 64, 576)), (1, 128)),
        of(quantize_weight(drawn("normal", 384, 576)), (128, 128)),
    )
    together = product(x, w)
    for fidelity in ("reference", "tensor_core"):
        together = product(x, w, fidelity=fidelity)
        alone = [
            product(Scaled(x.data[m : m + 1], x.scale[m : m + 1], (1, 128)), w, fidelity=fidelity) for m in range(4)
        ]
        assert same_bits(torch.cat(alone), together[:4])


def test_bias_is_added_before_the_one_rounding() -> None:
    x, w = (
        of(quantize_activation(drawn("normal", 5, 384)), (1, 128)),
        of(quantize_weight(drawn("normal", 320, 384)), (128, 128)),
    )
    bias = torch.randn(320).to(torch.bfloat16)
    [y] = execute(
        f"func.func @main(%x: {text_of(x)}, %w: {text_of(w)}, %b: {text_of(bias)}) -> tensor<5x320xbf16> {{\n"
        f"%y = scaled.mm %x, %w bias %b : {text_of(bias)}, promote 128 "
        f": {text_of(x)}, {text_of(w)} -> tensor<5x320xbf16>\n"
        "func.return %y : tensor<5x320xbf16>\n}",
        x, w, bias,
    )  # fmt: skip
    assert same_bits(cast(Tensor, y), (product(x, w) + bias.to(torch.float32)).to(torch.bfloat16))


def some_experts(count: int = 4) -> tuple[Scaled, Scaled, Tensor]:
    """Rows, experts whose weights are of very different size, and an expert per row (-1 for some)."""
    x = of(quantize_activation(drawn("outliers", ROWS, 384)), (1, 128))
    each = [quantize_weight(drawn("normal", 192, 384, seed) * 3.0**seed) for seed in range(count)]
    data = torch.stack([w.data.view(torch.uint8) for w in each]).view(torch.float8_e4m3fn)
    weights = Scaled(data, torch.stack([w.scale for w in each]), (1, 128, 128))
    return x, weights, (torch.arange(ROWS) % (count + 1) - 1).to(torch.int32)


@pytest.mark.parametrize("fidelity", ["reference", "torch", "tensor_core"])
def test_a_grouped_product_is_each_experts_product(fidelity: Fidelity) -> None:
    x, w, expert_of = some_experts()
    y = grouped(x, w, expert_of, fidelity)
    assert (expert_of == -1).any()
    for row, expert in enumerate(expert_of.tolist()):
        if expert < 0:
            assert not y[row].any()
            continue
        mine = Scaled(x.data[row : row + 1], x.scale[row : row + 1], (1, 128))
        matrix = Scaled(w.data[expert], w.scale[expert], (128, 128))
        assert same_bits(y[row : row + 1], product(mine, matrix, fidelity=fidelity))


def test_swapped_expert_scales_are_seen() -> None:
    x, w, expert_of = some_experts()
    scale = w.scale[[1, 0, 2, 3]]
    right, wrong = grouped(x, w, expert_of), grouped(x, Scaled(w.data, scale, w.granule), expert_of)
    for expert in range(4):
        rows = expert_of == expert
        assert torch.equal(right[rows], wrong[rows]) == (expert > 1)
        assert (difference([(wrong[rows], right[rows])]).calc_diff > 0.1) == (expert < 2)


def test_transposed_scale_grid_is_seen() -> None:
    w = drawn("normal", 384, 384, seed=1)
    w[:128] *= 30
    x, wq = of(quantize_activation(drawn("normal", ROWS, 384)), (1, 128)), quantize_weight(w)
    right, wrong = product(x, of(wq, (128, 128))), product(x, Scaled(wq.data, wq.scale.T.contiguous(), (128, 128)))
    assert difference([(wrong, right)]).calc_diff > 0.1


LONG = 4096


def long_factors(kind: str) -> tuple[Scaled, Scaled, Tensor]:
    xq = quantize_activation(drawn(kind, 16, LONG))
    wq = quantize_weight(drawn(kind, 32, LONG, seed=1))
    return of(xq, (1, 128)), of(wq, (128, 128)), exact(xq, wq)


@pytest.mark.parametrize("kind", KINDS)
def test_promotion_keeps_a_tensor_core_within_the_limit(kind: str) -> None:
    x, w, expected = long_factors(kind)
    found = product(x, w, promote=128, fidelity="tensor_core")
    assert not torch.equal(found, product(x, w)), "the model of the tensor core rounds nothing"
    assert difference([(found, expected)]).calc_diff < 3e-8


def test_removing_promotion_is_seen() -> None:
    for kind in KINDS:
        x, w, expected = long_factors(kind)
        error = {
            every: difference([(product(x, w, promote=every, fidelity="tensor_core"), expected)]).calc_diff
            for every in (128, 512, None)
        }
        assert error[128] < 3e-8 < error[None]
        assert error[128] < error[512] < error[None]
        # promotion is arithmetic of the tensor core alone
        assert torch.equal(product(x, w, promote=None), product(x, w, promote=128))


def test_promotion_inside_a_block() -> None:
    x, w = drawn("positive", 16, LONG), drawn("positive", 32, LONG, seed=1)
    how = QuantizerAttr.make()
    xq, wq = quantized(x, (0, 0), how), quantized(w, (0, 0), how)
    expected = (xq.data.double() * xq.scale.double()) @ (wq.data.double() * wq.scale.double()).T
    error = {
        every: difference([(product(xq, wq, promote=every, fidelity="tensor_core"), expected)]).calc_diff
        for every in (64, 128, None)
    }
    assert error[64] < error[128] < 3e-8 < error[None]


def test_a_tensor_core_keeps_13_fraction_bits() -> None:
    def total(numbers: dict[int, float], promote: int | None) -> float:
        """1 * 1 first, then products of 2^-6 and other numbers at some places of 256."""
        x, w = torch.zeros(1, 256), torch.zeros(1, 256)
        x[0, 0] = w[0, 0] = 1.0
        for place, number in numbers.items():
            x[0, place], w[0, place] = 2.0**-6, number * 2.0**6
        sides = [Scaled(side.to(torch.float8_e4m3fn), torch.ones(1, 2), (1, 128)) for side in (x, w)]
        return product(sides[0], sides[1], promote=promote, fidelity="tensor_core").item()

    small, smaller = 2.0**-13, 2.0**-14
    assert total({1: small}, 128) == 1 + small
    assert total({1: smaller, 2: smaller}, 128) == 1, "aligned to the largest product of the step"
    assert total({32: smaller}, 128) == 1, "aligned to the accumulator"
    assert total({32: smaller, 33: smaller}, 128) == 1 + small, "a step is summed before"
    assert total({128: smaller}, 128) == 1 + smaller, "the accumulator has restarted"
    assert total({128: smaller}, None) == 1
    assert total({32: smaller}, 32) == 1 + smaller
