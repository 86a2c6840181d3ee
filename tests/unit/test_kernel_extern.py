"""Calls of vendors' libraries: what is asked of them, what they are given, and what is told where they are absent."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fake_libraries import installed
from kernel_programs import interpreted
from kernel_references import calc_diff
from roundtrip import parse
from torch import Tensor

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings import mla, moe_rows, nn, scaled
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.params import Params, RandomSource
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.backends.triton.choices.base import Selection
from dsv3c.backends.triton.choices.extern_base import LIBRARIES, asked_for, extern_for
from dsv3c.backends.triton.emission.emitter import emit_kernels_program
from dsv3c.backends.triton.emission.externs import externs_json
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers import extern
from dsv3c.backends.triton.memory.plan_memory import PlanMemoryPass
from dsv3c.backends.triton.runtime.externs import Extern, check_externs
from dsv3c.backends.triton.runtime.records import GpuError
from dsv3c.backends.triton.runtime.space import Space, device_cache
from dsv3c.backends.triton.select_kernels import SelectKernelsPass, kernel_rules
from dsv3c.backends.triton.variants import variants_of
from dsv3c.compilation.lowering import KernelOptions, uncalled
from dsv3c.ir.context import make_context
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import functions
from dsv3c.ir.targets import load_target

GPU = InterpreterGpu()
BF16, E4M3 = torch.bfloat16, torch.float8_e4m3fn
H800 = load_target("h800")
NAN = float("nan")


def random(*sizes: int, seed: int = 0) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed))


def quantized(x: Tensor, granule: tuple[int, ...], layout: str = "row") -> Scaled:
    """A value with scales, in the memory that a program has for it."""
    how: dict[str, Any] = {"amax_floor": 1e-4, "apply": "divide", "round_scale": "none", "saturate": False}
    made = scaled.quantize(x, granule=granule, static=None, data=E4M3, scale=torch.float32, **how)
    kept = Space(torch.device("cpu")).scaled(x.shape, E4M3, granule, torch.float32, layout=layout)
    kept.data.copy_(made.data)
    kept.scale.copy_(made.scale)
    return kept


def test_cublaslt_multiplies_plain_rows() -> None:
    for rows in (0, 1, 5):
        for kind in (BF16, torch.float16, torch.float32):
            x, weight, bias = (random(*sizes, seed=1).to(kind) for sizes in ((rows, 2, 64), (48, 64), (48,)))
            for added in (None, bias):
                y = torch.full((rows, 2, 48), NAN, dtype=kind)
                extern.cublaslt_linear(GPU, x=x, weight=weight, bias=added, y=y)
                want = nn.linear(x, weight, added)
                assert y.shape == want.shape and torch.allclose(y.float(), want.float(), rtol=1e-2, atol=1e-4)


def test_sums_are_kept_in_f32_and_the_setting_is_put_back() -> None:
    settings = torch.backends.cuda.matmul
    before = settings.allow_bf16_reduced_precision_reduction
    with extern.sums_in_f32():
        assert settings.allow_bf16_reduced_precision_reduction is False
    assert settings.allow_bf16_reduced_precision_reduction is before
    with pytest.raises(TypeError):
        extern.cublaslt_linear(GPU, x=random(2, 4), weight=random(3, 4), bias="none", y=random(2, 3))
    assert settings.allow_bf16_reduced_precision_reduction is before


@pytest.mark.parametrize(("granule", "recipe"), [((1, 0), "RowWise"), ((0, 0), "TensorWise")])
def test_cublaslt_multiplies_scaled_rows(granule: tuple[int, int], recipe: str) -> None:
    x, w = quantized(random(5, 64, seed=1), granule), quantized(random(48, 64, seed=2), granule)
    bias = random(48, seed=3).to(BF16)
    for added in (None, bias):
        y = torch.full((5, 48), NAN, dtype=BF16)
        extern.cublaslt_scaled_mm(GPU, x=x, w=w, bias=added, y=y, recipe=(recipe, recipe), fast_accum=True)
        assert calc_diff(y, scaled.mm(x, w, added, dtype=BF16, promote=None)) < 1e-5


@pytest.mark.parametrize("layout", ["row", "mn_major"])
@pytest.mark.parametrize("rows", [0, 1, 4, 5])
def test_cublaslt_is_given_scales_of_blocks(monkeypatch: pytest.MonkeyPatch, rows: int, layout: str) -> None:
    x, w = quantized(random(rows, 512, seed=1), (1, 128), layout), quantized(random(256, 512, seed=2), (128, 128))
    y, calls = torch.full((rows, 256), NAN, dtype=BF16), list[tuple[Any, ...]]()

    def scaled_mm(
        a: Tensor, b: Tensor, of_a: Any, a_is: Any, _: Any, of_b: Any, b_is: Any, *rest: Any, out: Tensor
    ) -> None:
        calls.append((a_is, b_is, rest))
        (a_scale,), (b_scale,) = of_a, of_b
        # what PyTorch checks: columns of M scales for a; for b the transpose of a contiguous grid
        assert a_scale.stride() == (1, rows) and b_scale.t().is_contiguous() and b.stride() == (1, 512)
        out.copy_(
            scaled.mm(Scaled(a, a_scale, (1, 128)), Scaled(b.t(), b_scale.t(), (128, 128)), dtype=BF16, promote=128)
        )

    monkeypatch.setattr(torch.ops.aten, "_scaled_mm_v2", SimpleNamespace(out=scaled_mm))
    recipe = ("BlockWise1x128", "BlockWise128x128")
    memory = torch.full((4, rows), NAN)
    extern.cublaslt_scaled_mm(GPU, x=x, w=w, y=y, scales=memory, recipe=recipe, fast_accum=False)
    assert torch.equal(y, scaled.mm(x, w, dtype=BF16, promote=128))
    kinds = torch.nn.functional.ScalingType
    wanted = ([kinds.BlockWise1x128.value], [kinds.BlockWise128x128.value], ([0], None, BF16, [], False))
    assert calls == ([wanted] if rows else [])


@pytest.mark.parametrize("layout", ["row", "mn_major"])
@pytest.mark.parametrize("rows", [0, 1, 5, 8])
def test_deep_gemm_is_given_padded_columns_of_scales(rows: int, layout: str) -> None:
    x, w = quantized(random(rows, 256, seed=1), (1, 128), layout), quantized(random(192, 256, seed=2), (128, 128))
    y = torch.full((rows, 192), NAN, dtype=BF16)
    with installed("deep_gemm") as called:
        extern.deep_gemm_fp8_gemm_nt(GPU, x=x, w=w, y=y, scales=torch.full((2, rows + 3), NAN))
    assert torch.equal(y, scaled.mm(x, w, dtype=BF16, promote=128))
    assert called == ({"fp8_gemm_nt": 1} if rows else {})


@pytest.mark.parametrize("skips", [{}, {"skips_padding": True}])
@pytest.mark.parametrize("scales", ["row", "mn_major"])
@pytest.mark.parametrize("layout", ["contiguous", "masked"])
def test_deep_gemm_multiplies_by_experts(layout: str, scales: str, skips: dict[str, bool]) -> None:
    experts, tokens = 3, 6  # none chooses expert 1
    ids = torch.tensor([[0, 2], [2, -1], [2, 0], [0, 2], [2, -1], [2, 0]])
    rows, alignment = {"contiguous": (2 * tokens + 3 * 127, 128), "masked": (experts * tokens, 1)}[layout]
    how: dict[str, Any] = {"experts": experts, "layout": layout, "alignment": alignment, "rows": rows}
    moved, _, expert_of = moe_rows.permute(random(tokens, 256, seed=1).to(BF16), ids, **how)
    assert isinstance(moved, Tensor)
    x, w = quantized(moved, (1, 128), scales), quantized(random(experts, 192, 256, seed=2), (1, 128, 128))
    y, memory = torch.full((rows, 192), NAN, dtype=BF16), torch.full((2, rows + 3 * experts), NAN)
    counts = torch.full((experts,), -7, dtype=torch.int32)
    given: dict[str, Any] = {"x": x, "w": w, "expert_of": expert_of, "y": y, "scales": memory, **skips}
    with installed("deep_gemm") as called:
        if layout == "masked":
            extern.deep_gemm_m_grouped_fp8_gemm_nt_masked(GPU, **given, counts=counts, expected=64)
            assert counts.tolist() == [4, 0, 6]
        else:
            extern.deep_gemm_m_grouped_fp8_gemm_nt_contiguous(GPU, **given)
    held = expert_of >= (0 if skips else -1)
    assert torch.equal(y[held], scaled.grouped_mm(x, w, expert_of, dtype=BF16, promote=128)[held])
    assert bool(y[tokens if layout == "masked" else -1].isnan().all()) == bool(skips)
    assert called == {f"m_grouped_fp8_gemm_nt_{layout}": 1}


def test_no_rows_of_experts_are_none_to_multiply() -> None:
    x, w = quantized(random(0, 256), (1, 128)), quantized(random(3, 192, 256), (1, 128, 128))
    none = torch.empty(0, dtype=torch.int32)
    given: dict[str, Any] = {"x": x, "w": w, "expert_of": none, "y": torch.empty(0, 192), "scales": torch.empty(0)}
    with installed("deep_gemm") as called:
        extern.deep_gemm_m_grouped_fp8_gemm_nt_contiguous(GPU, **given)
        extern.deep_gemm_m_grouped_fp8_gemm_nt_masked(GPU, **given, counts=none, expected=64)
    assert not called


def attention(queries: int, lengths: list[int]) -> dict[str, Any]:
    """A step of ``queries`` tokens for each of several sequences, after they were appended."""
    sequences, tokens = len(lengths), len(lengths) * queries
    cache = device_cache(SPEC, 7, torch.device("cpu"))
    cache.latent.copy_(random(7, 64, 512, seed=1))
    cache.rope.copy_(random(7, 64, 64, seed=2))
    positions = [length - queries + index for length in lengths for index in range(queries)]
    table = torch.tensor([[5, 2, 0], [3, 1, 6]], dtype=torch.int32)[:sequences]
    return {
        "q_latent": random(tokens, 16, 512, seed=3).to(BF16),
        "q_rope": random(tokens, 16, 64, seed=4).to(BF16),
        "cache": cache,
        "positions": torch.tensor(positions, dtype=torch.int32),
        "seq_offsets": torch.arange(0, tokens + 1, queries, dtype=torch.int32),
        "block_table": table,
        "context_lens": torch.tensor(lengths, dtype=torch.int32),
    }


SPEC = SimpleNamespace(page_size=64, latent=512, rope=64, latent_dtype=BF16, rope_dtype=BF16, granule=0)


@pytest.mark.parametrize("queries", [1, 2])
def test_flash_mla_is_given_queries_and_rows_in_one_piece(queries: int) -> None:
    given = attention(queries, [70, 3])
    o, query = torch.full((2 * queries, 16, 512), NAN, dtype=BF16), torch.full((2 * queries, 16, 576), NAN, dtype=BF16)
    with installed("flash_mla") as called:
        extern.flash_mla_with_kvcache(GPU, **given, o=o, query=query, scale=0.07, queries=queries)
    want = mla.absorbed_attention(**given, scale=0.07, scores=torch.float32, probs=torch.float32)
    assert calc_diff(o, want) < 5e-6 and called == {"get_mla_metadata": 1, "flash_mla_with_kvcache": 1}


def test_flash_mla_is_given_no_other_sequences_and_no_other_cache() -> None:
    given = attention(1, [70, 3])
    rest: dict[str, Any] = {"o": torch.empty(2, 16, 512), "query": torch.empty(2, 16, 576, dtype=BF16), "scale": 1.0}
    with installed("flash_mla") as called:
        with pytest.raises(ValueError, match="2 tokens of 2 sequences: each must bring 2"):
            extern.flash_mla_with_kvcache(GPU, **given, **rest, queries=2)
        apart = mla.new_cache(7, 64, 512, 64, latent_dtype=BF16, rope_dtype=BF16)
        rows = torch.empty(7, 64, 576, dtype=BF16)
        before = mla.LatentCache(rows[..., 64:], rows[..., :64])
        for cache in (apart, before):
            with pytest.raises(ValueError, match="does not lie behind its latent"):
                extern.flash_mla_with_kvcache(GPU, **{**given, "cache": cache}, **rest, queries=1)
        none = {name: value[:0] for name, value in given.items() if name.startswith("q_")}
        extern.flash_mla_with_kvcache(GPU, **{**given, **none}, **rest, queries=1)
    assert "flash_mla_with_kvcache" not in called


X, W = (
    '!scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, {x}, f32{more}>',
    "!scaled.tensor<tensor<{n}x512xf8E4M3FN>, {w}, f32>",
)


def answer(
    library: str, *, x: str = "1x128", w: str = "128x128", n: int = 256, out: str = "bf16",
    promote: str = "promote 128", more: str = ", mn_major", target: str = "h800",
) -> Any:  # fmt: skip
    """What a library's rule answers for a product: its choice, or the reason."""
    kinds = X.format(x=x, more=more), W.format(w=w, n=n)
    y = f'tensor<?x{n}x{out}, ["T"]>'
    text = f"""dsv3c.symbol @T min 0 max 64
    func.func @f(%x: {kinds[0]}, %w: {kinds[1]}) -> {y} {{
      %y = scaled.mm %x, %w {promote} : {kinds[0]}, {kinds[1]} -> {y}
      func.return %y : {y}
    }}"""
    kernel_rules()
    op = next(iter(functions(parse(text))["f"].body.block.ops))
    choice, rejected = extern_for(op, Selection(load_target(target), {"T": (0, 64)}, {"T": 16}, 132), [library])
    return choice if choice is not None else next(item.reason for item in rejected if item.candidate == library)


