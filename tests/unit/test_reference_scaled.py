"""Programs with scaled values: executed, checked at their arguments, and written as Python."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from roundtrip import parse

from dsv3c.backends.reference import params
from dsv3c.backends.reference.bindings import BindingError
from dsv3c.backends.reference.emitter import emit_program
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.ir.errors import IRError

ROWS = '!scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>'
WEIGHT = "!scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>"
QUANTIZER = 'quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none">'

LAYER = f"""
dsv3c.symbol @T min 1 max 4096
func.func @main(%x: tensor<?x384xbf16, ["T"]>) -> tensor<?x320xbf16, ["T"]> {{
  %norm = weight.param "norm.weight" : tensor<384xbf16>
  %stored = weight.param "kv_a.weight" : {WEIGHT} {{
    %d = weight.stored "kv_a.weight" : tensor<320x384xf8E4M3FN>
    %s = weight.stored "kv_a.weight_scale_inv" : tensor<3x3xf32>
    %q = scaled.assemble %d, %s : tensor<320x384xf8E4M3FN>, tensor<3x3xf32> -> {WEIGHT}
    weight.yield %q : {WEIGHT}
  }}
  %made = weight.param "up.weight" : {WEIGHT} {{
    %u = weight.stored "up.weight" : tensor<320x384xbf16>
    %q = scaled.quantize %u {QUANTIZER} : tensor<320x384xbf16> -> {WEIGHT}
    weight.yield %q : {WEIGHT}
  }}
  %xq = scaled.rms_norm %x, %norm eps 1.0e-6 weight_in "input" intermediate bf16 {QUANTIZER}
    : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> {ROWS}
  %gate = scaled.mm %xq, %stored promote 128 : {ROWS}, {WEIGHT} -> tensor<?x320xbf16, ["T"]>
  %up = scaled.mm %xq, %made promote 128 : {ROWS}, {WEIGHT} -> tensor<?x320xbf16, ["T"]>
  %y = nn.swiglu %gate, %up intermediate "input" : tensor<?x320xbf16, ["T"]>
  func.return %y : tensor<?x320xbf16, ["T"]>
}}
"""


def test_an_emitted_program_has_the_executors_bits(tmp_path: Path) -> None:
    module, x = parse(LAYER), torch.randn(5, 384).to(torch.bfloat16)
    [expected] = Executor(module, RandomWeights(4, required_headers(module))).run("main", x)
    for name, content in emit_program(module).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    torch.save(x, tmp_path / "x.pt")
    code = (
        "import sys, torch; sys.path.insert(0, '.')\n"
        "from program import ENTRIES\nfrom runtime.params import Params, RandomSource\n"
        "y = ENTRIES['main'].function(Params(RandomSource(4)), torch.load('x.pt'))\ntorch.save(y, 'y.pt')"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert torch.equal(torch.load(tmp_path / "y.pt"), expected)
    assert "scaled.mm(xq, stored, dtype=torch.bfloat16, promote=128)" in (tmp_path / "program.py").read_text()


def test_scaled_parameters_count_their_scales_in_the_budget() -> None:
    module, x = parse(LAYER), torch.randn(2, 384).to(torch.bfloat16)
    executor = Executor(module, RandomWeights(4, required_headers(module)))
    executor.run("main", x)
    weights = 320 * 384 + 9 * 4
    assert executor.params.used_bytes == 2 * weights + 384 * 2


def test_without_quantization_only_rounding_is_left() -> None:
    text = f"""
