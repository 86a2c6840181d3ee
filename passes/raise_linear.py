"""``raise-linear``: products with a weight become ``nn.linear``, look-ups in a table ``nn.embedding``.

Before  %y = aten.linear(%x, %w, bias = %b)                      %y = aten.einsum([%x, %w], equation = "bsd,od->bso")
        %t = aten.t(%w)  %y = aten.matmul(%x, %t)                %y = aten.embedding(%table, %ids)
After   %y = nn.linear %x, %w bias %b : ...                      %y = nn.embedding %ids, %table : ...

A linear whose operands were both widened right before (``F.linear(x.float(), w.float())``) reads them unwidened: the
product accumulates wider than its operands anyway, and its result keeps its type.  One spelling for later passes, on
the stored weight [N, K].  It leaves products of two activations, and a bias that is added to a rounded product.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.nn import EmbeddingOp, LinearOp
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import view_of
from dsv3c.passes.base import RewritePass
from dsv3c.passes.provenance import is_weight, widening
from dsv3c.passes.rewriting import number, replace
from dsv3c.passes.view_chains import build_view


@dataclass(frozen=True)
class Product:
    """``x @ weight.T + bias``, as an op spells it."""

    x: SSAValue
    weight: SSAValue
    turned: bool = False
    """The op reads the weight as [K, N]."""
    bias: SSAValue | None = None


@dataclass
class RaiseLinear(RewritePattern):
    """``aten.linear``, and the matrix products that spell it."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the product."""
        if not isinstance(op, AtenOp) or (product := product_of(op)) is None:
            return None
        if not is_weight(product.weight):
            if op.name == "aten.linear":
                return self.ctx.blocked(op, "its weight is no parameter of the model")
            return None
        if len(shape(product.weight)) != 2:
            return self.ctx.blocked(op, f"its weight has rank {len(shape(product.weight))}, not 2")
        if product.bias is not None and len(shape(product.bias)) != 1:
            return self.ctx.blocked(op, "its bias differs from row to row")
        if op.name == "aten.addmm" and (number(op, "beta"), number(op, "alpha")) != (1, 1):
            return self.ctx.blocked(op, "product and bias are scaled before they are added")
        weight, views = product.weight, list[Operation]()
        if product.turned:
            view = view_of(weight).permuted((1, 0))
            built = build_view(self.ctx, view)
            if built is None:
                return self.ctx.blocked(op, f"no chain of cuts, splits and permutations gives the weight {view}")
            views, weight = built, built[-1].results[0] if built else view.base
        wideners = wideners_of(product.x, weight) if product.bias is None else []
        x, weight = [widener.operands[0] for widener in wideners] or (product.x, weight)
        bias = [] if product.bias is None else [product.bias]
        new = LinearOp.build(operands=[x, weight, bias], result_types=op.result_types)
        replace(self.ctx, rewriter, op, [*wideners, op], [*views, new])
        return None


def product_of(op: AtenOp) -> Product | None:
    """What an op multiplies, if it is a product that may be a linear."""
    match op.name:
        case "aten.linear":
            x, weight, *bias = op.operands
            return Product(x, weight, bias=bias[0] if bias else None)
        case "aten.mm" | "aten.matmul":
            x, weight = op.operands
            return Product(x, weight, turned=True) if len(shape(weight)) == 2 else None
        case "aten.addmm":
            bias, x, weight = op.operands
            return Product(x, weight, turned=True, bias=bias)
        case "aten.einsum":
            return einsum_product(op)
        case _:
            return None


def einsum_product(op: AtenOp) -> Product | None:
    """``bsd,od->bso``: any letters, the operands in either order, the weight either way round."""
    equation = op.literal("equation")
    assert isinstance(equation, str)
    inputs, _, output = equation.replace(" ", "").partition("->")
    names = inputs.split(",")
    if len(names) != 2:
        return None
    for first in (0, 1):
        x, weight = names[first], names[1 - first]
        row, column = output[-1:], x[-1:]
        if output[:-1] == x[:-1] and row not in x and weight in (row + column, column + row):
            return Product(op.operands[first], op.operands[1 - first], turned=weight == column + row)
    return None


def wideners_of(x: SSAValue, weight: SSAValue) -> list[AtenOp]:
    """The ops that widened both operands of a product from one type; [] if there are no such two."""
    ops = [op for value in (x, weight) if (op := widening(value))]
    types = {element_type(op.operands[0]) for op in ops}
    return ops if len(ops) == 2 and len(types) == 1 else []


@dataclass
class RaiseEmbedding(RewritePattern):
    """``aten.embedding``: what it says about padding and sparsity concerns gradients only."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the look-up."""
        if not isinstance(op, AtenOp) or op.name != "aten.embedding":
            return None
        table, ids = op.operands
        if not is_weight(table):
            return self.ctx.blocked(op, "its table is no parameter of the model")
        replace(self.ctx, rewriter, op, [op], EmbeddingOp(ids, table))
        return None


@dataclass(frozen=True)
class RaiseLinearPass(RewritePass):
    """``nn.linear`` and ``nn.embedding`` for every spelling of them."""

    name = "raise-linear"

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One per op that is made."""
        return [RaiseLinear(ctx), RaiseEmbedding(ctx)]