@pytest.mark.parametrize(
    ("library", "how", "reason"),
    [
        ("cublaslt", {"target": "b200"}, "BlockWise1x128 is called for sm_90a"),
        ("cublaslt", {"target": "mi300x"}, "mi300x is gfx942; called for sm_90a, sm_100a"),
        ("cublaslt", {"n": 192}, "N = 192 is no multiple of 128"),
        ("cublaslt", {"out": "f32"}, "y is f32, not bf16"),
        ("cublaslt", {"promote": "promote 64"}, "promote 64: sums are promoted every 128"),
        ("cublaslt", {"x": "1x64", "w": "64x64"}, "granules 1x64 of x and 64x64 of w have no recipe"),
        ("cublaslt", {"x": "1x*", "w": "1x*", "n": 40, "more": "", "promote": ""}, "N = 40 is no multiple of 16"),
        ("deep_gemm", {"target": "b200"}, "b200 is sm_100a; called for sm_90a"),
        ("deep_gemm", {"n": 96}, "N = 96 is no multiple of 64"),
        ("deep_gemm", {"promote": "promote 64"}, "promote 64: sums are promoted every 128"),
        ("deep_gemm", {"w": "1x128"}, "granule 1x128 of w, not 128x128"),
        ("deep_gemm", {"out": "f16"}, "y is f16, not bf16 or f32"),
    ],
)
def test_what_a_library_does_not_run(library: str, how: dict[str, Any], reason: str) -> None:
    assert answer(library, **how) == reason


