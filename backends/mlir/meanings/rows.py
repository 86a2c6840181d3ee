"""Routing and experts.  Every expert computes every token: no size and no address depends on the routing but a gather.

Shape suffixes: x any leading dims, T tokens, D hidden, E experts, k choices per token, M = E*T rows, I expert width.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from dsv3c.backends.mlir.meanings.dense import softmax, swiglu
from dsv3c.backends.mlir.meanings.views import reshape
from dsv3c.backends.reference.meanings.scaled import Scaled


def largest(x: Tensor, count: int) -> Tensor:
    """Indices of the largest over the last dim, largest first and ties lowest index first: [*, E] -> [*, count]."""
    index, found = torch.arange(x.shape[-1]), list[Tensor]()
    for _ in range(count):
        found.append(x.argmax(dim=-1, keepdim=True))
        x = x.masked_fill(index == found[-1], float("-inf"))
    return torch.cat(found, dim=-1)


def gate(
    logits: Tensor,
    bias: Tensor | None = None,
    *,
    top_k: int,
    scoring: str,
    groups: int,
    keep: int,
    group_score: str,
    mask: str,
    renormalize: float | None,
    scale: float,
    scores_in: torch.dtype,
    masked_weights: bool,
    any_order: bool,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """Group-limited top-k routing: logits [*, E], bias [E] -> weights [*, k] in ``dtype``, ids [*, k] i64.

    Choices are ordered, best first, also where ``any_order`` leaves that open.
    """
    wide = logits.to(scores_in).to(torch.float32)
    scores = (torch.sigmoid(wide) if scoring == "sigmoid" else softmax(wide)).to(scores_in)
    choice = scores if bias is None else scores + bias
    if groups > 1:
        choice = limited(choice, groups=groups, keep=keep, group_score=group_score, mask=mask)
    ids = largest(choice, top_k)
    weights = (choice if masked_weights else scores).gather(-1, ids)
    if renormalize is not None:
        weights = weights / (weights.sum(dim=-1, keepdim=True) + renormalize)
    return (weights * scale).to(dtype), ids


def limited(choice: Tensor, *, groups: int, keep: int, group_score: str, mask: str) -> Tensor:
    """Choices outside the ``keep`` best groups become -inf or 0: [*, E] -> [*, E]."""
    grouped = choice.unflatten(-1, (groups, choice.shape[-1] // groups))
    best = grouped.gather(-1, largest(grouped, 2)).sum(dim=-1) if group_score == "top2_sum" else grouped.amax(dim=-1)
    kept = (torch.arange(groups).unsqueeze(-1) == largest(best, keep).unsqueeze(-2)).any(dim=-1)
    fill = float("-inf") if mask == "-inf" else 0.0
    return grouped.masked_fill(kept.logical_not().unsqueeze(-1), fill).flatten(-2)


def experts(
    x: Tensor, weights: Tensor, ids: Tensor, gate: Tensor, down: Tensor, up: Tensor | None = None, *,
    combine_in: torch.dtype, order: str, intermediate: str,
) -> Tensor:  # fmt: skip
    """``y_t = sum_j weights[t, j] * down_e(swiglu(gate_e x_t, up_e x_t))``, e = ids[t, j]: x [*, D] -> [*, D]."""
    x_1TD = rows_of(x).unsqueeze(0)
    hidden = products(x_1TD, gate, x.dtype)
    gate_ETI, up_ETI = hidden.chunk(2, dim=-1) if up is None else (hidden, products(x_1TD, up, x.dtype))
    y_ETD = products(swiglu(gate_ETI, up_ETI, intermediate=intermediate), down, x.dtype)
    return combine(y_ETD.flatten(0, 1), weights, ids, combine_in, order, x.shape[:-1])


def products(x_ETK: Tensor, weight_ENK: Tensor, dtype: torch.dtype) -> Tensor:
    """Every expert's product, in f32, rounded once: [E or 1, T, K], [E, N, K] -> [E, T, N]."""
    return torch.matmul(x_ETK.to(torch.float32), weight_ENK.to(torch.float32).transpose(1, 2)).to(dtype)


