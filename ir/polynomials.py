"""Normal form of size arithmetic: integer polynomials whose atoms are names, floor quotients, minima and maxima.

Equal polynomials over the same atoms are equal tuples, so that comparing two sizes is comparing their text.
``dsv3c.ir.sizes`` is the door for everybody else; this module knows nothing about parsing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import gcd
from typing import Literal


@dataclass(frozen=True)
class Atom:
    """What a polynomial multiplies: equal text means equal atom."""

    text: str
    kind: Literal["name", "floordiv", "min", "max"] = field(compare=False)
    args: "tuple[Polynomial, ...]" = field(default=(), compare=False)
    """floordiv: numerator and denominator; min and max: the alternatives; a name has none."""


Monomial = tuple[Atom, ...]
"""A product of atoms in canonical order, repeated for powers; the empty product is 1."""
Polynomial = tuple[tuple[Monomial, int], ...]
"""A sum of (product, coefficient) in canonical order, without zero coefficients; the empty sum is 0."""


def constant(value: int) -> Polynomial:
    """Return ``value`` as a polynomial."""
    return (((), value),) if value else ()


def name(text: str) -> Polynomial:
    """Return the symbol ``text`` as a polynomial."""
    return atom_polynomial(Atom(text, "name"))


def atom_polynomial(atom: Atom) -> Polynomial:
    """Return 1 * ``atom``."""
    return (((atom,), 1),)


def constant_value(polynomial: Polynomial) -> int | None:
    """Return the number a polynomial is, or None if it depends on a symbol."""
    match polynomial:
        case ():
            return 0
        case (((), value),):
            return value
        case _:
            return None


def collect(terms: Iterable[tuple[Monomial, int]]) -> Polynomial:
    """Add up like terms and sort: highest degree first, then by atoms, the constant last."""
    sums = dict[Monomial, int]()
    for monomial, coefficient in terms:
        sums[monomial] = sums.get(monomial, 0) + coefficient
    return tuple(sorted(((m, c) for m, c in sums.items() if c), key=lambda term: monomial_key(term[0])))


def atom_key(atom: Atom) -> tuple[bool, str]:
    """Names come before quotients and minima."""
    return atom.kind != "name", atom.text


def monomial_key(monomial: Monomial) -> tuple[int, list[tuple[bool, str]]]:
    """Graded lexicographic order; multiplying both sides keeps it, which ``divide`` relies on."""
    return -len(monomial), [atom_key(atom) for atom in monomial]


def add(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return ``left + right``."""
    return collect((*left, *right))


def negate(polynomial: Polynomial) -> Polynomial:
    """Return ``-polynomial``."""
    return tuple((monomial, -coefficient) for monomial, coefficient in polynomial)


def multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return ``left * right``, the product distributed over both sums."""
    return collect((product(m, n), c * d) for m, c in left for n, d in right)


def product(left: Monomial, right: Monomial) -> Monomial:
    """Return the product of two monomials in canonical order."""
    return tuple(sorted((*left, *right), key=atom_key))


def without(monomial: Monomial, factor: Monomial) -> Monomial | None:
    """Return ``monomial / factor``, or None if a factor is missing."""
    rest = list(monomial)
    for atom in factor:
        if atom not in rest:
            return None
        rest.remove(atom)
    return tuple(rest)


def divide(dividend: Polynomial, divisor: Polynomial) -> Polynomial | None:
    """Return the polynomial q with ``q * divisor == dividend``, or None if there is none with integer coefficients."""
    if not divisor:
        return None
    (lead, lead_coefficient), *_ = divisor
    quotient = list[tuple[Monomial, int]]()
    rest = dividend
    while rest:
        monomial, coefficient = rest[0]
        factor = without(monomial, lead)
        if factor is None or coefficient % lead_coefficient:
            return None
        term = (factor, coefficient // lead_coefficient)
        quotient.append(term)
        rest = add(rest, negate(multiply((term,), divisor)))
    return collect(quotient)


def floor_divide(numerator: Polynomial, denominator: Polynomial) -> Polynomial:
    """Return ``floor(numerator / denominator)`` for a denominator that is positive wherever it is evaluated.

    Multiples of the denominator leave the quotient, common factors cancel and nested quotients merge.
    """
    if (exact := divide(numerator, denominator)) is not None:
        return exact
    number = constant_value(denominator)
    if number is None:
        whole, rest = split_multiples(numerator, denominator)
        return add(whole, reduced_quotient(rest, denominator))
    assert number > 0
    whole = collect((m, c // number) for m, c in numerator)
    rest = collect((m, c % number) for m, c in numerator)
    return add(whole, floor_by_number(rest, number))


def split_multiples(numerator: Polynomial, denominator: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Return (q, r) with ``numerator = q * denominator + r``; q takes the terms that divide one by one."""
    divisible = [term for term in numerator if divide((term,), denominator) is not None]
    whole = divide(collect(divisible), denominator)
    assert whole is not None
    return whole, collect(term for term in numerator if term not in divisible)


