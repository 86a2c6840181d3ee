"""What products of experts must know of the rows they are given: how ``moe.permute`` laid them out."""

from collections.abc import Mapping
from dataclasses import dataclass

from dsv3c.backends.triton.choices.base import Literal, Refused, Selection
from dsv3c.backends.triton.choices.gemm_configs import Product
from dsv3c.ir.cost_model import Env
from dsv3c.ir.dialects.moe_rows import GroupedMmOp, PermuteOp, product
from dsv3c.ir.dialects.scaled import GroupedMmOp as ScaledGroupedMmOp
from dsv3c.ir.expected_sizes import expected_rows
from dsv3c.ir.sizes import Size, SizeError, floordiv, sub
from dsv3c.ir.types import shape

LOWEST = 16
"""Rows of the lowest tile."""


@dataclass(frozen=True)
class ExpertRows:
    """M rows of E experts in a layout of ``moe.permute``."""

    layout: str
    alignment: int
    experts: int
    rows: Size
    permute: PermuteOp
    """Who laid them out."""
    padding: Mapping[str, Literal]
    """What a product's launcher is told of padding rows, if anything."""

    def parameters(self) -> dict[str, Literal]:
        """As launchers take them."""
        return {"layout": self.layout, "alignment": self.alignment, **self.padding}

    def product(self, columns: int, element_bytes: int, at: Selection, max_block_n: int = 0) -> Product:
        """What configurations are chosen for: an expert's rows on average; ``masked``: those it has room for."""
        slack = self.experts * (self.alignment - 1)
        mean = floordiv(sub(self.rows, slack), self.experts)
        divides = self.alignment if self.layout == "contiguous" else 0
        room = at.hint(self.rows) // self.filled(at) if self.layout == "masked" else 1
        return Product(mean, columns, element_bytes, self.experts, divides, max_block_n, max(1, room))

    def filled(self, at: Selection) -> int:
        """Rows that hold a token, at least one: all choices, or those expected to be of these experts.

        Of tokens that other ranks sent most choices are other ranks' experts'.
        """
        choices = at.hint(product(shape(self.permute.ids)))
        if at.batch_invariant:
            return max(1, choices)
        try:
            _, expected = expected_rows(self.permute, Env(sizes=at.hints))
        except SizeError:  # the tokens were sent in a step of which nothing is stated
            return max(1, choices)
        return max(1, min(choices, expected))


def padding_parameters(op: PermuteOp | GroupedMmOp | ScaledGroupedMmOp) -> dict[str, Literal]:
    """Whether padding rows may hold anything; a launcher that is not told writes zeros."""
    return {"skips_padding": True} if op.skips_padding is not None else {}


def expert_rows(op: GroupedMmOp | ScaledGroupedMmOp) -> ExpertRows | Refused:
    """The layout of a product's rows; refused where nothing tells it, or tiles would mix experts."""
    permute = op.expert_of.owner
    if not isinstance(permute, PermuteOp):
        return Refused(f"{op.name}: the layout of rows is known where moe.permute makes expert_of, not from elsewhere")
    layout, alignment = permute.layout.data, permute.alignment.value.data
    if layout == "contiguous" and alignment % LOWEST:
        return Refused(
            f"contiguous rows aligned to {alignment}: a tile of {LOWEST} rows would hold those of two experts; "
            f"align them to a multiple of {LOWEST} (bucket-tokens{{alignment={LOWEST}}}), or mask them"
        )
    rows = shape(op.expert_of)[0]
    return ExpertRows(layout, alignment, permute.experts.value.data, rows, permute, padding_parameters(op))
