"""The link model against published figures: message sizes, expected copies, DeepEP's table, the papers' bound."""

import importlib.util
from itertools import combinations
from pathlib import Path
from types import ModuleType

import pytest

from dsv3c.ir.dialects.comm_rows import PAYLOADS as COMBINE_PAYLOADS
from dsv3c.ir.errors import UsageError
from dsv3c.ir.links import (
    DISPATCH_HEADER_BYTES,
    PAYLOADS,
    Copies,
    CopyKind,
    ExchangePoint,
    Link,
    LinkClass,
    Mesh,
    Routing,
    copies_per_token,
    distinct_places,
    exchange_bound,
    link_of,
    read_exchange_point,
)
from dsv3c.ir.targets import load_target

ROOT = Path(__file__).parents[2]
POINT = ROOT / "examples" / "communication_bound.toml"
V3 = Routing(num_experts=256, top_k=8, num_groups=8, top_groups=4)


@pytest.mark.parametrize(
    ("payload", "header", "expected"),
    [
        ("f8E4M3FN", DISPATCH_HEADER_BYTES, 7168 + 56 * 4 + 16),
        ("bf16", 0, 14336),
        ("f16", 0, 14336),
        ("f32", 0, 28672),
        ("f64", 0, 57344),
        ("logfmt10", 0, 8960 + 224),
        ("logfmt8", 0, 7168 + 224),
    ],
)
def test_bytes_of_a_copy(payload: str, header: int, expected: int) -> None:
    assert PAYLOADS[payload].copy_bytes(7168, header=header) == expected


def test_every_payload_of_a_combine_has_a_size() -> None:
    assert set(COMBINE_PAYLOADS) <= PAYLOADS.keys()


def test_partial_groups_and_bits_are_rounded_up() -> None:
    assert PAYLOADS["f8E4M3FN"].copy_bytes(129) == 129 + 2 * 4
    assert PAYLOADS["logfmt10"].copy_bytes(3) == 4 + 4  # 30 bits


@pytest.mark.parametrize(
    ("groups", "expected"),
    [(2, 1.99), (4, 3.61), (8, 5.30), (16, 6.52), (32, 7.27), (64, 7.68), (128, 7.89)],
)
def test_expected_distinct_groups_of_deepep(groups: int, expected: float) -> None:
    assert distinct_places(Routing(num_experts=256, top_k=8), groups) == pytest.approx(expected, abs=1e-2)


