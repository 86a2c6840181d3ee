"""Every reference meaning against its formula, written again with loops in f64 and a rounding where one is stated."""

import math

import pytest
import torch
from torch import Tensor

from dsv3c.backends.reference.meanings import aten, mla, moe, nn, weight
from dsv3c.backends.reference.meanings.arithmetic import WIDE, WideWeights, product, softmax, weight_columns

BF16, F32, F64 = torch.bfloat16, torch.float32, torch.float64
DTYPES = pytest.mark.parametrize("dtype", [BF16, F32], ids=["bf16", "f32"])


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(11)


def rounded(value: float | Tensor, dtype: torch.dtype) -> Tensor:
    return torch.as_tensor(value, dtype=F64).to(dtype)


def near(actual: Tensor, expected: Tensor) -> bool:
    """Equal but for sums in f64 that another order put on the other side of a rounding boundary."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    step = (actual.double() - expected.double()).abs() / expected.double().abs().clamp(min=1e-30)
    return (
        bool((step <= torch.finfo(expected.dtype).eps).all())
        and float((step > 0).double().mean() if step.numel() else 0) < 1e-2
    )


@DTYPES
@pytest.mark.parametrize(("lead", "k", "n"), [((1,), 5, 3), ((2, 3), 33, 7), ((0,), 4, 2), ((130,), 65, 130)])
def test_linear(lead: tuple[int, ...], k: int, n: int, dtype: torch.dtype) -> None:
    x, w, b = torch.randn(*lead, k).to(dtype), torch.randn(n, k).to(dtype), torch.randn(n).to(dtype)
    sums = (x.double().unsqueeze(-2) * w.double()).sum(-1)
    assert near(nn.linear(x, w), sums.to(dtype))
    assert near(nn.linear(x, w, b), (sums + b.double()).to(dtype))
    assert near(nn.linear(x, w, dtype=F32), sums.to(F32))


@DTYPES
def test_products_do_not_depend_on_the_number_of_rows(dtype: torch.dtype) -> None:
    x, w = torch.randn(130, 384).to(dtype), torch.randn(96, 384).to(dtype)
    whole = product(x, w).to(dtype)
    for start, end in ((0, 1), (7, 9), (3, 36), (129, 130)):
        assert torch.equal(product(x[start:end], w).to(dtype), whole[start:end])


def test_kept_wide_weights_follow_writes_and_the_budget() -> None:
    kept = WideWeights(8 * 12)
    w = torch.randn(3, 4)
    first = kept.columns(w)
    assert first is not None
    assert torch.equal(first, w.double().t())
    assert kept.columns(w) is first
    assert kept.columns(torch.randn(1, 1)) is None
    w.mul_(2)
    assert kept.columns(w) is None, "a stale copy may not count twice, but must not be used"
    del w
    assert kept.used_bytes == 0
    other = torch.randn(3, 4)
    assert torch.equal(weight_columns(other), other.double().t())
    other.add_(1)
    assert torch.equal(weight_columns(other), other.double().t())
    assert WIDE.used_bytes <= WIDE.budget_bytes


@DTYPES
def test_head_linear(dtype: torch.dtype) -> None:
    x, w = torch.randn(5, 3, 8).to(dtype), torch.randn(3, 7, 8).to(dtype)
    expected = torch.stack([(x[:, h].double() @ w[h].double().t()) for h in range(3)], dim=1).to(dtype)
    assert near(nn.head_linear(x, w), expected)
    assert nn.head_linear(x[:0], w).shape == (0, 3, 7)


@DTYPES
@pytest.mark.parametrize("rows", [0, 1, 33])
def test_rms_norm(rows: int, dtype: torch.dtype) -> None:
    x, w = (3 * torch.randn(rows, 37)).to(dtype), (torch.rand(37) + 0.5).to(dtype)
    for weight_in in ("input", "f32"):
        expected = torch.empty_like(x)
        for row in range(rows):
            values = [float(v) for v in x[row]]
            rstd = 1 / math.sqrt(sum(v * v for v in values) / 37 + 1e-6)
            for column, value in enumerate(values):
                if weight_in == "input":
                    expected[row, column] = rounded(float(rounded(value * rstd, dtype)) * float(w[column]), dtype)
                else:
                    expected[row, column] = rounded(value * rstd * float(w[column]), dtype)
        assert near(nn.rms_norm(x, w, eps=1e-6, weight_in=weight_in), expected)


@DTYPES
def test_rope_table(dtype: torch.dtype) -> None:
    positions = torch.tensor([0, 1, 7, 4095, 163839], dtype=torch.int32)
    inv_freq = tuple(float(torch.tensor(10000.0) ** (-i / 5)) for i in range(5))
    cos, sin = nn.rope_table(positions, inv_freq=inv_freq, scaling=1.25, dtype=dtype)
    for row, position in enumerate(positions.tolist()):
        for pair, frequency in enumerate(inv_freq):
            angle = float(torch.tensor(float(position)) * torch.tensor(frequency))
            for table, function in ((cos, math.cos), (sin, math.sin)):
                assert table[row, pair] == (torch.tensor(function(angle), dtype=F32) * 1.25).to(dtype)


@DTYPES
@pytest.mark.parametrize("pairs", ["interleaved", "half"])
@pytest.mark.parametrize("out", ["interleaved", "half"])
@pytest.mark.parametrize("compute", ["input", "f32"])
def test_rope(pairs: str, out: str, compute: str, dtype: torch.dtype) -> None:
    x, half = torch.randn(4, 3, 10).to(dtype), 5
    table_type = dtype if compute == "input" else F32
    cos, sin = torch.randn(4, half).to(table_type), torch.randn(4, half).to(table_type)
    y = nn.rope(x, cos, sin, pairs=pairs, out=out, compute=compute)
    places = {"interleaved": lambda i: (2 * i, 2 * i + 1), "half": lambda i: (i, i + half)}
    for t in range(4):
        for h in range(3):
            for i in range(half):
                a, b = (float(x[t, h, j]) for j in places[pairs](i))
                c, s = float(cos[t, i]), float(sin[t, i])

                def r(value: float) -> float:
                    return float(rounded(value, dtype)) if compute == "input" else value

                first, second = places[out](i)
                assert y[t, h, first] == rounded(r(a * c) - r(b * s), dtype)
                assert y[t, h, second] == rounded(r(b * c) + r(a * s), dtype)
    keys = nn.rope(x[:, 0], cos, sin, pairs=pairs, out=out, compute=compute)
    assert torch.equal(keys, y[:, 0])
    batched = nn.rope(x.unsqueeze(0).expand(2, -1, -1, -1), cos[None], sin[None], pairs=pairs, out=out, compute=compute)
    assert torch.equal(batched[1], y)


@DTYPES
def test_swiglu(dtype: torch.dtype) -> None:
    gate, up = (8 * torch.randn(3, 19)).to(dtype), torch.randn(3, 19).to(dtype)
    gate[0, 0], gate[0, 1] = -1000.0, 1000.0
    for intermediate in ("input", "f32"):
        y = nn.swiglu(gate, up, intermediate=intermediate)
        for g, u, actual in zip(gate.flatten().tolist(), up.flatten().tolist(), y.flatten(), strict=True):
            silu = g / (1 + math.exp(-g)) if g > -700 else 0.0
            middle = float(rounded(silu, dtype)) if intermediate == "input" else silu
            assert near(actual, rounded(middle * u, dtype))


def visible_attention(
    q: list[Tensor], k: list[list[Tensor]], v: list[list[Tensor]], scale: float, scores: torch.dtype, probs: torch.dtype
) -> Tensor:
    """One query, one head each: q[h], k[h][c], v[h][c] -> [H, V] in f64."""
    rows = list[Tensor]()
    for head, query in enumerate(q):
        s = [float(rounded(float(query.double() @ key.double()) * scale, scores)) for key in k[head]]
        top = max(s)
        e = [math.exp(value - top) for value in s]
        p = [float(rounded(value / sum(e), F32).to(probs)) for value in e]
        rows.append(torch.stack([pc * vc.double() for pc, vc in zip(p, v[head], strict=True)]).sum(0))
    return torch.stack(rows)


ROUNDINGS = pytest.mark.parametrize(("scores", "probs"), [(F32, F32), (BF16, BF16)], ids=["fused", "explicit"])


@ROUNDINGS
@pytest.mark.parametrize("length", [0, 1, 6])
def test_generic_attention_with_grouped_keys(length: int, scores: torch.dtype, probs: torch.dtype) -> None:
    q, k, v = (torch.randn(2, length, heads, size).bfloat16() for heads, size in ((4, 5), (2, 5), (2, 3)))
    o = nn.attention(q, k, v, scale=0.4, scores=scores, probs=probs)
    assert o.shape == (2, length, 4, 3)
    for b in range(2):
        for s in range(length):
            keys, values = ([list(x[b, : s + 1, h // 2]) for h in range(4)] for x in (k, v))
            assert near(o[b, s], visible_attention(list(q[b, s]), keys, values, 0.4, scores, probs).to(BF16))


def paged(lengths: list[int], page_size: int) -> tuple[mla.LatentCache, Tensor]:
    """A cache full of noise, and a block table with pages in a wild order."""
    pages = sum(-(-length // page_size) for length in lengths) + 2
    cache = mla.new_cache(pages, page_size, 6, 2, latent_dtype=BF16, rope_dtype=BF16)
    cache.latent.normal_()
    cache.rope.normal_()
    order = torch.randperm(pages).to(torch.int32)
    width = max(-(-length // page_size) for length in lengths)
    table, start = torch.full((len(lengths), width), -1, dtype=torch.int32), 0
    for row, length in zip(table, lengths, strict=True):
        count = -(-length // page_size)
        row[:count] = order[start : start + count]
        start += count
    return cache, table


def row_of(table: Tensor, sequence: int, position: int, page_size: int) -> tuple[int, int]:
    return int(table[sequence, position // page_size]), position % page_size


def test_append_and_gather_move_rows_to_their_pages_and_back() -> None:
    contexts, new, page_size = [7, 1, 12], [3, 1, 5], 4
    cache, table = paged(contexts, page_size)
    before = cache.latent.clone()
    positions = torch.cat([torch.arange(c - n, c) for c, n in zip(contexts, new, strict=True)]).to(torch.int32)
    offsets = torch.tensor([0, 3, 4, 9], dtype=torch.int32)
    latent, rope = torch.randn(9, 6).bfloat16(), torch.randn(9, 2).bfloat16()
    after = mla.append(cache, latent, rope, positions, offsets, table)
    written = set[tuple[int, int]]()
    for token, position in enumerate(positions.tolist()):
        sequence = [0, 0, 0, 1, 2, 2, 2, 2, 2][token]
        place = row_of(table, sequence, position, page_size)
        written.add(place)
        assert torch.equal(after.latent[place], latent[token])
        assert torch.equal(after.rope[place], rope[token])
    for page in range(before.shape[0]):
        for row in range(page_size):
            if (page, row) not in written:
                assert torch.equal(after.latent[page, row], before[page, row])
    got_latent, got_rope = mla.gather(after, torch.tensor(contexts, dtype=torch.int32), table)
    places = [row_of(table, n, p, page_size) for n, length in enumerate(contexts) for p in range(length)]
    assert torch.equal(got_latent, torch.stack([after.latent[place] for place in places]))
    assert torch.equal(got_rope, torch.stack([after.rope[place] for place in places]))


@ROUNDINGS
def test_dense_expanded_and_absorbed_attention(scores: torch.dtype, probs: torch.dtype) -> None:
    contexts, new = [7, 1, 12], [3, 1, 5]
    cache, table = paged(contexts, 4)
    positions = torch.cat([torch.arange(c - n, c) for c, n in zip(contexts, new, strict=True)]).to(torch.int32)
    offsets = torch.tensor([0, 3, 4, 9], dtype=torch.int32)
    lens = torch.tensor(contexts, dtype=torch.int32)
    q_nope, q_rope = torch.randn(9, 2, 5).bfloat16(), torch.randn(9, 2, 2).bfloat16()
    q_latent = torch.randn(9, 2, 6).bfloat16()
    latent, rope = mla.gather(cache, lens, table)
    kv = torch.randn(20, 2, 8).bfloat16()
    attrs = {"scale": 0.3, "scores": scores, "probs": probs}
    expanded = mla.expanded_attention(q_nope, q_rope, kv, rope, positions, offsets, lens, **attrs)
    absorbed = mla.absorbed_attention(q_latent, q_rope, cache, positions, offsets, table, lens, **attrs)
    assert expanded.shape == (9, 2, 3)
    starts = [0, 7, 8]
    for t, position in enumerate(positions.tolist()):
        sequence = [0, 0, 0, 1, 2, 2, 2, 2, 2][t]
        rows = range(starts[sequence], starts[sequence] + position + 1)
        q = [torch.cat([q_nope[t, h], q_rope[t, h]]) for h in range(2)]
        k = [[torch.cat([kv[c, h, :5], rope[c]]) for c in rows] for h in range(2)]
        v = [[kv[c, h, 5:] for c in rows] for h in range(2)]
        assert near(expanded[t], visible_attention(q, k, v, 0.3, scores, probs).to(BF16))
        q = [torch.cat([q_latent[t, h], q_rope[t, h]]) for h in range(2)]
        k = [[torch.cat([latent[c], rope[c]]) for c in rows]] * 2
        v = [[latent[c] for c in rows]] * 2
        assert near(absorbed[t], visible_attention(q, k, v, 0.3, scores, probs).to(BF16))
    whole = torch.arange(7, dtype=torch.int32)
    one = torch.tensor([0, 7], dtype=torch.int32)
    again = torch.randn(7, 2, 5).bfloat16(), torch.randn(7, 2, 2).bfloat16()
    ragged = mla.expanded_attention(*again, kv[:7], rope[:7], whole, one, one[1:], **attrs)
    dense = mla.attention(again[0][None], again[1][None], kv[None, :7], rope[None, :7], **attrs)
    assert torch.equal(dense[0], ragged)


def test_queries_in_blocks_have_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = (torch.randn(1, 33, 2, size) for size in (5, 5, 3))
    whole = nn.attention(q, k, v, scale=0.4, scores=F32, probs=F32)
    monkeypatch.setattr(nn, "ROWS_AT_ONCE", 2 * 33 * 4)
    assert torch.equal(nn.attention(q, k, v, scale=0.4, scores=F32, probs=F32), whole)


def gate_by_hand(
    logits: Tensor, bias: Tensor | None, groups: int, keep: int, k: int, sigmoid: bool, zero: bool
) -> list[int]:
    values = logits.tolist()
    if sigmoid:
        scores = [float(rounded(1 / (1 + math.exp(-x)), F32)) for x in values]
    else:
        total = sum(math.exp(x) for x in values)
        scores = [float(rounded(math.exp(x) / total, F32)) for x in values]
    choice = list(scores)
    if bias is not None:
        choice = [float(torch.tensor(s) + b) for s, b in zip(scores, bias, strict=True)]
    size = len(choice) // groups
    best = [sum(sorted(choice[g * size : (g + 1) * size])[-2:]) for g in range(groups)]
    kept = sorted(range(groups), key=lambda g: -best[g])[:keep]
    masked = [c if e // size in kept else (0.0 if zero else -math.inf) for e, c in enumerate(choice)]
    return sorted(range(len(masked)), key=lambda e: -masked[e])[:k]


@pytest.mark.parametrize("scoring", ["sigmoid", "softmax"])
@pytest.mark.parametrize("mask", ["-inf", "zero"])
@pytest.mark.parametrize("with_bias", [True, False])
def test_gate(scoring: str, mask: str, with_bias: bool) -> None:
    logits, bias = 2 * torch.randn(40, 16), (torch.randn(16) if with_bias else None)
    weights, ids = moe.gate(
        logits, bias, top_k=4, scoring=scoring, groups=4, keep=2, group_score="top2_sum", mask=mask, renormalize=1e-20,
        scale=2.5, scores_in=F32, masked_weights=False, any_order=False, dtype=F32,
    )  # fmt: skip
    assert weights.dtype == F32
    for t in range(40):
        expected = gate_by_hand(logits[t], bias, 4, 2, 4, scoring == "sigmoid", mask == "zero")
        assert ids[t].tolist() == expected
        x = logits[t].double()
        scores = (1 / (1 + (-x).exp()) if scoring == "sigmoid" else x.softmax(0))[expected]
        assert torch.allclose(weights[t].double(), 2.5 * scores / scores.sum(), rtol=1e-6)


def gate(logits: Tensor, **changed: object) -> tuple[Tensor, Tensor]:
    fields: dict[str, object] = {
        "top_k": 2, "scoring": "softmax", "groups": 1, "keep": 1, "group_score": "max", "mask": "-inf",
        "renormalize": None, "scale": 1.0, "scores_in": F32, "masked_weights": False, "any_order": False, "dtype": F32,
    }  # fmt: skip
    return moe.gate(logits, **{**fields, **changed})


def test_gate_ties_masks_and_roundings() -> None:
    assert gate(torch.zeros(1, 6))[1].tolist() == [[0, 1]]
    groups = torch.tensor([[3.0, 0.0, 2.0, 2.0, 0.0, 0.0]])
    assert gate(groups, groups=3, keep=1)[1].tolist() == [[0, 1]]
    assert gate(groups, groups=3, keep=1, group_score="top2_sum", scoring="sigmoid")[1].tolist() == [[2, 3]]
    weights, ids = gate(groups, groups=3, keep=1, mask="zero", top_k=2, masked_weights=True)
    assert ids.tolist() == [[0, 1]]
    assert weights[0, 0] == groups.double().softmax(-1).float()[0, 0]
    alone, ids = gate(
        torch.full((1, 4), -200.0), scoring="sigmoid", groups=2, mask="zero", masked_weights=True, top_k=1
    )
    assert ids.tolist() == [[0]]
    assert alone.dtype == F32
    logits = torch.randn(9, 8).bfloat16()
    weights, ids = gate(logits, scoring="sigmoid", scores_in=BF16, renormalize=0.0, scale=2.5, dtype=BF16, top_k=3)
    scores = torch.sigmoid(logits.double()).to(BF16).gather(-1, ids)
    total = scores.double().sum(-1, keepdim=True).to(BF16)
    quotient = (scores.double() / total.double()).to(BF16)
    assert torch.equal(weights, (quotient.double() * 2.5).to(BF16))
    assert gate(torch.zeros(0, 8))[1].shape == (0, 2)


@DTYPES
@pytest.mark.parametrize("order", ["slot", "expert"])
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("tokens", [0, 1, 9])
def test_experts(tokens: int, apart: bool, order: str, dtype: torch.dtype) -> None:
    experts, hidden, width, k = 6, 10, 4, 3
    x = torch.randn(tokens, hidden).to(dtype)
    ids = (
        torch.stack([torch.randperm(4)[:k] for _ in range(tokens)]) if tokens else torch.zeros(0, k, dtype=torch.int64)
    )
    weights = torch.rand(tokens, k)
    gate_w, up_w = torch.randn(2, experts, width, hidden).to(dtype)
    down_w = torch.randn(experts, hidden, width).to(dtype)
    combine_in = F32 if order == "slot" else dtype
    operands = (gate_w, down_w, up_w) if apart else (torch.cat([gate_w, up_w], dim=1), down_w)
    y = moe.experts(x, weights, ids, *operands, combine_in=combine_in, order=order, intermediate="input")
    for t in range(tokens):
        slots = list(range(k)) if order == "slot" else sorted(range(k), key=lambda j: int(ids[t, j]))
        terms = list[Tensor]()
        for j in slots:
            e = int(ids[t, j])
            g, u = (nn.linear(x[t], w[e]) for w in (gate_w, up_w))
            out = nn.linear(nn.swiglu(g, u, intermediate="input"), down_w[e])
            terms.append(out.to(combine_in) * weights[t, j].to(combine_in))
        if order == "slot":
            total = torch.stack(terms).double().sum(0).to(combine_in)
        else:
            total = terms[0]
            for term in terms[1:]:
                total = total + term
        assert torch.equal(y[t], total.to(dtype))
    assert y.shape == x.shape
    batched = moe.experts(
        x.view(1, tokens, hidden), weights[None], ids[None], *operands, combine_in=combine_in, order=order,
        intermediate="input",
    )  # fmt: skip
    assert torch.equal(batched[0], y)


def test_embedding_and_last_tokens_move_rows() -> None:
    table, ids = torch.randn(7, 3), torch.tensor([[6, 0], [2, 2]])
    assert torch.equal(nn.embedding(ids, table), torch.stack([table[[6, 0]], table[[2, 2]]]))
    h = torch.randn(9, 3)
    assert torch.equal(nn.last_tokens(h, torch.tensor([0, 3, 4, 9], dtype=torch.int32)), h[[2, 3, 8]])


def test_softmax_of_masked_rows() -> None:
    inf = float("inf")
    p = softmax(torch.tensor([[0.0, -inf, 0.0], [-inf, -inf, -inf], [1e30, 0.0, -1e30]]))
    assert p.tolist() == [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


@pytest.mark.parametrize("shape", [(5, 7), (128, 128), (3, 130, 9)])
def test_dequantize(shape: tuple[int, ...]) -> None:
    quantized = (50 * torch.randn(shape)).to(torch.float8_e4m3fn)
    rows, columns = -(-shape[-2] // 4), -(-shape[-1] // 3)
    scale = torch.rand(*shape[:-2], rows, columns)
    value = weight.dequantize(quantized, scale, block=(4, 3), dtype=BF16)
    row, column = torch.arange(shape[-2]) // 4, torch.arange(shape[-1]) // 3
    assert torch.equal(value, (quantized.float() * scale[..., row, :][..., column]).to(BF16))


def test_constants() -> None:
    assert weight.constant((1.0, 2.0), shape=(2, 1), dtype=BF16).tolist() == [[1.0], [2.0]]
    assert weight.constant((3,), shape=(2, 2), dtype=torch.int32).tolist() == [[3, 3], [3, 3]]
    assert weight.constant((1 + 2j,), shape=(), dtype=torch.complex64).item() == 1 + 2j


def test_special_aten_meanings() -> None:
    x = torch.randn(2, 3, 4).transpose(0, 1)
    assert torch.equal(aten.reshape(x, [12, 2]), x.contiguous().view(12, 2))
    assert torch.equal(aten.view_dtype(x, torch.int32), x.contiguous().view(torch.int32))
    ids = torch.tensor([0, 5, 5, 3, 7, 9])
    assert aten.histc(ids, 8, 0, 7).tolist() == [1, 0, 0, 1, 0, 2, 0, 1]
    assert aten.histc(ids, 8, 0, 7).dtype == torch.int64
    rows, matrices = torch.randn(6, 4), torch.randn(4, 4, 3)
    offsets = torch.tensor([2, 2, 5, 6], dtype=torch.int32)
    expected = torch.stack([rows[m] @ matrices[e] for m, e in enumerate([0, 0, 2, 2, 2, 3])])
    assert torch.allclose(aten.grouped_mm(rows, matrices, offsets), expected, rtol=1e-6, atol=1e-6)
