"""What the launcher of rows in expert order computes."""

from collections.abc import Mapping
from typing import Any

from kernel_references import Reference, Value
from torch import Tensor

from dsv3c.backends.reference.meanings import moe_rows
from dsv3c.backends.reference.meanings.scaled import Scaled


def permute(
    *, x: Tensor | Scaled, ids: Tensor, counts: Tensor, configs: object, experts: int, layout: str, alignment: int,
    outputs: Mapping[str, Value], skips_padding: bool = False,
) -> Mapping[str, Value]:  # fmt: skip
    """``moe.permute`` with as many rows as there is room for."""
    room = outputs["slots"].shape[0]
    rows, slots, expert_of = moe_rows.permute(
        x, ids, experts=experts, layout=layout, alignment=alignment, rows=room, skips_padding=skips_padding
    )
    return {"rows": rows, "slots": slots, "expert_of": expert_of}


def held(keywords: Mapping[str, Any], expected: Mapping[str, Value]) -> Mapping[str, Tensor]:
    """Slots and experts are specified everywhere."""
    slots = expected["slots"]
    assert isinstance(slots, Tensor)
    return {"rows": slots >= 0} if keywords.get("skips_padding", False) else {}


REFERENCES = {"permute.permute": Reference(permute, "bitwise", sized=True, held=held)}
