"""Random chains of view ops, run by PyTorch and described by ``view_of``: both must read the same elements.

Two oracles.  Every chain: gathering the base by the description gives PyTorch's tensor.  Chains over a 1-d base that
PyTorch serves without a copy: the description is exactly PyTorch's shape, strides and offset, so it is canonical and
nothing is declined.  Symbolic chains use the sizes B = 5 and S = 7, which divide nothing else here.
"""

from collections.abc import Callable, Sequence
from itertools import product

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, f32, i64
from xdsl.dialects.test import Test
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.sizes import Size, evaluate, mul
from dsv3c.ir.types import shape, tensor_type
from dsv3c.ir.views import Piece, View, joined_views, view_of, whole

ENV = {"B": 5, "S": 7}
CONTEXT = make_context()
TEST_OP = next(op for op in Test.operations if op.name == "test.op")
profile = settings(max_examples=120, deadline=None)
Property = int | str | Sequence[int]


def symbolic(size: int) -> Size:
    """35 is B*S, 14 is 2*S; used only where no other multiples of 5 and 7 occur."""
    result: Size = 1
    for name, value in ENV.items():
        if size and size % value == 0:
            result, size = mul(result, name), size // value
    return mul(result, size)


def attribute(value: Property) -> Attribute:
    if isinstance(value, str):
        return StringAttr(value)
    return IntegerAttr(value, i64) if isinstance(value, int) else ArrayAttr(IntegerAttr(item, i64) for item in value)


def source(sizes: Sequence[Size]) -> SSAValue:
    return TEST_OP.create(result_types=[tensor_type(sizes, f32)]).results[0]


class Chain:
    """A tensor and the IR value for it, kept in step."""

    def __init__(self, sizes: Sequence[int], name_size: Callable[[int], Size]) -> None:
        self.name_size = name_size
        self.base_tensor = torch.arange(torch.Size(sizes).numel()).view(*sizes)
        self.tensor = self.base_tensor
        self.base = source([name_size(size) for size in sizes])
        self.value = self.base
        self.log = list[str]()

    def apply(self, name: str, tensors: Sequence[torch.Tensor], number: int = 0, /, **properties: Property) -> None:
        op_type = CONTEXT.get_op(f"aten.{name}")
        assert issubclass(op_type, AtenOp)
        types = [tensor_type([self.name_size(size) for size in tensor.shape], f32) for tensor in tensors]
        operands = {"self": self.value}
        if name in ("expand_as", "view_as", "reshape_as"):
            operands["other"] = source(shape(TEST_OP.create(result_types=types).results[0]))
        op: Operation = op_type.build_from(operands, {key: attribute(v) for key, v in properties.items()}, types)
        op.verify()
        self.value, self.tensor = op.results[number], tensors[number]
        self.log.append(f"{name}{properties} -> {tuple(self.tensor.shape)}")

    def shares_storage(self) -> bool:
        return self.tensor.untyped_storage().data_ptr() == self.base_tensor.untyped_storage().data_ptr()


def signed(draw: st.DataObject, dim: int, rank: int) -> int:
    return dim - rank if draw.draw(st.booleans()) else dim


def a_dim(draw: st.DataObject, chain: Chain) -> int:
    return draw.draw(st.integers(0, chain.tensor.dim() - 1))


def cuttable(size: int) -> bool:
    """Whether parts of a dim may be taken: a dim with a name is left whole."""
    return all(size % value for value in ENV.values())


def reshape(draw: st.DataObject, chain: Chain) -> None:
    rest, sizes = chain.tensor.numel(), list[int]()
    while rest > 1 and len(sizes) < 4:
        sizes.append(draw.draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0])))
        rest //= sizes[-1]
    sizes.append(rest)
    result = chain.tensor.reshape(sizes)
    chain.apply(draw.draw(st.sampled_from(["view", "reshape", "_unsafe_view", "view_as", "reshape_as"])), [result])


def flatten(draw: st.DataObject, chain: Chain) -> None:
    first = a_dim(draw, chain)
    last = draw.draw(st.integers(first, chain.tensor.dim() - 1))
    result = chain.tensor.flatten(first, last)
    chain.apply("flatten.using_ints", [result], start_dim=first, end_dim=signed(draw, last, chain.tensor.dim()))


