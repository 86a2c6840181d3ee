"""What the device refuses, the emulator of Gluon kernels refuses: rules of buffers, barriers, copies and products."""

from collections.abc import Callable, Iterator
from typing import Any

import emulated_kernels
import pytest
import torch
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import mbarrier

from dsv3c.backends.triton.gluon_emulation import arithmetic, barriers, copies, language, pointers, products
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError, Race
from dsv3c.backends.triton.gluon_emulation.memory import Buffer
from dsv3c.backends.triton.gluon_emulation.program import Program, running
from dsv3c.backends.triton.gluon_emulation.scheduler import Scheduler
from dsv3c.backends.triton.gluon_emulation.values import Pointer, Value, scalar

MMA = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, 64, 16])
ROWS = gl.BlockedLayout([1, 4], [4, 8], [4, 1], [1, 0])
SWIZZLED = gl.NVMMASharedLayout(swizzle_byte_width=128, element_bitwidth=16, rank=2)
FLAT = gl.NVMMASharedLayout(swizzle_byte_width=0, element_bitwidth=16, rank=2)
BF16 = gl.bfloat16


@pytest.fixture(autouse=True)
def program() -> Iterator[Program]:
    """What is called in a test belongs to one program, of one partition."""
    made = Program((0, 0, 0), (1, 1, 1), Scheduler(0), 4)
    with running([made]):
        yield made


def buffer(shape: list[int], element: Any = BF16, layout: Any = SWIZZLED, *, filled: bool = True) -> Buffer:
    made = language.allocate_shared_memory(element, shape, layout)
    if filled:
        made.store(arithmetic.full(shape, 1.0, element, ROWS if len(shape) == 2 else None))
        language.fence_async_shared()
    return made


def barrier(count: int = 1) -> Buffer:
    made = language.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    barriers.init(made, count=count)
    return made


def descriptor(tensor: torch.Tensor, block: tuple[int, ...], swizzle: int | None = None) -> copies.TensorDescriptor:
    return copies.descriptor_of(tensor, block, swizzle, "x_desc")


def bf16(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.bfloat16)


def acc(rows: int = 64, columns: int = 64, layout: Any = MMA) -> Value:
    return arithmetic.zeros([rows, columns], gl.float32, layout)


def product(**changed: Any) -> Any:
    given = {"a": buffer([64, 64]), "b": buffer([64, 64]), "acc": acc(), **changed}
    return products.warpgroup_mma(given.pop("a"), given.pop("b"), given.pop("acc"), **given)


def load_box(shape: tuple[int, int] = (16, 64), *, coord: tuple[int, ...] = (0, 0), **changed: Any) -> None:
    given = {"into": buffer([16, 64], filled=False), "bar": barrier(), "swizzle": None, **changed}
    barriers.expect(given["bar"], 2048)
    copies.load(descriptor(bf16(64, 128), shape, given["swizzle"]), coord, given["bar"], given["into"])


FP8 = gl.float8e4nv
FP8_LAYOUT = gl.NVMMASharedLayout(swizzle_byte_width=64, element_bitwidth=8, rank=2)
OPERAND = gl.DotOperandLayout(0, MMA, 2)


