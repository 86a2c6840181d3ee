"""The ``nn`` dialect: what a transformer's layers compute, whatever the source's spelling.

Shapes: ``*`` any leading dims, D hidden, N and K rows and columns of a weight, H heads, d head size, T tokens,
B batch, S sequence.  Rounding is part of an op's meaning: attributes say where a source rounds.
"""

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, Float32Type, FloatAttr, StringAttr, f32, f64
from xdsl.ir import Attribute, Dialect, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    VarConstraint,
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from dsv3c.ir.dialects.common import (
    F64Attr,
    check_experts,
    is_float_type,
    require,
    require_float,
    require_one_of,
    require_shape,
    show,
)
from dsv3c.ir.dialects.nn_steps import StepPartOp
from dsv3c.ir.sizes import add
from dsv3c.ir.types import Tensor, as_tensor, element_type, shape, tensor_type, with_sizes

PAIRS = ("interleaved", "half")
ROUNDINGS = ("input", "f32")


@irdl_op_definition
class LinearOp(IRDLOperation):
    """``y[*, n] = sum_K x[*, k] * weight[n, k] (+ bias[n])``.

    x: [*, K], weight: [N, K], bias: [N], y: [*, N].  Accumulated wider than the element type (f64 in the reference),
    rounded once to y's element type.  Source: ``aten.linear`` and matrix products with a transposed weight.
    """

    name = "nn.linear"

    x = operand_def(base(Tensor))
    weight = operand_def(base(Tensor))
    bias = opt_operand_def(base(Tensor))
    y = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$x `,` $weight (`bias` $bias^ `:` type($bias) `,`)? attr-dict `:` type($x) `,` type($weight) `->` type($y)"
    )

    def __init__(self, x: SSAValue, weight: SSAValue, bias: SSAValue | None = None) -> None:
        y = with_sizes(as_tensor(x), (*shape(x)[:-1], shape(weight)[0]))
        super().__init__(operands=[x, weight, [bias] if bias else []], result_types=[y])

    def verify_(self) -> None:
        """weight is [N, K] with K the last size of x."""
        require(len(shape(self.weight)) == 2, f"weight must be [N, K], not {show(shape(self.weight))}")
        rows, columns = shape(self.weight)
        require(
            shape(self.x)[-1] == columns, f"x {show(shape(self.x))} and weight {show(shape(self.weight))} differ in K"
        )
        require_shape(self.y, (*shape(self.x)[:-1], rows), "y")
        require(
            element_type(self.x) == element_type(self.weight),
            f"x holds {element_type(self.x)}, weight {element_type(self.weight)}",
        )
        if self.bias is not None:
            require_shape(self.bias, (rows,), "bias")


@irdl_op_definition
class HeadLinearOp(IRDLOperation):
    """``y[t, h, n] = sum_K x[t, h, k] * weight[h, n, k]``: one matrix per head.

    x: [T, H, K], weight: [H, N, K], y: [T, H, N].  Rounded once to y's element type.  Made by absorb-mla from the
    up-projection of MLA (DeepSeek-V2, arXiv 2405.04434, section 2.1.2; bhr,hdr->bhd in deepseek-ai/DeepGEMM).
    """

    name = "nn.head_linear"

    x = operand_def(base(Tensor))
    weight = operand_def(base(Tensor))
    y = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = "$x `,` $weight attr-dict `:` type($x) `,` type($weight) `->` type($y)"

    def __init__(self, x: SSAValue, weight: SSAValue) -> None:
        y = with_sizes(as_tensor(x), (*shape(x)[:-1], shape(weight)[1]))
        super().__init__(operands=[x, weight], result_types=[y])

    def verify_(self) -> None:
        """Equal heads and equal K."""
        require(len(shape(self.weight)) == 3, f"weight must be [H, N, K], not {show(shape(self.weight))}")
        heads, rows, columns = shape(self.weight)
        require(
            shape(self.x)[-2:] == (heads, columns),
            f"x must end in [H = {heads}, K = {columns}], not {show(shape(self.x))}",
        )
        require_shape(self.y, (*shape(self.x)[:-1], rows), "y")


