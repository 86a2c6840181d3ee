"""How many nodes or ranks a token's experts lie on, for any placement: expectation and bound.

Routing is taken as balanced: every set of groups and every set of k experts in them is equally likely, and a token
takes each replica of an expert equally often.  The last ``certain`` experts are taken by every token, beside its k.
``ir/links.py`` has the closed forms for experts in order.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import comb, prod

Polynomial = tuple[Fraction, ...]
"""Coefficients by ascending power."""


def places_of(placement: Sequence[int], places: int) -> list[set[int]]:
    """For every logical expert, the places (equal parts of the placement, in order) that hold it."""
    size = len(placement) // places
    found = [set[int]() for _ in range(max(placement) + 1)]
    for physical, expert in enumerate(placement):
        found[expert].add(physical // size)
    return found


def places_of_groups(placement: Sequence[int], places: int, groups: int, certain: int = 0) -> list[set[int]]:
    """For every group of experts, the places that hold some of it."""
    experts = places_of(placement, places)
    size = (len(experts) - certain) // groups
    return [set[int]().union(*experts[group * size : (group + 1) * size]) for group in range(groups)]


def most_places(
    placement: Sequence[int], places: int, *, top_k: int, groups: int = 1, keep: int = 1, certain: int = 0
) -> int:
    """Places that one token's experts are on at most: no more than choices, nor than ``keep`` groups reach."""
    reached = places_of_groups(placement, places, groups, certain)
    widest = sorted((len(found) for found in reached), reverse=True)
    return min(places, min(top_k, sum(widest[:keep])) + certain)


def expected_places(
    placement: Sequence[int], places: int, *, top_k: int, groups: int = 1, keep: int = 1, certain: int = 0
) -> float:
    """Expected distinct places of one token's experts.

    A place is missed by a set of experts with probability ``product (1 - f_e)``, f_e its share of the replicas of e.
    The mean over all sets of k experts in ``keep`` of the groups is a coefficient of ``product over groups (1 + z
    product over experts (1 + (1 - f_e) y))``, that of ``z^keep y^k``, over the number of such sets; certain experts
    miss it by themselves.
    """
    shares = shares_of(placement, places)
    routed = len(shares[0]) - certain
    size = routed // groups
    sets = comb(groups, keep) * comb(keep * size, top_k)
    total = Fraction(0)
    for own in shares:
        # the order of groups, and of experts in a group, does not matter: places that hold alike are computed once
        held = sorted(tuple(sorted(own[group * size : (group + 1) * size])) for group in range(groups))
        total += 1 - sets_missing(tuple(held), top_k, keep) / sets * prod(1 - share for share in own[routed:])
    return float(total)


@cache
def sets_missing(shares: tuple[tuple[Fraction, ...], ...], top_k: int, keep: int) -> Fraction:
    """Sum over the sets of k experts in ``keep`` groups: probability that one misses a place with these shares."""
    kept = list[Polynomial]([(Fraction(1),), *[()] * keep])
    for group in shares:
        factor = missed(group, top_k)
        for chosen in range(keep, 0, -1):
            kept[chosen] = added(kept[chosen], multiplied(kept[chosen - 1], factor, top_k))
    return kept[keep][top_k]


def shares_of(placement: Sequence[int], places: int) -> list[tuple[Fraction, ...]]:
    """For every place, its share of each expert's replicas."""
    size, experts = len(placement) // places, max(placement) + 1
    replicas = [placement.count(expert) for expert in range(experts)]
    return [
        tuple(
            Fraction(placement[place * size : (place + 1) * size].count(expert), replicas[expert])
            for expert in range(experts)
        )
        for place in range(places)
    ]


@cache
def missed(shares: tuple[Fraction, ...], degree: int) -> Polynomial:
    """``product (1 + (1 - f) y)`` up to y^degree: coefficient j sums, over sets of j experts, who misses the place."""
    result: Polynomial = (Fraction(1),)
    for share in shares:
        result = multiplied(result, (Fraction(1), 1 - share), degree)
    return result


def multiplied(left: Polynomial, right: Polynomial, degree: int) -> Polynomial:
    """Product up to y^degree."""
    if not left or not right:
        return ()
    result = [Fraction(0)] * min(degree + 1, len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right[: max(0, len(result) - i)]):
            result[i + j] += a * b
    return tuple(result)


def added(left: Polynomial, right: Polynomial) -> Polynomial:
    """Sum."""
    longer, shorter = (left, right) if len(left) >= len(right) else (right, left)
    return tuple(a + (shorter[i] if i < len(shorter) else 0) for i, a in enumerate(longer))
