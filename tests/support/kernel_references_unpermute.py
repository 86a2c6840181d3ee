"""What the launcher of the experts' weighted sum computes."""

from collections.abc import Mapping

from kernel_references import Reference
from torch import Tensor

from dsv3c.backends.reference.meanings import moe_rows
from dsv3c.backends.triton.launchers.rows import TYPES


def unpermute(
    *, y: Tensor, slots: Tensor, weights: Tensor, ids: Tensor, row_of: Tensor, configs: object, combine_in: str,
    order: str,
) -> Mapping[str, Tensor]:  # fmt: skip
    """``moe.unpermute``."""
    return {"out": moe_rows.unpermute(y, slots, weights, ids, combine_in=TYPES[combine_in], order=order)}


REFERENCES = {"unpermute.unpermute": Reference(unpermute, "bitwise")}
