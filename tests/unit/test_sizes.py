"""Size expressions: canonical text, arithmetic, bounds, and what malformed text is told; tensor types with names."""

import pytest
from xdsl.dialects import test
from xdsl.dialects.builtin import DYNAMIC_INDEX, ArrayAttr, IntegerAttr, StringAttr, TensorType, bf16, f32, i32
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.sizes import (
    SizeError,
    add,
    bounds,
    canonical,
    ceildiv,
    divide_exact,
    evaluate,
    floordiv,
    mul,
    parse_size,
    sub,
    substitute,
    symbols_of,
)
from dsv3c.ir.types import as_tensor, check_tensor, element_type, shape, sizes_of, tensor_type, with_element, with_sizes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S*B", "B*S"),
        ("S*B*8", "8*B*S"),
        ("1 + N", "N + 1"),
        ("T*8 + 1920", "8*T + 1920"),
        ("B**2", "B*B"),
        ("-1*S + 2", "-S + 2"),
        ("(B + 1)*(S - 1)", "B*S - B + S - 1"),
        ("(S + 127)//128", "(S + 127)//128"),
        ("ceildiv(S, 128)", "(S + 127)//128"),
        ("(S - 1)//128 + 1", "(S + 127)//128"),
        ("ceildiv(128*T, 128)", "T"),
        ("(8*T + 1920 + 127)//128", "(T + 15)//16 + 15"),
        ("B*S//S", "B"),
        ("(A*B + A*C)//(B + C)", "A"),
        ("(B*S + 1)//S", "B + 1//S"),
        ("(2*T)//(2*N + 2)", "T//(N + 1)"),
        ("(B*S + S)//(N*S + S)", "(B + 1)//(N + 1)"),
        ("T//3//5", "T//15"),
        ("(T//3 + 2)//5", "(T + 6)//15"),
        ("8*(T//3)", "8*(T//3)"),
        ("-(T//3)", "-(T//3)"),
        ("N - T//3", "N - T//3"),
        ("min(64, T, T + 1)", "min(T, 64)"),
        ("max(max(A, 3), 4, B)", "max(A, B, 4)"),
        ("min(T, T)", "T"),
    ],
)
def test_canonical_text(text: str, expected: str) -> None:
    assert parse_size(text) == expected
    assert parse_size(expected) == expected


@pytest.mark.parametrize(
    ("text", "value"), [("4", 4), ("T - T", 0), ("2*3 - 7", -1), ("7//2", 3), ("-7//2", -4), ("max(2, 3)", 3)]
)
def test_a_constant_is_a_number(text: str, value: int) -> None:
    assert parse_size(text) == value
    assert canonical(text) == str(value)


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("", 1, "expected a number"),
        ("B +", 4, "expected a number"),
        ("B S", 3, "expected an operator"),
        ("B $ 2", 3, "a size is made of"),
        ("2.5", 2, "a size is made of"),
        ("((S)", 5, 'expected ")"'),
        ("S//0", 4, "must be positive"),
        ("ceildiv(S, 1 - 2)", 12, "must be positive"),
        ("min(S)", 6, "takes two arguments"),
        ("ceildiv(S, 2, 3)", 16, "takes two arguments"),
        ("S**99", 4, "an exponent"),
        ("9" * 19, 1, "at most 18 digits"),
        ("(" * 99 + "S" + ")" * 99, 61, "nested"),
    ],
)
def test_malformed_text_shows_where(text: str, column: int, problem: str) -> None:
    with pytest.raises(SizeError) as error:
        parse_size(text)
    message, shown, caret = str(error.value).split("\n")
    assert f"column {column}: " in message
    assert problem in message
    assert shown[2:] == text
    assert caret.index("^") - 2 == column - 1


def test_arithmetic_on_texts_and_numbers() -> None:
    assert add("S", 2) == "S + 2"
    assert sub("S + 2", "S") == 2
    assert sub(7, 2) == 5
    assert mul("8*B", "S") == "8*B*S"
    assert mul(8, "S") == "8*S"
    assert floordiv(7, 2) == 3
    assert floordiv("8*S + 3", 8) == "S"
    assert ceildiv("S", 128) == "(S + 127)//128"
    assert ceildiv(129, 128) == 2


def test_dividing_by_a_number_below_one_is_refused() -> None:
    with pytest.raises(SizeError, match="must be positive"):
        floordiv("S", 0)
    with pytest.raises(SizeError, match="must be positive"):
        ceildiv("S", -2)