func.func @main(%x: tensor<4x384xf32>, %w: tensor<320x384xf32>) -> tensor<4x320xf32> {{
  %xq = scaled.quantize %x {QUANTIZER} : tensor<4x384xf32> -> !scaled.tensor<tensor<4x384xf8E4M3FN>, 1x128, f32>
  %wq = scaled.quantize %w {QUANTIZER} : tensor<320x384xf32> -> {WEIGHT}
  %y = scaled.mm %xq, %wq promote 128
    : !scaled.tensor<tensor<4x384xf8E4M3FN>, 1x128, f32>, {WEIGHT} -> tensor<4x320xf32>
  func.return %y : tensor<4x320xf32>
}}
"""
    module, x, w = parse(text), torch.randn(4, 384), torch.randn(320, 384)
    off = Executor(module, RandomWeights(0, {}), quantization=False).run("main", x, w)[0]
    on = Executor(module, RandomWeights(0, {})).run("main", x, w)[0]
    assert torch.equal(off, (x.double() @ w.double().T).float())
    assert not torch.equal(on, off)


def test_without_quantization_stored_weights_are_what_they_are() -> None:
    kind, rows = (
        "!scaled.tensor<tensor<2x64x256xf8E4M3FN>, 1x64x128, f32>",
        "!scaled.tensor<tensor<5x256xf8E4M3FN>, 1x128, f32>",
    )
    text = f"""
func.func @main(%x: tensor<5x256xf32>, %d: tensor<2x64x256xf8E4M3FN>, %s: tensor<2x1x2xf32>, %e: tensor<5xi32>)
    -> tensor<5x64xf32> {{
  %xq = scaled.quantize %x {QUANTIZER} : tensor<5x256xf32> -> {rows}
  %wq = scaled.assemble %d, %s : tensor<2x64x256xf8E4M3FN>, tensor<2x1x2xf32> -> {kind}
  %y = scaled.grouped_mm %xq, %wq, %e promote 128 : {rows}, {kind}, tensor<5xi32> -> tensor<5x64xf32>
  func.return %y : tensor<5x64xf32>
}}
"""
    x, data, scale = torch.randn(5, 256), torch.randn(2, 64, 256).to(torch.float8_e4m3fn), torch.rand(2, 1, 2)
    expert_of = torch.tensor([0, 1, -1, 1, 0], dtype=torch.int32)
    executor = Executor(parse(text), RandomWeights(0, {}), quantization=False)
    [y] = executor.run("main", x, data, scale, expert_of)
    w = data.float() * scale.repeat_interleave(128, dim=-1)
    expected = torch.stack(
        [(x[m].double() @ w[e].double().T).float() * (e >= 0) for m, e in enumerate(expert_of.tolist())]
    )
    assert isinstance(y, torch.Tensor)
    assert torch.allclose(y, expected, rtol=1e-6, atol=0)
    assert not y[2].any()


ARGUMENT = f"""
dsv3c.symbol @T min 1 max 4096
func.func @main(%q: {ROWS}) -> tensor<?x384xf32, ["T"]> {{
  %y = scaled.dequantize %q : {ROWS} -> tensor<?x384xf32, ["T"]>
  func.return %y : tensor<?x384xf32, ["T"]>
}}
"""


def test_scaled_arguments_bind_sizes() -> None:
    data, scale = torch.randn(5, 384).to(torch.float8_e4m3fn), torch.rand(5, 3)
    [y] = Executor(parse(ARGUMENT), RandomWeights(0, {})).run("main", Scaled(data, scale, (1, 128)))
    assert isinstance(y, torch.Tensor)
    assert torch.equal(y, data.float() * scale.repeat_interleave(128, dim=1))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.zeros(5, 384), r"argument 0 of @main \(%q\) is of kind Tensor"),
        (
            Scaled(torch.zeros(5, 384).to(torch.float8_e5m2), torch.ones(5, 3), (1, 128)),
            r"the data of argument 0 .* is a tensor \[5, 384\] f8E5M2",
        ),
        (Scaled(torch.zeros(5, 384).to(torch.float8_e4m3fn), torch.ones(5, 3), (0, 128)), r"granule \*x128, scales"),
        (Scaled(torch.zeros(5, 384).to(torch.float8_e4m3fn), torch.ones(5, 4), (1, 128)), r"scales \[5, 4\] f32"),
        (
            Scaled(torch.zeros(5, 384).to(torch.float8_e4m3fn), torch.ones(5, 3).to(torch.float8_e8m0fnu), (1, 128)),
            r"scales \[5, 3\] f8E8M0FNU; the program takes",
        ),
        (
            Scaled(torch.zeros(5, 256).to(torch.float8_e4m3fn), torch.ones(5, 2), (1, 128)),
            r"has size 256 where the program has 384",
        ),
    ],
)
def test_a_scaled_argument_that_does_not_fit_is_refused(value: Scaled | torch.Tensor, message: str) -> None:
    with pytest.raises(BindingError, match=message):
        Executor(parse(ARGUMENT), RandomWeights(0, {})).run("main", value)


def test_four_bit_data_is_not_executed() -> None:
    kind = "!scaled.tensor<tensor<4x64xf4E2M1FN>, 1x32, f8E8M0FNU>"
    text = f"""
