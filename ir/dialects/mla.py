"""The ``mla`` dialect: multi-head latent attention, dense and over a paged latent cache.

Shapes: B batch, S sequence, T tokens of a step (all sequences, one after the other), N sequences, C context tokens of
all sequences, P pages per sequence, H heads, dn / dr head sizes without and with RoPE, dv value head size, r latent
rank.  Source: DeepSeek-V2 (arXiv 2405.04434, section 2.1), inference/model.py in deepseek-ai/DeepSeek-V3.

Expanded and absorbed attention are two ops: their operands differ, and behaviour attaches to classes.
"""

from xdsl.dialects.builtin import FloatAttr, f64
from xdsl.ir import Attribute, Dialect, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from dsv3c.ir.dialects.common import F64Attr, is_float_type, require, require_shape, show
from dsv3c.ir.dialects.mla_cache import CacheType, cache_type, require_latent, require_quantizer, require_tables
from dsv3c.ir.dialects.mla_fused import RopeAppendOp
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.sizes import Size, add
from dsv3c.ir.types import Tensor, as_tensor, element_type, shape, tensor_type, with_sizes


def require_rounding(scores: Attribute, probs: Attribute) -> None:
    """Scores and probabilities are rounded to floating-point types."""
    require(is_float_type(scores), f"scores must be a floating point type, not {scores}")
    require(is_float_type(probs), f"probs must be a floating point type, not {probs}")


@irdl_op_definition
class AttentionOp(IRDLOperation):
    """``o_h = softmax(scale * (q_nope_h . k_nope_h + q_rope_h . k_rope) + causal mask) v_h``, dense and cache-free.

    q_nope: [B, S, H, dn], q_rope: [B, S, H, dr], kv: [B, S, H, dn + dv] (per head K's rows, then V's), k_rope:
    [B, S, dr] (one per token, after RoPE), o: [B, S, H, dv].  Scores are rounded to ``scores`` after scaling,
    probabilities (softmax in f32) to ``probs``; f32 and f32 for fused attention.  Source: arXiv 2405.04434 eq. 10-17,
    the expanded path of inference/model.py in deepseek-ai/DeepSeek-V3.
    """

    name = "mla.attention"

    q_nope = operand_def(base(Tensor))
    q_rope = operand_def(base(Tensor))
    kv = operand_def(base(Tensor))
    k_rope = operand_def(base(Tensor))
    scale = prop_def(F64Attr)
    scores = prop_def()
    probs = prop_def()
    o = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$q_nope `,` $q_rope `,` $kv `,` $k_rope `scale` $scale `scores` $scores `probs` $probs attr-dict "
        "`:` type($q_nope) `,` type($q_rope) `,` type($kv) `,` type($k_rope) `->` type($o)"
    )

    def __init__(
        self,
        q_nope: SSAValue,
        q_rope: SSAValue,
        kv: SSAValue,
        k_rope: SSAValue,
        *,
        scale: float,
        scores: Attribute,
        probs: Attribute,
    ) -> None:
        nope, value = shape(q_nope)[-1], shape(kv)[-1]
        assert isinstance(nope, int) and isinstance(value, int)
        o = with_sizes(as_tensor(q_nope), (*shape(q_nope)[:-1], value - nope))
        super().__init__(
            operands=[q_nope, q_rope, kv, k_rope],
            result_types=[o],
            properties={"scale": FloatAttr(scale, f64), "scores": scores, "probs": probs},
        )

    def verify_(self) -> None:
        """All parts have the same batch, sequence and heads; kv's rows are K's then V's."""
        nope, rope, kv, key = shape(self.q_nope), shape(self.q_rope), shape(self.kv), shape(self.k_rope)
        require(
            len(nope) == len(rope) == len(kv) == 4,
            f"q_nope {show(nope)}, q_rope {show(rope)}, kv {show(kv)} need rank 4",
        )
        require(
            nope[:3] == rope[:3] == kv[:3], f"batch, sequence, heads differ: {show(nope)}, {show(rope)}, {show(kv)}"
        )
        require(key == (*rope[:2], rope[3]), f"k_rope must be {show((*rope[:2], rope[3]))}, not {show(key)}")
        require_shape(self.o, (*nope[:3], add(kv[3], -nope[3] if isinstance(nope[3], int) else 0)), "o")
        require_rounding(self.scores, self.probs)


