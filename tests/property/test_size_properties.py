"""Size expressions as a homomorphic image of integer arithmetic: whatever the text, the numbers agree with Python."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from dsv3c.ir import sizes
from dsv3c.ir.sizes import Size, bounds, canonical, divide_exact, evaluate, parse_size, substitute, symbols_of

NAMES = ("B", "S", "T", "N_1")
Text = tuple[str, Callable[[dict[str, int]], int]]
"""An expression as text and as the Python function it should mean."""

environments = st.fixed_dictionaries({name: st.integers(1, 40) for name in NAMES})
profile = settings(max_examples=150, deadline=None)


def leaf() -> st.SearchStrategy[Text]:
    names = st.sampled_from(NAMES).map(lambda name: (name, lambda env: env[name]))
    return names | st.integers(0, 300).map(lambda number: (str(number), lambda env: number))


def grow(inner: st.SearchStrategy[Text]) -> st.SearchStrategy[Text]:
    def binary(parts: tuple[str, Text, Text]) -> Text:
        sign, (left, f), (right, g) = parts
        compute: dict[str, Callable[[int, int], int]] = {
            "{} + {}": lambda a, b: a + b,
            "{} - ({})": lambda a, b: a - b,
            "({})*({})": lambda a, b: a * b,
            "min({}, {})": min,
            "max({}, {})": max,
        }
        return sign.format(left, right), lambda env: compute[sign](f(env), g(env))

    def divided(parts: tuple[str, Text, int, str]) -> Text:
        sign, (left, f), number, name = parts
        below = f"{number}*{name}" if name else str(number)

        def value(env: dict[str, int]) -> int:
            divisor = number * (env[name] if name else 1)
            return f(env) // divisor if "//" in sign else -(-f(env) // divisor)

        return sign.format(left, below), value

    signs = st.sampled_from(["{} + {}", "{} - ({})", "({})*({})", "min({}, {})", "max({}, {})"])
    quotients = st.sampled_from(["({})//({})", "ceildiv({}, {})"])
    return st.tuples(signs, inner, inner).map(binary) | st.tuples(
        quotients, inner, st.integers(1, 130), st.sampled_from(("", *NAMES))
    ).map(divided)


texts = st.recursive(leaf(), grow, max_leaves=6)
expressions = texts.map(lambda text: parse_size(text[0]))


@profile
@given(texts, environments)
def test_canonical_text_means_what_the_text_means(text: Text, env: dict[str, int]) -> None:
    written, meaning = text
    size = parse_size(written)
    assert evaluate(size, env) == meaning(env)
    if isinstance(size, str):
        assert evaluate_as_python(size, env) == meaning(env)


def evaluate_as_python(text: str, env: dict[str, int]) -> int:
    """The grammar is Python's: the text itself is the oracle, not our reading of it."""
    value = eval(text, {"__builtins__": {}, "min": min, "max": max}, dict(env))
    assert isinstance(value, int)
    return value


@profile
@given(texts)
def test_canonical_text_is_stable(text: Text) -> None:
    once = canonical(text[0])
    assert canonical(once) == once
    assert parse_size(once) == parse_size(text[0])
    assert symbols_of(once) <= set(NAMES)


@profile
@given(expressions, expressions, environments)
def test_arithmetic_is_a_homomorphism(left: Size, right: Size, env: dict[str, int]) -> None:
    a, b = evaluate(left, env), evaluate(right, env)
    assert evaluate(sizes.add(left, right), env) == a + b
    assert evaluate(sizes.sub(left, right), env) == a - b
    assert evaluate(sizes.mul(left, right), env) == a * b
    divisor = sizes.add(sizes.mul(right, right), 1)
    assert evaluate(sizes.floordiv(left, divisor), env) == a // (b * b + 1)
    assert evaluate(sizes.ceildiv(left, divisor), env) == -(-a // (b * b + 1))


@profile
@given(expressions, expressions, expressions)
def test_equal_polynomials_have_equal_text(a: Size, b: Size, c: Size) -> None:
    assert sizes.add(a, b) == sizes.add(b, a)
    assert sizes.mul(a, b) == sizes.mul(b, a)
    assert sizes.mul(a, sizes.add(b, c)) == sizes.add(sizes.mul(a, b), sizes.mul(a, c))
    assert sizes.sub(sizes.add(a, b), b) == a


@profile
@given(expressions, expressions)
def test_divide_exact_undoes_multiplication(a: Size, b: Size) -> None:
    if b != 0:
        assert divide_exact(sizes.mul(a, b), b) == a
    quotient = divide_exact(a, b)
    if quotient is not None:
        assert sizes.mul(quotient, b) == a


@profile
@given(expressions, environments, st.sampled_from(NAMES), expressions)
def test_substitution_commutes_with_evaluation(size: Size, env: dict[str, int], name: str, value: Size) -> None:
    shifted = sizes.add(sizes.mul(value, value), 1)
    inner = {**env, name: evaluate(shifted, env)}
    assert evaluate(substitute(size, {name: shifted}), env) == evaluate(size, inner)


@profile
@given(expressions, environments, st.integers(0, 20), st.booleans())
def test_bounds_hold_every_value(size: Size, env: dict[str, int], slack: int, has_maximum: bool) -> None:
    ranges = {name: (value - slack, value + slack if has_maximum else None) for name, value in env.items()}
    try:
        low, high = bounds(size, ranges)
    except sizes.SizeError:
        assert not has_maximum
        return
    assert low <= evaluate(size, env)
    assert high is None or evaluate(size, env) <= high
    assert bounds(size, {name: (value, value) for name, value in env.items()}) == (evaluate(size, env),) * 2
