"""Views as torch-mlir takes them: neighbouring dims joined, one dim cut, and nothing else."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.fx.experimental.symbolic_shapes import statically_known_true


def reshape(x: Tensor, shape: Sequence[Any]) -> Tensor:
    """The same elements in the same order.

    Dims that stay are left out of it at both ends, so that no size is divided by others: torch-mlir 20261001 lowers a
    view of several dynamic dims wrongly (it takes one of them for 1).
    """
    before, after = list(x.shape), list(shape)
    front = common(before, after)
    back = common(before[front:][::-1], after[front:][::-1])
    old, new = before[front : len(before) - back], after[front : len(after) - back]
    if not old:
        for dim in range(front, front + len(new)):
            x = x.unsqueeze(dim)
        return x
    x = x.flatten(front, front + len(old) - 1) if len(old) > 1 else x
    if not new:
        return x.squeeze(front)
    return x.unflatten(front, new) if len(new) > 1 else x


def common(left: Sequence[Any], right: Sequence[Any]) -> int:
    """How many sizes at the front are known to be the same."""
    count = 0
    while count < min(len(left), len(right)) and statically_known_true(left[count] == right[count]):
        count += 1
    return count
