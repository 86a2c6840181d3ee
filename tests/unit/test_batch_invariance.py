"""Kernels whose results depend on neither the batch nor the phase: one configuration, and the same bits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from kernel_programs import interpreted, load_program
from roundtrip import parse
from scaled_values import mn_major, numbers, scaled
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.runtime.params import Params, RandomSource
from dsv3c.backends.triton.batch_invariance import check_batch_invariant, config_of
from dsv3c.backends.triton.choices import absorbed_attention
from dsv3c.backends.triton.choices.base import KERNELS, Choice, MeasuredConfig, Selection
from dsv3c.backends.triton.emission.emitter import emit_kernels_program
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.expanded_attention import expanded_attention
from dsv3c.backends.triton.launchers.linear import linear
from dsv3c.backends.triton.launchers.scaled_grouped_mm import scaled_grouped_mm
from dsv3c.backends.triton.launchers.scaled_mm import scaled_mm
from dsv3c.backends.triton.select_kernels import SelectKernelsPass, kernel_rules
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.lowering import KernelOptions
from dsv3c.compilation.request import Request
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.kernel import KernelCallOp, LiteralsAttr
from dsv3c.ir.errors import IRError, UsageError
from dsv3c.ir.functions import functions
from dsv3c.ir.targets import load_target

H800 = load_target("h800")
PHASES = {"decode": (0, 128), "prefill": (0, 16384)}
"""Tokens of a step, at least and at most."""
W = "!scaled.tensor<tensor<576x256xf8E4M3FN>, 128x128, f32>"
PRODUCT = f"""dsv3c.symbol @T min 0
func.func @f(%x: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, %w: {W})
    -> tensor<?x576xbf16, ["T"]> {{
  %y = scaled.mm %x, %w promote 128
    : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, {W} -> tensor<?x576xbf16, ["T"]>
  func.return %y : tensor<?x576xbf16, ["T"]>
}}"""
LINEAR = """dsv3c.symbol @T min 0
func.func @f(%x: tensor<?x192xbf16, ["T"]>, %w: tensor<130x192xbf16>) -> tensor<?x130xf32, ["T"]> {
  %y = nn.linear %x, %w : tensor<?x192xbf16, ["T"]>, tensor<130x192xbf16> -> tensor<?x130xf32, ["T"]>
  func.return %y : tensor<?x130xf32, ["T"]>
}"""


def choices(text: str, *, batch_invariant: bool, **more: Any) -> dict[str, Choice]:
    """What the rule of a function's op says in every phase; hints are those of the phase too."""
    op: Operation = next(iter(functions(parse(text)).values())).body.block.ops.first
    rule, found = kernel_rules().find(op), dict[str, Choice]()
    assert rule is not None and KERNELS.find(op) is rule
    for name, (low, high) in PHASES.items():
        at = Selection(H800, {"T": (low, high)}, {"T": high}, 132, batch_invariant=batch_invariant, **more)
        found[name] = rule(op, at)
    return found


@pytest.mark.parametrize("text", [PRODUCT, LINEAR])
@pytest.mark.parametrize("gluon", [False, True])
def test_a_weight_has_one_configuration_in_every_phase(text: str, gluon: bool) -> None:
    found = choices(text, batch_invariant=True, gluon=gluon)
    (config,) = found["decode"].configs
    assert list(found["prefill"].configs) == [config] and "up_to" not in config
    usual = choices(text, batch_invariant=False, gluon=gluon)
    assert len(usual["prefill"].configs) > 1
    assert {str(item) for item in usual["decode"].configs} != {str(item) for item in usual["prefill"].configs}


def test_what_was_measured_for_some_rows_is_not_taken() -> None:
    at = Selection(
        H800, {"T": (0, 64)}, {"T": 64}, 132, batch_invariant=True,
        measured={64: MeasuredConfig({"block_m": 7}, 1.0, "a table")},
    )  # fmt: skip
    assert at.fitting([{"up_to": 16, "block_m": 16}, {"block_m": 128}], "T") == ({"block_m": 128},)
    assert at.hint("T") == at.hint("4*T + 1") and at.hint(5) == 5


