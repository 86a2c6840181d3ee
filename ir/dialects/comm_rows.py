"""``comm.dispatch`` and ``comm.combine``: tokens to the ranks of their experts, and back.

Shapes: T tokens of this rank, k choices per token, D hidden, P physical experts, R rows received, j choices per row.
"""

from xdsl.dialects.builtin import IntegerAttr, StringAttr, i32, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from dsv3c.ir.dialects.comm_types import TOKEN, ranks_of, require_routing, with_rows
from dsv3c.ir.dialects.common import I64Attr, is_float_type, require, require_float, require_one_of, require_shape, show
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.sizes import Size, mul
from dsv3c.ir.types import Tensor, element_type, shape, tensor_type

ORDERS = ("slot", "expert", "rank", "node_rank")
PARTIAL = ("rank", "node_rank")
"""Orders that add partial sums made on the experts' ranks."""
PAYLOADS = ("bf16", "f16", "f32", "f64", "logfmt10", "logfmt8")
LOGFMT_GROUP = 128
"""Channels that share a minimum and a maximum in LogFMT."""


def rows_per_token(copies: str, top_k: int, experts_per_rank: int) -> int:
    """Rows that one token can become on one rank, at most: a choice each, or one row for all of them."""
    return min(top_k, experts_per_rank) if copies == "expert" else 1


def bounded_rows(copies: str, ranks: int, tokens: Size, top_k: int, experts_per_rank: int) -> Size:
    """``R = ranks * T * rows_per_token``: what a rank receives at most when every rank has T tokens."""
    return mul(ranks * rows_per_token(copies, top_k, experts_per_rank), tokens)


