"""Numbers in the emulator of Gluon kernels: types and values of every operation, as Triton defines them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon_emulation.errors import EmulationError, Unknown
from dsv3c.backends.triton.gluon_emulation.language import LANGUAGE
from dsv3c.backends.triton.gluon_emulation.layouts import Shape
from dsv3c.backends.triton.gluon_emulation.program import Program, running
from dsv3c.backends.triton.gluon_emulation.scheduler import Scheduler
from dsv3c.backends.triton.gluon_emulation.values import Pointer, Value, as_value, scalar

ROW = gl.BlockedLayout([1], [32], [4], [0])
TABLE = gl.BlockedLayout([1, 1], [4, 8], [4, 1], [1, 0])
INF, NAN = float("inf"), float("nan")


def block(*numbers: float, dtype: torch.dtype = torch.float32) -> Value:
    return Value(torch.tensor(numbers, dtype=dtype), ROW)


def whole(*numbers: int, dtype: torch.dtype = torch.int32) -> Value:
    return block(*numbers, dtype=dtype)


def table() -> Value:
    return Value(torch.arange(8.0).view(2, 4), TABLE)


def number(value: Any, dtype: torch.dtype = torch.int32) -> Value:
    return scalar(value, dtype)


def call(name: str, *given: Any, **named: Any) -> Any:
    return LANGUAGE[name](*given, **named)


def add_twice(a: Any, b: Any) -> Any:
    return a + b


def larger_of_pairs(a: Any, i: Any, b: Any, j: Any) -> Any:
    return call("maximum", a, b), call("where", a >= b, i, j)


COMPUTED: dict[str, tuple[Callable[[], Any], str, list[Any] | float]] = {
    # integers
    "towards zero": (lambda: whole(-7, 7) // 2, "int32", [-3, 3]),
    "remainder": (lambda: whole(-7, 7) % 4, "int32", [-3, 3]),
    "a number first": (lambda: 7 // whole(2, -2), "int32", [3, -3]),
    "a number's remainder": (lambda: -7 % whole(4, 2), "int32", [-3, -1]),
    "difference": (lambda: 1 - whole(3, 4), "int32", [-2, -3]),
    "overflow": (lambda: whole(2**31 - 1, 0) + 1, "int32", [-(2**31), 1]),
    "wider scalar": (lambda: whole(1, 2) + number(2**31, torch.int64), "int64", [1 + 2**31, 2 + 2**31]),
    "conditions count": (lambda: (whole(1, 2) > 1) + whole(1, 1), "int32", [1, 2]),
    "bytes": (lambda: whole(200, 3, dtype=torch.uint8) + whole(1, -1, dtype=torch.int8), "uint8", [201, 2]),
    "shifts": (lambda: (whole(1, 5) << 3) | (1 << whole(0, 1)), "int32", [9, 42]),
    "shifts back": (lambda: (whole(-8, 9) >> 1) ^ (9 >> whole(1, 0)), "int32", [-4 ^ 4, 4 ^ 9]),
    "bits": (lambda: (7 & whole(12, 3)) | (whole(16, 0) ^ 1), "int32", [21, 3]),
    "bits of a number": (lambda: (6 ^ whole(3, 0)) & (8 | whole(5, 2)), "int32", [5, 2]),
    "negation": (lambda: -whole(1, -2), "int32", [-1, 2]),
    "inversion": (lambda: ~(whole(1, 2) != 1), "int1", [True, False]),
    "quotients are floats": (lambda: whole(1, 3) / 2, "fp32", [0.5, 1.5]),
    "cdiv": (lambda: call("cdiv", number(9), 4), "int32", 3),
    "xor_sum": (lambda: call("xor_sum", whole(1, 3, 8, 0), 0), "int32", 10),
    "reduce_or": (lambda: call("reduce_or", whole(1, 3, 8, 0), 0), "int32", 11),
    "small integers add up": (lambda: call("sum", whole(100, 100, dtype=torch.int8), 0), "int32", 200),
    "largest": (lambda: call("max", whole(3, -5), 0), "int32", 3),
    "smallest": (lambda: call("min", whole(3, -5), 0), "int32", -5),
    # floats
    "a number keeps the type": (lambda: block(1.0, 2.0, dtype=torch.bfloat16) * 3.0, "bf16", [3.0, 6.0]),
    "an integer becomes a float": (lambda: whole(1, 2) * 0.5, "fp32", [0.5, 1.0]),
    "halves of two kinds": (
        lambda: block(1.0, dtype=torch.bfloat16) + block(1.0, dtype=torch.float16), "fp16", [2.0],
    ),
    "a half and a wide one": (lambda: block(1.0, dtype=torch.bfloat16) + block(1.0), "fp32", [2.0]),
    "a half is divided in f32": (lambda: 1.0 / block(3.0, dtype=torch.bfloat16), "fp32", [1 / 3]),
    "doubles": (lambda: block(1.0, dtype=torch.float64) + block(1.0), "fp64", [2.0]),
    "NaN loses": (lambda: call("maximum", block(NAN, 1.0), block(2.0, NAN)), "fp32", [2.0, 1.0]),
    "NaN loses below": (lambda: call("minimum", block(NAN, 1.0), 0.0), "fp32", [0.0, 0.0]),
    "largest but NaN": (lambda: call("max", block(NAN, -1.0), 0), "fp32", -1.0),
    "smallest but NaN": (lambda: call("min", block(NAN, -1.0, INF), 0), "fp32", -1.0),
    "infinities": (lambda: call("max", block(-INF, INF), 0), "fp32", INF),
    "nothing but infinities": (lambda: call("max", block(-INF, -INF), 0), "fp32", -INF),
    "clamp": (lambda: call("clamp", block(-1.0, 5.0), 0.0, 2.0), "fp32", [0.0, 2.0]),
    "where": (lambda: call("where", whole(0, 1) > 0, 1.5, block(2.0, 3.0)), "fp32", [2.0, 1.5]),
    "where of numbers": (lambda: call("where", number(1) > 0, 1, 2), "int32", 1),
    "fma rounds once": (
        lambda: call("fma", block(1 + 2.0**-23), block(1 - 2.0**-23), block(-1.0)), "fp32", [-(2.0**-46)],
    ),
    "abs": (lambda: call("abs", block(-1.0, 2.0)), "fp32", [1.0, 2.0]),
    "exp2": (lambda: call("exp2", block(-1.0, 3.0)), "fp32", [0.5, 8.0]),
    "log2": (lambda: call("log2", block(0.5, 8.0)), "fp32", [-1.0, 3.0]),
    "rsqrt": (lambda: call("rsqrt", block(4.0)), "fp32", [0.5]),
    "floor": (lambda: call("floor", block(-0.5)), "fp32", [-1.0]),
    "ceil": (lambda: call("ceil", block(-0.5, 0.5)), "fp32", [-0.0, 1.0]),
    "fdiv": (lambda: call("fdiv", block(1.0), 8.0), "fp32", [0.125]),
    "running sums": (lambda: call("cumsum", block(1.0, 2.0, 3.0, 4.0)), "fp32", [1.0, 3.0, 6.0, 10.0]),
    "running sums from behind": (lambda: call("cumsum", block(1.0, 2.0), 0, True), "fp32", [3.0, 2.0]),
    "own function": (lambda: call("reduce", table(), 1, add_twice), "fp32", [6.0, 22.0]),
    "own function of two": (
        lambda: call("reduce", (block(1.0, 5.0, 3.0, 5.0), whole(0, 1, 2, 3)), 0, larger_of_pairs)[1], "int32", 1,
    ),
    # conversions
    "cut off": (lambda: block(-1.9, 1.9).to(gl.int32), "int32", [-1, 1]),
    "out of range": (lambda: block(1e20, -1e20, NAN).to(gl.int64), "int64", [2**63 - 1, -(2**63), 0]),
    "8 bits saturate": (lambda: block(1e9, -1e9).to(gl.float8e5).to(gl.float32), "fp32", [57344.0, -57344.0]),
    "to nearest, ties to even": (lambda: block(1 + 2.0**-8).to(gl.bfloat16), "bf16", [1.0]),
    "conditions": (lambda: block(0.0, 2.0).to(gl.int1), "int1", [False, True]),
    "the same bits": (lambda: call("cast", block(1.0), gl.int32, bitcast=True), "int32", [0x3F800000]),
    # shapes
    "broadcast": (
        lambda: call("sum", call("broadcast", table(), Value(torch.ones(2, 1), TABLE))[1], 1), "fp32", [4.0, 4.0],
    ),
    "joined": (lambda: call("sum", call("join", block(1.0, 2.0), block(3.0, 4.0)), 1), "fp32", [4.0, 6.0]),
    "split": (lambda: call("split", call("join", block(1.0, 2.0), block(3.0, 4.0)))[1], "fp32", [3.0, 4.0]),
    "transposed": (lambda: call("sum", table().T, 0), "fp32", [6.0, 22.0]),
    "permuted": (lambda: call("ravel", call("permute", table(), 1, 0)), "fp32", [0.0, 4, 1, 5, 2, 6, 3, 7]),
    "reshaped": (lambda: call("sum", call("reshape", table(), [4, 2]), 1), "fp32", [1.0, 5.0, 9.0, 13.0]),
    "gathered": (lambda: call("gather", block(5.0, 6.0), whole(1, 1, 0), 0), "fp32", [6.0, 6.0, 5.0]),
    "all": (lambda: call("sum", table()), "fp32", 28.0),
    "kept": (lambda: call("ravel", call("max", table(), 1, keep_dims=True)), "fp32", [3.0, 7.0]),
    "like": (lambda: call("full_like", whole(1, 2), 7), "int32", [7, 7]),
    "zeros like": (lambda: call("zeros_like", whole(1, 2), dtype=gl.float32), "fp32", [0.0, 0.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPUTED)
def test_computed(name: str) -> None:
    compute, dtype, expected = COMPUTED[name]
    made = as_value(compute())
    assert (str(made.dtype), made.data.tolist()) == (dtype, pytest.approx(expected, rel=1e-6, abs=0.0))


def test_layouts_follow_shapes() -> None:
    rows = call("max", table(), 1)
    assert rows.layout == gl.SliceLayout(1, TABLE)
    assert (table() - rows[:, None]).layout == TABLE
    columns = call("arange", 0, 4, gl.SliceLayout(0, TABLE))
    assert call("where", (columns < 2)[None, :], table(), 0.0).layout == TABLE
    with pytest.raises(EmulationError, match="layouts differ"):
        rows + call("arange", 0, 2, ROW)
    assert (call("convert_layout", rows, ROW) + call("arange", 0, 2, ROW)).layout == ROW
    with pytest.raises(EmulationError, match="is no layout of a block"):
        call("convert_layout", rows, gl.NVMMASharedLayout(0, 32, 1))


@pytest.mark.parametrize(
    ("compute", "error", "message"),
    [
        (lambda: table().to(gl.uint32), Unknown, "no numbers of type uint32"),
        (lambda: table().to(gl.float32, "rtz"), Unknown, "does not round rtz"),
        (lambda: table().to(gl.int64, bitcast=True), EmulationError, "not of one size"),
        (lambda: whole(1, 2) + 2**31, EmulationError, "2147483648 is out of range for int32"),
        (lambda: table() + "1", EmulationError, "str where a number or a block is needed"),
        (lambda: call("max", table(), 1, return_indices=True), Unknown, "options of a reduction"),
        (lambda: call("split", block(1.0)), EmulationError, "the last dim is 2"),
        (lambda: call("load", table()), EmulationError, "Value where a pointer is needed"),
        (lambda: call("load", Pointer(torch.zeros(1), torch.tensor(0)), sem="x"), EmulationError, "not emulated"),
        (lambda: call("static_assert", number(1) > 0), EmulationError, "only known at run time"),
    ],
)
def test_what_is_no_number(compute: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compute()


def test_pointers_reach_what_was_passed_and_no_more() -> None:
    memory = torch.arange(12.0).view(3, 4)
    rows = Pointer(memory[1:, :2], torch.tensor(0))
    at = rows + call("arange", 0, 2, ROW) * 4
    assert call("load", at).data.tolist() == [4.0, 8.0]
    call("store", at + 1, whole(7, 8), mask=whole(0, 1) > 0)
    assert memory[:, 1].tolist() == [1.0, 5.0, 8.0]
    assert call("load", at + 1, mask=whole(1, 0) > 0, other=-1.0).data.tolist() == [5.0, -1.0]
    assert call("load", at + 2, mask=whole(1, 0) > 0).data[1].isnan()
    with pytest.raises(EmulationError, match="an access at element 6"):
        call("load", at + 2)
    counts = torch.zeros(4, dtype=torch.int32)
    with running([Program((0, 0, 0), (1, 1, 1), Scheduler(0), 4)]):
        before = call("atomic_add", Pointer(counts, torch.tensor(0)) + whole(1, 3), whole(5, 6), mask=whole(1, 0) > 0)
        assert (counts.tolist(), before.data[0].item()) == ([0, 5, 0, 0], 0)
        assert call("atomic_add", Pointer(counts, torch.tensor(1)), 2).item() == 5
    assert str((at - 1).dtype) == "pointer<fp32>"


def test_pointers_reread_what_they_point_at() -> None:
    numbers = torch.arange(14, dtype=torch.uint8)
    words = (Pointer(numbers, torch.tensor(0)) + 4).to(gl.pointer_type(gl.int32), bitcast=True)
    assert call("load", words + call("arange", 0, 2, ROW)).data.tolist() == [0x07060504, 0x0B0A0908]
    call("store", words + 1, 0)
    assert numbers.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 12, 13]
    with pytest.raises(EmulationError, match="an access at element 3"):
        call("load", words + 2)
    with pytest.raises(EmulationError, match="does not point at whole int32"):
        (Pointer(numbers, torch.tensor(0)) + 2).to(gl.pointer_type(gl.int32), bitcast=True)
    with pytest.raises(EmulationError, match="read as torch"):
        Pointer(numbers[2:], torch.tensor(0)).to(gl.pointer_type(gl.int32), bitcast=True)
    with pytest.raises(Unknown, match="does not make int64 of a pointer"):
        words.to(gl.int64)


def test_sizes_are_added_to_lists_and_tuples() -> None:
    sizes = Shape([2, 3])
    assert [1] + sizes == (1,) + sizes == [1, 2, 3]  # noqa: RUF005
    assert sizes + (4,) == [2, 3, 4]  # noqa: RUF005
