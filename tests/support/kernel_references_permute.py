"""What the launcher of rows in expert order computes."""

from collections.abc import Mapping

from kernel_references import Reference, Value
from torch import Tensor

from dsv3c.backends.reference.meanings import moe_rows
from dsv3c.backends.reference.meanings.scaled import Scaled


def permute(
    *, x: Tensor | Scaled, ids: Tensor, counts: Tensor, configs: object, experts: int, layout: str, alignment: int,
    outputs: Mapping[str, Value],
) -> Mapping[str, Value]:  # fmt: skip
    """``moe.permute`` with as many rows as there is room for."""
    sizes = {"rows": outputs["slots"].shape[0]}
    how = {"experts": experts, "layout": layout, "alignment": alignment}
    rows, slots, expert_of = moe_rows.permute(x, ids, **how, **sizes)
    return {"rows": rows, "slots": slots, "expert_of": expert_of}


REFERENCES = {"permute.permute": Reference(permute, "bitwise", sized=True)}
