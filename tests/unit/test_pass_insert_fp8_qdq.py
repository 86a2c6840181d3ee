"""Which products a precision recipe quantises: roles by dataflow, exceptions by module and layer, the real model."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from raised_models import raised_model
from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.pipelines import LOWER, RAISE
from dsv3c.compilation.request import Request
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.core import facts_of, set_facts
from dsv3c.ir.dialects.moe_rows import GroupedMmOp
from dsv3c.ir.dialects.nn import EmbeddingOp, HeadLinearOp, LinearOp
from dsv3c.ir.dialects.scaled import DequantizeOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.outcomes import Kind
from dsv3c.ir.scaled_type import scaled_type
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module
from dsv3c.models.configs import load_config
from dsv3c.passes.fold_weights import FoldWeightsPass
from dsv3c.passes.insert_fp8_qdq import InsertFp8QdqPass
from dsv3c.passes.site_roles import Site, role_of, source_param, weight_of


def run(module: ModuleOp, recipe: str | Path = "deepseek-v3") -> CompileContext:
    ctx = make_context(target=load_target("cpu"))
    InsertFp8QdqPass(recipe=str(recipe)).apply(ctx, module)
    verify_module(module)
    return ctx


QUANTISED = {
    "self_attn.q_a_proj.weight+self_attn.kv_a_proj_with_mqa.weight",
    "self_attn.q_b_proj.weight",
    "self_attn.o_proj.weight",
    "mlp.gate_proj.weight+mlp.up_proj.weight",
    "mlp.down_proj.weight",
    "mlp.experts.gate_up_proj",
    "mlp.experts.down_proj",
    "mlp.shared_experts.gate_proj.weight+mlp.shared_experts.up_proj.weight",
    "mlp.shared_experts.down_proj.weight",
}
EXPANDED = "self_attn.kv_b_proj.weight"
"""The up-projection is a Linear where attention is expanded, and is absorbed elsewhere."""
KEPT = {"mlp.gate.weight", "lm_head.weight", "model.embed_tokens.weight"}
ABSORBED = {f"{EXPANDED}:absorbed_k", f"{EXPANDED}:absorbed_v"}


def products(module: ModuleOp) -> Iterator[tuple[Site, str, bool]]:
    """Every product and lookup, the key of its weight, and whether both factors are quantised."""
    for op in module.walk():
        if isinstance(op, LinearOp | GroupedMmOp):
            owners = [operand.owner for operand in op.operands[:2]]
            dequantised = [owner for owner in owners if isinstance(owner, DequantizeOp)]
            assert len(dequantised) in (0, 2), "one factor alone"
            source = source_param(dequantised[1].q if dequantised else weight_of(op))
            assert source is not None
            yield op, source.key.data.split(":f8")[0], bool(dequantised)
        elif isinstance(op, HeadLinearOp | EmbeddingOp):
            source = source_param(weight_of(op))
            assert source is not None
            yield op, source.key.data, False


def test_every_linear_of_deepseek_v3_and_nothing_else() -> None:
    passes = [*RAISE, "specialize-phases", *LOWER, "bucket-tokens", "insert-fp8-qdq", "fold-weights"]
    done = compile_model(Request(model="deepseek-v3", layers=(2, 5), pipeline=",".join(passes)))
    quantised, kept = Counter[str](), Counter[str]()
    for op, key, is_quantised in products(done.module):
        (quantised if is_quantised else kept)[key] += 1
        if is_quantised:
            x, w = (operand.owner for operand in op.operands[:2])
            assert isinstance(x, DequantizeOp) and isinstance(w, DequantizeOp)
            assert scaled_type(x.q).granules == (1, 128)
            assert scaled_type(w.q).granules[-2:] == (128, 128)
            assert not list(w.q.owner.operands), "its weight is quantised when it is loaded"
    assert set(quantised) == QUANTISED | {EXPANDED}
    assert set(kept) == KEPT | ABSORBED
    outcomes = done.ctx.outcomes.of_pass("insert-fp8-qdq")
    assert len(outcomes) == quantised.total() + kept.total()
    assert Counter(item.kind for item in outcomes) == {
        Kind.FIRED: quantised.total(),
        Kind.UNPROFITABLE: kept.total(),
    }
    assert facts_of(done.module) >= {"quantised"}


def test_every_linear_of_a_module_without_a_cache() -> None:
    module = raised_model(load_config("deepseek-v3"))
    set_facts(module, frozenset({"raised"}))
    ctx = run(module)
    withheld = set(ctx.withheld)
    FoldWeightsPass().apply(ctx, module)
    kept = Counter(role_of(op) for op, _, is_quantised in products(module) if not is_quantised)
    assert kept.keys() == {"router", "head", "embedding"}
    blocked = [item.op for item in ctx.outcomes if item.kind is Kind.BLOCKED]
    assert "linear" in {role_of(op) for op, _, is_quantised in products(module) if is_quantised}
    assert set(blocked) == {"moe.experts"}
    assert withheld == {"quantised"}


def test_recipes_that_ask_for_more_than_there_is(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text(
        'name = "all"\ndescription = "everything"\nextends = "deepseek-v3"\n'
        '[[rule]]\nquantise = true\nsource = "mine"\n'
    )
    module = raised_model(load_config("deepseek-v3"))
    reasons = {item.op: item.reason for item in run(module, file).outcomes if item.kind is Kind.BLOCKED}
    assert reasons["nn.embedding"] == "a lookup multiplies nothing"
    assert re.match("the experts' products are inside moe.experts", reasons["moe.experts"])
    text = """dsv3c.symbol @T min 1
      func.func @main(%q: tensor<?x4x32xbf16, ["T"]>) {
        %w = weight.param "w" : tensor<4x64x32xbf16>
        %y = nn.head_linear %q, %w : tensor<?x4x32xbf16, ["T"]>, tensor<4x64x32xbf16> -> tensor<?x4x64xbf16, ["T"]>
        "test.op"(%y) : (tensor<?x4x64xbf16, ["T"]>) -> ()
        func.return
      }"""
    (item,) = run(parse_module(make_context(), text), file).outcomes
    assert (item.kind, item.reason) == (Kind.BLOCKED, "there is no scaled product per head")


def test_a_static_scale(tmp_path: Path) -> None:
    file = tmp_path / "static.toml"
    file.write_text(
        'name = "static"\ndescription = "calibrated"\nextends = "per-tensor"\n[activations]\nstatic = 0.25\n'
        '[weights]\nstatic = 0.5\n[sources]\nactivations = "mine"\nweights = "mine"\n'
    )
    module = parse_module(
        make_context(),
        """dsv3c.symbol @M min 1
        func.func @main(%x: tensor<?x128xbf16, ["M"]>, %e: tensor<?xi32, ["M"]>) {
          %w = weight.param "w" : tensor<4x64x128xbf16>
          %y = moe.grouped_mm %x, %w by %e :
            tensor<?x128xbf16, ["M"]>, tensor<4x64x128xbf16>, tensor<?xi32, ["M"]> -> tensor<?x64xbf16, ["M"]>
          "test.op"(%y) : (tensor<?x64xbf16, ["M"]>) -> ()
          func.return
        }""",
    )
    run(module, file)
    (op,) = [op for op in module.walk() if isinstance(op, GroupedMmOp)]
    made = [operand.owner for operand in op.operands[:2]]
    scales = list[tuple[float | None, tuple[int, ...]]]()
    for owner in made:
        assert isinstance(owner, DequantizeOp)
        quantize = owner.q.owner
        scales.append((quantize.properties["quantizer"].static_scale, scaled_type(owner.q).granules))
    assert scales == [(0.25, (0, 0)), (0.5, (0, 0, 0))]


def test_a_recipe_in_a_format_the_target_does_not_multiply_is_refused() -> None:
    ctx = make_context(target=load_target("mi300x"))
    module = parse_module(make_context(), "func.func @main() {\n  func.return\n}")
    with pytest.raises(UsageError, match="recipe deepseek-v3 multiplies f8E4M3FN; mi300x multiplies bf16") as caught:
        InsertFp8QdqPass(recipe="deepseek-v3").apply(ctx, module)
    assert 'extends = "deepseek-v3"' in caught.value.hint
    InsertFp8QdqPass(recipe="bf16").apply(ctx, module)
    # one that multiplies it, one that states no rates, and none at all refuse nothing
    for able in (load_target("h800"), None, replace(load_target("mi300x"), dense_flops_per_s={})):
        InsertFp8QdqPass(recipe="deepseek-v3").apply(make_context(target=able), module)