def test_what_libraries_run() -> None:
    found = answer("cublaslt")
    assert found.parameters == {"recipe": ("BlockWise1x128", "BlockWise128x128"), "fast_accum": False}
    assert answer("cublaslt", x="*x*", w="*x*", more="", promote="").parameters["fast_accum"] is True
    assert answer("deep_gemm", out="f32", n=192).function == "fp8_gemm_nt"


@pytest.mark.parametrize(
    ("how", "queries", "reason"),
    [
        ({}, (1, 1), None),
        ({}, (2, 2), None),
        ({}, (1, 2), "sequences bring 1 to 2 tokens, not equally many"),
        ({}, None, "no phase says how many tokens a sequence brings"),
        ({"kind": "f16"}, (1, 1), "query and cache are not bf16"),
        ({"heads": 24}, (1, 1), "24 heads, not 16, 32, 64, 128"),
        ({"latent": 256}, (1, 1), "rows of 256 + 64, not 512 + 64"),
        ({"scores": "bf16"}, (1, 1), "scores are rounded to bf16; the library keeps f32, as --semantics hf does"),
        ({"tokens": "(T + 1) floordiv 2"}, (1, 1), "(T + 1) floordiv 2 tokens of N sequences are a part of a step"),
    ],
)
def test_attention_that_flash_mla_runs(
    how: dict[str, Any], queries: tuple[int, int] | None, reason: str | None
) -> None:
    given = {"kind": "bf16", "heads": 16, "latent": 512, "scores": "f32", "tokens": "T"} | how
    latent, rope = (
        f'tensor<?x{given["heads"]}x{size}x{given["kind"]}, ["{given["tokens"]}"]>' for size in (given["latent"], 64)
    )
    cache = f'!mla.cache<"9" x 64, latent {given["latent"]} x {given["kind"]}, rope 64 x {given["kind"]}>'
    kinds = [latent, rope, cache, f'tensor<?xi32, ["{given["tokens"]}"]>', 'tensor<?xi32, ["N + 1"]>']
    kinds += ['tensor<?x4xi32, ["N"]>', 'tensor<?xi32, ["N"]>']
    arguments = ", ".join(f"%{name}: {kind}" for name, kind in zip("abcdefg", kinds, strict=True))
    text = f"""dsv3c.symbol @T min 0 max 64
    dsv3c.symbol @N min 0 max 64
    func.func @f({arguments}) -> {latent} {{
      %o = mla.absorbed_attention %a, %b, %c at %d, %e, %f, %g scale 0.1 scores {given["scores"]} probs f32
          : {", ".join(kinds)} -> {latent}
      func.return %o : {latent}
    }}"""
    kernel_rules()
    op = next(iter(functions(parse(text))["f"].body.block.ops))
    ranges: dict[str, tuple[int, int | None]] = {"T": (0, 64), "N": (0, 64)}
    at = Selection(H800, ranges, {"T": 16, "N": 16}, 132, queries=queries)
    choice, rejected = extern_for(op, at, ["flash_mla"])
    assert [item.reason for item in rejected] == ([] if reason is None else [reason])
    if choice is not None:
        assert queries is not None and choice.parameters == {"scale": 0.1, "queries": queries[0]}


