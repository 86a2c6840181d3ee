"""Parts of scaled values: where the algebra gives a type, values are bit for bit the parts of the dequantised tensor.

The oracle knows nothing of granules: it takes the part of a tensor that holds every element's own scale.
"""

from collections.abc import Sequence
from math import prod

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from xdsl.dialects.builtin import Float8E4M3FNType, Float8E5M2Type, Float8E8M0FNUType, f32
from xdsl.dialects.test import Test
from xdsl.ir import Attribute, SSAValue

from dsv3c.backends.reference.meanings.scaled import Scaled, dequantize, quantize, spread
from dsv3c.ir.scaled_algebra import (
    Derived,
    Refused,
    concatenated,
    keeps_blocks,
    of_view,
    regrouped,
    sharded,
    sliced,
    transposed,
)
from dsv3c.ir.scaled_type import WHOLE, ScaledType
from dsv3c.ir.sizes import Size
from dsv3c.ir.types import tensor_type
from dsv3c.ir.views import View, whole

E4M3 = Float8E4M3FNType()
TEST_OP = next(op for op in Test.operations if op.name == "test.op")
profile = settings(max_examples=200, deadline=None)
GRANULES = (1, 2, 3, 4, 8, WHOLE)


def kind(sizes: Sequence[Size], granule: Sequence[int]) -> ScaledType:
    return ScaledType.make(tensor_type(sizes, E4M3), granule)


def value_of(type: ScaledType) -> SSAValue:
    return TEST_OP.create(result_types=[type]).results[0]


def quantized(x: Tensor, granule: Sequence[int]) -> Scaled:
    return quantize(
        x, granule=tuple(granule), data=torch.float8_e4m3fn, scale=torch.float32, amax_floor=1e-4, static=None,
        apply="divide", round_scale="none", saturate=False,
    )  # fmt: skip


def random_value(sizes: Sequence[int], granule: Sequence[int]) -> Scaled:
    """Blocks of very different size, so that no two scales are alike."""
    return quantized(torch.randn(*sizes) * torch.exp(3 * torch.randn(*sizes)), granule)


def of_each(q: Scaled) -> Tensor:
    return spread(q.scale, q.granule, q.shape).expand(q.shape)


def numbers(type: ScaledType) -> list[int]:
    assert all(isinstance(size, int) for size in type.sizes)
    return [size for size in type.sizes if isinstance(size, int)]


def check_law(derived: ScaledType, data: Tensor, scales: Tensor, expected: Tensor) -> None:
    """``data`` with one scale per block of the derived type is the expected tensor."""
    assert numbers(derived) == list(data.shape)
    corners = scales
    for dim, granule in enumerate(derived.granules):
        corners = corners.index_select(dim, torch.arange(0, scales.shape[dim], granule or scales.shape[dim] or 1))
    assert list(corners.shape) == list(derived.grid())
    part = Scaled(data, corners, derived.granules)
    assert torch.equal(of_each(part), scales), f"{derived}: a block of it has two scales"
    assert torch.equal(dequantize(part, dtype=torch.float32), expected)


@st.composite
def shapes(draw: st.DrawFn, most: int = 3) -> tuple[list[int], list[int]]:
    rank = draw(st.integers(1, most))
    sizes = draw(st.lists(st.sampled_from((1, 2, 3, 4, 6, 8, 9, 12, 16, 20)), min_size=rank, max_size=rank))
    return sizes, draw(st.lists(st.sampled_from(GRANULES), min_size=rank, max_size=rank))


