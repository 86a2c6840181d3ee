"""The summary of a deployment: precision, quantising left, links, padding, ranks, overlap, against closed forms."""

import json

import pytest
from raised_models import raised_model
from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.driver import Driver
from dsv3c.compilation.operating_point import OperatingPoint
from dsv3c.ir.context import make_context
from dsv3c.ir.expected_rows import Routing as Rows
from dsv3c.ir.links import Mesh, Routing, copies_per_token
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import parse_module
from dsv3c.ir.timetable_ops import timetable_of, timetables
from dsv3c.models.configs import load_config
from dsv3c.passes.registry import load_pass
from dsv3c.reports.report import EntryReport, Summary, summarize
from dsv3c.reports.report_text import render

CONFIG = load_config("deepseek-v3")
LAYERS, D, K, EXPERTS = 58, 7168, 8, 256
PHASES = ("specialize-phases", "merge-projections", "absorb-mla", "dce")
PRECISION = ("bucket-tokens", "insert-fp8-qdq", "fold-weights", "fuse-qdq", "cse", "dce")
OVERLAP = ("split-microbatches", "cut-segments", "schedule-overlap")


def compiled(*steps: str, **shard: object) -> tuple[ModuleOp, Driver]:
    ctx = make_context(target=load_target("h800"))
    module, driver = raised_model(CONFIG), Driver(ctx, allow_unapplied=True)
    options = {"shard-experts": shard}
    driver.run(module, [load_pass(name)(**options.get(name, {})) for name in steps])
    return module, driver


def summary_of(module: ModuleOp, driver: Driver | None = None) -> Summary:
    runs = driver.runs if driver is not None else ()
    return summarize(module, model="m", target=load_target("h800"), point=OperatingPoint(), runs=runs)


@pytest.fixture(scope="module")
def plain() -> Summary:
    return summary_of(*compiled(*PHASES))


@pytest.fixture(scope="module")
def one_device() -> Summary:
    return summary_of(*compiled(*PHASES, *PRECISION))


@pytest.fixture(scope="module")
def deployed() -> tuple[ModuleOp, Summary]:
    module, driver = compiled(*PHASES, "shard-experts", *PRECISION, *OVERLAP, ep=32, nnodes=4)
    return module, summary_of(module, driver)


def entry(summary: Summary, name: str) -> EntryReport:
    return next(item for item in summary.entries if item.name == name)


def test_every_product_of_the_recipe_is_covered(one_device: Summary) -> None:
    """In decode the head, the router and the products per head stay; the attention core is no GEMM."""
    decode = entry(one_device, "decode")
    tokens = decode.tokens
    head, router = 2 * D * 129280 * tokens, 2 * D * EXPERTS * LAYERS * tokens
    absorbed = 61 * 128 * 2 * (128 * 512 + 512 * 128) * tokens
    others = head + router + absorbed
    total = sum(decode.gemm_flops.values())
    assert decode.fp8_share == pytest.approx(1 - others / total, rel=1e-9)
    assert decode.flops == pytest.approx(total + decode.flops_by_class["attention core"])
    assert set(decode.gemm_flops) == {"bf16", "f8E4M3FN"}


def test_nothing_is_covered_before(plain: Summary) -> None:
    assert entry(plain, "decode").fp8_share == 0
    assert plain.qdq is None
    text = render(plain)
    assert "FP8" not in text
    assert "scaled.quantize" not in text
    assert "KB/token" not in text
    assert "scale MB/token" not in text
    assert "padding" not in text
    assert "schedule" not in text.partition("step ")[0]


def test_quantising_inserted_removed_and_left(one_device: Summary) -> None:
    qdq = one_device.qdq
    assert qdq is not None
    assert qdq.inserted is not None and qdq.removed is not None
    left = [site for site in qdq.left if site.op == "scaled.quantize"]
    assert len(left) == len(qdq.left), "no dequantise is left outside of a product"
    assert qdq.inserted[0] - qdq.removed[0] == len(left)
    assert qdq.inserted[1] == qdq.removed[1]
    sites = [site for site in left if site.function == "decode.sparse"]
    assert len({site.value for site in sites}) == len(sites), "one quantisation per shared activation"
    assert all(site.users for site in sites)
    lines = render(one_device).splitlines()
    inserted, removed = qdq.inserted, qdq.removed
    assert f"scaled.quantize    {inserted[0]} inserted, {removed[0]} removed, {len(left)} left" in lines
    assert f"scaled.dequantize  {inserted[1]} inserted, {removed[1]} removed, 0 left" in lines
    assert any(line.startswith("left in") and "scaled.quantize x" in line for line in lines)


def test_a_module_by_itself_shows_what_is_left() -> None:
    module, _ = compiled("bucket-tokens", "insert-fp8-qdq")
    qdq = summary_of(module).qdq
    assert qdq is not None
    assert (qdq.inserted, qdq.removed) == (None, None)
    ops = [site.op for site in qdq.left]
    assert ops.count("scaled.quantize") == ops.count("scaled.dequantize") > 0
    assert "inserted" not in render(summary_of(module))


def test_scales_are_a_128th_of_four_bytes(one_device: Summary) -> None:
    decode = entry(one_device, "decode")
    assert 0 < decode.scale_bytes < (decode.weight_bytes + decode.activation_bytes) * 4 / 128
    assert "scale MB/token" in render(one_device)


def test_one_device_sends_nothing(one_device: Summary) -> None:
    assert entry(one_device, "decode").link_bytes == {}


