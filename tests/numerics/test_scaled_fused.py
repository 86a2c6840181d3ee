"""Ops that quantise what they compute: the bits of the two ops they stand for."""

from collections.abc import Sequence
from typing import cast

import pytest
import torch
from fp8_oracle import quantize_activation
from scaled_programs import drawn, execute, scaled_text, text_of
from torch import Tensor

from dsv3c.backends.reference.executor import Value
from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.checking.metrics import difference, same_bits

ROWS = 37
QUANTIZER = 'quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none">'


@pytest.mark.parametrize("fidelity", ["reference", "torch"])
@pytest.mark.parametrize("weight_in", ["input", "f32"])
def test_a_fused_norm_has_the_bits_of_norm_and_quantiser(fidelity: Fidelity, weight_in: str) -> None:
    x, weight = drawn("outliers", ROWS, 384), torch.rand(384).to(torch.bfloat16) + 0.5
    row, kind = text_of(x), scaled_text(x.shape, (1, 128))
    head = f"func.func @main(%x: {row}, %w: {text_of(weight)}) -> ({kind}, {row}) {{\n"
    fused = (
        f'{head}%q, %y = scaled.rms_norm %x, %w eps 1.0e-6 weight_in "{weight_in}" intermediate bf16 {QUANTIZER} '
        f": {row}, {text_of(weight)} -> {kind}, {row}\nfunc.return %q, %y : {kind}, {row}\n}}"
    )
    apart = (
        f'{head}%y = nn.rms_norm %x, %w eps 1.0e-6 weight_in "{weight_in}" : {row}, {text_of(weight)}\n'
        f"%q = scaled.quantize %y {QUANTIZER} : {row} -> {kind}\nfunc.return %q, %y : {kind}, {row}\n}}"
    )
    found, expected = (execute(text, x, weight, fidelity=fidelity) for text in (fused, apart))
    assert_equal(found, expected)
    [wide] = execute(
        f'func.func @main(%x: {row}, %w: {text_of(weight)}) -> {kind} {{\n'
        f'%q = scaled.rms_norm %x, %w eps 1.0e-6 weight_in "{weight_in}" intermediate f32 {QUANTIZER} '
        f": {row}, {text_of(weight)} -> {kind}\nfunc.return %q : {kind}\n}}",
        x, weight, fidelity=fidelity,
    )  # fmt: skip
    norm = x.double() * torch.rsqrt(x.double().square().mean(-1, keepdim=True) + 1e-6)
    if weight_in == "input":
        norm = norm.float().double()
    assert isinstance(wide, Scaled)
    again = quantize_activation((norm * weight.double()).float())
    assert difference([(wide.scale, again.scale)]).relative_l2 < 1e-6
    assert not same_bits(wide.data, cast(Scaled, found[0]).data)


def assert_equal(found: Sequence[Value], expected: Sequence[Value]) -> None:
    for left, right in zip(found, expected, strict=True):
        if isinstance(left, Scaled) and isinstance(right, Scaled):
            assert same_bits(left.data, right.data)
            assert same_bits(left.scale, right.scale)
        else:
            assert same_bits(cast(Tensor, left), cast(Tensor, right))


@pytest.mark.parametrize("fidelity", ["reference", "torch"])
@pytest.mark.parametrize("intermediate", ["input", "f32"])
def test_a_fused_swiglu_has_the_bits_of_swiglu_and_quantiser(fidelity: Fidelity, intermediate: str) -> None:
    gate, up = drawn("outliers", ROWS, 192), drawn("normal", ROWS, 192, seed=1)
    row, kind = text_of(gate), scaled_text(gate.shape, (1, 128))
    head = f"func.func @main(%g: {row}, %u: {row}) -> {kind} {{\n"
    fused = (
        f'{head}%q = scaled.swiglu %g, %u intermediate "{intermediate}" rounded_to bf16 {QUANTIZER} '
        f": {row}, {row} -> {kind}\nfunc.return %q : {kind}\n}}"
    )
    apart = (
        f'{head}%y = nn.swiglu %g, %u intermediate "{intermediate}" : {row}\n'
        f"%q = scaled.quantize %y {QUANTIZER} : {row} -> {kind}\nfunc.return %q : {kind}\n}}"
    )
    assert_equal(execute(fused, gate, up, fidelity=fidelity), execute(apart, gate, up, fidelity=fidelity))
    [wide] = execute(fused.replace("rounded_to bf16", "rounded_to f32"), gate, up, fidelity=fidelity)
    silu = gate.double() / (1 + torch.exp(-gate.double()))
    if intermediate == "input":
        silu = silu.float().to(torch.bfloat16).double()
    again = quantize_activation((silu * up.double()).float())
    assert isinstance(wide, Scaled)
    assert difference([(wide.scale, again.scale)]).relative_l2 < 1e-6
