"""``passes.rewriting.replace``: what it erases."""

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter

from dsv3c.ir.context import make_context
from dsv3c.ir.text import parse_module
from dsv3c.passes.rewriting import replace

TEXT = """
func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<2xf32>) {
  %a, %b = aten.split_with_sizes(%x, split_sizes = [2, 2]) : tensor<2xf32>, tensor<2xf32>
  %c = aten.neg(%a) : tensor<2xf32>
  %d = aten.cat([%c, %c]) : tensor<4xf32>
  func.return %d, %b : tensor<4xf32>, tensor<2xf32>
}
"""


def ops(module: ModuleOp) -> dict[str, Operation]:
    return {op.name: op for op in module.walk()}


def test_an_op_of_which_one_result_is_still_read_stays() -> None:
    ctx = make_context()
    module = parse_module(ctx, TEXT)
    found = ops(module)
    split, neg, cat = (found[f"aten.{name}"] for name in ("split_with_sizes", "neg", "cat"))
    new = type(cat).create(
        operands=[found["func.func"].regions[0].block.args[0]] * 2, result_types=list(cat.result_types)
    )
    replace(ctx, PatternRewriter(cat), cat, [split, neg, cat], new)
    left = ops(module)
    assert "aten.split_with_sizes" in left, "its second result is returned"
    assert "aten.neg" not in left
