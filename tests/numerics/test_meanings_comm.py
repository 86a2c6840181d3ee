"""Dispatch and combine against plain loops over tokens, ranks and choices."""

import pytest
import torch
from torch import Tensor

from dsv3c.backends.reference.link_bytes import LinkBytes
from dsv3c.backends.reference.meanings import comm, logfmt
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.comm import CombineOp, DispatchOp
from dsv3c.ir.text import parse_module

PLACEMENT = [0, 1, 2, 3, 4, 5, 6, 7, 1, 6, 2, 7]
"""Eight experts, four of them twice, on four ranks of three."""
RANKS, PER_RANK, TOKENS, TOP_K, HIDDEN = 4, 3, 5, 3, 128


def inputs(seed: int = 0) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    x = [(torch.randn(TOKENS, HIDDEN, generator=generator) * 0.1).bfloat16() for _ in range(RANKS)]
    weights = [torch.rand(TOKENS, TOP_K, generator=generator) for _ in range(RANKS)]
    ids = [torch.stack([torch.randperm(8, generator=generator)[:TOP_K] for _ in range(TOKENS)]) for _ in range(RANKS)]
    ids[2][1, 0] = ids[0][4, 2] = -1
    return x, weights, ids, [torch.tensor(PLACEMENT, dtype=torch.int32)] * RANKS