@irdl_op_definition
class EmbeddingOp(IRDLOperation):
    """``y[*, :] = table[ids[*], :]``: rows of a table; no arithmetic.

    ids: [*] integers in 0..V-1, table: [V, D], y: [*, D].  Source: ``aten.embedding``.
    """

    name = "nn.embedding"

    ids = operand_def(base(Tensor))
    table = operand_def(base(Tensor))
    y = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = "$ids `,` $table attr-dict `:` type($ids) `,` type($table) `->` type($y)"

    def __init__(self, ids: SSAValue, table: SSAValue) -> None:
        y = tensor_type((*shape(ids), shape(table)[1]), element_type(table))
        super().__init__(operands=[ids, table], result_types=[y])

    def verify_(self) -> None:
        """One row of the table per id."""
        require(len(shape(self.table)) == 2, f"table must be [V, D], not {show(shape(self.table))}")
        require_shape(self.y, (*shape(self.ids), shape(self.table)[1]), "y")


@irdl_op_definition
class RmsNormOp(IRDLOperation):
    """``y = x * rsqrt(mean_D(x*x) + eps) * weight``; mean and rsqrt in f32.

    x, y: [*, D], weight: [D].  ``weight_in "input"``: the normalised row is rounded to x's type, then multiplied by
    the weight in that type (Hugging Face); ``"f32"``: multiplied in f32, rounded once.  Source: ``aten.rms_norm`` and
    its spellings; inference/model.py RMSNorm in deepseek-ai/DeepSeek-V3.
    """

    name = "nn.rms_norm"

    X: ClassVar = VarConstraint("X", base(Tensor))
    x = operand_def(X)
    weight = operand_def(base(Tensor))
    eps = prop_def(F64Attr)
    weight_in = prop_def(StringAttr)
    y = result_def(X)
    traits = traits_def(Pure())
    assembly_format = "$x `,` $weight `eps` $eps `weight_in` $weight_in attr-dict `:` type($x) `,` type($weight)"

    def __init__(self, x: SSAValue, weight: SSAValue, eps: float, weight_in: str) -> None:
        super().__init__(
            operands=[x, weight],
            result_types=[x.type],
            properties={"eps": FloatAttr(eps, f64), "weight_in": StringAttr(weight_in)},
        )

    def verify_(self) -> None:
        """weight has one element per column of x."""
        require_shape(self.weight, shape(self.x)[-1:], "weight")
        require_float(self.x, "x")
        require_one_of(self.weight_in, "weight_in", ROUNDINGS)
        require(self.eps.value.data >= 0, "eps must not be negative")


@irdl_op_definition
class RopeTableOp(IRDLOperation):
    """``cos, sin = cos|sin(f32(position) * inv_freq) * scaling``: angles and products in f32, rounded to the result.

    positions: [*] integers, inv_freq: d/2 numbers (f32, radians per position), cos, sin: [*, d/2].  YaRN enters through
    inv_freq and scaling.  Source: RoFormer (arXiv 2104.09864), YaRN (arXiv 2309.00071); precompute_freqs_cis in
    deepseek-ai/DeepSeek-V3 inference/model.py.
    """

    name = "nn.rope_table"

    positions = operand_def(base(Tensor))
    inv_freq = prop_def(DenseArrayBase[Float32Type])
    scaling = prop_def(F64Attr)
    cos = result_def(base(Tensor))
    sin = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$positions `inv_freq` $inv_freq `scaling` $scaling attr-dict `:` type($positions) "
        "`->` type($cos) `,` type($sin)"
    )

    def __init__(self, positions: SSAValue, inv_freq: Sequence[float], scaling: float, element: Attribute) -> None:
        table = tensor_type((*shape(positions), len(inv_freq)), element)
        super().__init__(
            operands=[positions],
            result_types=[table, table],
            properties={"inv_freq": DenseArrayBase.from_list(f32, inv_freq), "scaling": FloatAttr(scaling, f64)},
        )

    def verify_(self) -> None:
        """Both tables have one row per position and one column per frequency."""
        expected = (*shape(self.positions), len(self.inv_freq))
        require_shape(self.cos, expected, "cos")
        require_shape(self.sin, expected, "sin")
        require(self.cos.type == self.sin.type, "cos and sin must have one type")
        require_float(self.cos, "cos")


