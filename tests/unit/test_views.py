"""Views as data: one description per access, texts for remarks, and what is declined or refused."""

import pytest
from xdsl.ir import SSAValue
from xdsl.parser import Parser

from dsv3c.ir.context import make_context
from dsv3c.ir.errors import IRError
from dsv3c.ir.views import Piece, is_identity, joined_views, same_data, view_of, whole

Y = '%y = "test.op"() : () -> tensor<?x?x1024xf32, ["B", "S"]>\n'
TOKENS = '%y = "test.op"() : () -> tensor<?x8xf32, ["B*S"]>\n'
HEADS = '%h = aten.view(%y) : tensor<?x?x4x256xf32, ["B", "S"]>\n'
MOVED = '%m = aten.transpose.int(%h, dim0 = 1, dim1 = 2) : tensor<?x4x?x256xf32, ["B", "S"]>\n'
X = '%y = "test.op"() : () -> tensor<6x8xf32>\n'
FLAT = X + "%t = aten.t(%y) : tensor<8x6xf32>\n%f = aten.reshape(%t) : tensor<48xf32>\n"
SWAPPED = (
    '%y = "test.op"() : () -> tensor<?x32x3xf32, ["S"]>\n'
    '%t = aten.transpose.int(%y, dim0 = 0, dim1 = 1) : tensor<32x?x3xf32, ["S"]>\n'
    '%f = aten.reshape(%t) : tensor<?x3xf32, ["32*S"]>\n'
)


def values(text: str) -> dict[str, SSAValue]:
    """Every named value of a piece of text, checked by the verifier."""
    module = Parser(make_context(), text).parse_module()
    module.verify()
    return {value.name_hint: value for op in module.walk() for value in op.results if value.name_hint}


def described(text: str) -> str:
    """The description of the last value."""
    *_, last = values(text).values()
    return str(view_of(last))


def test_head_split_is_one_description_in_every_spelling() -> None:
    split = values(
        Y + HEADS + MOVED + "%k, %v = aten.split_with_sizes(%m, split_sizes = [128, 128], dim = -1) : "
        'tensor<?x4x?x128xf32, ["B", "S"]>, tensor<?x4x?x128xf32, ["B", "S"]>'
    )
    assert str(view_of(split["k"])) == "%y[0][2 step 256 x 4][1][2 x 128]"
    assert str(view_of(split["v"])) == "%y[0][2 step 256 x 4][1][2 x 128 + 128]"
    assert view_of(split["v"]).axes[1:3] == ((Piece(2, 4, 256),), (Piece(1, "S"),))
    assert view_of(split["v"]).offsets == (0, 0, 128)
    assert not same_data(split["k"], split["v"])
    late = values(
        Y + HEADS + '%s = aten.slice.Tensor(%h, dim = 3, start = 128) : tensor<?x?x4x128xf32, ["B", "S"]>\n'
        '%v = aten.permute(%s, dims = [0, 2, 1, 3]) : tensor<?x4x?x128xf32, ["B", "S"]>'
    )
    assert str(view_of(late["v"])) == str(view_of(split["v"]))


