"""Sampling: greedy ties, the limits of top-k and top-p, seeds, and draws that follow the probabilities."""

import pytest
import torch

from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.sampling import Sampler, SamplingOptions

LOGITS = torch.log(torch.tensor([0.1, 0.4, 0.2, 0.3]))


def draws(count: int, index: int = 0, **options: float | int) -> list[int]:
    sampler = Sampler(SamplingOptions(**options), index)  # pyright: ignore[reportArgumentType]
    return [sampler.next_token(LOGITS) for _ in range(count)]


def test_greedy_takes_the_largest_and_the_lowest_of_equals() -> None:
    assert draws(3) == [1, 1, 1]
    assert Sampler(SamplingOptions(), 0).next_token(torch.tensor([1.0, 5.0, 5.0, 0.0], dtype=torch.bfloat16)) == 1


def test_draws_follow_the_probabilities() -> None:
    found = torch.bincount(torch.tensor(draws(4000, temperature=1.0)), minlength=4) / 4000
    # four standard deviations of the largest share, sqrt(0.4 * 0.6 / 4000)
    assert torch.allclose(found, torch.tensor([0.1, 0.4, 0.2, 0.3]), atol=0.031)


def test_temperature_sharpens() -> None:
    cold = draws(300, temperature=0.05)
    assert cold.count(1) > 290


def test_top_k_keeps_the_likeliest() -> None:
    assert set(draws(300, temperature=1.0, top_k=2)) == {1, 3}
    assert set(draws(50, temperature=1.0, top_k=1)) == {1}


@pytest.mark.parametrize(("top_p", "kept"), [(0.39, {1}), (0.5, {1, 3}), (0.75, {1, 3, 2}), (1.0, {0, 1, 2, 3})])
def test_top_p_keeps_the_smallest_set_that_reaches_it(top_p: float, kept: set[int]) -> None:
    assert set(draws(400, temperature=1.0, top_p=top_p)) == kept


def test_top_k_and_top_p_both_limit() -> None:
    assert set(draws(300, temperature=1.0, top_p=0.99, top_k=2)) == {1, 3}


def test_a_seed_repeats_and_sequences_differ() -> None:
    assert draws(50, temperature=1.0, seed=3) == draws(50, temperature=1.0, seed=3)
    assert draws(50, temperature=1.0, seed=3) != draws(50, temperature=1.0, seed=4)
    assert draws(50, temperature=1.0, seed=3) != draws(50, index=1, temperature=1.0, seed=3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": -1.0}, "temperature"),
        ({"top_k": -1}, "top-k"),
        ({"top_p": 0.0}, "top-p"),
        ({"top_p": 1.1}, "top-p"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        SamplingOptions(**options)  # pyright: ignore[reportArgumentType]
