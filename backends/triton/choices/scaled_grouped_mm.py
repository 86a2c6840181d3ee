"""Kernels of experts' block-scaled products."""

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.backends.triton.choices.expert_rows import ExpertRows, expert_rows
from dsv3c.backends.triton.choices.gemm_configs import candidates, configs_for
from dsv3c.backends.triton.choices.scaled_mm import (
    TILES,
    TOO_LARGE,
    columns_per_scale,
    gluon_rejected,
    tiles_for,
    warp_product,
    why_not_gluon,
    why_refused,
)
from dsv3c.ir.dialects.scaled import GroupedMmOp
from dsv3c.ir.scaled_type import scaled_type, show_granule
from dsv3c.ir.types import shape

MOST_MASKED = 64
"""Experts whose masked rows the kernel in Gluon takes."""


@KERNELS.rule(GroupedMmOp)
def scaled_grouped_mm(op: GroupedMmOp, at: Selection) -> Choice | Refused:
    """The kernel of ``scaled.grouped_mm`` for these granules and this layout, by rows of an expert."""
    promote = None if op.promote is None else op.promote.value.data
    x, w = scaled_type(op.x), scaled_type(op.w)
    reason = why_refused(x, w, promote, at)
    if reason is None and w.granules[0] > 1:
        reason = f"granule {show_granule(w.granules)} of w: experts have scales of their own, or all share theirs"
    if reason is not None:
        return Refused(reason)
    laid_out = expert_rows(op)
    if isinstance(laid_out, Refused):
        return laid_out
    columns = shape(op.w)[1]
    assert isinstance(columns, int)
    needed = laid_out.product(columns, 1, at, columns_per_scale(w))
    tiles = tiles_for(TILES, x, promote)
    not_gluon = why_not_gluon(op.x, op.w, op.y, promote) or why_layout_not_gluon(laid_out)
    warp = None if not_gluon else warp_product(op.w, op.y, groups=laid_out.experts, divides=needed.divides)
    configs, rejected = configs_for(tiles, needed, at, warp)
    return Choice(
        launcher="scaled_grouped_mm.scaled_grouped_mm",
        operands={"x": op.x, "w": op.w, "expert_of": op.expert_of},
        results={"y": op.y},
        configs=configs,
        parameters={"promote": promote, "x_scales": x.layout_name, **laid_out.parameters()},
        rejected=(*gluon_rejected(not_gluon, at), *rejected, *TOO_LARGE),
        candidates=candidates(tiles, needed, at, warp),
    )


def why_layout_not_gluon(rows: ExpertRows) -> str:
    """Why the kernel in Gluon does not read rows of a layout; empty where it does."""
    if rows.layout == "dense":
        return "dense rows: its tiles of an expert are the first that have rows"
    if rows.layout == "masked" and rows.experts > MOST_MASKED:
        return f"{rows.experts} experts: it keeps the tiles of at most {MOST_MASKED} in registers"
    return ""
