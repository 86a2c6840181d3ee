"""A captured module's layers and buffers: which to keep, which have values."""

from collections.abc import Sequence

import torch
from torch import nn

from dsv3c.ir.errors import UsageError


def real_buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    """Buffers that have values: those that no checkpoint holds."""
    return {name: buffer for name, buffer in model.named_buffers() if not buffer.is_meta}


def keep_layers(model: nn.Module, layers: tuple[int, int] | None) -> None:
    """Drop the layers outside of ``layers`` from the model's list of layers; the others keep their numbers and names.

    Raises UsageError for a range that is empty or too large, and where the layers are not in one numbered list.
    """
    if layers is None:
        return
    first, end = layers
    found = layer_list(model)
    if not 0 <= first < end <= len(found):
        raise UsageError(
            f"--layers {first}:{end} is not a range of this model's {len(found)} layers",
            hint=f"give A:B with 0 <= A < B <= {len(found)}",
        )
    for name, _ in list(found.named_children()):
        if not first <= int(name) < end:
            delattr(found, name)  # not del found[i], which renumbers the others


def layer_list(model: nn.Module) -> nn.ModuleList:
    """The model's one outermost list of layers."""
    lists = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    outer = [(name, module) for name, module in lists if not inside_one_of(name, [other for other, _ in lists])]
    if len(outer) != 1:
        names = ", ".join(name for name, _ in outer) or "none"
        raise UsageError(
            f"--layers needs one nn.ModuleList of layers; this model has: {names}",
            hint="keep the layers in one nn.ModuleList, or leave --layers out",
        )
    return outer[0][1]


def inside_one_of(name: str, others: Sequence[str]) -> bool:
    """Whether a module is inside one of the other modules."""
    return any(name.startswith(f"{other}.") for other in others)
