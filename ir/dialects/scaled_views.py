"""Views of block-scaled values: data and scales cut or regrouped together.

Shapes: ``*`` any dims.  What a view does to the grid of scales is ``dsv3c.ir.scaled_algebra``; a view that would cut a
block is no valid op.
"""

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from dsv3c.ir.dialects.common import I64Attr, require
from dsv3c.ir.scaled_algebra import Derived, Refused, regrouped, sliced
from dsv3c.ir.scaled_type import ScaledType, scaled_type


def require_derived(result: SSAValue, derived: Derived) -> None:
    """A view's type follows from what is viewed."""
    if isinstance(derived, Refused):
        require(False, f"blocks of scales do not survive: {derived.reason}")
    require(result.type == derived, f"the view is {derived}, not {result.type}")


@irdl_op_definition
class ReshapeOp(IRDLOperation):
    """``r = q`` with the elements, and the scales, in row-major order dealt out to other sizes; no arithmetic.

    q: scaled [*], r: scaled [*] of as many elements, whose granule follows from q's: every scale keeps its elements.
    Source: ``torch.Tensor.view`` of data and scales.
    """

    name = "scaled.reshape"

    q = operand_def(ScaledType)
    r = result_def(ScaledType)
    traits = traits_def(Pure())
    assembly_format = "$q attr-dict `:` type($q) `->` type($r)"

    def __init__(self, q: SSAValue, result_type: ScaledType) -> None:
        super().__init__(operands=[q], result_types=[result_type])

    def verify_(self) -> None:
        """Blocks stay whole."""
        require_derived(self.r, regrouped(scaled_type(self.q), scaled_type(self.r).sizes))


@irdl_op_definition
class SliceOp(IRDLOperation):
    """``r = q[.., start : start + size, ..]`` along ``dim``, with the scales of these elements; no arithmetic.

    q: scaled [*], r: scaled [*], which says the size; start and size in elements, whole blocks of the granule or up to
    the end of the dim.  Source: ``torch.narrow`` of data and scales.
    """

    name = "scaled.slice"

    q = operand_def(ScaledType)
    dim = prop_def(I64Attr)
    start = prop_def(I64Attr)
    r = result_def(ScaledType)
    traits = traits_def(Pure())
    assembly_format = "$q `dim` $dim `start` $start attr-dict `:` type($q) `->` type($r)"

    def __init__(self, q: SSAValue, result_type: ScaledType, *, dim: int, start: int) -> None:
        super().__init__(
            operands=[q],
            result_types=[result_type],
            properties={"dim": IntegerAttr(dim, i64), "start": IntegerAttr(start, i64)},
        )

    def verify_(self) -> None:
        """Inside the dim, blocks whole."""
        kind, dim, start = scaled_type(self.q), self.dim.value.data, self.start.value.data
        rank = len(kind.sizes)
        require(0 <= dim < rank, f"there is no dim {dim} of {rank}")
        require(len(scaled_type(self.r).sizes) == rank, f"a slice keeps the rank {rank}: {self.r.type}")
        size, total = scaled_type(self.r).sizes[dim], kind.sizes[dim]
        inside = not (isinstance(size, int) and isinstance(total, int)) or start + size <= total
        require(start >= 0 and inside, f"elements {start} .. {start} + {size} are not inside {total}")
        require_derived(self.r, sliced(kind, dim, start, size))


VIEW_OPS = [ReshapeOp, SliceOp]