@irdl_op_definition
class AppendOp(IRDLOperation):
    """``cache'[block_table[n, p // page], p % page] = (latent_t, k_rope_t)`` for token t of sequence n at position p.

    cache: one layer's, latent: [T, r] (after its norm), k_rope: [T, dr] (after RoPE), positions: [T] i32,
    seq_offsets: [N + 1] i32, block_table: [N, P] i32.  Movement only, unless the cache has scales: each tile of
    ``granule`` elements of the latent is then quantised as ``quantizer`` says.  Source: paged attention (arXiv
    2309.06180), page 64 as in deepseek-ai/FlashMLA, whose tests/quant.py quantises.
    """

    name = "mla.append"

    cache = operand_def(base(CacheType))
    latent = operand_def(base(Tensor))
    k_rope = operand_def(base(Tensor))
    positions = operand_def(base(Tensor))
    seq_offsets = operand_def(base(Tensor))
    block_table = operand_def(base(Tensor))
    quantizer = opt_prop_def(QuantizerAttr)
    updated = result_def(base(CacheType))
    traits = traits_def(Pure())
    assembly_format = (
        "$latent `,` $k_rope `to` $cache `at` $positions `,` $seq_offsets `,` $block_table (`quantizer` $quantizer^)? "
        "attr-dict `:` type($latent) `,` type($k_rope) `,` type($cache) `,` type($positions) `,` type($seq_offsets) "
        "`,` type($block_table) `->` type($updated)"
    )

    def __init__(
        self,
        cache: SSAValue,
        latent: SSAValue,
        k_rope: SSAValue,
        positions: SSAValue,
        seq_offsets: SSAValue,
        block_table: SSAValue,
        quantizer: QuantizerAttr | None = None,
    ) -> None:
        super().__init__(
            operands=[cache, latent, k_rope, positions, seq_offsets, block_table],
            result_types=[cache.type],
            properties={"quantizer": quantizer} if quantizer is not None else {},
        )

    def verify_(self) -> None:
        """Rows have the cache's sizes and element types; a latent with scales has a quantiser."""
        kind = cache_type(self.cache)
        require(self.updated.type == kind, "an append does not change the cache's type")
        tokens = shape(self.positions)[0]
        require_shape(self.latent, (tokens, kind.latent.data), "latent")
        require_shape(self.k_rope, (tokens, kind.rope.data), "k_rope")
        require_latent(self.latent, kind)
        require(element_type(self.k_rope) == kind.rope_type, f"k_rope must hold {kind.rope_type}")
        require_tables(seq_offsets=self.seq_offsets, context_lens=None, block_table=self.block_table)
        require_quantizer(self.quantizer, kind)


@irdl_op_definition
class GatherOp(IRDLOperation):
    """``latent, k_rope = `` the cached rows of all sequences, position 0 to context_lens[n] - 1, one after the other.

    cache: one layer's, context_lens: [N] i32, block_table: [N, P] i32, latent: [C, r], k_rope: [C, dr] with
    C = sum(context_lens), a symbol.  Movement only, unless the cache has scales: the latent is then dequantised to the
    result's element type, ``round(f32(q) * s)``.  Source: the expanded prefill over a latent cache.
    """

    name = "mla.gather"

    cache = operand_def(base(CacheType))
    context_lens = operand_def(base(Tensor))
    block_table = operand_def(base(Tensor))
    latent = result_def(base(Tensor))
    k_rope = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$cache `,` $context_lens `,` $block_table attr-dict `:` type($cache) `,` type($context_lens) `,` "
        "type($block_table) `->` type($latent) `,` type($k_rope)"
    )

    def __init__(
        self,
        cache: SSAValue,
        context_lens: SSAValue,
        block_table: SSAValue,
        context: Size,
        element: Attribute | None = None,
    ) -> None:
        """``element``: of the latent; None where the cache stores it as it is."""
        kind = cache_type(cache)
        super().__init__(
            operands=[cache, context_lens, block_table],
            result_types=[
                tensor_type((context, kind.latent.data), element or kind.latent_type),
                tensor_type((context, kind.rope.data), kind.rope_type),
            ],
        )

    def verify_(self) -> None:
        """Rows have the cache's sizes and element types."""
        kind = cache_type(self.cache)
        context = shape(self.latent)[0]
        require_shape(self.latent, (context, kind.latent.data), "latent")
        require_shape(self.k_rope, (context, kind.rope.data), "k_rope")
        require_latent(self.latent, kind)
        require(element_type(self.k_rope) == kind.rope_type, f"k_rope must hold {kind.rope_type}")
        require_tables(seq_offsets=None, context_lens=self.context_lens, block_table=self.block_table)


