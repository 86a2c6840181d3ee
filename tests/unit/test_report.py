"""The summary of a compile: numbers of known programs, and what it says where it knows nothing."""

import json

import pytest
from raised_models import raised_model

from dsv3c.compilation.driver import Driver
from dsv3c.compilation.operating_point import OperatingPoint
from dsv3c.ir.context import make_context
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import parse_module
from dsv3c.models.configs import load_config
from dsv3c.passes.absorb_mla import AbsorbMlaPass
from dsv3c.passes.merge_projections import MergeProjectionsPass
from dsv3c.passes.specialize_phases import SpecializePhasesPass
from dsv3c.reports.report import EntryReport, Summary, summarize
from dsv3c.reports.report_text import render, significant

POINT = OperatingPoint()


def lowered(name: str, target: str) -> Summary:
    ctx = make_context(target=load_target(target))
    module, driver = raised_model(load_config(name)), Driver(ctx)
    driver.run(module, [SpecializePhasesPass(), MergeProjectionsPass(), AbsorbMlaPass()])
    return summarize(
        module,
        model=name,
        target=ctx.target,
        point=POINT,
        runs=driver.runs,
        outcomes=ctx.outcomes,
        before={"import": 2},
    )


@pytest.fixture(scope="module")
def v3() -> Summary:
    return lowered("deepseek-v3", "h800")


def entry(summary: Summary, name: str) -> EntryReport:
    return next(item for item in summary.entries if item.name == name)


def parsed(text: str) -> Summary:
    module = parse_module(make_context(), text)
    return summarize(module, model="m", target=load_target("h800"), point=POINT)


def test_whole_model(v3: Summary) -> None:
    assert round(v3.parameters.total / 1e9, 2) == 671.03
    assert v3.mtp_parameters is None
    assert v3.cache_bytes_per_token == 70272
    assert v3.training_flops_per_token is not None
    assert round(v3.training_flops_per_token / 1e9, 1) == 250.4
    assert v3.level == "phased, raised"
    assert v3.not_found == []
    assert v3.unraised == {}
    assert v3.not_costed == {}


def test_decode_step_by_hand(v3: Summary) -> None:
    decode = entry(v3, "decode")
    assert (decode.tokens, decode.sequences, decode.context) == (128, 128, 4096)
    core = 61 * 4096 * 2 * 128 * (2 * 512 + 64)
    assert decode.flops / 128 == pytest.approx(2 * v3.parameters.active_matrices + core, rel=1e-12)
    assert decode.flops_by_class["attention core"] == 128 * core
    assert decode.cache_bytes == 128 * 4097 * 70272, "every row read once, the new ones written once"
    assert decode.bound_by == "memory"
    assert decode.floor_s == pytest.approx((decode.weight_bytes + decode.cache_bytes) / 3.35e12)


def test_weights_of_a_step_are_those_of_the_experts_hit(v3: Summary) -> None:
    hit = 58 * 3 * 2048 * 7168 * 256 * (1 - (1 - 8 / 256) ** 128)
    others = v3.parameters.total - 58 * 3 * 2048 * 7168 * 256 - v3.parameters.embedding
    looked_up = 128 * 7168
    assert entry(v3, "decode").weight_bytes == pytest.approx(2 * (hit + others + looked_up), rel=1e-6)


def test_a_target_without_rates_knows_no_bound() -> None:
    decode = entry(lowered("deepseek-v2-lite", "cpu"), "decode")
    assert (decode.bound_by, decode.floor_s) == ("unknown", None)


def test_passes_and_rewrites_are_counted(v3: Summary) -> None:
    assert [item.name.partition("{")[0] for item in v3.passes] == [
        "specialize-phases",
        "merge-projections",
        "absorb-mla",
    ]
    for kind in ("fired", "blocked", "unprofitable"):
        assert v3.rewrites[kind] == sum(getattr(item, kind) for item in v3.passes)
    assert v3.rewrites["fired"] > 0
    assert v3.before == {"import": 2}


