"""Tensor sizes as expressions over named symbols: one grammar, one canonical text, one equality.

A size is an ``int`` or the canonical text of an expression (``"8*B*S"``, ``"(T + 127)//128"``, ``"min(N, 64)"``).
Grammar, with the precedence of Python::

    sum     = ["-"] product { ("+" | "-") product }
    product = power { ("*" | "//") power }
    power   = primary ["**" integer]
    primary = integer | name | "(" sum ")" | ("ceildiv" | "min" | "max") "(" sum { "," sum } ")"

Division rounds down and its right side must be positive.  Canonical text is a sum of products: like terms are
collected, products distributed, the highest degree first and the constant last; ``ceildiv(a, b)`` becomes
``(a + b - 1)//b``.  Two sizes are equal exactly when their canonical texts are.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import inf
from typing import NoReturn

from dsv3c.ir import intervals, polynomials
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.intervals import Interval
from dsv3c.ir.polynomials import Polynomial

Size = int | str

MAX_NESTING = 60
MAX_DIGITS = 18
MAX_POWER = 8
FUNCTIONS = ("ceildiv", "min", "max")
TOKEN = re.compile(r"\s*(?:(?P<number>[0-9]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\*\*|//|[-+*(),]))")


class SizeError(Dsv3cError):
    """A size expression that cannot be read or has no value; the message shows where and what to do."""


def parse_size(text: str) -> Size:
    """Read an expression; a constant comes back as int, everything else as canonical text.

    Raises ``SizeError`` with the position and a caret on malformed text.
    """
    return to_size(polynomial_of(text))


def canonical(text: Size) -> str:
    """Return the canonical text of an expression, also of a constant.  Raises ``SizeError`` on malformed text."""
    return polynomials.render(polynomial_of(text))


def add(left: Size, right: Size) -> Size:
    """Return ``left + right``."""
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    return to_size(polynomials.add(polynomial_of(left), polynomial_of(right)))


def sub(left: Size, right: Size) -> Size:
    """Return ``left - right``."""
    if isinstance(left, int) and isinstance(right, int):
        return left - right
    return to_size(polynomials.add(polynomial_of(left), polynomials.negate(polynomial_of(right))))


def mul(left: Size, right: Size) -> Size:
    """Return ``left * right``."""
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    return to_size(polynomials.multiply(polynomial_of(left), polynomial_of(right)))


@lru_cache(maxsize=4096)
def floordiv(left: Size, right: Size) -> Size:
    """Return ``floor(left / right)``.  Raises ``SizeError`` if ``right`` is a number below 1."""
    return to_size(polynomials.floor_divide(polynomial_of(left), positive(right)))


def ceildiv(left: Size, right: Size) -> Size:
    """Return ``ceil(left / right) = floor((left + right - 1) / right)``.  Raises as ``floordiv`` does."""
    return floordiv(sub(add(left, right), 1), right)


@lru_cache(maxsize=4096)
def divide_exact(left: Size, right: Size) -> Size | None:
    """Return the size q with ``q * right == left`` for all values of the symbols, or None if there is none."""
    quotient = polynomials.divide(polynomial_of(left), polynomial_of(right))
    return None if quotient is None else to_size(quotient)


def evaluate(size: Size, env: Mapping[str, int]) -> int:
    """Return the number a size is for the given symbol values.

    Raises ``SizeError`` naming a symbol without a value, or a divisor that is not positive.
    """

    def symbol_value(name: str) -> int:
        if name not in env:
            known = ", ".join(sorted(env)) or "none"
            raise SizeError(f'size "{size}" needs a value for symbol {name}; symbols with a value: {known}')
        return env[name]

    value = size if isinstance(size, int) else intervals.value_of(polynomial_of(size), symbol_value)
    if not isinstance(value, int):
        raise SizeError(f'size "{size}" divides by "{polynomials.render(value)}", not positive for {dict(env)}')
    return value


def bounds(size: Size, ranges: Mapping[str, tuple[int, int | None]]) -> tuple[int, int | None]:
    """Return (low, high) around every value of a size for symbols within ``ranges``; None is no upper bound.

    Interval arithmetic: correct, but wider than needed where a symbol occurs twice (``S - min(S, 8)``).
    Raises ``SizeError`` for a symbol without a range, and where an unbounded symbol leaves no lower bound.
    """
    known = {name: Interval(low, inf if high is None else high) for name, (low, high) in ranges.items()}
    if missing := symbols_of(size) - known.keys():
        raise SizeError(f'size "{size}" needs a range for symbol {", ".join(sorted(missing))}')
    interval = intervals.interval_of(polynomial_of(size), known)
    if interval.low == -inf:
        raise SizeError(f'size "{size}" has no lower bound: give its symbols a maximum')
    return int(interval.low), None if interval.high == inf else int(interval.high)


def symbols_of(size: Size) -> frozenset[str]:
    """Return the names a size depends on."""
    return frozenset() if isinstance(size, int) else polynomials.names_of(polynomial_of(size))


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """Return the size with symbols replaced at once (``{"T": "B*S"}``); symbols not listed stay."""

    def value_of(name: str) -> Polynomial:
        return polynomial_of(values[name]) if name in values else polynomials.name(name)

    return size if isinstance(size, int) else to_size(checked_replace(size, value_of))


def to_size(polynomial: Polynomial) -> Size:
    """Return a polynomial as int or canonical text."""
    value = polynomials.constant_value(polynomial)
    return polynomials.render(polynomial) if value is None else value


def polynomial_of(size: Size) -> Polynomial:
    """Return a size in normal form.  Raises ``SizeError`` on malformed text."""
    return polynomials.constant(size) if isinstance(size, int) else parse_text(size)


def positive(size: Size) -> Polynomial:
    """Return a divisor in normal form.  Raises ``SizeError`` if it is a number below 1."""
    divisor = polynomial_of(size)
    value = polynomials.constant_value(divisor)
    if value is not None and value < 1:
        raise SizeError(f"size division by {value}: the right side of // and ceildiv must be positive")
    return divisor


def checked_replace(size: str, value_of: Callable[[str], Polynomial]) -> Polynomial:
    """Replace names, checking first that no divisor becomes a number below 1."""
    polynomial = polynomial_of(size)
    for divisor in divisors_of(polynomial):
        value = polynomials.constant_value(polynomials.replace_names(divisor, value_of))
        if value is not None and value < 1:
            raise SizeError(f'size "{size}" divides by "{polynomials.render(divisor)}", which is {value}: not positive')
    return polynomials.replace_names(polynomial, value_of)


def divisors_of(polynomial: Polynomial) -> Iterator[Polynomial]:
    """Yield the denominators in a polynomial, inner ones first."""
    for monomial, _ in polynomial:
        for atom in monomial:
            for arg in atom.args:
                yield from divisors_of(arg)
            if atom.kind == "floordiv":
                yield atom.args[1]


@cache  # V3 writes the same ten expressions on 9,000 values
def parse_text(text: str) -> Polynomial:
    """Parse a whole expression to its normal form."""
    parser = SizeParser(text)
    polynomial = parser.sum()
    if parser.token:
        parser.fail("expected an operator or the end")
    return polynomial


@dataclass
class SizeParser:
    """Recursive descent over one expression; one token of look-ahead."""

    text: str
    token: str = ""
    """The next token; empty at the end."""
    start: int = 0
    """Where ``token`` starts in ``text``."""
    end: int = 0
    nesting: int = 0

    def __post_init__(self) -> None:
        self.advance()

    def fail(self, problem: str) -> NoReturn:
        """Raise ``SizeError`` pointing at the current token."""
        caret = " " * self.start + "^"
        raise SizeError(f"malformed size expression, column {self.start + 1}: {problem}\n  {self.text}\n  {caret}")

    def advance(self) -> str:
        """Consume the current token and return it."""
        consumed = self.token
        self.start = self.end + len(self.text[self.end :]) - len(self.text[self.end :].lstrip())
        if self.start == len(self.text):
            self.token, self.end = "", self.start
            return consumed
        match = TOKEN.match(self.text, self.end)
        if match is None:
            self.fail("a size is made of integers, names, + - * // ( ) ceildiv min max")
        self.token, self.end = match.group().strip(), match.end()
        return consumed

    def expect(self, sign: str) -> None:
        """Consume ``sign`` or fail."""
        if self.token != sign:
            self.fail(f'expected "{sign}"')
        self.advance()

    def sum(self) -> Polynomial:
        """Parse ``["-"] product { ("+" | "-") product }``."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail(f"more than {MAX_NESTING} nested parentheses")
        total = self.product()
        while self.token in ("+", "-"):
            sign = self.advance()
            term = self.product()
            total = polynomials.add(total, term if sign == "+" else polynomials.negate(term))
        self.nesting -= 1
        return total

    def product(self) -> Polynomial:
        """Parse ``["-"] power { ("*" | "//") power }``, left to right."""
        if self.token == "-":
            self.advance()
            result = polynomials.negate(self.power())
        else:
            result = self.power()
        while self.token in ("*", "//"):
            sign = self.advance()
            position = self.start
            factor = self.power()
            if sign == "*":
                result = polynomials.multiply(result, factor)
            else:
                result = polynomials.floor_divide(result, self.divisor(factor, position))
        return result

    def divisor(self, polynomial: Polynomial, position: int) -> Polynomial:
        """Refuse a constant divisor below 1."""
        value = polynomials.constant_value(polynomial)
        if value is not None and value < 1:
            self.start = position
            self.fail("the right side of a division must be positive")
        return polynomial

    def power(self) -> Polynomial:
        """Parse ``primary ["**" integer]``: how sympy prints a product with itself."""
        base = self.primary()
        if self.token != "**":
            return base
        self.advance()
        if not self.token.isdigit() or int(self.token[:MAX_DIGITS]) > MAX_POWER:
            self.fail(f"an exponent is a number up to {MAX_POWER}")
        result = polynomials.constant(1)
        for _ in range(int(self.advance())):
            result = polynomials.multiply(result, base)
        return result

    def primary(self) -> Polynomial:
        """Parse a number, a name, a function call or a parenthesised sum."""
        if self.token.isdigit():
            if len(self.token) > MAX_DIGITS:
                self.fail(f"a number has at most {MAX_DIGITS} digits")
            return polynomials.constant(int(self.advance()))
        if self.token == "(":
            self.advance()
            inner = self.sum()
            self.expect(")")
            return inner
        if not self.token.isidentifier():
            self.fail('expected a number, a name or "("')
        return self.call() if self.token in FUNCTIONS else polynomials.name(self.advance())

    def call(self) -> Polynomial:
        """Parse ``ceildiv(a, b)``, ``min(a, b, ...)`` or ``max(a, b, ...)``."""
        function = self.advance()
        self.expect("(")
        args, positions = list[Polynomial](), list[int]()
        while not args or self.token == ",":
            if args:
                self.advance()
            positions.append(self.start)
            args.append(self.sum())
        if len(args) < 2 or (function == "ceildiv" and len(args) > 2):
            self.fail(f"{function} takes two arguments, not {len(args)}")
        self.expect(")")
        if function != "ceildiv":
            return polynomials.extreme("min" if function == "min" else "max", args)
        below = self.divisor(args[1], positions[1])
        above = polynomials.add(polynomials.add(args[0], below), polynomials.constant(-1))
        return polynomials.floor_divide(above, below)
