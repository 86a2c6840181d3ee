"""The 671B program in the recipe of its training: what is quantised, how often, and what crosses links, in closed form.

One dense and two MoE layers in the published widths, captured without weights, through the pipeline of every compile.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.ir import Operation, SSAValue

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.triton.variants import variants_of
from dsv3c.compilation.compiler import evaluator
from dsv3c.compilation.driver import Driver, PassRun
from dsv3c.compilation.lowering import KernelOptions, lower_to_kernels
from dsv3c.compilation.operating_point import point_of
from dsv3c.compilation.pipelines import default_pipeline, parse_passes
from dsv3c.compilation.plan import plan_of
from dsv3c.ir.bodies import executed_ops
from dsv3c.ir.context import make_context
from dsv3c.ir.cost import Env
from dsv3c.ir.cost_model import COST
from dsv3c.ir.cost_rules_comm import KINDS, copies_of
from dsv3c.ir.dialects.comm import CombineOp, DispatchOp
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.dialects.moe_rows import PermuteOp
from dsv3c.ir.dialects.nn import EmbeddingOp, HeadLinearOp, LinearOp
from dsv3c.ir.dialects.scaled import DequantizeOp, GroupedMmOp, MmOp, QuantizeOp
from dsv3c.ir.dialects.scaled_fused import RmsNormOp, SwigluOp
from dsv3c.ir.expected_sizes import with_expected_rows
from dsv3c.ir.functions import callee_name, functions
from dsv3c.ir.links import PAYLOADS
from dsv3c.ir.scaled_type import is_scaled, scaled_type
from dsv3c.ir.targets import load_target
from dsv3c.ir.types import element_type, shape
from dsv3c.models.configs import load_config
from dsv3c.passes.base import Pass
from dsv3c.passes.site_roles import source_param

CONFIG = load_config("deepseek-v3")
DENSE, SPARSE = 1, 2
"""Layers of each kind, of those captured."""
PHASES = {"prefill": True, "prefill.short": False, "decode": False}
"""Entry -> whether its attention is expanded, which multiplies the latents of all tokens by kv_b_proj."""
EP, NODES, REPLICAS = 32, 4, 32
RANKS = {"ep": EP, "nnodes": NODES, "redundant_experts": REPLICAS}
PLANS: Mapping[str, dict[str, object]] = {
    "one device": {},
    "ranks": {**RANKS, "overlap": "off"},
    "segments": RANKS,
}
Counts = dict[str, Counter[str]]


def counts(module: ModuleOp) -> Counts:
    """Function -> how many of its ops have which name; recipes of weights do not run in a step."""
    return {name: Counter(op.name for op in executed_ops(item)) for name, item in functions(module).items()}


@dataclass
class Watch:
    """Counts after every pass; of a pass that runs often, after the last time."""

    after_pass: dict[str, Counts] = field(default_factory=dict[str, Counts])

    def start(self, module: ModuleOp) -> None:
        """Nothing has run."""

    def before(self, item: Pass) -> None:
        """Nothing is counted before a pass."""

    def after(self, run: PassRun, item: Pass, module: ModuleOp) -> None:
        self.after_pass[run.name] = counts(module)


@dataclass(frozen=True)
class Program:
    plan: str
    module: ModuleOp
    after_pass: dict[str, Counts]


@pytest.fixture(scope="module")
def captured() -> Module:
    first = CONFIG.first_k_dense_replace
    return dsv3c.capture("deepseek-v3", layers=(first - DENSE, first + SPARSE))


@pytest.fixture(scope="module", params=PLANS)
def program(captured: Module, request: pytest.FixtureRequest) -> Program:
    ctx, point = make_context(target=load_target("h800")), point_of({}, longest=CONFIG.max_position_embeddings)
    ctx.evaluator, ctx.operating_point = evaluator(), point.symbols()
    plan = plan_of(PLANS[request.param], load_target("h800"))
    assert plan.recipe == "deepseek-v3", "the target's own"
    module, watch = captured.op.clone(), Watch()
    Driver(ctx, [watch]).run(module, parse_passes(default_pipeline(point, plan)))
    return Program(request.param, module, watch.after_pass)


def products(*, dense: bool, expanded: bool) -> int:
    """Scaled products of a layer: q_a with kv_a, q_b, o, and kv_b where expanded; then gate with up, and down."""
    return 3 + expanded + (2 if dense else 4)  # routed experts and the shared one


def quantised(*, dense: bool, expanded: bool) -> int:
    """Quantisations left when every activation is quantised once: the shared expert's gate_up reads what is routed."""
    return products(dense=dense, expanded=expanded) - (not dense)


def fused(*, dense: bool) -> tuple[int, int]:
    """(RMSNorms that quantise, SwiGLUs that do): before attention, of q_a and before the MLP; one per MLP."""
    return 3, 1 if dense else 2


def layers(entry: str, found: Counts) -> list[tuple[str, bool]]:
    """The functions of an entry's layers, and whether each is dense."""
    names = [name for name in found if name.rpartition(".")[0] == entry and "layer" in name]
    assert len(names) == 2, "one function per kind of layer"
    kinds = [(name, not any(op.startswith("moe.") for op in found[name])) for name in names]
    assert sum(is_dense for _, is_dense in kinds) == 1
    return kinds