def test_view_and_its_inverse_cancel() -> None:
    found = values(Y + HEADS + '%b = aten.view(%h) : tensor<?x?x1024xf32, ["B", "S"]>')
    assert same_data(found["b"], found["y"])
    assert is_identity(view_of(found["b"]))
    assert not is_identity(view_of(found["h"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (Y + '%t = aten.view(%y) : tensor<?x1024xf32, ["B*S"]>', "%y[0, 1][2]"),
        (TOKENS + '%t = aten.view(%y) : tensor<?x?x8xf32, ["B", "S"]>', "%y[0 step S x B][0 x S][1]"),
        (Y + '%l = aten.select.int(%y, dim = 1, index = -1) : tensor<?x1024xf32, ["B"]>', "%y[0][2][1 at S - 1]"),
        (
            Y + '%l = aten.slice.Tensor(%y, dim = 1, start = "S - 1") : tensor<?x1x1024xf32, ["B"]>',
            "%y[0][][2][1 at S - 1]",
        ),
        (
            Y + '%l = aten.slice.Tensor(%y, dim = 1, start = 1) : tensor<?x?x1024xf32, ["B", "S - 1"]>',
            "%y[0][1 x (S - 1) + 1][2]",
        ),
        (
            Y + '%p, %q = aten.split_with_sizes(%y, split_sizes = ["S - 2", 2], dim = 1) : '
            'tensor<?x?x1024xf32, ["B", "S - 2"]>, tensor<?x2x1024xf32, ["B"]>',
            "%y[0][1 x 2 + (S - 2)][2]",
        ),
        (X + "%s = aten.slice.Tensor(%y, dim = 1, start = -3) : tensor<6x3xf32>", "%y[0][1 x 3 + 5]"),
        (X + "%s = aten.slice.Tensor(%y, start = 1, end = -1, step = 2) : tensor<2x8xf32>", "%y[0 step 2 x 2 + 1][1]"),
        (X + "%s = aten.narrow(%y, dim = 1, start = 2, length = 4) : tensor<6x4xf32>", "%y[0][1 x 4 + 2]"),
        (X + "%a, %b, %c = aten.chunk(%y, chunks = 3) : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>",
         "%y[0 x 2 + 4][1]"),
        (X + "%u = aten.unsqueeze(%y, dim = 1) : tensor<6x1x8xf32>\n%e = aten.expand(%u) : tensor<6x4x8xf32>",
         "%y[0][broadcast x 4][1]"),
        (X + "%v = aten.view(%y) : tensor<2x3x8xf32>\n%w = aten.numpy_T(%v) : tensor<8x3x2xf32>",
         "%y[1][0 x 3][0 step 3 x 2]"),
        (X + "%s = aten.slice.Tensor(%y, start = -100, end = 100, step = 2) : tensor<3x8xf32>", "%y[0 step 2 x 3][1]"),
        (X + "%s = aten.slice.Tensor(%y, start = 4, end = 2) : tensor<0x8xf32>", "%y[0 x 0 + 4][1]"),
        (FLAT + "%r = aten.slice.Tensor(%f, start = 12, end = 24) : tensor<12xf32>", "%y[1 x 2 + 2, 0]"),
        (FLAT + "%r = aten.slice.Tensor(%f, start = 12, end = 18) : tensor<6xf32>", "%y[0][1 at 2]"),
        (FLAT + "%r = aten.slice.Tensor(%f, start = 7, end = 12) : tensor<5xf32>", "%y[0 x 5 + 1][1 at 1]"),
        (FLAT + "%r = aten.slice.Tensor(%f, start = 7, end = 12, step = 4) : tensor<2xf32>",
         "%y[0 step 4 x 2 + 1][1 at 1]"),
        (SWAPPED + '%r = aten.slice.Tensor(%f, start = "8*S", end = "24*S") : tensor<?x3xf32, ["16*S"]>',
         "%y[1 x 16 + 8, 0][2]"),
        (X + "%c = aten.clone(%y) : tensor<6x8xf32>\n%d = aten.contiguous(%c) : tensor<6x8xf32>", "%y[0][1]"),
    ],
)  # fmt: skip
def test_texts(text: str, expected: str) -> None:
    assert described(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        X + "%r = aten.mul.Tensor(%y, %y) : tensor<6x8xf32>",
        # 12 elements are one column of 8 and half of the next
        X + "%t = aten.t(%y) : tensor<8x6xf32>\n%r = aten.reshape(%t) : tensor<12x4xf32>",
        # from the middle of one column to the middle of the next, and a step across the end of one
        FLAT + "%r = aten.slice.Tensor(%f, start = 3, end = 9) : tensor<6xf32>",
        FLAT + "%r = aten.slice.Tensor(%f, start = 0, end = 12, step = 3) : tensor<4xf32>",
        FLAT + "%r = aten.slice.Tensor(%f, start = 0, end = 18, step = 3) : tensor<6xf32>",
        FLAT + '%r = aten.slice.Tensor(%f, start = "S", end = "S + 3") : tensor<3xf32>',
        FLAT + '%r = aten.slice.Tensor(%f, start = 1, end = "S") : tensor<?xf32, ["S - 1"]>',
        SWAPPED + "%r = aten.slice.Tensor(%f, start = 1, end = 2) : tensor<1x3xf32>",
        X + '%r = aten.slice.Tensor(%y, step = "N") : tensor<?x8xf32, ["(N + 5)//N"]>',
        # nothing says that S is 0
        '%y = "test.op"() : () -> tensor<1x8xf32>\n'
        '%r = aten.slice.Tensor(%y, start = "S", end = "S + 1") : tensor<1x8xf32>',
        # S may be below 3: PyTorch would clamp, and the result type does not say what it gives
        Y + '%r = aten.slice.Tensor(%y, dim = 1, start = -3) : tensor<?x?x1024xf32, ["B", "min(S, 3)"]>',
        # types that contradict the op
        X + "%r = aten.transpose.int(%y, dim0 = 0, dim1 = 1) : tensor<6x8xf32>",
        X + "%r = aten.narrow(%y, dim = 1, start = 6, length = 4) : tensor<6x4xf32>",
        X + "%r = aten.select.int(%y, dim = 0, index = 6) : tensor<8xf32>",
        X + "%r = aten.select.int(%y, dim = 0, index = -7) : tensor<8xf32>",
        X + "%r = aten.expand(%y) : tensor<8xf32>",
        X + "%r = aten.view(%y) : tensor<6x8x2xf32>",
        X + "%r = aten.view(%y) : tensor<3x8xf32>",
    ],
)
def test_what_is_not_a_strided_view_stands_for_itself(text: str) -> None:
    result = values(text)["r"]
    assert view_of(result) == whole(result)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("%r = aten.transpose.int(%y, dim0 = 0, dim1 = 2) : tensor<6x8xf32>", "dim1 = 2 is not a dim"),
        ("%r = aten.unsqueeze(%y, dim = -4) : tensor<6x8x1xf32>", "dim = -4"),
        ("%r = aten.squeeze.dims(%y, dim = [0, 5]) : tensor<6x8xf32>", "dim = 5"),
        ("%r = aten.permute(%y, dims = [0, 0]) : tensor<6x6xf32>", "does not name each of 2 dims once"),
        ("%r = aten.select.int(%y, dim = 3, index = 0) : tensor<8xf32>", "dim = 3"),
    ],
)
def test_a_dim_that_does_not_exist_is_an_error(text: str, problem: str) -> None:
    result = values(X + text)["r"]
    with pytest.raises(IRError) as error:
        view_of(result)
    assert problem in str(error.value)
    assert "aten." in str(error.value)


