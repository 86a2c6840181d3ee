"""LogFMT: codes, thresholds, packed words and message sizes against a scalar oracle."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsv3c.backends.reference.meanings import logfmt

BITS = (8, 10)


def tile(*head: float, fill: float = 0.25) -> torch.Tensor:
    """One group [1, 128] that starts with these values."""
    row = torch.full((1, 128), fill, dtype=torch.bfloat16)
    row[0, : len(head)] = torch.tensor(head, dtype=torch.bfloat16)
    return row


def levels(low: float, high: float, bits: int) -> list[float]:
    """The positive numbers that codes 1, 2, ... stand for, written out."""
    count = 2 ** (bits - 1)
    step = (high - low) / (count - 2)
    return [2.0 ** (low + (code - 1) * step) for code in range(1, count)]


def nearest(x: float, values: list[float]) -> float:
    """The value whose cell, bounded by arithmetic means, holds |x|; 0 below the mean with one more level under it."""
    under = values[0] ** 2 / values[1]
    bounds = [(a + b) / 2 for a, b in zip([under, *values], values, strict=False)]
    index = sum(abs(x) >= bound for bound in bounds)
    return math.copysign(0.0 if index == 0 else values[index - 1], x)


@pytest.mark.parametrize("bits", BITS)
def test_codes_are_those_of_the_nearest_level_in_linear_space(bits: int) -> None:
    torch.manual_seed(0)
    x = (torch.randn(4, 256) * 0.05).to(torch.bfloat16).clamp(-0.9, 0.9)
    got = logfmt.received(x, bits)
    for row in range(4):
        for group in range(2):
            values = x[row, group * 128 : (group + 1) * 128].double().tolist()
            sizes = [abs(value) for value in values]
            high = math.log2(max(sizes))
            low = max(math.log2(min(sizes)), high - 32) if min(sizes) > 0 else high - 32
            expected = [nearest(value, levels(low, high, bits)) for value in values]
            found = got[row, group * 128 : (group + 1) * 128].double()
            torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-7, atol=0)


@pytest.mark.parametrize("bits", BITS)
def test_thresholds_are_arithmetic_means_of_neighbours(bits: int) -> None:
    low, high = torch.tensor([[-6.0]]).double(), torch.tensor([[-1.0]]).double()
    values = torch.tensor(levels(-6.0, -1.0, bits), dtype=torch.float64)
    means = (values[:-1] + values[1:]) / 2
    for shifted, expected in ((means * (1 - 1e-9), range(1, len(values))), (means * (1 + 1e-9), range(2, 999))):
        padded = torch.full((128 * 4,), 0.25).double()
        padded[: len(means)] = shifted
        codes = logfmt.encode(padded.view(4, 128), low.expand(4, 1), high.expand(4, 1), bits)
        assert codes.flatten()[: len(means)].tolist() == list(expected)[: len(means)]


def test_the_smallest_is_code_one_and_the_largest_the_last() -> None:
    x = tile(0.5, -0.001)
    low, high = logfmt.logarithms(*logfmt.ranges(x))
    codes = logfmt.encode(x, low, high, 10)
    assert codes[0, :2].tolist() == [511, 1]
    assert codes.max() == 511


def test_one_zero_puts_the_lower_bound_32_below_the_largest() -> None:
    x = tile(0.5, 0.0, 2.0**-20)
    low, high = logfmt.logarithms(*logfmt.ranges(x))
    assert (low.item(), high.item()) == (-33.0, -1.0)
    got = logfmt.received(x, 10)
    assert got[0, 1] == 0.0
    assert got[0, 2] == pytest.approx(2.0**-20, rel=0.04)
    assert logfmt.encode(x, low, high, 10)[0, 1] == 0


def test_a_far_smaller_value_is_lost_and_not_raised_to_the_bound() -> None:
    x = tile(0.5, 2.0**-60)
    assert logfmt.received(x, 10)[0, :2].tolist() == [0.5, 0.0]


@pytest.mark.parametrize("head", [(1.0,), (-1.0,), (1.5,)])
def test_a_value_of_one_or_more_sends_the_chunk_as_bf16(head: tuple[float, ...]) -> None:
    x = torch.cat([tile(0.3, 0.01), tile(*head)], dim=1)
    assert logfmt.enabled(*logfmt.ranges(x), 256).tolist() == [[True, False]]
    assert logfmt.received(x, 10)[0, 128:].equal(x[0, 128:].float())
    assert logfmt.message_bytes(x, 10).tolist() == [160 + 256 + 8]


def test_tiles_without_a_range_are_sent_as_bf16() -> None:
    for x in (tile(fill=0.0), tile(fill=0.25), tile(-0.25)):
        assert logfmt.enabled(*logfmt.ranges(x), 128).tolist() == [[False]]
        assert logfmt.received(x, 8).equal(x.float())


@pytest.mark.parametrize(("hidden", "chunk"), [(7168, 1024), (1536, 512), (512, 512), (384, 128), (2048, 1024)])
def test_one_group_switches_its_whole_chunk_off(hidden: int, chunk: int) -> None:
    x = tile(0.5, 0.001).repeat(1, hidden // 128)
    x[0, hidden - 1] = 1.0
    on = logfmt.enabled(*logfmt.ranges(x), hidden)
    assert on.shape == (1, hidden // chunk)
    assert on[0].tolist() == [True] * (hidden // chunk - 1) + [False]


def test_message_of_a_v3_row() -> None:
    x = tile(0.5, 0.001).repeat(3, 56)
    assert logfmt.message_bytes(x, 10).tolist() == [7168 * 10 // 8 + 56 * 4] * 3
    assert logfmt.message_bytes(x, 8).tolist() == [7168 + 56 * 4] * 3
    assert logfmt.message_bytes(x * 4, 8).tolist() == [2 * 7168 + 56 * 4] * 3


def test_rows_must_be_whole_groups() -> None:
    with pytest.raises(ValueError, match="groups of 128 channels; 192 is no multiple"):
        logfmt.chunk_of(192)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), bits=st.sampled_from(BITS))
def test_packing_is_undone_by_unpacking(seed: int, bits: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 1 << (bits - 1), (3, 256), generator=generator)
    negative = torch.rand(3, 256, generator=generator) < 0.5
    words = logfmt.pack(codes, negative, bits)
    assert words.shape == (3, 16, bits // 2)
    assert words.dtype == torch.int32
    assert words.numel() * 32 == codes.numel() * bits
    got_codes, got_signs = logfmt.unpack(words, bits)
    assert got_codes.equal(codes)
    assert got_signs.equal(negative)


def test_words_hold_codes_lowest_first_and_signs_on_top() -> None:
    codes = torch.zeros(1, 16, dtype=torch.int64)
    negative = torch.zeros(1, 16, dtype=torch.bool)
    codes[0, 0], codes[0, 3], codes[0, 15] = 0x1FF, 0x155, 0x101
    negative[0, 0] = negative[0, 15] = True
    bits = sum(int(code) << (9 * index) for index, code in enumerate(codes[0])) | (1 << 144) | (1 << 159)
    expected = [(bits >> (32 * word)) & 0xFFFFFFFF for word in range(5)]
    assert [int(word) & 0xFFFFFFFF for word in logfmt.pack(codes, negative, 10)[0, 0]] == expected


@pytest.mark.parametrize("bits", BITS)
def test_rounding_is_unbiased_in_linear_space(bits: int) -> None:
    torch.manual_seed(1)
    x = torch.rand(64, 128).mul(0.5).add(0.01).to(torch.bfloat16)
    error = logfmt.received(x, bits).double() - x.double()
    up = (error > 0).double().mean().item()
    assert abs(up - 0.5) < 10 / math.sqrt(x.numel())
    assert error.abs().max() / x.double().max() < {8: 0.03, 10: 0.008}[bits]
