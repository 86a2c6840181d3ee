"""Ops of the ``mla`` dialect that compute a cache row and write it.

Shapes: T tokens of a step, N sequences, P pages per sequence, r latent rank, dr size of the rotated key.
"""

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from dsv3c.ir.dialects.common import F64Attr, require, require_one_of, require_shape, show
from dsv3c.ir.dialects.mla_cache import CacheType, cache_type, require_latent, require_quantizer, require_tables
from dsv3c.ir.dialects.nn import PAIRS, ROUNDINGS, RmsNormOp, RopeOp
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.types import Tensor, element_type, shape


@irdl_op_definition
class RopeAppendOp(IRDLOperation):
    """``cache' = append(norm(latent), rope(k))``: ``nn.rms_norm`` (if there is a weight), ``nn.rope``, ``mla.append``.

    latent: [T, r], weight: [r], k: [T, dr] before RoPE, cos, sin: [T, dr / 2] or [1, dr / 2]; cache, positions,
    seq_offsets, block_table and quantizer as in ``mla.append``; pairs, out, compute as in ``nn.rope``, eps and
    weight_in as in ``nn.rms_norm``.  Rounded wherever the three ops round.  Source: arXiv 2405.04434 eq. 9-15, the
    cache update of inference/model.py in deepseek-ai/DeepSeek-V3.
    """

    name = "mla.rope_append"

    latent = operand_def(base(Tensor))
    k = operand_def(base(Tensor))
    cos = operand_def(base(Tensor))
    sin = operand_def(base(Tensor))
    cache = operand_def(base(CacheType))
    positions = operand_def(base(Tensor))
    seq_offsets = operand_def(base(Tensor))
    block_table = operand_def(base(Tensor))
    weight = opt_operand_def(base(Tensor))
    pairs = prop_def(StringAttr)
    out = prop_def(StringAttr)
    compute = prop_def(StringAttr)
    eps = opt_prop_def(F64Attr)
    weight_in = opt_prop_def(StringAttr)
    quantizer = opt_prop_def(QuantizerAttr)
    updated = result_def(base(CacheType))
    traits = traits_def(Pure())
    assembly_format = (
        "$latent `,` $k `,` $cos `,` $sin `to` $cache `at` $positions `,` $seq_offsets `,` $block_table "
        "`pairs` $pairs `out` $out `compute` $compute (`eps` $eps^)? (`weight_in` $weight_in^)? "
        "(`quantizer` $quantizer^)? attr-dict (`norm` $weight^ `:` type($weight))? `:` type($latent) `,` type($k) `,` "
        "type($cos) `,` type($sin) `,` type($cache) `,` type($positions) `,` type($seq_offsets) `,` "
        "type($block_table) `->` type($updated)"
    )

    def __init__(
        self,
        cache: SSAValue,
        latent: SSAValue,
        rope: RopeOp,
        positions: SSAValue,
        seq_offsets: SSAValue,
        block_table: SSAValue,
        *,
        norm: RmsNormOp | None,
        quantizer: QuantizerAttr | None,
    ) -> None:
        """``rope`` and ``norm``: the ops in whose place this one computes; ``latent`` is the norm's input if any."""
        given = {"quantizer": quantizer}
        if norm is not None:
            given |= {"eps": norm.eps, "weight_in": norm.weight_in}
        super().__init__(
            operands=[
                *(latent, rope.x, rope.cos, rope.sin, cache, positions, seq_offsets, block_table),
                [norm.weight] if norm is not None else [],
            ],
            result_types=[cache.type],
            properties={
                **{"pairs": rope.pairs, "out": rope.out, "compute": rope.compute},
                **{name: value for name, value in given.items() if value is not None},
            },
        )

    def verify_(self) -> None:
        """As the three ops; a norm has all its parts, or there is none."""
        kind, tokens = cache_type(self.cache), shape(self.positions)[0]
        require(self.updated.type == kind, "an append does not change the cache's type")
        require_shape(self.latent, (tokens, kind.latent.data), "latent")
        require_latent(self.latent, kind)
        require_shape(self.k, (tokens, kind.rope.data), "k")
        require(element_type(self.k) == kind.rope_type, f"k must hold {kind.rope_type}")
        require(self.cos.type == self.sin.type, f"cos and sin differ in type: {self.cos.type}, {self.sin.type}")
        require(
            shape(self.cos)[1:] == (kind.rope.data // 2,) and shape(self.cos)[0] in (tokens, 1),
            f"cos {show(shape(self.cos))} does not have the tokens and half the size of k {show(shape(self.k))}",
        )
        for value, name, allowed in (
            (self.pairs, "pairs", PAIRS),
            (self.out, "out", PAIRS),
            (self.compute, "compute", ROUNDINGS),
        ):
            require_one_of(value, name, allowed)
        require_tables(seq_offsets=self.seq_offsets, context_lens=None, block_table=self.block_table)
        require_quantizer(self.quantizer, kind)
        self.verify_norm()

    def verify_norm(self) -> None:
        """A weight comes with eps and weight_in, and neither without one."""
        parts = [part is not None for part in (self.weight, self.eps, self.weight_in)]
        require(all(parts) or not any(parts), "a norm has a weight, eps and weight_in")
        if self.weight is not None and self.eps is not None and self.weight_in is not None:
            require_shape(self.weight, shape(self.latent)[1:], "weight")
            require_one_of(self.weight_in, "weight_in", ROUNDINGS)
            require(self.eps.value.data >= 0, "eps must not be negative")
