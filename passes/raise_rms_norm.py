"""``raise-rms-norm``: every spelling of RMS normalisation becomes one ``nn.rms_norm``.

Before  %x32 = aten.to.dtype(%x, dtype = f32)
        %square = aten.pow.Tensor_Scalar(%x32, exponent = 2)    (or mul of it with itself, or square)
        %mean = aten.mean.dim(%square, dim = [-1], keepdim = true)
        %shifted = aten.add.Scalar(%mean, other = 1e-06)
        %rstd = aten.rsqrt(%shifted)                            (or pow -0.5, or sqrt and a division)
        %scaled = aten.mul.Tensor(%x32, %rstd)
        %narrow = aten.to.dtype(%scaled, dtype = bf16)
        %y = aten.mul.Tensor(%weight, %narrow)                  (or the weight before the rounding)
After   %y = nn.rms_norm %x, %weight eps 1e-06 weight_in "input"

``weight_in`` is where the source applies the weight: "input" after rounding to x's type, "f32" before.
``aten.rms_norm`` is "f32": PyTorch's kernels multiply in f32 and round once.  Saves what later passes would have to
match: a norm is one op to fuse with quantisation, and works on each token alone.

``x / sqrt(m)`` becomes ``x * rsqrt(m)``, which may differ in the last bit of f32 before the rounding;
every other spelling keeps its bits.  Norms without a weight, or whose mean is not in f32, are left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xdsl.dialects.builtin import f32, f64
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.nn import RmsNormOp
from dsv3c.ir.types import element_type, shape
from dsv3c.passes.base import RewritePass
from dsv3c.passes.provenance import CONVERSIONS, unwidened, widening
from dsv3c.passes.rewriting import number, only_user, other_operand, producer, replace

MUL = "aten.mul.Tensor"
F32_EPS = 2.0**-23
"""What PyTorch adds where no eps is given: the f32 machine epsilon, whatever narrower type the input has."""


@dataclass(frozen=True)
class Norm:
    """A matched normalisation; the last op of ``matched`` makes its result."""

    x: SSAValue
    weight: SSAValue
    eps: float
    weight_in: Literal["input", "f32"]
    matched: Sequence[AtenOp]


@dataclass(frozen=True)
class Mean:
    """``mean(wide * wide) + eps``, in f32."""

    wide: SSAValue
    eps: float
    matched: Sequence[AtenOp]


@dataclass
class RaiseSpelledNorm(RewritePattern):
    """A norm in elementwise ops."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the root, of which a norm has exactly one."""
        if not isinstance(op, AtenOp) or not is_root(op):
            return None
        found = match_norm(op)
        if isinstance(found, str):
            return self.ctx.blocked(op, found)
        new = RmsNormOp(found.x, found.weight, found.eps, found.weight_in)
        replace(self.ctx, rewriter, op, found.matched, new)
        return None


def is_root(op: AtenOp) -> bool:
    """``rsqrt``, ``pow`` by -0.5, or ``sqrt``."""
    return op.name in ("aten.rsqrt", "aten.sqrt") or (
        op.name == "aten.pow.Tensor_Scalar" and number(op, "exponent") == -0.5
    )


def match_norm(root: AtenOp) -> Norm | str:
    """The norm around a root, or why it is none."""
    mean = match_mean(root)
    if isinstance(mean, str):
        return mean
    divides = root.name == "aten.sqrt"
    scaled = only_user(root.results[0], "aten.div.Tensor" if divides else MUL)
    if scaled is None or (divides and scaled.operands[1] is not root.results[0]):
        return "the root does not scale anything, or not only that"
    source, row = unwidened(mean.wide), other_operand(scaled, root.results[0])
    if unwidened(row) is not source or element_type(scaled.results[0]) != f32:
        return "the root does not scale the value that was squared, in f32"
    wideners = [widener for value in dict.fromkeys((mean.wide, row)) if (widener := widening(value))]
    return match_weight(source, mean.eps, scaled, [*wideners, *mean.matched, root, scaled])


