"""``passes.matching.between``: the ops of a subgraph, and no others."""

from xdsl.dialects import func

from dsv3c.ir.context import make_context
from dsv3c.ir.text import parse_module
from dsv3c.passes.matching import between

TEXT = """
func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %before = aten.neg(%x) : tensor<4xf32>
  %stop = aten.exp(%before) : tensor<4xf32>
  %aside = aten.sin(%stop) : tensor<4xf32>
  %first = aten.cos(%stop) : tensor<4xf32>
  %value = aten.add.Tensor(%first, %stop) : tensor<4xf32>
  %after = aten.relu(%value) : tensor<4xf32>
  func.return %after, %aside : tensor<4xf32>, tensor<4xf32>
}
"""


def test_only_what_lies_between_in_program_order() -> None:
    module = parse_module(make_context(), TEXT)
    (function,) = (op for op in module.ops if isinstance(op, func.FuncOp))
    ops = {op.name: op for op in function.body.block.ops}
    found = between(ops["aten.add.Tensor"].results[0], [ops["aten.exp"].results[0]])
    assert [op.name for op in found] == ["aten.cos", "aten.add.Tensor"]