@irdl_op_definition
class ExpandedAttentionOp(IRDLOperation):
    """Causal MLA over gathered context: ``o_h = softmax(scale * (q_nope_h . k_nope_h + q_rope_h . k_rope)) v_h``.

    q_nope: [T, H, dn], q_rope: [T, H, dr], kv: [C, H, dn + dv] (K's rows, then V's), k_rope: [C, dr], positions: [T],
    seq_offsets: [N + 1], context_lens: [N], all i32; o: [T, H, dv].  Token t of sequence n sees the rows of that
    sequence at positions 0..positions[t].  Rounding as in ``mla.attention``.  Source: arXiv 2405.04434 eq. 10-17.
    """

    name = "mla.expanded_attention"

    q_nope = operand_def(base(Tensor))
    q_rope = operand_def(base(Tensor))
    kv = operand_def(base(Tensor))
    k_rope = operand_def(base(Tensor))
    positions = operand_def(base(Tensor))
    seq_offsets = operand_def(base(Tensor))
    context_lens = operand_def(base(Tensor))
    scale = prop_def(F64Attr)
    scores = prop_def()
    probs = prop_def()
    o = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$q_nope `,` $q_rope `,` $kv `,` $k_rope `at` $positions `,` $seq_offsets `,` $context_lens "
        "`scale` $scale `scores` $scores `probs` $probs attr-dict `:` type($q_nope) `,` type($q_rope) `,` "
        "type($kv) `,` type($k_rope) `,` type($positions) `,` type($seq_offsets) `,` type($context_lens) `->` type($o)"
    )

    def __init__(
        self,
        q_nope: SSAValue,
        q_rope: SSAValue,
        kv: SSAValue,
        k_rope: SSAValue,
        positions: SSAValue,
        seq_offsets: SSAValue,
        context_lens: SSAValue,
        *,
        scale: F64Attr,
        scores: Attribute,
        probs: Attribute,
    ) -> None:
        nope, rows = shape(q_nope)[-1], shape(kv)[-1]
        assert isinstance(nope, int) and isinstance(rows, int)
        o = with_sizes(as_tensor(q_nope), (*shape(q_nope)[:-1], rows - nope))
        super().__init__(
            operands=[q_nope, q_rope, kv, k_rope, positions, seq_offsets, context_lens],
            result_types=[o],
            properties={"scale": scale, "scores": scores, "probs": probs},
        )

    def verify_(self) -> None:
        """Tokens, heads and context agree; kv's rows are K's then V's."""
        nope, rope, kv, key = shape(self.q_nope), shape(self.q_rope), shape(self.kv), shape(self.k_rope)
        require(
            len(nope) == len(rope) == len(kv) == 3,
            f"q_nope {show(nope)}, q_rope {show(rope)}, kv {show(kv)} need rank 3",
        )
        require(nope[:2] == rope[:2], f"tokens or heads differ: {show(nope)}, {show(rope)}")
        require(kv[1] == nope[1], f"kv has {kv[1]} heads, q {nope[1]}")
        require(key == (kv[0], rope[2]), f"k_rope must be {show((kv[0], rope[2]))}, not {show(key)}")
        require_shape(self.positions, nope[:1], "positions")
        assert isinstance(nope[2], int)
        require_shape(self.o, (*nope[:2], add(kv[2], -nope[2])), "o")
        require_tables(seq_offsets=self.seq_offsets, context_lens=self.context_lens, block_table=None)
        require_rounding(self.scores, self.probs)