TEXT = """
module attributes {dsv3c.facts = ["phased", "raised"]} {
dsv3c.symbol @T min 0 max 64
func.func private @layer(%x: tensor<?x256xbf16, ["T"]>) -> tensor<?x256xbf16, ["T"]> {
  %q = scaled.quantize %x quantizer <amax_floor 1.0e-04, apply "divide", round_scale "none">
      : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>
  %w = weight.param "proj.weight" : !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x128, f32> {
    %0 = weight.stored "proj.weight" : tensor<256x256xbf16>
    %1 = scaled.quantize %0 quantizer <amax_floor 1.0e-04, apply "divide", round_scale "none">
        : tensor<256x256xbf16> -> !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x128, f32>
    weight.yield %1 : !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x128, f32>
  }
  %y = scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>,
      !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x128, f32> -> tensor<?x256xbf16, ["T"]>
  func.return %y : tensor<?x256xbf16, ["T"]>
}
func.func @main(%x: tensor<?x256xbf16, ["T"]>) -> tensor<?x48xbf16, ["T"]> attributes {phase = {name = "main",
    min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 64 : i64}} {
  %y = func.call @layer(%x) {prefix = "layers.0"} : (tensor<?x256xbf16, ["T"]>) -> tensor<?x256xbf16, ["T"]>
  %z = func.call @layer(%y) {prefix = "layers.1"} : (tensor<?x256xbf16, ["T"]>) -> tensor<?x256xbf16, ["T"]>
  %w = weight.param "head.weight" : tensor<48x256xbf16> {
    %0 = weight.stored "head.weight" : tensor<48x256xbf16>
    weight.yield %0 : tensor<48x256xbf16>
  }
  %u = nn.linear %z, %w : tensor<?x256xbf16, ["T"]>, tensor<48x256xbf16> -> tensor<?x48xbf16, ["T"]>
  func.return %u : tensor<?x48xbf16, ["T"]>
}
}
"""