def test_divide_exact() -> None:
    assert divide_exact("8*B*S", "4*B") == "2*S"
    assert divide_exact("B*S + B", "S + 1") == "B"
    assert divide_exact(12, 4) == 3
    assert divide_exact("B", "B") == 1
    assert divide_exact(12, 5) is None
    assert divide_exact("8*B", 16) is None
    assert divide_exact("B", "S") is None
    assert divide_exact("B*S + 1", "B") is None
    assert divide_exact("S", 0) is None


def test_evaluate() -> None:
    assert evaluate(5, {}) == 5
    assert evaluate("8*B*S + min(S, 2) - max(S, 2)", {"B": 2, "S": 3}) == 47
    with pytest.raises(SizeError, match="needs a value for symbol S; symbols with a value: B"):
        evaluate("B*S", {"B": 1})
    with pytest.raises(SizeError, match='divides by "N", not positive'):
        evaluate("S//N", {"S": 1, "N": 0})
    with pytest.raises(SizeError, match='divides by "N", not positive'):
        evaluate("min(S//N, 3)", {"S": 1, "N": 0})


def test_substitute_is_simultaneous_and_checks_divisors() -> None:
    assert substitute("A - B", {"A": "B", "B": "A"}) == "-A + B"
    assert substitute("(T + 7)//8", {"T": "8*B"}) == "B"
    assert substitute("T + 1", {"T": 3}) == 4
    assert substitute("T + N", {"T": 3}) == "N + 3"
    assert substitute("max(T, 4)", {"T": "N"}) == "max(N, 4)"
    with pytest.raises(SizeError, match="not positive"):
        substitute("S//(N - 1)", {"N": 1})


def test_symbols_of() -> None:
    assert symbols_of("B*((S + N)//8) + min(K, 3)") == {"B", "S", "N", "K"}
    assert symbols_of(3) == frozenset()


def test_bounds() -> None:
    assert bounds("(T + 127)//128", {"T": (1, 4096)}) == (1, 32)
    assert bounds("B*S", {"B": (1, None), "S": (0, 8)}) == (0, None)
    assert bounds("N - S", {"N": (4, 4), "S": (1, 3)}) == (1, 3)
    assert bounds("S//N", {"S": (-5, 9), "N": (2, None)}) == (-3, 4)
    assert bounds("min(S, 8)", {"S": (1, None)}) == (1, 8)
    assert bounds(3, {}) == (3, 3)
    with pytest.raises(SizeError, match="no lower bound"):
        bounds("8 - S", {"S": (1, None)})
    with pytest.raises(SizeError, match="needs a range for symbol S"):
        bounds("S", {})


def test_tensor_type_round_trip() -> None:
    tensor = tensor_type(("S*B", 7, "T", "2*3"), bf16)
    assert str(tensor) == 'tensor<?x7x?x6xbf16, ["B*S", "T"]>'
    assert sizes_of(tensor) == ("B*S", 7, "T", 6)
    assert tensor_type(["B*S", 7, "T", 6], bf16) is tensor_type(("B*S", 7, "T", 6), bf16)
    assert with_element(tensor, f32) == tensor_type(("B*S", 7, "T", 6), f32)
    assert with_sizes(tensor, (3,)) == TensorType(bf16, [3])
    check_tensor(tensor)
    check_tensor(tensor_type((2, 3), f32))


@pytest.mark.parametrize(
    ("tensor", "problem"),
    [
        (TensorType(f32, [DYNAMIC_INDEX, 2]), "1 needed"),
        (TensorType(f32, [DYNAMIC_INDEX, DYNAMIC_INDEX], ArrayAttr([StringAttr("S")])), "2 needed"),
        (TensorType(f32, [2], ArrayAttr([StringAttr("S")])), "0 needed"),
        (TensorType(f32, [DYNAMIC_INDEX], ArrayAttr([IntegerAttr(1, i32)])), "1 needed"),
        (TensorType(f32, [DYNAMIC_INDEX], ArrayAttr([StringAttr("S*B")])), 'write "B\\*S"'),
        (TensorType(f32, [DYNAMIC_INDEX], ArrayAttr([StringAttr("2 + 2")])), "write 4 in place"),
        (TensorType(f32, [DYNAMIC_INDEX], ArrayAttr([StringAttr("2 +")])), "column 4"),
    ],
)
def test_check_tensor_refuses(tensor: TensorType, problem: str) -> None:
    with pytest.raises(VerifyException, match=problem):
        check_tensor(tensor)


def test_value_helpers() -> None:
    op = test.TestOp(result_types=[tensor_type(("S", 2), f32), i32])
    assert shape(op.results[0]) == ("S", 2)
    assert element_type(op.results[0]) == f32
    with pytest.raises(VerifyException, match="must be a ranked tensor, but has type i32"):
        as_tensor(op.results[1])