def unflatten(draw: st.DataObject, chain: Chain) -> None:
    dim = a_dim(draw, chain)
    size = chain.tensor.shape[dim]
    outer = draw.draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0]))
    result = chain.tensor.unflatten(dim, (outer, size // outer))
    chain.apply("unflatten.int", [result], dim=dim, sizes=(outer, size // outer))


def transpose(draw: st.DataObject, chain: Chain) -> None:
    rank = chain.tensor.dim()
    first, second = a_dim(draw, chain), a_dim(draw, chain)
    result = chain.tensor.transpose(first, second)
    name, one, two = draw.draw(
        st.sampled_from(
            [("transpose.int", "dim0", "dim1"), ("swapaxes", "axis0", "axis1"), ("swapdims", "dim0", "dim1")]
        )
    )
    chain.apply(name, [result], **{one: signed(draw, first, rank), two: signed(draw, second, rank)})


def named_transpose(draw: st.DataObject, chain: Chain) -> None:
    if chain.tensor.dim() == 2:
        chain.apply("t", [chain.tensor.t()])
    elif chain.tensor.dim() > 2 and draw.draw(st.booleans()):
        chain.apply("mT", [chain.tensor.mT])
    else:
        chain.apply("numpy_T", [chain.tensor.permute(*range(chain.tensor.dim())[::-1])])


def permute(draw: st.DataObject, chain: Chain) -> None:
    rank = chain.tensor.dim()
    order = draw.draw(st.permutations(range(rank)))
    chain.apply("permute", [chain.tensor.permute(*order)], dims=[signed(draw, dim, rank) for dim in order])


def movedim(draw: st.DataObject, chain: Chain) -> None:
    rank = chain.tensor.dim()
    first, second = a_dim(draw, chain), a_dim(draw, chain)
    result = chain.tensor.movedim(first, second)
    chain.apply("movedim.int", [result], source=signed(draw, first, rank), destination=signed(draw, second, rank))


def unsqueeze(draw: st.DataObject, chain: Chain) -> None:
    rank = chain.tensor.dim()
    dim = draw.draw(st.integers(0, rank))
    chain.apply("unsqueeze", [chain.tensor.unsqueeze(dim)], dim=signed(draw, dim, rank + 1))


def squeeze(draw: st.DataObject, chain: Chain) -> None:
    dim = a_dim(draw, chain)
    kind = draw.draw(st.integers(0, 2))
    rank = chain.tensor.dim()
    if kind == 0 and any(size != 1 for size in chain.tensor.shape):
        chain.apply("squeeze", [chain.tensor.squeeze()])
    elif kind == 1 and rank > 1:
        chain.apply("squeeze.dim", [chain.tensor.squeeze(dim)], dim=signed(draw, dim, rank))
    elif rank > 2:
        chain.apply("squeeze.dims", [chain.tensor.squeeze((dim, (dim + 1) % rank))], dim=[dim, (dim + 1) % rank])


def expand(draw: st.DataObject, chain: Chain) -> None:
    if chain.tensor.numel() > 1000:
        return
    sizes = [draw.draw(st.sampled_from([1, 2, 3])) if size == 1 else size for size in chain.tensor.shape]
    sizes = [*draw.draw(st.lists(st.sampled_from([1, 2]), max_size=1)), *sizes]
    chain.apply(draw.draw(st.sampled_from(["expand", "expand_as"])), [chain.tensor.expand(*sizes)])


def take_slice(draw: st.DataObject, chain: Chain) -> None:
    dim = a_dim(draw, chain)
    size = chain.tensor.shape[dim]
    start, end, step = draw.draw(st.integers(-size - 2, size)), draw.draw(st.integers(-size, size + 2)), 1
    step = draw.draw(st.sampled_from([1, 1, 2, 3]))
    length = len(range(size)[start:end:step])
    if not length or not cuttable(size) or not cuttable(length):
        return
    properties = dict[str, Property](dim=dim, start=start, step=step)
    if end < size or draw.draw(st.booleans()):
        properties["end"] = end
    elif draw.draw(st.booleans()):
        properties["end"] = 2**63 - 1
    result = torch.ops.aten.slice.Tensor(chain.tensor, dim, start, end, step)
    chain.apply("slice.Tensor", [result], **properties)


def narrow(draw: st.DataObject, chain: Chain) -> None:
    dim = a_dim(draw, chain)
    size = chain.tensor.shape[dim]
    start = draw.draw(st.integers(0, size - 1))
    length = draw.draw(st.integers(1, size - start))
    if not cuttable(size) or not cuttable(length):
        return
    spelt = draw.draw(st.sampled_from([start, start - size]))
    chain.apply("narrow", [chain.tensor.narrow(dim, start, length)], dim=dim, start=spelt, length=length)


def select(draw: st.DataObject, chain: Chain) -> None:
    if chain.tensor.dim() < 2:
        return
    dim = a_dim(draw, chain)
    size = chain.tensor.shape[dim]
    index = draw.draw(st.integers(0, size - 1))
    if draw.draw(st.booleans()) and size < 8 and cuttable(size):
        chain.apply("unbind.int", chain.tensor.unbind(dim), index, dim=dim)
    else:
        chain.apply("select.int", [chain.tensor.select(dim, index)], dim=dim, index=signed(draw, index, size))


def split(draw: st.DataObject, chain: Chain) -> None:
    dim = a_dim(draw, chain)
    size = chain.tensor.shape[dim]
    width = draw.draw(st.integers(1, size))
    parts, chunks = chain.tensor.split(width, dim), chain.tensor.chunk(3, dim)
    sizes = [draw.draw(st.integers(1, size)), 0]
    sizes[1] = size - sizes[0]
    if not cuttable(size) or not all(cuttable(part.shape[dim]) for part in (*parts, *chunks)):
        return
    kind = draw.draw(st.integers(0, 2))
    if kind == 0:
        chain.apply("split.Tensor", parts, draw.draw(st.integers(0, len(parts) - 1)), split_size=width, dim=dim)
    elif kind == 1:
        chain.apply("chunk", chunks, draw.draw(st.integers(0, len(chunks) - 1)), chunks=3, dim=dim)
    elif sizes[1] and all(map(cuttable, sizes)):
        both = chain.tensor.split_with_sizes(sizes, dim)
        chain.apply("split_with_sizes", both, draw.draw(st.integers(0, 1)), split_sizes=sizes, dim=dim)


def copy(draw: st.DataObject, chain: Chain) -> None:
    name = draw.draw(st.sampled_from(["clone", "alias", "detach", "contiguous"]))
    chain.apply(name, [chain.tensor])


STEPS = (
    reshape, flatten, unflatten, transpose, named_transpose, permute, movedim, unsqueeze, squeeze, expand, take_slice,
    narrow, select, split, copy,
)  # fmt: skip


def grown(draw: st.DataObject, chain: Chain, max_steps: int) -> Chain:
    for step in draw.draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=max_steps)):
        if chain.tensor.dim():
            step(draw, chain)
    return chain


def gather(view: View, base: torch.Tensor) -> torch.Tensor:
    """Read a view of ``base`` element by element, straight from the definition in ``dsv3c.ir.strided``."""
    sizes = [evaluate(size, ENV) for size in view.sizes]
    elements = list[int]()
    for index in product(*map(range, sizes)):
        position = [evaluate(offset, ENV) for offset in view.offsets]
        for axis, number in zip(view.axes, index, strict=True):
            for piece in reversed(axis):
                number, digit = divmod(number, evaluate(piece.size, ENV))
                if piece.dim is not None:
                    position[piece.dim] += digit * evaluate(piece.stride, ENV)
        assert all(0 <= at < size for at, size in zip(position, base.shape, strict=True))
        elements.append(int(base[tuple(position)]))
    return torch.tensor(elements).view(sizes)


def check(chain: Chain) -> bool:
    """Compare the description with PyTorch's tensor; returns whether it reaches back to the base."""
    view = view_of(chain.value)
    assert view.sizes == shape(chain.value), chain.log
    if view.base is not chain.base:
        return False
    assert torch.equal(gather(view, chain.base_tensor), chain.tensor), (chain.log, str(view))
    return True


@profile
@given(st.data(), st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4))
def test_description_reads_what_pytorch_reads(draw: st.DataObject, sizes: list[int]) -> None:
    check(grown(draw, Chain(sizes, lambda size: size), 6))


@profile
@given(st.data())
def test_strided_chains_have_pytorchs_strides(draw: st.DataObject) -> None:
    chain = grown(draw, Chain([72], lambda size: size), 7)
    if not chain.shares_storage():
        return
    assert check(chain), chain.log
    tensor = chain.tensor
    axes = [
        () if size == 1 else (Piece(0 if stride else None, size, stride),)
        for size, stride in zip(tensor.shape, tensor.stride(), strict=True)
    ]
    assert view_of(chain.value) == View(chain.base, tuple(axes), (tensor.storage_offset(),)), chain.log


@profile
@given(st.data(), st.sampled_from([(5, 7, 12), (35, 4, 6), (5, 1, 7, 2, 6), (7, 2, 5), (10, 7)]))
def test_symbolic_sizes(draw: st.DataObject, sizes: tuple[int, ...]) -> None:
    chain = Chain(sizes, symbolic)
    assert any(isinstance(size, str) for size in shape(chain.base))
    check(grown(draw, chain, 5))


@profile
@given(st.data(), st.permutations(range(4)))
def test_symbolic_views_undo(draw: st.DataObject, order: list[int]) -> None:
    """Permuting, regrouping and going back is the identity, also with names."""
    chain = Chain((5, 7, 6, 2), symbolic)
    chain.apply("permute", [chain.tensor.permute(*order)], dims=order)
    permuted, split_sizes = chain.tensor, chain.tensor.shape
    merged_sizes = (split_sizes[0], split_sizes[1] * split_sizes[2], split_sizes[3])
    chain.apply("reshape", [permuted.reshape(merged_sizes)])
    chain.apply("view", [chain.tensor.view(split_sizes)])
    back = [order.index(dim) for dim in range(4)]
    chain.apply("permute", [chain.tensor.permute(*back)], dims=back)
    assert view_of(chain.value) == whole(chain.base)


@profile
@given(st.data(), st.permutations(range(3)))
def test_parts_of_a_dim_made_of_several(draw: st.DataObject, order: list[int]) -> None:
    """Flattening permuted dims gives a dim of several pieces; parts of it are read right or declined."""
    chain = Chain((2, 3, 4), lambda size: size)
    chain.apply("permute", [chain.tensor.permute(*order)], dims=order)
    chain.apply("reshape", [chain.tensor.reshape(24)])
    for _ in range(2):
        draw.draw(st.sampled_from([take_slice, narrow]))(draw, chain)
    if check(chain):
        flatten(draw, chain)
        check(chain)


@profile
@given(st.data(), st.integers(0, 2), st.permutations(range(3)))
def test_joined_views_read_the_parts(draw: st.DataObject, dim: int, order: list[int]) -> None:
    """cat of permuted slices of two tensors, then permuted: each part is read from its own base, already in place."""
    cat_type = CONTEXT.get_op("aten.cat")
    assert issubclass(cat_type, AtenOp)
    chains = list[Chain]()
    for _ in range(2):
        sizes = [3, 4, 6]
        sizes[dim] = draw.draw(st.sampled_from([4, 6]))
        inner = draw.draw(st.permutations(range(3)))
        chain = Chain([sizes[d] for d in inner], lambda size: size)
        back = [inner.index(d) for d in range(3)]
        chain.apply("permute", [chain.tensor.permute(*back)], dims=back)
        if draw.draw(st.booleans()):
            chain.apply("narrow", [chain.tensor.narrow(dim, 1, 2)], dim=dim, start=1, length=2)
        chains.append(chain)
    tensors = [chain.tensor for chain in chains]
    sizes = torch.cat(tensors, dim).shape
    properties = {"dim": attribute(signed(draw, dim, 3))}
    cat = cat_type.build_from({"tensors": [c.value for c in chains]}, properties, [tensor_type(sizes, f32)])
    permute_type = CONTEXT.get_op("aten.permute")
    assert issubclass(permute_type, AtenOp)
    result_type = tensor_type([sizes[d] for d in order], f32)
    moved = permute_type.build_from({"self": cat.results[0]}, {"dims": attribute(order)}, [result_type])
    joined = joined_views(moved.results[0])
    assert joined is not None
    assert joined.dim == order.index(dim)
    for chain, part in zip(chains, joined.parts, strict=True):
        assert part.base is chain.base
        assert torch.equal(gather(part, chain.base_tensor), chain.tensor.permute(*order))
