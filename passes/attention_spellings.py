"""The spellings of causal attention: fused, and as products of q, k and v around a softmax.

Letters of dims: b batch, s query position, t key position, h head, d head size of q and k, e of v.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute, SSAValue

from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.sizes import Size
from dsv3c.ir.strided import View
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import view_of
from dsv3c.passes.rewriting import number, only_user, producer
from dsv3c.passes.view_building import on_the_way

CASTS = ("aten.to.dtype", "aten.to.other", "aten.type_as", "aten._to_copy")
PRODUCTS = ("aten.matmul", "aten.einsum")
SCALES = ("aten.mul.Scalar", "aten.div.Scalar")
MASKS = ("aten.add.Tensor", "aten.masked_fill.Scalar")
SOFTMAX = ("aten.softmax.int", "aten._softmax")
NEGATIONS = ("aten.bitwise_not", "aten.logical_not")
LOWEST = {"bf16": -3.3895313892515355e38, "f16": -65504.0, "f32": -3.4028234663852886e38}
"""The most negative finite number of a type: what is filled in where minus infinity is avoided."""


@dataclass(frozen=True)
class Tensor4:
    """An operand or result of attention and the letters of its dims."""

    value: SSAValue
    letters: str

    def size(self, letter: str) -> Size:
        """The size of a dim."""
        return shape(self.value)[self.letters.index(letter)]

    def order(self, letters: str) -> list[int]:
        """The dims of the value in the order of ``letters``."""
        return [self.letters.index(letter) for letter in letters]


@dataclass(frozen=True)
class Mask:
    """What hides keys: additive or boolean."""

    value: SSAValue
    marks_hidden: bool = False
    """A boolean mask that is true where a key is hidden; else true where it is seen."""


@dataclass(frozen=True)
class Spelling:
    """One attention of the source."""

    q: Tensor4
    k: Tensor4
    v: Tensor4
    out: Tensor4
    scale: float
    scores: Attribute
    """The type scores are rounded to after scaling; f32 in fused attention."""
    probs: Attribute
    """The type probabilities are rounded to."""
    mask: Mask | None
    """None: causal by the op's own attribute."""
    matched: Sequence[AtenOp]
    """In program order; the last one computes ``out``."""


def fused(op: AtenOp) -> Spelling | str | None:
    """``scaled_dot_product_attention``; a reason when it is not causal self-attention of a model in use."""
    if op.name != "aten.scaled_dot_product_attention":
        return None
    query, key, value, *masks = op.operands
    if len(shape(query)) != 4:
        return f"queries have rank {len(shape(query))}, not [batch, heads, sequence, head size]"
    if number(op, "dropout_p") != 0:
        return "attention with dropout is for training"
    if not masks and not op.literal("is_causal"):
        return "no causal mask: every position sees all others"
    size = shape(query)[3]
    scale = number(op, "scale")
    assert isinstance(size, int), "head sizes are numbers"
    return Spelling(
        q=Tensor4(query, "bhsd"),
        k=Tensor4(key, "bhtd"),
        v=Tensor4(value, "bhte"),
        out=Tensor4(op.results[0], "bhse"),
        scale=1 / math.sqrt(size) if scale is None else scale,
        scores=f32,
        probs=f32,
        mask=Mask(masks[0]) if masks else None,
        matched=[op],
    )


@dataclass(frozen=True)
class Product:
    """A matrix product as letters: ``bhsd,bhtd->bhst``."""

    operands: tuple[Tensor4, Tensor4]
    out: str


def product_of(op: AtenOp, first: str = "bhsd", second: str = "bhdt", out: str = "bhst") -> Product | None:
    """The letters of an einsum's equation as they are written; a matmul has the letters given."""
    if op.name == "aten.einsum":
        equation = op.literal("equation")
        assert isinstance(equation, str)
        inputs, _, out = equation.replace(" ", "").partition("->")
        letters = inputs.split(",")
        if len(letters) != 2:
            return None
        first, second = letters
    left, right = op.operands
    operands = Tensor4(left, first), Tensor4(right, second)
    if len(out) != 4 or any(len(shape(operand.value)) != len(operand.letters) for operand in operands):
        return None
    return Product(operands, out)


@dataclass(frozen=True)
class Scores:
    """q, k and the layout of their product, in our letters."""

    q: Tensor4
    k: Tensor4
    layout: str


def scores_of(op: AtenOp) -> Scores | None:
    """q and k of a product: k is the operand with the product's last dim."""
    product = product_of(op)
    if product is None:
        return None
    batch, last = product.out[0], product.out[3]
    k, q = sorted(product.operands, key=lambda operand: last not in operand.letters)
    middle = product.out[1:3]
    heads = [letter for letter in middle if letter in k.letters]
    inner = [letter for letter in q.letters if letter not in product.out]
    if len(heads) != 1 or len(inner) != 1:
        return None
    query = middle.replace(heads[0], "")
    names = {batch: "b", heads[0]: "h", query: "s", last: "t", inner[0]: "d"}
    q, k, layout = renamed(q, names), renamed(k, names), "".join(names[letter] for letter in product.out)
    if sorted(q.letters) != sorted("bhsd") or sorted(k.letters) != sorted("bhtd"):
        return None
    return Scores(q, k, layout)


def renamed(tensor: Tensor4, names: dict[str, str]) -> Tensor4:
    """The tensor with other letters; ``?`` for a dim without a name."""
    return Tensor4(tensor.value, "".join(names.get(letter, "?") for letter in tensor.letters))