def test_scalars_and_vectors_have_few_dims() -> None:
    found = values('%y = "test.op"() : () -> tensor<f32>\n'
                   "%t = aten.transpose.int(%y, dim0 = 0, dim1 = -1) : tensor<f32>\n"
                   "%u = aten.squeeze.dim(%t, dim = 0) : tensor<f32>\n"
                   "%r = aten.select.int(%u, dim = 0, index = 0) : tensor<f32>")  # fmt: skip
    assert same_data(found["u"], found["y"])
    vector = values('%y = "test.op"() : () -> tensor<3xf32>\n%t = aten.t(%y) : tensor<3xf32>')
    assert same_data(vector["t"], vector["y"])
    moved = values('%y = "test.op"() : () -> tensor<f32>\n'
                   "%m = aten.movedim.int(%y, source = 0, destination = -1) : tensor<f32>")  # fmt: skip
    assert same_data(moved["m"], moved["y"])
    with pytest.raises(IRError, match="a scalar has no dim"):
        view_of(found["r"])


CAT = (
    '%n = "test.op"() : () -> tensor<?x4x?x128xf32, ["B", "S"]>\n'
    '%k = "test.op"() : () -> tensor<?x?x64xf32, ["B", "S"]>\n'
    '%u = aten.unsqueeze(%k, dim = 1) : tensor<?x1x?x64xf32, ["B", "S"]>\n'
    '%e = aten.expand(%u) : tensor<?x4x?x64xf32, ["B", "S"]>\n'
    '%c = aten.cat([%n, %e], dim = -1) : tensor<?x4x?x192xf32, ["B", "S"]>\n'
)