@irdl_op_definition
class DispatchOp(IRDLOperation):
    """``rows[i] = x[t]`` for every (source rank, token t) of which some choice ``ids[t, j]`` is an expert of this rank.

    x: [T, D] plain or scaled, weights: [T, k], ids: [T, k] i64 logical (-1: no choice), placement: [P] i32, logical
    expert of every physical one; rows: [R, D], row_weights: [R, j], row_ids: [R, j] i64 expert of this rank or -1,
    sources: [R, 2] i32 source rank and slot ``t * k + j`` (copies expert) or token t (else).  Rows lie by (source rank,
    slot or token) ascending.  Of an expert's n replicas, choice (t, j) of rank s takes number ``(23333 * s + t + j) mod
    n``, in the order of the placement.

    ``copies``: ``expert`` sends a message per choice (j = 1, row weight 1: the source weights the result), ``rank`` one
    per distinct rank, ``node`` one over scale-out per distinct other node, to the device there with the sender's number
    in its node, which forwards over scale-up (both: j = k, row_weights are the gate's; 0 and -1 where the choice lies
    elsewhere).  Without ``counts`` the receive is *bounded*: R = ranks * T * min(k, experts_per_rank) (expert) or
    ranks * T; T is equal on all ranks, source s has the rows from ``s * R / ranks`` on, and the rest is padding (row 0,
    scale 1, weight 0, id -1, source -1).  With ``counts`` it is *counted*: R = sum(counts), a symbol of its own, no
    padding.  Source: low-latency and normal kernels of deepseek-ai/DeepEP; replicas as in deepseek-ai/TileKernels.
    """

    name = "comm.dispatch"

    x = operand_def()
    weights = operand_def(base(Tensor))
    ids = operand_def(base(Tensor))
    placement = operand_def(base(Tensor))
    token = operand_def(TOKEN)
    counts = opt_operand_def(base(Tensor))
    copies = prop_def(StringAttr)
    experts_per_rank = prop_def(I64Attr)
    rows = result_def()
    row_weights = result_def(base(Tensor))
    row_ids = result_def(base(Tensor))
    sources = result_def(base(Tensor))
    done = result_def(TOKEN)
    traits = traits_def(Pure())
    assembly_format = (
        "$x `,` $weights `,` $ids `placement` $placement `after` $token (`counts` $counts^ `:` type($counts))? "
        "`copies` $copies `experts_per_rank` $experts_per_rank attr-dict `:` type($x) `,` type($weights) `,` "
        "type($ids) `,` type($placement) `,` type($token) `->` type($rows) `,` type($row_weights) `,` "
        "type($row_ids) `,` type($sources)"
    )

    def __init__(
        self,
        x: SSAValue,
        weights: SSAValue,
        ids: SSAValue,
        placement: SSAValue,
        token: SSAValue,
        counts: SSAValue | None = None,
        *,
        copies: str,
        experts_per_rank: int,
        rows: Size | None = None,
    ) -> None:
        tokens, top_k = shape(ids)
        (physical,) = shape(placement)
        assert isinstance(top_k, int) and isinstance(physical, int)
        assert (counts is None) == (rows is None), "counted rows have a size of their own, bounded ones do not"
        if rows is None:
            rows = bounded_rows(copies, physical // experts_per_rank, tokens, top_k, experts_per_rank)
        choices = 1 if copies == "expert" else top_k
        super().__init__(
            operands=[x, weights, ids, placement, token, [counts] if counts else []],
            properties={"copies": StringAttr(copies), "experts_per_rank": IntegerAttr(experts_per_rank, i64)},
            result_types=[
                with_rows(x, rows),
                tensor_type((rows, choices), element_type(weights)),
                tensor_type((rows, choices), i64),
                tensor_type((rows, 2), i32),
                token.type,
            ],
        )

    @property
    def receive(self) -> str:
        """``bounded`` or ``counted``."""
        return "bounded" if self.counts is None else "counted"

    @property
    def ranks(self) -> int:
        """Ranks of the group."""
        return ranks_of(self.placement, self.experts_per_rank)

    def verify_(self) -> None:
        """One weight per choice; rows as x, as many as the receive allows; one count per rank."""
        sizes, choices = shape(self.x), shape(self.ids)
        require(len(sizes) == 2 and len(choices) == 2, f"x {show(sizes)} and ids {show(choices)} need rank 2")
        require(sizes[0] == choices[0], f"ids {show(choices)} are not for x's tokens {show(sizes)}")
        require_shape(self.weights, choices, "weights")
        require_float(self.weights, "weights")
        if isinstance(self.x.type, ScaledType):
            require(self.x.type.granules[0] == 1, f"a scale of x must not reach over tokens: {self.x.type}")
        ranks = require_routing(self.ids, self.placement, self.copies, self.experts_per_rank)
        rows, top_k, copies = shape(self.rows)[0], choices[1], self.copies.data
        require(isinstance(top_k, int), f"the number of choices must be static: {show(choices)}")
        assert isinstance(top_k, int)
        if self.counts is None:
            bound = bounded_rows(copies, ranks, sizes[0], top_k, self.experts_per_rank.value.data)
            require(rows == bound, f"bounded rows must be {bound}, not {rows}")
        else:
            require_shape(self.counts, (ranks,), "counts")
            require(element_type(self.counts) == i32, f"counts must hold i32, not {element_type(self.counts)}")
            require(
                isinstance(rows, str) and rows.isidentifier(), f"counted rows need a symbol of their own, not {rows}"
            )
        self.verify_rows(rows, 1 if copies == "expert" else top_k)

    def verify_rows(self, rows: Size, choices: int) -> None:
        """Types of the results."""
        expected = with_rows(self.x, rows)
        require(self.rows.type == expected, f"rows must have type {expected}, not {self.rows.type}")
        require_shape(self.row_weights, (rows, choices), "row_weights")
        element = element_type(self.weights)
        require(element_type(self.row_weights) == element, f"row_weights must hold {element}")
        require_shape(self.row_ids, (rows, choices), "row_ids")
        require(element_type(self.row_ids) == i64, f"row_ids must hold i64, not {element_type(self.row_ids)}")
        require_sources(self.sources, rows)


def require_sources(sources: SSAValue, rows: Size) -> None:
    """[R, 2] i32."""
    require_shape(sources, (rows, 2), "sources")
    require(element_type(sources) == i32, f"sources must hold i32, not {element_type(sources)}")


@irdl_op_definition
class CombineOp(IRDLOperation):
    """``out[t] = sum over the rows that came from token t of this rank``, in a stated order.

    y: [R, D], sources: [R, 2] i32 (of ``comm.dispatch``; -1: padding), weights: [T, k], ids: [T, k] i64, out: [T, D] in
    y's type.  Every row is rounded to ``payload``, also where it stays on its rank.  ``order``: ``slot`` and ``expert``
    as in ``moe.experts``: the source weights the rows of a token's choices and adds them, products and sums rounded to
    ``combine_in``.  ``rank``: rows are weighted partial sums, one per rank; added with ascending rank in f32 or wider,
    rounded to ``combine_in`` once.  ``node_rank``: first the ranks of a node, rounded to ``payload`` again, then nodes,
    both ascending.  ``payload``: ``logfmt10`` and ``logfmt8`` need D divisible by 128.
    Source: combine of deepseek-ai/DeepEP; LogFMT: arXiv 2505.09343, section 3.2.
    """

    name = "comm.combine"

    y = operand_def(base(Tensor))
    sources = operand_def(base(Tensor))
    weights = operand_def(base(Tensor))
    ids = operand_def(base(Tensor))
    token = operand_def(TOKEN)
    order = prop_def(StringAttr)
    combine_in = prop_def()
    payload = prop_def(StringAttr)
    out = result_def(base(Tensor))
    done = result_def(TOKEN)
    traits = traits_def(Pure())
    assembly_format = (
        "$y `,` $sources `,` $weights `,` $ids `after` $token `order` $order `combine_in` $combine_in "
        "`payload` $payload attr-dict `:` type($y) `,` type($sources) `,` type($weights) `,` type($ids) `,` "
        "type($token) `->` type($out)"
    )

    def __init__(
        self,
        y: SSAValue,
        sources: SSAValue,
        weights: SSAValue,
        ids: SSAValue,
        token: SSAValue,
        *,
        order: str,
        combine_in: Attribute,
        payload: str,
    ) -> None:
        super().__init__(
            operands=[y, sources, weights, ids, token],
            properties={"order": StringAttr(order), "combine_in": combine_in, "payload": StringAttr(payload)},
            result_types=[with_rows(y, shape(ids)[0]), token.type],
        )

    def verify_(self) -> None:
        """Rows with sources; choices with weights; an order that fits how the rows were sent."""
        sizes, choices = shape(self.y), shape(self.ids)
        require(len(sizes) == 2 and len(choices) == 2, f"y {show(sizes)} and ids {show(choices)} need rank 2")
        require_float(self.y, "y")
        require_sources(self.sources, sizes[0])
        require_shape(self.weights, choices, "weights")
        require(element_type(self.ids) == i64, f"ids must hold i64, not {element_type(self.ids)}")
        require(is_float_type(self.combine_in), f"combine_in must be a floating point type, not {self.combine_in}")
        require_one_of(self.order, "order", ORDERS)
        require_one_of(self.payload, "payload", PAYLOADS)
        expected = with_rows(self.y, choices[0])
        require(self.out.type == expected, f"out must have type {expected}, not {self.out.type}")
        if self.payload.data.startswith("logfmt"):
            hidden = sizes[1]
            grouped = isinstance(hidden, int) and hidden % LOGFMT_GROUP == 0
            require(grouped, f"{self.payload.data} works on groups of {LOGFMT_GROUP} channels; {hidden} is no multiple")
        sent = self.sources.owner
        if isinstance(sent, DispatchOp):
            fits = (self.order.data in PARTIAL) == (sent.copies.data != "expert")
            require(fits, f"order {self.order.data!r} does not fit rows sent per {sent.copies.data}")