@irdl_op_definition
class RopeOp(IRDLOperation):
    """Rotary position embedding: for pair (a, b) with index i, ``(a*cos_i - b*sin_i, b*cos_i + a*sin_i)``.

    x, y: [*, H, d] or [*, d]; cos, sin: [*, d/2]; a leading size of theirs may be 1.  ``pairs`` says which
    elements of x form pair i: ``interleaved`` (2i, 2i+1) or ``half`` (i, i + d/2); ``out`` where the result is put.
    ``compute "input"``: every product and sum is rounded to x's type; ``"f32"``: one rounding at the end.
    Source: arXiv 2104.09864; apply_rotary_emb in deepseek-ai/DeepSeek-V3 (interleaved, f32).
    """

    name = "nn.rope"

    X: ClassVar = VarConstraint("X", base(Tensor))
    x = operand_def(X)
    cos = operand_def(base(Tensor))
    sin = operand_def(base(Tensor))
    pairs = prop_def(StringAttr)
    out = prop_def(StringAttr)
    compute = prop_def(StringAttr)
    y = result_def(X)
    traits = traits_def(Pure())
    assembly_format = (
        "$x `,` $cos `,` $sin `pairs` $pairs `out` $out `compute` $compute attr-dict "
        "`:` type($x) `,` type($cos) `,` type($sin)"
    )

    def __init__(self, x: SSAValue, cos: SSAValue, sin: SSAValue, pairs: str, out: str, compute: str) -> None:
        super().__init__(
            operands=[x, cos, sin],
            result_types=[x.type],
            properties={"pairs": StringAttr(pairs), "out": StringAttr(out), "compute": StringAttr(compute)},
        )

    def verify_(self) -> None:
        """The tables have the tokens of x and half its head size."""
        require_one_of(self.pairs, "pairs", PAIRS)
        require_one_of(self.out, "out", PAIRS)
        require_one_of(self.compute, "compute", ROUNDINGS)
        require(self.cos.type == self.sin.type, f"cos and sin differ in type: {self.cos.type}, {self.sin.type}")
        x, table = shape(self.x), shape(self.cos)
        require(
            isinstance(x[-1], int) and x[-1] % 2 == 0 and table[-1] == x[-1] // 2,
            f"the tables must end in half of the head size: x {show(x)}, cos {show(table)}",
        )
        lead, tokens = table[:-1], x[: len(table) - 1]
        require(
            len(x) - len(table) in (0, 1) and all(a in (b, 1) for a, b in zip(lead, tokens, strict=True)),
            f"cos {show(table)} does not have the tokens of x {show(x)}",
        )


@irdl_op_definition
class SwigluOp(IRDLOperation):
    """``y = silu(gate) * up`` with ``silu(g) = g / (1 + exp(-g))``, computed in f32.

    gate, up, y: [*, I].  ``intermediate "input"``: silu(gate) is rounded to the element type before the product;
    ``"f32"``: one rounding at the end.  With expert_of [M] i32 (of ``moe.permute``), gate is [M, I], and rows with
    expert -1 are unspecified.  Source: arXiv 2002.05202; MLP and Expert in deepseek-ai/DeepSeek-V3.
    """

    name = "nn.swiglu"

    X: ClassVar = VarConstraint("X", base(Tensor))
    gate = operand_def(X)
    up = operand_def(X)
    expert_of = opt_operand_def(base(Tensor))
    intermediate = prop_def(StringAttr)
    y = result_def(X)
    traits = traits_def(Pure())
    assembly_format = (
        "$gate `,` $up (`by` $expert_of^ `:` type($expert_of) `,`)? `intermediate` $intermediate attr-dict "
        "`:` type($gate)"
    )

    def __init__(self, gate: SSAValue, up: SSAValue, intermediate: str, *, expert_of: SSAValue | None = None) -> None:
        super().__init__(
            operands=[gate, up, [expert_of] if expert_of else []],
            result_types=[gate.type],
            properties={"intermediate": StringAttr(intermediate)},
        )

    def verify_(self) -> None:
        """Floating point, and a known rounding."""
        require_float(self.gate, "gate")
        require_one_of(self.intermediate, "intermediate", ROUNDINGS)
        check_experts(self.expert_of, self.gate)