def test_joined_views_in_the_layout_of_the_value() -> None:
    found = values(CAT + '%t = aten.transpose.int(%c, dim0 = 1, dim1 = 2) : tensor<?x?x4x192xf32, ["B", "S"]>')
    direct, moved = joined_views(found["c"]), joined_views(found["t"])
    assert direct is not None
    assert moved is not None
    assert (direct.dim, [str(part) for part in direct.parts]) == (3, ["%n[0][1][2][3]", "%k[0][broadcast x 4][1][2]"])
    assert (moved.dim, [str(part) for part in moved.parts]) == (3, ["%n[0][2][1][3]", "%k[0][1][broadcast x 4][2]"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            '%t = aten.select.int(%c, dim = 2, index = 1) : tensor<?x4x192xf32, ["B"]>',
            ["%n[0][1][3][2 at 1]", "%k[0][broadcast x 4][2][1 at 1]"],
        ),
        (
            '%t = aten.select.int(%c, dim = 1, index = 2) : tensor<?x?x192xf32, ["B", "S"]>',
            ["%n[0][2][3][1 at 2]", "%k[0][1][2]"],
        ),
        (
            '%t = aten.slice.Tensor(%c, dim = 2, start = 1) : tensor<?x4x?x192xf32, ["B", "S - 1"]>',
            ["%n[0][1][2 x (S - 1) + 1][3]", "%k[0][broadcast x 4][1 x (S - 1) + 1][2]"],
        ),
        (
            '%g = aten.unsqueeze(%c, dim = 2) : tensor<?x4x1x?x192xf32, ["B", "S"]>\n'
            '%t = aten.expand(%g) : tensor<?x4x2x?x192xf32, ["B", "S"]>',
            ["%n[0][1][broadcast x 2][2][3]", "%k[0][broadcast x 4][broadcast x 2][1][2]"],
        ),
        (
            '%t = aten.flatten.using_ints(%c, end_dim = 1) : tensor<?x?x192xf32, ["4*B", "S"]>',
            ["%n[0, 1][2][3]", "%k[0, broadcast x 4][1][2]"],
        ),
    ],
)
def test_joined_views_below_other_views(text: str, parts: list[str]) -> None:
    joined = joined_views(values(CAT + text)["t"])
    assert joined is not None
    assert [str(part) for part in joined.parts] == parts


FLAT_CAT = (
    FLAT + '%z = "test.op"() : () -> tensor<48x1xf32>\n%w = aten.view(%f) : tensor<48x1xf32>\n'
    "%c = aten.cat([%w, %z], dim = 1) : tensor<48x2xf32>\n"
)


def test_joined_views_of_a_part_with_several_pieces() -> None:
    found = values(
        FLAT_CAT + "%r = aten.select.int(%c, dim = 0, index = 3) : tensor<2xf32>\n"
        "%s = aten.slice.Tensor(%c, end = 3) : tensor<3x2xf32>"
    )
    joined = joined_views(found["c"])
    assert joined is not None
    assert [str(part) for part in joined.parts] == ["%y[1, 0][]", "%z[0][]"]
    assert joined_views(found["r"]) is None
    assert joined_views(found["s"]) is None


@pytest.mark.parametrize(
    "text",
    [
        '%t = aten.slice.Tensor(%c, dim = 3, start = 1) : tensor<?x4x?x191xf32, ["B", "S"]>',
        '%t = aten.slice.Tensor(%c, dim = 3, end = 96) : tensor<?x4x?x96xf32, ["B", "S"]>',
        '%t = aten.flatten.using_ints(%c, start_dim = 2) : tensor<?x4x?xf32, ["B", "192*S"]>',
        '%t = aten.neg(%c) : tensor<?x4x?x192xf32, ["B", "S"]>',
    ],
)
def test_joined_views_need_the_joined_dim_whole(text: str) -> None:
    assert joined_views(values(CAT + text)["t"]) is None