def alone_and_together(run: Callable[[slice], Tensor], rows: int) -> None:
    """Rows have the same bits in any step they are part of."""
    together = run(slice(0, rows))
    for part in (slice(0, 1), slice(1, 4), slice(rows - 1, rows)):
        assert torch.equal(run(part), together[part]), part


def test_rows_of_products_have_the_same_bits_alone_and_with_others() -> None:
    rows = 70
    x, w = scaled(numbers("normal", rows, 256), (1, 128)), scaled(numbers("normal", 576, 256, seed=1), (128, 128))
    found = choices(PRODUCT, batch_invariant=True)["decode"]

    def product(part: slice) -> Tensor:
        given = Scaled(x.data[part], mn_major(x.scale[part]), x.granule)
        y = torch.empty(given.data.shape[0], 576, dtype=torch.bfloat16)
        scratch = {
            name: torch.empty([size if isinstance(size, int) else 1024 for size in item.sizes])
            for name, item in found.scratch.items()
        }
        scaled_mm(InterpreterGpu(), x=given, w=w, y=y, configs=found.configs, **found.parameters, **scratch)
        return y

    alone_and_together(product, rows)


def test_rows_of_linear_layers_have_the_same_bits_alone_and_with_others() -> None:
    rows, configs = 70, choices(LINEAR, batch_invariant=True)["prefill"].configs
    x, w = (numbers("normal", count, 192, seed=count).to(torch.bfloat16) for count in (rows, 130))

    def layer(part: slice) -> Tensor:
        y = torch.empty(x[part].shape[0], 130)
        linear(InterpreterGpu(), x=x[part], weight=w, y=y, configs=configs)
        return y

    alone_and_together(layer, rows)


def test_rows_of_experts_have_the_same_bits_in_every_layout() -> None:
    """Masked, as decode lays them out, and contiguous, as prefill does."""
    experts, per, k, n = 2, 32, 128, 72
    x = scaled(numbers("normal", experts * per, k), (1, 128))
    w = scaled(numbers("normal", experts, n, k, seed=1), (1, 128, 128))
    config = {"block_m": 16, "block_n": 64, "block_k": 128, "group_m": 8, "swap": 0, "num_warps": 4, "num_stages": 2}

    def product(rows: list[int], of: list[int], layout: str, alignment: int) -> Tensor:
        given = Scaled(x.data[rows], mn_major(x.scale[rows]), x.granule)
        y = torch.empty(len(rows), n)
        scaled_grouped_mm(
            InterpreterGpu(), x=given, w=w, expert_of=torch.tensor(of, dtype=torch.int32), y=y, configs=[config],
            promote=128, x_scales="mn_major", layout=layout, alignment=alignment,
        )  # fmt: skip
        return y

    first, second = list(range(per)), list(range(per, 2 * per))
    masked = product(first + second, [0] * per + [1] * per, "masked", 1)
    for few in (16, 32):
        found = product(first[:16] + second[:few], [0] * 16 + [1] * few, "contiguous", 16)
        assert torch.equal(found[:16], masked[:16]) and torch.equal(found[16:], masked[per : per + few])


def test_chunks_of_a_prompt_attend_with_the_same_bits() -> None:
    torch.manual_seed(3)
    kv, k_rope = torch.randn(90, 2, 64).to(torch.bfloat16), torch.randn(90, 16).to(torch.bfloat16)
    q = torch.randn(90, 2, 48).to(torch.bfloat16)

    def attend(first: int, last: int) -> Tensor:
        o = torch.empty(last - first, 2, 32, dtype=torch.bfloat16)
        expanded_attention(
            InterpreterGpu(), q_nope=q[first:last, :, :32], q_rope=q[first:last, :, 32:], kv=kv[:last],
            k_rope=k_rope[:last], positions=torch.arange(first, last, dtype=torch.int32),
            seq_offsets=torch.tensor([0, last - first], dtype=torch.int32),
            context_lens=torch.tensor([last], dtype=torch.int32), o=o,
            configs=[{"block_q": 32, "block_n": 16, "num_warps": 4, "num_stages": 2}], scale=0.1, scores="bf16",
            probs="bf16",
        )  # fmt: skip
        return o

    whole = attend(0, 90)
    assert all(torch.equal(attend(first, last), whole[first:last]) for first, last in ((0, 37), (37, 90), (89, 90)))