def floor_by_number(rest: Polynomial, number: int) -> Polynomial:
    """``floor(rest / number)`` for coefficients in [0, number): only a symbolic rest leaves a quotient."""
    factor = gcd(number, *(c for m, c in rest if m))
    if factor == number:
        return ()
    # floor((g*x + c) / (g*n)) = floor((x + floor(c / g)) / n) because x is an integer
    reduced = collect((m, c // factor) for m, c in rest)
    return flattened_quotient(reduced, constant(number // factor))


def flattened_quotient(numerator: Polynomial, denominator: Polynomial) -> Polynomial:
    """``floor((floor(n / e) + x) / d) = floor((n + e*x) / (d*e))``; two inner quotients: no unique choice."""
    inner = [(m, c) for m, c in numerator if any(atom.kind == "floordiv" for atom in m)]
    if len(inner) != 1 or len(inner[0][0]) != 1 or inner[0][1] != 1:
        return quotient_atom(numerator, denominator)
    ((quotient,), _) = inner[0]
    inner_numerator, inner_denominator = quotient.args
    others = collect(term for term in numerator if term != inner[0])
    return floor_divide(
        add(inner_numerator, multiply(inner_denominator, others)), multiply(inner_denominator, denominator)
    )


def reduced_quotient(rest: Polynomial, denominator: Polynomial) -> Polynomial:
    """Cancel what all terms above and below share; ``x/x`` is 1 wherever the quotient is defined at all."""
    terms = (*rest, *denominator)
    factor = gcd(*(c for _, c in terms))
    shared = terms[0][0]
    for monomial, _ in terms[1:]:
        left = list(monomial)
        shared = tuple(atom for atom in shared if atom in left and left.remove(atom) is None)
    if factor == 1 and not shared:
        return flattened_quotient(rest, denominator)
    common: Polynomial = ((shared, factor),)
    above, below = divide(rest, common), divide(denominator, common)
    assert above is not None
    assert below is not None
    return floor_divide(above, below)


def quotient_atom(numerator: Polynomial, denominator: Polynomial) -> Polynomial:
    """Make the atom of a quotient that does not simplify."""
    above = render(numerator)
    if len(numerator) > 1 or above.startswith("-"):
        above = f"({above})"
    below = render(denominator)
    if not below.isidentifier() and not below.isdigit():
        below = f"({below})"
    return atom_polynomial(Atom(f"{above}//{below}", "floordiv", (numerator, denominator)))


def extreme(kind: Literal["min", "max"], args: Sequence[Polynomial]) -> Polynomial:
    """Return ``min`` or ``max`` of the arguments: flat, sorted, without arguments another one always beats."""
    flat = list[Polynomial]()
    for arg in args:
        match arg:
            case (((Atom(kind=inner) as atom,), 1),) if inner == kind:
                flat += atom.args
            case _:
                flat.append(arg)
    unique = list(dict.fromkeys(flat))
    kept = [one for one in unique if not any(beats(kind, other, one) for other in unique)]
    if len(kept) == 1:
        return kept[0]
    kept.sort(key=lambda arg: (constant_value(arg) is not None, render(arg)))
    return atom_polynomial(Atom(f"{kind}({', '.join(map(render, kept))})", kind, tuple(kept)))


def beats(kind: Literal["min", "max"], one: Polynomial, other: Polynomial) -> bool:
    """Whether ``one`` differs from ``other`` by a constant in the winning direction."""
    difference = constant_value(add(one, negate(other)))
    return difference is not None and (difference < 0 if kind == "min" else difference > 0)


@cache
def render(polynomial: Polynomial) -> str:
    """Return the canonical text, e.g. ``8*B*S + T//64 - 1``; parsing it gives the polynomial back."""
    if not polynomial:
        return "0"
    (first, coefficient), *rest = polynomial
    # unary minus binds tighter than //, so a leading negative quotient needs its parentheses
    text = render_term(first, coefficient) if coefficient > 0 else "-" + render_term(first, -coefficient, bare=False)
    for monomial, number in rest:
        text += (" + " if number > 0 else " - ") + render_term(monomial, abs(number))
    return text


def render_term(monomial: Monomial, coefficient: int, *, bare: bool = True) -> str:
    """Return one product; a quotient in it is parenthesised unless it stands alone."""
    if bare and coefficient == 1 and len(monomial) == 1:
        return monomial[0].text
    factors = [f"({atom.text})" if atom.kind == "floordiv" else atom.text for atom in monomial]
    if coefficient != 1 or not factors:
        factors.insert(0, str(coefficient))
    return "*".join(factors)


def replace_names(polynomial: Polynomial, value_of: Callable[[str], Polynomial]) -> Polynomial:
    """Return the polynomial with every name replaced by ``value_of(name)`` and brought to normal form again."""
    result: Polynomial = ()
    for monomial, coefficient in polynomial:
        term = constant(coefficient)
        for atom in monomial:
            term = multiply(term, replace_in_atom(atom, value_of))
        result = add(result, term)
    return result


def replace_in_atom(atom: Atom, value_of: Callable[[str], Polynomial]) -> Polynomial:
    """``replace_names`` for one atom."""
    if atom.kind == "name":
        return value_of(atom.text)
    args = [replace_names(arg, value_of) for arg in atom.args]
    if atom.kind == "floordiv":
        return floor_divide(*args)
    return extreme(atom.kind, args)


def names_of(polynomial: Polynomial) -> frozenset[str]:
    """Return every name in the polynomial, also inside quotients and minima."""
    found = set[str]()
    for monomial, _ in polynomial:
        for atom in monomial:
            found |= {atom.text} if atom.kind == "name" else frozenset[str]().union(*map(names_of, atom.args))
    return frozenset(found)