def takes_whole_blocks(size: int, granule: int, taken: Sequence[int]) -> bool:
    if granule == WHOLE:
        return True
    touched = {index // granule for index in taken}
    return len(taken) == sum(min(granule, size - block * granule) for block in touched)


@profile
@given(shapes(), st.data())
def test_slices(shape: tuple[list[int], list[int]], draw: st.DataObject) -> None:
    sizes, granule = shape
    dim = draw.draw(st.integers(0, len(sizes) - 1))
    start = draw.draw(st.integers(0, sizes[dim] - 1))
    size = draw.draw(st.integers(1, sizes[dim] - start))
    found = sliced(kind(sizes, granule), dim, start, size)
    assert isinstance(found, ScaledType) == takes_whole_blocks(sizes[dim], granule[dim], range(start, start + size))
    if isinstance(found, Refused):
        assert f"block of {granule[dim]} along dim {dim}" in found.reason
        return
    q = random_value(sizes, granule)
    parts = [tensor.narrow(dim, start, size) for tensor in (q.data, of_each(q), dequantize(q, dtype=torch.float32))]
    check_law(found, *parts)
    # the grid is a slice too
    step = granule[dim] or sizes[dim]
    grid = q.scale if granule[dim] == WHOLE else q.scale.narrow(dim, start // step, int(found.grid()[dim]))
    assert torch.equal(of_each(Scaled(parts[0], grid, found.granules)), parts[1])


@profile
@given(shapes(), st.data())
def test_transposes(shape: tuple[list[int], list[int]], draw: st.DataObject) -> None:
    sizes, granule = shape
    order = draw.draw(st.permutations(range(len(sizes))))
    found = transposed(kind(sizes, granule), order)
    assert isinstance(found, ScaledType)
    assert found.granules == tuple(granule[dim] for dim in order)
    q = random_value(sizes, granule)
    check_law(found, *(tensor.permute(order) for tensor in (q.data, of_each(q), dequantize(q, dtype=torch.float32))))


@profile
@given(shapes(), st.data())
def test_regroupings(shape: tuple[list[int], list[int]], draw: st.DataObject) -> None:
    sizes, granule = shape
    total, target = prod(sizes), list[int]()
    while total > 1 and len(target) < 3:
        divisors = [number for number in range(1, total + 1) if total % number == 0]
        target.append(draw.draw(st.sampled_from(divisors)))
        total //= target[-1]
    target.append(total)
    found = regrouped(kind(sizes, granule), target)
    if isinstance(found, Refused):
        assert found.reason
        return
    q = random_value(sizes, granule)
    check_law(found, *(tensor.reshape(target) for tensor in (q.data, of_each(q), dequantize(q, dtype=torch.float32))))
    assert torch.equal(of_each(Scaled(q.data.reshape(target), q.scale.reshape(found.grid()), found.granules)),
                       of_each(q).reshape(target))  # fmt: skip


@profile
@given(shapes(), st.integers(1, 4), st.data())
def test_concatenations(shape: tuple[list[int], list[int]], count: int, draw: st.DataObject) -> None:
    sizes, granule = shape
    dim = draw.draw(st.integers(0, len(sizes) - 1))
    along = draw.draw(st.lists(st.sampled_from((2, 4, 6, 8, 9)), min_size=count, max_size=count))
    parts = [[*sizes[:dim], size, *sizes[dim + 1 :]] for size in along]
    found = concatenated([kind(part, granule) for part in parts], dim)
    exact = count == 1 or (granule[dim] != WHOLE and all(size % granule[dim] == 0 for size in along[:-1]))
    assert isinstance(found, ScaledType) == exact
    if isinstance(found, Refused):
        return
    values = [random_value(part, granule) for part in parts]
    data = torch.cat([q.data.float() for q in values], dim).to(torch.float8_e4m3fn)
    expected = torch.cat([dequantize(q, dtype=torch.float32) for q in values], dim)
    check_law(found, data, torch.cat([of_each(q) for q in values], dim), expected)
    grid = torch.cat([q.scale for q in values], dim)
    assert torch.equal(dequantize(Scaled(data, grid, found.granules), dtype=torch.float32), expected)


def step(draw: st.DataObject, view: View) -> tuple[View | None, str, list[int]]:
    """A random view of a view, and what PyTorch does for it."""
    sizes = [size for size in view.sizes if isinstance(size, int)]
    match draw.draw(st.sampled_from(("cut", "permute", "split", "merge"))):
        case "cut":
            dim = draw.draw(st.integers(0, len(sizes) - 1))
            start = draw.draw(st.integers(0, sizes[dim] - 1))
            size = draw.draw(st.integers(1, sizes[dim] - start))
            return view.cut(dim, start, size), "narrow", [dim, start, size]
        case "permute":
            order = draw.draw(st.permutations(range(len(sizes))))
            return view.permuted(order), "permute", list(order)
        case "split":
            dim = draw.draw(st.integers(0, len(sizes) - 1))
            inner = draw.draw(st.sampled_from([n for n in range(1, sizes[dim] + 1) if sizes[dim] % n == 0]))
            target = [*sizes[:dim], sizes[dim] // inner, inner, *sizes[dim + 1 :]]
        case _:
            dim = draw.draw(st.integers(0, max(0, len(sizes) - 2)))
            target = [*sizes[:dim], prod(sizes[dim : dim + 2]), *sizes[dim + 2 :]]
    return view.regrouped(target), "reshape", target


def followed(tensor: Tensor, steps: Sequence[tuple[str, list[int]]]) -> Tensor:
    for name, arguments in steps:
        tensor = tensor.narrow(*arguments) if name == "narrow" else getattr(tensor, name)(arguments)
    return tensor


@settings(max_examples=400, deadline=None)
@given(shapes(), st.integers(1, 4), st.data())
def test_chains_of_views(shape: tuple[list[int], list[int]], count: int, draw: st.DataObject) -> None:
    sizes, granule = shape
    type = kind(sizes, granule)
    view, steps = whole(value_of(type)), list[tuple[str, list[int]]]()
    for _ in range(count):
        following, name, arguments = step(draw, view)
        assume(following is not None)
        assert following is not None
        view = following
        steps.append((name, arguments))
    found = of_view(type, view)
    if isinstance(found, Refused):
        assert found.reason
        return
    q = random_value(sizes, granule)
    tensors = (q.data.float(), of_each(q), dequantize(q, dtype=torch.float32))
    data, scales, expected = (followed(tensor, steps) for tensor in tensors)
    check_law(found, data.to(torch.float8_e4m3fn), scales, expected)
    if keeps_blocks(type, view):
        x = torch.randn(*sizes) * torch.exp(3 * torch.randn(*sizes))
        again, before = quantized(followed(x, steps), found.granules), quantized(x, granule)
        assert torch.equal(of_each(again), followed(of_each(before), steps))
        assert torch.equal(again.data.float(), followed(before.data.float(), steps))


def reason(found: Derived) -> str:
    assert isinstance(found, Refused), found
    return found.reason


def granule(found: Derived) -> tuple[tuple[Size, ...], tuple[int, ...]]:
    assert isinstance(found, ScaledType), found
    return found.sizes, found.granules


BLOCK = (128, 128)


def test_projections_that_start_with_whole_blocks_are_one_matrix() -> None:
    q_a, kv_a = kind((1536, 7168), BLOCK), kind((576, 7168), BLOCK)
    both = concatenated([q_a, kv_a], 0)
    assert both == kind((2112, 7168), BLOCK)
    assert isinstance(both, ScaledType)
    assert both.grid() == (17, 56)
    assert reason(concatenated([kv_a, q_a], 0)) == "a part of 576 ends inside a block of 128 along dim 0"


def test_a_gate_and_up_of_10944_rows_are_not_one_matrix() -> None:
    half = kind((10944, 7168), BLOCK)
    assert reason(concatenated([half, half], 0)) == "a part of 10944 ends inside a block of 128 along dim 0"
    both = kind((2 * 10944, 7168), BLOCK)
    assert reason(sliced(both, 0, 0, 10944)) == "a part of 10944 ends inside a block of 128 along dim 0"
    assert reason(sliced(both, 0, 10944, 10944)) == "a part starts at 10944, inside a block of 128 along dim 0"
    assert granule(sliced(kind((2 * 18432, 7168), BLOCK), 0, 18432, 18432)) == ((18432, 7168), BLOCK)


def test_the_last_block_may_be_partial() -> None:
    assert granule(sliced(kind((576, 7168), BLOCK), 0, 512, 64)) == ((64, 7168), BLOCK)
    assert reason(sliced(kind((576, 7168), BLOCK), 0, 500, 64)).startswith("a part starts at 500")
    assert reason(sliced(kind((576, 7168), BLOCK), 0, 512, 128)) == "512..640 is not inside 576 elements of dim 0"


def test_heads_are_regrouped_where_a_block_fits() -> None:
    heads = regrouped(kind(("128*H", 512), BLOCK), ("H", 128, 512))
    assert granule(heads) == (("H", 128, 512), (1, 128, 128))
    assert isinstance(heads, ScaledType)
    assert regrouped(heads, ("128*H", 512)) == kind(("128*H", 512), BLOCK)
    assert granule(regrouped(kind((16 * 256, 512), BLOCK), (16, 256, 512)))[1] == (1, 128, 128)
    assert granule(regrouped(kind((16 * 64, 512), BLOCK), (16, 64, 512)))[1] == (2, 64, 128)
    assert reason(regrouped(kind((16 * 192, 512), BLOCK), (16, 192, 512))) == (
        "192 elements are neither blocks of 128 nor a part of one along dim 0"
    )
    assert reason(regrouped(kind((6, 4), (1, 1)), (4, 6))) == "[6, 4] does not regroup to [4, 6] dim by dim"


def test_parts_of_heads() -> None:
    """The keys' and the values' rows of kv_b: 128 of every 256."""
    value = value_of(kind((16 * 256, 512), BLOCK))
    heads = whole(value).regrouped((16, 256, 512))
    assert heads is not None
    values = heads.cut(1, 128, 128)
    assert values is not None
    assert granule(of_view(kind((16 * 256, 512), BLOCK), values)) == ((16, 128, 512), (1, 128, 128))
    half = heads.cut(1, 64, 128)
    assert half is not None
    assert (
        reason(of_view(kind((16 * 256, 512), BLOCK), half)) == "a part starts at 64, inside a block of 128 along dim 0"
    )
    every_other = whole(value).cut(0, 0, 16 * 128, 2)
    assert every_other is not None
    assert "elements 2 apart" in reason(of_view(kind((16 * 256, 512), BLOCK), every_other))


def test_transposes_swap_granules() -> None:
    assert granule(transposed(kind(("T", 7168), (1, 128)))) == ((7168, "T"), (128, 1))
    assert granule(transposed(kind((8, 576, 7168), (1, 128, 64)))) == ((8, 7168, 576), (1, 64, 128))
    assert granule(transposed(kind((1, 576), BLOCK))) == ((576, 1), BLOCK)


def test_rows_of_tokens_regroup_whatever_their_number() -> None:
    tokens = kind(("B*S", 7168), (1, 128))
    assert granule(regrouped(tokens, ("B", "S", 7168))) == (("B", "S", 7168), (1, 1, 128))
    assert granule(sliced(tokens, 0, "B", "B*S - B"))[1] == (1, 128)
    assert granule(sliced(tokens, 1, 128, 7040)) == (("B*S", 7040), (1, 128))
    assert "[T, 7168] become one dim" in reason(regrouped(kind(("T", 7168), (WHOLE, 128)), ("7168*T",)))


def test_one_scale_for_a_whole_dim() -> None:
    one = kind((576, 7168), (WHOLE, WHOLE))
    assert granule(sliced(one, 0, 100, 7)) == ((7, 7168), (WHOLE, WHOLE))
    assert granule(regrouped(one, (3, 192, 7168)))[1] == (WHOLE,) * 3
    assert granule(regrouped(one, (576 * 7168,)))[1] == (WHOLE,)
    assert granule(sharded(one, 0, 3))[0] == (192, 7168)
    assert reason(concatenated([one, one], 0)) == "each of 2 parts has one scale for all of dim 0"
    view = whole(value_of(one))
    part = view.cut(0, 100, 7)
    assert part is not None
    assert keeps_blocks(one, view)
    assert not keeps_blocks(one, part)
    assert keeps_blocks(kind((576, 7168), (1, WHOLE)), part)


def test_shards_are_whole_blocks() -> None:
    assert granule(sharded(kind((2048, 7168), BLOCK), 0, 16)) == ((128, 7168), BLOCK)
    assert granule(sharded(kind((2048, 7168), BLOCK), 1, 8)) == ((2048, 896), BLOCK)
    assert granule(sharded(kind((256, 2048, 7168), (1, 128, 128)), 0, 8))[0] == (32, 2048, 7168)
    assert granule(sharded(kind((576, 7168), BLOCK), 0, 1))[0] == (576, 7168)
    assert reason(sharded(kind((576, 7168), BLOCK), 0, 2)) == "a part of 288 ends inside a block of 128 along dim 0"
    assert reason(sharded(kind((2048, 7168), BLOCK), 0, 3)) == "2048 elements of dim 0 are not 3 equal parts"
    assert reason(sharded(kind((2048, 7168), BLOCK), 0, 0)) == "0 parts"


@pytest.mark.parametrize(
    ("sizes", "granules", "scale", "layout", "why"),
    [
        ((256, 512), (128, 64), f32, "row", "granules differ: 128x128 and 128x64"),
        ((256, 512), BLOCK, Float8E8M0FNUType(), "row", "scales differ: f32 and f8E8M0FNU"),
        ((256, 640), BLOCK, f32, "row", "sizes differ: [256, 512] and [256, 640]"),
        ((256, 512), BLOCK, f32, "mn_major", "layouts of scales differ: row and mn_major"),
    ],
)
def test_parts_that_do_not_fit_together(
    sizes: tuple[int, int], granules: tuple[int, int], scale: Attribute, layout: str, why: str
) -> None:
    other = ScaledType.make(tensor_type(sizes, E4M3), granules, scale, layout)
    assert reason(concatenated([kind((256, 512), BLOCK), other], 0)) == why


def test_other_layouts_are_relaid_out_first() -> None:
    packed = ScaledType.make(tensor_type((256, 512), E4M3), (1, 128), Float8E8M0FNUType(), "packed")
    assert reason(transposed(packed)) == "the scales are in packed layout: relayout them to row first"
    assert reason(concatenated([packed, packed], 0)) == "the scales are in packed layout: relayout them to row first"


def test_parts_of_other_data_do_not_fit_together() -> None:
    other = ScaledType.make(tensor_type((256, 512), Float8E5M2Type()), BLOCK)
    assert reason(concatenated([kind((256, 512), BLOCK), other], 0)) == "data differs: f8E4M3FN and f8E5M2"
