"""Meanings of the ``moe`` dialect's ops over rows.

Shape suffixes: T tokens, D hidden, k choices per token, S = T*k slots, M rows, E experts, K and N of a product.
"""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.by_expert import ByExpert
from dsv3c.backends.reference.meanings.moe import combine, expert_order, expert_products, put_back
from dsv3c.backends.reference.meanings.placing import padding_fill, placed_rows
from dsv3c.backends.reference.meanings.scaled import Scaled


def permute(
    x: Tensor | Scaled,
    ids: Tensor,
    *,
    experts: int,
    layout: str,
    alignment: int,
    rows: int,
    skips_padding: bool = False,
) -> tuple[Tensor | Scaled, Tensor, Tensor]:
    """``rows[m] = x[t]`` where slot t*k + j with expert ids[t, j] has row m: x [*, D], ids [*, k] -> [M, D], [M], [M].

    The second result are the rows' slots, the third their experts, both -1 in padding rows, whose data is 0, or
    unspecified if they are skipped.  A scaled x keeps its rows' scales.
    Raises ValueError where an expert has more rows than there is room for, or one token twice in ``dense``.
    """
    top_k = ids.shape[-1]
    slot_of, expert_of, places = row_places(ids, experts=experts, layout=layout, alignment=alignment, rows=rows)
    numbers_M = torch.full((2, rows), -1, dtype=torch.int32)
    numbers_M[0, places] = slot_of.to(torch.int32)
    numbers_M[1, places] = expert_of.to(torch.int32)
    token_of = torch.div(slot_of, top_k, rounding_mode="floor")
    return placed(x, token_of, places, rows, skips_padding=skips_padding), numbers_M[0], numbers_M[1]


def row_places(ids: Tensor, *, experts: int, layout: str, alignment: int, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Slots in expert order, their experts and their rows; slots without an expert are left out."""
    flat_S = ids.reshape(-1)
    slot_of, counts_E = expert_order(flat_S, experts)
    expert_of = flat_S[slot_of]
    if layout == "dense":
        places = expert_of * (rows // experts) + torch.div(slot_of, ids.shape[-1], rounding_mode="floor")
        if torch.unique(places).numel() < places.numel():
            raise ValueError("a token chose one expert twice: the dense layout has one row for both")
        return slot_of, expert_of, places
    if layout == "masked":
        room = rows // experts
        starts_E = torch.arange(experts) * room
        if (fullest := int(counts_E.max())) > room:
            raise ValueError(f"expert {int(counts_E.argmax())} has {fullest} rows, and the capacity is {room}")
    else:
        padded_E = torch.div(counts_E + alignment - 1, alignment, rounding_mode="floor") * alignment
        starts_E = padded_E.cumsum(0) - padded_E
    first_E = counts_E.cumsum(0) - counts_E
    return slot_of, expert_of, torch.arange(len(slot_of)) + (starts_E - first_E)[expert_of]


def placed(
    x: Tensor | Scaled, token_of: Tensor, places: Tensor, rows: int, *, skips_padding: bool = False
) -> Tensor | Scaled:
    """Tokens' rows [*, D] at their places among zeros (of scale 1) or rows that nothing specifies: [M, D]."""
    zero, one = (padding_fill(value, skips_padding=skips_padding) for value in (0, 1))
    if isinstance(x, Scaled):
        assert all(granule == 1 for granule in x.granule[:-1]), "a scale reaches over rows"
        data = placed_rows(x.data, token_of, places, rows, fill=zero)
        return Scaled(data, placed_rows(x.scale, token_of, places, rows, fill=one), (1, x.granule[-1]))
    return placed_rows(x, token_of, places, rows, fill=zero)


def grouped_mm(
    x: Tensor,
    w: Tensor | ByExpert,
    expert_of: Tensor,
    *,
    dtype: torch.dtype | None = None,
    skips_padding: bool = False,
) -> Tensor:
    """``y[m] = w[expert_of[m]] x[m]``, rounded once to ``dtype`` (default: x's): [M, K], [E, N, K], [M] -> [M, N].

    A row with expert -1 is 0, or unspecified if it is skipped.
    """
    rows, counts_E = expert_order(expert_of, w.shape[0])
    y_RN = expert_products(x[rows], w, counts_E.tolist(), dtype=dtype)
    fill = padding_fill(0.0, skips_padding=skips_padding)
    return y_RN.new_full((x.shape[0], w.shape[1]), fill).index_copy_(0, rows, y_RN)


def unpermute(y: Tensor, slots: Tensor, weights: Tensor, ids: Tensor, *, combine_in: torch.dtype, order: str) -> Tensor:
    """``out[t] = sum_j weights[t, j] * y[m]``, slots[m] = t*k + j: [M, D], [M], [*, k], [*, k] -> [*, D].

    Rounds and adds as ``experts`` does; ids of -1 contribute nothing.
    """
    ids_Tk = ids.reshape(-1, ids.shape[-1])
    filled = (slots >= 0).nonzero().squeeze(-1)
    y_TkD = put_back(y[filled], slots[filled].to(torch.int64), ids_Tk)
    out_TD = combine(y_TkD, weights.reshape(ids_Tk.shape), ids_Tk, combine_in, order)
    return out_TD.to(y.dtype).view(*ids.shape[:-1], y.shape[-1])
