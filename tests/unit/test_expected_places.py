"""Expected and largest numbers of nodes and ranks per token: brute force, published figures, simulation."""

import random
from collections.abc import Sequence
from itertools import combinations

import pytest

from dsv3c.ir.expected_places import expected_places, most_places, places_of_groups
from dsv3c.ir.links import Routing, distinct_places
from dsv3c.passes.placement import even_placement, placement_beside


def brute(placement: Sequence[int], places: int, top_k: int, groups: int, keep: int, certain: int = 0) -> float:
    """Mean over every set of groups, every set of experts in them, and every choice of replicas."""
    size, experts = len(placement) // places, max(placement) + 1
    held = [[p // size for p, logical in enumerate(placement) if logical == e] for e in range(experts)]
    total, count = 0.0, 0
    for kept in combinations(range(groups), keep):
        allowed = [e for e in range(experts - certain) if e // ((experts - certain) // groups) in kept]
        for chosen in combinations(allowed, top_k):
            missed = [1.0] * places
            for expert in (*chosen, *range(experts - certain, experts)):
                for place in range(places):
                    missed[place] *= 1 - held[expert].count(place) / len(held[expert])
            total, count = total + places - sum(missed), count + 1
    return total / count


CASES = [
    (tuple(range(8)), 4, 3, 4, 2),
    (tuple(range(8)), 2, 3, 1, 1),
    (even_placement(8, 4, 1, 4), 4, 3, 4, 2),
    (even_placement(8, 4, 2, 2), 2, 3, 4, 2),
    ((0, 7, 1, 6, 2, 5, 3, 4, 0, 1, 2, 3), 3, 2, 2, 1),
    ((0, 1, 2, 3, 0, 1, 2, 4, 0, 1, 2, 5), 3, 3, 3, 2),
]


@pytest.mark.parametrize("case", CASES)
def test_every_set_of_experts_counted(case: tuple[tuple[int, ...], int, int, int, int]) -> None:
    placement, places, top_k, groups, keep = case
    found = expected_places(placement, places, top_k=top_k, groups=groups, keep=keep)
    assert found == pytest.approx(brute(placement, places, top_k, groups, keep), rel=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("numbers", [(8, 1, 0, 1, 3), (8, 1, 3, 1, 4), (8, 2, 6, 2, 2), (8, 2, 2, 2, 2)])
def test_experts_that_every_token_takes(numbers: tuple[int, int, int, int, int], groups: int) -> None:
    placement, certain, ranks = placement_beside(*numbers), numbers[1], numbers[3] * numbers[4]
    keep = max(1, groups // 2)
    for places in {ranks, numbers[3]}:
        kwargs = {"top_k": 2, "groups": groups, "keep": keep, "certain": certain}
        assert expected_places(placement, places, **kwargs) == pytest.approx(
            brute(placement, places, **kwargs), rel=1e-12
        )
        reached = sorted(map(len, places_of_groups(placement, places, groups, certain)), reverse=True)
        most = most_places(placement, places, **kwargs)
        assert most == min(places, min(2, sum(reached[:keep])) + certain)


def test_their_own_place_is_counted_once() -> None:
    """Four experts and one that every token takes, each on a rank of its own; then the fifth everywhere."""
    assert expected_places(range(5), 5, top_k=1, certain=1) == 2
    assert most_places(range(5), 5, top_k=1, certain=1) == 2
    everywhere = placement_beside(4, 1, 3, 1, 4)
    assert expected_places(everywhere, 4, top_k=1, certain=1) == pytest.approx(1.75)
    assert most_places(everywhere, 4, top_k=4, certain=1) == 4
    assert places_of_groups(everywhere, 4, 2, 1) == [{0, 1}, {2, 3}]


@pytest.mark.parametrize(("places", "expected"), [(2, 1.99), (4, 3.61), (8, 5.30), (16, 6.52), (32, 7.27), (64, 7.68)])
def test_published_expectations_of_256_experts(places: int, expected: float) -> None:
    found = expected_places(range(256), places, top_k=8)
    assert found == pytest.approx(expected, abs=0.006)
    assert found == pytest.approx(distinct_places(Routing(num_experts=256, top_k=8), places), rel=1e-12)


def test_v3_reaches_363_of_8_nodes_with_4_groups_kept() -> None:
    routing = Routing(num_experts=256, top_k=8, num_groups=8, top_groups=4)
    found = expected_places(range(256), 8, top_k=8, groups=8, keep=4)
    assert found == pytest.approx(3.63, abs=0.005)
    for places in (2, 4, 8, 16, 32, 64):
        found = expected_places(range(256), places, top_k=8, groups=8, keep=4)
        assert found == pytest.approx(distinct_places(routing, places), rel=1e-12)


def test_close_to_simulated_routing() -> None:
    placement, rng, tokens = even_placement(64, 16, 2, 4), random.Random(0), 4000
    per_rank, hits = len(placement) // 8, 0
    for token in range(tokens):
        kept = rng.sample(range(8), 3)
        allowed = [expert for expert in range(64) if expert // 8 in kept]
        ranks = set[int]()
        for j, expert in enumerate(rng.sample(allowed, 6)):
            own = [physical for physical, logical in enumerate(placement) if logical == expert]
            ranks.add(own[(token + j) % len(own)] // per_rank)
        hits += len(ranks)
    expected = expected_places(placement, 8, top_k=6, groups=8, keep=3)
    assert hits / tokens == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("placement", "places", "top_k", "groups", "keep", "most"),
    [
        (range(16), 4, 4, 4, 2, 2),
        (range(16), 8, 4, 4, 2, 4),
        (range(16), 8, 3, 4, 2, 3),
        (range(16), 4, 8, 1, 1, 4),
        # the second of three groups is on both nodes
        (range(12), 2, 3, 3, 1, 2),
        # group 0 is on one place, group 1 on two, group 2 on one
        ((0, 1, 2, 3, 4, 5, 3, 2), 4, 4, 3, 2, 3),
    ],
)
def test_no_more_than_choices_places_and_what_kept_groups_reach(
    placement: Sequence[int], places: int, top_k: int, groups: int, keep: int, most: int
) -> None:
    assert most_places(placement, places, top_k=top_k, groups=groups, keep=keep) == most


def test_groups_reach_the_places_of_their_replicas() -> None:
    assert places_of_groups((0, 1, 2, 3, 4, 5, 3, 5), 4, 3) == [{0}, {1, 3}, {2, 3}]