def values_of(op: AtenOp, probs: SSAValue, layout: str) -> tuple[Tensor4, Tensor4] | None:
    """v and the result of the product of probabilities in ``layout`` with v."""
    product = product_of(op, "bhst", "bhte", "bhse")
    if product is None:
        return None
    p, v = sorted(product.operands, key=lambda operand: operand.value is not probs)
    names = dict(zip(p.letters, layout, strict=True))
    new = [letter for letter in v.letters if letter not in names]
    if len(new) != 1:
        return None
    names[new[0]] = "e"
    renamed_v, out = renamed(v, names), renamed(Tensor4(op.results[0], product.out), names)
    if sorted(renamed_v.letters) != sorted("bhte") or sorted(out.letters) != sorted("bhse"):
        return None
    return renamed_v, out


def explicit(op: AtenOp) -> Spelling | str | None:
    """Products around a softmax; None when it is no softmax of a product of q and k."""
    if op.name not in SOFTMAX:
        return None
    before = scores_chain(op)
    after = probs_chain(op)
    if before is None or after is None:
        return None
    scores = scores_of(before.product)
    if scores is None or (found := values_of(after[-1], after[-2].results[0], scores.layout)) is None:
        return "the products around the softmax are not those of attention over [batch, heads, sequence]"
    if op.literal("dim") not in (-1, 3):
        return "the softmax is not over the keys"
    if before.mask is None:
        return "no causal mask: every position sees all others"
    if isinstance(before.mask, str):
        return before.mask
    if any(step.name == "aten.dropout" and step.literal("train") and number(step, "p") != 0 for step in after):
        return "attention with dropout is for training"
    kept = element_type(before.product.results[0])
    if kept != before.scaled:
        return f"scores are rounded to {kept} before they are scaled in {before.scaled}"
    mask = laid_out(before.mask, scores.layout)
    if mask is None:
        return "the mask is not one number for each query and key"
    v, out = found
    probs = element_type(after[-2].results[0])
    matched = [*before.matched, *after]
    return Spelling(scores.q, scores.k, v, out, before.scale, before.scaled, probs, mask, matched)


@dataclass(frozen=True)
class Chain:
    """From the product of q and k to the softmax's operand."""

    product: AtenOp
    scale: float
    scaled: Attribute
    """Element type of the scaled scores."""
    mask: Mask | str | None
    """A reason when what is filled in may be seen."""
    matched: Sequence[AtenOp]


def uncast(value: SSAValue) -> tuple[SSAValue, list[AtenOp]]:
    """The value before conversions, and these."""
    casts = list[AtenOp]()
    while (cast := producer(value, *CASTS)) is not None:
        casts.insert(0, cast)
        value = cast.operands[0]
    return value, casts


def scores_chain(softmax: AtenOp) -> Chain | None:
    """Product, scale, mask, in this order, with conversions between them."""
    mask, scale = None, 1.0
    value, matched = uncast(softmax.operands[0])
    if (op := producer(value, *MASKS)) is not None:
        mask, value = mask_of(op)
        value, casts = uncast(value)
        matched = [*casts, op, *matched]
    scaled = element_type(value)
    if (op := producer(value, *SCALES)) is not None:
        factor = number(op, "other")
        assert factor is not None, "a scalar product has a number"
        scale = factor if op.name == "aten.mul.Scalar" else 1 / factor
        value, casts = uncast(op.operands[0])
        matched = [*casts, op, *matched]
    product = producer(value, *PRODUCTS)
    return None if product is None else Chain(product, scale, scaled, mask, [product, *matched])


def mask_of(op: AtenOp) -> tuple[Mask | str, SSAValue]:
    """The mask an op applies, or why not, and the scores it applies it to."""
    scores, mask = op.operands
    if op.name == "aten.add.Tensor":
        if producer(scores, *PRODUCTS, *SCALES, *CASTS) is None:
            scores, mask = mask, scores
        return (Mask(mask) if op.literal("alpha") == 1 else "the mask is scaled as it is added"), scores
    filled = number(op, "value")
    lowest = LOWEST.get(str(element_type(scores)), -math.inf)
    assert filled is not None, "a scalar has a number"
    if filled > lowest:
        return f"hidden scores become {filled}, which a softmax may see", scores
    seen = producer(mask, *NEGATIONS)
    return (Mask(mask, marks_hidden=True) if seen is None else Mask(seen.operands[0])), scores


def probs_chain(softmax: AtenOp) -> list[AtenOp] | None:
    """The softmax, conversions and dropout after it, and the product that reads them."""
    chain = [softmax]
    while (user := only_user(chain[-1].results[0], *CASTS, "aten.dropout")) is not None:
        chain.append(user)
    last = only_user(chain[-1].results[0], *PRODUCTS)
    return None if last is None else [*chain, last]


def laid_out(mask: Mask, layout: str) -> Mask | None:
    """The mask with queries and keys as its last dims."""
    if layout[2:] == "st":
        return mask
    view = view_of(mask.value)
    while len(view.axes) < len(layout):
        view = view.inserted(0)
    # a mask that differs by sequence or head holds more than this, as does all that it is a view of: none is found
    flat = View(view.base, tuple(view.axes[layout.index(letter)] for letter in "st"), view.offsets)
    value = on_the_way(flat, mask.value)
    return None if value is None else Mask(value, mask.marks_hidden)
