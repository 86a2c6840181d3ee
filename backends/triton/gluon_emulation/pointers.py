"""Loads and stores through pointers: every address must lie in the tensor that was passed."""

from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.triton.gluon_emulation.elements import convert, flat, poison, span
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError
from dsv3c.backends.triton.gluon_emulation.program import current
from dsv3c.backends.triton.gluon_emulation.values import Pointer, Value, as_value, joined_layout

HINTS = {"cache_modifier", "eviction_policy", "volatile", "cache_policy", "boundary_check", "padding_option"}
"""Of loads and stores; they change nothing."""


def addressed(pointer: Any, mask: Any, hints: dict[str, Any]) -> tuple[Pointer, Tensor | None, Tensor, Any]:
    """Pointer, mask, the addresses that are used, and the layout of the result.

    Raises EmulationError for an address outside the tensor.
    """
    if not isinstance(pointer, Pointer):
        raise EmulationError(f"{type(pointer).__name__} where a pointer is needed")
    if set(hints) - HINTS:
        raise EmulationError(f"options of a load or store that are not emulated: {sorted(set(hints) - HINTS)}")
    layout, used, chosen = pointer.layout, pointer.data, None
    if mask is not None:
        layout = joined_layout(pointer, as_value(mask))
        chosen = as_value(mask).data.to(torch.bool).expand(pointer.data.shape)
        used = pointer.data[chosen]
    if used.numel():
        low, high = int(used.min()), int(used.max())
        if low < 0 or high >= span(pointer.base):
            raise EmulationError(
                f"an access at element {low if low < 0 else high} of a tensor of shape {list(pointer.base.shape)}, "
                f"strides {list(pointer.base.stride())}"
            )
    return pointer, chosen, used, layout


def load(pointer: Any, mask: Any = None, other: Any = None, **hints: Any) -> Value:
    """Numbers at addresses; ``other`` where the mask does not hold, and poison where there is none."""
    at, chosen, used, layout = addressed(pointer, mask, hints)
    memory = flat(at.base)
    if chosen is None:
        return Value(memory[used], layout)
    shape, element = tuple(at.data.shape), at.base.dtype
    if other is None:
        made = poison(shape, element).clone()
    else:
        made = convert(as_value(other).data, element).expand(shape).clone()
    made[chosen] = memory[used]
    return Value(made, layout)


def store(pointer: Any, value: Any, mask: Any = None, **hints: Any) -> None:
    """Numbers to addresses, where the mask holds, in the type that the pointer has."""
    at, chosen, used, _ = addressed(pointer, mask, hints)
    given = as_value(value)
    joined_layout(at, given)
    numbers = convert(given.data, at.base.dtype).expand(at.data.shape)
    flat(at.base)[used] = numbers if chosen is None else numbers[chosen]


def atomic_add(pointer: Any, val: Any, mask: Any = None, **order: Any) -> Value:
    """Add to an address, in one step; what was there before."""
    del order
    current().scheduler.step()
    at, chosen, used, layout = addressed(pointer, mask, {})
    memory, added = flat(at.base), convert(as_value(val).data, at.base.dtype).expand(at.data.shape)
    before = poison(tuple(at.data.shape), at.base.dtype).clone()
    picked = torch.ones_like(at.data, dtype=torch.bool) if chosen is None else chosen
    before[picked] = memory[used.reshape(-1)]
    memory.index_add_(0, used.reshape(-1), added[picked].reshape(-1))
    return Value(before, layout)