def test_data_survives_json(v3: Summary) -> None:
    data = json.loads(json.dumps(v3.as_json()))
    assert data["cache_bytes_per_token"] == 70272
    assert data["parameters"]["total"] == v3.parameters.total
    assert [item["name"] for item in data["entries"]] == [item.name for item in v3.entries]


def test_text(v3: Summary) -> None:
    lines = render(v3).splitlines()
    assert lines[0] == f"operating point: {POINT}"
    text = "\n".join(lines)
    for fact in ("total 671.03 B", "active per token 37.55 B", "70,272 B per token", "250.4 GFLOP per token"):
        assert fact in text
    row = next(line.split() for line in lines if line.startswith("@decode"))
    assert row[:4] == ["@decode", "128", "128", "4096"]
    assert row[8] == "memory"


CAPTURED = """
dsv3c.symbol @B min 1
dsv3c.symbol @S min 2
func.func @main(%x: tensor<?x?x4xf32, ["B", "S"]>) -> tensor<?x?x4xf32, ["B", "S"]> {
  %w = weight.param "w" : tensor<4x4xf32>
  %y = aten.linear(%x, %w) : tensor<?x?x4xf32, ["B", "S"]>
  %v, %i = aten.topk(%y, k = 4) : tensor<?x?x4xf32, ["B", "S"]>, tensor<?x?x4xi64, ["B", "S"]>
  %n = aten.dot(%w, %w) : tensor<f32>
  %z = aten.mul.Tensor(%v, %n) : tensor<?x?x4xf32, ["B", "S"]>
  func.return %z : tensor<?x?x4xf32, ["B", "S"]>
}
"""


def test_a_captured_program_is_counted_and_says_what_it_does_not_show() -> None:
    summary = parsed(CAPTURED)
    main = entry(summary, "main")
    assert main.tokens == 4096, "rows of an argument that holds no ids"
    assert main.flops == 2 * 4096 * 16
    assert main.uncosted == {"aten.dot": 1}
    assert summary.unraised == {"aten.linear": 1, "aten.topk": 1, "aten.dot": 1}
    assert summary.cache_bytes_per_token is None
    assert summary.training_flops_per_token is None
    text = render(summary)
    assert "without a cost, counted as nothing: aten.dot" in text
    assert "not raised" in text
    assert "cache       unknown" in text


def test_generic_attention_and_no_experts_are_named() -> None:
    kinds = 'tensor<?x?x2x4xf32, ["B", "S"]>'
    summary = parsed(
        f"""builtin.module attributes {{dsv3c.facts = ["raised"]}} {{
dsv3c.symbol @B min 1
dsv3c.symbol @S min 2
func.func @main(%q: {kinds}) -> {kinds} {{
  %o = nn.attention %q, %q, %q scale 1.0 scores f32 probs f32 : {kinds}, {kinds}, {kinds} -> {kinds}
  func.return %o : {kinds}
}}
}}"""
    )
    assert summary.not_found == ["MLA: attention is generic", "mixture of experts"]
    assert summary.cache_bytes_per_token == 2 * (4 + 4) * 4


def test_an_entry_without_a_cost_says_why() -> None:
    summary = parsed(
        'func.func @main(%x: tensor<?xf32, ["K"]>) -> tensor<?xf32, ["K"]> {\n'
        '  %y = aten.neg(%x) : tensor<?xf32, ["K"]>\n  func.return %y : tensor<?xf32, ["K"]>\n}'
    )
    assert summary.entries == []
    assert "symbol K" in summary.not_costed["main"]
    assert "@main: no cost: " in render(summary)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (1234567.0, "1234567"), (81.634, "81.63"), (0.00001234, "0.000012"), (0.21294, "0.2129")],
)
def test_significant(number: float, text: str) -> None:
    assert significant(number) == text
