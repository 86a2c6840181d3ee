"""The ``nn`` dialect's op on the tables of a step: what a part of a step's tokens has for tables."""

from xdsl.dialects.builtin import StringAttr, i32
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, base, irdl_op_definition, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from dsv3c.ir.dialects.common import require, require_one_of, require_shape, show
from dsv3c.ir.sizes import Size, SizeError, add, parse_size
from dsv3c.ir.types import Tensor, element_type, shape, tensor_type

KEPT = ("all", "present")


@irdl_op_definition
class StepPartOp(IRDLOperation):
    """The tables of tokens ``first .. first + count - 1`` of a step, as a step of its own.

    ``offsets[n] = clamp(seq_offsets[n] - first, 0, count)``, ``q[n] = offsets[n + 1] - offsets[n]``,
    ``lens[n] = context_lens[n] - max(seq_offsets[n + 1] - first - count, 0) if q[n] > 0 else 0``: what of a sequence
    comes after the part is not in the cache yet.  ``keep "all"``: every sequence keeps its row, M = N, also those
    without a token in the part; ``"present"``: only sequences with q[n] > 0 do, in their order, and M is their number
    (a symbol of its own, or an expression the step promises).  seq_offsets: [N + 1], block_table: [N, P],
    context_lens: [N]; offsets: [M + 1], table: [M, P], lens: [M]; all i32.  ``first`` and ``count`` are size
    expressions, in tokens.  Movement and integers only.  Source: two micro-batches of a step, as in
    deepseek-ai/profile-data.
    """

    name = "nn.step_part"

    seq_offsets = operand_def(base(Tensor))
    block_table = operand_def(base(Tensor))
    context_lens = operand_def(base(Tensor))
    first = prop_def(StringAttr)
    count = prop_def(StringAttr)
    keep = prop_def(StringAttr)
    offsets = result_def(base(Tensor))
    table = result_def(base(Tensor))
    lens = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$seq_offsets `,` $block_table `,` $context_lens `first` $first `count` $count `keep` $keep attr-dict "
        "`:` type($seq_offsets) `,` type($block_table) `,` type($context_lens) "
        "`->` type($offsets) `,` type($table) `,` type($lens)"
    )

    def __init__(
        self,
        seq_offsets: SSAValue,
        block_table: SSAValue,
        context_lens: SSAValue,
        *,
        first: Size,
        count: Size,
        keep: str,
        sequences: Size,
    ) -> None:
        super().__init__(
            operands=[seq_offsets, block_table, context_lens],
            properties={"first": StringAttr(str(first)), "count": StringAttr(str(count)), "keep": StringAttr(keep)},
            result_types=[
                tensor_type((add(sequences, 1),), i32),
                tensor_type((sequences, *shape(block_table)[1:]), i32),
                tensor_type((sequences,), i32),
            ],
        )

    def verify_(self) -> None:
        """Three i32 tables of N sequences in, of M sequences out; canonical sizes."""
        require_one_of(self.keep, "keep", KEPT)
        for name, text in (("first", self.first.data), ("count", self.count.data)):
            try:
                canonical = str(parse_size(text))
            except SizeError as error:
                require(False, f"{name}: {error}")
                raise
            require(text == canonical, f'{name} "{text}" must be written "{canonical}"')
        given = (self.seq_offsets, self.block_table, self.context_lens)
        made = (self.offsets, self.table, self.lens)
        for value, name in zip((*given, *made), NAMES, strict=True):
            require(element_type(value) == i32, f"{name} must hold i32, not {element_type(value)}")
        require(len(shape(self.context_lens)) == 1, f"context_lens must be [N], not {show(shape(self.context_lens))}")
        require(len(shape(self.lens)) == 1, f"lens must be [M], not {show(shape(self.lens))}")
        (sequences,), (kept,) = shape(self.context_lens), shape(self.lens)
        require(len(shape(self.block_table)) == 2, f"block_table must be [N, P], not {show(shape(self.block_table))}")
        pages = shape(self.block_table)[1]
        require_shape(self.seq_offsets, (add(sequences, 1),), "seq_offsets")
        require_shape(self.block_table, (sequences, pages), "block_table")
        require_shape(self.offsets, (add(kept, 1),), "offsets")
        require_shape(self.table, (kept, pages), "table")
        require(self.keep.data == "present" or kept == sequences, f"all {sequences} sequences are kept, not {kept}")


NAMES = ("seq_offsets", "block_table", "context_lens", "offsets", "table", "lens")
