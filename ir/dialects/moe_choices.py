"""The ``moe`` dialect's op over choices: experts that every token takes, beside those that its gate chose.

Shapes: T tokens (any leading size), k choices per token, n choices appended.
"""

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import IRDLOperation, base, irdl_op_definition, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from dsv3c.ir.dialects.common import I64Attr, require, require_float, require_shape
from dsv3c.ir.sizes import add
from dsv3c.ir.types import Tensor, element_type, shape, tensor_type


@irdl_op_definition
class AppendChoiceOp(IRDLOperation):
    """``weights'[t, k + i] = 1`` and ``ids'[t, k + i] = first + i`` for i in 0..count-1, behind the k choices.

    weights: [T, k] -> [T, k + count], ids: [T, k] i64 -> [T, k + count].  ``first``: an expert behind all that the ids
    choose among, so that none occurs twice in a token.  Source: arXiv 2412.19437, section 3.4.2 (in decoding the shared
    expert is a routed one that is always selected: 9 choices per token).
    """

    name = "moe.append_choice"

    weights = operand_def(base(Tensor))
    ids = operand_def(base(Tensor))
    first = prop_def(I64Attr)
    count = prop_def(I64Attr)
    all_weights = result_def(base(Tensor))
    all_ids = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$weights `,` $ids `first` $first `count` $count attr-dict "
        "`:` type($weights) `,` type($ids) `->` type($all_weights) `,` type($all_ids)"
    )

    def __init__(self, weights: SSAValue, ids: SSAValue, *, first: int, count: int) -> None:
        *tokens, top_k = shape(ids)
        sizes = (*tokens, add(top_k, count))
        super().__init__(
            operands=[weights, ids],
            result_types=[tensor_type(sizes, element_type(weights)), tensor_type(sizes, i64)],
            properties={"first": IntegerAttr(first, i64), "count": IntegerAttr(count, i64)},
        )

    def verify_(self) -> None:
        """One weight per choice; as many choices more as are appended."""
        first, count, choices = self.first.value.data, self.count.value.data, shape(self.ids)
        require(len(choices) >= 1, "ids need a last dim of choices")
        require_shape(self.weights, choices, "weights")
        require_float(self.weights, "weights")
        require(element_type(self.ids) == i64, f"ids must hold i64, not {element_type(self.ids)}")
        require(first >= 1, f"first must be behind some expert, not {first}")
        require(count >= 1, f"count must be at least one choice, not {count}")
        sizes = (*choices[:-1], add(choices[-1], count))
        for made, given, name in ((self.all_weights, self.weights, "weights"), (self.all_ids, self.ids, "ids")):
            expected = tensor_type(sizes, element_type(given))
            require(made.type == expected, f"all {name} must be {expected}, not {made.type}")


CHOICE_OPS: list[type[Operation]] = [AppendChoiceOp]
