"""Attention and the paged cache against their formulas, one query and one head at a time."""

import math

import pytest
import torch
from rounding import near, rounded
from torch import Tensor

from dsv3c.backends.reference.meanings import mla, nn

BF16, F32 = torch.bfloat16, torch.float32


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(11)


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