@pytest.mark.parametrize("entry", PHASES)
def test_quantising_per_phase_by_closed_form(program: Program, entry: str) -> None:
    expanded = PHASES[entry]
    for name, dense in layers(entry, program.after_pass["bucket-tokens"]):
        sites, left = products(dense=dense, expanded=expanded), quantised(dense=dense, expanded=expanded)
        inserted, folded, shared, fused_norms, fused_all = (
            program.after_pass[step][name]
            for step in ("insert-fp8-qdq", "fold-weights", "fuse-qdq", "fuse-rms-norm-quant", "fuse-swiglu-quant")
        )
        norms, swiglus = fused(dense=dense)
        assert (inserted["scaled.quantize"], inserted["scaled.dequantize"]) == (2 * sites, 2 * sites)
        assert (folded["scaled.quantize"], folded["scaled.dequantize"]) == (sites, 2 * sites)
        assert (shared["scaled.quantize"], shared["scaled.dequantize"]) == (left, 0)
        assert shared["scaled.mm"] + shared["scaled.grouped_mm"] == sites
        assert shared["scaled.grouped_mm"] == (0 if dense else 2)
        assert (fused_norms["scaled.rms_norm"], fused_norms["scaled.quantize"]) == (norms, left - norms)
        assert (fused_all["scaled.rms_norm"], fused_all["scaled.swiglu"]) == (norms, swiglus)
        # what no norm and no SwiGLU makes: the output of attention, and latents from the cache
        assert fused_all["scaled.quantize"] == left - norms - swiglus == 1 + expanded
    assert "scaled.quantize" not in program.after_pass["dce"][entry]


@pytest.mark.parametrize("entry", PHASES)
def test_a_step_runs_every_layer(program: Program, entry: str) -> None:
    """All layers of a step together, however it is cut into segments; each of two micro-batches runs them all."""
    table, found = functions(program.module), counts(program.module)

    def total(name: str) -> Counter[str]:
        """Ops of a function and of those it calls."""
        calls = [callee_name(op) for op in executed_ops(table[name]) if isinstance(op, func.CallOp)]
        return sum(map(total, calls), found[name])

    batches = 2 if program.plan == "segments" else 1
    expanded, done = PHASES[entry], total(entry)
    sites = [products(dense=dense, expanded=expanded) for dense in [True] * DENSE + [False] * SPARSE]
    assert done["scaled.mm"] + done["scaled.grouped_mm"] == batches * sum(sites)
    assert done["scaled.grouped_mm"] == batches * 2 * SPARSE
    assert done["scaled.rms_norm"] == batches * 3 * (DENSE + SPARSE)
    assert done["scaled.swiglu"] == batches * (DENSE + 2 * SPARSE)
    assert done["scaled.quantize"] == batches * (1 + expanded) * (DENSE + SPARSE)
    assert done["scaled.dequantize"] == 0
    exchanges = batches * SPARSE if program.plan != "one device" else 0
    assert done["comm.dispatch"] == done["comm.combine"] == exchanges


def ops(program: Program) -> Iterable[Operation]:
    return (op for item in functions(program.module).values() for op in executed_ops(item))


QUANTISED = {
    "self_attn.q_a_proj.weight+self_attn.kv_a_proj_with_mqa.weight",
    "self_attn.q_b_proj.weight",
    "self_attn.kv_b_proj.weight",
    "self_attn.o_proj.weight",
    "mlp.gate_proj.weight+mlp.up_proj.weight",
    "mlp.down_proj.weight",
    "mlp.experts.gate_up_proj",
    "mlp.experts.down_proj",
    "mlp.shared_experts.gate_proj.weight+mlp.shared_experts.up_proj.weight",
    "mlp.shared_experts.down_proj.weight",
}
KEPT = {
    "mlp.gate.weight",
    "lm_head.weight",
    "model.embed_tokens.weight",
    "self_attn.kv_b_proj.weight:absorbed_k",
    "self_attn.kv_b_proj.weight:absorbed_v",
}


def key_of(weight: SSAValue) -> str:
    param = source_param(weight)
    assert param is not None
    return param.key.data.partition(":f8")[0].removesuffix(".shard")


def test_every_linear_of_the_recipe_is_a_scaled_product(program: Program) -> None:
    scaled = [(op, op.w) for op in ops(program) if isinstance(op, MmOp | GroupedMmOp)]
    kept = {key_of(op.weight) for op in ops(program) if isinstance(op, LinearOp | HeadLinearOp)}
    kept |= {key_of(op.table) for op in ops(program) if isinstance(op, EmbeddingOp)}
    assert {key_of(weight) for _, weight in scaled} == QUANTISED
    assert kept == KEPT
    for op, weight in scaled:
        assert scaled_type(op.x).granules == (1, 128)
        assert scaled_type(weight).granules[-2:] == (128, 128)
        assert op.promote is not None and op.promote.value.data == 128
        assert not list(weight.owner.operands), "its weight is quantised when it is loaded"
    local = (CONFIG.n_routed_experts + REPLICAS) // EP if program.plan != "one device" else CONFIG.n_routed_experts
    assert {shape(weight)[0] for op, weight in scaled if isinstance(op, GroupedMmOp)} == {local}


