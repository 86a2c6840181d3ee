"""Every reference meaning against its formula, written again with loops in f64 and a rounding where one is stated."""

import math

import pytest
import torch
from rounding import near, rounded

from dsv3c.backends.reference.meanings import aten, nn, weight
from dsv3c.backends.reference.meanings.arithmetic import WIDE, WideWeights, product, softmax, weight_columns

BF16, F32 = torch.bfloat16, torch.float32
DTYPES = pytest.mark.parametrize("dtype", [BF16, F32], ids=["bf16", "f32"])


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(11)


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
