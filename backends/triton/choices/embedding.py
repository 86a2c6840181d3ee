"""Kernels of rows of tables."""

from xdsl.dialects.builtin import i32, i64

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.backends.triton.choices.row_configs import rows_of, tiles
from dsv3c.ir.dialects.nn import EmbeddingOp, LastTokensOp
from dsv3c.ir.types import element_type, shape


@KERNELS.rule(EmbeddingOp)
def embedding(op: EmbeddingOp, at: Selection) -> Choice | Refused:
    """A copy of rows."""
    columns = shape(op.table)[1]
    if element_type(op.ids) not in (i32, i64) or not isinstance(columns, int):
        return Refused(f"its kernel takes rows of fixed width by i32 or i64, not {op.table.type} by {op.ids.type}")
    return Choice(
        launcher="embedding.embedding",
        operands={"ids": op.ids, "table": op.table},
        results={"y": op.y},
        configs=tiles(columns, rows_of(op.y), at),
    )


@KERNELS.rule(LastTokensOp)
def last_tokens(op: LastTokensOp, at: Selection) -> Choice | Refused:
    """A copy of rows."""
    columns = shape(op.h)[-1]
    if element_type(op.seq_offsets) != i32 or not isinstance(columns, int) or len(shape(op.h)) != 2:
        return Refused(f"its kernel takes rows of fixed width by i32, not {op.h.type} by {op.seq_offsets.type}")
    return Choice(
        launcher="embedding.last_tokens",
        operands={"h": op.h, "seq_offsets": op.seq_offsets},
        results={"y": op.results[0]},
        configs=tiles(columns, rows_of(op.results[0]), at),
    )
