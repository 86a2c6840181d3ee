"""Products of a warp group (``warpgroup_mma``): they read their operands when they are waited for."""

from typing import Any

import torch
from torch import Tensor
from triton.experimental.gluon import language as gl

from dsv3c.backends.triton.gluon_emulation.elements import FP8
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError, Unknown
from dsv3c.backends.triton.gluon_emulation.layouts import same_layout
from dsv3c.backends.triton.gluon_emulation.memory import Buffer
from dsv3c.backends.triton.gluon_emulation.program import current
from dsv3c.backends.triton.gluon_emulation.values import Value

HALVES = (torch.bfloat16, torch.float16)
ROWS = 64
"""Of the instruction."""


class Product:
    """``a b + acc`` under way."""

    def __init__(self, a: Buffer | Value, b: Buffer, acc: Value, use_acc: bool) -> None:
        self.a, self.b, self.acc, self.use_acc = a, b, acc, use_acc
        self.result: Tensor | None = None
        for operand in self.buffers():
            operand.check_read(current().partition, fenced=True)
            operand.add_reader(1)

    def buffers(self) -> list[Buffer]:
        """Operands in shared memory."""
        return [operand for operand in (self.a, self.b) if isinstance(operand, Buffer)]

    def complete(self) -> None:
        """Read the operands and add: every product exact, the sum in f32."""
        left, right = (each.tensor() if isinstance(each, Buffer) else each.data for each in (self.a, self.b))
        made = left.to(torch.float32) @ right.to(torch.float32)
        before = self.acc.result_of() if isinstance(self.acc, Accumulator) else self.acc.data
        self.result = made + before if self.use_acc else made
        for operand in self.buffers():
            operand.add_reader(-1)
            operand.note_read(current().partition)


class Accumulator(Value):
    """What an asynchronous product will have made: other products may add to it; nothing else before the wait."""

    __slots__ = ("product", "waited")

    def __init__(self, product: Product, layout: Any, *, waited: bool) -> None:
        super().__init__(product.acc._data, layout)  # for its shape and type
        self.product = product
        self.waited = waited

    @property
    def data(self) -> Tensor:
        """Raises EmulationError before warpgroup_mma_wait has returned it."""
        if not self.waited or self.product.result is None:
            raise EmulationError("an accumulator is used before warpgroup_mma_wait has returned it")
        return self.product.result

    def result_of(self) -> Tensor:
        """For the next product, which begins when this one is complete."""
        assert self.product.result is not None, "products complete in order"
        return self.product.result


def warpgroup_mma(
    a: Any,
    b: Any,
    acc: Any,
    *,
    use_acc: Any = True,
    precision: Any = None,
    max_num_imprecise_acc: Any = None,
    is_async: Any = False,
) -> Any:
    """``a b + acc`` (``use_acc``: else without acc); asynchronous: use the result after ``warpgroup_mma_wait``."""
    del precision, max_num_imprecise_acc  # of f32 and of 8-bit products in parts: neither is modelled
    check_operands(a, b, acc)
    program = current()
    product = Product(a, b, acc, bool(use_acc))
    program.partition.products.append(product)
    if is_async:
        program.scheduler.step()
        return Accumulator(product, acc.layout, waited=False)
    finish(0)
    assert product.result is not None
    return Value(product.result, acc.layout)


def warpgroup_mma_wait(num_outstanding: Any = 0, deps: Any = None) -> Any:
    """Wait until at most ``num_outstanding`` products are under way; ``deps`` as they are then."""
    if deps is None:
        raise EmulationError("warpgroup_mma_wait needs deps")
    current().scheduler.step()
    finish(int(num_outstanding))
    results = tuple(after_wait(dep) for dep in deps)
    return results[0] if len(results) == 1 else results


def after_wait(dep: Any) -> Any:
    """A finished accumulator as a value; one under way may be used once a later wait has finished it."""
    if not isinstance(dep, Accumulator):
        return dep
    if dep.product.result is not None:
        return Value(dep.product.result, dep.layout)
    return Accumulator(dep.product, dep.layout, waited=True)


def finish(num_outstanding: int) -> None:
    """Complete all but the last so many products of this partition, in order."""
    products = current().partition.products
    while len(products) > num_outstanding:
        products.pop(0).complete()


def check_operands(a: Any, b: Any, acc: Any) -> None:
    """Raises EmulationError for what the tensor cores do not take."""
    if not isinstance(b, Buffer) or not isinstance(a, (Buffer, Value)) or not isinstance(acc, Value):
        raise EmulationError("warpgroup_mma takes a buffer or block, a buffer, and a block to add to")
    rows, inner = a.shape if len(a.shape) == 2 else (0, 0)
    accumulated = acc._data  # pyright: ignore[reportPrivateUsage]  # its type and shape only
    if len(b.sizes) != 2 or inner != b.sizes[0] or tuple(accumulated.shape) != (rows, b.sizes[1]) or rows % ROWS:
        raise EmulationError(f"a product of {list(a.shape)} and {list(b.sizes)} added to {list(accumulated.shape)}")
    if acc.layout is not None and not isinstance(acc.layout, gl.NVMMADistributedLayout):
        raise EmulationError(f"the accumulator needs an NVMMADistributedLayout, not {acc.layout}")
    if accumulated.dtype != torch.float32:
        raise Unknown(f"the emulator adds products in f32 only, not {accumulated.dtype}")
    left = a.element if isinstance(a, Buffer) else a.data.dtype
    if left not in (*HALVES, *FP8) or b.element not in (*HALVES, *FP8) or left.itemsize != b.element.itemsize:
        raise Unknown(f"the emulator has no products of {left} and {b.element}")
    if isinstance(a, Value):
        check_register_operand(a, acc)
    for operand, dim, name in ((a, 1, "a"), (b, 0, "b")):
        if isinstance(operand, Buffer):
            check_shared_operand(operand, dim, name)


def check_register_operand(a: Value, acc: Value) -> None:
    """A left operand in registers lies as the accumulator asks."""
    if a.layout is None:
        return
    if not isinstance(a.layout, gl.DotOperandLayout) or a.layout.operand_index != 0:
        raise EmulationError(f"a in registers needs a DotOperandLayout of index 0, not {a.layout}")
    if not same_layout(a.layout.parent, acc.layout):
        raise EmulationError(f"a's layout belongs to {a.layout.parent}, the accumulator has {acc.layout}")


def check_shared_operand(operand: Buffer, inner: int, name: str) -> None:
    """8-bit operands lie along the inner dim: the instruction cannot transpose them."""
    if not isinstance(operand.layout, gl.NVMMASharedLayout):
        raise EmulationError(f"{name} ({operand.name}) needs an NVMMASharedLayout, not {operand.layout}")
    if operand.element.itemsize == 1 and operand.strides[inner] != 1:
        raise EmulationError(f"{name} ({operand.name}): 8-bit operands are contiguous along the inner dim")