def test_padding_of_aligned_groups(one_device: Summary) -> None:
    prefill = entry(one_device, "prefill")
    assert prefill.padding is not None
    rows = Rows(4096, K / EXPERTS, EXPERTS).aligned_rows(128)
    assert prefill.padding.rows == pytest.approx(LAYERS * rows, rel=1e-4)
    assert prefill.padding.padding_rows == pytest.approx(LAYERS * (rows - 4096 * K), rel=1e-3)
    assert prefill.padding.share == pytest.approx(1 - 4096 * K / rows, rel=1e-3)
    percent = f"{prefill.padding.share * 100:.1f} %"
    decode = entry(one_device, "decode").padding
    assert decode is not None
    assert (decode.rows, decode.padding_rows, decode.share) == (LAYERS * 128 * K, 0, 0)
    assert render(one_device).count("rows computed by experts") == 1
    assert f"@prefill: {percent} of {prefill.padding.rows:,.0f} rows computed by experts" in render(one_device)


def test_links_by_the_closed_form(deployed: tuple[ModuleOp, Summary]) -> None:
    _, summary = deployed
    copies = copies_per_token(
        Mesh(nodes=4, gpus=8), Routing(num_experts=EXPERTS, top_k=K, num_groups=8, top_groups=4), "expert"
    )
    for name in ("prefill", "decode"):
        item = entry(summary, name)
        assert item.link_bytes.keys() == {"dispatch", "combine"}
        for kind, size in (("dispatch", 7408), ("combine", 14336)):
            sent = item.link_bytes[kind]
            assert sent["scale_up"] / item.tokens / LAYERS == pytest.approx(copies.scale_up * size, rel=1e-3)
            assert sent["scale_out"] / item.tokens / LAYERS == pytest.approx(copies.scale_out * size, rel=1e-3)
    lines = render(summary).splitlines()
    assert any(line.startswith("KB/token sent") and "combine scale-out" in line for line in lines)
    assert any("matrix products at the dense peak, links at theirs" in line for line in lines)


def test_a_rank_holds_its_experts(plain: Summary, deployed: tuple[ModuleOp, Summary]) -> None:
    _, summary = deployed
    routed = LAYERS * EXPERTS * 3 * 2048 * D
    assert summary.parameters.total == plain.parameters.total
    assert summary.parameters.active == pytest.approx(plain.parameters.active)
    assert summary.parameters.on_rank == summary.parameters.total - routed + routed // 32
    assert plain.parameters.on_rank == plain.parameters.total
    assert summary.training_flops_per_token == pytest.approx(plain.training_flops_per_token)
    assert summary.cache_bytes_per_token == plain.cache_bytes_per_token
    assert summary.not_found == []
    assert "on one rank 37.55 B" in render(summary)
    assert "on one rank" not in render(plain)


def test_active_experts_stay_what_they_are_at_every_level(plain: Summary, one_device: Summary) -> None:
    unfused = summary_of(compiled(*PHASES, "bucket-tokens", "insert-fp8-qdq")[0])
    for summary in (one_device, unfused):
        assert summary.parameters.active == pytest.approx(plain.parameters.active)
        assert summary.parameters.total == plain.parameters.total


def test_exposed_communication_is_the_timetables(deployed: tuple[ModuleOp, Summary]) -> None:
    module, summary = deployed
    table = timetable_of(timetables(module)["prefill"])
    schedule = entry(summary, "prefill").schedule
    assert schedule is not None
    assert (schedule.makespan_us, schedule.exposed_us) == (table.makespan_us, table.exposed_us)
    assert 0 < schedule.exposed_us < schedule.communication_us <= schedule.makespan_us
    line = next(line for line in render(summary).splitlines() if line.startswith("schedule") and "@prefill:" in line)
    assert "ms, communication" in line
    assert "of it exposed" in line
    assert entry(summary, "prefill").bound_by == "scale_out"
    json.dumps(summary.as_json())


def test_copies_do_not_count_as_inserted(one_device: Summary, deployed: tuple[ModuleOp, Summary]) -> None:
    _, summary = deployed
    assert summary.qdq is not None and one_device.qdq is not None
    assert summary.qdq.inserted == one_device.qdq.inserted
    assert len(summary.qdq.left) > len(one_device.qdq.left)
    assert f"and in {len({site.function for site in summary.qdq.left}) - 8} more functions" in render(summary)


def test_a_floor_without_a_rate_of_links_leaves_them_out() -> None:
    module, _ = compiled(*PHASES, "shard-experts", ep=32, nnodes=4)
    summary = summarize(module, model="m", target=load_target("b200"), point=OperatingPoint())
    assert summary.not_costed == {}
    assert entry(summary, "decode").bound_by in ("memory", "compute")
    assert summarize(module, model="m", target=None, point=OperatingPoint()).entries[0].bound_by == "unknown"


def test_unscheduled_and_unpadded_programs_say_nothing_of_it() -> None:
    module = parse_module(
        make_context(),
        "func.func @main(%x: tensor<4x8xbf16>) -> tensor<4x4xbf16> {\n"
        '%w = weight.param "w" : tensor<4x8xbf16>\n'
        "%y = nn.linear %x, %w : tensor<4x8xbf16>, tensor<4x8xbf16> -> tensor<4x4xbf16>\n"
        "func.return %y : tensor<4x4xbf16>\n}",
    )
    item = summary_of(module).entries[0]
    assert (item.padding, item.schedule, item.link_bytes, item.fp8_share) == (None, None, {}, 0)
    empty = parse_module(
        make_context(), "func.func @main(%x: tensor<4xbf16>) -> tensor<4xbf16> {\nfunc.return %x : tensor<4xbf16>\n}"
    )
    assert summary_of(empty).entries[0].fp8_share is None