@irdl_op_definition
class AbsorbedAttentionOp(IRDLOperation):
    """Causal MLA in the latent space: ``o_h = softmax(scale * (q_latent_h . c + q_rope_h . k_rope)) c``.

    q_latent: [T, H, r] (q_nope times W_UK, per head), q_rope: [T, H, dr], cache: one layer's rows (c, k_rope), after
    append; positions: [T], seq_offsets: [N + 1], block_table: [N, P], context_lens: [N], all i32; o: [T, H, r] (times
    W_UV outside).  A latent with scales is dequantised to q_latent's element type, ``round(f32(q) * s)``.  Visibility
    and rounding as in ``mla.expanded_attention``.  Source: arXiv 2405.04434 section 2.1.2, the absorbed path of
    inference/model.py in deepseek-ai/DeepSeek-V3; the layout of deepseek-ai/FlashMLA.
    """

    name = "mla.absorbed_attention"

    q_latent = operand_def(base(Tensor))
    q_rope = operand_def(base(Tensor))
    cache = operand_def(base(CacheType))
    positions = operand_def(base(Tensor))
    seq_offsets = operand_def(base(Tensor))
    block_table = operand_def(base(Tensor))
    context_lens = operand_def(base(Tensor))
    scale = prop_def(F64Attr)
    scores = prop_def()
    probs = prop_def()
    o = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$q_latent `,` $q_rope `,` $cache `at` $positions `,` $seq_offsets `,` $block_table `,` $context_lens "
        "`scale` $scale `scores` $scores `probs` $probs attr-dict `:` type($q_latent) `,` type($q_rope) `,` "
        "type($cache) `,` type($positions) `,` type($seq_offsets) `,` type($block_table) `,` "
        "type($context_lens) `->` type($o)"
    )

    def __init__(
        self,
        q_latent: SSAValue,
        q_rope: SSAValue,
        cache: SSAValue,
        positions: SSAValue,
        seq_offsets: SSAValue,
        block_table: SSAValue,
        context_lens: SSAValue,
        *,
        scale: F64Attr,
        scores: Attribute,
        probs: Attribute,
    ) -> None:
        super().__init__(
            operands=[q_latent, q_rope, cache, positions, seq_offsets, block_table, context_lens],
            result_types=[q_latent.type],
            properties={"scale": scale, "scores": scores, "probs": probs},
        )

    def verify_(self) -> None:
        """Tokens and heads agree; the query has the cache's latent and rope sizes."""
        latent, rope, kind = shape(self.q_latent), shape(self.q_rope), cache_type(self.cache)
        require(len(latent) == len(rope) == 3, f"q_latent {show(latent)} and q_rope {show(rope)} need rank 3")
        require(latent[:2] == rope[:2], f"tokens or heads differ: {show(latent)}, {show(rope)}")
        require(
            latent[2] == kind.latent.data, f"q_latent ends in {latent[2]}, the cache's latent is {kind.latent.data}"
        )
        require(rope[2] == kind.rope.data, f"q_rope ends in {rope[2]}, the cache's rope is {kind.rope.data}")
        require_shape(self.positions, latent[:1], "positions")
        require(self.o.type == self.q_latent.type, f"o must have q_latent's type {self.q_latent.type}")
        require_tables(seq_offsets=self.seq_offsets, context_lens=self.context_lens, block_table=self.block_table)
        require_rounding(self.scores, self.probs)


Mla = Dialect(
    "mla",
    [AbsorbedAttentionOp, AppendOp, AttentionOp, ExpandedAttentionOp, GatherOp, RopeAppendOp],
    [CacheType],
)