def places(ids: list[Tensor], source: int, token: int) -> list[tuple[int, int] | None]:
    """(rank, expert of the rank) of every choice."""
    found = list[tuple[int, int] | None]()
    for j, expert in enumerate(ids[source][token].tolist()):
        own = [physical for physical, logical in enumerate(PLACEMENT) if logical == expert]
        physical = own[(23333 * source + token + j) % len(own)] if own else None
        found.append(None if physical is None else (physical // PER_RANK, physical % PER_RANK))
    return found


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("copies", ["expert", "rank", "node"])
def test_rows_are_the_tokens_whose_experts_are_here(copies: str, bounded: bool) -> None:
    x, weights, ids, placement = inputs()
    found = comm.dispatch(x, weights, ids, placement, copies=copies, experts_per_rank=PER_RANK, bounded=bounded)
    counts = comm.sync_counts(ids, placement, copies=copies, experts_per_rank=PER_RANK)
    choices = 1 if copies == "expert" else TOP_K
    room = TOKENS * (min(TOP_K, PER_RANK) if copies == "expert" else 1)
    for rank, (rows, shares, experts, sources) in enumerate(found):
        expected = list[tuple[list[float], list[float], list[int], list[int]]]()
        for source in range(RANKS):
            part = list[tuple[list[float], list[float], list[int], list[int]]]()
            for token in range(TOKENS):
                here = [place is not None and place[0] == rank for place in places(ids, source, token)]
                own = [place[1] if place and place[0] == rank else -1 for place in places(ids, source, token)]
                row, share = x[source][token].tolist(), weights[source][token].tolist()
                if copies == "expert":
                    part += [(row, [1.0], [own[j]], [source, token * TOP_K + j]) for j in range(TOP_K) if here[j]]
                elif any(here):
                    kept = [share[j] if here[j] else 0.0 for j in range(TOP_K)]
                    part.append((row, kept, own, [source, token]))
            assert counts[rank][source] == len(part)
            padding = ([0.0] * HIDDEN, [0.0] * choices, [-1] * choices, [-1, -1])
            expected += part + [padding] * (room - len(part) if bounded else 0)
        assert isinstance(rows, Tensor)
        assert rows.dtype == torch.bfloat16
        assert rows.tolist() == [row[0] for row in expected]
        assert shares.tolist() == [row[1] for row in expected]
        assert experts.tolist() == [row[2] for row in expected]
        assert sources.tolist() == [row[3] for row in expected]
        assert (experts.dtype, sources.dtype, counts[rank].dtype) == (torch.int64, torch.int32, torch.int32)


def test_scales_travel_with_their_rows_and_padding_has_scale_one() -> None:
    x, weights, ids, placement = inputs()
    data = [rows.to(torch.float8_e4m3fn) for rows in x]
    scales = [torch.rand(TOKENS, 1) + 2 for _ in x]
    scaled = [Scaled(rows, scale, (1, 128)) for rows, scale in zip(data, scales, strict=True)]
    found = comm.dispatch(scaled, weights, ids, placement, copies="rank", experts_per_rank=PER_RANK, bounded=True)
    plain = comm.dispatch(x, weights, ids, placement, copies="rank", experts_per_rank=PER_RANK, bounded=True)
    for (rows, *rest), (_, *others) in zip(found, plain, strict=True):
        assert isinstance(rows, Scaled)
        assert rows.granule == (1, 128)
        assert all(torch.equal(left, right) for left, right in zip(rest, others, strict=True))
        for row, (source, token) in enumerate(rest[2].tolist()):
            if source < 0:
                assert rows.scale[row] == 1 and not rows.data[row].float().any()
            else:
                assert rows.scale[row] == scales[source][token]
                assert torch.equal(rows.data[row].float(), data[source][token].float())


def partial(copies: str, seed: int = 1) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
    """Some y [R, D] per rank, its sources, and the choices it came from."""
    x, weights, ids, placement = inputs()
    found = comm.dispatch(x, weights, ids, placement, copies=copies, experts_per_rank=PER_RANK, bounded=True)
    generator = torch.Generator().manual_seed(seed)
    y = [(torch.randn(len(sources), HIDDEN, generator=generator) * 0.1).bfloat16() for *_, sources in found]
    return y, [sources for *_, sources in found], weights, ids


def from_ranks(y: list[Tensor], sources: list[Tensor], source: int, token: int) -> dict[int, Tensor]:
    """Rank -> its row for a token."""
    return {
        rank: y[rank][row]
        for rank, places in enumerate(sources)
        for row, place in enumerate(places.tolist())
        if place == [source, token]
    }


@pytest.mark.parametrize(("order", "gpus"), [("rank", 2), ("node_rank", 2), ("node_rank", 1), ("node_rank", 4)])
@pytest.mark.parametrize("combine_in", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("payload", ["bf16", "f32", "logfmt10"])
def test_partial_sums_are_added_in_the_stated_order(
    order: str, gpus: int, combine_in: torch.dtype, payload: str
) -> None:
    y, sources, weights, ids = partial("rank")
    how = {"order": order, "payload": payload}
    found = comm.combine(y, sources, weights, ids, **how, combine_in=combine_in, gpus=gpus)
    for source in range(RANKS):
        for token in range(TOKENS):
            rows = from_ranks(y, sources, source, token)
            total = torch.zeros(HIDDEN, dtype=torch.float64)
            for node in range(RANKS // gpus):
                inside = torch.zeros(HIDDEN, dtype=torch.float64)
                for rank in range(node * gpus, (node + 1) * gpus):
                    if rank in rows:
                        inside = inside + comm.carried(rows[rank].unsqueeze(0), payload)[0].double()
                if order == "node_rank":
                    inside = comm.carried(inside.to(combine_in).unsqueeze(0), payload)[0].double()
                total = total + inside
            assert torch.equal(found[source][token], total.to(combine_in).bfloat16())
    assert all(out.dtype == torch.bfloat16 for out in found)


@pytest.mark.parametrize("order", ["slot", "expert"])
def test_choices_are_weighted_and_added_at_their_source(order: str) -> None:
    y, sources, weights, ids = partial("expert")
    found = comm.combine(y, sources, weights, ids, order=order, combine_in=torch.bfloat16, payload="bf16", gpus=2)
    for source in range(RANKS):
        for token in range(TOKENS):
            rows = {
                j: next(iter(from_ranks(y, sources, source, token * TOP_K + j).values()))
                for j, expert in enumerate(ids[source][token].tolist())
                if expert >= 0
            }
            terms = {j: row * weights[source][token, j].bfloat16() for j, row in rows.items()}
            if order == "slot":
                expected = sum(term.double() for term in terms.values())
                assert isinstance(expected, Tensor)
                assert torch.equal(found[source][token], expected.bfloat16())
            else:
                ordered = [terms[j] for j in sorted(terms, key=lambda j: int(ids[source][token, j]))]
                total = ordered[0]
                for term in ordered[1:]:
                    total = total + term
                assert torch.equal(found[source][token], total)


def test_payloads_round_as_they_say() -> None:
    x = (torch.randn(4, 256, generator=torch.Generator().manual_seed(0)) * 0.1).float()
    assert torch.equal(comm.carried(x, "f32"), x)
    assert torch.equal(comm.carried(x, "bf16"), x.bfloat16())
    assert comm.carried(x, "f16").dtype == torch.float16
    assert comm.carried(x.double(), "f64").dtype == torch.float64
    for bits in (8, 10):
        assert torch.equal(comm.carried(x, f"logfmt{bits}"), logfmt.received(x, bits))


TYPES = """
dsv3c.symbol @T min 0
comm.mesh @ep nodes 2 gpus 2
func.func @f(%x: {x}, %y: tensor<?x7168xbf16, ["4*T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>,
             %p: tensor<12xi32>, %t: !comm.token<"ep">) {{
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "{copies}" experts_per_rank 3
    : {x}, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<12xi32>, !comm.token<"ep">
    -> {rows}, tensor<?x{j}xf32, ["{r}"]>, tensor<?x{j}xi64, ["{r}"]>, tensor<?x2xi32, ["{r}"]>
  func.return
}}
func.func @g(%y: tensor<?x7168xbf16, ["4*T"]>, %src: tensor<?x2xi32, ["4*T"]>, %w: tensor<?x3xf32, ["T"]>,
             %ids: tensor<?x3xi64, ["T"]>, %t: !comm.token<"ep">) {{
  %out, %t2 = comm.combine %y, %src, %w, %ids after %t order "{order}" combine_in f32 payload "{payload}"
    : tensor<?x7168xbf16, ["4*T"]>, tensor<?x2xi32, ["4*T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>,
      !comm.token<"ep"> -> tensor<?x7168xbf16, ["T"]>
  func.return
}}
"""


def ops(*, scaled: bool, copies: str, order: str = "slot", payload: str = "bf16") -> tuple[DispatchOp, CombineOp]:
    r, j = ("12*T", 1) if copies == "expert" else ("4*T", 3)
    kind = "tensor<?x7168xf8E4M3FN, [{}]>" if scaled else "tensor<?x7168xbf16, [{}]>"
    wrap = "!scaled.tensor<{}, 1x128, f32>" if scaled else "{}"
    x, rows = (wrap.format(kind.format(f'"{size}"')) for size in ("T", r))
    text = TYPES.format(x=x, rows=rows, copies=copies, r=r, j=j, order=order, payload=payload)
    module = parse_module(make_context(), text, "test")
    found = list(module.walk())
    [dispatch] = [op for op in found if isinstance(op, DispatchOp)]
    [combine] = [op for op in found if isinstance(op, CombineOp)]
    return dispatch, combine


def test_a_v3_message_is_7408_bytes_out_and_14336_back() -> None:
    dispatch, combine = ops(scaled=True, copies="expert")
    links = LinkBytes(gpus=2)
    # rank 0 sends two choices to rank 1 and one to rank 2; rank 3 keeps one
    sources = [
        torch.tensor(rows, dtype=torch.int32).view(-1, 2)
        for rows in ([], [[0, 0], [0, 2], [-1, -1]], [[0, 1]], [[3, 5]])
    ]
    links.dispatch(dispatch, sources)
    assert links.messages == {
        ("comm.dispatch", "scale_up"): 2,
        ("comm.dispatch", "scale_out"): 1,
        ("comm.dispatch", "local"): 1,
    }
    assert {key[1]: size for key, size in links.bytes.items()} == {"scale_up": 14816, "scale_out": 7408, "local": 7408}
    links.combine(combine, [torch.zeros(len(rows), 7168).bfloat16() for rows in sources], sources)
    assert links.bytes["comm.combine", "scale_up"] == 2 * 14336
    assert links.bytes["comm.combine", "scale_out"] == 14336
    assert links.of("local") == 7408 + 14336
    assert "comm.dispatch scale_up: 2 messages, 14816 bytes" in list(links.lines())
    plain, _ = ops(scaled=False, copies="expert")
    links.clear()
    links.dispatch(plain, sources)
    assert links.of("scale_out") == 2 * 7168 + 16


def test_nodes_forward_what_comes_once_over_scale_out() -> None:
    dispatch, combine = ops(scaled=True, copies="node", order="node_rank")
    links = LinkBytes(gpus=2)
    # token 0 of rank 0 goes to all four ranks, token 1 to rank 3 alone; token 4 of rank 3 to rank 1 and to itself
    rows = ([[0, 0]], [[0, 0], [3, 4]], [[0, 0]], [[0, 0], [0, 1], [3, 4]])
    sources = [torch.tensor(places, dtype=torch.int32) for places in rows]
    links.dispatch(dispatch, sources)
    counted = {link: links.messages["comm.dispatch", link] for link in ("local", "scale_up", "scale_out")}
    # out: tokens 0 and 1 from 0 to 2, token 4 from 3 to 1; up: 0 -> 1, 2 -> 3 twice; local: 0 and 3
    assert counted == {"local": 2, "scale_up": 3, "scale_out": 3}
    y = [torch.full((len(places), 7168), 0.5).bfloat16() for places in rows]
    links.combine(combine, y, sources)
    assert {link: links.messages["comm.combine", link] for link in counted} == counted
    assert links.bytes["comm.combine", "scale_out"] == 3 * 14336


def test_bytes_of_logfmt_are_those_of_the_values_sent() -> None:
    _, combine = ops(scaled=False, copies="expert", payload="logfmt10")
    links = LinkBytes(gpus=2)
    sources = [torch.tensor([[1, 0]], dtype=torch.int32), torch.tensor([[0, 0]], dtype=torch.int32)]
    small = (torch.rand(1, 7168) * 0.5 + 0.01).bfloat16()
    links.combine(combine, [small, small * 4], sources)
    assert links.bytes["comm.combine", "scale_up"] == 7168 * 10 // 8 + 224 + 7168 * 2 + 224
    _, by_node = ops(scaled=False, copies="rank", order="node_rank", payload="logfmt10")
    links.clear()
    # ranks 0 and 1 have each a part below 1 for token 0 of rank 2; their sum, which node 0 sends, is not
    places = [torch.tensor([[2, 0]], dtype=torch.int32)] * 2 + [torch.zeros((0, 2), dtype=torch.int32)] * 2
    part = (torch.rand(1, 7168) * 0.2 + 0.55).bfloat16()
    links.combine(by_node, [part, part, part[:0], part[:0]], places)
    assert links.bytes["comm.combine", "scale_up"] == 7168 * 10 // 8 + 224  # rank 1 to rank 0, the gateway
    assert links.bytes["comm.combine", "local"] == 0
    assert links.bytes["comm.combine", "scale_out"] == 7168 * 2 + 224
