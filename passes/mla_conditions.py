"""What makes attention multi-head latent attention, condition by condition.

Source: DeepSeek-V2 (arXiv 2405.04434, section 2.1): K's rows without position and V are one linear of the normalised
latent, head after head; K's rotary rows are one vector for all heads, cut out of the same projection as the latent.
All views are laid out as [batch, sequence, heads, head size].
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from dsv3c.ir.dialects.nn import LinearOp, RmsNormOp, RopeOp
from dsv3c.ir.sizes import add
from dsv3c.ir.strided import Piece, View, axis_of, is_identity, whole
from dsv3c.ir.types import shape
from dsv3c.ir.views import joined_views, same_data, view_of
from dsv3c.passes.attention_spellings import Spelling, Tensor4

HEADS, ROWS = 2, 3


@dataclass(frozen=True)
class LatentAttention:
    """The operands of mla.attention."""

    q_nope: View
    q_rope: SSAValue
    k_rope: SSAValue
    """[B, S, dr], after RoPE."""
    up_projection: LinearOp
    num_rows: int
    """Rows per head: dn of K, then dv of V."""


def latent_attention(spelling: Spelling) -> LatentAttention | str:
    """The operands of mla.attention, or the first condition that fails."""
    keys, queries = parts_of(spelling.k, "bthd"), parts_of(spelling.q, "bshd")
    if keys is None or queries is None:
        return f"{'Q' if keys is not None else 'K'} is not a part without position joined to a rotary part"
    if [part.sizes[ROWS] for part in keys] != [part.sizes[ROWS] for part in queries]:
        return "Q and K split their rows differently into parts without position and rotary parts"
    value = view_of(spelling.v.value).permuted(spelling.v.order("bthe"))
    up = up_projection(keys[0], value)
    if isinstance(up, str):
        return up
    ropes = rotary(queries[1], keys[1])
    if isinstance(ropes, str):
        return ropes
    q_rope, k_rope = ropes
    if (reason := not_latent(up, k_rope)) is not None:
        return reason
    num_rows = add(keys[0].sizes[ROWS], value.sizes[ROWS])
    assert isinstance(num_rows, int), "head sizes are numbers"
    return LatentAttention(queries[0], q_rope.y, k_rope.y, up, num_rows)


def parts_of(tensor: Tensor4, letters: str) -> Sequence[View] | None:
    """The two parts a tensor is joined of along its head size."""
    joined = joined_views(tensor.value)
    order = tensor.order(letters)
    if joined is None or len(joined.parts) != 2 or order[ROWS] != joined.dim:
        return None
    return [part.permuted(order) for part in joined.parts]


def up_projection(nope: View, value: View) -> LinearOp | str:
    """The linear whose rows are, head after head, those of K and then those of V."""
    up = value.base.owner
    if not isinstance(up, LinearOp) or nope.base is not value.base:
        return "K and V are not cut out of one linear of the latent"
    if up.bias is not None:
        return "the up-projection of K and V has a bias"
    num_nope, num_value = nope.sizes[ROWS], value.sizes[ROWS]
    rows = whole(up.y).regrouped((*nope.sizes[:ROWS], add(num_nope, num_value)))
    if rows is None:
        return "the rows of K and V are not all of the up-projection"
    if nope.axes[: HEADS + 1] != value.axes[: HEADS + 1]:
        return "K and V number their heads differently"
    if rows.cut(ROWS, 0, num_nope) != nope or rows.cut(ROWS, num_nope, num_value) != value:
        return "the up-projection's rows are not, head after head, those of K and then those of V"
    return up


def rotary(query: View, key: View) -> tuple[RopeOp, RopeOp] | str:
    """The rotations of the rotary parts of Q and K: whole results, K's repeated over the heads."""
    if key.axes[HEADS] != axis_of(Piece(None, key.sizes[HEADS], 0)):
        return "the rotary part of K is not one vector for all heads"
    q_rope, k_rope = query.base.owner, key.base.owner
    if not isinstance(q_rope, RopeOp) or not isinstance(k_rope, RopeOp):
        return "the rotary parts of Q and K are not both rotated (no nn.rope made them)"
    if not is_identity(query) or without_heads(key) != whole(k_rope.y):
        return "the rotary parts of Q and K are not the whole results of their rotations"
    if q_rope.properties != k_rope.properties or not (
        same_data(q_rope.cos, k_rope.cos) and same_data(q_rope.sin, k_rope.sin)
    ):
        return "Q and K are rotated differently"
    return q_rope, k_rope


def without_heads(key: View) -> View:
    """A key repeated over the heads, once."""
    return View(key.base, (*key.axes[:HEADS], *key.axes[HEADS + 1 :]), key.offsets)


def not_latent(up: LinearOp, k_rope: RopeOp) -> str | None:
    """Why the up-projection's operand is not the normalised latent beside this rotary key; None if it is."""
    normed = view_of(up.x)
    norm = normed.base.owner
    if not isinstance(norm, RmsNormOp) or normed != whole(norm.y).regrouped(shape(up.x)):
        return "the operand of the up-projection is not the normalised latent (no nn.rms_norm made it)"
    latent, key = view_of(norm.x), view_of(k_rope.x)
    down = latent.base.owner
    if not isinstance(down, LinearOp) or key.base is not latent.base:
        return "the latent and the rotary key are not cut out of one linear"
    rank = latent.sizes[-1]
    rows = whole(down.y)
    last = len(rows.axes) - 1
    if rows.cut(last, 0, rank) != latent or rows.cut(last, rank, key.sizes[-1]) != key:
        return "the down-projection's rows are not those of the latent and then those of the rotary key"
    return None