@irdl_op_definition
class AttentionOp(IRDLOperation):
    """``o = softmax(scale * q k^T + causal mask) v``, over dense sequences, without a cache.

    q: [B, S, H, dk], k: [B, S, G, dk], v: [B, S, G, dv], o: [B, S, H, dv]; G divides H: head h reads group h*G//H.
    Query s sees keys 0..s.  Scores are rounded to ``scores``, probabilities (softmax in f32) to ``probs``; both f32
    for fused attention.  Source: ``aten.scaled_dot_product_attention`` and its explicit spellings (arXiv 1706.03762).
    """

    name = "nn.attention"

    q = operand_def(base(Tensor))
    k = operand_def(base(Tensor))
    v = operand_def(base(Tensor))
    scale = prop_def(F64Attr)
    scores = prop_def()
    probs = prop_def()
    o = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$q `,` $k `,` $v `scale` $scale `scores` $scores `probs` $probs attr-dict "
        "`:` type($q) `,` type($k) `,` type($v) `->` type($o)"
    )

    def __init__(
        self, q: SSAValue, k: SSAValue, v: SSAValue, scale: float, scores: Attribute, probs: Attribute
    ) -> None:
        o = with_sizes(as_tensor(q), (*shape(q)[:-1], shape(v)[-1]))
        super().__init__(
            operands=[q, k, v],
            result_types=[o],
            properties={"scale": FloatAttr(scale, f64), "scores": scores, "probs": probs},
        )

    def verify_(self) -> None:
        """Equal batch and sequence, heads in equal groups, equal head sizes of q and k."""
        q, k, v = shape(self.q), shape(self.k), shape(self.v)
        require(len(q) == len(k) == len(v) == 4, f"q, k, v must have rank 4: {show(q)}, {show(k)}, {show(v)}")
        require(q[:2] == k[:2] == v[:2], f"q, k, v differ in batch or sequence: {show(q)}, {show(k)}, {show(v)}")
        require(q[3] == k[3] and k[2] == v[2], f"head sizes do not fit: {show(q)}, {show(k)}, {show(v)}")
        require(
            isinstance(q[2], int) and isinstance(k[2], int) and q[2] % k[2] == 0,
            f"{k[2]} key heads do not divide {q[2]} heads",
        )
        require_shape(self.o, (*q[:3], v[3]), "o")
        require(is_float_type(self.scores), f"scores must be a floating point type, not {self.scores}")
        require(is_float_type(self.probs), f"probs must be a floating point type, not {self.probs}")


@irdl_op_definition
class LastTokensOp(IRDLOperation):
    """``y[n, :] = h[seq_offsets[n + 1] - 1, :]``: the last token's row of every sequence; no arithmetic.

    h: [T, D], seq_offsets: [N + 1] i32 (rows of sequence n are seq_offsets[n]..seq_offsets[n + 1]-1), y: [N, D].
    Source: serving computes logits of the last position only (deepseek-ai/DeepSeek-V3 inference/model.py).
    """

    name = "nn.last_tokens"

    h = operand_def(base(Tensor))
    seq_offsets = operand_def(base(Tensor))
    y = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = "$h `,` $seq_offsets attr-dict `:` type($h) `,` type($seq_offsets) `->` type($y)"

    def __init__(self, h: SSAValue, seq_offsets: SSAValue, num_sequences: int | str) -> None:
        y = with_sizes(as_tensor(h), (num_sequences, *shape(h)[1:]))
        super().__init__(operands=[h, seq_offsets], result_types=[y])

    def verify_(self) -> None:
        """One row per sequence, one more offset than sequences."""
        y = shape(self.y)
        require(y[1:] == shape(self.h)[1:], f"y {show(y)} and h {show(shape(self.h))} differ in their rows")
        require_shape(self.seq_offsets, (add(y[0], 1),), "seq_offsets")


Nn = Dialect(
    "nn",
    [
        AttentionOp,
        EmbeddingOp,
        HeadLinearOp,
        LastTokensOp,
        LinearOp,
        RmsNormOp,
        RopeOp,
        RopeTableOp,
        StepPartOp,
        SwigluOp,
    ],
)
