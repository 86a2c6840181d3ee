"""Quantisers above views: the view of the quantised value, where its grid of blocks stays exact."""

from collections.abc import Iterator, Sequence

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.comm_rows import DispatchOp
from dsv3c.ir.dialects.moe_rows import PermuteOp
from dsv3c.ir.dialects.nn import RmsNormOp, SwigluOp
from dsv3c.ir.dialects.scaled import DequantizeOp, QuantizeOp
from dsv3c.ir.dialects.scaled_views import ReshapeOp, SliceOp
from dsv3c.ir.locations import fused
from dsv3c.ir.scaled_algebra import Derived, Refused, concatenated, keeps_blocks, of_view, regrouped
from dsv3c.ir.scaled_type import ScaledType, scaled_type
from dsv3c.ir.strided import whole
from dsv3c.ir.types import as_tensor, shape, with_element
from dsv3c.ir.views import RULES, dim_argument, regroup, slice_dim, view_of
from dsv3c.passes.matching import Mismatch

WANTED = (RmsNormOp, SwigluOp, DequantizeOp, PermuteOp, DispatchOp)
"""Ops whose result is better quantised at once: by a fused op, before rows move, or not at all."""


def quantized_above(readers: Sequence[Operation], source: SSAValue, kind: ScaledType, op: QuantizeOp) -> QuantizeOp:
    """The quantiser of ``source`` in place of those of ``readers``."""
    above = QuantizeOp(source, kind, op.quantizer)
    above.location, above.q.name_hint = fused(reader.location for reader in readers), op.q.name_hint
    return above


def above_view(ctx: CompileContext, rewriter: PatternRewriter, op: QuantizeOp, view: AtenOp) -> None:
    """Quantise before one view, where something is won up there: a fused op, or a quantiser to share.

    Raises ``Mismatch`` with the reason where blocks would be cut.
    """
    if view.name == "aten.cat" and any(isinstance(part.owner, WANTED) for part in view.operands):
        raise Mismatch(refused_parts(op, view))
    rule = RULES.get(view.name)
    if rule is None or not is_wanted(op):
        return
    kind, source = scaled_type(op.q), view.operands[0]
    if rule is regroup:
        before = exact(regrouped(kind, shape(source)))
        above = quantized_above([op], source, before, op)
        below: Operation = ReshapeOp(above.q, kind)
    elif rule is slice_dim:
        dim = dim_argument(view, "dim", whole(source), 0)
        before, start = before_slice(op, source, view, dim)
        above = quantized_above([op], source, before, op)
        below = SliceOp(above.q, kind, dim=dim, start=start)
    else:
        raise Mismatch(f"there is no {view.name} of scaled values")
    below.location, below.results[0].name_hint = view.location, op.q.name_hint
    ctx.fired(op, f"above {view.name}: a view of {before}")
    rewriter.replace(op, [above, below])


def exact(derived: Derived) -> ScaledType:
    """The type of a view.  Raises ``Mismatch`` where there is none."""
    if isinstance(derived, Refused):
        raise Mismatch(f"blocks of scales do not survive the view: {derived.reason}")
    return derived


def is_wanted(op: QuantizeOp) -> bool:
    """Whether the value below all views is better quantised at once, or is quantised alike elsewhere."""
    base = view_of(op.x).base
    alike = (other for other in quantizers_of(base) if other.quantizer == op.quantizer and other is not op)
    return isinstance(base.owner, WANTED) or next(alike, None) is not None


def quantizers_of(value: SSAValue) -> Iterator[QuantizeOp]:
    """The quantisers that read a value or views of it."""
    for use in value.uses:
        if isinstance(use.operation, QuantizeOp):
            yield use.operation
        elif use.operation.name in RULES:
            for result in use.operation.results:
                yield from quantizers_of(result)


def before_slice(op: QuantizeOp, source: SSAValue, view: AtenOp, dim: int) -> tuple[ScaledType, int]:
    """The type of the quantised ``source``, and where the slice of it starts."""
    kind, cut = scaled_type(op.q), slice_dim(view, 0, whole(source))
    before = kind.with_data(with_element(as_tensor(source), kind.element))
    start = cut.offsets[dim] if cut is not None else None
    if cut is None or not isinstance(start, int):
        raise Mismatch(f"where {view.name} starts depends on named sizes")
    if view.literal("step") != 1:
        raise Mismatch("scaled values are cut in one piece")
    if exact(of_view(before, cut)) != kind or not keeps_blocks(before, cut):
        raise Mismatch(f"a part of {before} has other blocks than {kind}")
    return before, start


def refused_parts(op: QuantizeOp, cat: AtenOp) -> str:
    """Why the parts of a concatenation are not quantised apart."""
    kind = scaled_type(op.q)
    parts = [kind.with_data(with_element(as_tensor(part), kind.element)) for part in cat.operands]
    joined = concatenated(parts, dim_argument(cat, "dim", whole(op.x), 0))
    return joined.reason if isinstance(joined, Refused) else "scaled values are not concatenated"
