"""Values and ranges of size polynomials: evaluation in numbers and interval arithmetic."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import inf

from dsv3c.ir.polynomials import Atom, Polynomial

Bound = int | float
"""An int, or plus or minus infinity."""


@dataclass(frozen=True)
class Interval:
    """All integers from ``low`` to ``high``, both included; infinite ends are open."""

    low: Bound
    high: Bound


def value_of(polynomial: Polynomial, symbol_value: Callable[[str], int]) -> int | Polynomial:
    """Return the number a polynomial is for given symbol values, or the denominator that is not positive."""
    total = 0
    for monomial, coefficient in polynomial:
        term = coefficient
        for atom in monomial:
            value = value_of_atom(atom, symbol_value)
            if not isinstance(value, int):
                return value
            term *= value
        total += term
    return total


def value_of_atom(atom: Atom, symbol_value: Callable[[str], int]) -> int | Polynomial:
    """``value_of`` for one atom."""
    if atom.kind == "name":
        return symbol_value(atom.text)
    values = list[int]()
    for arg in atom.args:
        value = value_of(arg, symbol_value)
        if not isinstance(value, int):
            return value
        values.append(value)
    if atom.kind == "floordiv":
        numerator, denominator = values
        return numerator // denominator if denominator > 0 else atom.args[1]
    return min(values) if atom.kind == "min" else max(values)


def interval_of(polynomial: Polynomial, ranges: Mapping[str, Interval]) -> Interval:
    """Return an interval that holds every value; terms are bounded one by one, so it may be too wide."""
    low: Bound = 0
    high: Bound = 0
    for monomial, coefficient in polynomial:
        factors = [interval_of_atom(atom, ranges) for atom in monomial]
        term = reduce(multiply, factors, Interval(coefficient, coefficient))
        low, high = low + term.low, high + term.high
    return Interval(low, high)


def interval_of_atom(atom: Atom, ranges: Mapping[str, Interval]) -> Interval:
    """``interval_of`` for one atom."""
    if atom.kind == "name":
        return ranges[atom.text]
    args = [interval_of(arg, ranges) for arg in atom.args]
    if atom.kind == "floordiv":
        return floor_divide(*args)
    best = min if atom.kind == "min" else max
    return Interval(best(arg.low for arg in args), best(arg.high for arg in args))


def multiply(left: Interval, right: Interval) -> Interval:
    """The extreme products lie at the corners."""
    corners = [times(a, b) for a, b in product((left.low, left.high), (right.low, right.high))]
    return Interval(min(corners), max(corners))


def times(left: Bound, right: Bound) -> Bound:
    """``0 * inf`` is 0 here: infinity stands for arbitrarily large numbers, never for a value."""
    return left * right if left and right else 0


def floor_divide(above: Interval, below: Interval) -> Interval:
    """A quotient grows with its numerator and shrinks in size with its (positive) denominator."""
    smallest, largest = max(below.low, 1), max(below.high, 1)
    low = floor(above.low, largest if above.low >= 0 else smallest)
    return Interval(low, floor(above.high, smallest if above.high >= 0 else largest))


def floor(above: Bound, below: Bound) -> Bound:
    """Floor division where either side may be infinite; Python's own gives nan for an infinite numerator."""
    return above if above in (inf, -inf) else above // below