def match_weight(x: SSAValue, eps: float, scaled: AtenOp, matched: Sequence[AtenOp]) -> Norm | str:
    """Where the weight is applied: before or after the scaled row is rounded to x's type."""
    kind = x.type
    narrow = only_user(scaled.results[0], *CONVERSIONS)
    normed = scaled if narrow is None else narrow
    if normed.results[0].type != kind and narrow is not None:
        return f"the scaled row is rounded to {element_type(normed.results[0])}, which is not the input's type"
    weighted = only_user(normed.results[0], MUL)
    if weighted is None:
        return "no weight is applied"
    weight = other_operand(weighted, normed.results[0])
    if shape(weight) != shape(x)[-1:]:
        return "what the scaled row is multiplied with is not one number for each column"
    if narrow is not None or element_type(x) == f32:
        if weighted.results[0].type != kind:
            return f"the product with the weight is {element_type(weighted.results[0])}, which is not the input's type"
        return Norm(x, weight, eps, "input", [*matched, *([narrow] if narrow else []), weighted])
    last = only_user(weighted.results[0], *CONVERSIONS)
    if last is None or last.results[0].type != kind:
        return "the product with the weight is not rounded to the input's type"
    widener = widening(weight)
    return Norm(x, unwidened(weight), eps, "f32", [*([widener] if widener else []), *matched, weighted, last])


def match_mean(root: AtenOp) -> Mean | str:
    """The mean of squares below a root, or why there is none."""
    shifted = producer(root.operands[0], "aten.add.Scalar")
    if shifted is None or number(shifted, "alpha") != 1 or (eps := number(shifted, "other")) is None:
        return "no number is added to what the root is taken of"
    mean = producer(shifted.operands[0], "aten.mean.dim")
    if mean is None or mean.literal("dim") not in ([-1], [len(shape(mean.operands[0])) - 1]):
        return "the root is not taken of a mean over the last dim"
    if mean.literal("keepdim") is not True:
        return "the mean loses its dim"
    square = producer(mean.operands[0], MUL, "aten.pow.Tensor_Scalar", "aten.square")
    if square is None or not is_square(square):
        return "the mean is not one of squares"
    wide = square.operands[0]
    for value in (wide, mean.results[0]):
        if element_type(value) != f32:
            return f"the mean of squares is computed in {element_type(value)}, not in f32"
    return Mean(wide, eps, [square, mean, shifted])


def is_square(op: AtenOp) -> bool:
    """``x * x``, ``x ** 2`` or ``square(x)``."""
    if op.name == MUL:
        return op.operands[0] is op.operands[1]
    return op.name == "aten.square" or number(op, "exponent") == 2


@dataclass
class RaiseFusedNorm(RewritePattern):
    """``aten.rms_norm``."""

    ctx: CompileContext

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Anchored on the call."""
        if not isinstance(op, AtenOp) or op.name != "aten.rms_norm":
            return None
        x, weight = op.value("input"), op.value("weight")
        assert x is not None
        if weight is None:
            return self.ctx.blocked(op, "no weight is applied")
        if len(shape(weight)) != 1:
            return self.ctx.blocked(op, f"it normalises over {len(shape(weight))} dims, not over the last one")
        if element_type(x) == f64:
            return self.ctx.blocked(op, "it is computed in f64, not in f32")
        given = number(op, "eps")
        replace(self.ctx, rewriter, op, [op], RmsNormOp(x, weight, F32_EPS if given is None else given, "f32"))
        return None


@dataclass(frozen=True)
class RaiseRmsNormPass(RewritePass):
    """``nn.rms_norm`` for every spelling of it."""

    name = "raise-rms-norm"

    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """One per kind of spelling."""
        return [RaiseFusedNorm(ctx), RaiseSpelledNorm(ctx)]