def lowered(*libraries: str) -> Any:
    module, ctx = parse(TEXT), make_context(target=H800)
    SelectKernelsPass(extern=libraries or "none").run(ctx, module)
    PlanMemoryPass().run(ctx, module)
    return module


@pytest.mark.parametrize("tokens", [0, 5])
def test_a_program_computes_with_libraries_what_its_module_means(tokens: int) -> None:
    module = lowered("deep_gemm", "cublaslt")
    x = random(tokens, 256, seed=1).to(BF16)
    (want,) = Executor(module, RandomWeights(3, required_headers(module))).run("main", x)
    with installed("deep_gemm") as called:
        (found,) = interpreted(module)["main"].bind(Params(RandomSource(3)))(x)
    assert found.shape == want.shape == (tokens, 48)
    assert not tokens or calc_diff(found, want) < 3e-6
    assert called == ({"fp8_gemm_nt": 2} if tokens else {})


def test_the_program_says_what_it_calls() -> None:
    module = lowered("deep_gemm", "cublaslt")
    text = emit_kernels_program(module)["program.py"]
    assert '    Extern("deep_gemm", "fp8_gemm_nt", "github.com/deepseek-ai/DeepGEMM"),\n' in text
    assert "from device.externs import Extern\n" in text and "externs=EXTERNS" in text and "launches=5" in text
    assert "extern.deep_gemm_fp8_gemm_nt(gpu, x=" in text and "extern.cublaslt_linear(gpu, x=" in text
    functions_called = [(item["library"], item["function"], item["calls"]) for item in externs_json(module)]
    assert functions_called == [("cublaslt", "linear", {"main": 1}), ("deep_gemm", "fp8_gemm_nt", {"main": 2})]
    assert {variant.kernel.split(".")[0] for variant in variants_of(module, 132)} == {"quantize"}


