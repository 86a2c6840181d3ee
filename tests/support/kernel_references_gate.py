"""What the launchers of routing compute."""

from collections.abc import Mapping
from typing import Any

from kernel_references import Reference
from torch import Tensor

from dsv3c.backends.reference.meanings import moe
from dsv3c.backends.triton.launchers.rows import TYPES


def gate(
    *, logits: Tensor, bias: Tensor | None = None, scores_in: str, dtype: str, configs: object, **how: Any
) -> Mapping[str, Tensor]:
    """``moe.gate``; the kernel's choices come best first, which ``any_order`` allows."""
    kinds = {"scores_in": TYPES[scores_in], "dtype": TYPES[dtype]}
    weights, ids = moe.gate(logits, bias, **how, **kinds, any_order=False)
    return {"weights": weights, "ids": ids}


def append_choice(weights: Tensor, ids: Tensor, *, first: int, count: int, configs: object) -> Mapping[str, Tensor]:
    """``moe.append_choice``."""
    all_weights, all_ids = moe.append_choice(weights, ids, first=first, count=count)
    return {"all_weights": all_weights, "all_ids": all_ids}


REFERENCES = {
    "gate.gate": Reference(gate, "bitwise"),
    "gate.append_choice": Reference(append_choice, "bitwise"),
}