func.func @main(%x: tensor<4x64xf32>) -> tensor<4x64xf32> {{
  %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<4x64xf32> -> {kind}
  %y = scaled.dequantize %q : {kind} -> tensor<4x64xf32>
  func.return %y : tensor<4x64xf32>
}}
"""
    with pytest.raises(IRError, match="element type f4E2M1FN cannot be executed"):
        Executor(parse(text), RandomWeights(0, {})).run("main", torch.zeros(4, 64))


UNFOLDED = f"""
dsv3c.symbol @T min 1 max 4096
func.func private @layer(%x: tensor<?x384xbf16, ["T"]>) -> tensor<?x320xbf16, ["T"]> {{
  %w = weight.param "up.weight" : tensor<320x384xbf16>
  %wq = scaled.quantize %w {QUANTIZER} : tensor<320x384xbf16> -> {WEIGHT}
  %wd = scaled.dequantize %wq : {WEIGHT} -> tensor<320x384xf32>
  %xq = scaled.quantize %x {QUANTIZER} : tensor<?x384xbf16, ["T"]> -> {ROWS}
  %xd = scaled.dequantize %xq : {ROWS} -> tensor<?x384xf32, ["T"]>
  %y = nn.linear %xd, %wd : tensor<?x384xf32, ["T"]>, tensor<320x384xf32> -> tensor<?x320xbf16, ["T"]>
  func.return %y : tensor<?x320xbf16, ["T"]>
}}
func.func @main(%x: tensor<?x384xbf16, ["T"]>) -> (tensor<?x320xbf16, ["T"]>, tensor<?x320xbf16, ["T"]>) {{
  %a = func.call @layer(%x) {{prefix = "layers.0"}} : (tensor<?x384xbf16, ["T"]>) -> tensor<?x320xbf16, ["T"]>
  %b = func.call @layer(%x) {{prefix = "layers.1"}} : (tensor<?x384xbf16, ["T"]>) -> tensor<?x320xbf16, ["T"]>
  func.return %a, %b : tensor<?x320xbf16, ["T"]>, tensor<?x320xbf16, ["T"]>
}}
"""


@pytest.mark.parametrize("budget", [None, 1 << 40])
def test_weights_are_quantised_once_where_memory_is_not_counted(
    budget: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = parse(UNFOLDED)
    weights, x = RandomWeights(0, required_headers(module)), torch.randn(4, 384).bfloat16()
    executor = Executor(module, weights, params_budget_bytes=budget)
    first, other, again, _ = [*executor.run("main", x), *executor.run("main", x)]
    assert isinstance(first, torch.Tensor) and isinstance(other, torch.Tensor) and isinstance(again, torch.Tensor)
    assert torch.equal(first, again) and not torch.equal(first, other), "every layer has its own"
    assert len(executor.params.made) == (4 if budget is None else 0), "of weights, and of no activation"
    for bytes_of_one, kept in ((320 * 384 + 3 * 3 * 4, 1), (1, 0)):
        monkeypatch.setattr(params, "DERIVED_BUDGET_BYTES", bytes_of_one)
        small = Executor(module, weights)
        found = small.run("main", x)[0]
        assert isinstance(found, torch.Tensor) and torch.equal(found, first)
        assert len(small.params.made) == kept