def test_expected_distinct_groups_by_counting() -> None:
    choices = list(combinations(range(12), 3))
    counted = sum(len({expert // 3 for expert in choice}) for choice in choices) / len(choices)
    assert distinct_places(Routing(num_experts=12, top_k=3), 4) == pytest.approx(counted, rel=1e-12)


def counted_copies(mesh: Mesh, routing: Routing, kind: CopyKind) -> Copies:
    """Every choice from every choice of groups, seen from every rank."""
    per_rank, found, total = routing.num_experts // mesh.ranks, [0, 0, 0], 0
    for groups in combinations(range(routing.num_groups), routing.top_groups):
        size = routing.num_experts // routing.num_groups
        allowed = [expert for expert in range(routing.num_experts) if expert // size in groups]
        for choice in combinations(allowed, routing.top_k):
            for source in range(mesh.ranks):
                total += 1
                for step, count in enumerate(sent(mesh, [expert // per_rank for expert in choice], source, kind)):
                    found[step] += count
    return Copies(local=found[0] / total, scale_up=found[1] / total, scale_out=found[2] / total)


def sent(mesh: Mesh, ranks: list[int], source: int, kind: CopyKind) -> tuple[int, int, int]:
    """Local, scale-up and scale-out messages for one token."""
    home, targets = source // mesh.gpus, ranks if kind == "expert" else sorted(set(ranks))
    if kind != "node":
        local = sum(rank == source for rank in targets)
        inside = sum(rank // mesh.gpus == home for rank in targets) - local
        return local, inside, len(targets) - local - inside
    # A row reaches another node at the device with the source's own place in it, which forwards it.
    gateways = {rank: rank // mesh.gpus * mesh.gpus + source % mesh.gpus for rank in targets}
    forwarded = sum(rank != gateway for rank, gateway in gateways.items())
    return int(source in targets), forwarded, len({rank // mesh.gpus for rank in targets} - {home})


@pytest.mark.parametrize("kind", ["expert", "rank", "node"])
@pytest.mark.parametrize(
    ("nodes", "gpus", "num_groups", "top_groups"),
    # no limit; a group per node; two nodes per group; two and four groups per node, some or one of them chosen
    [(2, 2, 1, 1), (3, 2, 3, 2), (4, 1, 2, 1), (2, 2, 4, 3), (2, 2, 4, 2), (1, 4, 4, 2), (1, 4, 2, 1)],
)
def test_copies_by_counting(nodes: int, gpus: int, num_groups: int, top_groups: int, kind: CopyKind) -> None:
    mesh = Mesh(nodes=nodes, gpus=gpus)
    routing = Routing(num_experts=mesh.ranks * 2, top_k=3, num_groups=num_groups, top_groups=top_groups)
    ours, counted = copies_per_token(mesh, routing, kind), counted_copies(mesh, routing, kind)
    assert ours.scale_up == pytest.approx(counted.scale_up, rel=1e-12)
    assert ours.scale_out == pytest.approx(counted.scale_out, rel=1e-12)
    assert ours.local == pytest.approx(counted.local, rel=1e-12)
    assert (ours.of("scale_up"), ours.of("scale_out")) == (ours.scale_up, ours.scale_out)


def test_node_limited_routing_of_v3() -> None:
    """3.63 of 8 nodes instead of 5.30, of which 7 of 8 are other nodes."""
    mesh = Mesh(nodes=8, gpus=8)
    assert copies_per_token(mesh, V3, "node").scale_out == pytest.approx(3.63 * 7 / 8, abs=1e-2)
    free = Routing(num_experts=256, top_k=8)
    assert copies_per_token(mesh, free, "node").scale_out == pytest.approx(5.30 * 7 / 8, abs=1e-2)
    assert copies_per_token(mesh, free, "expert").scale_out == 8 * 7 / 8


def test_groups_that_straddle_nodes_limit_nothing() -> None:
    limited = Routing(num_experts=288, top_k=8, num_groups=8, top_groups=4)
    assert distinct_places(limited, 18) == distinct_places(Routing(num_experts=288, top_k=8), 18)
    uneven = Routing(num_experts=260, top_k=8, num_groups=8, top_groups=4)
    assert distinct_places(uneven, 4) == distinct_places(Routing(num_experts=260, top_k=8), 4)


def test_experts_that_do_not_divide_are_refused() -> None:
    with pytest.raises(UsageError, match="250 experts cannot be spread evenly over 8 places"):
        distinct_places(Routing(num_experts=250, top_k=8), 8)
    with pytest.raises(UsageError, match="a token cannot choose 5 of 4 experts"):
        distinct_places(Routing(num_experts=8, top_k=5, num_groups=2, top_groups=1), 2)


@pytest.mark.parametrize(
    # DeepEP docs/legacy.md, low latency, 128 tokens, top-8: microseconds and GB/s of dispatch and of combine
    ("dispatch_us", "dispatch_gb_s", "combine_us", "combine_gb_s"),
    [(77, 98, 114, 127), (155, 48, 273, 53), (192, 39, 369, 39)],
    ids=["EP8", "EP32", "EP128"],
)
def test_low_latency_table_of_deepep(
    dispatch_us: float, dispatch_gb_s: float, combine_us: float, combine_gb_s: float
) -> None:
    """Its bandwidth counts all 8 copies, those to a rank of one's own too."""
    copies = copies_per_token(Mesh(nodes=16, gpus=8), Routing(num_experts=256, top_k=8), "expert")
    messages = 128 * (copies.local + copies.scale_up + copies.scale_out)
    dispatched = messages * PAYLOADS["f8E4M3FN"].copy_bytes(7168, header=DISPATCH_HEADER_BYTES)
    combined = messages * PAYLOADS["bf16"].copy_bytes(7168)
    assert messages == pytest.approx(128 * 8)
    assert dispatched / dispatch_us / 1e3 == pytest.approx(dispatch_gb_s, rel=0.03)
    assert combined / combine_us / 1e3 == pytest.approx(combine_gb_s, rel=0.03)


@pytest.mark.parametrize(
    ("target", "link_class", "exchange_us", "layer_us", "step_ms", "tokens_per_s"),
    [("h800", "scale_out", 120.96, 241.92, 14.76, 67), ("gb200", "scale_up", 6.72, 13.44, 0.82, 1200)],
)
def test_bound_of_the_paper(
    target: str, link_class: LinkClass, exchange_us: float, layer_us: float, step_ms: float, tokens_per_s: float
) -> None:
    bound = exchange_bound(read_exchange_point(POINT), link_of(load_target(target), link_class))
    assert bound.exchange_s * 1e6 == pytest.approx(exchange_us, abs=5e-3)
    assert bound.layer_s * 1e6 == pytest.approx(layer_us, abs=5e-3)
    assert bound.step_s * 1e3 == pytest.approx(step_ms, abs=5e-3)
    assert bound.tokens_per_s == pytest.approx(tokens_per_s, rel=0.02)


def test_bound_with_what_the_paper_leaves_out() -> None:
    point = ExchangePoint(
        layers=2, micro_batches=3, tokens=5, hidden=256, copies=1.5, dispatch_bits=8, combine_bits=16,
        scale_bytes=4, header_bytes=16, messages=2,
    )  # fmt: skip
    link = Link(name="scale_out", bytes_per_s=1e9, latency_s=1e-6, fact="", source="")
    bound = exchange_bound(point, link)
    expected = 5 * 1.5 * (256 + 8 + 16 + 512) / 1e9 + 2 * 2e-6
    assert bound.exchange_s == pytest.approx(expected, rel=1e-12)
    assert bound.layer_s == pytest.approx(3 * expected, rel=1e-12)
    assert bound.step_s == pytest.approx(6 * expected, rel=1e-12)


def test_rates_and_latency_come_from_the_target() -> None:
    h800 = load_target("h800")
    up, out = link_of(h800, "scale_up"), link_of(h800, "scale_out")
    assert (up.bytes_per_s, up.latency_s, up.fact) == (200e9, 3.33e-6, "scale_up_bytes_per_s")
    assert (out.bytes_per_s, out.latency_s) == (50e9, 2.8e-6)
    assert "2505.09343" in out.source
    achieved = link_of(h800, "scale_out", achieved=True)
    assert (achieved.bytes_per_s, achieved.fact) == (40e9, "scale_out_achieved_bytes_per_s")
    assert out.seconds(50e3, 3) == pytest.approx(1e-6 + 3 * 2.8e-6)
    assert link_of(load_target("gb200"), "scale_up").seconds(900e3, 5) == pytest.approx(1e-6)  # no latency stated
    with pytest.raises(UsageError, match="gb200 does not state scale_out_bytes_per_s"):
        link_of(load_target("gb200"), "scale_out")


def test_nvlink_carries_three_times_what_infiniband_does() -> None:
    """3.2 experts per node at the same time on both links (arXiv 2412.19437, section 3.2.2): 4 nodes, 13 experts."""
    h800 = load_target("h800")
    ratio = link_of(h800, "scale_up", achieved=True).bytes_per_s / link_of(h800, "scale_out").bytes_per_s
    assert ratio == pytest.approx(3.2)
    assert round(4 * ratio) == 13


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("layers = 61", "", "key 'layers' is missing"),
        ("layers = 61", "layers = 61\nlayer = 1", "key 'layer' is unknown"),
        ("layers = 61", "layers = 61.5", "layers = 61.5 is not a number"),
        ("layers = 61", "layers = -1", "layers = -1 is not a number"),
        ("layers = 61", "layers = true", "layers = True is not a number"),
        ("layers = 61", "layers =", "cannot be read as TOML"),
    ],
)
def test_wrong_points_name_the_file_and_the_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "point.toml"
    text = POINT.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=message) as caught:
        read_exchange_point(file)
    assert caught.value.where == str(file)


def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("communication_bound", ROOT / "benchmarks" / "communication_bound.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_benchmark_prints_ours_beside_the_papers() -> None:
    text = benchmark().report(POINT)
    rows = [line.split() for line in text.splitlines()]
    assert ["h800", "scale_out", "50", "120.96", "241.92", "14.76", "67.8"] in rows
    assert ["gb200", "scale_up", "900", "6.72", "13.44", "0.82", "1219.8"] in rows
    assert text.count("the paper") == 2


def test_benchmark_compares_only_the_papers_point(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text(POINT.read_text().replace("copies = 9", "copies = 4.5"))
    text = benchmark().report(file)
    assert "60.48" in text
    assert "the paper" not in text