CONFIG = Path(__file__).parents[2] / "models" / "configs" / "tiny.json"
FEWER = {
    **{"num_hidden_layers": 1, "first_k_dense_replace": 0, "vocab_size": 128, "hidden_size": 128},
    **{"num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": 64, "kv_lora_rank": 64},
    **{"qk_nope_head_dim": 32, "v_head_dim": 32, "qk_rope_head_dim": 16, "moe_intermediate_size": 64},
    **{"n_routed_experts": 4, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2, "num_nextn_predict_layers": 0},
}
POINT = {
    "phases": ("prefill", "decode", "verify"),
    "max_batch": 8,
    "max_context": 256,
    "max_tokens": 64,
    "context": 256,
}


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleOp:
    """A layer with experts."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "config.json").write_text(json.dumps(json.loads(CONFIG.read_text()) | FEWER))
    model, options = str(folder / "config.json"), KernelOptions(batch_invariant=True)
    request = Request(model=model, target="h800", level="kernels", point=POINT, kernel_options=options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(absorbed_attention, "SPLIT_TOKENS", 64)  # these contexts have four parts
        lowered = compile_model(request).lowered
    assert lowered is not None
    calls = [op for op in lowered.walk() if isinstance(op, KernelCallOp) and "absorbed" in op.launcher.data]
    assert calls and all(config_of(call)["split_tokens"] == 64 for call in calls)
    return lowered


def test_a_program_gives_a_token_the_same_logits_in_every_step(module: ModuleOp) -> None:
    """Decoded alone, decoded with others, verified and read after the token before it."""
    alone, others = logits_of_a_token(module)
    assert all(torch.equal(found, alone) for found in others)


def logits_of_a_token(module: ModuleOp) -> tuple[Tensor, list[Tensor]]:
    """Of one step, and of others in which the token has company."""
    entries, params = interpreted(module), Params(RandomSource(3))
    caches = [spec.allocate(12) for spec in entries["decode"].caches]
    for cache in caches:
        cache.latent.normal_(generator=torch.Generator().manual_seed(1))

    def step(entry: str, *rows: tuple[list[int], int, int]) -> Tensor:
        offsets = [0]
        for tokens, _, _ in rows:
            offsets.append(offsets[-1] + len(tokens))
        int32 = torch.int32
        with torch.no_grad():
            return entries[entry].bind(params)(
                torch.tensor([token for tokens, _, _ in rows for token in tokens]),
                torch.tensor([before + at for tokens, before, _ in rows for at in range(len(tokens))], dtype=int32),
                torch.tensor(offsets, dtype=int32),
                torch.tensor([list(range(4 * page, 4 * page + 4)) for _, _, page in rows], dtype=int32),
                torch.tensor([before + len(tokens) for tokens, before, _ in rows], dtype=int32),
                *caches,
            )[0]

    step("decode", ([7], 200, 1))
    short = "prefill.short" if "prefill.short" in entries else "prefill"
    alone = step("decode", ([9], 201, 1))[0]
    others = [
        step("decode", ([5], 3, 0), ([9], 201, 1), ([8], 30, 2))[1],
        step("verify", ([7, 9], 200, 1), ([8], 30, 2))[0],
        step(short, ([7, 9], 200, 1))[0],
        step(short, ([7] * 3, 20, 0), ([9], 201, 1))[1],
    ]
    return alone, others


def test_entries_say_so(module: ModuleOp) -> None:
    assert all("batch_invariant" in item.attributes for item in functions(module).values() if not item.sym_visibility)
    entries = load_program(emit_kernels_program(module)["program.py"])["ENTRIES"]
    assert all(entry.batch_invariant for entry in entries.values())


def test_configurations_by_rows_or_by_phase_are_refused(module: ModuleOp) -> None:
    copy = module.clone()
    calls = [op for op in copy.walk() if isinstance(op, KernelCallOp) and op.launcher.data == "rms_norm.rms_norm"]
    changed = {**config_of(calls[-1]), "block_m": 64}
    calls[-1].configs = type(calls[-1].configs)([LiteralsAttr.make(changed)])
    with pytest.raises(IRError, match=r"rms_norm\.rms_norm has other configurations in @\S+ and @\S+"):
        check_batch_invariant(copy)
    calls[-1].configs = type(calls[-1].configs)([LiteralsAttr.make(changed)] * 2)
    with pytest.raises(IRError, match=r"rms_norm\.rms_norm has configurations by rows"):
        check_batch_invariant(copy)


@pytest.mark.parametrize(("granule", "how", "refused"), [
    ("*x*", 'amax_floor 1.0e-04, apply "divide", round_scale "none"', True),
    ("1x128", 'amax_floor 1.0e-04, apply "divide", round_scale "none"', False),
    ("*x*", 'apply "reciprocal", round_scale "none", saturate, static 2.0e-02', False),
])  # fmt: skip
def test_one_scale_of_all_rows_is_refused(granule: str, how: str, refused: bool) -> None:
    """Unless it is known before."""
    value, quantised = 'tensor<?x256xbf16, ["T"]>', f'!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, {granule}, f32>'
    text = f"""dsv3c.symbol @T min 0
    func.func @f(%x: {value}) -> {quantised} {{
      %q = scaled.quantize %x quantizer <{how}> : {value} -> {quantised}
      func.return %q : {quantised}
    }}"""
    module, ctx = parse(text), make_context(target=H800)
    if refused:
        with pytest.raises(IRError, match="one scale of all rows is found from them"):
            SelectKernelsPass(batch_invariant=True).run(ctx, module)
    else:
        SelectKernelsPass(batch_invariant=True).run(ctx, module)
    SelectKernelsPass().run(make_context(target=H800), parse(text))


def experts(name: str, layout: str, alignment: int, rows: str) -> str:
    """A function that multiplies rows of four experts."""
    x, w = '!scaled.tensor<tensor<?x256xf8E4M3FN, ["{}"]>, 1x128, f32, mn_major>', "tensor<4x128x256xf8E4M3FN>"
    kinds = f'{x.format("T")}, tensor<?x2xi64, ["T"]> -> {x.format(rows)}, tensor<?xi32, ["{rows}"]>'
    return f"""
    func.func @{name}(%x: {x.format("T")}, %ids: tensor<?x2xi64, ["T"]>,
        %w: !scaled.tensor<{w}, 1x128x128, f32>) -> tensor<?x128xbf16, ["{rows}"]> {{
      %rows, %slots, %of = moe.permute %x by %ids experts 4 layout "{layout}" alignment {alignment}
        : {kinds}, tensor<?xi32, ["{rows}"]>
      %y = scaled.grouped_mm %rows, %w, %of promote 128 : {x.format(rows)}, !scaled.tensor<{w}, 1x128x128, f32>,
        tensor<?xi32, ["{rows}"]> -> tensor<?x128xbf16, ["{rows}"]>
      func.return %y : tensor<?x128xbf16, ["{rows}"]>
    }}"""


@pytest.mark.parametrize("batch_invariant", [False, True])
def test_a_twin_in_gluon_that_one_phase_could_not_take_is_taken_by_none(batch_invariant: bool) -> None:
    """It reads contiguous rows of experts, and not those in dense tiles."""
    decode, prefill = experts("decode", "dense", 1, "4*T"), experts("prefill", "contiguous", 128, "2*T + 508")
    module, ctx = parse(f"dsv3c.symbol @T min 0 max 256 hint 64\n{decode}{prefill}"), make_context(target=H800)
    SelectKernelsPass(batch_invariant=batch_invariant).run(ctx, module)
    calls = [op for op in module.walk() if isinstance(op, KernelCallOp) and "grouped_mm" in op.launcher.data]
    in_gluon = ["gluon" in config.as_dict() for call in calls for config in call.configs]
    if batch_invariant:
        assert config_of(calls[0]) == config_of(calls[1]) and not any(in_gluon)
        assert len([item for item in ctx.outcomes if "grouped_mm" in item.reason]) == 2, "trials are not told"
    else:
        assert any(in_gluon) and not all(in_gluon)


@pytest.mark.parametrize("options", [{"extern": ("deep_gemm",)}])
def test_what_chooses_by_rows_is_not_asked_for_beside_it(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--batch-invariant and --extern deep_gemm"):
        KernelOptions(batch_invariant=True, **options).check(H800, "kernels", True)
    assert "batch-invariant=true" in KernelOptions(batch_invariant=True).passes