def halves(layout: Any, rows: int = 64) -> Value:
    return arithmetic.full([rows, 64], 1.0, BF16, layout)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    # products
    "rows of a product": (lambda: product(a=buffer([32, 64]), acc=acc(32)), "a product of .32, 64. and .64, 64. added"),
    "inner sizes": (lambda: product(b=buffer([32, 64])), "a product of .64, 64. and .32, 64."),
    "layout of a sum": (lambda: product(acc=acc(layout=ROWS)), "the accumulator needs an NVMMADistributedLayout"),
    "sums in f32": (lambda: product(acc=arithmetic.zeros([64, 64], BF16, MMA)), "adds products in f32 only"),
    "types of a product": (lambda: product(a=buffer([64, 64], FP8, FP8_LAYOUT)), "no products of"),
    "layout in registers": (lambda: product(a=halves(ROWS)), "a in registers needs a DotOperandLayout"),
    "whose layout it is": (
        lambda: product(a=halves(OPERAND), acc=acc(layout=gl.NVMMADistributedLayout([3, 0], [4, 1], [16, 32, 16]))),
        "a's layout belongs to",
    ),
    "layout in memory": (
        lambda: product(b=buffer([64, 64], layout=gl.SwizzledSharedLayout(1, 1, 1, [1, 0]))),
        "b .* needs an NVMMASharedLayout",
    ),
    "8 bits along the inner dim": (
        lambda: product(a=buffer([64, 64], FP8, FP8_LAYOUT), b=buffer([64, 64], FP8, FP8_LAYOUT)),
        "8-bit operands are contiguous along the inner dim",
    ),
    "a wait for nothing": (lambda: products.warpgroup_mma_wait(0), "needs deps"),
    # buffers
    "an entry that is not there": (lambda: buffer([16, 64]).index(16), "has no entry 16"),
    "a slice that is not there": (lambda: buffer([16, 64]).slice(8, 16), r"no entries 8\.\.24 in dim 0"),
    "a slice at run time": (lambda: buffer([16, 64]).slice(scalar(0), 8), "the start of a slice is a constant"),
    "a shape that is no view": (lambda: buffer([16, 64]).permute((1, 0)).reshape([1024]), "cannot be seen as"),
    "other elements of parts": (lambda: buffer([16, 64]).slice(0, 8, 1).reinterpret(gl.float32), "not in one piece"),
    "more than there is": (lambda: buffer([16, 64]).reinterpret(gl.float32, [16, 64]), "is too small for"),
    "an element's start": (
        lambda: buffer([16, 64]).reshape([1024]).slice(1, 4).reinterpret(gl.float32, [2]),
        "does not start where",
    ),
    "another type": (lambda: buffer([16, 64]).store(arithmetic.zeros([16, 64], gl.float32, ROWS)), "stored to"),
    "another shape": (lambda: buffer([16, 64]).store(arithmetic.zeros([8, 64], BF16, ROWS)), "stored to"),
    "layout of what is loaded": (lambda: buffer([16, 64]).load(gl.SliceLayout(1, MMA)), "in a layout of 1 dims"),
    # barriers
    "no barrier": (lambda: barriers.wait(buffer([1], gl.int64, FLAT, filled=False), 0), "that mbarrier.init has seen"),
    "a barrier of 32 bits": (lambda: barriers.init(buffer([1], gl.int32, FLAT, filled=False), 1), "one 64-bit element"),
    "a barrier for nobody": (lambda: barrier(count=0), "a barrier of 0 arrivals"),
    "no bytes": (lambda: barriers.expect(barrier(), 0), "cannot expect 0 bytes"),
    "too many bytes": (lambda: barriers.expect(barrier(), 2**20), "cannot expect 1048576 bytes"),
    "a parity": (lambda: barriers.wait(barrier(), 2), "the parity of a phase is 0 or 1"),
    "too many arrivals": (lambda: barriers.arrive(barrier(), count=2), "more came in a phase"),
    # copies
    "a tensor's strides": (lambda: descriptor(bf16(8, 12)[:, :8], (8, 8)), "x_desc: strides"),
    "a tensor's start": (lambda: descriptor(bf16(8, 64)[:, 4:], (8, 8)), "does not start at a multiple of 16"),
    "a box's row": (lambda: descriptor(bf16(8, 64), (8, 4)), "cannot be copied"),
    "a box's rows": (lambda: descriptor(bf16(8, 64), (512, 64)), "cannot be copied"),
    "a box's dims": (lambda: descriptor(bf16(8, 64), (64,)), "boxes of"),
    "coordinates": (lambda: load_box(coord=(0, 0, 0)), "3 coordinates for boxes"),
    "where a flat box lies": (
        lambda: load_box((1, 32), into=buffer([4, 32], layout=FLAT, filled=False).slice(1, 1), swizzle=0),
        "starts at byte 64 of its allocation: boxes start at multiples of 128",
    ),
    "where a swizzled box lies": (
        lambda: load_box((4, 64), into=buffer([2, 4, 64], filled=False).index(1), swizzle=128),
        "starts at byte 512 of its allocation: boxes start at multiples of 1024",
    ),
    "where a box starts": (lambda: load_box(coord=(0, 4)), "the last is not at a multiple of 16 bytes"),
    "where a box goes": (lambda: load_box(into=buffer([16, 32], filled=False)), "has boxes of .16, 64. bf16"),
    "what a box holds": (lambda: load_box(into=buffer([16, 64], gl.float16, filled=False)), "has boxes of"),
    "a box's swizzle": (lambda: load_box(swizzle=0), "has layout"),
    # values
    "8-bit floats": (lambda: arithmetic.full([64], 1.0, FP8) + 1.0, "convert 8-bit floats first"),
    "sizes": (lambda: arithmetic.zeros([48], gl.float32), "powers of two"),
    "ranks": (lambda: acc() + arithmetic.zeros([64], gl.float32, gl.SliceLayout(1, MMA)), "Gluon adds no dims"),
    "shapes": (lambda: acc(64, 64) + acc(32, 64), "blocks of shapes"),
    "a dim's place": (lambda: arithmetic.zeros([64], gl.float32, gl.SliceLayout(1, MMA))[None, :], "sliced in dim 1"),
    "an index": (lambda: acc()[0], "cannot be indexed by 0"),
    "a condition": (lambda: bool(acc() > 0.0), "where a scalar is needed"),
    "a float as an integer": (lambda: barrier().index(scalar(0.0)), "where an integer is needed"),
    "division by zero": (lambda: scalar(1) // 0, "divided by zero"),
    "floats": (lambda: scalar(1.0) // 2.0, "for integers only"),
    "functions of integers": (lambda: language.LANGUAGE["exp2"](scalar(1)), "Triton has it for f32"),
    "sums of 16 bits": (lambda: language.LANGUAGE["sum"](halves(MMA), 1), "convert it to f32 first"),
    "a dim from behind": (lambda: language.LANGUAGE["max"](acc(), -1), "a reduction of dim -1"),
    "a float's distance": (lambda: Pointer(bf16(4), torch.tensor(0)) + 1.0, "a pointer plus fp32"),
    "before a tensor": (lambda: pointers.load(Pointer(bf16(4), torch.tensor(0)) - 1), "an access at element -1"),
    "a worker's block": (
        lambda: language.warp_specialize([(print, ()), (emulated_kernels.one, (acc(),))], [4]),
        "is a worker: it takes no blocks",
    ),
    "numbers of warps": (lambda: language.warp_specialize([(print, ())], [4]), "0 workers, 1 numbers of warps"),
    "an assertion": (lambda: language.device_assert(scalar(1) > 2, "why"), "device_assert: why"),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSED)
def test_refused(rule: str) -> None:
    act, message = REFUSED[rule]
    with pytest.raises(EmulationError, match=message):
        act()


def test_what_is_not_refused() -> None:
    """The same calls without their faults."""
    load_box()
    a, b = buffer([64, 64], FP8, FP8_LAYOUT), buffer([64, 64], FP8, FP8_LAYOUT)
    assert product(a=a, b=b.permute((1, 0))).data.eq(64.0).all()
    assert product(a=halves(OPERAND)).data.eq(64.0).all()
    assert product(acc=arithmetic.full([64, 64], 2.0, gl.float32, MMA), use_acc=False).data.eq(64.0).all()
    assert buffer([16, 64]).reinterpret(gl.float32, [16, 32]).load(ROWS).shape == [16, 32]
    assert language.LANGUAGE["max"](halves(MMA), 1).dtype == arithmetic.maximum(halves(MMA), 0.0).dtype == gl.float32
    assert pointers.load(Pointer(bf16(4), torch.tensor(0)) + 3).item() == 1.0


# Order ----------------------------------------------------------------------------------------------------------------


def test_products_are_complete_in_order_and_not_before_they_are_waited_for() -> None:
    a, b = buffer([64, 64]), buffer([64, 64])
    first = products.warpgroup_mma(a, b, acc(), is_async=True)
    second = products.warpgroup_mma(a, b, first, is_async=True)
    first, later = products.warpgroup_mma_wait(1, (first, second))
    assert first.data.eq(64.0).all()
    with pytest.raises(EmulationError, match="before warpgroup_mma_wait"):
        later + 0.0
    with pytest.raises(Race, match="is written while a product"):
        a.store(arithmetic.zeros([64, 64], BF16, ROWS))
    assert products.warpgroup_mma_wait(0, (later,)).data.eq(128.0).all()
    assert later.data.eq(128.0).all()
    a.store(arithmetic.zeros([64, 64], BF16, ROWS))


def test_a_product_that_was_never_waited_for_is_an_error(program: Program) -> None:
    product(is_async=True)
    with pytest.raises(EmulationError, match="ended without warpgroup_mma_wait"):
        program.check_end()


def test_a_load_under_way_when_the_program_ends_is_an_error(program: Program) -> None:
    program.check_end()
    program.scheduler.start(lambda: None)
    with pytest.raises(EmulationError, match="before its copies were complete"):
        program.check_end()


def test_what_was_stored_from_registers_is_fenced_before_it_is_loaded_over() -> None:
    box = buffer([16, 64], filled=False)
    box.store(arithmetic.zeros([16, 64], BF16, ROWS))
    with pytest.raises(Race, match=r"fence_async_shared is missing .* write it"):
        load_box(into=box)
    language.fence_async_shared()
    load_box(into=box)


@pytest.mark.parametrize("parity", [0, 1])
def test_a_wait_passes_when_the_phase_of_its_parity_has_ended(parity: int) -> None:
    bar = barrier(count=2)
    phases = barriers.barrier_of(bar)
    for phase in range(4):
        assert phases.passes(parity) == (phase % 2 != parity)
        barriers.arrive(bar, count=1)
        assert phases.phase == phase
        barriers.arrive(bar, count=1)
        assert phases.phase == phase + 1


def test_bytes_may_come_before_they_are_expected() -> None:
    bar = barriers.barrier_of(barrier())
    bar.num_bytes -= 64
    bar.settle()
    assert bar.phase == 0
    bar.num_bytes += 64
    bar.arrive(1)
    assert bar.phase == 1
