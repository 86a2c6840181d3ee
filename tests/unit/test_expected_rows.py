"""Rounding a random number of rows up: the short form of wide distributions is the sum over all numbers."""

import pytest

from dsv3c.ir.expected_rows import Routing, binomial, expected_multiple


def summed(tokens: int, chance: float, multiple: int) -> float:
    return sum(probability * -(-count // multiple) * multiple for count, probability in binomial(tokens, chance))


@pytest.mark.parametrize(
    ("tokens", "chance", "multiple"),
    [
        (131072, 1 / 32, 16),  # spread 63
        (131072, 1 / 32, 62),
        (131072, 1 / 32, 63),
        (131072, 1 / 32, 64),  # narrower than the multiple: summed
        (131072, 1 / 32, 128),
        (4096, 0.5, 32),  # spread 32
        (4096, 0.5, 33),
        (100, 0.01, 1),  # near the end: summed
        (100, 0.99, 1),
        (64, 1 / 4, 3),
    ],
)
def test_short_form_of_wide_distributions(tokens: int, chance: float, multiple: int) -> None:
    assert expected_multiple(tokens, chance, multiple) == pytest.approx(summed(tokens, chance, multiple), rel=1e-9)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_certain_numbers(chance: float) -> None:
    assert expected_multiple(10, chance, 4) == (0 if not chance else 12)


def test_experts_that_every_token_takes_are_counted_apart() -> None:
    routing = Routing(10, 0.25, 9, heavy=1, heavy_chance=1.0)
    assert routing.rows == 10 * (8 * 0.25 + 1)
    assert routing.share == pytest.approx(3 / 9)
    assert routing.distinct == pytest.approx(8 * (1 - 0.75**10) + 1)
    assert routing.aligned_rows(1) == routing.rows
    assert routing.aligned_rows(4) == pytest.approx(8 * expected_multiple(10, 0.25, 4) + 12)
    half = Routing(10, 0.25, 9, heavy=0.5, heavy_chance=0.5)
    assert half.rows == 10 * (8.5 * 0.25 + 0.25)
    assert half.aligned_rows(4) == pytest.approx(
        8.5 * expected_multiple(10, 0.25, 4) + 0.5 * expected_multiple(10, 0.5, 4)
    )