def test_a_program_without_libraries_names_none() -> None:
    text = emit_kernels_program(lowered())["program.py"]
    assert "xtern" not in text and "EXTERNS" not in text and externs_json(lowered()) == []


def test_a_missing_library_is_told_before_the_program_starts() -> None:
    with installed(), pytest.raises(GpuError) as error:
        interpreted(lowered("deep_gemm"))
    assert "the program calls fp8_gemm_nt of deep_gemm, which cannot be imported: No module" in error.value.what
    assert error.value.hint == "install it (github.com/deepseek-ai/DeepGEMM), or compile without it (--extern)"
    with pytest.raises(GpuError, match=r"the one that is installed \(.*\) has none"):
        check_externs([Extern("torch.nn.functional", "no_such_function")])
    check_externs([Extern("torch.nn.functional", "scaled_mm"), Extern("torch.nn.functional", "linear")])


def test_libraries_are_asked_for_by_name() -> None:
    assert asked_for("none") == () and asked_for(("flash_mla", "cublaslt", "flash_mla")) == ("flash_mla", "cublaslt")
    with pytest.raises(UsageError, match="no library 'cublas' to call"):
        asked_for("cublas")
    assert KernelOptions().passes == "select-kernels,plan-memory"
    both = KernelOptions(extern=("deep_gemm", "cublaslt"), gluon=False)
    assert both.passes == "select-kernels{extern=deep_gemm,cublaslt gluon=false},plan-memory"
    KernelOptions(extern=tuple(LIBRARIES)).check(H800, "kernels", False)
    for target, level in ((load_target("cpu"), "lowered"), (H800, "phased")):
        KernelOptions().check(target, level, False)
        with pytest.raises(UsageError, match="--extern cublaslt: no kernels are chosen here"):
            KernelOptions(extern=("cublaslt",)).check(target, level, False)
        with pytest.raises(UsageError, match="--no-gluon: no kernels are chosen here"):
            KernelOptions(gluon=False).check(target, level, False)
    assert uncalled(lowered("deep_gemm"), ["deep_gemm"]) == [] == uncalled(None, ["flash_mla"])
    assert uncalled(lowered("deep_gemm"), ["flash_mla"]) == [
        "--extern flash_mla: it runs no op of this program; the remarks say why"
    ]