def combine(y_MD: Tensor, weights: Tensor, ids: Tensor, dtype: torch.dtype, order: str, lead: Sequence[Any]) -> Tensor:
    """Weighted sums over the choices, row e*T + t of y being expert e's for token t: [M, D], [*, k] twice -> [*, D].

    Products are rounded to ``dtype``; sums over slots once, sums in expert order after every addition.
    """
    ids_Tk, weights_Tk = rows_of(ids), rows_of(weights)
    if order == "expert":
        ascending = largest(-ids_Tk.to(torch.float32), ids_Tk.shape[1])
        ids_Tk, weights_Tk = ids_Tk.gather(1, ascending), weights_Tk.gather(1, ascending)
    tokens = ids_Tk.shape[0]
    row_Tk = ids_Tk.clamp(min=0) * tokens + torch.arange(tokens).unsqueeze(1)
    weighted_TkD = functional.embedding(row_Tk, y_MD).to(dtype) * weights_Tk.to(dtype).unsqueeze(-1)
    weighted_TkD = weighted_TkD.masked_fill((ids_Tk < 0).unsqueeze(-1), 0.0)
    if order == "slot":
        total_TD = weighted_TkD.to(torch.float32).sum(dim=1).to(dtype)
    else:
        total_TD = weighted_TkD[:, 0]
        for j in range(1, ids_Tk.shape[1]):
            total_TD = total_TD + weighted_TkD[:, j]
    return reshape(total_TD.to(y_MD.dtype), [*lead, y_MD.shape[-1]])


def rows_of(x: Tensor) -> Tensor:
    """All leading dims in one: [*, D] -> [T, D]."""
    return x if x.dim() == 2 else x.flatten(0, -2)


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
    """Row e*T + t is token t: x [*, D], ids [*, k] -> [M, D], slots [M], experts [M]; -1 where e was not chosen.

    Rows that no choice reads hold the token too, not zeros, skipped or not: nothing adds them.
    """
    ids_Tk = rows_of(ids)
    tokens, choices = ids_Tk.shape
    expert_E = torch.arange(experts)
    slot_Tk = (torch.arange(tokens) * choices).unsqueeze(1) + torch.arange(choices) + 1
    chosen_ETk = ids_Tk.unsqueeze(0) == expert_E.unsqueeze(1).unsqueeze(2)
    slot_ET = torch.where(chosen_ETk, slot_Tk, 0).sum(dim=-1) - 1
    expert_ET = torch.where(slot_ET >= 0, expert_E.unsqueeze(1), -1)
    numbers = slot_ET.flatten().to(torch.int32), expert_ET.flatten().to(torch.int32)
    if isinstance(x, Scaled):
        made: Tensor | Scaled = Scaled(repeated(x.data, experts), repeated(x.scale, experts), (1, x.granule[-1]))
    else:
        made = repeated(x, experts)
    return made, *numbers


def repeated(x: Tensor, experts: int) -> Tensor:
    """All rows, once per expert: [*, D] -> [M, D]."""
    x_TD = rows_of(x)
    return x_TD.unsqueeze(0).expand(experts, *x_TD.shape).flatten(0, 1)


def grouped_mm(
    x: Tensor, w: Tensor, expert_of: Tensor, *, dtype: torch.dtype | None = None, skips_padding: bool = False
) -> Tensor:
    """Rows of ``permute`` times their expert's matrix, padding too: [M, K], [E, N, K] -> [M, N]."""
    x_ETK = x.unflatten(0, (w.shape[0], x.shape[0] // w.shape[0]))
    return products(x_ETK, w, x.dtype if dtype is None else dtype).flatten(0, 1)


def unpermute(y: Tensor, slots: Tensor, weights: Tensor, ids: Tensor, *, combine_in: torch.dtype, order: str) -> Tensor:
    """``out[t] = sum_j weights[t, j] * y[ids[t, j] * T + t]``: [M, D], [M], [*, k], [*, k] -> [*, D]."""
    return combine(y, weights, ids, combine_in, order, ids.shape[:-1])