def test_nothing_is_dequantised_and_nothing_quantised_twice(program: Program) -> None:
    assert not [op for op in ops(program) if isinstance(op, DequantizeOp)]
    for name, function in functions(program.module).items():
        read = [op.x for op in executed_ops(function) if isinstance(op, QuantizeOp)]
        assert len(set(read)) == len(read), name
        assert not any(isinstance(value.owner, RmsNormOp | SwigluOp) for value in read), name


def readers(value: SSAValue) -> Counter[str]:
    return Counter(use.operation.name for use in value.uses)


def test_one_quantisation_is_shared(program: Program) -> None:
    """q_a and kv_a are one product of one quantised activation; the shared expert reads the rows that are sent."""
    if program.plan == "segments":  # across functions: the segments take it as an argument
        table = functions(program.module)
        sent = [name for name in table if name.endswith(".dispatch")]
        assert len(sent) == 2 * len(PHASES)
        for name in sent:
            (rows,) = [arg for arg in table[name].args if is_scaled(arg)]
            (of_shared,) = [arg for arg in table[name.replace(".dispatch", ".shared")].args if is_scaled(arg)]
            assert (rows.type, rows.name_hint) == (of_shared.type, of_shared.name_hint)
            assert readers(rows) == {"comm.dispatch": 1} and readers(of_shared) == {"scaled.mm": 1}
        return
    routed = "moe.permute" if program.plan == "one device" else "comm.dispatch"
    found = Counter[tuple[tuple[str, int], ...]]()
    for op in ops(program):
        if isinstance(op, RmsNormOp):
            found[tuple(sorted(readers(op.q).items()))] += 1
            kept = [] if op.y is None else list(op.y.uses)
            routes = any(name == routed for name in readers(op.q))
            assert [use.operation.name for use in kept] == (["nn.linear"] if routes else [])
    kinds = len(PHASES)
    assert found == {
        (("scaled.mm", 1),): kinds * (2 + 3),  # attention's, of either layer, and before the dense MLP
        tuple(sorted({"scaled.mm": 1, routed: 1}.items())): kinds,
    }


def test_payloads_of_exchanges(program: Program) -> None:
    """8-bit rows with a scale per 128 channels and a header out, bf16 back; and so much per copy is costed."""
    dispatches = [op for op in ops(program) if isinstance(op, DispatchOp)]
    combines = [op for op in ops(program) if isinstance(op, CombineOp)]
    if program.plan == "one device":
        assert not dispatches and not combines
        rows = [op.x for op in ops(program) if isinstance(op, PermuteOp)]
        assert rows and all(is_scaled(x) for x in rows)
        return
    batches = 2 if program.plan == "segments" else 1
    assert len(dispatches) == len(combines) == batches * len(PHASES)
    hidden = CONFIG.hidden_size
    env = with_expected_rows(program.module, Env.step(tokens=4096, sequences=32, context=4096, page_size=64))
    for op in dispatches:
        assert str(scaled_type(op.x).tensor().element_type) == "f8E4M3FN"
        assert scaled_type(op.rows).granules == (1, 128)
        tokens = env.number(shape(op.ids)[0])
        rule, copies = COST.find(op), copies_of(op, KINDS[op.copies.data])
        cost = rule(op, env) if rule is not None else None
        assert cost is not None
        assert env.num_bytes(op.x) == tokens * (hidden + hidden // 128 * 4)
        assert cost.scale_out_bytes / copies.scale_out / tokens == pytest.approx(7408)
        assert cost.scale_up_bytes / copies.scale_up / tokens == pytest.approx(7408)
    for op in combines:
        assert op.payload.data == "bf16"
        assert PAYLOADS[op.payload.data].copy_bytes(hidden) == 14336
        assert str(element_type(op.y)) == "bf16"


MOST_BINARIES = 120
"""Kernels that an artifact of the whole model may bring: all layers share them, sizes of a step are not in them."""


def test_few_kernels_run_every_phase(program: Program) -> None:
    target = load_target("h800")
    lowered = lower_to_kernels(Driver(make_context(target=target)), program.module, KernelOptions())
    assert facts_of(lowered) >= {"lowered", "planned"}
    variants = variants_of(lowered, int(target.fact("num_compute_units")))
    assert 30 < len(variants) <= MOST_BINARIES
    assert len({variant.key for variant in variants}) == len(variants)
    # every layer's workspace is a part of its entry's
    planned = {name: workspace_of(item) for name, item in functions(lowered).items()}
    for entry in PHASES:
        called = [planned[name] for name in planned if name.startswith(f"{entry}.layer")]
        assert planned[entry] >= max(called) > 0


def workspace_of(function: func.FuncOp) -> int:
    stated = function.attributes["workspace"]
    assert isinstance(stated, IntegerAttr)
    return stated.value.data
